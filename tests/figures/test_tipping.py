"""Tipping points drawn: nothing at 0, the whole effect at 1, every threat on its own scale between them."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.alt_design import alt_power, alt_tipping
from gvi_eval.figures.power_curve import power_figure
from gvi_eval.figures.tipping import tipping_figure, tipping_shares

ROW = {"row": "a threat", "unit_of_row": "its unit", "neutral": 1.0, "sentence": ""}
ROWS = [
    {"kind": "trend", "neutral": 0.0, "observed": -0.19, "point_at": -0.271, "interval_at": -0.1},
    {
        "kind": "co-event",
        "row": "Raid, 2014",
        "observed": None,
        "point_at": 0.25,
        "interval_at": None,
        "sentence": "the interval holds 1 already",
    },
    {"kind": "capture", "observed": 0.5, "point_at": 0.25, "interval_at": 0.5},
    {"kind": "rebound", "neutral": 0.0, "observed": -2.0, "point_at": 1.0, "interval_at": 0.25},
    {"kind": "co-event", "row": "Late", "observed": None, "point_at": None, "interval_at": None},
    {"kind": "placebo place", "row": "worst placebo: Elsewhere", "observed": 0.01, "point_at": 0.25, "interval_at": 0.5},
]
OUTCOME = {"en": "shots", "da": "skud", "sv": "skott"}


@pytest.fixture(scope="module")
def table():
    return pd.DataFrame([ROW | row for row in ROWS])


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def axes_of(figure):
    return next(axes for axes in figure.axes if axes.get_label() == "data")


def test_shares_by_hand(table):
    shares = tipping_shares(table)
    # 0.9³ = 0.729 and 0.9² = 0.81; a half is the root of a quarter; shares are as they are.
    assert shares["observed_share"].tolist() == pytest.approx(
        [2 / 3, math.nan, 0.5, -2, math.nan, math.log(0.01) / math.log(0.25)], nan_ok=True
    )
    assert shares["interval_share"].tolist() == pytest.approx([1 / 3, math.nan, 0.5, 0.25, math.nan, 0.5], nan_ok=True)


def test_what_is_drawn_is_what_the_table_says(table):
    figure = tipping_figure(table, title="Town", caption="Made up.")
    lines = axes_of(figure).lines
    observed = [line.get_xdata()[0] for line in lines if line.get_marker() == "o"]
    assert observed == pytest.approx([2 / 3, 0.5])
    beyond = {line.get_marker(): line.get_xdata()[0] for line in lines if line.get_marker() in "<>"}
    assert beyond == {"<": -0.5, ">": 1.5}
    assert sum(line.get_marker() == "D" for line in lines) == 5 and sum(line.get_marker() == "|" for line in lines) == 4


def test_numbers_stand_beside_on_their_own_scale(table):
    told = texts(tipping_figure(table, title="Town", caption="Made up."))
    assert {"\N{MINUS SIGN}27.1%", "\N{MINUS SIGN}19.0%", "holds 1", "nothing of this kind would do", "100%", "25%"} <= set(
        told
    )
    assert {"Raid, 2014", "worst placebo: Elsewhere", "Town", "Made up."} <= set(told)


def test_every_text_is_on_the_page(table):
    figure = tipping_figure(table, title="Town " * 20, caption="Made up. " * 20)
    page = figure.bbox
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def test_words_say_how_many_and_which_is_nearest(table):
    said = alt_tipping(table, outcome=OUTCOME)
    assert "6 threats" in said["en"] and "beside 4 of them; 1 of these reach" in said["en"]
    assert "the placebo in Elsewhere: 332 %" in said["en"] and "For 1 of them nothing" in said["en"]
    assert "placebo i Elsewhere" in said["da"] and "skott" in said["sv"]


def test_a_table_that_lacks_a_column_says_which(table):
    with pytest.raises(DataError, match="lacks the columns .'point_at'."):
        tipping_figure(table.drop(columns="point_at"), title="Town", caption="Made up.")


@pytest.fixture(scope="module")
def curve():
    ratios = np.linspace(0.2, 1, 81)
    rows = [
        {"noise": name, "ratio": ratio, "power": float(np.clip(top * (1 - ratio), 0, 1)), "benchmark": 0.75, "wanted": 0.8}
        for name, top in (("Poisson", 2.0), ("moderate", 1.0), ("heavy", 0.4))
        for ratio in ratios
    ]
    return pd.DataFrame(rows)


def test_a_curve_for_each_noise_and_both_marks(curve):
    axes = axes_of(power_figure(curve, title="Town", caption="Made up."))
    curves = [line for line in axes.lines if len(line.get_xdata()) == 81]
    assert [line.get_ydata()[0] for line in curves] == pytest.approx([1.0, 0.8, 0.32])
    assert len({line.get_linestyle() for line in curves} | {line.get_color() for line in curves}) > 3
    marks = [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [[0, 0.8], [1, 0.8]] in marks and [[0.75, 0], [0.75, 1]] in marks


def test_the_power_at_the_benchmark_in_words(curve):
    said = alt_power(curve, outcome=OUTCOME)
    assert "At a ratio of 0.75 it is 50 % with Poisson noise, 25 % with moderate noise, 10 % with heavy noise." in said["en"]
    assert "Ved et forhold på 0,75" in said["da"] and "måttlig" in said["sv"]
