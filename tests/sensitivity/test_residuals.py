"""Residuals: worked on paper, against statsmodels, and with the autocorrelation that a latent level takes up."""

import dataclasses
import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.diagnostic import acorr_ljungbox

from gvi_eval.assembly import build_panel
from gvi_eval.errors import EstimationError
from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.estimators.segmented import Segmented
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.residuals import (
    autocorrelation,
    ljung_box,
    mid_pit,
    residual_summary_table,
    residuals,
    residuals_table,
    runs_test,
)
from gvi_eval.study import load_study

POISSON = Segmented(family="poisson", covariance="model", season="none", trend=False)
LATENT = LatentCounts(season="none", trend=False)


def embedded(name, outcome):
    file = CHECKOUT / "analyses" / name / "study.toml"
    study = load_study(file)
    return build_panel(study, read_tables(study, file.parent), outcome)


@pytest.fixture(scope="module")
def town(make_panel):
    return make_panel({"Town": [8.0, 12.0, 10.0] * 4 + [4.0, 6.0, 5.0] * 4}, onset=12)


@pytest.fixture(scope="module")
def malmo():
    panel = embedded("malmo", "shootings")
    return panel, LatentCounts().estimate(panel)


def drifting(seed, periods=96):
    """Counts about 30 that drift: a latent level with correlation 0.9 and sd 0.6, and no change at all."""
    random = np.random.default_rng(seed)
    level = np.empty(periods)
    level[0] = random.standard_normal()
    for t in range(1, periods):
        level[t] = 0.9 * level[t - 1] + math.sqrt(1 - 0.81) * random.standard_normal()
    return random.poisson(30 * np.exp(0.6 * level)).astype(float)


def test_residuals_of_two_means_on_paper(town):
    [found] = residuals(POISSON.estimate(town), town)
    first, second, last = found.figures[0], found.figures[1], found.figures[-1]
    assert (first.figure, first.observed, last.figure) == ("2010-01", 8.0, "2011-12")
    assert (first.fitted, last.fitted) == pytest.approx((10, 5))
    assert first.residual == pytest.approx(-2 / math.sqrt(10)) and second.residual == pytest.approx(2 / math.sqrt(10))
    assert first.pit == pytest.approx(stats.poisson.cdf(7, 10) + stats.poisson.pmf(8, 10) / 2)
    assert found.dispersion == pytest.approx((4 * 8 / 10 + 4 * 2 / 5) / (24 - 2))
    assert found.largest.residual == pytest.approx(-2 / math.sqrt(10)) and found.largest.figure == "2010-01"
    assert found.outside == 0.0 and found.limit == pytest.approx(1.96 / math.sqrt(24), abs=1e-4)
    assert (found.about, found.variance, found.lags) == ("the fitted mean", "μ", 8)


def test_the_exact_ratio_has_the_same_two_means(town):
    [exact], [fitted] = residuals(ExactRatio().estimate(town), town), residuals(POISSON.estimate(town), town)
    assert exact.about == "the rate of each side" and exact.coefficients == 2
    assert [row.residual for row in exact.figures] == pytest.approx([row.residual for row in fitted.figures])


@pytest.mark.parametrize(
    ("family", "said", "variance"),
    [
        ("quasipoisson", "φ μ", lambda m, details: details["phi"] * m),
        ("nb2", "μ + α μ²", lambda m, details: m + details["alpha"] * m**2),
    ],
)
def test_each_family_is_scaled_by_its_own_variance(make_panel, family, said, variance):
    panel = make_panel({"Town": [5.0, 25.0, 12.0, 1.0, 30.0, 9.0] * 6}, onset=18)
    effect = dataclasses.replace(POISSON, family=family).estimate(panel)
    [found] = residuals(effect, panel)
    row = found.figures[4]
    assert found.variance == said
    assert row.residual == pytest.approx((30 - row.fitted) / math.sqrt(variance(row.fitted, effect.details)))
    if family == "quasipoisson":
        assert found.dispersion == pytest.approx(1)


def test_the_published_dispersion_of_boston_comes_out():
    panel = embedded("boston", "youth")
    method = Segmented(family="poisson", covariance="model", season="dummies", trend=False)
    assert residuals(method.estimate(panel), panel)[0].dispersion == pytest.approx(0.909, abs=0.0005)


def test_autocorrelation_on_paper():
    found = autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]), np.arange(4), 4)
    assert found[:3] == pytest.approx((-0.75, 0.5, -0.25)) and found[3] is None


def test_a_gap_breaks_the_pairs_across_it():
    found = autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]), np.array([0, 1, 3, 4]), 3)
    assert found == pytest.approx((-0.5, -0.25, 0.5))  # lag 2 joins places 1 and 3, lag 3 joins 0 with 3 and 1 with 4


def test_residuals_of_nothing_have_no_autocorrelation():
    assert autocorrelation(np.zeros(5), np.arange(5), 2) == (None, None) and ljung_box((None, None), 5) is None


def test_ljung_box_agrees_with_statsmodels():
    noise = np.random.default_rng(4).standard_normal(60)
    table = acorr_ljungbox(noise, lags=[12])
    own = ljung_box(autocorrelation(noise, np.arange(60), 12), 60)
    assert own == pytest.approx(float(table["lb_pvalue"].iloc[0]))


@pytest.mark.parametrize(
    ("signs", "runs", "p"),
    [
        ("++++----", 2, 4 / 70),
        ("+-+-+-+-", 8, 4 / 70),
        ("++0--", 2, 2 * 2 / 6),
        ("+-", 2, 1.0),
        ("++++", 1, None),
        ("0", 0, None),
    ],
)
def test_runs_on_paper(signs, runs, p):
    found = runs_test(np.array([{"+": 1.5, "-": -0.5, "0": 0.0}[sign] for sign in signs]))
    assert found[0] == runs and found[1] == (None if p is None else pytest.approx(p))


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=2, max_size=14).filter(lambda signs: len(set(signs)) == 2))
def test_runs_read_the_same_backwards_and_with_signs_exchanged(signs):
    signs = np.array(signs)
    assert runs_test(signs) == runs_test(signs[::-1]) == runs_test(-signs)


def test_the_runs_p_is_that_of_every_order():
    observed = np.array([1, 1, -1, 1, 1, -1, -1.0])
    orders = [runs_test(np.array(order))[0] for order in set(permutations(observed))]
    runs, p = runs_test(observed)
    few, many = np.mean([k <= runs for k in orders]), np.mean([k >= runs for k in orders])
    assert p == pytest.approx(min(1, 2 * min(few, many)))


@settings(max_examples=30)
@given(st.floats(0.05, 60), st.floats(0.01, 2.0))
def test_mid_pits_average_one_half_and_rise_with_the_count(mean, alpha):
    counts = np.arange(3_000.0)
    means = np.full_like(counts, mean)
    for variances, chances in (
        (means + alpha * means**2, stats.nbinom.pmf(counts, 1 / alpha, 1 / (1 + alpha * mean))),
        (means, stats.poisson.pmf(counts, mean)),
        (means / 2, stats.poisson.pmf(counts, mean)),
    ):
        pits = mid_pit(counts, means, variances)
        assert (np.diff(pits) >= -1e-12).all() and chances @ pits == pytest.approx(0.5, abs=1e-6)


def test_a_latent_fit_has_residuals_with_and_without_its_level(make_panel):
    panel = make_panel({"Town": drifting(6)}, onset=60)
    effect = LATENT.estimate(panel)
    inside, outside = residuals(effect, panel)
    assert (inside.about, outside.about) == ("the mean with the latent level", "the mean without the latent level")
    assert outside.autocorrelation[0] > 0.5 and outside.ljung_box_p < 0.001
    assert abs(inside.autocorrelation[0]) < outside.autocorrelation[0] / 2 and inside.ljung_box_p > 0.001
    alpha = effect.details["hyperparameters"]["alpha"]["mean"]
    row = inside.figures[3]
    assert row.fitted == pytest.approx(effect.counterfactual.factual.iloc[3])
    assert row.residual == pytest.approx((row.observed - row.fitted) / math.sqrt(row.fitted + alpha * row.fitted**2))


def test_gaps_stay_out(make_panel):
    panel = make_panel({"Town": [8.0, np.nan, 10.0] * 12}, onset=18)
    [found] = residuals(POISSON.estimate(panel), panel)
    assert len(found.figures) == 24 and found.figures[1].figure == "2010-03"


def test_quarters_and_years_have_fewer_lags(make_panel):
    for start, lags in (("2010Q1", 6), ("2000", 3)):
        panel = make_panel({"Town": [8.0, 12.0, 10.0, 9.0] * 6}, onset=12, start=start)
        [found] = residuals(POISSON.estimate(panel), panel)
        assert found.lags == lags and len(found.autocorrelation) == 12


def test_every_span_of_malmo_is_a_figure_with_its_dates(malmo):
    panel, effect = malmo
    counts, matrix = panel.observations("Malmö")
    for found in residuals(effect, panel):
        assert [row.observed for row in found.figures] == counts.tolist() and found.note.startswith("lags count figures")
        assert "2016-01-01..2016-12-31" == found.figures[0].figure
        names = [row.figure for row in found.figures]
        assert any(" and " in name for name in names) and len(set(names)) == len(names) == 20
    inside = residuals(effect, panel)[0]
    assert [row.fitted for row in inside.figures] == pytest.approx(matrix @ effect.counterfactual.factual.to_numpy())


def test_the_scatter_of_a_span_without_the_level_is_that_of_simulated_spans(malmo):
    panel, effect = malmo
    _, found = residuals(effect, panel)
    _, matrix = panel.observations("Malmö")
    posterior = effect.counterfactual.mixture.posterior
    rho, _, alpha = posterior.weights @ posterior.hyper
    sigma = math.sqrt(posterior.weights @ posterior.hyper[:, 1] ** 2)
    paths = effect.counterfactual.mixture
    mean = np.exp(paths.offset + paths.columns.factual @ (posterior.weights @ posterior.beta_mean))
    random = np.random.default_rng(1)
    level = np.empty((40_000, 96))
    level[:, 0] = random.standard_normal(40_000)
    for t in range(1, 96):
        level[:, t] = rho * level[:, t - 1] + math.sqrt(1 - rho**2) * random.standard_normal(40_000)
    drawn = random.poisson(mean * np.exp(sigma * level) * random.gamma(1 / alpha, alpha, level.shape) @ matrix.T)
    for figure in (0, 4, 7, 13):
        row = found.figures[figure]
        variance = ((row.observed - row.fitted) / row.residual) ** 2
        assert row.fitted == pytest.approx(drawn[:, figure].mean(), rel=0.02)
        assert variance == pytest.approx(drawn[:, figure].var(), rel=0.1)


def test_one_alpha_for_every_span_scatters_more(malmo):
    panel, effect = malmo
    one = LatentCounts(one_alpha=True).estimate(panel)
    alpha = one.details["hyperparameters"]["alpha"]["mean"]
    row = residuals(one, panel)[0].figures[0]
    assert ((row.observed - row.fitted) / row.residual) ** 2 == pytest.approx(row.fitted + alpha * row.fitted**2)


def test_the_tables_have_a_row_per_figure_and_one_per_mean(malmo):
    panel, effect = malmo
    found = residuals(effect, panel)
    figures, summary = residuals_table(found), residual_summary_table(found)
    assert len(figures) == 40 and len(summary) == 2 and summary["figures"].tolist() == [20, 20]
    assert {f"acf_{lag}" for lag in range(1, 13)} <= set(summary.columns)
    assert summary["ljung_box_lags"].tolist() == [6, 6] and summary["outside_95"].between(0, 1).all()


def test_an_effect_without_a_factual_path_or_without_noise_has_no_residuals(town):
    effect = POISSON.estimate(town)
    bare = dataclasses.replace(effect, counterfactual=dataclasses.replace(effect.counterfactual, factual=None))
    with pytest.raises(EstimationError, match="segmented has no factual path for Town"):
        residuals(bare, town)
    strange = dataclasses.replace(effect, counterfactual=dataclasses.replace(effect.counterfactual, mixture=object()))
    with pytest.raises(EstimationError, match="keeps no account of how the counts of Town scatter"):
        residuals(strange, town)
