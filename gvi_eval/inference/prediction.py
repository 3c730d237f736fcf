"""Prediction intervals: what the treated unit may have counted without the programme, given what its donors did."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from gvi_eval.effect import SEED, Counterfactual, contrast_rows
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparative, Comparison
from gvi_eval.inference.conformal import LARGEST_AUTOCORRELATION, autocorrelation_of
from gvi_eval.intervals import Interval
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

Scatter = Literal["drawn", "sub-gaussian"]
SCATTERS = ("drawn", "sub-gaussian")

FEWEST_REFITS = 50
PATHS = 10  # of what happens after the start, for each refit
MOST_SPENT = 0.5  # of the periods before the start, that a fit is taken to use up
FEWEST_PERIODS = 8  # before the start, to tell scatter and autocorrelation
POISSON = 1e-6  # more variance than the mean, below which it is none
LEAST_MEAN = 1e-3  # of the expected count, below which no refit takes it


@dataclass(frozen=True)
class PredictionInference:
    """How prediction intervals are made: ``refits`` of the method, the ``seed`` of all draws, and ``scatter`` after the start:
    'drawn' with the refits, or 'sub-gaussian', a bound that holds for any scatter with light tails, and is wider.
    """

    refits: int = 200
    scatter: Scatter = "drawn"
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.scatter not in SCATTERS:
            raise StudyError(f"scatter of the prediction is {self.scatter!r}; choose {', '.join(SCATTERS)}")
        if not self.refits >= FEWEST_REFITS:
            raise StudyError(f"refits of the prediction are {self.refits}; take {FEWEST_REFITS} or more")


BY_DRAWS = PredictionInference()


@dataclass(frozen=True, eq=False)
class Prediction:
    """What may have been counted without the programme, over the periods of a window that have a figure.

    observed and expected (period,); means (refit, period), what the path may be; counts (draw, period), what may be counted
    about it; dispersion, the variance over the mean for counts and the variance of the rates otherwise; spent, the
    periods that the fit uses up; autocorrelation of the residuals before the start; bound (period, period): the covariance
    of the scatter, for the bound.
    """

    periods: pd.PeriodIndex
    observed: np.ndarray
    expected: np.ndarray
    means: np.ndarray
    counts: np.ndarray
    dispersion: float
    spent: float
    autocorrelation: float
    bound: np.ndarray
    inference: PredictionInference
    never_below: float

    def limits(self, level: float, places: np.ndarray | slice = slice(None)) -> tuple[float, float]:
        """Lower and upper limit of the sum of what may have been counted over some of the periods."""
        miss = 1 - level
        if self.inference.scatter == "drawn":
            sums = self.counts[:, places].sum(axis=1)
            lower = np.quantile(sums, miss / 2, method="lower")
            upper = np.quantile(sums, 1 - miss / 2, method="higher")
        else:
            sums = self.means[:, places].sum(axis=1)
            reach = math.sqrt(2 * float(self.bound[places][:, places].sum()) * math.log(4 / miss))
            lower, upper = np.quantile(sums, [miss / 4, 1 - miss / 4]) + np.array([-reach, reach])
        return max(float(lower), self.never_below), max(float(upper), self.never_below)

    def interval(self, contrast: str, level: float) -> Interval:
        """The contrast of what was observed with what may have been; a ratio has no upper limit where that may be nothing."""
        lower, upper = self.limits(level)
        seen = float(self.observed.sum())
        if contrast == "ratio":
            return Interval(*sorted(seen / each if each > 0 else math.inf for each in (lower, upper)), level, "prediction")
        if contrast == "prevented":
            return Interval(lower - seen, upper - seen, level, "prediction")
        return Interval((seen - upper) / len(self.observed), (seen - lower) / len(self.observed), level, "prediction")

    def frame(self, level: float) -> pd.DataFrame:
        """One row a period: observed, expected, and the limits of what may have been counted in that period alone."""
        limits = [self.limits(level, np.array([place])) for place in range(len(self.observed))]
        return pd.DataFrame(
            {
                "period": self.periods.astype(str),
                "observed": self.observed,
                "expected": self.expected,
                "lower": [lower for lower, _ in limits],
                "upper": [upper for _, upper in limits],
                "level": level,
            }
        )


def prediction_interval(
    estimator: Comparative,
    panel: Panel,
    estimand: Estimand,
    level: float | None = None,
    inference: PredictionInference = BY_DRAWS,
) -> Interval:
    """The prediction interval of the contrast over the window of an estimand; see `predict`. The level is the method's own."""
    return predict(estimator, panel, estimand, inference).interval(estimand.contrast, level or estimator.level)


def predict(estimator: Comparative, panel: Panel, estimand: Estimand, inference: PredictionInference = BY_DRAWS) -> Prediction:
    """What the treated unit may have counted without the programme, for any method with donors; donors are taken as given.

    Two things are uncertain. In the sample: the periods before the start would have scattered otherwise, and the weights
    with them. New figures y* = expected + scatter are drawn for these periods and the method is fitted to them, r = 1 … R;
    as far as its path then leaves its own expected path, the expected path may lie from the truth,

        mean_r = expected − (expected*_r − expected)

    and never below 0 for counts. Cattaneo et al. instead take the largest and the least error over all weights near enough to
    those found, given the draw, within constraints relaxed where weights are small; a refit is the member of that set that the
    method itself would choose, obeys its constraints as they are, is exact, and exists for every method with a ``family``.
    It is less wide, and does not cover a method that is far from the truth at every sample size.

    Out of the sample: counts scatter about mean_r after the start. Counts are drawn as negative binomial with variance
    φ · mean (Poisson where φ = 1; never below 0), other figures as normal about their rates with variance φ, either along a
    path whose neighbours have the correlation ρ. φ is estimated from the residuals before the start, over the periods
    that the fit does not use up (those that it does: Σ_t Cov(expected*_t, y*_t) / Var(y*_t) over the refits, Ye 1998), never
    below 1 for counts; it and ρ are drawn about their estimates too. 'sub-gaussian' takes instead the quantiles of Σ mean_r
    at half the chance of a miss and adds ± sqrt(2 V log(4 / (1 − level))), V the variance of the sum.

    Draws use one seed, so that the same panel gives the same limits. Assumes that what links the unit to its donors goes on
    after the start and that scatter before it is like that after. Raises `EstimationError` with fewer than
    `FEWEST_PERIODS` periods before the start, for a method that is sampled, and as the method does.

    Sources: Cattaneo, Feng & Titiunik (2021) Prediction intervals for synthetic control methods, J. Am. Stat. Assoc.
    116(536), doi:10.1080/01621459.2021.1979561. Cattaneo, Feng, Palomba & Titiunik (2025) scpi: uncertainty quantification for
    synthetic control methods, J. Stat. Softw. 113(1), doi:10.18637/jss.v113.i01. Ye (1998) On measuring and correcting the
    effects of data mining and model selection, J. Am. Stat. Assoc. 93(441), doi:10.1080/01621459.1998.10474094.
    """
    if getattr(estimator, "cost", "fast") != "fast":
        raise EstimationError(
            f"{estimator.name} is sampled, and a prediction fits it {inference.refits} times; use its own draws"
        )
    family = estimator.family(panel, placebos=False)
    side, expected = family.comparison, family.expected[0]
    unit, own = side.units[0], side.counts[:, 0]
    rows = _window(side, expected, estimand)
    known = side.before & ~np.isnan(own) & ~np.isnan(expected)
    if known.sum() < FEWEST_PERIODS:
        raise EstimationError(
            f"{unit} has {known.sum()} periods before the start {side.onset} with figures, and a prediction needs "
            f"{FEWEST_PERIODS} to tell scatter and autocorrelation; widen the baseline"
        )
    random = np.random.default_rng(inference.seed)
    counted = side.kind == "count"
    people = side.exposure[:, 0]
    if counted:
        expected = np.maximum(expected, LEAST_MEAN * np.nanmean(own[side.before]))
    sizes = np.sqrt(expected) if counted else people  # of the scatter, but for its dispersion
    residuals = ((own - expected) / sizes)[known]
    rho = max(autocorrelation_of(residuals), 0.0)
    first = max(float((residuals**2).mean()), 1.0 if counted else 0.0)
    steps = math.sqrt(first) * _paths(random, np.full(inference.refits, rho), int(known.sum()))
    paths, drawn = _refits(estimator, panel, side, expected, sizes, known, steps, counted)
    spent = _spent(paths[:, known], drawn)
    freedom = len(residuals) - spent
    dispersion = max(float((residuals**2).sum()) / freedom, 1.0 if counted else 0.0)
    away = (paths - expected)[:, rows] * math.sqrt(dispersion / first if first > 0 else 1.0)
    means = expected[rows] - away
    means = np.maximum(means, LEAST_MEAN * expected[rows]) if counted else means
    shape = sizes[rows]
    near = rho ** np.abs(rows[:, None] - rows[None, :])
    return Prediction(
        periods=side.periods[rows],
        observed=own[rows],
        expected=expected[rows],
        means=means,
        counts=_scattered(random, means, shape, dispersion, freedom, rho, len(residuals), counted),
        dispersion=dispersion,
        spent=spent,
        autocorrelation=rho,
        bound=dispersion * near * np.outer(shape, shape),
        inference=inference,
        never_below=0.0 if counted else -math.inf,
    )


def _window(side: Comparison, expected: np.ndarray, estimand: Estimand) -> np.ndarray:
    """Positions of the periods of the window that have figures of the treated unit and its donors."""
    path = Counterfactual(pd.Series(side.counts[:, 0], side.periods), pd.Series(expected, side.periods))
    rows = contrast_rows(path, estimand, side.onset)
    rows = rows[~np.isnan(side.counts[rows, 0]) & ~np.isnan(expected[rows])]
    if not len(rows):
        raise EstimationError(f"no figure of {side.units[0]} and its donors lies in {estimand.window}; widen the window")
    return rows


def _paths(random: np.random.Generator, rho: np.ndarray, length: int) -> np.ndarray:
    """Normal paths (path, length) of variance 1 whose neighbours have correlation rho (path,)."""
    steps = random.standard_normal((len(rho), length))
    for t in range(1, length):
        steps[:, t] = rho * steps[:, t - 1] + np.sqrt(1 - rho**2) * steps[:, t]
    return steps


def _refits(
    estimator: Comparative,
    panel: Panel,
    side: Comparison,
    expected: np.ndarray,
    sizes: np.ndarray,
    known: np.ndarray,
    steps: np.ndarray,
    counted: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The expected paths (refit, period) for drawn figures before the start, and these figures (refit, known period)."""
    unit, paths, drawn = side.units[0], [], []
    for step in steps:
        values = panel.values.astype(float)
        own = side.counts[:, 0].copy()
        own[known] = expected[known] + sizes[known] * step
        own[known] = np.maximum(own[known], 0.0) if counted else own[known]
        values[unit] = own
        paths.append(estimator.family(panel.with_(values=values), placebos=False).expected[0])
        drawn.append(own[known])
    return np.array(paths), np.array(drawn)


def _spent(paths: np.ndarray, drawn: np.ndarray) -> float:
    """How many of the periods (refit, period) a fit uses up: how far its path follows what is drawn, added up."""
    about, scatter = paths - paths.mean(axis=0), drawn - drawn.mean(axis=0)
    variance = (scatter**2).sum(axis=0)
    followed = (about * scatter).sum(axis=0)[variance > 0] / variance[variance > 0]
    return float(np.clip(followed.sum(), 0.0, MOST_SPENT * drawn.shape[1]))


def _scattered(
    random: np.random.Generator,
    means: np.ndarray,
    sizes: np.ndarray,
    dispersion: float,
    freedom: float,
    rho: float,
    periods: int,
    counted: bool,
) -> np.ndarray:
    """What may be counted (draw, period) about each of the means (refit, period), with dispersion and ρ drawn as well."""
    means = np.repeat(means, PATHS, axis=0)
    spread = dispersion * freedom / random.chisquare(freedom, len(means))
    rhos = np.clip(rho + math.sqrt((1 - rho**2) / periods) * random.standard_normal(len(means)), 0.0, LARGEST_AUTOCORRELATION)
    steps = _paths(random, rhos, means.shape[1])
    if not counted:
        return means + np.sqrt(spread)[:, None] * sizes * steps
    chances = stats.norm.cdf(steps)
    more = np.broadcast_to(np.maximum(spread - 1, 0.0)[:, None], means.shape)
    counts = stats.poisson.ppf(chances, means)
    wide = more > POISSON
    counts[wide] = stats.nbinom.ppf(chances[wide], means[wide] / more[wide], 1 / (1 + more[wide]))
    return counts
