"""Baselines against windows: every cell written, the claimed one framed, a rise hatched."""

from drawn_tables import CELLS, hatched

from gvi_eval.figures.heat_map import heat_map_figure


def test_every_cell_of_a_heat_map_is_written_and_the_claimed_one_framed():
    axes = heat_map_figure(CELLS, title="t", caption="c").axes[-1]
    assert [text.get_text() for text in axes.texts] == ["−20", "+10", "−50"]
    assert sum(patch.get_linewidth() > 2 for patch in axes.patches) == 1


def test_a_rise_is_hatched():
    assert hatched(heat_map_figure(CELLS, title="t", caption="c")) == 1
