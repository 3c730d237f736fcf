"""Eurostat, the statistics interface: JSON-stat, asked for with a GET, codes as parameters.

API: Eurostat, https://ec.europa.eu/eurostat/api/dissemination. The table crim_gen_reg holds intentional homicide, assault and
robbery recorded by the police per NUTS 3 region and year. A cell without a figure carries a mark (':' not available,
'c' confidential, ...), which is kept.
"""

from urllib.parse import quote, urlencode

from gvi_eval.errors import SourceError
from gvi_eval.sources.cells import Cells, as_json
from gvi_eval.sources.http import Request
from gvi_eval.sources.jsonstat import read_jsonstat
from gvi_eval.sources.recipe import Recipe
from gvi_eval.sources.store import Keeper, Snapshot

BASE = "https://ec.europa.eu/eurostat/api/dissemination/statistics/1.0/data"


def ask(recipe: Recipe, keeper: Keeper, base: str = BASE) -> None:
    """Put the cells that the recipe asks for with the keeper; raises `SourceError` where a code is not in the answer."""
    pairs = [(name, code) for name, codes in recipe.query.items() for code in codes if code != "*"]
    question = urlencode([("format", "JSON"), ("lang", recipe.language.upper()), *pairs])

    def check(body: bytes) -> None:
        found = _read(body)
        lost = [
            f"{name} {code}"
            for name, codes in recipe.query.items()
            for code in codes
            if code != "*" and code not in found.labels.get(name, {})
        ]
        if lost:
            raise SourceError(
                f"{recipe.table} does not have {', '.join(lost)[:160]}; the publisher may have changed its code list: correct "
                f"the query of the recipe {recipe.name}"
            )

    keeper.ask("data", Request(f"{base}/{quote(recipe.table, safe='')}?{question}"), check)


def cells(snapshot: Snapshot) -> Cells:
    """The figures of a stored answer."""
    return _read(snapshot.body("data"))


def _read(body: bytes) -> Cells:
    told = as_json(body, "the answer")
    for kind in ("error", "warning"):
        said = told.get(kind) if isinstance(told, dict) else None
        if said and "dimension" not in told:
            label = said[0].get("label") if isinstance(said, list) and isinstance(said[0], dict) else said
            label = label.get("label") if isinstance(label, dict) else label
            raise SourceError(
                f"Eurostat answers {str(label)[:120]!r}; ask for less of the table, or correct the recipe's query"
            )
    return read_jsonstat(body)
