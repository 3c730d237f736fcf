"""The latent count kernel against plain references, limits that can be checked on paper, and laws."""

import numpy as np
import plain_laplace
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, norm

from gvi_eval.errors import EstimationError
from gvi_eval.estimators import _laplace, _laplace_months, _laplace_spans, _laplace_terms


def series(counts, after, harmonics=0, trend=True) -> dict:
    """Intercept, step over the last `after` periods, trend and harmonics, with the package's priors."""
    t = np.arange(len(counts))
    onset = len(counts) - after
    columns = [np.ones(t.size), t >= onset] + ([(t - onset) / t.size] if trend else [])
    columns += [f(2 * np.pi * k * t / 12) for k in range(1, harmonics + 1) for f in (np.cos, np.sin)]
    X = np.column_stack(columns).astype(float)
    sds = np.full(X.shape[1], 2.5)
    sds[0] = 10.0
    return {"y": np.asarray(counts), "X": X, "offset": np.zeros(t.size), "beta_prior_sd": sds}


def drawn(seed, periods, mean, alpha=0.1, sigma=0.4, rho=0.6, after=None, ratio=1.0) -> np.ndarray:
    """Counts from the model itself."""
    rng = np.random.default_rng(seed)
    level = [rng.normal()]
    while len(level) < periods:
        level.append(rho * level[-1] + np.sqrt(1 - rho**2) * rng.normal())
    mu = mean * np.exp(sigma * np.array(level))
    if after:
        mu[-after:] *= ratio
    return rng.poisson(mu * rng.gamma(1 / alpha, alpha, periods)) if alpha else rng.poisson(mu)


def yearly(periods) -> np.ndarray:
    """C that adds every twelve periods."""
    return np.kron(np.eye(periods // 12), np.ones(12))


@pytest.fixture(scope="module")
def monthly() -> dict:
    return series(drawn(1, 96, 5), after=36, harmonics=2)


@pytest.fixture(scope="module")
def monthly_fit(monthly) -> _laplace.LatentFit:
    return _laplace.fit(**monthly)


def test_identity_coverage_is_the_plain_model(monthly, monthly_fit):
    covered = _laplace.fit(**monthly, C=np.eye(96))
    assert covered.beta_mean.tobytes() == monthly_fit.beta_mean.tobytes()
    assert covered.weights.tobytes() == monthly_fit.weights.tobytes()


def test_every_component_equals_the_dense_reference(monthly, monthly_fit):
    eta_mean, eta_var = monthly_fit.path()
    for i in np.argsort(-monthly_fit.weights)[::30]:
        plain = plain_laplace.node(*monthly.values(), *monthly_fit.hyper[i])
        assert [f"{b:.6f}" for b in monthly_fit.beta_mean[i] + 1e-9] == [f"{b:.6f}" for b in plain.beta_mean + 1e-9]
        assert monthly_fit.beta_cov[i] == pytest.approx(plain.beta_cov, rel=1e-6, abs=1e-9)
        assert eta_mean[i] == pytest.approx(plain.eta_mean, abs=1e-6)
        assert eta_var[i] == pytest.approx(np.diag(plain.eta_cov), rel=1e-6)


@pytest.mark.parametrize("hyper", [(0.5, 0.3, 0.1), (0.9, 0.6, 0.3), (0.2, 1.2, 0.01), (0.99, 0.5, 0.0)])
def test_the_span_kernel_on_single_periods_is_the_month_kernel_and_the_reference(monthly, hyper):
    s = _laplace.as_series(**monthly, C=None, one_alpha=False)
    start = np.concatenate([_laplace.first_guess(s), np.zeros(96)])[None]
    months = _laplace_months.evaluate_months(s, np.array([hyper]), start, True)
    spans = _laplace_spans.evaluate_spans(s, np.array([hyper]), start, True)
    plain = plain_laplace.node(*monthly.values(), *hyper)
    for part in (months, spans):
        assert part[0][0] == pytest.approx(plain.log_marginal, abs=1e-7)
        assert part[2][0] == pytest.approx(plain.beta_mean, abs=1e-7)
        assert part[3][0] == pytest.approx(plain.beta_cov, rel=1e-6, abs=1e-10)


def test_the_lattice_equals_a_fine_grid_over_the_whole_prior():
    case = series(drawn(3, 14, 6), after=6, trend=False)
    mean, sd, evidence = plain_laplace.fit(**case, points=14)
    fitted = _laplace.fit(**case)
    assert fitted.mean_and_sd()[0] == pytest.approx(mean, abs=3e-3 * sd.min())
    assert fitted.mean_and_sd()[1] == pytest.approx(sd, rel=5e-3)
    assert fitted.log_marginal_likelihood == pytest.approx(evidence, abs=2e-3)


@pytest.mark.parametrize("y, m, a", [(0, 0.3, 0.2), (7, 3.0, 0.4), (500, 450.0, 1e-3), (4, 2.0, 0.0)])
def test_derivatives_against_finite_differences(y, m, a):
    h, eta = 1e-4, np.log(m)
    low, high = (_laplace_terms.count_terms(float(y), eta + sign * h, a) for sign in (-1, 1))
    for order in range(1, 5):
        slope = (high[order - 1] - low[order - 1]) / (2 * h)
        assert _laplace_terms.count_terms(float(y), eta, a)[order] == pytest.approx(slope, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("alpha", [1e-10, 1e-5, 0.049, 0.051, 0.3, 2.0])
@pytest.mark.parametrize("y", [0, 1, 19, 20, 800])
def test_rising_factorial_is_its_sum(y, alpha):
    assert _laplace_terms.log_rising(float(y), alpha) == pytest.approx(
        np.log1p(alpha * np.arange(y)).sum(), rel=1e-10, abs=1e-11
    )


def test_likelihood_is_that_of_scipy():
    value = (
        _laplace_terms.count_terms(7.0, np.log(5.0), 0.3)[0]
        + _laplace_terms.log_rising(7.0, 0.3)
        - np.log(np.arange(1, 8)).sum()
    )
    assert value == pytest.approx(nbinom.logpmf(7, 1 / 0.3, 1 / (1 + 0.3 * 5)), rel=1e-12)


def span_log_posterior(s, theta, hyper):
    """The span kernel's log posterior of (beta, epsilon), written out in numpy."""
    rho, sigma, alpha = hyper
    cov, level, r = _laplace_spans.span_moments(s, rho, sigma)
    p, C = s.X.shape[1], np.zeros((s.y.size, len(s.X)))
    C[np.repeat(np.arange(s.y.size), np.diff(s.start)), s.at] = s.share
    m = np.exp(np.log(C @ np.exp(s.offset + s.X @ theta[:p])) + level + np.linalg.cholesky(cov) @ theta[p:])
    size = 1 / (alpha * r)
    return (
        nbinom.logpmf(s.y, size, size / (size + m)).sum()
        - 0.5 * (s.precision * theta[:p] ** 2).sum()
        - 0.5 * (theta[p:] ** 2).sum()
    )


def test_span_mode_and_curvature_against_finite_differences():
    case, hyper = series(drawn(5, 60, 4), after=22), (0.6, 0.5, 0.2)
    case["y"] = yearly(60) @ case["y"]
    s, start = _laplace.pilot(_laplace.as_series(**case, C=yearly(60), one_alpha=False), _laplace.Chart((0.5, 0.5), (0.5, 0.5)))
    parts = _laplace_spans.evaluate_spans(s, np.array([hyper]), start[None], True)
    mode, h = parts[1][0], 1e-4
    step = h * np.eye(mode.size)
    slope = [(span_log_posterior(s, mode + e, hyper) - span_log_posterior(s, mode - e, hyper)) / (2 * h) for e in step]
    assert np.abs(slope).max() < 1e-5
    hessian = [
        [
            sum(i * j * span_log_posterior(s, mode + i * d + j * e, hyper) for i in (1, -1) for j in (1, -1)) / (4 * h * h)
            for d in step
        ]
        for e in step
    ]
    assert parts[3][0] == pytest.approx(np.linalg.inv(-np.array(hessian))[:3, :3], rel=2e-3)


def test_no_noise_is_ridge_poisson_regression(monthly):
    s = _laplace.as_series(**monthly, C=None, one_alpha=False)
    start = np.concatenate([_laplace.first_guess(s), np.zeros(96)])[None]
    fitted = _laplace_months.evaluate_months(s, np.array([[0.5, 0.0, 0.0]]), start, True)
    beta = np.zeros(s.X.shape[1])
    beta[0] = np.log(s.y.mean())
    for _ in range(50):
        m = np.exp(s.X @ beta)
        information = s.X.T @ (m[:, None] * s.X) + np.diag(s.precision)
        beta = beta + np.linalg.solve(information, s.X.T @ (s.y - m) - s.precision * beta)
    assert fitted[1][0, : beta.size] == pytest.approx(beta, abs=1e-8)
    assert fitted[3][0] == pytest.approx(np.linalg.inv(information), rel=1e-6, abs=1e-10)


def test_counts_are_conserved_over_spans():
    # Poisson without noise: the intercept's equation is sum y - sum m = intercept / 10^2.
    case = series(drawn(8, 48, 4), after=17)
    y = yearly(48) @ case.pop("y")
    s = _laplace.as_series(y, **case, C=yearly(48), one_alpha=False)
    start = np.concatenate([_laplace.first_guess(s), np.zeros(4)])[None]
    mode = _laplace_spans.evaluate_spans(s, np.array([[0.5, 0.0, 0.0]]), start, True)[1][0]
    assert np.exp(s.X @ mode[:3]).sum() == pytest.approx(y.sum() - mode[0] / 100, abs=1e-5)


def test_a_sum_never_says_more_than_its_months(monthly):
    case = monthly | {"X": monthly["X"][:, :3], "beta_prior_sd": monthly["beta_prior_sd"][:3]}
    hyper, C = np.array([[0.5, 0.3, 0.1]]), yearly(96)
    fine = _laplace.as_series(**case, C=None, one_alpha=False)
    coarse, start = _laplace.pilot(
        _laplace.as_series(**case | {"y": C @ case["y"]}, C=C, one_alpha=False), _laplace.Chart((0.5, 0.5), (0.5, 0.5))
    )
    by_month = _laplace_months.evaluate_months(fine, hyper, np.r_[start[:3], np.zeros(96)][None], True)
    by_year = _laplace_spans.evaluate_spans(coarse, hyper, start[None], True)
    assert (np.diag(by_year[3][0]) > np.diag(by_month[3][0])).all()


def test_yearly_sums_say_the_same():
    steps, sds = [], []
    for seed in range(6):
        case = series(drawn(seed, 96, 6, after=36, ratio=0.5), after=36, trend=False)
        fits = [_laplace.fit(**case), _laplace.fit(**case | {"y": yearly(96) @ case["y"]}, C=yearly(96))]
        steps.append([fitted.mean_and_sd()[0][1] for fitted in fits])
        sds.append([fitted.mean_and_sd()[1][1] for fitted in fits])
    steps, sds = np.array(steps), np.array(sds)
    assert (steps < 0).all()
    assert (np.abs(steps[:, 1] - steps[:, 0]) < sds[:, 1]).all()
    assert sds[:, 1].mean() > sds[:, 0].mean()


def test_the_same_input_gives_the_same_bytes(monthly, monthly_fit):
    again = _laplace.fit(**monthly)
    assert again.beta_mean.tobytes() == monthly_fit.beta_mean.tobytes()
    assert again.log_marginal_likelihood == monthly_fit.log_marginal_likelihood


@pytest.mark.parametrize(
    "counts",
    [
        np.r_[np.zeros(60), drawn(1, 36, 3)],
        np.r_[drawn(1, 60, 3), np.zeros(36)],
        np.zeros(96),
        drawn(2, 96, 500, alpha=0.01, sigma=0.2),
        drawn(3, 96, 500, alpha=0, sigma=0),
        drawn(4, 96, 40000, alpha=0, sigma=0.1),
        drawn(5, 96, 30, alpha=0, sigma=1.5, rho=0.98),
        np.r_[drawn(1, 95, 3), 400],
    ],
    ids=["zeros before", "zeros after", "only zeros", "500 a month", "500, Poisson", "40,000", "wild level", "one outlier"],
)
def test_it_converges_at_the_edges(counts):
    fitted = _laplace.fit(**series(counts, after=36, harmonics=2))
    mean, sd = fitted.mean_and_sd()
    assert np.isfinite(mean).all() and (sd > 0).all() and np.isfinite(fitted.divergence).all()
    assert fitted.slope < 1e-3 * max(1, np.sqrt(counts.sum()))
    assert fitted.weights.sum() == pytest.approx(1) and (fitted.weights >= 0).all()


def test_tiny_alpha_is_poisson(monthly):
    s = _laplace.as_series(**monthly, C=None, one_alpha=False)
    start = np.concatenate([_laplace.first_guess(s), np.zeros(96)])[None]
    values = [
        _laplace_months.evaluate_months(s, np.array([[0.5, 0.3, a]]), start, True)[0][0]
        for a in (0.0, 1e-14, 1e-12, 1e-10, 1e-8)
    ]
    assert values == pytest.approx([values[0]] * 5, abs=2e-5)
    assert values[3] == pytest.approx(values[0], abs=2e-7)


def test_one_count_leaves_the_noise_at_its_prior():
    fitted = _laplace.fit([6], np.ones((1, 1)), np.zeros(1), [10.0])
    assert fitted.divergence == pytest.approx(0, abs=0.01)
    assert fitted.hyper_mean == pytest.approx([0.5, 0.5 * np.sqrt(2 / np.pi), 0.5 * np.sqrt(2 / np.pi)], abs=0.02)
    assert fitted.hyper_quantiles[0] == pytest.approx([0.025, 0.25, 0.5, 0.75, 0.975], abs=0.02)


def test_one_alpha_widens_spans():
    y = yearly(96) @ drawn(7, 96, 4)
    case = series(np.zeros(96), after=36) | {"y": y, "C": yearly(96)}
    assert _laplace.fit(**case, one_alpha=True).mean_and_sd()[1][1] > _laplace.fit(**case).mean_and_sd()[1][1]


def test_projections_agree_with_beta_and_path(monthly, monthly_fit):
    p = monthly["X"].shape[1]
    means, covs = monthly_fit.project(np.eye(p + 96)[: p + 1])
    assert means[:, :p] == pytest.approx(monthly_fit.beta_mean, abs=1e-6)
    assert covs[:, :p, :p] == pytest.approx(monthly_fit.beta_cov, rel=1e-5, abs=1e-8)
    eta = monthly_fit.path()[0]
    assert means[:, p] + means[:, :p] @ monthly["X"][0] == pytest.approx(eta[:, 0], abs=1e-6)


def test_path_of_spans_adds_up_to_the_counts():
    y = yearly(96) @ drawn(7, 96, 40, alpha=0.0, sigma=0.1)
    fitted = _laplace.fit(**series(np.zeros(96), after=36) | {"y": y, "C": yearly(96)})
    mean, variance = fitted.path()
    expected = fitted.weights @ np.exp(mean + variance / 2)
    assert yearly(96) @ expected == pytest.approx(y, rel=0.1)


def test_mixture_quantiles_of_one_normal():
    found = _laplace.mixture_quantiles(np.ones(1), np.array([[2.0]]), np.array([[9.0]]), [0.025, 0.5])
    assert found[0] == pytest.approx(norm.ppf([0.025, 0.5], 2, 3), abs=1e-9)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(factor=st.floats(0.01, 100), seed=st.integers(0, 50), mean=st.sampled_from([1.5, 5.0, 40.0]))
def test_exposure_in_another_unit_moves_only_the_intercept(factor, seed, mean):
    case = series(drawn(seed, 48, mean), after=20)
    plain = _laplace.fit(**case)
    scaled = _laplace.fit(**case | {"offset": case["offset"] + np.log(factor)})
    (one, sd), (other, _) = plain.mean_and_sd(), scaled.mean_and_sd()
    assert other[1:] == pytest.approx(one[1:], abs=0.04 * sd[1:].min())
    assert other[0] + np.log(factor) == pytest.approx(one[0], abs=0.04 * sd[0])


@pytest.mark.parametrize(
    "change, words",
    [
        ({"offset": np.zeros(5)}, "shapes disagree"),
        ({"C": np.zeros((96, 96))}, "cover no period"),
        ({"y": np.r_[-1, np.zeros(95)]}, "counts of 0 or more"),
    ],
)
def test_bad_input_is_named(monthly, change, words):
    with pytest.raises(EstimationError, match=words):
        _laplace.fit(**monthly | change)
