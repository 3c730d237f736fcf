"""What lies in reports/ was made by this code from these files, and nothing in it was changed by hand."""

import json

import pytest

from gvi_eval.claims.audit import audit, verdicts_table
from gvi_eval.claims.declared import find_claims
from gvi_eval.claims.published import Shelf
from gvi_eval.hashing import code_hash, file_hash
from gvi_eval.indicators import embedded_plans, find_plan, load_plan
from gvi_eval.monitoring import indicators_table, readings_table
from gvi_eval.plan import awaited_tables, embedded_studies, embedded_syntheses, find_study
from gvi_eval.readings import follow
from gvi_eval.report.write import REPORT
from gvi_eval.resources import CHECKOUT
from gvi_eval.verify import verify
from gvi_eval.writing import csv_bytes

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


FOLDERS = {name: CHECKOUT / "reports" / name for name in embedded_studies() if not awaited_tables(find_study(name))}
FOLLOWED = {"audit": CHECKOUT / "reports" / "audit"} | {
    plan: CHECKOUT / "reports" / "monitoring" / plan for plan in embedded_plans()
}


@pytest.mark.parametrize("name", [*FOLDERS, *FOLLOWED])
def test_the_reports_say_what_the_results_say(name):
    """Hashes and, where one is off, numbers; `gvi-eval verify` looks every number up again."""
    folder = (FOLDERS | FOLLOWED)[name]
    assert (folder / REPORT).is_dir(), f"{folder.name} holds no rendered report: {AGAIN}"
    assert verify(folder, find_study(name) if name in FOLDERS else None, untouched=False).faults == ()


def test_the_verdicts_are_those_of_today():
    verdicts = audit(find_claims("all"), Shelf(CHECKOUT / "reports"))
    kept = (CHECKOUT / "reports" / "audit" / "verdicts.csv").read_bytes()
    assert csv_bytes(verdicts_table(verdicts)) == kept, AGAIN


@pytest.mark.parametrize("plan", embedded_plans())
def test_the_readings_are_those_of_today(plan):
    folder = CHECKOUT / "reports" / "monitoring" / plan
    today = follow(load_plan(find_plan(plan)))
    for name, table in {"indicators.csv": indicators_table(today), "readings.csv": readings_table(today)}.items():
        assert csv_bytes(table) == (folder / name).read_bytes(), AGAIN


def test_the_index_leads_to_every_report():
    index = (CHECKOUT / "reports" / "index.html").read_text(encoding="utf-8")
    for folder in (FOLDERS | FOLLOWED).values():
        assert f"{folder.relative_to(CHECKOUT / 'reports').as_posix()}/report/report.da.html" in index
