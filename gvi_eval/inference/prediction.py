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
ROUNDS, ROUND_REFITS, MOST_RAISED = 3, 30, 2.0  # of correcting scatter for the fit, and the most a round raises it by
FEWEST_PERIODS = 8  # before the start, to tell scatter and autocorrelation
POISSON = 1e-6  # more variance than the mean, below which it is none
LEAST_MEAN = 1e-3  # of the expected count, below which no refit takes it


@dataclass(frozen=True)
class PredictionInference:
    """How prediction intervals are made: ``refits`` of the method, the ``seed`` of all draws, and ``scatter`` after the start.

    'sub-gaussian' is a bound that holds for any scatter with light tails, and covers more than its level where scatter is
    independent. 'drawn' follows the counts themselves: about its level there, but well below it where the noise of the
    treated unit and its donors is autocorrelated and a synthetic control over few periods follows it.
    """

    refits: int = 100
    scatter: Scatter = "sub-gaussian"
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.scatter not in SCATTERS:
            raise StudyError(f"scatter of the prediction is {self.scatter!r}; choose {', '.join(SCATTERS)}")
        if not self.refits >= FEWEST_REFITS:
            raise StudyError(f"refits of the prediction are {self.refits}; take {FEWEST_REFITS} or more")


BY_BOUND = PredictionInference()


@dataclass(frozen=True, eq=False)
class Prediction:
    """What may have been counted without the programme, over the periods of a window that have a figure.

    observed and expected (period,); means (refit, period), what the path may be; counts (draw, period), what may be counted
    about it; dispersion, the variance over the mean for counts and the variance of the rates otherwise, and autocorrelation
    of the scatter; covariance (period, period) of the scatter; never_below: 0 for counts.
    """

    periods: pd.PeriodIndex
    observed: np.ndarray
    expected: np.ndarray
    means: np.ndarray
    counts: np.ndarray
    dispersion: float
    autocorrelation: float
    covariance: np.ndarray
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
            reach = math.sqrt(2 * float(self.covariance[places][:, places].sum()) * math.log(4 / miss))
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
    inference: PredictionInference = BY_BOUND,
) -> Interval:
    """The prediction interval of the contrast over the window of an estimand; see `predict`. The level is the method's own."""
    return predict(estimator, panel, estimand, inference).interval(estimand.contrast, level or estimator.level)


def predict(estimator: Comparative, panel: Panel, estimand: Estimand, inference: PredictionInference = BY_BOUND) -> Prediction:
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
    path whose neighbours have the correlation ρ. A fit flatters both, because weights follow scatter, slow scatter most of
    all. So φ and ρ are those under which refits leave residuals with the sum of squares and the autocorrelation of those
    found, by `ROUNDS` of drawing, fitting and correcting; φ is never below 1 for counts. Both are drawn about their
    estimates after the start. 'sub-gaussian' takes instead the quantiles of Σ mean_r at half the chance of a miss and adds
    ± sqrt(2 V log(4 / (1 − level))), V the variance of the sum; for counts no limit falls below 0.

    Draws use one seed, so that the same panel gives the same limits. Assumes that what links the unit to its donors goes on
    after the start and that scatter before it is like that after. Raises `EstimationError` with fewer than
    `FEWEST_PERIODS` periods before the start, for a method that is sampled, and as the method does.

    Sources: Cattaneo, Feng & Titiunik (2021) Prediction intervals for synthetic control methods, J. Am. Stat. Assoc.
    116(536), doi:10.1080/01621459.2021.1979561. Cattaneo, Feng, Palomba & Titiunik (2025) scpi: uncertainty quantification for
    synthetic control methods, J. Stat. Softw. 113(1), doi:10.18637/jss.v113.i01. Gouriéroux, Monfort & Renault (1993) Indirect
    inference, J. Appl. Econom. 8(S1), doi:10.1002/jae.3950080507.
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
    if side.kind == "count":
        expected = np.maximum(expected, LEAST_MEAN * np.nanmean(own[side.before]))
    refits = _Refits(
        estimator,
        panel,
        own,
        expected,
        np.sqrt(expected) if side.kind == "count" else side.exposure[:, 0],
        known,
        side.kind == "count",
    )
    random = np.random.default_rng(inference.seed)
    dispersion, rho = refits.scatter(random)
    away = refits.paths(random, inference.refits, dispersion, rho)[:, rows] - expected[rows]
    means = expected[rows] - away
    means = np.maximum(means, LEAST_MEAN * expected[rows]) if refits.counted else means
    sizes = refits.sizes[rows]
    near = rho ** np.abs(rows[:, None] - rows[None, :])
    return Prediction(
        periods=side.periods[rows],
        observed=own[rows],
        expected=expected[rows],
        means=means,
        counts=_scattered(random, means, sizes, dispersion, rho, int(known.sum()), refits.counted),
        dispersion=dispersion,
        autocorrelation=rho,
        covariance=dispersion * near * np.outer(sizes, sizes),
        inference=inference,
        never_below=0.0 if refits.counted else -math.inf,
    )


def _window(side: Comparison, expected: np.ndarray, estimand: Estimand) -> np.ndarray:
    """Positions of the periods of the window that have figures of the treated unit and its donors."""
    path = Counterfactual(pd.Series(side.counts[:, 0], side.periods), pd.Series(expected, side.periods))
    rows = contrast_rows(path, estimand, side.onset)
    rows = rows[~np.isnan(side.counts[rows, 0]) & ~np.isnan(expected[rows])]
    if not len(rows):
        raise EstimationError(f"no figure of {side.units[0]} and its donors lies in {estimand.window}; widen the window")
    return rows


def _along(steps: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Normal paths (path, period) of variance 1 whose neighbours have correlation rho (path,), from independent steps."""
    path = steps.copy()
    for t in range(1, path.shape[1]):
        path[:, t] = rho * path[:, t - 1] + np.sqrt(1 - rho**2) * steps[:, t]
    return path


@dataclass(frozen=True, eq=False)
class _Refits:
    """The method fitted to figures drawn before the start: own counts, expected path and sizes of scatter, all (period,)."""

    estimator: Comparative
    panel: Panel
    own: np.ndarray
    expected: np.ndarray
    sizes: np.ndarray
    known: np.ndarray
    counted: bool

    def scatter(self, random: np.random.Generator) -> tuple[float, float]:
        """The dispersion and the autocorrelation under which refits leave residuals like those found."""
        found = ((self.own - self.expected) / self.sizes)[self.known]
        least = 1.0 if self.counted else 0.0
        square, r = float((found**2).mean()), autocorrelation_of(found)
        dispersion, rho = max(square, least), max(r, 0.0)
        start = random.standard_normal((ROUND_REFITS, len(found)))
        for _ in range(ROUNDS if square > 0 else 0):
            left = self._residuals(math.sqrt(dispersion) * _along(start, np.full(len(start), rho)))
            rho = float(np.clip(rho + r - np.mean([autocorrelation_of(each) for each in left]), 0.0, LARGEST_AUTOCORRELATION))
            dispersion = max(dispersion * min(square / float((left**2).mean()), MOST_RAISED), least)
        return dispersion, rho

    def _residuals(self, steps: np.ndarray) -> np.ndarray:
        left = [(own - path) / self.sizes for own, path in map(self._refitted, steps)]
        return np.array(left)[:, self.known]

    def paths(self, random: np.random.Generator, count: int, dispersion: float, rho: float) -> np.ndarray:
        """Expected paths (refit, period) of so many fits."""
        steps = _along(random.standard_normal((count, int(self.known.sum()))), np.full(count, rho))
        return np.array([self._refitted(math.sqrt(dispersion) * step)[1] for step in steps])

    def _refitted(self, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The figures drawn and the path expected from them, (period,), for steps of scatter (known period,)."""
        own = self.own.copy()
        own[self.known] = self.expected[self.known] + self.sizes[self.known] * steps
        own[self.known] = np.maximum(own[self.known], 0.0) if self.counted else own[self.known]
        values = self.panel.values.astype(float)
        values[self.panel.sole_treated[0]] = own
        return own, self.estimator.family(self.panel.with_(values=values), placebos=False).expected[0]


def _scattered(
    random: np.random.Generator,
    means: np.ndarray,
    sizes: np.ndarray,
    dispersion: float,
    rho: float,
    periods: int,
    counted: bool,
) -> np.ndarray:
    """What may be counted (draw, period) about each of the means (refit, period), with dispersion and ρ drawn as well."""
    means = np.repeat(means, PATHS, axis=0)
    spread = dispersion * periods / random.chisquare(periods, len(means))
    rhos = np.clip(rho + math.sqrt((1 - rho**2) / periods) * random.standard_normal(len(means)), 0.0, LARGEST_AUTOCORRELATION)
    steps = _along(random.standard_normal(means.shape), rhos)
    if not counted:
        return means + np.sqrt(spread)[:, None] * sizes * steps
    chances = stats.norm.cdf(steps)
    more = np.broadcast_to(np.maximum(spread - 1, 0.0)[:, None], means.shape)
    counts = stats.poisson.ppf(chances, means)
    wide = more > POISSON
    counts[wide] = stats.nbinom.ppf(chances[wide], means[wide] / more[wide], 1 / (1 + more[wide]))
    return counts
