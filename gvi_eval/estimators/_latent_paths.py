"""Both paths of a latent count model: what its posterior says about any sum of months, with and without the programme."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import special

from gvi_eval.effect import DRAWS, SEED, component_counts, noisy_counts, quantiles, square_root
from gvi_eval.estimators._design import Design
from gvi_eval.intervals import IntervalKind


class LatentPosterior(Protocol):
    """A mixture of K normals for the coefficients (p,) and the latent level of the treated unit (T,)."""

    weights: np.ndarray
    beta_mean: np.ndarray
    beta_cov: np.ndarray

    @property
    def dispersion(self) -> np.ndarray:
        """NB2 dispersion of the treated unit's counts in each component, shape (K,)."""
        ...

    def level(self) -> np.ndarray:
        """Posterior mean of the latent level, shape (T,)."""
        ...

    def project(self, maps: np.ndarray, joint: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Mean (K, m) and covariance (K, m, m), or variance (K, m), of linear maps (m, p + T) of both."""
        ...


@dataclass(frozen=True, eq=False)
class LatentPaths:
    """Both paths under the posterior of coefficients and latent level: the distribution behind an effect.

    log factual = offset + X β + u and log expected = offset + X₀ β + u, with X₀ the design without the programme.
    """

    posterior: LatentPosterior
    columns: Design
    offset: np.ndarray
    dof: float = np.inf

    @property
    def kind(self) -> IntervalKind:
        return "posterior"

    @property
    def weights(self) -> np.ndarray:
        return self.posterior.weights

    @cached_property
    def _level(self) -> np.ndarray:
        """Posterior mean of the latent level, shape (period,)."""
        return self.posterior.level()

    @property
    def factual(self) -> np.ndarray:
        """exp of the posterior mean of log factual, shape (period,)."""
        return np.exp(self.offset + self.columns.factual @ (self.weights @ self.posterior.beta_mean) + self._level)

    @property
    def expected(self) -> np.ndarray:
        return np.exp(self.offset + self.columns.expected @ (self.weights @ self.posterior.beta_mean) + self._level)

    def log_ratio(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of log(Σ factual / Σ expected) in each component; one gradient, at the posterior mean, for all."""
        base = (self.offset + self._level)[rows]
        log_f, log_e = (base + self.posterior.beta_mean @ x[rows].T for x in (self.columns.factual, self.columns.expected))
        means = special.logsumexp(log_f, axis=1) - special.logsumexp(log_e, axis=1)
        share_f, share_e = (special.softmax(self.weights @ path) for path in (log_f, log_e))
        on_beta = share_f @ self.columns.factual[rows] - share_e @ self.columns.expected[rows]
        on_level = np.zeros(len(self.offset))
        on_level[rows] = share_f - share_e
        if np.abs(on_level).max() < 1e-12:
            return means, np.sqrt(np.einsum("i,kij,j->k", on_beta, self.posterior.beta_cov, on_beta))
        _, variances = self.posterior.project(np.concatenate([on_beta, on_level])[None, :], joint=False)
        return means, np.sqrt(np.maximum(variances[:, 0], 0))

    def expected_limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limit of the expected mean, each of shape (period,)."""
        means, variances = self._log_paths_of(self.columns.expected)
        tail = (1 - level) / 2
        lower, upper = (quantiles(p, self.weights, means, np.sqrt(np.maximum(variances, 0))) for p in (tail, 1 - tail))
        return np.exp(self.offset + lower), np.exp(self.offset + upper)

    def totals(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of Σ factual, Σ expected, and the sum of counts without the intervention, each of shape (draw,).

        In each component both logs are taken as jointly normal, with the mean of the sum and the variance of its
        gradient, as sums of lognormals nearly are (Fenton 1960, doi:10.1109/TCOM.1960.1097606).
        """
        random = np.random.default_rng(seed)
        component = np.repeat(np.arange(len(self.weights)), component_counts(self.weights, count))
        logs, shares = self._log_totals(rows)
        means, covariances = logs
        draws = np.empty((count, 2))
        for k in np.unique(component):
            mine = component == k
            draws[mine] = means[k] + random.standard_normal((mine.sum(), 2)) @ square_root(covariances[k]).T
        factual, expected = np.exp(draws).T
        dispersion = self.posterior.dispersion[component] * (shares**2).sum()
        return factual, expected, noisy_counts(expected[:, None], "nb2", dispersion, random)[:, 0]

    def _log_totals(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Means (component, 2) and covariances (component, 2, 2) of log Σ factual and log Σ expected, and each period's
        share of the expected sum."""
        gradients, shares, sums = [], [], []
        for design_ in (self.columns.factual, self.columns.expected):
            means, variances = self._log_paths_of(design_)
            logs = (self.offset + means + variances / 2)[:, rows]
            share = special.softmax(self.weights @ logs)
            on_level = np.zeros(len(self.offset))
            on_level[rows] = share
            gradients.append(np.concatenate([share @ design_[rows], on_level]))
            shares.append(share)
            sums.append(special.logsumexp(logs, axis=1))
        _, covariances = self.posterior.project(np.array(gradients))
        means = np.stack(sums, axis=1) - np.diagonal(covariances, axis1=1, axis2=2) / 2
        return (means, covariances), shares[1]

    def _log_paths_of(self, design_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and variances of X β + u, shape (component, period)."""
        return self.posterior.project(np.hstack([design_, np.eye(len(self.offset))]), joint=False)
