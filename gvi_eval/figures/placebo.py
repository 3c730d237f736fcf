"""The treated unit among its placebos: every unit's ratio against its size, and how far chance of that size reaches."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from gvi_eval.errors import DataError
from gvi_eval.figures.forest import ticks_of
from gvi_eval.figures.theme import (
    BODY,
    FACTUAL,
    FAINT,
    INK,
    MARGIN,
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

PLACEBO_COLUMNS = ("unit", "treated", "log_ratio", "mean_count_before", "spread", "scaled")
PLOT_HEIGHT = 3.2
NAMED = 3  # donors farthest out that are named beside their points
NAME_GAP = 7 / 72  # inches between a mark and its name
POINTS = 72  # in an inch
ROOM = 1.12  # beyond the outermost point, as a factor

Box = tuple[float, float, float, float]  # left, lower, right and upper edge in inches


def envelope(rows: pd.DataFrame, level: float) -> tuple[float, float]:
    """The scaled distance that this share of units does not exceed, and the level that so many donors can give it."""
    distances = np.sort(np.abs(rows.loc[~rows["treated"], "scaled"].to_numpy(dtype=float)))
    place = math.ceil(level * (len(distances) + 1) - 1e-9)
    if place > len(distances):
        place, level = len(distances), len(distances) / (len(distances) + 1)
    return float(distances[place - 1]), level


def placebo_figure(rows: pd.DataFrame, *, title: str, unit_word: str, caption: str, level: float = 0.95) -> Figure:
    """Ratio of observed to expected of every unit in the treated unit's place, over its mean count before the start.

    rows: one a unit with `PLACEBO_COLUMNS`, one of them treated. The shaded area holds what the donors' placebos of that size
    reach at this level; a treated point outside it has a p-value at or below 1 − level. unit_word: what a count is per.
    """
    columns_of(rows, PLACEBO_COLUMNS, "the table of placebos")
    rows = rows.assign(treated=rows["treated"].astype(bool))
    if rows["treated"].sum() != 1:
        raise DataError(f"the table of placebos has {int(rows['treated'].sum())} treated units; mark exactly one")
    shown = rows[np.isfinite(rows["log_ratio"].astype(float)) & (rows["mean_count_before"] > 0)]
    if not shown["treated"].any():
        raise DataError(
            f"{rows.loc[rows['treated'], 'unit'].iloc[0]} has no ratio, so its place among the placebos is not known"
        )
    distance, reached = envelope(rows, level)
    counts, ratios = shown["mean_count_before"].to_numpy(dtype=float), np.exp(shown["log_ratio"].to_numpy(dtype=float))
    x_limits = counts.min() / ROOM, counts.max() * ROOM
    grid = np.geomspace(*x_limits, 200)
    reach = distance * _spread_at(shown, grid)
    y_far = max(np.abs(np.log(ratios)).max(), min(reach.max(), 1.2 * np.abs(np.log(ratios)).max())) + math.log(ROOM) / 2
    y_limits = math.exp(-y_far), math.exp(y_far)
    with theme():
        ink = WIDTH - 2 * MARGIN
        title_lines, note_lines = wrapped(title, ink, TITLE, "bold"), wrapped(caption, ink, SMALL)
        treated = shown[shown["treated"]].iloc[0]
        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
        words = (
            str(treated["unit"]),
            f"its {len(shown) - 1} donors, each in its place",
            f"what {100 * reached:.3g} % of places of that size stay within",
        )
        columns = 3 if sum(text_width(each) + 0.55 for each in words) < ink else 2
        plot_top = legend_top + 0.185 * math.ceil(len(words) / columns) + 0.1
        left = MARGIN + line_height(BODY) + 0.5
        width = WIDTH - left - 0.2
        words_top = plot_top + PLOT_HEIGHT + 0.28
        note_top = words_top + line_height(BODY) + 0.08
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)
        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        _draw_legend(figure, words, columns, legend_top)
        axes = panel(figure, left, plot_top, width, PLOT_HEIGHT)
        axes.set(xscale="log", yscale="log", xlim=x_limits, ylim=y_limits)
        _ticks(axes, x_limits, y_limits, width)
        axes.fill_between(grid, np.exp(-reach), np.exp(reach), color=STRIPE, linewidth=0, zorder=0)
        for limit in (-reach, reach):
            axes.plot(grid, np.exp(limit), color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.axhline(1.0, color=INK, linewidth=1.0, zorder=1)
        own = shown["treated"].to_numpy()
        rim = {"markerfacecolor": "white", "markeredgecolor": INK, "markeredgewidth": 1.0}
        axes.plot(counts[~own], ratios[~own], "o", markersize=4.5, zorder=3, linestyle="none", **rim)
        axes.plot(counts[own], ratios[own], "D", markersize=7.5, color=FACTUAL, zorder=4, clip_on=False)
        _name(axes, shown, x_limits, width)
        middle = plot_top + PLOT_HEIGHT / 2
        sheet.text(
            MARGIN, middle, "observed over expected", fontsize=BODY, rotation=90, rotation_mode="anchor", ha="center", va="top"
        )
        sheet.text(
            left + width / 2, words_top, f"mean count per {unit_word} before the start", fontsize=BODY, ha="center", va="top"
        )
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def _spread_at(rows: pd.DataFrame, counts: np.ndarray) -> np.ndarray:
    """The spread at other counts: between those of the units, sqrt(a + b / count) and then constant, straight in 1 / count."""
    units = rows.sort_values("mean_count_before", ascending=False)
    inverse, square = 1 / units["mean_count_before"].to_numpy(dtype=float), units["spread"].to_numpy(dtype=float) ** 2
    return np.sqrt(np.interp(1 / counts, inverse, square))


def _ticks(axes: Axes, x_limits: tuple[float, float], y_limits: tuple[float, float], width: float) -> None:
    for axis, limits, room in ((axes.xaxis, x_limits, width), (axes.yaxis, y_limits, PLOT_HEIGHT)):
        ticks = ticks_of(*limits, room)
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _name(axes: Axes, rows: pd.DataFrame, x_limits: tuple[float, float], width: float) -> None:
    """Names beside the treated unit and the donors farthest out by size, on the side where there is room and no other name."""
    donors = rows[~rows["treated"]]
    far = donors.reindex(donors["scaled"].abs().sort_values(ascending=False).index).head(NAMED)
    low, high = axes.get_ylim()
    taken: list[Box] = []
    for row in pd.concat([rows[rows["treated"]], far]).itertuples():
        place = math.log(row.mean_count_before / x_limits[0]) / math.log(x_limits[1] / x_limits[0]) * width
        height = math.log(math.exp(row.log_ratio) / low) / math.log(high / low) * PLOT_HEIGHT
        weight = "bold" if row.treated else "normal"
        to_left, up, box = _free(place, height, text_width(str(row.unit), SMALL, weight), width, taken)
        taken.append(box)
        axes.annotate(
            str(row.unit),
            (row.mean_count_before, math.exp(row.log_ratio)),
            xytext=(-NAME_GAP * POINTS if to_left else NAME_GAP * POINTS, up * POINTS),
            textcoords="offset points",
            ha="right" if to_left else "left",
            va="center_baseline",
            fontsize=SMALL,
            weight=weight,
            bbox={"facecolor": STRIPE, "edgecolor": "none", "pad": 0.6},
            zorder=5 if row.treated else 2,
        )


def _free(place: float, height: float, words: float, width: float, taken: list[Box]) -> tuple[bool, float, Box]:
    """Whether a name goes to the left of its mark, how far up, and its box in inches: the first that touches no other.

    The right is tried before the left, and the height of the mark before others; where every place is taken, the first.
    """
    line = line_height(SMALL)
    found = []
    for steps in (0, 1, -1, 2, -2, 3, -3):
        for to_left in (False, True):
            start = place - NAME_GAP - words if to_left else place + NAME_GAP
            if start < 0 or start + words > width:
                continue
            up = steps * 0.8 * line
            box = (start, height + up - line / 2, start + words, height + up + line / 2)
            found.append((to_left, up, box))
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                return found[-1]
    middle = (place, height - line / 2, place + words, height + line / 2)
    return found[0] if found else (place + NAME_GAP + words > width, 0.0, middle)


def _draw_legend(figure: Figure, words: tuple[str, str, str], columns: int, top: float) -> None:
    page = figure.get_figheight()
    handles = [
        Line2D([], [], marker="D", linestyle="none", markersize=6.5, color=FACTUAL, label=words[0]),
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            markersize=4.5,
            markerfacecolor="white",
            markeredgecolor=INK,
            label=words[1],
        ),
        Patch(facecolor=STRIPE, edgecolor=INK, linewidth=0.6, label=words[2]),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(MARGIN / WIDTH, 1 - top / page),
        ncols=columns,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.4,
        columnspacing=1.2,
        fontsize=BODY,
    )
