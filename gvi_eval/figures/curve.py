"""The specification curve: every ratio in order of size with its interval, and below it which choices gave it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from gvi_eval.errors import DataError
from gvi_eval.figures.forest import REACH, ticks_of
from gvi_eval.figures.theme import (
    BODY,
    FAINT,
    INK,
    MARGIN,
    PALETTE,
    SMALL,
    STRIPE,
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

CURVE_COLUMNS = ("method", "claimed", "bound", "point", "lower", "upper", "refusal")
QUESTIONS: Mapping[str, str] = {
    "figures": "figures",
    "baselines": "first day",
    "windows": "last day",
    "starts": "start",
    "leave_out": "left out",
    "donors": "donors",
    "method": "method",
}
KINDS: Sequence[tuple[str, str, str]] = (  # colour and shape: two channels
    ("interval holds 1", PALETTE["blue"], "o"),
    ("interval excludes 1", PALETTE["vermilion"], "v"),
    ("no interval", PALETTE["grey"], "x"),
)
CLAIMED = PALETTE["black"]
PLOT_HEIGHT = 2.7
ROW, GAP = 0.145, 0.2
LABEL = 3.2  # inches for the name of a choice, beyond which it is cut with an ellipsis
BY_DAY = ("baselines", "windows", "starts")


def curve_figure(rows: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """One column per specification that gave a ratio, from the lowest to the highest.

    rows: `CURVE_COLUMNS` and the columns of `QUESTIONS` that there are; those in which every row says the same are left out
    below. The claimed specification is a black diamond with a line through all questions. Raises `DataError` where none or
    several are claimed, and where none has a ratio.
    """
    columns_of(rows, CURVE_COLUMNS, "the table of the curve")
    claimed = rows["claimed"].astype(bool)
    if claimed.sum() != 1:
        raise DataError(f"the table of the curve has {int(claimed.sum())} claimed specifications; mark exactly one")
    shown = in_order(rows)
    if shown.empty:
        raise DataError("no specification of the curve has a ratio, so there is nothing to draw; list the refusals instead")
    questions = {name: _choices_of(rows, name) for name in QUESTIONS if name in rows and rows[name].nunique() > 1}
    with theme():
        ink = WIDTH - 2 * MARGIN
        title_lines, note_lines = wrapped(title, ink, TITLE, "bold"), wrapped(caption, ink, SMALL)
        kind = kinds_of(shown)
        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
        plot_top = legend_top + 0.185 + 0.1
        names = [text_width(str(name), SMALL) for choices in questions.values() for name in choices]
        left = MARGIN + min(LABEL, max(1.2, *names, 0)) + 0.2
        width = WIDTH - left - 0.2
        choices_top = plot_top + PLOT_HEIGHT + 0.12
        height = sum(GAP + ROW * len(names) for names in questions.values())
        words_top = choices_top + height + 0.1
        note_top = words_top + line_height(BODY) + 0.08
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)
        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        _legend(sheet, legend_top, kind)
        axes = panel(figure, left, plot_top, width, PLOT_HEIGHT)
        _draw_points(axes, shown, kind, width)
        middle = plot_top + PLOT_HEIGHT / 2
        sheet.text(left - 0.45, middle, "ratio", fontsize=BODY, rotation=90, ha="center", va="center")
        below = panel(figure, left, choices_top, width, max(height, ROW))
        _draw_choices(sheet, below, shown, questions, choices_top)
        words = f"{len(shown)} specifications with a ratio, from the lowest to the highest"
        sheet.text(WIDTH - 0.2, words_top, words, fontsize=BODY, ha="right", va="top")
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The specifications with a ratio above zero, from the lowest to the highest; ties in the order declared."""
    points = rows["point"].astype(float)
    shown = rows[(points > 0) & np.isfinite(points)]
    return shown.sort_values("point", kind="stable", ignore_index=True)


def kinds_of(rows: pd.DataFrame) -> np.ndarray:
    """The place of each row among `KINDS`, shape (row,)."""
    lower, upper = rows["lower"].astype(float), rows["upper"].astype(float)
    return np.where(lower.isna() | upper.isna(), 2, np.where((lower > 1) | (upper < 1), 1, 0))


def _choices_of(rows: pd.DataFrame, question: str) -> list[str]:
    """The choices of a question: days in their order, others as declared."""
    names = list(dict.fromkeys(rows[question]))
    return sorted(names) if question in BY_DAY else names


def _legend(sheet: Axes, top: float, kind: np.ndarray) -> None:
    x, middle = MARGIN, top + 0.09
    entries = [(name, colour, shape) for place, (name, colour, shape) in enumerate(KINDS) if (kind == place).any()]
    for name, colour, shape in (*entries, ("the claimed specification", CLAIMED, "D")):
        sheet.plot(x + 0.06, middle, marker=shape, color=colour, markersize=5, linestyle="none")
        sheet.text(x + 0.2, middle, name, fontsize=BODY, va="center_baseline")
        x += 0.2 + text_width(name) + 0.3


def _draw_points(axes: Axes, rows: pd.DataFrame, kind: np.ndarray, width: float) -> None:
    points = rows["point"].to_numpy(dtype=float)
    lower, upper = rows["lower"].to_numpy(dtype=float), rows["upper"].to_numpy(dtype=float)
    low, high = min(1.0, points.min()), max(1.0, points.max())
    limits = [end for end in np.concatenate([lower, upper]) if low / REACH <= end <= high * REACH]
    low, high = min([low, *limits]) / 1.05, max([high, *limits]) * 1.05
    axes.set(yscale="log", xlim=(-1, len(rows)), ylim=(low, high))
    ticks = ticks_of(low, high, PLOT_HEIGHT)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axhline(1.0, color=INK, linewidth=1.0, zorder=2)
    thick = min(1.2, 0.55 * 72 * width / len(rows))
    own = rows["claimed"].astype(bool).to_numpy()
    places = np.arange(len(rows))
    for number, (_, colour, shape) in enumerate(KINDS):
        mine = (kind == number) & ~own
        segments = [[(x, max(lower[x], low)), (x, min(upper[x], high))] for x in places[mine] if not math.isnan(lower[x])]
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=thick, alpha=0.45, zorder=1))
        axes.plot(places[mine], points[mine], shape, color=colour, markersize=2.6, markeredgewidth=0.5, zorder=3)
    for x in places[own]:
        if not math.isnan(lower[x]):
            axes.plot([x, x], [max(lower[x], low), min(upper[x], high)], color=CLAIMED, linewidth=1.6, zorder=4)
        axes.plot(x, points[x], "D", color=CLAIMED, markersize=7, markeredgecolor="white", markeredgewidth=0.7, zorder=5)


def _draw_choices(sheet: Axes, axes: Axes, rows: pd.DataFrame, questions: Mapping[str, Sequence[str]], top: float) -> None:
    """A line of ticks for each choice of each question, under the specifications that made it."""
    height = sum(GAP + ROW * len(names) for names in questions.values())
    axes.set(xlim=(-1, len(rows)), ylim=(max(height, ROW), 0))
    axes.set_axis_off()
    own = rows["claimed"].astype(bool).to_numpy()
    places = np.arange(len(rows))
    for x in places[own]:
        axes.axvline(x, color=CLAIMED, linewidth=0.8, zorder=1)
    y = 0.0
    for question, names in questions.items():
        sheet.text(MARGIN, top + y + GAP * 0.62, QUESTIONS[question], fontsize=SMALL, weight="bold", va="center_baseline")
        y += GAP
        for number, name in enumerate(names):
            middle = y + ROW / 2
            if number % 2 == 0:
                axes.axhspan(y, y + ROW, color=STRIPE, linewidth=0, zorder=0)
            made = (rows[question] == name).to_numpy()
            axes.plot(places[made], np.full(made.sum(), middle), "|", color=INK, markersize=4.5, markeredgewidth=0.6, zorder=2)
            if made[own].any():
                axes.plot(places[own], [middle], "D", color=CLAIMED, markersize=3.6, zorder=3)
            sheet.text(MARGIN + 0.08, top + middle, _cut(str(name)), fontsize=SMALL, va="center_baseline")
            y += ROW


def _cut(name: str) -> str:
    """A name that fits its column; what does not fit is in the table beside the figure."""
    if text_width(name, SMALL) <= LABEL:
        return name
    while text_width(name + "…", SMALL) > LABEL:
        name = name[:-1]
    return name.rstrip() + "…"
