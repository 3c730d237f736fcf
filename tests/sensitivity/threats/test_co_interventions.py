"""T4: which events count, the three ways to tell the programme apart, a planted event and none."""

from datetime import date

import numpy as np
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.co_interventions import CoInterventions, events_of
from gvi_eval.sensitivity.threats.planting import with_nulls
from gvi_eval.study import Intervention
from tests.support import cases, donor_cases
from tests.support.cases import day

LATER = date(2020, 1, 1)


def event(name="raid", start=LATER, end=None, role="co-intervention", unit=None):
    return Intervention(name, role, day(start), "made up", end=end, unit=unit)


def case(*events, factor=1.0, seed=1, mean=30.0):
    panel = cases.counts(seed, mean=mean, factor=factor).with_(interventions=(cases.programme(), *events))
    return cases.with_segmented(cases.case(panel, events=events))


def halved(first, last=96):
    """The mean is halved in these months, counted from the first."""
    factor = np.ones(96)
    factor[first:last] = 0.5
    return factor


def test_an_event_a_year_after_the_start_that_did_it_all_is_flagged():
    result = CoInterventions().look(case(event(), factor=halved(72)))
    assert result.state == FLAGGED and "the programme's own effect is not identified" in result.sentence
    assert set(result.evidence["factors"]) == {"with a step for each", "before raid"}
    # 12 of 36 months at 1 and the others at a half are 0.67; the months before the event alone are 1
    assert result.evidence["factors"]["before raid"] == pytest.approx(1 / 0.67, abs=0.15)
    assert result.evidence["factors"]["with a step for each"] == pytest.approx(1 / 0.67, abs=0.15)


def test_a_programme_that_did_it_all_is_told_apart():
    result = CoInterventions().look(case(event(), factor=halved(60)))
    assert result.state == NOT_FLAGGED and result.number < 1.25


def test_a_sure_effect_that_crosses_one_is_flagged_however_little_it_moves():
    # 0.95 is sure with 400 events a month, and 1.06 before the event is within the factor
    factor = halved(72)
    factor[60:72], factor[72:] = 1.06, 0.90
    found = CoInterventions().look(case(event(), factor=factor, mean=400.0))
    assert found.state == FLAGGED and found.number < 1.25


def test_the_days_of_an_event_with_an_end_are_left_out():
    found = CoInterventions().look(case(event(end=date(2020, 12, 31)), factor=halved(72, 84)))
    assert "without the days of raid" in found.evidence["factors"]


def test_an_event_at_the_start_itself_cannot_be_told_apart():
    result = CoInterventions().look(case(event(start=date(2019, 1, 1)), factor=halved(60)))
    assert result.state == FLAGGED and result.number is None
    assert "cannot be told apart from raid" in result.sentence


def test_two_figures_before_the_event_are_too_few():
    result = CoInterventions().look(case(event(start=date(2019, 3, 1)), factor=halved(60)))
    assert "2 figures lie between the start and raid; 3 are needed" in result.evidence["refused"]["before raid"]


def test_which_events_count():
    kept = event("kept"), event("just before", date(2018, 2, 1))
    others = (
        event("long before", date(2017, 12, 1)),
        event("after the figures", date(2022, 1, 1)),
        event("a shock", role="shock"),
        event("elsewhere", unit="Town"),
    )
    assert [each.name for each in events_of(case(*kept, *others))] == ["just before", "kept"]


def test_beside_donors_only_what_names_the_place_counts():
    beside = donor_cases.beside_donors()
    known = beside.study.with_(interventions=(*beside.study.interventions, event("everywhere", date(2017, 1, 1))))
    assert events_of(beside.with_(study=known)) == ()
    named = known.with_(interventions=(*known.interventions, event("here", date(2017, 1, 1), unit="Place")))
    assert [each.name for each in events_of(beside.with_(study=named))] == ["here"]


def test_without_a_timeline_it_could_not_have_flagged():
    result = CoInterventions().look(case())
    assert result.state == COULD_NOT and "a timeline of what else began there would be needed" in result.sentence


def test_planted_and_clean():
    threat, ready = CoInterventions(), with_nulls(case(event()))
    planted = [look(threat, threat.planted(ready.with_(), seed)).state for seed in range(10)]
    clean = [look(threat, threat.clean(ready.with_(), seed)).state for seed in range(10)]
    assert planted.count(FLAGGED) >= 9 and clean.count(FLAGGED) <= 2
