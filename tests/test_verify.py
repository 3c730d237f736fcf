"""Verification: one digit changed anywhere is named, a forged page is caught by its numbers, an untouched one holds."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from planted_edits import KINDS, Copy, copied, planted

from gvi_eval.hashing import code_hash, file_hash
from gvi_eval.publish import publish
from gvi_eval.report.write import REPORT, sealed, write_reports
from gvi_eval.run import run_study
from gvi_eval.verify import verify
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


@pytest.fixture(scope="module")
def town(new_document, write_study, tmp_path_factory):
    """A study file and the folder of its results, without figures."""
    place = tmp_path_factory.mktemp("town")
    study_file = write_study(place / "town", new_document())
    folder = place / "reports" / "town"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gvi_eval.figures.study.draw_study", lambda *args, **words: [])
        publish(run_study(study_file), folder)
        write_reports(folder, study_file, ("en",), ("html",))
    return study_file, folder


@pytest.fixture
def own_town(town, tmp_path):
    """One that a test may change."""
    study_file, folder = town
    shutil.copytree(study_file.parent, tmp_path / "town")
    shutil.copytree(folder, tmp_path / "reports" / "town")
    return tmp_path / "town" / study_file.name, tmp_path / "reports" / "town"


def recomputed(study_file, folder):
    result = verify(folder, study_file, recompute=True, untouched=False)
    return [each for each in result.faults if each.kind == "recomputed"]


def test_a_study_that_is_run_again_gives_the_saved_numbers(town):
    study_file, folder = town
    assert verify(folder, study_file, recompute=True).faults == ()


def test_a_number_changed_in_any_table_is_named_with_its_table_row_and_column(own_town):
    study_file, folder = own_town
    changed = {}
    for place in sorted(folder.rglob("*.csv")):
        with place.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            columns, lines = reader.fieldnames, list(reader)
        cells = [(n, name) for n, line in enumerate(lines) for name in columns if "." in line[name] and is_float(line[name])]
        if cells:
            number, column = cells[-1]
            lines[number][column] = str(float(lines[number][column]) * 1.02)
            with place.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(lines)
            changed[place.relative_to(folder).as_posix()] = column
    faults = recomputed(study_file, folder)
    assert {"effects.csv", "pairs.csv", "threats.csv", "tipping.csv"} <= changed.keys()
    assert {"paths", "diagnostics"} <= {name.split("/")[0] for name in changed}
    assert {each.file: each.where.split(", ")[-1] for each in faults} == changed and len(faults) == len(changed)
    assert all("the saved table itself has changed" in each.expected and "differs by" in each.expected for each in faults)


def is_float(text: str) -> bool:
    try:
        return bool(float(text))
    except ValueError:
        return False


def test_a_row_taken_out_of_a_table_is_named_and_no_other(own_town):
    study_file, folder = own_town
    place = folder / "tipping.csv"
    lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) > 3
    place.write_text("".join([lines[0], *lines[2:]]), encoding="utf-8")
    (fault,) = recomputed(study_file, folder)
    assert fault.file == "tipping.csv" and all(part in lines[1] for part in fault.where.split(", "))
    assert fault.found == "'no such row' saved" and "it is new computed again" in fault.expected


def test_the_input_that_changed_is_named_beside_each_number_that_moved(own_town):
    study_file, folder = own_town
    table, origin = study_file.parent / "counts.csv", study_file.parent / "counts.origin.toml"
    before = file_hash(table)
    table.write_text(table.read_text(encoding="utf-8").replace(",22,", ",23,", 1), encoding="utf-8")
    (fault,) = recomputed(study_file, folder)  # the table is not the one of its origin record, so nothing is run
    assert "cannot be run again" in fault.found and "changed since: input counts.csv" in fault.expected
    origin.write_text(origin.read_text(encoding="utf-8").replace(before, file_hash(table)), encoding="utf-8")
    faults = recomputed(study_file, folder)
    assert {"effects.csv", "pairs.csv", "tipping.csv"} < {each.file for each in faults}
    assert all("changed since: input counts.csv" in each.expected for each in faults)


def test_the_setting_that_changed_is_named_beside_each_number_that_moved(own_town):
    study_file, folder = own_town
    head, season, tail = study_file.read_text(encoding="utf-8").rpartition('"season" = "none"')
    assert season and "burglary, level + trend" in head[-120:]
    study_file.write_text(f'{head}{season}, "covariance" = "newey_west"{tail}', encoding="utf-8")
    faults = recomputed(study_file, folder)
    assert {"effects.csv", "pairs.csv"} <= {each.file for each in faults}
    words = "setting study.toml, specification 'burglary, level + trend', covariance"
    assert all("burglary" in each.where and words in each.expected for each in faults if each.file == "effects.csv")


def test_a_table_that_was_not_saved_is_named(own_town):
    study_file, folder = own_town
    (folder / "agreement.csv").unlink()
    (fault,) = recomputed(study_file, folder)
    assert (fault.file, fault.found) == ("agreement.csv", "the table was not saved")
