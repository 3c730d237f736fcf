"""Kolada: key figures of Swedish municipalities by year, page after page.

API: Rådet för främjande av kommunala analyser (RKA), Kolada version 3, https://api.kolada.se/v3. A figure is given for all (T),
women (K) and men (M); a recipe says which with ``where = { gender = "T" }``. Values such as offences per 100,000 are rates
and go into a table of readings, not of counts.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from gvi_eval.errors import SourceError, StudyError
from gvi_eval.sources.cells import Cell, Cells, as_json, together
from gvi_eval.sources.http import Request
from gvi_eval.sources.recipe import Recipe
from gvi_eval.sources.store import Keeper, Snapshot

BASE = "https://api.kolada.se/v3"
DIMENSIONS = ("kpi", "municipality", "period", "gender")
MOST_PAGES = 1000
NEXT = ("next_url", "next_page", "next")  # what versions of the interface call the address of the next page


def ask(recipe: Recipe, keeper: Keeper, base: str = BASE) -> None:
    """Put every page of a key figure with the keeper; raises `SourceError` for pages that lead elsewhere or in a circle."""
    asked = {name.casefold(): codes for name, codes in recipe.query.items()}
    if set(asked) != {"municipality", "year"} or "*" in (*asked["municipality"], *asked["year"]):
        raise StudyError(
            f"the recipe {recipe.name} asks Kolada for {', '.join(recipe.query) or 'nothing'}; give it municipality and year, "
            "each with its codes written out"
        )
    places, years = (",".join(quote(code, safe="") for code in asked[name]) for name in ("municipality", "year"))
    address: str | None = f"{base}/data/kpi/{quote(recipe.table, safe='')}/municipality/{places}/year/{years}"
    seen: set[str] = set()
    while address:
        if urlsplit(address)[:2] != urlsplit(base)[:2]:
            raise SourceError(f"a page of {recipe.table} leads to {urlsplit(address).netloc[:60]}, which was not asked")
        if address in seen or len(seen) >= MOST_PAGES:
            raise SourceError(f"the pages of {recipe.table} lead in a circle or past {MOST_PAGES}; run again, or ask for less")
        seen.add(address)
        page = keeper.ask(f"page {len(seen)}", Request(address), lambda body: _page(body))
        told = as_json(page, "the page")
        address = next((told[name] for name in NEXT if told.get(name)), None)


def cells(snapshot: Snapshot) -> Cells:
    """The figures of all pages; a figure that is missing keeps its mark, and what was asked for and is not there is counted."""
    found = together(_page(part.body) for part in snapshot.parts)
    query = {name.casefold(): codes for name, codes in snapshot.query.items()}
    asked = len(query["municipality"]) * len(query["year"])
    answered = len({cell.codes[:3] for cell in found})
    return replace(found, absent=max(0, asked - answered))


def _page(body: bytes) -> Cells:
    told = as_json(body, "the page")
    if not isinstance(told, dict) or not isinstance(told.get("values"), list):
        raise SourceError("the page has no list of values; correct the recipe's table or query")
    return Cells(DIMENSIONS, tuple(cell for item in told["values"] for cell in _cells(item)))


def _cells(item: Any) -> list[Cell]:
    try:
        place = (str(item["kpi"]), str(item["municipality"]), str(item["period"]))
        figures = [(str(each["gender"]), each.get("value"), each.get("status") or None) for each in item["values"]]
    except (KeyError, TypeError, AttributeError) as fault:
        raise SourceError(f"a value of the page is not laid out as Kolada's are ({str(fault)[:60]}); run again") from None
    for gender, value, _ in figures:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise SourceError(f"the value of {', '.join(place)}, {gender} is {str(value)[:40]!r}, which is no number")
    return [
        Cell((*place, gender), None if value is None else float(value), status if value is None else None)
        for gender, value, status in figures
    ]
