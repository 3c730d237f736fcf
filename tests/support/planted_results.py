"""Saved results of a study that never ran, for tests of what claims read from them."""

import pandas as pd

ROW = {
    "specification": "main",
    "part": "declared",
    "headline": True,
    "outcome": "shots",
    "unit": "Town",
    "onset": "2016",
    "estimand": "ratio",
    "contrast": "ratio",
    "point": 0.9,
    "lower": 0.4,
    "upper": 2.0,
    "kind": "posterior",
    "p": 0.5,
    "floor": None,
    "detectable": 0.3,
    "refusal": None,
}


def effects(*rows):
    return pd.DataFrame([ROW | row for row in rows])


def grid(*points):
    """Points of the grid beside the declared row."""
    return [
        {"specification": f"grid {place}", "part": "grid", "headline": False, "point": point}
        for place, point in enumerate(points)
    ]


def results(*rows, **tables):
    """Results of the study 'town' as a shelf keeps them, by (study, file)."""
    saved = {("town", "effects.csv"): effects(*(rows or ({},)))}
    names = ("pairs", "threats", "tipping", "curve", "curve_test", "settle")
    return saved | {("town", f"{name}.csv"): tables.get(name) for name in names}


def threats(**states):
    rows = [
        {"id": id, "state": state, "number": 1.0, "sentence": f"{id} is {state}", "specification": "main"}
        for id, state in states.items()
    ]
    return pd.DataFrame(rows)
