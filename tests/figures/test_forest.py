"""The forest figure: numbers in words, refusals among them, open ends as arrows."""

import math

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.forest import GROUPS, forest_figure, numbers_of, ticks_of

ROW = {
    "label": "Segmented regression",
    "group": "interrupted time series",
    "point": 0.355,
    "lower": 0.244,
    "upper": 0.516,
    "level": 0.95,
    "kind": "wald",
    "refusal": None,
    "headline": False,
}
REFUSED = {"point": np.nan, "lower": np.nan, "upper": np.nan, "refusal": "only 3 donors"}


def drawn(*rows, **changes):
    table = pd.DataFrame([ROW | row for row in rows])
    return forest_figure(table, **{"title": "Title", "x_label": "ratio", "caption": "Caption."} | changes)


def data_axes(figure):
    return next(axes for axes in figure.axes if axes.get_label() == "data")


def markers(figure, shapes):
    """Where the markers of these shapes stand, from the top."""
    found = [line for line in data_axes(figure).lines if line.get_marker() in shapes]
    return [(line.get_xdata()[0], line.get_marker()) for line in sorted(found, key=lambda line: line.get_ydata()[0])]


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def test_numbers_in_words():
    assert numbers_of("IRR", 0.355, 0.244, 0.516) == "IRR 0.355 (0.244–0.516)"
    assert numbers_of("RR", 1.2, 0, math.inf) == "RR 1.200 (0–∞)"
    assert numbers_of("IRR", 12.34, math.nan, math.nan) == "IRR 12.3 (no interval)"
    assert numbers_of("IRR", math.nan, 0.2, 0.00004) == "IRR no point (0.200–4e-05)"


def test_a_row_carries_its_numbers_its_level_and_its_kind():
    assert {"IRR 0.355 (0.244–0.516)", "95 % wald"} <= set(texts(drawn({})))
    assert "90 % posterior" in texts(drawn({"level": 0.9, "kind": "posterior"}))


def test_rows_stay_in_the_order_given():
    figure = drawn({"point": 0.4}, {"point": 0.3}, {"point": 0.5})
    assert [x for x, _ in markers(figure, "o")] == [0.4, 0.3, 0.5]


def test_each_group_has_its_own_shape():
    figure = drawn({"group": "a"}, {"group": "b"}, {"group": "a"})
    assert [shape for _, shape in markers(figure, "os")] == ["o", "s", "o"]
    assert {"a", "b"} <= set(texts(figure))
    assert "a" not in texts(drawn({"group": "a"}))  # one group needs no legend


def test_no_two_of_many_groups_look_alike():
    many = [{"group": f"group {n}"} for n in range(15)]
    looks = {(line.get_color(), line.get_marker()) for line in data_axes(drawn(*many)).lines}
    assert len({look for look in looks if look[1] in {shape for _, shape in GROUPS}}) == 15


def test_a_refused_row_shows_its_reason_and_no_point():
    figure = drawn({}, REFUSED)
    assert "no estimate: only 3 donors" in texts(figure)
    assert len(markers(figure, "o")) == 1
    # A point that came along with a refusal stays undrawn: a refused result is not an estimate.
    assert len(markers(drawn({}, REFUSED | {"point": 0.5}), "o")) == 1


def test_a_long_reason_is_cut_after_four_lines_and_the_figure_says_where_the_whole_stands():
    words = [f"word{n}" for n in range(60)]
    long = REFUSED | {"refusal": " ".join(words)}
    written = [text for text in texts(drawn({}, long)) if "word" in text]
    assert len(written) == 4 and written[-1].endswith(" …") and written[0].startswith("no estimate: word0")
    assert " ".join(written)[len("no estimate: ") : -2].split() == words[: sum(line.count("word") for line in written)]
    assert any("stands whole in the table" in text for text in texts(drawn({}, long)))
    assert not any("stands whole" in text for text in texts(drawn({}, REFUSED)))
    assert drawn({}, long).get_figheight() < drawn({}, *[{}] * 5).get_figheight()


def test_a_table_of_refusals_only_is_still_a_figure():
    assert "no estimate: only 3 donors" in texts(drawn(REFUSED))


def test_open_and_far_ends_are_arrows():
    assert markers(drawn({}), "<>") == []
    figure = drawn({"lower": 0.0}, {"upper": math.inf}, {"upper": 400.0})
    low, high = data_axes(figure).get_xlim()
    assert markers(figure, "<>") == [(low, "<"), (high, ">"), (high, ">")]
    assert high < 10


def test_the_axis_is_logarithmic_with_round_ticks():
    axes = data_axes(drawn({}))
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.3", "0.5", "0.7", "1"]
    assert ticks_of(0.45, 1.5, 1.2) == [0.5, 0.7, 1, 1.4]
    assert ticks_of(0.95, 1.06, 2.0) == pytest.approx([0.96, 0.98, 1.0, 1.02, 1.04, 1.06])
    assert ticks_of(0.001, 1000, 2.5) == [0.001, 0.01, 0.1, 1, 10, 100, 1000]
    assert ticks_of(0.001, 1000, 1.5) == [0.01, 1, 100]


def test_the_headline_is_bold():
    def bold(figure):
        return {text.get_text() for text in figure.findobj(Text) if text.get_weight() == "bold"}

    assert "IRR 0.355 (0.244–0.516)" in bold(drawn({"headline": True}))
    assert bold(drawn({})) == {"Title"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"point": np.nan, "lower": np.nan}, "neither a number nor a refusal"),
        ({"point": -0.2}, "only ratios above 0"),
    ],
)
def test_what_cannot_be_drawn_is_named(row, message):
    with pytest.raises(DataError, match=f"Segmented regression.*{message}"):
        drawn(row)


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match=r"\['kind'\]"):
        forest_figure(pd.DataFrame([ROW]).drop(columns="kind"), title="T", x_label="x", caption="c")


def test_settings_are_left_as_they_were():
    before = matplotlib.rcParams.copy()
    drawn({}, REFUSED)
    assert matplotlib.rcParams.copy() == before
