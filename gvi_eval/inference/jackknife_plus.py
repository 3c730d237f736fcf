"""Jackknife+ over time: how far a comparison misses the periods before the start that it has not seen."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from gvi_eval.effect import Counterfactual, contrast_rows
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._comparison import Comparative, Family
from gvi_eval.estimators._design import require_level
from gvi_eval.intervals import Interval
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

METHOD = "jackknife_plus"


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A comparison fitted without each block of so many periods before the start, its settings chosen anew each time.

    family: of the whole; length of a block; misses (block,): Σ observed − Σ expected over the block by the fit that has not
    seen it; expected (block, period) counts by that fit.
    """

    family: Family
    length: int
    misses: np.ndarray
    expected: np.ndarray

    def limits(self, rows: np.ndarray, level: float) -> tuple[float, float]:
        """Lower and upper limit of the counts without the intervention, summed over these periods."""
        sums = self.expected[:, rows].sum(axis=1)
        reach = np.abs(self.misses)
        longer = len(rows) / self.length
        if longer != 1:
            own = (len(sums) - 1) * sums.var()  # of the fit's own error, which a sum takes along as a whole
            reach = np.sqrt(longer * reach**2 + ndtri((1 + level) / 2) ** 2 * own)
        rank = math.ceil(level * (len(sums) + 1) - 1e-9)
        lower, upper = np.sort(sums - reach)[len(sums) - rank], np.sort(sums + reach)[rank - 1]
        whole = self.family.expected[0, rows].sum()
        if self.family.comparison.kind == "count":
            lower = max(lower, 0.0)
        return float(min(lower, whole)), float(max(upper, whole))


def jackknife_plus(estimator: Comparative, panel: Panel, estimand: Estimand, level: float = 0.95) -> Interval:
    """The contrast over the window by jackknife+ over blocks of periods before the start.

    Every block B of so many periods is left out of the treated unit's figures, the method is fitted anew, its settings
    chosen again, and misses the block by e_B = Σ observed − Σ expected. With S_B what that fit expects of the window, the
    window's counts without the intervention lie between order statistics of S_B − |e_B| and of S_B + |e_B|, the
    ⌈level · (m + 1)⌉-th of the m blocks from below and above.

    Where the periods before the start hold enough blocks as long as the window (19 at 95 %), blocks are so long. Then, were
    blocks exchangeable with the window, the interval would hold the truth with a probability of at least 2 · level − 1 and in
    practice of about level; what periods of one block have in common is in its miss. For a window of one period a block is
    one period.

    Else blocks are as long as the periods before the start allow, and nothing is exact. A window of k periods is given

        reach_B² = (k / length) e_B² + z² V,    V = (m − 1) / m · Σ (S_B − mean S)²

    instead of |e_B|: scatter grows with the root of the number of blocks, while the error of the fit, V by the jackknife, is
    taken along in full. That is right for figures independent from block to block, and too narrow where they are correlated
    over longer than a block: of a strong correlation from period to period the periods around one left out tell what those
    after the start are not told, also in a window of one period. A place that drifts from its donors is not found by any
    length. The interval always holds the point. Ratio and events prevented as in `effect_from_paths`; a ratio has no upper
    limit where nothing may have been expected.

    Raises `EstimationError` with too few periods before the start for the level, and as the method does; `StudyError` for a
    level that is none.

    Source: Barber, Candès, Ramdas & Tibshirani (2021) Predictive inference with the jackknife+, Ann. Stat. 49(1),
    doi:10.1214/20-AOS1965. Over time in place of units, for single periods: Ben-Michael, Feller & Rothstein (2021) The
    augmented synthetic control method, J. Am. Stat. Assoc. 116(536), doi:10.1080/01621459.2021.1929245.
    """
    require_level(level, METHOD)
    family = estimator.family(panel, placebos=False)
    rows = _window(family, estimand)
    known = _known(family)
    fewest = _fewest(family, len(known), level)
    length = len(rows) if len(known) >= fewest * len(rows) else len(known) // fewest
    lower, upper = leave_out_blocks(estimator, panel, length, family).limits(rows, level)
    observed = float(family.comparison.counts[rows, 0].sum())
    if estimand.contrast == "ratio":
        if upper <= 0:
            raise EstimationError(
                f"nothing is expected of {family.comparison.units[0]} in {estimand.window}, so no ratio exists; take the "
                "difference"
            )
        return Interval(observed / upper, observed / lower if lower > 0 else math.inf, level, "jackknife")
    if estimand.contrast == "prevented":
        return Interval(lower - observed, upper - observed, level, "jackknife")
    return Interval((observed - upper) / len(rows), (observed - lower) / len(rows), level, "jackknife")


def jackknife_plus_path(estimator: Comparative, panel: Panel, level: float = 0.95) -> pd.DataFrame:
    """Per period from the start on: observed, expected, and the limits of what one period would have counted.

    The limits hold for one period at a time, not for all of them together, nor for their sum. Raises as `jackknife_plus`.
    """
    require_level(level, METHOD)
    family = estimator.family(panel, placebos=False)
    side = family.comparison
    _fewest(family, len(_known(family)), level)
    left_out = leave_out_blocks(estimator, panel, 1, family)
    rows = np.flatnonzero(~side.before & ~np.isnan(family.expected[0]))
    limits = np.array([left_out.limits(np.array([row]), level) for row in rows]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "observed": side.counts[rows, 0],
            "expected": family.expected[0, rows],
            "expected_lower": limits[:, 0],
            "expected_upper": limits[:, 1],
        },
        index=side.periods[rows],
    )


def leave_out_blocks(estimator: Comparative, panel: Panel, length: int, family: Family) -> LeftOut:
    """The method without each block of ``length`` neighbouring periods before the start, the last ones first cut.

    Periods that fill no block, the earliest, are never left out.
    """
    known = _known(family)
    count = len(known) // length
    blocks = known[len(known) - count * length :].reshape(count, length)
    unit, _ = panel.sole_treated
    column = panel.values.columns.get_loc(unit)
    misses, expected = np.empty(count), np.empty((count, len(panel.periods)))
    for place, block in enumerate(blocks):
        values = panel.values.astype(float)
        values.iloc[block, column] = np.nan
        expected[place] = estimator.family(panel.with_(values=values), placebos=False).expected[0]
        misses[place] = (family.comparison.counts[block, 0] - expected[place, block]).sum()
    return LeftOut(family, length, misses, expected)


def _window(family: Family, estimand: Estimand) -> np.ndarray:
    """Positions of the periods of the window with a figure."""
    side = family.comparison
    path = Counterfactual(pd.Series(side.counts[:, 0], side.periods), pd.Series(family.expected[0], side.periods))
    rows = contrast_rows(path, estimand, side.onset)
    rows = rows[~np.isnan(side.counts[rows, 0]) & ~np.isnan(family.expected[0, rows])]
    if not len(rows):
        raise EstimationError(f"no figure of {side.units[0]} and its donors lies in {estimand.window}; widen the window")
    return rows


def _known(family: Family) -> np.ndarray:
    """Positions of the periods before the start with a figure of the treated unit and an expected one."""
    side = family.comparison
    return np.flatnonzero(side.before & ~np.isnan(side.counts[:, 0]) & ~np.isnan(family.expected[0]))


def _fewest(family: Family, known: int, level: float) -> int:
    """How many blocks the level asks for; raises where there are fewer periods before the start than that."""
    fewest = math.ceil(level / (1 - level) - 1e-9)
    if known < fewest:
        side = family.comparison
        raise EstimationError(
            f"{side.units[0]} has {known} periods before the start {side.onset} with figures, and {METHOD} at a level of "
            f"{level:.0%} needs {fewest}; widen the baseline or ask for a level of {known / (known + 1):.2f} at most"
        )
    return fewest
