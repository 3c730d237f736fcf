"""The saved results of a study, looked up cell by cell: what a report says, it says with the row it came from."""

import csv
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gvi_eval.errors import DataError
from gvi_eval.hashing import file_hash
from gvi_eval.resources import CHECKOUT

EFFECTS, MANIFEST, STUDY = "effects.csv", "manifest.json", "study.toml"
NOTES_APART = " | "  # what stands between two notes in a cell


@dataclass(frozen=True, eq=False)
class Row(Mapping[str, str]):
    """One line of a saved table: cells as they are written, and the key under which the line can be found again."""

    file: str
    key: str
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    def has(self, column: str) -> bool:
        return self.cells.get(column, "") != ""

    def number(self, column: str) -> float:
        return float(self.cells[column])

    def is_true(self, column: str) -> bool:
        return self.cells.get(column) == "True"


@dataclass(frozen=True, eq=False)
class Saved:
    """A results folder, and the study file it was made from where the report needs what was declared."""

    folder: Path
    study_file: Path | None = None
    root: Path = CHECKOUT  # what the paths in the manifest are relative to
    read: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> tuple[Row, ...] | None:
        """The rows of a saved table; None where it was not written."""
        if name not in self.read:
            path = self.folder / name
            self.read[name] = _rows(path, name) if path.is_file() else None
        return self.read[name]

    def document(self, name: str) -> Any:
        """A saved JSON document, or the study file; None where it was not written."""
        if name not in self.read:
            path = self.study_file if name == STUDY else self.folder / name
            self.read[name] = None if path is None or not path.is_file() else _document(path)
        return self.read[name]

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        found = self.document(MANIFEST)
        if found is None:
            raise DataError(f"the folder '{self.folder}' has no {MANIFEST}: run 'gvi-eval run {self.folder.name}' first")
        return found

    def lookup(self, file: str, row: str, column: str) -> str:
        """The cell of a saved file, as text; the grammar by which every number of a report can be found again.

        effects.csv, key, point            the cell of the row with this id (its line, where rows have no id of their own)
        effects.csv, key, notes[1]         the second of the notes in a cell
        threats.csv, ?state=flagged, count()   how many rows have this state (a|b: either); count(col) different ones, min, max
        manifest.json, /software/pandas    a value of a document by its place; an entry of a list by its name or number
        study.toml, /interventions/Pilot/start   the same of the study file

        Raises `DataError` where there is no such file, row or column.
        """
        if not file.endswith(".csv"):
            found = _at(self.document(file), row, file)
            return str(len(found)) if column == "count()" else _text(found)
        rows = self.table(file)
        if rows is None:
            raise DataError(f"{file} is not among the saved results")
        if row.startswith("?"):
            return _summary(rows, row, column, file)
        found = self._keyed(file).get(row)
        if found is None:
            raise DataError(f"{file} has no row '{row}'")
        name, _, place = column.removesuffix("]").partition("[")
        if name not in found:
            raise DataError(f"{file} has no column '{name}'")
        return found[name].split(NOTES_APART)[int(place)] if place else found[name]

    def at(self, file: str, place: str) -> Any:
        """What a saved document or the study file holds at a place."""
        return _at(self.document(file), place, file)

    def _keyed(self, file: str) -> dict[str, Row]:
        key = f"{file} by key"
        if key not in self.read:
            self.read[key] = {row.key: row for row in self.table(file)}
        return self.read[key]

    @property
    def study_changed(self) -> bool:
        """Whether the study file is another than the one that was run."""
        return self.study_file is None or file_hash(self.study_file) != self.manifest["study_file"]["sha256"]


def _rows(path: Path, name: str) -> tuple[Row, ...]:
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    names = [line.get("id", "") for line in lines]
    keys = names if lines and all(names) and len(set(names)) == len(names) else [str(n + 2) for n in range(len(lines))]
    return tuple(Row(name, key, line) for key, line in zip(keys, lines, strict=True))


def _document(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as fault:
        raise DataError(f"{path.name} cannot be read ({fault}); it is not as it was written") from None


def _summary(rows: tuple[Row, ...], row: str, column: str, file: str) -> str:
    """count(), count(col), min(col) or max(col) over the rows that a filter such as ?state=flagged&part=declared leaves."""
    for condition in filter(None, row[1:].split("&")):
        name, _, value = condition.partition("=")
        if rows and name not in rows[0]:
            raise DataError(f"{file} has no column '{name}'")
        rows = tuple(each for each in rows if each[name] in value.split("|"))
    how, _, name = column.removesuffix(")").partition("(")
    if how == "count":
        return str(len({each[name] for each in rows if each.has(name)}) if name else len(rows))
    numbers = [each[name] for each in rows if each.has(name)]
    if how not in ("min", "max") or not numbers:
        raise DataError(f"{file}: {column} over {row} has no value")
    return {"min": min, "max": max}[how](numbers, key=float)


def _at(document: Any, pointer: str, file: str) -> Any:
    found = document
    for part in pointer.strip("/").split("/") if pointer.strip("/") else ():
        part = part.replace("~1", "/")
        if isinstance(found, list):
            found = {_name(item, number): item for number, item in enumerate(found)}
        if not isinstance(found, dict) or part not in found:
            raise DataError(f"{file} has nothing at {pointer}")
        found = found[part]
    return found


def _name(item: Any, number: int) -> str:
    """An entry of a list goes by its name where it has one, else by its number."""
    return str(item.get("name", number)) if isinstance(item, dict) else str(number)


def _text(found: Any) -> str:
    return "" if found is None else str(found)


def pointer(*parts: object) -> str:
    """The place of a value in a document, one name or number a step."""
    return "".join(f"/{str(part).replace('/', '~1')}" for part in parts)
