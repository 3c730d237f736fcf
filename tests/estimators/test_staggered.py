"""Staggered starts: on paper, against regressions and other packages, and where one common coefficient goes wrong."""

import dataclasses
from datetime import date
from types import MappingProxyType

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_simplex import by_nnls
from scipy.optimize import minimize
from three_starts import STARTS, three_starts

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._pooled_weights import pooled_weights, solve_product
from gvi_eval.estimators._two_way import two_way_linear
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.event_study import EventStudy
from gvi_eval.estimators.staggered import METHODS, Staggered
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.study import Estimand, Window

GAP = Estimand("gap", "difference", target="realised")
EVERY = [Staggered(method, model) for method in METHODS for model in ("poisson", "linear")]
every_setting = pytest.mark.parametrize("estimator", EVERY, ids=lambda each: f"{each.method}, {each.model}")
every_method = pytest.mark.parametrize("method", METHODS)


@pytest.fixture(scope="session")
def panel_of(make_panel):
    """A panel in which the named units begin at their positions."""

    def make(counts, starts, **parts):
        panel = make_panel(counts, 1, **parts)
        return panel.with_(onsets=MappingProxyType({unit: panel.periods[0] + start for unit, start in starts.items()}))

    return make


@pytest.fixture(scope="session")
def peers(panel_of):
    return panel_of(three_starts(), STARTS, start="2000", kind="continuous", estimand=GAP)


def counts_of(seed: int, treated: int = 3, donors: int = 8, periods: int = 16, mean: float = 30) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    common = random.uniform(0.7, 1.4, periods)
    names = [*(f"Town {j}" for j in range(treated)), *(f"Donor {j}" for j in range(donors))]
    return {name: random.poisson(mean * (1 + j / 5) * common).astype(float) for j, name in enumerate(names)}


TOWNS = {"Town 0": 6, "Town 1": 9, "Town 2": 12}
FLAT = {"North": [10, 10, 5, 5], "South": [20, 20, 20, 15], "A": [4] * 4, "B": [8] * 4, "C": [6] * 4}


@every_setting
def test_by_hand(panel_of, estimator):
    # Nobody else moves. North was to have 20 in its last two periods and had 10; South 20 in its last and had 15.
    panel = panel_of(FLAT, {"North": 2, "South": 3})
    north, south, together = estimator.estimate_each(panel)
    assert (north.point, south.point) == (pytest.approx(10 / 20), pytest.approx(15 / 20))
    assert together.point == pytest.approx(25 / 40) == estimator.estimate(panel).point
    assert (together.unit, together.onset, south.onset) == ("all", panel.periods[2], panel.periods[3])
    paths = together.counterfactual
    assert paths.observed.tolist() == [30, 30, 5, 20]  # both, both, North, both
    assert paths.expected.tolist() == pytest.approx([30, 30, 10, 30])
    sums = [(row["unit"], row["observed"], row["expected"]) for row in together.details["units"]]
    assert sums == [("North", 10, pytest.approx(20)), ("South", 15, pytest.approx(20))]


def test_a_common_rise_by_hand(panel_of):
    # Donors double in the third period: North's 10 become 20 by ratio; by difference they gain (4 + 8 + 6) / 3 = 6.
    counts = {"North": [10, 10, 10, 10], "South": [20, 20, 40, 10], "A": [4, 4, 8, 8], "B": [8, 8, 16, 16], "C": [6, 6, 12, 12]}
    panel = panel_of(counts, {"North": 2, "South": 3})
    assert Staggered("stacking").estimate_each(panel)[0].point == pytest.approx(20 / 40)
    assert Staggered("stacking", model="linear").estimate_each(panel)[0].point == pytest.approx(20 / 32)
    # South has doubled as well before its own start, which imputation uses: it is untreated then.
    assert [effect.point for effect in Staggered().estimate_each(panel)] == pytest.approx([20 / 40, 10 / 40, 30 / 80])


@pytest.mark.parametrize("model", ["poisson", "linear"])
@pytest.mark.parametrize("method", ["imputation", "stacking"])
@pytest.mark.parametrize("seed", range(3))
def test_one_treated_unit_is_difference_in_differences(panel_of, seed, method, model):
    counts = counts_of(seed, treated=1)
    panel = panel_of(counts, {"Town 0": 9})
    panel = panel.with_(exposure=panel.exposure * np.linspace(2, 5, 9))
    effect = Staggered(method, model).estimate(panel)
    assert effect.point == pytest.approx(Did(model=model).estimate(panel).point, rel=1e-9)
    assert effect.unit == "Town 0" and Staggered(method, model).estimate_each(panel)[0].point == effect.point


@pytest.mark.parametrize("seed", range(3))
def test_one_treated_unit_with_pooled_weights_is_synthetic_control_with_an_intercept(panel_of, seed):
    panel = panel_of(counts_of(seed, treated=1), {"Town 0": 9})
    effect, single = Staggered("partially pooled", "linear").estimate(panel), Synthetic(intercept=True).estimate(panel)
    assert effect.point == pytest.approx(single.point, rel=1e-9)
    assert effect.details["weights"] == pytest.approx(single.details["weights"], abs=1e-9)
    assert effect.counterfactual.expected.to_numpy() == pytest.approx(single.counterfactual.expected.to_numpy())


@every_method
def test_one_common_coefficient_is_wrong_where_effects_grow(panel_of, method):
    # All units stay at 50 but for the programme, which takes 2 a period off: effects that grow, the same in everyone. Two
    # of three donors start as well. A common coefficient takes late starters' neighbours, still falling, for what would have
    # been; the cell by cell answer is exact.
    length, starts = 24, {"Early": 4, "Late": 16}
    counts = {unit: 50.0 - 2.0 * np.maximum(np.arange(length) - start + 1, 0) for unit, start in starts.items()}
    counts |= {name: np.full(length, 50.0) for name in "ABC"}
    panel = panel_of(counts, starts, kind="continuous", estimand=GAP)
    on = np.column_stack([np.arange(length) >= start for start in starts.values()] + [np.zeros(length, bool)] * 3)
    truth = np.mean([-2.0 * k for start in starts.values() for k in range(1, length - start + 1)])
    effect = Staggered(method, "linear").estimate(panel)
    found = sum(row["observed"] - row["expected"] for row in effect.details["units"]) / on.sum()
    assert found == pytest.approx(truth)
    common = two_way_linear(panel.values.to_numpy(), on).effect
    assert common / truth < 0.85
    # Where nobody is never treated in the end it may even turn: of early and late alone it says that the programme adds.
    alone = two_way_linear(panel.values[["Early", "Late"]].to_numpy()[14:], on[14:, :2]).effect
    assert truth < 0 < alone


@pytest.mark.parametrize("model", ["poisson", "linear"])
@pytest.mark.parametrize("seed", range(3))
def test_imputation_is_the_regression_on_untreated_cells(panel_of, seed, model):
    panel = panel_of(counts_of(seed), TOWNS)
    panel = panel.with_(exposure=panel.exposure * np.random.default_rng(seed).uniform(1, 4, panel.exposure.shape))
    y, people = panel.values.to_numpy(), panel.exposure.to_numpy()
    on = np.array([[unit in TOWNS and place >= TOWNS[unit] for unit in panel.values] for place in range(16)])
    period, unit = (each.ravel() for each in np.indices(y.shape))
    design = np.column_stack([*(unit == j for j in range(11)), *(period == t for t in range(1, 16))]).astype(float)
    free = ~on.ravel()
    if model == "linear":
        fit = sm.OLS((y / people).ravel()[free], design[free]).fit()
        expected = fit.predict(design).reshape(y.shape) * people
    else:
        offset = np.log(people.ravel())
        fit = sm.GLM(y.ravel()[free], design[free], sm.families.Poisson(), offset=offset[free]).fit(tol=1e-13)
        expected = fit.predict(design, offset=offset).reshape(y.shape)
    each = Staggered(model=model).estimate_each(panel)
    for column in range(3):
        assert each[column].counterfactual.expected.to_numpy() == pytest.approx(expected[:, column], rel=1e-7)
    assert each[-1].point == pytest.approx(y[on].sum() / expected[on].sum(), rel=1e-8)


def test_imputation_is_that_of_diff_diff(peers):
    # diff-diff 3.13.0, ImputationDiD().fit(data, outcome, unit, time, first_treat).overall_att, and TwoStageDiD alike
    rows = Staggered(model="linear").estimate(peers).details["units"]
    assert sum(row["observed"] - row["expected"] for row in rows) / 27 == pytest.approx(-8.058084233391172, rel=1e-9)


@pytest.mark.parametrize(
    "after, later, theirs",
    [
        (6, False, -5.856049382715992),
        (6, True, -5.760030864197532),
        (3, False, -3.505925925925933),
        (3, True, -3.4463804713804578),
    ],
)
def test_the_stacks_are_those_of_diff_diff(peers, after, later, theirs):
    # diff-diff 3.13.0, StackedDiD(kappa_pre=8, kappa_post=after - 1, clean_control=never_treated or not_yet_treated)
    # .fit(...).overall_att, which compares with the year before the start alone: so does an event study of each stack.
    stacks = [Staggered("stacking", "linear", before=8, after=after)._window(peers, unit) for unit in STARTS]
    if not later:
        stacks = [stack.without(*[unit for unit in stack.donors if unit in STARTS]) for stack in stacks]
    each = [EventStudy(bin=1, reference="last bin").estimate(stack).point for stack in stacks]
    assert np.mean(each) == pytest.approx(theirs, rel=1e-9)


# mlsynth 1.0.0, run_multisynth(Xy, trt, 14, 20, 14, nu): ν, root mean squared gaps pooled and apart, mean gap of each unit.
POOLED = {
    None: (
        0.6825034526784517,
        0.4410775913127668,
        1.2307347531192716,
        (-7.89151178075867, -10.105390435138744, -9.761435598375021),
    ),
    0.0: (0.0, 0.5985964441702355, 1.0729708153056108, (-5.060409653800283, -10.117021225429532, -9.61316027553075)),
    0.5: (0.5, 0.4903746113491859, 1.1365831694433675, (-6.371946549960346, -9.952337065496936, -9.758019276806968)),
    1.0: (1.0, 0.38912168415417525, 1.431726729503013, (-9.991525957046036, -9.767953466515674, -9.785408419858319)),
}


@pytest.mark.parametrize("nu", POOLED)
def test_partially_pooled_weights_are_those_of_mlsynth(peers, nu):
    *apart, together = Staggered("partially pooled", "linear", nu=nu).estimate_each(peers)
    used, pooled, separate, points = POOLED[nu]
    details = together.details
    assert details["nu"] == pytest.approx(used, rel=1e-7) and details["dual_gap"] < 1e-9
    assert (details["gap_pooled"], details["gap_separate"]) == pytest.approx((pooled, separate), rel=1e-6)
    assert [effect.point for effect in apart] == pytest.approx(points, rel=1e-5)


def blocks_of(seed: int, units: int = 3, rows: int = 9, donors: int = 5):
    random = np.random.default_rng(seed)
    Z = [random.normal(size=(rows - j, donors)) for j in range(units)]
    own = [each @ random.dirichlet(np.ones(donors)) + random.normal(size=len(each)) for each in Z]
    return own, Z, [np.arange(len(each), 0, -1) for each in Z]


@pytest.mark.parametrize("nu", [0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_pooled_weights_are_those_of_a_general_program(seed, nu):
    own, Z, lags = blocks_of(seed)
    fit = pooled_weights(own, Z, lags, nu)

    def loss(w: np.ndarray) -> float:
        gaps = [y - each @ part for y, each, part in zip(own, Z, np.split(w, 3), strict=True)]
        total = np.zeros(9)
        for gap, lag in zip(gaps, lags, strict=True):
            total[lag - 1] += gap / 3
        separate = np.mean([(gap**2).mean() for gap in gaps])
        return nu * (total**2).mean() / fit.pooled_apart**2 + (1 - nu) * separate / fit.separate_apart**2

    sums = [{"type": "eq", "fun": lambda w, j=j: w[5 * j : 5 * j + 5].sum() - 1} for j in range(3)]
    found = minimize(
        loss, np.full(15, 0.2), method="SLSQP", bounds=[(0, 1)] * 15, constraints=sums, options={"maxiter": 1000, "ftol": 1e-14}
    )
    assert loss(np.concatenate(fit.weights)) <= found.fun + 1e-6
    assert all(weights.sum() == pytest.approx(1) and (weights >= 0).all() for weights in fit.weights)
    assert fit.gap < 1e-9


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 12))
@settings(max_examples=25)
def test_one_block_is_a_single_simplex_and_several_apart_are_each(seed, units, donors):
    random = np.random.default_rng(seed)
    Z, y = [random.normal(size=(15, donors)) for _ in range(units)], [random.normal(size=15) for _ in range(units)]
    A = np.zeros((15 * units, donors * units))
    for j in range(units):
        A[15 * j : 15 * (j + 1), donors * j : donors * (j + 1)] = Z[j]
    blocks = np.repeat(np.arange(units), donors)
    weights, gap = solve_product(A, np.concatenate(y), blocks, np.full(donors * units, 1 / donors))
    assert gap < 1e-8 * 15 * units
    for j in range(units):
        assert weights[blocks == j] == pytest.approx(by_nnls(y[j], Z[j])[0], abs=1e-5)


def test_more_donors_than_periods_do_not_depend_on_their_order():
    own, Z, lags = blocks_of(3, rows=6, donors=14)
    order = np.random.default_rng(0).permutation(14)
    one, other = pooled_weights(own, Z, lags, 0.7), pooled_weights(own, [each[:, order] for each in Z], lags, 0.7)
    for a, b in zip(one.weights, other.weights, strict=True):
        assert b == pytest.approx(a[order], abs=1e-4)


def test_pooling_brings_the_mean_gap_down_and_those_apart_up(peers):
    fits = [Staggered("partially pooled", "linear", nu=nu).estimate(peers).details for nu in (0.0, 0.3, 0.6, 0.9)]
    assert all(np.diff([fit["gap_pooled"] for fit in fits]) < 0) and all(np.diff([fit["gap_separate"] for fit in fits]) > 0)


@every_setting
def test_the_order_of_units_and_the_unit_of_exposure_do_not_matter(panel_of, estimator):
    panel = panel_of(counts_of(4), TOWNS)
    point = estimator.estimate(panel).point
    backwards = list(panel.values)[::-1]
    turned = panel.with_(
        values=panel.values[backwards],
        exposure=panel.exposure[backwards] * 1e-3,
        onsets=MappingProxyType(dict(reversed(panel.onsets.items()))),
    )
    assert estimator.estimate(turned).point == pytest.approx(point, rel=1e-6)


@every_setting
def test_treated_cells_bear_on_no_path(panel_of, estimator):
    panel = panel_of(counts_of(5), TOWNS)
    one, other = estimator.estimate(panel), estimator.estimate(panel.adjusted(0.25))
    assert other.counterfactual.expected.to_numpy() == pytest.approx(one.counterfactual.expected.to_numpy())
    assert other.point == pytest.approx(4 * one.point)


@pytest.mark.parametrize("method", ["stacking", "partially pooled"])
def test_a_later_starter_is_a_donor_as_long_as_it_is_untreated(panel_of, method):
    counts = counts_of(6)
    panel = panel_of(counts, TOWNS)
    effects = Staggered(method, after=3).estimate_each(panel)
    assert [effect.details["later_starts"] for effect in effects[:3]] == [["Town 1", "Town 2"], ["Town 2"], []]
    assert effects[0].counterfactual.expected.notna().tolist() == [True] * 9 + [False] * 7
    assert [effect.details["later_starts"] for effect in Staggered(method, after=4).estimate_each(panel)[:2]] == [
        ["Town 2"],
        [],
    ]
    assert all(not effect.details["later_starts"] for effect in Staggered(method).estimate_each(panel)[:3])
    short = Staggered(method, before=4, after=3).estimate_each(panel)
    assert short[2].counterfactual.expected.notna().tolist() == [False] * 8 + [True] * 7 + [False]
    assert short[-1].counterfactual.expected.notna().tolist() == [False] * 2 + [True] * 13 + [False]


@every_setting
def test_a_gap_is_in_no_sum(panel_of, estimator):
    counts = counts_of(7, periods=40)
    counts["Town 1"][[3, 20]] = np.nan
    panel = panel_of(counts, {"Town 0": 15, "Town 1": 18, "Town 2": 22})
    effect = estimator.estimate(panel)
    row = effect.details["units"][1]
    assert row["observed"] == np.nansum(counts["Town 1"][18:])
    assert any("Town 1" in note and "2010-04, 2011-09" in note for note in effect.notes)
    assert effect.counterfactual.observed.iloc[20] == counts["Town 0"][20]
    assert effect.counterfactual.observed.iloc[3] == counts["Town 0"][3] + counts["Town 2"][3]


@every_method
def test_a_screened_table_is_as_good_as_an_examined_one(panel_of, method):
    # One gap of one donor sends imputation through the examination of every unit; its answer hardly moves.
    counts = counts_of(8, periods=40)
    starts = {"Town 0": 15, "Town 1": 18, "Town 2": 22}
    whole = Staggered(method).estimate(panel_of(counts, starts))
    counts["Donor 3"][5] = np.nan
    assert Staggered(method).estimate(panel_of(counts, starts)).point == pytest.approx(whole.point, rel=0.01)


def test_a_window_that_a_unit_does_not_reach_refuses_that_unit_alone(panel_of):
    window = Window(date(2010, 7, 1), date(2010, 8, 31))
    panel = panel_of(counts_of(9), TOWNS, estimand=Estimand("two months", "ratio", window=window))
    early, late, _, together = Staggered().estimate_each(panel)
    assert late.point is None and "holds no whole period from the start 2010-10" in late.refusal
    assert together.point == early.point


def test_another_window_needs_no_other_fit(panel_of):
    panel = panel_of(counts_of(9), TOWNS)
    window = Estimand("last", "prevented", window=Window(date(2011, 1, 1), date(2011, 4, 30)), target="realised")
    effect = Staggered().estimate(panel)
    again = Staggered().estimate(panel.with_(estimand=window))
    assert effect.over(window).point == pytest.approx(again.point)


def test_what_is_refused(panel_of):
    panel = panel_of(counts_of(10), TOWNS)
    with pytest.raises(EstimationError, match="no unit of the panel is treated, so staggered has nothing to estimate"):
        Staggered().estimate(panel.with_(onsets=MappingProxyType({})))
    with pytest.raises(EstimationError, match="Town 0 has 2 donors"):
        Staggered().estimate(panel.without(*[f"Donor {j}" for j in range(6)]))
    silent = counts_of(10) | {"Town 2": [0.0] * 12 + [1.0] * 4}
    for method in METHODS:
        with pytest.raises(EstimationError, match="Town 2 recorded no events before the start 2011-01"):
            Staggered(method).estimate(panel_of(silent, TOWNS))
    for settings_, message in (
        ({"method": "two-way"}, "method of staggered is 'two-way'; choose imputation, stacking, partially pooled"),
        ({"model": "log"}, "model of staggered is 'log'; choose linear, poisson"),
        ({"nu": 0.5}, "nu of staggered belongs to method = 'partially pooled', not 'imputation'"),
        ({"method": "partially pooled", "nu": 2}, "nu of staggered is 2; set 0"),
        ({"after": 4}, "after of staggered bounds the window of a treated unit, and imputation uses every untreated cell"),
        ({"method": "stacking", "before": 0}, "before of staggered is 0; set a whole number of periods"),
    ):
        with pytest.raises(StudyError, match=message):
            Staggered(**settings_)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Staggered().nu = 0.5
