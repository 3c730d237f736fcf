"""The readings of a plan as small multiples: one panel an indicator, all on the same years, the dose on a strip below."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from gvi_eval.figures.alt import LANGUAGES
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.figures.theme import (
    BODY,
    EXPECTED,
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
from gvi_eval.indicators import Plan

READING_COLUMNS = ("indicator", "role", "beside", "area", "period_start", "period_end", "value", "lower", "upper")
INDICATOR_COLUMNS = ("indicator", "role", "label", "measured_in", "start", "start_period", "start_is", "baseline_check")
DOSE_COLUMNS = ("dose", "label", "to", "value")
COLUMNS, GAP, AXIS, PLOT = 2, 0.3, 0.42, 1.25  # panels in a row, inches between them, beside and in height
LANE = 0.3


def indicators_figure(
    readings: pd.DataFrame,
    indicators: pd.DataFrame,
    dose: pd.DataFrame,
    *,
    title: str,
    span: tuple[float, float | None],
    caption: str,
) -> Figure:
    """One panel for each outcome with readings, on common years; the start dashed, the plan's time shaded.

    readings, indicators and dose: the saved tables. span: the plan's time in decimal years; no end where the plan has none.
    """
    columns_of(readings, READING_COLUMNS, "the table of readings")
    columns_of(indicators, INDICATOR_COLUMNS, "the table of indicators")
    own = indicators[(indicators["role"] == "outcome") & indicators["indicator"].isin(readings["indicator"])]
    silent = indicators[(indicators["role"] == "outcome") & ~indicators["indicator"].isin(readings["indicator"])]
    given = dose.dropna(subset=["value"])
    years = _years(readings, given, span)
    width = (WIDTH - 2 * MARGIN - GAP * (COLUMNS - 1)) / COLUMNS
    with theme():
        ink = WIDTH - 2 * MARGIN
        title_lines = wrapped(title, ink, TITLE, "bold")
        heads = [wrapped(f"{row.label} ({row.measured_in})", width, BODY, "bold") for row in own.itertuples()]
        rows = [list(range(len(own)))[first : first + COLUMNS] for first in range(0, len(own), COLUMNS)]
        tops, top = [], MARGIN + len(title_lines) * line_height(TITLE) + 0.42
        for row in rows:
            tops.append(top)
            top += max(len(heads[place]) for place in row) * line_height(BODY) + 0.08 + PLOT + 0.38
        lanes = list(dict.fromkeys(given["dose"]))
        dose_top, top = top, top + (line_height(BODY) + 0.08 + LANE * len(lanes) + 0.4 if lanes else 0)
        notes = _notes(silent, own, dose)
        note_lines = [line for each in (*notes, caption) for line in wrapped(each, ink, SMALL)]
        figure, sheet = blank(top + len(note_lines) * line_height(SMALL) + MARGIN)
        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        _legend(figure, sheet, MARGIN + len(title_lines) * line_height(TITLE) + 0.03, readings)
        for place, indicator in enumerate(own.itertuples()):
            row, column = divmod(place, COLUMNS)
            left = MARGIN + column * (width + GAP)
            head = max(len(heads[other]) for other in rows[row])
            write(sheet, left, tops[row], heads[place], BODY, weight="bold")
            below = tops[row] + head * line_height(BODY) + 0.08
            axes = panel(figure, left + AXIS, below, width - AXIS, PLOT)
            _draw_panel(axes, indicator, readings[readings["indicator"] == indicator.indicator], years, span, width - AXIS)
        if lanes:
            _draw_dose(figure, sheet, given, lanes, years, span, dose_top)
        write(sheet, MARGIN, top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def _years(readings: pd.DataFrame, dose: pd.DataFrame, span: tuple[float, float | None]) -> tuple[float, float]:
    """The years that all panels share: of every reading, the dose and the plan's time."""
    seen = [
        *_middle(readings),
        *(_decimal(day) + 0.6 for day in dose["to"]),
        span[0],
        span[1] if span[1] is not None else span[0],
    ]
    return float(np.floor(min(seen) - 0.2)), float(np.ceil(max(seen) + 0.2))


def _decimal(day: object) -> float:
    stamp = pd.Timestamp(day)
    return stamp.year + (stamp.day_of_year - 1) / (366 if stamp.is_leap_year else 365)


def _middle(readings: pd.DataFrame) -> list[float]:
    """Where a reading is drawn: the middle of the days it covers."""
    days = zip(readings["period_start"], readings["period_end"], strict=True)
    return [(_decimal(first) + _decimal(last) + 1 / 365) / 2 for first, last in days]


def _draw_panel(
    axes: Axes,
    indicator: object,
    readings: pd.DataFrame,
    years: tuple[float, float],
    span: tuple[float, float | None],
    width: float,
) -> None:
    highest = np.nanmax(readings[["value", "upper"]].to_numpy(dtype=float))
    start = indicator.start
    highest = highest if pd.isna(start) else max(highest, float(start))
    axes.set(xlim=years, ylim=(0, 1.22 * highest if highest > 0 else 1))
    _frame(axes, years, span, width)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=highest >= 4))
    if not pd.isna(start):
        axes.axhline(float(start), color=EXPECTED, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2)
    for beside, rows in readings.groupby(readings["beside"].astype(bool), sort=True):
        x, y = np.array(_middle(rows)), rows["value"].to_numpy(dtype=float)
        _joined(axes, x, y, FAINT if beside else INK)
        if beside:
            axes.plot(x, y, "o", markersize=3.5, markerfacecolor="white", markeredgecolor=INK, markeredgewidth=0.8, zorder=3)
            continue
        limits = rows[["lower", "upper"]].to_numpy(dtype=float)
        axes.vlines(x, limits[:, 0], limits[:, 1], color=OBSERVED, linewidth=1.0, zorder=3)
        axes.plot(x, y, "o", markersize=4.5, color=OBSERVED, zorder=4, clip_on=False)
        if indicator.baseline_check == "outlier":
            near = [place for place, first in enumerate(rows["period_start"]) if str(first)[:4] in str(indicator.start_period)]
            axes.plot(
                x[near],
                y[near],
                "o",
                markersize=10,
                markerfacecolor="none",
                markeredgecolor=FACTUAL,
                markeredgewidth=1.4,
                zorder=5,
            )
        _values(axes, x, y, limits[:, 1], width)


def _frame(axes: Axes, years: tuple[float, float], span: tuple[float, float | None], width: float) -> None:
    """The years below and the plan's time shaded."""
    axes.axvspan(span[0], years[1] if span[1] is None else span[1], color=STRIPE, linewidth=0, zorder=0)
    axes.axvline(span[0], color=INK, linewidth=0.6, zorder=1)
    count = years[1] - years[0]
    step = next(each for each in (1, 2, 3, 5, 10) if count / each * 0.36 <= width or each == 10)
    whole = np.arange(int(years[0]), int(years[1]) + 1)
    shown = [year for year in whole[:-1] if year % step == 0]
    axes.xaxis.set_major_locator(FixedLocator([float(year) for year in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(year) for year in shown])
    axes.tick_params(length=3, width=0.8)


def _joined(axes: Axes, x: np.ndarray, y: np.ndarray, colour: str) -> None:
    """A line from reading to reading: solid from one year to the next, dotted across years without a figure."""
    for first in range(len(x) - 1):
        style = "-" if x[first + 1] - x[first] < 1.5 else ":"
        axes.plot(x[first : first + 2], y[first : first + 2], linestyle=style, color=colour, linewidth=0.9, zorder=2)


def _values(axes: Axes, x: np.ndarray, y: np.ndarray, upper: np.ndarray, width: float) -> None:
    """The number above each reading, as far as there is room; the last one always."""
    low, high = axes.get_xlim()
    free = np.inf
    for place in range(len(x) - 1, -1, -1):
        text = f"{y[place]:g}"
        half = text_width(text, SMALL) / 2 + 0.02
        at = (x[place] - low) / (high - low) * width
        if at + half > free:
            continue
        free = at - half
        top = y[place] if np.isnan(upper[place]) else upper[place]
        axes.annotate(
            text,
            (x[place], top),
            (0, 4),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=SMALL,
            zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
        )


def _draw_dose(
    figure: Figure,
    sheet: Axes,
    dose: pd.DataFrame,
    lanes: Sequence[str],
    years: tuple[float, float],
    span: tuple[float, float | None],
    top: float,
) -> None:
    """Each activity on a lane: the number published by a day. It has no scale, because it is no outcome."""
    write(sheet, MARGIN, top, ["Dose, recorded beside the outcomes (number published by that day)"], BODY, weight="bold")
    labels = {row.dose: row.label for row in dose.itertuples()}
    left = MARGIN + max(text_width(labels[name], SMALL) for name in lanes) + 0.12
    width = WIDTH - MARGIN - left
    below = top + line_height(BODY) + 0.08
    axes = panel(figure, left, below, width, LANE * len(lanes))
    axes.set(xlim=years, ylim=(len(lanes) - 0.5, -0.5))
    _frame(axes, years, span, width)
    axes.yaxis.set_major_locator(NullLocator())
    for place, name in enumerate(lanes):
        sheet.text(left - 0.08, below + (place + 0.5) * LANE, labels[name], fontsize=SMALL, ha="right", va="center")
        rows = dose[dose["dose"] == name]
        x = [_decimal(day) for day in rows["to"]]
        axes.plot(x, [place] * len(x), "|", markersize=9, color=OBSERVED, markeredgewidth=1.4, zorder=3)
        for at, value in zip(x, rows["value"], strict=True):
            axes.annotate(f"{value:g}", (at, place), (4, 0), textcoords="offset points", ha="left", va="center", fontsize=SMALL)


def _legend(figure: Figure, sheet: Axes, top: float, readings: pd.DataFrame) -> None:
    """What the marks mean; only those that are drawn."""
    marks = [
        (Line2D([], [], marker="o", color=INK, markerfacecolor=OBSERVED, markeredgecolor=OBSERVED, markersize=4.5), "reading")
    ]
    if readings["lower"].notna().any():
        marks.append((Line2D([], [], marker="|", color="none", markeredgecolor=OBSERVED, markersize=9), "95 % limits"))
    if readings["beside"].astype(bool).any():
        area = readings.loc[readings["beside"].astype(bool), "area"].iloc[0]
        open_dot = Line2D([], [], marker="o", color=FAINT, markerfacecolor="white", markeredgecolor=INK, markersize=3.5)
        marks.append((open_dot, str(area)))
    marks.append((Line2D([], [], color=EXPECTED, linestyle=(0, (4, 2))), "start"))
    marks.append((Patch(color=STRIPE), "time of the plan"))
    figure.legend(
        [mark for mark, _ in marks],
        [word for _, word in marks],
        loc="upper left",
        bbox_to_anchor=((MARGIN - 0.06) / WIDTH, 1 - top / figure.get_figheight()),
        ncols=len(marks),
        frameon=False,
        borderaxespad=0,
        columnspacing=1.4,
        handletextpad=0.5,
        handlelength=1.6,
    )


def _notes(silent: pd.DataFrame, own: pd.DataFrame, dose: pd.DataFrame) -> list[str]:
    notes = []
    if not silent.empty:
        notes.append(f"No figure published: {'; '.join(silent['label'])}.")
    if (own["baseline_check"] == "outlier").any():
        notes.append("Ringed: a start that stands apart from the readings before and after it.")
    if len(bare := dose[dose["value"].isna()]):
        notes.append(f"Dose without a published figure: {'; '.join(bare['label'])}.")
    before = own["start_is"] == "last figure before the plan"
    if before.any():
        notes.append("The start is the last figure published before the plan, which states no baseline.")
    return notes


WORDS = {
    "en": {
        "what": "Small line charts of the readings of {title}, one for each of {n} indicators on the same years.",
        "series": "{label}: {k} readings, from {first} ({when_first}) to {last} ({when_last}).",
        "one": "{label}: one reading, {last} ({when_last}).",
        "start": "The dashed line is the start, {start} ({when}).",
        "outlier": "It is ringed because it stands apart from its neighbours.",
        "limits": "Vertical bars are 95 % limits.",
        "silent": "No figure is published for: {labels}.",
        "dose": "A strip below shows the dose: {labels}.",
    },
    "da": {
        "what": "Små kurvediagrammer over målingerne i {title}, ét for hver af {n} indikatorer på de samme år.",
        "series": "{label}: {k} målinger, fra {first} ({when_first}) til {last} ({when_last}).",
        "one": "{label}: én måling, {last} ({when_last}).",
        "start": "Den stiplede linje er udgangspunktet, {start} ({when}).",
        "outlier": "Det er markeret med en ring, fordi det skiller sig ud fra naboerne.",
        "limits": "Lodrette streger er 95 %-grænser.",
        "silent": "Der er ikke offentliggjort tal for: {labels}.",
        "dose": "En stribe nedenunder viser dosis: {labels}.",
    },
    "sv": {
        "what": "Små linjediagram över mätningarna i {title}, ett för var och en av {n} indikatorer på samma år.",
        "series": "{label}: {k} mätningar, från {first} ({when_first}) till {last} ({when_last}).",
        "one": "{label}: en mätning, {last} ({when_last}).",
        "start": "Den streckade linjen är utgångsläget, {start} ({when}).",
        "outlier": "Det är inringat eftersom det skiljer sig från grannarna.",
        "limits": "Lodräta streck är 95 %-gränser.",
        "silent": "Inga siffror är publicerade för: {labels}.",
        "dose": "En remsa nedanför visar dosen: {labels}.",
    },
}


def alt_indicators(readings: pd.DataFrame, indicators: pd.DataFrame, dose: pd.DataFrame, plan: Plan) -> dict[str, str]:
    """The figure in words: first and last reading of every panel, its start, and what has no figure."""
    labels = {each.name: {"en": each.label, **each.label_in} for each in (*plan.indicators, *plan.dose)}
    titles = {"en": plan.title, **plan.title_in}
    return {
        language: " ".join(_sentences(language, readings, indicators, dose, titles[language], labels)) for language in LANGUAGES
    }


def _sentences(
    language: str,
    readings: pd.DataFrame,
    indicators: pd.DataFrame,
    dose: pd.DataFrame,
    title: str,
    labels: dict[str, dict[str, str]],
) -> list[str]:
    say = WORDS[language]
    outcomes = indicators[indicators["role"] == "outcome"]
    drawn = outcomes[outcomes["indicator"].isin(readings["indicator"])]
    told = [say["what"].format(title=title, n=len(drawn))]
    for row in drawn.itertuples():
        own = readings[(readings["indicator"] == row.indicator) & ~readings["beside"].astype(bool)]
        ends = {
            "first": _number(own["value"].iloc[0], language),
            "when_first": _when(own.iloc[0]),
            "last": _number(own["value"].iloc[-1], language),
            "when_last": _when(own.iloc[-1]),
        }
        told.append(say["one" if len(own) == 1 else "series"].format(label=labels[row.indicator][language], k=len(own), **ends))
        if not pd.isna(row.start):
            told.append(say["start"].format(start=_number(row.start, language), when=row.start_period))
        if row.baseline_check == "outlier":
            told.append(say["outlier"])
    if readings["lower"].notna().any():
        told.append(say["limits"])
    silent = [labels[name][language] for name in outcomes["indicator"] if name not in set(readings["indicator"])]
    if silent:
        told.append(say["silent"].format(labels="; ".join(silent)))
    given = list(dict.fromkeys(dose.dropna(subset=["value"])["dose"]))
    if given:
        told.append(say["dose"].format(labels="; ".join(labels[name][language] for name in given)))
    return told


def _when(row: pd.Series) -> str:
    first, last = str(row["period_start"])[:10], str(row["period_end"])[:10]
    return first[:4] if first.endswith("01-01") and last.endswith("12-31") else last


def _number(value: float, language: str) -> str:
    return f"{value:g}" if language == "en" else f"{value:g}".replace(".", ",")


def saved_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The readings of outcomes, the indicators and the dose as they were saved; a year stays text."""
    read = {"keep_default_na": False, "na_values": [""], "dtype": {"start_period": str}}
    readings, indicators, dose = (pd.read_csv(folder / f"{name}.csv", **read) for name in ("readings", "indicators", "dose"))
    return readings[readings["role"] == "outcome"].reset_index(drop=True), indicators, dose


def draw_plan(folder: Path, plan: Plan, *, source: str, run: str) -> None:
    """Draw figures/indicators from the tables saved in ``folder``; a plan without any reading has no figure."""
    readings, indicators, dose = saved_tables(folder)
    if readings.empty:
        return
    span = _decimal(plan.start), None if plan.end is None else _decimal(plan.end)
    title = f"{plan.title}: every published reading"
    caption = f"Readings as published; a dotted line crosses years without a figure. {source}."
    figure = indicators_figure(readings, indicators, dose, title=title, span=span, caption=caption)
    alt = alt_indicators(readings, indicators, dose, plan)
    save_figure(
        figure, folder / "figures" / "indicators", readings, FigureAbout("indicators", title, caption, alt, source, run)
    )
