"""The gap between observed and expected of the treated place over time, and behind it those of every donor in its place."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from gvi_eval.errors import DataError
from gvi_eval.figures.frame import framed, spaced
from gvi_eval.figures.theme import FACTUAL, INK, WIDTH, columns_of, text_width, theme

SAVED_COLUMNS = ("unit", "treated", "period", "before", "observed", "expected", "person_years")
GAP_COLUMNS = ("unit", "treated", "period", "before", "gap", "per", "fit", "set_aside")
PLOT_HEIGHT = 3.2
PER = 100_000  # people
ROUNDING = 1e-9
POOREST = 20.0  # times the treated unit's mean squared gap before the start


def gaps_of(saved: pd.DataFrame, poorest: float = POOREST) -> pd.DataFrame:
    """The gaps of a saved table, one row a unit and period, and which units are set aside for a poor fit before the start.

    gap = (observed − expected) / person-years · 100,000, or observed − expected where the outcome has no denominator and all
    person-years are 1; `per` says how many people it is per, 1 for none. fit is the unit's mean squared gap before the start
    over that of the treated unit; a donor is set aside where it is above ``poorest``, the laxest cutoff of Abadie, Diamond &
    Hainmueller (2010), Synthetic Control Methods for Comparative Case Studies, doi:10.1198/jasa.2009.ap08746, or
    where it has no figure before the start. A treated unit without any gap is no measure: fit is empty and all are drawn.
    Raises `DataError` unless exactly one unit is treated.
    """
    columns_of(saved, SAVED_COLUMNS, "the table of gaps")
    table = saved.assign(treated=saved["treated"].astype(bool), before=saved["before"].astype(bool))
    if table.loc[table["treated"], "unit"].nunique() != 1:
        units = sorted(table.loc[table["treated"], "unit"].unique())
        raise DataError(f"the table of gaps has {len(units)} treated units {units}; mark exactly one")
    years = table["person_years"].astype(float)
    per = 1 if (years.dropna() == 1).all() else PER
    gap = (table["observed"].astype(float) - table["expected"].astype(float)) / years * per
    table = table[["unit", "treated", "period", "before"]].assign(gap=gap, per=per)
    squares = (table["gap"] ** 2).where(table["before"]).groupby(table["unit"], sort=False).mean()
    own = squares[table.loc[table["treated"], "unit"].iloc[0]]
    fit = table["unit"].map(squares / own if own > 0 else squares * np.nan)
    poor = (fit > poorest * (1 + ROUNDING)) | table["unit"].map(squares.isna())
    return table.assign(fit=fit, set_aside=~table["treated"] & poor)


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """What is drawn, one row a unit and one column a period, as it is saved beside the picture."""
    about = table.groupby("unit", sort=False)[["treated", "set_aside", "fit"]].first()
    gaps = table.pivot(index="unit", columns="period", values="gap")
    return about.join(gaps[table["period"].drop_duplicates()]).reset_index()


def aside(table: pd.DataFrame) -> list[str]:
    """The units that are set aside, by name, in the order of the table."""
    return table.loc[table["set_aside"].astype(bool), "unit"].drop_duplicates().tolist()


def gaps_figure(table: pd.DataFrame, *, title: str, caption: str) -> Figure:
    """Gaps over time: the treated unit bold with marks, the placebos that are not set aside thin and grey behind it.

    table: `GAP_COLUMNS`, as `gaps_of` gives it, its periods in order of time. The broken upright line is the start.
    """
    columns_of(table, GAP_COLUMNS, "the table of gaps")
    periods = table.loc[table["treated"], "period"].astype(str).tolist()
    before = int(table.loc[table["treated"], "before"].sum())
    drawn = table[~table["set_aside"]].assign(place=lambda each: each["period"].astype(str).map(periods.index))
    unit, donors = table.loc[table["treated"], "unit"].iloc[0], drawn.loc[~drawn["treated"], "unit"].nunique()
    per = int(table["per"].iloc[0])
    bold = {"color": FACTUAL, "linewidth": 2.4, "marker": "D", "markersize": 4.5}
    thin = {"color": INK, "linewidth": 0.5, "alpha": 0.7}
    with theme():
        legend = [Line2D([], [], label=str(unit), **bold)]
        words = f"{donors} donor{'s' * (donors != 1)}, each in its place"
        legend += [Line2D([], [], label=words, **thin)] * (donors > 0)
        marks = _ticks(drawn["gap"])
        figure, axes = framed(
            title=title,
            caption=caption,
            y_label=f"observed less expected{f', per {per:,} people a year' if per > 1 else ''}",
            x_label="",
            height=PLOT_HEIGHT,
            legend=legend,
            left=0.12 + max(text_width(_signed(mark)) for mark in marks),
        )
        axes.axhline(0, color=INK, linewidth=1.0, zorder=2)
        axes.axvline(before - 0.5, color="black", linewidth=1.0, linestyle=(0, (4, 2)), zorder=4)
        for _, own in drawn[~drawn["treated"]].groupby("unit", sort=False):
            axes.plot(own["place"], own["gap"], zorder=1, **thin)
        own = drawn[drawn["treated"]]
        halo = [withStroke(linewidth=4.6, foreground="white")]
        axes.plot(own["place"], own["gap"], zorder=3, markevery=_every(len(periods)), path_effects=halo, **bold)
        axes.set(xlim=(-0.5, len(periods) - 0.5), ylim=(marks[0], marks[-1]))
        axes.set_yticks(marks, labels=[_signed(mark) for mark in marks])
        _name_periods(axes, periods)
        _name_start(axes, before, len(periods))
        figure.canvas.draw()
    return figure


def _every(periods: int) -> int:
    """A mark on every how manieth period, so that some thirty stand apart on the line."""
    return max(1, periods // 30)


def _ticks(gaps: pd.Series) -> np.ndarray:
    """Round numbers from below the lowest gap to above the highest."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(float(gaps.min()), 0.0), max(float(gaps.max()), 0.0)
    return MaxNLocator(nbins=7, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)


def _signed(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _name_periods(axes: Axes, periods: list[str]) -> None:
    """As many names of periods as have room; of quarters and months those with which a year begins."""
    years = [place for place, name in enumerate(periods) if place == 0 or name[:4] != periods[place - 1][:4]]
    names = [periods[place][:4] for place in years]
    step = spaced(names, WIDTH - 1.3)
    axes.set_xticks(years[::step], labels=names[::step])


def _name_start(axes: Axes, before: int, periods: int) -> None:
    """The word beside the line, on the side where there is room."""
    to_left = before > periods / 2
    axes.annotate(
        "start",
        (before - 0.5, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if to_left else 4, -2),
        textcoords="offset points",
        ha="right" if to_left else "left",
        va="top",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        zorder=5,
    )
