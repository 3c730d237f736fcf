"""T5 and T6: a fall that was under way and a break that came before the decision are flagged, a step at the start is not."""

from datetime import date

import numpy as np
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.beginning import PreTrend, UnclearStart, step_at_placebo_starts
from tests.support import cases
from tests.support.planted import states

T5, T6 = PreTrend(), UnclearStart()
STEP = np.repeat([1.0, 0.4], [60, 36])


def test_a_steady_fall_is_flagged_and_its_slope_found():
    result = look(T5, cases.case(cases.counts(1, mean=60, factor=0.8 ** (np.arange(96) / 12))))
    assert result.state == FLAGGED
    assert result.evidence["disagree"]
    assert result.evidence["slope"] == pytest.approx(0.8, abs=0.05)
    assert result.evidence["slope_lower"] < 0.8 < result.evidence["slope_upper"]


def test_a_step_at_the_start_is_not_flagged():
    result = look(T5, cases.case(cases.counts(1, mean=40, factor=STEP)))
    assert result.state == NOT_FLAGGED
    assert result.number == 0
    assert result.evidence["starts"] == 12


def test_placebo_starts_see_only_what_was_before_the_programme():
    own, found = step_at_placebo_starts(cases.counts(1, mean=400, factor=STEP))
    assert own == pytest.approx(-np.log(0.4), abs=0.03)
    assert np.abs(found).max() < 0.1


def test_an_earlier_step_as_large_is_found_by_the_placebos():
    early = np.repeat([1.0, 0.4, 0.16], [40, 20, 36])
    own, found = step_at_placebo_starts(cases.counts(1, mean=400, factor=early))
    assert np.abs(found).max() == pytest.approx(-np.log(0.4), abs=0.1)
    assert own > np.log(1 / 0.4)


def test_without_room_for_a_placebo_start_the_pair_alone_decides():
    result = look(T5, cases.case(cases.counts(1, mean=40, before=20, factor=np.repeat([1.0, 0.4], [20, 36]))))
    assert result.number is None
    assert "no " in result.sentence and "placebo start" in result.sentence


def test_a_break_before_the_decision_is_flagged():
    result = look(T6, cases.case(cases.counts(1, mean=20, factor=np.repeat([1.0, 0.4], [42, 54]))))
    assert result.state == FLAGGED
    assert result.number > 10
    assert result.evidence["candidates"] == 3


def test_a_break_at_the_declared_start_is_not():
    result = look(T6, cases.case(cases.counts(1, mean=20, factor=STEP)))
    assert result.state == NOT_FLAGGED
    assert result.number < 0.1
    assert result.evidence["donut"] == pytest.approx(0.4, abs=0.1)


def test_a_decision_before_the_figures_leaves_no_start_to_weigh():
    made_up = cases.study(interventions=(cases.programme(decided=cases.day(date(2013, 1, 1))),))
    result = look(T6, cases.case(made_up=made_up))
    assert result.state == COULD_NOT
    assert "before the decision" in result.sentence


def test_on_the_reference_design_planted_is_flagged_more_often_than_clean():
    for threat in (T5, T6):
        found = states(threat, 2)
        assert found["planted"].count(FLAGGED) == 2
        assert found["clean"].count(FLAGGED) <= 1
