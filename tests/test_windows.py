"""Published counts become disjoint windows: differencing loses nothing, and refuses what cannot be told apart."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import DataError
from gvi_eval.windows import CountWindow, Figure, coverage, disjoint_windows


def figure(start, end, count, definition="confirmed", source="t.csv:2", unit="Malmö"):
    return Figure(unit, date.fromisoformat(start), date.fromisoformat(end), count, definition, (source,))


def ranges(window):
    return [(str(first), str(last)) for first, last in window.ranges]


def test_cumulative_counts_by_hand():
    year = figure("2018-01-01", "2018-12-31", 47, source="t.csv:3")
    to_october = figure("2018-01-01", "2018-10-17", 29, source="t.csv:2")
    before, after = disjoint_windows([to_october, year])
    assert (before.count, ranges(before), before.sources) == (29, [("2018-01-01", "2018-10-17")], ("t.csv:2",))
    assert (after.count, ranges(after), after.sources) == (18, [("2018-10-18", "2018-12-31")], ("t.csv:3", "less t.csv:2"))


def test_a_month_inside_leaves_two_ranges():
    march = figure("2019-03-01", "2019-03-31", 0)
    to_april = figure("2019-01-01", "2019-04-16", 6)
    around, inside = disjoint_windows([to_april, march])
    assert around.count == 6 and ranges(around) == [("2019-01-01", "2019-02-28"), ("2019-04-01", "2019-04-16")]
    assert inside.count == 0


def test_a_total_that_is_the_sum_of_its_parts_adds_nothing():
    parts = [figure("2016-01-01", "2016-12-31", 7), figure("2017-01-01", "2017-12-31", 12)]
    assert sum(w.count for w in disjoint_windows([*parts, figure("2016-01-01", "2017-12-31", 19)])) == 19
    with pytest.raises(DataError, match="a total is not the sum of its parts: 20 for Malmö, 2016-01-01 to 2017-12-31"):
        disjoint_windows([*parts, figure("2016-01-01", "2017-12-31", 20)])


def test_doubles_that_agree_are_one_and_keep_both_sources():
    [window] = disjoint_windows([figure("2017-01-01", "2017-12-31", 65, source=f"t.csv:{line}") for line in (2, 7)])
    assert (window.count, window.sources) == (65, ("t.csv:2", "t.csv:7"))


def test_doubles_that_differ_are_named():
    with pytest.raises(DataError) as fault:
        disjoint_windows([figure("2016-01-01", "2016-12-31", 61), figure("2016-01-01", "2016-12-31", 59, source="t.csv:9")])
    assert "conflict: 61 for Malmö" in str(fault.value) and "59 for Malmö" in str(fault.value)
    assert "t.csv:2" in str(fault.value) and "t.csv:9" in str(fault.value) and "leave one out" in str(fault.value)


def test_a_negative_difference_names_both_figures_and_their_sources():
    killed_by_december = figure("2017-01-01", "2017-12-05", 8, source="press.csv:4")
    killed_in_the_year = figure("2017-01-01", "2017-12-31", 7, source="city.csv:11")
    with pytest.raises(DataError) as fault:
        disjoint_windows([killed_by_december, killed_in_the_year])
    said = str(fault.value)
    assert "a part exceeds its whole" in said and "leaves -1" in said and "press.csv:4" in said and "city.csv:11" in said


def test_a_difference_across_definitions_needs_the_word_of_the_study():
    wide = figure("2017-01-01", "2017-11-01", 23, definition="wide")
    year = figure("2017-01-01", "2017-12-31", 65)
    with pytest.raises(DataError, match="cross a change of definition: 65 .* less 23 .*wide.*say in the study"):
        disjoint_windows([wide, year])
    assert [w.count for w in disjoint_windows([wide, year], may_chain=True)] == [23, 42]


@pytest.mark.parametrize("order", [1, -1])
def test_partial_overlap_is_refused_in_any_order(order):
    spring, summer = figure("2020-01-01", "2020-06-30", 5), figure("2020-04-01", "2020-09-30", 6)
    with pytest.raises(DataError, match="overlap in part and cannot be told apart: 5 .* and 6 "):
        disjoint_windows([spring, summer][::order])


def test_units_do_not_meet():
    both = [figure("2020-01-01", "2020-06-30", 5), figure("2020-04-01", "2020-09-30", 6, unit="Lund")]
    assert [(w.unit, w.count) for w in disjoint_windows(both)] == [("Lund", 6), ("Malmö", 5)]


@st.composite
def nested_figures(draw):
    """Daily counts, and a laminar family of totals over them: whole, cumulative and inner spans."""
    daily = draw(st.lists(st.integers(0, 3), min_size=1, max_size=60))
    spans = {(0, len(daily) - 1)}

    def split(low, high, depth):
        if depth == 0 or high <= low:
            return
        cut = draw(st.integers(low, high - 1))
        for part in ((low, cut), (cut + 1, high)):
            if draw(st.booleans()):
                spans.add(part)
            split(*part, depth - 1)

    split(0, len(daily) - 1, draw(st.integers(0, 3)))
    first = date(2016, 2, 20)
    return daily, [
        Figure("A", first + timedelta(low), first + timedelta(high), sum(daily[low : high + 1]), "d", (f"t:{low}-{high}",))
        for low, high in draw(st.permutations(sorted(spans)))
    ]


@given(nested_figures())
def test_differencing_conserves_events_and_days(case):
    daily, figures = case
    windows = disjoint_windows(figures)
    first = date(2016, 2, 20)
    seen = np.zeros(len(daily), dtype=int)
    for window in windows:
        days = [d for low, high in window.ranges for d in range((low - first).days, (high - first).days + 1)]
        assert window.count == sum(daily[d] for d in days)
        seen[days] += 1
    assert (seen == 1).all()


def test_coverage_counts_days():
    window = CountWindow("A", ((date(2018, 10, 18), date(2018, 12, 31)),), 18, ())
    months = pd.period_range("2018-09", "2018-12", freq="M")
    assert coverage(window, months) == pytest.approx([0, 14 / 31, 1, 1])


def test_coverage_of_two_ranges_in_one_month_adds_up():
    window = CountWindow("A", ((date(2020, 2, 1), date(2020, 2, 10)), (date(2020, 2, 20), date(2020, 2, 29))), 2, ())
    assert coverage(window, pd.period_range("2020-02", periods=1, freq="M")) == pytest.approx([20 / 29])
