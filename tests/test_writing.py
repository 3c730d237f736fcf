"""The same content gives the same bytes, and a folder is written whole or not at all."""

import json
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.writing import csv_bytes, json_bytes, significant, whole_folder


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
