"""A schema file becomes checks, and the checks find every planted error at exactly its place."""

import json
import time
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import DataError
from gvi_eval.judging import violations
from gvi_eval.schema import AnyFilled, Comparison, Field, TextTable, Violation, load_schema, parse_rule, schema_from
from gvi_eval.tables import read_text

PLANTED = Path(__file__).parent / "data" / "planted"
COUNTS = load_schema(PLANTED / "planted_counts.schema.json")
AREAS = {"planted_areas": {"area": ("Malmö", "Oslo", "Windhoek", "København")}}
EXPECTED = tomllib.loads((PLANTED / "expected.toml").read_text(encoding="utf-8"))


def planted(name, references=AREAS):
    return violations(read_text(PLANTED / f"{name}.csv"), COUNTS, references)


def table(*rows, header=COUNTS.names):
    return TextTable("counts.csv", tuple(header), tuple(rows), tuple(range(2, 2 + len(rows))))


def places(found):
    return [(one.line, (one.column or "").split(", ")[0]) for one in found]


def schema(**changes):
    fields = [
        {"name": "area"},
        {"name": "first", "type": "date"},
        {"name": "last", "type": "date"},
        {"name": "count", "type": "integer"},
    ]
    return schema_from({"name": "small", "fields": fields} | changes, "small.schema.json")


@pytest.mark.parametrize("name", EXPECTED["cells"])
def test_every_planted_error_is_found_at_its_place_and_nothing_else_is(name):
    assert places(planted(name)) == [tuple(place) for place in EXPECTED["cells"][name]]


def test_the_valid_table_passes_with_namibia_in_it():
    text = read_text(PLANTED / "valid.csv")
    assert "NA" in [row[1] for row in text.rows]
    assert violations(text, COUNTS, AREAS) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("negative_count", "planted/negative_count.csv:5, column 'count': '-3' is less than the minimum of 0; "
                           "check the figure against its source"),
        ("month_13", "column 'start': '2018-13-01' is not a day of the calendar; write a day that exists as YYYY-MM-DD"),
        ("duplicate_key", "column 'area, start': 'Oslo, 2017-01-01' repeats the primary key of line 3; "
                          "keep one of the two rows, or tell them apart"),
        ("decimal_count", "'12.5' is not a whole number in plain digits; a count has no decimals, so check it against its source"),
        ("decimal_comma", "'0,5' is not a number in plain digits with a decimal point; "
                          "write it with a decimal point and without thousands separators"),
        ("thousands_comma", "'1,234' is not a whole number in plain digits; write it without thousands separators"),
        ("thousands_space", "'1 234' is not a whole number in plain digits; write it without thousands separators"),
        ("space_in_count", "' 3' is not a whole number in plain digits; take out the space around it"),
        ("blank_count", "column 'count': a blank cell is not allowed here; fill it in, or take the row out if no figure was published"),
        ("na_count", "'NA' is not a whole number in plain digits; leave out the row where no figure was published; a gap is not a zero"),
        ("unknown_country", "'XX' is not one of DK, NA, NO, SE; choose one of these"),
        ("foreign_key", "'Malmo' does not occur in column 'area' of table 'planted_areas'; 'Malmö' may be meant"),
        ("end_before_start", "'2018-03-31' breaks the rule 'start <= end' where end is '2018-01-01'; correct one of the two"),
        ("neither_end_nor_note", "a blank cell breaks the rule 'any(end, note)': all of them are blank; fill at least one of them"),
        ("long_row", "long_row.csv:5: the row has 8 cells where the header has 7; "
                     "put quotes around a cell that holds a comma, and write decimals with a point"),
        ("blank_row", "blank_row.csv:3: the row is blank; take the line out"),
        ("unknown_column", "column 'nots': schema 'planted_counts' has no such column; 'note' may be meant"),
        ("missing_column", "missing_column.csv:1, column 'rate': the column is missing; add it, as schema 'planted_counts' asks"),
        ("repeated_column", "repeated_column.csv:1, column 'note': the column occurs more than once; keep one of them"),
        ("columns_out_of_order", "columns_out_of_order.csv:1: the columns are out of order: country, area, start, end, count, rate, note; "
                                 "put them as area, country, start, end, count, rate, note"),
    ],
)  # fmt: skip
def test_a_violation_reads_as_one_sentence_with_its_way_out(name, sentence):
    [found] = planted(name)
    assert str(found).endswith(sentence)


def test_a_blank_bound_is_not_compared():
    assert violations(table(("Oslo", "NO", "2018-03-31", "", "3", "", "no end published")), COUNTS, AREAS) == []


def test_a_cell_that_does_not_cast_is_reported_once_and_breaks_no_rule():
    found = violations(table(("Oslo", "NO", "2018-03-31", "2018-02-30", "3", "", "")), COUNTS, AREAS)
    assert places(found) == [(2, "end")]


def test_a_key_that_could_not_be_checked_did_not_pass():
    [found] = planted("valid", references=None)
    assert (found.line, found.column) == (None, "area")
    assert "could not be checked against column 'area' of table 'planted_areas'" in str(found)


def test_a_key_may_point_into_its_own_table():
    keys = [{"fields": "area", "reference": {"resource": "", "fields": "count"}}]
    rows = [("1", "", "", "1"), ("3", "", "", "2")]
    [found] = violations(table(*rows, header=("area", "first", "last", "count")), schema(foreignKeys=keys))
    assert (found.line, found.column, found.value) == (3, "area", "3")


def test_a_blank_may_be_part_of_a_key_of_several_columns():
    small = schema(primaryKey=["area", "first"])
    rows = [("Lund", "", "", "1"), ("Lund", "2017-01-01", "", "1"), ("Lund", "", "", "2")]
    [found] = violations(table(*rows, header=small.names), small)
    assert (found.line, found.rule) == (4, "repeats the primary key of line 2")


def test_a_blank_is_refused_in_a_key_of_one_column():
    small = schema(primaryKey="area")
    assert places(violations(table(("", "", "", "1"), header=small.names), small)) == [(2, "area")]


def test_an_identity_number_is_not_repeated_in_a_violation():
    # A birthday on 1 January counts without a check digit, so this is one although nobody can hold it.
    number = "-".join(["0101" + "62", "0" * 4])
    found = Violation(f"{number}.csv", 2, "note", number, f"where end is {number}", f"'{number}' may be meant")
    assert number not in str(found) and number not in repr(found)


VALID_COUNT = st.integers(0, 2**62).map(str)
VALID_RATE = st.one_of(st.just(""), st.floats(0, 1000).map(lambda rate: f"{rate:.3f}"))
VALID_DAY = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1))


@st.composite
def valid_rows(draw):
    """Rows that keep the planted schema: distinct area and start, an end not before it."""
    keys = draw(
        st.lists(st.tuples(st.sampled_from(AREAS["planted_areas"]["area"]), VALID_DAY), min_size=1, max_size=8, unique=True)
    )
    rows = []
    for area, start in keys:
        end = start + timedelta(days=draw(st.integers(0, 400)))
        country, note = (
            draw(st.sampled_from(["DK", "NA", "NO", "SE"])),
            draw(st.sampled_from(["", "NA", "provisional, revised later"])),
        )
        rows.append((area, country, start.isoformat(), end.isoformat(), draw(VALID_COUNT), draw(VALID_RATE), note))
    return rows


PLANTS = [
    ("area", "Malmo"), ("area", ""), ("country", "XX"), ("country", ""), ("start", "2017-1-01"), ("start", "2017-02-29"),
    ("start", "1999-12-31"), ("end", "01.02.2017"), ("end", "20170101"), ("count", "-1"), ("count", "1.0"), ("count", "+1"),
    ("count", "1e3"), ("count", "007"), ("count", "١"), ("count", str(2**63)), ("count", "1\u00a0000"), ("rate", "1,5"),
    ("rate", "inf"), ("rate", "NaN"), ("rate", "1000.001"), ("rate", ".5"), ("rate", "1e999"),
]  # fmt: skip


@settings(deadline=None)
@given(valid_rows())
def test_a_generated_valid_table_passes(rows):
    assert violations(table(*rows), COUNTS, AREAS) == []


@settings(deadline=None)
@given(valid_rows(), st.data())
def test_a_single_planted_error_is_found_exactly_there(rows, data):
    row, (column, text) = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(PLANTS))
    changed = list(rows[row])
    changed[COUNTS.names.index(column)] = text
    found = violations(table(*rows[:row], tuple(changed), *rows[row + 1 :]), COUNTS, AREAS)
    assert [(one.line, one.column, one.value) for one in found] == [(row + 2, column, text)]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "-12", -12), ("integer", "0", 0), ("number", "-0.5", -0.5), ("number", "1e-3", 0.001),
        ("year", "0098", 98), ("boolean", "true", True), ("boolean", "0", False), ("string", "NA", "NA"),
        ("date", "2016-02-29", date(2016, 2, 29)), ("integer", "-0", None), ("year", "98", None), ("boolean", "ja", None),
    ],
)  # fmt: skip
def test_casts_by_hand(kind, text, value):
    assert Field("cell", kind).cast(text) == value


@pytest.mark.parametrize("bound", [("exclusiveMinimum", "0"), ("exclusiveMaximum", "2")])
def test_an_exclusive_bound_excludes_itself(bound):
    name, limit = bound
    share = {"name": "share", "type": "number", "constraints": {name: float(limit)}}
    small = schema(fields=[share])
    assert places(violations(table((limit,), ("1",), header=["share"]), small)) == [(2, "share")]


def test_a_pattern_covers_the_whole_cell_and_a_unique_column_repeats_nothing():
    code = {"name": "code", "constraints": {"pattern": "[0-9]{3}", "unique": True}}
    small = schema(fields=[code])
    found = violations(table(("000",), ("0000",), ("000",), ("",), header=["code"]), small)
    # The last row of this one-column table is blank as a whole, and reported as such.
    assert places(found) == [(3, "code"), (4, "code"), (5, "")]


def test_rules_parse():
    columns = schema().fields
    assert parse_rule("first<=last", columns, "small") == Comparison("first", "<=", "last")
    assert parse_rule(" any( area ,count ) ", columns, "small") == AnyFilled(("area", "count"))


@pytest.mark.parametrize("sign", ["<=", "<", ">=", ">", "==", "!="])
def test_every_sign_means_what_it_says(sign):
    small = schema(**{"gvi:rules": [f"first {sign} last"]})
    days = {"earlier": "2017-01-01", "later": "2017-01-02"}
    for first, last in [("earlier", "later"), ("later", "earlier"), ("later", "later")]:
        found = violations(table(("Lund", days[first], days[last], "1"), header=small.names), small)
        holds = {"<": first < last, ">": first > last, "==": first == last}
        holds |= {"<=": holds["<"] or holds["=="], ">=": holds[">"] or holds["=="], "!=": not holds["=="]}
        assert (found == []) == holds[sign]


@pytest.mark.parametrize(
    "rule", ["first <= ", "first => last", "__import__('os')", "first <= last and 1", "any()", "any(area", 3]
)
def test_a_rule_that_does_not_parse_names_file_and_rule(rule):
    with pytest.raises(DataError, match=r"small\.schema\.json has the rule") as error:
        schema(**{"gvi:rules": [rule]})
    assert repr(rule) in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gvi:rules": ["frist <= last"]}, "names the field 'frist'; 'first' may be meant"),
        ({"gvi:rules": ["first <= count"]}, "compares date with integer"),
        ({"missingValues": ["", "NA"]}, "only the blank cell is"),
        ({"primarykey": "area"}, "has the property 'primarykey', which would not be checked; 'primaryKey' may be meant"),
        ({"primaryKey": "aera"}, "names the field 'aera'; 'area' may be meant"),
        ({"fields": []}, "give it at least one"),
        ({"fields": [{"name": "a"}, {"name": "a"}]}, "each with a name of its own"),
        ({"fields": [{"name": "a", "type": "geopoint"}]}, "a type of string, integer"),
        ({"fields": [{"name": "a", "constraints": {"maxLength": 3}}]}, "'maxLength', which would not be checked"),
        ({"fields": [{"name": "a", "type": "integer", "constraints": {"minimum": 0.5}}]}, "constrained by 0.5"),
        ({"fields": [{"name": "a", "constraints": {"pattern": "("}}]}, "which is not one"),
        ({"foreignKeys": [{"fields": "area", "reference": {"resource": "areas", "fields": []}}]}, "as many fields"),
    ],
)
def test_a_schema_that_could_not_be_checked_is_refused(changes, message):
    with pytest.raises(DataError) as error:
        schema(**changes)
    assert "small.schema.json" in str(error.value) and message in str(error.value)


def test_a_schema_is_found_by_name_or_path(tmp_path):
    path = tmp_path / "small.schema.json"
    path.write_text(json.dumps({"fields": [{"name": "area"}]}), encoding="utf-8")
    assert load_schema(path).name == load_schema(str(path)).name == "small"
    assert load_schema("counts").name == "counts"
    with pytest.raises(DataError, match="there is no schema 'count'; 'counts' may be meant"):
        load_schema("count")
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="small.schema.json is not JSON"):
        load_schema(path)


def test_eleven_thousand_rows_are_checked_in_well_under_half_a_second():
    rows = [(f"Area {row % 70}", "DK", "2017-01-01", "2017-03-31", str(row), "1.5", "") + ("x",) * 6 for row in range(11_000)]
    wide = [{"name": field.name, "type": field.type} for field in COUNTS.fields] + [{"name": f"text{one}"} for one in range(6)]
    keyed = schema(fields=wide, primaryKey=["area", "count"], **{"gvi:rules": ["start <= end"]})
    big = table(*rows, header=keyed.names)
    started = time.process_time()
    assert violations(big, keyed) == []
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("kind", "text", "way"),
    [
        ("date", "2018-02-30", "write a day that exists as YYYY-MM-DD"),
        ("date", "1. januar 2020", "write a day that exists as YYYY-MM-DD; a recipe and 'gvi-eval import' read days"),
        ("date", "31-01-2020", "'gvi-eval import' read days, months and quarters as others write them"),
        ("date", "2020M02", "'gvi-eval import' read days, months and quarters"),
        ("integer", "3,0", "write it without decimals, as 3"),
        ("integer", "-12.00", "write it without decimals, as -12"),
        ("integer", "3,5", "a count has no decimals, so check it against its source"),
        ("integer", "1.204", "write it without thousands separators"),
        ("number", "3,5", "write it with a decimal point"),
        ("integer", "<5", "a figure that was held back is neither zero nor a number: leave the cell blank"),
        ("integer", "1-4", "held back"),
        ("number", "*", "held back"),
        ("integer", "n/a", "leave the cell blank where no figure was published; a gap is not a zero"),
    ],
)
def test_a_cell_written_as_another_office_does_is_told_how(kind, text, way):
    [fault] = schema_from({"fields": [{"name": "a", "type": kind}]}, "a.json").fields[0].faults(text)
    assert way in fault.remedy


@pytest.mark.parametrize("text", ["<5", "NA"])
def test_where_a_figure_is_required_its_row_is_left_out(text):
    count = {"name": "a", "type": "integer", "constraints": {"required": True}}
    [fault] = schema_from({"fields": [count]}, "a.json").fields[0].faults(text)
    assert "leave out the row" in fault.remedy
