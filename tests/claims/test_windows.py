"""The baseline-and-window table: by hand, against a search, and what is defensible in it."""

from datetime import date

import pytest
from planted_claims import claim, shots, year, years

from gvi_eval.claims.declared import Quantity
from gvi_eval.claims.published import published
from gvi_eval.claims.windows import window_table

START = date(2016, 10, 1)


def table_of(shelf_of, quantity, *rows, start=START):
    return window_table(published(claim(), quantity, shelf_of(*rows)), quantity, start)


def test_by_hand(shelf_of):
    table = table_of(
        shelf_of, shots(window=years(2017)), year(2014, 10), year(2015, 20), year(2016, 15), year(2017, 5), year(2018, 40)
    )
    cells = {
        (cell.before.span.start.year, cell.before.span.end.year, str(cell.window)): round(cell.percent) for cell in table.cells
    }
    assert cells[2015, 2015, "2017 (as claimed)"] == -75 and cells[2014, 2014, "2017 (as claimed)"] == -50
    assert cells[2014, 2015, "2018"] == 167  # 40 over a mean of 15
    assert cells[2015, 2015, "2017–2018, mean"] == 12  # 22.5 over 20: a ratio of 1.125, rounded to even
    assert (table.claimed.percent, table.rank) == (pytest.approx(-75), 1)
    assert "2013–2015, mean of 3 years" in table.without_figures


def test_a_year_picked_out_and_a_part_of_a_known_year_hold_nothing(shelf_of):
    rows = (
        year(2013, 30),
        year(2014, 10),
        year(2015, 20),
        year(2017, 5),
        ("2017-01-01", "2017-03-31", 0),
        ("2018-01-01", "2018-03-31", 4),
    )
    table = table_of(shelf_of, shots(window=years(2017)), *rows)
    held = {(cell.baseline, cell.window): cell.defensible for cell in table.cells}
    assert held["2013, the peak year", "2017 (as claimed)"] and held["2015 (as claimed)", "2018-01-01 to 2018-03-31"]
    assert not held["2014", "2017 (as claimed)"]
    assert not held["2015 (as claimed)", "2017-01-01 to 2017-03-31"]


def test_no_baseline_reaches_into_a_window(shelf_of):
    table = table_of(shelf_of, shots(window=years(2017)), *(year(each, 10 + each % 5) for each in range(2010, 2021)))
    assert table.cells and all(cell.before.span.end < cell.after.span.start for cell in table.cells)


def test_the_share_that_holds(shelf_of):
    """Falls of 75 and 50 %, and a rise: half the log of -75 % is -50 %."""
    import math

    rows = (year(2014, 10), year(2015, 20), year(2017, 5), year(2018, 40))
    table = table_of(shelf_of, shots(window=years(2017)), *rows)
    logs = [math.log(cell.ratio) for cell in table.defensible]
    expected = sum(each <= 0.5 * math.log(0.25) + 1e-9 for each in logs) / len(logs)
    assert table.share_holding(math.log(0.25), None) == pytest.approx(expected) and 0 < expected < 1
    assert table.share_holding(None, "up") == pytest.approx(sum(each > 0 for each in logs) / len(logs))
    assert table.share_holding(None, None) is None and table.share_holding(None, "flat") is None


def test_a_flat_series_hits_no_fall_and_a_wild_one_hits_almost_every_one(shelf_of):
    flat = table_of(shelf_of, shots(), *(year(each, 50) for each in range(2008, 2022)))
    assert flat.hits(range(-70, -19)) == [] and flat.share_holding(-0.6, None) == 0
    wild = [
        year(each, value)
        for each, value in zip(range(2005, 2021), (90, 20, 75, 41, 66, 33, 58, 83, 29, 49, 71, 37, 62, 25, 54, 45), strict=True)
    ]
    table = table_of(shelf_of, shots(), *wild)
    assert len(table.hits(range(-70, -19))) > 45  # a search that always succeeds proves nothing


def test_without_an_anchor_there_is_no_table(shelf_of):
    empty = table_of(
        shelf_of, Quantity(measure="shots", tables=("town.csv",), definitions=("confirmed",)), year(2015, 20), start=None
    )
    assert empty.cells == () and empty.share_holding(-0.5, None) is None and list(empty.own_range) == []


def test_half_of_a_fall_to_nothing_is_a_fall_to_nothing(shelf_of):
    import math

    rows = (year(2014, 10), year(2015, 20), year(2017, 5), year(2018, 0))
    table = table_of(shelf_of, shots(window=years(2017)), *rows)
    empty = sum(cell.after.events == 0 for cell in table.defensible)
    assert table.share_holding(-math.inf, "down") == pytest.approx(empty / len(table.defensible)) and 0 < empty
