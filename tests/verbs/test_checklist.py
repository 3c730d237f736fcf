"""`gvi-eval checklist`: printed, as JSON, and as an empty file for a rater."""

import json
import tomllib

import pytest
from appraised import write_results
from click.testing import CliRunner
from monitored import toml

from gvi_eval.cli import main


@pytest.fixture
def invoke(write_study, tmp_path):
    """The verb on the town, whose results are written down."""
    file = write_study(tmp_path / "town")
    folder = write_results(tmp_path / "results")

    def run(*arguments):
        return CliRunner().invoke(main, ["checklist", str(file), "--results", str(folder), *map(str, arguments)])

    run.study = file
    return run


def test_items_are_printed_with_their_answers_and_counts(invoke):
    done = invoke()
    assert done.exit_code == 0 and "\x1b" not in done.stdout
    assert "ROBINS-I: 7 items, 7 not yet answered" in done.stdout
    assert "Reporting a synthetic control: 16 items, 16 not applicable" in done.stdout
    assert "No rater has answered." in done.stdout
    counts = [
        int(line.split(" items, ")[1].split(" answered")[0])
        for line in done.stdout.splitlines()
        if " items, " in line and "by the results" in line
    ]
    assert f"In all: {sum(counts) + 1} of the 47 items that apply" in done.stdout  # and the one item of the Maryland scale


def test_raters_are_printed_side_by_side_with_kappa_and_its_n(invoke):
    (invoke.study.parent / "appraisal").mkdir()
    for name, answers in (("ann", ("serious", "low")), ("bo", ("critical", "low"))):
        given = {f"ROBINS-{number}": {"answer": answer} for number, answer in enumerate(answers, start=1)}
        (invoke.study.parent / "appraisal" / f"{name}.toml").write_text(f"rater = {toml(name)}\nanswers = {toml(given)}\n")
        if name == "ann":
            assert "a second one is needed" in invoke().stdout
    text = " ".join(invoke().stdout.split())
    assert "ann and bo agree on 1 of 2, Cohen's kappa 0.33 from 2 items; differ on ROBINS-1" in text


def test_json_is_one_document(invoke):
    done = invoke("--json")
    document = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert document["study"] == "town" and len(document["checklists"]) == 7 and done.stderr == ""


def test_an_empty_file_asks_only_what_the_results_do_not_answer_and_overwrites_nothing(invoke, tmp_path):
    done = invoke("--blank", tmp_path / "mine.toml")
    asked = tomllib.loads((tmp_path / "mine.toml").read_text())["answers"]
    assert done.exit_code == 0 and f"{len(asked)} items to answer" in done.stdout
    assert "ROBINS-1" in asked and "EPOC-0" not in asked
    (tmp_path / "mine.toml").write_text("mine")
    again = invoke("--blank", tmp_path / "mine.toml")
    assert again.exit_code == 2 and (tmp_path / "mine.toml").read_text() == "mine"


def test_a_study_without_results_is_told_how_to_get_them(invoke, tmp_path):
    done = invoke("--results", tmp_path / "nowhere")
    assert done.exit_code == 3 and "run 'gvi-eval run town' first" in done.stderr


@pytest.mark.parametrize("name", ["atlantis", "two_cities"])
def test_what_is_no_study_is_a_matter_of_usage(name):
    assert CliRunner().invoke(main, ["checklist", name]).exit_code == 2
