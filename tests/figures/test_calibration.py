"""False alarms and coverage as a picture: what is drawn is what was counted, and what was not simulated stays empty."""

import numpy as np
import pandas as pd
import pytest
from drawn_tables import CALIBRATION
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.calibration import beyond, calibration_figure, wrong
from gvi_eval.figures.theme import EXPECTED, FACTUAL, theme

BAND = {"most_alarms": 0.08, "least_coverage": 0.91}


def figure(rows=CALIBRATION, **words):
    return calibration_figure(rows, **({"title": "Town", "caption": "Made up."} | BAND | words))


def marks(axes, shape: str) -> list[tuple[float, str]]:
    """Where the filled marks of a shape stand, and their colours."""
    own = [line for line in axes.lines if line.get_marker() == shape and line.get_markerfacecolor() != "none"]
    return [(float(line.get_xdata()[0]), line.get_color()) for line in own]


def columns(drawn):
    return [axes for axes in drawn.axes if axes.get_label() == "data"]


def test_a_mark_stands_at_the_share_and_is_a_square_where_its_whole_interval_lies_beyond_the_band():
    alarms, coverage = columns(figure())
    assert marks(alarms, "o") == [(pytest.approx(0.2), EXPECTED), (pytest.approx(0.3), EXPECTED)]  # roots of .04 and .09
    assert marks(alarms, "s") == [(pytest.approx(0.5), FACTUAL)]
    assert marks(coverage, "o") == [(pytest.approx(-0.2), EXPECTED)]
    assert marks(coverage, "s") == [(pytest.approx(-np.sqrt(0.2)), FACTUAL)]


def test_the_interval_runs_from_its_lower_to_its_upper_end():
    alarms, coverage = columns(figure())
    ends = [line.get_xdata() for line in alarms.lines if line.get_linewidth() == 2.0 and len(line.get_xdata()) == 2]
    assert np.array(ends) == pytest.approx(np.sqrt([[0.03, 0.05], [0.2, 0.3], [0.06, 0.12]]))
    ends = [line.get_xdata() for line in coverage.lines if line.get_linewidth() == 2.0 and len(line.get_xdata()) == 2]
    assert np.array(ends) == pytest.approx(-np.sqrt([[0.06, 0.03], [0.25, 0.15]]))


def test_the_nominal_line_is_at_five_and_ninety_five_per_cent_and_named():
    for axes, place, name in zip(columns(figure()), (0.05**0.5, -(0.05**0.5)), ("5 %", "95 %"), strict=True):
        dashed = [line.get_xdata() for line in axes.lines if line.get_linestyle() == "--"]
        assert [list(each) for each in dashed] == [[pytest.approx(place)] * 2]
        assert name in [label.get_text() for label in axes.get_xticklabels()]


def test_each_setting_is_a_ring_and_what_was_not_simulated_is_a_dash():
    alarms, coverage = columns(figure())
    rings = [line.get_xdata() for line in alarms.lines if line.get_markerfacecolor() == "none" and len(line.get_xdata())]
    assert [list(each) for each in rings] == [pytest.approx(np.sqrt([0.03, 0.05]))]
    assert [text.get_text() for text in coverage.texts] == ["–"] and not alarms.texts


def test_every_text_is_on_the_page_and_groups_and_labels_are_written():
    long = CALIBRATION.assign(label=CALIBRATION["label"] + ", with an intercept and a ridge on logs")
    drawn = figure(long, title="Town " * 40, caption="Made up. " * 60)
    page, told = drawn.bbox, []
    with theme():
        for text in drawn.findobj(Text):
            if text.get_visible() and text.get_text():
                told.append(text.get_text())
                box = text.get_window_extent()
                assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()
    assert {"One series", "With donors", "bad, with an intercept and a ridge on logs"} <= set(told)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_worse_share_stands_farther_from_none_wrong(one, other):
    assert (wrong(one, "alarms") <= wrong(other, "alarms")) == (one <= other or wrong(one, "alarms") == wrong(other, "alarms"))
    assert wrong(one, "alarms") == pytest.approx(-wrong(1 - one, "coverage"), abs=1e-7)


def test_an_interval_that_touches_the_band_is_not_beyond_it():
    row = pd.Series({"alarms_lower": 0.08, "coverage_upper": 0.91})
    assert not beyond(row, "alarms", 0.08) and not beyond(row, "coverage", 0.91)
    assert beyond(row + [0.001, 0], "alarms", 0.08) and beyond(row - [0, 0.001], "coverage", 0.91)


def test_a_label_without_a_row_for_all_its_settings_is_refused():
    with pytest.raises(DataError, match="one row of each group and label with the setting 'all'"):
        figure(CALIBRATION[CALIBRATION["setting"] != "all"])
    with pytest.raises(DataError, match="lacks the columns .'alarms'."):
        figure(CALIBRATION.drop(columns="alarms"))
