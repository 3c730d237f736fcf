"""The path figure: what is drawn is what was given, and a proxy says so."""

import io
from datetime import date

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.events import Marker
from gvi_eval.figures.path import path_figure, start_label
from gvi_eval.figures.theme import EXPECTED, FACTUAL, OBSERVED, theme

KNOWN_DAY = (date(2021, 1, 1), date(2021, 1, 1))


def quarters(observed, start="2020Q1"):
    periods = pd.period_range(start, periods=len(observed), freq="Q")
    expected = np.full(len(observed), 10.0)
    return pd.DataFrame(
        {
            "period": [str(period) for period in periods],
            "period_start": [period.start_time.date() for period in periods],
            "period_end": [period.end_time.date() for period in periods],
            "observed": observed,
            "factual": expected - 1,
            "expected": expected,
            "expected_lower": expected - 4,
            "expected_upper": expected + 4,
            "level": 0.95,
        }
    )


EIGHT = [9.0, 11.0, np.nan, 10.0, 4.0, 5.0, 3.0, 4.0]


def drawn(path=None, **changes):
    settings = {"title": "Title", "y_label": "reported violence", "start": KNOWN_DAY, "caption": "Caption."}
    return path_figure(quarters(EIGHT) if path is None else path, **settings | changes)


def data_axes(figure):
    return next(axes for axes in figure.axes if axes.get_label() == "data")


def lines(figure, **properties):
    return [
        line
        for line in data_axes(figure).lines
        if all(getattr(line, f"get_{name}")() == value for name, value in properties.items())
    ]


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text) if text.get_visible())


def test_observed_points_lie_in_the_middle_of_their_periods():
    (points,) = lines(drawn(), color=OBSERVED, marker="o")
    first = (date(2020, 1, 1).toordinal() + date(2020, 4, 1).toordinal()) / 2
    assert points.get_xdata()[0] == first
    np.testing.assert_array_equal(points.get_ydata(), EIGHT)


def test_expected_is_dashed_and_factual_is_not():
    figure = drawn()
    expected, factual = lines(figure, color=EXPECTED), lines(figure, color=FACTUAL)
    assert len(expected) == 2 and len(factual) == 1
    assert all(line.is_dashed() for line in expected) and not factual[0].is_dashed()
    before, after = expected
    assert before.get_linewidth() < after.get_linewidth()
    # Four quarters before the start; the line after it takes over at the first quarter after.
    assert np.isfinite(before.get_ydata()).tolist() == [True] * 5 + [False] * 3
    assert np.isfinite(after.get_ydata()).tolist() == [False] * 4 + [True] * 4


def test_the_axis_starts_at_zero():
    assert data_axes(drawn()).get_ylim()[0] == 0


def test_a_band_far_above_the_data_is_cut_and_says_so():
    path = quarters(EIGHT)
    assert "goes on above" not in words(drawn(path))
    path["expected_upper"] = 500.0
    figure = drawn(path)
    assert data_axes(figure).get_ylim()[1] < 50
    assert "the band goes on above the axis" in words(figure)


def test_a_start_not_published_as_a_day_is_an_interval():
    path = quarters(EIGHT)
    assert start_label(path, KNOWN_DAY) == "start: 2021-01-01"
    interval = (date(2020, 10, 1), date(2021, 6, 30))
    assert start_label(path, interval) == "start: 2020Q4–2021Q2 (not published as a day)"
    within = (date(2020, 10, 5), date(2020, 10, 30))
    assert start_label(path, within) == "start: 2020-10-05 to 2020-10-30 (not published as a day)"
    shaded = [patch for patch in data_axes(drawn(path, start=interval)).patches if not patch.get_hatch()]
    assert [(patch.get_x(), patch.get_width()) for patch in shaded] == [(date(2020, 10, 1).toordinal(), 273)]
    assert not [patch for patch in data_axes(drawn(path)).patches if not patch.get_hatch()]


def test_a_start_outside_the_days_drawn_is_named_and_not_drawn():
    figure = drawn(start=(date(2030, 1, 1), date(2030, 1, 1)))
    assert "start: 2030-01-01, outside the days drawn" in words(figure)


def test_a_missing_figure_is_marked_and_not_drawn_as_zero():
    hatched = [patch for patch in data_axes(drawn()).patches if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [date(2020, 7, 1).toordinal()]
    assert "no figure published" in words(drawn())
    assert "no figure published" not in words(drawn(quarters([9.0] * 8)))


def test_dropped_periods_are_hatched_to_the_last_day():
    figure = drawn(quarters([9.0] * 8), dropped=[(date(2020, 10, 1), date(2020, 12, 31))])
    (patch,) = data_axes(figure).patches
    assert patch.get_hatch() and patch.get_width() == 92
    assert "left out of the estimate" in words(figure)


def test_spans_are_drawn_over_their_days_at_their_rate():
    spans = pd.DataFrame(
        {"range_start": [date(2020, 7, 1)], "range_end": [date(2020, 10, 31)], "count": [12], "per_period": [8.9]}
    )
    figure = drawn(spans=spans)
    (bar,) = lines(figure, color=OBSERVED, marker="|")
    assert list(bar.get_xdata()) == [date(2020, 7, 1).toordinal(), date(2020, 11, 1).toordinal()]
    assert list(bar.get_ydata()) == [8.9, 8.9]
    assert "no figure published" not in words(figure)  # the span covers the quarter without a figure


def test_a_proxy_says_so_in_the_label_and_in_the_caption():
    target = io.BytesIO()
    figure = drawn(proxy_for="shootings")
    with theme():
        figure.savefig(target, format="svg")
    svg = target.getvalue().decode()
    assert "reported violence (a proxy, not shootings)" in svg
    assert "The outcome is a proxy: the figure shows reported violence, not shootings." in svg
    assert "proxy" not in words(drawn())


def test_events_are_numbered_by_date_and_explained_below():
    events = [
        Marker("Pandemic", date(2020, 3, 12), date(2021, 6, 1), "shock"),
        Marker("New form", date(2020, 2, 1), None, "recording change"),
        Marker("Long ago", date(1999, 2, 1), None, "decision"),
    ]
    text = words(drawn(events=events))
    for entry in (
        "1 Long ago (decision, 1999-02-01, outside the days drawn)",
        "2 New form (recording change, 2020-02-01)",
        "3 Pandemic (shock, 2020-03-12 to 2021-06-01)",
    ):
        assert entry in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": quarters(EIGHT).drop(columns="level")}, r"\['level'\]"),
        ({"path": quarters(EIGHT).head(0)}, "no rows"),
        ({"path": quarters(EIGHT).assign(observed=np.nan, factual=np.nan, expected=np.nan)}, "no figure at all"),
        ({"start": (date(2021, 2, 1), date(2021, 1, 1))}, "earliest day first"),
        ({"spans": pd.DataFrame({"count": [1]})}, "range_start"),
    ],
)
def test_what_cannot_be_drawn_is_named(changes, message):
    with pytest.raises(DataError, match=message):
        drawn(**changes)


def test_a_marker_needs_a_role_we_know_and_days_in_order():
    with pytest.raises(DataError, match="'rumour'.*co-intervention"):
        Marker("Heard", date(2020, 1, 1), None, "rumour")
    with pytest.raises(DataError, match="before it starts"):
        Marker("Back", date(2020, 1, 2), date(2020, 1, 1), "shock")


def test_the_table_and_the_settings_are_left_as_they_were():
    path, before = quarters(EIGHT).iloc[::-1], matplotlib.rcParams.copy()
    copy = path.copy()
    drawn(path)
    pd.testing.assert_frame_equal(path, copy)
    assert matplotlib.rcParams.copy() == before


def test_a_dollar_sign_is_a_dollar_sign():
    assert "$5 to $9" in words(drawn(caption="Grants of $5 to $9 million."))
