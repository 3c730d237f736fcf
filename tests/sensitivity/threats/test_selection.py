"""T1: a peak before the decision is flagged, a true fall is not, and too short a history could not have been."""

from datetime import date

import numpy as np
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.selection import RegressionToMean
from tests.support import cases
from tests.support.planted import states

T1 = RegressionToMean()


def test_a_peak_before_the_decision_is_flagged_and_a_true_fall_is_not():
    found = states(T1, 4)
    assert found["planted"].count(FLAGGED) >= 3
    assert found["clean"].count(FLAGGED) <= 1


def test_what_is_left_without_the_peak_stands_in_the_number():
    peak = np.ones(96)
    peak[42:60] = 2.0
    result = look(T1, cases.case(cases.counts(1, mean=40, factor=peak), settings={"trend": False}))
    assert result.state == FLAGGED
    assert abs(result.number) < 0.5
    assert result.evidence["donut"] == pytest.approx(1, abs=0.15)
    assert result.evidence["effect"] < 0.85
    assert "rank 1 of" in result.evidence["rank_before_decision"]


def test_shorter_baselines_stand_beside_it():
    result = look(T1, cases.case(cases.counts(1, mean=40, factor=np.repeat([1.0, 0.5], [60, 36]))))
    assert result.state == NOT_FLAGGED
    assert result.evidence["baseline_3_years"] == pytest.approx(0.5, abs=0.15)
    assert "baseline_5_years" not in result.evidence  # all there is


def test_fewer_than_24_months_left_tell_no_level():
    early = cases.programme(decided=cases.day(date(2016, 6, 1)))
    made_up = cases.study(interventions=(early,))
    result = look(T1, cases.case(made_up=made_up))
    assert result.state == COULD_NOT
    assert result.evidence["months_left"] == 17
    assert "only 17 months" in result.sentence
