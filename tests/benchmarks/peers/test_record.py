"""The record of the peers, its page and the pinned requirements agree, and targets are said to be met where they are."""

import re

import pytest

from . import page as pages
from .records import COLUMNS, MEASURED, OURS, PEERS, RECORD, read, write
from .tasks import TASKS

ROWS = read()
HERE = RECORD.parent.parent / "peers"
CAUSALPY = HERE.parent.parent / "calibration" / "peers" / "requirements.txt"


def of(task: str, package: str, call: str = "") -> dict[str, str]:
    return next(row for row in ROWS if (row["task"], row["package"], row["call"]) == (task, package, call))


def a_row(package: str, **figures: str) -> dict[str, str]:
    """A row as it is read back, of Proposition 99."""
    return dict.fromkeys(COLUMNS, "") | {"task": "prop99", "package": package, "outcome": MEASURED} | figures


def test_the_page_says_what_the_record_says():
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(ROWS), "run `make peers`, which writes both"


def test_every_package_is_recorded_on_every_task_it_offers():
    due = {(task.name, package) for task in TASKS for package, peer in PEERS.items() if task.kind in peer.kinds}
    assert {(row["task"], row["package"]) for row in ROWS} == due
    assert all(row["outcome"] == MEASURED for row in ROWS if row["package"] == OURS)


@pytest.mark.parametrize("task", [task for task in TASKS if task.seconds], ids=lambda task: task.name)
def test_a_target_is_said_to_be_met_only_where_the_seconds_say_so(task):
    own = of(task.name, OURS)
    peers = [row for row in ROWS if row["task"] == task.name and row["package"] != OURS and row["outcome"] == MEASURED]
    met = float(own["seconds"]) < task.seconds
    if task.megabytes:
        met = met and float(own["megabytes"]) < task.megabytes
    if task.ahead:
        met = met and min(float(row["seconds"]) for row in peers) > float(own["seconds"])
    line = next(line for line in pages.targets(ROWS).splitlines() if line.startswith(f"| {task.words} |"))
    assert line.split(" | ")[3] == (pages.MET if met else pages.MISSED)


def test_a_peer_that_is_quicker_takes_the_target_away():
    task = TASKS[0]
    own = a_row(OURS, seconds="0.01", megabytes="250")
    assert pages.verdict(task, [own, a_row("mlsynth", seconds="0.02")]) == pages.MET
    assert pages.verdict(task, [own, a_row("mlsynth", seconds="0.009")]) == pages.MISSED
    assert pages.verdict(task, [a_row(OURS, seconds="0.021", megabytes="250")]) == pages.MISSED
    assert pages.verdict(task, []) == pages.UNKNOWN


def test_nobody_goes_below_the_objective_of_this_package():
    for task in ("prop99", "prop99-nested", "donors-300", "donors-1000"):
        least = float(of(task, OURS)["ssr"])
        for row in ROWS:
            if row["task"] == task and row["ssr"]:
                assert float(row["ssr"]) >= least * (1 - 1e-6), f"{row['package']} on {task}"


def test_the_two_calls_of_this_package_agree():
    for task in ("prop99", "prop99-sdid", "donors-300"):
        first, second = of(task, OURS), of(task, OURS, "evaluate")
        for name in ("ssr", "estimate", "p_value", "standard_error"):
            assert first[name] == second[name], f"{name} of {task}"


def test_versions_are_those_that_are_pinned():
    files = {name: HERE / f"{name}.txt" for name in PEERS if name not in (OURS, "CausalPy")} | {"CausalPy": CAUSALPY}
    for row in ROWS:
        if row["version"] and row["package"] in files:
            pinned = files[row["package"]].read_text(encoding="utf-8")
            assert re.search(rf"^{row['package']}=={re.escape(row['version'])}$", pinned, re.MULTILINE | re.IGNORECASE)


def test_rows_are_kept_in_order_and_read_back(tmp_path):
    write(reversed(ROWS), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == RECORD.read_bytes()
