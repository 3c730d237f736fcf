"""Plans: every analysis once, none without its twin, and the grid complete."""

from pathlib import Path

import numpy as np
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.plan import embedded_studies, find_study, prepare
from gvi_eval.resources import CHECKOUT


@pytest.fixture(scope="module")
def malmo():
    return prepare(find_study("malmo"))


def test_each_analysis_that_chooses_has_its_twin_and_no_analysis_is_run_twice(malmo):
    keys = [(each.frame, each.estimator) for each in malmo.analyses]
    assert len(keys) == len(set(keys))
    for each in malmo.analyses:
        if hasattr(each.estimator, "trend"):
            twins = [other for other in malmo.analyses if other.frame == each.frame and other.estimator != each.estimator]
            assert any(other.estimator.trend != each.estimator.trend for other in twins if hasattr(other.estimator, "trend"))


def test_the_grid_runs_every_combination(malmo):
    grid = malmo.study.grid
    names = {each.specification.name for each in malmo.analyses}
    every = grid.specifications()
    assert len(every) == len(grid.windows) * len(grid.donuts) * len(grid.starts) == 36
    # one point of the grid is declared by name and runs under that name
    assert [spec.name for spec in every if spec.name not in names] == ["to 2022-12-31, no donut, start 2018-10-01"]


def test_the_malmo_spans_are_those_of_the_published_figures(malmo):
    whole = next(each.panel for each in malmo.analyses if each.specification.window.end.year == 2023)
    counts, matrix = whole.observations("Malmö")
    assert len(counts) == 20 and matrix.sum(axis=0) == pytest.approx(np.ones(96))
    october = [row for row in range(20) if matrix[row, 33] == pytest.approx(17 / 31)]
    assert counts[: october[0] + 1].sum() == 155 and counts[october[0] + 1 :].sum() == 162


def test_a_window_that_ends_inside_a_month_keeps_the_span_up_to_that_day(malmo):
    short = next(each.panel for each in malmo.analyses if str(each.specification.window.end) == "2019-11-11")
    counts, matrix = short.observations("Malmö")
    assert counts.sum() == 155 + 18 + 24 and matrix[-1, -1] == pytest.approx(11 / 30)


def test_a_donut_leaves_whole_spans_out_and_lists_them(malmo):
    panel = next(each.panel for each in malmo.analyses if "without 2018-02-01 to 2018-10-31" in each.specification.name)
    listed = [note for note in panel.dropped if "left out, because the days" in note]
    assert len(listed) == 2 and "29 in Malmö, 2018-01-01 to 2018-10-17" in listed[0] and "18 in Malmö" in listed[1]


def test_the_exchanged_figures_are_exchanged(malmo):
    panel = next(each.panel for each in malmo.analyses if each.specification.outcome == "shootings, the other figures")
    counts, matrix = panel.observations("Malmö")
    years = {year: counts[(matrix[:, 12 * k : 12 * k + 12].sum(axis=1) > 0)].sum() for k, year in enumerate(range(2016, 2023))}
    assert (years[2016], years[2018], years[2022]) == (59, 49, 27)


@pytest.mark.parametrize(("outcome", "events"), [("killed", 7 + 7 + 12 + 7 + 3 + 5), ("injured", 31 + 35 + 23 + 13 + 5)])
def test_companion_outcomes_add_up_to_their_published_years(malmo, outcome, events):
    panel = next(each.panel for each in malmo.analyses if each.specification.outcome == outcome)
    assert panel.observations("Malmö")[0].sum() == events


def test_embedded_sources_are_all_in_the_list_of_sources():
    from gvi_eval.tables import read_table

    known = set(read_table(CHECKOUT / "analyses/data/sources.csv", "sources")["id"])
    for name in embedded_studies():
        study = prepare(find_study(name)).study
        assert {event.source for event in study.interventions} <= known, name


def test_an_unknown_study_is_named_with_those_that_exist():
    with pytest.raises(StudyError, match="there is no study 'malmoe'; known are boston, copenhagen, malmo"):
        find_study("malmoe")


def test_a_study_is_found_by_name_folder_and_file():
    folder = CHECKOUT / "analyses" / "boston"
    assert find_study("boston") == find_study(str(folder)) == find_study(str(Path(folder) / "study.toml"))
