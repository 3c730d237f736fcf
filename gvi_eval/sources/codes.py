"""Which codes of a published table a recipe asks for, held against those that the publisher has today."""

from collections.abc import Mapping
from difflib import get_close_matches

from gvi_eval.errors import SourceError
from gvi_eval.sources.recipe import Recipe

EVERYTHING = "*"


def chosen(recipe: Recipe, variables: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """The codes of each variable, '*' spelt out, in the order of the publisher.

    Raises `SourceError` that names every variable and code of the recipe that the table does not have, because a code that
    was renamed or taken out would otherwise be a gap nobody notices.
    """
    by_name = {name.casefold(): name for name in variables}
    faults = []
    query: dict[str, tuple[str, ...]] = {}
    for asked, codes in recipe.query.items():
        name = by_name.get(asked.casefold())
        if name is None:
            faults.append(f"the variable '{asked}' (the table has {', '.join(variables)})")
            continue
        known = variables[name]
        faults += [f"the code '{code}' of {name}{_hint(code, known)}" for code in codes if code not in (*known, EVERYTHING)]
        wanted = set(known) if EVERYTHING in codes else set(codes)
        query[name] = tuple(code for code in known if code in wanted)
    if faults:
        raise SourceError(
            f"{recipe.table} does not have {'; nor '.join(faults)}; the publisher may have changed its code list: correct "
            f"the query of the recipe {recipe.name}"
        )
    return {name: query[name] for name in variables if name in query}


def _hint(code: str, known: Mapping[str, str]) -> str:
    close = get_close_matches(code, list(known), 1)
    return f" (did you mean '{close[0]}', {known[close[0]]}?)" if close else ""
