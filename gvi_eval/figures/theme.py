"""The look of every figure: one palette, one type size, one sheet of paper measured in inches."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

import matplotlib
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from gvi_eval.errors import DataError

WIDTH = 7.0
MARGIN = 0.12
SMALL, BODY, TITLE = 8.0, 8.5, 10.0
LINE = 1.3  # line height over type size

# Okabe and Ito's colours; those too light to stand out 3:1 from white paper are darkened (orange, purple) or left out.
PALETTE: Mapping[str, str] = {
    "black": "#000000",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#A8558A",
    "orange": "#9A6A00",
    "grey": "#595959",
}
OBSERVED, EXPECTED, FACTUAL = PALETTE["black"], PALETTE["blue"], PALETTE["vermilion"]
INK = PALETTE["grey"]
FAINT, STRIPE = "#D0D0D0", "#F3F3F3"  # rules, shaded areas and the ground of a row; they never carry data

# Text stays text in the SVG: it can be searched, selected and read at any zoom. Everything is measured and
# drawn in DejaVu Sans, which matplotlib brings along; the fallbacks named for a browser are no wider.
RC: Mapping[str, object] = {
    **seaborn.axes_style("ticks"),
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Bitstream Vera Sans", "Verdana", "Geneva", "Arial", "sans-serif"],
    "font.size": BODY,
    "text.parse_math": False,
    "text.color": "black",
    "axes.titlesize": TITLE,
    "axes.labelsize": BODY,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.formatter.use_locale": False,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "legend.fontsize": BODY,
    "hatch.linewidth": 0.6,
    "hatch.color": INK,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": None,
    "savefig.transparent": False,
    "path.simplify": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "gvi_eval",
}


@contextmanager
def theme() -> Iterator[None]:
    """Draw and save inside this; afterwards matplotlib is as it was, whatever the caller had set."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def contrast(colour: str, background: str = "#FFFFFF") -> float:
    """WCAG contrast ratio of two colours, from 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted(_luminance(each) for each in (colour, background))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def blank(height: float) -> tuple[Figure, Axes]:
    """An empty figure and its sheet: axes over the whole page in inches, x from the left, y from the top."""
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    sheet = figure.add_axes((0, 0, 1, 1), label="sheet")
    sheet.set(xlim=(0, WIDTH), ylim=(height, 0))
    sheet.set_axis_off()
    return figure, sheet


def panel(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place on the sheet, in inches from the left and the top."""
    page = figure.get_figheight()
    return figure.add_axes((left / WIDTH, 1 - (top + height) / page, width / WIDTH, height / page), label="data")


@lru_cache(maxsize=20_000)
def text_width(text: str, size: float = BODY, weight: str = "normal") -> float:
    """Inches that a line of text takes."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return 1.05 * width / 72  # hinting on the pixel grid widens a line by some 4 %


def line_height(size: float) -> float:
    return LINE * size / 72


def wrapped(text: str, width: float, size: float = BODY, weight: str = "normal") -> list[str]:
    """The text in lines of at most `width` inches; a single longer word is broken, never cut off."""
    lines: list[str] = []
    for word in str(text).split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(joined, size, weight) <= width:
            lines[-1] = joined
            continue
        while text_width(word, size, weight) > width and len(word) > 1:
            fits = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or text_width(word[:n], size, weight) <= width)
            lines.append(word[:fits])
            word = word[fits:]
        lines.append(word)
    return lines


def write(sheet: Axes, left: float, top: float, lines: Sequence[str], size: float = BODY, **style) -> float:
    """Put lines on the sheet one below the other; returns where the next line would start."""
    for line in lines:
        sheet.text(left, top, line, fontsize=size, va="top", **style)
        top += line_height(size)
    return top


def columns_of(frame: pd.DataFrame, needed: Sequence[str], what: str) -> None:
    """Raise `DataError` naming every column that the figure needs and the table lacks."""
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        raise DataError(f"{what} lacks the columns {missing}; it holds {list(frame.columns)}")
    if frame.empty:
        raise DataError(f"{what} has no rows, so there is nothing to draw")
