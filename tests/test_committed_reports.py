"""What lies in reports/ was made by this code from these files, and nothing in it was changed by hand."""

import json

import pytest

from gvi_eval.hashing import code_hash, file_hash
from gvi_eval.plan import embedded_studies, embedded_syntheses
from gvi_eval.report.write import REPORT
from gvi_eval.resources import CHECKOUT

AGAIN = "run 'make reproduce' and commit reports/ with the change"


@pytest.fixture(scope="module", params=[*embedded_studies(), *embedded_syntheses()])
def report(request):
    folder = CHECKOUT / "reports" / request.param
    assert (folder / "manifest.json").is_file(), f"reports/{request.param} is missing: {AGAIN}"
    return folder, json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def test_the_report_was_made_by_this_code(report):
    folder, manifest = report
    assert manifest["code_sha256"] == code_hash(), f"the code has changed since {folder.name} was run: {AGAIN}"


def test_the_report_was_made_from_these_files(report):
    _, manifest = report
    for item in (manifest["study_file"], *manifest.get("studies", ()), *manifest["inputs"]):
        assert file_hash(CHECKOUT / item["path"]) == item["sha256"], f"{item['path']} has changed: {AGAIN}"


def test_every_file_is_as_it_was_written_and_none_was_added(report):
    folder, manifest = report
    found = {file.relative_to(folder).as_posix(): file_hash(file) for file in folder.rglob("*") if file.is_file()}
    found = {name: digest for name, digest in found.items() if not name.startswith(f"{REPORT}/")}  # checked by `verify`
    for name in ("manifest.json", "ro-crate-metadata.json"):
        found.pop(name)
    assert found == manifest["outputs"]


@pytest.mark.parametrize("name", embedded_studies())
def test_the_reports_of_a_study_say_what_its_results_say(name):
    """Hashes and, where one is off, numbers; `gvi-eval verify` looks every number up again."""
    from gvi_eval.plan import find_study
    from gvi_eval.verify import verify

    folder = CHECKOUT / "reports" / name
    if not (folder / REPORT).is_dir():
        pytest.skip(f"reports/{name} holds no rendered report: run 'gvi-eval report {name}'")
    assert verify(folder, find_study(name), untouched=False).faults == ()
