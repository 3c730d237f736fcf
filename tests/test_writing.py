"""The same content gives the same bytes, and a folder is written whole or not at all."""

import csv
import io
import json
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.writing import csv_bytes, inert, json_bytes, significant, whole_folder


def test_a_table_is_written_as_an_auditor_reads_it():
    table = pd.DataFrame(
        {
            "place": ["Malmö", None],
            "day": [date(2018, 10, 1), date(2018, 11, 1)],
            "time": pd.to_datetime(["2018-10-01", "2018-11-01"]),
            "period": pd.PeriodIndex(["2018-10", "2018-11"], freq="M"),
            "share": [1 / 3, np.nan],
            "count": [3, 4],
            "yes": [True, False],
        }
    )
    assert csv_bytes(table).decode() == (
        "place,day,time,period,share,count,yes\n"
        "Malmö,2018-10-01,2018-10-01,2018-10,0.3333333333,3,True\n"
        ",2018-11-01,2018-11-01,2018-11,,4,False\n"
    )


def test_writing_leaves_the_table_as_it_was():
    table = pd.DataFrame({"share": [1 / 3, np.nan]})
    csv_bytes(table)
    assert table["share"].iloc[0] == 1 / 3 and np.isnan(table["share"].iloc[1])


def test_there_is_no_minus_before_a_zero():
    assert significant(-0.0) == "0" and csv_bytes(pd.DataFrame({"x": [-0.0]})) == b"x\n0\n"


@given(st.floats(-1e300, 1e300))
def test_ten_digits_are_kept(value):
    assert float(significant(value)) == pytest.approx(value, rel=1e-9, abs=5e-324)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_json_is_strict_stable_and_ends_its_last_line(content):
    written = json_bytes(content)
    again = json.loads(written, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert json_bytes(again) == written and written.endswith(b"\n")


def test_json_sorts_its_keys_and_says_what_is_no_number():
    content = {"b": math.nan, "a": math.inf, "c": (1, 2)}
    assert json.loads(json_bytes(content)) == {"a": "inf", "b": None, "c": [1, 2]}
    assert json_bytes({"b": 1, "a": 2}) == json_bytes({"a": 2, "b": 1})


def files(folder):
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_new_folder_takes_the_place_of_the_old_one(tmp_path):
    for content in ("first", "second"):
        with whole_folder(tmp_path / "deep" / "out") as fresh:
            (fresh / f"{content}.txt").write_text(content)
    assert files(tmp_path) == {"deep/out/second.txt": "second"}


def test_after_an_error_the_old_folder_stands_and_nothing_else_is_left(tmp_path):
    with whole_folder(tmp_path / "out") as fresh:
        (fresh / "kept.txt").write_text("kept")
    with pytest.raises(RuntimeError, match="half-way"), whole_folder(tmp_path / "out") as fresh:
        (fresh / "half.txt").write_text("half")
        raise RuntimeError("half-way")
    assert files(tmp_path) == {"out/kept.txt": "kept"} and [path.name for path in tmp_path.iterdir()] == ["out"]


def test_while_it_is_written_the_old_folder_can_be_read(tmp_path):
    with whole_folder(tmp_path / "out") as fresh:
        (fresh / "a.txt").write_text("old")
    with whole_folder(tmp_path / "out") as fresh:
        (fresh / "a.txt").write_text("new")
        assert (tmp_path / "out" / "a.txt").read_text() == "old"
    assert (tmp_path / "out" / "a.txt").read_text() == "new"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+SUM(A1)",
        "-2+3",
        "@SUM(1)",
        " =1",
        "\t=1",
        "\r=1",
        "\n+x",
        "\uff1dA1",
        "-",
        "--1",
        "+46 40 34",
        "=",
        "-1-1",
    ],
)
def test_a_text_that_a_spreadsheet_would_run_is_written_inert(text):
    for table in (
        pd.DataFrame({"note": [text]}),
        pd.DataFrame({"note": pd.Series([text], dtype=object)}),
        pd.DataFrame({"note": pd.Series([text], dtype="category")}),
    ):
        (_, row) = csv.reader(io.StringIO(csv_bytes(table).decode(), newline=""))
        assert row == [f"'{text}".replace("\r", "\n")]
    assert csv_bytes(pd.DataFrame({text: [1]})).decode().lstrip('"').startswith("'")


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e-05", "-12 %", "a=b", "1+1", "Malmö", "", "2018-10", "x@y", "'=1"])
def test_ordinary_texts_and_numbers_keep_their_bytes(text):
    assert inert(text) == text and csv_bytes(pd.DataFrame({"note": [text, "x"]})).decode().splitlines()[1] in (text, '""')


@given(st.text(max_size=6))
def test_no_cell_of_a_table_begins_as_a_formula_does(text):
    rows = list(csv.reader(io.StringIO(csv_bytes(pd.DataFrame({"a": [text], "b": ["x"]})).decode(), newline="")))
    cell, text = rows[1][0], text.replace("\r\n", "\n").replace("\r", "\n")
    assert cell in (text, f"'{text}")
    if cell.strip()[:1] in tuple("=+-@"):
        float(cell.strip().rstrip(" %"))  # only a number may
