"""How often each way to be sure is wrong on series whose truth is known: false alarms, and beside them coverage."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from gvi_eval.errors import DataError
from gvi_eval.figures.theme import (
    BODY,
    EXPECTED,
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

SHARES = ("alarms", "coverage")
CALIBRATION_COLUMNS = ("group", "label", "setting", *(f"{name}{end}" for name in SHARES for end in ("", "_lower", "_upper")))
ALL = "all"  # the setting of the row that takes a label's settings together
NOMINAL = 0.05
NONE = "\N{EN DASH}"  # stands where no share was simulated
ROW, HEADING, APART = 0.19, 0.24, 0.3
TICKS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
CLOSEST = 0.36  # inches between two ticks


def calibration_figure(
    rows: pd.DataFrame, *, title: str, caption: str, most_alarms: float, least_coverage: float, nominal: float = NOMINAL
) -> Figure:
    """Two columns: the share of false alarms where there is no effect, and the share of intervals that hold a true effect.

    rows: `CALIBRATION_COLUMNS`, one for each label and setting and one with the setting `ALL`, which is the mark with its
    interval; settings are rings. A share that was not simulated is empty and stays so. The ground is shaded up to
    ``most_alarms`` and down to ``least_coverage``; a mark whose whole interval lies beyond is a square. Shares are spaced by
    the square root of what is wrong, so that 1 % and 5 % are told apart.
    """
    columns_of(rows, CALIBRATION_COLUMNS, "the table of calibration")
    together = rows[rows["setting"] == ALL]
    if together.empty or together.duplicated(["group", "label"]).any():
        raise DataError(f"the table of calibration needs one row of each group and label with the setting '{ALL}'")
    places, headings, height = _places(together)
    with theme():
        ink = WIDTH - 2 * MARGIN
        title_lines, note_lines = wrapped(title, ink, TITLE, "bold"), wrapped(caption, ink, SMALL)
        legend = _legend()
        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
        head_top = legend_top + 2 * 0.185 + 0.08
        plot_top = head_top + line_height(BODY) + 0.06
        left = MARGIN + max(text_width(str(label)) for label in together["label"]) + 0.15
        width = (WIDTH - left - APART - 0.2) / 2
        note_top = plot_top + height + 0.34
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)
        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        for number, (name, words, truth, limit) in enumerate(
            (
                ("alarms", "false alarms, no effect", nominal, most_alarms),
                ("coverage", "coverage of a true effect", 1 - nominal, least_coverage),
            )
        ):
            start = left + number * (width + APART)
            sheet.text(start + width / 2, head_top, words, fontsize=BODY, ha="center", va="top")
            axes = panel(figure, start, plot_top, width, height)
            _draw(axes, rows, name, places, truth, limit, width, height)
            for place in headings.values():
                axes.axhspan(place - HEADING / 2, place + HEADING / 2, color="white", linewidth=0, zorder=2.5)
        _name_rows(figure, places, headings, plot_top)
        _place_legend(figure, legend, legend_top)
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


def _name_rows(figure: Figure, places: dict[tuple[str, str], float], headings: dict[str, float], top: float) -> None:
    """Names of groups and labels on a sheet that lies over the columns, because the name of a group may reach into them."""
    words = figure.add_axes((0, 0, 1, 1), label="words", zorder=9)
    words.set(xlim=(0, WIDTH), ylim=(figure.get_figheight(), 0))
    words.set_axis_off()
    for group, place in headings.items():
        words.text(MARGIN, top + place, group, fontsize=BODY, weight="bold", va="center_baseline")
    for (_, label), place in places.items():
        words.text(MARGIN + 0.08, top + place, label, fontsize=BODY, va="center_baseline")


def wrong(shares: np.ndarray | float, name: str) -> np.ndarray:
    """Where a share stands: the square root of what is wrong, to the right for false alarms, to the left for coverage."""
    return np.sqrt(shares) if name == "alarms" else -np.sqrt(np.maximum(1 - np.asarray(shares), 0.0))


def beyond(row: pd.Series, name: str, limit: float) -> bool:
    """Whether the whole interval of a share lies beyond what is let pass."""
    return bool(row["alarms_lower"] > limit) if name == "alarms" else bool(row["coverage_upper"] < limit)


def _places(together: pd.DataFrame) -> tuple[dict[tuple[str, str], float], dict[str, float], float]:
    """Where each row and heading stands, in inches from the top of the plot, and how high the plot is."""
    places, headings, top = {}, {}, 0.0
    for group, own in together.groupby("group", sort=False):
        headings[str(group)] = top + HEADING / 2
        top += HEADING
        for label in own["label"]:
            places[str(group), str(label)] = top + ROW / 2
            top += ROW
    return places, headings, top + 0.04


def _draw(
    axes: Axes,
    rows: pd.DataFrame,
    name: str,
    places: dict[tuple[str, str], float],
    truth: float,
    limit: float,
    width: float,
    height: float,
) -> None:
    """One column: the ground, the nominal line, rings for the settings and a mark with its interval for all of them."""
    known = rows[rows[name].notna()]
    reach = known[[name, f"{name}_upper" if name == "alarms" else f"{name}_lower"]].to_numpy(dtype=float)
    far = float(reach.max() if name == "alarms" else 1 - reach.min())
    far = min(1.0, max(far, 0.12))
    limits = (-0.02, np.sqrt(far) + 0.03) if name == "alarms" else (-np.sqrt(far) - 0.03, 0.02)
    axes.set(xlim=limits, ylim=(height, 0))
    axes.axvspan(*sorted((wrong(limit, name), 0.0)), color=STRIPE, linewidth=0, zorder=0)
    axes.axvline(wrong(truth, name), color=INK, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2)
    for (group, label), place in places.items():
        own = known[(known["group"] == group) & (known["label"] == label)]
        if own.empty:
            axes.text(0.5, place, NONE, fontsize=SMALL, ha="center", va="center_baseline", transform=axes.get_yaxis_transform())
            continue
        rings = own[own["setting"] != ALL]
        ring = {"markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 0.6, "markersize": 4}
        axes.plot(wrong(rings[name], name), [place] * len(rings), "o", linestyle="none", zorder=3, clip_on=False, **ring)
        for _, row in own[own["setting"] == ALL].iterrows():
            bad = beyond(row, name, limit)
            colour = FACTUAL if bad else EXPECTED
            ends = wrong(row[[f"{name}_lower", f"{name}_upper"]].to_numpy(dtype=float), name)
            axes.plot(ends, [place, place], color=colour, linewidth=2.0, zorder=4, solid_capstyle="butt", clip_on=False)
            axes.plot(wrong(row[name], name), place, "s" if bad else "o", color=colour, markersize=5.5, zorder=5, clip_on=False)
    _ticks(axes, name, limits, width)


def _ticks(axes: Axes, name: str, limits: tuple[float, float], width: float) -> None:
    """Shares in per cent, as many as stand apart: that of the nominal line always."""
    per_inch = (limits[1] - limits[0]) / width
    kept: list[float] = []
    for tick in sorted(TICKS, key=lambda tick: (tick != NOMINAL, TICKS.index(tick))):
        place = float(np.sqrt(tick))
        if place <= max(abs(limits[0]), abs(limits[1])) and all(
            abs(place - np.sqrt(other)) > CLOSEST * per_inch for other in kept
        ):
            kept.append(tick)
    shares = sorted(kept) if name == "alarms" else sorted(1 - tick for tick in kept)
    axes.xaxis.set_major_locator(FixedLocator([]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks([float(wrong(share, name)) for share in shares], labels=[f"{100 * share:.3g} %" for share in shares])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)


def _legend() -> list[Line2D | Patch]:
    ring = {"marker": "o", "linestyle": "none", "markerfacecolor": "none", "markeredgecolor": INK, "markersize": 4}
    return [
        Line2D([], [], color=EXPECTED, marker="o", markersize=5.5, linewidth=2.0, label="all settings, 95 % interval"),
        Line2D([], [], color=FACTUAL, marker="s", markersize=5.5, linewidth=2.0, label="the same, all of it beyond the band"),
        Line2D([], [], label="one setting", **ring),
        Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label="nominal"),
        Patch(facecolor=STRIPE, edgecolor=INK, linewidth=0.6, label="band"),
    ]


def _place_legend(figure: Figure, handles: Sequence[Line2D | Patch], top: float) -> None:
    figure.legend(
        handles=list(handles), loc="upper left", bbox_to_anchor=(MARGIN / WIDTH, 1 - top / figure.get_figheight()), ncols=3,
        frameon=False, borderpad=0, borderaxespad=0, handletextpad=0.5, columnspacing=1.4, fontsize=BODY,
    )  # fmt: skip
