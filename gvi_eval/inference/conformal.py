"""Conformal inference: are the periods after the start unusual among all runs of periods of their length?"""

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from gvi_eval.effect import Counterfactual, contrast_rows
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparative
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

Statistic = Literal["sum", "mean absolute"]
STATISTICS = ("sum", "mean absolute")

MOST_AFTER = 0.5  # share of the periods after the start, above which the shifts are hardly other periods
FARTHEST, GRID = 16.0, 41  # the ratios that are tried, 1 / 16 to 16, evenly in logs
SETTLED = 1e-4  # of a limit, in logs
TIED = 1e-10  # of the sum of all absolute residuals: what arithmetic leaves of two equal statistics
LEVEL_SUM = 1e-7  # of the same: what fitting leaves of residuals that add up to nothing
MOST_SHIFTS = 60  # of the residuals, from which power is reckoned
ASYMMETRIC, UNEVEN = 0.25, 0.01  # of a residual's size: refused, and said
LARGEST_AUTOCORRELATION = 0.95
# METHODS, section 2, "Conformal": share of true nulls rejected at a nominal 10 % where residuals have this autocorrelation.
SIZE_AUTOCORRELATION, SIZE_NOMINAL, SIZE_REACHED = 0.6, 0.10, (0.13, 0.14)


@dataclass(frozen=True)
class ConformalInference:
    """How the periods after the start are compared with the others.

    ``statistic``: 'sum', |Σ residuals after the start|; or 'mean absolute', their mean absolute value, which finds next to
    nothing where about half of the periods lie after the start, because the fit to all periods spreads a shift over both
    halves. ``benchmark`` is the ratio for which power is given.
    """

    statistic: Statistic = "sum"
    benchmark: float = 0.75

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise StudyError(f"statistic of the conformal test is {self.statistic!r}; choose {', '.join(STATISTICS)}")
        if not (self.benchmark > 0 and self.benchmark != 1 and np.isfinite(self.benchmark)):
            raise StudyError(f"benchmark of the conformal test is {self.benchmark}; choose a ratio above 0 other than 1")


BY_SUM = ConformalInference()


@dataclass(frozen=True, eq=False)
class Conformal:
    """The test that nothing changed, the ratios that are not rejected, and what the design could have found.

    residuals (period,): rates under no effect, observed − expected, in which the last ``after`` follow the start; statistic
    of these; p_value and its floor; pieces: the ratios not rejected at 1 − level, as pairs of limits in order, where the
    lowest may be 0 and the highest infinite; power against the benchmark; autocorrelation of the residuals under the ratio
    that leaves nothing after the start; unevenness: how far the fit moves when the periods are shifted, in residuals.
    """

    unit: str
    method: str
    residuals: np.ndarray
    after: int
    inference: ConformalInference
    statistic: float
    p_value: float
    floor: float
    level: float
    pieces: tuple[tuple[float, float], ...]
    power: float
    autocorrelation: float
    unevenness: float

    def test(self) -> Test:
        """The test of no effect in any period after the start."""
        null = f"{self.unit} would have counted what it did in each of the {self.after} periods, with no effect in any of them"
        return Test("conformal", null, self.statistic, self.p_value, self.floor)

    def interval(self) -> Interval | None:
        """The ratios not rejected, from the lowest to the highest; None where none is, or where they have no upper limit."""
        if not self.pieces or not math.isfinite(self.pieces[-1][1]):
            return None
        return Interval(self.pieces[0][0], self.pieces[-1][1], self.level, "conformal")

    def words(self) -> tuple[str, ...]:
        """Sentences to be printed beside the numbers."""
        return (*self._of_set(), self._of_power(), *self._of_size(), *self._of_symmetry())

    def _of_set(self) -> tuple[str, ...]:
        at = f"at {1 - self.level:.0%}"
        if self.floor > 1 - self.level + 1e-12:
            return (
                f"with {len(self.residuals)} periods no conformal p-value falls below {self.floor:.3f}, so no ratio is "
                f"rejected {at} and there is no conformal interval",
            )
        if not self.pieces:
            return (f"every ratio is rejected {at}: {self.method} does not describe {self.unit}, whatever the effect",)
        told = ()
        if not math.isfinite(self.pieces[-1][1]):
            told += (f"the ratios that are not rejected {at} have no upper limit, so there is no conformal interval",)
        elif self.pieces[0][0] == 0:
            told += (f"ratios down to 0 are not rejected {at}",)
        if len(self.pieces) > 1:
            parts = ", ".join(f"{lower:.2f} to {upper:.2f}" for lower, upper in self.pieces)
            told += (f"the ratios that are not rejected {at} are not connected ({parts}); the interval runs over all of them",)
        return told

    def _of_power(self) -> str:
        return (
            f"a ratio of {self.inference.benchmark:g} would be found at {1 - self.level:.0%} with a power of {self.power:.0%} "
            f"({len(self.residuals)} periods, {self.after} of them after the start)"
        )

    def _of_size(self) -> tuple[str, ...]:
        low, high = SIZE_REACHED
        return (
            f"the residuals have an autocorrelation of {self.autocorrelation:.2f}; where it is {SIZE_AUTOCORRELATION:g} the "
            f"conformal test rejects {low:.0%} to {high:.0%} of true nulls at a nominal {SIZE_NOMINAL:.0%}",
        )

    def _of_symmetry(self) -> tuple[str, ...]:
        if self.unevenness <= UNEVEN:
            return ()
        return (
            f"{self.method} does not treat all periods quite alike: shifted in time, its residuals move by up to "
            f"{self.unevenness:.0%} of their size, and the conformal p-value is as approximate as that",
        )


def conformal(
    estimator: Comparative, panel: Panel, estimand: Estimand | None = None, inference: ConformalInference = BY_SUM
) -> Conformal:
    """Conformal test and confidence set of the ratio for a method with donors, over the window of an estimand.

    Under the null that the effect is the ratio r, the treated counts after the start are divided by r, the method is fitted
    to all periods alike, and

        u_t = (y_t − expected_t) / exposure_t,    p = #{k : S(u shifted by k) ≥ S(u)} / T,    k = 0 … T − 1

    with S = |Σ_{t after} u_t|. Shifts are cyclic, so that the residuals keep their order; permuting them freely takes them
    for independent and rejects far too often where they are not. The set holds the r with p > 1 − level.

    That all periods are fitted alike is had through the method's own ``family``: a period in which every unit has its mean
    is put at the end, and the start is moved there, so that all others lie before it. The means are the same whichever way
    the periods are shifted. `Synthetic`, `Did` and `Factor` are then symmetric in time, the last but for a penalty that is
    cross-validated in a fixed pattern; `Sdid` gives all periods the same weight and is symmetric but for σ, which rests on
    differences between neighbours. What is left is measured by fitting the shifted periods, said, and refused above
    `ASYMMETRIC`; so are predictors that name periods.

    Power: under the ratio that leaves Σ u = 0 after the start, the expected path plus its residuals, shifted by k, stands for a
    series without effect; its counts after the start are multiplied by the benchmark, and power is the share of shifts k in
    which no effect is then rejected. Nothing is drawn.

    Periods after the start outside the window, and those without a figure of the treated unit, are left out of the cycle. The
    size is near the nominal where residuals are hardly autocorrelated, and above it otherwise; the effect is taken to be
    one ratio in every period. Cannot say anything at 1 − level with fewer than 1 / (1 − level) periods.

    Raises `EstimationError` where more than half of the periods lie after the start, for a method that is sampled or is not
    symmetric in time, and as the method itself does.

    Source: Chernozhukov, Wüthrich & Zhu (2021) An exact and robust conformal inference method for counterfactual and
    synthetic controls, J. Am. Stat. Assoc. 116(536), doi:10.1080/01621459.2021.1920957.
    """
    if getattr(estimator, "cost", "fast") != "fast":
        raise EstimationError(
            f"{estimator.name} is sampled, and a conformal test fits it some hundred times; use a fast method"
        )
    cycle = _Cycle.of(estimator, panel, estimand or panel.estimand)
    alpha = 1 - estimator.level
    unevenness = _unevenness(cycle)
    residuals = cycle.residuals(1.0)
    floor = _floor(residuals, cycle.after)
    balanced = _balanced(cycle)
    return Conformal(
        unit=cycle.unit,
        method=estimator.name,
        residuals=residuals,
        after=cycle.after,
        inference=inference,
        statistic=_of_shifts(residuals, cycle.after, inference.statistic)[..., -cycle.after].item(),
        p_value=float(cyclic_p(residuals, cycle.after, inference.statistic)),
        floor=floor,
        level=estimator.level,
        pieces=((0.0, math.inf),) if floor > alpha + 1e-12 else _accepted(cycle, inference.statistic, alpha, balanced),
        power=_power(cycle, inference, alpha, balanced) if floor <= alpha + 1e-12 else 0.0,
        autocorrelation=autocorrelation_of(cycle.residuals(balanced)),
        unevenness=unevenness,
    )


def cyclic_p(residuals: np.ndarray, post: int, statistic: Statistic = "sum") -> np.ndarray:
    """The share of cyclic shifts whose statistic is at least the observed, for residuals (..., period); shape (...).

    The last ``post`` periods are those after the start. The observed counts as a shift, so p is never below 1 / periods.
    Ties within rounding count as at least the observed. Raises `EstimationError` for no period after the start, or none before.
    """
    if not 0 < post < residuals.shape[-1]:
        raise EstimationError(
            f"{post} of {residuals.shape[-1]} periods lie after the start, so nothing can be shifted; move the start"
        )
    shifted = _of_shifts(residuals, post, statistic)
    observed = shifted[..., -post, None]
    slack = TIED * np.abs(residuals).sum(axis=-1, keepdims=True)
    return (shifted >= observed - slack).mean(axis=-1)


def _of_shifts(residuals: np.ndarray, post: int, statistic: Statistic) -> np.ndarray:
    """The statistic of each run of ``post`` periods around the cycle, by its first period, (..., period)."""
    figures = residuals if statistic == "sum" else np.abs(residuals)
    around = np.concatenate([np.zeros((*figures.shape[:-1], 1)), figures, figures[..., : post - 1]], axis=-1).cumsum(axis=-1)
    sums = np.abs(around[..., post:] - around[..., :-post])
    return sums if statistic == "sum" else sums / post


def autocorrelation_of(residuals: np.ndarray) -> float:
    """The autocorrelation of neighbouring residuals (period,), corrected for the bias of a short series.

    r = Σ (u_t − ū)(u_{t−1} − ū) / Σ (u_t − ū)² falls short of ρ by about (1 + 3ρ) / T; r + (1 + 3r) / T is given, between
    −.95 and .95, and 0 for residuals that are all alike.

    Source: Marriott & Pope (1954) Bias in the estimation of autocorrelations, Biometrika 41(3/4), doi:10.2307/2332719.
    """
    centred = residuals - residuals.mean()
    size = float((centred**2).sum())
    if not size > TIED * float((residuals**2).sum()):
        return 0.0
    r = float((centred[1:] * centred[:-1]).sum()) / size
    return float(np.clip(r + (1 + 3 * r) / len(residuals), -LARGEST_AUTOCORRELATION, LARGEST_AUTOCORRELATION))


@dataclass(frozen=True, eq=False)
class _Cycle:
    """The panel with one more period, the mean of all, from which on the treated unit counts as treated.

    own (period,) counts, NaN outside the cycle, and later (period,) after the true start, both without the added period.
    """

    estimator: Comparative
    panel: Panel
    unit: str
    own: np.ndarray
    later: np.ndarray

    @classmethod
    def of(cls, estimator: Comparative, panel: Panel, estimand: Estimand) -> "_Cycle":
        unit, onset = panel.sole_treated
        if panel.spans(unit):
            estimator.family(panel, placebos=False)  # says so in the method's own words
        panel = panel.without(*{window.unit for window in panel.windows if window.unit in panel.donors})
        path = Counterfactual(panel.values[unit], panel.values[unit])
        inside = np.zeros(len(panel.periods), dtype=bool)
        inside[contrast_rows(path, estimand, onset)] = True
        later = np.asarray(panel.periods >= onset)
        own = np.where(later & ~inside, np.nan, panel.values[unit].to_numpy(dtype=float))
        known = ~np.isnan(own)
        if not (known & later).any():
            raise EstimationError(f"no figure of {unit} lies in {estimand.window} from the start {onset} on; widen the window")
        if (known & later).sum() > MOST_AFTER * known.sum():
            raise EstimationError(
                f"{(known & later).sum()} of {known.sum()} periods of {unit} lie after the start {onset}, and a conformal test "
                f"compares them with as many others or more (refused above {MOST_AFTER:.0%}); widen the baseline or "
                "shorten the window"
            )
        added = panel.periods[-1] + 1
        rows = panel.periods.append(pd.PeriodIndex([added]))
        values, exposure = (
            pd.DataFrame(np.vstack([table, np.nanmean(table, axis=0)]), rows, panel.values.columns)
            for table in (_without_empty(panel.values), panel.exposure.to_numpy(dtype=float))
        )
        longer = panel.with_(values=values, exposure=exposure, onsets=MappingProxyType({unit: added}), sources=None)
        return cls(estimator, longer, unit, own, later)

    @property
    def known(self) -> np.ndarray:
        return ~np.isnan(self.own)

    @property
    def after(self) -> int:
        return int((self.known & self.later).sum())

    def adjusted(self, ratio: float) -> np.ndarray:
        """The treated counts (period,), after the start divided by the ratio."""
        return np.where(self.later, self.own / ratio, self.own)

    def fitted(self, own: np.ndarray, panel: Panel | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Expected counts and residual rates (period,) of the cycle, when the treated unit counts ``own`` (period,)."""
        panel = panel or self.panel
        values = panel.values.copy()
        values[self.unit] = np.append(own, np.nanmean(own))
        family = self.estimator.family(panel.with_(values=values), placebos=False)
        expected, exposure = family.expected[0, :-1], family.comparison.exposure[:-1, family.members[0]]
        known = ~np.isnan(own)
        return expected[known], ((own - expected) / exposure)[known]

    def residuals(self, ratio: float) -> np.ndarray:
        return self.fitted(self.adjusted(ratio))[1]


def _without_empty(values: pd.DataFrame) -> np.ndarray:
    """The figures (period, unit), in which a unit without any has zeros: it has no mean, and is left out as a donor anyhow."""
    figures = values.to_numpy(dtype=float)
    return np.where(np.isnan(figures).all(axis=0), 0.0, figures)


def _unevenness(cycle: _Cycle) -> float:
    """How far residuals move, in residuals, when all periods are shifted by half the cycle before the fit."""
    there = cycle.residuals(1.0)
    by = int(cycle.known.sum()) // 2
    rows = np.flatnonzero(cycle.known)
    order = np.append(np.arange(len(cycle.own)), len(cycle.own))
    order[rows] = np.roll(rows, by)
    panel = cycle.panel
    turned = panel.with_(
        values=pd.DataFrame(panel.values.to_numpy()[order], panel.periods, panel.values.columns),
        exposure=pd.DataFrame(panel.exposure.to_numpy()[order], panel.periods, panel.values.columns),
    )
    back = np.roll(cycle.fitted(cycle.own[order[:-1]], turned)[1], -by)
    size = float(np.sqrt((there**2).mean()))
    moved = float(np.abs(back - there).max()) / size if size > 0 else 0.0
    if moved > ASYMMETRIC:
        raise EstimationError(
            f"{cycle.estimator.name} does not treat all periods of {cycle.unit} alike: shifted in time, its residuals move by "
            f"{moved:.0%} of their size, and a conformal test needs them to stay; leave out what names periods, or use placebos"
        )
    return moved


def _floor(residuals: np.ndarray, after: int) -> float:
    """The smallest p of the design. Where residuals add up to 0 the other half of the cycle is always as far out."""
    halves = 2 * after == len(residuals) and abs(residuals.sum()) <= LEVEL_SUM * np.abs(residuals).sum()
    return (2 if halves else 1) / len(residuals)


def _balanced(cycle: _Cycle) -> float:
    """The ratio under which the residuals after the start add up to 0, as near as the ratios that are tried come to it."""

    def left(log: float) -> float:
        return float(cycle.residuals(math.exp(log))[-cycle.after :].sum())

    low, high = -math.log(FARTHEST), math.log(FARTHEST)
    if left(low) <= 0:
        return math.exp(low)
    if left(high) >= 0:
        return math.exp(high)
    while high - low > SETTLED:
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) > 0 else (low, middle)
    return math.exp((low + high) / 2)


def _accepted(cycle: _Cycle, statistic: Statistic, alpha: float, balanced: float) -> tuple[tuple[float, float], ...]:
    """The ratios with p above alpha, in pieces; a limit lies between the last that is accepted and the next that is not."""

    def holds(log: float) -> bool:
        return cyclic_p(cycle.residuals(math.exp(log)), cycle.after, statistic) > alpha + 1e-12

    def limit(inside: float, outside: float) -> float:
        while abs(outside - inside) > SETTLED:
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if holds(middle) else (inside, middle)
        return math.exp(inside)

    logs = np.sort(np.append(np.linspace(-math.log(FARTHEST), math.log(FARTHEST), GRID), math.log(balanced)))
    exact = statistic == "sum" and 1 / FARTHEST < balanced < FARTHEST  # there p is 1 by what the ratio is
    held = [(exact and log == math.log(balanced)) or holds(log) for log in logs]
    pieces, first = [], None
    for place, inside in enumerate(held):
        if inside and (place == 0 or not held[place - 1]):
            first = 0.0 if place == 0 else limit(logs[place], logs[place - 1])
        if inside and (place + 1 == len(logs) or not held[place + 1]):
            last = math.inf if place + 1 == len(logs) else limit(logs[place], logs[place + 1])
            pieces.append((first, last))
    return tuple(pieces)


def _power(cycle: _Cycle, inference: ConformalInference, alpha: float, balanced: float) -> float:
    """The share of shifted residuals about the path without effect under which the benchmark would be found."""
    expected, residuals = cycle.fitted(cycle.adjusted(balanced))
    known, count = cycle.known, len(residuals)
    exposure = cycle.panel.exposure[cycle.unit].to_numpy()[:-1][known]
    found = []
    for shift in np.unique(np.linspace(0, count, min(count, MOST_SHIFTS), endpoint=False).astype(int)):
        own = np.full(len(cycle.own), np.nan)
        own[known] = np.maximum(expected + exposure * np.roll(residuals, shift), 0.0)
        own[cycle.later] *= inference.benchmark
        found.append(cyclic_p(cycle.fitted(own)[1], cycle.after, inference.statistic) <= alpha + 1e-12)
    return float(np.mean(found))
