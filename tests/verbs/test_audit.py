"""gvi-eval audit: what is printed, what is written, and with which code it ends."""

import json

import pytest
from click.testing import CliRunner

from gvi_eval.claims.declared import CLAIMS
from gvi_eval.cli import main


@pytest.fixture
def invoke(tmp_path):
    return lambda *arguments: CliRunner().invoke(main, ["audit", *map(str, arguments), "--out", str(tmp_path / "out")])


def test_a_claim_by_its_id_leaves_a_page_and_a_row(invoke, tmp_path):
    done = invoke("tx-s003a")
    assert done.exit_code == 0 and "290 persons registered" in done.stdout and done.stderr == "audit ...\n"
    files = sorted(file.name for file in (tmp_path / "out" / "audit").iterdir())
    assert files == ["tx-s003a.json", "tx-s003a.md", "verdicts.csv"]


def test_json_is_one_list_and_nothing_else(invoke):
    done = invoke("tx-s003a", "tx-s003f", "tx-s003a", "--json")
    listed = json.loads(done.stdout)
    assert [each["id"] for each in listed] == ["tx-s003a", "tx-s003f"] and done.stderr == ""
    assert {"reproduced", "robust", "design", "wording", "sentence"} <= set(listed[0])


def test_a_declared_number_that_is_not_there_ends_with_four_and_is_named(invoke, tmp_path):
    text = (CLAIMS / "tx-s003a.toml").read_text(encoding="utf-8").replace("value = 290", "value = 291")
    file = tmp_path / "tx-s003a.toml"
    file.write_text(text, encoding="utf-8")
    done = invoke(file, "--quiet")
    assert done.exit_code == 4 and done.stdout == "" and done.stderr == "declared as reproduced, and not: tx-s003a\n"
    file.write_text(text.replace("declared_reproduced = true\n", ""), encoding="utf-8")
    assert invoke(file, "--quiet").exit_code == 0


def test_what_cannot_be_found_or_read_is_said(invoke, tmp_path):
    unknown = invoke("SE99")
    assert unknown.exit_code == 2 and "there is no claim 'SE99'" in unknown.stderr
    broken = tmp_path / "X1.toml"
    broken.write_text('id = "X1"\n', encoding="utf-8")
    done = invoke(broken)
    assert done.exit_code == 3 and "lacks 'type', 'paraphrase', 'source'" in done.stderr
    assert not (tmp_path / "out" / "audit").exists()
