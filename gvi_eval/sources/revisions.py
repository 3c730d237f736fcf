"""What a publisher revised: two vintages of one table, figure by figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gvi_eval.errors import DataError
from gvi_eval.privacy import disclosures, safe_name
from gvi_eval.schema import TextTable, load_schema
from gvi_eval.sources.fetch import cells_of
from gvi_eval.sources.grid import number
from gvi_eval.sources.store import read_snapshot
from gvi_eval.tables import read_text
from gvi_eval.writing import significant

FIGURES = {"counts": "value", "readings": "value", "population": "population"}
NOT_OF_THE_KEY = ("vintage", "source")  # two vintages differ in these by nature


@dataclass(frozen=True)
class Revision:
    """One figure that is not as it was: revised, new or gone; a mark such as '..' stands for a figure that was withheld."""

    key: tuple[str, ...]
    before: str | None
    now: str | None

    @property
    def kind(self) -> str:
        if self.before is None:
            return "new"
        return "gone" if self.now is None else "revised"

    @property
    def change(self) -> float | None:
        """(now − before) / before, where both are numbers and the old one is not 0."""
        old, new = number(self.before or ""), number(self.now or "")
        return (new - old) / old if old and new is not None else None

    def __str__(self) -> str:
        where = ", ".join(self.key)
        if self.kind == "new":
            return f"{where}: new, {self.now}"
        if self.kind == "gone":
            return f"{where}: was {self.before}, and is not there now"
        share = "" if self.change is None else f" ({self.change:+.1%})"
        return f"{where}: {self.before} then, {self.now} now{share}"


@dataclass(frozen=True)
class Comparison:
    """Two vintages side by side: what the key of a figure is made of, how many are alike, and every one that is not."""

    columns: tuple[str, ...]
    alike: int
    revisions: tuple[Revision, ...]

    def count(self, kind: str) -> int:
        return sum(one.kind == kind for one in self.revisions)


def compared(old: Path, new: Path) -> Comparison:
    """Two tables (CSV) or two snapshots (their .json records) of one kind.

    Raises `DataError` for files that are not, and for a table in which a figure comes twice but for its vintage.
    """
    if {old.suffix, new.suffix} == {".json"}:
        (columns, before), (others, now) = _of_snapshot(old), _of_snapshot(new)
    elif {old.suffix, new.suffix} == {".csv"}:
        (columns, before), (others, now) = _of_table(old), _of_table(new)
    else:
        raise DataError(f"{safe_name(old)} and {safe_name(new)} are not of one kind; name two .csv tables or two .json records")
    if columns != others:
        raise DataError(
            f"the figures are told apart by {', '.join(columns)} and by {', '.join(others)}; compare two of one table"
        )
    keys = [*before, *(key for key in now if key not in before)]
    different = tuple(Revision(key, before.get(key), now.get(key)) for key in keys if before.get(key) != now.get(key))
    return Comparison(columns, sum(before.get(key) == now.get(key) for key in keys), different)


def _of_snapshot(record: Path) -> tuple[tuple[str, ...], Mapping[tuple[str, ...], str]]:
    if not record.is_file():
        raise DataError(f"there is no file {safe_name(record)}; correct the path")
    cells = cells_of(read_snapshot(record))
    return cells.dimensions, {
        cell.codes: (cell.status or "no figure") if cell.value is None else significant(cell.value) for cell in cells
    }


def _of_table(path: Path) -> tuple[tuple[str, ...], Mapping[tuple[str, ...], str]]:
    if not path.is_file():
        raise DataError(f"there is no file {safe_name(path)}; correct the path")
    if disclosures(path):
        raise DataError(f"{safe_name(path)} seems to hold data about persons; 'gvi-eval check' says where")
    table = read_text(path)
    if not isinstance(table, TextTable):
        raise DataError("\n".join(str(fault) for fault in table))
    for name in FIGURES:
        schema = load_schema(name)
        if table.header == schema.names:
            break
    else:
        raise DataError(f"{safe_name(path)} is no table of {', '.join(FIGURES)}; 'gvi-eval check' says what is wrong with it")
    columns = tuple(column for column in schema.primary_key if column not in NOT_OF_THE_KEY)
    places = [table.header.index(column) for column in columns]
    figures: dict[tuple[str, ...], str] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        if len(row) != len(table.header):
            raise DataError(f"{safe_name(path)}:{line}: the row has {len(row)} cells; 'gvi-eval check' says what is wrong")
        key = tuple(row[place] for place in places)
        if key in figures:
            raise DataError(
                f"{safe_name(path)}:{line}: the figure of {', '.join(key)} is there twice, of several vintages or sources; "
                "compare tables of one vintage each"
            )
        figures[key] = row[table.header.index(FIGURES[name])]
    return columns, figures
