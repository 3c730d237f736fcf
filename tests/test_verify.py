"""Verification: one digit changed anywhere is named, a forged page is caught by its numbers, an untouched one holds."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from planted_edits import KINDS, Copy, copied, planted

from gvi_eval.hashing import code_hash
from gvi_eval.publish import publish
from gvi_eval.report.write import REPORT, sealed, write_reports
from gvi_eval.run import run_study
from gvi_eval.verify import _compared, verify
from gvi_eval.writing import json_bytes

STUDY, EDITS = "sweden_rollout", 4  # the smallest folder, and edits of each kind


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Copy:
    return copied(STUDY, tmp_path_factory.mktemp("copy"), ("da",), ("html", "xlsx", "zip"))


@pytest.fixture
def copy(original, tmp_path) -> Copy:
    """One that a test may change."""
    shutil.copytree(original.folder, tmp_path / STUDY)
    shutil.copytree(original.root, tmp_path / "checkout")
    return Copy(tmp_path / STUDY, tmp_path / "checkout" / f"analyses/{STUDY}/study.toml", tmp_path / "checkout")


def test_what_was_not_touched_holds_and_every_number_was_looked_up(original):
    result = original.verify(untouched=True)
    assert result.faults == () and result.holds
    assert result.numbers > 5000 and result.files > 50


@pytest.mark.parametrize("kind", KINDS)
def test_a_digit_changed_at_random_is_named_by_its_file(original, kind):
    rng = np.random.default_rng(KINDS.index(kind))
    done = [planted(original, kind, rng) for _ in range(EDITS)]
    assert [each for each in done if not each.named] == []


def test_after_the_digits_were_put_back_nothing_differs(original):
    assert original.verify().holds


def forged(copy: Copy, name: str, content: bytes) -> None:
    """A page exchanged by somebody who signs the record again."""
    from hashlib import sha256

    (copy.folder / REPORT / name).write_bytes(content)
    place = copy.folder / REPORT / "report.json"
    record = json.loads(place.read_text(encoding="utf-8"))
    record["files"][name] = sha256(content).hexdigest()
    place.write_bytes(json_bytes(sealed(record)))


def test_a_number_that_is_forged_with_its_hash_is_named_with_its_row(copy):
    page = (copy.folder / REPORT / "report.da.html").read_text(encoding="utf-8")
    # The headline ratio, 0,554 on the page, becomes 0,454, with every hash made to fit.
    place = page.index(">0,554</data>")
    forged(copy, "report.da.html", (page[:place] + ">0,454</data>" + page[place + len(">0,554</data>") :]).encode())
    (fault,) = [each for each in copy.verify(untouched=True).faults if each.kind == "number"]
    assert fault.file == "report/report.da.html" and "effects.csv#sweden_rollout/" in fault.where
    assert (fault.found, fault.expected) == ("reads '0,454'", "the row says '0,554'")


def test_a_sentence_that_is_forged_is_seen_when_the_page_is_rendered_again(copy):
    page = (copy.folder / REPORT / "report.da.html").read_text(encoding="utf-8")
    forged(copy, "report.da.html", page.replace("sjældent ville give", "aldrig ville give").encode())
    faults = copy.verify(untouched=True).faults
    assert [(each.kind, each.file) for each in faults] == [("report", "report/report.da.html")]


def test_a_result_that_is_changed_is_named_and_so_are_the_numbers_that_rest_on_it(copy):
    place = copy.folder / "effects.csv"
    text = place.read_text(encoding="utf-8")
    place.write_text(text.replace("0.5539898432", "0.4539898432"), encoding="utf-8")
    faults = copy.verify().faults
    assert faults[0].kind == "result" and faults[0].file == "effects.csv"
    wrong = [each for each in faults if each.kind == "number" and each.file.endswith("html") and "'0,554'" in each.found]
    assert wrong and all("effects.csv itself has changed" in each.expected for each in wrong)


def test_the_setting_that_changed_is_named(copy):
    text = copy.study_file.read_text(encoding="utf-8")
    assert "after = 24" in text
    copy.study_file.write_text(text.replace("after = 24", "after = 12", 1), encoding="utf-8")
    faults = [each for each in copy.verify().faults if each.kind == "setting"]
    (fault,) = faults
    assert fault.where == "specification 'stacked, two years', after"
    assert (fault.found, fault.expected) == ("12 now", "24 when run")


def test_the_code_file_that_changed_is_named(copy):
    place = copy.folder / REPORT / "report.json"
    record = json.loads(place.read_text(encoding="utf-8"))
    manifest_place = copy.folder / "manifest.json"
    manifest = json.loads(manifest_place.read_text(encoding="utf-8"))
    manifest["code_sha256"] = record["code_sha256"] = "0" * 64
    record["code"]["gvi_eval/effect.py"] = "1" * 64
    manifest_place.write_bytes(json_bytes(manifest))
    place.write_bytes(json_bytes(sealed(record)))
    faults = [each for each in copy.verify().faults if each.kind == "code"]
    assert [each.file for each in faults] == ["gvi_eval/effect.py"] and code_hash() != "0" * 64


def test_a_file_that_is_missing_and_one_that_nobody_wrote_are_named(copy):
    (copy.folder / "pairs.csv").unlink()
    (copy.folder / "extra.csv").write_text("a\n1\n")
    (copy.folder / REPORT / "report.da.html").unlink()
    said = {(each.file, each.found) for each in copy.verify().faults}
    assert {("pairs.csv", "the file is missing"), ("extra.csv", "no run wrote this file")} <= said
    assert ("report/report.da.html", "the file is missing") in said


def test_a_manifest_that_is_no_json_is_a_fault_and_no_crash(copy):
    place = copy.folder / "manifest.json"
    place.write_text(place.read_text(encoding="utf-8").replace('"run": "', '"run": ', 1), encoding="utf-8")
    (fault,) = copy.verify().faults
    assert (fault.kind, fault.file) == ("record", "manifest.json") and "cannot be read" in fault.found


def test_results_without_a_report_are_verified_as_well(copy):
    shutil.rmtree(copy.folder / REPORT)
    assert copy.verify(untouched=True).holds
    assert verify(replace(copy).folder, copy.study_file, root=copy.root).numbers == 0


def test_a_study_that_is_run_again_gives_the_saved_numbers_or_says_which_it_does_not(write_study, plain_figures, tmp_path):
    study_file = write_study(tmp_path / "town")
    folder = tmp_path / "reports" / "town"
    publish(run_study(study_file), folder)
    write_reports(folder, study_file, ("en",), ("html",))
    assert verify(folder, study_file, recompute=True).faults == ()
    place = folder / "effects.csv"
    place.write_text(place.read_text(encoding="utf-8").replace("0.5454545455", "0.5554545455"), encoding="utf-8")
    faults = [each for each in verify(folder, study_file, recompute=True, untouched=False).faults if each.kind == "recomputed"]
    assert faults and all("0.5454545455 computed again: differs by 0.01" in each.expected for each in faults)


def test_a_recomputed_number_may_differ_by_half_the_last_digit_that_is_written():
    # 0.3774 against 0.3779 is 0.0005, which is what a ratio with three decimals can hide; 0.3780 is more.
    assert list(_compared("row", "point", "0.3774", "0.37789")) == []
    (fault,) = _compared("row", "point", "0.3774", "0.3784")
    assert "differs by 0.001" in fault.expected and "tolerance 0.0005" in fault.expected
    (words,) = _compared("row", "refusal", "", "no fit")
    assert words.kind == "recomputed"
