"""Difference-in-differences: on paper, against the regressions that define it, and what it will not say."""

from datetime import date

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.did import Did
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.study import Estimand, Window


def counts_of(seed: int, units: int = 6, periods: int = 16, mean: float = 15) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    common = random.uniform(0.5, 1.5, periods)
    return {f"Unit {j}": random.poisson(mean * (1 + j / 3) * common).astype(float) for j in range(units)}


def test_by_hand(make_panel):
    # Donors 4 and 8 and 12 became 8, 12 and 16: 4 more each, or half as many again. Of 10 become 14 or 15; 6 came.
    counts = {"Town": [10, 10, 6], "A": [4, 4, 8], "B": [8, 8, 12], "C": [12, 12, 16]}
    assert Did().estimate(make_panel(counts, 2)).point == pytest.approx(6 / 14)
    effect = Did(model="poisson").estimate(make_panel(counts, 2))
    assert effect.point == pytest.approx(6 / 15)
    assert effect.details["ratio"] == pytest.approx(6 / 15)


def test_weights_by_exposure_by_hand(make_panel):
    # Rates rise by 4 among 3 people and by 0 among 1: by 3 on average of people, by 2 of places.
    panel = make_panel({"Town": [10, 10], "A": [12, 24], "B": [5, 5], "C": [5, 5]}, 1)
    panel = panel.with_(exposure=panel.exposure.assign(A=3.0, B=0.5, C=0.5))
    plain, weighted = Did().estimate(panel), Did(weights="exposure").estimate(panel)
    assert plain.counterfactual.expected.iloc[1] == pytest.approx(10 + 4 / 3)
    assert weighted.counterfactual.expected.iloc[1] == pytest.approx(10 + 3)
    assert weighted.details["weights"] == pytest.approx({"A": 0.75, "B": 0.125, "C": 0.125})


@pytest.mark.parametrize(
    "estimator", [Did(), Did(weights="exposure"), Did(model="poisson")], ids=["linear", "exposure", "poisson"]
)
def test_the_path_of_a_large_unit_does_not_follow_its_own_figures(make_panel, estimator):
    # Donors stay at 5; the town is 500, saw a wave before the start and a fall that faded after it: 500 is expected always.
    wave = [500.0, 700, 500, 300] * 3
    counts = {"Town": [*wave, 100, 200, 300, 400], **{name: [5.0] * 16 for name in "ABCD"}}
    effect = estimator.estimate(make_panel(counts, 12))
    assert effect.counterfactual.expected.tolist() == pytest.approx([500] * 16)
    first = Estimand("first", "ratio", window=Window(date(2011, 1, 1), date(2011, 1, 31)))
    assert effect.point == pytest.approx(0.5) and effect.over(first).point == pytest.approx(0.2)


@pytest.mark.parametrize("seed", range(4))
def test_poisson_is_the_regression_of_statsmodels(make_panel, seed):
    counts = counts_of(seed)
    counts["Unit 2"][3] = counts["Unit 4"][5] = np.nan
    random = np.random.default_rng(seed)
    panel = make_panel(counts, 10)
    panel = panel.with_(exposure=panel.exposure * random.uniform(1, 9, panel.exposure.shape))
    y, people = panel.values.to_numpy(), panel.exposure.to_numpy()
    known = ~np.isnan(y)
    period, unit = np.nonzero(known)
    treated = (period >= 10) & (unit == 0)
    design = np.column_stack([treated, *(unit == j for j in range(6)), *(period == t for t in range(1, 16))]).astype(float)
    glm = sm.GLM(y[known], design, sm.families.Poisson(), offset=np.log(people[known])).fit(tol=1e-13)
    effect = Did(model="poisson").estimate(panel)
    assert effect.details["ratio"] == pytest.approx(np.exp(glm.params[0]), rel=1e-8)
    assert effect.point == pytest.approx(np.exp(glm.params[0]), rel=1e-8)  # the scores of the treated cells add up
    paths = effect.counterfactual
    assert paths.expected.iloc[:10].sum() == pytest.approx(paths.observed.iloc[:10].sum())


@pytest.mark.parametrize("weights", ["none", "exposure"])
@pytest.mark.parametrize("seed", range(3))
def test_linear_is_the_regression_of_linearmodels_and_its_path_has_the_same_difference(make_panel, seed, weights):
    counts = counts_of(seed)
    counts["Unit 3"][2] = np.nan
    panel = make_panel(counts, 10, estimand=Estimand("gap", "difference", target="realised"))
    panel = panel.with_(exposure=panel.exposure * np.linspace(2, 7, 6))
    effect = Did(weights=weights).estimate(panel)
    assert effect.details["observations"] == 95
    # The treated unit has 2 person-years a period, so its gap in counts is twice that in rates.
    assert effect.point == pytest.approx(2 * effect.details["rate_difference"], rel=1e-8)


def test_without_weights_and_gaps_it_is_the_double_difference(make_panel):
    panel = make_panel(counts_of(5), 10)
    assert Did().estimate(panel).point == pytest.approx(Sdid(variant="did").estimate(panel).point, rel=1e-10)


@given(st.integers(0, 10_000), st.sampled_from([1e-4, 7.0]))
@settings(max_examples=20)
def test_what_is_common_to_a_period_bears_on_no_ratio(make_panel, seed, unit):
    counts = counts_of(seed)
    panel = make_panel(counts, 10)
    common = np.random.default_rng(seed).uniform(0.5, 2, (16, 1))
    poisson = Did(model="poisson")
    point = poisson.estimate(panel).point
    assert poisson.estimate(panel.with_(exposure=panel.exposure * common)).point == pytest.approx(point, rel=1e-8)
    assert poisson.estimate(panel.with_(exposure=panel.exposure * unit)).point == pytest.approx(point, rel=1e-8)
    assert Did().estimate(panel.with_(exposure=panel.exposure * unit)).point == pytest.approx(
        Did().estimate(panel).point, rel=1e-8
    )
    shifted = panel.with_(values=panel.values + 10 * common, kind="continuous")
    gap = Estimand("gap", "difference", target="realised")
    one, other = (Did().estimate(each.with_(estimand=gap)).point for each in (panel, shifted))
    assert other == pytest.approx(one, abs=1e-8)


@pytest.mark.parametrize(
    "estimator", [Did(), Did(weights="exposure"), Did(model="poisson")], ids=["linear", "exposure", "poisson"]
)
def test_a_family_is_each_unit_in_turn(make_panel, estimator):
    panel = make_panel(counts_of(6), 10)
    family = estimator.family(panel)
    for place, unit in enumerate(family.comparison.units[1:], start=1):
        alone = estimator.estimate(panel.reassigned_to(unit))
        assert family.expected[place] == pytest.approx(alone.counterfactual.expected.to_numpy(), rel=1e-8)


def test_a_period_in_which_nothing_happens_anywhere_expects_nothing(make_panel):
    counts = {unit: np.array(own) for unit, own in counts_of(7).items()}
    for own in counts.values():
        own[[4, 12]] = 0
    paths = Did(model="poisson").estimate(make_panel(counts, 10)).counterfactual
    assert paths.expected.iloc[[4, 12]].tolist() == [0, 0] and paths.observed.iloc[12] == 0


def test_a_placebo_that_cannot_be_fitted_has_no_path_and_a_treated_unit_is_refused(make_panel):
    quiet = {"Town": [5] * 6, "A": [4, 4, 4, 4, 3, 5], "B": [4, 4, 4, 4, 0, 0], "C": [3, 3, 3, 3, 0, 0]}
    family = Did(model="poisson").family(make_panel(quiet, 4))
    assert np.isnan(family.expected[1]).all() and np.isfinite(family.expected[[0, 2, 3]]).all()
    silent = quiet | {"A": [4, 4, 4, 4, 0, 0]}
    with pytest.raises(EstimationError, match="Town: no unit but the treated has events while it is treated"):
        Did(model="poisson").estimate(make_panel(silent, 4))


def test_gaps_are_listed_and_not_filled(make_panel):
    counts = counts_of(8, periods=40)
    counts["Unit 0"][3] = counts["Unit 2"][5] = np.nan
    effect = Did().estimate(make_panel(counts, 30))
    assert effect.notes == ("no figure of Unit 0 is used for 2010-04",)
    assert effect.details["observations"] == 238


def test_settings_that_do_not_go_together(make_panel):
    for settings_, message in (
        ({"model": "log"}, "model of did is 'log'; choose linear, poisson"),
        ({"weights": "people"}, "weights of did is 'people'; choose none, exposure"),
        ({"covariance": "robust"}, "covariance of did is 'robust'; choose placebo, clustered"),
        ({"model": "poisson", "weights": "exposure"}, "the poisson model of did weighs by exposure as it is"),
    ):
        with pytest.raises(StudyError, match=message):
            Did(**settings_)
    with pytest.raises(EstimationError, match="a cluster-robust p for Unit 0, the 1 treated of 6 units"):
        Did(covariance="clustered").estimate(make_panel(counts_of(9), 10))
