"""JSON-stat, the form in which statistical agencies answer: numbers in one long list, and the marks beside them.

Versions 1 (a data set inside an object) and 2 are read. Unlike other readers this one keeps the marks: a cell that is
suppressed, not available or impossible says which, and none of them is a zero. Format: Badosa, X., JSON-stat 2.0,
https://json-stat.org/full/.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from math import isfinite, prod
from typing import Any

from gvi_eval.errors import SourceError
from gvi_eval.sources.cells import MOST_CELLS, Cell, Cells, as_json


def read_jsonstat(body: bytes, what: str = "the answer") -> Cells:
    """The cells of a JSON-stat data set, in the order of the file.

    Raises `SourceError` that names what does not hold: a missing dimension, sizes that do not fit the categories, another
    number of values or marks than cells, a value that is no number.
    """
    document = as_json(body, what)
    dataset, dimensions, ids, sizes = _parts(document, what)
    codes = [_codes(dimensions.get(name), size, name, what) for name, size in zip(ids, sizes, strict=True)]
    total = prod(sizes)
    values = _spread(dataset.get("value"), total, f"{what}: value")
    marks = _spread(dataset.get("status"), total, f"{what}: status", shared=True)
    cells = tuple(
        Cell(place, _number(values.get(position), position, what), _mark(marks.get(position), position, what))
        for position, place in enumerate(product(*(list(each) for each in codes)))
    )
    labels = {name: words for name, words in zip(ids, codes, strict=True)}
    updated = dataset.get("updated")
    return Cells(tuple(ids), cells, labels, updated if isinstance(updated, str) else None)


def _parts(document: Any, what: str) -> tuple[Mapping[str, Any], Mapping[str, Any], list[str], list[int]]:
    """The data set, its dimensions, and their ids and sizes, of either version."""
    if not isinstance(document, dict):
        raise SourceError(f"{what} is JSON but no data set; it may be an error message: look at the stored answer")
    dataset = document.get("dataset", document)
    if not isinstance(dataset, dict) or not isinstance(dataset.get("dimension"), dict):
        raise SourceError(f"{what} is JSON without a dimension{_said(document)}; correct the recipe's table or query")
    dimensions = dataset["dimension"]
    inner = dimensions if "id" not in dataset else dataset  # version 1 keeps id and size among the dimensions
    ids, sizes = inner.get("id"), inner.get("size")
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids) or len(set(ids)) != len(ids) or not ids:
        raise SourceError(f"{what} names its dimensions as {str(ids)[:80]}; each needs a name of its own: ask the publisher")
    whole = isinstance(sizes, list) and all(type(size) is int and size >= 0 for size in sizes)
    if not whole or len(sizes) != len(ids):
        raise SourceError(f"{what} has {len(ids)} dimensions and the sizes {str(sizes)[:80]}; ask the publisher")
    if prod(sizes) > MOST_CELLS:
        raise SourceError(f"{what} says it holds {prod(sizes):,} cells, more than {MOST_CELLS:,}; ask for less of the table")
    return dataset, dimensions, ids, sizes


def _codes(dimension: Any, size: int, name: str, what: str) -> dict[str, str]:
    """The codes of a dimension in their order, each with its words."""
    category = dimension.get("category") if isinstance(dimension, dict) else None
    if not isinstance(category, dict):
        raise SourceError(f"{what} lacks the categories of its dimension '{name[:40]}'; ask the publisher")
    words, index = category.get("label", {}), category.get("index")
    words = words if isinstance(words, dict) else {}
    if index is None:  # allowed where there is one category
        index = list(words)
    if isinstance(index, dict):
        if sorted(map(str, index.values())) != sorted(map(str, range(len(index)))):
            raise SourceError(f"{what} puts the categories of '{name[:40]}' in places that are taken twice or empty")
        index = sorted(index, key=lambda code: int(index[code]))
    known = isinstance(index, list) and all(isinstance(code, str) for code in index) and len(set(index)) == len(index)
    if not known or len(index) != size:
        held = len(index) if isinstance(index, list) else 0
        raise SourceError(f"{what} has {held} categories of '{name[:40]}' where its size is {size}; run the same command again")
    return {code: str(words.get(code, code)) for code in index}


def _spread(given: Any, total: int, what: str, shared: bool = False) -> Mapping[int, Any]:
    """Values or marks by position: given as a list of all, by position, or (marks) one for all."""
    if given is None:
        return {}
    if isinstance(given, str) and shared:
        return dict.fromkeys(range(total), given)
    if isinstance(given, list):
        if len(given) == 1 and shared:
            return dict.fromkeys(range(total), given[0])
        if len(given) != total:
            raise SourceError(f"{what} has {len(given)} entries for {total} cells; it may have been cut off: run again")
        return dict(enumerate(given))
    if isinstance(given, dict):
        found = dict(_positions(given, total, what))
        if len(found) == len(given):
            return found
    raise SourceError(f"{what} is neither a list nor an object by position; ask the publisher")


def _positions(given: Mapping[str, Any], total: int, what: str) -> Iterator[tuple[int, Any]]:
    for key, value in given.items():
        if not (key.isascii() and key.isdigit()) or len(key) > 9 or int(key) >= total:
            raise SourceError(f"{what} has an entry at '{key[:20]}', outside its {total} cells; run the same command again")
        yield int(key), value


def _number(value: Any, position: int, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SourceError(
            f"{what} has {str(value)[:40]!r} as the value of cell {position}, which is no number; ask the publisher"
        )
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise SourceError(f"{what} has a value too large to be a figure in cell {position}; ask the publisher")
    return number


def _mark(mark: Any, position: int, what: str) -> str | None:
    if mark is None or isinstance(mark, str):
        return mark or None
    raise SourceError(f"{what} has the mark {str(mark)[:40]} at cell {position}, which is no text; ask the publisher")


def _said(document: Mapping[str, Any]) -> str:
    """The server's own words, where the document is an error message."""
    for key in ("message", "title", "error", "detail"):
        if document.get(key):
            return f" and says {str(document[key])[:160]!r}"
    return ""
