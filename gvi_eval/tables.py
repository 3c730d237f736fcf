"""Reading tables: only a plain CSV that keeps its schema becomes figures, and every figure keeps its line.

How a file must be written is in `plain_csv`, what must stand in it in `schema` and `judging`.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from gvi_eval.disclosure import PROFILES, Profile, profile_named
from gvi_eval.errors import DataError, DisclosureError, StudyError
from gvi_eval.hashing import file_hash
from gvi_eval.judging import violations, violations_of
from gvi_eval.plain_csv import OpenQuote, Pieces, read_text, text_faults, without_rows
from gvi_eval.privacy import Disclosure, disclosures, safe_name
from gvi_eval.resources import resource
from gvi_eval.schema import Fault, Field, Schema, TextTable, Violation, load_schema, schema_from

SHOWN = 20
SCANNED = (".csv", ".json", ".tsv", ".txt", ".xls", ".xlsm", ".xlsx")
RAW = "snapshots"  # the folder of what publishers answered, from which tables are made


@dataclass(frozen=True)
class Origin:
    """Where a stored table comes from: who published it, when it was fetched, under which licence.

    A table compiled from many sources may have no address of its own; then its rows name their sources.
    """

    title: str
    publisher: str
    licence: str
    sha256: str
    urls: tuple[str, ...] = ()
    retrieved: date | None = None
    notes: tuple[str, ...] = ()
    profile: Profile = PROFILES["public_official"]  # which small counts may be shown


@dataclass(frozen=True)
class FileReport:
    """One checked file at a glance; what could not be read is None, never 0."""

    file: str
    schema: str | None = None
    rows: int | None = None
    columns: int | None = None
    periods: tuple[str, str] | None = None


@dataclass(frozen=True)
class CheckReport:
    """What `check_path` found. A file with disclosures is not read further, so it shows no violations."""

    files: tuple[FileReport, ...]
    violations: tuple[Violation, ...]
    disclosures: tuple[Disclosure, ...]


@dataclass(frozen=True)
class PackagedTable:
    """A table of a data package: the name foreign keys use, its file and its schema."""

    name: str
    path: Path
    schema: Schema


@dataclass(frozen=True)
class Package:
    """A `datapackage.json`: tables that may refer to each other."""

    tables: tuple[PackagedTable, ...]

    def holding(self, path: Path) -> PackagedTable | None:
        return next((table for table in self.tables if table.path.resolve() == path.resolve()), None)

    def named(self, name: str) -> PackagedTable | None:
        return next((table for table in self.tables if table.name == name), None)


def read_table(path: Path | str, schema: Schema | str, references: Mapping[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """The table as a frame, or a `DataError` that lists what is wrong with it.

    The index, named "line", is each row's line in the file. Text is `str` with a blank as NaN, whole numbers and
    years are `Int64` and truth values `boolean` with a blank as NA, numbers are `float64` with a blank as NaN, days are
    `datetime64[s]` with a blank as NaT. "NA" is text like any other.

    `references` maps the names in foreign keys to frames; without it they are looked for in the data
    package that holds the file, then beside the file.
    """
    path = Path(path)
    schema = load_schema(schema) if isinstance(schema, str) else schema
    if not path.is_file():
        raise DataError(f"there is no table {safe_name(path)}; correct the path")
    _refuse_disclosures(path)
    table = read_text(path)
    if not isinstance(table, TextTable):
        raise DataError("\n".join(str(fault) for fault in table))
    keys = _references_beside(path, schema, load_package()) if references is None else _frames_as_text(references)
    found = violations(table, schema, keys)
    if found:
        raise DataError(_listing(found, f"{table.file} breaks schema '{schema.name}' in {_counted(found)}"))
    cells = zip(*table.rows, strict=True)
    columns = {field.name: _series(field, texts) for field, texts in zip(schema.fields, cells, strict=True)}
    return pd.DataFrame(columns).set_axis(pd.Index(table.lines, name="line"), axis="index")


def read_origin(path: Path | str) -> Origin:
    """The origin record `<table>.origin.toml` beside a table `<table>.csv`, its sha256 verified."""
    path = Path(path)
    record = _origin_path(path)
    if not record.is_file():
        raise DataError(f"{safe_name(path)} has no origin record; write {safe_name(record)} with {', '.join(ORIGIN_KEYS)}")
    found = _origin_violations(path)
    if found:
        raise DataError("\n".join(str(one) for one in found))
    raw = tomllib.loads(record.read_text(encoding="utf-8"))
    return Origin(
        title=raw["title"],
        publisher=raw["publisher"],
        licence=raw["licence"],
        sha256=raw["sha256"],
        urls=_one_or_many(raw.get("url", [])),
        retrieved=raw.get("retrieved"),
        notes=_one_or_many(raw.get("notes", [])),
        profile=profile_named(raw.get("profile", "public_official"), raw.get("threshold")),
    )


def record_hash(path: Path | str) -> bool:
    """Write the sha256 of a table that was changed on purpose into its origin record; whether the record said another."""
    path = Path(path)
    record = _origin_path(path)
    text = record.read_text(encoding="utf-8") if record.is_file() else ""
    changed, found = re.subn(r'(?m)^sha256 = "[^"\n]*"$', f'sha256 = "{file_hash(path)}"', text)
    if found != 1:
        raise DataError(f"{safe_name(record)} has no line sha256 to write to; write it with {', '.join(ORIGIN_KEYS)}")
    if changed != text:
        record.write_text(changed, encoding="utf-8")
    return changed != text


def check_path(path: Path | str, schema: Schema | str | None = None) -> CheckReport:
    """Checks a table, a folder of tables or a `datapackage.json`: first for persons, then for the contract.

    Without a schema, a table takes the one the data package gives its path, else the one whose columns fit
    its header. An origin record beside a table is checked with it.
    """
    path = Path(path)
    schema = load_schema(schema) if isinstance(schema, str) else schema
    asked = load_package(path) if path.suffix == ".json" else None
    package = asked or load_package()
    files: list[FileReport] = []
    broken: list[Violation] = []
    found: list[Disclosure] = []
    for other in _beside_tables(path):
        about_persons, unread = _about_persons(other)
        if about_persons or unread:
            found += about_persons
            broken += unread
            files.append(FileReport(safe_name(other)))
    for table in _tables_at(path, asked):
        if not table.is_file():
            report, wrong = FileReport(safe_name(table)), [_missing_file(table)]
        elif about_persons := _about_persons(table)[0]:
            found += about_persons
            report, wrong = FileReport(safe_name(table)), []
        else:
            report, wrong = _check_table(table, schema, package)  # which says of what cannot be opened that it is no table
        files.append(report)
        broken += wrong
    return CheckReport(tuple(files), tuple(broken), tuple(found))


def load_package(path: Path | str | None = None) -> Package:
    """The tables of a `datapackage.json`, by default the packaged one.

    Paths are relative to the descriptor's folder, except that those of `data_schemas/` lie in `analyses/data/`.
    """
    path = resource("data_schemas/datapackage.json") if path is None else Path(path)
    if not path.is_file():
        raise DataError(f"there is no data package {safe_name(path)}; correct the path")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["resources"]
        listed = [(entry["name"], entry["path"], entry["schema"]) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        way = "give it 'resources', each with 'name', 'path' and 'schema'"
        raise DataError(f"{safe_name(path)} is not a data package ({error!r}); {way}") from error
    folder = path.resolve().parent
    data = folder.parent / "analyses" / "data" if folder.name == "data_schemas" else folder
    return Package(tuple(PackagedTable(name, data / file, _listed_schema(raw, folder)) for name, file, raw in listed))


def _tables_at(path: Path, asked: Package | None) -> list[Path]:
    if asked:
        return [table.path for table in asked.tables]
    if path.is_dir():
        tables = sorted(file for file in path.rglob("*") if file.suffix.lower() == ".csv" and file.is_file())
        tables = [file for file in tables if RAW not in file.relative_to(path).parts]  # as published, not in our layout
        if not tables:
            raise DataError(f"there is no .csv file in {safe_name(path)}; name a folder that holds tables")
        return tables
    if not path.is_file():
        raise DataError(f"there is no file or folder {safe_name(path)}; correct the path")
    return [path]


def _beside_tables(path: Path) -> list[Path]:
    """What else in a folder may hold persons: workbooks, JSON and texts, and what publishers answered."""
    if not path.is_dir():
        return []
    every = [file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in SCANNED]
    return sorted(file for file in every if file.suffix.lower() != ".csv" or RAW in file.relative_to(path).parts)


def _about_persons(path: Path) -> tuple[tuple[Disclosure, ...], list[Violation]]:
    """What in a file seems to be about persons, or why nobody can look."""
    try:
        return disclosures(path), []
    except DataError as fault:
        rule, _, remedy = str(fault).removeprefix(f"{safe_name(path)} ").rpartition("; ")
        return (), [Violation(safe_name(path), None, None, None, rule, remedy)]


def _check_table(path: Path, schema: Schema | None, package: Package) -> tuple[FileReport, list[Violation]]:
    wrong = _origin_violations(path) if _origin_path(path).is_file() else []
    if faults := text_faults(path):
        return FileReport(safe_name(path)), faults + wrong
    table = Pieces(path)
    try:
        schema = schema or _guessed_schema(path, table.header, package)
        found = violations_of(table, schema, _references_beside(path, schema, package)) if schema else _of_no_schema(table)
    except OpenQuote as fault:
        return FileReport(safe_name(path)), [fault.violation, *wrong]
    if not table.rows:
        return FileReport(safe_name(path)), [without_rows(path), *wrong]
    name = schema.name if schema else None
    return FileReport(safe_name(path), name, table.rows, len(table.header), table.periods), wrong + found


def _of_no_schema(table: Pieces) -> list[Violation]:
    for _ in table():
        pass  # the rows are counted, and their quotes must match
    way = "name one, as in 'gvi-eval check FILE --schema counts', or write a recipe and 'gvi-eval import' the file as it is"
    rule = f"no schema fits the columns {', '.join(table.header[:8])}{', ...' if len(table.header) > 8 else ''}"
    return [Violation(safe_name(table.path), 1, None, None, rule, way)]


def _guessed_schema(path: Path, header: tuple[str, ...], package: Package) -> Schema | None:
    if listed := package.holding(path):
        return listed.schema
    candidates = {table.schema.name: table.schema for table in package.tables}.values()
    likeness = {one.name: len(set(header) & set(one.names)) / len(set(header) | set(one.names)) for one in candidates}
    best = max(candidates, key=lambda one: likeness[one.name], default=None)
    return best if best and likeness[best.name] > 0.5 else None


def _references_beside(path: Path, schema: Schema, package: Package) -> dict[str, dict[str, tuple[str, ...]]]:
    held = package.holding(path)
    texts = {}
    for name in dict.fromkeys(key.resource for key in schema.foreign_keys if key.resource):
        listed = package.named(name) if held else None
        target = listed.path if listed else path.with_name(f"{name}.csv")
        if target.is_file() and not any(_about_persons(target)) and isinstance(table := read_text(target), TextTable):
            sound = [row for row in table.rows if len(row) == len(table.header)]
            texts[name] = dict(zip(table.header, zip(*sound, strict=True), strict=False))
    return texts


def _frames_as_text(references: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, list[str]]]:
    return {
        name: {column: [_as_text(value) for value in frame[column]] for column in frame.columns}
        for name, frame in references.items()
    }


def _as_text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)


def _series(field: Field, texts: tuple[str, ...]) -> pd.Series:
    values = {text: field.cast(text) for text in set(texts)}
    return pd.Series([values[text] for text in texts], dtype=DTYPES[field.type])


def _refuse_disclosures(path: Path) -> None:
    found, _ = _about_persons(path)  # what cannot be opened is refused where it is read
    if found:
        raise DisclosureError(_listing(found, f"{safe_name(path)} seems to hold data about persons in {_counted(found)}"))


def _listing(found: list[Violation] | tuple[Disclosure, ...], sentence: str) -> str:
    lines = [f"{sentence}:", *(f"  {one}" for one in found[:SHOWN])]
    if len(found) > SHOWN:
        lines.append(f"  ... and {len(found) - SHOWN} more; 'gvi-eval check' lists them all")
    return "\n".join(lines)


def _counted(found: list | tuple) -> str:
    return f"{len(found)} place{'' if len(found) == 1 else 's'}"


def _missing_file(path: Path) -> Violation:
    return Violation(safe_name(path), None, None, None, "the file is missing", "add it, or take it out of the data package")


def _one_or_many(texts: str | list[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _origin_path(path: Path) -> Path:
    return path.with_suffix(".origin.toml")


def _origin_violations(path: Path) -> list[Violation]:
    record = _origin_path(path)
    try:
        raw = tomllib.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        faults = [Fault(f"the record is not TOML ({error})", "correct it there")]
    else:
        faults = [*_origin_faults(raw), *_hash_faults(raw, path)]
    return [Violation(safe_name(record), None, None, None, *fault) for fault in faults]


def _origin_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    for key in raw:
        if key not in ORIGIN_KEYS:
            yield Fault(f"the record has an unknown key '{key}'", f"use {', '.join(ORIGIN_KEYS)}")
    for key, (kind, needed, words) in ORIGIN_KEYS.items():
        if needed and raw.get(key) in (None, "", []):
            yield Fault(f"the record has no '{key}'", f"add it as {words}")
        elif key in raw and not isinstance(raw[key], kind):
            yield Fault(f"the record has {key} = {raw[key]!r}", f"write it as {words}")
    if isinstance(raw.get("profile"), str):
        try:
            profile_named(raw["profile"], raw.get("threshold"))
        except StudyError as fault:
            yield Fault(f"the record has profile = {raw['profile']!r}", str(fault))


def _hash_faults(raw: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    actual, recorded = file_hash(path), raw.get("sha256")
    if recorded and recorded != actual:
        rule = f"the record has sha256 {recorded}, but {safe_name(path)} has {actual}"
        yield Fault(rule, "fetch the table again, or, if the change is meant, 'gvi-eval check --record FILE'")


def _listed_schema(raw: str | Mapping[str, Any], folder: Path) -> Schema:
    return load_schema(folder / raw) if isinstance(raw, str) else schema_from(raw, "datapackage.json")


DTYPES = {
    "string": "str",
    "integer": "Int64",
    "number": "float64",
    "date": "datetime64[s]",
    "boolean": "boolean",
    "year": "Int64",
}
TEXT = "text in quotes"
# What an origin record may hold: the type, whether it must be there, and how to write it.
ORIGIN_KEYS: dict[str, tuple[type | tuple[type, ...], bool, str]] = {
    "title": (str, True, TEXT),
    "publisher": (str, True, TEXT),
    "retrieved": (date, False, "a day without quotes, such as 2024-05-31"),
    "licence": (str, True, TEXT),
    "url": ((str, list), False, "one address in quotes, or a list of them"),
    "sha256": (str, True, TEXT),
    "notes": ((str, list), False, "one text in quotes, or a list of them"),
    "profile": (str, False, f"one of {', '.join(PROFILES)} in quotes"),
    "threshold": (int, False, "a whole number, for the profile se_restricted"),
}
