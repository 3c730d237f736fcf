"""Threats are judged by what their tests would notice on the same design, and simulated once for the same design and program."""

import pickle
from dataclasses import dataclass, replace

import pytest

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED, ThreatResult
from gvi_eval.sensitivity.threats.battery import battery, flagged, judged, key_of, look
from gvi_eval.sensitivity.threats.detection import Detection
from gvi_eval.sensitivity.threats.planting import after, redrawn, with_nulls
from tests.support import cases
from tests.support.toy_threat import Fell

FEW = 6


@dataclass(frozen=True)
class Refused(Fell):
    def look(self, case):
        raise EstimationError("there is no second source")


@pytest.fixture(scope="module")
def case():
    return cases.case()


@pytest.fixture(scope="module")
def looked(case):
    return battery(case, threats=(Fell(),), simulations=FEW)


def test_what_a_test_notices_on_its_own_design_stands_beside_its_state(looked):
    (result,), (detection,) = looked
    assert result.state == NOT_FLAGGED
    assert detection.detected > 0.9
    assert detection.false_flags < 0.2
    assert result.evidence["detected"] == detection.detected


def test_a_test_that_is_blind_here_could_not_have_flagged(case):
    (result,), (detection,) = battery(case, threats=(Fell(limit=0.0),), simulations=2)
    assert detection.detected == 0
    assert result.state == COULD_NOT
    assert "in 0% of 2 data sets" in result.sentence


@pytest.mark.parametrize(
    ("state", "detected", "said"),
    [
        (NOT_FLAGGED, 0.50, NOT_FLAGGED),
        (NOT_FLAGGED, 0.49, COULD_NOT),
        (NOT_FLAGGED, None, COULD_NOT),
        (FLAGGED, 0.10, FLAGGED),
        (COULD_NOT, 1.00, COULD_NOT),
    ],
)
def test_half_of_the_planted_data_sets_decide(state, detected, said):
    detection = None if detected is None else Detection("T99", detected, 0.05, 100, "key")
    assert judged(ThreatResult("T99", state, 1.0, "so it is"), detection).state == said


def test_a_flag_says_how_often_it_would_be_raised_over_nothing():
    found = judged(ThreatResult("T99", FLAGGED, 1.0, "so it is"), Detection("T99", 0.9, 0.76, 100, "key"))
    assert found.sentence == "so it is; flagged in 90% of 100 data sets with it planted, in 76% of as many without"
    assert found.evidence["false_flags"] == 0.76


def test_a_test_that_cannot_be_asked_says_why_and_is_not_simulated(case):
    results, detections = battery(case, threats=(Refused(),), simulations=2)
    assert results[0].state == COULD_NOT
    assert results[0].sentence == "there is no second source"
    assert detections == ()


def test_a_known_detection_is_taken_and_not_simulated_again(case, looked):
    told = []
    (known,) = looked[1]
    again = battery(case, [replace(known, detected=0.77)], threats=(Fell(),), simulations=FEW, done=told.append)
    assert again[1][0].detected == 0.77
    assert told == ["threat T99"]


def test_the_key_changes_with_figures_settings_and_threat(case):
    own = key_of(Fell(), case)
    other = cases.case(cases.counts(2))
    assert own == key_of(Fell(), cases.case())
    assert (
        len({own, key_of(Fell(limit=0.7), case), key_of(Fell(), other), key_of(Fell(), cases.case(settings={"trend": False}))})
        == 4
    )


def test_figures_drawn_anew_keep_the_design_and_follow_the_seed(case):
    ready = with_nulls(case)
    one, same, other = (redrawn(ready, seed, after(ready, 0.5)) for seed in (3, 3, 4))
    assert one.panel.values.equals(same.panel.values)
    assert not one.panel.values.equals(other.panel.values)
    assert one.panel.periods.equals(case.panel.periods)
    assert one.onset == case.onset
    assert not one.tables
    assert not one.effects


def test_a_factor_multiplies_the_mean_of_what_is_drawn():
    ready = with_nulls(cases.case(cases.counts(1, mean=400)))
    drawn = redrawn(ready, 1, after(ready, 0.5)).panel
    values = drawn.values["Place"]
    assert values[drawn.periods >= "2019-01"].mean() / values[drawn.periods < "2019-01"].mean() == pytest.approx(0.5, rel=0.15)


def test_fits_are_shared_within_a_case_and_not_between_two(case):
    assert case.fit() is case.fit()
    assert case.with_().fit() is not case.fit()
    assert case.fit(trend=False).point != case.fit().point


def test_look_takes_an_error_for_a_reason(case):
    assert look(Refused(), case) == ThreatResult("T99", COULD_NOT, None, "there is no second source")


def test_a_case_drawn_anew_is_the_same_in_another_process(case):
    ready = with_nulls(case)
    sent = pickle.loads(pickle.dumps((ready, (Fell(),), True)))
    assert flagged(sent, 5) == flagged((ready, (Fell(),), True), 5) == {"T99": True}
    assert redrawn(sent[0], 5).panel.values.equals(redrawn(ready, 5).panel.values)
