"""A file becomes a frame only if it is a plain CSV, names nobody and keeps its schema."""

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import DataError, DisclosureError
from gvi_eval.privacy import WITHHELD
from gvi_eval.schema import TextTable, load_schema, schema_from
from gvi_eval.tables import Origin, check_path, load_package, read_origin, read_table, read_text

ROOT = Path(__file__).resolve().parents[1]
PLANTED = Path(__file__).parent / "data" / "planted"
COUNTS = load_schema(PLANTED / "planted_counts.schema.json")
NOTES = schema_from({"name": "notes", "fields": [{"name": "area"}, {"name": "note"}]}, "notes.schema.json")
# A birthday on 1 January counts without a check digit, so this is one although nobody can hold it.
NUMBER = "-".join(["0101" + "62", "0" * 4])


def write(folder, content, name="notes.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_valid_table_becomes_a_frame_whose_index_is_the_line():
    frame = read_table(PLANTED / "valid.csv", COUNTS)
    assert frame.index.name == "line" and list(frame.index) == [2, 3, 4]
    assert list(frame["country"]) == ["SE", "NO", "NA"]
    assert list(frame["count"]) == [12, 0, 7]
    assert frame["start"].iloc[0] == pd.Timestamp(2017, 1, 1)
    assert frame.loc[3, "note"] == "preliminary, to mid-March"


def test_a_blank_is_missing_in_every_type_and_never_zero():
    frame = read_table(PLANTED / "valid.csv", COUNTS)
    assert [str(kind) for kind in frame.dtypes] == ["str", "str", "datetime64[s]", "datetime64[s]", "Int64", "float64", "str"]
    assert pd.isna(frame.loc[4, "end"]) and pd.isna(frame.loc[3, "rate"]) and pd.isna(frame.loc[2, "note"])
    assert not frame["count"].isna().any()


def test_whole_numbers_beyond_a_float_stay_exact(tmp_path):
    whole = schema_from({"fields": [{"name": "people", "type": "integer"}, {"name": "area"}]}, "whole.schema.json")
    path = write(tmp_path, f"people,area\n{2**53 + 1},Lund\n,Ystad\n")
    people = read_table(path, whole)["people"]
    assert people.iloc[0] == 2**53 + 1 and people.iloc[1] is pd.NA


def test_the_line_counts_lines_of_the_file_where_a_cell_runs_over_two(tmp_path):
    frame = read_table(write(tmp_path, 'area,note\r\nLund,"one\r\ntwo"\r\nYstad,\r\n'), NOTES)
    assert list(frame.index) == [2, 4]
    assert frame.loc[2, "note"] == "one\r\ntwo"


def test_references_given_as_frames_are_used():
    areas = read_table(PLANTED / "planted_areas.csv", load_schema(PLANTED / "planted_areas.schema.json"))
    assert len(read_table(PLANTED / "valid.csv", COUNTS, references={"planted_areas": areas})) == 3
    with pytest.raises(DataError, match="'Oslo' does not occur"):
        read_table(PLANTED / "valid.csv", COUNTS, references={"planted_areas": areas[areas["area"] != "Oslo"]})


def test_keys_of_days_and_whole_numbers_match_frames(tmp_path):
    fields = [{"name": "day", "type": "date"}, {"name": "code", "type": "integer"}]
    keys = [{"fields": ["day", "code"], "reference": {"resource": "known", "fields": ["day", "code"]}}]
    plain = schema_from({"fields": fields}, "known.schema.json")
    keyed = schema_from({"fields": fields, "foreignKeys": keys}, "keyed.schema.json")
    known = read_table(write(tmp_path, "day,code\n2017-01-01,101\n2017-01-02,\n"), plain)
    assert len(read_table(write(tmp_path, "day,code\n2017-01-01,101\n"), keyed, references={"known": known})) == 1
    with pytest.raises(DataError, match="'2017-01-02, 101' does not occur"):
        read_table(write(tmp_path, "day,code\n2017-01-02,101\n"), keyed, references={"known": known})


def test_a_broken_table_raises_every_violation():
    with pytest.raises(DataError) as error:
        read_table(PLANTED / "several_at_once.csv", COUNTS)
    lines = str(error.value).splitlines()
    assert lines[0].endswith("several_at_once.csv breaks schema 'planted_counts' in 6 places:")
    assert len(lines) == 7 and "'x' is not a number" in lines[6]


def test_a_very_broken_table_shows_twenty_and_counts_the_rest(tmp_path):
    rows = "".join(f"Malmö,SE,2017-01-01,2017-03-31,-{row},,{row}\n" for row in range(1, 26))
    path = write(tmp_path, "area,country,start,end,count,rate,note\n" + rows)
    with pytest.raises(DataError) as error:
        read_table(path, COUNTS, references={"planted_areas": pd.DataFrame({"area": ["Malmö"]})})
    # 25 negative counts and 24 rows that repeat the first one's key.
    lines = str(error.value).splitlines()
    assert "in 49 places" in lines[0] and len(lines) == 22
    assert lines[-1] == "  ... and 29 more; 'gvi-eval check' lists them all"


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("empty", ["the file is empty"]),
        ("header_only", ["holds a header and no rows"]),
        ("cp1252", ["is not UTF-8, in line 2, but seems to be cp1252 or latin-1"]),
        ("utf16", ["is encoded as UTF-16; convert it with 'iconv -f utf-16 -t utf-8"]),
        ("byte_order_mark", ["starts with a byte order mark"]),
        ("semicolons", ["divided by semicolons, with decimal commas"]),
        ("semicolons_in_cp1252", ["seems to be cp1252", "divided by semicolons, with decimal commas"]),
        ("tabs", ["divided by tabs; open it and save it as CSV in UTF-8 with commas"]),
        ("workbook", ["is an Excel workbook, whatever its name says"]),
        ("web_page", ["is a web page"]),
        ("nul_byte", ["holds a NUL byte, in line 3"]),
        ("open_quote", ["open_quote.csv:3: the quotes in this row do not match"]),
    ],
)
def test_a_file_that_is_no_plain_csv_is_named_for_what_it_is(name, sentences):
    faults = read_text(PLANTED / f"{name}.csv")
    assert len(faults) == len(sentences)
    for fault, sentence in zip(faults, sentences, strict=True):
        assert sentence in str(fault)
    with pytest.raises(DataError) as error:
        read_table(PLANTED / f"{name}.csv", COUNTS)
    assert str(error.value).splitlines() == [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("area,note\n".encode("utf-16-le") + "Malmö,\n".encode("utf-16-le"), "UTF-16"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel workbook"),
        (b"area,note\rLund,\r", "lone carriage return"),
        (b"area|note\nLund|x\n", "divided by vertical bars;"),
        (b"area;note\nLund;1,5 per year\n", "divided by semicolons;"),
        (b" \n\n", "the file is empty"),
        (b'area,note\nLund,"a"b\n', "notes.csv:2: the quotes in this row do not match"),
    ],
)
def test_other_dialects_are_recognised(tmp_path, content, sentence):
    assert sentence in "\n".join(str(fault) for fault in read_text(write(tmp_path, content)))


def test_a_table_of_one_column_and_a_semicolon_in_a_note_are_plain_csv(tmp_path):
    assert isinstance(read_text(write(tmp_path, "area\nLund\n")), TextTable)
    assert isinstance(read_text(write(tmp_path, 'area,"note; long"\nLund,a;b;c\n')), TextTable)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL).filter(any), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_what_is_quoted_by_the_book_is_read_back_exactly(tmp_path_factory, rows, line_end):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [("area", "note"), *rows]]
    path = write(tmp_path_factory.mktemp("quoted"), line_end.join(lines) + line_end)
    assert read_text(path).rows == tuple(rows)


def test_a_table_about_a_person_is_refused_without_repeating_anything(tmp_path):
    path = write(tmp_path, f"area,note\nLund,seen {NUMBER}\n", name=f"sag_{NUMBER}.csv")
    with pytest.raises(DisclosureError, match="seems to hold data about persons in 2 places") as error:
        read_table(path, NOTES)
    assert NUMBER not in str(error.value) and f"sag_{WITHHELD}.csv:2, column 'note'" in str(error.value)


def test_a_missing_table_is_named_with_its_number_masked(tmp_path):
    with pytest.raises(DataError, match="there is no table") as error:
        read_table(tmp_path / f"{NUMBER}.csv", NOTES)
    assert NUMBER not in str(error.value)


RECORD = """title = "Shootings"
publisher = "Malmö stad"
retrieved = 2024-05-31
licence = "CC0"
url = "https://example.org/table"
sha256 = "{sha256}"
notes = ["The definition changed on 1 November 2017."]
"""


def with_origin(folder, **changes):
    path = write(folder, "area,note\nLund,\n")
    text = RECORD.format(sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    for old, new in changes.items():
        text = "".join(line + "\n" for line in text.splitlines() if not line.startswith(f"{old} ="))
        text += f"{old} = {new}\n" if new else ""
    (folder / "notes.origin.toml").write_text(text, encoding="utf-8")
    return path


def test_an_origin_is_read_from_beside_its_table(tmp_path):
    path = with_origin(tmp_path)
    assert read_origin(path) == Origin(
        title="Shootings",
        publisher="Malmö stad",
        licence="CC0",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        urls=("https://example.org/table",),
        retrieved=date(2024, 5, 31),
        notes=("The definition changed on 1 November 2017.",),
    )
    assert read_origin(with_origin(tmp_path, retrieved="", url="", notes="")).retrieved is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"licens": '"CC0"'}, "unknown key 'licens'; use title, publisher"),
        ({"licence": ""}, "the record has no 'licence'; add it as text in quotes"),
        ({"retrieved": '"2024-05-31"'}, "retrieved = '2024-05-31'; write it as a day without quotes"),
        ({"title": "1"}, "title = 1; write it as text in quotes"),
        ({"notes": "["}, "the record is not TOML"),
    ],
)
def test_an_origin_that_is_not_one_is_refused(tmp_path, changes, message):
    path = with_origin(tmp_path, **changes)
    with pytest.raises(DataError) as error:
        read_origin(path)
    assert "notes.origin.toml" in str(error.value) and message in str(error.value)
    assert message in str(check_path(path, NOTES).violations[0])


def test_an_origin_of_another_version_names_both_hashes(tmp_path):
    path = with_origin(tmp_path)
    recorded = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes() + b"Ystad,\n")
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(
        DataError, match=f"{recorded}.*notes.csv has {actual}; fetch the table again, or, if the change is meant"
    ):
        read_origin(path)
    assert recorded in str(check_path(path, NOTES).violations[0])


def test_a_table_without_an_origin_is_told_what_to_write(tmp_path):
    with pytest.raises(DataError, match=r"has no origin record; write .*notes\.origin\.toml with title, publisher"):
        read_origin(write(tmp_path, "area,note\nLund,\n"))


def test_check_summarises_a_table():
    [report] = check_path(PLANTED / "valid.csv", COUNTS).files
    assert (report.schema, report.rows, report.columns) == ("planted_counts", 3, 7)
    assert report.periods == ("2017-01-01", "2017-03-31")


def test_check_scans_for_persons_before_it_reads_and_stops_there(tmp_path):
    write(tmp_path, f"area;note\nLund;{NUMBER}\n", name="a.csv")
    write(tmp_path, "area,note\nLund\n", name="b.csv")
    found = check_path(tmp_path, NOTES)
    assert [Path(report.file).name for report in found.files] == ["a.csv", "b.csv"]
    assert [Path(one.file).name for one in found.disclosures] == ["a.csv"]
    assert [Path(one.file).name for one in found.violations] == ["b.csv"]
    assert found.files[0].rows is None and NUMBER not in repr(found)


def test_check_reads_a_folder_with_its_subfolders(tmp_path):
    (tmp_path / "deep").mkdir()
    with pytest.raises(DataError, match="there is no .csv file in"):
        check_path(tmp_path)
    shutil.copy(PLANTED / "planted_areas.csv", tmp_path / "deep")
    shutil.copy(PLANTED / "valid.csv", tmp_path / "VALID.CSV")
    assert {Path(report.file).name for report in check_path(tmp_path).files} == {"planted_areas.csv", "VALID.CSV"}


def test_check_guesses_the_schema_from_the_header(tmp_path):
    counts = load_schema("counts")
    near = write(tmp_path, ",".join(counts.names[:-1]) + "\n" + "," * (len(counts.names) - 2) + "\n")
    assert check_path(near).files[0].schema == "counts"
    strange = check_path(write(tmp_path, "unit,value,colour,weight\nLund,1,red,2\n", name="strange.csv"))
    assert strange.files[0].schema is None
    said = str(strange.violations[0])
    assert (
        "no schema fits the columns unit, value, colour, weight; name one, as in 'gvi-eval check FILE --schema counts'" in said
    )
    assert "'gvi-eval import'" in said


def test_a_file_outside_the_data_package_is_not_held_to_its_tables(tmp_path):
    copied = shutil.copy(ROOT / "analyses" / "data" / "polismyndigheten" / "national_monthly.csv", tmp_path)
    found = check_path(copied).violations
    assert [one.column for one in found] == ["definition", "source"]
    assert all("could not be checked" in str(one) for one in found)


def test_check_says_which_key_it_could_not_check(tmp_path):
    alone = shutil.copy(PLANTED / "valid.csv", tmp_path)
    [found] = check_path(alone, COUNTS).violations
    assert "could not be checked" in str(found) and "put planted_areas.csv" in found.remedy
    shutil.copy(PLANTED / "planted_areas.csv", tmp_path)
    assert check_path(alone, COUNTS).violations == ()


@pytest.fixture
def package(tmp_path):
    """A data package whose tables lie elsewhere than beside each other."""
    for folder, name in (("counts", "valid"), ("lists", "planted_areas")):
        (tmp_path / folder).mkdir()
        shutil.copy(PLANTED / f"{name}.csv", tmp_path / folder)
    for name in ("planted_counts", "planted_areas"):
        shutil.copy(PLANTED / f"{name}.schema.json", tmp_path)
    resources = [
        {"name": "shootings", "path": "counts/valid.csv", "schema": "planted_counts.schema.json"},
        {"name": "planted_areas", "path": "lists/planted_areas.csv", "schema": "planted_areas.schema.json"},
    ]
    return write(tmp_path, json.dumps({"name": "planted", "resources": resources}), name="datapackage.json")


def test_check_follows_a_data_package(package):
    report = check_path(package)
    assert [one.schema for one in report.files] == ["planted_counts", "planted_areas"]
    assert report.violations == ()
    (package.parent / "lists" / "planted_areas.csv").unlink()
    assert ["could not be checked" in str(one) for one in check_path(package).violations] == [True, False]
    assert "planted_areas.csv: the file is missing" in str(check_path(package).violations[1])


def test_a_data_package_that_is_not_one_is_refused(tmp_path):
    with pytest.raises(DataError, match="give it 'resources', each with 'name', 'path' and 'schema'"):
        load_package(write(tmp_path, '{"resources": [{"name": "a"}]}', name="datapackage.json"))


def test_a_path_to_nothing_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no file or folder"):
        check_path(tmp_path / "nothing.csv")


def test_the_tables_of_the_repository_keep_the_contract():
    report = check_path(ROOT / "analyses" / "data")
    assert report.disclosures == () and [str(one) for one in report.violations] == []
    assert len(report.files) > 20 and all(one.rows for one in report.files)
