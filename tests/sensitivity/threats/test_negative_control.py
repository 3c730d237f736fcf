"""T17 with a planted positive, a planted null, and a control that could not have shown anything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gvi_eval.effect import Effect
from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.negative_control import NegativeControl, negative_control, negative_control_beside_donors
from gvi_eval.study import Estimand
from tests.support import cases
from tests.support.planted import states

METHOD = Segmented(family="poisson", covariance="model", trend=False, season="none")


@pytest.fixture(scope="module")
def effect(make_panel):
    """The effect of a series with one count a month before the start and another after it, twelve months each."""
    return lambda before, after: METHOD.estimate(make_panel({"Town": [before] * 12 + [after] * 12}, onset=12))


def judged(primary, control):
    return negative_control(primary, control, "shootings", "burglary")


def test_a_planted_fall_of_both_is_flagged(effect):
    threat = judged(effect(40, 20), effect(60, 30))
    assert (threat.id, threat.state) == ("T17", "flagged") and "moved alike" in threat.sentence
    assert threat.number == pytest.approx(1.0)


def test_a_planted_null_is_not_flagged(effect):
    threat = judged(effect(40, 20), effect(60, 60))
    assert threat.state == "not flagged" and "is not shown to have moved alike" in threat.sentence
    assert threat.number == pytest.approx(0.5)


def test_a_control_with_few_events_could_not_have_flagged(effect):
    threat = judged(effect(40, 32), effect(1, 1))
    assert threat.state == "could not have flagged" and "could not have shown" in threat.sentence


def test_half_of_the_primary_effect_flags_even_when_it_is_not_sure(effect):
    control = effect(1.5, 0.75)
    assert not control.intervals[0].excludes(1.0)
    assert judged(effect(40, 11), control).state == "flagged"


def test_half_of_next_to_nothing_flags_nothing(effect):
    # a control of a tenth of the size wobbles by more than the primary moved
    assert judged(effect(40, 39), effect(4, 3.5)).state == "could not have flagged"


def test_a_sure_move_the_other_way_is_not_the_same_move(effect):
    control = effect(60, 90)
    assert control.intervals[0].excludes(1.0)
    assert judged(effect(40, 20), control).state == "not flagged"


def test_a_sure_small_move_the_same_way_is_flagged(effect):
    control = effect(6000, 5700)
    assert control.intervals[0].excludes(1.0) and judged(effect(40, 10), control).state == "flagged"


def test_the_ratio_of_ratios_is_on_paper(effect):
    threat = judged(effect(40, 20), effect(60, 60))
    error = np.sqrt(1 / 480 + 1 / 240 + 1 / 720 + 1 / 720)
    assert threat.evidence["lower"] == pytest.approx(0.5 * np.exp(-stats.norm.ppf(0.975) * error))
    assert threat.evidence["upper"] == pytest.approx(0.5 * np.exp(stats.norm.ppf(0.975) * error))
    assert "ratio of ratios 0.50" in threat.sentence and "taken as independent" in threat.sentence


def test_the_detectable_ratio_is_on_paper(effect):
    threat = judged(effect(40, 20), effect(60, 60))
    assert threat.evidence["detectable_ratio"] == pytest.approx(np.exp(-(1.959964 + 0.841621) * np.sqrt(2 / 720)), rel=1e-6)


@pytest.mark.parametrize("refused_first", [True, False])
def test_a_refused_effect_could_not_have_flagged_and_says_why(effect, refused_first):
    refused = Effect("m", "Town", Estimand("ratio"), None, None, refusal="no events")
    pair = (refused, effect(60, 60)) if refused_first else (effect(40, 20), refused)
    threat = judged(*pair)
    assert threat.state == "could not have flagged" and threat.number is None
    assert threat.sentence == f"{'shootings' if refused_first else 'burglary'} has no effect to compare: no events"


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200), st.integers(1, 200))
@settings(max_examples=25, deadline=None)
def test_the_three_states_follow_from_the_numbers_and_none_is_called_passed(effect, a, b, c, d):
    primary, control = effect(a, b), effect(c, d)
    threat = judged(primary, control)
    main, other = np.log(primary.point), np.log(control.point)
    same_side, sure = np.sign(main) == np.sign(other), control.intervals[0].excludes(1.0)
    if min(abs(main), abs(other)) > 1e-9 and abs(abs(other) - abs(main) / 2) > 1e-9:
        too_small = abs(np.log(threat.evidence["detectable_ratio"])) > abs(main)
        alike = same_side and (sure or (not too_small and abs(other) >= abs(main) / 2))
        assert (threat.state == "flagged") == alike
        assert (threat.state == "could not have flagged") == (too_small and not alike)
    assert "passed" not in threat.sentence


def test_an_effect_without_a_distribution_is_judged_by_a_state_and_not_by_a_crash(make_panel, effect):
    exact = ExactRatio().estimate(make_panel({"Town": [40] * 12 + [20] * 12}, onset=12))
    assert judged(exact, effect(60, 60)).state == "could not have flagged"


def beside_donors(main: float, other: float, make_panel, mean: float = 400.0, donors: int = 24):
    """T17 of two outcomes of a town with donors, each changed by a ratio from the start on."""
    found = []
    for seed, ratio in enumerate((main, other)):
        random = np.random.default_rng(seed)
        counts = {"Town": random.poisson(mean * np.where(np.arange(48) < 24, 1.0, ratio))}
        counts |= {f"Donor {j:02}": random.poisson(mean, 48) for j in range(donors)}
        found.append(evaluate(Sdid(), make_panel(counts, onset=24)))
    (primary, control), ratio = found, Estimand("ratio")
    return negative_control_beside_donors(
        primary.effect(ratio), control.effect(ratio), control.placebos(ratio), "shootings", "burglary"
    )


def test_beside_donors_a_planted_fall_of_both_is_flagged_and_a_null_is_not(make_panel):
    flagged, null = beside_donors(0.5, 0.6, make_panel), beside_donors(0.5, 1.0, make_panel)
    assert (flagged.id, flagged.state, null.state) == ("T17", "flagged", "not flagged")
    assert flagged.number == pytest.approx(0.5 / 0.6, rel=0.1) and "moved alike" in flagged.sentence
    assert null.number == pytest.approx(0.5, rel=0.1) and "not shown to have moved" in null.sentence


def test_beside_few_donors_a_control_could_not_have_flagged(make_panel):
    threat = beside_donors(0.9, 1.0, make_panel, donors=6)
    assert threat.state == "could not have flagged" and "detectable_ratio" not in threat.evidence


def with_control(fall, role="negative control", mean=20):
    halved = np.repeat([1.0, 0.4], [60, 36])
    own, control = (
        cases.counts(1, mean=mean, factor=halved),
        cases.counts(2, mean=mean, factor=np.repeat([1.0, fall], [60, 36])),
    )
    return cases.case(own, {"control": (role, control)})


@pytest.mark.parametrize(("fall", "state"), [(0.4, "flagged"), (1.0, "not flagged")])
def test_the_threat_puts_the_control_through_the_headlines_analysis(fall, state):
    result = look(NegativeControl(), with_control(fall))
    assert result.state == state
    assert result.evidence["control"] == "control"
    assert result.evidence["control_ratio"] == pytest.approx(fall, abs=0.25)


def test_without_a_control_it_could_not_have_flagged():
    for case in (cases.case(), with_control(0.4, role="companion")):
        assert look(NegativeControl(), case).state == "could not have flagged"


def test_the_worst_of_two_controls_decides():
    both = with_control(1.0)
    falls = with_control(0.4).others["control"]
    made_up = cases.study(("events", ("control", "negative control"), ("another", "negative control")))
    case = both.with_(study=made_up, others={**both.others, "another": falls})
    assert look(NegativeControl(), case).evidence["control"] == "another"


def test_on_the_reference_design_planted_is_flagged_and_clean_is_not():
    found = states(NegativeControl(), 4)
    assert found["planted"].count("flagged") >= 3
    assert found["clean"].count("flagged") <= 1
