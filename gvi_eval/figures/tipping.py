"""Tipping points: how much of what would undo an effect was observed, every threat on one scale."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from gvi_eval.figures.theme import (
    BODY,
    FACTUAL,
    FAINT,
    INK,
    MARGIN,
    OBSERVED,
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

TIPPING_COLUMNS = ("kind", "row", "unit_of_row", "neutral", "observed", "point_at", "interval_at")
LABEL_WIDTH, GAP, ROW_PAD = 2.3, 0.16, 0.12
LIMITS = (-0.5, 1.5)  # shares shown; what lies further out is an arrow at the edge
TICKS = (0.0, 0.5, 1.0)
HEADS = ("observed", "interval at 1", "point at 1")
NONE, HOLDS, NOTHING = "–", "holds 1", "nothing of this kind would do"


def tipping_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """The table with ``observed_share`` and ``interval_share``: 0 where a threat changes nothing, 1 where the point is 1.

    Factors are compared on the log, changes a year on the log of 1 + change, shares as they are. NaN without a point.
    """
    columns_of(rows, TIPPING_COLUMNS, "the table of tipping points")
    found = rows.copy()
    for name in ("observed", "interval"):
        column = name if name == "observed" else "interval_at"
        found[f"{name}_share"] = [
            _share(row["kind"], row[column], row["point_at"]) for row in rows.astype(object).to_dict("records")
        ]
    return found


def _share(kind: str, value: float | None, point: float | None) -> float:
    if pd.isna(value) or pd.isna(point):
        return math.nan
    scale = {"rebound": float, "trend": math.log1p}.get(kind, math.log)
    whole = scale(point)
    return scale(value) / whole if whole else math.nan


def tipping_figure(rows: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """One line per threat: what was observed between nothing (0 %) and what would be the whole effect (100 %).

    rows: `TIPPING_COLUMNS`. A bar runs from where the interval reaches 1 to where the point does; the numbers at the right
    are on each threat's own scale.
    """
    table = tipping_shares(rows)
    lines = table.astype(object).where(table.notna(), None).to_dict("records")
    with theme():
        ink = WIDTH - 2 * MARGIN
        title_lines, note_lines = wrapped(title, ink, TITLE, "bold"), wrapped(caption, ink, SMALL)
        labels = [(wrapped(line["row"], LABEL_WIDTH), wrapped(line["unit_of_row"], LABEL_WIDTH, SMALL)) for line in lines]
        heights = [len(a) * line_height(BODY) + len(b) * line_height(SMALL) + ROW_PAD for a, b in labels]
        numbers = [_numbers(line) for line in lines]
        widths = [max(text_width(words, SMALL) for words in (head, *column)) for head, column in _columns(numbers)]
        left = MARGIN + LABEL_WIDTH + GAP
        width = WIDTH - MARGIN - sum(widths) - 3 * GAP - left
        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.06
        head_top = legend_top + 0.26
        rows_top = head_top + line_height(SMALL) + 0.08
        words_top = rows_top + sum(heights) + 0.24
        axis_words = wrapped("share of what would be the whole effect", width + 1.6, SMALL)
        note_top = words_top + len(axis_words) * line_height(SMALL) + 0.08
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)
        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        _legend(sheet, legend_top)
        rights = [left + width + GAP * (k + 1) + sum(widths[: k + 1]) for k in range(3)]
        for head, right in zip(HEADS, rights, strict=True):
            write(sheet, right, head_top, [head], SMALL, ha="right", color=INK)
        sheet.plot([MARGIN, WIDTH - MARGIN], [rows_top - 0.04] * 2, color=FAINT, linewidth=0.8)
        axes = panel(figure, left, rows_top, width, sum(heights))
        _axis(axes, sum(heights))
        top = 0.0
        for number, (line, height, (names, units)) in enumerate(zip(lines, heights, labels, strict=True)):
            if number % 2:
                stripe = [rows_top + top, rows_top + top + height]
                sheet.fill_betweenx(stripe, MARGIN / 2, WIDTH - MARGIN / 2, color=STRIPE, linewidth=0)
            below = write(sheet, MARGIN, rows_top + top + ROW_PAD / 2, names, BODY)
            write(sheet, MARGIN, below, units, SMALL, color=INK)
            for words, right in zip(numbers[number], rights, strict=True):
                middle = rows_top + top + height / 2
                sheet.text(right, middle, words, fontsize=SMALL, ha="right", va="center_baseline")
            _row(axes, line, top + height / 2)
            top += height
        for number, words in enumerate(axis_words):
            height = words_top + number * line_height(SMALL)
            sheet.text(left + width / 2, height, words, fontsize=SMALL, ha="center", va="top")
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def _columns(numbers: list[tuple[str, str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    return list(zip(HEADS, zip(*numbers, strict=True), strict=True))


def _numbers(line: dict[str, object]) -> tuple[str, str, str]:
    """Observed, interval and point on the threat's own scale."""
    how = {"trend": "{:+.1%}", "rebound": "{:.0%}"}.get(line["kind"], "{:.2f}")
    told = [NONE if line[name] is None else how.format(line[name]) for name in ("observed", "interval_at", "point_at")]
    if line["interval_at"] is None and line["point_at"] is not None and "holds 1 already" in str(line.get("sentence", "")):
        told[1] = HOLDS
    return tuple(word.replace("-", "\N{MINUS SIGN}") for word in told)


def _legend(sheet: Axes, top: float) -> None:
    middle, x = top + 0.09, MARGIN
    for words, draw in (
        ("observed", lambda x: sheet.plot(x + 0.06, middle, "o", color=OBSERVED, markersize=5.5)),
        ("interval reaches 1", lambda x: sheet.plot(x + 0.06, middle, "|", color=FACTUAL, markersize=8, markeredgewidth=2)),
        ("point reaches 1", lambda x: sheet.plot(x + 0.06, middle, "D", color=FACTUAL, markersize=5.5)),
    ):
        draw(x)
        sheet.text(x + 0.2, middle, words, fontsize=BODY, va="center_baseline")
        x += 0.2 + text_width(words) + 0.3


def _axis(axes: Axes, height: float) -> None:
    axes.set(xlim=LIMITS, ylim=(height, 0))
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.set_xticks(TICKS, labels=[f"{tick:.0%}" for tick in TICKS])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_facecolor("none")
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axvline(0.0, color=INK, linewidth=1.0, zorder=1)


def _row(axes: Axes, line: dict[str, object], y: float) -> None:
    if line["point_at"] is None:
        axes.text(np.mean(LIMITS), y, NOTHING, fontsize=SMALL, style="italic", ha="center", va="center_baseline")
        return
    if line["interval_share"] is not None:
        first = float(np.clip(line["interval_share"], *LIMITS))
        axes.plot([first, 1.0], [y, y], color=FACTUAL, linewidth=1.6, solid_capstyle="butt", zorder=2)
        axes.plot(first, y, "|", color=FACTUAL, markersize=8, markeredgewidth=2, zorder=3)
    axes.plot(1.0, y, "D", color=FACTUAL, markersize=5.5, zorder=3)
    if line["observed_share"] is not None:
        share = line["observed_share"]
        at = float(np.clip(share, *LIMITS))
        mark = "o" if at == share else "<" if share < at else ">"
        axes.plot(at, y, mark, color=OBSERVED, markersize=5.5, clip_on=False, zorder=4)
