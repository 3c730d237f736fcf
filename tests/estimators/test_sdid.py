"""Synthetic difference-in-differences: its special cases by definition, its weights against a slow solver, and its laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_simplex import by_nnls
from scipy.optimize import minimize

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.sdid import SMALL, Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.study import Estimand

GAP = Estimand("gap", "difference", target="realised")
T0 = 14


def table(seed: int, units: int = 8, periods: int = 20) -> np.ndarray:
    random = np.random.default_rng(seed)
    common = np.cumsum(random.normal(size=(periods, 2)), axis=0)
    return 30 + common @ random.normal(size=(2, units)) + 3 * random.normal(size=units) + random.normal(size=(periods, units))


@pytest.fixture(scope="session")
def panel_of(make_panel):
    def make(figures: np.ndarray, onset: int = T0):
        names = ["Town", *(f"Donor {j}" for j in range(figures.shape[1] - 1))]
        return make_panel(dict(zip(names, figures.T, strict=True)), onset, kind="continuous", estimand=GAP)

    return make


def by_slsqp(y, Z, ridge, intercept):
    """Weights (donor,) and objective by a general program; slow, and right to about 1e-5."""
    if intercept:
        y, Z = y - y.mean(), Z - Z.mean(axis=0)
    n = Z.shape[1]

    def loss(w):
        return ((y - Z @ w) ** 2).mean() + ridge * (w**2).sum()

    def slope(w):
        return -2 * Z.T @ (y - Z @ w) / len(y) + 2 * ridge * w

    found = minimize(
        loss,
        np.full(n, 1 / n),
        jac=slope,
        method="SLSQP",
        bounds=[(0, 1)] * n,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"maxiter": 2000, "ftol": 1e-14},
    )
    return found.x, found.fun


def noise_of(figures) -> float:
    return float(np.diff(figures[:T0, 1:], axis=0).std(ddof=1))


def test_the_double_difference_by_hand(make_panel):
    # The town fell from 10 to 6, donors rose from 2, 4, 6 (mean 4) to 3, 5, 10 (mean 6): 10 + 2 were expected, 6 came.
    counts = {"Town": [9, 11, 6, 6], "A": [2, 2, 3, 3], "B": [4, 4, 5, 5], "C": [5, 7, 10, 10]}
    effect = Sdid(variant="did").estimate(make_panel(counts, 2))
    assert effect.point == pytest.approx(6 / 12)
    assert effect.details["weights"] == pytest.approx({"A": 1 / 3, "B": 1 / 3, "C": 1 / 3})
    assert effect.details["intercept"] == pytest.approx(6)
    assert effect.details["time_weights"] == pytest.approx({"2010-01": 0.5, "2010-02": 0.5})


def test_weights_of_periods_by_hand(make_panel):
    # Donors after the start are as they were in the second period, so that alone counts: the town was 3 above A then.
    counts = {"Town": [10, 13, 6], "A": [10, 10, 10], "B": [2, 40, 40], "C": [70, 30, 30]}
    effect = Sdid().estimate(make_panel(counts, 2))
    assert effect.details["time_weights"] == pytest.approx({"2010-02": 1.0}, abs=1e-5)
    expected = effect.counterfactual.expected
    assert expected["2010-02"] == pytest.approx(13, abs=1e-3)  # the gap is 0 where the weight is


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_are_those_of_a_general_program(panel_of, seed):
    figures = table(seed)
    details = Sdid().estimate(panel_of(figures)).details
    zeta = 6**0.25 * noise_of(figures)
    assert details["zeta"] == pytest.approx(zeta)
    omega = np.array([details["weights"].get(f"Donor {j}", 0.0) for j in range(7)])
    slow, loss = by_slsqp(figures[:T0, 0], figures[:T0, 1:], zeta**2, True)
    assert omega == pytest.approx(slow, abs=2e-4)
    y, Z = figures[:T0, 0], figures[:T0, 1:]
    gaps = y - Z @ omega
    assert gaps.var() + zeta**2 * (omega**2).sum() <= loss * (1 + 1e-9)
    months = [f"{2010 + m // 12}-{m % 12 + 1:02}" for m in range(T0)]
    lam = np.array([details["time_weights"].get(month, 0.0) for month in months])
    tiny = (SMALL * noise_of(figures)) ** 2
    slow, loss = by_slsqp(figures[T0:, 1:].mean(axis=0), figures[:T0, 1:].T, tiny, True)
    left = figures[T0:, 1:].mean(axis=0) - figures[:T0, 1:].T @ lam
    assert left.var() + tiny * (lam**2).sum() <= loss + 1e-9
    exact = by_nnls(figures[T0:, 1:].mean(axis=0), figures[:T0, 1:].T, ridge=tiny, intercept=True)[0]
    assert lam == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_each_variant_is_what_it_is_defined_to_be(panel_of, seed):
    figures = table(seed)
    panel = panel_of(figures)
    before, after = figures[:T0], figures[T0:]

    def gap(variant: str) -> float:
        return Sdid(variant=variant).estimate(panel).point

    double = (after[:, 0].mean() - before[:, 0].mean()) - (after[:, 1:].mean() - before[:, 1:].mean())
    assert gap("did") == pytest.approx(double)
    tiny = (SMALL * noise_of(figures)) ** 2
    sc = by_nnls(before[:, 0], before[:, 1:], ridge=tiny)[0]
    assert gap("sc") == pytest.approx((after[:, 0] - after[:, 1:] @ sc).mean(), abs=1e-6)
    difp = by_nnls(before[:, 0], before[:, 1:], ridge=tiny, intercept=True)[0]
    gaps = figures[:, 0] - figures[:, 1:] @ difp
    assert gap("difp") == pytest.approx(gaps[T0:].mean() - gaps[:T0].mean(), abs=1e-6)
    details = Sdid().estimate(panel).details
    omega = np.array([details["weights"].get(f"Donor {j}", 0.0) for j in range(7)])
    months = [str(month) for month in panel.periods[:T0]]
    lam = np.array([details["time_weights"].get(month, 0.0) for month in months])
    gaps = figures[:, 0] - figures[:, 1:] @ omega
    assert gap("sdid") == pytest.approx(gaps[T0:].mean() - lam @ gaps[:T0])


def test_without_ridge_and_with_little_sc_and_difp_are_synthetic_control(panel_of):
    panel = panel_of(table(7))
    assert Sdid(variant="sc").estimate(panel).point == pytest.approx(Synthetic().estimate(panel).point, abs=1e-4)
    difp, shifted = Sdid(variant="difp").estimate(panel), Synthetic(intercept=True).estimate(panel)
    assert difp.point == pytest.approx(shifted.point, abs=1e-4)
    assert Sdid(variant="sc").estimate(panel).details["time_weights"] == {}


@given(st.integers(0, 10_000), st.sampled_from(["sdid", "sc", "did", "difp"]), st.sampled_from([1e-6, 0.25, 1e6]))
@settings(max_examples=25)
def test_the_unit_of_measurement_scales_the_effect(panel_of, seed, variant, unit):
    figures = table(seed)
    one, other = (Sdid(variant=variant).estimate(panel_of(each)) for each in (figures, unit * figures))
    assert other.point == pytest.approx(unit * one.point, rel=1e-5, abs=1e-7 * unit)
    assert other.details["weights"] == pytest.approx(one.details["weights"], abs=1e-5)


@given(st.integers(0, 10_000), st.sampled_from(["sdid", "sc", "did", "difp"]), st.floats(-20, 20))
@settings(max_examples=25)
def test_what_is_added_moves_the_effect_as_it_should(panel_of, seed, variant, up):
    figures, random = table(seed), np.random.default_rng(seed)
    point = Sdid(variant=variant).estimate(panel_of(figures)).point

    def with_(change) -> float:
        return Sdid(variant=variant).estimate(panel_of(figures + change)).point

    treated = np.zeros_like(figures)
    treated[T0:, 0] = up
    assert with_(treated) == pytest.approx(point + up, abs=1e-5)
    others = np.zeros_like(figures)
    others[T0:, 1:] = up
    assert with_(others) == pytest.approx(point - up, abs=1e-5)
    # A common trend is no news; common jumps are, because ζ rests on the scatter of steps, as the authors have it.
    common = up * np.arange(20)[:, None] if variant == "sdid" else random.normal(size=(20, 1))
    assert with_(common) == pytest.approx(point, abs=1e-4)
    if variant != "sc":
        assert with_(random.normal(size=(1, 8))) == pytest.approx(point, abs=1e-4)


@pytest.mark.parametrize("variant", ["sdid", "sc", "did", "difp"])
def test_a_family_is_each_unit_in_turn(panel_of, variant):
    panel = panel_of(table(3))
    family = Sdid(variant=variant).family(panel)
    for place, unit in enumerate(family.comparison.units[1:], start=1):
        alone = Sdid(variant=variant).estimate(panel.reassigned_to(unit))
        assert family.expected[place] == pytest.approx(alone.counterfactual.expected.to_numpy(), rel=1e-5)


def test_no_step_is_taken_across_a_gap(make_panel):
    # Figures that jump by 100 over a month that nobody has: 0 is their scatter, not 100.
    steady = np.array([5.0, 5, 5, np.nan, 105, 105, 105, 105, 105])
    units = ["Town", *"ABCDEF"]
    wiggle = np.random.default_rng(1).normal(0, 0.01, (9, 7))
    panel = make_panel({unit: steady + wiggle[:, j] for j, unit in enumerate(units)}, 7, kind="continuous")
    assert Sdid(variant="difp").estimate(panel).details["zeta"] < SMALL * 0.05


def test_errors(make_panel):
    with pytest.raises(StudyError, match="variant of sdid is 'mc'; choose sdid, sc, did, difp"):
        Sdid(variant="mc")
    short = {unit: [5, 6, 7] for unit in ("Town", "A", "B", "C")}
    with pytest.raises(EstimationError, match="Town has 1 periods before the start 2010-02 with figures, and sdid needs 2"):
        Sdid().estimate(make_panel(short, 1))
    apart = {unit: [5, np.nan, 7, 8.0] for unit in ("Town", "A", "B", "C")}
    with pytest.raises(EstimationError, match="no two neighbouring periods before the start 2010-04"):
        Sdid().estimate(make_panel(apart, 3))
