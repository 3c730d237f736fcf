"""Selection in the literature: lines on paper, a likelihood by brute force, planted selection and none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.publication import CUT, funnel, log_likelihood, selection_model


def published(seed: int, studies: int, mean: float, tau: float, kept: float) -> tuple[np.ndarray, np.ndarray]:
    """Effects drawn until so many are published; one that found no fall is published with a chance of ``kept``."""
    random = np.random.default_rng(seed)
    effects, errors = [], []
    while len(effects) < studies:
        error = random.uniform(0.05, 0.5)
        effect = random.normal(mean, np.hypot(tau, error))
        if stats.norm.cdf(effect / error) < CUT or random.random() < kept:
            effects.append(effect)
            errors.append(error)
    return np.array(effects), np.array(errors)


def test_a_line_of_effects_is_found_exactly():
    # effect = -0.1 - 0.5 s with next to no scatter: PET reads both numbers off, and Egger's test is sure
    errors = np.linspace(0.1, 0.5, 12)
    effects = -0.1 - 0.5 * errors + 1e-9 * np.cos(np.arange(12))
    found = funnel(effects, errors)
    assert found.slope == pytest.approx(-0.5, abs=1e-6) and found.egger.p_value < 1e-6
    assert found.model == "PEESE" and found.studies == 12


def test_egger_is_the_ordinary_regression_of_the_standardised_effect_on_precision():
    effects, errors = published(3, 15, -0.2, 0.1, 1.0)
    plain = stats.linregress(1 / errors, effects / errors)  # the intercept is Egger's, the slope PET's effect
    found = funnel(effects, errors)
    assert found.slope == pytest.approx(plain.intercept)
    assert found.egger.p_value == pytest.approx(2 * stats.t.sf(abs(plain.intercept / plain.intercept_stderr), 13))


def test_pet_keeps_its_own_intercept_where_it_finds_nothing():
    errors = np.linspace(0.1, 0.5, 12)
    effects = -errors + 0.2 * np.cos(np.arange(12) * 2.0) * errors
    found, plain = funnel(effects, errors), stats.linregress(1 / errors, effects / errors)
    assert found.model == "PET" and found.corrected == pytest.approx(plain.slope)
    assert found.interval().lower < 0 < found.interval().upper


@given(st.floats(-1, 1), st.floats(0.01, 1), st.floats(0.05, 0.6), st.floats(0.02, 3))
@settings(max_examples=20)
def test_the_density_of_a_published_effect_adds_up_to_one(mean, tau, error, weight):
    def density(effect: float) -> float:
        return np.exp(log_likelihood(np.array([effect]), np.array([error]), mean, tau, weight))

    cut, reach = error * stats.norm.ppf(CUT), 10 * np.hypot(tau, error)
    below = integrate.quad(density, min(mean, cut) - reach, cut, limit=200)[0]
    above = integrate.quad(density, cut, max(mean, cut) + reach, limit=200)[0]
    assert below + above == pytest.approx(1, abs=1e-5)


def test_with_a_weight_of_one_it_is_the_random_effects_model():
    effects, errors = published(1, 12, -0.3, 0.2, 1.0)
    own = stats.norm.logpdf(effects, -0.2, np.sqrt(0.3**2 + errors**2)).sum()
    assert log_likelihood(effects, errors, -0.2, 0.3, 1.0) == pytest.approx(own)


def test_the_maximum_is_that_of_a_grid():
    effects, errors = published(5, 25, -0.25, 0.15, 0.3)
    found = selection_model(effects, errors)
    best = log_likelihood(effects, errors, found.mean, found.tau, found.weight)
    grid = [
        log_likelihood(effects, errors, mean, tau, weight)
        for mean in np.linspace(-0.6, 0.2, 33)
        for tau in np.geomspace(0.01, 1, 15)
        for weight in np.geomspace(0.01, 10, 25)
    ]
    assert max(grid) <= best + 1e-6 and best - max(grid) < 0.2


def test_planted_selection_is_found_and_the_mean_moves_back():
    effects, errors = published(11, 80, -0.10, 0.10, 0.1)
    found = selection_model(effects, errors)
    assert found.test.p_value < 0.05 and found.weight < 0.4
    assert abs(found.mean - -0.10) < abs(found.unadjusted - -0.10)
    assert funnel(effects, errors).slope < 0  # the small studies that reached print fell further


def test_planted_selection_bends_the_funnel_where_studies_agree():
    assert funnel(*published(2, 60, -0.10, 0.0, 0.02)).egger.p_value < 0.05


def test_without_selection_tests_reject_about_as_often_as_they_say():
    sets = [published(seed, 40, -0.2, 0.1, 1.0) for seed in range(60, 120)]
    egger = np.mean([funnel(*each).egger.p_value < 0.05 for each in sets])
    steps = np.mean([selection_model(*each).test.p_value < 0.05 for each in sets])
    assert egger <= 0.15 and steps <= 0.15  # the 99 % limit of 60 draws at 5 % is 0.13


def test_fewer_than_ten_is_an_error_that_says_so():
    with pytest.raises(EstimationError, match="9 published effects have a standard error, and a funnel"):
        funnel([-0.1] * 9, [0.1] * 9)


def test_a_literature_of_one_side_cannot_say_what_the_other_would():
    with pytest.raises(EstimationError, match="10 of 10 published effects found a fall"):
        selection_model([-1.0] * 10, np.linspace(0.1, 0.2, 10))


def test_a_funnel_of_one_width_is_an_error():
    with pytest.raises(EstimationError, match="the same standard error"):
        funnel(np.linspace(-1, 0, 10), [0.2] * 10)


def test_an_error_of_nothing_is_an_error():
    with pytest.raises(EstimationError, match="correct the row"):
        funnel(np.linspace(-1, 0, 10), [0.0] * 10)
