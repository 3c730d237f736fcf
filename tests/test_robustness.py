"""Whatever comes in, what comes out is an answer or an error that names the thing; and an interrupt leaves what was there."""

import csv
import json
from pathlib import Path

import pytest
from damaged_files import damaged, toml_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gvi_eval.errors import DataError, GviEvalError, StudyError
from gvi_eval.plan import prepare
from gvi_eval.privacy import disclosures
from gvi_eval.publish import publish
from gvi_eval.resources import resource
from gvi_eval.run import run_study
from gvi_eval.sources.grid import Grid, read_grid
from gvi_eval.sources.police import records
from gvi_eval.study import load_study
from gvi_eval.tables import check_path

PLANTED = Path(__file__).parent / "data" / "planted"
VALID = (PLANTED / "valid.csv").read_bytes()
SCHEMA = str(PLANTED / "planted_counts.schema.json")
SPLICES = st.lists(
    st.tuples(
        st.integers(0, 2000),
        st.integers(0, 12),
        st.binary(max_size=6) | st.sampled_from([b'"', b"\r", b"\n", b",", b";", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"=1+1"]),
    ),
    max_size=4,
)
FEW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def spliced(data, splices):
    for place, length, piece in splices:
        place %= len(data) + 1
        data = data[:place] + piece + data[place + length :]
    return data


@FEW
@given(SPLICES)
def test_a_damaged_table_is_checked_and_never_crashes(tmp_path, splices):
    file = tmp_path / "planted_counts.csv"
    file.write_bytes(spliced(VALID, splices))
    report = check_path(file, SCHEMA)
    assert all(str(one) for one in (*report.violations, *report.disclosures)) and len(report.files) == 1


@FEW
@given(st.binary(max_size=200))
def test_any_bytes_are_scanned_for_persons_and_imported_or_named(tmp_path, data):
    file = tmp_path / "a.csv"
    file.write_bytes(data)
    for read in (
        lambda: disclosures(file),
        lambda: disclosures(tmp_path / "a.json", data),
        lambda: list(records(read_grid(file), "2021", "shootings")),
    ):
        try:
            read()
        except GviEvalError as fault:
            assert "a." in str(fault)


CELL = st.sampled_from(
    ["", "jan", "feb", "mars", "Totalt", "Syd", "Väst", "0", "3", "-", "2*", "x", "Skjutningar 2021", "1,5", "2020"]
)


@FEW
@given(st.lists(st.lists(CELL, max_size=5).map(tuple), max_size=7))
def test_any_grid_is_a_police_table_or_named(rows):
    grid = Grid("a.csv", tuple(enumerate(rows, start=1)))
    try:
        found = list(records(grid))
    except DataError as fault:
        assert "a.csv" in str(fault)
    else:
        assert found == [] or all(one.value is None or one.value >= 0 for one in found)


@pytest.fixture(scope="module")
def study_text():
    folder = Path(__file__).parents[1] / "analyses" / "malmo_panel"
    return (folder / "study.toml").read_bytes()


WORDS = [
    b"treated",
    b"donor",
    b"2018-10-01",
    b"1e400",
    b"-1",
    b"[",
    b"}",
    b'"',
    b"true",
    b"nan",
    b"shootings",
    b"\n",
    b"99999-01-01",
]


@FEW
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 30), st.sampled_from(WORDS) | st.binary(max_size=4)), max_size=3)
)
def test_a_damaged_study_file_is_read_or_named(tmp_path, study_text, splices):
    file = tmp_path / "study.toml"
    file.write_bytes(spliced(study_text, splices))
    try:
        load_study(file)
        prepare(file)
    except (StudyError, DataError) as fault:
        assert str(fault)


STUDY_SCHEMA = json.loads(resource("data_schemas/study.schema.json").read_text(encoding="utf-8"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_study_with_parts_out_of_place_is_planned_or_named(tmp_path, write_study, new_document, data):
    file = write_study(tmp_path / "town")
    file.write_text(toml_text(data.draw(damaged([new_document()], STUDY_SCHEMA))), encoding="utf-8")
    try:
        plan = prepare(file)
    except (StudyError, DataError) as fault:
        assert len(str(fault)) > 20
    else:
        assert plan.analyses and plan.study == load_study(file)


@pytest.mark.parametrize("at", [1, 4, 9])
def test_an_interrupt_while_results_are_written_leaves_the_last_good_ones(
    write_study, tmp_path, plain_figures, monkeypatch, at
):
    from gvi_eval import publish as module  # the function has the name of its module

    result = run_study(write_study(tmp_path / "town"))
    folder = tmp_path / "out" / "town"
    publish(result, folder)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    calls = 0

    def interrupted(file, content):
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    monkeypatch.setattr(module, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(result, folder)
    assert {file: file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file()} == before


def test_a_cell_that_is_longer_than_csv_allows_is_named(tmp_path):
    file = tmp_path / "planted_counts.csv"
    before = csv.field_size_limit(131_072)  # other packages raise it for the whole process
    try:
        file.write_bytes(VALID + b"x" * 131_073 + b"\n")
        report = check_path(file, SCHEMA)
    finally:
        csv.field_size_limit(before)
    assert report.violations
