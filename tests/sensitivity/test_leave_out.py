"""Leaving donors out: the heaviest alone and two at a time, each a plain refit; too few left is a reason, not a number."""

import numpy as np
import pytest

from gvi_eval.estimators.did import Did
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.sensitivity.leave_out import HEAVIEST, LIGHTEST, leave_out
from gvi_eval.study import Estimand

RATIO = Estimand("r", "ratio")


@pytest.fixture
def evaluation(make_panel):
    random = np.random.default_rng(1)
    panel = make_panel({"Town": random.poisson(20, 36), **{f"D{j:02}": random.poisson(20, 36) for j in range(15)}}, 24)
    return evaluate(Synthetic(intercept=True), panel)


def test_the_one_donor_that_carries_the_result_is_found(make_panel):
    # The town is A to the digit and A falls with it: with A the ratio is 1, without it the others stay and it is a half.
    rise = np.array([10.0, 12, 9, 11, 10, 12] * 4)
    fallen = np.where(np.arange(24) < 18, rise, rise / 2)
    random = np.random.default_rng(2)
    counts = {"Town": fallen, "A": fallen, **{name: rise + random.integers(-3, 4, 24) for name in "BCDEF"}}
    evaluation = evaluate(Synthetic(intercept=True), make_panel(counts, 18))
    found = leave_out(evaluation, RATIO)
    assert found[0].donors == ("A",) and evaluation.base.point == pytest.approx(1)
    assert found[0].point == pytest.approx(0.5, abs=0.12)


def test_each_is_the_refit_without_them(evaluation):
    found = leave_out(evaluation, RATIO)
    weights = evaluation.base.details["weights"]
    heavy = [name for name in weights if weights[name] >= LIGHTEST][:HEAVIEST]
    assert [each.donors for each in found[: len(heavy)]] == [(name,) for name in heavy]
    assert len(found) == len(heavy) + len(heavy) * (len(heavy) - 1) // 2
    for each in (found[0], found[-1]):
        panel = evaluation.panel
        for donor in each.donors:
            panel = panel.without(donor)
        assert each.point == pytest.approx(evaluation.estimator.estimate(panel).point)
        assert each.refusal is None


def test_too_few_donors_left_is_a_reason(make_panel):
    random = np.random.default_rng(3)
    panel = make_panel({"Town": random.poisson(20, 36), **{f"D{j}": random.poisson(20, 36) for j in range(4)}}, 24)
    found = leave_out(evaluate(Did(), panel), RATIO)
    assert [len(each.donors) for each in found] == [1] * 4 + [2] * 6
    assert all(each.point is not None for each in found[:4])
    assert all(each.point is None and "Town has 2 donors" in each.refusal for each in found[4:])
