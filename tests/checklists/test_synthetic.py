"""Items on donors: their numbers where there are comparisons, and not applicable where there are none."""

from appraised import COMPARISON

from gvi_eval.checklists.automatic import automatic
from gvi_eval.checklists.items import checklists


def test_without_donors_nothing_of_synthetic_control_applies(saved):
    town = saved()
    for item in next(each for each in checklists() if each.id == "sc_reporting").items:
        if item.automatic and item.id != "SC-16":
            assert automatic(item, town).answer == "not applicable", item.id


def test_comparisons_are_reported_with_their_numbers(saved, answered):
    town = saved(comparisons=[COMPARISON, COMPARISON | {"estimator": "sdid", "rank_scaled": 5}])
    assert "3 to 5 over 2 comparisons" in answered(town, "SC-09").sentence
    assert answered(town, "SC-06").answer == "reported" and answered(town, "SC-14").answer == "reported"
    assert answered(town, "SC-10").answer == answered(town, "SC-11").answer == "not reported"
    assert answered(town, "SC-02").answer is None and answered(town, "SC-15").answer is None
    contaminated = COMPARISON | {"refusal": "the donor North is contaminated by 'a raid'"}
    assert answered(saved(comparisons=[contaminated]), "SC-02").answer == "reported"
    only = saved(comparisons=[COMPARISON | {"role": "negative control"}])
    assert answered(only, "SC-06").answer == "not applicable"
