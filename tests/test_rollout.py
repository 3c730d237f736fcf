"""All treated places at once: what a study asks for with unit = 'all', and that generated figures say so wherever they stand."""

import json
import runpy
import shutil
from pathlib import Path

import pandas as pd
import pytest

from gvi_eval.errors import StudyError
from gvi_eval.plan import find_study, prepare
from gvi_eval.resources import CHECKOUT
from gvi_eval.run import run_study
from gvi_eval.sensitivity.threats.battery import THREATS
from gvi_eval.study import EVERY, load_study

HERE = CHECKOUT / "analyses" / "sweden_rollout"


@pytest.fixture
def copied(tmp_path) -> Path:
    """The study with one analysis of all places, so that it runs in seconds."""
    shutil.copytree(HERE, tmp_path / "rollout", ignore=shutil.ignore_patterns("plan.lock.json", "__pycache__"))
    file = tmp_path / "rollout" / "study.toml"
    text = file.read_text(encoding="utf-8")
    first = text.index('[[specifications]]\nname = "stacked')
    file.write_text(text[:first], encoding="utf-8")
    return file


def test_every_treated_place_stands_in_the_panel_with_its_own_start():
    planned = prepare(find_study("sweden_rollout")).analyses[0]
    assert planned.specification.unit == EVERY and len(planned.panel.treated) == 5
    starts = {unit: str(onset) for unit, onset in planned.panel.onsets.items()}
    assert starts["Malmö"] == "2018-10" and starts["Göteborg"] == "2023-05" and starts["Örebro"] == "2022-09"
    assert len(planned.panel.donors) == 21 and not set(planned.panel.donors) & set(planned.panel.treated)


def test_a_method_for_one_place_is_refused_all_of_them(copied):
    text = copied.read_text(encoding="utf-8").replace('estimator = "staggered"', 'estimator = "did"')
    copied.write_text(text, encoding="utf-8")
    with pytest.raises(
        StudyError, match="'imputation of counts': did takes one treated unit; name one of Malmö.*or use staggered"
    ):
        prepare(copied)


def test_one_row_for_each_place_and_one_for_all_and_each_says_that_it_is_made_up(copied, monkeypatch):
    monkeypatch.setattr("gvi_eval.inference.resampling.FEW_DRAWS", 9)
    result = run_study(copied)
    fits = {analysis.fit.unit: analysis for analysis in result.analyses}
    assert list(fits) == ["Malmö", "Örebro", "Järfälla and Upplands-Bro", "Göteborg", "Huddinge", EVERY]
    together = fits[EVERY].fit
    observed = sum(fits[unit].fit.counterfactual.observed[fits[unit].fit.onset :].sum() for unit in list(fits)[:-1])
    expected = sum(fits[unit].fit.counterfactual.expected[fits[unit].fit.onset :].sum() for unit in list(fits)[:-1])
    assert together.point == pytest.approx(observed / expected)
    assert together.intervals[0].kind == "jackknife" and together.tests[0].kind == "permuted starts"
    assert together.tests[0].floor == pytest.approx(0.1)
    assert not any(fits[unit].fit.intervals for unit in list(fits)[:-1])
    for analysis in result.analyses:
        for effect in analysis.effects:
            assert effect.notes[0].startswith("GENERATED FIGURES")
    assert result.study.title.endswith("[generated figures]")
    assert result.headline.fit.unit == EVERY and fits[EVERY].onset == "2018-10 to 2023-09"
    assert [threat.id for threat in result.threats] == [threat.id for threat in THREATS]
    assert {threat.state for threat in result.threats} == {"could not have flagged"}
    assert {threat.evidence["specification"] for threat in result.threats} == {result.headline.specification.name}


def test_the_generated_table_is_that_of_its_program_and_says_what_it_is(tmp_path, monkeypatch):
    module = runpy.run_path(str(HERE / "generate.py"))
    (tmp_path / "data").mkdir()
    monkeypatch.setitem(module["_write"].__globals__, "HERE", tmp_path)
    module["main"]()
    for file in (HERE / "data").iterdir():
        assert (tmp_path / "data" / file.name).read_bytes() == file.read_bytes()
    table = pd.read_csv(HERE / "data" / "shootings_monthly.csv")
    assert set(table["counter"]) == {"generated"} and set(table["source"]) == {"generated-sweden-rollout"}


def test_the_report_says_it_too():
    folder = CHECKOUT / "reports" / "sweden_rollout"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["title"].endswith("[generated figures]") and manifest["planned"].startswith("locked on ")
    effects = pd.read_csv(folder / "effects.csv")
    assert effects["notes"].str.startswith("GENERATED FIGURES").all()
    for about in folder.glob("figures/*/about.json"):
        assert "[generated figures]" in json.loads(about.read_text(encoding="utf-8"))["title"]


def test_a_study_that_is_not_generated_says_nothing_of_it():
    study = load_study(find_study("malmo"))
    assert study.generated is None and "generated" not in study.title
