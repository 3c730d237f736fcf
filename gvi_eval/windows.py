"""Counts as they are published, for odd and nested spans of days, and the disjoint windows they amount to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError

ONE_DAY = timedelta(days=1)
DAY = np.timedelta64(1, "D")
Range = tuple[date, date]


@dataclass(frozen=True)
class CountWindow:
    """A published count and the days it covers, both ends included; differencing can leave several ranges."""

    unit: str
    ranges: tuple[Range, ...]
    count: int
    sources: tuple[str, ...]

    @property
    def start(self) -> date:
        return self.ranges[0][0]

    @property
    def end(self) -> date:
        return self.ranges[-1][1]

    def __str__(self) -> str:
        days = " and ".join(f"{first} to {last}" for first, last in self.ranges)
        return f"{self.count} in {self.unit}, {days}"


@dataclass(frozen=True)
class Figure:
    """One published count: the days it covers, under which definition, and where it stands (file:line)."""

    unit: str
    start: date
    end: date
    count: int
    definition: str
    sources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.count} for {self.unit}, {self.start} to {self.end} ({self.definition}; {', '.join(self.sources)})"

    def contains(self, other: "Figure") -> bool:
        return self.start <= other.start and other.end <= self.end

    def touches(self, other: "Figure") -> bool:
        return self.start <= other.end and other.start <= self.end


def disjoint_windows(figures: Iterable[Figure], may_chain: bool = False) -> tuple[CountWindow, ...]:
    """Disjoint windows that say the same as nested figures, by differencing.

    A figure that contains others becomes its own count less theirs, over the days that they leave; figures for the
    same days that agree are one. A window carries the sources of every figure it was differenced from.
    ``may_chain`` is the study's word that figures under different definitions may be subtracted from each other.

    Raises `DataError`, naming the figures and where they stand, when two figures for the same days differ, when two
    overlap in part, when a difference is negative or the parts of a total do not add up to it, and when a difference
    crosses definitions without that word.
    """
    merged = _merged(figures)
    _refuse_partial_overlap(merged)
    windows = []
    for _, figures_of_unit in groupby(merged, key=lambda figure: figure.unit):
        own = list(figures_of_unit)
        for figure in own:
            windows += _difference(figure, _parts(figure, own), may_chain)
    return tuple(sorted(windows, key=lambda window: (window.unit, window.start, window.end)))


def _merged(figures: Iterable[Figure]) -> list[Figure]:
    """One figure per unit and span of days, long before short; the first definition stands for agreeing doubles."""
    by_days: dict[tuple[str, date, date], Figure] = {}
    for figure in figures:
        key = (figure.unit, figure.start, figure.end)
        known = by_days.get(key)
        if known and known.count != figure.count:
            raise DataError(
                f"two figures for the same days conflict: {known} and {figure}; the study must leave one out, with a reason"
            )
        sources = (*known.sources, *figure.sources) if known else figure.sources
        definition = known.definition if known else figure.definition
        by_days[key] = Figure(figure.unit, figure.start, figure.end, figure.count, definition, sources)
    return sorted(by_days.values(), key=lambda figure: (figure.unit, figure.start, -figure.end.toordinal()))


def _refuse_partial_overlap(figures: list[Figure]) -> None:
    """Nested figures can be differenced; figures that overlap in part cannot, whatever order they come in."""
    open_figures: list[Figure] = []
    for figure in figures:
        while open_figures and (open_figures[-1].unit != figure.unit or open_figures[-1].end < figure.start):
            open_figures.pop()
        if open_figures and not open_figures[-1].contains(figure):
            raise DataError(
                f"two figures overlap in part and cannot be told apart: {open_figures[-1]} and {figure}; "
                "the study must leave one out, with a reason"
            )
        open_figures.append(figure)


def _parts(figure: Figure, figures: list[Figure]) -> list[Figure]:
    """The largest figures of the same unit inside this one."""
    inside = [other for other in figures if other is not figure and figure.contains(other)]
    return [part for part in inside if not any(other is not part and other.contains(part) for other in inside)]


def _difference(figure: Figure, parts: list[Figure], may_chain: bool) -> list[CountWindow]:
    for part in parts:
        if part.definition != figure.definition and not may_chain:
            raise DataError(
                f"a difference would cross a change of definition: {figure} less {part}; leave one out, or say in the study "
                "why they may be chained"
            )
    rest = figure.count - sum(part.count for part in parts)
    ranges = _left_over(figure, parts)
    said = " and ".join(map(str, parts))
    if rest < 0:
        raise DataError(
            f"a part exceeds its whole: {figure} less {said} leaves {rest}; the study must leave one out, with a reason"
        )
    if not ranges:
        if rest:
            raise DataError(
                f"a total is not the sum of its parts: {figure} against {said}; the study must leave one out, with a reason"
            )
        return []
    sources = figure.sources + tuple(f"less {source}" for part in parts for source in part.sources)
    return [CountWindow(figure.unit, ranges, rest, sources)]


def _left_over(figure: Figure, parts: list[Figure]) -> tuple[Range, ...]:
    """The days of a figure that its parts leave, as ranges."""
    ranges, first = [], figure.start
    for part in sorted(parts, key=lambda part: part.start):
        if first < part.start:
            ranges.append((first, part.start - ONE_DAY))
        first = part.end + ONE_DAY
    if first <= figure.end:
        ranges.append((first, figure.end))
    return tuple(ranges)


def coverage(window: CountWindow, periods: pd.PeriodIndex) -> np.ndarray:
    """The share of each period's days that the window covers, shape (period,)."""
    starts, ends = _bounds(periods[0], len(periods))
    covered = np.zeros(len(periods))
    for first, last in window.ranges:
        overlap = np.minimum(ends, np.datetime64(last)) - np.maximum(starts, np.datetime64(first))
        covered += np.clip(overlap / DAY + 1, 0, None)
    return covered / ((ends - starts) / DAY + 1)


@lru_cache(maxsize=32)
def _bounds(first: pd.Period, length: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of each of consecutive periods: asked for with every span of a panel, and slow to work out."""
    periods = pd.period_range(first, periods=length)
    return periods.start_time.normalize().to_numpy(), periods.end_time.normalize().to_numpy()
