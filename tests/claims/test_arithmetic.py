"""Two counts as a change, checked on paper, beside the package's own exact ratio, and against slower references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_claims import claim, days, shots, year, years
from scipy import stats

from gvi_eval.claims.arithmetic import adjusted_interval, change, dispersion, exact_interval, fits
from gvi_eval.claims.declared import Quantity
from gvi_eval.claims.published import published


def two_counts(shelf_of, before, after, *rows):
    series = published(claim(), shots(), shelf_of(*rows))
    return change(series, series.over(before), series.over(after))


def test_a_full_year_by_hand(shelf_of):
    said = two_counts(shelf_of, years(2015), years(2017), year(2015, 65), year(2017, 34))
    assert said.is_level and said.percent == pytest.approx(100 * (34 / 65 - 1))
    assert said.per_month == pytest.approx((34 - 65) / 12, rel=1e-3)


def test_part_of_a_year_is_compared_by_its_days(shelf_of):
    rows = (("2024-01-01", "2024-06-12", 8), year(2023, 40))
    said = two_counts(shelf_of, years(2023), days("2024-01-01", "2024-06-12"), *rows)
    assert said.percent_of_counts == pytest.approx(-80)
    assert said.rate_ratio == pytest.approx((8 / 164) / (40 / 365))  # 0.445, far from 0.2
    assert not said.is_level and said.percent == pytest.approx(-55.5, abs=0.05)


def test_a_leap_day_makes_no_other_window(shelf_of):
    said = two_counts(shelf_of, years(2015), years(2016), year(2015, 20), year(2016, 10))
    assert (said.before.days, said.after.days, said.percent) == (365, 366, -50)


def test_nothing_before_leaves_no_ratio(shelf_of):
    said = two_counts(shelf_of, years(2015), years(2016), year(2015, 0), year(2016, 10))
    assert math.isnan(said.rate_ratio) and said.exact is None and said.adjusted is None


def test_the_exact_interval_is_that_of_the_estimator(shelf_of):
    import pandas as pd

    from gvi_eval.estimators.exact_ratio import ExactRatio
    from gvi_eval.panel import Panel
    from gvi_eval.study import Estimand

    periods = pd.period_range("2015", periods=2, freq="Y")
    values = pd.DataFrame({"Town": [65.0, 34.0]}, index=periods)
    panel = Panel(values, values * 0 + 1.0, {"Town": periods[1]}, Estimand("ratio", "ratio"))
    limits = ExactRatio().estimate(panel).intervals[0]
    own = exact_interval(34, 65, 1, 1)
    assert (own.lower, own.upper, own.kind) == (pytest.approx(limits.lower), pytest.approx(limits.upper), "exact")


@settings(deadline=None, max_examples=40)
@given(a=st.integers(0, 40), b=st.integers(1, 40), more=st.integers(30, 800), less=st.integers(30, 800))
def test_the_exact_limits_leave_a_fortieth_on_either_side(a, b, more, less):
    """The definition itself: at each limit, the chance of a count as far out as the one seen is 2.5 %."""
    limits = exact_interval(a, b, more, less)
    share = limits.upper * more / (limits.upper * more + less)
    assert stats.binom.cdf(a, a + b, share) == pytest.approx(0.025, rel=1e-6)
    if a:
        share = limits.lower * more / (limits.lower * more + less)
        assert stats.binom.sf(a - 1, a + b, share) == pytest.approx(0.025, rel=1e-6)
    else:
        assert limits.lower == 0


def test_scatter_by_hand(shelf_of):
    """Halves of 182 and 184 days: 2 and 16 before, 5 and 5 after."""
    rows = [("2015-01-01", "2015-07-01", 2), ("2015-07-02", "2015-12-31", 16)]
    rows += [("2017-01-01", "2017-07-01", 5), ("2017-07-02", "2017-12-31", 5)]
    series = published(claim(), shots(), shelf_of(*rows))
    phi, freedom = dispersion(series.inside(years(2015)), series.inside(years(2017)))
    m = np.array([18 * 182 / 365, 18 * 183 / 365, 10 * 182 / 365, 10 * 183 / 365])
    assert freedom == 2 and phi == pytest.approx((((np.array([2, 16, 5, 5]) - m) ** 2) / m).sum() / 2)


def test_two_figures_say_nothing_of_scatter(shelf_of):
    said = two_counts(shelf_of, years(2015), years(2016), year(2015, 20), year(2016, 10))
    assert said.dispersion is None and said.adjusted is None


def test_planted_scatter_widens_the_interval_and_none_leaves_it_wider_than_wald():
    calm, wild = (adjusted_interval(30, 60, 365, 365, phi, 10) for phi in (1.0, 4.0))
    ratio = 0.5
    assert math.log(wild.upper / ratio) == pytest.approx(2 * math.log(calm.upper / ratio))
    wald = 1.959964 * math.sqrt(1 / 30 + 1 / 60)
    assert math.log(calm.upper / ratio) == pytest.approx(wald * stats.t.ppf(0.975, 10) / 1.959964, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "percent", "level"),
    [
        ({"change_percent": -45}, -44.6, "R3"),
        ({"change_percent": -45}, -44.4, None),
        ({"change_percent": -45, "word": "about"}, -40.0, "R2"),
        ({"change_percent": -45, "word": "about"}, -39.9, None),
        ({"change_percent": -70}, -69.2, "R2"),  # a multiple of ten without a rounding is read as rounded to five
        ({"change_percent": -70, "rounding": 1}, -69.2, None),
        ({"change_percent": -52.1, "rounding": 0.1}, -52.11, "R3"),
        ({"word": "halved"}, -45.0, "R2"),
        ({"word": "halved"}, -44.9, None),
        ({"word": "almost halved"}, -47.7, "R2"),
        ({"word": "almost halved"}, -50.1, None),
        ({"word": "fewer"}, -1.0, "R2"),
        ({"word": "fewer"}, 0.0, None),
        ({"word": "fewer"}, 3.0, None),
        ({"change_percent": -50, "word": "over"}, -61.0, "R2"),
        ({"change_percent": -50, "word": "over"}, -42.0, None),
        ({"change_percent": -50, "word": "over"}, 61.0, None),
        ({"change_percent": -50, "word": "up to"}, -42.0, "R2"),
        ({"change_percent": -50, "word": "up to"}, -61.0, None),
        ({}, -61.0, None),
    ],
)
def test_words_and_digits(given, percent, level):
    assert fits(Quantity(**given), percent) == level
