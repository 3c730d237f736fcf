"""T7, T11, T12 and T13: floors and weights by hand, each violation planted, and nothing planted."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from gvi_eval.inference.admission import refusals
from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.donors import BESIDE_DONORS, BadFit, Contamination, FewTreated, Overfit, of_comparison
from gvi_eval.sensitivity.threats.planting import with_nulls
from gvi_eval.study import Intervention
from tests.support import cases, donor_cases
from tests.support.cases import day

SEEDS = range(3)


@pytest.fixture(scope="module")
def case():
    return donor_cases.beside_donors()


@pytest.fixture(scope="module")
def drawn(case):
    return with_nulls(case)


def flags(threat, cases):
    return sum(look(threat, each).state == FLAGGED for each in cases)


@pytest.mark.parametrize("threat", BESIDE_DONORS, ids=lambda threat: threat.id)
def test_what_is_planted_is_flagged(drawn, threat):
    assert flags(threat, [threat.planted(drawn.with_(), seed) for seed in SEEDS]) == len(SEEDS)


@pytest.mark.parametrize("threat", [FewTreated(), Contamination(), BadFit()], ids=lambda threat: threat.id)
def test_where_nothing_is_planted_nothing_is_flagged(drawn, threat):
    assert flags(threat, [threat.clean(drawn.with_(), seed) for seed in SEEDS]) == 0


def test_a_method_without_weights_to_choose_is_seldom_overfit():
    plain = with_nulls(donor_cases.beside_donors(donors=8, estimator="did", settings={}))
    assert flags(Overfit(), [Overfit().clean(plain.with_(), seed) for seed in range(5)]) <= 1


@pytest.mark.parametrize("threat", BESIDE_DONORS, ids=lambda threat: threat.id)
def test_a_single_series_could_not_have_flagged(threat):
    result = look(threat, cases.case())
    assert (result.id, result.state, result.number) == (threat.id, COULD_NOT, None)
    assert "compares with no donors" in result.sentence


@pytest.mark.parametrize(("donors", "state"), [(18, FLAGGED), (19, NOT_FLAGGED)])
def test_nineteen_donors_are_needed_for_five_per_cent(donors, state):
    result = FewTreated().look(donor_cases.beside_donors(donors=donors))
    assert result.state == state and result.number == pytest.approx(1 / (donors + 1))
    assert ("19 donors are needed" in result.sentence) == (state == FLAGGED)


def with_event(case, unit, role="treatment", start=date(2016, 1, 1), end=None):
    event = Intervention("own programme", role, day(start), "made up", unit=unit, end=end)
    return case.with_(whole=case.whole.with_(interventions=(event,)))


def heaviest(case):
    side, weights = case.evaluation.family.comparison, case.evaluation.family.weights[0]
    return side.units[1 + int(np.abs(weights[1:]).argmax())], float(np.abs(weights[1:]).max())


def test_the_weight_of_the_contaminated_donor_is_the_number_and_admission_says_the_same(case):
    donor, weight = heaviest(case)
    touched = with_event(case, donor)
    result = Contamination().look(touched)
    assert result.state == FLAGGED and result.number == pytest.approx(weight)
    assert f"the donor {donor} has a weight of {weight:.2f}" in result.sentence
    evaluation = touched.evaluation
    assert any(
        "contaminated" in reason
        for reason in refusals(evaluation.estimator, touched.panel, evaluation.family, evaluation.fit, None)
    )


def test_a_light_donor_an_event_that_was_over_and_a_new_form_contaminate_nothing(case):
    donor, _ = heaviest(case)
    weights = case.evaluation.family.weights[0]
    light = case.evaluation.family.comparison.units[1 + int(np.abs(weights[1:]).argmin())]
    assert Contamination().look(with_event(case, light)).state == NOT_FLAGGED
    over = with_event(case, donor, start=date(2001, 1, 1), end=date(2002, 1, 1))
    assert Contamination().look(over).number == 0
    assert Contamination().look(with_event(case, donor, role="recording change")).number == 0


def test_what_the_ratio_is_without_heavy_donors_stands_beside(case):
    assert "without one of the heaviest donors" in Contamination().look(case).sentence
    assert "without one" not in Contamination().look(case.with_(anew=True)).sentence


def test_the_fit_is_judged_by_both_its_limits(case):
    fit = case.evaluation.fit

    def judged(**changes):
        return BadFit().judge(replace(case.evaluation, fit=replace(fit, **changes)))

    assert judged(share=0.21, ratio=1.51).state == FLAGGED
    assert judged(share=0.19, ratio=9.0).state == NOT_FLAGGED
    assert judged(share=0.90, ratio=1.49).state == NOT_FLAGGED
    assert judged(share=0.21, ratio=np.nan).state == FLAGGED  # figures that are no counts have no expected noise


def test_outside_its_donors_only_a_method_without_a_level_of_its_own_is_flagged(case):
    fit = replace(case.evaluation.fit, share=0.05, ratio=1.0, beyond=0.5, most_beyond=0.1)
    shifted = replace(case.evaluation, fit=fit)
    assert BadFit().judge(shifted).state == NOT_FLAGGED
    plain = replace(shifted, estimator=replace(case.estimator, intercept=False))
    assert BadFit().judge(plain).state == FLAGGED


@pytest.mark.parametrize(
    ("ratio", "hold_out", "state", "number"),
    [
        (0.69, 1.0, FLAGGED, 1.0),
        (0.71, 1.51, FLAGGED, 1.51),
        (0.71, 1.49, NOT_FLAGGED, 1.49),
        (0.71, None, NOT_FLAGGED, 0.71),
        (np.nan, None, COULD_NOT, None),
    ],
)
def test_overfit_is_told_by_the_year_held_out_and_by_noise(case, ratio, hold_out, state, number):
    evaluation = replace(case.evaluation, fit=replace(case.evaluation.fit, ratio=ratio, hold_out=hold_out))
    result = Overfit().judge(evaluation)
    assert result.state == state and result.number == number


def test_any_comparison_of_a_study_can_be_judged(case):
    assert [each.id for each in of_comparison(case.evaluation)] == ["T7", "T11", "T12", "T13"]
