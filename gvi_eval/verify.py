"""Does a report say what the data say? Hashes first, then every number beside the row it names, then, if asked, a new run."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from gvi_eval.errors import DataError, GviEvalError
from gvi_eval.hashing import code_hash, file_hash
from gvi_eval.publish import crate_of
from gvi_eval.report.archive import datapackage
from gvi_eval.report.check import Misread, misread_html, misread_workbook, misread_zip
from gvi_eval.report.numbers import LANGUAGES
from gvi_eval.report.saved import MANIFEST, Saved
from gvi_eval.report.write import (
    FORMATS,
    ORIGIN,
    RECORD,
    REPORT,
    SEAL,
    code_files,
    composed,
    input_file,
    pages_among,
    rendered,
    saved_of,
    sealed,
)
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import EVERY
from gvi_eval.writing import json_bytes

CRATE = "ro-crate-metadata.json"
CAUSES = 5  # that are named beside a number that differs
Kind = Literal["input", "setting", "code", "result", "record", "report", "number", "recomputed"]


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was: which file, where in it, what it says and what it should say."""

    kind: Kind
    file: str
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.file}, {self.where}" if self.where else self.file
        return f"{self.kind}: {place}: {self.found}; {self.expected}"


@dataclass(frozen=True)
class Verification:
    """What was looked at, and everything that did not hold."""

    faults: tuple[Fault, ...]
    files: int  # whose hash was compared
    numbers: int  # that were compared with their row

    @property
    def holds(self) -> bool:
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "files": self.files,
            "numbers": self.numbers,
            "faults": [asdict(each) for each in self.faults],
        }


def verify(
    folder: Path,
    study_file: Path | None,
    *,
    root: Path = CHECKOUT,
    untouched: bool = True,
    recompute: bool = False,
    done: Callable[[str], None] = lambda what: None,
) -> Verification:
    """Check the results in ``folder`` and the reports in its report/ against all that they rest on.

    Hashes of inputs, origin records, study file, code, results and reports come first. Then every number, quotation and
    figure table of each page, workbook and zip is looked up again by the row it names; ``untouched=False`` leaves out
    those whose own hash and whose results' hashes hold. A page whose numbers hold is rendered again and must be the same
    bytes. With ``recompute`` the study is run again, and each cell of each table is compared with the saved one: see
    `gvi_eval.recompute`.

    Raises `DataError` where the folder holds no results.
    """
    saved = saved_of(folder, study_file, root)
    try:
        manifest, record = saved.manifest, saved.document(f"{REPORT}/{RECORD}")
        saved.document(CRATE)
    except DataError as fault:
        if not (folder / MANIFEST).is_file():
            raise
        return Verification((Fault("record", str(fault).split(" ")[0], "", str(fault), "run the study again"),), 1, 0)
    faults = [*_inputs(saved, record), *_settings(saved), *_code(saved, record)]
    done("inputs")
    results = [*_results(saved, record)]
    faults += results
    done("results")
    if record is not None:
        faults += _record(saved, record)
    wrong = {fault.file for fault in faults}
    numbers = 0
    for name, digest in (record or {}).get("files", {}).items():
        path = folder / REPORT / name
        if not path.is_file():
            faults.append(
                Fault("report", f"{REPORT}/{name}", "", "the file is missing", "write it again with 'gvi-eval report'")
            )
            continue
        changed = file_hash(path) != digest
        if changed:
            faults.append(_changed("report", f"{REPORT}/{name}", digest, file_hash(path)))
        if not (changed or results or untouched):
            continue
        looked, misread = _numbers(saved, path)
        numbers += looked
        faults += [_number_fault(f"{REPORT}/{name}", each, wrong) for each in misread]
        done(name)
    if record is not None and untouched and not faults:
        faults += _rendered_again(saved, record)
        done("pages")
    if recompute:
        faults += recomputed(saved, tuple(faults), done)
    files = len(manifest.get("outputs", ())) + sum(len((record or {}).get(each, {})) for each in ("files", "made_from"))
    return Verification(tuple(faults), files, numbers)


def _changed(kind: Kind, name: str, was: str, now: str) -> Fault:
    return Fault(kind, name, "", f"sha256 {now[:12]}… now", f"{was[:12]}… when it was recorded")


def _inputs(saved: Saved, record: Mapping[str, Any] | None) -> Iterator[Fault]:
    """The study file, the tables and their origin records."""
    manifest = saved.manifest
    own = manifest.get("study_file", {"path": "", "sha256": ""})
    known = {own["path"]: own["sha256"]} if own["path"] else {}
    known |= {item["path"]: item["sha256"] for item in manifest["inputs"]}
    known |= (record or {}).get("made_from", {}) | known
    for name, digest in known.items():
        path = (saved.study_file if name == own["path"] else None) or input_file(saved, name)
        if not path.is_file():
            yield Fault("input", name, "", "the file is missing", f"sha256 {digest[:12]}… when it was read")
        elif (now := file_hash(path)) != digest:
            word = "origin record" if name.endswith(ORIGIN) else "study file" if path == saved.study_file else "table"
            yield Fault("input", name, word, f"sha256 {now[:12]}… now", f"{digest[:12]}… when it was read")


def _settings(saved: Saved) -> Iterator[Fault]:
    """Which setting of which analysis is another than the one that was run; asked only where the study file has changed."""
    if saved.study_file is None or not saved.study_file.is_file() or not saved.study_changed:
        return
    from gvi_eval.estimators import settings_of
    from gvi_eval.plan import prepare

    try:
        plan = prepare(saved.study_file)
    except GviEvalError as fault:
        yield Fault("setting", saved.study_file.name, "", f"the study file no longer holds ({fault})", "it did when it was run")
        return
    now = {each.specification.name: each for each in plan.analyses}
    units = [EVERY, *(unit.name for unit in plan.study.treated_units)]
    ran: dict[str, Any] = {}
    for each in saved.manifest["analyses"]:  # an analysis of several places has a row for each: 'name: place'
        name = each["specification"]
        parts = [name.removesuffix(f": {unit}") for unit in units if name.endswith(f": {unit}")]
        ran.setdefault(name if name in now or not parts else parts[0], each)
    for name in [*ran, *(name for name in now if name not in ran)]:
        if name not in now or name not in ran:
            words = ("is no longer declared", "was run") if name in ran else ("is declared", "was not run")
            yield Fault("setting", saved.study_file.name, f"specification '{name}'", *words)
            continue
        settings = json.loads(json_bytes(settings_of(now[name].estimator)))
        settings |= {"estimator": now[name].estimator.name}
        before = ran[name]["settings"] | {"estimator": ran[name]["estimator"]}
        steps = [f"{step}: {value}" for step, value in now[name].specification.transforms]
        for key in sorted({*settings, *before}):
            if settings.get(key) != before.get(key):
                where = f"specification '{name}', {key}"
                yield Fault("setting", saved.study_file.name, where, f"{settings.get(key)} now", f"{before.get(key)} when run")
        if steps != ran[name]["transforms"]:
            where = f"specification '{name}', transforms"
            yield Fault("setting", saved.study_file.name, where, f"{steps} now", f"{ran[name]['transforms']} when run")


def _code(saved: Saved, record: Mapping[str, Any] | None) -> Iterator[Fault]:
    """The package and the lock; the files that changed, where the report was written by the code that ran the study."""
    was = saved.manifest.get("code_sha256") or (record or {}).get("code_sha256")
    if was is None or (now := code_hash()) == was:
        return
    if record is None or record.get("code_sha256") != was:
        yield Fault("code", "gvi_eval", "package and lock", f"sha256 {now[:12]}… now", f"{was[:12]}… when the study was run")
        return
    before, current = record["code"], code_files()
    for name in sorted({*before, *current}):
        if before.get(name) != current.get(name):
            gone = "is gone" if name not in current else "is new" if name not in before else f"sha256 {current[name][:12]}… now"
            yield Fault("code", name, "", gone, f"{before.get(name, 'not there')[:12]}… when the study was run")


def _results(saved: Saved, record: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Every saved file against the manifest, the manifest and the crate against each other, and strangers."""
    outputs = dict(saved.manifest.get("outputs", {}))
    recorded = (record or {}).get("results", {})
    for name, digest in (recorded | outputs).items():
        path = saved.folder / name
        if not path.is_file():
            yield Fault("result", name, "", "the file is missing", "it was written by the run")
        elif (now := file_hash(path)) != digest:
            yield _changed("result", name, digest, now)
    for name in outputs.keys() & recorded.keys():
        if outputs[name] != recorded[name]:
            yield Fault("record", MANIFEST, f"/outputs/{name}", f"{outputs[name][:12]}…", f"{recorded[name][:12]}… in {RECORD}")
    crate = saved.document(CRATE)
    if crate is not None and crate != (expected := crate_of(dict(saved.manifest))):
        where = _first_difference(crate, expected)
        yield Fault("record", MANIFEST, f"beside {CRATE}", f"the two differ at {where}", "they are written from one another")
    known = {*outputs, *recorded, MANIFEST, CRATE}
    for path in sorted(saved.folder.rglob("*")):
        name = path.relative_to(saved.folder).as_posix()
        if outputs and path.is_file() and name not in known and not name.startswith(f"{REPORT}/"):
            yield Fault("result", name, "", "no run wrote this file", "remove it, or run the study again")


def _first_difference(one: Any, other: Any, place: str = "") -> str:
    """Where two documents first differ, as a path of names and numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                return _first_difference(one.get(key), other.get(key), f"{place}/{key}")
    if isinstance(one, list) and isinstance(other, list):
        for number, (a, b) in enumerate(zip(one, other, strict=False)):
            if a != b:
                name = a.get("@id", number) if isinstance(a, dict) else number
                return _first_difference(a, b, f"{place}/{name}")
        return f"{place}, which has {len(one)} entries and {len(other)}"
    return place or "/"


def _record(saved: Saved, record: Mapping[str, Any]) -> Iterator[Fault]:
    """The record against its own seal, and against what it says of the run."""
    name = f"{REPORT}/{RECORD}"
    if sealed(record)[SEAL] != record.get(SEAL):
        yield Fault("record", name, "", "it is not as it was written: its seal is broken", "write the reports again")
    if record.get("run") != saved.manifest["run"]:
        found = f"the reports are of run {record.get('run')}"
        yield Fault("record", name, "/run", found, f"the results are of run {saved.manifest['run']}")
    known = {*record.get("files", {}), RECORD}
    for path in sorted((saved.folder / REPORT).iterdir()):
        if path.name not in known:
            yield Fault("report", f"{REPORT}/{path.name}", "", "the record does not know this file", "write the reports again")


def _numbers(saved: Saved, path: Path) -> tuple[int, list[Misread]]:
    """How many numbers of a page, workbook or zip were looked up, and those that are not what their row says."""
    if path.suffix == ".html":
        return misread_html(path.read_text(encoding="utf-8"), path.name.split(".")[1], saved)
    if path.suffix == ".xlsx":
        return misread_workbook(path, saved)
    if path.suffix == ".zip":
        return misread_zip(path, saved, lambda contents: json_bytes(datapackage(saved, contents)))
    return 0, []


def _number_fault(file: str, misread: Misread, wrong: set[str]) -> Fault:
    """A number that is not what its row says; where the row's own file has changed, it is the one to look at."""
    source = misread.row.split("#", 1)[0]
    blame = f" ({source} itself has changed)" if source in wrong else ""
    return Fault(
        "number", file, f"{misread.where}, {misread.row}", f"reads {misread.found}", f"the row says {misread.expected}{blame}"
    )


def _rendered_again(saved: Saved, record: Mapping[str, Any]) -> Iterator[Fault]:
    """Pages whose numbers hold must be the same bytes when they are rendered again by the same code."""
    names = set(record["files"])
    languages = [language for language in LANGUAGES if any(f".{language}." in name for name in names)]
    documents = {language: composed(saved, language) for language in languages}
    forms = [form for form in FORMATS if any(name.endswith(form) for name in names)]
    for form in forms:
        for name, content in rendered(saved, documents, form, pages_among(names)):
            if name in names and content != (saved.folder / REPORT / name).read_bytes():
                yield Fault("report", f"{REPORT}/{name}", "", "it says otherwise than what is rendered now", "write it again")


def recomputed(saved: Saved, known: Sequence[Fault], done: Callable[[str], None]) -> Iterator[Fault]:
    """The study run again: every cell of every table beside the saved one, with the difference and what changed since.

    ``known`` are the faults found before, of which the inputs, settings, code and saved tables are named as the cause.
    """
    from gvi_eval.plan import find_study
    from gvi_eval.recompute import difference_in_words, table_differences
    from gvi_eval.result_tables import result_tables
    from gvi_eval.run import run_study

    try:
        result = run_study(find_study(str(saved.study_file)), done)
    except GviEvalError as fault:
        yield Fault("recomputed", str(saved.study_file.name), "", f"the study cannot be run again ({fault})", _cause("", known))
        return
    again = dict(result_tables(result))
    before = {name for name in saved.manifest["outputs"] if name.endswith(".csv") and not name.startswith("figures/")}
    for name in [*again, *sorted(before - again.keys())]:
        since = _cause(name, known)
        path = saved.folder / name
        if not path.is_file() or name not in again:
            was, now = ("not saved", "computed again") if name in again else ("saved", "not computed again")
            yield Fault("recomputed", name, "", f"the table was {was}", f"it is {now}; {since}")
            continue
        for row, column, was, now in table_differences(path.read_bytes(), again[name]):
            where, words = (f"{row}, {column}", difference_in_words(was, now)) if column else (row, f"{now} computed again")
            yield Fault("recomputed", name, where, f"{was} saved" if _is_number(was) else f"'{was}' saved", f"{words}; {since}")


def _cause(table: str, known: Sequence[Fault]) -> str:
    """What is another than when the table was saved: the table itself, else each input, setting and file of code by name."""
    if any(fault.kind == "result" and fault.file == table for fault in known):
        return "the saved table itself has changed"
    changed = [
        f"{fault.kind} {fault.file}{f', {fault.where}' if fault.where else ''}"
        for fault in known
        if fault.kind in ("input", "setting", "code")
    ]
    if not changed:
        return "no input, setting or code is on record as changed"
    more = f" and {len(changed) - CAUSES} more" if len(changed) > CAUSES else ""
    return f"changed since: {'; '.join(changed[:CAUSES])}{more}"


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
