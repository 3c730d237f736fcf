"""What is published of an outcome without an estimate: planted figures, by hand."""

from datetime import date

import pandas as pd
import pytest

from gvi_eval.errors import DataError
from gvi_eval.missing_series import missing_page, missing_series
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import MissingSeries, load_study

COLUMNS = "unit,period_start,period_end,measure,value,definition,counting_scope,counter,vintage,source,note".split(",")
DECLARED = MissingSeries(
    name="shots",
    title="Shots in Town",
    why="It is the outcome.",
    tables=("shots.csv",),
    measures=("shots",),
    areas=("Town",),
    series="shots a month",
    holder="the police",
    instead="reports",
)


def table(*rows: tuple[str, str, str, int, str]) -> dict[str, pd.DataFrame]:
    filled = [
        (unit, pd.Timestamp(first), pd.Timestamp(last), "shots", str(count), definition, "all", "police", "", "s", "")
        for unit, first, last, count, definition in rows
    ]
    return {"shots.csv": pd.DataFrame(filled, columns=COLUMNS, index=range(2, 2 + len(filled)))}


@pytest.fixture
def study(document, write_study, tmp_path):
    return load_study(write_study(tmp_path, document))  # 2010 to 2014, start on 1 January 2013


def test_the_share_of_the_days_the_definitions_and_the_overlaps_are_counted(study):
    rows = (
        ("Town", "2010-01-01", "2010-12-31", 9, "narrow"),
        ("Town", "2010-07-01", "2010-12-31", 4, "wide"),
        ("Land", "2013-01-01", "2013-12-31", 80, "narrow"),
    )
    found = missing_series(study, DECLARED, table(*rows))
    assert len(found.figures) == 3
    first, second, third, fourth = found.reasons
    # 365 of the 1,097 days from 1 January 2010 to the start, both included
    assert "cover 33% of the days from 2010-01-01" in first and "0% of the days after it" in first and "2010-12-31" in first
    assert "2 definitions (narrow, wide)" in second
    assert third.startswith("2 of them overlap")
    assert "The other 1 figures are of Land (1)" in fourth


def test_no_figure_of_the_place_is_said(study):
    found = missing_series(study, DECLARED, table(("Land", "2010-01-01", "2010-12-31", 9, "narrow")))
    assert found.reasons == ("No figure of Town is published at all.",)


def test_figures_that_could_carry_an_estimate_are_not_called_missing(study):
    with pytest.raises(DataError, match="100% of the days before the start and 100% after it.*make the outcome one"):
        missing_series(study, DECLARED, table(("Town", "2010-01-01", "2014-12-31", 99, "narrow")))


def test_a_table_without_the_measure_is_named(study):
    other = {"shots.csv": table(("Town", "2010-01-01", "2010-12-31", 9, "narrow"))["shots.csv"].assign(measure="stabbings")}
    with pytest.raises(DataError, match="shots.csv has no figure of shots"):
        missing_series(study, DECLARED, other)


def test_the_page_of_copenhagen_has_every_figure_and_no_estimate():
    folder = CHECKOUT / "analyses" / "copenhagen"
    study = load_study(folder / "study.toml")
    (declared,) = study.missing_series
    found = missing_series(study, declared, read_tables(study, folder))
    page = missing_page(study, found)
    assert page.startswith("# Shootings in Copenhagen Police District\n\n**No estimate is given.**")
    assert page.count("\n| Copenhagen |") == 8 and page.count("\n| Denmark |") >= 15 and "0% of the days after it" in page
    assert "Rigspolitiet" in page and "month" in page
    last = max(day for day in found.figures.loc[found.figures["unit"].isin(declared.areas), "period_end"])
    assert pd.Timestamp(last).date() < date(2022, 1, 1) == study.treatment.start.earliest
