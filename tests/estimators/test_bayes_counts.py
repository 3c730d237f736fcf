"""The sampled count model: its density against plain formulas, its priors, its paths, and what is kept of it."""

import dataclasses
import shutil

import numpy as np
import pytest
from scipy import special, stats

from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.estimators import _count_model, _posterior
from gvi_eval.estimators._count_density import (
    density,
    figures_of,
    loadings,
    rising,
    root_in_place,
    slope_of_root,
    stand_in,
)
from gvi_eval.estimators._count_model import (
    CountModel,
    half_normal_of,
    log_likelihood,
    means_and_dispersions,
    packed,
    parameters,
    prior_parameters,
    reference,
    rho_of,
)
from gvi_eval.estimators._design import Design
from gvi_eval.estimators._mcmc import Sampling
from gvi_eval.estimators._posterior import (
    Posterior,
    load_posterior,
    model_key,
    posterior_store,
    program_hash,
    save_posterior,
    thinned,
)
from gvi_eval.estimators._posterior_checks import information, posterior_predictive, prior_predictive
from gvi_eval.estimators.bayes_counts import LEVEL_PRIORS, BayesCounts, SampledPaths, posterior_key
from gvi_eval.hashing import PACKAGE

T = 10


def a_model(units: int = 1, mean: float = 4.0, one_alpha: bool = False, seed: int = 1) -> CountModel:
    """Each unit has a figure for seven months and one for three others, of which the second counts by four tenths."""
    random = np.random.default_rng(seed)
    block = np.zeros((8, T))
    block[np.arange(7), np.arange(7)] = 1.0
    block[7, 7:] = (1.0, 0.4, 1.0)
    intercepts = np.kron(np.eye(units), np.ones((T, 1)))
    names = (*(f"intercept {unit}" for unit in range(units)), "trend", "level")
    return CountModel(
        names=names,
        counts=random.poisson(mean, 8 * units).astype(float),
        matrix=np.kron(np.eye(units), block),
        columns=np.column_stack([intercepts, random.normal(size=(units * T, 2))]),
        offset=0.1 * random.normal(size=units * T),
        prior_mean=np.linspace(-0.2, 0.3, len(names)),
        prior_sd=np.linspace(1, 3, len(names)),
        prior_scale=0.5,
        one_alpha=one_alpha,
        units=units,
        is_control=np.repeat(np.arange(units) > 0, 8),
    )


def a_place(model: CountModel, seed: int = 2) -> list[np.ndarray]:
    """The arguments of the density: z, memory, sigma and alpha."""
    random = np.random.default_rng(seed)
    rho = 0.6
    return [
        0.5 * random.normal(size=model.units * model.periods + len(model.names)),
        np.array([rho, np.sqrt(1 - rho**2)]),
        random.uniform(0.1, 0.6, len(model.sigma_names)),
        random.uniform(0.01, 0.6, len(model.alpha_names)),
    ]


def drawn_at(model: CountModel, place: list[np.ndarray]):
    """The parameters there, by the way that sampled draws take."""
    z, memory, sigma, alpha = place

    def normal(sds: np.ndarray) -> np.ndarray:
        return -special.ndtri(2 * special.ndtr(-sds / model.prior_scale))[None]

    x = special.ndtri(memory[:1])
    return parameters(model, packed(model, reference(model)), z[None], x, normal(sigma), normal(alpha))


MODELS = {
    "one unit": a_model(),
    "one alpha": a_model(one_alpha=True),
    "with two controls": a_model(units=3),
    "large": a_model(mean=900.0),
    "large, fractions": dataclasses.replace(a_model(mean=300.0), counts=a_model(mean=300.0).counts + 0.5),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_slopes_are_those_of_the_density(name):
    model, place = MODELS[name], a_place(MODELS[name])
    data = packed(model, reference(model))
    found = density(*place, *data)
    for number, part in enumerate(place):
        for entry in range(len(part)):

            def moved(step, number=number, entry=entry):
                other = [each.copy() for each in place]
                other[number][entry] += step
                return density(*other, *data)[0]

            slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
            assert found[1 + number][entry] == pytest.approx(slope, rel=1e-5, abs=1e-4 * abs(found[0]) ** 0.5)


def parameter_map(model: CountModel, place: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Levels and coefficients as start + slope z, in which they are linear: start (cell + p,) and slope, square."""
    size = model.units * model.periods + len(model.names)

    def at(z: np.ndarray) -> np.ndarray:
        drawn = drawn_at(model, [z, *place[1:]])
        return np.concatenate([drawn.level[0], drawn.coefficients[0]])

    start = at(np.zeros(size))
    return start, np.column_stack([at(column) - start for column in np.eye(size)])


def log_prior_by_formulas(model: CountModel, level: np.ndarray, beta: np.ndarray, rho: float, sigma: np.ndarray) -> float:
    # Levels are normal: between units sigma_shared² + [k = l] sigma_k², between times rho^lag.
    between = np.array([[sigma[0] ** 2]])
    if model.units > 1:
        between = sigma[0] ** 2 + np.diag(np.array([sigma[1], *[sigma[2]] * (model.units - 1)]) ** 2)
    lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    total = stats.multivariate_normal(cov=np.kron(between, rho**lag)).logpdf(level)
    return total - (((beta - model.prior_mean) / model.prior_sd) ** 2).sum() / 2


def log_likelihood_by_formulas(model: CountModel, beta: np.ndarray, level: np.ndarray, alpha: np.ndarray) -> float:
    means = np.exp(model.offset + model.columns @ beta + level)
    total = 0.0
    for y, row, control in zip(model.counts, model.matrix, model.is_control, strict=True):
        m, own = row @ means, alpha[int(control)]
        a = own if model.one_alpha else own * ((row * means) ** 2).sum() / m**2
        total += stats.nbinom.logpmf(y, 1 / a, 1 / (1 + a * m))
    return total


@pytest.mark.parametrize("name", ["one unit", "one alpha", "with two controls", "large"])
def test_the_density_is_that_of_the_model_by_plain_formulas(name):
    model, place = MODELS[name], a_place(MODELS[name])
    z, memory, sigma, alpha = place
    start, slope = parameter_map(model, place)
    x = start + slope @ z
    level, beta = x[: -len(model.names)], x[-len(model.names) :]
    likelihood = log_likelihood_by_formulas(model, beta, level, alpha)
    found = density(*place, *packed(model, reference(model)))[0]
    wanted = likelihood + log_prior_by_formulas(model, level, beta, memory[0], sigma) + np.linalg.slogdet(slope)[1]
    constants = special.gammaln(model.counts + 1).sum() + len(level) / 2 * np.log(2 * np.pi)
    assert found == pytest.approx(wanted + constants, rel=1e-9)
    drawn = drawn_at(model, place)
    np.testing.assert_allclose(drawn.level[0], level, atol=1e-9)
    np.testing.assert_allclose(drawn.coefficients[0], beta, atol=1e-9)
    assert log_likelihood(model, drawn).sum() == pytest.approx(likelihood, rel=1e-9)


@pytest.mark.parametrize("name", ["one unit", "with two controls"])
def test_the_coordinates_do_not_change_the_model(name, monkeypatch):
    # The same coefficients and levels have the same density, wherever the coordinates were laid.
    model, place = MODELS[name], a_place(MODELS[name])
    start, slope = parameter_map(model, place)
    first = packed(model, reference(model))
    one = density(*place, *first)[0] - np.linalg.slogdet(slope)[1]
    monkeypatch.setattr(_count_model, "PILOT_ALPHA", 3.0)
    monkeypatch.setattr(_count_model, "PILOT_SIGMA", 0.01)
    other = packed(model, reference(model))
    assert not np.allclose(first[1], other[1])
    start_2, slope_2 = parameter_map(model, place)
    again = [np.linalg.solve(slope_2, start + slope @ place[0] - start_2), *place[1:]]
    assert density(*again, *other)[0] - np.linalg.slogdet(slope_2)[1] == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize("units", [1, 3])
def test_of_counts_that_are_nearly_normal_the_coordinates_are_standard_normal(units):
    # Large monthly counts, with rho near 1 and with none: the curvature in z is that of N(0, 1), and z = 0 the top. What a
    # count of several months leaves open is not normal, so those are left out.
    whole = a_model(units=units)
    monthly = (whole.matrix > 0).sum(axis=1) == 1
    counts = np.exp(np.random.default_rng(9).normal(7, 0.1, monthly.sum())).round()
    model = dataclasses.replace(whole, counts=counts, matrix=whole.matrix[monthly], is_control=whole.is_control[monthly])
    figures = packed(model, reference(model))
    for rho in (0.0, 0.7, 1 - 1e-6):
        place = a_place(model)
        memory = np.array([rho, np.sqrt((1 - rho) * (1 + rho))])

        def slopes(z, memory=memory, place=place):
            return density(z, memory, place[2], 1e-3 * place[3], *figures)[1]

        zero = np.zeros(len(place[0]))
        curvature = np.column_stack([(slopes(1e-3 * one) - slopes(-1e-3 * one)) / 2e-3 for one in np.eye(len(zero))])
        np.testing.assert_allclose(np.linalg.eigvalsh((curvature + curvature.T) / 2), -1, atol=0.1)
        assert np.abs(slopes(zero)).max() < 0.5


def test_figures_that_say_nothing_leave_the_prior():
    # Counts learn nothing of a level that has no part in their means, and its walk keeps the covariance of the prior.
    model = a_model()
    z, memory, _, alpha = a_place(model)
    drawn = drawn_at(model, [z, memory, np.array([1e-9]), alpha])
    np.testing.assert_allclose(drawn.level, 0, atol=1e-7)
    _, slope = parameter_map(model, [z, memory, np.array([1e-9]), alpha])
    covariance = slope[:T, :T] @ slope[:T, :T].T / 1e-18
    lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    np.testing.assert_allclose(covariance, 0.6**lag, atol=1e-3)


@pytest.mark.parametrize("units", [1, 3])
def test_the_root_keeps_the_band_and_its_slopes_are_those_of_a_dense_one(units):
    model = a_model(units=units)
    whole, floats = packed(model, reference(model))
    sizes, _, counts, _, prior, at = figures_of(whole, floats)
    first, place = at[7], a_place(model)
    own, passed_on = loadings(place[2], units)
    P, _, _, _ = stand_in(place[1], own, passed_on, place[3], sizes, counts, prior, at)
    dense = np.linalg.cholesky(np.tril(P) + np.tril(P, -1).T)
    assert (first[units : units * 7] == np.arange(units * 6)).all()  # monthly counts tie a month to the one before
    for row, start in enumerate(first):
        assert not P[row, :start].any()
    L = P.copy()
    root_in_place(L, first)
    np.testing.assert_allclose(np.tril(L), dense, atol=1e-12)
    weights = np.tril(np.random.default_rng(3).normal(size=L.shape))
    for row, start in enumerate(first):
        weights[row, :start] = 0
    on_P = weights.copy()
    slope_of_root(L, first, on_P)
    for i, j in ((0, 0), (units, 0), (8 * units, 7 * units), (len(first) - 1, 3), (len(first) - 1, len(first) - 1)):
        values = []
        for step in (1e-6, -1e-6):
            moved = np.tril(P) + np.tril(P, -1).T
            moved[i, j] += step
            moved[j, i] = moved[i, j]
            values.append((weights * np.linalg.cholesky(moved)).sum())
        assert on_P[i, j] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("y", [1.0, 7.0, 60.0, 61.0, 2000.0])
@pytest.mark.parametrize("a", [1e-13, 1e-6, 0.049, 0.051, 2.0])
def test_the_rising_factorial_is_a_sum_of_logs(y, a):
    k = np.arange(y)
    value, slope = rising(y, a)
    assert value == pytest.approx(np.log1p(a * k).sum(), rel=1e-9, abs=1e-12)
    assert slope == pytest.approx((k / (1 + a * k)).sum(), rel=1e-8)


@pytest.mark.parametrize("units", [1, 2, 5])
def test_the_loadings_are_a_square_root_of_the_covariance_between_units(units):
    sigma = np.array([0.3, 0.2, 0.4])[: 1 if units == 1 else 3]
    own, passed_on = loadings(sigma, units)
    root = np.tril(np.tile(passed_on, (units, 1)), -1) + np.diag(own)
    wanted = np.full((units, units), 0.09) + np.diag([0.04, *[0.16] * (units - 1)]) if units > 1 else np.array([[0.09]])
    np.testing.assert_allclose(root @ root.T, wanted, atol=1e-12)


def test_normal_coordinates_have_the_priors():
    x = np.linspace(-5, 5, 41)
    np.testing.assert_allclose(rho_of(x), stats.uniform.ppf(stats.norm.cdf(x)), rtol=1e-12)
    np.testing.assert_allclose(half_normal_of(x, 0.5), stats.halfnorm(scale=0.5).isf(stats.norm.sf(x)), rtol=1e-6)


def test_draws_from_the_prior_have_its_moments():
    drawn = prior_parameters(a_model(units=2), 20_000, 3)
    assert drawn.coefficients[:, -1].mean() == pytest.approx(0.3, abs=0.1)
    assert drawn.coefficients[:, -1].std() == pytest.approx(3, rel=0.02)
    assert drawn.hyper[:, 0].mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(drawn.hyper[:, 1:].mean(axis=0), 0.5 * np.sqrt(2 / np.pi), rtol=0.03)
    # Both levels have variance 2 * 0.25, and covariance 0.25 in the same month.
    assert np.cov(drawn.level[:, 3], drawn.level[:, T + 3]) == pytest.approx(np.array([[0.5, 0.25], [0.25, 0.5]]), abs=0.03)


def test_the_priors_of_the_log_ratio_are_what_they_say():
    mean, sd = LEVEL_PRIORS["sceptical"]
    assert np.exp(mean) == 1 and stats.norm(mean, sd).cdf(np.log(0.5)) == pytest.approx(0.025)
    mean, sd = LEVEL_PRIORS["literature"]
    low, high = np.exp(stats.norm(mean, sd).ppf([0.025, 0.975]))
    assert np.exp(mean) == pytest.approx(0.75) and low == pytest.approx(0.5) and 1 <= high < 1.2
    assert LEVEL_PRIORS["flat"] == (0, 2.5)


@pytest.fixture
def panel(make_panel):
    random = np.random.default_rng(5)
    counts = {name: random.poisson(mean, 30) for name, mean in (("Town", 6), ("Village", 8), ("Hamlet", 4))}
    return make_panel(counts, 18, exposure=1000.0)


def test_only_the_effect_takes_the_prior_of_the_log_ratio(panel):
    model, _ = BayesCounts(prior="sceptical", season="none")._model(panel)
    assert model.names == ("intercept", "trend", "level")
    np.testing.assert_allclose(model.prior_sd, [10, 2.5, np.log(2) / stats.norm.ppf(0.975)])
    steps, _ = BayesCounts(prior="literature", change="steps", ramp=6, season="none")._model(panel)
    assert [name for name, mean in zip(steps.names, steps.prior_mean, strict=True) if mean] == ["step 1", "step 2"]


def test_with_controls_the_model_is_the_joint_one(panel):
    model, own = BayesCounts(controls=("Village", "Hamlet"), season="none")._model(panel)
    assert model.hyper_names == ("rho", "sigma_shared", "sigma_treated", "sigma_control", "alpha_treated", "alpha_control")
    assert model.units == 3 and len(model.counts) == 90 and model.is_control.sum() == 60
    np.testing.assert_array_equal(model.counts[:30], panel.values["Town"])
    assert own.factual.shape == (30, len(model.names))
    with pytest.raises(StudyError, match="Nowhere"):
        BayesCounts(controls=("Nowhere",)).estimate(panel)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"prior": "hopeful"}, "hopeful.*flat, sceptical, literature"),
        ({"chains": 1}, "chains.*is 1"),
        ({"draws": 2}, "draws.*is 2"),
        ({"target_accept": 1.0}, "target_accept.*1"),
        ({"level": 95}, "95"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, match):
    with pytest.raises(StudyError, match=match):
        BayesCounts(**settings)


def test_spans_carry_no_season(panel):
    from gvi_eval.windows import CountWindow

    first, last = panel.periods[0].start_time.date(), panel.periods[2].end_time.date()
    values = panel.values.copy()
    values.loc[panel.periods[:3], "Town"] = np.nan
    spans = panel.with_(values=values, windows=(CountWindow("Town", ((first, last),), 19, ("a",)),))
    model, _ = BayesCounts()._model(spans)
    assert model.names == ("intercept", "trend", "level") and len(model.counts) == 28
    with pytest.raises(EstimationError, match="season"):
        BayesCounts(season="dummies").estimate(spans)


# --- paths


def two_draws() -> SampledPaths:
    """Level coefficients log 1/2 and log 2 on a mean of 10, dispersion next to none."""
    columns = Design(("intercept", "level"), np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), np.zeros((3, 2)), np.zeros(3))
    columns.expected[:, 0] = 1.0
    coefficients = np.array([[np.log(10), np.log(0.5)], [np.log(10), np.log(2)]])
    return SampledPaths(coefficients, np.zeros((2, 3)), np.full(2, 1e-9), columns, np.zeros(3))


def test_paths_by_hand():
    paths = two_draws()
    np.testing.assert_allclose(paths.factual, 10)  # the mean of the logs
    np.testing.assert_allclose(paths.expected, 10)
    rows = np.array([1, 2])
    means, sds = paths.log_ratio(rows)
    # Kernels about draws that are pulled in keep the mean 0 and the variance (log 2)².
    assert means.mean() == pytest.approx(0)
    assert (means**2 + sds**2).mean() == pytest.approx(np.log(2) ** 2)
    factual, expected, without = paths.totals(rows, 1000)
    np.testing.assert_allclose(np.unique(factual.round(9)), [10, 40])
    np.testing.assert_allclose(expected, 20)
    assert without.mean() == pytest.approx(20, abs=0.5) and without.var() == pytest.approx(20, rel=0.15)


def test_the_limits_of_the_path_are_quantiles_of_the_draws():
    random = np.random.default_rng(4)
    paths = dataclasses.replace(
        two_draws(), coefficients=random.normal(2, 0.3, (4000, 2)), level=np.zeros((4000, 3)), alpha=np.full(4000, 0.1)
    )
    lower, upper = paths.expected_limits(0.9)
    np.testing.assert_allclose(np.log(lower), 2 - 1.645 * 0.3, atol=0.03)
    np.testing.assert_allclose(np.log(upper), 2 + 1.645 * 0.3, atol=0.03)


def test_overdispersion_spreads_the_counts_without_the_programme():
    wide = dataclasses.replace(two_draws(), alpha=np.full(2, 0.5))
    *_, without = wide.totals(np.array([1, 2]), 4000)
    # Two months of mean 10, each with variance 10 + 0.5 * 100.
    assert without.var() == pytest.approx(2 * 60, rel=0.15)


# --- what the model foretells


def test_nothing_is_learnt_where_the_posterior_is_the_prior():
    drawn = prior_parameters(a_model(), 20_000, 6)
    assert max(information(a_model(), drawn)) < 0.01
    narrow = dataclasses.replace(drawn, hyper=np.column_stack([drawn.hyper[:, 0], drawn.hyper[:, 1] / 10, drawn.hyper[:, 2]]))
    rho, sigma, alpha = information(a_model(), narrow)
    assert rho < 0.01 and alpha < 0.01 and sigma > 1


def test_figures_that_the_model_made_are_foretold_and_others_are_not():
    model, drawn = a_model(mean=20.0), drawn_at(a_model(), a_place(a_model()))
    many = dataclasses.replace(
        drawn, **{name: np.repeat(getattr(drawn, name), 400, axis=0) for name in ("coefficients", "hyper", "level")}
    )
    figures = [{"first": str(i), "last": str(i)} for i in range(8)]
    means, _ = means_and_dispersions(model, drawn)
    told = posterior_predictive(dataclasses.replace(model, counts=means[0].round()), many, figures, 1)
    assert all(0.2 < row["pit"] < 0.8 and row["p05"] <= row["p50"] <= row["p95"] for row in told["figures"])
    far = posterior_predictive(dataclasses.replace(model, counts=means[0] * 50 + 50), many, figures, 1)
    assert all(row["pit"] > 0.99 for row in far["figures"]) and far["summaries"]["largest"]["p"] < 0.01
    assert set(told["summaries"]) == {"dispersion", "zeros", "largest", "lag_1_autocorrelation"}


def test_a_wide_prior_is_seen_to_foretell_absurd_counts():
    vague = dataclasses.replace(a_model(), prior_sd=np.array([10.0, 2.5, 2.5]), prior_mean=np.zeros(3))
    narrow = dataclasses.replace(a_model(), prior_sd=np.array([0.5, 0.5, 0.5]), prior_mean=np.array([1.4, 0, 0]))
    assert prior_predictive(vague, 1)["share_above_100_times_observed"] > 0.2
    assert prior_predictive(narrow, 1)["share_above_100_times_observed"] == 0


# --- keeping posteriors


def a_posterior(draws: int = 50) -> Posterior:
    model = a_model()
    return thinned("key", model, prior_parameters(model, 4 * draws, 1), 4, {"diagnostics": [{"faults": []}], "words": "Malmö"})


def test_a_posterior_is_the_same_after_it_was_kept(tmp_path):
    kept = a_posterior()
    save_posterior(kept, tmp_path / "a.nc")
    save_posterior(kept, tmp_path / "b.nc")
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
    found = load_posterior(tmp_path / "a.nc")
    assert (found.key, found.report) == (kept.key, kept.report)
    for name in ("coefficients", "hyper", "level"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))
        assert getattr(found, name).dtype == getattr(kept, name).dtype
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["a.nc", "b.nc"]


def test_what_is_kept_is_small_and_close_to_what_was_drawn(tmp_path):
    model = dataclasses.replace(a_model(), offset=np.zeros(10))
    drawn = prior_parameters(model, 80_000, 1)
    kept = thinned("key", model, drawn, 4, {})
    save_posterior(kept, tmp_path / "a.nc")
    assert (tmp_path / "a.nc").stat().st_size < 500_000
    every = -(-20_000 // kept.level.shape[1])
    np.testing.assert_allclose(kept.flat().level[:5], drawn.level[: 5 * every : every], atol=2.0**-12 + 1e-12)
    np.testing.assert_allclose(kept.flat().coefficients[:5], drawn.coefficients[: 5 * every : every], rtol=1e-6)


def test_a_file_under_a_wrong_name_is_refused(tmp_path):
    save_posterior(a_posterior(), tmp_path / "other.nc")
    with posterior_store(tmp_path) as store, pytest.raises(DataError, match="other.nc holds the posterior key"):
        store.find("other")


def test_a_store_is_open_only_inside_its_block(tmp_path):
    assert _posterior.current_store() is None
    with posterior_store(tmp_path, refresh=True) as store:
        assert _posterior.current_store() is store and store.find("any") is None
    assert _posterior.current_store() is None


def test_the_key_is_of_figures_priors_and_sampling_and_of_nothing_else(panel):
    one = posterior_key(panel, BayesCounts())
    same = (BayesCounts(level=0.9), BayesCounts(allow_failed_diagnostics=True), BayesCounts(season=2))
    assert {posterior_key(panel, other) for other in same} == {one}
    assert posterior_key(panel.with_(exposure=panel.exposure * 12), BayesCounts()) == one
    values = panel.values.copy()
    values.iloc[3, 0] += 1
    others = [
        posterior_key(panel.with_(values=values), BayesCounts()),
        posterior_key(panel.starting(panel.periods[17]), BayesCounts()),
        *(
            posterior_key(panel, BayesCounts(**settings))
            for settings in (
                {"seed": 1},
                {"draws": 2000},
                {"prior": "sceptical"},
                {"prior_scale": 0.25},
                {"trend": False},
                {"one_alpha": True},
                {"controls": ("Village",)},
            )
        ),
    ]
    assert len({one, *others}) == 1 + len(others)


def test_the_key_moves_with_the_program_but_not_with_its_words(tmp_path):
    folder = tmp_path / "estimators"
    shutil.copytree(PACKAGE / "estimators", folder)
    before = program_hash.__wrapped__(folder)
    file = folder / "_count_model.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + "\n# a word\n", encoding="utf-8")
    assert program_hash.__wrapped__(folder) == before
    file.write_text(text.replace("= 0.5, 0.25, 0.005", "= 0.5, 0.25, 0.006"), encoding="utf-8")
    assert program_hash.__wrapped__(folder) != before


def test_a_cosine_that_differs_in_its_last_digit_is_the_same_key():
    model, how = a_model(), Sampling(10, 10, 2, 0.9, 1)
    other = dataclasses.replace(model, columns=model.columns * (1 + 2e-16))
    assert not np.array_equal(model.columns, other.columns)
    assert model_key(model, how, ("a",), "b") == model_key(other, how, ("a",), "b")
