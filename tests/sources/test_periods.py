"""Periods as agencies write them, in days."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import DataError
from gvi_eval.sources.periods import days_of, month_number


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2022", "2022-01-01", "2022-12-31"),
        ("2022K4", "2022-10-01", "2022-12-31"),
        ("2022Q1", "2022-01-01", "2022-03-31"),
        ("2022-Q2", "2022-04-01", "2022-06-30"),
        ("2022M02", "2022-02-01", "2022-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2022H2", "2022-07-01", "2022-12-31"),
        ("2022-S1", "2022-01-01", "2022-06-30"),
        ("2022-03-15", "2022-03-15", "2022-03-15"),
        ("mars 2022", "2022-03-01", "2022-03-31"),
        ("marts 2022", "2022-03-01", "2022-03-31"),
        ("Januari-2022", "2022-01-01", "2022-01-31"),
        ("2022 okt.", "2022-10-01", "2022-10-31"),
        (" 2022 ", "2022-01-01", "2022-12-31"),
    ],
)
def test_by_hand(text, first, last):
    assert days_of(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text", ["", "22", "2022K5", "2022K0", "2022M13", "2022-13", "2022-02-30", "mors 2022", "2022/03", "0999"]
)
def test_what_is_no_period_is_named(text):
    with pytest.raises(DataError, match="is no period that is known here"):
        days_of(text)


DANISH = "januar februar marts april maj juni juli august september oktober november december".split()
SWEDISH = "januari februari mars april maj juni juli augusti september oktober november december".split()


@pytest.mark.parametrize("names", [DANISH, SWEDISH])
def test_every_month_is_known_whole_and_shortened(names):
    assert [month_number(name) for name in names] == list(range(1, 13))
    assert [month_number(name[:3].upper()) for name in names] == list(range(1, 13))
    assert [month_number(f"{name[:3]}.") for name in names] == list(range(1, 13))


@pytest.mark.parametrize("text", ["", "ja", "januarius", "total", "summa", "decem", "3"])
def test_no_other_word_is_a_month(text):
    assert month_number(text) is None


@given(st.text(max_size=12))
def test_a_text_is_a_period_or_a_data_error(text):
    try:
        first, last = days_of(text)
    except DataError:
        return
    assert first <= last and first.year == last.year
