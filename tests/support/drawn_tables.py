"""Small tables as they are drawn beside the paths, and the names of an outcome."""

import numpy as np
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


def gaps_saved(person_years: float = 50_000.0, **gaps: list[float]) -> pd.DataFrame:
    """A table as it is saved, from counts less expected counts; the first unit is treated, the start is 2013."""
    parts = [
        pd.DataFrame(
            {
                "unit": unit,
                "treated": place == 0,
                "period": ["2011", "2012", "2013", "2014"],
                "before": [True, True, False, False],
                "observed": 10.0 + np.array(own),
                "expected": 10.0,
                "person_years": person_years,
            }
        )
        for place, (unit, own) in enumerate(gaps.items())
    ]
    return pd.concat(parts, ignore_index=True)


# Town misses by 1 and −1 before the start, mean square 1; Near by 4 and 2, mean square 10; Far by 6 and 2, mean square 20; Wild
# by 6 and 3, mean square 22.5.
GAPS = gaps_saved(Town=[1, -1, -4, -6], Near=[4, 2, 0, 0], Far=[6, 2, -8, -8], Wild=[6, 3, 40, 40])

CALIBRATION = pd.DataFrame(
    [
        ("One series", "good", "all", 0.04, 0.03, 0.05, 0.96, 0.94, 0.97),
        ("One series", "good", "months", 0.03, 0.02, 0.05, 0.96, 0.94, 0.97),
        ("One series", "good", "years", 0.05, 0.03, 0.09, np.nan, np.nan, np.nan),
        ("One series", "bad", "all", 0.25, 0.2, 0.3, 0.8, 0.75, 0.85),
        ("With donors", "good", "all", 0.09, 0.06, 0.12, np.nan, np.nan, np.nan),
    ],
    columns=[
        "group",
        "label",
        "setting",
        "alarms",
        "alarms_lower",
        "alarms_upper",
        "coverage",
        "coverage_lower",
        "coverage_upper",
    ],
)

# Two fall short of the whole effect, one goes beyond it and one the other way; one was not observed, one nothing would undo.
_THREAT = {"row": "a threat", "unit_of_row": "its unit", "neutral": 1.0, "sentence": ""}
_THREATS = [
    {"kind": "trend", "neutral": 0.0, "observed": -0.19, "point_at": -0.271, "interval_at": -0.1},
    {
        "kind": "co-event",
        "row": "Raid, 2014",
        "observed": None,
        "point_at": 0.25,
        "interval_at": None,
        "sentence": "the interval holds 1 already",
    },
    {"kind": "capture", "observed": 0.5, "point_at": 0.25, "interval_at": 0.5},
    {"kind": "rebound", "neutral": 0.0, "observed": -2.0, "point_at": 1.0, "interval_at": 0.25},
    {"kind": "co-event", "row": "Late", "observed": None, "point_at": None, "interval_at": None},
    {"kind": "placebo place", "row": "worst placebo: Elsewhere", "observed": 0.01, "point_at": 0.25, "interval_at": 0.5},
]
TIPPING = pd.DataFrame([_THREAT | row for row in _THREATS])
POWER = pd.DataFrame(
    [
        {"noise": name, "ratio": ratio, "power": float(np.clip(top * (1 - ratio), 0, 1)), "benchmark": 0.75, "wanted": 0.8}
        for name, top in (("Poisson", 2.0), ("moderate", 1.0), ("heavy", 0.4))
        for ratio in np.linspace(0.2, 1, 81)
    ]
)
