"""A table goes into the data folder with everything it refers to: its definitions, its source and its origin record."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from gvi_eval.errors import DataError, DisclosureError
from gvi_eval.privacy import disclosures, safe_name
from gvi_eval.schema import TextTable, load_schema
from gvi_eval.sources.recipe import Recipe
from gvi_eval.sources.store import write_whole
from gvi_eval.sources.tabulate import Rows, checked
from gvi_eval.tables import read_text

COMPILED = {"publisher": "compiled; each row names its own", "licence": "facts, cited"}


@dataclass(frozen=True)
class Placed:
    """A table that was put in its place, or found there as it would have been."""

    table: Path
    rows: int
    changed: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """Everything about a table that is about to be written: each file with its bytes and its origin record."""

    table: Path
    files: Mapping[Path, tuple[bytes, bytes]]
    rows: Rows

    def write(self) -> Placed:
        """Write each file in one move; one that is there with the same bytes keeps its record, and with it its day."""
        changed = False
        for file, (content, origin) in self.files.items():
            record = file.with_suffix(".origin.toml")
            same = file.is_file() and file.read_bytes() == content
            if not same or not _is_record_of(record, content):
                changed = changed or (file == self.table and not same)
                write_whole(file, content)
                write_whole(record, origin)
        return Placed(self.table, len(self.rows.rows), changed, self.rows.notes)


def ready(recipe: Recipe, rows: Rows, retrieved: date, urls: tuple[str, ...], made_from: str) -> Ready:
    """The table with definitions.csv and sources.csv beside it, each with its origin record, checked and not yet written.

    Raises `DataError` for what breaks its schema and `DisclosureError` for what seems to be about persons.
    """
    data = recipe.data
    definitions = _merged(data / "definitions.csv", "definitions", [dict(item) for item in recipe.definitions])
    source = {"publisher": recipe.publisher, "licence": recipe.licence, "title": recipe.title} | dict(recipe.source)
    sources = _merged(data / "sources.csv", "sources", [source])
    checked(recipe, rows, {"definitions": _by_column(definitions), "sources": _by_column(sources)})
    contents = {
        data / "definitions.csv": (definitions.content(), {"title": "What the figures beside this file count"} | COMPILED),
        data / "sources.csv": (sources.content(), {"title": "Where the figures beside this file were published"} | COMPILED),
    }
    notes = [f"Written by gvi-eval from the recipe {recipe.name}.", f"Made from {made_from}.", *recipe.notes, *rows.notes]
    told = {"title": recipe.title, "publisher": recipe.publisher, "licence": recipe.licence}
    contents[recipe.target] = (rows.content(), told | {"retrieved": retrieved, "url": list(urls), "notes": notes})
    for file, (content, _) in contents.items():
        _refuse_persons(file, content)
    files = {
        file: (content, origin_toml(fields | {"sha256": sha256(content).hexdigest()}))
        for file, (content, fields) in contents.items()
    }
    return Ready(recipe.target, files, rows)


def _merged(file: Path, schema: str, added: list[dict[str, str]]) -> Rows:
    """The rows that are there with ours among them, by id; another meaning under an id that is taken is an error."""
    names = load_schema(schema).names
    held: dict[str, tuple[str, ...]] = {}
    if file.is_file():
        table = read_text(file)
        if not isinstance(table, TextTable) or table.header != names:
            raise DataError(f"{safe_name(file)} is no table of {schema}; 'gvi-eval check' says what is wrong with it")
        held = {row[0]: row for row in table.rows}
    for item in added:
        row = tuple(item.get(name, "") for name in names)
        if held.get(row[0], row) != row and schema == "definitions":
            raise DataError(f"{safe_name(file)} has another text for '{row[0]}'; give the recipe's definition an id of its own")
        held[row[0]] = row
    return Rows(names, tuple(held[key] for key in sorted(held)))


def _by_column(rows: Rows) -> Mapping[str, tuple[str, ...]]:
    return dict(zip(rows.header, zip(*rows.rows, strict=True), strict=True))


def _refuse_persons(file: Path, content: bytes) -> None:
    found = disclosures(file, content)
    if found:
        lines = "\n".join(f"  {one}" for one in found[:10])
        raise DisclosureError(
            f"the table for {safe_name(file)} seems to hold data about persons; nothing was written:\n{lines}"
        )


def _is_record_of(record: Path, content: bytes) -> bool:
    return record.is_file() and sha256(content).hexdigest() in record.read_text(encoding="utf-8")


def origin_toml(fields: Mapping[str, object]) -> bytes:
    """An origin record; what is empty is left out."""
    lines = []
    for key in ("title", "publisher", "licence", "retrieved", "url", "sha256", "notes"):
        value = fields.get(key)
        if isinstance(value, date):
            lines.append(f"{key} = {value.isoformat()}")
        elif isinstance(value, list) and value:
            lines += [f"{key} = [", *(f"  {_quoted(item)}," for item in value), "]"]
        elif value:
            lines.append(f"{key} = {_quoted(str(value))}")
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    """A text as a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
