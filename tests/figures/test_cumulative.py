"""Events prevented, added up by hand and as they are drawn."""

import numpy as np
import pytest
from drawn_tables import PATH

from gvi_eval.errors import DataError
from gvi_eval.figures.cumulative import cumulative_figure, cumulative_table


def test_events_prevented_by_hand():
    # 10 expected and 7 seen prevents 3; then 10 and 12 takes 2 back.
    table = cumulative_table(PATH, "2013", "2014", "realised")
    assert table["prevented"].tolist() == [3, -2] and table["total"].tolist() == [3, 1]
    assert cumulative_table(PATH, "2013", "2014", "model")["total"].tolist() == [2, 4]


def test_what_lacks_a_figure_is_not_added_up():
    with pytest.raises(DataError, match="lacks observed"):
        cumulative_table(PATH.assign(observed=[9, np.nan, 12]), "2013", "2014", "realised")


def test_a_running_total_is_drawn_with_the_interval_of_the_whole():
    table = cumulative_table(PATH, "2013", "2014", "realised")
    axes = cumulative_figure(table, title="t", caption="c", limits=(-4, 6), level=0.9).axes[-1]
    lines = [[float(y) for y in line.get_ydata()] for line in axes.lines if len(line.get_ydata()) == 2]
    assert [3, 1] in lines and [-4, 6] in lines
