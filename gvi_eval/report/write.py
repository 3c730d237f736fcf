"""The reports of a results folder on disk, and the record by which they can be checked: hashes of all they rest on."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from gvi_eval.hashing import PACKAGE, code_hash, file_hash
from gvi_eval.report.archive import zip_bytes
from gvi_eval.report.document import Document
from gvi_eval.report.html import html_bytes
from gvi_eval.report.numbers import LANGUAGES
from gvi_eval.report.pdf import pdf_bytes
from gvi_eval.report.plain_reports import VERDICTS, audit_report, audit_saved, plan_report
from gvi_eval.report.saved import Saved
from gvi_eval.report.study_report import study_report
from gvi_eval.report.xlsx import xlsx_bytes
from gvi_eval.resources import CHECKOUT
from gvi_eval.writing import json_bytes, whole_folder

WORKBOOK = ("*.csv", "diagnostics/*.csv", "missing/*.csv")  # what the workbook holds; the zip holds every table
FORMATS = ("html", "pdf", "xlsx", "zip")
REPORT, RECORD = "report", "report.json"  # the folder inside the results, and the record in it
INDICATORS = "indicators.csv"  # only the folder of a monitoring plan has it
ORIGIN = ".origin.toml"
REFERRED = ("definitions.csv", "sources.csv")  # what was counted, and where it was published
SEAL = "sha256_of_the_rest"


def saved_of(folder: Path, study_file: Path | None = None, root: Path = CHECKOUT) -> Saved:
    """The saved results of a study, of an audit or of a plan, by what lies in the folder."""
    return audit_saved(folder) if (folder / VERDICTS).is_file() else Saved(folder, study_file, root)


def composed(saved: Saved, language: str) -> Document:
    """The report of a study, of an audit or of a plan."""
    if (saved.folder / VERDICTS).is_file():
        return audit_report(saved, language)
    if (saved.folder / INDICATORS).is_file():
        return plan_report(saved, language)
    return study_report(saved.folder, saved.study_file, language, saved)


def write_reports(
    folder: Path,
    study_file: Path | None = None,
    languages: Iterable[str] = LANGUAGES,
    formats: Iterable[str] = FORMATS,
    done: Callable[[str], None] = lambda what: None,
) -> dict[str, Any]:
    """Write the reports of the results in ``folder`` into its report/, and return the record that is written beside them.

    A report that is not asked for stays where it was made of the same results by the same code, and is removed where it
    was not: a page of an older run beside new results would mislead. Each page leads to those other languages that are there.
    """
    saved = saved_of(folder, study_file)
    rests_on, formats, asked = rests(saved), tuple(formats), tuple(languages)
    files = _kept(folder / REPORT, rests_on)
    before = pages_among(files)
    pages = [language for language in LANGUAGES if language in before or ("html" in formats and language in asked)]
    linked = pages if pages != before else []  # a page that stays now leads to one more language
    documents = {language: composed(saved, language) for language in LANGUAGES if language in asked or language in linked}
    for form in formats:
        told = documents if form == "html" else {language: documents[language] for language in asked}
        for name, content in rendered(saved, told, form, pages):
            files[name] = content
            done(name)
    rows = sorted({each.place for document in documents.values() for each in (*document.values(), *document.quotes())})
    record = sealed(
        rests_on
        | {
            "study": saved.manifest["study"],
            "run": saved.manifest["run"],
            "files": {name: sha256(content).hexdigest() for name, content in sorted(files.items())},
            "rows": rows,
        }
    )
    with whole_folder(folder / REPORT) as fresh:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        (fresh / RECORD).write_bytes(json_bytes(record))
    return record


def rendered(saved: Saved, documents: Mapping[str, Document], form: str, pages: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The files of one format by name; those that have no language are written once. ``pages``: languages that have a page."""
    for language, document in documents.items():
        if form == "html":
            yield name_of(language, form), html_bytes(document, others_of(language, pages))
        elif form == "pdf":
            yield name_of(language, form), pdf_bytes(document)
    if form == "xlsx":
        tables = ((name, name, saved.table(name)) for name in tables_of(saved, WORKBOOK))
        yield "tables.xlsx", xlsx_bytes(saved.manifest["title"], tables)
    elif form == "zip":
        yield "data.zip", zip_bytes(saved, tables_of(saved, ("**/*.csv",)))


def tables_of(saved: Saved, patterns: Iterable[str]) -> list[str]:
    """The saved tables, those of the results before those in folders."""
    found = {path.relative_to(saved.folder) for pattern in patterns for path in saved.folder.glob(pattern)}
    return [path.as_posix() for path in sorted(found, key=lambda path: (len(path.parts), path)) if path.parts[0] != REPORT]


def rests(saved: Saved) -> dict[str, Any]:
    """The hashes of all that a report rests on: the results, the files they were made from, and the code."""
    results = {
        file.relative_to(saved.folder).as_posix(): file_hash(file)
        for file in sorted(saved.folder.rglob("*"))
        if file.is_file() and file.relative_to(saved.folder).parts[0] != REPORT
    }
    return {"results": results, "made_from": made_from(saved), "code_sha256": code_hash(), "code": code_files()}


def code_files() -> dict[str, str]:
    """The sha256 of each file that `code_hash` covers, so that the one that changed can be named."""
    root = PACKAGE.parent
    files = {path.relative_to(root).as_posix(): path for path in PACKAGE.rglob("*.py")}
    if (lock := root / "requirements.lock").is_file():
        files[lock.name] = lock
    return {name: file_hash(files[name]) for name in sorted(files)}


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the hash of all else that it says, so that a changed digit in the record itself is seen."""
    rest = {name: content for name, content in record.items() if name != SEAL}
    return rest | {SEAL: sha256(json_bytes(rest)).hexdigest()}


def _kept(place: Path, rests_on: Mapping[str, Any]) -> dict[str, bytes]:
    """The reports that lie there and were made of the same."""
    try:
        former = json.loads((place / RECORD).read_text(encoding="utf-8"))
        if any(former[name] != rests_on[name] for name in rests_on):
            return {}
        found = {name: (place / name).read_bytes() for name in former["files"]}
        return {name: content for name, content in found.items() if sha256(content).hexdigest() == former["files"][name]}
    except (OSError, ValueError, KeyError):
        return {}


def name_of(language: str, form: str) -> str:
    return f"report.{language}.{form}"


def pages_among(names: Iterable[str]) -> list[str]:
    """The languages of which a page is among these files."""
    there = set(names)
    return [language for language in LANGUAGES if name_of(language, "html") in there]


def others_of(language: str, pages: Iterable[str]) -> dict[str, str]:
    """The same report in the other languages that have a page, by file name."""
    return {other: name_of(other, "html") for other in pages if other != language}


def made_from(saved: Saved) -> dict[str, str]:
    """The sha256 of all that the results rest on: study file, tables, origin records, definitions and sources, by path."""
    manifest = saved.manifest
    files = {}
    if "study_file" in manifest:
        name = manifest["study_file"]["path"]
        files[name] = file_hash(saved.study_file or input_file(saved, name))
    for item in manifest["inputs"]:
        path = input_file(saved, item["path"])
        files[item["path"]] = file_hash(path)
        named = item["path"].rpartition("/")[0]
        for beside, name in _beside(path, named):
            files[name] = file_hash(beside)
    return dict(sorted(files.items()))


def _beside(table: Path, folder: str) -> Iterator[tuple[Path, str]]:
    """What a table rests on in turn: its origin record, and what its cells refer to, beside it or one folder up."""
    prefix = f"{folder}/" if folder else ""
    origin = table.stem + ORIGIN
    if (table.parent / origin).is_file():
        yield table.parent / origin, prefix + origin
    for name in REFERRED:
        above = folder.rpartition("/")[0]
        for place, written in ((table.parent, prefix), (table.parent.parent, f"{above}/" if above else "")):
            if (place / name).is_file():
                yield place / name, written + name
                break


def input_file(saved: Saved, name: str) -> Path:
    """A file that the manifest names, in the checkout or beside the study file."""
    inside = saved.root / name
    if inside.is_file() or saved.study_file is None:
        return inside
    return saved.study_file.resolve().parent / name
