"""T10: sums by hand, who is a neighbour and who a control, planted displacement and none."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED
from gvi_eval.sensitivity.threats.battery import look
from gvi_eval.sensitivity.threats.displaced import Displaced
from gvi_eval.sensitivity.threats.planting import with_nulls
from gvi_eval.study import Intervention
from tests.support import cases, donor_cases
from tests.support.cases import day
from tests.support.donor_cases import AFTER, BEFORE, START


def flat(place, near, far):
    """A panel in which every quarter has the same count before the start, and another after it."""
    pairs = {"Place": place, "Near 00": near, "Far 00": far}
    periods = pd.period_range(START - BEFORE, periods=BEFORE + AFTER, freq="Q")
    values = pd.DataFrame({name: [b] * BEFORE + [a] * AFTER for name, (b, a) in pairs.items()}, periods).astype(float)
    return donor_cases.counts(1, list(pairs)).with_(values=values)


def looked(place, near, far=(30, 30)):
    return Displaced().look(donor_cases.beside_neighbours(flat(place, near, far), neighbours=1, donors=1))


def test_by_hand():
    # 20 a quarter became 15 and 10 became 14: 12 x 5 = 60 fewer, 12 x 4 = 48 more, 80 % came back
    result = looked((20, 15), (10, 14))
    assert result.state == FLAGGED and result.number == pytest.approx(0.8)
    assert (result.evidence["local"], result.evidence["around"], result.evidence["quotient"]) == pytest.approx((-60, 48, -0.8))
    assert "80% of the fall came back" in result.sentence and result.evidence["rings"] == {"Near 00": pytest.approx(48)}


def test_controls_that_moved_move_what_is_expected():
    # controls rose by a half: 20 should have become 30 and 10 should have become 15, so nothing moved next door
    assert looked((20, 20), (10, 15), (30, 45)).number == pytest.approx(0, abs=1e-12)


def test_half_is_the_limit():
    assert looked((20, 16), (10, 12)).state == FLAGGED
    assert looked((20, 15), (10, 12)).state == NOT_FLAGGED


def test_a_benefit_that_spread_is_not_flagged():
    result = looked((20, 15), (10, 8))
    assert result.state == NOT_FLAGGED and "fell as well, by 40% of the fall (diffusion of benefits)" in result.sentence


def test_a_place_that_did_not_fall_gave_nothing_back():
    result = looked((20, 20), (10, 14))
    assert result.state == COULD_NOT and "no fall that could have been given back" in result.sentence


def test_one_mass_registration_is_no_displacement():
    panel = flat((20, 15), (10, 10), (30, 30))
    values = panel.values.copy()
    values.iloc[BEFORE + 5, 1] = 90  # 80 more than the quarters around it
    result = Displaced().look(donor_cases.beside_neighbours(panel.with_(values=values), neighbours=1, donors=1))
    assert result.state == NOT_FLAGGED and result.number == pytest.approx(0, abs=1e-12)
    assert result.evidence["offset_with_all"] == pytest.approx(80 / 60) and "with 1 counts" in result.sentence


def test_a_donor_with_an_event_of_its_own_is_no_control():
    event = Intervention("conflict", "shock", day(date(2016, 6, 1)), "made up", unit="Far 00")
    assert "beside 8 donors" in Displaced().look(donor_cases.beside_neighbours(treated=0.6)).sentence
    assert "beside 7 donors" in Displaced().look(donor_cases.beside_neighbours(treated=0.6, events=(event,))).sentence


def test_a_donor_with_a_gap_is_no_control_and_a_study_without_one_cannot_be_asked():
    case = donor_cases.beside_neighbours(neighbours=1, donors=1)
    values = case.around.values.copy()
    values.loc[START, "Far 00"] = np.nan
    result = look(Displaced(), case.with_(around=case.around.with_(values=values)))
    assert result.state == COULD_NOT and "1 areas around Place and 0 areas further away" in result.sentence


def test_without_neighbours_it_says_what_would_be_needed():
    result = Displaced().look(cases.case())
    assert result.state == COULD_NOT and "in the areas that border it (role neighbour)" in result.sentence


def test_planted_and_clean():
    threat, ready = Displaced(), with_nulls(donor_cases.beside_neighbours())
    planted = [look(threat, threat.planted(ready.with_(), seed)).state for seed in range(10)]
    clean = [look(threat, threat.clean(ready.with_(), seed)).state for seed in range(10)]
    assert planted.count(FLAGGED) >= 9 and clean.count(FLAGGED) <= 3
