"""Cells of a published table: a code per dimension, a number or none, and the mark that says why there is none."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gvi_eval.errors import SourceError

MOST_CELLS = 5_000_000
MARKS = {  # what publishers write where there is no number; the publisher's own mark is kept beside it
    "..": "not available, or withheld",
    ".": "cannot occur",
    ":": "not available",
    "…": "not available",
    "c": "confidential",
    "-": "nothing to show",
    "": "blank",
}


@dataclass(frozen=True)
class Cell:
    """One figure: its codes in the order of the dimensions; ``status`` is the publisher's mark, None where there is none."""

    codes: tuple[str, ...]
    value: float | None
    status: str | None = None


@dataclass(frozen=True)
class Cells:
    """A table as it was published, cell by cell; ``labels`` gives each dimension's words for its codes.

    ``updated`` is when the publisher says the table was last changed, and ``absent`` how many of the cells that were asked for
    are not in the answer at all, neither with a number nor with a mark.
    """

    dimensions: tuple[str, ...]
    cells: tuple[Cell, ...]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    updated: str | None = None
    absent: int = 0

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def withheld(self) -> dict[str, int]:
        """How many cells carry each mark instead of a number."""
        marks = [cell.status or "" for cell in self.cells if cell.value is None]
        return {mark: marks.count(mark) for mark in sorted(set(marks))}


def together(parts: Iterable[Cells]) -> Cells:
    """Several answers to one question as one table; raises `SourceError` where they are not of one edition."""
    parts = tuple(parts)
    first = parts[0]
    for other in parts[1:]:
        if other.dimensions != first.dimensions:
            raise SourceError(
                f"two parts of one table have other dimensions ({', '.join(first.dimensions)} and "
                f"{', '.join(other.dimensions)}); the table was changed in between: run the same command again"
            )
        if other.updated != first.updated:
            raise SourceError(
                f"two parts of one table are of {first.updated} and {other.updated}: it was changed in between; run the same "
                "command again"
            )
    labels: dict[str, dict[str, str]] = {}
    for part in parts:
        for dimension, words in part.labels.items():
            labels.setdefault(dimension, {}).update(words)
    cells = [cell for part in parts for cell in part.cells]
    seen = {cell.codes for cell in cells}
    if len(seen) < len(cells):
        raise SourceError("two parts of one table hold the same cell; run the same command again")
    return Cells(first.dimensions, tuple(cells), labels, first.updated, sum(part.absent for part in parts))


def as_json(body: bytes, what: str) -> Any:
    """The content of a JSON answer; raises `SourceError` for a web page, a broken text and numbers that are none."""
    start = body.lstrip()[:1]
    if start == b"<":
        raise SourceError(f"{what} came as a web page instead of figures: an error or log-in page; try again later")

    def no_number(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=no_number)
    except (ValueError, RecursionError) as fault:
        reason = " ".join(str(fault).split())[:100]
        raise SourceError(
            f"{what} is not whole JSON ({reason}); it may have been cut off: run the same command again"
        ) from None
