"""The day that parts before from after: on paper, and back again."""

from datetime import date

import pytest
from planted_claims import claim, shots, year

from gvi_eval.claims.breaks import bracket, break_for, percent_with_break, possible_breaks
from gvi_eval.claims.published import published

FIRST, LAST = date(2015, 1, 1), date(2017, 12, 31)
ROWS = (year(2015, 65), ("2016-01-01", "2016-06-30", 10), year(2016, 40), year(2017, 20))


def test_a_break_by_hand():
    """60 before and 20 after over 1,000 days: with a break in the middle the rate falls by two thirds."""
    day = date.fromordinal(FIRST.toordinal() + 500)
    assert percent_with_break(day, FIRST, 1000, 60, 20) == pytest.approx(-200 / 3)
    assert break_for(-200 / 3, 60, 20, 1000) == pytest.approx(500)


@pytest.mark.parametrize("percent", [-60, -37, -5, 20])
def test_the_break_for_a_change_gives_that_change(percent):
    before = break_for(percent, 97, 52, 1155)
    assert 100 * ((52 / (1155 - before)) / (97 / before) - 1) == pytest.approx(percent)


def test_cumulative_counts_bound_the_break(shelf_of):
    series = published(claim(), shots(), shelf_of(*ROWS))
    assert possible_breaks(series, FIRST, LAST, 80) == (date(2016, 7, 1), date(2017, 1, 1))
    assert possible_breaks(series, FIRST, LAST, 75) == (date(2016, 1, 1), date(2016, 7, 1))
    assert possible_breaks(series, FIRST, LAST, 60) == (None, date(2016, 1, 1))
    assert possible_breaks(series, FIRST, LAST, 200)[1] is None


def test_a_day_between_two_points_is_bracketed(shelf_of):
    series = published(claim(), shots(), shelf_of(*ROWS))
    assert bracket(series, FIRST, LAST) == (125, 125)
    assert bracket(series, FIRST, date(2016, 9, 1)) == (75, 105)
    assert bracket(series, FIRST, date(2018, 3, 1)) is None


def test_a_change_beyond_all_bounds_leaves_every_day_before_the_break():
    assert break_for(1e308, 1e10, 1.0, 1155) == 1155 and break_for(1e300, 97, 52, 1155) == pytest.approx(1155)
    assert break_for(-100, 97, 52, 1155) == 0
