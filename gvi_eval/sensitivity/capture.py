"""Two counts of the same thing: does the share that one of them catches break at a date, or drift over the years?"""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from gvi_eval.errors import EstimationError
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.windows import coverage

ROUNDS = 50
SETTLED = 1e-10
LARGEST_STEP = 2.0
PRIOR_SD = 10.0  # on the log odds, so that a share of nought or one has a number


@dataclass(frozen=True, eq=False)
class Overlap:
    """Figures of two counts for the same days of the same unit: counts (figure,) and the middle of each in years, (figure,)."""

    one: np.ndarray
    other: np.ndarray
    years: np.ndarray

    def __len__(self) -> int:
        return len(self.one)


@dataclass(frozen=True)
class Coefficient:
    """A coefficient on the log odds with its standard error and the t quantile of its 95 % interval."""

    value: float
    se: float
    wide: float

    @property
    def limits(self) -> tuple[float, float]:
        return self.value - self.wide * self.se, self.value + self.wide * self.se

    @property
    def excludes_zero(self) -> bool:
        lower, upper = self.limits
        return lower > 0 or upper < 0


def overlap(one: Panel, other: Panel, unit: str) -> Overlap:
    """The figures that two panels both have for the same days of a unit; time in years from the first period of ``one``."""
    rows = []
    zero = one.periods[0].ordinal
    first, second = _days(one, unit), _days(other, unit)
    for days, count in first.items():
        if days in second and count + second[days] > 0:
            middle = np.mean([place - zero for place, _ in days])
            rows.append((count, second[days], middle / PER_YEAR[one.frequency]))
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return Overlap(*table.T)


def _days(panel: Panel, unit: str) -> dict[tuple[tuple[int, float], ...], float]:
    """A unit's counts by the periods that each covers and the share of each."""
    ordinals = [period.ordinal for period in panel.periods]
    known = panel.values[unit].dropna()
    found = {((period.ordinal, 1.0),): float(count) for period, count in known.items()}
    for span in panel.spans(unit):
        shares = coverage(span, panel.periods)
        days = tuple((ordinals[place], round(float(shares[place]), 9)) for place in np.flatnonzero(shares))
        found[days] = float(span.count)
    return found


def share_coefficient(of: Overlap, columns: np.ndarray) -> Coefficient:
    """The last coefficient of log odds(one of one + other) on columns (figure, column), by quasi-binomial regression.

    Given the sum of the two counts the first is binomial; Pearson's dispersion, at least 1, widens the standard error, and t
    has as many degrees of freedom as figures are left over. A prior N(0, 10²) keeps shares of nought and one finite. Raises
    `EstimationError` where no figure is left over.
    """
    total, spare = of.one + of.other, len(of) - columns.shape[1]
    if spare < 1 or np.linalg.matrix_rank(columns) < columns.shape[1]:
        raise EstimationError(f"the two counts have {len(of)} figures in common, too few to see their ratio change")
    beta = np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        share = special.expit(columns @ beta)
        weight = total * share * (1 - share)
        information = (columns.T * weight) @ columns + np.eye(len(beta)) / PRIOR_SD**2
        step = np.linalg.solve(information, columns.T @ (of.one - total * share) - beta / PRIOR_SD**2)
        step /= max(np.abs(step).max() / LARGEST_STEP, 1.0)
        beta = beta + step
        if np.abs(step).max() < SETTLED:
            break
    pearson = float(((of.one - total * share) ** 2 / np.maximum(weight, 1e-12)).sum() / spare)
    se = float(np.sqrt(max(pearson, 1.0) * np.linalg.inv(information)[-1, -1]))
    return Coefficient(float(beta[-1]), se, float(stats.t.ppf(0.975, spare)))
