"""Regression with ARIMA errors on counts: the Box–Tiao intervention model, a companion of the default."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from statsmodels.tsa.statespace.sarimax import SARIMAX

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths, list_gaps
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
from gvi_eval.estimators._simulated import (
    DIFFUSE,
    Scale,
    ScaleName,
    SimulatedPaths,
    Top,
    autocovariances,
    find_top,
    note_small,
    orthogonal,
    require_scale,
    scale_of,
    weigh,
)
from gvi_eval.panel import Panel

CANDIDATES = ((0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 0, 1), (1, 0, 1))
NO_SEASON = (0, 0, 0, 0)
FARTHEST = 50.0  # of an unconstrained parameter: a partial autocorrelation of 0.9998


@dataclass(frozen=True)
class Arima:
    """Regression of counts with ARIMA errors: a step, ramp, pulse or step and slope, beside trend and season.

    z_t = loading_t x_t' β + u_t + ε_t        u ~ ARIMA(``order``)(``seasonal_order``), ε_t ~ N(0, Poisson noise)

    z is the root √(y + ¼) or, with ``scale`` = log, log((y + ½)/exposure); loading is √exposure or 1. The Poisson noise is
    known (¼, or 1/mean on logs), so it is not left to the ARIMA to explain: under it autocorrelated shocks would look like
    white noise. β is diffuse in the state, so the likelihood of the other parameters is the restricted one (REML). Their
    uncertainty is carried along: β is a mixture over parameters about the top of that likelihood (flat on partial
    autocorrelations and on the sd), and the interval has its centre at the point, log Σ factual − log Σ expected, and the
    spread of that mixture.

    ``order`` = auto takes the smallest AICc of (0,0,0), (1,0,0), (2,0,0), (0,0,1) and (1,0,1); restricted likelihoods of
    differenced series do not compare with these. A differenced series has no mean of its own: its factual path is the
    smoothed level, taken as known, and columns that the differences turn to zero are left out.

    Roots are the default: their squared mean is the mean of a Poisson count within one per cent from 1.5 on, while logs are
    refused for most monthly series of this field; where both can be had, at a mean of 20, simulated size and width were the
    same.

    Assumes that without the programme the series had gone on as before. A trend is straight on the scale of the model, so
    a steady fall by a share of the counts is bent a little on roots. Below a mean of 1 no scale evens the noise, and a note
    says so. Raises `EstimationError` without events on either side, with odd spans, on logs of small counts, and where no
    start of the search leads to a top of the likelihood.

    Sources: Box & Tiao (1975) Intervention analysis with applications to economic and environmental problems, JASA 70(349),
    doi:10.1080/01621459.1975.10480264. Durbin & Koopman (2012) Time Series Analysis by State Space Methods, 2nd ed.,
    doi:10.1093/acprof:oso/9780199641178.001.0001. Hurvich & Tsai (1989) Regression and time series model selection in
    small samples, Biometrika 76(2), doi:10.1093/biomet/76.2.297.
    """

    name: ClassVar[str] = "arima"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    order: tuple[int, int, int] | Literal["auto"] = (1, 0, 0)
    seasonal_order: tuple[int, int, int, int] = NO_SEASON
    scale: ScaleName = "sqrt"
    change: Change = "level"
    trend: bool = True
    season: Season = "default"
    ramp: int = 0
    adjust: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if self.order != "auto":
            _require_order("order", self.order, 3)
        _require_order("seasonal_order", self.seasonal_order, 4)
        if self.order == "auto" and self.seasonal_order != NO_SEASON:
            raise StudyError("order = 'auto' of arima has no seasonal part; set both orders, or leave seasonal_order out")
        if any(self.seasonal_order[:3]) and self.seasonal_order[3] < 2:
            raise StudyError(
                f"seasonal_order of arima is {self.seasonal_order}; its last number is the periods of a year, such as 12"
            )

    def estimate(self, panel: Panel) -> Effect:
        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        known = require_series(panel, unit, self.name)
        notes = require_both_sides(panel, unit, known) + list_gaps(panel, unit)
        counts = panel.values[unit].to_numpy(dtype=float)
        scale = scale_of(self.scale, panel.exposure[unit].to_numpy(dtype=float), self.name)
        require_scale(self.scale, counts[known], unit)
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
        after = np.asarray(panel.periods >= onset)
        lower = min((counts[known & side] for side in (after, ~after)), key=np.mean)
        means = np.where(after, np.nanmean(counts[after]), np.nanmean(counts[~after]))
        orders = CANDIDATES if self.order == "auto" else (self.order,)
        fits = [_Fit(unit, counts, means, scale, columns, order, self.seasonal_order) for order in orders]
        chosen = min(fits, key=lambda fit: fit.aicc) if len(fits) > 1 else fits[0]
        paths = chosen.paths
        return effect_from_paths(
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
            notes=(*note_small(lower, unit), *notes),
            details=chosen.details | ({"aicc": {str(fit.order): fit.aicc for fit in fits}} if len(fits) > 1 else {}),
            level=self.level,
        )


@dataclass(frozen=True, eq=False)
class _Fit:
    """One order on one series. ``means`` (period,) are the rough means that set the Poisson noise."""

    unit: str
    counts: np.ndarray
    means: np.ndarray
    scale: Scale
    columns: Design
    order: tuple[int, int, int]
    seasonal_order: tuple[int, int, int, int]

    @property
    def integrated(self) -> bool:
        return self.order[1] + self.seasonal_order[1] > 0

    @cached_property
    def kept(self) -> np.ndarray:
        """Positions of the columns that the differences leave."""
        if not self.integrated:
            return np.arange(len(self.columns.names))
        differenced = _differenced(self.columns.factual, self.order[1], self.seasonal_order)
        kept = np.flatnonzero(np.abs(differenced).max(axis=0, initial=0) > 1e-9)
        rank = np.linalg.matrix_rank(differenced[:, kept]) if len(kept) else 0
        if not len(kept) or kept[-1] < len(self.columns.names) - 1 or rank < len(kept):
            raise EstimationError(
                f"the differences of order {self.order}{self.seasonal_order} leave the columns of {self.unit} "
                f"({', '.join(self.columns.names)}) no change of their own; lower the differences, or leave out trend or season"
            )
        return kept

    @cached_property
    def loaded(self) -> np.ndarray:
        """The columns on the scale, shape (period, kept)."""
        return (self.columns.factual * self.scale.loading[:, None])[:, self.kept]

    @cached_property
    def plain(self) -> tuple[np.ndarray, np.ndarray]:
        """Least squares without any time-series structure: coefficients (kept,) and residuals (period,)."""
        z, columns = self.scale.of(self.counts), self.loaded
        known = ~np.isnan(z)
        beta = np.linalg.lstsq(columns[known], z[known])[0]
        return beta, z - columns @ beta

    @cached_property
    def turned(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns for the filter, and the matrix that takes their coefficients back."""
        return orthogonal(self.loaded, ~np.isnan(self.counts))

    @cached_property
    def model(self) -> SARIMAX:
        """statsmodels' form of the residuals: coefficients diffuse in the state, Poisson noise in the measurement."""
        model = SARIMAX(
            self.plain[1],
            exog=self.turned[0],
            order=self.order,
            seasonal_order=self.seasonal_order,
            mle_regression=False,
            loglikelihood_burn=0,
        )
        model.initialize_default(approximate_diffuse_variance=DIFFUSE * self.spread**2)
        model.ssm["obs_cov"] = self.scale.poisson_noise(self.means)[None, None, :]
        return model

    @cached_property
    def spread(self) -> float:
        """Residual sd, of the differences if there are any: the unit of the sd of the shocks."""
        residual = _differenced(self.plain[1], self.order[1], self.seasonal_order)
        residual = residual[~np.isnan(residual)]
        noise = np.sqrt(self.scale.poisson_noise(self.means).mean())
        return float(max(np.sqrt(residual @ residual / max(len(residual) - len(self.kept), 1)), noise / 2))

    def log_posterior(self, place: np.ndarray) -> float:
        """Restricted log likelihood plus the log density of flat partial autocorrelations, at unconstrained parameters."""
        if np.abs(place).max() > FARTHEST:
            return -1e6 * np.abs(place).max()
        self._set(place)
        return float(self.model.ssm.loglike()) - 1.5 * np.log1p(place[:-1] ** 2).sum()

    def _set(self, place: np.ndarray) -> None:
        self.model.update(np.append(place[:-1], place[-1] * self.spread), transformed=False)

    @cached_property
    def top(self) -> Top:
        size = self.model.k_params
        starts = [np.append(np.full(size - 1, other), sd) for other, sd in ((0.3, 0.6), (1.0, 0.3), (0.0, 0.1), (-0.3, 0.9))]
        return find_top(self.log_posterior, starts, self.unit, sds=(size - 1,))

    @property
    def aicc(self) -> float:
        """−2 restricted log likelihood + 2k n/(n − k − 1), k the parameters of the noise, n the figures beyond the columns."""
        figures = int((~np.isnan(self.counts)).sum()) - len(self.kept)
        parameters = len(self.top.place)
        likelihood = self.top.height + 1.5 * np.log1p(self.top.place[:-1] ** 2).sum()
        return float(-2 * likelihood + 2 * parameters * figures / max(figures - parameters - 1, 1))

    def _coefficients(self, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Generalised least squares of β and its covariance: the last state of the filter, which has seen every figure."""
        self._set(place)
        filtered = self.model.ssm.filter()
        mine = slice(-len(self.kept), None)
        beta, back = self.plain[0], self.turned[1]
        mean, covariance = filtered.predicted_state[mine, -1], filtered.predicted_state_cov[mine, mine, -1]
        return beta + back @ mean, back @ covariance @ back.T

    def _shocks(self, place: np.ndarray) -> np.ndarray:
        """Autocovariances of u at every lag of the series."""
        self._set(place)
        block = slice(0, self.model.k_states - len(self.kept))
        transition = self.model.ssm["transition"]
        transition = transition[:, :, 0] if transition.ndim == 3 else transition
        selection = self.model.ssm["selection"]
        selection = selection[:, :, 0] if selection.ndim == 3 else selection
        variance = float(np.atleast_2d(self.model.ssm["state_cov"])[0, 0])
        return autocovariances(transition[block, block], selection[block, 0], variance, len(self.counts))

    def _level(self, place: np.ndarray) -> np.ndarray:
        """The smoothed signal with the programme, shape (period,)."""
        self._set(place)
        smoothed = self.model.ssm.smooth()
        return self.loaded @ self.plain[0] + np.einsum("it,it->t", smoothed.design[0], smoothed.smoothed_state)

    @cached_property
    def paths(self) -> SimulatedPaths:
        weighed = weigh(self.log_posterior, self.top, self.unit, sds=(self.model.k_params - 1,))
        known = np.flatnonzero(~np.isnan(self.counts))
        loading = self.scale.loading[:, None]
        factual, expected = self.loaded, self.columns.expected[:, self.kept] * loading
        base = np.zeros(len(self.counts))
        if self.integrated:
            base, expected = self._level(self.top.place), expected - factual
            factual = np.zeros_like(expected)
        centre = self._coefficients(self.top.place)
        variance = np.einsum("ti,ij,tj->t", factual, centre[1], factual)
        each = [self._coefficients(place) for place in weighed.points]
        return SimulatedPaths(
            scale=self.scale,
            smear=self.scale.smear(self.counts[known], (base + factual @ centre[0])[known], variance[known], known),
            shares=weighed.shares,
            means=np.array([mean for mean, _ in each]),
            covariances=np.array([covariance for _, covariance in each]),
            factual_map=factual,
            expected_map=expected,
            base=base,
            excess=np.zeros(len(each)),
            shocks=None if self.integrated else np.array([self._shocks(place) for place in weighed.points]),
            centre=centre,
        )

    @property
    def details(self) -> dict[str, object]:
        mean, covariance = self.paths.centre
        names = [self.columns.names[column] for column in self.kept]
        self._set(self.top.place)
        place = np.append(self.top.place[:-1], self.top.place[-1] * self.spread)
        parameters = np.asarray(self.model.transform_params(place), dtype=float)
        return {
            "order": list(self.order),
            "seasonal_order": list(self.seasonal_order),
            "scale": self.scale.name,
            "coefficients": dict(zip(names, mean.tolist(), strict=True)),
            "standard_errors": dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
            "parameters": dict(zip(self.model.param_names, parameters.tolist(), strict=True)),
            "smearing": self.paths.smear,
            "parameter_sets": float(1 / (self.paths.shares**2).sum()),
            "figures": int((~np.isnan(self.counts)).sum()),
        }


def _differenced(columns: np.ndarray, times: int, seasonal_order: tuple[int, int, int, int]) -> np.ndarray:
    for _ in range(times):
        columns = columns[1:] - columns[:-1]
    for _ in range(seasonal_order[1]):
        columns = columns[seasonal_order[3] :] - columns[: -seasonal_order[3]]
    return columns


def _require_order(setting: str, order: object, length: int) -> None:
    numbers = isinstance(order, tuple) and len(order) == length
    if not numbers or not all(isinstance(part, int) and not isinstance(part, bool) and part >= 0 for part in order):
        raise StudyError(
            f"{setting} of arima is {order!r}; give {length} whole numbers of zero or more, such as {(1, 0, 0, 12)[:length]}"
        )
