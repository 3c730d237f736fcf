"""How sure we are: an interval and a test that carry their kind with every number."""

from dataclasses import dataclass
from typing import ClassVar, Literal

IntervalKind = Literal[
    "wald", "exact", "likelihood", "posterior", "bootstrap", "jackknife", "conformal", "placebo", "prediction", "bounds"
]


@dataclass(frozen=True)
class Interval:
    """Lower and upper limit on the scale of the point, with level (such as 0.95) and kind."""

    lower: float
    upper: float
    level: float
    kind: IntervalKind

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(f"an interval from {self.lower} to {self.upper} is upside down")
        if not 0 < self.level < 1:
            raise ValueError(f"the level of an interval lies between 0 and 1, not at {self.level}")

    def excludes(self, value: float) -> bool:
        return value < self.lower or value > self.upper


@dataclass(frozen=True)
class Test:
    """A p-value with its null hypothesis in words and the smallest p the design can give."""

    __test__: ClassVar[bool] = False  # pytest would otherwise take the name for a test case

    kind: str
    null: str
    statistic: float
    p_value: float
    floor: float
