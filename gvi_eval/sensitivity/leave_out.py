"""Does the result hang on one donor, or on two? The comparison again without the heaviest of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from gvi_eval.errors import EstimationError
from gvi_eval.inference.evaluation import Evaluation, refitted
from gvi_eval.study import Estimand

HEAVIEST = 6  # donors that are left out, alone and two at a time; lighter ones can move little
LIGHTEST = 0.01


@dataclass(frozen=True)
class LeftOut:
    """The donors left out and the ratio without them; None, with the reason, where it cannot be had."""

    donors: tuple[str, ...]
    point: float | None
    refusal: str | None = None


def leave_out(evaluation: Evaluation, estimand: Estimand) -> tuple[LeftOut, ...]:
    """The contrast without each donor that bears weight, and without each two of them; at most the `HEAVIEST`."""
    return tuple(_without(evaluation, estimand))


def _without(evaluation: Evaluation, estimand: Estimand) -> Iterator[LeftOut]:
    family = evaluation.family
    weights = dict(zip(family.comparison.units, family.weights[0], strict=True))
    heavy = sorted(
        (name for name, weight in weights.items() if abs(weight) >= LIGHTEST), key=lambda name: (-abs(weights[name]), name)
    )
    heavy = heavy[:HEAVIEST]
    for donors in (*((name,) for name in heavy), *combinations(heavy, 2)):
        try:
            yield LeftOut(donors, refitted(evaluation.estimator, evaluation.panel.without(*donors), estimand).point)
        except EstimationError as fault:
            yield LeftOut(donors, None, str(fault))
