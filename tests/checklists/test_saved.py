"""Saved results: read as they lie, counted by hand, and refused where they are of another study."""

import pandas as pd
import pytest
from appraised import panel

from gvi_eval.checklists.saved import Saved
from gvi_eval.errors import DataError


def test_a_folder_of_another_study_is_refused(saved, answered):
    town = saved(headline={"study": "village"})
    with pytest.raises(DataError, match="'results' holds no results of town; run 'gvi-eval run town' first"):
        answered(town, "EPOC-0")
    with pytest.raises(DataError, match="holds no results of town"):
        answered(Saved(town.folder / "nowhere", town.study_file), "EPOC-0")


def test_figures_are_counted_before_after_and_across_the_start(saved):
    figures = panel()
    assert saved(figures=figures).sides == (12, 8, 0)
    across = figures.iloc[[0]].assign(period="2012-11-01..2013-02-28", period_start="2012-11-01", period_end="2013-02-28")
    town = saved(figures=pd.concat([panel(missing=2), across]))
    assert town.sides == (10, 8, 1) and town.gaps == (20, 18, 1)


def test_a_table_that_the_run_did_not_write_is_empty_and_lines_are_those_of_the_file(saved):
    town = saved(power=[{"noise": "Poisson"}, {"noise": "heavy"}])
    assert town.table("curve.csv").empty and not town.holds("curve.csv")
    assert list(town.table("power.csv").index) == [2, 3]
    (town.folder / "pairs.csv").write_text("\n")
    assert town.table("pairs.csv").empty
