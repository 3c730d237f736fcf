"""From published cells to our rows: the recipe's words for their codes, days for their periods, nothing for nothing."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gvi_eval.errors import DataError
from gvi_eval.judging import violations
from gvi_eval.schema import TextTable, load_schema
from gvi_eval.sources.cells import MARKS, Cells
from gvi_eval.sources.periods import days_of, month_number
from gvi_eval.sources.recipe import Meaning, Recipe
from gvi_eval.writing import significant

SHOWN = 10
DATED = {"counts": "period", "readings": "period", "population": "date"}


@dataclass(frozen=True)
class Record:
    """One figure before it has our words: the texts of its columns, the number or the mark, and where it stands."""

    texts: Mapping[str, str]
    value: float | None
    status: str | None = None
    place: str = ""


@dataclass(frozen=True)
class Rows:
    """The rows of a table as text, in the schema's columns, and sentences on what has no row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def content(self) -> bytes:
        """The table as CSV."""
        page = io.StringIO()
        writer = csv.writer(page, lineterminator="\n")
        writer.writerows([self.header, *self.rows])
        return page.getvalue().encode()


def records_of(cells: Cells) -> Iterator[Record]:
    """The cells of a published table, each with its codes by dimension."""
    for cell in cells:
        texts = dict(zip(cells.dimensions, cell.codes, strict=True))
        yield Record(texts, cell.value, cell.status, ", ".join(cell.codes))


def rows_of(
    recipe: Recipe, records: Iterable[Record], labels: Mapping[str, Mapping[str, str]], vintage: date | str, absent: int = 0
) -> Rows:
    """The rows of the recipe's table, sorted; a figure that is not there has no row and is counted in a note.

    Raises `DataError` that lists codes the recipe has no words for, periods that are not read, and counts that are no whole
    numbers.
    """
    schema = load_schema(recipe.schema)
    _require_columns(recipe)
    made: list[dict[str, str]] = []
    marks: dict[str, int] = {}
    faults: dict[str, None] = {}
    for record in records:
        if any(record.texts.get(column) not in codes for column, codes in recipe.where.items()):
            continue
        if record.value is None:
            marks[record.status or ""] = marks.get(record.status or "", 0) + 1
            continue
        try:
            made.append(_row(recipe, record, labels) | {"vintage": str(vintage), "source": recipe.source["id"]})
        except DataError as fault:
            faults[str(fault)] = None
    if faults:
        more = f"\n  ... and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise DataError(
            "\n".join([f"the recipe {recipe.name} does not fit the table:", *(f"  {one}" for one in [*faults][:SHOWN])]) + more
        )
    if not made:
        raise DataError(f"no figure is left of the table for the recipe {recipe.name}; look at its query and its where")
    names = schema.names
    rows = sorted(tuple(row.get(name, "") for name in names) for row in made)
    return Rows(names, tuple(rows), tuple(_notes(marks, absent)))


def checked(recipe: Recipe, rows: Rows, references: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """Hold rows to their schema before anything is written; raises `DataError` that lists what breaks it."""
    table = TextTable(recipe.into, rows.header, rows.rows, tuple(range(2, len(rows.rows) + 2)))
    found = violations(table, load_schema(recipe.schema), references)
    if found:
        lines = [f"  {one}" for one in found[:SHOWN]] + ([f"  ... and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])
        raise DataError("\n".join([f"the table of the recipe {recipe.name} would break its schema:", *lines]))


def _require_columns(recipe: Recipe) -> None:
    dated = DATED[recipe.schema]
    needed = {"unit", "unit_type", "definition", dated} | ({"measure", "counter"} if dated == "period" else set())
    needed |= {"counting_scope"} if recipe.schema == "counts" else set()
    held = set(recipe.columns) | ({"period"} if {"month", "year"} <= set(recipe.columns) else set())
    if missing := sorted(needed - held):
        raise DataError(f"the recipe {recipe.name} does not say what {', '.join(missing)} are; add them under [columns]")


def _row(recipe: Recipe, record: Record, labels: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    columns = recipe.columns
    row = {
        name: _said(name, columns[name], record, labels)
        for name in ("unit", "unit_type", "measure", "definition", "counting_scope", "counter", "note")
        if name in columns
    }
    if recipe.schema == "population":
        meaning = columns["date"]
        first, last = days_of(_text("date", meaning, record))
        row["date"] = (first if meaning.on == "first" else last).isoformat()
        row["population"] = significant(record.value)
        return row
    first, last = _days(recipe, record, labels)
    row["period_start"], row["period_end"] = first.isoformat(), last.isoformat()
    if recipe.schema == "counts" and record.value != int(record.value):
        raise DataError(f"{record.place}: {record.value:g} is no whole number, and {recipe.into} holds counts")
    row["value"] = str(int(record.value)) if recipe.schema == "counts" else significant(record.value)
    return row


def _days(recipe: Recipe, record: Record, labels: Mapping[str, Mapping[str, str]]) -> tuple[date, date]:
    """The days of a record: of one column that says the period, or of one for the year and one for the month."""
    if "period" in recipe.columns:
        return days_of(_text("period", recipe.columns["period"], record))
    year, month = (_said(name, recipe.columns[name], record, labels) for name in ("year", "month"))
    number = month_number(month) or (int(month) if month.isascii() and month.isdigit() and len(month) < 3 else None)
    if number is None or not (year.isascii() and year.isdigit()):
        raise DataError(f"{record.place}: '{month} {year}' is no month of a year; write 'mars' and 2022, or 3 and 2022")
    return days_of(f"{year}M{number:02}")


def _text(name: str, meaning: Meaning, record: Record) -> str:
    """Their own text, not yet in our words."""
    if meaning.text is not None:
        return meaning.text
    if meaning.column not in record.texts:
        raise DataError(f"{name} is said by the column '{meaning.column}', and the columns are {', '.join(record.texts)}")
    return record.texts[meaning.column]


def _said(name: str, meaning: Meaning, record: Record, labels: Mapping[str, Mapping[str, str]]) -> str:
    """What stands in a column of ours."""
    code = _text(name, meaning, record)
    if meaning.text is not None:
        return code
    words = labels.get(meaning.column, {}).get(code, code)
    if not meaning.names:
        return words
    for known in (code, words):
        if known in meaning.names:
            return meaning.names[known]
    shown = code if words == code else f"{code} ({words})"
    raise DataError(f"{name} has no word for '{shown}' of '{meaning.column}'; add it to names, or leave it out with where")


def _notes(marks: Mapping[str, int], absent: int) -> Iterator[str]:
    for mark, count in sorted(marks.items()):
        cells = "1 cell has" if count == 1 else f"{count} cells have"
        yield f"{cells} no figure but {mark!r} ({MARKS.get(mark, 'the publisher explains the mark')}); no row stands for it."
    if absent:
        yield f"{absent} of the cells that were asked for are not in the answer; they are gaps, not zeros."
