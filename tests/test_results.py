"""The tables in which a study is published: one row per analysis and estimand, refusals included, and every cell traced."""

from datetime import date
from hashlib import sha256
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.results import agreement_table, effects_table, panel_id, panel_table, slug, threats_table
from gvi_eval.run import run_study
from gvi_eval.windows import CountWindow


@pytest.fixture(scope="module")
def result(write_study, tmp_path_factory):
    return run_study(write_study(tmp_path_factory.mktemp("town")))


@pytest.fixture(scope="module")
def effects(result):
    return effects_table(result)


def test_there_is_a_row_for_every_analysis_and_estimand(result, effects):
    assert len(effects) == 5 * 2 and effects["id"].is_unique
    assert effects["id"].iloc[0] == "town/level + trend/2013Q1/ratio"
    assert list(effects["specification"].unique()) == [specification.name for specification in result.study.specifications]
    assert effects["headline"].sum() == 2


def test_a_row_has_a_point_or_a_reason(effects):
    assert (effects["point"].notna() ^ effects["refusal"].notna()).all()
    assert effects.loc[effects["refusal"].notna(), ["lower", "upper", "p"]].isna().all(axis=None)
    assert effects["refusal"].notna().sum() == 1  # the exact ratio has no events prevented


def test_the_limits_of_a_row_hold_its_point_and_say_their_kind(effects):
    known = effects[effects["point"].notna()]
    assert (known["lower"] < known["point"]).all() and (known["point"] < known["upper"]).all()
    assert set(known["kind"]) == {"wald", "prediction", "exact"} and set(known["level"]) == {0.95}


def test_the_outcome_of_a_row_is_called_a_proxy_where_it_is_one(effects):
    shots = ~effects["specification"].str.startswith("burglary")
    assert effects.loc[shots, "outcome"].str.contains(r"\(proxy for shootings\)").all()
    assert not effects.loc[~shots, "outcome"].str.contains("proxy").any()


def test_the_window_runs_from_the_start_to_the_last_quarter(effects):
    assert set(effects["window_start"].astype(str)) == {"2013Q1"} and set(effects["window_end"].astype(str)) == {"2014Q4"}


def test_a_threat_names_the_two_analyses_that_it_compares(result):
    rows = threats_table(result)
    assert set(rows["id"]) == {"T17"} and set(rows["onset"]) == {"2013Q1"}
    pairs = dict(zip(rows["specification"], rows["control"], strict=True))
    assert pairs == {"level": "burglary, level", "level + trend": "burglary, level + trend"}
    assert rows.set_index("specification").loc["level", "state"] == "not flagged"


def test_a_panel_is_saved_cell_by_cell_with_the_rows_it_was_added_from(result):
    table = panel_table(result.headline.panel)
    assert len(table) == 20
    assert table.loc[0, ["unit", "period", "value", "person_years", "figures"]].tolist() == [
        "Town",
        "2010Q1",
        19.0,
        1000.0,
        "counts.csv:2; counts.csv:22",
    ]


def test_a_gap_is_an_empty_cell_without_a_source(result):
    panel = result.headline.panel
    values = panel.values.copy()
    values.loc["2011Q3"] = np.nan
    row = panel_table(panel.with_(values=values)).iloc[6]
    assert row["period"] == "2011Q3" and np.isnan(row["value"]) and row["figures"] == ""


def test_a_span_is_a_row_of_its_own(make_panel):
    span = CountWindow("Town", ((date(2010, 1, 1), date(2010, 3, 31)),), 9, ("a.csv:2", "b.csv:7"))
    table = panel_table(make_panel({"Town": [np.nan] * 3 + [4] * 3}, onset=3, windows=(span,)))
    row = table.iloc[-1]
    assert (row["period"], row["value"], row["figures"]) == ("2010-01-01..2010-03-31", 9.0, "a.csv:2; b.csv:7")


def test_the_name_of_a_panel_follows_its_content(make_panel):
    panel = make_panel({"Town": range(12)}, onset=6)
    others = [
        panel.with_(values=panel.values + 1),
        panel.with_(exposure=panel.exposure * 2),
        panel.until(date(2010, 11, 30)),
    ]
    assert panel_id(panel) == panel_id(panel.with_(onsets=MappingProxyType(dict(panel.onsets))))
    assert len({panel_id(panel), *map(panel_id, others)}) == 4
    assert panel_id(panel) == panel_id(
        panel.starting("2010-08")
    )  # the figures are the same; the start stands beside the effect


def test_the_name_of_a_panel_is_the_hash_of_its_table_however_often_it_is_asked_for(make_panel):
    panel = make_panel({"Town": [3, np.nan, 4, 5], "Other": [1, 2, 3, 4]}, onset=2)
    cited = panel.with_(sources=pd.DataFrame("a.csv:2", index=panel.periods, columns=panel.values.columns))
    for each in (panel, cited, panel):
        text = panel_table(each).to_csv(index=False, float_format="%.17g")
        assert panel_id(each) == sha256(text.encode()).hexdigest()[:12]
    assert panel_id(panel) != panel_id(cited)


@pytest.mark.parametrize(
    ("name", "file"),
    [("level + trend", "level-plus-trend"), ("Malmö, 2018Q4", "malmo-2018q4"), ("ratio, 95 %", "ratio-95")],
)
def test_a_name_becomes_a_file_name(name, file):
    assert slug(name) == file


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_a_file_name_is_plain_and_stays_what_it_is(name):
    assert set(slug(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and slug(slug(name)) == slug(name)


def test_the_table_survives_an_estimand_whose_window_lies_outside_the_figures(document, write_study, tmp_path):
    document["estimands"].append({"name": "later", "contrast": "ratio", "window": {"start": date(2020, 1, 1)}})
    rows = effects_table(run_study(write_study(tmp_path, document)))
    later = rows[rows["estimand"] == "later"]
    assert len(later) == 5 and later["refusal"].notna().all() and later["point"].isna().all()
    assert pd.notna(later["window_start"]).all()


def test_estimators_stand_beside_the_default_for_the_same_question(document, write_study, tmp_path):
    document["specifications"] += [
        {"name": "default", "estimator": "latent_counts", "outcome": "shots", "settings": {"season": "none"}},
        {
            "name": "late",
            "estimator": "latent_counts",
            "outcome": "shots",
            "start": date(2013, 7, 1),
            "settings": {"season": "none"},
        },
    ]
    table = agreement_table(run_study(write_study(tmp_path / "town", document)))
    assert set(table["outcome"]) == {"reported shots (proxy for shootings)"}
    both = table[table["mean"] == "level + trend"]
    assert both["specification"].tolist() == ["default", "level + trend"] and both["reference"].tolist() == [True, False]
    level = table[table["mean"] == "level"].set_index("specification")
    # The default's twin without a trend, the segmented one and the exact ratio; the later start asks something else.
    assert set(level.index) == {"default, without trend", "level", "exact ratio"}
    assert level.loc["default, without trend", ["point_factor", "agrees"]].tolist() == [1.0, True]
    point = level["point"]
    assert level.loc["level", "point_factor"] == pytest.approx(point["level"] / point["default, without trend"])


def test_without_another_estimator_there_is_nothing_side_by_side(result):
    table = agreement_table(result)
    assert table.empty and "disagreements" in table.columns
