"""Augmented synthetic control: cases on paper, its two ends, its choice of λ against plain refits, and its laws."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_simplex import by_nnls

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.augmented import SMALLEST, STEPS, Augmented
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.study import Estimand, Intervention, Moment

GAP = Estimand("gap", "difference", target="realised")
T0, T = 14, 20
TRAITS = ("wealth", "youth")
WAYS = [
    {},
    {"intercept": True},
    {"predictors": TRAITS},
    {"predictors": TRAITS, "intercept": True},
    {"predictors": TRAITS, "residualised": True},
    {"predictors": TRAITS, "residualised": True, "intercept": True},
]
every_way = pytest.mark.parametrize("way", WAYS, ids=["plain", "level", "beside", "beside, level", "left", "left, level"])


def table(seed: int, units: int = 9) -> np.ndarray:
    random = np.random.default_rng(seed)
    common = np.cumsum(random.normal(size=(T, 2)), axis=0)
    return 30 + common @ random.normal(size=(2, units)) + 3 * random.normal(size=units) + random.normal(size=(T, units))


@pytest.fixture(scope="session")
def panel_of(make_panel):
    """A panel of figures (period, unit), the town first, with two covariates that stay as they are."""

    def make(figures: np.ndarray, seed: int = 0, onset: int = T0, traits: np.ndarray | None = None):
        names = ["Town", *(f"Donor {j}" for j in range(figures.shape[1] - 1))]
        panel = make_panel(dict(zip(names, figures.T, strict=True)), onset, kind="continuous", estimand=GAP)
        traits = np.random.default_rng(seed).normal(5, 2, (2, len(names))) if traits is None else traits
        tables = {name: pd.DataFrame([own] * T, panel.periods, names) for name, own in zip(TRAITS, traits, strict=True)}
        return panel.with_(covariates=tables)

    return make


def plain_weights(rows: np.ndarray, ridge: float) -> np.ndarray:
    """Weights (donor,) from rows (row, unit), the town first: the formula as it stands, with an inverse."""
    y, Z = rows[:, 0], rows[:, 1:]
    w = by_nnls(y, Z)[0]
    X = Z - Z.mean(axis=1, keepdims=True)
    return w + X.T @ np.linalg.inv(X @ X.T + ridge * np.eye(len(X))) @ (y - Z @ w)


def plain_rows(figures: np.ndarray, traits: np.ndarray, way: dict) -> np.ndarray:
    """The rows that are likened, (row, unit), for the figures before the start (period, unit)."""
    if way.get("intercept"):
        figures = figures - figures.mean(axis=0)
    if "predictors" not in way:
        return figures
    X, C = figures - figures[:, 1:].mean(axis=1, keepdims=True), traits - traits[:, 1:].mean(axis=1, keepdims=True)
    if way.get("residualised"):
        return X - np.linalg.lstsq(C[:, 1:].T, X[:, 1:].T, rcond=None)[0].T @ C
    # Scaled by the scatter of all periods; about the level, one degree of freedom fewer.
    degrees = X[:, 1:].size - 1 - (X.shape[1] - 1) * way.get("intercept", False)
    return np.vstack([X, C / C[:, 1:].std(axis=1, ddof=1, keepdims=True) * np.sqrt((X[:, 1:] ** 2).sum() / degrees)])


def finished(weights: np.ndarray, traits: np.ndarray, way: dict) -> np.ndarray:
    if not way.get("residualised"):
        return weights
    C = traits[:, 1:] - traits[:, 1:].mean(axis=1, keepdims=True)
    return weights + (traits[:, 0] - traits[:, 1:] @ weights) @ np.linalg.inv(C @ C.T) @ C


def weights_of(effect, donors: int = 8) -> np.ndarray:
    return np.array([effect.details["weights"].get(f"Donor {j}", 0.0) for j in range(donors)])


def test_half_of_what_is_left_by_hand(make_panel):
    # The mean of 2, 4, 6 that is nearest to 9 is 6, and 3 are left. X = (−2, 0, 2) and XX' = 8, so λ = 8 halves what is
    # made up: weights 3 · (−2, 0, 2) / 16 more. They expect 7.5 before, and of 3, 5, 9 they expect 11.25 after.
    panel = make_panel({"Town": [9, 9], "A": [2, 3], "B": [4, 5], "C": [6, 9]}, 1)
    effect = Augmented(ridge=8.0).estimate(panel)
    assert effect.details["weights"] == pytest.approx({"C": 1.375, "A": -0.375})
    assert list(effect.details["weights"]) == ["C", "A"]
    assert effect.details["simplex_weights"] == {"C": 1.0}
    assert effect.details["negative_weight"] == pytest.approx(0.375)
    assert effect.counterfactual.expected.tolist() == pytest.approx([7.5, 11.25])
    assert effect.point == pytest.approx(9 / 11.25)


def test_the_level_taken_out_by_hand(make_panel):
    # About its mean of 10 the town moves as A does about 2, so 8 more than A is expected.
    panel = make_panel({"Town": [9, 11, 6], "A": [1, 3, 4], "B": [4, 4, 9], "C": [7, 5, 9]}, 2)
    effect = Augmented(intercept=True, ridge=1.0).estimate(panel)
    assert effect.details["weights"] == pytest.approx({"A": 1.0})
    assert effect.details["intercept"] == pytest.approx(8.0)
    assert effect.point == pytest.approx(6 / 12)


@every_way
@pytest.mark.parametrize("seed", range(4))
def test_the_choice_of_ridge_is_that_of_plain_refits(panel_of, way, seed):
    figures, traits = table(seed), np.random.default_rng(seed).normal(5, 2, (2, 9))
    effect = Augmented(**way).estimate(panel_of(figures, traits=traits))
    before = figures[:T0]
    rows = plain_rows(before, traits, way)
    X = rows[:, 1:] - rows[:, 1:].mean(axis=1, keepdims=True)
    ridges = np.linalg.svd(X)[1][0] ** 2 * SMALLEST ** (np.arange(STEPS + 1) / STEPS)
    errors = np.empty((T0, STEPS + 1))
    for t in range(T0):
        kept = np.arange(len(rows)) != t
        part = rows.copy()
        if way.get("intercept"):  # the level of the others only
            part[:T0] -= rows[kept][: T0 - 1].mean(axis=0)
        for place, ridge in enumerate(ridges):
            w = plain_weights(part[kept], ridge)
            errors[t, place] = (part[t, 0] - part[t, 1:] @ w) ** 2
    mean, error = errors.mean(axis=0), errors.std(axis=0, ddof=1) / np.sqrt(T0)
    chosen = ridges[np.flatnonzero(mean <= mean.min() + error[mean.argmin()])[0]]
    assert effect.details["ridge"] == pytest.approx(chosen)
    w = finished(plain_weights(rows, chosen), traits, way)
    assert weights_of(effect) == pytest.approx(w, abs=1e-7)
    shift = (before[:, 0] - before[:, 1:] @ w).mean() if way.get("intercept") else 0.0
    assert effect.point == pytest.approx((figures[T0:, 0] - figures[T0:, 1:] @ w).mean() - shift)


@every_way
def test_weights_sum_to_one_and_residualised_ones_have_the_traits_of_the_town(panel_of, way):
    panel = panel_of(table(5))
    weights = weights_of(Augmented(**way).estimate(panel))
    assert weights.sum() == pytest.approx(1)
    if way.get("residualised"):
        for name in TRAITS:
            own = panel.covariates[name].iloc[0]
            assert weights @ own.to_numpy()[1:] == pytest.approx(own["Town"])


@pytest.mark.parametrize("intercept", [False, True])
def test_with_a_ridge_without_end_it_is_synthetic_control(panel_of, intercept):
    for seed in range(5):
        panel = panel_of(table(seed))
        far, plain = Augmented(ridge=1e14, intercept=intercept), Synthetic(intercept=intercept)
        one, other = far.family(panel), plain.family(panel)
        assert one.weights == pytest.approx(other.weights, abs=1e-8)
        assert one.expected == pytest.approx(other.expected)
        assert one.gaps.max() < 1e-10


@pytest.mark.parametrize(("intercept", "units"), [(False, T0 + 2), (True, T0 + 1)])
def test_without_ridge_every_period_before_the_start_is_fitted(panel_of, intercept, units):
    figures = table(3, units)
    effect = Augmented(ridge=0.0, intercept=intercept).estimate(panel_of(figures))
    assert effect.counterfactual.expected.to_numpy()[:T0] == pytest.approx(figures[:T0, 0])


def test_the_gap_before_the_start_falls_as_the_ridge_does(panel_of):
    figures = table(8)
    losses = []
    for ridge in (1e6, 1e3, 1e2, 1e1, 1e0):
        expected = Augmented(ridge=ridge).estimate(panel_of(figures)).counterfactual.expected.to_numpy()
        losses.append(((expected - figures[:, 0])[:T0] ** 2).sum())
    assert (np.diff(losses) < 0).all()


@given(st.integers(0, 10_000), st.sampled_from(WAYS), st.sampled_from([1e-5, 0.25, 1e5]))
@settings(max_examples=25)
def test_the_unit_of_measurement_scales_the_effect(panel_of, seed, way, unit):
    figures = table(seed)
    one, other = (Augmented(**way).estimate(panel_of(each)) for each in (figures, unit * figures))
    assert other.point == pytest.approx(unit * one.point, rel=1e-5, abs=1e-7 * unit)
    assert other.details["ridge"] == pytest.approx(unit**2 * one.details["ridge"])


@given(st.integers(0, 10_000), st.sampled_from(WAYS), st.floats(-20, 20))
@settings(max_examples=25)
def test_what_is_added_moves_the_effect_as_it_should(panel_of, seed, way, up):
    figures, random = table(seed), np.random.default_rng(seed)
    point = Augmented(**way).estimate(panel_of(figures)).point

    def with_(change) -> float:
        return Augmented(**way).estimate(panel_of(figures + change)).point

    treated = np.zeros_like(figures)
    treated[T0:, 0] = up
    assert with_(treated) == pytest.approx(point + up, abs=1e-6)
    assert with_(random.normal(size=(T, 1))) == pytest.approx(point, abs=1e-5)  # a path of everybody is no news
    if way.get("intercept"):
        assert with_(random.normal(size=(1, 9))) == pytest.approx(point, abs=1e-5)


@every_way
def test_a_family_is_each_unit_in_turn(panel_of, way):
    panel = panel_of(table(3))
    family = Augmented(**way).family(panel)
    for place, unit in enumerate(family.comparison.units[1:], start=1):
        alone = Augmented(**way).estimate(panel.reassigned_to(unit))
        assert family.expected[place] == pytest.approx(alone.counterfactual.expected.to_numpy(), rel=1e-6)
        assert family.weights[place, 0] == 0


def test_a_gap_of_the_town_is_a_gap_of_the_town_alone(panel_of):
    panel = panel_of(table(4))
    values = panel.values.copy()
    values.iloc[[2, 17], 0] = np.nan
    gappy = panel.with_(values=values)
    family, whole = Augmented().family(gappy), Augmented().family(panel)
    assert np.isfinite(family.expected[0]).all()
    assert family.expected[1:] == pytest.approx(whole.expected[1:])
    assert family.expected[0] != pytest.approx(whole.expected[0])
    stays = Augmented().family(gappy, treated_stays=True)
    assert np.isnan(stays.expected[1:, [2, 17]]).all()  # the town has a weight in them, above or below 0
    assert np.isfinite(np.delete(stays.expected, [2, 17], axis=1)).all()


def drawn(seed: int, town: float, donors: int = 24, periods: int = 48, onset: int = 36) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    means = np.linspace(15, 30, donors)
    return {"Town": random.poisson(town, periods), **{f"Donor {j:02}": random.poisson(m, periods) for j, m in enumerate(means)}}


def test_what_lies_beyond_the_donors_is_extrapolated_and_refused(make_panel):
    outside = make_panel(drawn(1, 90.0), 36)
    close = Augmented(ridge=1e-9)  # whatever it takes to reach the town
    assert "Town lies outside its donors" in evaluate(close, outside).effect(outside.estimand).refusal
    level = evaluate(dataclasses.replace(close, intercept=True), outside).effect(outside.estimand).refusal
    assert "augmented adds a level of its own to their rates" in level
    logs = evaluate(Augmented(intercept=True, scale="log"), outside).effect(outside.estimand)
    assert logs.refusal is None and logs.point == pytest.approx(1, abs=0.15)
    inside = make_panel(drawn(1, 22.0), 36)
    assert evaluate(Augmented(), inside).effect(inside.estimand).refusal is None


def test_why_rates_beyond_the_donors_are_refused(make_panel):
    # A common fall by a quarter and no effect. What the ridge shrinks is missing from a town twice as high as any donor, and
    # what its weights amplify no placebo shows; on logs with the level taken out the fall is common, and nothing is found.
    fall = np.exp(-0.3 * np.arange(48) / 36)[:, None]
    means = np.append(60.0, np.linspace(15, 30, 24))
    names = ["Town", *(f"Donor {j:02}" for j in range(24))]

    def bias(**way) -> float:
        logs = []
        for seed in range(12):
            counts = np.random.default_rng([7, seed]).poisson(fall * means)
            panel = make_panel(dict(zip(names, counts.T, strict=True)), 36)
            logs.append(np.log(Augmented(**way).estimate(panel).point))
        return float(np.mean(logs))

    assert bias() > 0.08
    assert bias(intercept=True) < -0.08
    assert abs(bias(intercept=True, scale="log")) < 0.04


def test_a_negative_weight_on_a_contaminated_donor_is_a_weight(make_panel):
    panel = make_panel({"Town": [9, 9], "A": [2, 3], "B": [4, 5], "C": [6, 9]}, 1)
    day = date(2010, 1, 1)
    event = Intervention("Ceasefire", "treatment", Moment(day, day), "x", unit="A")
    refusal = evaluate(Augmented(ridge=8.0), panel.with_(interventions=(event,))).effect(panel.estimand).refusal
    assert "the donor A, with a weight of -0.38, is contaminated by 'Ceasefire'" in refusal


def test_fewer_than_none_expected_is_said(make_panel):
    panel = make_panel({"Town": [9, 9, 9], "A": [2, 2, 60], "B": [4, 4, 0], "C": [6, 6, 0]}, 2)
    effect = Augmented(ridge=0.0).estimate(panel.with_(estimand=GAP))
    assert effect.counterfactual.expected.iloc[2] == pytest.approx(-45)
    assert any("fewer than none are expected of Town in 2010-03: its negative weights" in note for note in effect.notes)


def test_errors(make_panel, panel_of):
    with pytest.raises(StudyError, match="ridge of augmented is -1; set 0 or more, or leave it out to have it chosen"):
        Augmented(ridge=-1)
    with pytest.raises(StudyError, match="residualised of augmented belongs to predictors"):
        Augmented(residualised=True)
    with pytest.raises(StudyError, match="names 'outcome 1975', but every period of the outcome is fitted as it is"):
        Augmented(predictors=("outcome 1975",))
    short = {unit: [5, 6 + place, 7] for place, unit in enumerate(("Town", "A", "B", "C"))}
    with pytest.raises(
        EstimationError, match="Town has 2 periods before the start 2010-03 with figures, and augmented needs 3"
    ):
        Augmented().estimate(make_panel(short, 2))
    assert Augmented(ridge=1.0).estimate(make_panel(short, 2)).point > 0
    same = np.vstack([np.ones(9), np.arange(9)])
    with pytest.raises(EstimationError, match="the predictor 'wealth' is the same in every donor"):
        Augmented(predictors=TRAITS).estimate(panel_of(table(1), traits=same))
    twice = np.vstack([np.arange(9), 2 * np.arange(9)])
    with pytest.raises(EstimationError, match="2 predictors of 8 donors say the same twice"):
        Augmented(predictors=TRAITS, residualised=True).estimate(panel_of(table(1), traits=twice))
    with pytest.raises(StudyError, match="predictors names 'health', which the panel does not hold"):
        Augmented(predictors=("health",)).estimate(panel_of(table(1)))
