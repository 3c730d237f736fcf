"""The share of two counts: worked by hand where there is one column, and its step and slope found again in made-up counts."""

import numpy as np
import pytest

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.capture import Overlap, overlap, share_coefficient
from gvi_eval.windows import CountWindow
from tests.support import cases


def test_with_one_step_the_coefficient_is_the_log_of_the_odds_ratio():
    # 30 of 60 before and 20 of 60 after, each in two equal figures: odds 1 and 1/2, no dispersion beyond the binomial
    both = Overlap(np.array([15.0, 15, 10, 10]), np.array([15.0, 15, 20, 20]), np.arange(4.0))
    found = share_coefficient(both, np.column_stack([np.ones(4), [0, 0, 1, 1]]))
    assert found.value == pytest.approx(np.log(0.5), abs=1e-3)
    assert found.se == pytest.approx(np.sqrt(1 / 15 + 1 / (60 * 1 / 3 * 2 / 3)), rel=1e-2)


def test_dispersion_widens_and_never_narrows():
    even = Overlap(np.array([15.0, 15, 10, 10]), np.array([15.0, 15, 20, 20]), np.arange(4.0))
    uneven = Overlap(np.array([25.0, 5, 18, 2]), np.array([5.0, 25, 12, 28]), np.arange(4.0))
    columns = np.column_stack([np.ones(4), [0, 0, 1, 1]])
    assert share_coefficient(uneven, columns).se > 3 * share_coefficient(even, columns).se


def test_a_share_of_nought_has_a_number():
    both = Overlap(np.array([5.0, 6, 0, 0]), np.array([5.0, 4, 9, 9]), np.arange(4.0))
    found = share_coefficient(both, np.column_stack([np.ones(4), [0, 0, 1, 1]]))
    assert np.isfinite(found.value) and found.value < -2


def test_too_few_common_figures_are_said():
    both = Overlap(np.array([5.0, 6]), np.array([5.0, 4]), np.arange(2.0))
    with pytest.raises(EstimationError, match="2 figures in common"):
        share_coefficient(both, np.column_stack([np.ones(2), [0, 1]]))


def test_figures_are_common_only_for_the_same_days():
    one, other = cases.counts(1), cases.counts(2)
    values = other.values.copy()
    year = values.loc["2015-01":"2015-12", "Place"]
    days = ((year.index[0].start_time.date(), year.index[-1].end_time.date()),)
    span = CountWindow("Place", days, int(year.sum()), ("made up",))
    values.loc["2015-01":"2015-12", "Place"] = np.nan
    both = overlap(one, other.with_(values=values, windows=(span,)), "Place")
    assert len(both) == 96 - 12
    assert both.years[0] == 0 and both.years[-1] == pytest.approx(95 / 12)
    assert both.one.sum() == one.values["Place"].drop(year.index).sum()


def test_spans_of_the_same_days_are_common_and_lie_in_their_middle():
    span = CountWindow("Place", ((cases.date(2015, 1, 1), cases.date(2015, 12, 31)),), 50, ("made up",))
    panel = cases.counts(1)
    values = panel.values.copy()
    values.loc["2015-01":"2015-12", "Place"] = np.nan
    both = overlap(panel.with_(values=values, windows=(span,)), panel.with_(values=values, windows=(span,)), "Place")
    assert len(both) == 85
    assert both.one[both.one == 50].size == 1
    assert both.years[both.one == 50] == pytest.approx([(12 + 5.5) / 12])
