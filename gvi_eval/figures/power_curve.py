"""Power curve: how likely a true ratio is to be found, under three settings of the noise."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from gvi_eval.figures.forest import ticks_of
from gvi_eval.figures.theme import (
    BODY,
    FAINT,
    INK,
    MARGIN,
    PALETTE,
    SMALL,
    TITLE,
    WIDTH,
    blank,
    columns_of,
    line_height,
    panel,
    theme,
    wrapped,
    write,
)

CURVE_COLUMNS = ("noise", "ratio", "power", "benchmark", "wanted")
LINES = (("blue", "-"), ("vermilion", (0, (5, 2))), ("black", (0, (1.5, 1.5))), ("green", (0, (5, 1.5, 1, 1.5))))
PLOT_HEIGHT = 2.9


def power_figure(rows: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """Power against the true ratio, one line a noise setting, with the expected effect and the usual power marked.

    rows: `CURVE_COLUMNS`; ``benchmark`` is the ratio that reviews expect, ``wanted`` the power that is asked of a study.
    """
    columns_of(rows, CURVE_COLUMNS, "the table of power")
    benchmark, wanted = float(rows["benchmark"].iloc[0]), float(rows["wanted"].iloc[0])
    limits = float(rows["ratio"].min()), float(rows["ratio"].max())
    with theme():
        ink = WIDTH - 2 * MARGIN
        title_lines, note_lines = wrapped(title, ink, TITLE, "bold"), wrapped(caption, ink, SMALL)
        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
        plot_top = legend_top + 0.45
        left = MARGIN + line_height(BODY) + 0.5
        width = WIDTH - left - 0.2
        words_top = plot_top + PLOT_HEIGHT + 0.28
        note_top = words_top + line_height(BODY) + 0.08
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)
        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        axes = panel(figure, left, plot_top, width, PLOT_HEIGHT)
        _axis(axes, limits, width)
        axes.axhline(wanted, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.axvline(benchmark, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        handles = []
        for (name, own), (colour, style) in zip(rows.groupby("noise", sort=False), LINES, strict=False):
            line = {"color": PALETTE[colour], "linestyle": style, "linewidth": 1.8}
            axes.plot(own["ratio"], own["power"], zorder=3, **line)
            handles.append(Line2D([], [], label=f"{name} noise", **line))
        _marks(axes, benchmark, wanted)
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(MARGIN / WIDTH, 1 - legend_top / figure.get_figheight()),
            ncols=len(handles),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            columnspacing=1.4,
            fontsize=BODY,
        )
        middle = plot_top + PLOT_HEIGHT / 2
        turned = {"rotation": 90, "rotation_mode": "anchor", "ha": "center", "va": "top"}
        sheet.text(MARGIN, middle, "probability that it is found", fontsize=BODY, **turned)
        sheet.text(left + width / 2, words_top, "true ratio", fontsize=BODY, ha="center", va="top")
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def _axis(axes: Axes, limits: tuple[float, float], width: float) -> None:
    axes.set(xscale="log", xlim=limits, ylim=(0, 1))
    ticks = ticks_of(*limits, width)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    shares = np.linspace(0, 1, 6)
    axes.set_yticks(shares, labels=[f"{share:.0%}" for share in shares])
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _marks(axes: Axes, benchmark: float, wanted: float) -> None:
    """What the two dashed lines are: the one named above the plot, the other to the left of it."""
    words = f"{benchmark:g}, what reviews expect"
    axes.annotate(words, (benchmark, 1), xytext=(0, 3), textcoords="offset points", fontsize=SMALL, ha="center", va="bottom")
    axes.annotate(
        f"{wanted:.0%}, the power usually asked for",
        (benchmark, wanted),
        xytext=(-5, 0),
        textcoords="offset points",
        fontsize=SMALL,
        ha="right",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        zorder=2,
    )
