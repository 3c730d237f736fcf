"""Declared files (TOML) changed at random: the wrong type, a key too few, odd days and numbers, texts that mean something elsewhere."""

import copy
import json
import math
from collections.abc import Mapping
from datetime import date, time

from hypothesis import strategies as st

TEXTS = (
    ["", " ", "x", "Malmö", "malmo", "us_cities", "shootings", "causal", "2018-02-30", "2018", "../../etc/passwd", "/", "..", "a\\b"]
    + ["<script>", "[/]", "[red]", "|", "\n\n# h", "\u202e", "\0", "é" * 400, "=1+1", "compiled_sweden/counts_annual.csv"]
)  # fmt: skip
NUMBERS = (
    [0, -1, 1, 2, 5, 100, 200, 0.5, -45, -99.999, -100, -101, 10**15, 2**63, 10**400, 1e308, -1e308, 5e-324]
    + [math.nan, math.inf, -math.inf]
)  # fmt: skip
DAYS = [date(1, 1, 1), date(9999, 12, 31)]
DAYS += [date(year, *day) for year in (1800, 2016, 2017, 2018, 2099) for day in ((1, 1), (12, 31))]
DAYS += [date(2018, 2, 28), date(2020, 2, 29), date(2018, 10, 1)]
ANY = st.sampled_from([*TEXTS, *NUMBERS, *DAYS, True, False, time(1, 2), [], {}, [[]], [{}], {"a": 1}, {"2017": math.nan}])


def toml_text(document: Mapping) -> str:
    """A document as TOML, also where it holds what no valid file may hold."""
    return "".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(value)}\n" for key, value in document.items())


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, date | time) else repr(value)


def places(value: object, at: tuple = ()) -> list[tuple]:
    """The steps to every key and position in a document."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, item in items for place in ((*at, step), *places(item, (*at, step)))]


@st.composite
def damaged(draw: st.DrawFn, documents: list[dict], schema: Mapping, most: int = 3) -> dict:
    """One of the documents with one to ``most`` changes: a part taken out, a part of any kind, or a part as its schema has it."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, most))):
        how = draw(st.sampled_from(("out", "any", "fits", "fits", "fits", "fits")))
        if how == "fits":
            holder, key, asked = draw(st.sampled_from(_known(document, schema, schema)))
            holder[key] = draw(_fitting(asked, schema))
            continue
        if not (where := places(document)):
            continue
        *steps, last = draw(st.sampled_from(where))
        holder = document
        for step in steps:
            holder = holder[step]
        if how == "out":
            del holder[last]
        else:
            holder[last] = draw(ANY)
    return document


def _known(value: object, asked: Mapping, root: Mapping) -> list[tuple[dict, str, Mapping]]:
    """Every key that the schema has for an object that is there: the object, the key, and what is asked of it."""
    asked = _resolved(asked, root)
    found = []
    if isinstance(value, dict):
        for key, inner in asked.get("properties", {}).items():
            found += [(value, key, inner), *_known(value.get(key), inner, root)]
    elif isinstance(value, list) and "items" in asked:
        found += [place for item in value for place in _known(item, asked["items"], root)]
    return found


def _fitting(asked: Mapping, root: Mapping) -> st.SearchStrategy:
    """Values of the kind that a schema asks for, the odd ones of that kind among them."""
    asked = _resolved(asked, root)
    if "enum" in asked:
        return st.sampled_from(asked["enum"])
    if options := asked.get("oneOf", asked.get("anyOf")):
        return st.one_of(*(_fitting(one, root) for one in options))
    if asked.get("format") == "date":
        return st.sampled_from(DAYS)
    kind = asked.get("type")
    if kind == "array":
        return st.lists(_fitting(asked.get("items", {}), root), max_size=3)
    if kind == "object" and "properties" in asked:
        parts = {key: _fitting(inner, root) for key, inner in asked["properties"].items()}
        needed = {key: part for key, part in parts.items() if key in asked.get("required", ())}
        return st.fixed_dictionaries(needed, optional={key: part for key, part in parts.items() if key not in needed})
    if kind == "object":
        return st.dictionaries(st.sampled_from(["2016", "2017", "2018", "x", ""]), st.sampled_from(NUMBERS), max_size=2)
    by_kind = {"string": TEXTS, "number": NUMBERS, "integer": [each for each in NUMBERS if isinstance(each, int)]}
    return st.sampled_from([True, False] if kind == "boolean" else by_kind.get(kind, [*TEXTS, *NUMBERS]))


def _resolved(asked: Mapping, root: Mapping) -> Mapping:
    while "$ref" in asked:
        node = root
        for step in asked["$ref"].removeprefix("#/").split("/"):
            node = node[step]
        asked = node
    return asked
