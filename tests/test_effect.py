"""The only place where paths become numbers: contrasts, intervals and windows checked by hand and by brute force."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gvi_eval.effect import (
    Counterfactual,
    Effect,
    Mixture,
    distribution,
    effect_from_paths,
    log_contrast,
    mixture_moments,
    quantile,
)
from gvi_eval.errors import EstimationError
from gvi_eval.study import Estimand, Window

PERIODS = pd.period_range("2010-01", periods=6, freq="M")
ONSET = PERIODS[3]
AFTER = (np.arange(6) >= 3).astype(float)
RATIO, DIFFERENCE = Estimand("ratio"), Estimand("difference", "difference")
PREVENTED, REALISED = Estimand("prevented", "prevented"), Estimand("seen", "prevented", "realised")
ALL = [
    RATIO,
    DIFFERENCE,
    PREVENTED,
    Estimand("seen ratio", "ratio", "realised"),
    Estimand("d", "difference", "realised"),
    REALISED,
]


STEP = (np.log(10), np.log(0.5))


def level_shift(beta=STEP, sds=(0.1, 0.2), dof=np.inf, noise="poisson", dispersion=0.0, weights=(1.0,)):
    """A constant mean and a step, with independent coefficients; several weights repeat the component."""
    k = len(weights)
    return Mixture(
        weights=np.asarray(weights),
        means=np.tile(beta, (k, 1)),
        covariances=np.tile(np.diag(np.square(sds)), (k, 1, 1)),
        factual_map=np.column_stack([np.ones(6), AFTER]),
        expected_map=np.column_stack([np.ones(6), np.zeros(6)]),
        offset=np.zeros(6),
        noise=noise,
        dispersion=np.full(k, dispersion),
        dof=dof,
    )


def paths(mixture=None, observed=(10, 11, 9, 6, 4, 5), factual=(10, 10, 10, 5, 5, 5), expected=(10,) * 6):
    series = [
        None if own is None else pd.Series(np.asarray(own, dtype=float), index=PERIODS) for own in (observed, expected, factual)
    ]
    return Counterfactual(*series, mixture=mixture)


def contrast(estimand=RATIO, counterfactual=None, **more):
    counterfactual = paths(level_shift()) if counterfactual is None else counterfactual
    return effect_from_paths(counterfactual, estimand, method="by_hand", unit="Town", onset=ONSET, **more)


# Points, added up by hand: after the start 15 factual, 15 observed in 6 + 4 + 5, 30 expected.


@pytest.mark.parametrize(
    ("estimand", "observed", "point"),
    [
        (RATIO, (6, 4, 5), 15 / 30),
        (DIFFERENCE, (6, 4, 5), (15 - 30) / 3),
        (PREVENTED, (6, 4, 5), 30 - 15),
        (RATIO, (9, 9, 9), 15 / 30),
        (Estimand("r", "ratio", "realised"), (9, 9, 9), 27 / 30),
        (Estimand("d", "difference", "realised"), (9, 9, 9), (27 - 30) / 3),
        (REALISED, (9, 9, 9), 30 - 27),
        (REALISED, (9, np.nan, 9), 20 - 18),
    ],
)
def test_the_point_is_the_contrast_of_its_own_path(estimand, observed, point):
    assert contrast(estimand, paths(level_shift(), observed=(10, 11, 9, *observed))).point == pytest.approx(point)


def test_without_a_factual_path_what_was_counted_is_compared():
    assert contrast(RATIO, paths(factual=None)).point == 15 / 30
    assert contrast(PREVENTED, paths(factual=None)).point == 30 - 15


@pytest.mark.parametrize("dof", [np.inf, 5.0])
def test_the_interval_of_a_level_shift_is_its_coefficient_and_standard_error(dof):
    quantile_ = stats.norm.ppf(0.975) if np.isinf(dof) else stats.t.ppf(0.975, dof)
    interval = contrast(RATIO, paths(level_shift(dof=dof))).intervals[0]
    assert (interval.level, interval.kind) == (0.95, "wald")
    assert interval.lower == pytest.approx(0.5 * np.exp(-quantile_ * 0.2), rel=1e-10)
    assert interval.upper == pytest.approx(0.5 * np.exp(quantile_ * 0.2), rel=1e-10)


def test_the_p_value_of_a_level_shift_is_that_of_its_coefficient():
    (test,) = contrast(RATIO, paths(level_shift(dof=5.0))).tests
    assert test.p_value == pytest.approx(2 * stats.t.cdf(np.log(0.5) / 0.2, 5), rel=1e-10)
    assert "ratio 1" in test.null and test.statistic == pytest.approx(np.log(0.5) / 0.2)


@given(st.floats(-2, 2), st.floats(0.01, 1), st.floats(0.5, 0.999))
def test_the_interval_excludes_one_exactly_when_p_is_below_its_level(beta, sd, level):
    effect = contrast(RATIO, paths(level_shift((2.0, beta), (0.1, sd))), level=level)
    assume(abs(effect.tests[0].p_value - (1 - level)) > 1e-9)
    assert effect.intervals[0].excludes(1.0) == (effect.tests[0].p_value < 1 - level)


def test_a_wider_level_gives_a_wider_interval():
    narrow, wide = (contrast(level=level).intervals[0] for level in (0.5, 0.99))
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


@pytest.mark.parametrize("estimand", ALL, ids=lambda estimand: f"{estimand.contrast}, {estimand.target}")
@pytest.mark.parametrize("noise", ["poisson", "nb2", "scaled"])
def test_limits_are_in_order_and_hold_the_point(estimand, noise):
    effect = contrast(estimand, paths(level_shift(noise=noise, dispersion=0.3)))
    (interval,) = effect.intervals
    assert interval.lower < effect.point < interval.upper
    assert interval.kind == ("prediction" if estimand.target == "realised" else "wald")


@pytest.mark.parametrize("estimand", [PREVENTED, REALISED])
def test_the_same_draws_give_the_same_bytes(estimand):
    assert contrast(estimand).intervals == contrast(estimand).intervals


def test_prevented_of_the_model_scatters_less_than_prevented_of_the_counts():
    model, seen = contrast(PREVENTED).intervals[0], contrast(REALISED).intervals[0]
    assert model.upper - model.lower < seen.upper - seen.lower


def test_prevented_of_the_model_has_the_spread_of_its_draws_by_hand():
    # Only the step is uncertain: prevented = 30 − 30 exp(b), which falls in b.
    interval = contrast(PREVENTED, paths(level_shift(sds=(0.0, 0.2)))).intervals[0]
    low, high = 30 - 15 * np.exp(np.array([1.96, -1.96]) * 0.2)
    assert (interval.lower, interval.upper) == (pytest.approx(low, abs=0.4), pytest.approx(high, abs=0.4))


def test_predicted_counts_of_a_known_mean_are_poisson():
    # Thirty are expected for sure, so what is prevented lies between the Poisson quantiles of thirty, less fifteen.
    interval = contrast(REALISED, paths(level_shift(sds=(0.0, 0.0)))).intervals[0]
    assert interval.lower == pytest.approx(stats.poisson.ppf(0.025, 30) - 15, abs=1)
    assert interval.upper == pytest.approx(stats.poisson.ppf(0.975, 30) - 15, abs=1)


@pytest.mark.parametrize(("noise", "variance"), [("poisson", 1000), ("nb2", 1000 + 0.1 * 1000**2), ("scaled", 0.1 * 1000)])
def test_counts_scatter_about_their_mean_as_the_noise_says(noise, variance):
    mixture = level_shift((np.log(1000), 0.0), (0.0, 0.0), noise=noise, dispersion=0.1)
    untreated = mixture.draws(np.array([3]))[2]
    assert untreated.mean() == pytest.approx(1000, abs=4 * np.sqrt(variance / 10_000))
    assert untreated.var() == pytest.approx(variance, rel=0.08)


def test_draws_far_out_in_a_t_with_two_degrees_of_freedom_stay_finite():
    interval = contrast(REALISED, paths(level_shift(sds=(8.0, 8.0), dof=2.0))).intervals[0]
    assert np.isfinite(interval.lower) and interval.lower < interval.upper


# Mixtures.


def test_a_mixture_of_one_is_the_normal():
    for p in (0.001, 0.025, 0.5, 0.9):
        assert quantile(p, np.ones(1), np.array([0.3]), np.array([0.2])) == pytest.approx(
            stats.norm.ppf(p, 0.3, 0.2), abs=1e-12
        )
        assert distribution(0.1, np.ones(1), np.array([0.3]), np.array([0.2])) == pytest.approx(stats.norm.cdf(0.1, 0.3, 0.2))
    assert mixture_moments(np.ones(1), np.array([0.3]), np.array([0.2])) == (pytest.approx(0.3), pytest.approx(0.2))


def test_a_component_repeated_changes_nothing_but_the_kind():
    one, three = contrast(RATIO, paths(level_shift())), contrast(RATIO, paths(level_shift(weights=(0.2, 0.3, 0.5))))
    assert (three.intervals[0].lower, three.intervals[0].upper) == (
        pytest.approx(one.intervals[0].lower, rel=1e-9),
        pytest.approx(one.intervals[0].upper, rel=1e-9),
    )
    assert (one.intervals[0].kind, three.intervals[0].kind) == ("wald", "posterior")


@st.composite
def mixtures(draw):
    size = draw(st.integers(1, 5))
    weights = np.array(draw(st.lists(st.floats(0.01, 1), min_size=size, max_size=size)))
    means = np.array(draw(st.lists(st.floats(-30, 30), min_size=size, max_size=size)))
    sds = np.array(draw(st.lists(st.floats(1e-6, 5), min_size=size, max_size=size)))
    return weights / weights.sum(), means, sds


@given(mixtures(), st.floats(1e-4, 1 - 1e-4), st.sampled_from([np.inf, 2.0, 7.5]))
def test_the_quantile_undoes_the_distribution(mixture, p, dof):
    assert distribution(quantile(p, *mixture, dof), *mixture, dof) == pytest.approx(p, abs=1e-4)


def test_components_that_differ_by_rounding_have_a_quantile():
    random = np.random.default_rng(0)
    for p in (0.025, 0.05, 0.5, 0.975) * 500:
        mean, sd, nudge = random.normal(0, 10), 10 ** random.uniform(-3, 0.7), 10 ** random.uniform(-14, -12)
        found = quantile(p, np.array([0.93, 0.07]), np.array([mean, mean + nudge]), np.array([sd, sd]))
        assert found == pytest.approx(stats.norm.ppf(p, mean, sd), abs=1e-10)


def test_quantiles_of_a_mixture_are_those_of_a_million_draws():
    weights, means, sds = np.array([0.6, 0.3, 0.1]), np.array([-0.5, 0.0, 2.0]), np.array([0.2, 0.5, 0.1])
    random = np.random.default_rng(1)
    component = random.choice(3, size=1_000_000, p=weights)
    draws = random.normal(means[component], sds[component])
    for p in (0.025, 0.25, 0.5, 0.85, 0.975):
        density = weights @ stats.norm.pdf(quantile(p, weights, means, sds), means, sds)
        error = np.sqrt(p * (1 - p) / 1_000_000) / density
        assert quantile(p, weights, means, sds) == pytest.approx(np.quantile(draws, p), abs=4 * error)
    assert mixture_moments(weights, means, sds) == (
        pytest.approx(draws.mean(), abs=0.005),
        pytest.approx(draws.std(), abs=0.005),
    )


def test_the_delta_method_of_a_slope_agrees_with_its_draws():
    mixture = level_shift((np.log(10), np.log(0.5)), (0.05, 0.05))
    slope = np.column_stack([np.ones(6), AFTER * np.arange(6) / 5])
    mixture = Mixture(**{**vars(mixture), "factual_map": slope})
    rows = np.array([3, 4, 5])
    mean, sd = (part[0] for part in mixture.log_ratio(rows))
    factual, expected, _ = mixture.draws(rows, count=200_000)
    logs = np.log(factual.sum(axis=1) / expected.sum(axis=1))
    assert (mean, sd) == (pytest.approx(logs.mean(), abs=2e-3), pytest.approx(logs.std(), rel=0.02))


def test_the_band_of_the_expected_path_is_that_of_its_coefficient():
    frame = paths(level_shift(sds=(0.1, 0.2), dof=4.0)).frame(0.9)
    spread = stats.t.ppf(0.95, 4) * 0.1
    assert frame["expected_lower"].tolist() == pytest.approx([10 * np.exp(-spread)] * 6)
    assert frame["expected_upper"].tolist() == pytest.approx([10 * np.exp(spread)] * 6)
    assert frame["period_end"].iloc[1] == date(2010, 2, 28) and set(frame["kind"]) == {"wald"} and set(frame["level"]) == {0.9}


# Windows.


def test_another_window_is_another_contrast_of_the_same_fit():
    effect = contrast(Estimand("ratio"), paths(level_shift(), factual=(10, 10, 10, 8, 5, 2)))
    last = effect.over(Estimand("last month", window=Window(date(2010, 6, 1))))
    assert (effect.point, last.point) == (15 / 30, 2 / 10)
    assert last.window == (PERIODS[5], PERIODS[5]) and effect.window == (PERIODS[3], PERIODS[5])
    assert last.counterfactual is effect.counterfactual


def test_a_month_that_the_window_holds_in_part_is_left_out():
    effect = contrast().over(Estimand("w", window=Window(date(2010, 4, 2), date(2010, 6, 29))))
    assert effect.window == (PERIODS[4], PERIODS[4])


def test_back_to_the_first_estimand_is_the_first_effect():
    effect = contrast(notes=("a note",), details={"phi": 1.5})
    again = effect.over(PREVENTED).over(RATIO)
    assert (again.point, again.intervals, again.tests) == (effect.point, effect.intervals, effect.tests)
    assert (again.notes, again.details, again.level) == (effect.notes, effect.details, effect.level)


@pytest.mark.parametrize(
    "window", [Window(end=date(2010, 3, 31)), Window(date(2010, 7, 1)), Window(date(2010, 5, 2), date(2010, 5, 30))]
)
def test_a_window_without_a_whole_period_after_the_start_is_refused(window):
    with pytest.raises(EstimationError, match="holds no whole period from the start 2010-04 to 2010-06; move it there"):
        contrast(Estimand("w", window=window))


def test_a_realised_contrast_without_a_figure_is_refused():
    with pytest.raises(EstimationError, match="no figure of Town lies in"):
        contrast(REALISED, paths(level_shift(), observed=(10, 11, 9, np.nan, np.nan, np.nan)))


def test_a_ratio_to_nothing_is_refused_and_a_difference_is_not():
    nothing = paths(expected=(10, 10, 10, 0, 0, 0), factual=None)
    with pytest.raises(EstimationError, match="nothing was expected of Town in .*; take the difference"):
        contrast(RATIO, nothing)
    assert contrast(DIFFERENCE, nothing).point == 5


def test_a_refused_effect_keeps_its_path_and_gets_no_point_in_any_window():
    refused = Effect("by_hand", "Town", RATIO, None, ONSET, refusal="bad fit", counterfactual=paths(level_shift()))
    other = refused.over(PREVENTED)
    assert (other.point, other.intervals, other.tests, other.refusal) == (None, (), (), "bad fit")
    assert other.counterfactual is refused.counterfactual and other.estimand is PREVENTED


def test_an_effect_without_a_path_has_no_other_contrast():
    with pytest.raises(EstimationError, match="keeps no path for Town"):
        Effect("by_hand", "Town", RATIO, 0.5, ONSET).over(PREVENTED)


def test_an_effect_without_a_distribution_of_its_paths_has_no_other_contrast():
    with pytest.raises(EstimationError, match="has no other contrast; cut the panel"):
        Effect("by_hand", "Town", RATIO, 0.5, ONSET, counterfactual=paths()).over(PREVENTED)


def test_the_log_contrast_is_the_coefficient_and_its_standard_error():
    assert log_contrast(contrast()) == (pytest.approx(np.log(0.5)), pytest.approx(0.2))


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        (Effect("by_hand", "Town", RATIO, None, ONSET, refusal="bad fit"), "bad fit"),
        (Effect("by_hand", "Town", RATIO, 0.5, ONSET, counterfactual=paths()), "keeps no distribution"),
    ],
)
def test_no_log_contrast_of_an_effect_without_one(effect, reason):
    with pytest.raises(EstimationError, match=reason):
        log_contrast(effect)
