"""The monthly table of the Swedish police: shootings, killed, injured and detonations per area and month, added up and checked.

The layout is that of the tables the police publish and hand out: blocks, each under a heading that says what is counted and in
which year, with the months across and the areas down, or the other way round. What is counted is taken from the words of the
heading (skjutningar, avlidna or döda, skadade, sprängningar or detonationer). Totals are not figures of their own: each is held
against its parts, and a table that does not add up stops. A cell that is blank or holds a dash is a month not published yet; a
star or a number in brackets after a figure marks it as preliminary and becomes a note.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gvi_eval.errors import DataError
from gvi_eval.sources.grid import Grid, number
from gvi_eval.sources.periods import month_number
from gvi_eval.sources.tabulate import Record

WHAT = {  # the beginning of a word of the heading -> the measure; the more telling words first
    "avlid": "killed",
    "död": "killed",
    "skad": "injured",
    "spräng": "detonations",
    "deton": "detonations",
    "skjut": "shootings",
}
TOTAL = re.compile(r"(totalt|total|summa|samtliga|hela landet|riket)\b.*", re.IGNORECASE)
YEAR = re.compile(r"(?<![0-9])(20[0-9]{2})(?![0-9])")
MARKED = re.compile(r"([0-9][0-9 \u00a0]*)\s*(\*+|\([^)]*\)|[¹²³]|[0-9]\))")
BLANKS = ("", "-", "–", "—", "..", "…")
FEWEST_MONTHS = 2


@dataclass(frozen=True)
class _Block:
    """One block: what it counts, its year, and its cells by area and month; totals stand apart."""

    measure: str
    year: str
    line: int


def records(grid: Grid, year: str | None = None, measure: str | None = None) -> Iterator[Record]:
    """One record per area and month, with the texts area, year, month, measure and note.

    ``year`` and ``measure`` stand in where a heading does not say them. Raises `DataError` for a block whose year or measure is
    not known, a figure that is no whole number, an area that comes twice, and a total that is not the sum of its parts.
    """
    heading: list[str] = []
    blocks = 0
    position = 0
    rows = grid.rows
    while position < len(rows):
        line, cells = rows[position]
        months = {place: month for place, cell in enumerate(cells) if place and (month := month_number(cell))}
        down = _months_down(rows, position)
        if len(months) >= FEWEST_MONTHS or down:
            block = _block(grid, line, [cells[0], *reversed(heading)], year, measure)
            taken = _taken(rows, position)
            body = rows[position : position + taken]
            if len(months) < FEWEST_MONTHS:
                body, months = _turned(body)
            yield from _across(grid, block, body, months)
            blocks += 1
            heading = []
            position += taken
            continue
        heading += [" ".join(cells)] if any(cells) else []
        position += 1
    if not blocks:
        raise DataError(
            f"{grid.name} has no row of months (jan, feb, ...) across or down; is it the police's monthly table? A table with "
            'one figure a row is imported with provider = "file"'
        )


def _block(grid: Grid, line: int, heading: list[str], year: str | None, measure: str | None) -> _Block:
    """What a block counts and when: said by the nearest line above it that says it."""
    years = [set(YEAR.findall(words)) for words in heading]
    nearest = next((found for found in years if found), set())
    measures = [what for words in heading if (what := _counted(words))]
    if len(nearest) != 1 and not year:
        said = f"the years {', '.join(sorted(nearest))}" if nearest else "no year"
        raise DataError(f"{grid.name}:{line}: the heading of the block names {said}; give it with --year")
    if not measures and not measure:
        raise DataError(f"{grid.name}:{line}: the heading of the block does not say what is counted; give it with --measure")
    return _Block(measure or measures[0], year or nearest.pop(), line)


def _counted(heading: str) -> str | None:
    """The measure that the words of a heading name."""
    words = heading.casefold()
    for pattern in (r"(?<!\w){}", "{}"):  # 'skadade vid skjutningar' counts the injured, 'gängskjutningar' shootings
        for begin, what in WHAT.items():
            if re.search(pattern.format(begin), words):
                return what
    return None


def _months_down(rows: tuple, position: int) -> bool:
    """Whether the row is the header of a block whose months run down its first column."""
    following = rows[position + 1 : position + 1 + FEWEST_MONTHS]
    named = [cells for _, cells in following if cells and month_number(cells[0])]
    cells = rows[position][1]
    return len(named) == FEWEST_MONTHS and sum(map(bool, cells[1:])) >= 1 and not any(number(cell) for cell in cells[1:])


def _taken(rows: tuple, position: int) -> int:
    """How many rows a block has: to the first blank one, or to a text alone in its row."""
    taken = 1
    while position + taken < len(rows):
        cells = rows[position + taken][1]
        if sum(map(bool, cells)) < 2:
            break
        taken += 1
    return taken


def _turned(body: tuple) -> tuple[tuple, dict[int, int]]:
    """Rows and columns exchanged, so that the months run across; lines are kept where they can be."""
    width = max(len(cells) for _, cells in body)
    filled = [[*cells, *[""] * (width - len(cells))] for _, cells in body]
    turned = tuple((body[0][0], tuple(row[place] for row in filled)) for place in range(width))
    header = turned[0][1]
    return turned, {place: month for place, cell in enumerate(header) if place and (month := month_number(cell))}


def _across(grid: Grid, block: _Block, body: tuple, months: dict[int, int]) -> Iterator[Record]:
    header = body[0][1]
    if len(set(months.values())) < len(months):
        raise DataError(f"{grid.name}:{block.line}: a month comes twice in one block; part it into one block a year")
    totals = [place for place, cell in enumerate(header) if place and TOTAL.fullmatch(cell)]
    columns: dict[int, list[float | None]] = {place: [] for place in months}
    seen: set[str] = set()
    whole: tuple[int, dict[int, float | None]] | None = None
    for line, cells in body[1:]:
        cells = (*cells, *[""] * (len(header) - len(cells)))
        area = cells[0]
        values = {place: _figure(grid, line, cells[place]) for place in (*months, *totals)}
        for place in totals:
            _adds_up(grid, line, f"the months of {area}", [values[month][0] for month in months], values[place][0])
        if TOTAL.fullmatch(area):
            whole = line, {place: values[place][0] for place in months}
            continue
        if not area or area in seen:
            raise DataError(
                f"{grid.name}:{line}: the area '{area[:40]}' {'comes twice' if area else 'has no name'} in one block"
            )
        seen.add(area)
        for place, month in months.items():
            value, mark = values[place]
            columns[place].append(value)
            note = f"preliminary: marked {mark} by the publisher" if mark else ""
            texts = {"area": area, "year": block.year, "month": str(month), "measure": block.measure, "note": note}
            yield Record(texts, value, None if value is not None else cells[place], f"{grid.name}:{line}")
    if whole:
        line, sums = whole
        for place, month in months.items():
            _adds_up(grid, line, f"the areas in month {month}", columns[place], sums[place])


def _figure(grid: Grid, line: int, text: str) -> tuple[float | None, str]:
    """The figure of a cell and the mark beside it."""
    if text in BLANKS:
        return None, ""
    marked = MARKED.fullmatch(text)
    value = number(marked[1] if marked else text)
    if value is None or value < 0 or value != int(value):
        raise DataError(
            f"{grid.name}:{line}: '{text[:40]}' is no count; correct the cell, or leave it blank if it is not published"
        )
    return value, marked[2] if marked else ""


def _adds_up(grid: Grid, line: int, what: str, parts: list[float | None], total: float | None) -> None:
    """A total is the sum of its parts; where a part is blank it is not below their sum."""
    if total is None:
        return
    known = sum(part for part in parts if part is not None)
    if known == total or (None in parts and known < total):
        return
    raise DataError(f"{grid.name}:{line}: {what} add up to {known:g} and the total says {total:g}; look at the file again")
