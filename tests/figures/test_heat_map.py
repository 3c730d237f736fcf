"""Baselines against windows: every cell written, the claimed one framed, a rise hatched."""

import itertools

import pandas as pd
import pytest
from drawn_tables import CELLS, hatched

from gvi_eval.figures.heat_map import heat_map_figure


def test_every_cell_of_a_heat_map_is_written_and_the_claimed_one_framed():
    axes = heat_map_figure(CELLS, title="t", caption="c").axes[-1]
    assert [text.get_text() for text in axes.texts] == ["−20", "+10", "−50"]
    assert sum(patch.get_linewidth() > 2 for patch in axes.patches) == 1


def test_a_rise_is_hatched():
    assert hatched(heat_map_figure(CELLS, title="t", caption="c")) == 1


def test_what_rounds_to_nothing_has_no_sign():
    cells = CELLS.assign(percent=[-0.4, 0.4, -0.6])
    axes = heat_map_figure(cells, title="t", caption="c").axes[-1]
    assert [text.get_text() for text in axes.texts] == ["0", "0", "−1"]


@pytest.mark.parametrize("percent", [5.0, 230.0])
def test_no_figure_runs_into_its_neighbour_however_many_columns_there_are(percent):
    years = [str(year) for year in range(1990, 2008)]
    cells = pd.DataFrame(
        [*((year, years[0], percent, False) for year in years), *((year, year, percent, False) for year in years[1:])],
        columns=["baseline", "window", "percent", "claimed"],
    )  # the first row in full, and one cell in each other
    figure = heat_map_figure(cells, title="t", caption="c")
    row = [text.get_window_extent() for text in figure.axes[-1].texts[: len(years)]]
    assert {round(box.y0) for box in row} == {round(row[0].y0)}
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(row))
