"""Synthetic control: weights on paper, what is recovered exactly, laws of scale and shift, and predictors by name."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_simplex import by_enumeration, by_nnls

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._predictors import periods_inside
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.panel import Panel

WEIGHTS = np.array([0.5, 0.3, 0.2, 0.0])
some = settings(max_examples=25)


def mixture(seed: int, periods: int = 20) -> dict[str, np.ndarray]:
    """A town that is .5, .3 and .2 of three of four donors, to the digit."""
    donors = np.random.default_rng(seed).uniform(5, 50, (periods, 4))
    return {"Town": donors @ WEIGHTS, **{f"Donor {j}": donors[:, j] for j in range(4)}}


def weights_of(effect) -> np.ndarray:
    return np.array([effect.details["weights"].get(f"Donor {j}", 0.0) for j in range(4)])


def test_by_hand(make_panel):
    # Half of A and half of B is the town before the start: 10 and 14 of 8, 12 and 12, 16; after it 10 and 20 make 15, and 6 came.
    counts = {"Town": [10, 14, 6], "A": [8, 12, 10], "B": [12, 16, 20], "C": [90, 10, 50]}
    effect = Synthetic().estimate(make_panel(counts, 2))
    assert effect.point == pytest.approx(6 / 15)
    assert effect.details["weights"] == pytest.approx({"A": 0.5, "B": 0.5})
    assert effect.counterfactual.expected.tolist() == pytest.approx([10, 14, 15])
    assert effect.intervals == () and effect.refusal is None


def test_an_intercept_by_hand(make_panel):
    # The town is A and 5 more: 5 + 7 make 12, and 6 came.
    counts = {"Town": [15, 19, 12, 6], "A": [10, 14, 7, 7], "B": [3, 3, 9, 3], "C": [40, 10, 60, 5]}
    effect = Synthetic(intercept=True).estimate(make_panel(counts, 3))
    assert effect.point == pytest.approx(6 / 12)
    assert effect.details["intercept"] == pytest.approx(5)


def test_rates_are_likened_and_counts_compared(make_panel):
    # Twice the people at the rates of A: 5 per person-year of 2 are expected, 5 came.
    panel = make_panel({"Town": [20, 40, 5], "A": [10, 20, 5], "B": [5, 5, 5], "C": [90, 10, 9]}, 2)
    panel = panel.with_(exposure=panel.exposure.assign(Town=2.0))
    effect = Synthetic().estimate(panel)
    assert effect.details["weights"] == pytest.approx({"A": 1.0})
    assert effect.point == pytest.approx(0.5)


@some
@given(st.integers(0, 10_000), st.sampled_from(["rate", "sqrt", "log"]))
def test_a_town_made_of_its_donors_is_recovered(make_panel, seed, scale):
    panel = make_panel(mixture(seed), 14, kind="continuous")
    if scale != "rate":
        move = {"sqrt": np.sqrt, "log": np.log}[scale]
        back = {"sqrt": np.square, "log": np.exp}[scale]
        values = panel.values.copy()
        values["Town"] = back(move(values.iloc[:, 1:]) @ WEIGHTS)
        panel = panel.with_(values=values)
    effect = Synthetic(scale=scale).estimate(panel)
    assert weights_of(effect) == pytest.approx(WEIGHTS, abs=1e-7)
    assert effect.point == pytest.approx(1, abs=1e-9)


@some
@given(st.integers(0, 10_000), st.sampled_from([1e-6, 3.0, 1e5]), st.booleans())
def test_the_unit_of_measurement_does_not_matter(make_panel, seed, unit, intercept):
    counts = mixture(seed)
    counts["Town"] = counts["Town"] * np.random.default_rng(seed).uniform(0.8, 1.2, 20)
    one, other = (
        Synthetic(intercept=intercept).estimate(
            make_panel({name: factor * own for name, own in counts.items()}, 14, kind="continuous")
        )
        for factor in (1.0, unit)
    )
    assert other.point == pytest.approx(one.point, rel=1e-7)
    assert weights_of(other) == pytest.approx(weights_of(one), abs=1e-6)


@some
@given(st.integers(0, 10_000), st.floats(-4, 30))
def test_with_an_intercept_the_level_of_the_town_bears_on_no_weight(make_panel, seed, level):
    counts = mixture(seed)
    counts["Town"] = counts["Town"] + np.random.default_rng(seed).normal(size=20)
    one, other = (
        Synthetic(intercept=True).estimate(make_panel(counts | {"Town": counts["Town"] + up}, 14, kind="continuous"))
        for up in (0.0, level)
    )
    assert weights_of(other) == pytest.approx(weights_of(one), abs=1e-6)
    assert other.details["intercept"] == pytest.approx(one.details["intercept"] + level, abs=1e-6)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_the_weights_are_those_of_trying_every_support(make_panel, seed, ridge, intercept):
    random = np.random.default_rng(seed)
    table = random.poisson(20, (16, 6)).astype(float)
    panel = make_panel({name: table[:, j] for j, name in enumerate(["Town", *"ABCDE"])}, 12)
    effect = Synthetic(ridge=ridge, intercept=intercept).estimate(panel)
    weights, _ = by_enumeration(table[:12, 0], table[:12, 1:], ridge=ridge, intercept=intercept)
    assert [effect.details["weights"].get(name, 0.0) for name in "ABCDE"] == pytest.approx(weights, abs=1e-7)


def test_a_family_is_each_unit_in_turn(make_panel):
    random = np.random.default_rng(4)
    table = random.poisson(20, (30, 9)).astype(float)
    panel = make_panel({f"Unit {j}": table[:, j] for j in range(9)}, 20)
    family = Synthetic(intercept=True).family(panel)
    assert family.members.tolist() == list(range(9))
    for place in range(1, 9):
        alone = Synthetic(intercept=True).estimate(panel.reassigned_to(f"Unit {place}"))
        assert family.expected[place] == pytest.approx(alone.counterfactual.expected.to_numpy(), rel=1e-9)
        assert family.weights[place, 0] == family.weights[place, place] == 0
    stays = Synthetic(intercept=True).family(panel, treated_stays=True)
    weights = by_nnls(table[:20, 3], np.delete(table[:20], 3, axis=1), intercept=True)[0]
    assert np.delete(stays.weights[3], 3) == pytest.approx(weights, abs=1e-7)
    assert (stays.expected[0] == family.expected[0]).all()


# --- predictors


@pytest.fixture
def predicted(make_panel) -> Panel:
    """Two covariates, one with a blank in its name, that drive twelve areas; the town is like A and B."""
    random = np.random.default_rng(6)
    units = ["Town", *"ABCDEFGHIJK"]
    size, wealth = random.uniform(1, 9, 12), random.uniform(1, 9, 12)
    size[0], wealth[0] = (size[1] + size[2]) / 2, (wealth[1] + wealth[2]) / 2
    time = np.arange(36)[:, None]
    counts = 20 + size * (1 + 0.05 * time) + wealth * np.sin(time / 4)
    panel = make_panel({unit: counts[:, j] for j, unit in enumerate(units)}, 24, kind="continuous")
    flat = {name: pd.DataFrame([own] * 36, panel.periods, units) for name, own in (("size", size), ("log wealth", wealth))}
    return panel.with_(covariates=flat)


def test_predictors_by_name_with_and_without_periods(predicted):
    effect = Synthetic(predictors=("size", "log wealth 2010-01..2010-06", "outcome 2011", "outcome")).estimate(predicted)
    assert list(effect.details["v"]) == ["size", "log wealth 2010-01..2010-06", "outcome 2011", "outcome"]
    assert sum(effect.details["v"].values()) == pytest.approx(1)
    assert effect.point == pytest.approx(1, abs=1e-6)
    assert effect.details["mspe"] >= effect.details["mspe_lower_bound"] - 1e-12
    assert effect.details["predictors_matched_exactly"]


@pytest.mark.parametrize(
    ("words", "first", "last", "number"),
    [
        ("2010", "2010-01", "2010-12", 12),
        ("2010..2011", "2010-01", "2011-12", 24),
        ("2010-03..2010-05", "2010-03", "2010-05", 3),
        ("2010-11..2011", "2010-11", "2011-12", 14),
        ("2010Q2", "2010-04", "2010-06", 3),
    ],
)
def test_a_year_is_all_its_months(words, first, last, number):
    periods = pd.period_range("2009-01", "2013-12", freq="M")
    found = periods[periods_inside(periods, words)]
    assert (str(found[0]), str(found[-1]), len(found)) == (first, last, number)


@pytest.mark.parametrize("words", ["10", "2010..", "2010-13", "2010-1", "spring", "2010...2011", "2010Q5"])
def test_what_names_no_periods_says_so(words):
    with pytest.raises(StudyError, match="names no periods; write one such as 1975"):
        periods_inside(pd.period_range("2009-01", "2013-12", freq="M"), words)


def test_a_predictor_that_is_unknown_empty_or_beyond_the_start(predicted):
    with pytest.raises(StudyError, match="predictors names 'height', which the panel does not hold; it holds outcome, size"):
        Synthetic(predictors=("height 2010",)).estimate(predicted)
    with pytest.raises(StudyError, match="'outcome 2012' reaches beyond the start 2012-01"):
        Synthetic(predictors=("outcome 2012",)).estimate(predicted)
    with pytest.raises(EstimationError, match="'size 1990' of Town has no figure in these periods"):
        Synthetic(predictors=("size 1990",)).estimate(predicted)
    gap = predicted.covariates["size"].copy()
    gap["C"] = np.nan
    with pytest.raises(EstimationError, match="'size' of C has no figure"):
        Synthetic(predictors=("size",)).estimate(predicted.with_(covariates=predicted.covariates | {"size": gap}))
    with pytest.raises(EstimationError, match="no period in judged = '1990' before the start"):
        Synthetic(predictors=("size",), judged="1990").estimate(predicted)


def test_training_predictors_seek_v_and_give_way_to_the_others(predicted):
    effect = Synthetic(predictors=("outcome 2011", "size"), training=("outcome 2010", "size"), judged="2011").estimate(
        predicted
    )
    assert list(effect.details["v"]) == ["outcome 2011", "size"]
    assert effect.details["mspe_lower_bound"] <= effect.details["mspe"] + 1e-9
    flat = predicted.covariates["size"] * 0 + 1
    with pytest.raises(EstimationError, match="the predictor 'flat' is the same in every unit"):
        Synthetic(predictors=("outcome 2011", "flat"), training=("outcome 2010", "size")).estimate(
            predicted.with_(covariates=predicted.covariates | {"flat": flat})
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ridge": -1.0}, "ridge of synthetic is -1.0; set 0 or more"),
        ({"ridge": float("nan")}, "ridge of synthetic is nan"),
        ({"predictors": ("outcome",), "intercept": True}, "with predictors has neither intercept nor ridge"),
        ({"judged": "2010"}, "training and judged of synthetic belong to predictors"),
        ({"predictors": ("outcome",), "training": ("outcome", "size")}, "2 training predictors for 1 predictors"),
        ({"level": 1.0}, "level"),
    ],
)
def test_settings_that_do_not_go_together(settings, message):
    with pytest.raises(StudyError, match=message):
        Synthetic(**settings)
