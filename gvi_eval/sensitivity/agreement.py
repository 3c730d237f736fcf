"""Whether estimators agree: the same question asked of each, beside the calibrated default."""

from dataclasses import dataclass

import numpy as np

from gvi_eval.effect import Effect
from gvi_eval.sensitivity.level_trend import FACTOR

WIDTH_FACTOR = 1.5  # intervals that differ by more on the log are two opinions about the noise (T9)


@dataclass(frozen=True)
class Agreement:
    """One estimator beside the reference: how far apart the points are, how wide its interval is, and what differs.

    ``point_factor`` and ``width_factor`` are the ratio of the two points and of the two widths on the log, other over
    reference; None where either is missing. ``disagreements`` are sentences; empty where the two say the same.
    """

    point_factor: float | None
    width_factor: float | None
    disagreements: tuple[str, ...]


def agreement(reference: Effect, other: Effect) -> Agreement:
    """What an estimator says otherwise than the reference about the same ratio.

    Disagreements: a refusal of one alone; points on different sides of 1 or further apart than a factor 1.25; one interval
    that excludes 1 where the other does not; widths on the log that differ by more than a factor 1.5.
    """
    if reference.refusal or other.refusal:
        told = [one for one in (reference, other) if not one.refusal]
        refused = reference.refusal or other.refusal
        return Agreement(None, None, (f"{'only one answers' if told else 'both refuse'}: {refused}",))
    found = []
    factor = other.point / reference.point if reference.point else None
    if factor is not None and factor > 0:
        if (other.point - 1) * (reference.point - 1) < 0:
            found.append("the points lie on different sides of 1")
        if max(factor, 1 / factor) > FACTOR:
            found.append(f"the points differ by a factor {max(factor, 1 / factor):.2f}")
    widths = [_width(effect) for effect in (reference, other)]
    width = widths[1] / widths[0] if None not in widths and widths[0] > 0 else None
    if reference.intervals and other.intervals:
        excludes = [effect.intervals[0].excludes(1.0) for effect in (reference, other)]
        if excludes[0] != excludes[1]:
            found.append(f"{'only the reference' if excludes[0] else 'it alone'} excludes 1")
    if width is not None and width > 0 and max(width, 1 / width) > WIDTH_FACTOR:
        found.append(f"the interval is {width:.2f} times as wide")
    return Agreement(factor, width, tuple(found))


def _width(effect: Effect) -> float | None:
    """Width of the interval on the log; None without an interval that lies above 0."""
    if not effect.intervals or not effect.intervals[0].lower > 0 or not np.isfinite(effect.intervals[0].upper):
        return None
    return float(np.log(effect.intervals[0].upper / effect.intervals[0].lower))
