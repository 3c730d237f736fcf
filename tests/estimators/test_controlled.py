"""Controlled interrupted time series: what happens everywhere is not an effect, what happens to the town alone is."""

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.controlled import Controlled
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.panel import Panel

MONTHS, ONSET = 48, 28


def panel(town: float = 1.0, everywhere: float = 1.0, drift: float = 0.0, mean: float = 30.0, seed: int = 3) -> Panel:
    """Poisson counts: the town and its control are times ``everywhere`` from the start on, the town times ``town`` as well."""
    random, month = np.random.default_rng(seed), np.arange(MONTHS)
    index, after = pd.period_range("2012-01", periods=MONTHS, freq="M"), month >= ONSET
    base = np.exp(drift * (month - ONSET) / 12) * everywhere**after
    values = pd.DataFrame(
        {"Town": random.poisson(mean * base * town**after), "Land": random.poisson(150 * base)}, index
    ).astype(float)
    return Panel(values, values * 0 + 1.0, {"Town": index[ONSET]})


def test_what_happens_everywhere_is_no_effect():
    shock = panel(everywhere=0.6)
    alone, beside = LatentCounts(trend=False).estimate(shock), Controlled(trend=False).estimate(shock)
    assert alone.intervals[0].upper < 0.8
    assert beside.intervals[0].lower < 1 < beside.intervals[0].upper and 0.85 < beside.point < 1.15


def test_a_fall_that_all_share_is_no_effect():
    fall = panel(drift=-0.3)
    assert 0.85 < Controlled(trend=False).estimate(fall).point < 1.15


def test_what_happens_to_the_town_alone_is_found():
    effect = Controlled(trend=False).estimate(panel(town=0.5, everywhere=1.3))
    assert effect.point == pytest.approx(0.5, rel=0.15) and effect.intervals[0].excludes(1.0)
    assert effect.details["controls"] == ["Land"]
    assert effect.details["coefficients"]["common change"] == pytest.approx(np.log(1.3), abs=0.1)


def test_the_ratio_is_that_of_the_two_ratios_in_large_counts():
    # With counts so large that only the sums matter, the ratio is (town after / before) / (land after / before).
    large = panel(town=0.5, mean=3000.0)
    after = large.periods >= large.onsets["Town"]
    sums = {unit: (large.values[unit][after].mean(), large.values[unit][~after].mean()) for unit in ("Town", "Land")}
    by_hand = np.divide(*sums["Town"]) / np.divide(*sums["Land"])
    effect = Controlled(trend=False, season="none", prior_scale=0.02).estimate(large)
    assert effect.point == pytest.approx(by_hand, rel=0.03)


def test_a_control_that_is_missing_or_lacks_half_the_baseline_is_refused():
    whole = panel()
    with pytest.raises(EstimationError, match="Town has no control in this panel; add a unit of role donor"):
        Controlled().estimate(whole.without("Land"))
    values = whole.values.copy()
    values.loc[:"2013-02", "Land"] = np.nan
    with pytest.raises(EstimationError, match="the control Land has no figure for 14 of the 28 periods before"):
        Controlled().estimate(whole.with_(values=values))


def test_a_gap_of_a_control_is_listed():
    values = panel().values.copy()
    values.loc["2012-05", "Land"] = np.nan
    effect = Controlled(season="none").estimate(panel().with_(values=values))
    assert any("no figure of Land is used for 2012-05" in note for note in effect.notes)
