"""Two published counts as a change: by the bare counts, by the days they cover, and how sure they could make anyone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from gvi_eval.claims.declared import Quantity, words
from gvi_eval.claims.published import NEAR, Count, Published
from gvi_eval.intervals import Interval
from gvi_eval.windows import CountWindow

LEVEL = 0.95
SIGNS = {"down": -1, "up": 1}
ROUND = 2.5  # points about a multiple of ten that is given without a rounding: read as rounded to five


@dataclass(frozen=True)
class Change:
    """What two counts say: ratio of rates (events per day), ratio of bare counts, and intervals of the first.

    ``exact`` is conditional on the sum (`exact_interval`); ``adjusted`` widens it by how much the published windows
    scatter, and is None where there are too few of them to tell.
    """

    before: Count
    after: Count
    exact: Interval | None
    adjusted: Interval | None
    dispersion: float | None

    @property
    def rate_ratio(self) -> float:
        return self.after.per_day / self.before.per_day if self.before.events else math.nan

    @property
    def count_ratio(self) -> float:
        return self.after.events / self.before.events if self.before.events else math.nan

    @property
    def is_level(self) -> bool:
        """Whether both counts cover as many days, a leap day aside."""
        return abs(self.after.days - self.before.days) <= NEAR.days

    @property
    def percent(self) -> float:
        """The change per day in percent; by bare counts where both cover as many days."""
        return 100 * ((self.count_ratio if self.is_level else self.rate_ratio) - 1)

    @property
    def percent_of_counts(self) -> float:
        return 100 * (self.count_ratio - 1)

    @property
    def per_month(self) -> float:
        """The difference of events per month of 365.25 / 12 days."""
        return (self.after.per_day - self.before.per_day) * 365.25 / 12


def change(series: Published, before: Count, after: Count) -> Change:
    """The change from one count to another, with an exact and, where the windows can tell, a dispersion-adjusted interval."""
    exact = exact_interval(after.events, before.events, after.days, before.days) if before.events else None
    pieces = (series.inside(before.span), series.inside(after.span))
    phi, freedom = dispersion(*pieces)
    adjusted = None
    if phi is not None and before.events and after.events:
        adjusted = adjusted_interval(after.events, before.events, after.days, before.days, max(phi, 1.0), freedom)
    return Change(before, after, exact, adjusted, phi)


def exact_interval(a: int, b: int, more: float, less: float, level: float = LEVEL) -> Interval:
    """Exact conditional interval of the ratio of two rates, a events in ``more`` days over b in ``less`` days, b > 0.

    Given a + b, a is binomial with share ratio · more / (ratio · more + less); Clopper–Pearson limits of that share become
    limits of the ratio. Assumes independent events. Przyborowski & Wilenski (1940), doi:10.1093/biomet/31.3-4.313.
    """
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, a, b + 1)) if a else 0.0
    high = float(stats.beta.ppf(1 - tail, a + 1, b))
    return Interval(low / (1 - low) * less / more, high / (1 - high) * less / more, level, "exact")


def adjusted_interval(a: int, b: int, more: float, less: float, phi: float, freedom: int, level: float = LEVEL) -> Interval:
    """Interval of the ratio of two rates for counts that scatter phi times as much as independent events do.

    exp(log ratio ± t · √(phi (1/a + 1/b))), t with the degrees of freedom that phi was estimated on; a, b > 0.
    McCullagh & Nelder (1989) Generalized Linear Models, section 6.2, doi:10.1007/978-1-4899-3242-6.
    """
    middle = math.log(a / more) - math.log(b / less)
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * math.sqrt(phi * (1 / a + 1 / b))
    return Interval(math.exp(middle - half), math.exp(middle + half), level, "wald")


def dispersion(before: Sequence[CountWindow], after: Sequence[CountWindow]) -> tuple[float | None, int]:
    """Pearson's Σ (y − m)² / m about the rate of each side, per degree of freedom; None with fewer than two of these."""
    total, windows = 0.0, 0
    sides = [side for side in (before, after) if side]
    for side in sides:
        days = [sum((last - first).days + 1 for first, last in window.ranges) for window in side]
        rate = sum(window.count for window in side) / sum(days)
        windows += len(side)
        total += sum((window.count - rate * own) ** 2 / (rate * own) for window, own in zip(side, days, strict=True) if rate)
    freedom = windows - len(sides)
    return (total / freedom, freedom) if freedom >= 2 else (None, freedom)


def tolerance(quantity: Quantity) -> float:
    """How far a recomputed percentage may lie from the claimed one: half the stated step, by default half a point."""
    return (quantity.rounding or 1.0) / 2


def fits(quantity: Quantity, percent: float) -> str | None:
    """Whether a recomputed change in percent is what was claimed: 'R3' at the digits printed, 'R2' by its word, else None.

    The ranges of words are fixed in the schema: 'about' allows five points, 'over' and 'up to' are one-sided. A multiple of ten
    without a stated rounding is read as rounded to five. A direction without a size is held by any change that way.
    """
    claimed = quantity.claimed_percent
    said = words().get(quantity.word or "", {})
    if claimed is not None and abs(percent - claimed) <= tolerance(quantity) + 1e-9:
        return "R3"
    if not said and not quantity.rounding and claimed is not None and claimed % 10 == 0 and abs(percent - claimed) <= ROUND:
        return "R2"
    if "points" in said and claimed is not None and abs(percent - claimed) <= said["points"] + 1e-9:
        return "R2"
    if said.get("one_sided") and claimed is not None:
        beyond = percent * math.copysign(1, claimed) >= abs(claimed) - 1e-9
        return "R2" if beyond == (quantity.word == "over") and percent * claimed >= 0 else None
    if "low" in said:
        low = said["low"] if said["low"] is not None else -math.inf
        high = said["high"] if said["high"] is not None else math.inf
        return "R2" if low <= percent <= high and percent != 0 else None
    if claimed is None and not quantity.is_pair and quantity.direction in SIGNS:
        return "R2" if percent * SIGNS[quantity.direction] > 0 else None
    return None
