"""The baseline-and-window table: the same change for every defensible choice, with the claimed one marked."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from gvi_eval.claims.declared import Quantity, Span
from gvi_eval.claims.published import Count, Published

LOOKED_FOR = range(-70, -19)  # whole percentages; in a large table every one is hit, which is why a search proves nothing
WITHIN = 1.0  # points
HALF = 0.5  # of the claimed log change


@dataclass(frozen=True)
class Choice:
    """A baseline or a window of the table, in words, with its count; without one it is listed and gives no cell.

    One that is not ``defensible`` (a year picked out of many, a part of a year whose whole is known) is where a search
    would look: it counts in what can be hit, and never in what holds.
    """

    words: str
    count: Count | None
    defensible: bool = True


@dataclass(frozen=True)
class Cell:
    """One baseline set against one window, as events per day; ``defensible`` where both are."""

    baseline: str
    window: str
    before: Count
    after: Count
    claimed: bool
    defensible: bool = True

    @property
    def ratio(self) -> float:
        return self.after.per_day / self.before.per_day

    @property
    def percent(self) -> float:
        return 100 * (self.ratio - 1)


@dataclass(frozen=True)
class WindowTable:
    """Every cell that the published figures allow, and the choices for which there is no figure."""

    cells: tuple[Cell, ...]
    without_figures: tuple[str, ...]

    @property
    def claimed(self) -> Cell | None:
        return next((cell for cell in self.cells if cell.claimed), None)

    @property
    def defensible(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.defensible)

    @property
    def rank(self) -> int | None:
        """The place of the claimed cell among the defensible ones, 1 for the largest fall."""
        own = self.claimed
        return None if own is None else 1 + sum(cell.ratio < own.ratio - 1e-12 for cell in self.defensible)

    def hits(self, percentages: range) -> list[int]:
        """The whole percentages that some cell, defensible or not, gives within a point."""
        return [each for each in percentages if any(abs(cell.percent - each) <= WITHIN for cell in self.cells)]

    @property
    def own_range(self) -> range:
        """The whole percentages between the lowest and the highest cell."""
        values = [cell.percent for cell in self.cells]
        return range(math.ceil(min(values)), math.floor(max(values)) + 1) if values else range(0)

    def share_holding(self, log_change: float | None, direction: str | None) -> float | None:
        """The share of defensible cells with the claimed sign and at least half the claimed log change.

        The sign alone is asked where no size is claimed; None where neither is. Half of a fall to nothing is a fall to nothing.
        """
        if not self.defensible or (log_change is None and direction not in ("down", "up")):
            return None
        sign = math.copysign(1, log_change) if log_change is not None else (-1 if direction == "down" else 1)
        need = abs(log_change) * HALF if log_change is not None else 0.0
        logs = [math.log(cell.ratio) if cell.ratio > 0 else -math.inf for cell in self.defensible]
        return sum(each * sign > 0 and each * sign >= need - 1e-12 for each in logs) / len(logs)


def window_table(series: Published, quantity: Quantity, start: date | None) -> WindowTable:
    """Each defensible baseline crossed with each window.

    Baselines lie before the anchor, which is the start of the programme where it is given and the claimed window begins
    after it, else the beginning of the claimed window: the last full year, the peak year, the means of two, three and five
    years, the same days a year earlier. Windows: the claimed one, each year from the anchor on, the mean of the years since,
    and the last published part of a year that has no whole. Other years before, and other parts of years, are not defensible
    and stand in the table as what a search could use. A choice without figures is named, never filled in.
    """
    window = quantity.window
    begins = window.start if window and window.start else None
    anchor = start if start and (begins is None or start <= (window.end or start)) else begins
    if anchor is None:
        return WindowTable((), ("no day parts before from after",))
    baselines, windows = list(_baselines(series, quantity, anchor)), list(_windows(series, quantity, anchor))
    missing = tuple(choice.words for choice in (*baselines, *windows) if choice.count is None)
    cells, seen = [], set()
    for one in baselines:
        for other in windows:
            if one.count is None or other.count is None or one.count.events == 0:
                continue
            if one.count.span.end >= other.count.span.start:
                continue
            key = (str(one.count.span), str(other.count.span))
            if key in seen:
                continue
            seen.add(key)
            claimed = _same(one.count.span, quantity.baseline) and _same(other.count.span, window)
            defensible = one.defensible and other.defensible
            cells.append(Cell(one.words, other.words, one.count, other.count, claimed, defensible))
    return WindowTable(tuple(cells), tuple(dict.fromkeys(missing)))


def _baselines(series: Published, quantity: Quantity, anchor: date) -> Iterator[Choice]:
    if quantity.baseline and quantity.baseline.is_closed:
        yield Choice(f"{quantity.baseline} (as claimed)", series.over(quantity.baseline))
    before = {year: count for year, count in series.years.items() if year < anchor.year}
    last = anchor.year - 1
    yield Choice(f"{last}, the last year", before.get(last))
    if before:
        peak = max(before, key=lambda year: (before[year].per_day, year))
        yield Choice(f"{peak}, the peak year", before[peak])
    for years in (2, 3, 5):
        span = Span(date(anchor.year - years, 1, 1), date(last, 12, 31))
        yield Choice(f"{span}, mean of {years} years", series.over(span))
    for year, count in before.items():
        yield Choice(f"{year}", count, defensible=False)
    if quantity.window and quantity.window.is_closed and not quantity.window.is_full_years:
        span = _years_earlier(quantity.window, 1)
        yield Choice(f"{span}, the same days a year earlier", series.over(span) if span else None)


def _windows(series: Published, quantity: Quantity, anchor: date) -> Iterator[Choice]:
    if quantity.window and quantity.window.is_closed:
        yield Choice(f"{quantity.window} (as claimed)", series.over(quantity.window))
    for year, count in series.years.items():
        if year >= anchor.year:
            yield Choice(f"{year}", count)
    first = anchor.year if (anchor.month, anchor.day) == (1, 1) else anchor.year + 1
    for year in series.years:
        if year > first:
            span = Span(date(first, 1, 1), date(year, 12, 31))
            yield Choice(f"{span}, mean", series.over(span))
    for count in series.part_years():
        if count.span.start >= anchor or count.span.start.year == anchor.year:
            yield Choice(f"{count.span}", count, defensible=_is_last(count, series))


def _is_last(count: Count, series: Published) -> bool:
    """Whether a part of a year is the longest published of a year that has no whole."""
    year = count.span.start.year
    longest = max(each.span.end for each in series.part_years() if each.span.start.year == year)
    return year not in series.years and count.span.end == longest


def _years_earlier(span: Span, years: int) -> Span | None:
    try:
        return Span(*(day.replace(year=day.year - years) for day in (span.start, span.end)))
    except ValueError:  # 29 February
        return None


def _same(one: Span, other: Span | None) -> bool:
    return other is not None and (one.start, one.end) == (other.start, other.end)
