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

WRITTEN = "Written by gvi-eval from the recipe"


@dataclass(frozen=True)
class Placed:
    """A table that was put in its place, or found there as it would have been."""

    table: Path
    rows: int
    changed: bool
    notes: tuple[str, ...]


def place(recipe: Recipe, rows: Rows, retrieved: date, urls: tuple[str, ...], made_from: str) -> Placed:
    """Write the table, definitions.csv and sources.csv, each with its origin record, and each file in one move.

    Everything is checked first: against its schema, and for persons. Raises `DataError` and `DisclosureError`, and then
    nothing was written.
    """
    data = recipe.data
    definitions = _merged(data / "definitions.csv", "definitions", [dict(item) for item in recipe.definitions])
    source = {"publisher": recipe.publisher, "licence": recipe.licence, "title": recipe.title} | dict(recipe.source)
    sources = _merged(data / "sources.csv", "sources", [source])
    checked(recipe, rows, {"definitions": _by_column(definitions), "sources": _by_column(sources)})
    files = {
        data / "definitions.csv": (definitions.content(), "What the figures beside this file count", ()),
        data / "sources.csv": (sources.content(), "Where the figures beside this file were published", ()),
        recipe.target: (rows.content(), recipe.title, (f"Made from {made_from}.", *recipe.notes, *rows.notes)),
    }
    for file, (content, _, _) in files.items():
        _refuse_persons(file, content)
    changed = False
    for file, (content, title, notes) in files.items():
        own = file == recipe.target
        fields = {
            "title": title,
            "publisher": recipe.publisher if own else "compiled; each row names its own",
            "licence": recipe.licence if own else "facts, cited",
            "retrieved": retrieved if own else None,
            "url": list(urls) if own else None,
            "sha256": sha256(content).hexdigest(),
            "notes": [f"{WRITTEN} {recipe.name}.", *notes] if own else None,
        }
        told = _origin_toml(fields)
        # A table that is there already keeps its record, and with it the day on which it was fetched first.
        if not _is(file, content) or not file.with_suffix(".origin.toml").is_file():
            changed = changed or own
            write_whole(file, content)
            write_whole(file.with_suffix(".origin.toml"), told)
        elif f'sha256 = "{fields["sha256"]}"' not in file.with_suffix(".origin.toml").read_text(encoding="utf-8"):
            write_whole(file.with_suffix(".origin.toml"), told)
    return Placed(recipe.target, len(rows.rows), changed, rows.notes)


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


def _is(file: Path, content: bytes) -> bool:
    return file.is_file() and file.read_bytes() == content


def _origin_toml(fields: Mapping[str, object]) -> bytes:
    lines = []
    for key, value in fields.items():
        if value is None or value == []:
            continue
        if isinstance(value, date):
            lines.append(f"{key} = {value.isoformat()}")
        elif isinstance(value, list):
            lines += [f"{key} = [", *(f"  {_quoted(item)}," for item in value), "]"]
        else:
            lines.append(f"{key} = {_quoted(str(value))}")
    return ("\n".join(lines) + "\n").encode()


def _quoted(text: str) -> str:
    """A text as a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
