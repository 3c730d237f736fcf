"""Every estimate on one axis: points and intervals, with the refusals among them in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from gvi_eval.errors import DataError
from gvi_eval.figures.theme import (
    BODY,
    FAINT,
    INK,
    MARGIN,
    PALETTE,
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

FOREST_COLUMNS = ("label", "group", "point", "lower", "upper", "level", "kind", "refusal")
GROUPS: Sequence[tuple[str, str]] = tuple(
    zip(
        (PALETTE[name] for name in ("blue", "vermilion", "green", "purple", "orange", "black", "grey")),
        ("o", "s", "D", "^", "v", "P", "X"),
        strict=True,
    )
)
LABEL_WIDTH, REFUSAL_WIDTH, KIND_GAP = 2.05, 2.4, 0.12
REASON_LINES = 4  # of a refusal in the figure; the table beside it holds the whole
CUT_OFF = "A reason that ends in … stands whole in the table of the figure."
ROW_PAD = 0.085
REACH = 8.0  # an interval that runs further than this factor beyond all points ends in an arrow
LADDERS: Sequence[Sequence[float]] = (
    (1, 1.4, 2, 3, 5, 7),
    (1, 2, 3, 5),
    (1, 2, 5),
    (1,),
)


def forest_figure(
    rows: pd.DataFrame,
    *,
    title: str,
    x_label: str,
    caption: str,
    reference: float = 1.0,
    measure: str = "IRR",
) -> Figure:
    """One line per estimate in the order given, on a log axis, with its numbers in words at the right.

    rows: `FOREST_COLUMNS`; an optional `headline` (true or false) sets one row in bold. A row with a
    refusal shows the beginning of its reason instead of a point; a limit of 0 or infinity, or one far outside, is an arrow.
    measure: what the numbers are, written before each: IRR 0.355 (0.244–0.516).
    """
    columns_of(rows, FOREST_COLUMNS, "the table of estimates")
    groups = _groups(rows)
    with theme():
        lines = [_Row.of(row, measure) for row in rows.to_dict("records")]
        limits = _limits(lines, reference)
        ink = WIDTH - 2 * MARGIN
        title_lines = wrapped(title, ink, TITLE, "bold")
        right = WIDTH - MARGIN
        kind_left = right - max(text_width(words, SMALL) for words in ("interval", *(line.kind for line in lines)))
        numbers_right = kind_left - KIND_GAP
        numbers = max(text_width(line.numbers, SMALL, line.weight) for line in lines)
        if any(line.refusal for line in lines):
            numbers = max(numbers, REFUSAL_WIDTH - (right - numbers_right))
        labels = [text_width(words, SMALL, line.weight) for line in lines for words in line.label_lines]
        left = MARGIN + max(1.2, *labels) + 0.15
        width = numbers_right - numbers - 0.2 - left
        for line in lines:
            line.fit(right - left - width - 0.2)
        note_lines = wrapped(f"{caption} {CUT_OFF}" if any(line.cut for line in lines) else caption, ink, SMALL)
        legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
        legend = _legend_rows(groups)
        head_top = legend_top + 0.185 * len(legend) + 0.04
        rows_top = head_top + line_height(SMALL) + 0.08
        rows_height = sum(line.height for line in lines)
        axis_words = wrapped(x_label, 2 * min(left + width / 2, WIDTH - left - width / 2) - 2 * MARGIN, BODY)
        words_top = rows_top + rows_height + 0.28
        note_top = words_top + len(axis_words) * line_height(BODY) + 0.08
        figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)

        write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
        _draw_legend(sheet, legend, legend_top)
        write(sheet, numbers_right, head_top, ["estimate"], SMALL, ha="right", color=INK)
        write(sheet, kind_left, head_top, ["interval"], SMALL, color=INK)
        sheet.plot([MARGIN, right], [rows_top - 0.04] * 2, color=FAINT, linewidth=0.8)
        axes = panel(figure, left, rows_top, width, rows_height)
        _draw_axis(axes, limits, rows_height, reference, width)
        top = 0.0
        for line in lines:
            middle = rows_top + top + line.height / 2
            if line.headline:
                stripe = [rows_top + top, rows_top + top + line.height]
                sheet.fill_betweenx(stripe, MARGIN / 2, WIDTH - MARGIN / 2, color=STRIPE, linewidth=0)
            _block(sheet, MARGIN, middle, line.label_lines, weight=line.weight)
            if line.refusal:
                _block(sheet, left + width + 0.2, middle, line.refusal_lines, style="italic")
            else:
                _block(sheet, numbers_right, middle, [line.numbers], weight=line.weight, ha="right")
                _block(sheet, kind_left, middle, [line.kind])
                _draw_row(axes, line, top + line.height / 2, limits, *groups[line.group])
            top += line.height
        words_middle = words_top + len(axis_words) * line_height(BODY) / 2
        _block(sheet, left + width / 2, words_middle, axis_words, BODY, ha="center")
        write(sheet, MARGIN, note_top, note_lines, SMALL)
        figure.canvas.draw()
    return figure


@dataclass
class _Row:
    """One line of the figure: what is written, and how high it has to be."""

    label_lines: list[str]
    group: str
    point: float
    lower: float
    upper: float
    numbers: str
    kind: str
    refusal: str
    headline: bool
    refusal_lines: list[str]
    cut: bool = False  # whether the reason is longer than there is room for

    @classmethod
    def of(cls, row: Mapping[str, object], measure: str) -> "_Row":
        point, lower, upper = (float(row[name]) for name in ("point", "lower", "upper"))
        refusal = "" if pd.isna(row["refusal"]) else str(row["refusal"]).strip()
        if not refusal and math.isnan(point) and (math.isnan(lower) or math.isnan(upper)):
            raise DataError(f"the row '{row['label']}' has neither a number nor a refusal; give the reason it has none")
        if not refusal and not (point > 0 or math.isnan(point)):
            raise DataError(f"the row '{row['label']}' has the point {point}; a log axis shows only ratios above 0")
        headline = "headline" in row and not pd.isna(row["headline"]) and bool(row["headline"])
        label = wrapped(str(row["label"]), LABEL_WIDTH, SMALL, "bold" if headline else "normal")
        bounded = not (math.isnan(lower) or math.isnan(upper))
        kind = "" if refusal or not bounded else f"{100 * float(row['level']):.4g} % {row['kind']}"
        numbers = "" if refusal else numbers_of(measure, point, lower, upper)
        return cls(label, str(row["group"]), point, lower, upper, numbers, kind, refusal, headline, [])

    @property
    def weight(self) -> str:
        return "bold" if self.headline else "normal"

    @property
    def height(self) -> float:
        return max(len(self.label_lines), len(self.refusal_lines), 1) * line_height(SMALL) + ROW_PAD

    def fit(self, width: float) -> None:
        if self.refusal:
            whole = wrapped(f"no estimate: {self.refusal}", width, SMALL)
            self.cut = len(whole) > REASON_LINES
            last = wrapped(" ".join(whole[REASON_LINES - 1 :]), width - text_width(" …", SMALL), SMALL)[:1]
            self.refusal_lines = [*whole[: REASON_LINES - 1], f"{last[0]} …"] if self.cut else whole


def numbers_of(measure: str, point: float, lower: float, upper: float) -> str:
    """IRR 0.355 (0.244–0.516); an interval without a point, and a point without an interval, say so."""
    bounded = not (math.isnan(lower) or math.isnan(upper))
    interval = f"({_short(lower)}–{_short(upper)})" if bounded else "(no interval)"
    return f"{measure} {'no point' if math.isnan(point) else _short(point)} {interval}"


def _short(value: float) -> str:
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    decimals = 3 if value < 10 else 1 if value < 1000 else 0
    return f"{value:.{decimals}f}" if value >= 0.0005 else f"{value:.1g}"


def _groups(rows: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """A colour and a shape for each group, in order of appearance; past seven only the pairing differs."""
    names = list(dict.fromkeys(str(name) for name in rows["group"]))
    count = len(GROUPS)
    if len(names) > count * count:
        raise DataError(f"the table has {len(names)} groups and at most {count * count} can be told apart; merge some")
    return {name: (GROUPS[(n + n // count) % count][0], GROUPS[n % count][1]) for n, name in enumerate(names)}


def _legend_rows(groups: Mapping[str, tuple[str, str]]) -> list[list[tuple[float, str, str, str]]]:
    """Group by group from the left, on as many rows as it takes; nothing for a single group."""
    if len(groups) < 2:
        return []
    rows: list[list[tuple[float, str, str, str]]] = [[]]
    x = MARGIN
    for name, (colour, shape) in groups.items():
        (words, *more) = wrapped(name, WIDTH - 2 * MARGIN - 0.3, BODY)
        words += " …" if more else ""
        need = 0.2 + text_width(words) + 0.25
        if rows[-1] and x + need > WIDTH - MARGIN:
            rows.append([])
            x = MARGIN
        rows[-1].append((x, words, colour, shape))
        x += need
    return rows


def _draw_legend(sheet: Axes, rows: Sequence[Sequence[tuple[float, str, str, str]]], top: float) -> None:
    for number, row in enumerate(rows):
        middle = top + 0.185 * (number + 0.5)
        for x, words, colour, shape in row:
            sheet.plot(x + 0.06, middle, marker=shape, color=colour, markersize=5.5, markeredgewidth=0)
            _block(sheet, x + 0.2, middle, [words], BODY)


def _block(sheet: Axes, left: float, middle: float, lines: Sequence[str], size: float = SMALL, **style) -> None:
    """Lines of text around a height: a line's x-height, not its box, is what the eye centres."""
    top = middle - (len(lines) - 1) * line_height(size) / 2
    for number, line in enumerate(lines):
        sheet.text(left, top + number * line_height(size), line, fontsize=size, va="center_baseline", **style)


def _limits(lines: Sequence[_Row], reference: float) -> tuple[float, float]:
    """From a little below to a little above all points, and the interval limits that are not far outside."""
    shown = [line for line in lines if not line.refusal]
    core = [reference, *(line.point for line in shown if not math.isnan(line.point))]
    low, high = min(core), max(core)
    limits = [limit for line in shown for limit in (line.lower, line.upper) if low / REACH <= limit <= high * REACH]
    low, high = min([low, *limits]), max([high, *limits])
    pad = max((high / low) ** 0.05, 1.04)
    return low / pad, high * pad


def ticks_of(low: float, high: float, width: float) -> list[float]:
    """Round numbers on a log axis of `width` inches, as many as can stand beside each other."""
    span = math.log(high / low)
    if high / low < 3:
        candidates = [list(MaxNLocator(nbins=n, steps=[1, 2, 5, 10]).tick_values(low, high)) for n in (6, 4, 3, 2)]
    else:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        candidates = [[step * 10.0**power for power in powers for step in ladder] for ladder in LADDERS]
        candidates += [[10.0**power for power in powers if power % apart == 0] for apart in (2, 3, 4, 6)]
    for ticks in candidates:
        inside = [float(f"{tick:.6g}") for tick in ticks if low <= tick <= high]
        places = [math.log(tick / low) / span * width for tick in inside]
        halves = [text_width(f"{tick:g}", SMALL) / 2 for tick in inside]
        gaps = [b - a - p - q for a, b, p, q in zip(places, places[1:], halves, halves[1:], strict=False)]
        if inside and min(gaps, default=1.0) > 0.06:
            return inside
    return [float(f"{math.sqrt(low * high):.2g}")]


def _draw_axis(axes: Axes, limits: tuple[float, float], height: float, reference: float, width: float) -> None:
    axes.set_xscale("log")
    axes.set(xlim=limits, ylim=(height, 0))
    ticks = ticks_of(*limits, width)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_facecolor("none")
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.axvline(reference, color=INK, linewidth=1.0, zorder=1)


def _draw_row(axes: Axes, line: _Row, y: float, limits: tuple[float, float], colour: str, shape: str) -> None:
    thickness, size = (2.2, 7.5) if line.headline else (1.3, 5.5)
    if not (math.isnan(line.lower) or math.isnan(line.upper)):
        low, high = max(line.lower, limits[0]), min(line.upper, limits[1])
        axes.add_line(Line2D([low, high], [y, y], color=colour, linewidth=thickness, solid_capstyle="butt", zorder=3))
        for end, drawn, arrow in ((line.lower, low, "<"), (line.upper, high, ">")):
            mark = "|" if end == drawn else arrow
            axes.plot(drawn, y, marker=mark, color=colour, markersize=5, clip_on=False, zorder=3)
    if not math.isnan(line.point):
        rim = {"markeredgecolor": "white", "markeredgewidth": 0.6}
        axes.plot(line.point, y, marker=shape, color=colour, markersize=size, clip_on=False, zorder=4, **rim)
