"""The police's monthly table: across or down, several blocks, totals held against their parts."""

from pathlib import Path

import pytest
import xlsxwriter

from gvi_eval.errors import DataError
from gvi_eval.sources.grid import Grid, read_grid
from gvi_eval.sources.police import records

ACROSS = """Bekräftade skjutningar per polisregion 2021

Region;jan;feb;mars;Totalt
Syd;3;2;4;9
Väst;1;0;2*;3
Totalt;4;2;6;12
* preliminär uppgift den 15 april 2021

Antal avlidna i skjutningar 2021
Region;jan;feb;mars;Totalt
Syd;1;0;;1
Väst;0;0;-;0
Totalt;1;0;;1
"""


def grid(text, delimiter=";"):
    rows = [tuple(cell.strip() for cell in line.split(delimiter)) for line in text.splitlines()]
    return Grid("table.csv", tuple(enumerate(rows, start=1)))


def figures(found):
    return {(one.texts["measure"], one.texts["area"], one.texts["year"], int(one.texts["month"])): one.value for one in found}


def test_by_hand():
    found = list(records(grid(ACROSS)))
    by = figures(found)
    assert len(found) == 12 and by["shootings", "Syd", "2021", 3] == 4 and by["shootings", "Väst", "2021", 2] == 0
    assert by["killed", "Syd", "2021", 1] == 1 and by["killed", "Väst", "2021", 3] is None
    assert [one.texts["note"] for one in found if one.texts["note"]] == ["preliminary: marked * by the publisher"]
    assert {one.status for one in found if one.value is None} == {"", "-"}


def test_months_may_run_down():
    across = [line.split(";") for line in ACROSS.splitlines()[2:6]]
    down = "\n".join(["Skjutningar 2021", *(";".join(cells) for cells in zip(*across, strict=True))]).replace("Region", "Månad")
    first = {key: value for key, value in figures(records(grid(ACROSS))).items() if key[0] == "shootings"}
    assert figures(records(grid(down))) == first


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Syd;3;2;4;9", "Syd;3;2;4;10", r"table.csv:4: the months of Syd add up to 9 and the total says 10"),
        ("Totalt;4;2;6;12", "Totalt;4;3;6;13", r"table.csv:6: the areas in month 2 add up to 2 and the total says 3"),
        ("Totalt;1;0;;1", "Totalt;0;0;;1", r"the months of Totalt add up to 0 and the total says 1|add up to 1"),
        ("Väst;1;0;2*;3", "Syd;1;0;2*;3", r"table.csv:5: the area 'Syd' comes twice"),
        ("Väst;1;0;2*;3", ";1;0;2*;3", r"table.csv:5: the area '' has no name"),
        ("Syd;3;2;4;9", "Syd;3;2,5;4;9", r"table.csv:4: '2,5' is no count"),
        ("Syd;3;2;4;9", "Syd;3;många;4;9", r"table.csv:4: 'många' is no count"),
        ("Region;jan;feb;mars", "Region;jan;feb;feb", r"table.csv:3: a month comes twice"),
        ("per polisregion 2021", "per polisregion", r"names no year; give it with --year"),
        ("per polisregion 2021", "per polisregion 2020 och 2021", r"names the years 2020, 2021; give it with --year"),
        ("Bekräftade skjutningar", "Händelser", r"does not say what is counted; give it with --measure"),
    ],
)
def test_what_does_not_hold_is_named(old, new, sentence):
    assert old in ACROSS
    with pytest.raises(DataError, match=sentence):
        list(records(grid(ACROSS.replace(old, new, 1))))


def test_year_and_measure_may_be_given():
    text = "Region;jan;feb\nSyd;3;2\n"
    (first, _) = records(grid(text), year="2020", measure="shootings")
    assert (first.texts["year"], first.texts["measure"], first.value) == ("2020", "shootings", 3)


def test_a_total_with_a_blank_part_is_not_below_the_others():
    with pytest.raises(DataError, match="the months of Syd add up to 5 and the total says 4"):
        list(records(grid("Skjutningar 2021\nRegion;jan;feb;mars;Totalt\nSyd;3;2;;4\n")))


def test_a_table_without_months_is_named():
    with pytest.raises(DataError, match="has no row of months"):
        list(records(grid("Region;2020;2021\nSyd;3;2\n")))


def test_injured_in_shootings_are_injured():
    text = "Skadade vid bekräftade skjutningar, 2019\nRegion;januari;februari\nSyd;3;2\n"
    assert {one.texts["measure"] for one in records(grid(text))} == {"injured"}


@pytest.mark.parametrize("how", ["semicolons", "cp1252", "tabs", "pasted", "excel"])
def test_every_way_to_save_it_reads_alike(tmp_path, how):
    file = tmp_path / ("table.xlsx" if how == "excel" else "table.txt")
    text = ACROSS
    if how == "tabs":
        text = ACROSS.replace(";", "\t")
    if how == "pasted":
        text = ACROSS.replace(";;", ";-;").replace(";", "    ")
    if how == "excel":
        write_excel(file, ACROSS)
    else:
        file.write_bytes(text.encode("cp1252" if how == "cp1252" else "utf-8"))
    found = figures(records(read_grid(file)))
    assert found == figures(records(grid(ACROSS)))


def write_excel(file: Path, text: str) -> None:
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet("Statistik")
        for row, line in enumerate(text.splitlines()):
            for column, cell in enumerate(line.split(";")):
                sheet.write(row, column, int(cell) if cell.isdigit() else cell)
