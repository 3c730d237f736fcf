"""The plan file: what its document says is read, not typed, and nothing that the document names is dropped in silence."""

from datetime import date

import pytest
from monitored import EVENTS, NAMED, PLAN, UNSAFE, embedded, event, named, write_plan

from gvi_eval.errors import StudyError
from gvi_eval.indicators import embedded_plans, find_plan, load_plan


@pytest.fixture
def changed(tmp_path):
    """The plan of the town with some parts exchanged."""
    return lambda tables=None, **parts: load_plan(write_plan(tmp_path, PLAN | parts, **(tables or {})))


def test_baseline_target_and_holder_are_those_of_the_document(changed):
    unsafe, shots, meetings = changed().indicators
    assert (unsafe.baseline, unsafe.baseline_period, unsafe.goal, unsafe.holder) == (8.0, "2017", "More safety", "the survey")
    assert (shots.baseline, shots.target, shots.deadline) == (None, "decrease to 10", "2019")
    assert meetings.role == "activity" and meetings.series is None


def test_only_a_target_with_a_number_has_one(changed):
    assert [each.target_number for each in changed().indicators] == [False, True, True]


def test_a_dose_stands_in_the_table_it_is_quoted_from(changed):
    calls, help_ = changed().dose
    (given,) = calls.records
    assert (given.value, given.end, given.figure) == (2, date(2017, 5, 1), "events.csv:2")
    assert help_.records == () and help_.missing == "not counted"


def quoting(quote: str, value: float) -> list[dict]:
    return [PLAN["dose"][0] | {"records": [{"table": "events.csv", "source": "yearbook", "quote": quote, "value": value}]}]


@pytest.mark.parametrize(
    ("quote", "value", "message"),
    [
        ("Third call-in", 3, "0 rows of events.csv from yearbook say 'Third call-in'"),
        ("Second call-in", 3, "3 does not stand in 'Second call-in'"),
        ("12 summoned", 2, "2 does not stand in '12 summoned'"),
    ],
)
def test_a_dose_that_is_not_published_is_refused(changed, quote, value, message):
    with pytest.raises(StudyError, match=message):
        changed(dose=quoting(quote, value))


def test_a_quote_that_two_rows_hold_is_refused(changed):
    with pytest.raises(StudyError, match="2 rows of events.csv"):
        changed({"events": (*EVENTS, event("Second call-in", None, date(2017, 6, 1)))})


def test_a_dose_without_figures_says_what_is_missing(changed):
    with pytest.raises(StudyError, match="'call-ins' has neither records nor 'missing'"):
        changed(dose=[{key: PLAN["dose"][0][key] for key in ("name", "label", "label_in")}])


def test_what_the_document_names_is_taken_up_or_left_out_with_a_reason(changed):
    more = {"names": (*NAMED, named("Burglaries"))}
    with pytest.raises(StudyError, match=r"leaves out what its document names: Burglaries \(East\)"):
        changed(more)
    out = [{"geography": "East", "indicator": "Burglaries", "reason": "no goal of this plan"}]
    assert changed(more, left_out=out).left_out == ("Burglaries: no goal of this plan",)
    with pytest.raises(StudyError, match="left_out names 'Burglaries' for 'East', which the document does not"):
        changed(left_out=out)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            {"row": {"geography": "West", "indicator": "Share feeling unsafe"}},
            "0 rows of The plan name 'Share feeling unsafe' for 'West'",
        ),
        ({"name": "shots"}, "declares 'shots' twice"),
        ({"kind": "feeling"}, "choose one of 'share'"),
        ({"directon": "down"}, "unknown key 'directon'"),
    ],
)
def test_a_plan_that_contradicts_itself_is_named(changed, part, message):
    with pytest.raises(StudyError, match=message):
        changed(indicators=[UNSAFE | part, *PLAN["indicators"][1:]])


def test_a_table_that_is_not_there_is_named(changed):
    with pytest.raises(StudyError, match=r"'gone.csv' is neither beside the plan nor in analyses/data"):
        changed(indicators_table="gone.csv")


def test_a_plan_that_is_not_there_lists_those_that_are():
    with pytest.raises(StudyError, match=r"there is no monitoring plan 'atlantis'; known are .*norrebro_2017_2019"):
        find_plan("atlantis")


@pytest.mark.parametrize("name", embedded_plans())
def test_embedded_plans_can_be_read_and_say_what_is_not_published(name):
    plan = embedded(name).plan
    assert plan.name == name and plan.dose
    for indicator in plan.indicators:
        assert indicator.series or indicator.missing, f"{indicator.name}: neither a series nor what is missing"
    for dose in plan.dose:
        assert dose.records or dose.missing
