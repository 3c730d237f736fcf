"""Numbers, days and periods as three languages write them."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.errors import DataError
from gvi_eval.report.numbers import LANGUAGES, MINUS, MONTHS, NO_BREAK, decimal, shown

CASES = [
    ("0.8939225466", "ratio", "0.894", "0,894", "0,894"),
    ("2.170965629", "ratio", "2.171", "2,171", "2,171"),
    ("17230", "count", "17,230", f"17{NO_BREAK}230", f"17{NO_BREAK}230"),
    ("-74.35542048", "count", f"{MINUS}74", f"{MINUS}74", f"{MINUS}74"),
    ("-5104.05", "count", f"{MINUS}5,104", f"{MINUS}5104", f"{MINUS}5104"),
    ("0.95", "share", "95%", f"95{NO_BREAK}%", f"95{NO_BREAK}%"),
    ("0.3773628992", "fall", "62%", f"62{NO_BREAK}%", f"62{NO_BREAK}%"),
    ("2.170965629", "rise", "117%", f"117{NO_BREAK}%", f"117{NO_BREAK}%"),
    ("0.0004", "p", "<0.001", "<0,001", "<0,001"),
    ("0.03846", "p", "0.038", "0,038", "0,038"),
    ("0.75", "plain", "0.75", "0,75", "0,75"),
    ("1e-06", "plain", "0.000001", "0,000001", "0,000001"),
    ("2018-10-01", "day", f"1{NO_BREAK}October 2018", f"1.{NO_BREAK}oktober 2018", f"1{NO_BREAK}oktober 2018"),
    ("2018-10", "period", f"October{NO_BREAK}2018", f"oktober{NO_BREAK}2018", f"oktober{NO_BREAK}2018"),
    ("2022Q1", "period", f"Q1{NO_BREAK}2022", f"1.{NO_BREAK}kvartal{NO_BREAK}2022", f"kvartal{NO_BREAK}1{NO_BREAK}2022"),
    ("1996", "period", "1996", "1996", "1996"),
    ("inf", "ratio", "infinity", "uendelig", "oändligheten"),
    ("", "ratio", "–", "–", "–"),
    ("to 2022", "text", "to 2022", "to 2022", "to 2022"),
]


@pytest.mark.parametrize("raw, how, en, da, sv", CASES)
def test_by_hand(raw, how, en, da, sv):
    assert [shown(raw, how, language) for language in LANGUAGES] == [en, da, sv]


def test_an_unknown_way_is_an_error_that_names_the_known():
    with pytest.raises(DataError, match="choose one of ratio"):
        shown("1", "fancy", "en")


@given(st.floats(-1e9, 1e9), st.sampled_from(LANGUAGES))
def test_what_is_written_is_the_number_within_half_its_last_digit(value, language):
    text = shown(repr(value), "plain", language)
    plain = text.replace(MINUS, "-").replace(NO_BREAK, "")
    plain = plain.replace(",", "") if language == "en" else plain.replace(",", ".")
    assert math.isclose(float(plain), value, rel_tol=5.01e-4, abs_tol=0)
    assert " " not in text and "." not in (text if language != "en" and "e" not in text else "")


@given(st.integers(0, 10**12))
def test_groups_of_three_whatever_the_length(value):
    assert decimal(str(value), "da").replace(NO_BREAK, "") == str(value)
    assert all(len(group) == 3 for group in decimal(str(value), "en").split(",")[1:])


def test_every_language_has_twelve_months():
    assert {len(months) for months in MONTHS.values()} == {12}
    assert not any(re.search(r"\d", name) for months in MONTHS.values() for name in months)
