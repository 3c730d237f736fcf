"""Gaps of the treated place and its placebos: who is drawn, who is set aside and by which rule, and where the start lies."""

import numpy as np
import pytest
from drawn_tables import GAPS, gaps_saved
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.gaps import GAP_COLUMNS, aside, gaps_figure, gaps_of, side_by_side
from gvi_eval.figures.theme import theme

PERIODS = ["2011", "2012", "2013", "2014"]


def lines(figure) -> dict[str, np.ndarray]:
    axes = next(axes for axes in figure.axes if axes.get_label() == "data")
    own = [line for line in axes.lines if len(line.get_xdata()) == len(PERIODS)]
    bold = [line for line in own if line.get_linewidth() > 2]
    assert len(bold) == 1 and bold[0].get_marker() == "D"
    return {"bold": bold[0].get_ydata(), "thin": [line.get_ydata() for line in own if line.get_linewidth() < 1]}


def test_a_gap_is_per_100_000_people_a_year():
    table = gaps_of(GAPS)
    assert list(table.columns) == list(GAP_COLUMNS)
    assert table[table["unit"] == "Town"]["gap"].tolist() == [2, -2, -8, -12]
    assert set(table["per"]) == {100_000}


def test_what_is_saved_has_one_row_a_unit_and_the_gaps_that_are_drawn():
    saved = side_by_side(gaps_of(GAPS))
    assert list(saved.columns) == ["unit", "treated", "set_aside", "fit", *PERIODS]
    assert saved["unit"].tolist() == ["Town", "Near", "Far", "Wild"] and saved["set_aside"].tolist() == [False] * 3 + [True]
    assert saved[PERIODS].iloc[0].tolist() == [2, -2, -8, -12] and saved[PERIODS].iloc[3].tolist() == [12, 6, 80, 80]


def test_without_a_denominator_a_gap_is_one_of_counts():
    table = gaps_of(gaps_saved(1.0, Town=[1, -1, -4, -6], Near=[4, 2, 0, 0]))
    assert table[table["unit"] == "Town"]["gap"].tolist() == [1, -1, -4, -6] and set(table["per"]) == {1}
    told = [text.get_text() for text in gaps_figure(table, title="t", caption="c").findobj(Text)]
    assert "observed less expected" in told


def test_who_misses_by_more_than_twenty_times_is_set_aside_and_who_misses_by_twenty_is_not():
    table = gaps_of(GAPS)
    assert table.groupby("unit", sort=False)["fit"].first().to_dict() == pytest.approx(
        {"Town": 1, "Near": 10, "Far": 20, "Wild": 22.5}
    )
    assert aside(table) == ["Wild"] and aside(gaps_of(GAPS, 5)) == ["Near", "Far", "Wild"]


def test_a_treated_unit_that_is_fitted_without_any_gap_sets_nobody_aside_and_is_drawn():
    table = gaps_of(gaps_saved(Town=[0, 0, -4, -6], Near=[4, 2, 0, 0]))
    assert table["fit"].isna().all() and aside(table) == []
    assert len(lines(gaps_figure(table, title="t", caption="c"))["thin"]) == 1


def test_a_donor_without_a_figure_before_the_start_cannot_be_drawn():
    table = GAPS.copy()
    table.loc[(table["unit"] == "Near") & table["before"], "observed"] = np.nan
    assert aside(gaps_of(table)) == ["Near", "Wild"]


@given(
    st.lists(st.lists(st.integers(-20, 20), min_size=4, max_size=4), min_size=2, max_size=6),
    st.floats(1e3, 1e6),
)
def test_the_treated_unit_is_never_set_aside_and_neither_is_a_donor_that_fits_better(gaps, years):
    units = {f"Place {number}": own for number, own in enumerate(gaps)}
    poor = aside(gaps_of(gaps_saved(years, **units)))
    squares = [own[0] ** 2 + own[1] ** 2 for own in gaps]
    if not squares[0]:
        assert poor == []  # nothing to measure by
        return
    assert poor == [name for name, square in zip(units, squares, strict=True) if square > 20 * squares[0] * (1 + 1e-9)]


def test_the_treated_line_is_bold_with_marks_and_who_is_set_aside_has_none():
    drawn = lines(gaps_figure(gaps_of(GAPS), title="Town", caption="Made up."))
    assert drawn["bold"].tolist() == [2, -2, -8, -12]
    assert sorted(each.tolist() for each in drawn["thin"]) == [[8, 4, 0, 0], [12, 4, -16, -16]]


def test_the_start_lies_between_the_last_period_before_and_the_first_after():
    figure = gaps_figure(gaps_of(GAPS), title="Town", caption="Made up.")
    upright = [line.get_xdata() for axes in figure.axes for line in axes.lines if line.get_linestyle() == "--"]
    assert [list(each) for each in upright] == [[1.5, 1.5]]
    assert "start" in [text.get_text() for text in figure.findobj(Text)]


def test_a_donor_without_a_figure_leaves_a_hole_and_no_line_to_zero():
    table = GAPS.copy()
    table.loc[(table["unit"] == "Near") & (table["period"] == "2013"), "observed"] = np.nan
    drawn = lines(gaps_figure(gaps_of(table), title="Town", caption="Made up."))
    near = next(each for each in drawn["thin"] if each[0] == 8)
    assert np.isnan(near[2]) and near[3] == 0


@pytest.mark.parametrize("unit", ["Town", "The united municipalities of the western islands"])
def test_every_text_is_on_the_page(unit):
    table = gaps_of(GAPS.replace({"unit": {"Town": unit}}))
    figure = gaps_figure(table, title="Gaps " * 30, caption="Made up. " * 40)
    page = figure.bbox
    with theme():
        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text():
                box = text.get_window_extent()
                assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def test_what_cannot_be_measured_is_said():
    with pytest.raises(DataError, match="2 treated units .'Near', 'Town'.; mark exactly one"):
        gaps_of(GAPS.assign(treated=GAPS["unit"].isin(["Town", "Near"])))
    with pytest.raises(DataError, match="lacks the columns .'person_years'."):
        gaps_of(GAPS.drop(columns="person_years"))
