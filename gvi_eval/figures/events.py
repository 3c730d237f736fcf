"""Dated events above a plot: numbered flags that never touch, and the key that says what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from gvi_eval.errors import DataError
from gvi_eval.figures.theme import INK, MARGIN, OBSERVED, SMALL, WIDTH, line_height, text_width, wrapped, write

SYMBOLS: Mapping[str, str] = {
    "decision": "D",
    "phase": "v",
    "co-intervention": "s",
    "shock": "^",
    "recording change": "X",
}
NUMBER_HEIGHT, SYMBOL_HEIGHT, LEADER_HEIGHT, LANE_HEIGHT = 0.16, 0.14, 0.22, 0.08
FLAG_GAP = 0.07


class Calendar(Protocol):
    """The days that a plot shows."""

    def shows(self, first: date, last: date) -> bool: ...

    def share(self, day: float) -> float: ...


@dataclass(frozen=True)
class Marker:
    """Something that happened on a day, or between two days; `role` is a key of `SYMBOLS`."""

    label: str
    start: date
    end: date | None
    role: str

    def __post_init__(self) -> None:
        if self.role not in SYMBOLS:
            raise DataError(f"the event '{self.label}' has the role '{self.role}'; the roles are {list(SYMBOLS)}")
        if self.end is not None and self.end < self.start:
            raise DataError(f"the event '{self.label}' ends on {self.end}, before it starts on {self.start}")

    @property
    def days(self) -> str:
        return f"{self.start}" if self.end in (None, self.start) else f"{self.start} to {self.end}"


def day_of(moment: object) -> int:
    return pd.Timestamp(moment).toordinal()


def placed(wanted: Sequence[float], widths: Sequence[float], room: float) -> list[float]:
    """Centres as near as possible to those wanted, in the same order, so that no two labels touch.

    Least squares under an order: with the widths of the labels before it taken off each centre, the
    centres only have to rise, so neighbours that would touch are pooled to their mean.
    """
    if not len(widths):
        return []
    offsets = np.concatenate([[0.0], np.cumsum(widths)[:-1]]) + np.asarray(widths) / 2
    if sum(widths) > room:
        raise DataError(f"{len(widths)} flags take {sum(widths):.1f} inches and the figure has {room:.1f}; show fewer events")
    pools: list[list[float]] = []
    for target in np.asarray(wanted) - offsets:
        pools.append([target, 1])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (a, n), (b, m) = pools[-2], pools[-1]
            pools[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    level = np.concatenate([[value] * int(count) for value, count in pools])
    return (np.clip(level, 0, room - sum(widths)) + offsets).tolist()


@dataclass(frozen=True)
class _Flag:
    """One event above the plot, in inches from the left of the plot; `lane` is None for a single day."""

    number: str
    symbol: str
    first: float
    last: float
    centre: float
    lane: int | None


@dataclass(frozen=True)
class Flags:
    """Numbers and symbols in one row above the plot, each with a leader to its day; nothing lies on the data."""

    flags: tuple[_Flag, ...]

    @classmethod
    def of(cls, events: Sequence[Marker], scale: Calendar, width: float) -> "Flags":
        shown = [
            (str(number), event)
            for number, event in enumerate(events, start=1)
            if scale.shows(event.start, event.end or event.start)
        ]
        first = [width * scale.share(day_of(event.start)) for _, event in shown]
        last = [width * scale.share(day_of(event.end or event.start) + 1) for _, event in shown]
        long = [event.end is not None and event.end > event.start for _, event in shown]
        widths = [text_width(number, SMALL, "bold") + FLAG_GAP for number, _ in shown]
        rows = zip(shown, first, last, placed(first, widths, width), _lanes(first, last, long), strict=True)
        return cls(tuple(_Flag(n, SYMBOLS[event.role], a, b, x, lane) for (n, event), a, b, x, lane in rows))

    @property
    def height(self) -> float:
        if not self.flags:
            return 0.0
        lanes = max((flag.lane + 1 for flag in self.flags if flag.lane is not None), default=0)
        return NUMBER_HEIGHT + SYMBOL_HEIGHT + LEADER_HEIGHT + LANE_HEIGHT * lanes + 0.04

    def draw(self, sheet: Axes, left: float, top: float) -> None:
        symbols, leaders = top + NUMBER_HEIGHT, top + NUMBER_HEIGHT + SYMBOL_HEIGHT
        floor = top + self.height
        for flag in self.flags:
            x, day = left + flag.centre, left + flag.first
            foot = floor if flag.lane is None else floor - 0.04 - LANE_HEIGHT * (flag.lane + 0.5)
            sheet.text(x, symbols - 0.03, flag.number, fontsize=SMALL, weight="bold", ha="center", va="baseline")
            sheet.plot(x, symbols + 0.05, marker=flag.symbol, color=OBSERVED, markersize=5, markeredgewidth=0)
            sheet.plot([x, day, day], [leaders, leaders + LEADER_HEIGHT, foot], color=INK, linewidth=0.7)
            if flag.lane is not None:
                sheet.plot([day, left + flag.last], [foot, foot], color=INK, linewidth=2.4, solid_capstyle="butt")


def _lanes(first: Sequence[float], last: Sequence[float], long: Sequence[bool]) -> list[int | None]:
    """For each event that lasts, the lowest lane that is free when it begins."""
    free: list[float] = []
    lanes: list[int | None] = []
    for begin, end, lasts in zip(first, last, long, strict=True):
        if not lasts:
            lanes.append(None)
            continue
        lane = next((n for n, edge in enumerate(free) if begin >= edge + 0.03), len(free))
        free[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


@dataclass(frozen=True)
class KeyEntry:
    number: str
    symbol: str
    lines: tuple[str, ...]


KEY_COLUMN = (WIDTH - 2 * MARGIN) / 2
KEY_TEXT = 0.42  # inches from the left of a key entry to its words


def key_entries(events: Sequence[Marker], scale: Calendar) -> list[KeyEntry]:
    entries = []
    for number, event in enumerate(events, start=1):
        outside = "" if scale.shows(event.start, event.end or event.start) else ", outside the days drawn"
        words = f"{event.label} ({event.role}, {event.days}{outside})"
        lines = wrapped(words, KEY_COLUMN - KEY_TEXT - 0.15, SMALL)
        entries.append(KeyEntry(str(number), SYMBOLS[event.role], tuple(lines)))
    return entries


def _key_columns(key: Sequence[KeyEntry]) -> tuple[Sequence[KeyEntry], Sequence[KeyEntry]]:
    """Split where the higher of the two columns is lowest; numbers run down the first, then the second."""
    split = min(range(len(key) + 1), key=lambda n: (max(_lines(key[:n]), _lines(key[n:])), -n))
    return key[:split], key[split:]


def _lines(entries: Sequence[KeyEntry]) -> int:
    return sum(len(entry.lines) for entry in entries)


def key_height(key: Sequence[KeyEntry]) -> float:
    return max(_lines(column) for column in _key_columns(key)) * line_height(SMALL)


def draw_key(sheet: Axes, key: Sequence[KeyEntry], top: float) -> None:
    for column, entries in enumerate(_key_columns(key)):
        left, y = MARGIN + column * KEY_COLUMN, top
        for entry in entries:
            sheet.text(left + 0.19, y, entry.number, fontsize=SMALL, weight="bold", ha="right", va="top")
            middle = y + 0.5 * SMALL / 72
            sheet.plot(left + 0.3, middle, marker=entry.symbol, color=OBSERVED, markersize=5, markeredgewidth=0)
            y = write(sheet, left + KEY_TEXT, y, entry.lines, SMALL)
