"""A run writes what it simulated, takes up what it was in the middle of, and confirms what new code leaves as it was."""

import pytest

from gvi_eval.executor import Processes, Serial, result_hash

from . import run
from .cells import MONTHLY, NULL, Cell
from .records import SAMPLE, is_current, sample_hash

CELL = Cell(MONTHLY[4], NULL, "exact_ratio")


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "KEPT", tmp_path)
    return tmp_path


def test_a_simulated_row_is_of_todays_code_and_the_same_in_worker_processes():
    row = run.simulated(CELL, 30, Serial())
    assert is_current(row, CELL) and row["data_sets"] == "30"
    assert row["sample"] == sample_hash([CELL.outcome(number) for number in range(SAMPLE)])
    run.KEPT = run.KEPT / "elsewhere"
    assert run.simulated(CELL, 30, Processes(2)) == row


def test_a_cell_goes_on_where_it_was(monkeypatch):
    few = run.outcomes(CELL, 20, Serial(), "code")
    asked = []
    monkeypatch.setattr(Cell, "outcome", lambda cell, number: asked.append(number) or [0.0, -1.0, 1.0])
    more = run.outcomes(CELL, 25, Serial(), "code")
    assert asked == list(range(20, 25))
    assert result_hash({"first": more[:20]}) == result_hash({"first": few})


def test_new_code_that_says_the_same_confirms_a_row_and_other_code_does_not(monkeypatch):
    row = {**run.simulated(CELL, 30, Serial()), "code": "earlier"}
    again = run.confirmed(CELL, row, Serial())
    assert is_current(again, CELL) and again["confirmed"]
    assert {**again, "code": "earlier", "confirmed": ""} == row
    assert run.confirmed(CELL, {**row, "sample": "another"}, Serial()) is None
    assert run.confirmed(CELL, {**row, "figures": "of another design"}, Serial()) is None
