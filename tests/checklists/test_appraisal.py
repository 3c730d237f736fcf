"""The appraisal of a study: automatic answers beside those of raters, nothing merged and nothing filled in."""

import json
from collections import Counter

import pytest
from appraised import COMPARISON, write_results
from monitored import toml

from gvi_eval.checklists.appraisal import appraise, asked_items
from gvi_eval.checklists.items import checklists
from gvi_eval.plan import awaited_tables, embedded_studies, find_study
from gvi_eval.resources import CHECKOUT
from gvi_eval.writing import json_bytes


@pytest.fixture
def town(write_study, tmp_path):
    """The results folder and the study file; raters by name with their answers."""

    def make(comparisons=(), **raters):
        file = write_study(tmp_path / "town")
        for name, answers in raters.items():
            (file.parent / "appraisal").mkdir(exist_ok=True)
            given = {item: {"answer": answer} for item, answer in answers.items()}
            (file.parent / "appraisal" / f"{name}.toml").write_text(f"rater = {toml(name)}\nanswers = {toml(given)}\n")
        tables = {"comparisons": comparisons} if comparisons else {}
        return write_results(tmp_path / "results", **tables), file

    return make


def items_of(document) -> dict[str, dict]:
    return {item["id"]: item for each in document["checklists"] for item in each["items"]}


def test_without_raters_an_asked_item_is_not_yet_answered(town):
    document = appraise(*town())
    items = items_of(document)
    assert items["EPOC-4"]["state"] == "not yet answered" and items["EPOC-4"]["automatic"] is None
    assert document["raters"] == [] and document["agreement"] == []
    assert all(item["state"] == "not yet answered" for identity, item in items.items() if identity.startswith("ROBINS"))


def test_every_item_has_exactly_one_state_and_the_counts_add_up(town):
    for each in appraise(*town())["checklists"]:
        states = Counter(item["state"] for item in each["items"])
        assert each["counts"] == {"items": len(each["items"])} | {
            state: states[state] for state in ("automatic", "not applicable", "raters", "not yet answered")
        }
        assert sum(states.values()) == len(next(one.items for one in checklists() if one.id == each["id"]))


def test_two_raters_stand_side_by_side_and_are_not_merged(town):
    document = appraise(*town(ann={"ROBINS-1": "serious", "ROBINS-2": "low"}, bo={"ROBINS-1": "critical", "ROBINS-2": "low"}))
    item = items_of(document)["ROBINS-1"]
    assert {name: given["answer"] for name, given in item["raters"].items()} == {"ann": "serious", "bo": "critical"}
    assert item["state"] == "raters" and item["automatic"] is None
    (agreement,) = document["agreement"]
    assert (agreement["items"], agreement["same"], agreement["differ"]) == (2, 1, ["ROBINS-1"])
    assert items_of(document)["ROBINS-3"]["raters"]["ann"]["answer"] == "not yet answered"


def test_a_rater_who_differs_from_an_automatic_answer_does_not_replace_it(town):
    item = items_of(appraise(*town(ann={"EPOC-0": "no"})))["EPOC-0"]
    assert (item["automatic"], item["state"], item["raters"]["ann"]["answer"]) == ("yes", "automatic", "no")


def test_a_list_that_does_not_apply_says_so_item_by_item(town):
    document = appraise(*town())
    (donors,) = [each for each in document["checklists"] if each["id"] == "sc_reporting"]
    assert donors["counts"]["not applicable"] == 16
    document = appraise(*town(comparisons=[COMPARISON]))
    (donors,) = [each for each in document["checklists"] if each["id"] == "sc_reporting"]
    assert donors["counts"]["not applicable"] == 0 and donors["counts"]["automatic"] > 0


def test_asked_are_the_items_without_an_automatic_answer(town):
    document = appraise(*town())
    asked = asked_items(document)
    assert "ROBINS-1" in asked and "EPOC-0" not in asked and "SC-01" not in asked


def test_the_same_folder_gives_the_same_bytes(town):
    place = town(ann={"ROBINS-1": "serious"})
    assert json_bytes(appraise(*place)) == json_bytes(appraise(*place))


@pytest.mark.parametrize("name", [name for name in embedded_studies() if not awaited_tables(find_study(name))])
def test_embedded_studies_can_be_appraised_and_no_rater_is_made_up(name):
    folder = CHECKOUT / "reports" / name
    document = json.loads(json_bytes(appraise(folder, find_study(name))))
    assert document["raters"] == []
    for identity, item in items_of(document).items():
        assert item["automatic"] is None or item["automatic"] in item["options"] or item["state"] == "not applicable", identity
        assert item["automatic"] is None or item["evidence"] or item["state"] == "not applicable", identity
