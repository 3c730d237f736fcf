"""The record of planted threats is of the program at hand, and planting a violation shows. Reads what the simulations left."""

import pytest

from gvi_eval.sensitivity.threats.battery import FEWEST, SIMULATIONS, THREATS, rates
from tests.support import cases

from .records import SINGLE_SERIES
from .records import read as read_record
from .threats import COMMAND, is_current, program_of, read, reference, simulated

ROWS = {row["threat"]: row for row in read()}


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.id)
def test_every_threat_has_a_row_of_todays_program(threat):
    assert is_current(ROWS.get(threat.id), threat, SIMULATIONS), f"{threat.id} has no row of today's program; run {COMMAND}"


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.id)
def test_a_planted_violation_is_flagged_more_often_than_none(threat):
    row = ROWS[threat.id]
    assert float(row["detected_lower"]) > float(row["false_flags"]) or float(row["detected"]) < FEWEST
    assert float(row["detected"]) > float(row["false_flags"])
    assert row["violation"] == threat.violation


def test_the_record_holds_nothing_but_threats_in_their_order():
    assert [row["threat"] for row in read()] == [threat.id for threat in THREATS]
    numbers = [int(threat.id.removeprefix("T")) for threat in THREATS]
    assert numbers == sorted(set(numbers))


def test_a_row_is_made_anew_where_the_program_changed():
    threat = THREATS[0]
    row = dict(ROWS[threat.id])
    assert is_current(row, threat)
    assert not is_current({**row, "program": "another"}, threat)
    assert not is_current(row, threat, int(row["n"]) + 1)
    assert not is_current(None, threat)


def test_the_same_data_sets_give_the_same_rates():
    threat = next(each for each in THREATS if each.id == "T20")
    row = simulated(threat, 3)
    assert rates(reference(), [threat], None, 3)[threat.id] == (float(row["detected"]), float(row["false_flags"]))
    assert row["program"] == program_of(threat)
    assert (row["before"], row["after"], row["mean"]) == (str(cases.BEFORE), str(cases.AFTER), "6")


FACTS = {
    row["setting"]: row for row in read_record(SINGLE_SERIES) if (row["estimator"], row["settings"]) == ("latent_counts", "{}")
}
POISSON = {
    row["setting"]: row
    for row in read_record(SINGLE_SERIES)
    if (row["estimator"], row["settings"]) == ("segmented", '{"covariance":"model","family":"poisson"}')
}
WORST, DONUT = "start after the worst year", "start after the worst year, that year left out"


def test_starting_after_the_worst_year_fakes_an_effect_and_a_donut_takes_it_away():
    """What sizes T1: false alarms where nothing happened, for the default with its trend and for a plain Poisson regression."""
    assert 0.12 < float(FACTS[WORST]["false_alarms"]) < 0.22
    assert float(POISSON[WORST]["false_alarms"]) > 0.45
    assert float(FACTS[WORST]["bias"]) < -0.25
    assert float(FACTS[DONUT]["false_alarms"]) < 0.08
    assert abs(float(FACTS[DONUT]["bias"])) < 0.05
