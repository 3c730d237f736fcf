"""The verbs of reports: figures drawn again, reports written, and what they say when digits differ; exit codes."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gvi_eval.cli import main
from gvi_eval.report.write import REPORT
from gvi_eval.resources import CHECKOUT
from gvi_eval.verbs.terminal import results_of

STUDY = "sweden_rollout"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(CHECKOUT / "reports" / STUDY, tmp_path / STUDY, ignore=shutil.ignore_patterns(REPORT))
    return tmp_path / STUDY


def test_the_verb_writes_says_and_refuses(folder):
    def invoke(*arguments):
        return CliRunner().invoke(main, [*arguments, "--out", str(folder.parent)])

    done = invoke("report", STUDY, "--lang", "sv", "--format", "html")
    assert done.exit_code == 0 and done.stdout.strip().endswith("report.sv.html")
    assert invoke("report", STUDY, "--format", "docx").exit_code == 2
    told = invoke("verify", STUDY, "--json")
    assert told.exit_code in (0, 4) and json.loads(told.stdout)["numbers"] > 1000
    page = folder / REPORT / "report.sv.html"
    page.write_text(page.read_text(encoding="utf-8").replace("0,554", "0,555", 1), encoding="utf-8")
    after = invoke("verify", STUDY)
    assert after.exit_code == 4 and "report.sv.html" in after.stdout and "reads '0,555'" in after.stdout
    assert (folder.parent / "index.html").is_file()


@pytest.mark.parametrize(
    ("name", "folder", "study"),
    [
        ("malmo", "reports/malmo", True),
        ("elsewhere/malmo", "elsewhere/malmo", True),
        ("elsewhere/audit", "elsewhere/audit", False),
        ("elsewhere/monitoring/sluta_skjut", "elsewhere/monitoring/sluta_skjut", False),
    ],
)
def test_the_folder_of_results_is_as_good_a_name_as_its_own(tmp_path, monkeypatch, name, folder, study):
    monkeypatch.chdir(tmp_path)
    for place in ("elsewhere/malmo", "elsewhere/audit", "elsewhere/monitoring/sluta_skjut"):
        (tmp_path / place).mkdir(parents=True)
    found, file = results_of(name, Path("reports"))
    assert found == Path(folder)
    assert (file is not None and file.parent.name == "malmo") if study else file is None


def test_a_figure_is_drawn_again_from_saved_tables_with_the_same_numbers(folder):
    before = {path.name: path.read_bytes() for path in (folder / "figures" / "estimates").iterdir()}
    shutil.rmtree(folder / "figures" / "estimates")
    done = CliRunner().invoke(main, ["figures", STUDY, "--only", "estimates", "--out", str(folder.parent)])
    assert done.exit_code == 0 and done.stdout.strip().endswith("figures/estimates")
    after = {path.name: path.read_bytes() for path in (folder / "figures" / "estimates").iterdir()}
    assert set(after) == set(before) and after["data.csv"] == before["data.csv"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    crate = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    drawn = {item["@id"]: item["sha256"] for item in crate["@graph"] if item["@id"].startswith("figures/estimates/")}
    assert drawn == {name: digest for name, digest in manifest["outputs"].items() if name.startswith("figures/estimates/")}


def test_a_figure_that_is_not_there_and_a_study_that_is_not_known(folder):
    asked = ["figures", STUDY, "--only", "nothing", "--out", str(folder.parent)]
    assert CliRunner().invoke(main, asked).exit_code == 3
    assert CliRunner().invoke(main, ["report", "nowhere", "--out", str(folder.parent)]).exit_code == 2
    assert CliRunner().invoke(main, ["verify", "audit", "--recompute", "--out", str(folder.parent)]).exit_code == 2
