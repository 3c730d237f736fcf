"""A file checked in pieces is found to be what it is when it is read whole."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gvi_eval import plain_csv
from gvi_eval.plain_csv import Pieces, read_text
from gvi_eval.schema import TextTable
from gvi_eval.tables import check_path

PLANTED = Path(__file__).parent / "data" / "planted"
SCHEMA = str(PLANTED / "planted_counts.schema.json")
VALID = (PLANTED / "valid.csv").read_bytes()
LINES = VALID.splitlines(keepends=True)
ODD = [b"\n", b"Oslo,NO\n", b'Oslo,NO,2018-01-01,2018-03-31,1,,"over\ntwo lines"\n', b'"open\n', b"x" * 30 + b"\n", b"\r\n"]
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FILES
@given(st.lists(st.sampled_from([*LINES[1:], *ODD]), max_size=9), st.integers(1, 4))
@example([LINES[1], LINES[2], LINES[1]], 1)
@example([LINES[1], ODD[2], ODD[3]], 1)
def test_pieces_of_any_size_give_the_same_report(tmp_path, monkeypatch, rows, size):
    file = tmp_path / "planted_counts.csv"
    file.write_bytes(LINES[0] + b"".join(rows))
    whole = check_path(file, SCHEMA)
    with monkeypatch.context() as patched:
        patched.setattr(plain_csv, "PIECE", size)
        assert check_path(file, SCHEMA) == whole
        text = read_text(file)
    assert text == read_text(file)
    if isinstance(text, TextTable):
        assert whole.files[0].rows == len(text.rows)


def test_pieces_keep_their_lines_where_a_cell_runs_over_two(tmp_path, monkeypatch):
    file = tmp_path / "a.csv"
    file.write_text('area,note\nLund,"one\ntwo"\nYstad,\nOslo,\n')
    monkeypatch.setattr(plain_csv, "PIECE", 2)
    table = Pieces(file)
    pieces = list(table())
    assert [piece.lines for piece in pieces] == [(2, 4), (5,)] and table.rows == 3
    assert [piece.header for piece in pieces] == [("area", "note")] * 2
    assert [row[0] for piece in table() for row in piece.rows] == ["Lund", "Ystad", "Oslo"]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_open_quote_far_below_is_all_that_is_said(tmp_path, monkeypatch, size):
    file = tmp_path / "planted_counts.csv"
    file.write_bytes(VALID + b"Oslo,NO\n" + b'Oslo,"NO\n')
    monkeypatch.setattr(plain_csv, "PIECE", size)
    [found] = check_path(file, SCHEMA).violations
    assert (found.line, found.rule) == (6, "the quotes in this row do not match")


def test_the_periods_of_all_pieces_are_those_of_the_table(tmp_path, monkeypatch):
    file = tmp_path / "a.csv"
    file.write_text("area,year_start\nLund,2017\nLund,2012\nLund,\nLund,2019\n")
    monkeypatch.setattr(plain_csv, "PIECE", 1)
    assert check_path(file).files[0].periods == ("2012", "2019")
