"""`gvi-eval power`: what is printed ends in the request, declared releases are kept for runs, tried ones are not."""

import json
from datetime import date

import pytest
from click.testing import CliRunner

from gvi_eval.cli import main
from gvi_eval.run import run_study
from gvi_eval.sensitivity import settle as settling
from gvi_eval.summary import summary

RELEASE = {
    "name": "months",
    "series": "reported shots per month",
    "holder": "the police of the town",
    "months": {"start": date(2010, 1, 1), "end": date(2014, 12, 31)},
    "changes": "monthly",
}
REQUEST = "Ask the police of the town for: reported shots per month, 2010-01-01 to 2014-12-31."


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(settling, "DRAWS", 10)


@pytest.fixture
def town(document, write_study, tmp_path):
    document["releases"] = [RELEASE]
    return write_study(tmp_path / "town", document)


def invoke(*arguments):
    return CliRunner().invoke(main, ["power", *map(str, arguments)])


def printed(result, folder):
    from io import StringIO

    from rich.console import Console

    page = StringIO()
    Console(file=page, width=400).print(summary(result, folder))
    return page.getvalue()


def test_declared_releases_are_printed_kept_and_read_by_a_run(town, tmp_path):
    before = run_study(town)
    assert before.settle.empty and "gvi-eval power town does it and keeps it" in printed(before, tmp_path)
    done = invoke(town)
    assert done.exit_code == 0 and REQUEST in " ".join(done.stdout.split()) and "as published" in done.stdout
    after = run_study(town)
    assert after.settle["release"].tolist() == ["as published"] * 3 + ["months"] * 3
    assert REQUEST in printed(after, tmp_path) and "does it and keeps it" not in printed(after, tmp_path)


def test_what_was_kept_is_shown_and_simulated_again_only_when_asked(town, monkeypatch):
    first = invoke(town)
    simulated = []
    plain = settling.settle
    monkeypatch.setattr(settling, "settle", lambda *how, **more: simulated.append(1) or plain(*how, **more))
    again = invoke(town)
    assert again.stdout == first.stdout and simulated == []
    assert invoke(town, "--anew").stdout == first.stdout and simulated == [1]


def test_a_release_that_is_tried_is_not_kept(town):
    done = invoke(town, "--if", "monthly,+12m", "--draws", 10, "--json")
    rows = json.loads(done.stdout)["releases"]
    assert [row["changes"] for row in rows] == [None] * 3 + ["monthly,+12m"] * 3 and rows[3]["figures"] == 72
    assert rows[3]["request"].endswith("reported shots (monthly,+12m), 2010-01-01 to 2015-12-31.")
    assert not (town.parent / "settle").exists()


def test_a_release_that_makes_no_sense_says_what_would(town):
    done = invoke(town, "--if", "weekly")
    assert done.exit_code == 3 and "cannot change 'weekly'; write monthly" in done.stderr


def test_a_study_without_releases_says_how_to_try_one(write_study, tmp_path):
    done = invoke(write_study(tmp_path / "town"))
    assert done.exit_code == 3 and "declares no releases; try one with --if monthly" in done.stderr


def test_a_run_publishes_both_tables(town, tmp_path, plain_figures):
    from gvi_eval.publish import publish

    invoke(town)
    result = run_study(town)
    publish(result, tmp_path / "out")
    tipping, settled = ((tmp_path / "out" / name).read_text() for name in ("tipping.csv", "settle.csv"))
    assert tipping.startswith("specification,onset,kind,row,unit_of_row,neutral,observed,")
    assert REQUEST in settled and "counterfactual trend" in tipping and "level + trend" in tipping
