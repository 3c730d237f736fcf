"""Factor models: by hand, against slow solvers, what they recover of known factors, their weights and their laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._completion import chosen_penalty, complete, largest_penalty, two_way
from gvi_eval.estimators.factor import Factor
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.inference.admission import fit_of, refusals
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.study import Estimand

GAP = Estimand("gap", "difference", target="realised")
T0 = 24


def made(seed: int, *, factors: int = 2, units: int = 16, periods: int = 32, noise: float = 0.2, up: float = 0.0) -> np.ndarray:
    """Figures (period, unit) of unit and period effects and factors; the first unit is ``up`` from `T0` on."""
    random = np.random.default_rng([seed, factors])
    common = np.cumsum(random.normal(size=(periods, factors)), axis=0) if factors else np.zeros((periods, 0))
    figures = 40 + common @ random.normal(size=(factors, units)) + 5 * random.normal(size=units)
    figures = figures + np.cumsum(random.normal(size=(periods, 1)), axis=0) + noise * random.normal(size=(periods, units))
    figures[T0:, 0] += up
    return figures


@pytest.fixture(scope="session")
def panel_of(make_panel):
    def make(figures: np.ndarray, onset: int = T0, kind: str = "continuous"):
        names = ["Town", *(f"Donor {j:02}" for j in range(figures.shape[1] - 1))]
        return make_panel(dict(zip(names, figures.T, strict=True)), onset, kind=kind, estimand=GAP)

    return make


def holed(figures: np.ndarray) -> np.ndarray:
    known = np.ones(figures.shape, dtype=bool)
    known[T0:, 0] = False
    return known


def by_alternating(figures, known, penalty, rounds=20_000):
    """The table, by one round of effects and one shrinkage at a time; slow and obviously right."""
    L, periods = np.zeros(figures.shape), np.zeros((len(figures), 1))
    for _ in range(rounds):
        units = ((figures - L - periods) * known).sum(axis=0) / known.sum(axis=0)
        periods = (((figures - L - units) * known).sum(axis=1) / known.sum(axis=1))[:, None]
        left, sizes, right = np.linalg.svd(np.where(known, figures - units - periods, L), full_matrices=False)
        last, L = L, (left * np.maximum(sizes - penalty, 0)) @ right
        if np.abs(L - last).max() < 1e-13:
            break
    return L + units + periods


def by_least_squares(figures: np.ndarray, rank: int) -> tuple[np.ndarray, list[float]]:
    """The path of the first unit and its held-out errors, with every fit made: effects and factors of donors, then loadings."""
    donors = figures[:, 1:]
    means = two_way(donors, np.ones(donors.shape, dtype=bool))
    left, sizes, _ = np.linalg.svd(donors - means, full_matrices=False)
    design = np.column_stack([np.ones(len(figures)), left[:, :rank] * sizes[:rank]])
    common = donors.mean(axis=1)
    gaps = figures[:, 0] - common

    def fitted(rows):
        return design @ np.linalg.lstsq(design[rows], gaps[rows], rcond=None)[0]

    before = np.arange(T0)
    errors = [(gaps[s] - fitted(before[before != s])[s]) ** 2 for s in before]
    return common + fitted(before), float(np.mean(errors))


def test_one_factor_by_hand(make_panel):
    # About their means, donors of level 10 move by f = −1, 1, −1, 1 times −1, 0 and 1; the town by twice f, about 20.
    f = np.array([-1, 1, -1, 1])
    counts = {"Town": 20 + 2 * f, "A": 10 - f, "B": 10 + 0 * f, "C": 10 + f}
    counts["Town"][3] = 11  # instead of 22
    effect = Factor(rank=1).estimate(make_panel(counts, 3))
    assert effect.counterfactual.expected.to_numpy() == pytest.approx([18, 22, 18, 22])
    assert effect.point == pytest.approx(0.5)
    # f is (C − A) / 2, so twice it is C − A; the mean of the donors is 10.
    assert effect.details["weights"] == pytest.approx({"C": 4 / 3, "A": -2 / 3, "B": 1 / 3})
    assert effect.details["intercept"] == pytest.approx(10)
    assert (effect.details["rank"], effect.details["loadings"]) == (1, [pytest.approx(2 * np.sqrt(1))])


def test_completion_by_hand():
    # Without holes: means of 0, singular values of 4 and none; lessened by 1, the table keeps three quarters.
    figures = np.array([[1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0]]) * np.sqrt(2)
    known = np.ones(figures.shape, dtype=bool)
    fit = complete(figures, known, 1.0)
    assert fit.sizes == pytest.approx([3])
    assert fit.table == pytest.approx(0.75 * figures)
    assert fit.objective == pytest.approx(0.5 * 1 + 3) and fit.gap < 1e-12
    assert complete(figures, known, 4.0).table == pytest.approx(np.zeros((4, 2)))
    assert largest_penalty(figures, known) == pytest.approx(4)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.4, 0.05])
def test_a_completion_is_that_of_a_slow_solver_and_carries_its_certificate(seed, share):
    figures = made(seed)
    known = holed(figures)
    known[3, 4] = known[9, 4] = known[5, 0] = False
    penalty = share * largest_penalty(figures, known)
    fit = complete(figures, known, penalty)
    assert fit.table == pytest.approx(by_alternating(figures, known, penalty), abs=1e-6)
    left = np.where(known, figures - fit.table, 0.0)
    assert left.sum(axis=0) == pytest.approx(np.zeros(16), abs=1e-6)
    assert left.sum(axis=1) == pytest.approx(np.zeros(32), abs=1e-6)
    assert np.linalg.norm(left, 2) == pytest.approx(penalty, rel=1e-7)  # no singular value above τ, those of L at it
    assert (left * fit.matrix).sum() == pytest.approx(penalty * np.linalg.norm(fit.matrix, "nuc"), rel=1e-6)
    assert 0 <= fit.gap < 1e-9


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_no_other_table_has_a_lower_objective(seed):
    figures, random = made(seed % 50), np.random.default_rng(seed)
    known = holed(figures)
    penalty = 0.1 * largest_penalty(figures, known)
    fit = complete(figures, known, penalty)
    matrix = fit.matrix + 10.0 ** random.uniform(-4, 0) * random.normal(size=figures.shape)
    other = two_way(np.where(known, figures - matrix, 0.0), known) + matrix
    value = 0.5 * ((figures - other)[known] ** 2).sum() + penalty * np.linalg.norm(matrix, "nuc")
    assert value >= fit.objective * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rank", [0, 1, 3])
def test_interactive_effects_are_those_of_every_fit_made(panel_of, seed, rank):
    figures = made(seed)
    path, _ = by_least_squares(figures, rank)
    effect = Factor(rank=rank).estimate(panel_of(figures))
    assert effect.counterfactual.expected.to_numpy() == pytest.approx(path, abs=1e-8)
    errors = Factor(most=4).estimate(panel_of(figures)).details["held_out_error"]
    assert errors == pytest.approx({str(each): by_least_squares(figures, each)[1] for each in range(5)})


@pytest.mark.parametrize("factors", [0, 1, 2, 3])
def test_the_number_of_factors_is_found(panel_of, factors):
    found = [Factor().estimate(panel_of(made(seed, factors=factors, units=40))).details["rank"] for seed in range(10)]
    assert min(found) >= factors - 1 and max(found) <= factors + 3 and np.mean(np.array(found) == factors) >= 0.6


@pytest.mark.parametrize(("variant", "tolerance"), [("interactive", 0.15), ("completion", 0.3)])
def test_a_known_effect_is_found_where_difference_in_differences_is_far_off(panel_of, variant, tolerance):
    panels = [panel_of(made(seed, units=40, up=-3.0)) for seed in range(10 if variant == "interactive" else 4)]
    gaps = np.array([Factor(variant=variant).estimate(panel).point for panel in panels])
    plain = np.array([Sdid(variant="did").estimate(panel).point for panel in panels])
    assert np.abs(gaps + 3).mean() < tolerance < 0.3 * np.abs(plain + 3).mean()


@pytest.mark.parametrize("estimator", [Factor(rank=0), Factor(variant="completion", penalty=1.0)])
def test_without_factors_it_is_difference_in_differences(panel_of, estimator):
    panel = panel_of(made(1))
    assert estimator.estimate(panel).point == pytest.approx(Sdid(variant="did").estimate(panel).point)
    if estimator.variant == "interactive":
        assert set(np.round(list(estimator.estimate(panel).details["weights"].values()), 9)) == {round(1 / 15, 9)}


@pytest.mark.parametrize("estimator", [Factor(), Factor(variant="completion", penalty=0.1), Factor(scale="log")])
def test_the_weights_are_the_path(panel_of, estimator):
    family = estimator.family(panel_of(made(2)))
    assert family.weights.sum(axis=1) == pytest.approx(1)
    assert (family.weights[:, 0] == 0).all() and (np.diag(family.weights) == 0).all()
    if estimator.scale == "rate":
        path = family.comparison.figures @ family.weights.T + family.intercepts
        assert family.expected == pytest.approx(path.T)


def test_the_weights_of_a_completion_are_its_table_from_the_start_on_and_are_not_flattered_before(panel_of):
    figures = made(3)
    known = holed(figures)
    family = Factor(variant="completion", penalty=0.1).family(panel_of(figures), placebos=False)
    fit = complete(figures, known, 0.1 * largest_penalty(figures, known))
    assert family.expected[0, T0:] == pytest.approx(fit.table[T0:, 0], abs=1e-8)
    left, own = figures[:T0, 0] - family.expected[0, :T0], figures[:T0, 0] - fit.table[:T0, 0]
    assert np.corrcoef(left, own)[0, 1] > 0.9 and left.std() > own.std()


@pytest.mark.parametrize("variant", ["interactive", "completion"])
def test_a_family_is_each_unit_in_turn(panel_of, variant):
    panel = panel_of(made(4))
    family = Factor(variant=variant).family(panel)
    assert len(family.members) == 16
    shared = Factor(variant=variant).estimate(panel).details
    for place, unit in list(enumerate(family.comparison.units))[1::4]:
        other = panel.reassigned_to(unit)
        if variant == "completion":  # with the treated unit's τ, as a share of the largest there
            figures = other.values[[unit, *other.donors]].to_numpy()
            figures = figures[:, [0, *(1 + np.argsort(other.donors))]]
            tau = shared["lambda"] * holed(made(4)).sum() / 2
            alone = Factor(variant=variant, penalty=tau / largest_penalty(figures, holed(figures))).estimate(other)
        else:
            alone = Factor(variant=variant).estimate(other)
        assert family.expected[place] == pytest.approx(alone.counterfactual.expected.to_numpy(), rel=1e-7)


@given(seed=st.integers(0, 30), up=st.floats(-20, 20), size=st.floats(0.01, 100))
@settings(max_examples=15)
@pytest.mark.parametrize("variant", ["interactive", "completion"])
def test_shifts_and_scale(panel_of, variant, seed, up, size):
    figures = made(seed, units=10)
    estimator = Factor(variant=variant, **({"penalty": 0.1} if variant == "completion" else {}))
    point = estimator.estimate(panel_of(figures)).point
    random = np.random.default_rng(seed)
    treated, common = np.zeros_like(figures), random.normal(size=(len(figures), 1)) + up
    treated[T0:, 0] = up
    assert estimator.estimate(panel_of(figures + treated)).point == pytest.approx(point + up, abs=1e-6)
    assert estimator.estimate(panel_of(figures + common)).point == pytest.approx(point, abs=1e-6)
    assert estimator.estimate(panel_of(figures + random.normal(size=10))).point == pytest.approx(point, abs=1e-6)
    assert estimator.estimate(panel_of(figures * size)).point == pytest.approx(point * size, abs=1e-6 * size)


def test_the_penalty_is_sought_where_held_out_figures_are_met_best():
    figures = made(5)
    known = holed(figures)
    penalty, errors = chosen_penalty(figures, known)
    assert errors[penalty] == min(errors.values()) and 0 < penalty < largest_penalty(figures, known)
    noise = np.random.default_rng(1).normal(size=figures.shape)
    penalty, errors = chosen_penalty(noise, known)
    assert penalty > 0.5 * largest_penalty(noise, known)


@pytest.mark.parametrize("estimator", [Factor(rank=1), Factor(variant="completion", penalty=0.2)])
def test_gaps_are_listed_and_bridged(panel_of, estimator):
    figures = np.abs(made(6)) * 10
    figures[5, 0] = figures[7, 3] = figures[10, :] = np.nan
    effect = estimator.estimate(panel_of(figures))
    assert np.isnan(effect.counterfactual.expected.iloc[10]) and np.isfinite(effect.counterfactual.expected.iloc[5])
    assert any("no figure of Town is used for 2010-06" in note for note in effect.notes)
    stays = estimator.family(panel_of(figures), treated_stays=True)
    assert np.isfinite(stays.expected[1:, T0:]).all() and (stays.weights[1:, 0] != 0).all()


@pytest.mark.parametrize("estimator", [Factor(), Factor(variant="completion", penalty=0.3)])
def test_admission_copes_with_weights_below_nothing(make_panel, estimator):
    random = np.random.default_rng(7)
    counts = {"Town": random.poisson(30, 48), **{f"D{j:02}": random.poisson(20 + j, 48) for j in range(20)}}
    counts["Town"][36:] = random.poisson(15, 12)
    panel = make_panel(counts, 36)
    family = estimator.family(panel, placebos=False)
    fit = fit_of(family, estimator.shifts)
    assert 0.5 < fit.ratio < 1.5 and refusals(estimator, panel, family, fit, 0.7) == []
    effect = evaluate(estimator, panel).effect(Estimand("r"))
    assert effect.refusal is None and effect.intervals[0].upper < 1 and 0.35 < effect.point < 0.7
    wild = make_panel(counts | {"Town": counts["Town"] * (1 + 0.9 * np.sin(np.arange(48) ** 2))}, 36, kind="continuous")
    assert "do not follow Town" in evaluate(estimator, wild).effect(Estimand("r")).refusal


def test_errors(make_panel, panel_of):
    with pytest.raises(StudyError, match="variant of factor is 'mc'; choose interactive, completion"):
        Factor(variant="mc")
    with pytest.raises(StudyError, match="rank of factor is -1; set a whole number, 0 or more"):
        Factor(rank=-1)
    with pytest.raises(StudyError, match="penalty of factor belongs to variant = 'completion'; leave 0.1 out"):
        Factor(penalty=0.1)
    with pytest.raises(StudyError, match="rank of factor belongs to variant = 'interactive'; leave 2 out"):
        Factor(variant="completion", rank=2)
    with pytest.raises(StudyError, match="penalty of factor is 0; set a share above 0"):
        Factor(variant="completion", penalty=0)
    with pytest.raises(EstimationError, match="Town has 3 periods before the start 2010-04 with figures, and factor needs 5"):
        Factor(rank=3).estimate(panel_of(made(1), onset=3))
    with pytest.raises(EstimationError, match="unit 1 of the table has no known figure"):
        complete(np.ones((3, 3)), np.array([[True, False, True]] * 3), 1.0)
