"""Level | level + trend: a single series always shows both, and says so when they do not agree."""

import dataclasses
from dataclasses import dataclass

from gvi_eval.effect import Effect
from gvi_eval.estimators import Estimator

FACTOR = 1.25  # points further apart than this are two different answers


@dataclass(frozen=True)
class LevelTrend:
    """The same analysis without and with the trend before the start, and what the two say together.

    ``separated`` is False where the points lie on different sides of 1 or differ by more than a factor 1.25: then the
    headline is the sentence, not a number.
    """

    level: Effect
    trend: Effect
    separated: bool | None
    sentence: str


def has_trend(estimator: Estimator) -> bool:
    """Whether an estimator has the choice between a trend and none."""
    return any(field.name == "trend" for field in dataclasses.fields(estimator))


def level_and_trend(level: Effect, trend: Effect) -> LevelTrend:
    """What a level-only effect and its twin with a trend say together.

    With no effect at all, a series that falls steadily gives a level-only ratio below 1; one with a trend does not, but is
    wider. Level-only is therefore a bound beside the other, never a headline alone.
    """
    for effect, word in ((level, "without a trend"), (trend, "with a trend")):
        if effect.refusal:
            return LevelTrend(
                level, trend, None, f"there is no estimate {word}, so a step cannot be told from a trend: {effect.refusal}"
            )
    low, high = sorted((level.point, trend.point))
    both = f"level {level.point:.3f} | level + trend {trend.point:.3f}"
    if low < 1 < high or high / low > FACTOR:
        sentence = f"the design does not separate a step from the trend before it: {both}"
        return LevelTrend(level, trend, False, sentence)
    return LevelTrend(level, trend, True, f"the ratio is much the same with and without the trend before it: {both}")
