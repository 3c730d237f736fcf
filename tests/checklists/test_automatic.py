"""Automatic answers: each can come out for and against, points to a row that exists, and never says yes for want of a figure."""

from datetime import date

import pandas as pd
import pytest
from appraised import COMPARISON, ID, NAMES, panel

from gvi_eval.checklists.automatic import automatic
from gvi_eval.checklists.items import checklists
from gvi_eval.checklists.saved import Saved
from gvi_eval.lock import lock_study

RESIDUALS = [{"ljung_box_p": 0.4, "dispersion": 1.1, "largest_residual": 2.1, "largest_at": "2011Q2"}]


def test_entry_needs_a_day_and_three_points_on_each_side(saved, document, answered):
    found = answered(saved(), "EPOC-0")
    assert found.answer == "yes" and "12 figures before it, 8 after it" in found.sentence
    assert answered(saved(figures=panel(before=2)), "EPOC-0").answer == "no"
    assert answered(saved(figures=panel(before=12, missing=10)), "EPOC-0").answer == "no"


def test_a_start_that_is_an_interval_is_no_clear_point(saved, document, answered):
    document["interventions"][0]["start"] = {"earliest": date(2013, 1, 1), "latest": date(2013, 9, 30)}
    assert answered(saved(), "EPOC-0").answer == "no"


def test_a_co_event_within_the_window_speaks_against(saved, document, answered):
    assert answered(saved(), "EPOC-1") is None  # none is declared, which proves nothing: asked
    event = {"name": "Operation", "role": "co-intervention", "start": date(2013, 6, 1), "source": "s"}
    document["interventions"].append(event)
    assert answered(saved(), "EPOC-1").answer == "high risk"
    event["start"] = date(2010, 6, 1)  # long before
    assert answered(saved(), "EPOC-1") is None


def test_a_plan_counts_as_fixed_beforehand_only_when_it_is_locked(saved, tmp_path, answered):
    town = saved()
    assert answered(town, "EPOC-2").answer == "unclear" and answered(town, "ITS-18").answer == "not reported"
    assert answered(town, "EPOC-6").answer == "unclear" and answered(town, "ITS-03").answer == "partly"
    lock_study(town.study_file, date(2026, 1, 1))
    town = Saved(town.folder, town.study_file)
    assert answered(town, "EPOC-2").answer == "low risk" and answered(town, "ITS-18").answer == "reported"
    assert answered(town, "EPOC-6").answer == "low risk" and answered(town, "ITS-03").answer == "reported"


def test_a_declared_analysis_that_is_not_reported_is_found(saved, document, answered):
    document["specifications"].append(
        document["specifications"][1] | {"name": "hidden", "estimator": "exact_ratio", "settings": {}, "outcome": "burglary"}
    )
    found = answered(saved(), "EPOC-6")
    assert found.answer == "high risk" and "hidden" in found.sentence


def test_gaps_are_a_fact_for_raters_and_a_full_grid_is_an_answer(saved, answered):
    assert answered(saved(), "EPOC-5").answer == "low risk"
    found = answered(saved(figures=panel(missing=3)), "EPOC-5")
    assert found.answer is None and "17 of 20 periods have a figure of their own" in found.sentence


@pytest.mark.parametrize(("p", "before", "answer"), [(0.4, 12, None), (0.01, 12, "high risk"), (0.4, 11, "high risk")])
def test_few_points_and_autocorrelation_that_is_left_speak_against(saved, p, before, answer, answered):
    rest = [RESIDUALS[0] | {"ljung_box_p": p}]
    parts = {"diagnostics__residual_summary": rest, "figures": panel(before=before, after=12)}
    assert answered(saved(headline={"window_end": "2015Q4"}, **parts), "EPOC-7").answer == answer
    assert answered(saved(headline={"window_end": "2014Q4"}, **parts), "EPOC-7").answer == "high risk"  # 8 after the start


def test_a_recording_change_is_judged_only_where_its_threat_is_flagged(saved, answered):
    rows = [{"id": "T2", "state": "flagged", "sentence": "the ratio breaks"}]
    assert answered(saved(threats=rows), "EPOC-3").answer == "high risk"
    found = answered(saved(threats=[rows[0] | {"state": "not flagged"}]), "EPOC-3")
    assert found.answer is None and "New form (2011-04-01)" in found.sentence


@pytest.mark.parametrize(
    ("headline", "level"),
    [({}, "2"), ({"estimator": "synthetic"}, "3"), ({"estimator": "synthetic", "refusal": "contaminated"}, "2")],
)
def test_the_maryland_scale_grades_the_headline_and_a_refused_control_earns_nothing(saved, headline, level, answered):
    found = answered(saved(headline=headline), "MARYLAND-1")
    assert found.answer == level and found.evidence[0].row == ID


@pytest.mark.parametrize(("state", "level"), [("flagged", "2"), ("not flagged", "3"), ("could not have flagged", "3")])
def test_a_contaminated_control_earns_nothing(saved, state, level, answered):
    rows = [{"id": "T11", "state": state, "sentence": "a donor with weight is contaminated"}]
    assert answered(saved(headline={"estimator": "synthetic"}, threats=rows), "MARYLAND-1").answer == level
    assert answered(saved(threats=rows), "MARYLAND-1").answer == "2"


@pytest.mark.parametrize(
    ("lower", "upper", "answer"),
    [
        (0.4, 0.6, "no concern"),
        (0.4, 1.05, "serious"),
        (0.4, 2.0, "very serious"),
        (0.95, 1.05, "no concern"),
        (None, None, "cannot be judged"),
    ],
)
def test_imprecision_by_the_smallest_change_that_matters(saved, lower, upper, answer, answered):
    assert answered(saved(headline={"lower": lower, "upper": upper}), "GRADE-5").answer == answer


def test_a_proxy_is_indirect_and_without_one_raters_judge(saved, document, answered):
    assert answered(saved(), "GRADE-4").answer == "serious"
    document["outcomes"][0].pop("proxy_for")
    assert answered(saved(), "GRADE-4") is None


def test_a_headline_without_an_interval_does_not_cover_the_effect(saved, answered):
    assert answered(saved(), "EMMIE-E1").answer == "covered"
    assert answered(saved(headline={"lower": None, "upper": None}), "EMMIE-E1").answer == "partly"


def test_every_link_leads_to_a_row_that_is_there(saved):
    rows = [{"id": "T10", "state": "not flagged", "sentence": "no displacement"}]
    town = saved(
        comparisons=[COMPARISON],
        diagnostics__residual_summary=RESIDUALS,
        threats=rows,
        power=[{"noise": "Poisson", "detectable": 0.6}],
    )
    checked = 0
    for item in (item for each in checklists() for item in each.items):
        found = automatic(item, town)
        for link in found.evidence if found else ():
            if link.row.startswith("line "):
                assert int(link.row.removeprefix("line ")) - 2 < len(pd.read_csv(town.folder / link.file)), (item.id, link)
                checked += 1
            elif link.row == ID or link.row.startswith("town/"):
                assert link.row in set(pd.read_csv(town.folder / link.file)["id"]), (item.id, link)
                checked += 1
    assert checked > 15


def test_the_names_of_the_fixture_are_those_of_the_study(document):
    assert [each["name"] for each in document["specifications"]] == list(NAMES)


def test_a_threat_is_a_fact_beside_an_asked_item_and_never_its_answer(saved, answered):
    rows = [{"id": "T1", "state": "not flagged", "sentence": "the place was not picked at its peak"}]
    found = answered(saved(threats=rows), "ROBINS-2")
    assert found.answer is None and found.sentence == "T1 not flagged: the place was not picked at its peak"
    assert (found.evidence[0].file, found.evidence[0].row) == ("threats.csv", "line 2")
    assert answered(saved(threats=rows), "ROBINS-1") is None


def test_every_fact_is_a_threat_that_exists():
    facts = {fact for each in checklists() for item in each.items for fact in item.facts}
    assert facts <= {f"T{number}" for number in range(1, 24)} and "T1" in facts
