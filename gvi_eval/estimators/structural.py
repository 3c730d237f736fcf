"""A structural time series of the baseline, with donors as regressors, carried on past the start."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from statsmodels.tsa.statespace.initialization import Initialization
from statsmodels.tsa.statespace.structural import UnobservedComponents

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths, list_gaps
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._design import (
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
    find_top,
    note_small,
    orthogonal,
    require_scale,
    scale_of,
    weigh,
)
from gvi_eval.panel import Panel

PRIOR_SDS = np.array([1.0, 0.07, 1.0])  # scales of the sds of noise, level and donors, in residual sds
LEVEL_TAIL = 3.0  # degrees of freedom of the half-t of the level
FEWEST_BEYOND = 5  # figures before the start beyond the coefficients, for three variances


@dataclass(frozen=True)
class Structural:
    """A local level with trend, season and donors, fitted before the start and forecast after it.

    z_t = loading_t (μ_t + x_t' β + d_t' δ) + ε_t        μ_t = μ_{t−1} + η_t, η ~ N(0, σ_η²), ε ~ N(0, Poisson noise + σ_ε²)

    z is √(y + ¼), or log((y + ½)/exposure) with ``scale`` = log; loading is √exposure, or 1. d are the rates of the donors
    on the same scale, each with mean 0 and variance 1 before the start. Their coefficients are δ_j ~ N(0, τ²), and τ is
    estimated with σ_η and σ_ε, so many donors and a short baseline shrink towards no donors instead of a perfect fit; the
    causal impact design of Brodersen et al. with a normal in place of spike and slab, and with the level variance estimated
    and not held near nothing. The likelihood is restricted (μ₀ and β diffuse). In residual sds of z, those of noise and
    donors are half-normal(1), and σ_η is half-t with 3 degrees of freedom and scale 0.07: a baseline of five years cannot
    tell σ_η from nothing, and a wider scale lets the walk make every forecast useless, a narrower one rejects true nulls of
    series that do wander; its tail lets a level that moves much say so. Forecasts carry the uncertainty of coefficients, of
    the level, and of the variances.

    The effect is Σ observed / Σ expected with a prediction interval: a forecast of single counts, so wider than an interval
    of means. ``donors``: all, none, or names. A donor without a figure in some period is left out of all with a note, and
    is an error where it was named. One that does not vary before the start is left out with a note. Without donors the
    forecast rests on the treated unit's own past, and its random walk soon makes it wide. Roots are the default ``scale``
    for the reasons given in `Arima`.

    Assumes that the programme left the donors alone and that what tied the unit to them before the start still does. Raises
    `EstimationError` with fewer than 5 figures before the start beyond the coefficients, without events on either side,
    with odd spans, and on logs of small counts, those of a donor included.

    Sources: Harvey (1989) Forecasting, Structural Time Series Models and the Kalman Filter,
    doi:10.1017/CBO9781107049994. Brodersen, Gallusser, Koehler, Remy & Scott (2015) Inferring causal impact using Bayesian
    structural time-series models, Ann. Appl. Stat. 9(1), doi:10.1214/14-AOAS788.
    """

    name: ClassVar[str] = "structural"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    donors: Literal["all", "none"] | tuple[str, ...] = "all"
    scale: ScaleName = "sqrt"
    trend: bool = True
    season: Season = "default"
    adjust: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        if self.donors not in ("all", "none") and not (isinstance(self.donors, tuple) and self.donors):
            raise StudyError(f"donors of structural is {self.donors!r}; choose all, none or a list of units")

    def estimate(self, panel: Panel) -> Effect:
        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        known = require_series(panel, unit, self.name)
        notes = require_both_sides(panel, unit, known) + list_gaps(panel, unit)
        counts = panel.values[unit].to_numpy(dtype=float)
        before = np.asarray(panel.periods < onset)
        scale = scale_of(self.scale, panel.exposure[unit].to_numpy(dtype=float), self.name)
        require_scale(self.scale, counts[known & before], unit)
        fixed = self._fixed(panel, unit, known & before)
        chosen = self._chosen(panel)
        donors = pd.DataFrame({name: _regressor(panel, name, self.scale, before) for name in chosen.used}, index=panel.periods)
        still = [name for name in donors if donors[name].isna().any()]
        notes += chosen.notes + tuple(f"the donor {name} does not vary before {onset} and is left out" for name in still)
        fit = _Fit(unit, counts, scale, fixed, donors.drop(columns=still), int(before.sum()))
        paths = fit.paths
        return effect_from_paths(
            Counterfactual(observed=panel.values[unit], expected=pd.Series(paths.expected, index=panel.periods), mixture=paths),
            panel.estimand,
            method=self.name,
            unit=unit,
            onset=onset,
            notes=(*note_small(counts[known & before], unit), *notes),
            details=fit.details,
            level=self.level,
        )

    def _fixed(self, panel: Panel, unit: str, known: np.ndarray) -> Design:
        """The columns whose coefficients are free, beside the level; they have to be told apart before the start."""
        both = design(
            panel,
            unit,
            change="level",
            trend=self.trend,
            season=self.season,
            ramp=0,
            adjust=self.adjust,
            covariates=self.covariates,
        )
        names, columns = both.names[:-1], both.expected[:, :-1]
        fixed = Design(names, columns, columns, both.log_exposure)
        if known.sum() < len(names) + FEWEST_BEYOND:
            raise EstimationError(
                f"{unit} has {int(known.sum())} figures before the start {panel.onsets[unit]} for {len(names)} coefficients "
                f"({', '.join(names)}) and the variances; structural needs {len(names) + FEWEST_BEYOND}: widen the baseline, "
                "or leave out season or trend"
            )
        require_full_rank(fixed, known, unit)
        return fixed

    def _chosen(self, panel: Panel) -> "_Donors":
        if self.donors == "none":
            return _Donors((), ())
        if self.donors != "all":
            for name in self.donors:
                if name not in panel.donors:
                    raise StudyError(
                        f"donors of structural names '{name}', which is no donor of the panel; its donors are "
                        f"{', '.join(panel.donors) or 'none'}"
                    )
        asked = sorted(panel.donors if self.donors == "all" else set(self.donors))
        lacking = dict(_lacking(panel, asked))
        if lacking and self.donors != "all":
            name, period = next(iter(lacking.items()))
            raise EstimationError(f"the donor {name} has no figure for {period}; leave it out of donors, or complete its table")
        left_out = tuple(
            f"the donor {name} is left out, because it has no figure for {period}" for name, period in lacking.items()
        )
        return _Donors(tuple(name for name in asked if name not in lacking), left_out)


@dataclass(frozen=True)
class _Donors:
    used: tuple[str, ...]
    notes: tuple[str, ...]


def _lacking(panel: Panel, donors: list[str]) -> Iterator[tuple[str, pd.Period]]:
    """Donors without a figure for some period, and the first such period."""
    for name in donors:
        absent = panel.values[name].isna().to_numpy()
        if absent.any():
            yield name, panel.periods[absent][0]


def _regressor(panel: Panel, donor: str, scale: ScaleName, before: np.ndarray) -> np.ndarray:
    """The rate of a donor on the scale, with mean 0 and variance 1 before the start; NaN where it does not vary there."""
    counts = panel.values[donor].to_numpy(dtype=float)
    require_scale(scale, counts[before], donor)
    own = scale_of(scale, panel.exposure[donor].to_numpy(dtype=float), "structural")
    rate = own.of(counts) / own.loading
    centred = rate - rate[before].mean()
    sd = np.sqrt((centred[before] ** 2).mean())
    return centred / sd if sd > 1e-9 * np.abs(rate[before]).max() else np.full(len(counts), np.nan)


@dataclass(frozen=True, eq=False)
class _Fit:
    """The model on one baseline of ``length`` periods. Parameters are the sds of noise, level and donors, in their scales."""

    unit: str
    counts: np.ndarray
    scale: Scale
    fixed: Design
    donors: pd.DataFrame
    length: int

    @property
    def free(self) -> int:
        return len(self.fixed.names)

    @property
    def known(self) -> np.ndarray:
        """Which periods have a figure before the start, shape (period,)."""
        return ~np.isnan(self.counts) & (np.arange(len(self.counts)) < self.length)

    @cached_property
    def turned(self) -> tuple[np.ndarray, np.ndarray]:
        """Free columns for the filter, the level first, and the matrix that takes their coefficients back."""
        return orthogonal(self.fixed.factual, self.known)

    @cached_property
    def columns(self) -> np.ndarray:
        """Loadings of the state, shape (period, state): level, free columns, donors."""
        return np.column_stack([self.turned[0], self.donors.to_numpy()]) * self.scale.loading[:, None]

    @cached_property
    def plain(self) -> tuple[np.ndarray, np.ndarray]:
        """Least squares of z on the level and the free columns before the start: their coefficients and the residuals there."""
        z, columns = self.scale.of(self.counts), self.columns[:, : self.free]
        beta = np.linalg.lstsq(columns[self.known], z[self.known])[0]
        return beta, (z - columns @ beta)[: self.length]

    @cached_property
    def model(self) -> UnobservedComponents:
        """statsmodels' local level of the residuals before the start, with the regressors in the state."""
        model = UnobservedComponents(
            self.plain[1],
            level="local level",
            exog=self.columns[: self.length, 1:] if self.columns.shape[1] > 1 else None,
            mle_regression=False,
            loglikelihood_burn=0,
        )
        model.ssm.initialization = Initialization(self.columns.shape[1])
        model.ssm.initialization.set(
            (0, self.free), "approximate_diffuse", approximate_diffuse_variance=DIFFUSE * self.spread**2
        )
        model.ssm["design"] = np.ascontiguousarray(self.columns[: self.length].T)[None, :, :]
        return model

    @cached_property
    def noise(self) -> float:
        """The variance of Poisson noise before the start."""
        return float(self.scale.poisson_noise(np.array([self.counts[self.known].mean()]))[0])

    @cached_property
    def spread(self) -> float:
        """Residual sd about the free columns: the unit of every sd."""
        residual = self.plain[1][self.known[: self.length]]
        return float(max(np.sqrt(residual @ residual / (len(residual) - self.free)), np.sqrt(self.noise) / 2))

    def log_posterior(self, place: np.ndarray) -> float:
        """Restricted log likelihood plus the log density of the sds: half-normal, that of the level half-t."""
        self._set(place)
        of_level = -(LEVEL_TAIL + 1) / 2 * np.log1p(place[1] ** 2 / LEVEL_TAIL)
        return float(self.model.ssm.loglike() + of_level - (place[0] ** 2 + (place[2:] ** 2).sum()) / 2)

    def _variances(self, place: np.ndarray) -> np.ndarray:
        """Of noise beyond Poisson, level and donors, shape (parameter,)."""
        return (place * self.spread * PRIOR_SDS[: len(place)]) ** 2

    def _set(self, place: np.ndarray) -> None:
        variances = self._variances(place)
        self.model.update(np.array([self.noise + variances[0], variances[1]]))
        if len(self.donors.columns):
            prior = variances[2] * np.eye(len(self.donors.columns))
            self.model.ssm.initialization.set(self._shrunk, "known", stationary_cov=prior)

    @property
    def _shrunk(self) -> tuple[int, int]:
        return self.free, self.columns.shape[1]

    @cached_property
    def top(self) -> Top:
        sizes = ((0.7, 0.5, 0.2), (0.3, 5.0, 0.5), (0.9, 1.5, 0.05), (0.1, 0.1, 0.1))
        parameters = 2 + (len(self.donors.columns) > 0)
        starts = [np.array(start[:parameters]) for start in sizes]
        return find_top(self.log_posterior, starts, self.unit, sds=tuple(range(parameters)))

    def _signal(self, place: np.ndarray, within: tuple[np.ndarray, np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean (period,) and covariance (period, period) of the signal; periods before the start only have variances."""
        self._set(place)
        filtered = self.model.ssm.smooth() if within is None else self.model.ssm.filter()
        n, length = len(self.counts), self.length
        mean, covariance = np.empty(n), np.zeros((n, n))
        if within is None:
            baseline = self.columns[:length]
            within = (
                baseline[:, : self.free] @ self.plain[0] + np.einsum("ti,it->t", baseline, filtered.smoothed_state),
                np.einsum("ti,ijt,tj->t", baseline, filtered.smoothed_state_cov, baseline),
            )
        mean[:length], covariance[np.arange(length), np.arange(length)] = within
        ahead, loading = self.columns[length:], self.scale.loading[length:]
        mean[length:] = ahead[:, : self.free] @ self.plain[0] + ahead @ filtered.predicted_state[:, -1]
        steps = np.arange(n - length)
        walk = self._variances(place)[1] * np.minimum(steps[:, None], steps[None, :]) * np.outer(loading, loading)
        covariance[length:, length:] = ahead @ filtered.predicted_state_cov[:, :, -1] @ ahead.T + walk
        return mean, covariance

    @cached_property
    def paths(self) -> SimulatedPaths:
        weighed = weigh(self.log_posterior, self.top, self.unit, sds=tuple(range(len(self.top.place))))
        centre = self._signal(self.top.place)
        within = centre[0][: self.length], np.diag(centre[1])[: self.length]
        each = [self._signal(place, within) for place in weighed.points]
        known = np.flatnonzero(self.known)
        return SimulatedPaths(
            scale=self.scale,
            smear=self.scale.smear(self.counts[known], within[0][known], within[1][known], known),
            shares=weighed.shares,
            means=np.array([mean for mean, _ in each]),
            covariances=np.array([covariance for _, covariance in each]),
            expected_map=np.eye(len(self.counts)),
            base=np.zeros(len(self.counts)),
            excess=np.array([self._variances(place)[0] for place in weighed.points]),
            centre=centre,
            observed=self.counts,
        )

    @property
    def details(self) -> dict[str, object]:
        self._set(self.top.place)
        state = self.model.ssm.filter().predicted_state[:, -1]
        sds = np.sqrt(self._variances(self.top.place))
        return {
            "scale": self.scale.name,
            "standard_deviations": dict(zip(("noise beyond Poisson", "level", "donors"), sds.tolist(), strict=False)),
            "coefficients": dict(
                zip(self.fixed.names, (self.turned[1] @ (self.plain[0] + state[: self.free])).tolist(), strict=True)
            ),
            "donors": dict(zip(self.donors.columns, state[self.free :].tolist(), strict=True)),
            "smearing": self.paths.smear,
            "parameter_sets": float(1 / (self.paths.shares**2).sum()),
            "figures_before": int(self.known.sum()),
        }
