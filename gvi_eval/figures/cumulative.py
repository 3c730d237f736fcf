"""The effect as it adds up: events fewer than expected since the start, period by period."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gvi_eval.errors import DataError
from gvi_eval.figures.frame import framed, spaced
from gvi_eval.figures.theme import EXPECTED, FACTUAL, INK, WIDTH, columns_of, theme

CUMULATIVE_COLUMNS = ("period", "prevented", "total")
PLOT_HEIGHT = 2.6


def cumulative_table(path: pd.DataFrame, first: str, last: str, target: str) -> pd.DataFrame:
    """Events prevented by the end of each period of the window.

    realised   Σ expected − Σ observed      model   Σ expected − Σ factual

    path: period, observed, factual, expected. Raises `DataError` where a period of the window lacks what is summed.
    """
    column = "factual" if target == "model" else "observed"
    own = path[(path["period"] >= first) & (path["period"] <= last)]
    if own.empty or own[["expected", column]].isna().any().any():
        raise DataError(f"the path lacks {column} or expected figures between {first} and {last}, so nothing can be added up")
    prevented = (own["expected"] - own[column]).to_numpy(dtype=float)
    return pd.DataFrame({"period": own["period"].to_numpy(), "prevented": prevented, "total": np.cumsum(prevented)})


def cumulative_figure(
    table: pd.DataFrame, *, title: str, caption: str, limits: tuple[float, float] | None = None, level: float | None = None
) -> Figure:
    """The running total of events prevented; the interval of the whole stands at the end, where it was computed."""
    columns_of(table, CUMULATIVE_COLUMNS, "the table of events prevented")
    places = np.arange(len(table))
    total = table["total"].to_numpy(dtype=float)
    with theme():
        drawn = {"color": FACTUAL, "marker": "o", "linewidth": 1.6}
        legend = [Line2D([], [], markersize=4, label="events prevented since the start", **drawn)]
        if limits:
            word = "interval of the whole" if level is None else f"{level:.0%} interval of the whole"
            legend.append(Line2D([], [], color=EXPECTED, marker="_", markersize=9, linewidth=2.2, label=word))
        figure, axes = framed(
            title=title, caption=caption, y_label="events prevented", x_label="", height=PLOT_HEIGHT, legend=legend
        )
        axes.axhline(0, color=INK, linewidth=1.0)
        axes.plot(places, total, markersize=4 if len(table) < 40 else 2.5, zorder=3, **drawn)
        if limits:
            end = places[-1] + max(len(table) / 60, 0.4)
            axes.plot([end, end], limits, color=EXPECTED, linewidth=2.2, marker="_", markersize=9, zorder=3)
        names = [str(period) for period in table["period"]]
        step = spaced(names, WIDTH - 1.2)
        axes.set_xticks(places[::step], labels=names[::step])
        figure.canvas.draw()
    return figure
