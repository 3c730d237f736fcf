"""StatBank Denmark: the table is described first (tableinfo), then asked for, small as JSON-stat and large as BULK.

API: Statistics Denmark, https://api.statbank.dk/console. No key is needed. JSON-stat is asked for up to `LARGE` cells; above
that BULK, a stream without limit, in which the publisher leaves rows without a figure out: they are counted as absent.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from math import prod

from gvi_eval.errors import SourceError
from gvi_eval.sources.cells import MARKS, MOST_CELLS, Cell, Cells, as_json
from gvi_eval.sources.codes import chosen
from gvi_eval.sources.http import Request
from gvi_eval.sources.jsonstat import read_jsonstat
from gvi_eval.sources.recipe import Recipe
from gvi_eval.sources.store import Keeper, Snapshot

BASE = "https://api.statbank.dk/v1"
LARGE = 100_000  # cells


def ask(recipe: Recipe, keeper: Keeper, base: str = BASE, large: int = LARGE) -> None:
    """Put the table's description and the cells that the recipe asks for with the keeper.

    Raises `SourceError` for a table or a code that the publisher does not have (any more).
    """
    described = keeper.ask(
        "tableinfo", _post(f"{base}/tableinfo", {"table": recipe.table, "lang": recipe.language}), _variables
    )
    query = chosen(recipe, _variables(described))
    cells = prod(len(codes) for codes in query.values())
    if cells > MOST_CELLS:
        raise SourceError(f"{recipe.name} asks for {cells:,} cells, more than {MOST_CELLS:,}; ask for less of the table")
    asked: dict[str, object] = {
        "table": recipe.table,
        "lang": recipe.language,
        "variables": [{"code": name, "values": list(codes)} for name, codes in query.items()],
    }
    if cells <= large:
        keeper.ask("jsonstat", _post(f"{base}/data", asked | {"format": "JSONSTAT"}), read_jsonstat)
    else:
        bulk = asked | {"format": "BULK", "valuePresentation": "Code", "delimiter": "Semicolon"}
        keeper.ask("bulk", _post(f"{base}/data", bulk), lambda body: _bulk(body, query))


def cells(snapshot: Snapshot) -> Cells:
    """The figures of a stored answer, with the words for the codes and the date of the table."""
    info = as_json(snapshot.body("tableinfo"), "tableinfo")
    variables = _variables(snapshot.body("tableinfo"))
    names = [part.name for part in snapshot.parts]
    if "jsonstat" in names:
        found = read_jsonstat(snapshot.body("jsonstat"), snapshot.table)
    else:
        part = next(part for part in snapshot.parts if part.name == "bulk")
        asked = {item["code"]: tuple(item["values"]) for item in json.loads(part.asked or "{}")["variables"]}
        found = _bulk(part.body, asked)
    labels = {name: {**variables.get(name, {}), **found.labels.get(name, {})} for name in found.dimensions}
    updated = info.get("updated") or found.updated
    return Cells(found.dimensions, found.cells, labels, updated, found.absent)


def _post(url: str, question: Mapping[str, object]) -> Request:
    return Request(url, json.dumps(question, ensure_ascii=False, sort_keys=True).encode())


def _variables(body: bytes) -> dict[str, dict[str, str]]:
    """The variables of a table: their codes, each with its words."""
    info = as_json(body, "tableinfo")
    try:
        return {variable["id"]: {value["id"]: value["text"] for value in variable["values"]} for variable in info["variables"]}
    except (KeyError, TypeError):
        said = info.get("message", "nothing of a table") if isinstance(info, dict) else "nothing of a table"
        raise SourceError(f"the description of the table says {str(said)[:120]!r}; correct the recipe's table") from None


def _bulk(body: bytes, query: Mapping[str, tuple[str, ...]]) -> Cells:
    """The rows of a BULK answer: a code per variable, then the figure; every row as wide as the first, the last one ended."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError("the BULK answer is not UTF-8; run the same command again") from None
    if text.lstrip().startswith("<"):
        raise SourceError("the BULK answer is a web page instead of figures: an error or log-in page; try again later")
    if not text.endswith("\n"):
        raise SourceError("the BULK answer ends within a line: it was cut off; run the same command again")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    header = [name.casefold() for name in next(rows, [])]
    missing = [name for name in query if name.casefold() not in header]
    if missing or len(header) != len(query) + 1:
        raise SourceError(f"the BULK answer has the columns {', '.join(header)[:120]} where {', '.join(query)} were asked for")
    order = [header.index(name.casefold()) for name in query]
    found = tuple(_bulk_cells(rows, order, len(header)))
    asked = prod(len(codes) for codes in query.values())
    if len({cell.codes for cell in found}) != len(found) or len(found) > asked:
        raise SourceError("the BULK answer holds a cell twice; run the same command again")
    return Cells(tuple(query), found, {}, None, asked - len(found))


def _bulk_cells(rows: Iterator[list[str]], order: list[int], width: int) -> Iterator[Cell]:
    last = next(place for place in range(width) if place not in order)
    for row in rows:
        if len(row) != width:
            raise SourceError(f"the BULK answer has a row of {len(row)} cells where there are {width} columns; run again")
        figure = row[last].strip()
        codes = tuple(row[place] for place in order)
        if figure in MARKS:
            yield Cell(codes, None, figure)
            continue
        try:
            yield Cell(codes, float(figure.replace(",", ".")))
        except ValueError:
            raise SourceError(
                f"the BULK answer has {figure[:40]!r} as a figure, which is no number; ask the publisher"
            ) from None
