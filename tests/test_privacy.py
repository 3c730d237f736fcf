"""Identity numbers are found wherever they stand and never repeated; public tables raise no alarm.

Every number here is computed from parts, so that no identity number stands in the repository itself.
"""

import json
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gvi_eval.errors import DataError
from gvi_eval.privacy import COORDINATION, CPR, PERSONAL, WITHHELD, disclosures, identity_numbers, masked, safe_name
from gvi_eval.tables import check_path

ROOT = Path(__file__).resolve().parents[1]


def cpr(day="14", month="03", year="62", serials=range(100, 400)):
    """A Danish number with a right check digit for that day."""
    stem = f"{day}{month}{year}"
    weights = (4, 3, 2, 7, 6, 5, 4, 3, 2)
    for serial in serials:
        total = sum(weight * int(digit) for weight, digit in zip(weights, f"{stem}{serial}", strict=True))
        if total % 11 != 1:
            return f"{stem}{serial}{-total % 11}"
    raise AssertionError(f"no serial number gives {stem} a check digit")


def swedish(birthday="620314", serial="238"):
    """A Swedish number whose last digit makes the Luhn sum a multiple of ten."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(birthday + serial)]
    return f"{birthday}{serial}{-sum(sum(divmod(value, 10)) for value in doubled) % 10}"


def split(number, mark="-"):
    return f"{number[:-4]}{mark}{number[-4:]}"


def wrong_check(number):
    return f"{number[:-1]}{(int(number[-1]) + 1) % 10}"


def write(folder, text, name="counts.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (split(cpr()), CPR),
        (cpr(), CPR),
        (split(cpr(), " "), CPR),
        (split(cpr(), "\u2013"), CPR),
        (f"seen with {split(cpr())}, 2019", CPR),
        (f"({cpr()})", CPR),
        (f"sag_{cpr()}_bilag", CPR),
        (split(swedish()), PERSONAL),
        (swedish(), PERSONAL),
        (split(swedish(), "+"), PERSONAL),
        ("19" + swedish(), PERSONAL),
        ("19" + split(swedish()), PERSONAL),
        (split(swedish("620374")), COORDINATION),
        ("19" + swedish("620374"), COORDINATION),
        (split(swedish("000229")), PERSONAL),
    ],
)
def test_every_way_of_writing_is_found(text, kind):
    assert identity_numbers(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        split(wrong_check(cpr())),
        wrong_check(swedish()),
        split(swedish("621314")),
        split(swedish("620392")),
        "19" + swedish("000229"),
        "17" + swedish(),
        cpr(day="29", month="02", year="61"),
        "a" + cpr(),
        cpr() + "b",
        "7" + cpr(),
        cpr() + "7",
        "0." + cpr(),
        cpr() + ".5",
        split(cpr(), "/"),
        split(cpr(), "."),
    ],
)
def test_what_is_no_identity_number_is_let_through(text):
    assert identity_numbers(text) == []


def test_a_first_of_january_counts_without_its_check_digit():
    born_that_day = wrong_check(cpr(day="01", month="01"))
    assert identity_numbers(split(born_that_day)) == [CPR]
    assert identity_numbers(born_that_day) == [CPR]
    assert identity_numbers(split(born_that_day, " ")) == []
    assert identity_numbers(split(wrong_check(cpr(day="02", month="01")))) == []


def test_the_serial_number_tells_whether_the_year_00_had_a_leap_day():
    assert identity_numbers(split(cpr("29", "02", "00", serials=range(100, 400)))) == []
    assert identity_numbers(split(cpr("29", "02", "00", serials=range(400, 1000)))) == [CPR]


def test_in_a_web_address_only_the_hyphenated_form_counts():
    address = "https://example.org/malmo/{}?ref=rss"
    assert identity_numbers(address.format(cpr())) == []
    assert identity_numbers(address.format("19" + swedish())) == []
    assert identity_numbers(address.format(split(cpr()))) == [CPR]
    assert identity_numbers(address.format(split(wrong_check(cpr(day="01", month="01"))))) == []
    assert identity_numbers(address.format("x") + f" {cpr()}") == [CPR]


@settings(deadline=None)
@given(st.dates(min_value=date(1800, 1, 1), max_value=date(2099, 12, 31)), st.integers(0, 999))
def test_any_swedish_birthday_is_found_and_any_other_check_digit_is_not(day, serial):
    number = swedish(f"{day:%y%m%d}", f"{serial:03}")
    century = f"{day.year // 100}"
    assert PERSONAL in identity_numbers(century + split(number))
    assert identity_numbers(century + split(wrong_check(number))) == []


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_a_masked_text_never_holds_the_number(before, after):
    number = split(cpr())
    text = f"{before} {number} {after}"
    assert number not in masked(text)
    assert WITHHELD in masked(text)


def test_a_number_is_placed_by_line_and_column_and_not_repeated(tmp_path):
    note = f'"two lines,\nand {split(cpr())}"'
    path = write(tmp_path, f"area,count,note\nMalmö,1,\nLund,2,{note}\nYstad,{swedish()},\n")
    found = disclosures(path)
    assert [(one.line, one.column, one.kind) for one in found] == [(3, "note", CPR), (5, "count", PERSONAL)]
    for one in found:
        assert cpr()[-4:] not in str(one) and swedish()[-4:] not in str(one)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_scan_reads_what_the_contract_refuses(tmp_path, encoding, delimiter):
    text = f"område,note\nMalmö,{split(cpr())}\n".replace(",", delimiter)
    [found] = disclosures(write(tmp_path, text, encoding=encoding))
    assert (found.line, found.column, found.kind) == (2, "note", CPR)


def test_a_file_without_a_header_does_not_leak_through_the_column_name(tmp_path):
    found = disclosures(write(tmp_path, f"Malmö,{split(cpr())}\nLund,{split(swedish())}\n"))
    assert [(one.line, one.column, one.kind) for one in found] == [(1, WITHHELD, CPR), (2, WITHHELD, PERSONAL)]


def test_a_number_in_the_file_name_is_found_and_masked(tmp_path):
    path = write(tmp_path, f"area,note\nMalmö,{split(cpr())}\n", name=f"sag_{split(cpr())}.csv")
    found = disclosures(path)
    assert [(one.line, one.kind) for one in found] == [(None, f"{CPR} in the file name"), (2, CPR)]
    assert safe_name(path).endswith(f"/sag_{WITHHELD}.csv")
    assert all(split(cpr()) not in str(one) for one in found)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("CPR-nr", "column of identity numbers"),
        ("personnr", "column of identity numbers"),
        ("personnummer", "column of identity numbers"),
        ("pnr", "column of identity numbers"),
        ("diarienr", "column of case file numbers"),
        ("namn", "column of names of persons"),
        ("Navn", "column of names of persons"),
        ("name", "column of names of persons"),
        ("x_coord", "column of exact places"),
        ("Latitude", "column of exact places"),
    ],
)
def test_columns_about_individuals_are_flagged(tmp_path, column, kind):
    [found] = disclosures(write(tmp_path, f"area,{column}\nMalmö,1\n"))
    assert (found.line, found.column, found.kind) == (1, column, kind)


def test_columns_about_places_are_not_flagged(tmp_path):
    assert disclosures(write(tmp_path, "area_name,unit,latest,lone_actor,spnr2\nMalmö,1,2,3,4\n")) == ()


def workbook(path, rows, **more):
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("Figures").write_row(0, 0, ["area", "count"])
        sheet = book.add_worksheet(more.get("sheet", "Hidden"))
        sheet.hide()
        for line, cells in enumerate(rows):
            sheet.write_row(line, 0, cells)
        if "comment" in more:
            sheet.write_comment("A1", more["comment"])
        book.set_properties({"author": more.get("author", ""), "created": datetime(2026, 1, 1)})
    return path


def test_a_workbook_is_scanned_sheet_by_sheet_hidden_ones_too(tmp_path):
    rows = [["A title"], ["area", "note"], ["Malmö", f"seen with {split(cpr())}"]]
    [found] = disclosures(workbook(tmp_path / "book.xlsx", rows))
    assert (found.line, found.column, found.kind) == (3, "note", CPR) and found.file.endswith("book.xlsx[Hidden]")
    renamed = (tmp_path / "book.xlsx").rename(tmp_path / "book.csv")
    assert [one.kind for one in disclosures(renamed)] == [CPR]


def test_columns_comments_properties_and_sheet_names_of_a_workbook_are_scanned(tmp_path):
    [column] = disclosures(workbook(tmp_path / "a.xlsx", [["area", "personnr"], ["Malmö", 1]]))
    assert (column.line, column.kind) == (1, "column of identity numbers")
    for more in ({"comment": split(cpr())}, {"author": split(cpr())}):
        [beside] = disclosures(workbook(tmp_path / "b.xlsx", [["area", "n"]], **more))
        assert beside.kind == f"{CPR} in a comment or property"
    found = disclosures(workbook(tmp_path / "c.xlsx", [["area", "n"]], sheet=split(swedish())))
    assert [one.kind for one in found][0] == f"{PERSONAL} in the name of a sheet"
    assert all(split(swedish()) not in str(one) for one in found)


def test_a_workbook_of_figures_raises_no_alarm(tmp_path):
    rows = [["area", "people", "rate"], *([f"Area {place}", 300_000 + place, place / 7] for place in range(200))]
    assert disclosures(workbook(tmp_path / "figures.xlsx", rows)) == ()


def test_a_danish_number_whose_zero_was_dropped_is_found_in_a_cell_of_its_own(tmp_path):
    number = cpr(day="04")
    assert number.startswith("04")
    path = write(tmp_path, f"area,count\nMalmö,{number[1:]}\nLund,{wrong_check(number)[1:]}\nYstad,a {number[1:]}\n")
    assert [(one.line, one.column, one.kind) for one in disclosures(path)] == [(2, "count", CPR)]


def test_json_is_scanned_texts_numbers_and_names(tmp_path):
    document = {
        "rows": [{"area": "Malmö", "note": split(cpr())}],
        split(swedish()): 1,
        "n": int(cpr()),
        "cpr": None,
        "name": "x",
    }
    found = disclosures(write(tmp_path, json.dumps(document), name="a.json"))
    assert sorted(one.kind for one in found) == sorted([CPR, CPR, f"{PERSONAL} as a name", "name of identity numbers"])
    assert all(cpr() not in str(one) and split(cpr()) not in str(one) and split(swedish()) not in str(one) for one in found)


def test_json_of_figures_raises_no_alarm_and_broken_json_is_read_as_text(tmp_path):
    figures = {"value": [1.5, 20170101, 318107, None], "name": "Malmö", "label": {"0180": "Stockholm"}}
    assert disclosures(write(tmp_path, json.dumps(figures), name="a.json")) == ()
    [found] = disclosures(write(tmp_path, f'{{"note": "{split(cpr())}"', name="b.json"))
    assert found.kind == CPR


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 200, b"\xd0\xcf\x11\xe0"])
def test_a_workbook_that_cannot_be_opened_is_refused_with_the_way_out(tmp_path, content):
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(
        DataError, match=r"a\.xlsx cannot be looked through for persons, so it may not come in: it is .*; .*save it"
    ):
        disclosures(tmp_path / "a.xlsx")
    [found] = check_path(tmp_path / "a.xlsx").violations
    assert found.rule.startswith("the file is an Excel workbook")


def test_one_workbook_that_cannot_be_opened_does_not_hide_the_rest_of_a_folder(tmp_path):
    write(tmp_path, "area,note\nLund,\n", name="notes.csv")
    (tmp_path / "raw.xlsx").write_bytes(b"PK\x03\x04damaged")
    workbook(tmp_path / "other.xlsx", [["area", "note"], ["Lund", split(cpr())]])
    report = check_path(tmp_path)
    assert [one.kind for one in report.disclosures] == [CPR]
    said = [str(one) for one in report.violations if "raw.xlsx" in one.file]
    assert len(said) == 1 and "cannot be looked through for persons" in said[0] and "fetch or save it again" in said[0]


@pytest.mark.parametrize("change", ["a password", "a bad sum", "an unknown packing"])
def test_a_part_beside_the_sheets_that_cannot_be_unpacked_is_refused(tmp_path, change):
    whole = workbook(tmp_path / "a.xlsx", [["area"], ["Lund"]]).read_bytes()
    at = whole.rindex(b"docProps/core.xml") - 46  # its entry in the list of parts
    assert whole[at : at + 4] == b"PK\x01\x02"
    place, value = {"a password": (8, b"\x01"), "a bad sum": (16, b"\x01\x02\x03\x04"), "an unknown packing": (10, b"\x63")}[
        change
    ]
    damaged = whole[: at + place] + value + whole[at + place + len(value) :]
    (tmp_path / "b.xlsx").write_bytes(damaged)
    with pytest.raises(DataError, match=r"b\.xlsx cannot be looked through for persons, .*; "):
        disclosures(tmp_path / "b.xlsx")


def test_what_was_found_before_a_workbook_broke_off_is_not_lost(tmp_path):
    file = tmp_path / f"{split(cpr())}.xlsx"
    file.write_bytes(b"PK\x03\x04damaged")
    assert [one.kind for one in disclosures(file)] == [f"{CPR} in the file name"]


CELLS = st.sampled_from(
    [
        "Lund",
        "",
        "2017-01-01",
        split(cpr()),
        cpr(),
        cpr(day="04")[1:],
        "328494",
        "0401234567",
        '"a,b"',
        '"two\nlines"',
        '"open',
        "å",
        "{",
        "[",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=5),
    st.sampled_from([",", ";"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"]),
    st.sampled_from(["a.csv", "a.txt", "a.json"]),
)
def test_a_file_is_scanned_line_by_line_as_it_is_as_a_whole(tmp_path, rows, mark, end, encoding, name):
    content = end.join([mark.join(row) for row in (["area", "name", "note"], *rows)]).encode(encoding)
    file = tmp_path / name
    file.write_bytes(content)
    assert disclosures(file) == disclosures(file, content)


def test_check_scans_what_else_lies_in_a_folder(tmp_path):
    write(tmp_path, "area,note\nLund,\n", name="notes.csv")
    workbook(tmp_path / "raw.xlsx", [["area", "note"], ["Lund", split(cpr())]])
    (tmp_path / "snapshots").mkdir()
    write(tmp_path / "snapshots", f"area;note\nLund;{split(cpr())}\n", name="raw.csv")
    assert [one.kind for one in check_path(tmp_path).disclosures] == [CPR, CPR]


def test_figures_dates_and_addresses_of_a_public_table_raise_no_alarm(tmp_path):
    rows = [
        "2017-01-01,318107,228361.083333333,https://ekstrabladet.dk/112/nye-bandetal/8315937",
        f"20170101-20171231,5707251,0.{cpr()},https://example.org/artikel/{cpr()}",
        "2017Q1,1442,1.5e-10,doi:10.1080/07418825.2012.707231",
        "2016-01-01/2016-12-31,10 123 456,1,+46 40 34 10 00",
    ]
    assert disclosures(write(tmp_path, "\n".join(["period,people,rate,url", *rows, ""]))) == ()


def test_the_tables_of_the_repository_hold_no_one():
    tables = sorted((ROOT / "analyses" / "data").rglob("*.csv"))
    assert tables, "analyses/data holds no table, so this test would prove nothing"
    assert [one for table in tables for one in disclosures(table)] == []


def test_the_text_of_the_repository_holds_no_identity_number():
    folders = [ROOT / name for name in ("gvi_eval", "tests", "data_schemas", "analyses")]
    paths = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".toml", ".json", ".md", ".csv")
    ]
    lines = (line for path in paths for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    assert sum(len(identity_numbers(line)) for line in lines) == 0
