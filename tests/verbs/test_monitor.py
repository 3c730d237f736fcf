"""`gvi-eval monitor`: what goes to stdout and stderr, and its exit codes."""

import json

import pytest
from click.testing import CliRunner
from monitored import PLAN, UNSAFE, write_plan

from gvi_eval.cli import main


@pytest.fixture
def invoke(monkeypatch):
    monkeypatch.setattr("gvi_eval.figures.indicators.draw_plan", lambda folder, plan, *, source, run: None)
    return lambda *arguments: CliRunner().invoke(main, ["monitor", *map(str, arguments)])


def test_a_plan_is_printed_and_written(invoke, tmp_path):
    done = invoke(write_plan(tmp_path / "east"), "--out", tmp_path / "out")
    assert done.exit_code == 0 and "A safe East" in done.stdout and done.stderr == "plan ...\n"
    assert (tmp_path / "out" / "monitoring" / "safe_east" / "page.md").is_file()
    assert "\x1b" not in done.stdout


def test_json_is_one_document(invoke, tmp_path):
    done = invoke(write_plan(tmp_path / "east"), "--out", tmp_path / "out", "--json")
    document = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert done.stderr == "" and set(document) == {"manifest", "indicators", "readings", "dose"}
    unsafe = next(row for row in document["indicators"] if row["indicator"] == "unsafe")
    assert (unsafe["start"], unsafe["last"]) == (8, 17)
    assert next(row for row in document["indicators"] if row["indicator"] == "meetings")["last"] is None


def test_quiet_prints_nothing(invoke, tmp_path):
    done = invoke(write_plan(tmp_path / "east"), "--out", tmp_path / "out", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_a_plan_that_does_not_exist_is_a_matter_of_usage(invoke, tmp_path):
    done = invoke("atlantis", "--out", tmp_path)
    assert done.exit_code == 2 and "there is no monitoring plan 'atlantis'" in done.stderr


def test_a_plan_that_contradicts_itself_breaks_the_contract(invoke, tmp_path):
    wrong = PLAN | {"indicators": [UNSAFE, UNSAFE, *PLAN["indicators"][1:]]}
    done = invoke(write_plan(tmp_path / "east", wrong), "--out", tmp_path / "out")
    assert done.exit_code == 3 and "declares 'unsafe' twice" in done.stderr and not (tmp_path / "out").exists()
