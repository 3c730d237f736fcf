"""From published rows to a panel: what conflicts is refused, what is left out is listed, and absent is never zero."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.assembly import build_panel
from gvi_eval.errors import DataError, StudyError
from gvi_eval.study import load_study


@pytest.fixture
def build(document, write_study, tmp_path, counts, population):
    """Builds the panel of the document as it now stands from the rows as they now stand."""
    file = tmp_path / "study"

    def make(rows=counts, people=population, outcome=None, unit=None, beside=None):
        tables = {"counts.csv": as_read(rows, ("period_start", "period_end")), "population.csv": as_read(people, ("date",))}
        return build_panel(load_study(write_study(file, document)), tables, outcome, unit, beside)

    return make


def as_read(rows: pd.DataFrame, days: tuple[str, ...]) -> pd.DataFrame:
    """The rows as `read_table` gives them: days as datetimes, and the line in the file as the index."""
    read = rows.assign(**{day: pd.to_datetime(rows[day]).astype("datetime64[s]") for day in days})
    return read.set_axis(pd.RangeIndex(2, 2 + len(rows), name="line"))


def changed(rows, unit, start, **changes):
    """The rows with some cells of the shootings of one area and quarter exchanged."""
    out = rows.copy()
    place = (out["unit"] == unit) & (out["period_start"] == start) & (out["measure"] == "shootings")
    assert place.sum() == 1
    for column, value in changes.items():
        out[column] = out[column].astype(object)
        out.loc[place, column] = value
    return out


def beside(rows, unit, start, **changes):
    """The rows with a second, changed figure beside the shootings of one area and quarter."""
    place = (rows["unit"] == unit) & (rows["period_start"] == start) & (rows["measure"] == "shootings")
    return pd.concat([rows, rows[place].assign(**changes)], ignore_index=True)


def test_a_cell_is_the_sum_of_the_areas_and_says_where_each_stands(build):
    panel = build()
    assert panel.values["Town"].iloc[:4].tolist() == [18 + 1, 22 + 3, 20 + 2, 20 + 2]
    assert panel.sources["Town"].iloc[0] == "counts.csv:2; counts.csv:22"
    assert (
        str(panel.onsets["Town"]) == "2013Q1"
        and panel.kind == "count"
        and panel.outcome == "reported shots (proxy for shootings)"
    )
    assert panel.gaps("Town") == () and panel.dropped == ()


def test_exposure_is_the_population_of_1_january_held_for_the_year(build, population):
    people = population.assign(population=[3000, 3100, 3200, 3300, 3400] + [1000] * 5)
    exposure = build(people=people).exposure["Town"]
    assert exposure.iloc[:5].tolist() == [1000, 1000, 1000, 1000, 1025]


def test_without_a_population_every_cell_has_exposure_one(build):
    assert (build(outcome="burglary").exposure == 1).all(axis=None)


def test_a_population_older_than_a_year_is_refused_with_the_first_period(build, population):
    people = population[~((population["unit"] == "West") & (population["date"] >= date(2012, 1, 1)))]
    with pytest.raises(
        DataError, match="population.csv has no population of West within a year before 2012Q2; add the missing year"
    ):
        build(people=people)


def test_a_population_that_begins_too_late_is_refused(build, population):
    with pytest.raises(DataError, match="no population of (East|West) within a year before 2010Q1"):
        build(people=population[population["date"] > date(2010, 1, 1)])


def test_an_area_without_population_is_named(build, population):
    with pytest.raises(DataError, match="population.csv has no population of West; it holds 1 units"):
        build(people=population[population["unit"] == "East"])


def test_two_populations_of_one_day_are_refused(build, population):
    people = pd.concat([population, population.iloc[[0]].assign(vintage="2016", population=3001)], ignore_index=True)
    with pytest.raises(DataError, match="population.csv has two populations of East on 2010-01-01; keep one"):
        build(people=people)


def test_conflicting_figures_side_by_side_are_refused_with_both(build, counts):
    with pytest.raises(DataError) as caught:
        build(beside(counts, "East", date(2010, 4, 1), value=23, source="newspaper"))
    message = str(caught.value)
    assert "22" in message and "23" in message and "counts.csv:3" in message and "counts.csv:82" in message
    assert "leave one out, with a reason" in message


def test_figures_that_agree_are_one_and_cite_both(build, counts):
    panel = build(beside(counts, "East", date(2010, 4, 1), source="newspaper"))
    assert panel.values["Town"].iloc[1] == 25
    assert "counts.csv:3" in panel.sources["Town"].iloc[1] and "counts.csv:82" in panel.sources["Town"].iloc[1]


def test_a_conflict_that_the_study_settles_is_settled_and_listed(build, counts, document):
    document["outcomes"][0]["excluded"] = [{"reason": "counted a street twice", "source": "newspaper"}]
    panel = build(beside(counts, "East", date(2010, 4, 1), value=23, source="newspaper"))
    assert panel.values["Town"].iloc[1] == 25
    (note,) = panel.dropped
    assert "23" in note and "counted a street twice" in note and "counts.csv:82" in note


def test_leaving_out_what_is_not_there_is_refused(build, document):
    document["outcomes"][0]["excluded"] = [{"reason": "counted a street twice", "source": "newspaper"}]
    with pytest.raises(StudyError, match="leaves out figures that are not there .*counted a street twice"):
        build()


def test_two_definitions_are_not_chained_unasked(build, counts):
    with pytest.raises(
        DataError, match="counted under 2 definitions.*shootings.*other|counted under 2 definitions.*other.*shootings"
    ):
        build(changed(counts, "East", date(2014, 1, 1), definition="other"))


def test_a_declared_definition_leaves_the_other_as_a_gap(build, counts, document):
    document["outcomes"][0]["definitions"] = ["shootings"]
    panel = build(changed(counts, "East", date(2014, 1, 1), definition="other"))
    assert [str(period) for period in panel.gaps("Town")] == ["2014Q1"]


def test_a_definition_without_a_figure_is_named(build, document):
    document["outcomes"][0]["definitions"] = ["gunfire"]
    with pytest.raises(
        DataError, match="asks for the definition 'gunfire', of which counts.csv has no figure .* it has shootings"
    ):
        build()


@pytest.mark.parametrize("bound", ["period_start", "period_end"])
def test_a_figure_with_an_open_bound_is_listed_and_not_used(build, counts, bound):
    rows = pd.concat([counts, counts.iloc[[0]].assign(**{bound: None, "value": 99, "source": "newspaper"})], ignore_index=True)
    panel = build(rows)
    assert panel.values["Town"].iloc[0] == 19
    assert len(panel.dropped) == 1 and "99" in panel.dropped[0] and "open bound" in panel.dropped[0]


def test_a_missing_member_makes_a_gap_and_not_a_smaller_sum(build, counts):
    west = (counts["unit"] == "West") & (counts["period_start"] == date(2011, 7, 1))
    panel = build(counts[~west].reset_index(drop=True))
    assert [str(period) for period in panel.gaps("Town")] == ["2011Q3"] and np.isnan(panel.values.loc["2011Q3", "Town"])


def test_a_zero_that_was_published_is_a_zero(build, counts):
    panel = build(changed(changed(counts, "East", date(2011, 7, 1), value=0), "West", date(2011, 7, 1), value=0))
    assert panel.values.loc["2011Q3", "Town"] == 0 and panel.gaps("Town") == ()


def test_a_member_that_the_table_does_not_know_is_named(build, document):
    document["units"][0]["members"] = ["East", "Wset"]
    document["outcomes"][0].pop("population")
    with pytest.raises(DataError, match="Wset"):
        build()


def test_a_unit_outside_its_validity_has_gaps(build, document):
    document["units"][0]["valid"] = {"start": date(2010, 4, 1)}
    assert [str(period) for period in build().gaps("Town")] == ["2010Q1"]


def test_a_measure_that_the_table_does_not_hold_is_named(build, document):
    document["outcomes"][0]["measure"] = "gunfire"
    with pytest.raises(DataError, match="counts.csv has no measure 'gunfire'; it holds burglary, shootings"):
        build()


def test_a_vintage_that_the_table_does_not_hold_is_named(build, document):
    document["outcomes"][0]["vintage"] = "2016"
    with pytest.raises(DataError, match="vintage '?2016"):
        build()


def test_a_declared_vintage_settles_a_revision(build, counts, document):
    document["outcomes"][0]["vintage"] = "2015"
    assert build(beside(counts, "East", date(2010, 4, 1), value=23, vintage="2016")).values["Town"].iloc[1] == 25


def test_a_baseline_without_an_end_is_refused(build, document):
    del document["baseline"]["end"]
    with pytest.raises(
        StudyError, match="the baseline of town runs from 2010-01-01 to the end; give both its start and its end"
    ):
        build()


def test_only_the_days_of_the_baseline_are_used(build, document):
    document["baseline"]["end"] = date(2013, 12, 31)
    assert len(build().periods) == 16


@pytest.mark.parametrize(("unit", "other", "start"), [("East", "West", "2013Q1"), ("West", "East", "2012Q1")])
def test_each_treated_unit_has_its_panel_and_is_never_a_donor_of_the_other(build, two_sites, four_areas, unit, other, start):
    panel = build(four_areas, outcome="burglary", unit=unit)
    assert list(panel.values) == [unit, "North", "South"] and {name: str(onset) for name, onset in panel.onsets.items()} == {
        unit: start
    }
    assert panel.dropped == (f"no donors of {unit}, because they are treated in this study too: {other}",)


def test_a_panel_of_several_treated_units_is_asked_for_by_name(build, two_sites, four_areas):
    with pytest.raises(StudyError, match="the study town has 2 treated units .East, West.; name one of them as the unit"):
        build(four_areas, outcome="burglary")


def test_only_the_donors_that_are_asked_for_stand_beside_the_treated_unit(build, two_sites, four_areas):
    both = {"outcome": "burglary", "unit": "East"}
    alone, one = build(four_areas, beside=(), **both), build(four_areas, beside=("South",), **both)
    assert list(alone.values) == ["East"] and alone.dropped == ()
    assert list(one.values) == ["East", "South"] and list(one.sources) == ["East", "South"]
    with pytest.raises(StudyError, match="'West' is no donor of East for the outcome 'burglary'; its donors are North, South"):
        build(four_areas, beside=("West",), **both)


def test_what_is_said_of_a_donor_is_said_only_where_it_stands_in_the_panel(build, two_sites, four_areas):
    two_sites["outcomes"][0]["excluded"] = [{"reason": "counted a street twice", "source": "newspaper"}]
    rows = beside(four_areas, "North", date(2010, 4, 1), value=23, source="newspaper")
    assert any("counted a street twice" in note for note in build(rows, unit="East").dropped)
    assert build(rows, unit="East", beside=("South",)).dropped == (
        "no donors of East, because they are treated in this study too: West",
    )


def test_figures_are_left_out_for_one_unit_alone(build, two_sites, four_areas):
    days = {"start": date(2010, 4, 1), "end": date(2010, 6, 30)}
    two_sites["outcomes"][0]["excluded"] = [{"reason": "a flood", "unit": "North", "period": days}]
    panel = build(four_areas, unit="East")
    assert [str(period) for period in panel.gaps("North")] == ["2010Q2"] and panel.gaps("South") == panel.gaps("East") == ()
    assert "22 for North, 2010-04-01 to 2010-06-30" in panel.dropped[0] and "a flood" in panel.dropped[0]


@pytest.fixture
def by_months(counts):
    """The shootings of East with 3, 2, 0 and no months reported in the quarters of 2010, as nullable whole numbers."""
    months = pd.Series(3, counts.index, dtype="Int64")
    own = counts.index[(counts["unit"] == "East") & (counts["measure"] == "shootings")]
    months[own[:4]] = [3, 2, 0, None]
    return counts.assign(months_reported=months)


@pytest.mark.parametrize(
    ("incomplete", "gaps"),
    [(None, []), ("used", []), ("left out", ["2010Q2", "2010Q3"]), ("left out, 0 months used", ["2010Q2"])],
)
def test_incomplete_figures_are_left_out_as_far_as_the_outcome_asks(build, document, by_months, incomplete, gaps):
    document["outcomes"][0] |= {"incomplete": incomplete} if incomplete else {}
    panel = build(by_months)
    assert [str(period) for period in panel.gaps("Town")] == gaps
    notes = " | ".join(panel.dropped)
    assert notes.count("says that it covers") == len(gaps)
    assert ("2010-06-30 (counts.csv:3, yearbook) says that it covers 2 of 3 months" in notes) == bool(gaps)
    assert (
        "20 for East, 2010-07-01 to 2010-09-30 (counts.csv:4, yearbook) says 0 months and is used all the same" in notes
    ) == (incomplete == "left out, 0 months used")
    assert ("months_reported is blank for 1 figure that is used as complete (2010)" in notes) == bool(gaps)


def test_an_older_population_stands_in_where_there_is_no_figure(build, counts, population):
    people = population[~((population["unit"] == "West") & (population["date"] >= date(2012, 1, 1)))]
    late = (counts["unit"] == "West") & (counts["period_start"] >= date(2012, 4, 1))
    panel = build(counts[~late].reset_index(drop=True), people=people)
    assert len(panel.gaps("Town")) == 11 and (panel.exposure["Town"] == 1000).all()
    assert panel.dropped == (
        "population.csv has no population of Town for 11 periods from 2012Q2 to 2014Q4, nor has the unit a figure there; the "
        "nearest one stands in",
    )


def test_an_excluded_donor_is_not_in_the_panel(build, document):
    document["units"] = [
        {"name": "East", "role": "treated"},
        {"name": "West", "role": "donor", "excluded": "has the programme too"},
    ]
    assert list(build().values) == ["East"]
    del document["units"][1]["excluded"]
    assert build().donors == ["West"]


def test_a_neighbour_is_no_donor(build, document):
    document["units"] = [{"name": "East", "role": "treated"}, {"name": "West", "role": "neighbour"}]
    assert build().donors == []


def test_a_study_of_which_every_unit_is_misspelt_is_told_so(build, document):
    document["outcomes"][0].pop("population")
    document["units"][0]["members"] = ["Eastt", "Wset"]
    with pytest.raises(
        DataError, match=r"units \['Eastt', 'Wset'\] are in the study .* the table holds 2 units, among them East"
    ):
        build()
