"""Two-way tables: on paper, against regressions with a dummy for every unit and period, and what cannot be told apart."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.panel import PanelOLS

from gvi_eval.errors import EstimationError
from gvi_eval.estimators._two_way import two_way_linear, two_way_poisson


def table(seed: int, periods: int = 8, units: int = 5, gaps: int = 0):
    """Counts, exposure and who is treated (period, unit): the first unit from the middle on; gaps at donors."""
    random = np.random.default_rng(seed)
    exposure = random.uniform(0.5, 20.0, (periods, units))
    counts = random.poisson(exposure * random.uniform(1, 5, units) * random.uniform(0.5, 2, (periods, 1))) + 1.0
    for place in random.choice((periods - 1) * (units - 1), gaps, replace=False):
        counts[place // (units - 1), 1 + place % (units - 1)] = np.nan
    treated = np.zeros((periods, units), dtype=bool)
    treated[periods // 2 :, 0] = True
    return counts, exposure, treated


def dummies(counts, treated):
    """Design of known cells: the treatment, units, periods but the first."""
    known = ~np.isnan(counts)
    period, unit = np.nonzero(known)
    columns = [treated[known], *(unit == j for j in range(counts.shape[1])), *(period == t for t in range(1, len(counts)))]
    return np.column_stack(columns).astype(float), known


def test_shares_by_hand():
    # Units 1 : 3 and periods 1 : 2 make the table exactly, whatever the one cell that is missing says: 2 * 3 = 6.
    fit = two_way_poisson(np.array([[1.0, 3.0], [2.0, np.nan]]), np.ones((2, 2)))
    assert fit.untreated(np.ones((2, 2))) == pytest.approx(np.array([[1.0, 3.0], [2.0, 6.0]]))
    assert fit.ratio == 1


def test_a_halving_by_hand():
    # The donor doubles from 10 to 20, so 6 should have become 12; 3 came.
    counts = np.array([[6.0, 10.0], [3.0, 20.0]])
    treated = np.array([[False, False], [True, False]])
    fit = two_way_poisson(counts, np.ones((2, 2)), treated)
    assert fit.ratio == pytest.approx(0.25)
    assert fit.untreated(np.ones((2, 2)))[1, 0] == pytest.approx(12)
    linear = two_way_linear(counts, treated)
    assert linear.effect == pytest.approx(3 - (6 + 10))
    assert linear.units + linear.periods[0] == pytest.approx([6, 10])


@pytest.mark.parametrize("gaps", [0, 6])
@pytest.mark.parametrize("seed", range(4))
def test_poisson_is_the_regression_with_dummies(seed, gaps):
    counts, exposure, treated = table(seed, gaps=gaps)
    design, known = dummies(counts, treated)
    glm = sm.GLM(counts[known], design, sm.families.Poisson(), offset=np.log(exposure[known])).fit(tol=1e-13, maxiter=200)
    fit = two_way_poisson(counts, exposure, treated)
    assert fit.ratio == pytest.approx(np.exp(glm.params[0]), rel=1e-8)
    means = np.where(treated, fit.ratio, 1.0) * fit.untreated(exposure)
    assert means[known] == pytest.approx(glm.fittedvalues, rel=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("gaps", [0, 6])
@pytest.mark.parametrize("seed", range(4))
def test_linear_is_the_regression_with_dummies_and_that_of_linearmodels(seed, gaps, weighted):
    counts, exposure, treated = table(seed, gaps=gaps)
    rates, weights = counts / exposure, exposure if weighted else None
    fit = two_way_linear(rates, treated, weights)
    design, known = dummies(counts, treated)
    wls = sm.WLS(rates[known], design, exposure[known] if weighted else 1.0).fit()
    assert fit.effect == pytest.approx(wls.params[0], rel=1e-9)
    assert fit.units == pytest.approx(wls.params[1:6], rel=1e-9)
    assert fit.periods == pytest.approx([0, *wls.params[6:]], rel=1e-8, abs=1e-10)
    frame = pd.DataFrame(
        {"rate": rates.T.ravel(), "treated": treated.T.ravel().astype(float), "exposure": exposure.T.ravel()},
        index=pd.MultiIndex.from_product([range(5), pd.date_range("2000", periods=8, freq="YS")]),
    ).dropna()
    ols = PanelOLS(
        frame["rate"],
        frame[["treated"]],
        entity_effects=True,
        time_effects=True,
        weights=frame["exposure"] if weighted else None,
    ).fit()
    assert fit.effect == pytest.approx(ols.params["treated"], rel=1e-8)


@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(3, 6))
@settings(max_examples=30)
def test_what_is_common_to_all_units_of_a_period_does_not_matter(seed, periods, units):
    counts, exposure, treated = table(seed, periods, units)
    common = np.random.default_rng(seed).uniform(0.2, 5, (periods, 1))
    fit, moved = (two_way_poisson(counts, room, treated) for room in (exposure, exposure * common))
    assert moved.ratio == pytest.approx(fit.ratio, rel=1e-8)
    assert moved.periods * common[:, 0] * moved.units[0] == pytest.approx(fit.periods * fit.units[0], rel=1e-8)
    rates = counts / exposure
    linear, shifted = (two_way_linear(r, treated).effect for r in (rates, rates + common))
    assert shifted == pytest.approx(linear, abs=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_a_table_of_pure_units_and_periods_is_met_whatever_is_common(seed):
    random = np.random.default_rng(seed)
    exposure = random.uniform(0.5, 20, (6, 4))
    units, periods = random.uniform(1, 5, 4), random.uniform(0.1, 10, 6)
    treated = np.zeros((6, 4), dtype=bool)
    treated[3:, 0] = True
    counts = exposure * units * periods[:, None] * np.where(treated, 0.6, 1.0)
    fit = two_way_poisson(counts, exposure, treated)
    assert fit.ratio == pytest.approx(0.6, rel=1e-9)
    assert fit.untreated(exposure) * np.where(treated, 0.6, 1.0) == pytest.approx(counts, rel=1e-9)


def test_one_unit_far_larger_than_the_others_still_settles():
    counts, exposure, treated = table(9, units=4)
    counts[:, 0] *= 3000.0
    design, known = dummies(counts, treated)
    glm = sm.GLM(counts[known], design, sm.families.Poisson(), offset=np.log(exposure[known])).fit(tol=1e-14, maxiter=500)
    assert two_way_poisson(counts, exposure, treated).ratio == pytest.approx(np.exp(glm.params[0]), rel=1e-6)


def test_nothing_seen_of_the_treated_while_treated_is_a_ratio_of_zero():
    counts, exposure, treated = table(3)
    counts[treated] = 0
    assert two_way_poisson(counts, exposure, treated).ratio == 0


def test_what_has_no_answer_says_so():
    counts, exposure, treated = table(4)
    below = counts.copy()
    below[0, 0] = -1
    with pytest.raises(EstimationError, match="a figure of -1 is below zero and has no Poisson mean"):
        two_way_poisson(below, exposure)
    silent = counts.copy()
    silent[:, 2] = 0
    with pytest.raises(EstimationError, match="unit 2 of the table has no events"):
        two_way_poisson(silent, exposure)
    silent = counts.copy()
    silent[1] = 0
    with pytest.raises(EstimationError, match="period 1 of the table has no events"):
        two_way_poisson(silent, exposure)
    silent = counts.copy()
    silent[4:, 1:] = 0
    with pytest.raises(EstimationError, match="no unit but the treated has events while it is treated"):
        two_way_poisson(silent, exposure, treated)
    one_side = counts.copy()
    one_side[4:, 1:] = np.nan
    with pytest.raises(EstimationError, match="no donor has figures on both sides of the start"):
        two_way_linear(one_side / exposure, treated)
