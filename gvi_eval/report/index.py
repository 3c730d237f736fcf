"""reports/index.html: one page that leads a reader to every report, in every language that is there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvi_eval.errors import DataError
from gvi_eval.report.document import Line
from gvi_eval.report.html import page_of
from gvi_eval.report.numbers import LANGUAGES
from gvi_eval.report.plain_reports import VERDICTS, audit_counts, plan_counts
from gvi_eval.report.saved import EFFECTS, MANIFEST
from gvi_eval.report.story import Story
from gvi_eval.report.summary_page import answer
from gvi_eval.report.words import words_of
from gvi_eval.report.write import INDICATORS, input_file, saved_of
from gvi_eval.resources import CHECKOUT

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
RECORDS = {
    "calibration": ("Calibration of the estimators", "How often is each way to be sure wrong on figures whose truth is known?"),
    "benchmarks": ("Timings beside other packages", "How long do the same tasks take?"),
}
PAGES = {"page.md": "Page", "README.md": "Page"}
SHARED = {"report/tables.xlsx": "Excel", "report/data.zip": "All tables (zip)"}
TABLES = (
    EFFECTS,
    "comparisons.csv",
    "threats.csv",
    "tipping.csv",
    "power.csv",
    VERDICTS,
    INDICATORS,
    "pooled.csv",
    "ratios.csv",
)
SHORT = "## The answer in short"  # in the page of a synthesis: its first point is the one that leads

Link = tuple[str, str]  # what it is called, and its address


@dataclass(frozen=True)
class Entry:
    """A folder of reports: its title, what it asks, what it says, its pages by language, its figures and tables."""

    title: str
    question: str
    said: Line
    pages: tuple[tuple[str, str, str, str], ...]  # language, its name, address of the page or none, of the PDF or none
    files: tuple[Link, ...]
    figures: tuple[Link, ...]
    tables: tuple[Link, ...]

    @property
    def folded(self) -> str:
        """How much lies under the fold: '8 figures, 5 files'."""
        counts = ((len(self.figures), "figure"), (len(self.tables), "file"))
        return ", ".join(f"{many} {word}{'s' * (many > 1)}" for many, word in counts if many)


def write_index(reports: Path, root: Path = CHECKOUT) -> Path:
    """Write the index of a folder of reports; the same folder gives the same bytes. Study files lie under ``root``."""
    groups = {name: (HEADINGS[name], entries) for name, entries in _groups(reports, root).items() if entries}
    place = reports / INDEX
    place.write_bytes(page_of("index.html", title=TITLE, groups=groups))
    return place


def _groups(reports: Path, root: Path) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {name: [] for name in HEADINGS}
    for folder in sorted(path for path in reports.iterdir() if path.is_dir()):
        if folder.name in RECORDS:
            groups["records"].append(_entry(reports, folder, root))
        elif folder.name == "monitoring":
            groups["monitoring"] += [_entry(reports, plan, root) for plan in sorted(folder.iterdir()) if plan.is_dir()]
        elif folder.name == "audit":
            groups["audit"].append(_entry(reports, folder, root))
        elif (folder / EFFECTS).is_file() or _manifest(folder).get("awaited"):
            groups["studies"].append(_entry(reports, folder, root))
        elif (folder / "page.md").is_file():
            groups["syntheses"].append(_entry(reports, folder, root))
    return groups


def _entry(reports: Path, folder: Path, root: Path) -> Entry:
    """What the manifest says of the folder, what its results say, and the reports, figures and tables that lie there."""
    manifest = _manifest(folder)
    audit = "Claims, each judged on four questions" if folder.name == "audit" else folder.name
    title, question = RECORDS.get(folder.name, (manifest.get("title", audit), manifest.get("question", "")))
    address = folder.relative_to(reports).as_posix()

    def there(name: str) -> str:
        return f"{address}/{name}" if (folder / name).is_file() else ""

    pages = [(name, there(f"report/report.{name}.html"), there(f"report/report.{name}.pdf")) for name in LANGUAGES]
    named = {**(PAGES if not any(page for _, page, _ in pages) else {}), **SHARED}
    return Entry(
        title,
        question,
        _said(folder, manifest, root),
        tuple((language, NAMES[language], page, pdf) for language, page, pdf in pages if page or pdf),
        tuple((words, there(name)) for name, words in named.items() if there(name)),
        tuple(_figures(folder, address, title)),
        tuple((name, there(name)) for name in (*TABLES, MANIFEST) if there(name)),
    )


def _manifest(folder: Path) -> Mapping[str, Any]:
    place = folder / MANIFEST
    return json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}


def _figures(folder: Path, address: str, title: str) -> list[Link]:
    """Each figure by its title, without the name of the study that stands above it."""
    found = []
    for about in sorted((folder / "figures").glob("*/about.json")):
        words = json.loads(about.read_text(encoding="utf-8"))["title"].removeprefix(f"{title}: ").removeprefix(f"{title}, ")
        found.append((words[:1].upper() + words[1:], f"{address}/figures/{about.parent.name}/figure.svg"))
    return found


def _said(folder: Path, manifest: Mapping[str, Any], root: Path) -> Line:
    """The sentence with which the report begins, in English; what is awaited where nothing could be run; else nothing."""
    if manifest.get("awaited"):
        return (f"Not run yet: it waits for {' and '.join(each['title'] for each in manifest['awaited'])}.",)
    if (folder / VERDICTS).is_file():
        return audit_counts(Story(saved_of(folder, None, root), words_of("en")))
    if (folder / INDICATORS).is_file():
        story = Story(saved_of(folder, None, root), words_of("en"))
        return plan_counts(story) if story.saved.table(INDICATORS) else story.say("monitoring.none")
    if (folder / EFFECTS).is_file() and "study_file" in manifest:
        saved = saved_of(folder, None, root)
        saved = saved_of(folder, input_file(saved, manifest["study_file"]["path"]), root)
        if not saved.study_file.is_file():
            return ()
        try:
            story = Story(saved, words_of("en"))
            made_up = (story.declared_words("generated"), " ") if story.study.generated else ()
            return (*made_up, *answer(story))
        except DataError:
            return ("The study file has changed since it was run, so its answer is not repeated here.",)
    page = folder / "page.md"
    _, _, short = page.read_text(encoding="utf-8").partition(SHORT) if page.is_file() else ("", "", "")
    first = short.strip().partition("\n")[0].removeprefix("- ")
    return (first[:1].upper() + first[1:],) if first else ()
