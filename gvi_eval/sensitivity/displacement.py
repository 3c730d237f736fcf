"""Did the violence move next door, or did the quiet spread? Counts of a place and of the areas around it, before and after."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from gvi_eval.errors import EstimationError
from gvi_eval.intervals import Interval

Counts = tuple[float, float]  # before, after


@dataclass(frozen=True)
class Change:
    """A change of counts beyond that of a control, in events, and its standard error."""

    point: float
    standard_error: float

    @property
    def z(self) -> float:
        return self.point / self.standard_error if self.standard_error > 0 else np.nan

    def interval(self, level: float = 0.95) -> Interval:
        reach = special.ndtri((1 + level) / 2) * self.standard_error
        return Interval(self.point - reach, self.point + reach, level, "wald")


@dataclass(frozen=True)
class Displacement:
    """What changed in the treated place, in the areas around it, and in both together, each beyond its controls."""

    local: Change
    around: Change
    total: Change

    @property
    def offset(self) -> float | None:
        """The share of the fall in the treated place that the areas around it gave back: −around / local.

        Below 0 the quiet spread (diffusion of benefits). None where the treated place did not fall, so that there is nothing
        to give back.
        """
        return -self.around.point / self.local.point if self.local.point < 0 else None


def weighted_displacement_difference(
    treated: Counts,
    control: Counts,
    around: Counts = (0, 0),
    around_control: Counts = (0, 0),
    *,
    lengths: Counts = (1, 1),
    sizes: tuple[float, float, float, float] = (1, 1, 1, 1),
) -> Displacement:
    """The weighted displacement difference of counts (before, after).

    WDD = (T1 − T0) − (Ct1 − Ct0) + (D1 − D0) − (Cd1 − Cd0), every count divided by its weight w: the length of its period
    times the size of its area (treated, control, around, control of around). Its variance is Σ count / w², the sum of the
    counts where all weights are 1: counts are taken as Poisson and independent, so one that scatters more makes it too small.
    It assumes that without the programme every area would have changed by as many events as its control.

    Source: Wheeler & Ratcliffe (2018) A simple weighted displacement difference test to evaluate place based crime
    interventions, Crime Science 7:11, doi:10.1186/s40163-018-0085-5.
    Raises `EstimationError` for a negative count and for a length or size that is not above 0.
    """
    counts = np.array([treated, control, around, around_control], dtype=float)
    weights = np.outer(sizes, lengths)
    if (counts < 0).any() or not (weights > 0).all():
        raise EstimationError(
            f"a displacement difference of the counts {counts.tolist()} with lengths {lengths} and sizes {sizes}: counts are 0 "
            "or more, lengths and sizes above 0"
        )
    rates, variances = counts / weights, counts / weights**2
    changes, spread = rates[:, 1] - rates[:, 0], variances.sum(axis=1)
    local, beside = changes[0] - changes[1], changes[2] - changes[3]
    return Displacement(
        Change(float(local), float(np.sqrt(spread[0] + spread[1]))),
        Change(float(beside), float(np.sqrt(spread[2] + spread[3]))),
        Change(float(local + beside), float(np.sqrt(spread.sum()))),
    )


def displacement_in_proportion(treated: Counts, around: Counts, control: Counts) -> Displacement:
    """The same beside one control of another size, which would have moved every area in proportion.

    Each area's control is the common one weighted to the area's own count before: expected after = before · C1 / C0, so that
    periods of unequal length and areas of unequal size need no weights of their own. By the delta method, counts Poisson and
    independent, with r = C1 / C0 and b the count before,

        change = after − r b        variance = after + r² b + b² r² (1 / C1 + 1 / C0)

    and the same for both areas together, whose counts add up. Raises `EstimationError` where the control has no events on a
    side.
    """
    first, last = control
    if not (first > 0 and last > 0):
        raise EstimationError(
            f"the control areas recorded {first:g} events before and {last:g} after the start, so there is no ratio to carry "
            "over; take larger or more control areas"
        )
    ratio, noise = last / first, 1 / first + 1 / last

    def change(before: float, after: float) -> Change:
        variance = after + ratio**2 * before + (before * ratio) ** 2 * noise
        return Change(after - ratio * before, float(np.sqrt(variance)))

    together = (treated[0] + around[0], treated[1] + around[1])
    return Displacement(change(*treated), change(*around), change(*together))


def displacement_quotient(treated: Counts, around: Counts, control: Counts) -> float:
    """The weighted displacement quotient: the change of the buffer's share over that of the treated place.

    WDQ = (B1/C1 − B0/C0) / (A1/C1 − A0/C0), with A the treated place, B the areas around it and C the control. Where the
    treated place fell beside its control: above 0 the benefit spread, between −1 and 0 part of it was given back, below −1
    more than all of it.

    Source: Bowers & Johnson (2003) Measuring the geographical displacement and diffusion of benefit effects of crime
    prevention activity, Journal of Quantitative Criminology 19(3):275–301, doi:10.1023/A:1024909009240.
    Raises `EstimationError` where the control has no events on a side, and where the treated place did not fall beside its
    control, when the quotient means nothing.
    """
    if not (control[0] > 0 and control[1] > 0):
        raise EstimationError(
            f"the control areas recorded {control[0]:g} and {control[1]:g} events, and a quotient divides by both; take larger "
            "control areas"
        )
    success = treated[1] / control[1] - treated[0] / control[0]
    if not success < 0:
        raise EstimationError(
            f"the treated place went from {treated[0]:g} to {treated[1]:g} events beside {control[0]:g} and {control[1]:g} in "
            "its control: it did not fall, so there is nothing to displace and no quotient"
        )
    return float((around[1] / control[1] - around[0] / control[0]) / success)


def by_ring(treated: Counts, rings: Mapping[str, Counts], control: Counts) -> dict[str, Displacement]:
    """Every ring around the treated place by itself, in the order given: where displacement is local it fades outwards."""
    return {name: displacement_in_proportion(treated, counts, control) for name, counts in rings.items()}
