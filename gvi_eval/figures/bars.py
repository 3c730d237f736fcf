"""Bars: how much each donor weighs, and what the figures say about each possible start."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gvi_eval.errors import DataError
from gvi_eval.figures.frame import framed, spaced
from gvi_eval.figures.theme import EXPECTED, FACTUAL, INK, SMALL, WIDTH, columns_of, text_width, theme

WEIGHT_COLUMNS = ("unit", "weight")
START_COLUMNS = ("start", "declared", "probability", "in_credible_set")
ROW = 0.22
PLOT_HEIGHT = 2.4
HATCH = "////"


def weights_figure(rows: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """The donors by weight, the heaviest on top; a weight below 0 is hatched and orange."""
    columns_of(rows, WEIGHT_COLUMNS, "the table of weights")
    names, weights = [str(name) for name in rows["unit"]], rows["weight"].to_numpy(dtype=float)
    with theme():
        left = max(text_width(name, SMALL) for name in names) + 0.12
        negative = (weights < 0).any()
        legend = [Patch(facecolor=EXPECTED, label="weight")]
        legend += [Patch(facecolor="white", edgecolor=FACTUAL, hatch=HATCH, label="weight below 0")] if negative else []
        figure, axes = framed(
            title=title, caption=caption, y_label="", x_label="weight in the comparison", height=ROW * len(rows) + 0.1,
            left=left, legend=legend if negative else (),
        )  # fmt: skip
        places = range(len(rows))
        for place, weight in zip(places, weights, strict=True):
            style = (
                {"facecolor": EXPECTED, "edgecolor": "none"}
                if weight >= 0
                else {"facecolor": "white", "edgecolor": FACTUAL, "hatch": HATCH}
            )
            axes.barh(place, weight, height=0.7, **style, zorder=3)
            axes.annotate(
                f"{weight:.2f}", (weight, place), xytext=(3 if weight >= 0 else -3, 0), textcoords="offset points",
                ha="left" if weight >= 0 else "right", va="center_baseline", fontsize=SMALL,
            )  # fmt: skip
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(list(places), labels=names)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)  # it would run through the figures
        axes.axvline(0, color=INK, linewidth=1.0, zorder=4)
        axes.set_xlim(min(0.0, weights.min() * 1.2), max(weights.max() * 1.15, 0.05))
        figure.canvas.draw()
    return figure


def start_figure(rows: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """How probable the figures make each start; the declared one is orange and hatched, the credible set filled."""
    columns_of(rows, START_COLUMNS, "the table of starts")
    if not rows["probability"].notna().any():
        raise DataError("no start has a probability, so there is nothing to draw")
    names = [str(name) for name in rows["start"]]
    with theme():
        legend = [
            Patch(facecolor=FACTUAL, edgecolor="black", hatch=HATCH, label="declared start"),
            Patch(facecolor=EXPECTED, label="in the credible set"),
            Patch(facecolor="white", edgecolor=INK, label="outside it"),
        ]
        figure, axes = framed(
            title=title, caption=caption, y_label="probability", x_label="start", height=PLOT_HEIGHT, legend=legend
        )
        for place, row in enumerate(rows.itertuples()):
            style = (
                {"facecolor": EXPECTED, "edgecolor": "white"}
                if row.in_credible_set
                else {"facecolor": "white", "edgecolor": INK}
            )
            if row.declared:
                style = {"facecolor": FACTUAL, "edgecolor": "black", "hatch": HATCH}
            axes.bar(place, row.probability, width=0.85, linewidth=0.6, zorder=3, **style)
        step = spaced(names, WIDTH - 1.2)
        axes.set_xticks(range(0, len(names), step), labels=names[::step])
        axes.set_xlim(-0.7, len(names) - 0.3)
        figure.canvas.draw()
    return figure
