"""An independent reader of the same schemas, `frictionless`, finds the planted errors where we find them.

It does not know `gvi:rules`, so those are handed to it as row constraints of its own, translated here by
hand and not by our parser. Where we are stricter on purpose, the file is listed with the reason.
"""

import json
import tomllib
from pathlib import Path

import pytest
from frictionless import Checklist, Dialect, Package, Resource, Schema, checks, formats

from gvi_eval.schema import load_schema
from gvi_eval.tables import check_path

PLANTED = Path(__file__).resolve().parent / "data" / "planted"
COUNTS = load_schema(PLANTED / "planted_counts.schema.json")
FILES = sorted(path.stem for path in PLANTED.glob("*.csv") if path.stem != "planted_areas")
CELLS = tomllib.loads((PLANTED / "expected.toml").read_text(encoding="utf-8"))["cells"]

# Our rule, as a row constraint that holds where one of the cells is blank, and the column we report it at.
RULES = {
    "start <= end": ("not start or not end or start <= end", "start"),
    "any(end, note)": ("end or note", "end"),
}
STRICTER = {
    "byte_order_mark": "the first column's name would carry an invisible mark for other readers",
    "header_only": "a table without rows is a failed export, not a table without events",
    "nul_byte": "no publisher writes one, so the file is damaged",
    "open_quote": "the rest of the file would become one cell",
    "space_in_count": "a key or a figure is compared as the text that stands there",
}


def as_resource(name, schema):
    descriptor = json.loads((PLANTED / f"{schema}.schema.json").read_text(encoding="utf-8"))
    return Resource(
        name=schema,
        path=f"{name}.csv",
        basepath=str(PLANTED),
        format="csv",
        encoding="utf-8",
        # Without a dialect it would guess the delimiter and accept semicolons.
        dialect=Dialect(controls=[formats.CsvControl(delimiter=",")]),
        schema=Schema.from_descriptor(descriptor),
    )


def their_errors(name, rules=RULES):
    tables = [as_resource(name, "planted_counts"), as_resource("planted_areas", "planted_areas")]
    constraints = [checks.row_constraint(formula=formula) for formula, _ in rules.values()]
    report = Package(resources=tables).validate(Checklist(checks=constraints))
    return [error for task in report.tasks if task.name == "planted_counts" for error in task.errors]


def their_place(error):
    """The row and column of a cell fault, "" standing for the whole row as in expected.toml."""
    if error.type == "row-constraint":
        column = next(column for formula, column in RULES.values() if formula in error.note)
    elif error.type == "primary-key":
        column = COUNTS.primary_key[0]
    elif error.type == "foreign-key":
        column = error.field_names[0]
    elif error.type in ("blank-row", "extra-cell", "missing-cell"):
        column = ""
    else:
        column = error.field_name
    return (error.row_number, column)


def their_places(name):
    errors = their_errors(name)
    # A row it calls blank it also faults cell by cell; we report such a row once.
    blank = {error.row_number for error in errors if error.type == "blank-row"}
    return {their_place(error) for error in errors if error.type == "blank-row" or error.row_number not in blank}


def our_places(name):
    found = check_path(PLANTED / f"{name}.csv", COUNTS).violations
    return {(one.line, (one.column or "").split(", ")[0]) for one in found}


def test_the_rules_translated_here_are_those_of_the_schema():
    assert [str(rule) for rule in COUNTS.rules] == list(RULES)


@pytest.mark.parametrize("name", sorted(CELLS.keys() - STRICTER.keys()))
def test_both_find_a_planted_cell_fault_at_the_same_row_and_column(name):
    assert their_places(name) == our_places(name) == {tuple(place) for place in CELLS[name]}


@pytest.mark.parametrize("name", sorted(set(FILES) - STRICTER.keys()))
def test_both_accept_or_both_reject_a_file(name):
    rejected = bool(check_path(PLANTED / f"{name}.csv", COUNTS).violations)
    assert bool(their_errors(name)) == rejected
    assert rejected == (name != "valid")


@pytest.mark.parametrize("name", STRICTER)
def test_we_are_stricter_only_where_a_reason_is_given(name):
    assert their_errors(name) == []
    assert check_path(PLANTED / f"{name}.csv", COUNTS).violations


@pytest.mark.parametrize("name", ["end_before_start", "neither_end_nor_note"])
def test_a_rule_between_cells_is_ours_alone_unless_translated(name):
    assert their_errors(name, rules={}) == []
