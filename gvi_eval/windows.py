"""Counts as they are published: a number and the days it covers."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class CountWindow:
    """A published count and the days it covers, both ends included; differencing can leave several ranges."""

    unit: str
    ranges: tuple[tuple[date, date], ...]
    count: int
    sources: tuple[str, ...]

    @property
    def start(self) -> date:
        return min(first for first, _ in self.ranges)

    @property
    def end(self) -> date:
        return max(last for _, last in self.ranges)

    def __str__(self) -> str:
        days = " and ".join(f"{first} to {last}" for first, last in self.ranges)
        return f"{self.count} in {self.unit}, {days}"


def coverage(window: CountWindow, periods: pd.PeriodIndex) -> np.ndarray:
    """The share of each period's days that the window covers, shape (period,)."""
    shares = np.zeros(len(periods))
    starts = periods.start_time.normalize()
    ends = periods.end_time.normalize()
    length = (ends - starts).days.to_numpy() + 1
    for first, last in window.ranges:
        overlap_start = np.maximum(starts.to_numpy(), np.datetime64(first))
        overlap_end = np.minimum(ends.to_numpy(), np.datetime64(last))
        days = (overlap_end - overlap_start) / np.timedelta64(1, "D") + 1
        shares += np.clip(days, 0, None) / length
    return shares
