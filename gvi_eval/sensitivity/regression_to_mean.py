"""Regression to the mean: was the place chosen after bad months, and how much of a fall would that alone have given?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.steps import StepDesign, step_design, step_log_ratios
from gvi_eval.study import Window

SERIES = 199  # simulated and selected by the rule that picked the place
TRIED = 40_000  # drawn at most to find them
FEWEST = 50  # selected, below which no band is drawn
BAND = 0.90


@dataclass(frozen=True)
class Rank:
    """The place of some months in their own history: how many windows of the same length were higher, of how many."""

    first: pd.Period
    last: pd.Period
    events: float
    higher: int
    windows: int

    @property
    def share(self) -> float:
        """The share of the windows that were higher: 0 for the highest."""
        return self.higher / self.windows

    def __str__(self) -> str:
        return f"{self.first} to {self.last} rank {self.higher + 1} of {self.windows} stretches as long"


@dataclass(frozen=True)
class SelectionBand:
    """What selection alone gives: the log ratio of the figures by a Poisson regression, and the band of the simulated ones."""

    observed: float
    lower: float
    upper: float
    median: float
    selected: int

    @property
    def holds(self) -> bool:
        return self.lower <= self.observed <= self.upper


def selection_window(panel: Panel, decided: pd.Period) -> Window:
    """The days on which a choice may have looked and those until the start: the year before the decision to the start."""
    _, onset = panel.sole_treated
    first = min(decided, onset) - PER_YEAR[panel.frequency]
    return Window(first.start_time.date(), (onset - 1).end_time.date())


def by_month(counts: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Counts (draw, figure) spread evenly over the periods that each covers, (draw, period); NaN where there is no figure."""
    spread = counts / matrix.sum(axis=1) @ matrix
    return np.where(matrix.sum(axis=0) > 0, spread, np.nan)


def rank_in_history(series: np.ndarray, periods: pd.PeriodIndex, last: pd.Period, length: int) -> Rank:
    """The sum of the ``length`` periods up to ``last`` among all stretches as long that end no later.

    Raises `EstimationError` where no such stretch has a figure in each of its periods.
    """
    end = periods.get_indexer([last])[0]
    if end < length - 1 or length < 1:
        raise EstimationError(f"there are no {length} periods up to {last}, so they have no place in their history")
    sums = _trailing(series[None, : end + 1], length)[0]
    own = sums[-1]
    known = sums[~np.isnan(sums)]
    if np.isnan(own):
        raise EstimationError(f"not every one of the {length} periods up to {last} has a figure, so they cannot be ranked")
    higher = int((known > own + 1e-9).sum())
    return Rank(periods[end - length + 1], periods[end], float(own), higher, len(known))


def periods_left(panel: Panel) -> int:
    """Periods before the start that some figure of the treated unit covers."""
    unit, onset = panel.sole_treated
    _, matrix = panel.observations(unit)
    return int(((matrix.sum(axis=0) > 0) & np.asarray(panel.periods < onset)).sum())


def selection_band(effect: Effect, panel: Panel, decided: pd.Period, trend: bool, seed: int) -> SelectionBand:
    """The log ratios that series without any effect give when they are picked as this place was.

    Series are drawn on the design of the panel from a fit of `latent_counts`: its mean without the programme, its ρ, σ and α at
    posterior means, a latent level of its own for each. The rule: the year before the decision stands at least as high in
    its own history as it did here. The band holds the middle 90 % of the ratios of those that were picked, each by the
    same Poisson regression as the figures themselves. Raises `EstimationError` where too few are picked to draw a band.
    """
    unit, _ = panel.sole_treated
    counts, matrix = panel.observations(unit)
    year = PER_YEAR[panel.frequency]
    last = min(decided, panel.sole_treated[1]) - 1
    own = rank_in_history(by_month(counts[None, :], matrix)[0], panel.periods, last, year)
    end = panel.periods.get_indexer([last])[0]
    random = np.random.default_rng([seed, 20180622])
    mean, noise = marginal_mean(effect), noise_of(effect)
    picked: list[np.ndarray] = []
    tried = found = 0
    while found < SERIES and tried < TRIED:
        drawn = draw_counts(mean, noise, matrix, 2 * SERIES, random)
        sums = _trailing(by_month(drawn, matrix)[:, : end + 1], year)
        known = ~np.isnan(sums[0])
        higher = (sums[:, known] > sums[:, -1:] + 1e-9).mean(axis=1)
        kept = drawn[higher <= own.share + 1e-12]
        picked.append(kept)
        found, tried = found + len(kept), tried + len(drawn)
    if found < FEWEST:
        raise EstimationError(f"of {tried} series without an effect only {found} were picked by the rule; no band is drawn")
    columns: StepDesign = step_design(panel, trend)
    ratios = step_log_ratios(np.concatenate([np.concatenate(picked)[:SERIES], counts[None, :]]), columns)
    lower, median, upper = np.quantile(ratios[:-1], [(1 - BAND) / 2, 0.5, (1 + BAND) / 2])
    return SelectionBand(float(ratios[-1]), float(lower), float(upper), float(median), len(ratios) - 1)


def marginal_mean(effect: Effect) -> np.ndarray:
    """E[y_t] without the programme of a `latent_counts` fit, over its latent level, (period,): exp(offset + x'β + σ²/2)."""
    paths = effect.counterfactual.mixture
    beta, _ = paths.posterior.mean_and_sd()
    _, sigma, _ = paths.posterior.hyper_mean
    return np.exp(paths.offset + paths.columns.expected @ beta + sigma**2 / 2)


def noise_of(effect: Effect) -> tuple[float, float, float]:
    """ρ, σ and α of a `latent_counts` fit at their posterior means."""
    rho, sigma, alpha = effect.counterfactual.mixture.posterior.hyper_mean
    return float(rho), float(sigma), float(alpha)


def draw_counts(
    mean: np.ndarray, noise: tuple[float, float, float], matrix: np.ndarray, draws: int, random: np.random.Generator
) -> np.ndarray:
    """Counts (draw, figure) about a mean (period,) with a latent AR(1) and gamma noise of each period, summed as published."""
    rho, sigma, alpha = noise
    shocks = random.standard_normal((draws, len(mean)))
    level = np.empty_like(shocks)
    level[:, 0] = shocks[:, 0]
    for t in range(1, len(mean)):
        level[:, t] = rho * level[:, t - 1] + np.sqrt(1 - rho**2) * shocks[:, t]
    extra = random.gamma(1 / alpha, alpha, shocks.shape) if alpha > 0 else 1.0
    return random.poisson((mean * np.exp(sigma * level - sigma**2 / 2) * extra) @ matrix.T).astype(float)


def _trailing(series: np.ndarray, length: int) -> np.ndarray:
    """Sums of every ``length`` neighbours, (draw, period − length + 1); NaN where one is missing."""
    return np.lib.stride_tricks.sliding_window_view(series, length, axis=1).sum(axis=2)
