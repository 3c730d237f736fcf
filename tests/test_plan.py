"""Plans: every analysis once, none without its twin, and the grid complete."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from gvi_eval.assembly import build_panel
from gvi_eval.errors import StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.plan import embedded_studies, find_study, prepare, read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import load_study


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
        study = load_study(find_study(name))
        assert {event.source for event in study.interventions} <= known, name


def test_an_unknown_study_is_named_with_those_that_exist():
    with pytest.raises(StudyError, match="there is no study 'malmoe'; known are boston, copenhagen, malmo"):
        find_study("malmoe")


def test_a_study_is_found_by_name_folder_and_file():
    folder = CHECKOUT / "analyses" / "boston"
    assert find_study("boston") == find_study(str(folder)) == find_study(str(Path(folder) / "study.toml"))


def test_only_an_analysis_that_asks_for_donors_sees_them(two_sites, four_areas, write_study, tmp_path):
    common = {"outcome": "burglary", "unit": "East"}
    two_sites["specifications"] += [
        {"name": "structural", "estimator": "structural", **common},
        {"name": "structural, all", "estimator": "structural", "settings": {"donors": "all"}, **common},
        {"name": "structural, none", "estimator": "structural", "settings": {"donors": "none"}, **common},
        {"name": "structural, South", "estimator": "structural", "settings": {"donors": ["South"]}, **common},
        {"name": "controlled", "estimator": "controlled", **common},
        {"name": "controlled, North", "estimator": "controlled", "settings": {"controls": ["North"]}, **common},
        {"name": "synthetic", "estimator": "synthetic", **common},
    ]
    plan = prepare(write_study(tmp_path / "town", two_sites, four_areas))
    seen = {each.specification.name: list(each.panel.values)[1:] for each in plan.analyses}
    assert seen["East, level"] == seen["East, level, with trend"] == seen["structural"] == seen["structural, none"] == []
    assert seen["structural, South"] == ["South"] and seen["controlled, North"] == ["North"]
    assert seen["structural, all"] == seen["controlled"] == seen["synthetic"] == ["North", "South"]
    assert [each.panel.treated for each in plan.analyses if each.specification.unit == "West"] == [("West",)] * 2


def test_two_units_with_the_same_analysis_at_the_same_start_are_two_analyses(two_sites, four_areas, write_study, tmp_path):
    two_sites["interventions"][1]["start"] = two_sites["interventions"][0]["start"]
    plan = prepare(write_study(tmp_path / "town", two_sites, four_areas))
    names = [each.specification.name for each in plan.analyses]
    assert names == ["East, level", "East, level, with trend", "West, level", "West, level, with trend"]


def embedded(name, outcome, unit=None):
    file = find_study(name)
    study = load_study(file)
    return build_panel(study, read_tables(study, file.parent), outcome, unit)


@pytest.mark.parametrize("outcome", ["violence", "weapons act", "burglary", "shoplifting"])
def test_copenhagen_stands_beside_58_municipalities_with_every_quarter(outcome):
    panel = embedded("copenhagen", outcome)
    assert panel.values.shape == (40, 59) and panel.values.notna().all(axis=None)
    assert not {"Gladsaxe", "Brøndby", "Gentofte", "Greve", "København", "Dragør", "Denmark"} & set(panel.donors)


def test_a_donor_of_copenhagen_that_is_not_undisturbed_says_from_when():
    study = load_study(find_study("copenhagen"))
    donors = {unit.name for unit in study.units if unit.role == "donor"}
    starts = {}
    for event in study.interventions:
        if event.unit is not None:
            starts.setdefault(event.unit, []).append(event.start.earliest.year)
    assert set(starts) <= donors and starts == {"Odense": [2019, 2021, 2023], "Aalborg": [2020], "Aarhus": [2020]}


def test_copenhagens_single_series_see_no_municipality():
    planned = [each for each in prepare(find_study("copenhagen")).analyses if each.specification.estimator != "controlled"]
    single = [each.panel for each in planned if not uses_donors(each.estimator)]
    assert single and all(list(panel.values) == ["Copenhagen Police District"] and panel.dropped == () for panel in single)


@pytest.mark.parametrize(
    ("city", "start", "first", "last", "donors", "gaps"),
    [
        ("Boston", 1996, 1981, 1999, 44, []),
        ("Cincinnati", 2007, 1992, 2010, 54, [1997, 1998]),
        ("Oakland", 2013, 1998, 2015, 48, []),
        ("New Orleans", 2013, 1998, 2015, 48, [2005]),
    ],
)
def test_the_cities_have_their_own_starts_and_donors_with_every_year(city, start, first, last, donors, gaps):
    panel = embedded("us_cities", "homicides", city)
    assert panel.sole_treated[1].year == start == first + 15
    assert not {"Boston", "Cincinnati", "Oakland", "Oakland, Calif.", "New Orleans"} & set(panel.donors)
    own = panel.since(date(first, 1, 1)).until(date(last, 12, 31))
    assert [period.year for period in own.gaps(city)] == gaps
    complete = own.complete_donors()
    assert len(complete.donors) == donors and complete.values[complete.donors].drop(list(own.gaps(city))).notna().all(axis=None)


def test_a_city_with_a_programme_of_its_own_is_a_donor_until_then():
    boston, oakland = (embedded("us_cities", "homicides", city) for city in ("Boston", "Oakland"))
    in_1999 = set(boston.since(date(1981, 1, 1)).until(date(1999, 12, 31)).complete_donors().donors)
    assert {"Detroit", "Kansas City, Mo.", "Philadelphia", "Newark, N.J."} <= in_1999
    gone = {city: oakland.values[city].last_valid_index().year for city in ("Chicago", "Detroit", "Kansas City, Mo.")}
    assert gone == {"Chicago": 2009, "Detroit": 2012, "Kansas City, Mo.": 2013}


def test_years_of_0_months_are_used_where_the_outcome_says_so():
    panel = embedded("us_cities", "homicides, 0 months used", "Oakland")
    assert panel.values.loc["1995", "Oakland"] == 138 and panel.values.loc["1984", "Chicago"] == 741
    assert np.isnan(embedded("us_cities", "homicides", "Oakland").values.loc["1995", "Oakland"])
    assert np.isnan(panel.values.loc["1990", "Minneapolis"])  # 1 month
