"""The sheet of the plainer figures: title, legend, one plot with its axis in words, caption; everything measured in inches."""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gvi_eval.figures.theme import (
    BODY,
    FAINT,
    MARGIN,
    SMALL,
    TITLE,
    WIDTH,
    blank,
    line_height,
    panel,
    text_width,
    wrapped,
    write,
)

LEGEND_ROW = 0.185
RIGHT = 0.2
TICKS = 0.3  # room for tick labels below the plot


def framed(
    *,
    title: str,
    caption: str,
    y_label: str,
    x_label: str,
    height: float,
    legend: Sequence[Artist] = (),
    left: float = 0.5,
    ticks: float = TICKS,
) -> tuple[Figure, Axes]:
    """A sheet with empty axes of this height in inches; ``left`` is the room for tick labels beside the plot."""
    ink = WIDTH - 2 * MARGIN
    title_lines, note_lines = wrapped(title, ink, TITLE, "bold"), wrapped(caption, ink, SMALL)
    legend_top = MARGIN + len(title_lines) * line_height(TITLE) + 0.05
    widest = max((text_width(str(each.get_label())) + 0.55 for each in legend), default=1.0)
    columns = max(1, min(len(legend), int(ink // widest))) if legend else 1
    plot_top = legend_top + LEGEND_ROW * -(-len(legend) // columns) + 0.1
    words_left = MARGIN + (line_height(BODY) if y_label else 0)
    width = WIDTH - words_left - left - RIGHT
    words_top = plot_top + height + ticks
    note_top = words_top + (line_height(BODY) if x_label else 0) + 0.08
    figure, sheet = blank(note_top + len(note_lines) * line_height(SMALL) + MARGIN)
    write(sheet, MARGIN, MARGIN, title_lines, TITLE, weight="bold")
    if legend:
        place = (MARGIN / WIDTH, 1 - legend_top / figure.get_figheight())
        figure.legend(
            handles=list(legend), loc="upper left", bbox_to_anchor=place, ncols=columns, frameon=False, borderpad=0,
            borderaxespad=0, handletextpad=0.5, columnspacing=1.4, fontsize=BODY,
        )  # fmt: skip
    axes = panel(figure, words_left + left, plot_top, width, height)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    if y_label:
        turned = {"rotation": 90, "rotation_mode": "anchor", "ha": "center", "va": "top"}
        sheet.text(MARGIN, plot_top + height / 2, y_label, fontsize=BODY, **turned)
    sheet.text(words_left + left + width / 2, words_top, x_label, fontsize=BODY, ha="center", va="top")
    write(sheet, MARGIN, note_top, note_lines, SMALL)
    return figure, axes


def spaced(names: Sequence[str], room: float, size: float = SMALL) -> int:
    """Every how manieth name can stand beside the others on an axis of this width."""
    widest = max((text_width(name, size) for name in names), default=0.1) + 0.12
    return max(1, -(-int(len(names) * widest * 100) // int(room * 100)))
