"""The exact ratio of two Poisson rates, against paper, against scipy, and at the edges."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.windows import CountWindow


def estimate(make_panel, counts, onset, **more):
    return ExactRatio().estimate(make_panel({"Town": counts}, onset, **more))


def test_by_hand(make_panel):
    # 20 events in 4 months before, 6 in 3 months after: (6 / 3) / (20 / 4).
    effect = estimate(make_panel, [5, 5, 5, 5, 2, 2, 2], 4)
    assert effect.point == pytest.approx(2 / 5)
    assert effect.details["events_before"] == 20 and effect.details["events_after"] == 6
    assert effect.counterfactual.expected.tolist() == pytest.approx([5] * 7)
    assert effect.counterfactual.factual.tolist() == pytest.approx([5] * 4 + [2] * 3)
    assert effect.intervals[0].kind == "exact"


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_the_limits_are_where_a_one_sided_test_rejects_at_half_of_five_percent(make_panel, a, b, after, before):
    effect = estimate(make_panel, [b, *[0] * (before - 1), a, *[0] * (after - 1)], before)
    lower, upper = effect.intervals[0].lower, effect.intervals[0].upper

    def share(ratio):
        return ratio * after / (ratio * after + before)

    assert effect.point == pytest.approx((a / after) / (b / before))
    assert stats.binom.cdf(a, a + b, share(upper)) == pytest.approx(0.025, rel=1e-6)
    if a:
        assert stats.binom.sf(a - 1, a + b, share(lower)) == pytest.approx(0.025, rel=1e-6)
    assert lower <= effect.point <= upper


def test_the_interval_is_that_of_scipy_for_a_share(make_panel):
    share = stats.binomtest(6, 26).proportion_ci(0.95, "exact")
    interval = estimate(make_panel, [5, 5, 5, 5, 2, 2, 2, 0], 4).intervals[0]
    assert interval.lower == pytest.approx(share.low / (1 - share.low))
    assert interval.upper == pytest.approx(share.high / (1 - share.high))


def test_nothing_after_gives_zero_with_an_upper_limit_on_paper(make_panel):
    # With equal time, (1 − π)^20 = 0.025 at the upper limit.
    effect = estimate(make_panel, [10, 10, 0, 0], 2)
    share = 1 - 0.025 ** (1 / 20)
    assert (effect.point, effect.intervals[0].lower) == (0.0, 0.0)
    assert effect.intervals[0].upper == pytest.approx(share / (1 - share))


def test_nothing_before_gives_no_ratio(make_panel):
    with pytest.raises(
        EstimationError, match="Town recorded no events before the start 2010-03, so its ratio is undefined; widen the baseline"
    ):
        estimate(make_panel, [0, 0, 3, 3], 2)


@pytest.mark.parametrize(("counts", "side"), [([np.nan, np.nan, 3, 3], "before"), ([3, 3, np.nan, np.nan], "after")])
def test_a_side_without_figures_is_named(make_panel, counts, side):
    with pytest.raises(EstimationError, match=f"Town has no figure {side} the start 2010-03"):
        estimate(make_panel, counts, 2)


@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 9))
def test_the_floor_is_the_smallest_p_of_any_split(make_panel, events, after, before):
    effect = estimate(make_panel, [events, *[0] * (before + after - 1)], before)
    share = after / (after + before)
    every = [stats.binomtest(k, events, share).pvalue for k in range(events + 1)]
    assert effect.tests[0].floor == pytest.approx(min(every))
    assert effect.tests[0].p_value >= effect.tests[0].floor * (1 - 1e-9)


def test_a_missing_month_takes_its_exposure_with_it_and_is_listed(make_panel):
    effect = estimate(make_panel, [5, np.nan, 5, 5, 2, 2, 2], 4)
    assert effect.point == pytest.approx((6 / 3) / (15 / 3))
    assert any("2010-02" in note for note in effect.notes)


def test_spans_count_by_the_days_they_cover(make_panel):
    spans = (
        CountWindow("Town", ((date(2010, 1, 1), date(2010, 4, 30)),), 20, ()),
        CountWindow("Town", ((date(2010, 5, 1), date(2010, 6, 15)),), 3, ()),
    )
    effect = estimate(make_panel, [np.nan] * 6, 4, windows=spans)
    assert effect.point == pytest.approx((3 / 1.5) / (20 / 4))


def test_a_span_across_the_start_is_an_error_that_names_it(make_panel):
    span = CountWindow("Town", ((date(2010, 3, 1), date(2010, 5, 31)),), 9, ())
    with pytest.raises(EstimationError, match="the span of 9 in Town, 2010-03-01 to 2010-05-31 crosses the start 2010-05"):
        estimate(make_panel, [3, 3, np.nan, np.nan, np.nan, 3], 4, windows=(span,))


def test_person_years_divide_the_counts(make_panel):
    people = np.array([[10.0], [10.0], [20.0], [20.0]])
    assert estimate(make_panel, [10, 10, 10, 10], 2, exposure=people).point == pytest.approx(0.5)


def test_coverage_of_the_interval_is_at_least_what_it_says():
    # All outcomes of two Poisson counts with means 8 and 8, with their probabilities: no simulation needed.
    table = stats.poisson.pmf(np.arange(60), 8.0)
    from gvi_eval.estimators.exact_ratio import _limits

    held = sum(
        table[a] * table[b]
        for a in range(30)
        for b in range(1, 30)
        if _limits(a, b, 1.0, 1.0, 0.95)[0] <= 1 <= _limits(a, b, 1.0, 1.0, 0.95)[1]
    )
    assert held >= 0.95


def test_its_window_cannot_be_changed_without_cutting_the_panel(make_panel):
    from gvi_eval.study import Estimand, Window

    effect = estimate(make_panel, [5, 5, 5, 5, 2, 2, 2], 4)
    with pytest.raises(EstimationError, match="cut the panel to the window"):
        effect.over(Estimand("first", window=Window(end=date(2010, 5, 31))))


def test_an_upper_limit_solves_its_own_equation(make_panel):
    found = optimize.brentq(lambda ratio: stats.binom.cdf(6, 26, ratio / (1 + ratio)) - 0.025, 0.1, 5)
    assert estimate(make_panel, [20, 6], 1).intervals[0].upper == pytest.approx(found)
