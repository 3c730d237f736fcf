"""reports/index.html: one page that leads a reader to every report, in every language that is there."""

import json
from dataclasses import dataclass
from pathlib import Path

from gvi_eval.report.html import page_of
from gvi_eval.report.numbers import LANGUAGES

NAMES = {"en": "English", "da": "Dansk", "sv": "Svenska"}
TITLE = "Did Group Violence Intervention reduce shootings?"
INDEX = "index.html"
HEADINGS = {
    "studies": "Studies",
    "syntheses": "Studies taken together",
    "audit": "Claims audited",
    "monitoring": "Plans followed",
    "records": "What the methods are calibrated for, and how fast they are",
}
RECORDS = {"calibration": "Calibration of the estimators", "benchmarks": "Timings beside other packages"}


@dataclass(frozen=True)
class Entry:
    """A folder of reports: its title, what it asks, its pages by language, and its other files."""

    title: str
    question: str
    pages: tuple[tuple[str, str, str], ...]  # language, its name, address
    files: tuple[tuple[str, str], ...]  # name, address


def write_index(reports: Path) -> Path:
    """Write the index of a folder of reports; the same folder gives the same bytes."""
    groups = {HEADINGS[name]: entries for name, entries in _groups(reports).items() if entries}
    place = reports / INDEX
    place.write_bytes(page_of("index.html", title=TITLE, groups=groups))
    return place


def _groups(reports: Path) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {name: [] for name in HEADINGS}
    for folder in sorted(path for path in reports.iterdir() if path.is_dir()):
        if folder.name in RECORDS:
            files = tuple((path.name, f"{folder.name}/{path.name}") for path in sorted(folder.glob("*.md")))
            groups["records"].append(Entry(RECORDS[folder.name], "", (), files))
        elif folder.name == "monitoring":
            groups["monitoring"] += [_entry(reports, plan) for plan in sorted(folder.iterdir()) if plan.is_dir()]
        elif folder.name == "audit":
            groups["audit"].append(_entry(reports, folder))
        elif (folder / "effects.csv").is_file():
            groups["studies"].append(_entry(reports, folder))
        elif (folder / "page.md").is_file():
            groups["syntheses"].append(_entry(reports, folder))
    return groups


def _entry(reports: Path, folder: Path) -> Entry:
    """What the manifest says of the folder, and the reports and tables that lie there."""
    place = folder / "manifest.json"
    manifest = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    address = folder.relative_to(reports).as_posix()
    pages = tuple(
        (language, NAMES[language], f"{address}/report/report.{language}.html")
        for language in LANGUAGES
        if (folder / "report" / f"report.{language}.html").is_file()
    )
    wanted = [*(f"report/report.{language}.pdf" for language in LANGUAGES), "report/tables.xlsx", "report/data.zip"]
    wanted += ["page.md", "effects.csv", "verdicts.csv", "manifest.json"]
    files = tuple((name.removeprefix("report/"), f"{address}/{name}") for name in wanted if (folder / name).is_file())
    title = manifest.get("title", "Claims, each judged on four questions" if folder.name == "audit" else folder.name)
    return Entry(title, manifest.get("question", ""), pages, files)
