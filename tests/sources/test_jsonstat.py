"""JSON-stat by hand: numbers in their places, marks kept, and nothing that does not hold gets through."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gvi_eval.errors import SourceError
from gvi_eval.sources.cells import MOST_CELLS
from gvi_eval.sources.jsonstat import read_jsonstat


def small(**changes):
    document = {
        "class": "dataset",
        "version": "2.0",
        "updated": "2026-02-11",
        "id": ["area", "year"],
        "size": [2, 3],
        "dimension": {
            "area": {"category": {"index": {"b": 1, "a": 0}, "label": {"a": "Ale", "b": "Borås"}}},
            "year": {"category": {"index": ["2020", "2021", "2022"]}},
        },
        "value": [1, 2, None, 4, 5.5, None],
        "status": {"2": "..", "5": ":"},
    }
    return document | changes


def read(document):
    return read_jsonstat(json.dumps(document).encode(), "the table")


def test_by_hand():
    cells = read(small())
    assert [(cell.codes, cell.value, cell.status) for cell in cells] == [
        (("a", "2020"), 1, None),
        (("a", "2021"), 2, None),
        (("a", "2022"), None, ".."),
        (("b", "2020"), 4, None),
        (("b", "2021"), 5.5, None),
        (("b", "2022"), None, ":"),
    ]
    assert cells.labels["area"] == {"a": "Ale", "b": "Borås"} and cells.labels["year"]["2021"] == "2021"
    assert cells.withheld == {"..": 1, ":": 1} and cells.updated == "2026-02-11"


def test_values_by_position_and_the_first_version_say_the_same():
    by_position = small(value={"0": 1, "1": 2, "3": 4, "4": 5.5})
    first = small()
    wrapped = {
        "dataset": {
            "dimension": first["dimension"] | {"id": first["id"], "size": first["size"]},
            "value": first["value"],
            "status": ["", None, "..", None, None, ":"],
            "updated": first["updated"],
        }
    }
    assert read(by_position) == read(wrapped) == read(small())


def test_a_mark_beside_a_number_is_kept_and_one_mark_may_stand_for_all():
    assert [cell.status for cell in read(small(status="p"))] == ["p"] * 6
    assert [cell.status for cell in read(small(status=["e"]))] == ["e"] * 6
    assert [cell.status for cell in read(small(status=None))] == [None] * 6


def test_one_category_needs_no_index():
    document = small(size=[1, 3], value=[1, 2, 3], status={})
    document["dimension"]["area"] = {"category": {"label": {"a": "Ale"}}}
    assert [cell.codes for cell in read(document)] == [("a", "2020"), ("a", "2021"), ("a", "2022")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": [1, 2, 3]}, "value has 3 entries for 6 cells; it may have been cut off"),
        ({"status": ["", ".."]}, "status has 2 entries for 6 cells"),
        ({"size": [7, 3]}, "has 2 categories of 'area' where its size is 7"),
        ({"size": [2]}, "has 2 dimensions and the sizes"),
        ({"size": [2, -3]}, "the sizes"),
        ({"size": [2, True]}, "the sizes"),
        ({"id": ["area", "area"]}, "names its dimensions as"),
        ({"id": []}, "names its dimensions as"),
        ({"id": ["area", "month"]}, "lacks the categories of its dimension 'month'"),
        ({"dimension": None}, "JSON without a dimension"),
        ({"value": {"6": 1}}, "an entry at '6', outside its 6 cells"),
        ({"value": {"-1": 1}}, "an entry at '-1'"),
        ({"value": {"²": 1}}, "an entry at '²'"),
        ({"value": [1, 2, None, 4, True, None]}, "'True' as the value of cell 4, which is no number"),
        ({"value": ["1", 2, None, 4, 5, None]}, "'1' as the value of cell 0, which is no number"),
        ({"value": [10**400, 2, None, 4, 5, None]}, "a value too large to be a figure in cell 0"),
        ({"value": "1"}, "value is neither a list nor an object"),
        ({"status": {"0": 3}}, "has the mark 3 at cell 0, which is no text"),
        ({"size": [2, 3_000_000]}, "says it holds 6,000,000 cells, more than 5,000,000"),
    ],
)
def test_what_does_not_hold_is_named(changes, sentence):
    with pytest.raises(SourceError, match=sentence):
        read(small(**changes))


@pytest.mark.parametrize("index", [{"a": 0, "b": 0}, {"a": 1, "b": 2}, {"a": 0, "b": "x"}, ["a", "a"], ["a", 1], "ab", 7])
def test_categories_out_of_place_are_named(index):
    document = small()
    document["dimension"]["area"]["category"]["index"] = index
    with pytest.raises(SourceError, match="'area'"):
        read(document)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"<!DOCTYPE html><p>log in", "came as a web page instead of figures"),
        (b"\xef\xbb\xbf <html>", "not whole JSON|web page"),
        (b'{"value": [1, 2', "not whole JSON"),
        (b'{"value": [NaN]}', "NaN is no number"),
        (b'{"value": [1e999]}', "JSON without a dimension"),
        (b"\xff\xfe", "not whole JSON"),
        (b"", "not whole JSON"),
        (b"[" * 100_000, "not whole JSON"),
        (b"[]", "JSON but no data set"),
        (b'{"message": "Tabellen blev ikke fundet"}', "and says 'Tabellen blev ikke fundet'"),
    ],
)
def test_what_is_no_data_set_is_named(body, sentence):
    with pytest.raises(SourceError, match=sentence):
        read_jsonstat(body)


CODE = st.text("abcdefghijkl", min_size=1, max_size=3)
LISTS = st.lists(st.lists(CODE, min_size=1, max_size=4, unique=True), min_size=1, max_size=3)


@settings(max_examples=30)
@given(LISTS, st.data())
def test_what_is_written_is_read_back(lists, data):
    names = [f"d{place}" for place in range(len(lists))]
    total = 1
    for codes in lists:
        total *= len(codes)
    values = data.draw(st.lists(st.none() | st.integers(0, 10**6), min_size=total, max_size=total))
    document = {
        "id": names,
        "size": [len(codes) for codes in lists],
        "dimension": {name: {"category": {"index": codes}} for name, codes in zip(names, lists, strict=True)},
        "value": values,
        "status": {str(place): ".." for place, value in enumerate(values) if value is None},
    }
    cells = read(document)
    assert [cell.value for cell in cells] == values and len({cell.codes for cell in cells}) == total
    # position = (index of the first code) * (sizes after it) + ... : the last dimension runs fastest
    for place, cell in enumerate(cells):
        position = 0
        for codes, code in zip(lists, cell.codes, strict=True):
            position = position * len(codes) + codes.index(code)
        assert position == place and (cell.status == "..") == (cell.value is None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "size", "dimension", "value", "status", "category", "index", "label", "a", "0"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(list(small())), JSON, max_size=4))
@example({"size": [0, 3], "value": []})
def test_nothing_but_a_source_error_comes_of_a_broken_data_set(changes):
    try:
        cells = read(small(**changes))
    except SourceError as fault:
        assert str(fault)
    else:
        assert len(cells) <= MOST_CELLS and all(cell.value is None or isinstance(cell.value, float) for cell in cells)
