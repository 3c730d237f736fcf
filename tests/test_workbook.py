"""Workbooks: read as text, and refused by their size before anything is unpacked."""

import io
import zipfile
from datetime import date, datetime

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval import workbook
from gvi_eval.errors import DataError
from gvi_eval.workbook import is_workbook, sheets


def book(*rows):
    page = io.BytesIO()
    with xlsxwriter.Workbook(page, {"default_date_format": "yyyy-mm-dd", "in_memory": True}) as made:
        sheet = made.add_worksheet("One")
        for line, cells in enumerate(rows):
            sheet.write_row(line, 0, cells)
        made.add_worksheet("Two").write(0, 0, "x")
    return page.getvalue()


def read(data):
    return {title: list(rows) for title, rows in sheets(data, "a.xlsx")}


def packed(parts, compression=zipfile.ZIP_DEFLATED):
    page = io.BytesIO()
    with zipfile.ZipFile(page, "w", compression) as made:
        for name, content in parts:
            made.writestr(name, content)
    return page.getvalue()


def test_by_hand():
    rows = read(book(["area", "count", None], [], ["Malmö", 3, 0.5, True, date(2022, 3, 31), datetime(2022, 3, 31, 12)]))
    assert rows["Two"] == [(1, ["x"])]
    assert rows["One"] == [
        (1, ["area", "count"]),
        (2, []),
        (3, ["Malmö", "3", "0.5", "true", "2022-03-31", "2022-03-31 12:00:00"]),
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "of the old kind"),
        (b"PK\x03\x04 and no more", "is no Excel workbook or is damaged"),
        (packed([("a.txt", "x")]), "cannot be read as an Excel workbook"),
        (packed([("xl/sheet.xml", b"\0" * 30_000_000)]), "times its size, as no table does"),
        (packed([(f"{number}", "") for number in range(2001)]), "packed of 2,001 parts"),
        (book(["x"])[:-30], "is no Excel workbook or is damaged"),
    ],
)
def test_a_bomb_and_what_is_damaged_are_refused(data, sentence):
    assert is_workbook(data)
    with pytest.raises(DataError, match=sentence):
        read(data)


def test_more_than_a_table_can_hold_is_refused(monkeypatch):
    monkeypatch.setattr(workbook, "MOST_BYTES", 1000)
    with pytest.raises(DataError, match="bytes, more than 1,000"):
        read(book(["x"]))
    monkeypatch.undo()
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    with pytest.raises(DataError, match="more than 2 rows"):
        read(book(["x"], ["y"], ["z"]))


@given(st.integers(0, 5000), st.binary(min_size=1, max_size=8))
def test_nothing_but_a_data_error_comes_of_a_damaged_workbook(place, damage):
    data = book(["area", "count"], ["Malmö", 3])
    place %= len(data)
    broken = data[:place] + damage + data[place + len(damage) :]
    try:
        read(broken)
    except DataError as fault:
        assert "a.xlsx" in str(fault)
