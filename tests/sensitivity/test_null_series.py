"""Series without an effect: one path of days, whatever figures it is seen through, and no step where the programme began."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.estimators import make_estimator
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.joint_test import joint_tests, summarise
from gvi_eval.sensitivity.null_series import Days, NullFit, null_fit, reassigned, seen_through, simulated
from gvi_eval.sensitivity.specification import answer
from gvi_eval.windows import CountWindow

MONTHS = pd.period_range("2016-01", "2019-12", freq="M")


def spans(*windows: tuple[date, date, int]) -> Panel:
    empty = pd.DataFrame({"Town": np.nan}, index=MONTHS)
    counted = tuple(CountWindow("Town", ((first, last),), count, ("t:1",)) for first, last, count in windows)
    return Panel(empty, empty.notna() * 1.0 + 1, onsets={"Town": pd.Period("2018-01")}, windows=counted)


def test_figures_count_the_days_that_they_cover():
    # One event a day from 2016 on.
    days = Days(date(2016, 1, 1).toordinal(), np.arange(1462))
    seen = seen_through(spans((date(2016, 1, 1), date(2016, 12, 31), 5), (date(2017, 1, 5), date(2017, 1, 7), 9)), days)
    assert [window.count for window in seen.windows] == [366, 3]
    holes = spans((date(2016, 1, 1), date(2016, 12, 31), 5))
    two = replace(holes.windows[0], ranges=((date(2016, 1, 1), date(2016, 1, 2)), (date(2016, 3, 1), date(2016, 3, 31))))
    assert seen_through(holes.with_(windows=(two,)), days).windows[0].count == 33
    months = spans().with_(values=pd.DataFrame({"Town": [4.0, np.nan] * 24}, index=MONTHS))
    assert list(seen_through(months, days).values["Town"].iloc[:3].fillna(-1)) == [31, -1, 31]


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 1459), min_size=1, max_size=6, unique=True))
def test_parts_of_a_span_add_up_to_it(seed, cuts):
    null = NullFit(np.full(48, np.log(20.0)), np.array([[0.5, 0.3, 0.1]]), np.ones(1))
    days = simulated(null, MONTHS, seed)
    first, last = date(2016, 1, 1).toordinal(), date(2019, 12, 31).toordinal()
    edges = [first, *(first + cut for cut in sorted(cuts)), last + 1]
    parts = [(date.fromordinal(a), date.fromordinal(b - 1), 0) for a, b in zip(edges, edges[1:], strict=False)]
    whole = seen_through(spans((date(2016, 1, 1), date(2019, 12, 31), 0)), days).windows[0].count
    assert sum(window.count for window in seen_through(spans(*parts), days).windows) == whole == days.cumulative[-1]


def drawn(null: NullFit, first: date, last: date, series: int) -> np.ndarray:
    """How many events fall on these days in each of so many series."""
    ends = first.toordinal(), last.toordinal()
    return np.array([simulated(null, MONTHS, seed).events(*ends) for seed in range(series)])


def test_the_path_is_that_of_the_fit():
    """Without hidden level and extra variation a year of 12 x 20 is Poisson with mean 240."""
    null = NullFit(np.full(48, np.log(20.0)), np.array([[0.0, 0.0, 0.0]]), np.ones(1))
    counts = drawn(null, date(2016, 1, 1), date(2016, 12, 31), 200)
    assert abs(counts.mean() - 240) < 4 * np.sqrt(240 / 200)
    assert 0.65 < counts.var() / 240 < 1.4


def test_extra_variation_is_that_of_nb2_and_of_the_level():
    """Var y = m + alpha m² for one month; a level with sd .4 that never changes moves all months together."""
    month, later = (date(2016, 3, 1), date(2016, 3, 31)), (date(2019, 3, 1), date(2019, 3, 31))
    counts = drawn(NullFit(np.full(48, np.log(20.0)), np.array([[0.0, 0.0, 0.5]]), np.ones(1)), *month, 600)
    assert counts.mean() == pytest.approx(20, rel=0.15) and counts.var() == pytest.approx(20 + 0.5 * 400, rel=0.25)
    level = NullFit(np.full(48, np.log(400.0)), np.array([[1 - 1e-9, 0.4, 0.0]]), np.ones(1))
    logs = np.log([drawn(level, *month, 200), drawn(level, *later, 200)])
    assert logs.std(axis=1) == pytest.approx([0.4, 0.4], rel=0.2) and np.corrcoef(logs)[0, 1] > 0.95


def test_the_null_has_the_trend_and_no_step():
    """A steady fall of 20 % a year is followed; a sudden halving in the middle leaves no step, only a trend."""
    fall = np.round(40 * np.exp(-0.0186 * np.arange(48)))
    panel = spans().with_(values=pd.DataFrame({"Town": fall}, index=MONTHS))
    fitted = null_fit(panel)
    assert fitted.log_mean == pytest.approx(np.log(fall), abs=0.12)
    halved = spans().with_(values=pd.DataFrame({"Town": np.repeat([40.0, 20.0], 24)}, index=MONTHS))
    around = null_fit(halved).log_mean[22:27]
    assert np.abs(np.diff(around)).max() < 0.12 and fitted.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(("after", "low", "high"), [(0.4, 1 / 20, 1 / 20), (1.0, 0.15, 1.0)])
def test_a_planted_fall_stands_out_and_none_does_not(after, low, high):
    """Level + trend on 24 months of about 40 and 24 after, beside 19 series simulated from their own null."""
    counts = np.random.default_rng(5).poisson(np.repeat([40.0, 40.0 * after], 24)).astype(float)
    panel = spans().with_(values=pd.DataFrame({"Town": counts}, index=MONTHS))
    null = null_fit(panel)
    estimator = make_estimator("segmented", {"season": "none"})
    told = [answer(estimator, seen_through(panel, simulated(null, MONTHS, seed))) for seed in range(19)]
    summaries = [summarise([each]) for each in (answer(estimator, panel), *told)]
    fall = joint_tests(summaries[0], summaries[1:])[2]
    assert low <= fall.p <= high


def test_the_same_seed_is_the_same_series():
    null = NullFit(np.full(48, np.log(5.0)), np.array([[0.5, 0.3, 0.1], [0.9, 0.1, 0.0]]), np.array([0.5, 0.5]))
    one, again, other = (simulated(null, MONTHS, seed).cumulative for seed in (7, 7, 8))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_a_donor_in_the_treated_place():
    values = pd.DataFrame({"Town": 5.0, "North": 7.0, "South": 9.0}, index=MONTHS)
    panel = Panel(values, values * 0 + 1, onsets={"Town": pd.Period("2018-01")})
    placed = reassigned({"shots": panel}, "North")["shots"]
    assert placed.treated == ("North",) and placed.donors == ["South"]
