"""Two shares of a survey: whether they can be told apart, and how many respondents that would take."""

import math

from scipy import stats

DESIGN_EFFECT = 1.5  # of a weighted city survey, where none is published


def two_shares(before: float, after: float, respondents: int, effect: float = DESIGN_EFFECT) -> tuple[float, float]:
    """z and two-sided p of a difference between two shares with as many respondents each time."""
    error = math.sqrt(effect * (before * (1 - before) + after * (1 - after)) / respondents)
    z = (after - before) / error
    return z, float(2 * stats.norm.sf(abs(z)))


def respondents_needed(before: float, after: float, effect: float = DESIGN_EFFECT) -> int:
    """Respondents each time from which on the difference leaves a 95 % interval; before and after as shares that differ."""
    spread = effect * (before * (1 - before) + after * (1 - after))
    return math.ceil(spread * (stats.norm.ppf(0.975) / (after - before)) ** 2)
