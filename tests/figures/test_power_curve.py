"""Power curves: one line for each noise, with the expected effect and the power that is asked for."""

import pytest
from drawn_tables import POWER

from gvi_eval.errors import DataError
from gvi_eval.figures.power_curve import power_figure


def axes_of(figure):
    return next(axes for axes in figure.axes if axes.get_label() == "data")


def test_a_curve_for_each_noise_and_both_marks():
    axes = axes_of(power_figure(POWER, title="Town", caption="Made up."))
    curves = [line for line in axes.lines if len(line.get_xdata()) == 81]
    assert [line.get_ydata()[0] for line in curves] == pytest.approx([1.0, 0.8, 0.32])
    assert len({line.get_linestyle() for line in curves} | {line.get_color() for line in curves}) > 3
    marks = [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 2]
    assert [[0, 0.8], [1, 0.8]] in marks and [[0.75, 0], [0.75, 1]] in marks


def test_a_table_that_lacks_a_column_says_which():
    with pytest.raises(DataError, match="the table of power lacks the columns .'wanted'."):
        power_figure(POWER.drop(columns="wanted"), title="Town", caption="Made up.")
