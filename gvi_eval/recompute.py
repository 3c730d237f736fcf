"""The same study run again: every number of every table beside the one that was saved, and what changed since."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence

DECIMALS = 3  # of a ratio as a report writes it
ROUNDING = 1e-8  # what the arithmetic of another machine may leave of none
DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?|[+-]?inf")
PROSE = {"sentence", "notes", "note", "refusal", "excludes", "heaviest", "disagreements", "detail", "reason"}

Line = Mapping[str, str]
Difference = tuple[str, str, str, str]  # row, column, what was saved, what was computed again; no column for a whole row


def table_differences(saved: bytes, again: bytes) -> Iterator[Difference]:
    """Where two CSV tables differ by more than a report could hide: columns, rows by their names, then cells."""
    if saved == again:
        return
    (columns, before), (others, after) = _lines(saved), _lines(again)
    for column in [each for each in (*columns, *others) if (each in columns) != (each in others)]:
        yield "header", column, *(("a column", "no column") if column in columns else ("no column", "a column"))
    names, now = _keys(columns, before, after)
    old, new = dict(zip(names, before, strict=True)), dict(zip(now, after, strict=True))
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in old or key not in new:
            yield key, "", *(("it was saved", "no such row") if key in old else ("no such row", "it is new"))
            continue
        for column in old[key]:
            if column in new[key] and not alike(old[key][column], new[key][column]):
                yield key, column, old[key][column], new[key][column]


def alike(saved: str, again: str) -> bool:
    """Whether two cells say the same: the same text, or numbers within `tolerance`."""
    if saved == again:
        return True
    try:
        one, other = float(saved), float(again)
    except ValueError:
        return False
    return abs(one - other) <= tolerance(one, other)


def tolerance(one: float, other: float) -> float:
    """Half a unit of the third decimal, or of the third digit that is not 0 where that is finer: a rate of 0.00001 has no third
    decimal to differ in. Never below `ROUNDING`."""
    largest = max(abs(one), abs(other))
    if not 0 < largest < math.inf:
        return 0.0
    digit = min(-DECIMALS, math.floor(math.log10(largest)) + 1 - DECIMALS)
    return max(0.5 * 10.0**digit, ROUNDING)


def difference_in_words(saved: str, again: str) -> str:
    """'0.55 computed again: differs by 0.01 (0.018 of it), tolerance 0.0005' for numbers; for texts both."""
    try:
        one, other = float(saved), float(again)
    except ValueError:
        return f"'{again}' computed again"
    gap = abs(one - other)
    share = f"{gap / abs(one):.2g}" if one else "infinite"
    return f"{again} computed again: differs by {gap:.3g} ({share} of it), tolerance {tolerance(one, other):.3g}"


def _lines(content: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """The columns of a table and its rows."""
    reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    return list(reader.fieldnames or ()), list(reader)


def _keys(columns: Sequence[str], *tables: Sequence[Line]) -> list[list[str]]:
    """The names of the rows of both tables: their id, else the fewest columns from the left that tell them apart.

    Decimal numbers and sentences name no row, because they are what is compared; rows that even so have one name are counted.
    """
    together = [line for table in tables for line in table]
    names = ["id"] if "id" in columns and all(line.get("id") for line in together) else []
    if not names:
        told = {name: {line.get(name) or "" for line in together} for name in columns if name not in PROSE}
        usable = [name for name, cells in told.items() if not any(map(DECIMAL.fullmatch, cells))]
        for name in usable:
            if all(_different(table, names) == len(table) for table in tables):
                break
            if any(_different(table, [*names, name]) > _different(table, names) for table in tables):
                names.append(name)
    return [_counted([", ".join(filter(None, (line.get(name) or "" for name in names))) for line in table]) for table in tables]


def _different(table: Sequence[Line], names: Sequence[str]) -> int:
    return len({tuple(line.get(name) for name in names) for line in table}) if names else min(len(table), 1)


def _counted(names: Sequence[str]) -> list[str]:
    """Each name once: a second row of the same name is 'name (2)'; a row without one is 'row 1'."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append((name or "row") + (f" ({seen[name]})" if seen[name] > 1 else ""))
    return found
