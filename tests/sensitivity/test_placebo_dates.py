"""Placebo dates: only the time before the programme is seen, and a start there finds nothing unless something was there."""

import numpy as np
import pytest

from gvi_eval.estimators.did import Did
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.sensitivity.placebo_dates import MOST_DATES, placebo_dates


def counts_of(seed: int, periods: int = 96) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"Town": random.poisson(30, periods).astype(float), **{f"D{j}": random.poisson(30, periods) for j in range(8)}}


def test_starts_lie_in_the_later_half_and_leave_a_year(make_panel):
    panel = make_panel(counts_of(1), 72)
    dates = placebo_dates(Did(), panel)
    assert len(dates) == MOST_DATES
    assert (str(dates[0].onset), str(dates[-1].onset)) == ("2013-01", "2015-01")
    assert [each.periods for each in dates[:1] + dates[-1:]] == [24, 12]  # as long as after the true start, where there is room
    assert all(each.refusal is None and 0.7 < each.point < 1.4 for each in dates)


def test_what_came_after_the_programme_is_not_seen(make_panel):
    counts = counts_of(2)
    changed = {unit: np.append(own[:72], [999.0] * 24) for unit, own in counts.items()}
    one, other = (placebo_dates(Synthetic(), make_panel(each, 72)) for each in (counts, changed))
    assert [each.point for each in one] == [each.point for each in other]


def test_a_date_by_hand(make_panel):
    # Years 1 to 6 at 10, the sixth at 5; a start at the sixth finds a half, one at the fifth three quarters of two years.
    counts = {"Town": [10, 10, 10, 10, 10, 5, 10, 10], **{name: [10] * 8 for name in "ABC"}}
    dates = placebo_dates(Did(), make_panel(counts, 6, start="2010"))
    assert {str(each.onset): each.point for each in dates} == pytest.approx({"2013": 1.0, "2014": 0.75, "2015": 0.5})


def test_too_short_a_past_has_no_dates(make_panel):
    assert placebo_dates(Did(), make_panel(counts_of(3, 30), 18)) == ()


def test_predictors_of_years_that_a_date_leaves_after_it_are_a_reason(make_panel):
    dates = placebo_dates(Synthetic(predictors=("outcome 2015", "outcome 2010")), make_panel(counts_of(4), 72))
    assert dates and all(each.point is None and "reaches beyond the start" in each.refusal for each in dates)


def test_a_date_without_events_before_it_is_a_reason(make_panel):
    counts = counts_of(5)
    counts["Town"][:60] = 0
    dates = placebo_dates(Did(), make_panel(counts, 72))
    assert all("Town recorded no events before the start" in each.refusal for each in dates if each.point is None)
    assert any(each.point is None for each in dates)
