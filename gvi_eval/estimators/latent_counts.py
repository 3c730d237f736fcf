"""Counts with a hidden autocorrelated level: the calibrated default for one series, odd spans included."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.effect import (
    DRAWS,
    SEED,
    Counterfactual,
    Effect,
    component_counts,
    effect_from_paths,
    list_gaps,
    noisy_counts,
    quantiles,
    square_root,
)
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._design import Change, Design, Season, design, few_points, require_counts, require_full_rank
from gvi_eval.intervals import IntervalKind
from gvi_eval.panel import Panel

if TYPE_CHECKING:
    from gvi_eval.estimators._laplace import LatentFit

INTERCEPT_SD = 10.0
COEFFICIENT_SD = 2.5
NOT_IDENTIFIED = 0.1  # nats from prior to posterior, below which the figures have said next to nothing
HYPERPARAMETERS = ("rho", "sigma", "alpha")


@dataclass(frozen=True)
class LatentCounts:
    """Negative binomial counts with a latent AR(1), fitted by nested Laplace with adaptive quadrature.

    y_i ~ NB2(m_i, α_i), m = C exp(η), η_t = log exposure_t + x_t' β + u_t, u a stationary AR(1) with sd σ and
    correlation ρ; C says how much of each period figure i covers, C = I for a complete series. Extra variation is
    independent between periods, so a span's dispersion is α Σ(cμ)²/(Σcμ)²; with ``one_alpha`` it is α for every span.

    Priors: ρ ~ U(0, 1); σ, α ~ HalfNormal(``prior_scale``); coefficients N(0, 2.5²) with time zero at the start and
    divided by the number of periods; intercept N(0, 10²) on the log of the mean count, so that the unit of exposure does
    not matter. The default scale 0.5 must not be tightened: narrower priors reject true nulls too often.

    The interval is the posterior of log(Σ factual / Σ expected), a mixture of normals over the quadrature points, exact
    for a level change up to the Laplace approximation. Deterministic: reruns give the same bytes. No free season on
    spans: it would have to come from a monthly series that does not hold the unit. Where the figures do not identify σ and
    α, a note says that the width rests on the prior.

    Sources: Rue, Martino & Chopin (2009) Approximate Bayesian inference for latent Gaussian models by using integrated
    nested Laplace approximations, J. R. Stat. Soc. B 71(2), doi:10.1111/j.1467-9868.2008.00700.x. Thompson & Baker (1981)
    Composite link functions in generalized linear models, doi:10.2307/2346381. Eilers (2007) Ill-posed problems with
    counts, the composite link model and penalized likelihood, doi:10.1177/1471082X0700700302.
    """

    name: ClassVar[str] = "latent_counts"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    change: Change = "level"
    trend: bool = True
    season: Season = "default"
    ramp: int = 0
    adjust: tuple[str, ...] = ()
    prior_scale: float = 0.5
    one_alpha: bool = False
    level: float = 0.95

    def estimate(self, panel: Panel) -> Effect:
        from gvi_eval.estimators._laplace import fit

        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        counts, matrix = panel.observations(unit)
        spans = bool(panel.spans(unit))
        notes = _require_both_sides(panel, unit, counts, matrix)
        columns = design(
            panel,
            unit,
            change=self.change,
            trend=self.trend,
            season=_season_of(self.season, spans, unit),
            ramp=self.ramp,
            adjust=self.adjust,
        )
        require_full_rank(columns, matrix.sum(axis=0) > 0, unit)
        # The intercept is then the log of a mean count, whatever the unit of exposure.
        offset = columns.log_exposure - columns.log_exposure.mean()
        prior = np.where(np.arange(len(columns.names)) == 0, INTERCEPT_SD, COEFFICIENT_SD)
        identity = np.array_equal(matrix, np.eye(matrix.shape[1]))
        posterior = fit(
            counts,
            columns.factual,
            offset,
            prior,
            C=None if identity else matrix,
            prior_scale=(self.prior_scale, self.prior_scale),
            one_alpha=self.one_alpha,
        )
        paths = LatentPaths(posterior, columns, offset)
        weak = _rests_on_prior(posterior)
        effect = effect_from_paths(
            Counterfactual(
                observed=panel.values[unit],
                factual=pd.Series(paths.factual, index=panel.periods),
                expected=pd.Series(paths.expected, index=panel.periods),
                mixture=paths,
            ),
            panel.estimand,
            method=self.name,
            unit=unit,
            onset=onset,
            notes=(*weak, *notes, *list_gaps(panel, unit)),
            details=_details(columns, posterior, len(counts)),
            level=self.level,
        )
        return replace(effect, rests_on_prior=bool(weak))


@dataclass(frozen=True, eq=False)
class LatentPaths:
    """Both paths under the posterior of coefficients and latent level: the distribution behind an effect.

    log factual = offset + X β + u and log expected = offset + X₀ β + u, with X₀ the design without the programme.
    """

    posterior: "LatentFit"
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
        dispersion = self.posterior.hyper[component, 2] * (shares**2).sum()
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


def _season_of(season: Season, spans: bool, unit: str) -> Season:
    """Spans cannot carry a free season: the default is then none, and one that was asked for is an error."""
    if not spans:
        return season
    if season not in ("default", "none"):
        raise EstimationError(
            f"{unit} is published for odd spans, which cannot tell a season from a change; set season to 'none', or take the "
            "season from a monthly series that does not hold the unit"
        )
    return "none"


def _require_both_sides(panel: Panel, unit: str, counts: np.ndarray, matrix: np.ndarray) -> tuple[str, ...]:
    """Figures on both sides and events before, or an error; few points give a note."""
    onset = panel.onsets[unit]
    is_after = np.asarray(panel.periods >= onset)
    share_after = matrix[:, is_after].sum(axis=1) / np.maximum(matrix.sum(axis=1), 1e-300)
    before, after = share_after < 1, share_after > 0
    for side, word in ((before, "before"), (after, "after")):
        if not side.any():
            raise EstimationError(f"{unit} has no figure {word} the start {onset}; widen the baseline or move the start")
    if counts[before].sum() == 0:
        raise EstimationError(
            f"{unit} recorded no events before the start {onset}, so its ratio is undefined; widen the baseline"
        )
    return few_points(int((share_after <= 0.5).sum()), int((share_after > 0.5).sum()), unit)


def _rests_on_prior(posterior: "LatentFit") -> tuple[str, ...]:
    weak = [name for name, nats in zip(HYPERPARAMETERS, posterior.divergence, strict=True) if nats < NOT_IDENTIFIED]
    if not {"sigma", "alpha"} & set(weak):
        return ()
    return (
        f"the width rests on the prior: the figures say next to nothing about {' and '.join(weak)} "
        f"(less than {NOT_IDENTIFIED:g} nats); see the rows with halved and doubled prior scales",
    )


def _details(columns: Design, posterior: "LatentFit", figures: int) -> dict[str, object]:
    mean, sd = posterior.mean_and_sd()
    named = zip(HYPERPARAMETERS, posterior.hyper_mean, posterior.hyper_sd, posterior.divergence, strict=True)
    return {
        "coefficients": dict(zip(columns.names, mean.tolist(), strict=True)),
        "standard_deviations": dict(zip(columns.names, sd.tolist(), strict=True)),
        "hyperparameters": {
            name: {"mean": float(m), "sd": float(s), "nats_from_prior": float(nats)} for name, m, s, nats in named
        },
        "log_marginal_likelihood": posterior.log_marginal_likelihood,
        "components": len(posterior.weights),
        "certificate": {"largest_slope": posterior.slope, "lattice_gap": posterior.lattice_gap},
        "figures": figures,
    }
