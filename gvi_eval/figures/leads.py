"""Leads and lags: the treated place against its donors, bin by bin before and after the start."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gvi_eval.figures.frame import framed, spaced
from gvi_eval.figures.theme import EXPECTED, FACTUAL, INK, WIDTH, columns_of, theme

LEAD_COLUMNS = ("bin", "first", "last", "value", "error")
PLOT_HEIGHT = 2.6
REACH = 1.96  # standard errors of a 95 % interval


def leads_figure(rows: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """Coefficients with 95 % intervals; bins before the start are round and blue, those after it square and orange."""
    columns_of(rows, LEAD_COLUMNS, "the table of leads and lags")
    value, error = rows["value"].to_numpy(dtype=float), rows["error"].to_numpy(dtype=float)
    after = rows["bin"].to_numpy(dtype=int) >= 0
    names = [str(first) for first in rows["first"]]
    with theme():
        legend = [
            Line2D([], [], color=EXPECTED, marker="o", markersize=5, linewidth=1.3, label="before the start"),
            Line2D([], [], color=FACTUAL, marker="s", markersize=5, linewidth=1.3, label="after it"),
        ]
        figure, axes = framed(
            title=title,
            caption=caption,
            y_label="log ratio to the donors",
            x_label="first period of the bin",
            height=PLOT_HEIGHT,
            legend=legend,
        )  # fmt: skip
        axes.axhline(0, color=INK, linewidth=1.0)
        places = np.arange(len(rows))
        for chosen, colour, shape in ((~after, EXPECTED, "o"), (after, FACTUAL, "s")):
            axes.errorbar(
                places[chosen], value[chosen], yerr=REACH * error[chosen], color=colour, marker=shape, markersize=5,
                linestyle="none", elinewidth=1.3, capsize=3, zorder=3,
            )  # fmt: skip
        if after.any() and not after.all():
            axes.axvline(np.flatnonzero(after)[0] - 0.5, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
        step = spaced(names, WIDTH - 1.2)
        axes.set_xticks(places[::step], labels=names[::step])
        figure.canvas.draw()
    return figure
