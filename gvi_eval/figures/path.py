"""What was observed beside what was expected: the counterfactual plot of one treated place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerLine2D, HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from gvi_eval.errors import DataError
from gvi_eval.figures.events import Flags, Marker, day_of, draw_key, key_entries, key_height
from gvi_eval.figures.theme import (
    BODY,
    EXPECTED,
    FACTUAL,
    FAINT,
    INK,
    MARGIN,
    OBSERVED,
    SMALL,
    TITLE,
    WIDTH,
    blank,
    columns_of,
    line_height,
    panel,
    text_width,
    theme,
    wrapped,
    write,
)

PATH_COLUMNS = (
    "period",
    "period_start",
    "period_end",
    "observed",
    "factual",
    "expected",
    "expected_lower",
    "expected_upper",
    "level",
)
SPAN_COLUMNS = ("range_start", "range_end", "count", "per_period")
PLOT_HEIGHT = 2.9
START_HEIGHT = 0.26
BAR = {
    "color": OBSERVED,
    "linewidth": 2.2,
    "solid_capstyle": "butt",
    "marker": "|",
    "markersize": 7,
    "markeredgewidth": 1.4,
}
NO_FIGURE = {"facecolor": "none", "edgecolor": INK, "hatch": "xxxxxx", "linewidth": 0.6}
DASHES = (0, (4, 2))
HEADROOM = 2.5  # a band higher than this many times the data is cut, and the legend says so


def path_figure(
    path: pd.DataFrame,
    *,
    title: str,
    y_label: str,
    start: tuple[date, date],
    caption: str,
    events: Sequence[Marker] = (),
    dropped: Sequence[tuple[date, date]] = (),
    spans: pd.DataFrame | None = None,
    proxy_for: str | None = None,
) -> Figure:
    """One place over time: points observed, a line fitted, a dashed line expected without the programme.

    path: one row a period with the columns `PATH_COLUMNS`; observed is NaN where no figure was published.
    start: earliest and latest day the programme can have started; the same day twice where it is known.
    dropped: first and last day of each stretch the estimator left out (hatched).
    spans: published counts for odd stretches of days (`SPAN_COLUMNS`), drawn as bars over those days.
    proxy_for: what the outcome stands in for; it is then named in the axis label and in the caption.
    """
    columns_of(path, PATH_COLUMNS, "the path")
    if spans is not None and not spans.empty:
        columns_of(spans, SPAN_COLUMNS, "the spans")
    else:
        spans = None
    if start[1] < start[0]:
        raise DataError(f"the start lies between {start[0]} and {start[1]}; give the earliest day first")
    path = path.sort_values("period_start", ignore_index=True)
    scale = _Scale.of(path, spans)
    events = sorted(events, key=lambda event: (event.start, event.end or event.start, event.label))

    with theme():
        handles = _legend(path, scale, bool(len(dropped)), spans)
        ink = WIDTH - 2 * MARGIN
        title_lines = wrapped(title, ink, TITLE, "bold")
        note_lines = wrapped(caption_of(caption, y_label, proxy_for), ink, SMALL)
        label_lines = _label_lines(y_label, proxy_for)
        left = MARGIN + len(label_lines) * line_height(BODY) + scale.label_width + 0.14
        width = WIDTH - left - 0.2
        flags = Flags.of(events, scale, width)
        key = key_entries(events, scale)

        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
        flags_top = legend_top + (len(handles) + 1) // 2 * 0.185 + 0.06
        plot_top = flags_top + flags.height
        start_top = plot_top + PLOT_HEIGHT + 0.25
        key_top = start_top + START_HEIGHT + 0.1
        note_top = key_top + key_height(key) + (0.1 if key else 0)
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)

        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        _draw_legend(figure, handles, legend_top)
        axes = panel(figure, left, plot_top, width, PLOT_HEIGHT)
        scale.apply(axes)
        sheet.text(
            MARGIN,
            plot_top + PLOT_HEIGHT / 2,
            "\n".join(label_lines),
            fontsize=BODY,
            rotation=90,
            rotation_mode="anchor",
            ha="center",
            va="top",
            linespacing=1.2,
        )
        _draw_areas(axes, path, start, dropped, spans, scale)
        _draw_lines(axes, path, start, scale)
        _draw_spans(axes, spans)
        flags.draw(sheet, left, flags_top)
        _draw_start(sheet, start_label(path, start), start, scale, left, start_top, width)
        draw_key(sheet, key, key_top)
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def y_label_of(y_label: str, proxy_for: str | None) -> str:
    return f"{y_label} (a proxy, not {proxy_for})" if proxy_for else y_label


def _label_lines(y_label: str, proxy_for: str | None) -> list[str]:
    """On one line where it fits; a proxy's brackets otherwise start a line of their own."""
    whole = wrapped(y_label_of(y_label, proxy_for), PLOT_HEIGHT, BODY)
    if len(whole) == 1 or not proxy_for:
        return whole
    return wrapped(y_label, PLOT_HEIGHT, BODY) + wrapped(f"(a proxy, not {proxy_for})", PLOT_HEIGHT, BODY)


def caption_of(caption: str, y_label: str, proxy_for: str | None) -> str:
    """The caption, with the sentence a proxy outcome owes its reader."""
    if not proxy_for:
        return caption
    return f"{caption} The outcome is a proxy: the figure shows {y_label}, not {proxy_for}."


def _middles(path: pd.DataFrame) -> np.ndarray:
    edges = zip(path["period_start"], path["period_end"], strict=True)
    return np.array([(day_of(first) + day_of(last) + 1) / 2 for first, last in edges])


def _numbers(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=float)


@dataclass(frozen=True)
class _Scale:
    """The days and the heights that are drawn, with their ticks."""

    first: int
    last: int
    bottom: float
    top: float
    ticks: tuple[float, ...]
    tick_labels: tuple[str, ...]
    dates: tuple[tuple[float, str], ...]
    rules: tuple[int, ...]
    cut: bool

    @classmethod
    def of(cls, path: pd.DataFrame, spans: pd.DataFrame | None) -> "_Scale":
        first, last = day_of(path["period_start"].min()), day_of(path["period_end"].max()) + 1
        drawn = [_numbers(path[name]) for name in ("observed", "factual", "expected")]
        if spans is not None:
            drawn.append(_numbers(spans["per_period"]))
            first = min(first, day_of(spans["range_start"].min()))
            last = max(last, day_of(spans["range_end"].max()) + 1)
        values = np.concatenate(drawn)
        values = values[np.isfinite(values)]
        if not values.size:
            raise DataError("the path holds no figure at all: observed, factual and expected are all empty")
        upper = _numbers(path["expected_upper"])
        upper = np.where(np.isnan(upper), -np.inf, upper)
        highest = max(values.max(), 1e-12)
        ceiling = min(max(highest, upper.max()), HEADROOM * highest)
        locator = MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=bool(highest >= 3))
        bottom, top = min(0.0, values.min() * 1.04), ceiling * 1.06
        ticks = tuple(float(tick) for tick in locator.tick_values(bottom, top) if bottom <= tick <= top)
        labels = tuple(_plain(tick) for tick in ticks)
        dates, rules = _calendar(path, first, last)
        return cls(first, last, bottom, top, ticks, labels, dates, rules, bool(upper.max() > ceiling))

    @property
    def label_width(self) -> float:
        return max(text_width(label, SMALL) for label in self.tick_labels)

    def shows(self, first: date, last: date) -> bool:
        return day_of(first) < self.last and day_of(last) >= self.first

    def share(self, day: float) -> float:
        """Where a day lies between the left edge (0) and the right edge (1) of the plot."""
        return (self.clipped(day) - self.first) / (self.last - self.first)

    def clipped(self, day: float) -> float:
        return min(max(day, self.first), self.last)

    def apply(self, axes: Axes) -> None:
        axes.set(xlim=(self.first, self.last), ylim=(self.bottom, self.top))
        axes.set_yticks(self.ticks, labels=self.tick_labels)
        axes.set_xticks(self.rules, labels=[""] * len(self.rules))
        axes.set_xticks([day for day, _ in self.dates], labels=[label for _, label in self.dates], minor=True)
        axes.tick_params(axis="x", which="minor", length=0, pad=4, labelsize=SMALL)
        axes.grid(axis="y", color=FAINT, linewidth=0.5)
        axes.set_axisbelow(True)


def _plain(value: float) -> str:
    return f"{value:.10g}".replace("-", "\N{MINUS SIGN}")


def _calendar(path: pd.DataFrame, first: int, last: int) -> tuple[tuple[tuple[float, str], ...], tuple[int, ...]]:
    """Labels in the middle of the years (or of the periods, if there are few years), and rules at their edges."""
    years = range(date.fromordinal(first).year, date.fromordinal(last - 1).year + 1)
    if len(years) <= 2:
        middles, edges = _middles(path), [day_of(moment) for moment in path["period_start"]]
        named = list(zip(middles.tolist(), path["period"].astype(str), strict=True))
        return _thinned(named, first, last), (*edges, last)
    edges = [date(year, 1, 1).toordinal() for year in (*years, years[-1] + 1)]
    inside = [(max(a, first) + min(b, last)) / 2 for a, b in pairwise(edges)]
    whole = [min(b, last) - max(a, first) for a, b in pairwise(edges)]
    named = [(x, str(year)) for x, year, days in zip(inside, years, whole, strict=True) if days > 120]
    return _thinned(named, first, last), tuple(edge for edge in edges if first <= edge <= last)


def _thinned(named: list[tuple[float, str]], first: int, last: int) -> tuple[tuple[float, str], ...]:
    """Every label, or every second, third ... until they stand apart on 5.8 inches."""
    widest = max(text_width(label, SMALL) for _, label in named) + 0.12
    per_inch = (last - first) / 5.8
    for step in range(1, len(named) + 1):
        kept = named[::step]
        if all(b[0] - a[0] >= widest * per_inch for a, b in pairwise(kept)):
            return tuple(kept)
    return tuple(named[:1])


def _after(path: pd.DataFrame, start: tuple[date, date]) -> np.ndarray:
    """Which periods hold a day on or after the earliest day of the start."""
    return np.array([day_of(end) >= day_of(start[0]) for end in path["period_end"]])


def _before_and_after(after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks for the two stretches of a line; they share the first period after, so that the line has no gap."""
    before = ~after
    if before.any() and after.any():
        before[np.argmax(after)] = True
    return before, after


def _draw_lines(axes: Axes, path: pd.DataFrame, start: tuple[date, date], scale: _Scale) -> None:
    x = _middles(path)
    expected, factual, observed = (_numbers(path[name]) for name in ("expected", "factual", "observed"))
    lower, upper = _numbers(path["expected_lower"]), _numbers(path["expected_upper"])
    for mask, thickness, opacity in zip(_before_and_after(_after(path, start)), (1.1, 1.8), (0.13, 0.28), strict=True):
        if not mask.any():
            continue
        axes.fill_between(
            x, lower, np.minimum(upper, scale.top), where=mask, color=EXPECTED, alpha=opacity, linewidth=0, zorder=2
        )
        dashed = np.where(mask, expected, np.nan)
        axes.plot(x, dashed, color=EXPECTED, linestyle=DASHES, linewidth=thickness, zorder=4)
    axes.plot(x, factual, color=FACTUAL, linewidth=1.0, zorder=3)
    size = 4.2 if len(path) <= 100 else 2.6
    axes.plot(x, observed, color=OBSERVED, linestyle="none", marker="o", markersize=size, clip_on=False, zorder=5)


def _draw_areas(
    axes: Axes,
    path: pd.DataFrame,
    start: tuple[date, date],
    dropped: Sequence[tuple[date, date]],
    spans: pd.DataFrame | None,
    scale: _Scale,
) -> None:
    if scale.shows(*start):
        if start[0] < start[1]:
            first, last = scale.clipped(day_of(start[0])), scale.clipped(day_of(start[1]) + 1)
            axes.axvspan(first, last, facecolor=FAINT, edgecolor="none", alpha=0.55, zorder=1)
            axes.vlines([first, last], scale.bottom, scale.top, color=INK, linewidth=0.8, zorder=1.5)
        else:
            axes.axvline(day_of(start[0]), color=INK, linewidth=1.6, zorder=1.5)
    for first, last in dropped:
        edges = scale.clipped(day_of(first)), scale.clipped(day_of(last) + 1)
        axes.axvspan(*edges, facecolor="none", edgecolor=INK, hatch="////", linewidth=0, zorder=1.2)
    for first, last in _silent(path, spans):
        axes.axvspan(first, last, ymax=0.045, **NO_FIGURE, zorder=1.2)


def _silent(path: pd.DataFrame, spans: pd.DataFrame | None) -> list[tuple[int, int]]:
    """First and last day of every stretch of periods without a figure of their own and outside every span."""
    stretches: list[tuple[int, int]] = []
    for row in path[path["observed"].isna()].itertuples():
        first, last = day_of(row.period_start), day_of(row.period_end) + 1
        if spans is not None and any(
            day_of(a) < last and day_of(b) >= first for a, b in zip(spans["range_start"], spans["range_end"], strict=True)
        ):
            continue
        if stretches and stretches[-1][1] == first:
            stretches[-1] = (stretches[-1][0], last)
        else:
            stretches.append((first, last))
    return stretches


def _draw_spans(axes: Axes, spans: pd.DataFrame | None) -> None:
    if spans is None:
        return
    for row in spans.itertuples():
        edges = [day_of(row.range_start), day_of(row.range_end) + 1]
        axes.plot(edges, [row.per_period] * 2, clip_on=False, zorder=5, **BAR)


def start_label(path: pd.DataFrame, start: tuple[date, date]) -> str:
    """The start in words: a day, or the periods (the days, within one period) between which it lies."""
    earliest, latest = start
    if earliest == latest:
        return f"start: {earliest}"
    first, last = _period_of(path, earliest), _period_of(path, latest)
    between = f"{first}–{last}" if first != last else f"{earliest} to {latest}"
    return f"start: {between} (not published as a day)"


def _period_of(path: pd.DataFrame, day: date) -> str:
    for row in path.itertuples():
        if day_of(row.period_start) <= day_of(day) <= day_of(row.period_end):
            return str(row.period)
    return day.isoformat()


def _draw_start(
    sheet: Axes, label: str, start: tuple[date, date], scale: _Scale, left: float, top: float, width: float
) -> None:
    """Below the years: a bar under the shaded days (a triangle under the line), and the start in words."""
    if not scale.shows(*start):
        label += ", outside the days drawn"
    half = text_width(label, SMALL, "bold") / 2
    first, last = (left + width * scale.share(day_of(day)) for day in (start[0], start[1] + timedelta(days=1)))
    middle = (first + last) / 2 if start[0] < start[1] else first
    if scale.shows(*start) and start[0] < start[1]:
        sheet.plot([first, last], [top + 0.04, top + 0.04], color=INK, linewidth=2.4, solid_capstyle="butt")
    elif scale.shows(*start):
        sheet.plot(first, top + 0.04, marker="^", color=INK, markersize=5, markeredgewidth=0)
    centre = min(max(middle, MARGIN + half), WIDTH - MARGIN - half)
    sheet.text(centre, top + 0.1, label, fontsize=SMALL, weight="bold", ha="center", va="top")


class _Bar(Line2D):
    """A span in the legend: the type tells the legend to draw both ends."""


def _legend(path: pd.DataFrame, scale: _Scale, dropped: bool, spans: pd.DataFrame | None) -> list[tuple[object, str]]:
    entries: list[tuple[object, str]] = []
    if path["observed"].notna().any():
        entries.append((Line2D([], [], color=OBSERVED, marker="o", linestyle="none", markersize=4.2), "observed"))
    if spans is not None:
        bar = _Bar([], [], **BAR)
        entries.append((bar, "published for the days under the bar, as a rate"))
    if path["expected"].notna().any():
        dashes = Line2D([], [], color=EXPECTED, linestyle=DASHES, linewidth=1.8)
        words = "expected without the programme"
        if path["expected_upper"].notna().any():
            dashes = (Patch(facecolor=EXPECTED, alpha=0.28, linewidth=0), dashes)
            levels = sorted(set(path["level"].dropna()))
            words += ", " + " and ".join(f"{100 * level:.4g} %" for level in levels) + " band"
        entries.append((dashes, words))
    if path["factual"].notna().any():
        entries.append((Line2D([], [], color=FACTUAL, linewidth=1.0), "fitted, programme included"))
    if dropped:
        hatched = Patch(facecolor="none", edgecolor=INK, hatch="////", linewidth=0.6)
        entries.append((hatched, "left out of the estimate"))
    if _silent(path, spans):
        entries.append((Patch(**NO_FIGURE), "no figure published"))
    if scale.cut:
        entries.append((Line2D([], [], linestyle="none"), "the band goes on above the axis"))
    return entries


def _draw_legend(figure: Figure, entries: list[tuple[object, str]], top: float) -> None:
    page = figure.get_figheight()
    figure.legend(
        [handle for handle, _ in entries],
        [label for _, label in entries],
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0), _Bar: HandlerLine2D(numpoints=2)},
        loc="upper left",
        bbox_to_anchor=(MARGIN / WIDTH, 1 - top / page),
        ncols=2,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        labelspacing=0.45,
        handlelength=2.4,
        columnspacing=1.5,
    )
