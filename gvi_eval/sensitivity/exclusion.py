"""What an effect rules out: how large a fall and how large a rise the figures exclude (T20)."""

import math
from dataclasses import dataclass

from gvi_eval.effect import Effect, ratio_quantile
from gvi_eval.inference.placebo import Placebos

ONE_SIDED = 0.95


@dataclass(frozen=True)
class Exclusion:
    """One-sided 95 % limits of the ratio, and whether they reach inside the smallest effect of interest."""

    lower: float
    upper: float
    conclusive: bool
    sentence: str


def exclusion(effect: Effect, smallest: tuple[float, float]) -> Exclusion | None:
    """The falls and rises that an effect excludes, against the study's smallest effects of interest.

    A null result is not no effect: unless falls beyond ``smallest[0]`` or rises beyond ``smallest[1]`` are excluded, the
    result is inconclusive. None for a refused effect and one without a distribution of its ratio.
    """
    if effect.refusal or effect.counterfactual is None or effect.counterfactual.mixture is None:
        return None
    return _excluded(*(ratio_quantile(effect, p) for p in (1 - ONE_SIDED, ONE_SIDED)), smallest)


def exclusion_by_placebos(effect: Effect, placebos: Placebos, smallest: tuple[float, float]) -> Exclusion | None:
    """The same by the placebos: a one-sided limit of 95 % is that of a two-sided interval of 90 %.

    None for a refused effect, and where the donors are too few for that level.
    """
    if effect.refusal:
        return None
    lower, upper, level = placebos.log_interval(2 * ONE_SIDED - 1)
    if level < 2 * ONE_SIDED - 1 or not math.isfinite(upper - lower):
        return None
    return _excluded(math.exp(lower), math.exp(upper), smallest)


def _excluded(lower: float, upper: float, smallest: tuple[float, float]) -> Exclusion:
    falls, rises = lower > smallest[0], upper < smallest[1]
    said = f"{_fall(lower)} and {_rise(upper)} (one-sided 95 % limits)"
    if falls and rises:
        verdict = f"any effect that matters (ratio outside {smallest[0]:g} to {smallest[1]:g}) is excluded"
    elif falls:
        verdict = f"a fall that matters (below {smallest[0]:g}) is excluded"
    elif rises:
        verdict = f"a rise that matters (above {smallest[1]:g}) is excluded"
    else:
        verdict = f"neither a fall below {smallest[0]:g} nor a rise above {smallest[1]:g} is excluded: inconclusive"
    return Exclusion(lower, upper, falls or rises, f"excludes {said}; {verdict}")


def _fall(lower: float) -> str:
    if lower >= 1:
        return f"every fall, and rises smaller than {lower - 1:.0%}"
    return f"falls larger than {1 - lower:.0%}"


def _rise(upper: float) -> str:
    if upper <= 1:
        return f"every rise, and falls smaller than {1 - upper:.0%}"
    return "no rise" if math.isinf(upper) else f"rises larger than {upper - 1:.0%}"
