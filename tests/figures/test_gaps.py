"""Gaps of the treated place and its placebos: who is drawn, who is set aside and by which rule, and where the start lies."""

import numpy as np
import pandas as pd
import pytest
from drawn_tables import OUTCOME
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from gvi_eval.errors import DataError
from gvi_eval.figures.alt_more import alt_gaps
from gvi_eval.figures.gaps import GAP_COLUMNS, aside, gaps_figure, gaps_of
from gvi_eval.figures.theme import theme

PERIODS = ["2011", "2012", "2013", "2014"]


def saved(person_years: float = 50_000.0, **gaps: list[float]) -> pd.DataFrame:
    """A table as it is saved, from counts less expected counts; the first unit is treated, the start is 2013."""
    parts = [
        pd.DataFrame(
            {
                "unit": unit,
                "treated": place == 0,
                "period": PERIODS,
                "before": [True, True, False, False],
                "observed": 10.0 + np.array(own),
                "expected": 10.0,
                "person_years": person_years,
            }
        )
        for place, (unit, own) in enumerate(gaps.items())
    ]
    return pd.concat(parts, ignore_index=True)


# Town misses by 1 and −1 before the start, mean square 1; Near by 4 and 2, mean square 10; Far by 6 and 2, mean square 20; Wild
# by 6 and 3, mean square 22.5.
TABLE = saved(Town=[1, -1, -4, -6], Near=[4, 2, 0, 0], Far=[6, 2, -8, -8], Wild=[6, 3, 40, 40])


def lines(figure) -> dict[str, np.ndarray]:
    axes = next(axes for axes in figure.axes if axes.get_label() == "data")
    own = [line for line in axes.lines if len(line.get_xdata()) == len(PERIODS)]
    bold = [line for line in own if line.get_linewidth() > 2]
    assert len(bold) == 1 and bold[0].get_marker() == "D"
    return {"bold": bold[0].get_ydata(), "thin": [line.get_ydata() for line in own if line.get_linewidth() < 1]}


def test_a_gap_is_per_100_000_people_a_year():
    table = gaps_of(TABLE)
    assert list(table.columns) == list(GAP_COLUMNS)
    assert table[table["unit"] == "Town"]["gap"].tolist() == [2, -2, -8, -12]
    assert set(table["per"]) == {100_000}


def test_without_a_denominator_a_gap_is_one_of_counts():
    table = gaps_of(saved(1.0, Town=[1, -1, -4, -6], Near=[4, 2, 0, 0]))
    assert table[table["unit"] == "Town"]["gap"].tolist() == [1, -1, -4, -6] and set(table["per"]) == {1}
    told = [text.get_text() for text in gaps_figure(table, title="t", caption="c").findobj(Text)]
    assert "observed less expected" in told


def test_who_misses_by_more_than_twenty_times_is_set_aside_and_who_misses_by_twenty_is_not():
    table = gaps_of(TABLE)
    assert table.groupby("unit", sort=False)["fit"].first().to_dict() == pytest.approx(
        {"Town": 1, "Near": 10, "Far": 20, "Wild": 22.5}
    )
    assert aside(table) == ["Wild"] and aside(gaps_of(TABLE, 5)) == ["Near", "Far", "Wild"]


def test_a_donor_without_a_figure_before_the_start_cannot_be_drawn():
    table = TABLE.copy()
    table.loc[(table["unit"] == "Near") & table["before"], "observed"] = np.nan
    assert aside(gaps_of(table)) == ["Near", "Wild"]


@given(
    st.lists(st.lists(st.integers(-20, 20), min_size=4, max_size=4), min_size=2, max_size=6),
    st.floats(1e3, 1e6),
)
def test_the_treated_unit_is_never_set_aside_and_neither_is_a_donor_that_fits_better(gaps, years):
    units = {f"Place {number}": own for number, own in enumerate(gaps)}
    if not any(gaps[0][:2]):
        with pytest.raises(DataError, match="has no gap before the start"):
            gaps_of(saved(years, **units))
        return
    poor = aside(gaps_of(saved(years, **units)))
    squares = [own[0] ** 2 + own[1] ** 2 for own in gaps]
    assert poor == [name for name, square in zip(units, squares, strict=True) if square > 20 * squares[0] * (1 + 1e-9)]


def test_the_treated_line_is_bold_with_marks_and_who_is_set_aside_has_none():
    drawn = lines(gaps_figure(gaps_of(TABLE), title="Town", caption="Made up."))
    assert drawn["bold"].tolist() == [2, -2, -8, -12]
    assert sorted(each.tolist() for each in drawn["thin"]) == [[8, 4, 0, 0], [12, 4, -16, -16]]


def test_the_start_lies_between_the_last_period_before_and_the_first_after():
    figure = gaps_figure(gaps_of(TABLE), title="Town", caption="Made up.")
    upright = [line.get_xdata() for axes in figure.axes for line in axes.lines if line.get_linestyle() == "--"]
    assert [list(each) for each in upright] == [[1.5, 1.5]]
    assert "start" in [text.get_text() for text in figure.findobj(Text)]


def test_a_donor_without_a_figure_leaves_a_hole_and_no_line_to_zero():
    table = TABLE.copy()
    table.loc[(table["unit"] == "Near") & (table["period"] == "2013"), "observed"] = np.nan
    drawn = lines(gaps_figure(gaps_of(table), title="Town", caption="Made up."))
    near = next(each for each in drawn["thin"] if each[0] == 8)
    assert np.isnan(near[2]) and near[3] == 0


@pytest.mark.parametrize("unit", ["Town", "The united municipalities of the western islands"])
def test_every_text_is_on_the_page(unit):
    table = gaps_of(TABLE.replace({"unit": {"Town": unit}}))
    figure = gaps_figure(table, title="Gaps " * 30, caption="Made up. " * 40)
    page = figure.bbox
    with theme():
        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text():
                box = text.get_window_extent()
                assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def test_in_words_the_mean_after_the_start_and_who_lies_lower():
    # Town averages −10 after the start, Near 0 and Far −16.
    said = alt_gaps(gaps_of(TABLE), outcome=OUTCOME)
    assert "Town and of 2 donors" in said["en"] and "2011 to 2014" in said["en"]
    assert "gap of Town is -10 on average; of the donors 1 lie lower" in said["en"]
    assert "1 donors are set aside" in said["en"] and "lagt til side" in said["da"] and "lagda åt sidan" in said["sv"]
    assert "set aside" not in alt_gaps(gaps_of(TABLE, 50), outcome=OUTCOME)["en"]


def test_what_cannot_be_measured_is_said():
    with pytest.raises(DataError, match="2 treated units .'Near', 'Town'.; mark exactly one"):
        gaps_of(TABLE.assign(treated=TABLE["unit"].isin(["Town", "Near"])))
    with pytest.raises(DataError, match="lacks the columns .'person_years'."):
        gaps_of(TABLE.drop(columns="person_years"))
