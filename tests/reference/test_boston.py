"""Operation Ceasefire, Boston 1996: the recomputed figures of Braga et al. (2001) and Piehl et al. (2003), to three digits."""

import pytest

from gvi_eval.assembly import build_panel
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.threats.negative_control import negative_control
from gvi_eval.study import load_study

LEVEL = {"season": "dummies", "trend": False, "covariance": "model", "quantiles": "normal"}


@pytest.fixture(scope="module")
def boston():
    """A panel by outcome, from the embedded study and its tables."""
    file = CHECKOUT / "analyses" / "boston" / "study.toml"
    study = load_study(file)
    tables = read_tables(study, file.parent)
    return {outcome.name: build_panel(study, tables, outcome.name) for outcome in study.outcomes}


@pytest.mark.parametrize(
    ("outcome", "settings", "published"),
    [
        ("youth", {"family": "poisson"}, (0.355, 0.241, 0.522)),
        ("youth", {}, (0.355, 0.245, 0.513)),
        ("youth", {"quantiles": "t"}, (0.355, 0.244, 0.516)),
        ("youth", {"trend": True}, (0.328, 0.198, 0.545)),
        ("adults", {}, (0.577, 0.408, 0.817)),
    ],
)
def test_the_published_level_shifts_come_out(boston, outcome, settings, published):
    effect = Segmented(**LEVEL | settings).estimate(boston[outcome])
    found = (effect.point, effect.intervals[0].lower, effect.intervals[0].upper)
    assert found == pytest.approx(published, abs=0.0005)


def test_the_dispersion_is_a_little_below_that_of_a_poisson(boston):
    assert Segmented(**LEVEL).estimate(boston["youth"]).details["phi"] == pytest.approx(0.909, abs=0.0005)


def test_the_series_is_the_published_one(boston):
    panel = boston["youth"]
    assert (str(panel.periods[0]), str(panel.periods[-1])) == ("1992-01", "1998-05")
    assert panel.gaps("Boston") == () and str(panel.onsets["Boston"]) == "1996-06"


def test_the_fall_among_adults_flags_the_negative_control_and_the_ratio_of_ratios_touches_one(boston):
    youth, adults = (Segmented(**LEVEL).estimate(boston[outcome]) for outcome in ("youth", "adults"))
    threat = negative_control(youth, adults, "youth", "adults")
    assert threat.state == "flagged"
    assert threat.evidence["ratio_of_ratios"] == pytest.approx(0.355 / 0.577, abs=0.002)
    assert threat.evidence["upper"] == pytest.approx(1.0, abs=0.05)
