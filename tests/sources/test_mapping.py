"""Any saved table by its recipe: semicolons, decimal commas, Windows, months by name; and how numbers are written."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gvi_eval.cli import main
from gvi_eval.errors import DataError, DisclosureError, StudyError
from gvi_eval.sources.grid import number
from gvi_eval.sources.importing import import_files
from gvi_eval.tables import check_path, read_table

RECIPE = """
schema = "counts"
how = "Save the table of the city's yearbook"
source = { id = "yearbook" }

[[definitions]]
id = "city-shots"
measure = "shootings"
counting_scope = "not_stated"
text = "Shots reported to the city"

[columns]
unit = { from = "Område" }
unit_type = "district"
year = { from = "År" }
month = { from = "Måned" }
measure = "shootings"
value = { from = "Antal" }
definition = "city-shots"
counting_scope = "not_stated"
counter = "city"

[file]
decimal = ","
"""
TABLE = "Område;År;Måned;Antal\r\nNørrebro;2021;januar;1.234\r\nNørrebro;2021;februar;2,0\r\nAmager Øst;2021;marts;-\r\n"


@pytest.fixture
def yearbook(write_recipe):
    return write_recipe("file", RECIPE)


@pytest.fixture
def saved(tmp_path):
    def save(text, name="saved.csv", encoding="cp1252"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path / name

    return save


def test_by_hand(yearbook, saved, clock):
    result = import_files(yearbook, [saved(TABLE)], now=clock.now)
    table = read_table(result.placed.table, "counts")
    assert table["value"].tolist() == [1234, 2] and table["unit"].unique().tolist() == ["Nørrebro"]
    assert [str(day.date()) for day in table["period_end"]] == ["2021-01-31", "2021-02-28"]
    assert table["vintage"].unique().tolist() == ["2026-03-01"] and check_path(result.placed.table).violations == ()
    assert result.placed.notes == ("1 cell has no figure but '-' (nothing to show); no row stands for it.",)
    (part,) = result.snapshot.parts
    assert part.body == TABLE.encode("cp1252") and part.name == "saved.csv"


def test_the_same_file_again_changes_nothing(yearbook, saved, clock):
    first = import_files(yearbook, [saved(TABLE)], now=clock.now)
    clock.day = clock.day.replace(year=2027)
    again = import_files(yearbook, [saved(TABLE)], now=clock.now)
    assert again.snapshot.record == first.snapshot.record and not again.snapshot.is_new and not again.placed.changed


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("1.234", "many", r"saved.csv:2, column 'Antal': 'many' is no number"),
        ("2,0", "2,5", r"saved.csv:3: 2.5 is no whole number, and table.csv holds counts"),
        ("februar", "brumaire", r"saved.csv:3: 'brumaire 2021' is no month of a year"),
        ("Antal\r", "Tal\r", r"has no column Antal; its columns are Område, År, Måned, Tal"),
        ("Måned", "År", r"has no column Måned"),
        ("februar;2,0", "januar;2,0", r"repeats the primary key of line 2"),
    ],
)
def test_what_does_not_hold_is_named_and_nothing_is_written(yearbook, saved, old, new, sentence):
    with pytest.raises(DataError, match=sentence):
        import_files(yearbook, [saved(TABLE.replace(old, new, 1))])
    assert not yearbook.data.exists()


def test_a_file_with_a_person_is_not_read_further(yearbook, saved):
    digits = "010162" + "0000"  # a Danish number that nobody can hold
    with pytest.raises(DisclosureError, match="nothing further was read") as told:
        import_files(yearbook, [saved(TABLE.replace("Amager Øst", digits))])
    assert digits not in str(told.value) and not yearbook.data.exists()


def test_a_table_that_a_server_has_is_not_imported(straf11, saved):
    with pytest.raises(StudyError, match="a server answers for table; bring it with 'gvi-eval fetch town/table'"):
        import_files(straf11, [saved(TABLE)])


def test_the_verbs_import_and_compare(yearbook, saved):
    name = str(yearbook.folder / "table.toml")
    done = CliRunner().invoke(main, ["import", name, str(saved(TABLE)), "--published", "2022-02-01"])
    assert done.exit_code == 0 and "table.csv: 2 rows" in done.stdout, done.output
    old = yearbook.target.rename(yearbook.target.with_name("old.csv"))
    later = TABLE.replace("2,0", "3").replace(";-", ";7")
    CliRunner().invoke(main, ["import", name, str(saved(later)), "--published", "2023-02-01", "--quiet"])
    told = CliRunner().invoke(main, ["diff", str(old), str(yearbook.target)])
    assert told.exit_code == 0
    assert "Nørrebro, 2021-02-01, 2021-02-28, shootings, city-shots: 2 then, 3 now (+50.0%)" in told.stdout
    assert "Amager Øst, 2021-03-01, 2021-03-31, shootings, city-shots: new, 7" in told.stdout
    assert told.stdout.endswith("1 figures alike, 1 revised, 1 new, 0 gone\n")


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("1234", ".", 1234),
        ("1 234", ",", 1234),
        ("1\u00a0234\u202f567", ".", 1234567),
        ("1.234", ",", 1234),
        ("1.234", ".", 1.234),
        ("1,234", ".", 1234),
        ("1,5", ",", 1.5),
        ("1.234,5", ",", 1234.5),
        ("\u22123", ".", -3),
        ("1,5", ".", None),
        ("12,34", ".", None),
        ("1 23", ".", None),
        ("", ".", None),
        ("1e5", ".", None),
        ("²", ".", None),
        ("NaN", ".", None),
        ("9" * 400, ".", None),
    ],
)
def test_numbers_as_people_write_them(text, decimal, value):
    assert number(text, decimal) == value


@given(st.integers(0, 10**12), st.sampled_from([",", "."]))
def test_a_number_grouped_in_thousands_is_read_back(value, decimal):
    assert number(f"{value:,}".replace(",", " "), decimal) == value
    assert number(f"{value:,}".replace(",", "." if decimal == "," else ","), decimal) == value
