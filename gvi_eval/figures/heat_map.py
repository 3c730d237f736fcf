"""The same change for every baseline and window: the claimed cell among all that could have been chosen."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from gvi_eval.figures.frame import framed
from gvi_eval.figures.theme import EXPECTED, FACTUAL, FAINT, SMALL, WIDTH, columns_of, text_width, theme, wrapped

HEAT_COLUMNS = ("baseline", "window", "percent", "claimed")
ROW = 0.27
UPRIGHT = 0.75  # inches of a column in which its head can stand upright
APART = 0.03  # inches between the figures of neighbouring cells
STRONGEST = 75.0  # per cent from which a cell is as dark as it gets


def heat_map_figure(cells: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """Per cent of change by baseline and window, written in every cell; the longer of the two lists runs downwards.

    A fall is blue and a rise orange and hatched, paler the smaller; the claimed cell has a thick frame. A combination for
    which there is no figure stays empty.
    """
    columns_of(cells, HEAT_COLUMNS, "the baseline-and-window table")
    lists = {name: list(dict.fromkeys(map(str, cells[name]))) for name in ("window", "baseline")}
    down, across = sorted(lists, key=lambda name: -len(lists[name]))
    rows, columns = lists[down], lists[across]
    with theme():
        left = min(max(text_width(name, SMALL) for name in rows) + 0.15, 2.6)
        room = (WIDTH - left - 0.6) / len(columns)
        upright = room >= UPRIGHT
        heads = ["\n".join(wrapped(name, room - 0.08, SMALL)) if upright else name for name in columns]
        longest = max(text_width(name, SMALL) for name in columns)
        ticks = 0.16 + (0.16 * max(head.count("\n") + 1 for head in heads) if upright else longest)
        legend = [
            Patch(facecolor=EXPECTED, label="fall"),
            Patch(facecolor="white", edgecolor=FACTUAL, hatch="////", label="rise"),
            Patch(facecolor="white", edgecolor="black", linewidth=2.2, label="claimed"),
        ]
        figure, axes = framed(
            title=title, caption=caption, y_label="", x_label=f"per cent of change, {down}s down, {across}s across",
            height=ROW * len(rows), left=left, legend=legend, ticks=ticks,
        )  # fmt: skip
        axes.grid(False)
        widest = max(text_width(_words(float(percent)), SMALL) for percent in cells["percent"])
        size = SMALL * min(1.0, (room - APART) / widest)
        for cell in cells.to_dict("records"):
            place = columns.index(str(cell[across])), rows.index(str(cell[down]))
            _cell(axes, *place, float(cell["percent"]), bool(cell["claimed"]), size)
        axes.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
        turned = {} if upright else {"rotation": 90}
        axes.set_xticks(np.arange(len(columns)) + 0.5, labels=heads, **turned)
        axes.set_yticks(np.arange(len(rows)) + 0.5, labels=["\n".join(wrapped(name, left - 0.1, SMALL)) for name in rows])
        axes.tick_params(length=0)
        figure.canvas.draw()
    return figure


def _cell(axes, column: int, row: int, percent: float, claimed: bool, size: float) -> None:
    strength = min(abs(percent) / STRONGEST, 1.0)
    colour = EXPECTED if percent < 0 else FACTUAL
    shade = 0.08 + 0.42 * strength  # black figures stay readable on the darkest
    rise = {"hatch": "////"} if percent > 0 else {}
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, alpha=shade, edgecolor=FAINT, linewidth=0.5, **rise))
    if claimed:
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="black", linewidth=2.2, zorder=4))
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.4} if percent > 0 else None
    axes.text(
        column + 0.5, row + 0.5, _words(percent), ha="center", va="center", fontsize=size,
        weight="bold" if claimed else "normal", bbox=ground, zorder=5,
    )  # fmt: skip


def _words(percent: float) -> str:
    """Whole per cent with its sign; what rounds to nothing has none."""
    return f"{percent:+.0f}".replace("-", "−") if abs(percent) >= 0.5 else "0"
