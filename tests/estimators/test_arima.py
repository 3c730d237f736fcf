"""Regression with ARIMA errors: on paper, and against plain generalised least squares written here."""

from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import design
from gvi_eval.estimators.arima import Arima
from gvi_eval.estimators.structural import Structural
from gvi_eval.study import Estimand
from gvi_eval.windows import CountWindow

PLAIN = {"trend": False, "season": "none"}
WHITE = PLAIN | {"order": (0, 0, 0)}


@pytest.fixture(scope="module")
def series(make_panel):
    """Sixty months of autocorrelated counts with a start at month 36."""
    random = np.random.default_rng(5)
    level = np.zeros(60)
    for month in range(1, 60):
        level[month] = 0.6 * level[month - 1] + 0.3 * random.standard_normal()
    mean = 12 * np.exp(level - 0.4 * (np.arange(60) >= 36))
    return make_panel({"Town": random.poisson(mean)}, onset=36, exposure=np.linspace(900, 1200, 60)[:, None] / 12)


def plain_fit(panel, covariance, known, **changes):
    """Generalised least squares on roots: coefficients, their covariance, and the restricted log likelihood."""
    made = design(panel, "Town", **{"change": "level", "trend": True, "season": "default", "ramp": 0, "adjust": ()} | changes)
    people = panel.exposure["Town"].to_numpy() / panel.exposure["Town"].mean()
    columns = (made.factual * np.sqrt(people)[:, None])[known]
    roots = np.sqrt(panel.values["Town"].to_numpy()[known] + 0.25)
    inverse = np.linalg.inv(covariance[np.ix_(known, known)])
    of_beta = np.linalg.inv(columns.T @ inverse @ columns)
    beta = of_beta @ columns.T @ inverse @ roots
    residual = roots - columns @ beta
    logs = residual @ inverse @ residual - np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(of_beta)[1]
    return beta, of_beta, -logs / 2


def autoregressive(rho, variance, periods=60):
    """Covariance of an AR(1) with this variance of its shocks, and Poisson noise of a quarter."""
    apart = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    return variance / (1 - rho**2) * rho**apart + 0.25 * np.eye(periods)


# On paper.


def test_steady_counts_are_the_ratio_of_their_squared_roots(make_panel):
    # Nothing scatters, so the roots have the variance ¼ of Poisson counts: ¼/10 for the mean before, ¼/5 after.
    effect = Arima(**WHITE).estimate(make_panel({"Town": [9] * 10 + [4] * 5}, onset=10))
    assert effect.point == pytest.approx((4.25 + 0.05) / (9.25 + 0.025), rel=1e-5)
    assert effect.details["coefficients"] == pytest.approx({"intercept": 9.25**0.5, "level": 4.25**0.5 - 9.25**0.5}, rel=1e-5)
    assert effect.details["standard_errors"] == pytest.approx({"intercept": 0.025**0.5, "level": 0.075**0.5}, rel=1e-4)


def test_without_autocorrelation_it_is_ordinary_least_squares(series):
    effect = Arima(order=(0, 0, 0)).estimate(series)
    made = design(series, "Town", change="level", trend=True, season="default", ramp=0, adjust=())
    people = series.exposure["Town"].to_numpy() / series.exposure["Town"].mean()
    columns, roots = made.factual * np.sqrt(people)[:, None], np.sqrt(series.values["Town"].to_numpy() + 0.25)
    beta, squares, *_ = np.linalg.lstsq(columns, roots)
    variance = squares[0] / (60 - columns.shape[1])
    errors = np.sqrt(np.diag(variance * np.linalg.inv(columns.T @ columns)))
    assert list(effect.details["coefficients"].values()) == pytest.approx(beta, rel=1e-4)
    assert list(effect.details["standard_errors"].values()) == pytest.approx(errors, rel=1e-4)
    assert effect.details["parameters"]["sigma2"] + 0.25 == pytest.approx(variance, rel=1e-4)


def test_the_fitted_counts_add_up_to_the_observed(series):
    effect = Arima().estimate(series)
    assert effect.counterfactual.factual.sum() == pytest.approx(series.values["Town"].sum())


def test_twice_the_people_and_the_same_counts_are_half_the_rate(make_panel):
    people = np.array([[100.0]] * 12 + [[200.0]] * 12)
    effect = Arima(**WHITE).estimate(make_panel({"Town": [38, 42] * 12}, onset=12, exposure=people))
    assert effect.point == pytest.approx(0.5, rel=0.01)


def test_a_ramp_and_a_pulse_are_found(make_panel):
    half = ((90.25**0.5 + 40.25**0.5) / 2) ** 2 - 0.25  # half way on roots
    ramp = Arima(**WHITE, change="ramp", ramp=2).estimate(make_panel({"Town": [90] * 12 + [half] + [40] * 9}, onset=12))
    assert ramp.details["coefficients"]["level"] == pytest.approx(40.25**0.5 - 90.25**0.5, abs=1e-3)
    pulse = Arima(**WHITE, change="pulse", ramp=3).estimate(make_panel({"Town": [90] * 12 + [40] * 3 + [90] * 7}, onset=12))
    assert pulse.point == pytest.approx((3 * 40 + 7 * 90) / 900, rel=0.01)


def test_a_step_with_a_change_of_slope_is_found(make_panel):
    since = (np.arange(40) - 20) / 40
    roots = 12 + 2 * since + (since >= 0) * (-1 - 4 * since)
    effect = Arima(order=(0, 0, 0), season="none", change="level+slope").estimate(
        make_panel({"Town": roots**2 - 0.25}, onset=20)
    )
    assert effect.details["coefficients"] == pytest.approx({"intercept": 12, "trend": 2, "level": -1, "slope": -4}, abs=1e-3)


def test_a_covariate_that_explains_the_fall_takes_it(make_panel):
    price = pd.DataFrame({"Town": [0.0] * 10 + [1.0] * 10 + [2.0] * 10}, index=pd.period_range("2010-01", periods=30, freq="M"))
    panel = make_panel({"Town": (9 - price["Town"].to_numpy()) ** 2}, onset=20, covariates=MappingProxyType({"price": price}))
    assert Arima(**WHITE, covariates=("price",)).estimate(panel).point == pytest.approx(1.0, abs=0.02)
    assert Arima(**WHITE).estimate(panel).point < 0.7


# Against plain references.


@pytest.mark.parametrize("holes", [(), (10, 11, 40)])
def test_an_ar1_equals_slow_plain_generalised_least_squares(series, holes):
    known = np.array([month not in holes for month in range(60)])
    effect = Arima().estimate(series.with_(values=series.values.where(known[:, None])))
    rho, variance = effect.details["parameters"]["ar.L1"], effect.details["parameters"]["sigma2"]
    beta, covariance, top = plain_fit(series, autoregressive(rho, variance), known)
    assert list(effect.details["coefficients"].values()) == pytest.approx(beta, rel=1e-4, abs=1e-5)
    assert list(effect.details["standard_errors"].values()) == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)

    def log_posterior(rho, sd):  # flat in the partial autocorrelation; (1 − ρ²)^(3/2) is its density in x/√(1 + x²)
        return plain_fit(series, autoregressive(rho, sd**2), known)[2] + 1.5 * np.log(1 - rho**2)

    best = top + 1.5 * np.log(1 - rho**2)
    for near in (
        (rho + 0.03, variance**0.5),
        (rho - 0.03, variance**0.5),
        (rho, variance**0.5 + 0.03),
        (rho, variance**0.5 - 0.03),
    ):
        assert log_posterior(*near) < best
    assert all(any(str(series.periods[hole]) in note for note in effect.notes) for hole in holes)


def test_the_interval_carries_the_uncertainty_of_the_noise(series):
    # The same mixture from a plain grid over correlation and sd.
    effect = Arima().estimate(series)
    known, rows = np.ones(60, dtype=bool), np.arange(36, 60)
    made = design(series, "Town", change="level", trend=True, season="default", ramp=0, adjust=())
    load = np.sqrt(series.exposure["Town"].to_numpy() / series.exposure["Town"].mean())[:, None]
    factual, expected = (made.factual * load)[rows], (made.expected * load)[rows]
    logs, means, variances = [], [], []
    for rho in np.linspace(-0.9, 0.95, 14):
        for sd in np.linspace(0.02, 1.4, 14):
            beta, covariance, log = plain_fit(series, autoregressive(rho, sd**2), known)
            f, e = factual @ beta, expected @ beta
            gradient = 2 * (f @ factual / (f @ f) - e @ expected / (e @ e))
            logs.append(log)
            means.append(np.log(f @ f / (e @ e)))
            variances.append(gradient @ covariance @ gradient)
    shares = np.exp(np.array(logs) - max(logs))
    shares /= shares.sum()
    mean = shares @ means
    sd = np.sqrt(shares @ (np.array(variances) + (np.array(means) - mean) ** 2))
    width = np.log(effect.intervals[0].upper / effect.intervals[0].lower)
    assert width == pytest.approx(2 * 1.96 * sd, rel=0.1)
    known_noise = plain_fit(series, autoregressive(*effect.details["parameters"].values()), known)
    assert width > 2 * 1.96 * np.sqrt(known_noise[1][-1, -1]) * 2 / (effect.details["coefficients"]["intercept"] + 0.5)


# Orders.


def test_the_smallest_criterion_is_chosen_and_written_down(make_panel):
    random = np.random.default_rng(1)
    level = np.zeros(120)
    for month in range(1, 120):
        level[month] = 0.85 * level[month - 1] + 0.3 * random.standard_normal()
    for counts, autoregressive_terms in ((random.poisson(30, 120), 0), (random.poisson(30 * np.exp(level)), 1)):
        panel = make_panel({"Town": counts}, onset=80)
        effect = Arima(order="auto", season="none").estimate(panel)
        chosen, criteria = tuple(effect.details["order"]), effect.details["aicc"]
        assert chosen[0] == autoregressive_terms
        assert len(criteria) == 5 and min(criteria, key=criteria.get) == str(chosen)
        assert effect.point == Arima(order=chosen, season="none").estimate(panel).point


def test_a_random_walk_is_told_from_the_step_in_it(make_panel):
    random = np.random.default_rng(2)
    level = np.cumsum(0.05 * random.standard_normal(90)) - 0.7 * (np.arange(90) >= 60)
    panel = make_panel({"Town": random.poisson(200 * np.exp(level))}, onset=60)
    effect = Arima(order=(0, 1, 1), season="none").estimate(panel)
    assert list(effect.details["coefficients"]) == ["trend", "level"]  # differences take the intercept away
    assert effect.point == pytest.approx(np.exp(-0.7), rel=0.15) and effect.intervals[0].excludes(1)
    before = np.asarray(panel.periods < panel.onsets["Town"])
    paths = effect.counterfactual
    assert paths.expected[before].to_numpy() == pytest.approx(paths.factual[before].to_numpy())
    assert paths.factual.sum() == pytest.approx(panel.values["Town"].sum())


def test_a_seasonal_order_is_fitted(make_panel):
    random = np.random.default_rng(3)
    wave = np.tile(np.exp(0.4 * np.cos(2 * np.pi * np.arange(12) / 12)), 7)
    panel = make_panel({"Town": random.poisson(40 * wave * np.where(np.arange(84) >= 60, 0.5, 1))}, onset=60)
    effect = Arima(order=(0, 0, 0), seasonal_order=(0, 1, 1, 12), season="none", trend=False).estimate(panel)
    assert list(effect.details["coefficients"]) == ["level"] and effect.point == pytest.approx(0.5, rel=0.15)


# Counts.


@given(
    st.lists(st.integers(0, 6), min_size=10, max_size=14),
    st.lists(st.integers(0, 6), min_size=5, max_size=9),
    st.sampled_from([(1, 0, 0), (0, 0, 0), (0, 1, 1)]),
)
@settings(max_examples=10)
def test_no_path_is_ever_negative(make_panel, before, after, order):
    panel = make_panel({"Town": before + after}, onset=len(before))
    try:
        effect = Arima(order=order, season="none").estimate(panel)
    except EstimationError as fault:
        assert "Town" in str(fault)
        return
    frame = effect.counterfactual.frame()
    assert (frame[["factual", "expected", "expected_lower", "expected_upper"]] >= 0).all(axis=None)
    assert all(
        (part >= 0).all() for part in effect.counterfactual.mixture.totals(np.arange(len(before), len(panel.periods)), 200)
    )
    assert 0 < effect.intervals[0].lower <= effect.point <= effect.intervals[0].upper


def test_events_prevented_have_a_prediction_interval(series):
    effect = Arima().estimate(series).over(Estimand("prevented", contrast="prevented", target="realised"))
    assert effect.intervals[0].kind == "prediction"
    assert effect.intervals[0].lower < effect.point < effect.intervals[0].upper


def test_logs_and_roots_agree_where_counts_are_large(make_panel):
    random = np.random.default_rng(4)
    panel = make_panel({"Town": random.poisson(np.where(np.arange(60) >= 36, 240, 400))}, onset=36)
    roots, logs = (Arima(scale=scale).estimate(panel) for scale in ("sqrt", "log"))
    assert roots.point == pytest.approx(logs.point, rel=0.01)
    assert roots.intervals[0].lower == pytest.approx(logs.intervals[0].lower, rel=0.03)


def test_counts_below_one_are_noted(make_panel):
    panel = make_panel({"Town": [4, 5] * 12 + [0, 1, 0, 1, 1, 0] * 2}, onset=24)
    assert any("Town average 0.5 a period on one side" in note for note in Arima().estimate(panel).notes)


# Refusals.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": (1, 0)}, r"order of arima is \(1, 0\); give 3 whole numbers"),
        ({"order": "best"}, "order of arima is 'best'"),
        ({"order": (1, -1, 0)}, "whole numbers of zero or more"),
        ({"seasonal_order": (1, 0, 0)}, "seasonal_order of arima"),
        ({"seasonal_order": (1, 0, 0, 0)}, "its last number is the periods of a year"),
        ({"order": "auto", "seasonal_order": (1, 0, 0, 12)}, "'auto' of arima has no seasonal part"),
        ({"level": 95}, "level of arima is 95"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_when_it_is_set(changes, message):
    with pytest.raises(StudyError, match=message):
        Arima(**changes)


def test_an_unknown_scale_names_the_choices(series):
    with pytest.raises(StudyError, match="scale of arima is 'cube'; choose sqrt or log"):
        Arima(scale="cube").estimate(series)


def test_logs_of_small_counts_are_refused(make_panel):
    with pytest.raises(EstimationError, match="figures of Town average 2.5.*take scale = 'sqrt'"):
        Arima(scale="log").estimate(make_panel({"Town": [2, 3] * 20}, onset=24))


def test_differences_that_leave_a_column_nothing_are_refused(series):
    with pytest.raises(EstimationError, match="the differences of order .* leave the columns of Town"):
        Arima(seasonal_order=(0, 1, 0, 72)).estimate(series)


@pytest.mark.parametrize("estimator", [Arima(**PLAIN), Structural(**PLAIN)])
def test_odd_spans_are_sent_elsewhere(series, estimator):
    span = CountWindow("Town", ((date(2010, 4, 1), date(2010, 5, 15)),), 20, ("yearbook",))
    values = series.values.copy()
    values.loc["2010-04":"2010-05", "Town"] = np.nan
    with pytest.raises(EstimationError, match=f"{estimator.name} needs one figure per period, but Town has the span"):
        estimator.estimate(series.with_(values=values, windows=(span,)))


@pytest.mark.parametrize("estimator", [Arima(**PLAIN), Structural(**PLAIN)])
def test_nothing_after_the_start_sends_to_the_exact_ratio(make_panel, estimator):
    with pytest.raises(EstimationError, match="Town recorded no events after.*use exact_ratio, which gives a limit"):
        estimator.estimate(make_panel({"Town": [3, 4] * 12 + [0] * 12}, onset=24))
