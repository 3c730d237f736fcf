"""The checklists as data: each item in own words, the answers it takes, and which question of the results answers it."""

import json
from dataclasses import dataclass
from functools import cache

from gvi_eval.errors import DataError
from gvi_eval.resources import resource

FILE = "data_schemas/checklists.json"


@dataclass(frozen=True)
class Item:
    """One question; ``automatic`` names the function that answers it from saved results, None where raters are asked.

    ``facts`` are threats to validity whose sentences stand beside a question that is asked; they never answer it.
    """

    id: str
    text: str
    options: tuple[str, ...]
    automatic: str | None
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checklist:
    id: str
    title: str
    about: str
    source: str
    items: tuple[Item, ...]


@cache
def checklists() -> tuple[Checklist, ...]:
    """All checklists in their order. Raises `DataError` where two items share an id."""
    raw = json.loads(resource(FILE).read_text(encoding="utf-8"))["checklists"]
    lists = tuple(
        Checklist(
            each["id"],
            each["title"],
            each["about"],
            each["source"],
            tuple(
                Item(
                    item["id"],
                    item["text"],
                    tuple(item.get("options", each["options"])),
                    item["automatic"],
                    tuple(item.get("facts", ())),
                )
                for item in each["items"]
            ),
        )
        for each in raw
    )
    ids = [item.id for each in lists for item in each.items]
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise DataError(f"{FILE} holds the item {twice[0]} twice; give each an id of its own")
    return lists


def item_of(identity: str) -> Item | None:
    return next((item for each in checklists() for item in each.items if item.id == identity), None)
