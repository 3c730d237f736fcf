"""A study with donors from file to tables: what is published beside the effect, whether it was admitted or not."""

import re
from datetime import date
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from gvi_eval.comparisons import (
    comparison_sentences,
    comparisons_table,
    gaps_name,
    gaps_table,
    leave_out_table,
    placebo_dates_table,
    placebos_name,
    placebos_of,
    placebos_table,
    shown_comparisons,
)
from gvi_eval.errors import StudyError
from gvi_eval.publish import publish
from gvi_eval.run import run_study
from gvi_eval.summary import headline, summary

QUARTERS = pd.period_range("2010Q1", "2014Q4", freq="Q")
DONORS = [f"Place {j:02}" for j in range(20)]


def rows(town, mean=20) -> pd.DataFrame:
    """Counts of a town and of twenty places about a mean."""
    random = np.random.default_rng(1)
    counts = {"East": town, **{name: random.poisson(mean, len(QUARTERS)) for name in DONORS}}
    return pd.DataFrame(
        [
            {
                "unit": unit,
                "unit_type": "district",
                "period_start": quarter.start_time.date(),
                "period_end": quarter.end_time.date(),
                "measure": "shootings",
                "value": int(value),
                "definition": "shootings",
                "counting_scope": "all_unlawful",
                "counter": "police",
                "months_reported": None,
                "vintage": "2015",
                "source": "yearbook",
                "note": None,
            }
            for unit, own in counts.items()
            for quarter, value in zip(QUARTERS, own, strict=True)
        ]
    )


def with_donors(document) -> dict:
    document["outcomes"] = [
        {
            "name": "shots",
            "label": "shootings",
            "role": "primary",
            "table": "counts.csv",
            "measure": "shootings",
            "reason": "it",
        }
    ]
    document["units"] = [{"name": "East", "role": "treated"}, *({"name": name, "role": "donor"} for name in DONORS)]
    document["specifications"] = [
        {"name": "likeness", "estimator": "synthetic", "outcome": "shots", "settings": {"intercept": True}, "headline": True},
        {"name": "classic", "estimator": "synthetic", "outcome": "shots"},
        {"name": "common change", "estimator": "did", "outcome": "shots", "inference": {"statistic": "rmspe ratio"}},
    ]
    document["interventions"] = document["interventions"][:1]
    return document


FALLEN = [18, 22, 20, 20] * 3 + [9, 11, 10, 10] * 2


@pytest.fixture(scope="module")
def result(new_document, write_study, tmp_path_factory):
    return run_study(write_study(tmp_path_factory.mktemp("donors"), with_donors(new_document()), rows(FALLEN)))


def test_one_row_an_analysis_with_effect_placebos_and_fit(result):
    table = comparisons_table(result)
    assert table["specification"].tolist() == ["likeness", "classic", "common change"]
    row = table.iloc[0]
    assert row["unit"] == "East" and row["point"] == pytest.approx(0.5, abs=0.1)
    assert row["lower"] < row["point"] < row["upper"] < 1 and row["level"] == 0.95
    assert row["p_scaled"] == row["floor"] == pytest.approx(1 / 21) and row["rank_scaled"] == 1 and row["donors"] == 20
    assert row["left_out_lowest"] <= row["point"] <= row["left_out_highest"]
    assert row["placebo_date_lowest"] <= row["placebo_date_highest"]
    assert "excludes" in row["excludes"] and "Place" in row["heaviest"]
    assert result.analyses[2].fit.tests[0].kind == "placebo, RMSPE ratio"


def test_what_is_left_out_and_where_nothing_happened_are_rows(result):
    left, dates = leave_out_table(result), placebo_dates_table(result)
    assert list(left) == ["specification", "onset", "left_out", "point", "refusal"]
    assert set(left["specification"]) == set(dates["specification"]) == {"likeness", "classic", "common change"}
    assert left["left_out"].str.contains(" and ").any()
    assert dates["point"].between(0.4, 1.8).all() and dates["placebo_onset"].max() < "2013Q1"


def test_the_placebos_of_an_analysis_are_a_table_with_weights(result):
    table = placebos_table(result.analyses[0])
    assert table["unit"].iloc[0] == "East" and len(table) == 21
    assert table["weight"].sum() == pytest.approx(1) and table["weight"].iloc[0] == 0
    assert placebos_name(result.analyses[0]).startswith("placebos/")


def test_the_gaps_of_every_unit_are_those_that_the_placebos_are_ranked_by(result):
    for analysis in result.analyses:
        gaps, placebos = gaps_table(analysis), placebos_table(analysis).set_index("unit")
        assert gaps["unit"].unique().tolist() == placebos.index.tolist() and gaps["unit"].iloc[0] == "East"
        assert gaps["treated"].sum() == len(QUARTERS) and gaps["period"].iloc[:20].tolist() == QUARTERS.astype(str).tolist()
        assert gaps.groupby("unit")["before"].sum().eq(12).all()
        after = gaps[~gaps["before"]].groupby("unit", sort=False)[["observed", "expected"]].sum()
        assert after["observed"].tolist() == placebos["observed"].tolist()
        assert after["expected"].to_numpy() == pytest.approx(placebos["expected"].to_numpy())
        gap = (gaps["observed"] - gaps["expected"]) / gaps["person_years"]
        missed = (gap**2).where(gaps["before"]).groupby(gaps["unit"], sort=False).mean() ** 0.5
        assert missed.to_numpy() == pytest.approx(placebos["rmspe_before"].to_numpy())


def test_one_comparison_of_a_unit_and_outcome_is_shown_the_first_that_is_admitted(result):
    (shown,) = shown_comparisons(result)
    assert shown is result.analyses[0] and gaps_name(shown) == "gaps/likeness-2013q1.csv"


def test_where_no_comparison_is_admitted_no_gap_is_shown(document, write_study, tmp_path):
    document = with_donors(document)
    document["specifications"] = [document["specifications"][1] | {"headline": True}]
    far = run_study(write_study(tmp_path, document, rows([5 * each for each in FALLEN])))
    assert far.analyses[0].fit.refusal and shown_comparisons(far) == []


def test_everything_is_published_and_shown(result, tmp_path, plain_figures):
    publish(result, tmp_path / "out")
    names = {str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.csv")}
    assert {"comparisons.csv", "leave_out.csv", "placebo_dates.csv"} <= names
    assert sum(name.startswith("placebos/") for name in names) == 3
    assert [name for name in names if name.startswith("gaps/")] == ["gaps/likeness-2013q1.csv"]
    console = Console(width=220, record=True, file=StringIO(), color_system=None)
    console.print(summary(result, tmp_path))
    text = console.export_text()
    assert "beside donors" in text and re.search(r"likeness\s+2013Q1\s+0\.\d{3}", text)
    assert "95% placebo" in text and "rank 1 of 21 among its placebos: p 0.048, which cannot fall below 0.048 here" in text


def test_the_sentence_counts_what_is_admitted(result):
    (sentence,) = comparison_sentences(result)
    assert re.match(
        r"East, shootings: \d of 3 comparisons with donors are admitted, with ratios from 0\.\d\d to 0\.\d\d; ", sentence
    )
    assert "such designs find ratios below" in sentence


def test_a_refusal_is_a_row_that_keeps_what_was_found(document, write_study, tmp_path):
    far = run_study(write_study(tmp_path, with_donors(document), rows([5 * each for each in FALLEN])))
    row = comparisons_table(far).set_index("specification").loc["classic"]
    assert pd.isna(row["point"]) and "lies outside its donors" in row["refusal"]
    assert row["ratio_unadmitted"] > 1 and row["rmspe_share"] > 0.2 and row["donors"] == 20


def test_a_window_without_figures_is_refused_and_still_published(document, write_study, tmp_path, plain_figures):
    document["estimands"] = [
        {"name": "later", "contrast": "ratio", "window": {"start": date(2014, 12, 1), "end": date(2014, 12, 31)}}
    ]
    empty = run_study(write_study(tmp_path / "study", with_donors(document), rows(FALLEN)))
    assert all("holds no whole period" in analysis.fit.refusal for analysis in empty.analyses)
    assert placebos_of(empty.analyses[0]) is None
    publish(empty, tmp_path / "out")
    assert not (tmp_path / "out" / "placebos").exists()
    assert (tmp_path / "out" / "comparisons.csv").exists()
    assert comparison_sentences(empty) == [
        "East, shootings: 0 of 3 comparisons with donors are admitted, so there is no estimate"
    ]


def test_few_donors_are_shown_with_the_level_that_they_give(document, write_study, tmp_path):
    document = with_donors(document)
    document["units"] = document["units"][:10]
    few = run_study(write_study(tmp_path, document, rows(FALLEN)))
    assert any("90% placebo" in sentence for sentence in headline(few))


def test_ranks_of_placebos_belong_to_methods_with_donors(document, write_study, tmp_path):
    document["specifications"][2]["inference"] = {"statistic": "log ratio"}
    with pytest.raises(StudyError, match="exact_ratio compares with no donors, so it has no placebos to rank"):
        run_study(write_study(tmp_path, document))


def test_a_study_without_donors_has_no_such_table(document, write_study, tmp_path):
    plain = run_study(write_study(tmp_path, document))
    assert comparisons_table(plain).empty and comparison_sentences(plain) == []
    assert list(leave_out_table(plain)) == ["specification", "onset", "left_out", "point", "refusal"]
