"""The lists as data: their length, their answers, and that each automatic item has a function that answers it."""

import pytest

from gvi_eval.checklists.automatic import ANSWERS
from gvi_eval.checklists.items import checklists, item_of


def test_the_lists_have_the_items_that_were_asked_for():
    counts = {each.id: len(each.items) for each in checklists()}
    assert counts == {
        "epoc_its": 8,
        "robins_i": 7,
        "maryland": 1,
        "emmie": 5,
        "grade": 8,
        "its_reporting": 18,
        "sc_reporting": 16,
    }


def test_every_item_has_a_text_and_at_least_two_answers_and_an_id_of_its_own():
    items = [item for each in checklists() for item in each.items]
    assert len({item.id for item in items}) == len(items)
    assert all(item.text and len(set(item.options)) == len(item.options) >= 2 for item in items)


def test_automatic_items_and_the_functions_that_answer_them_are_the_same():
    named = {item.automatic for each in checklists() for item in each.items if item.automatic}
    assert named == set(ANSWERS)


def test_the_domains_of_robins_i_are_judged_by_people():
    (robins,) = [each for each in checklists() if each.id == "robins_i"]
    assert all(item.automatic is None for item in robins.items)


@pytest.mark.parametrize(("identity", "known"), [("EPOC-4", True), ("EPOC-9", False)])
def test_an_item_is_found_by_its_id(identity, known):
    assert (item_of(identity) is not None) is known
