"""Placebo in space: every donor in the treated unit's place, and how unusual the treated unit is among them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from gvi_eval.effect import Counterfactual, contrast_rows
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Family
from gvi_eval.intervals import Test
from gvi_eval.study import Estimand

Statistic = Literal["log ratio", "rmspe ratio"]
STATISTICS = ("log ratio", "rmspe ratio")
ALSO = ("conformal", "prediction", "jackknife+", "bounds")  # see `gvi_eval.inference.beside`
POWER = 0.8
LARGE = 0.9  # quantile of the donors' counts, above which the scatter is taken to shrink no further
HALF = 0.5  # an event added to both sums of counts, so that a place without events has a log ratio
SWEEPS, SETTLED = 500, 1e-10


@dataclass(frozen=True)
class PlaceboInference:
    """How the placebos are made and ranked.

    ``statistic``: 'log ratio', |log Σ observed / Σ expected| scaled by size; or 'rmspe ratio', the root mean squared gap after
    the start over that before it (Abadie, Diamond & Hainmueller 2010), which is confounded with size because large places
    fit a quiet past well. ``treated_stays``: whether the treated unit is a donor of the placebos; by default it is not.
    ``also``: what is worked out beside the placebos, of 'conformal', 'prediction', 'jackknife+' and, for event studies,
    'bounds'.
    """

    statistic: Statistic = "log ratio"
    treated_stays: bool = False
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "also", tuple(self.also))
        for name in self.also:
            if name not in ALSO:
                raise StudyError(f"also of the inference names '{name}'; choose {', '.join(ALSO)}")
        if self.statistic not in STATISTICS:
            raise StudyError(f"statistic of the placebos is {self.statistic!r}; choose {', '.join(STATISTICS)}")


BY_SIZE = PlaceboInference()


@dataclass(frozen=True, eq=False)
class Placebos:
    """What the method says of every unit over one window; the treated unit is the first.

    units (unit,); observed and expected sums over the window and the `periods` of it that have a figure of the treated unit;
    log_ratio of the sums, to which counts have half an event `added`; mean_count a period before the start;
    spread (unit,): sqrt(a + b / mean_count), fitted on the donors and never less than at the 90th percentile of their counts,
    above which too few donors tell what is left of it; rmspe_before and rmspe_after of the rates; rate_gap,
    the mean gap of the rates over the window.
    """

    units: tuple[str, ...]
    observed: np.ndarray
    expected: np.ndarray
    periods: int
    added: float
    log_ratio: np.ndarray
    mean_count: np.ndarray
    size: tuple[float, float]
    rmspe_before: np.ndarray
    rmspe_after: np.ndarray
    rate_gap: np.ndarray
    inference: PlaceboInference

    @property
    def donors(self) -> int:
        return len(self.units) - 1

    @property
    def floor(self) -> float:
        """The smallest p that so many donors can give."""
        return 1 / (self.donors + 1)

    @cached_property
    def spread(self) -> np.ndarray:
        a, b = self.size
        return np.sqrt(a + b / np.minimum(self.mean_count, np.quantile(self.mean_count[1:], LARGE)))

    @cached_property
    def scaled(self) -> np.ndarray:
        """Log ratios over what places of their size scatter by, (unit,); infinite where nothing was expected."""
        return self.log_ratio / np.where(self.spread > 0, self.spread, 1.0)

    @cached_property
    def rmspe_ratio(self) -> np.ndarray:
        return self.rmspe_after / np.maximum(self.rmspe_before, 1e-300)

    @property
    def standard_error(self) -> tuple[float, float]:
        """The standard deviation of the donors' mean rate gaps, with the divisor B and with B − 1."""
        gaps = self.rate_gap[1:][~np.isnan(self.rate_gap[1:])]
        return float(gaps.std()), float(gaps.std(ddof=1))

    def tests(self) -> tuple[Test, ...]:
        """The declared statistic first, then the others: scaled and raw log ratio, and the RMSPE ratio."""
        by_name = {
            "log ratio": Test("placebo", self._null("the size-scaled log ratio"), *self._ranked(np.abs(self.scaled))),
            "raw": Test("placebo, raw", self._null("the raw log ratio"), *self._ranked(np.abs(self.log_ratio))),
            "rmspe ratio": Test("placebo, RMSPE ratio", self._null("the RMSPE ratio"), *self._ranked(self.rmspe_ratio)),
        }
        first = by_name.pop(self.inference.statistic)
        return (first, *by_name.values())

    def _null(self, what: str) -> str:
        return f"{what} of {self.units[0]} is one of {self.donors + 1} that are alike (no effect anywhere)"

    def _ranked(self, statistic: np.ndarray) -> tuple[float, float, float]:
        beyond = int((statistic[1:] >= statistic[0] * (1 - 1e-12)).sum())
        return float(statistic[0]), (1 + beyond) / (self.donors + 1), self.floor

    def rank(self, statistic: np.ndarray) -> int:
        """1 for the unit farthest out."""
        return 1 + int((statistic[1:] >= statistic[0] * (1 - 1e-12)).sum())

    def critical(self, level: float) -> tuple[float, float]:
        """The size-scaled distance that so many placebos do not exceed, and the level that the donors can give it."""
        distances = np.sort(np.abs(self.scaled[1:]))
        place = math.ceil(level * (self.donors + 1) - 1e-9)
        if place > self.donors:
            place, level = self.donors, self.donors / (self.donors + 1)
        return float(distances[place - 1]), level

    def log_interval(self, level: float) -> tuple[float, float, float]:
        """The log ratios that the placebos do not reject, lower and upper, and their level."""
        distance, level = self.critical(level)
        reach = distance * float(self.spread[0])
        return self.log_ratio[0] - reach, self.log_ratio[0] + reach, level

    def ratio_interval(self, level: float) -> tuple[float, float, float]:
        """The same as ratios; half an event more or less never puts the ratio of the sums itself outside."""
        lower, upper, level = self.log_interval(level)
        point = float(self.observed[0] / self.expected[0])
        return min(math.exp(lower), point), max(math.exp(upper), point), level

    def expected_interval(self, level: float) -> tuple[float, float, float]:
        """The sums that may have been expected of the treated unit, by the same log ratios: never below 0."""
        lower, upper, level = self.log_interval(level)
        reached = float(self.observed[0]) + self.added
        return max(reached / math.exp(upper) - self.added, 0.0), max(reached / math.exp(lower) - self.added, 0.0), level

    def detectable(self, level: float = 0.95) -> float | None:
        """The ratio below 1 that a test of this level finds with 80 % power; None where the donors are too few for it."""
        distance, reached = self.critical(level)
        if reached < level or not np.isfinite(distance):
            return None
        scatter = np.quantile(self.scaled[1:], POWER)
        return float(np.exp(-float(self.spread[0]) * (distance + max(float(scatter), 0.0))))

    def frame(self) -> pd.DataFrame:
        """One row a unit, as it is saved."""
        return pd.DataFrame(
            {
                "unit": self.units,
                "treated": [True] + [False] * self.donors,
                "observed": self.observed,
                "expected": self.expected,
                "log_ratio": self.log_ratio,
                "mean_count_before": self.mean_count,
                "spread": self.spread,
                "scaled": self.scaled,
                "rmspe_before": self.rmspe_before,
                "rmspe_after": self.rmspe_after,
                "rmspe_ratio": self.rmspe_ratio,
            }
        )


def placebo_in_space(family: Family, estimand: Estimand, inference: PlaceboInference = BY_SIZE) -> Placebos:
    """What a family with placebos says over the window of an estimand.

    A unit of which nothing was expected is infinitely far out, which can only raise the p-value. Raises `EstimationError`
    where the window holds no figure of the treated unit.
    """
    side = family.comparison
    path = Counterfactual(pd.Series(side.counts[:, 0], side.periods), pd.Series(family.expected[0], side.periods))
    inside = np.zeros(len(side.periods), dtype=bool)
    inside[contrast_rows(path, estimand, side.onset)] = True
    counts, exposure = side.counts.T, side.exposure.T
    known = ~np.isnan(counts) & ~np.isnan(family.expected)
    inside &= known[0]  # sums over more periods than the treated unit has would scatter less than its own
    if not inside.any():
        raise EstimationError(f"no figure of {side.units[0]} and its donors lies in {estimand.window}; widen the window")
    observed = np.where(known & inside, counts, 0.0).sum(axis=1)
    expected = np.where(known & inside, family.expected, 0.0).sum(axis=1)
    added = HALF if side.kind == "count" else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log((observed + added) / (expected + added))
    logs = np.where(np.isfinite(logs) & (expected > 0), logs, np.inf)
    gaps = np.where(known, (counts - family.expected) / exposure, np.nan)
    before, after = known & side.before, known & inside
    counted = side.before & ~np.isnan(counts)
    mean_count = np.where(counted, counts, 0.0).sum(axis=1) / counted.sum(axis=1)
    finite = np.isfinite(logs[1:])
    size = size_scale(logs[1:][finite], mean_count[1:][finite]) if side.kind == "count" else (1.0, 0.0)
    return Placebos(
        units=side.units,
        observed=observed,
        expected=expected,
        periods=int(inside.sum()),
        added=added,
        log_ratio=logs,
        mean_count=mean_count,
        size=size,
        rmspe_before=_root_mean_square(gaps, before),
        rmspe_after=np.where(after.any(axis=1), _root_mean_square(gaps, after), np.inf),
        rate_gap=np.where(after.any(axis=1), np.where(after, gaps, 0.0).sum(axis=1) / np.maximum(after.sum(axis=1), 1), np.nan),
        inference=inference,
    )


def _root_mean_square(gaps: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.sqrt(np.where(inside, gaps**2, 0.0).sum(axis=1) / np.maximum(inside.sum(axis=1), 1))


def size_scale(gaps: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """a, b ≥ 0 of the variance a + b / count of placebo gaps (donor,), by the likelihood of normals with mean 0.

    b is what is left of the counts' own scatter, which is larger where there are few; a is what does not go away with size.
    The multiplicative steps never lower the likelihood and keep both at 0 or above.
    """
    scale = float((gaps**2).mean()) if len(gaps) else 0.0
    if not scale > 0:
        return 1.0, 0.0
    square, inverse = gaps**2 / scale, 1 / counts
    a, b = 0.5, 0.5 / float(inverse.mean())
    for _ in range(SWEEPS):
        variance = a + b * inverse
        excess, plain = square / variance**2, 1 / variance
        up_a, up_b = math.sqrt(excess.sum() / plain.sum()), math.sqrt((inverse * excess).sum() / (inverse * plain).sum())
        a, b = a * up_a, b * up_b
        if abs(up_a - 1) * a + abs(up_b - 1) * b * inverse.mean() <= SETTLED * (a + b * inverse.mean()):
            break
    # The steps creep towards 0, so the two ends of the scale are looked at as they are.
    ends = ((a, b), (1.0, 0.0), (0.0, float((square * counts).mean())))
    a, b = min(
        ends, key=lambda pair: float((np.log(pair[0] + pair[1] * inverse) + square / (pair[0] + pair[1] * inverse)).sum())
    )
    return a * scale, b * scale
