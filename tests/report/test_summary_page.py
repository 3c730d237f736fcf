"""The first page of a report: a sentence for each way a question can end, every number looked up."""

import shutil
import tomllib

import pandas as pd
import pytest

from gvi_eval.report.document import Quote, Value
from gvi_eval.report.saved import Saved
from gvi_eval.report.story import Story
from gvi_eval.report.summary_page import answer, missing, planned, power, settle, threats
from gvi_eval.report.words import words_of
from gvi_eval.resources import CHECKOUT

STUDY, LACKING = "malmo", "copenhagen"
TABLES = ("manifest.json", "effects.csv", "power.csv", "settle.csv", "threats.csv")


@pytest.fixture
def folder(tmp_path):
    for name in TABLES:
        shutil.copy(CHECKOUT / "reports" / STUDY / name, tmp_path / name)
    return tmp_path


def story(folder, language="en", study=STUDY) -> Story:
    return Story(Saved(folder, CHECKOUT / "analyses" / study / "study.toml"), words_of(language))


def text(line) -> str:
    return "".join(part.text if isinstance(part, Quote) else part.raw if isinstance(part, Value) else part for part in line)


def releases(folder, *rows) -> None:
    pd.DataFrame(rows, columns=["release", "noise", "decisive", "request"]).to_csv(folder / "settle.csv", index=False)


def test_the_release_that_decides_most_often_under_moderate_noise_is_named_with_its_chance(folder):
    releases(
        folder,
        ("as published", "moderate", 0.99, ""),  # no request: it is what there is
        ("by month", "moderate", 0.10, "Ask A."),
        ("longer", "moderate", 0.30, "Ask B."),
        ("other", "Poisson", 0.95, "Ask C."),
    )
    said = text(settle(story(folder)))
    assert said.startswith("No release considered would settle it alone")
    assert "longer" in said and "0.3" in said and "Ask B." in said and "Ask A." not in said


@pytest.mark.parametrize(("chance", "settles"), [(0.80, True), (0.79, False)])
def test_a_release_settles_it_from_four_times_in_five(folder, chance, settles):
    releases(folder, ("by month", "moderate", chance, "Ask A."))
    assert text(settle(story(folder))).startswith("What would settle it") == settles


def test_without_a_release_that_was_simulated_nothing_is_said_to_settle_it(folder):
    (folder / "settle.csv").unlink()
    assert text(settle(story(folder))) == "What would settle it was not run."
    assert missing(story(folder)) == []
    releases(folder, ("refused", "moderate", None, "Ask A."))
    assert text(settle(story(folder))) == "What would settle it was not run."


def test_a_study_that_lacks_the_series_its_question_is_about_says_so_beside_the_releases(folder):
    for name in TABLES[:2]:
        shutil.copy(CHECKOUT / "reports" / LACKING / name, folder / name)
    declared = tomllib.loads((CHECKOUT / "analyses" / LACKING / "study.toml").read_text(encoding="utf-8"))
    said = [text(line) for line in missing(story(folder, study=LACKING))]
    assert len(said) == len(declared["missing_series"]) == 1
    assert "is not public" in said[0] and said[0].endswith(declared["missing_series"][0]["series"])


def test_the_three_states_of_threats_are_counted_apart_and_the_flagged_named(folder):
    rows = pd.read_csv(folder / "threats.csv")
    own = rows[rows["specification"] == story(folder).headline["specification"]]
    said = text(threats(story(folder)))
    for state, words in (
        ("flagged", "flagged,"),
        ("not flagged", "not flagged"),
        ("could not have flagged", "could not have flagged"),
    ):
        assert f"{own[own['state'] == state]['id'].nunique()} {words}" in said
    assert all(f"({name})" in said for name in own[own["state"] == "flagged"]["id"])
    assert "passed" not in said
    (folder / "threats.csv").unlink()
    assert text(threats(story(folder))) == "Threats to validity were not run."


def test_power_is_told_under_moderate_noise_and_from_the_headline_where_it_was_not_simulated(folder):
    row = pd.read_csv(folder / "power.csv").set_index("noise").loc["moderate"]
    assert f"{row['detectable']:.6f}"[:8] in text(power(story(folder)))
    (folder / "power.csv").unlink()
    assert "in four of five cases" in text(power(story(folder)))


@pytest.mark.parametrize("language", ["en", "da", "sv"])
def test_every_line_can_be_said_in_each_language(folder, language):
    told = story(folder, language)
    assert all(text(line) for line in (settle(told), threats(told), power(told), planned(told)))


@pytest.mark.parametrize(("study", "place"), [("us_cities", "Boston: "), ("malmo", ""), ("sweden_rollout", "")])
def test_the_answer_names_its_place_where_the_question_names_several(tmp_path, study, place):
    for file in (CHECKOUT / "reports" / study).glob("*.*"):
        shutil.copy(file, tmp_path)
    said = text(answer(story(tmp_path, study=study)))
    named = [unit.name for unit in story(tmp_path, study=study).study.treated_units if said.startswith(f"{unit.name}: ")]
    assert named == ([place.removesuffix(": ")] if place else [])
