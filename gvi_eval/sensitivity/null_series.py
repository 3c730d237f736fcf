"""Series in which nothing happened: simulated from a fit without a step, or another place put in the treated one's stead."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gvi_eval.estimators._design import design
from gvi_eval.panel import Panel
from gvi_eval.windows import CountWindow

NO_EXTRA = 1e-9  # dispersion below which counts are Poisson


@dataclass(frozen=True, eq=False)
class NullFit:
    """`latent_counts` with a trend and without a step: log mean per period (period,), and hyperparameters (k, 3) by weight."""

    log_mean: np.ndarray
    hyper: np.ndarray
    weights: np.ndarray


def null_fit(panel: Panel) -> NullFit:
    """The treated unit's own figures fitted with level, trend and, for complete series, season, and no step at the start."""
    from gvi_eval.estimators._laplace import fit
    from gvi_eval.estimators.latent_counts import COEFFICIENT_SD, INTERCEPT_SD

    unit, _ = panel.sole_treated
    counts, matrix = panel.observations(unit)
    season = "none" if panel.spans(unit) else "default"
    columns = design(panel, unit, change="level", trend=True, season=season, ramp=0, adjust=())
    known = [place for place, name in enumerate(columns.names) if name != "level"]
    base = columns.factual[:, known]
    offset = columns.log_exposure - columns.log_exposure.mean()
    prior = np.where(np.arange(len(known)) == 0, INTERCEPT_SD, COEFFICIENT_SD)
    identity = np.array_equal(matrix, np.eye(matrix.shape[1]))
    posterior = fit(counts, base, offset, prior, C=None if identity else matrix)
    mean, _ = posterior.mean_and_sd()
    return NullFit(offset + base @ mean, posterior.hyper, posterior.weights)


@dataclass(frozen=True, eq=False)
class Days:
    """Events on each day from ``first`` (an ordinal) on: ``cumulative`` (day + 1,) starts at none."""

    first: int
    cumulative: np.ndarray

    def events(self, first: int, last: int) -> int:
        """How many fall on the days from one ordinal to another, both included."""
        return int(self.cumulative[last - self.first + 1] - self.cumulative[first - self.first])


def simulated(null: NullFit, periods: pd.PeriodIndex, seed: int) -> Days:
    """One path without an effect, day by day.

    log mean_t = fitted level and trend + u_t, u a stationary AR(1); a period's mean is multiplied by its own gamma with mean
    1 and variance α, and its events fall on its days by chance. ρ, σ and α are drawn from the posterior of the fit, because
    few figures say little about their own noise; level and trend are their posterior means.
    """
    random = np.random.default_rng(seed)
    rho, sigma, alpha = null.hyper[random.choice(len(null.weights), p=null.weights / null.weights.sum())]
    shocks = random.standard_normal(len(periods))
    level = np.empty(len(periods))
    level[0] = shocks[0]
    for t in range(1, len(periods)):
        level[t] = rho * level[t - 1] + np.sqrt(1 - rho**2) * shocks[t]
    noise = random.gamma(1 / alpha, alpha, len(periods)) if alpha > NO_EXTRA else np.ones(len(periods))
    mean = np.exp(null.log_mean + sigma * level) * noise
    starts, ends = periods.start_time.normalize(), periods.end_time.normalize()
    length = np.asarray((ends - starts).days) + 1
    days = random.poisson(np.repeat(mean / length, length))
    return Days(starts[0].toordinal(), np.concatenate([[0], np.cumsum(days)]))


def seen_through(panel: Panel, days: Days) -> Panel:
    """The panel with each figure of the treated unit as the events on the days that it covers.

    Two sources that differ in a recount of the same days see the same events, and two spans that overlap share them.
    """
    unit, _ = panel.sole_treated
    values = panel.values
    if (known := values[unit].notna()).any():
        values = values.astype(float)
        values.loc[known, unit] = [
            days.events(period.start_time.toordinal(), period.end_time.toordinal()) for period in panel.periods[known]
        ]
    windows = tuple(_drawn(window, days) if window.unit == unit else window for window in panel.windows)
    return panel.with_(values=values, windows=windows)


def _drawn(window: CountWindow, days: Days) -> CountWindow:
    return replace(window, count=sum(days.events(first.toordinal(), last.toordinal()) for first, last in window.ranges))


def reassigned(panels: Mapping[str, Panel], unit: str) -> dict[str, Panel]:
    """Every variant of the figures with this donor in the treated place."""
    return {name: panel.reassigned_to(unit) for name, panel in panels.items()}
