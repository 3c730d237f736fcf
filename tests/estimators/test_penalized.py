"""Penalised synthetic control: cases on paper, its two ends, every support tried, and its laws."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._simplex import Problems, solve_family
from gvi_eval.estimators.penalized import LIMIT, PENALTIES, Penalized
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.study import Estimand

GAP = Estimand("gap", "difference", target="realised")
T0, T = 5, 8


def table(seed: int, units: int = 7) -> np.ndarray:
    random = np.random.default_rng(seed)
    common = np.cumsum(random.normal(size=(T, 2)), axis=0)
    return 30 + common @ random.normal(size=(2, units)) + 3 * random.normal(size=units) + random.normal(size=(T, units))


@pytest.fixture(scope="session")
def panel_of(make_panel):
    def make(figures: np.ndarray, onset: int = T0):
        names = ["Town", *(f"Donor {j}" for j in range(figures.shape[1] - 1))]
        return make_panel(dict(zip(names, figures.T, strict=True)), onset, kind="continuous", estimand=GAP)

    return make


def weights_of(effect, donors: int = 6) -> np.ndarray:
    return np.array([effect.details["weights"].get(f"Donor {j}", 0.0) for j in range(donors)])


def loss_of(y, Z, penalty, w) -> float:
    return float(((y - Z @ w) ** 2).sum() + penalty * w @ ((Z - y[:, None]) ** 2).sum(axis=0))


def by_enumeration(y, Z, penalty):
    """Weights (donor,) by trying every support: on each the best weights that sum to 1, of either sign, are a linear system."""
    D = Z - y[:, None]
    pull, found = penalty * (D**2).sum(axis=0), []
    for count in range(1, min(len(y) + 1, Z.shape[1]) + 1):
        for support in map(list, combinations(range(Z.shape[1]), count)):
            system = np.ones((count + 1, count + 1))
            system[:count, :count], system[count, count] = 2 * D[:, support].T @ D[:, support], 0.0
            w = np.linalg.lstsq(system, np.append(-pull[support], 1.0), rcond=None)[0][:count]
            if w.min() >= 0:
                full = np.zeros(Z.shape[1])
                full[support] = w
                found.append((loss_of(y, Z, penalty, full), full))
    return min(found, key=lambda pair: pair[0])[1]


def test_one_period_by_hand(make_panel):
    # 14 is 1/5 of 10 and 4/5 of 15. With u on 15: (5u − 4)² + λ (16 (1 − u) + u) is least at u = 0.8 + 0.3 λ.
    panel = make_panel({"Town": [14, 14], "Far": [10, 12], "Near": [15, 14], "Farther": [110, 110]}, 1)
    assert Penalized(penalty=0).estimate(panel).details["weights"] == pytest.approx({"Near": 0.8, "Far": 0.2}, abs=1e-7)
    effect = Penalized(penalty=1 / 3).estimate(panel)
    assert effect.details["weights"] == pytest.approx({"Near": 0.9, "Far": 0.1})
    assert effect.counterfactual.expected.tolist() == pytest.approx([14.5, 13.8])
    assert effect.point == pytest.approx(14 / 13.8)
    assert Penalized(penalty=0.7).estimate(panel).details["weights"] == {"Near": 1.0}


def test_of_weights_that_fit_alike_those_of_the_nearest_by_hand(make_panel):
    # 15 is half of 14 and 16, and of 10 and 20, and much between; without a penalty all four share it.
    counts = {"Town": [15, 5], "A": [10, 1], "B": [14, 2], "C": [16, 3], "D": [20, 4]}
    panel = make_panel(counts, 1)
    assert Penalized(penalty=0).estimate(panel).details["weights"] == pytest.approx({"B": 0.5, "C": 0.5})
    assert Synthetic().estimate(panel).details["weights"] == pytest.approx(dict.fromkeys("ABCD", 0.25))


@pytest.mark.parametrize("seed", range(8))
def test_the_weights_are_the_best_of_every_support(panel_of, seed):
    figures = table(seed)
    for penalty in (1e-3, 0.03, 0.3, 2.0):
        effect = Penalized(penalty=penalty).estimate(panel_of(figures))
        slow = by_enumeration(figures[:T0, 0], figures[:T0, 1:], penalty)
        assert weights_of(effect) == pytest.approx(slow, abs=1e-8)
        assert effect.details["dual_gap"] < 1e-12


@given(st.integers(0, 100_000), st.integers(1, 12), st.integers(2, 40), st.floats(-7, 2))
@settings(max_examples=60)
def test_the_certificate_holds_against_any_weights_and_few_donors_have_some(seed, rows, donors, power):
    random, penalty = np.random.default_rng(seed), 10.0**power
    A = random.normal(size=(rows, donors + 1)) * 10.0 ** random.integers(-3, 4) + random.normal()
    if seed % 3 == 0:
        A = np.round(A)  # copies, and donors that lie just so
    fit = solve_family(A, Problems(np.zeros(1, dtype=int), np.arange(donors + 1)[None] > 0), nearness=penalty)
    y, Z, w = A[:, 0], A[:, 1:], fit.weights[0, 1:]
    alone = (1 + penalty) * ((Z - y[:, None]) ** 2).sum(axis=0).min()
    assert w.min() >= 0 and w.sum() == pytest.approx(1, abs=1e-12)
    assert fit.objectives[0] == pytest.approx(loss_of(y, Z, penalty, w), rel=1e-9, abs=1e-12 * (A**2).sum())
    for other in random.dirichlet(np.full(donors, 0.3), 20):
        assert fit.objectives[0] <= loss_of(y, Z, penalty, other) + fit.gaps[0] * alone + 1e-9 * abs(fit.objectives[0])
    if seed % 3:
        assert (w > 0).sum() <= rows + 1


def test_copies_share_alike_whatever_their_order():
    A = np.array([[4.0, 5, 0, 5, 5, 9], [2.0, 1, 3, 1, 1, 9]])
    among = np.arange(6)[None] > 0
    fit = solve_family(A, Problems(np.zeros(1, dtype=int), among), nearness=0.1)
    assert fit.weights[0, [1, 3, 4]] == pytest.approx([fit.weights[0, 1]] * 3) and fit.weights[0, 1] > 0.1
    turned = solve_family(A[:, [0, 5, 4, 3, 2, 1]], Problems(np.zeros(1, dtype=int), among), nearness=0.1)
    assert turned.weights[0, 1:][::-1] == pytest.approx(fit.weights[0, 1:])


def test_nearness_joins_row_weights_the_level_and_missing_rows(panel_of):
    figures = table(2)
    y, Z = figures[:, 0], figures[:, 1:]
    one = Problems(np.zeros(1, dtype=int), np.arange(7)[None] > 0)
    heavy = np.array([1, 2, 0, 1, 3, 1, 1, 1.0])
    fit = solve_family(figures, one, nearness=0.2, row_weights=heavy)
    root = np.sqrt(heavy)[:, None]
    assert fit.weights[0, 1:] == pytest.approx(by_enumeration(root[:, 0] * y, root * Z, 0.2), abs=1e-8)
    about = figures - figures.mean(axis=0)
    fit = solve_family(figures, one, nearness=0.2, intercept=True)
    assert fit.weights[0, 1:] == pytest.approx(by_enumeration(about[:, 0], about[:, 1:], 0.2), abs=1e-8)
    holed = figures.copy()
    holed[3, 2] = np.nan
    fit = solve_family(holed, one, nearness=0.2)
    kept = np.arange(T) != 3
    assert fit.weights[0, 1:] == pytest.approx(by_enumeration(y[kept], Z[kept], 0.2), abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_its_two_ends(panel_of, seed):
    figures = table(seed)
    panel = panel_of(figures)
    nearest = ((figures[:T0, 1:] - figures[:T0, :1]) ** 2).sum(axis=0).argmin()
    assert Penalized(penalty=1e8).estimate(panel).details["weights"] == {f"Donor {nearest}": 1.0}
    assert Penalized(penalty=0).estimate(panel).point == pytest.approx(Synthetic().estimate(panel).point, abs=1e-5)


def test_a_larger_penalty_fits_worse_with_nearer_donors(panel_of):
    figures = 20 + np.random.default_rng(0).normal(size=(T, 30))
    y, Z = figures[:T0, 0], figures[:T0, 1:]
    fits, distances = [], []
    for penalty in (0.0, 0.01, 0.1, 0.5, 5.0):
        w = weights_of(Penalized(penalty=penalty).estimate(panel_of(figures)), 29)
        fits.append(((y - Z @ w) ** 2).sum())
        distances.append(w @ ((Z - y[:, None]) ** 2).sum(axis=0))
    assert (np.diff(fits) >= -1e-9).all() and (np.diff(distances) <= 1e-9).all()
    assert fits[-1] > fits[0] and distances[-1] < distances[0]


@pytest.mark.parametrize("seed", range(4))
def test_the_choice_of_penalty_is_that_of_plain_refits(panel_of, seed):
    figures = table(seed, 6)
    y, Z = figures[:T0, 0], figures[:T0, 1:]
    losses = []
    for penalty in PENALTIES:
        gaps = []
        for t in range(T0):
            kept = np.arange(T0) != t
            gaps.append(y[t] - Z[t] @ by_enumeration(y[kept], Z[kept], penalty))
        losses.append((np.array(gaps) ** 2).sum())
    chosen = next(one for one, loss in zip(PENALTIES, losses, strict=True) if loss <= min(losses) * (1 + 1e-9))
    assert Penalized().estimate(panel_of(figures)).details["penalty"] == chosen


@given(st.integers(0, 10_000), st.sampled_from([None, 0.0, 0.1]), st.sampled_from([1e-5, 0.25, 1e5]))
@settings(max_examples=25)
def test_the_unit_of_measurement_scales_the_effect(panel_of, seed, penalty, unit):
    figures = table(seed)
    one, other = (Penalized(penalty=penalty).estimate(panel_of(each)) for each in (figures, unit * figures))
    assert other.point == pytest.approx(unit * one.point, rel=1e-5, abs=1e-6 * unit)
    assert other.details["penalty"] == one.details["penalty"]


@given(st.integers(0, 10_000), st.sampled_from([None, 0.0, 0.1]), st.floats(-20, 20))
@settings(max_examples=25)
def test_what_is_added_moves_the_effect_as_it_should(panel_of, seed, penalty, up):
    figures, random = table(seed), np.random.default_rng(seed)
    estimator = Penalized(penalty=penalty)
    point = estimator.estimate(panel_of(figures)).point
    treated = np.zeros_like(figures)
    treated[T0:, 0] = up
    assert estimator.estimate(panel_of(figures + treated)).point == pytest.approx(point + up, abs=1e-6)
    path = random.normal(size=(T, 1))
    assert estimator.estimate(panel_of(figures + path)).point == pytest.approx(point, abs=1e-5)


@pytest.mark.parametrize("penalty", [None, 0.05])
def test_a_family_is_each_unit_in_turn(panel_of, penalty):
    panel = panel_of(table(3))
    family = Penalized(penalty=penalty).family(panel)
    for place, unit in enumerate(family.comparison.units[1:], start=1):
        alone = Penalized(penalty=penalty).estimate(panel.reassigned_to(unit))
        assert family.expected[place] == pytest.approx(alone.counterfactual.expected.to_numpy())


def test_a_gap_of_the_town_is_a_gap_of_the_town_alone(panel_of):
    panel = panel_of(table(4))
    values = panel.values.copy()
    values.iloc[2, 0] = np.nan
    family, whole = Penalized().family(panel.with_(values=values)), Penalized().family(panel)
    assert np.isfinite(family.expected[0]).all()
    assert family.expected[1:] == pytest.approx(whole.expected[1:])


def test_outside_its_donors_it_is_refused_as_synthetic_control_is(make_panel):
    random = np.random.default_rng(1)
    counts = {"Town": random.poisson(90, 36), **{f"Donor {j:02}": random.poisson(20, 36) for j in range(20)}}
    panel = make_panel(counts, 24)
    assert "Town lies outside its donors" in evaluate(Penalized(penalty=0.1), panel).effect(panel.estimand).refusal


def test_errors(make_panel):
    with pytest.raises(StudyError, match="penalty of penalized is -0.1; set 0 or more, or leave it out to have it chosen"):
        Penalized(penalty=-0.1)
    short = {unit: [5, 6 + place, 7] for place, unit in enumerate(("Town", "A", "B", "C"))}
    with pytest.raises(
        EstimationError, match="Town has 2 periods before the start 2010-03 with figures, and penalized needs 3"
    ):
        Penalized().estimate(make_panel(short, 2))
    assert Penalized(penalty=LIMIT).estimate(make_panel(short, 2)).point > 0
    with pytest.raises(EstimationError, match="a nearness of .* was asked for; it must be 0 or more"):
        solve_family(np.ones((2, 3)), Problems(np.zeros(1, dtype=int), np.arange(3)[None] > 0), nearness=-1.0)
