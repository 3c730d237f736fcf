"""The plain model (one count per period), slowly and obviously: dense matrices, fixed quadrature, no numba.

The coefficients are integrated into the prior covariance of eta, K = X S X' + sigma^2 R, so none of
the algebra is shared with the kernel. Source of the formulas: Rasmussen & Williams (2006) Gaussian
Processes for Machine Learning, section 3.4; Shun & McCullagh (1995) for the expansion.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln


@dataclass(frozen=True)
class Node:
    """Log marginal likelihood, mean (p,) and covariance (p, p) of beta, mean and covariance of eta."""

    log_marginal: float
    beta_mean: np.ndarray
    beta_cov: np.ndarray
    eta_mean: np.ndarray
    eta_cov: np.ndarray


def log_likelihood(y, eta, alpha):
    """sum log NB2(y | exp(eta), alpha), or Poisson for alpha = 0."""
    m = np.exp(eta)
    if alpha == 0:
        return float((y * eta - m - gammaln(y + 1)).sum())
    r = 1 / alpha
    return float((gammaln(y + r) - gammaln(r) - gammaln(y + 1) + y * np.log(m / (m + r)) + r * np.log(r / (m + r))).sum())


def derivatives(y, eta, alpha):
    """First four derivatives of the log likelihood in eta."""
    m = np.exp(eta)
    p = alpha * m / (1 + alpha * m)
    first = (y - m) / (1 + alpha * m)
    second = -(1 + alpha * y) * m / (1 + alpha * m) ** 2
    return first, second, second * (1 - 2 * p), second * ((1 - 2 * p) ** 2 - 2 * p * (1 - p))


def node(y, X, offset, beta_prior_sd, rho, sigma, alpha) -> Node:
    """Laplace approximation and its next order at one hyperparameter point."""
    y, S, T = np.asarray(y, dtype=float), np.diag(np.asarray(beta_prior_sd, dtype=float) ** 2), len(y)
    lag = np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    K = X @ S @ X.T + sigma**2 * rho**lag
    eta, pull = np.log(y + 0.5), np.zeros(T)
    for _ in range(500):
        first, second, _, _ = derivatives(y, eta, alpha)
        root = np.sqrt(-second)
        B = np.eye(T) + root[:, None] * K * root
        b = -second * (eta - offset) + first
        new = b - root * np.linalg.solve(B, root * (K @ b))
        moved = np.abs(offset + K @ new - eta).max()
        eta, pull = offset + K @ new, new
        if moved < 1e-12 * (1 + np.abs(eta).max()):
            break
    _, second, third, fourth = derivatives(y, eta, alpha)
    root = np.sqrt(-second)
    B = np.eye(T) + root[:, None] * K * root
    inner = root[:, None] * np.linalg.inv(B) * root
    V = K - K @ inner @ K
    cross = S @ X.T - S @ X.T @ inner @ K
    pulled = third * np.diag(V)
    gain = (fourth * np.diag(V) ** 2).sum() / 8 + pulled @ V @ pulled / 8 + third @ V**3 @ third / 12
    log_marginal = log_likelihood(y, eta, alpha) - 0.5 * pull @ (eta - offset) - 0.5 * np.linalg.slogdet(B)[1] + gain
    beta_cov = S - S @ X.T @ inner @ X @ S
    return Node(log_marginal, S @ X.T @ pull + cross @ pulled / 2, beta_cov, eta + V @ pulled / 2, V)


def fit(y, X, offset, beta_prior_sd, prior_scale=(0.5, 0.5), points=16):
    """Posterior mean and sd of beta by Gauss-Legendre over the whole prior: rho in (0, 1), sigma and
    alpha in (0, 4.5 prior scales). Returns also the log marginal likelihood."""
    x, w = np.polynomial.legendre.leggauss(points)
    x, w = (x + 1) / 2, w / 2
    logs, means, variances = [], [], []
    for rho, w_rho in zip(x, w, strict=True):
        for u, w_sigma in zip(x, w, strict=True):
            for v, w_alpha in zip(x, w, strict=True):
                sigma, alpha = 4.5 * prior_scale[0] * u, 4.5 * prior_scale[1] * v
                part = node(y, X, offset, beta_prior_sd, rho, sigma, alpha)
                prior = 2 * np.log(2 / np.sqrt(2 * np.pi)) + 2 * np.log(4.5) - 0.5 * (4.5 * u) ** 2 - 0.5 * (4.5 * v) ** 2
                logs.append(part.log_marginal + prior + np.log(w_rho * w_sigma * w_alpha))
                means.append(part.beta_mean)
                variances.append(np.diag(part.beta_cov))
    logs, means, variances = np.array(logs), np.array(means), np.array(variances)
    weights = np.exp(logs - logs.max())
    evidence = np.log(weights.sum()) + logs.max()
    weights /= weights.sum()
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2)), evidence
