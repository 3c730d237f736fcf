"""Places picked after bad months: ranks by hand, and the fall that picking alone gives in series without an effect."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import EstimationError
from gvi_eval.estimators import make_estimator
from gvi_eval.sensitivity.regression_to_mean import (
    by_month,
    draw_counts,
    marginal_mean,
    periods_left,
    rank_in_history,
    selection_band,
    selection_window,
)
from gvi_eval.study import Window
from tests.support import cases

MONTHS = pd.period_range("2020-01", periods=6, freq="M")


def test_the_rank_of_the_latest_stretch_by_hand():
    # sums of two: 3, 5, 9, 11, 8; the latest that ends in 2020-06 is 8, and two are higher
    rank = rank_in_history(np.array([1.0, 2, 3, 6, 5, 3]), MONTHS, MONTHS[-1], 2)
    assert (rank.events, rank.higher, rank.windows, rank.share) == (8, 2, 5, 0.4)
    assert str(rank) == "2020-05 to 2020-06 rank 3 of 5 stretches as long"


def test_a_later_stretch_does_not_count_in_the_history_of_an_earlier():
    assert rank_in_history(np.array([1.0, 2, 3, 6, 5, 3]), MONTHS, MONTHS[2], 2).windows == 2


def test_stretches_with_a_gap_are_no_part_of_the_history():
    rank = rank_in_history(np.array([9.0, np.nan, 1, 2, 3, 1]), MONTHS, MONTHS[-1], 2)
    assert (rank.higher, rank.windows) == (1, 3)
    with pytest.raises(EstimationError, match="cannot be ranked"):
        rank_in_history(np.array([9.0, 1, 1, 2, np.nan, 1]), MONTHS, MONTHS[-1], 2)


def test_a_figure_for_several_months_is_spread_over_them():
    matrix = np.array([[1.0, 1, 0], [0, 0, 1]])
    assert by_month(np.array([[6.0, 2.0]]), matrix).tolist() == [[3, 3, 2]]
    assert np.isnan(by_month(np.array([[6.0]]), matrix[:1])[0, 2])


def test_the_months_that_may_have_led_to_the_choice():
    panel = cases.counts(1)
    window = selection_window(panel, pd.Period("2018-07", "M"))
    assert window == Window(pd.Timestamp("2017-07-01").date(), pd.Timestamp("2018-12-31").date())
    assert periods_left(panel) == 60
    assert periods_left(panel.dropping(window)) == 42


def test_drawn_counts_have_the_mean_they_are_drawn_about():
    mean = np.linspace(2, 8, 40)
    drawn = draw_counts(mean, (0.6, 0.4, 0.1), np.eye(40), 6000, np.random.default_rng(1))
    assert drawn.mean(axis=0) == pytest.approx(mean, rel=0.06)
    assert (drawn.var(axis=0) > 1.3 * mean).all()


def test_the_mean_of_a_fit_is_without_the_humps_of_its_figures():
    hump = np.ones(96)
    hump[30:42] = 3.0
    fit = make_estimator("latent_counts", {"trend": False, "season": "none"}).estimate(cases.counts(1, factor=hump))
    assert np.ptp(marginal_mean(fit)) == pytest.approx(0, abs=1e-9)
    assert np.ptp(fit.counterfactual.expected.to_numpy()) > 3


@cache
def picked_band(hump, again=False):
    """The band of a series with no effect, 1.3 times as high or 0.7 in the year before the decision on the day of the start."""
    factor = np.ones(96)
    factor[48:60] = hump
    panel = cases.counts(3, factor=factor)
    fit = make_estimator("latent_counts", {}).estimate(panel)
    return selection_band(fit, panel, pd.Period("2019-01", "M"), True, 1)


def test_being_picked_after_the_worst_year_gives_a_fall_without_any_effect():
    worst, best = picked_band(1.3), picked_band(0.7)
    assert np.exp(worst.median) < 0.9  # a trend is carried on from a peak
    assert worst.median < best.median - 0.05
    assert worst.holds
    assert worst.selected == 199


def test_the_band_is_the_same_for_the_same_seed():
    assert picked_band(1.3) == picked_band(1.3, again=True)
