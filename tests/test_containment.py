"""A total that holds the treated place is found and reduced; what cannot be subtracted is refused by name."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.containment import require_containment, spread_evenly, without_contained
from gvi_eval.errors import DataError, StudyError
from gvi_eval.study import Unit
from gvi_eval.windows import CountWindow

MONTHS = pd.period_range("2020-01", periods=6, freq="M")
TOWN, REST = Unit("Town", "treated"), Unit("Rest", "donor", members=("Land",), contains=("Town",))


def series(*values):
    return pd.Series(values, MONTHS, dtype=float)


def span(start, end, count, unit="Town"):
    return CountWindow(unit, ((date.fromisoformat(start), date.fromisoformat(end)),), count, ("t:1",))


def frames(town, land):
    values = pd.DataFrame({"Town": town, "Rest": land})
    return values, values * 0 + 1.0


def test_months_are_subtracted_one_by_one():
    values, _, notes = without_contained([TOWN, REST], *frames(series(1, 2, 3, 4, 5, 6), series(*[10] * 6)), ())
    assert values["Rest"].tolist() == [9, 8, 7, 6, 5, 4] and values["Town"].tolist() == [1, 2, 3, 4, 5, 6]
    assert notes == (("Rest", "Rest is Land less Town"),)


def test_a_span_is_spread_over_its_days_in_whole_counts_that_add_up():
    # 91 days, 7 events: 31, 29 and 31 days are 2.38, 2.23 and 2.38, the running total 2.38, 4.62, 7 rounds to 2, 5, 7.
    nothing = series(*[np.nan] * 3, 1, 1, 1)
    found = spread_evenly(nothing, (span("2020-01-01", "2020-03-31", 7),))
    assert found.tolist() == [2, 3, 2, 1, 1, 1]
    values, _, notes = without_contained(
        [TOWN, REST], *frames(nothing, series(*[10] * 6)), (span("2020-01-01", "2020-03-31", 7),)
    )
    assert values["Rest"].tolist() == [8, 7, 8, 9, 9, 9] and values["Town"].isna().sum() == 3
    assert "spread evenly" in notes[0][1]


def test_where_the_part_has_no_figure_the_total_has_none():
    values, _, _ = without_contained([TOWN, REST], *frames(series(1, np.nan, 1, 1, 1, 1), series(*[10] * 6)), ())
    assert values["Rest"].isna().tolist() == [False, True, False, False, False, False]
    half = spread_evenly(series(*[np.nan] * 6), (span("2020-01-01", "2020-02-15", 4),))
    assert half.iloc[0] == 3 and half.iloc[1:].isna().all()


@given(st.lists(st.integers(0, 50), min_size=2, max_size=4), st.integers(0, 2))
def test_every_span_keeps_its_sum(counts, cut):
    edges = [0, *sorted({1 + cut, 3 + cut})[: len(counts) - 1], 6]
    spans = tuple(
        span(str(MONTHS[a].start_time.date()), str(MONTHS[b - 1].end_time.date()), counts[k])
        for k, (a, b) in enumerate(zip(edges, edges[1:], strict=False))
    )
    found = spread_evenly(series(*[np.nan] * 6), spans)
    for (a, b), own in zip(zip(edges, edges[1:], strict=False), spans, strict=True):
        assert found.iloc[a:b].sum() == own.count and (found >= 0).all()


def test_people_are_subtracted_with_the_events():
    values, people = frames(series(*[1] * 6), series(*[10] * 6))
    people["Town"], people["Rest"] = 100.0, 1000.0
    assert (without_contained([TOWN, REST], values, people, ())[1]["Rest"] == 900).all()


def test_what_cannot_be_subtracted_is_refused():
    with pytest.raises(DataError, match=r"a part exceeds its whole: Town has 11 in 2020-01, Rest 10"):
        without_contained([TOWN, REST], *frames(series(11, 1, 1, 1, 1, 1), series(*[10] * 6)), ())
    with pytest.raises(DataError, match="Rest is published for odd spans and contains Town"):
        without_contained(
            [TOWN, REST], *frames(series(*[1] * 6), series(*[10] * 6)), (span("2020-01-01", "2020-02-15", 4, "Land"),)
        )


def rows(*pairs):
    return pd.DataFrame(pairs, columns=["unit", "unit_type"])


@pytest.mark.parametrize("kind", ["country", "police region", "County"])
def test_a_wider_control_says_whether_it_holds_the_treated_place(kind):
    land = Unit("Land", "donor")
    with pytest.raises(StudyError, match=rf"counts Land, a {kind}, which may contain Town; say contains = \['Town'\]"):
        require_containment([TOWN, land], rows(("Town", "municipality"), ("Land", kind)))
    for said in ((), ("Town",)):
        require_containment([TOWN, Unit("Land", "donor", contains=said)], rows(("Town", "municipality"), ("Land", kind)))
    require_containment([TOWN, land], rows(("Town", "municipality"), ("Land", "municipality")))


def test_a_control_that_shares_an_area_with_the_treated_unit_is_refused():
    both = Unit("Both", "donor", members=("Town", "Village"))
    with pytest.raises(StudyError, match="the control Both contains the treated unit: both count Town"):
        require_containment([TOWN, both], rows(("Town", "city"), ("Village", "city")))
