"""Predicted and seen: where each figure fell in the distribution that the model gave it, beside what chance gives."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy import stats

from gvi_eval.figures.frame import framed
from gvi_eval.figures.theme import FACTUAL, INK, OBSERVED, STRIPE, columns_of, theme

PREDICTIVE_COLUMNS = ("place", "pit")
PLOT_HEIGHT = 2.8
LEVEL = 0.95


def predictive_table(residuals: pd.DataFrame) -> pd.DataFrame:
    """The places of the figures in their predictive distributions, sorted, beside those of n uniform draws.

    The k-th smallest of n uniform places is Beta(k, n + 1 − k): its mean k / (n + 1) and its 95 % limits stand beside each.
    """
    pit = np.sort(residuals["pit"].dropna().to_numpy(dtype=float))
    n = len(pit)
    rank = np.arange(1, n + 1)
    tail = (1 - LEVEL) / 2
    beta = stats.beta(rank, n + 1 - rank)
    return pd.DataFrame(
        {"place": rank / (n + 1), "pit": pit, "lower": beta.ppf(tail), "upper": beta.ppf(1 - tail)},
        columns=["place", "pit", "lower", "upper"],
    )


def predictive_figure(table: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """Sorted places against those that chance gives; a mark outside the band is orange and square."""
    columns_of(table, PREDICTIVE_COLUMNS, "the table of predictive places")
    x, y = table["place"].to_numpy(dtype=float), table["pit"].to_numpy(dtype=float)
    outside = (y < table["lower"].to_numpy(dtype=float)) | (y > table["upper"].to_numpy(dtype=float))
    with theme():
        legend = [
            Line2D([], [], color=OBSERVED, marker="o", linestyle="none", markersize=5, label="a figure"),
            Line2D([], [], color=FACTUAL, marker="s", linestyle="none", markersize=5, label="outside the band"),
            Patch(facecolor=STRIPE, edgecolor=INK, linewidth=0.6, label="95 % of what chance gives"),
        ]
        figure, axes = framed(
            title=title, caption=caption, y_label="place in its predictive distribution", x_label="expected place",
            height=PLOT_HEIGHT, legend=legend,
        )  # fmt: skip
        axes.fill_between(x, table["lower"], table["upper"], color=STRIPE, linewidth=0, zorder=0)
        for limit in ("lower", "upper"):
            axes.plot(x, table[limit], color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, zorder=1)
        axes.plot(x[~outside], y[~outside], "o", color=OBSERVED, markersize=5, zorder=3)
        axes.plot(x[outside], y[outside], "s", color=FACTUAL, markersize=5.5, zorder=3)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        figure.canvas.draw()
    return figure
