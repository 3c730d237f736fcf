"""Bayesian synthetic control: a case with one answer, its paths by hand, admission by the posterior mean, and what it refuses."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import comparison
from gvi_eval.estimators._posterior import Posterior, posterior_store
from gvi_eval.estimators.bayes_synthetic import LEVEL_STEP, BayesSynthetic, Figures, SimplexPaths
from gvi_eval.inference.evaluation import admitted

SHORT = {"draws": 300, "tuning": 300, "chains": 2, "allow_failed_diagnostics": True}


@pytest.fixture(scope="module")
def panel(make_panel):
    """The town is half of A and half of B, and C is something else; from the start on it counts half."""
    t = np.arange(48)
    a, b = 100 + 40 * np.sin(t / 3), 100 + 40 * np.cos(t / 2)
    town = (a + b) / 2 * np.where(t >= 36, 0.5, 1.0)
    return make_panel({"Town": town.round(), "A": a.round(), "B": b.round(), "C": 60 + 50 * np.sin(t)}, 36)


@pytest.fixture(scope="module")
def effect(panel):
    return BayesSynthetic(**SHORT).estimate(panel)


def test_the_mixture_and_the_halving_are_found(effect):
    weights = effect.details["weights"]
    assert weights["A"] == pytest.approx(0.5, abs=0.06) and weights["B"] == pytest.approx(0.5, abs=0.06)
    assert effect.point == pytest.approx(0.5, abs=0.02)
    assert effect.intervals[0].kind == "prediction" and effect.intervals[0].upper < 0.6
    assert effect.tests[0].p_value == pytest.approx(effect.tests[0].floor)
    assert sum(weights.values()) == pytest.approx(1, abs=1e-5)


def test_a_factor_takes_up_the_level(make_panel):
    t = np.arange(40)
    donors = {name: (80 + 20 * np.sin(t / (2 + n)) + 5 * n).round() for n, name in enumerate("ABC")}
    town = 3 * (donors["A"] + donors["B"]) / 2
    found = BayesSynthetic(intercept=True, **SHORT).estimate(make_panel({"Town": town.round(), **donors}, 30))
    assert found.details["factor"]["mean"] == pytest.approx(3, rel=0.1) and found.point == pytest.approx(1, abs=0.05)


def posterior(logs: np.ndarray, alpha: float) -> Posterior:
    draws = len(logs)
    hyper = np.column_stack([np.full(draws, alpha), np.ones(draws)])
    steps = np.rint(logs / LEVEL_STEP).astype(np.int16)
    return Posterior("key", np.full((1, draws, 1), 1.0, np.float32), hyper[None].astype(np.float32), steps[None], {})


def test_paths_by_hand():
    # One draw, means of 10 and 20 and no dispersion: the predicted sum is Poisson with mean 30.
    paths = SimplexPaths.of(posterior(np.log([[10.0, 20.0]]), 1e-9), np.array([8.0, 12.0]))
    rows = np.arange(2)
    reached, expected, without = paths.totals(rows)
    assert set(reached) == {20.0} and expected == pytest.approx(30, rel=1e-3)
    assert without.mean() == pytest.approx(30, rel=0.01) and without.var() == pytest.approx(30, rel=0.05)
    assert paths.expected == pytest.approx([10, 20], rel=1e-3)
    p_value = 2 * stats.poisson(30).cdf(20)
    assert paths.test(rows).p_value == pytest.approx(p_value, abs=0.01)
    means, sds = paths.log_ratio(rows)
    assert np.median(means) == pytest.approx(np.log(20 / 30), abs=0.02) and (sds == 0).all()


def test_what_is_stored_is_of_every_period_and_small(panel):
    figures = Figures.of(comparison(panel, "rate", "bayes_synthetic"))
    assert figures.shape == (36, 3) and figures.every.shape == (48, 3)
    assert (figures.data["counts"].sum() / figures.data["exposure"].sum()) == pytest.approx(1)
    weights = np.random.default_rng(1).dirichlet([1, 1, 1], size=(2, 3000))
    kept = figures.kept("key", weights, np.full((2, 3000), 0.1), np.zeros((2, 3000)), {})
    assert kept.coefficients.shape == (2, 500, 3) and kept.level.shape == (2, 500, 48)
    expected = np.log(weights[0, 0] @ figures.every[40] * figures.exposure[40])
    assert kept.level[0, 0, 40] * LEVEL_STEP == pytest.approx(expected, abs=LEVEL_STEP)


def test_a_kept_posterior_is_read_again(panel, effect, tmp_path, monkeypatch):
    with posterior_store(tmp_path):
        first = BayesSynthetic(**SHORT).estimate(panel)
        monkeypatch.setattr("gvi_eval.estimators.bayes_synthetic.sample", None)
        again = BayesSynthetic(**SHORT, level=0.9).estimate(panel)
    assert first.point == again.point == effect.point
    assert again.intervals[0].level == 0.9
    assert [file.suffix for file in tmp_path.iterdir()] == [".nc"]


def test_admission_asks_the_posterior_mean(panel, effect, tmp_path):
    with posterior_store(tmp_path):
        estimator = BayesSynthetic(**SHORT)
        inside = admitted(estimator, panel, estimator.estimate(panel))
        assert inside.refusal is None and inside.details["fit"]["ratio"] < 1.5
        high = panel.with_(values=panel.values.assign(Town=panel.values["Town"] * 4))
        refused = admitted(estimator, high, estimator.estimate(high))
    assert refused.point is None and "lies outside its donors" in refused.refusal
    with pytest.raises(StudyError, match="a sample for every donor"):
        estimator.family(panel, placebos=True)


def test_what_it_refuses(panel, make_panel):
    with pytest.raises(StudyError, match="concentration of bayes_synthetic is 0"):
        BayesSynthetic(concentration=0)
    with pytest.raises(StudyError, match="chains of bayes_synthetic is 1"):
        BayesSynthetic(chains=1)
    with pytest.raises(EstimationError, match="share"):
        BayesSynthetic(**SHORT).estimate(panel.with_(kind="share"))
    with pytest.raises(EstimationError, match="Town has 2 donors"):
        BayesSynthetic(**SHORT).estimate(panel.without("C"))


def test_settings_that_change_no_draw_are_not_in_the_key(panel):
    side = comparison(panel, "rate", "bayes_synthetic")
    figures = Figures.of(side)
    one = BayesSynthetic()
    assert one._key(side, figures) == dataclasses.replace(one, level=0.8)._key(side, figures)
    assert one._key(side, figures) != dataclasses.replace(one, seed=2)._key(side, figures)
    moved = dataclasses.replace(side, onset=pd.Period("2013-02", "M"))
    assert one._key(side, figures) != one._key(moved, figures)
