"""What a design could have told: published readings, simulations that hold what they promise, and their limits."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.executor import Processes
from gvi_eval.sensitivity.power import (
    Noise,
    Scatter,
    detectable_of,
    detectable_ratio,
    noise_settings,
    power_sentence,
    power_table,
    scatter_of,
    significant_reading,
    simulate,
)
from gvi_eval.windows import CountWindow

POISSON = Noise("Poisson", 0.0, 0.0, 0.0)
METHOD = Segmented(family="poisson", covariance="model", season="none", trend=False)


@pytest.fixture(scope="module")
def series(make_panel):
    return make_panel({"Town": [12.0, 9.0, 10.0] * 16}, onset=24)


@pytest.mark.parametrize(("sd", "reading"), [(0.20, 0.61), (0.25, 0.55), (0.34, 0.45)])
def test_published_readings_if_the_truth_is_three_quarters(sd, reading):
    assert round(significant_reading(sd), 2) == reading


@given(st.floats(0.05, 1.0))
def test_only_exaggerated_estimates_are_significant_when_power_is_low(sd):
    assert significant_reading(sd) <= np.exp(-stats.norm.ppf(0.975) * sd)


@pytest.mark.parametrize("sd", [0.2, 0.34])
def test_the_reading_is_the_median_of_simulated_significant_results(sd):
    draws = np.random.default_rng(1).normal(np.log(0.75), sd, 400_000)
    significant = draws[draws < -stats.norm.ppf(0.975) * sd]
    assert significant_reading(sd) == pytest.approx(np.exp(np.median(significant)), rel=0.01)


def test_the_detectable_ratio_has_the_power_it_promises():
    sd, ratio = 0.2, detectable_ratio(0.2)
    assert stats.norm.cdf((-np.log(ratio) - stats.norm.ppf(0.975) * sd) / sd) == pytest.approx(0.8)


def test_an_effect_without_a_distribution_has_no_detectable_ratio(series):
    assert detectable_of(dataclasses.replace(METHOD.estimate(series), refusal="no")) is None


def test_poisson_series_have_the_mean_and_the_effect_they_were_given(series):
    expected = np.full(48, 10.0)
    drawn = np.array([simulate(series, expected, 0.5, POISSON, [1, k]).values["Town"] for k in range(300)])
    assert drawn[:, :24].mean() == pytest.approx(10, abs=0.15) and drawn[:, 24:].mean() == pytest.approx(5, abs=0.12)
    assert drawn.var(axis=0)[:24].mean() == pytest.approx(10, rel=0.1)


def test_noise_scatters_as_it_says(series):
    noise = Noise("heavy", alpha=0.2, sigma=0.5, rho=0.6)
    drawn = np.array([simulate(series, np.full(48, 100.0), 1.0, noise, [2, k]).values["Town"] for k in range(1500)])
    level = np.exp(0.25) - 1
    assert drawn.mean() == pytest.approx(100, rel=0.03)
    assert drawn.var(axis=0).mean() == pytest.approx(100 + 1e4 * ((1 + level) * 1.2 - 1), rel=0.12)
    lagged = np.mean([(drawn[:, t] - 100) * (drawn[:, t + 1] - 100) for t in range(47)])
    assert lagged == pytest.approx(1e4 * (np.exp(0.25 * 0.6) - 1), rel=0.2)


def test_a_seed_gives_the_same_series_and_gaps_stay_gaps(make_panel):
    panel = make_panel({"Town": [3.0, np.nan, 4.0] * 8}, onset=12)
    one, other = (simulate(panel, np.full(24, 5.0), 1.0, POISSON, [7, 7]).values["Town"] for _ in range(2))
    assert one.equals(other) and one.isna().equals(panel.values["Town"].isna())


def test_spans_are_drawn_over_their_days(make_panel):
    panel = make_panel({"Town": [np.nan] * 12 + [5.0] * 12}, onset=12)
    year = CountWindow("Town", ((panel.periods[0].start_time.date(), panel.periods[11].end_time.date()),), 60, ())
    counts = [
        simulate(panel.with_(windows=(year,)), np.full(24, 5.0), 1.0, POISSON, [3, k]).windows[0].count for k in range(400)
    ]
    assert np.mean(counts) == pytest.approx(60, abs=1.5) and isinstance(counts[0], int)


def test_the_table_agrees_with_paper_where_paper_has_an_answer(series):
    [poisson, moderate, heavy] = power_table(METHOD, series, seed=1, simulated=80)
    wald = detectable_ratio(np.sqrt(1 / 240 + 1 / 240))
    assert poisson.detectable == pytest.approx(wald, rel=0.06)
    assert heavy.noise.alpha >= moderate.noise.alpha >= 0 and heavy.noise.rho == 0.85
    assert heavy.standard_error > poisson.standard_error
    assert f"{poisson.detectable:.2f}" in power_sentence(poisson) and "with Poisson noise" in power_sentence(poisson)


def test_noise_is_never_a_single_guess(series):
    names = [noise.name for noise in noise_settings(series)]
    assert names == ["Poisson", "moderate", "heavy"]


def test_an_estimator_that_refuses_its_simulations_has_no_power(series):
    class Refusing:
        name = "refusing"

        def estimate(self, panel):
            raise EstimationError("never")

    with pytest.raises(EstimationError, match="refusing refused more than half of the series simulated with Poisson noise"):
        power_table(Refusing(), series, seed=1, simulated=4)


def test_a_decisive_answer_is_counted_as_simulated():
    # sd .1; limits .1 up and .15 down: what excludes 1, and what lies between .9 and 1.11 all the same.
    scatter = Scatter((0.1, 0.1), (0.06, 0.06), (0.05, 0.05))
    for truth in (1.0, 0.9, 0.75):
        x = np.log(truth) + 0.1 * np.random.default_rng(4).standard_normal(400_000)
        lower, upper = np.exp(x - 0.05), np.exp(x + 0.06)
        inside = (lower > 0.9) & (upper < 1.11)
        assert scatter.decisive(truth, (0.9, 1.11)) == pytest.approx(np.mean((upper < 1) | (lower > 1) | inside), abs=0.003)
        assert scatter.power(truth) == pytest.approx(np.mean(upper < 1), abs=0.003)
        if truth == 1.0:
            assert scatter.clears((0.9, 1.11)) == pytest.approx(np.mean(inside), abs=0.003)


def test_an_interval_too_wide_to_lie_inside_clears_nothing():
    wide = Scatter((0.1, 0.1), (0.3, 0.3), (0.3, 0.3))
    assert wide.clears((0.9, 1.11)) == 0
    assert wide.decisive(1.0, (0.9, 1.11)) == pytest.approx(2 * stats.norm.sf(3))


def test_the_executor_changes_no_number(series):
    how = (METHOD, series, np.full(48, 10.0), POISSON, 1, 20)
    assert scatter_of(*how) == scatter_of(*how, executor=Processes(1))
