"""The reports of a folder: the same bytes whatever the clock, the language of the machine or the seed of hashes."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256

import openpyxl
import pytest

from gvi_eval.errors import DataError
from gvi_eval.report.document import Quote, Value
from gvi_eval.report.html import html_bytes
from gvi_eval.report.saved import Saved
from gvi_eval.report.study_report import study_report
from gvi_eval.report.write import RECORD, REPORT, SEAL, sealed, write_reports
from gvi_eval.resources import CHECKOUT
from gvi_eval.verify import _rendered_again

STUDY = "sweden_rollout"
FILE = CHECKOUT / "analyses" / STUDY / "study.toml"
ELSEWHERE = {"TZ": "Pacific/Auckland", "LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "7"}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(CHECKOUT / "reports" / STUDY, tmp_path / STUDY, ignore=shutil.ignore_patterns(REPORT))
    return tmp_path / STUDY


def hashes(folder) -> dict[str, str]:
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted((folder / REPORT).iterdir())}


def test_the_same_bytes_elsewhere(folder, tmp_path):
    write_reports(folder, FILE, ("da",))
    other = tmp_path / "other" / STUDY
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns(REPORT))
    code = f"from pathlib import Path; from gvi_eval.report.write import write_reports; write_reports(Path({str(other)!r}), Path({str(FILE)!r}), ('da',))"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | ELSEWHERE | {"PYTHONPATH": str(CHECKOUT)})
    assert hashes(folder) == hashes(other)
    assert set(hashes(folder)) == {"report.da.html", "report.da.pdf", "tables.xlsx", "data.zip", RECORD}


def test_the_record_names_every_file_row_and_source(folder):
    record = write_reports(folder, FILE, ("en", "sv"), ("html",))
    assert record == json.loads((folder / REPORT / RECORD).read_text(encoding="utf-8"))
    assert record["files"] == {name: digest for name, digest in hashes(folder).items() if name != RECORD}
    assert sealed(record)[SEAL] == record[SEAL] and sealed(record | {"run": "x"})[SEAL] != record[SEAL]
    assert any(name.endswith(".origin.toml") for name in record["made_from"])
    assert f"effects.csv#{STUDY}/imputation of counts: all/2018-10 to 2023-09/ratio" in record["rows"] or record["rows"]


def test_another_language_is_added_and_a_stale_page_removed(folder):
    write_reports(folder, FILE, ("en",), ("html",))
    write_reports(folder, FILE, ("sv",), ("html",))
    assert {"report.en.html", "report.sv.html"} <= set(hashes(folder))
    (folder / "threats.csv").write_text((folder / "threats.csv").read_text() + "\n")
    write_reports(folder, FILE, ("sv",), ("html",))
    assert "report.en.html" not in hashes(folder)


def linked(folder, language: str) -> set[str]:
    """The languages to which a page leads."""
    page = (folder / REPORT / f"report.{language}.html").read_text(encoding="utf-8")
    return set(re.findall(r'<a href="report\.(\w\w)\.html"', page))


def test_a_page_leads_to_the_languages_that_are_there_and_to_no_other(folder):
    write_reports(folder, FILE, ("da",), ("html",))
    assert linked(folder, "da") == set()
    write_reports(folder, FILE, ("en",), ("pdf",))
    assert linked(folder, "da") == set() and "report.en.pdf" in hashes(folder)
    record = write_reports(folder, FILE, ("sv",), ("html", "xlsx"))
    assert linked(folder, "da") == {"sv"} and linked(folder, "sv") == {"da"}
    assert list(_rendered_again(Saved(folder, FILE), record)) == []  # verify has the same links in mind
    (folder / "threats.csv").write_text((folder / "threats.csv").read_text() + "\n")
    write_reports(folder, FILE, ("da",), ("html",))
    assert linked(folder, "da") == set() and "report.sv.html" not in hashes(folder)


def test_every_number_is_looked_up_and_no_digit_stands_in_the_prose(folder):
    """Prose between values has no digit of its own, but for names: of threats, hashes and the run."""
    document = study_report(folder, FILE, "da")
    saved = Saved(folder, FILE)
    for value in document.values():
        assert saved.lookup(value.file, value.row, value.column) == value.raw
    quotes = [quote for quote in document.quotes() if quote.file != "references.toml"]
    assert quotes and all(saved.lookup(each.file, each.row, each.column) == each.text for each in quotes)
    prose = [part for line in document.lines() for part in line if isinstance(part, str)]
    names = ("sha256", saved.manifest["run"], *(f"T{n}" for n in range(23, 0, -1)))  # T10 before T1
    for text in prose:
        for name in names:
            text = text.replace(name, "")
        assert not any(sign.isdigit() for sign in text), text


def test_what_was_not_run_is_said(folder):
    for name in ("threats.csv", "power.csv", "pairs.csv", "comparisons.csv"):
        (folder / name).unlink(missing_ok=True)
    page = html_bytes(study_report(folder, FILE, "en")).decode()
    for words in ("The battery of threats: not run.", "Power: not run.", "The tipping-point table: not run."):
        assert words in page


def test_a_study_file_that_changed_since_stops_the_report(folder, tmp_path):
    changed = tmp_path / "study.toml"
    changed.write_text(FILE.read_text(encoding="utf-8") + "\n# later\n", encoding="utf-8")
    with pytest.raises(DataError, match="is not the file that was run"):
        study_report(folder, changed, "en")


def test_foreign_words_are_marked_and_own_words_are_not(folder):
    danish, english = (html_bytes(study_report(folder, FILE, language)).decode() for language in ("da", "en"))
    assert '<html lang="da">' in danish and '<q lang="en"' in danish and '<q lang="en"' not in english


def test_the_workbook_has_one_table_a_sheet_and_no_merged_cell(folder):
    write_reports(folder, FILE, ("en",), ("xlsx",))
    book = openpyxl.load_workbook(folder / REPORT / "tables.xlsx")
    effects = book["effects"]
    assert effects["A1"].value == "effects.csv" and effects["A3"].value == "id"
    assert all(not book[name].merged_cells.ranges for name in book.sheetnames)
    heads = [cell.value for cell in effects[3]]
    assert effects.cell(4, heads.index("point") + 1).value == pytest.approx(
        float(Saved(folder).lookup("effects.csv", effects["A4"].value, "point"))
    )


def test_the_zip_is_a_data_package(folder):
    write_reports(folder, FILE, ("en",), ("zip",))
    with zipfile.ZipFile(folder / REPORT / "data.zip") as archive:
        package = json.loads(archive.read("datapackage.json"))
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for resource in package["resources"]:
            content = archive.read(resource["path"])
            assert resource["hash"] == f"sha256:{sha256(content).hexdigest()}" and resource["bytes"] == len(content)
        assert {resource["path"] for resource in package["resources"]} == set(archive.namelist()) - {"datapackage.json"}
    effects = next(each for each in package["resources"] if each["path"] == "effects.csv")
    types = {field["name"]: field["type"] for field in effects["schema"]["fields"]}
    assert (types["point"], types["headline"], types["unit"]) == ("number", "boolean", "string")


def test_parts_of_a_document_know_their_row():
    assert Value("effects.csv", "a", "point", "0.5", "ratio").place == "effects.csv#a"
    assert Quote("words", "pairs.csv", "2", "sentence").place == "pairs.csv#2"
