"""Segmented regression of counts: the trend before, carried on, against the level after."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from gvi_eval.effect import Counterfactual, Effect, Mixture, effect_from_paths, list_gaps
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import (
    Change,
    Design,
    Season,
    design,
    require_both_sides,
    require_counts,
    require_full_rank,
    require_level,
    require_series,
)
from gvi_eval.panel import Panel

ALPHA_RANGE = (1e-8, 20.0)  # dispersion of NB2: the lower end is a Poisson for every purpose


@dataclass(frozen=True)
class Segmented:
    """Generalised linear model of counts with a change at the start.

    log E[y_t] = log exposure_t + x_t' β, Poisson or NB2 score equations. Covariances of β, with
    A = Σ μ x x' and Pearson residuals r_t:

    model       A⁻¹ (poisson), φ A⁻¹ with φ = Σ r² / (n − p) (quasipoisson), the NB2 information (nb2)
    ar1         φ A⁻¹ X' D^½ R D^½ X A⁻¹ with D = diag μ and R[s, t] = r̂^|s − t|,
                r̂ = clip(r₁ + (1 + p)/n + 3 r₁/n, 0, 0.95); t on max(n (1 − r̂)/(1 + r̂) − p, 2) degrees of freedom
    newey_west  Bartlett kernel over ``lags`` periods; rejects too often on short series, and says so

    The bias correction of the lag-one autocorrelation r₁ and the effective sample size are those of Bence (1995)
    in spirit, tuned by simulation on short count series. Gaps are left out and counted in the distance |s − t|.
    Assumes that without the programme the series had gone on as before; cannot tell the programme from anything else
    that began with it. Raises `EstimationError` without events on either side, with odd spans, or with columns that
    repeat each other.

    Sources: Wagner, Soumerai, Zhang & Ross-Degnan (2002) Segmented regression analysis of interrupted time series
    studies, J. Clin. Pharm. Ther. 27(4), doi:10.1046/j.1365-2710.2002.00430.x. Zeger (1988) A regression model for time
    series of counts, Biometrika 75(4), doi:10.1093/biomet/75.4.621. Bence (1995) Analysis of short time series: correcting
    for autocorrelation, Ecology 76(2), doi:10.2307/1941218. Newey & West (1987) Econometrica 55(3), doi:10.2307/1913610.
    """

    name: ClassVar[str] = "segmented"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    family: Literal["poisson", "quasipoisson", "nb2"] = "quasipoisson"
    covariance: Literal["model", "ar1", "newey_west"] = "ar1"
    quantiles: Literal["default", "normal", "t"] = "default"
    change: Change = "level"
    trend: bool = True
    season: Season = "default"
    ramp: int = 0
    adjust: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    lags: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        for setting, choices in (
            ("family", ("poisson", "quasipoisson", "nb2")),
            ("covariance", ("model", "ar1", "newey_west")),
            ("quantiles", ("default", "normal", "t")),
        ):
            if getattr(self, setting) not in choices:
                raise StudyError(f"{setting} of segmented is {getattr(self, setting)!r}; choose one of {', '.join(choices)}")
        require_level(self.level, self.name)

    def estimate(self, panel: Panel) -> Effect:
        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        known = require_series(panel, unit, self.name)
        notes = require_both_sides(panel, unit, known) + list_gaps(panel, unit)
        columns = design(
            panel,
            unit,
            change=self.change,
            trend=self.trend,
            season=self.season,
            ramp=self.ramp,
            adjust=self.adjust,
            covariates=self.covariates,
        )
        require_full_rank(columns, known, unit)
        counts = panel.values[unit].to_numpy()[known]
        beta, alpha = self._fit(counts, columns, known, unit)
        mean = np.exp(columns.log_exposure + columns.factual @ beta)
        spread = _spread(counts, mean[known], alpha, columns.factual[known], np.flatnonzero(known))
        covariance, dof = self._covariance(counts, mean[known], alpha, columns.factual[known], np.flatnonzero(known), spread)
        paths = self._paths(panel, unit, columns, beta, covariance, alpha, dof, spread.phi)
        return effect_from_paths(
            paths,
            panel.estimand,
            method=self.name,
            unit=unit,
            onset=onset,
            notes=(*self._cautions(), *notes),
            details={
                "coefficients": dict(zip(columns.names, beta.tolist(), strict=True)),
                "standard_errors": dict(zip(columns.names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
                "phi": spread.phi,
                "alpha": alpha,
                "autocorrelation": spread.r1,
                "autocorrelation_used": spread.r_hat,
                "effective_n": spread.n_eff,
                "dof": dof,
                "figures": int(known.sum()),
            },
            level=self.level,
        )

    def _fit(self, counts: np.ndarray, columns: Design, known: np.ndarray, unit: str) -> tuple[np.ndarray, float]:
        """Coefficients, shape (column,), and the NB2 dispersion (0 for the Poisson families)."""
        offset, factual = columns.log_exposure[known], columns.factual[known]
        if self.family != "nb2":
            return _poisson(counts, factual, offset, unit), 0.0
        return _negative_binomial(counts, factual, offset, unit)

    def _covariance(
        self, counts: np.ndarray, mean: np.ndarray, alpha: float, factual: np.ndarray, places: np.ndarray, spread: "_Spread"
    ) -> tuple[np.ndarray, float]:
        """Covariance of the coefficients, shape (column, column), and the degrees of freedom of their quantiles."""
        weight = mean / (1 + alpha * mean)
        bread = np.linalg.inv((factual * weight[:, None]).T @ factual)
        phi = spread.phi if self.family == "quasipoisson" else 1.0
        residual_dof = float(len(counts) - factual.shape[1])
        if self.covariance == "model":
            return phi * bread, residual_dof if self.quantiles == "t" else np.inf
        distance = np.abs(places[:, None] - places[None, :])
        half = factual * np.sqrt(weight)[:, None]
        if self.covariance == "ar1":
            meat = phi * half.T @ (spread.r_hat**distance) @ half
            dof = max(spread.n_eff - factual.shape[1], 2.0)
        else:
            lags = self.lags or int(np.floor(4 * (len(counts) / 100) ** (2 / 9)))
            kernel = np.clip(1 - distance / (lags + 1), 0, None)
            scores = factual * ((counts - mean) / (1 + alpha * mean))[:, None]
            meat, dof = scores.T @ kernel @ scores, residual_dof
        return bread @ meat @ bread, np.inf if self.quantiles == "normal" else dof

    def _paths(
        self,
        panel: Panel,
        unit: str,
        columns: Design,
        beta: np.ndarray,
        covariance: np.ndarray,
        alpha: float,
        dof: float,
        phi: float,
    ) -> Counterfactual:
        noise, dispersion = {"poisson": ("poisson", 0.0), "quasipoisson": ("scaled", phi), "nb2": ("nb2", alpha)}[self.family]
        mixture = Mixture(
            weights=np.ones(1),
            means=beta[None, :],
            covariances=covariance[None, :, :],
            factual_map=columns.factual,
            expected_map=columns.expected,
            offset=columns.log_exposure,
            noise=noise,
            dispersion=np.array([dispersion]),
            dof=dof,
        )
        factual = np.exp(columns.log_exposure + columns.factual @ beta)
        expected = np.exp(columns.log_exposure + columns.expected @ beta)
        return Counterfactual(
            observed=panel.values[unit],
            factual=pd.Series(factual, index=panel.periods),
            expected=pd.Series(expected, index=panel.periods),
            mixture=mixture,
        )

    def _cautions(self) -> tuple[str, ...]:
        if self.covariance == "newey_west":
            return (
                "Newey–West standard errors are too small on series this short, so a 5 % test rejects a true null too often",
            )
        return ()


@dataclass(frozen=True)
class _Spread:
    """How the counts scatter about the fit: dispersion φ, lag-one autocorrelation, and what it leaves of n."""

    phi: float
    r1: float
    r_hat: float
    n_eff: float


def _spread(counts: np.ndarray, mean: np.ndarray, alpha: float, factual: np.ndarray, places: np.ndarray) -> _Spread:
    n, p = factual.shape
    residuals = (counts - mean) / np.sqrt(mean * (1 + alpha * mean))
    phi = float(residuals @ residuals / (n - p))
    neighbours = np.diff(places) == 1
    r1 = float((residuals[1:] * residuals[:-1])[neighbours].sum() / (residuals @ residuals)) if phi > 0 else 0.0
    r_hat = float(np.clip(r1 + (1 + p) / n + 3 * r1 / n, 0, 0.95))
    return _Spread(phi=phi, r1=r1, r_hat=r_hat, n_eff=n * (1 - r_hat) / (1 + r_hat))


def _poisson(counts: np.ndarray, factual: np.ndarray, offset: np.ndarray, unit: str) -> np.ndarray:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    return _solve(GLM(counts, factual, family=Poisson(), offset=offset), unit)


def _negative_binomial(counts: np.ndarray, factual: np.ndarray, offset: np.ndarray, unit: str) -> tuple[np.ndarray, float]:
    """Coefficients and dispersion that maximise the likelihood; the dispersion is profiled on its log."""
    from scipy.optimize import minimize_scalar
    from statsmodels.genmod.families import NegativeBinomial
    from statsmodels.genmod.generalized_linear_model import GLM

    def model(alpha: float) -> GLM:
        return GLM(counts, factual, family=NegativeBinomial(alpha=alpha), offset=offset)

    def deviance(log_alpha: float) -> float:
        candidate = model(float(np.exp(log_alpha)))
        return -candidate.loglike(_solve(candidate, unit))

    bounds = tuple(np.log(ALPHA_RANGE))
    best = minimize_scalar(deviance, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    alpha = float(np.exp(best.x)) if best.fun < deviance(bounds[0]) else ALPHA_RANGE[0]
    return _solve(model(alpha), unit), alpha


def _solve(model: Any, unit: str) -> np.ndarray:
    """Maximum-likelihood coefficients, shape (column,); raises where the iterations do not settle."""
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerfectSeparationWarning)  # a perfect fit is no fault, and a runaway is refused below
        result = model.fit(maxiter=200, tol=1e-12, tol_criterion="params")
    if not result.converged or not np.isfinite(result.params).all():
        raise EstimationError(
            f"the regression of {unit} does not settle, so some coefficient runs off to infinity (a season or an event "
            "without a single count); use fewer seasonal columns or coarser periods"
        )
    return np.asarray(result.params)
