"""The verbs: their exit codes, what goes to stdout and what to stderr, and that nothing is printed when nothing is asked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gvi_eval.cli import main

PLANTED = Path(__file__).parent / "data" / "planted"
SCHEMA = str(PLANTED / "planted_counts.schema.json")


@pytest.fixture
def invoke():
    return lambda *arguments, **more: CliRunner().invoke(main, [str(argument) for argument in arguments], **more)


@pytest.fixture
def town(write_study, tmp_path, plain_figures):
    """The study file; figures are not drawn."""
    return write_study(tmp_path / "town")


def test_a_run_prints_its_summary_and_writes_its_folder(invoke, town, tmp_path):
    done = invoke("run", town, "--out", tmp_path / "out")
    assert done.exit_code == 0 and "Headline" in done.stdout and done.stderr == "town ...\n"
    assert (tmp_path / "out" / "town" / "manifest.json").is_file()


def test_json_is_one_document_and_nothing_else(invoke, town, tmp_path):
    done = invoke("run", town, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0 and done.stderr == ""
    document = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert document["manifest"] == json.loads((tmp_path / "out" / "town" / "manifest.json").read_text())
    points = {row["id"]: row["point"] for row in document["effects"]}
    assert points["town/level/2013Q1/ratio"] == pytest.approx(12 / 22)
    assert points["town/exact ratio/2013Q1/shots prevented"] is None


def test_two_studies_are_a_list(invoke, town, tmp_path):
    done = invoke("run", town, town.parent, "--out", tmp_path / "out", "--json")
    assert [document["manifest"]["study"] for document in json.loads(done.stdout)] == ["town", "town"]


def test_studies_at_once_say_and_write_what_they_do_one_after_the_other(invoke, document, write_study, tmp_path):
    files = []
    for name in ("town", "village"):
        document["name"] = name
        files.append(write_study(tmp_path / name, document))
    one, both = (invoke("run", *files, "--out", tmp_path / f"out {jobs}", "--jobs", jobs) for jobs in (1, 2))
    assert (one.exit_code, both.exit_code) == (0, 0) and both.stderr == "town, village ...\n"
    assert both.stdout.replace("out 2", "out 1") == one.stdout and one.stdout.count("Headline") == 2
    for name in ("town", "village"):
        written = [sorted((tmp_path / f"out {jobs}" / name).rglob("*")) for jobs in (1, 2)]
        assert [file.name for file in written[0]] == [file.name for file in written[1]]
        assert all(a.read_bytes() == b.read_bytes() for a, b in zip(*written, strict=True) if a.is_file())


def test_a_fault_of_a_study_at_once_keeps_its_code_and_its_name(invoke, document, write_study, tmp_path):
    fine = write_study(tmp_path / "town", document)
    document["name"], document["outcomes"][0]["measure"] = "village", "shotings"
    wrong = write_study(tmp_path / "village", document)
    done = invoke("run", fine, wrong, "--out", tmp_path / "out", "--jobs", 2, "--quiet")
    assert done.exit_code == 3 and "village" in done.stderr and "has no measure 'shotings'" in done.stderr


def test_quiet_prints_nothing(invoke, town, tmp_path):
    done = invoke("run", town, "--out", tmp_path / "out", "--quiet")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("how", ["option", "variable"])
def test_plain_text_has_no_escape_codes_even_on_a_terminal(invoke, town, tmp_path, how):
    environment = {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1", "TERM": "xterm-256color"} | (
        {"NO_COLOR": "1"} if how == "variable" else {"NO_COLOR": ""}
    )
    options = ["--no-color"] if how == "option" else []
    assert "\x1b" not in invoke("run", town, "--out", tmp_path / "out", *options, env=environment).stdout


def test_a_study_that_does_not_exist_is_a_matter_of_usage(invoke, tmp_path):
    done = invoke("run", "atlantis", "--out", tmp_path / "out")
    assert done.exit_code == 2 and "there is no study 'atlantis'; known are" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("arguments", [("run",), ("rnu",), ("run", "boston", "--otu", "x"), ("check",)])
def test_a_wrong_call_is_a_matter_of_usage(invoke, arguments):
    assert invoke(*arguments).exit_code == 2


def test_a_study_that_contradicts_itself_breaks_the_contract(invoke, write_study, document, tmp_path):
    document["specifications"][0]["outcome"] = "arson"
    done = invoke("run", write_study(tmp_path / "town", document), "--out", tmp_path / "out")
    assert done.exit_code == 3 and "which is not declared" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_table_that_breaks_its_schema_breaks_the_contract(invoke, write_study, counts, tmp_path):
    done = invoke("run", write_study(tmp_path / "town", counts=counts.assign(value=-1)), "--out", tmp_path / "out")
    assert done.exit_code == 3 and "counts.csv" in done.stderr


def test_a_refused_estimate_is_a_result(invoke, write_study, document, tmp_path, plain_figures):
    document["specifications"][1]["settings"]["adjust"] = ["New form"]
    document["interventions"][1]["start"] = document["interventions"][0]["start"]
    done = invoke("run", write_study(tmp_path / "town", document), "--out", tmp_path / "out")
    assert done.exit_code == 0 and "refused" in done.stdout


@pytest.mark.parametrize(("file", "code"), [("valid", 0), ("negative_count", 3), ("duplicate_key", 3)])
def test_check_tells_a_good_table_from_a_bad_one(invoke, file, code):
    done = invoke("check", PLANTED / f"{file}.csv", "--schema", SCHEMA)
    assert done.exit_code == code
    assert ("nothing is wrong" if code == 0 else "violation") in done.stdout


def test_check_as_json_is_a_report(invoke):
    report = json.loads(invoke("check", PLANTED / "negative_count.csv", "--schema", SCHEMA, "--json").stdout)
    (violation,) = report["violations"]
    assert (violation["column"], violation["line"]) == ("count", 5)


@pytest.mark.parametrize(("file", "code"), [("valid", 0), ("negative_count", 3)])
def test_check_quietly_gives_only_the_code(invoke, file, code):
    done = invoke("check", PLANTED / f"{file}.csv", "--schema", SCHEMA, "--quiet")
    assert (done.exit_code, done.stdout) == (code, "")


def test_a_table_that_may_identify_a_person_is_blocked_and_not_repeated(invoke, tmp_path):
    number = "-".join(["010162", "0000"])  # a Danish number that nobody can hold
    (tmp_path / "persons.csv").write_text(f"area,note\nTown,{number}\n")
    done = invoke("check", tmp_path / "persons.csv")
    assert done.exit_code == 5 and number not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("område;måned;antal\nÅrhus;maj 2020;4,5\n".encode("cp1252"), 3, ("'iconv -f cp1252", "divided by semicolons, with decimal commas")),
        ("område,måned,antal\nÅrhus,maj 2020,4\n".encode(), 3, ("fits the columns område, måned, antal", "'gvi-eval import'")),
        (b"PK\x03\x04 an Excel file that was given another name", 3, ("is an Excel workbook, whatever its name says",)),
        (f"unit,note\nLund,{'0101' + '90'}-0000\n".encode(), 5, ("own.csv:2, column 'note': Danish CPR number; take it out",)),
    ],
)  # fmt: skip
def test_a_table_as_an_office_keeps_it_is_told_the_way_in(invoke, tmp_path, content, code, said):
    (tmp_path / "own.csv").write_bytes(content)
    done = invoke("check", tmp_path / "own.csv")
    assert done.exit_code == code and all(words in done.stdout for words in said)
    assert "None" not in done.stdout and "0000" not in done.stdout


def test_check_holds_a_study_to_its_tables(invoke, town):
    done = invoke("check", town)
    assert done.exit_code == 0 and "nothing is wrong" in done.stdout
    assert json.loads(invoke("check", town, "--json").stdout)["study"] == "town"


def test_check_names_what_is_wrong_with_a_study(invoke, write_study, document, tmp_path):
    document["frequency"] = "W"
    done = invoke("check", write_study(tmp_path, document))
    assert done.exit_code == 3 and "frequency is 'W'" in done.stderr


def test_an_interruption_has_its_own_code(invoke, town, tmp_path, monkeypatch):
    def interrupt(*parts, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("gvi_eval.run.run_study", interrupt)
    done = invoke("run", town, "--out", tmp_path / "out")
    assert done.exit_code == 130 and "nothing half-written was left" in done.stderr


def test_help_names_every_exit_code(invoke):
    text = invoke("--help").stdout
    assert all(f"{code} " in text for code in (0, 1, 2, 3, 4, 5, 6, 130))
    assert all(verb in text for verb in ("reproduce", "run", "check"))
