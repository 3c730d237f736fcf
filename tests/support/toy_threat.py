"""A threat for the tests of the battery: flagged where the ratio falls below a limit, which a halving does."""

from dataclasses import dataclass
from typing import ClassVar

from gvi_eval.sensitivity.threats import verdict
from gvi_eval.sensitivity.threats.planting import after, redrawn


@dataclass(frozen=True)
class Fell:
    """Flagged below ``limit``; at 0 it is blind."""

    limit: float = 0.75
    id: ClassVar[str] = "T99"
    title: ClassVar[str] = "a fall"
    measure: ClassVar[str] = "ratio"
    violation: ClassVar[str] = "a ratio of 0.4"

    def look(self, case):
        ratio = case.fit().point
        return verdict(self.id, ratio < self.limit, ratio, f"the ratio is {ratio:.3f}")

    def planted(self, case, seed):
        return redrawn(case, seed, after(case, 0.4))

    def clean(self, case, seed):
        return redrawn(case, seed)
