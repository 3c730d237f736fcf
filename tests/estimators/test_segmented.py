"""Segmented regression: on paper, against plain references written here, and against statsmodels."""

import warnings
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.discrete.discrete_model import NegativeBinomial

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import design
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.study import Window

PLAIN = {"trend": False, "season": "none"}
POISSON = PLAIN | {"family": "poisson", "covariance": "model"}


@pytest.fixture(scope="module")
def series(make_panel):
    """Sixty months of made-up overdispersed counts with a start at month 36."""
    random = np.random.default_rng(7)
    mean = 20 * np.exp(0.3 * np.sin(np.arange(60) / 2) - 0.4 * (np.arange(60) >= 36))
    counts = random.negative_binomial(5, 5 / (5 + mean))
    return make_panel({"Town": counts}, onset=36, exposure=np.linspace(900, 1100, 60)[:, None] / 12)


def matrix(panel, **changes):
    made = design(panel, "Town", **{"change": "level", "trend": True, "season": 2, "ramp": 0, "adjust": ()} | changes)
    return made.factual, made.log_exposure


def standard_errors(effect):
    return np.array(list(effect.details["standard_errors"].values()))


def coefficients(effect):
    return np.array(list(effect.details["coefficients"].values()))


# On paper.


@given(st.lists(st.integers(1, 40), min_size=2, max_size=10), st.lists(st.integers(1, 40), min_size=2, max_size=10))
@settings(max_examples=40, deadline=None)
def test_a_level_alone_is_the_ratio_of_means_with_the_error_of_two_poisson_sums(make_panel, before, after):
    effect = Segmented(**POISSON).estimate(make_panel({"Town": before + after}, onset=len(before)))
    ratio = np.mean(after) / np.mean(before)
    error = np.sqrt(1 / sum(before) + 1 / sum(after))
    assert effect.point == pytest.approx(ratio, rel=1e-9)
    assert effect.details["standard_errors"]["level"] == pytest.approx(error, rel=1e-9)
    assert effect.intervals[0].lower == pytest.approx(ratio * np.exp(-stats.norm.ppf(0.975) * error), rel=1e-8)
    assert effect.intervals[0].upper == pytest.approx(ratio * np.exp(stats.norm.ppf(0.975) * error), rel=1e-8)


def test_quasi_poisson_widens_by_the_root_of_the_dispersion(make_panel):
    # Means 10 and 5; Pearson residuals square to 4 × 4/10 and 4 × 1/5, over 8 − 2 degrees of freedom.
    panel = make_panel({"Town": [8, 12, 8, 12, 4, 6, 4, 6]}, onset=4)
    plain, quasi = (Segmented(**POISSON | {"family": family}).estimate(panel) for family in ("poisson", "quasipoisson"))
    assert quasi.details["phi"] == pytest.approx((1.6 + 0.8) / 6)
    assert standard_errors(quasi) == pytest.approx(standard_errors(plain) * np.sqrt(0.4))
    assert quasi.point == pytest.approx(plain.point) == pytest.approx(0.5)


def test_quantiles_of_a_t_have_the_residual_degrees_of_freedom(make_panel):
    panel = make_panel({"Town": [8, 12, 8, 12, 4, 6, 4, 6]}, onset=4)
    effect = Segmented(**PLAIN, covariance="model", quantiles="t").estimate(panel)
    spread = stats.t.ppf(0.975, 6) * effect.details["standard_errors"]["level"]
    assert effect.intervals[0].upper == pytest.approx(0.5 * np.exp(spread))


def test_person_years_are_an_offset(make_panel):
    # Twice the people and the same counts after the start: half the rate.
    people = np.array([[100.0]] * 4 + [[200.0]] * 4)
    assert Segmented(**POISSON).estimate(make_panel({"Town": [9, 11] * 4}, onset=4, exposure=people)).point == pytest.approx(
        0.5
    )


def test_a_trend_that_goes_on_leaves_no_effect(make_panel):
    counts = np.exp(4 - 0.05 * np.arange(40))
    effect = Segmented(season="none").estimate(make_panel({"Town": counts}, onset=20))
    assert effect.point == pytest.approx(1.0, abs=1e-8)
    assert Segmented(**PLAIN).estimate(make_panel({"Town": counts}, onset=20)).point == pytest.approx(
        np.exp(-0.05 * 20), rel=1e-6
    )


def test_a_ramp_is_found_on_paper(make_panel):
    # Ten before; then half of a fall to five (10 × 0.5^½), then five.
    counts = [10.0] * 6 + [10 * 0.5**0.5] + [5.0] * 5
    effect = Segmented(**PLAIN, change="ramp", ramp=2).estimate(make_panel({"Town": counts}, onset=6))
    assert effect.details["coefficients"]["level"] == pytest.approx(np.log(0.5))
    assert effect.point == pytest.approx((10 * 0.5**0.5 + 25) / 60)


def test_a_pulse_is_found_on_paper(make_panel):
    counts = [10.0] * 6 + [5.0, 5.0] + [10.0] * 4
    effect = Segmented(**PLAIN, change="pulse", ramp=2).estimate(make_panel({"Town": counts}, onset=6))
    assert effect.details["coefficients"]["level"] == pytest.approx(np.log(0.5))
    assert effect.point == pytest.approx(50 / 60)


def test_a_change_of_slope_is_found_on_paper(make_panel):
    since = np.arange(30) - 15
    counts = np.exp(3 + 0.3 * since / 30 + (since >= 0) * (-0.2 - 0.6 * since / 30))
    effect = Segmented(season="none", change="level+slope").estimate(make_panel({"Town": counts}, onset=15))
    assert effect.details["coefficients"] == pytest.approx(
        {"intercept": 3, "trend": 0.3, "level": -0.2, "slope": -0.6}, abs=1e-6
    )


def test_a_covariate_that_explains_the_fall_takes_it(make_panel):
    price = pd.DataFrame({"Town": [0.0] * 10 + [1.0] * 10 + [2.0] * 10}, index=pd.period_range("2010-01", periods=30, freq="M"))
    counts = np.exp(3 - 0.5 * price["Town"].to_numpy())
    panel = make_panel({"Town": counts}, onset=20, covariates=MappingProxyType({"price": price}))
    effect = Segmented(**PLAIN, covariates=("price",)).estimate(panel)
    assert effect.point == pytest.approx(1.0, abs=1e-8)
    assert effect.details["coefficients"]["covariate: price"] == pytest.approx(-0.5)
    assert effect.counterfactual.expected.to_numpy() == pytest.approx(counts)


# Against references.


def test_the_autocorrelated_covariance_equals_a_slow_plain_one(series):
    effect = Segmented(season=2).estimate(
        series.dropping(Window(series.periods[10].start_time.date(), series.periods[12].end_time.date()))
    )
    columns, offset = matrix(series)
    places = [t for t in range(60) if t not in (10, 11, 12)]
    counts, n, p = series.values["Town"].to_numpy(), 57, columns.shape[1]
    mean = np.exp(offset + columns @ coefficients(effect))
    residual = {t: (counts[t] - mean[t]) / np.sqrt(mean[t]) for t in places}
    squares = sum(residual[t] ** 2 for t in places)
    r1 = sum(residual[t] * residual[t + 1] for t in places if t + 1 in residual) / squares
    used = min(max(r1 + (1 + p) / n + 3 * r1 / n, 0), 0.95)
    bread, meat = np.zeros((p, p)), np.zeros((p, p))
    for t in places:
        bread += mean[t] * np.outer(columns[t], columns[t])
        for s in places:
            meat += np.sqrt(mean[t] * mean[s]) * used ** abs(t - s) * np.outer(columns[t], columns[s])
    covariance = squares / (n - p) * np.linalg.inv(bread) @ meat @ np.linalg.inv(bread)
    assert effect.details["autocorrelation"] == pytest.approx(r1) and effect.details["autocorrelation_used"] == pytest.approx(
        used
    )
    assert effect.details["dof"] == pytest.approx(max(n * (1 - used) / (1 + used) - p, 2))
    assert standard_errors(effect) == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-7)
    spread = stats.t.ppf(0.975, effect.details["dof"]) * effect.details["standard_errors"]["level"]
    assert effect.intervals[0].upper == pytest.approx(effect.point * np.exp(spread), rel=1e-8)


@pytest.mark.parametrize("season", [0, 2, "dummies"])
def test_the_poisson_fit_equals_that_of_statsmodels(series, season):
    effect = Segmented(family="poisson", covariance="model", season=season).estimate(series)
    columns, offset = matrix(series, season=season)
    fit = sm.GLM(series.values["Town"], columns, family=sm.families.Poisson(), offset=offset).fit(tol=1e-12)
    assert coefficients(effect) == pytest.approx(np.asarray(fit.params), abs=1e-8)
    assert standard_errors(effect) == pytest.approx(np.asarray(fit.bse), rel=1e-6)


def test_the_negative_binomial_is_the_maximum_of_its_likelihood(series):
    effect = Segmented(family="nb2", covariance="model", season=2).estimate(series)
    columns, offset = matrix(series)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimiser of the reference warns on its way
        fit = NegativeBinomial(series.values["Town"].to_numpy(), columns, offset=offset).fit(
            disp=0, maxiter=500, method="bfgs", gtol=1e-8
        )
    assert coefficients(effect) == pytest.approx(fit.params[:-1], abs=2e-4)
    assert effect.details["alpha"] == pytest.approx(fit.params[-1], rel=2e-3)
    # The reference takes the observed information and the uncertainty of alpha along; they are near, not equal.
    assert standard_errors(effect) == pytest.approx(fit.bse[:-1], rel=0.15)


def test_the_negative_binomial_of_underdispersed_counts_is_the_poisson(make_panel):
    panel = make_panel({"Town": [9, 11] * 10 + [4, 6] * 10}, onset=20)
    flat = Segmented(**PLAIN, family="nb2", covariance="model").estimate(panel)
    assert flat.details["alpha"] <= 1e-6
    assert flat.intervals[0].upper == pytest.approx(Segmented(**POISSON).estimate(panel).intervals[0].upper, rel=1e-4)


@pytest.mark.parametrize("lags", [1, 4, 12])
def test_newey_west_equals_statsmodels_without_small_sample_correction(series, lags):
    effect = Segmented(family="poisson", covariance="newey_west", season=2, lags=lags).estimate(series)
    columns, offset = matrix(series)
    model = sm.GLM(series.values["Town"].to_numpy(), columns, family=sm.families.Poisson(), offset=offset)
    fit = model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    assert standard_errors(effect) == pytest.approx(fit.bse, rel=1e-6)


def test_newey_west_says_that_it_rejects_too_often(series):
    assert any("too often" in note for note in Segmented(covariance="newey_west").estimate(series).notes)
    assert not any("too often" in note for note in Segmented().estimate(series).notes)


# Gaps.


@given(st.sets(st.integers(0, 59), max_size=12))
@settings(max_examples=15, deadline=None)
def test_a_gap_is_a_row_left_out(series, holes):
    keep = np.array([t not in holes for t in range(60)])
    gappy = series.with_(values=series.values.where(keep[:, None]))
    effect = Segmented(family="poisson", covariance="model", season=2).estimate(gappy)
    columns, offset = matrix(series)
    fit = sm.GLM(series.values["Town"][keep], columns[keep], family=sm.families.Poisson(), offset=offset[keep]).fit(tol=1e-12)
    assert coefficients(effect) == pytest.approx(np.asarray(fit.params), abs=1e-7)
    assert standard_errors(effect) == pytest.approx(np.asarray(fit.bse), rel=1e-6)
    assert len(effect.counterfactual.expected) == 60 and effect.counterfactual.expected.notna().all()
    assert all(any(str(series.periods[hole]) in note for note in effect.notes) for hole in holes)


# Refusals.


@pytest.mark.parametrize(
    ("setting", "value", "choices"),
    [
        ("family", "gaussian", "poisson, quasipoisson, nb2"),
        ("covariance", "robust", "model, ar1, newey_west"),
        ("quantiles", "z", "default, normal, t"),
    ],
)
def test_a_setting_that_does_not_exist_names_the_choices(setting, value, choices):
    with pytest.raises(StudyError, match=f"{setting} of segmented is '{value}'; choose one of {choices}"):
        Segmented(**{setting: value})


@pytest.mark.parametrize("level", [95, 0.0, 1.0])
def test_a_level_that_is_no_share_is_refused_when_it_is_set(level):
    with pytest.raises(StudyError, match=f"level of segmented is {level}"):
        Segmented(level=level)


def test_a_season_without_a_count_runs_off_and_says_so(make_panel):
    counts = np.tile([0, 9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8], 4)
    with pytest.raises(
        EstimationError, match="the regression of Town does not settle.*use fewer seasonal columns or coarser periods"
    ):
        Segmented(trend=False, season=6).estimate(make_panel({"Town": counts}, onset=24))


def test_nothing_after_the_start_sends_to_the_exact_ratio(make_panel):
    with pytest.raises(EstimationError, match="use exact_ratio, which gives a limit"):
        Segmented().estimate(make_panel({"Town": [3] * 24 + [0] * 24}, onset=24))


def test_few_points_are_noted_with_the_number(make_panel):
    effect = Segmented(**PLAIN).estimate(make_panel({"Town": [5, 7, 6, 5, 3, 2]}, onset=4, start="2010"))
    assert any("4 points before and 2 after" in note for note in effect.notes)
    assert any("6 points in all" in note for note in effect.notes)


@pytest.mark.parametrize("kind", ["continuous", "share"])
def test_only_counts_are_regressed_as_counts(make_panel, kind):
    with pytest.raises(EstimationError, match=f"segmented takes counts.*{kind}"):
        Segmented(**PLAIN).estimate(make_panel({"Town": [0.5] * 12}, onset=6, kind=kind))


def test_ordinary_series_always_settle(make_panel):
    random = np.random.default_rng(3)
    for mean in (1.5, 5, 400, 40_000):
        for _ in range(10):
            panel = make_panel({"Town": random.poisson(mean, 96)}, onset=60, exposure=500_000 / 12)
            effect = Segmented(change="level+slope", season="dummies", covariance="model").estimate(panel)
            assert effect.intervals[0].lower < effect.point < effect.intervals[0].upper
