"""T2 and T3: a break and a drift against another count are flagged, and without another count nothing could have been."""

from datetime import date

import numpy as np
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.recording import CaptureDrift, RecordingChange
from gvi_eval.study import Intervention
from tests.support import cases
from tests.support.planted import states

T2, T3 = RecordingChange(), CaptureDrift()
BROAD, SECOND = "alternative definition", "second source"


def changed(day):
    return Intervention("new form", "recording change", cases.day(day), "made up")


def beside(role, factor, mean=40, events=(), seeds=(1, 2)):
    own, other = cases.counts(seeds[0], mean=mean, factor=factor), cases.counts(seeds[1], mean=mean)
    return cases.case(own, {"other": (role, other)}, events=events)


def test_a_break_at_the_start_is_flagged_and_its_size_found():
    result = look(T2, beside(BROAD, np.repeat([1.0, 0.6], [60, 36])))
    assert result.state == FLAGGED
    assert result.number == pytest.approx(0.6, rel=0.2)
    assert result.evidence["at"] == "the start 2019-01"


def test_a_break_at_a_known_date_near_the_start_is_flagged_there():
    result = look(T2, beside(BROAD, np.repeat([1.0, 0.5], [54, 42]), events=(changed(date(2018, 7, 1)),)))
    assert result.state == FLAGGED
    assert result.evidence["at"] == "'new form', 2018-07"
    assert result.evidence["dates"] == 2


def test_a_change_years_away_is_not_near_the_start():
    assert look(T2, beside(BROAD, 1.0, events=(changed(date(2015, 1, 1)),))).evidence["dates"] == 1


def test_two_counts_that_fall_alike_do_not_break():
    fall = np.repeat([1.0, 0.5], [60, 36])
    both = cases.case(cases.counts(1, mean=40, factor=fall), {"other": (BROAD, cases.counts(2, mean=60, factor=fall))})
    assert look(T2, both).state == NOT_FLAGGED


def test_without_another_definition_a_known_date_says_what_hangs_on_it():
    fall = np.repeat([1.0, 0.5], [54, 42])
    result = look(T2, cases.case(cases.counts(1, mean=40, factor=fall), events=(changed(date(2018, 7, 1)),)))
    assert result.state == COULD_NOT
    assert result.number > 1.15  # the fall goes to the earlier date
    assert "'new form', 2018-07-01" in result.sentence


def test_without_anything_the_reason_is_said():
    result = look(T2, cases.case())
    assert result.state == COULD_NOT and result.number is None
    assert "no other definition" in result.sentence


def test_a_drift_is_flagged_and_its_slope_found():
    result = look(T3, beside(SECOND, 0.8 ** (np.arange(96) / 12)))
    assert result.state == FLAGGED
    assert result.number == pytest.approx(0.8, rel=0.05)
    assert "with no donors to hold it against" in result.sentence


def test_a_drift_that_donors_share_is_none():
    drift = 0.8 ** (np.arange(96) / 12)
    own, other = (
        panel.with_(
            values=panel.values.assign(Donor=cases.counts(seed, mean=40, factor=factor).values["Place"]),
            exposure=panel.exposure.assign(Donor=1.0),
        )
        for panel, seed, factor in ((cases.counts(1, mean=40, factor=drift), 5, drift), (cases.counts(2, mean=40), 6, 1.0))
    )
    result = look(T3, cases.case(own, {"other": (SECOND, other)}))
    assert result.state == NOT_FLAGGED
    assert "over that of 1 donors" in result.sentence


def test_the_same_figures_are_no_second_source():
    own = cases.counts(1)
    assert look(T3, cases.case(own, {"other": (SECOND, own)})).state == COULD_NOT
    assert look(T3, cases.case(own)).state == COULD_NOT


def test_on_the_reference_design_planted_is_flagged_more_often_than_clean():
    for threat in (T2, T3):
        found = states(threat, 12)
        assert found["planted"].count(FLAGGED) >= found["clean"].count(FLAGGED) + 3
