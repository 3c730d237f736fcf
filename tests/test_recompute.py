"""Two tables side by side: rows by their names, numbers within what a report could hide, everything else to the letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.recompute import alike, difference_in_words, table_differences, tolerance


def differences(saved: str, again: str) -> list[tuple[str, str, str, str]]:
    return list(table_differences(saved.encode(), again.encode()))


def test_a_number_may_differ_by_half_the_last_digit_that_is_written():
    # 0.3774 against 0.3779 is 0.0005, which is what a ratio with three decimals can hide; 0.3784 is more.
    assert alike("0.3774", "0.37789") and not alike("0.3774", "0.3784")
    said = difference_in_words("0.3774", "0.3784")
    assert "differs by 0.001" in said and "tolerance 0.0005" in said


@pytest.mark.parametrize(
    ("number", "allowed"),
    [(250.0, 0.0005), (1.0, 0.0005), (0.5, 0.0005), (0.05, 0.00005), (1.2e-5, 5e-8), (1e-9, 1e-8), (0.0, 0.0)],
)
def test_what_is_small_is_held_to_its_third_digit(number, allowed):
    assert tolerance(number, 0.0) == pytest.approx(allowed, rel=1e-12) and tolerance(0.0, -number) == tolerance(number, 0.0)


def test_empty_text_and_infinity_are_no_numbers_near_others():
    assert not alike("", "0") and not alike("no fit", "0.5") and not alike("inf", "1e300") and not alike("nan", "1")
    assert alike("inf", "inf") and alike("1", "1.0") and difference_in_words("", "0.5") == "'0.5' computed again"


def test_rows_go_by_their_id_whatever_their_order():
    assert differences("id,point\na,1.5\nb,2.5\n", "id,point\nb,2.5\na,1.6\n") == [("a", "point", "1.5", "1.6")]


def test_rows_without_an_id_go_by_the_fewest_columns_that_tell_them_apart():
    # The unit is the same in every row, so the period is what tells them apart.
    before = "unit,period,sentence,gap\nTown,2012,x,1.5\nTown,2013,y,2.5\n"
    after = "unit,period,sentence,gap\nTown,2012,z,1.5\nTown,2013,y,2.75\n"
    assert differences(before, after) == [("2012", "sentence", "x", "z"), ("2013", "gap", "2.5", "2.75")]


def test_a_row_that_is_gone_shifts_no_other():
    rows = [f"Town,{year},{year / 7:.4f}" for year in range(2010, 2015)]
    before, after = ("\n".join(["unit,period,gap", *own, ""]) for own in (rows, rows[1:]))
    assert differences(before, after) == [("2010", "", "it was saved", "no such row")]
    assert differences(after, before) == [("2010", "", "no such row", "it is new")]


def test_rows_that_nothing_tells_apart_are_counted():
    assert differences("unit,gap\nTown,1.5\nTown,2.5\n", "unit,gap\nTown,1.5\nTown,2.75\n") == [
        ("row (2)", "gap", "2.5", "2.75")
    ]
    assert differences("gap\n1.5\n", "gap\n2.5\n") == [("row", "gap", "1.5", "2.5")]


def test_a_column_that_came_or_went_is_named():
    assert differences("id,a\nx,1\n", "id,b\nx,1\n") == [
        ("header", "a", "a column", "no column"),
        ("header", "b", "no column", "a column"),
    ]
    assert differences("id,a\n", "id\n") == [("header", "a", "a column", "no column")]


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(2010, 2013), st.integers(-999, 999)), min_size=1, max_size=12))
def test_a_table_is_like_itself_and_one_planted_change_is_named_once(rows):
    lines = [f"{unit},{year},{value / 8}" for unit, year, value in rows]
    table = "\n".join(["unit,period,value", *lines, ""])
    assert differences(table, table.replace("\n", "\r\n")) == []
    unit, year, value = rows[-1]
    other = "\n".join(["unit,period,value", *lines[:-1], f"{unit},{year},{value / 8 + 1}", ""])
    (found,) = differences(table, other)
    assert found[1:] == ("value", f"{value / 8}", f"{value / 8 + 1}")
    assert found[0].partition(" (")[0] in (f"{unit}, {year}", unit, str(year), "row")
