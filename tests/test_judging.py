"""A table judged in pieces breaks its schema in the same places as one judged whole, and as one judged by plain comparison."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gvi_eval import judging
from gvi_eval.judging import violations, violations_of
from gvi_eval.schema import TextTable, schema_from

HEADER = ("area", "code", "within", "first", "last", "count")
SCHEMA = schema_from(
    {
        "name": "small",
        "fields": [
            {"name": "area", "constraints": {"required": True}},
            {"name": "code", "constraints": {"unique": True}},
            {"name": "within"},
            {"name": "first", "type": "date"},
            {"name": "last", "type": "date"},
            {"name": "count", "type": "integer", "constraints": {"minimum": 0}},
        ],
        "primaryKey": ["area", "first"],
        "foreignKeys": [
            {"fields": "within", "reference": {"resource": "", "fields": "code"}},
            {"fields": ["area"], "reference": {"resource": "areas", "fields": ["id"]}},
        ],
        "gvi:rules": ["first <= last", "any(first, last)"],
    },
    "small.schema.json",
)
AREAS = {"areas": {"id": ("Lund", "Ystad", "")}}
DAYS = st.sampled_from(["", "2017-01-01", "2017-01-02", "2017-02-30", "x"])
SOUND = st.tuples(
    st.sampled_from(["Lund", "Ystad", "Oslo", ""]),
    st.sampled_from(["", "1", "2", "3", "4", "5"]),
    st.sampled_from(["", "1", "2", "9"]),
    DAYS,
    DAYS,
    st.sampled_from(["0", "3", "-1", "1,5", ""]),
)
ROW = SOUND | SOUND.map(lambda row: row[:4]) | st.sampled_from([("",) * 6, (), ("Lund", "1,5")])


def table(rows):
    return TextTable("small.csv", HEADER, tuple(rows), tuple(range(2, 2 + 2 * len(rows), 2)))  # every row runs over two lines


def in_pieces(whole, size):
    def read():
        for place in range(0, len(whole.rows), size):
            part = slice(place, place + size)
            yield TextTable(whole.file, whole.header, whole.rows[part], whole.lines[part])

    return read


def plain_repeats(whole, key):
    """Line and first line of each row whose key stood before, by comparing every row with every other."""
    places = [HEADER.index(name) for name in key]
    rows = [
        (line, [row[place] for place in places])
        for line, row in zip(whole.lines, whole.rows, strict=True)
        if any(row) and len(row) == len(HEADER)
    ]
    found = []
    for number, (line, values) in enumerate(rows):
        before = [other for other, same in rows[:number] if same == values]
        if before and any(values):
            found.append((line, before[0]))
    return found


def plain_dangling(whole):
    """Lines and texts in 'within' that stand nowhere in 'code'."""
    sound = [(line, row) for line, row in zip(whole.lines, whole.rows, strict=True) if any(row) and len(row) == len(HEADER)]
    return [(line, row[2]) for line, row in sound if row[2] and row[2] not in [other[1] for _, other in sound]]


@given(st.lists(ROW, min_size=1, max_size=14), st.integers(1, 6))
@example([("Lund", "1", "", "2017-01-01", "", "3")] * 2, 1)  # a key repeated in the next piece
@example(
    [("Lund", "1", "2", "2017-01-01", "", "3"), ("Ystad", "2", "1", "2017-01-01", "", "3")], 1
)  # keys that point ahead and back
@example([("Lund",), ("Lund", "1", "", "2017-01-02", "2017-01-01", "3")], 1)  # a bad row at the end of a piece
def test_pieces_of_any_size_break_the_schema_where_the_whole_does(rows, size):
    whole = table(rows)
    found = violations_of(in_pieces(whole, size), SCHEMA, AREAS)
    assert found == violations(whole, SCHEMA, AREAS)
    said = {kind: [(one.line, one.rule) for one in found if kind in one.rule] for kind in ("primary key", "unique column")}
    for kind, key in (("primary key", SCHEMA.primary_key), ("unique column", ("code",))):
        assert said[kind] == [(line, f"repeats the {kind} of line {first}") for line, first in plain_repeats(whole, key)]
    dangling = [(one.line, one.value) for one in found if "of table 'the same table'" in one.rule]
    assert dangling == plain_dangling(whole)


def test_a_key_that_is_repeated_far_below_names_the_line_it_stood_on_first():
    rows = [("Lund", str(code), "", f"2017-01-{code + 10}", "", "1") for code in range(10)]
    found = violations_of(in_pieces(table([*rows, rows[3], rows[3]]), 4), SCHEMA, AREAS)
    assert [(one.line, one.column, one.rule) for one in found] == [
        (22, "area, first", "repeats the primary key of line 8"),
        (22, "code", "repeats the unique column of line 8"),
        (24, "area, first", "repeats the primary key of line 8"),
        (24, "code", "repeats the unique column of line 8"),
    ]


def test_keys_that_only_share_a_hash_are_no_repetition(monkeypatch):
    rows = [("Lund", str(code), "", f"2017-01-{code + 10}", "", "1") for code in range(6)]
    monkeypatch.setattr(judging, "hash", lambda values: 7, raising=False)
    assert violations_of(in_pieces(table(rows), 2), SCHEMA, AREAS) == []
    assert len(violations_of(in_pieces(table([*rows, rows[0]]), 2), SCHEMA, AREAS)) == 2


@pytest.mark.parametrize(
    ("last", "times"), [(("Ystad", "3", "", "2017-01-01", "", "1"), 1), (("Lund", "9", "", "2017-01-01", "", "1"), 2)]
)
def test_a_table_is_read_again_only_where_a_key_may_be_repeated(last, times):
    read, begun = in_pieces(table([("Lund", "1", "", "2017-01-01", "", "1"), last]), 1), []
    keyed = schema_from({"fields": [{"name": name} for name in HEADER], "primaryKey": ["area", "first"]}, "keyed.schema.json")

    def counted():
        begun.append(1)
        return read()

    assert len(violations_of(counted, keyed)) == times - 1 and len(begun) == times


def test_a_key_that_cannot_be_checked_is_said_once_for_all_pieces():
    rows = [("Lund", str(code), "", f"2017-01-{code + 10}", "", "1") for code in range(6)]
    [found] = violations_of(in_pieces(table(rows), 2), SCHEMA, {})
    assert "could not be checked against column 'id' of table 'areas'" in found.rule and found.line is None
