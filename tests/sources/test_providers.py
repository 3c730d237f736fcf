"""Each publisher answers in its own way; what comes of it is a table that `check` accepts, whatever went wrong before."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publishers import figure

from gvi_eval.errors import DataError, SourceError, StudyError
from gvi_eval.sources import statbank
from gvi_eval.sources.pxweb import cut
from gvi_eval.sources.statbank import _bulk
from gvi_eval.tables import check_path, read_table

POPULATION = """
schema = "population"
table = "TAB638"
source = { id = "scb-population" }

[query]
Region = ["1280", "1480", "0180"]
Tid = "*"

[[definitions]]
id = "registered-population-31-december"
measure = "population"
text = "Registered population on 31 December"

[columns]
unit = { from = "Region" }
unit_type = "municipality"
date = { from = "Tid", on = "last" }
definition = "registered-population-31-december"
"""
RATES = """
schema = "readings"
table = "N07403"
source = { id = "kolada-n07403" }
where = { gender = "T" }

[query]
municipality = ["1280", "1480"]
year = ["2020", "2021", "2022", "2023"]

[[definitions]]
id = "kolada-n07403"
measure = "violent_crime_per_100000"
text = "Reported violent crime per 100,000 inhabitants"

[columns]
unit = { from = "municipality", names = { "1280" = "Malmö", "1480" = "Göteborg" } }
unit_type = "municipality"
period = { from = "period" }
measure = "violent_crime_per_100000"
definition = "kolada-n07403"
counter = "statistics_office"
"""
NUTS = """
schema = "counts"
table = "crim_gen_reg"
source = { id = "eurostat-crim-gen-reg" }

[query]
unit = "NR"
iccs = ["ICCS0101", "ICCS0401"]
geo = ["SE224", "DK011"]

[[definitions]]
id = "iccs-homicide"
measure = "homicide"
text = "Intentional homicide, recorded by the police"

[[definitions]]
id = "iccs-robbery"
measure = "robbery"
text = "Robbery, recorded by the police"

[columns]
unit = { from = "geo" }
unit_type = "NUTS 3 region"
period = { from = "time" }
measure = { from = "iccs", names = { ICCS0101 = "homicide", ICCS0401 = "robbery" } }
definition = { from = "iccs", names = { ICCS0101 = "iccs-homicide", ICCS0401 = "iccs-robbery" } }
counting_scope = "all_unlawful"
counter = "police"
"""
OTHERS = {"pxweb": POPULATION, "kolada": RATES, "eurostat": NUTS}
FAULTS = [
    429,
    503,
    "truncated",
    "longer",
    "wrong length",
    "chunk",
    "malformed",
    "nan",
    "web page",
    "reset",
    "slow",
    "elsewhere",
]


@pytest.fixture
def recipe(write_recipe, straf11):
    return lambda provider: straf11 if provider == "statbank" else write_recipe(provider, OTHERS[provider], provider)


def tables_of(recipe):
    return {
        file.name: file.read_bytes()
        for file in sorted(recipe.data.rglob("*"))
        if file.is_file() and ".partial" not in file.parts
    }


def test_a_population_comes_in_pieces_that_fit_the_servers_limit(fetched, recipe, publisher, clock):
    result = fetched(recipe("pxweb"))
    pieces = [json.loads(body) for method, path, body in publisher.seen if method == "POST"]
    assert len(pieces) == 2 and clock.waited == [pytest.approx(10 / 30)]
    assert result.placed.rows == 3 * 6 and check_path(result.placed.table).violations == ()
    table = read_table(result.placed.table, "population")
    row = table[(table["unit"] == "Malmö") & (table["date"] == "2024-12-31")]
    assert row["population"].tolist() == [figure("1280", "2024")]


def test_rates_come_page_after_page_and_only_those_of_all_are_kept(fetched, recipe, publisher):
    result = fetched(recipe("kolada"))
    assert len(publisher.seen) == 3 and result.placed.rows == 8
    table = read_table(result.placed.table, "readings")
    assert sorted(table["value"]) == sorted(
        figure("N07403", place, f"{year}") + 0.5 for place in ("1280", "1480") for year in range(2020, 2024)
    )


def test_a_figure_that_kolada_lacks_keeps_its_mark(fetched, recipe, publisher):
    publisher.suppressed.add(("N07403", "1280", "2021"))
    assert fetched(recipe("kolada")).placed.notes[0].startswith("1 cell has no figure but 'Missing'")


def test_counts_of_regions_come_from_eurostat(fetched, recipe):
    result = fetched(recipe("eurostat"))
    table = read_table(result.placed.table, "counts")
    assert len(table) == 2 * 2 * 6 and check_path(result.placed.table).violations == ()
    row = table[(table["unit"] == "Skåne län") & (table["measure"] == "robbery") & (table["period_start"] == "2024-01-01")]
    assert row["value"].tolist() == [figure("A", "NR", "ICCS0401", "SE224", "2024")]


def test_a_region_that_eurostat_dropped_stops_the_fetch(fetched, recipe, write_recipe):
    gone = write_recipe("eurostat", NUTS.replace('"DK011"', '"DK999"'), "gone")
    with pytest.raises(SourceError, match="crim_gen_reg does not have geo DK999; the publisher may have changed its code list"):
        fetched(gone)


def test_eurostats_own_errors_are_passed_on(fetched, write_recipe):
    with pytest.raises(SourceError, match="answered 404.*ERR_NOT_FOUND.*correct the recipe's table"):
        fetched(write_recipe("eurostat", NUTS.replace("crim_gen_reg", "crim_gone"), "gone"))


def test_kolada_wants_its_codes_written_out(fetched, write_recipe):
    with pytest.raises(StudyError, match="give it municipality and year, each with its codes written out"):
        fetched(write_recipe("kolada", RATES.replace('["2020", "2021", "2022", "2023"]', '"*"'), "all"))


@pytest.mark.parametrize("provider", ["statbank", *OTHERS])
@pytest.mark.parametrize("fault", FAULTS)
def test_after_every_fault_nothing_half_written_is_left_and_a_second_run_completes(fetched, recipe, publisher, provider, fault):
    wanted = recipe(provider)
    # The last answer is the one that fails: those before it came whole and are kept for the second run.
    fetched(wanted)
    asked, complete = len(publisher.seen), tables_of(wanted)
    for file in sorted(wanted.data.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    publisher.faults = [None] * (asked - 1) + [fault]
    if fault == "malformed" and provider == "kolada":
        fault, publisher.faults[-1] = "web page", "web page"  # a page of Kolada has no sizes to be wrong
    if fault == "nan" and provider in ("kolada", "eurostat"):
        publisher.faults[-1] = "wrong length"
    with pytest.raises((SourceError, DataError)) as told:
        fetched(wanted, attempts=1)
    assert len(str(told.value)) > 30 and tables_of(wanted) == {}
    publisher.seen.clear()
    again = fetched(wanted)
    assert tables_of(wanted) == complete and not list(wanted.data.rglob(".partial"))
    assert again.taken_up == asked - 1 - (provider == "pxweb")  # its limits are asked for every time
    assert len(publisher.seen) == asked - again.taken_up


def test_a_table_that_changes_between_two_parts_is_not_put_together(fetched, recipe, publisher):
    wanted = recipe("pxweb")
    publisher.faults = [None, None, None, 503]
    with pytest.raises(SourceError):
        fetched(wanted, attempts=1)
    publisher.updated = "2026-05-01T08:00:00Z"
    with pytest.raises(SourceError, match="it was changed in between; run the same command again"):
        fetched(wanted)
    assert tables_of(wanted) == {} and fetched(wanted).placed.rows == 18


def test_parts_of_a_fetch_that_was_broken_off_long_ago_are_not_taken_up(fetched, recipe, publisher, clock):
    wanted = recipe("kolada")
    publisher.faults = [None, 503]
    with pytest.raises(SourceError):
        fetched(wanted, attempts=1)
    clock.day = clock.day.replace(day=clock.day.day + 2)
    assert fetched(wanted).taken_up == 0


def test_large_tables_come_in_bulk_with_the_same_rows(fetched, straf11, monkeypatch):
    small = fetched(straf11).placed.table.read_bytes()
    monkeypatch.setattr(statbank.ask, "__defaults__", (statbank.BASE, 1))
    result = fetched(straf11)
    assert [part.name for part in result.snapshot.parts] == ["tableinfo", "bulk"]
    assert result.snapshot.is_new and result.placed.table.read_bytes() == small


QUERY = {"OMRÅDE": ("101", "461"), "Tid": ("2021", "2022")}


def test_rows_that_bulk_leaves_out_are_absent_and_not_zero():
    cells = _bulk("OMRÅDE;TID;INDHOLD\r\n101;2021;3\r\n461;2022;..\r\n".encode(), QUERY)
    assert [(cell.codes, cell.value, cell.status) for cell in cells] == [
        (("101", "2021"), 3, None),
        (("461", "2022"), None, ".."),
    ]
    assert cells.absent == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("OMRÅDE;TID;INDHOLD\n101;2021;3", "ends within a line: it was cut off"),
        ("OMRÅDE;INDHOLD\n101;3\n", "has the columns"),
        ("OMRÅDE;TID;INDHOLD\n101;2021\n", "a row of 2 cells where there are 3 columns"),
        ("OMRÅDE;TID;INDHOLD\n101;2021;3\n101;2021;3\n", "holds a cell twice"),
        ("OMRÅDE;TID;INDHOLD\n101;2021;many\n", "'many' as a figure, which is no number"),
        ("<html>\n", "is a web page"),
        ("", "ends within a line"),
    ],
)
def test_a_bulk_answer_that_does_not_hold_is_named(text, sentence):
    with pytest.raises(SourceError, match=sentence):
        _bulk(text.encode(), QUERY)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from("abc"), st.integers(1, 7), min_size=1), st.integers(1, 30))
def test_a_question_cut_to_fit_asks_for_every_cell_once(sizes, most):
    query = {name: tuple(map(str, range(size))) for name, size in sizes.items()}
    from itertools import product

    pieces = cut(query, most)
    asked = [codes for piece in pieces for codes in product(*piece.values())]
    assert sorted(asked) == sorted(product(*query.values()))
    assert all(len(list(product(*piece.values()))) <= most for piece in pieces)
