"""The specification curve: what is drawn is what the table says, and the claimed one is where it belongs."""

import numpy as np
import pandas as pd
import pytest

from gvi_eval.errors import DataError
from gvi_eval.figures.alt import LANGUAGES, alt_curve
from gvi_eval.figures.curve import KINDS, curve_figure, in_order, kinds_of
from gvi_eval.figures.theme import WIDTH


def table(**changes) -> pd.DataFrame:
    """Four ratios, one without an interval, and one refusal; the claimed one is the second lowest."""
    rows = {
        "figures": ["the city's"] * 5,
        "windows": ["to 2023", "to 2022", "to 2023", "to 2022", "to 2023"],
        "method": [
            "a method",
            "a method",
            "another",
            "another",
            "a method with a name that goes on and on, for longer than fits",
        ],
        "claimed": [False, True, False, False, False],
        "bound": [False, False, True, True, True],
        "point": [1.5, 0.8, 0.5, 0.9, np.nan],
        "lower": [1.1, 0.4, 0.3, np.nan, np.nan],
        "upper": [2.0, 1.6, 0.7, np.nan, np.nan],
        "refusal": [None, None, None, None, "too few"],
    }
    return pd.DataFrame(rows | changes)


def drawn(rows: pd.DataFrame):
    figure = curve_figure(rows, title="Town: specification curve", caption="Made up.")
    return figure, [axes for axes in figure.axes if axes.get_label() == "data"]


def test_order_and_kinds_by_hand():
    shown = in_order(table())
    assert list(shown["point"]) == [0.5, 0.8, 0.9, 1.5]
    assert [KINDS[kind][0] for kind in kinds_of(shown)] == [
        "interval excludes 1",
        "interval holds 1",
        "no interval",
        "interval excludes 1",
    ]


def test_every_ratio_stands_in_its_place():
    _, (points, _) = drawn(table())
    seen = sorted(tuple(xy) for line in points.lines if line.get_marker() in ("o", "v", "x", "D") for xy in line.get_xydata())
    assert seen == [(0.0, 0.5), (1.0, 0.8), (2.0, 0.9), (3.0, 1.5)]
    claimed = next(line for line in points.lines if line.get_marker() == "D")
    assert claimed.get_xydata().tolist() == [[1.0, 0.8]]


def test_ticks_stand_under_the_specifications_that_made_the_choice():
    figure, (_, choices) = drawn(table())
    ticks = [line.get_xdata().tolist() for line in choices.lines if line.get_marker() == "|"]
    # last days in their order, then the three methods; what all share has no line
    assert ticks == [[1.0, 2.0], [0.0, 3.0], [1.0, 3.0], [0.0, 2.0], []]
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "last day" in words and "figures" not in words


def test_words_stay_on_the_page_and_left_of_the_plot():
    figure, (points, _) = drawn(table())
    page = figure.bbox
    for axes in figure.axes:
        for text in axes.texts:
            box = text.get_window_extent()
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
    named = [text for axes in figure.axes for text in axes.texts if text.get_text().startswith("a method with")]
    assert named[0].get_window_extent().x1 < points.get_window_extent().x0
    assert figure.get_figwidth() == WIDTH


def test_what_cannot_be_drawn():
    with pytest.raises(DataError, match="has 0 claimed specifications; mark exactly one"):
        curve_figure(table(claimed=[False] * 5), title="t", caption="c")
    with pytest.raises(DataError, match="no specification of the curve has a ratio"):
        curve_figure(table(point=[np.nan] * 5), title="t", caption="c")


def test_in_words():
    texts = alt_curve(table(), outcome=dict.fromkeys(LANGUAGES, "shots"))
    assert texts["en"] == (
        "Specification curve of shots: 4 ratios in order of size, from 0.5 to 1.5, with their intervals and the choices behind "
        "each. 3 lie below 1 and 1 above; 2 of 3 intervals exclude 1. The claimed specification has 0.8, rank 2 of 4 from the "
        "lowest."
    )
    assert "0,5" in texts["da"] and "0,5" in texts["sv"]
    refused = alt_curve(table(claimed=[False] * 4 + [True]), outcome=dict.fromkeys(LANGUAGES, "shots"))
    assert refused["en"].endswith("The claimed specification gave no ratio.")
