"""What is published: every file in the manifest by its hash, every number traced to the rows it was added from."""

import json
import re
import socket
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest

from gvi_eval.checklists.appraisal import appraise
from gvi_eval.errors import DataError, StudyError
from gvi_eval.publish import crate_of, publish
from gvi_eval.run import run_study
from gvi_eval.writing import json_bytes


@pytest.fixture(scope="module")
def published(write_study, tmp_path_factory):
    """The folder of the study, the folder of its results, and the manifest; figures drawn."""
    home = tmp_path_factory.mktemp("publish")
    file = write_study(home / "town")
    manifest = publish(run_study(file), home / "out")
    return file.parent, home / "out", manifest


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_the_manifest_lists_every_file_with_its_hash(published):
    _, out, manifest = published
    assert (out / "manifest.json").read_bytes() == json_bytes(manifest)
    assert set(manifest["outputs"]) == files(out) - {"manifest.json", "ro-crate-metadata.json"}
    for name, digest in manifest["outputs"].items():
        assert sha256((out / name).read_bytes()).hexdigest() == digest


def test_the_manifest_names_every_input_with_hash_source_and_licence(published):
    town, _, manifest = published
    assert {item["table"] for item in manifest["inputs"]} == {"counts.csv", "population.csv"}
    for item in manifest["inputs"]:
        assert item["sha256"] == sha256((town / item["path"]).read_bytes()).hexdigest()
        assert (item["publisher"], item["licence"], item["urls"]) == ("the tests", "CC0-1.0", ["https://example.org/town"])
    assert manifest["study_file"] == {"path": "study.toml", "sha256": sha256((town / "study.toml").read_bytes()).hexdigest()}


def test_the_checklists_can_be_answered_again_from_what_was_published(published):
    town, out, _ = published
    assert (out / "checklists.json").read_bytes() == json_bytes(appraise(out, town / "study.toml"))
    items = {
        item["id"]: item for each in json.loads((out / "checklists.json").read_text())["checklists"] for item in each["items"]
    }
    assert items["EPOC-0"]["automatic"] == "yes" and items["ITS-16"]["automatic"] == "reported"
    assert items["ROBINS-1"]["state"] == "not yet answered"


def test_every_number_leads_to_the_rows_that_were_published(published):
    town, out, _ = published
    effects = pd.read_csv(out / "effects.csv")
    tables = {name: (town / name).read_text().splitlines() for name in ("counts.csv", "population.csv")}
    for row in effects[effects["point"].notna()].to_dict("records"):
        panel = pd.read_csv(out / row["panel"])
        path = pd.read_csv(out / row["path"])
        assert path["observed"].tolist() == panel["value"].tolist() and path["period"].tolist() == panel["period"].tolist()
        for cell in panel.to_dict("records"):
            cited = [place.rsplit(":", 1) for place in cell["figures"].split("; ")]
            lines = [tables[name][int(line) - 1].split(",") for name, line in cited]
            assert sum(int(line[5]) for line in lines) == cell["value"]
            assert {(line[2], line[3]) for line in lines} == {(cell["period_start"], cell["period_end"])}
            assert {line[0] for line in lines} == {"East", "West"}


def test_a_published_ratio_can_be_added_up_from_its_path(published):
    _, out, _ = published
    effects = pd.read_csv(out / "effects.csv")
    for row in effects[(effects["contrast"] == "ratio")].to_dict("records"):
        path = pd.read_csv(out / row["path"])
        after = path[(path["period"] >= row["window_start"]) & (path["period"] <= row["window_end"])]
        assert after["factual"].sum() / after["expected"].sum() == pytest.approx(row["point"], rel=1e-8)


def test_every_analysis_has_a_path_of_its_own(published):
    _, out, manifest = published
    paths = [analysis["path"] for analysis in manifest["analyses"] if analysis["path"]]
    assert len(paths) == len(set(paths)) == len(list((out / "paths").iterdir()))
    assert {analysis["panel"] for analysis in manifest["analyses"]} == {
        f"panels/{file.name}" for file in (out / "panels").iterdir()
    }


def test_no_output_holds_a_path_of_this_machine_or_its_name(published):
    town, out, _ = published
    paths = {str(town), str(town.parent), str(out), str(Path.home())} - {"/"}
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    for name in files(out):
        content = (out / name).read_bytes()
        assert not any(path.encode() in content for path in paths), name
        assert name.endswith(".png") or not host.search(content.decode()), name


def test_no_output_holds_the_time_of_the_run(published):
    _, out, manifest = published
    assert not {"date", "created", "time", "host", "user"} & set(manifest)
    crate = json.loads((out / "ro-crate-metadata.json").read_text())
    assert not any("datePublished" in item or "startTime" in item for item in crate["@graph"])


def test_the_crate_knows_every_output_and_input(published):
    _, out, manifest = published
    crate = {item["@id"]: item for item in json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]}
    assert {item["@id"] for item in crate["./"]["hasPart"]} == {*manifest["outputs"], "manifest.json"}
    assert set(manifest["outputs"]) <= set(crate)
    action = crate[f"#{manifest['run']}"]
    assert {item["@id"] for item in action["object"]} == {f"#{item['path']}" for item in manifest["inputs"]}


def test_figures_name_the_run_that_drew_them(published):
    _, out, manifest = published
    drawn = sorted((out / "figures").iterdir())
    assert drawn and all(manifest["run"] in (folder / "about.json").read_text() for folder in drawn)


def test_another_table_is_another_run(write_study, tmp_path, counts, plain_figures):
    runs = {
        publish(run_study(write_study(tmp_path / name, counts=rows)), tmp_path / f"{name}-out")["run"]
        for name, rows in {"one": counts, "same": counts, "other": counts.assign(note="checked")}.items()
    }
    assert len(runs) == 2


def test_a_folder_that_holds_no_results_is_never_replaced(write_study, tmp_path, plain_figures):
    file = write_study(tmp_path / "town")
    before = files(tmp_path)
    with pytest.raises(DataError, match="holds files that are no results and would be replaced; choose another with --out"):
        publish(run_study(file), file.parent)
    assert files(tmp_path) == before


def test_two_analyses_whose_names_differ_in_punctuation_are_refused(document, write_study, tmp_path):
    document["specifications"][2]["name"] = "level!"
    with pytest.raises(StudyError, match="the specifications 'level' and 'level!' would share a file; give one another name"):
        run_study(write_study(tmp_path / "town", document))


def test_a_study_whose_first_estimand_is_no_ratio_is_refused(document, write_study, tmp_path):
    document["estimands"] = document["estimands"][::-1]
    with pytest.raises(StudyError, match="put a ratio first"):
        run_study(write_study(tmp_path / "town", document))


def test_the_exact_ratio_answers_a_ratio_by_any_name(document, write_study, tmp_path):
    document["estimands"][0]["name"] = "rate ratio"
    result = run_study(write_study(tmp_path / "town", document))
    exact = next(analysis for analysis in result.analyses if analysis.specification.name == "exact ratio")
    assert exact.effects[0].point == pytest.approx(12 / 22)


def test_a_crate_lists_its_files_in_the_order_of_a_manifest_that_was_read_again():
    files = {"figures/path/about.json": "1", "figures/path-beside/about.json": "2"}  # as folders are sorted, not as names are
    manifest = {"study": "town", "title": "t", "question": "q", "run": "r", "command": "c", "code_sha256": "d"}
    manifest |= {"software": {"gvi-eval": "1"}, "inputs": [], "outputs": files}
    assert crate_of(manifest) == crate_of(json.loads(json_bytes(manifest)))
