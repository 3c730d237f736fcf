"""An interval is a pair in order with a level and a kind; a test carries its null in words."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.intervals import Interval, Test

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def test_one_inside_is_not_excluded_and_one_outside_is():
    interval = Interval(0.8, 1.2, 0.95, "wald")
    assert not interval.excludes(1.0)
    assert interval.excludes(0.79) and interval.excludes(1.21)


def test_the_limits_themselves_are_inside():
    interval = Interval(0.8, 1.2, 0.95, "exact")
    assert not interval.excludes(0.8) and not interval.excludes(1.2)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_value_is_excluded_exactly_when_it_lies_outside(one, other, value):
    interval = Interval(min(one, other), max(one, other), 0.9, "posterior")
    assert interval.excludes(value) == (not interval.lower <= value <= interval.upper)


def test_an_interval_upside_down_is_refused_with_both_limits():
    with pytest.raises(ValueError, match=r"from 1.2 to 0.8 is upside down"):
        Interval(1.2, 0.8, 0.95, "wald")


def test_a_limit_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="upside down"):
        Interval(math.nan, 1.0, 0.95, "wald")


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.1])
def test_a_level_outside_zero_and_one_is_refused_and_named(level):
    with pytest.raises(ValueError, match=f"not at {level}"):
        Interval(0.8, 1.2, level, "wald")


def test_intervals_and_tests_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Interval(0.8, 1.2, 0.95, "wald").lower = 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        Test("exact", "no change", 1.0, 0.5, 0.0).p_value = 0.01
