"""A specification curve as a whole: what its answers have in common, and how unusual that is where nothing happened."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.specification import Answer

SAME = 1e-9  # two statistics that differ by less are tied; a record keeps ten digits


@dataclass(frozen=True)
class Summary:
    """A curve in a few numbers; shares are of the specifications that gave a ratio.

    median: of the log ratios, the middle of the curve and no estimate of anything; same_sign: on the claimed one's side of
    1; excluding: with an interval that lies on one side of 1; rank: of the claimed point from the lowest, 1 being lowest.
    """

    specifications: int
    refused: int
    median: float
    scaled: float
    excluding: float
    same_sign: float | None = None
    rank: int | None = None


def summarise(told: Iterable[Answer], claimed: Answer | None = None) -> Summary:
    """The curve in a few numbers. Raises `EstimationError` where no specification gave a ratio."""
    told = list(told)
    given = [each for each in told if each.told]
    if not given:
        raise EstimationError(f"none of {len(told)} specifications gave a ratio, so there is no curve; read their refusals")
    logs = np.log([each.point for each in given])
    scaled = [each.scaled for each in given if each.scaled is not None]
    rank = same = None
    if claimed is not None and claimed.told:
        own = np.log(claimed.point)
        same = float(np.mean(np.sign(logs) == np.sign(own)))
        rank = int((logs < own).sum()) + 1
    return Summary(
        specifications=len(told),
        refused=len(told) - len(given),
        median=float(np.median(logs)),
        scaled=float(np.median(scaled)) if scaled else float("nan"),
        excluding=float(np.mean([each.excludes for each in given])),
        same_sign=same,
        rank=rank,
    )


@dataclass(frozen=True)
class JointTest:
    """How unusual the whole curve is among curves without an effect.

    p = (1 + number of the other curves at least as extreme) / (1 + their number); ``floor`` is the smallest it can be.
    """

    statistic: str
    observed: float
    p: float
    floor: float
    series: int


def joint_tests(observed: Summary, others: Iterable[Summary]) -> tuple[JointTest, ...]:
    """The tests of a curve beside those of series without an effect.

    The middle of the curve is two-sided, by its distance from the middle of all curves, its own included, because without an
    effect a trend alone can put that middle off 1; so is the middle of the ratios over their widths, which suits places of
    different size; then the middle towards a fall alone, and the share of intervals excluding 1, larger being more extreme.
    After Simonsohn, Simmons & Nelson (2020) Specification curve analysis, Nature Human Behaviour 4,
    doi:10.1038/s41562-020-0912-z.
    """
    others = list(others)
    medians = [each.median for each in (observed, *others)]
    scaled = [each.scaled for each in (observed, *others)]
    excluding = [each.excluding for each in (observed, *others)]
    return (
        _ranked("median log ratio, either side", observed.median, _distances(medians)),
        _ranked("median of log ratio over half-width, either side", observed.scaled, _distances(scaled)),
        _ranked("median log ratio, a fall", observed.median, [-value for value in medians]),
        _ranked("share of intervals excluding 1", observed.excluding, excluding),
    )


def _distances(values: list[float]) -> list[float]:
    return list(np.abs(np.array(values) - np.nanmedian(values)))


def _ranked(statistic: str, observed: float, extreme: list[float]) -> JointTest:
    """The first of ``extreme`` is the observed curve's; larger is more extreme, ties count against it."""
    others = [value for value in extreme[1:] if value == value]
    beyond = sum(value >= extreme[0] - SAME for value in others)
    count = len(others)
    return JointTest(statistic, float(observed), float((1 + beyond) / (1 + count)), 1 / (1 + count), count)
