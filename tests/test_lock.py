"""A plan locked before the figures are known: what is kept, what counts as a change, and what a second lock may not hide."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from gvi_eval.errors import DataError, StudyError
from gvi_eval.lock import LOCK, NOT_LOCKED, deviations, lock_study, locked_on, planned
from gvi_eval.resources import CHECKOUT

DAY = date(2026, 11, 22)


@pytest.fixture
def study(tmp_path) -> Path:
    shutil.copy(CHECKOUT / "analyses" / "sweden_rollout" / "study.toml", tmp_path / "study.toml")
    return tmp_path / "study.toml"


def change(file: Path, before: str, now: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, now, 1), encoding="utf-8")


def test_a_plan_without_a_lock_says_so(study):
    assert locked_on(study) is None and deviations(study) == [] and planned(study) == NOT_LOCKED


def test_a_locked_plan_that_is_as_it_was_says_so_and_keeps_its_first_day(study):
    lock = lock_study(study, DAY)
    assert lock_study(study, date(2027, 1, 1)) == lock and locked_on(study) == DAY
    assert planned(study) == "locked on 2026-11-22, and not changed since"
    change(study, "# The staggered", "# A word in a comment is no change. The staggered")
    assert deviations(study) == []


def test_every_change_is_named_by_its_field(study):
    lock_study(study, DAY)
    change(study, "after = 24", "after = 36")
    change(study, '  { name = "Kalmar", role = "donor" },\n', "")
    change(study, "start = 2018-10-01", "start = 2018-11-01")
    change(study, "smallest_effect = [0.90, 1.11]", "smallest_effect = [0.80, 1.11]")
    assert sorted(map(str, deviations(study))) == [
        'interventions[\'Sluta skjut, Malmö\'].start: "2018-10-01" when locked, "2018-11-01" now',
        "smallest_effect[0]: 0.9 when locked, 0.8 now",
        "specifications['stacked, two years'].settings.after: 24 when locked, 36 now",
        'units[\'Kalmar\']: {"name": "Kalmar", "role": "donor"} when locked, left out now',
    ]
    assert planned(study).startswith("locked on 2026-11-22; changed since: ")


def test_the_order_of_named_entries_is_no_change(study):
    lock_study(study, DAY)
    text = study.read_text(encoding="utf-8")
    first, second = '  { name = "Karlstad", role = "donor" },\n', '  { name = "Umeå", role = "donor" },\n'
    study.write_text(text.replace(first + second, second + first), encoding="utf-8")
    assert deviations(study) == []


def test_a_second_lock_may_not_hide_a_change(study):
    lock_study(study, DAY)
    change(study, "after = 24", "after = 36")
    with pytest.raises(StudyError, match="was locked on 2026-11-22 and 1 fields have changed since, the first specifications"):
        lock_study(study, date(2027, 1, 1))


def test_a_broken_lock_is_named(study):
    (study.parent / LOCK).write_text(json.dumps({"locked": "yesterday"}))
    with pytest.raises(DataError, match=f"{LOCK}.*is not a lock"):
        planned(study)


def test_the_embedded_rollout_is_locked_and_as_it_was():
    assert planned(CHECKOUT / "analyses" / "sweden_rollout" / "study.toml").endswith("and not changed since")
