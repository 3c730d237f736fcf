"""Statistics Sweden and other PxWeb servers, version 2: their limits are read first, and a large question is cut to fit.

API: PxWebApi 2.0, Statistics Sweden, https://www.scb.se/en/services/open-data-api/. From reference year 2025 on the population
counts of Statistics Sweden carry small random noise, so that parts no longer add up to totals; nothing here demands it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from urllib.parse import quote

from gvi_eval.errors import SourceError
from gvi_eval.sources.cells import MOST_CELLS, Cells, as_json, together
from gvi_eval.sources.codes import chosen
from gvi_eval.sources.http import Request
from gvi_eval.sources.jsonstat import read_jsonstat
from gvi_eval.sources.recipe import Recipe
from gvi_eval.sources.store import Keeper, Snapshot

BASE = "https://statistikdatabasen.scb.se/api/v2"


def ask(recipe: Recipe, keeper: Keeper, base: str = BASE) -> None:
    """Put the table's description and its cells, in as many parts as the server's limits ask for, with the keeper.

    Raises `SourceError` for a table or a code that the publisher does not have (any more).
    """
    limits = _limits(keeper.client.send(Request(f"{base}/config")).body)  # not kept: limits are no figures
    table = f"{base}/tables/{quote(recipe.table, safe='')}"
    described = keeper.ask("metadata", Request(f"{table}/metadata?lang={recipe.language}"), _variables)
    query = chosen(recipe, _variables(described))
    cells = prod(len(codes) for codes in query.values())
    if cells > MOST_CELLS:
        raise SourceError(f"{recipe.name} asks for {cells:,} cells, more than {MOST_CELLS:,}; ask for less of the table")
    pieces = cut(query, limits["maxDataCells"])
    pause = limits["timeWindow"] / limits["maxCallsPerTimeWindow"] if len(pieces) > 1 else 0.0
    for number, piece in enumerate(pieces):
        selection = [{"variableCode": name, "valueCodes": list(codes)} for name, codes in piece.items()]
        body = json.dumps({"selection": selection}, ensure_ascii=False, sort_keys=True).encode()
        request = Request(f"{table}/data?lang={recipe.language}&outputFormat=json-stat2", body)
        kept = keeper.taken_up
        keeper.ask(f"data {number + 1}", request, _holding(piece))
        if number + 1 < len(pieces) and keeper.taken_up == kept:
            keeper.client.pause(pause)  # the server says how many calls it takes in a span of time


def cells(snapshot: Snapshot) -> Cells:
    """The figures of a stored answer, its parts put together."""
    variables = _variables(snapshot.body("metadata"))
    found = together(read_jsonstat(part.body, part.name) for part in snapshot.parts if part.name != "metadata")
    labels = {name: {**variables.get(name, {}), **found.labels.get(name, {})} for name in found.dimensions}
    return replace(found, labels=labels)


def cut(query: Mapping[str, tuple[str, ...]], most: int) -> list[dict[str, tuple[str, ...]]]:
    """A question as questions of at most ``most`` cells each, which together ask for every cell once.

    The variable with the most codes is halved until every piece fits.
    """
    if prod(len(codes) for codes in query.values()) <= most:
        return [dict(query)]
    name = max(query, key=lambda one: len(query[one]))
    half = len(query[name]) // 2
    if half == 0:
        raise SourceError(f"the server allows {most} cells in an answer, which is less than one; ask the publisher")
    return [piece for codes in (query[name][:half], query[name][half:]) for piece in cut({**query, name: codes}, most)]


def _limits(body: bytes) -> dict[str, float]:
    """maxDataCells, maxCallsPerTimeWindow and timeWindow (seconds) of a server."""
    told = as_json(body, "config")
    limits = {}
    for name, otherwise in (("maxDataCells", 100_000), ("maxCallsPerTimeWindow", 10), ("timeWindow", 10)):
        given = told.get(name, otherwise) if isinstance(told, dict) else otherwise
        if isinstance(given, bool) or not isinstance(given, int | float) or not given > 0:
            raise SourceError(f"the server gives its limit {name} as {str(given)[:40]!r}; ask the publisher")
        limits[name] = given
    return limits


def _variables(body: bytes) -> dict[str, dict[str, str]]:
    """The variables of a table from its description, a JSON-stat data set without values."""
    described = as_json(body, "metadata")
    try:
        return {
            name: {
                code: described["dimension"][name]["category"]["label"].get(code, code) for code in _ordered(described, name)
            }
            for name in described["id"]
        }
    except (KeyError, TypeError, AttributeError):
        said = described.get("title", "nothing of a table") if isinstance(described, dict) else "nothing of a table"
        raise SourceError(f"the description of the table says {str(said)[:120]!r}; correct the recipe's table") from None


def _ordered(described: Mapping, name: str) -> list[str]:
    index = described["dimension"][name]["category"]["index"]
    return sorted(index, key=index.get) if isinstance(index, dict) else list(index)


def _holding(piece: Mapping[str, tuple[str, ...]]) -> Callable[[bytes], None]:
    """A check that an answer holds the cells that were asked for, no others."""

    def check(body: bytes) -> None:
        found = read_jsonstat(body, "the answer")
        for name, codes in piece.items():
            got = set(found.labels.get(name, {}))
            if got != set(codes):
                lost = sorted(set(codes) - got) or sorted(got - set(codes))
                raise SourceError(f"the answer does not hold what was asked for in {name} ({', '.join(lost)[:80]}); run again")

    return check
