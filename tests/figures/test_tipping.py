"""Tipping points drawn: nothing at 0, the whole effect at 1, every threat on its own scale between them."""

import math

import pytest
from drawn_tables import TIPPING
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.tipping import tipping_figure, tipping_shares


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def axes_of(figure):
    return next(axes for axes in figure.axes if axes.get_label() == "data")


def test_shares_by_hand():
    shares = tipping_shares(TIPPING)
    # 0.9³ = 0.729 and 0.9² = 0.81; a half is the root of a quarter; shares are as they are.
    assert shares["observed_share"].tolist() == pytest.approx(
        [2 / 3, math.nan, 0.5, -2, math.nan, math.log(0.01) / math.log(0.25)], nan_ok=True
    )
    assert shares["interval_share"].tolist() == pytest.approx([1 / 3, math.nan, 0.5, 0.25, math.nan, 0.5], nan_ok=True)


def test_what_is_drawn_is_what_the_table_says():
    figure = tipping_figure(TIPPING, title="Town", caption="Made up.")
    lines = axes_of(figure).lines
    observed = [line.get_xdata()[0] for line in lines if line.get_marker() == "o"]
    assert observed == pytest.approx([2 / 3, 0.5])
    beyond = {line.get_marker(): line.get_xdata()[0] for line in lines if line.get_marker() in "<>"}
    assert beyond == {"<": -0.5, ">": 1.5}
    assert sum(line.get_marker() == "D" for line in lines) == 5 and sum(line.get_marker() == "|" for line in lines) == 4


def test_numbers_stand_beside_on_their_own_scale():
    told = texts(tipping_figure(TIPPING, title="Town", caption="Made up."))
    assert {"\N{MINUS SIGN}27.1%", "\N{MINUS SIGN}19.0%", "holds 1", "nothing of this kind would do", "100%", "25%"} <= set(
        told
    )
    assert {"Raid, 2014", "worst placebo: Elsewhere", "Town", "Made up."} <= set(told)


def test_every_text_is_on_the_page():
    figure = tipping_figure(TIPPING, title="Town " * 20, caption="Made up. " * 20)
    page = figure.bbox
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def test_a_table_that_lacks_a_column_says_which():
    with pytest.raises(DataError, match="lacks the columns .'point_at'."):
        tipping_figure(TIPPING.drop(columns="point_at"), title="Town", caption="Made up.")
