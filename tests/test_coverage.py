"""What the tables hold of a treated place: figures, gaps that are no zeros, names that are nearly those of the study."""

from datetime import date

import pandas as pd
import pytest

from gvi_eval.coverage import coverage_sentences
from gvi_eval.plan import read_tables
from gvi_eval.study import load_study


@pytest.fixture
def east(document) -> dict:
    """The study of East alone, in shots and burglary."""
    document["outcomes"][0].pop("population")
    document["units"] = [{"name": "East", "role": "treated"}]
    return document


@pytest.fixture
def sentences(east, write_study, tmp_path):
    """What is said of East from the rows given."""

    def said(rows: pd.DataFrame) -> list[str]:
        study = load_study(file := write_study(tmp_path / "sites", east, rows))
        return coverage_sentences(study, read_tables(study, file.parent))

    return said


def own(rows: pd.DataFrame, *starts: str) -> pd.Series:
    """The rows of burglary in East whose quarter starts on these days; all of them where none is given."""
    place = (rows["unit"] == "East") & (rows["measure"] == "burglary")
    return place & rows["period_start"].astype(str).isin(starts) if starts else place


def of_burglary(said: list[str]) -> str:
    [sentence] = [each for each in said if each.startswith("East, reported burglary: ")]
    return sentence.removeprefix("East, reported burglary: ")


def test_a_place_with_every_figure_has_no_gap(sentences, counts):
    assert of_burglary(sentences(counts)) == "20 of 20 quarters have a figure of their own; no quarter is without"
    assert len(sentences(counts)) == 2


def test_periods_without_a_figure_are_listed_as_gaps_and_neighbours_taken_together(sentences, counts):
    said = of_burglary(sentences(counts[~own(counts, "2010-04-01", "2010-07-01", "2011-01-01")]))
    gaps = "without any, which is a gap and not a zero: 2010Q2 to 2010Q3, 2011Q1"
    assert said == f"17 of 20 quarters have a figure of their own; {gaps}"


def test_a_figure_over_other_days_fills_its_periods(sentences, counts):
    both = own(counts, "2010-04-01", "2010-07-01")
    span = counts[both].iloc[[0]].assign(period_end=date(2010, 9, 30), value=103)
    said = of_burglary(sentences(pd.concat([counts[~both], span])))
    assert said == "18 of 20 quarters have a figure of their own, 1 figure covers other days; no quarter is without"


def test_many_gaps_are_counted_after_six(sentences, counts):
    starts = counts.loc[own(counts), "period_start"].astype(str).tolist()
    said = of_burglary(sentences(counts[~own(counts, *starts[1:16:2])]))
    assert said.startswith("12 of 20") and said.endswith(" and 2 more") and said.count("Q") == 6


@pytest.mark.parametrize(
    ("name", "meant"),
    [("east", True), ("Éast", True), ("E ast", True), ("Easte", False), ("Wast", False), ("West", False)],
)
def test_a_name_that_is_nearly_one_of_the_study_is_pointed_at(sentences, counts, name, meant):
    """Of four letters only case, accents and spaces may differ; other places of a table are nobody's mistake."""
    rows = counts.copy()
    rows.loc[own(rows, "2010-04-01"), "unit"] = name
    if name == "West":
        rows = rows.drop_duplicates(["unit", "measure", "period_start"])
    found = [each for each in sentences(rows) if "meant" in each]
    assert found == (
        [f"counts.csv holds 1 row of '{name}', which the study does not name; 'East' may be meant"] if meant else []
    )


def test_a_letter_left_out_of_a_longer_name_is_seen(east, sentences, counts):
    east["units"][0]["name"] = "Harbour"
    rows = counts.replace({"unit": {"East": "Harbour"}})
    rows.loc[(rows["unit"] == "Harbour") & (rows["period_start"] == date(2010, 4, 1)), "unit"] = "Harbor"
    assert "counts.csv holds 2 rows of 'Harbor', which the study does not name; 'Harbour' may be meant" in sentences(rows)
