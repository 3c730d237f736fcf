"""Small tables as they are drawn beside the paths, and the names of an outcome."""

import pandas as pd

OUTCOME = {"en": "shots", "da": "skud", "sv": "skott"}
PATH = pd.DataFrame(
    {
        "period": ["2012", "2013", "2014"],
        "observed": [9.0, 7.0, 12.0],
        "factual": [9.0, 8.0, 8.0],
        "expected": [9.0, 10.0, 10.0],
    }
)
CELLS = pd.DataFrame(
    {
        "baseline": ["last year", "last year", "peak"],
        "window": ["to 2019", "to 2020", "to 2019"],
        "percent": [-20.0, 10.0, -50.0],
        "claimed": [False, False, True],
    }
)
STARTS = pd.DataFrame(
    {
        "start": ["2017-01", "2017-02", "2017-03"],
        "declared": [False, True, False],
        "probability": [0.5, 0.3, 0.2],
        "in_credible_set": [True, True, False],
    }
)
LEADS = pd.DataFrame(
    {"bin": [-2, 0], "first": ["2012", "2014"], "last": ["2012", "2014"], "value": [0.1, -1.0], "error": [0.2, 0.2]}
)
WEIGHTS = pd.DataFrame({"unit": ["A", "B"], "weight": [0.75, -0.25]})


def hatched(figure) -> int:
    return sum(bool(patch.get_hatch()) for axes in figure.axes for patch in axes.patches)
