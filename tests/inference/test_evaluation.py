"""An evaluation: one fit, any contrast of it, with limits that agree, and refusals that keep what was found."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.estimators.did import Did
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate, refitted
from gvi_eval.inference.placebo import PlaceboInference
from gvi_eval.study import Estimand, Window

RATIO, PREVENTED, GAP = Estimand("r", "ratio"), Estimand("p", "prevented"), Estimand("d", "difference")
METHODS = [Synthetic(), Synthetic(intercept=True), Synthetic(scale="log"), Sdid(), Did(), Did(model="poisson")]
every_method = pytest.mark.parametrize("estimator", METHODS, ids=["sc", "intercept", "log", "sdid", "did", "poisson"])


def counts_of(seed: int, ratio: float = 1.0, donors: int = 24, mean: float = 20, periods: int = 48, onset: int = 36):
    random = np.random.default_rng(seed)
    counts = {"Town": random.poisson(mean, periods).astype(float)}
    counts["Town"][onset:] = random.poisson(mean * ratio, periods - onset)
    return counts | {f"Donor {j:02}": random.poisson(mean, periods).astype(float) for j in range(donors)}


@every_method
def test_the_three_contrasts_tell_one_story(make_panel, estimator):
    for seed, ratio in ((1, 0.5), (2, 1.0)):
        evaluation = evaluate(estimator, make_panel(counts_of(seed, ratio), 36))
        effects = [evaluation.effect(each) for each in (RATIO, PREVENTED, GAP)]
        (one,), (two,), (three,) = (effect.intervals for effect in effects)
        placebos = evaluation.placebos(RATIO)
        seen, expected = placebos.observed[0], placebos.expected[0]
        assert [effect.point for effect in effects] == pytest.approx([seen / expected, expected - seen, (seen - expected) / 12])
        for effect in effects:
            assert effect.intervals[0].lower <= effect.point <= effect.intervals[0].upper
            assert effect.intervals[0].kind == "placebo" and effect.intervals[0].level == 0.95
        assert (three.lower, three.upper) == pytest.approx((-two.upper / 12, -two.lower / 12))
        assert one.excludes(1) == two.excludes(0) == three.excludes(0) == (effects[0].tests[0].p_value <= 0.05)
        # Half an event is all that parts the ratio's limits from those of what was expected.
        assert seen / (seen + two.upper) == pytest.approx(one.lower, rel=0.01)


def test_difference_and_ratio_where_nothing_changed_at_all(make_panel):
    evaluation = evaluate(
        Did(), make_panel({"Town": [5] * 24, **{f"D{j:02}": [4, 6][:: 1 - 2 * (j % 2)] * 12 for j in range(20)}}, 12)
    )
    effect = evaluation.effect(GAP)
    assert effect.point == 0
    assert effect.intervals[0].lower <= 0 <= effect.intervals[0].upper < 1


def test_nothing_observed_is_prevented_as_far_as_expected(make_panel):
    counts = counts_of(3)
    counts["Town"][36:] = 0
    evaluation = evaluate(Synthetic(intercept=True), make_panel(counts, 36))
    ratio, prevented = evaluation.effect(RATIO), evaluation.effect(PREVENTED)
    assert (ratio.point, ratio.intervals[0].lower) == (0, 0) and 0 < ratio.intervals[0].upper < 0.1
    assert prevented.intervals[0].lower < prevented.point < prevented.intervals[0].upper
    assert prevented.intervals[0].lower > 100


@every_method
def test_the_order_of_the_units_does_not_matter(make_panel, estimator):
    panel = make_panel(counts_of(4, 0.7, donors=10), 36)
    backwards = list(panel.values)[::-1]
    turned = panel.with_(values=panel.values[backwards], exposure=panel.exposure[backwards])
    one, other = (evaluate(estimator, each).effect(RATIO) for each in (panel, turned))
    assert other.point == pytest.approx(one.point, rel=1e-7)
    assert other.intervals[0].lower == pytest.approx(one.intervals[0].lower, rel=1e-6)
    assert [test.p_value for test in other.tests] == [test.p_value for test in one.tests]
    assert other.refusal == one.refusal


@every_method
@pytest.mark.parametrize("factor", [1e-5, 12.0])
def test_the_unit_of_exposure_does_not_matter(make_panel, estimator, factor):
    panel = make_panel(counts_of(5, 0.7, donors=10), 36, exposure=100.0)
    one, other = (evaluate(estimator, each).effect(RATIO) for each in (panel, panel.with_(exposure=panel.exposure * factor)))
    assert other.point == pytest.approx(one.point, rel=1e-6)
    assert other.intervals[0].upper == pytest.approx(one.intervals[0].upper, rel=1e-5)
    assert other.refusal == one.refusal
    assert other.details["fit"]["ratio"] == pytest.approx(one.details["fit"]["ratio"], rel=1e-5)


def test_a_refused_effect_keeps_path_and_details_and_has_no_point(make_panel):
    counts = counts_of(6)
    counts["Town"] = counts["Town"] + 60
    evaluation = evaluate(Synthetic(), make_panel(counts, 36))
    effect = evaluation.effect(RATIO)
    assert effect.point is None and effect.intervals == () and effect.tests == ()
    assert "lies outside its donors" in effect.refusal
    assert effect.counterfactual.expected.notna().all()
    assert effect.details["weights"] and effect.details["placebo"]["donors"] == 24 and effect.details["fit"]["rmspe"] > 0
    assert evaluation.effect(PREVENTED).refusal == effect.refusal


def test_a_window_is_kept(make_panel):
    evaluation = evaluate(Did(), make_panel(counts_of(7), 36))
    year = Estimand("half", "difference", window=Window(date(2013, 1, 1), date(2013, 6, 30)))
    effect, placebos = evaluation.effect(year), evaluation.placebos(year)
    assert placebos.periods == 6
    assert effect.point == pytest.approx((placebos.observed[0] - placebos.expected[0]) / 6)
    assert effect.intervals[0].lower < effect.point < effect.intervals[0].upper


def test_months_left_out_are_left_out_of_everything(make_panel):
    panel = make_panel(counts_of(8), 36)
    donut = panel.donut(Window(date(2012, 11, 1), date(2013, 2, 28)))
    evaluation = evaluate(Synthetic(intercept=True), donut)
    assert evaluation.placebos(RATIO).periods == 10
    effect = evaluation.effect(GAP)
    assert effect.counterfactual.observed["2012-11":"2013-02"].isna().all()
    assert effect.intervals[0].lower < effect.point < effect.intervals[0].upper
    assert evaluation.fit.rmspe > 0


def test_few_donors_are_said_with_the_level_they_give(make_panel):
    effect = evaluate(Did(), make_panel(counts_of(9, donors=9), 36)).effect(RATIO)
    assert effect.intervals[0].level == pytest.approx(0.9)
    assert any(
        "with 9 donors no p-value falls below 0.100" in note and "a level of 90% (19 donors are needed)" in note
        for note in effect.notes
    )
    assert "detectable" not in effect.details["placebo"]
    lower = evaluate(Did(level=0.8), make_panel(counts_of(9, donors=9), 36)).effect(RATIO)
    assert lower.intervals[0].level == 0.8 and any("a level of 80%" in note for note in lower.notes)
    enough = evaluate(Did(), make_panel(counts_of(9, donors=19), 36)).effect(RATIO)
    assert enough.intervals[0].level == 0.95 and enough.notes == ()


def test_the_declared_statistic_and_whether_the_treated_stays_travel_with_the_effect(make_panel):
    inference = PlaceboInference("rmspe ratio", treated_stays=True)
    effect = evaluate(Synthetic(intercept=True), make_panel(counts_of(10), 36), inference).effect(RATIO)
    assert effect.tests[0].kind == "placebo, RMSPE ratio"
    assert effect.details["placebo"]["treated_stays"] is True
    assert effect.details["placebo"]["floor"] == pytest.approx(1 / 25)


def test_predictors_that_name_the_last_year_do_not_end_the_evaluation(make_panel):
    panel = make_panel(counts_of(11, donors=5, periods=60, onset=48), 48)
    evaluation = evaluate(Synthetic(predictors=("outcome 2013", "outcome 2010..2012")), panel)
    assert evaluation.fit.hold_out is None
    assert evaluation.base.point > 0


@every_method
def test_a_refit_is_the_fit_on_another_panel(make_panel, estimator):
    panel = make_panel(counts_of(12, donors=6), 36)
    assert refitted(estimator, panel, RATIO).point == pytest.approx(estimator.estimate(panel).point, rel=1e-12)
    assert refitted(estimator, panel.without("Donor 00"), RATIO).point != estimator.estimate(panel).point


def test_the_evaluation_changes_nothing(make_panel):
    panel = make_panel(counts_of(13, donors=5), 36)
    values = panel.values.copy()
    evaluate(Sdid(), panel).effect(RATIO)
    pd.testing.assert_frame_equal(panel.values, values)
