"""Two treated cities, each beside its own donors: how unusual are both together?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gvi_eval.errors import StudyError
from gvi_eval.inference.placebo import Placebos
from gvi_eval.intervals import Test

ROUNDING = 1e-12
INDEPENDENT = (
    "the permutations take the cities as independent; what moves them all at once, or passes from one to another, is not in it"
)


@dataclass(frozen=True)
class JointPermutation:
    """The sum of the size-scaled log gaps of several cities among all combinations of their units.

    ``fall`` is one-sided (as low or lower), ``either`` two-sided; ``combinations`` counts them, the treated one included.
    """

    cities: tuple[str, ...]
    statistic: float
    fall: Test
    either: Test
    combinations: int

    @property
    def words(self) -> str:
        return INDEPENDENT


def joint_permutation(placebos: Sequence[Placebos]) -> JointPermutation:
    """Every unit of one city's set in the treated place beside every unit of the others', enumerated.

    S = sum over cities of scaled_c, with scaled_c the log ratio over what places of that size scatter by; the set is the
    product of the cities' units, so p = #{S_ij <= S_00} / prod (J_c + 1), and no p is below 1 / prod (J_c + 1). A unit of which
    nothing was expected is infinitely far out and counts against the treated on both sides. Raises `StudyError` for fewer
    than two cities, or for one that comes twice.
    """
    cities = tuple(each.units[0] for each in placebos)
    if len(cities) < 2:
        raise StudyError(
            f"a joint permutation needs two cities with donors, and here {len(cities)} is given; use placebos alone"
        )
    if len(set(cities)) < len(cities):
        raise StudyError(f"{', '.join(cities)}: a city comes twice, and would be counted against itself; name each once")
    shared = sorted(set.intersection(*(set(each.units[1:]) for each in placebos)))
    low, high = (
        _sums([np.where(np.isfinite(each.scaled), each.scaled, side) for each in placebos]) for side in (-np.inf, np.inf)
    )
    own = float(sum(each.scaled[0] for each in placebos))
    edge = ROUNDING * (1 + abs(own))
    count = len(low)
    both = f"{' and '.join(cities)} are alike their donors (no effect in any of them)"
    if shared:
        both += f"; {len(shared)} donors serve more than one of them and are taken as different"
    floor = 1 / count
    fall = float((low <= own + edge).mean())
    # An infinite sum is beyond on either side; where two cancel, the unit is still one of which nothing was expected.
    size = np.maximum(np.abs(low), np.abs(high))
    either = float((~(size < abs(own) - edge)).mean())
    return JointPermutation(
        cities,
        own,
        Test("joint placebo, one-sided", f"the sum of the scaled log gaps of {both}", own, fall, floor),
        Test("joint placebo", f"the sum of the scaled log gaps of {both}", abs(own), either, floor),
        count,
    )


def _sums(scaled: Sequence[np.ndarray]) -> np.ndarray:
    """All sums of one entry from each, shape (product of lengths,), the treated ones first."""
    total = np.zeros(1)
    for each in scaled:
        total = (total[:, None] + each).ravel()
    return total
