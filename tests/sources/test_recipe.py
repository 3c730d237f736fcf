"""Recipes: what is not known is an error, and a table never lands outside its folder."""

import pytest
from recipe_texts import HEAD, STRAF11

from gvi_eval.errors import DataError, StudyError
from gvi_eval.sources.recipe import load_recipe


@pytest.fixture
def changed(tmp_path):
    def load(old="", new="", name="table"):
        text = HEAD.format(name="table", provider="statbank") + STRAF11
        assert old in text
        (tmp_path / f"{name}.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
        return load_recipe(tmp_path / f"{name}.toml")

    return load


def test_a_recipe_says_where_its_table_and_its_snapshots_lie(straf11, changed, tmp_path):
    assert straf11.target == tmp_path / "town" / "data" / "table.csv"
    assert straf11.snapshots == tmp_path / "town" / "data" / "snapshots" / "table"
    assert straf11.command == "gvi-eval fetch town/table"
    assert changed().target == tmp_path / "data" / "table.csv"


@pytest.mark.parametrize("into", ["../table.csv", "/tmp/table.csv", "a/../../table.csv", "..\\\\table.csv", "table.toml"])
def test_a_table_outside_the_data_folder_is_refused(changed, into):
    with pytest.raises(StudyError, match="name a .csv file in the data folder of the study"):
        changed('into = "table.csv"', f'into = "{into}"')


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('provider = "statbank"', 'provider = "statbnak"', "provider is 'statbnak'; choose one of 'statbank'"),
        ("schema =", "shcema =", r"unknown key 'shcema' \(did you mean 'schema'\?\)"),
        ('licence = "CC BY 4.0"', "", "lacks 'licence'"),
        ('"12" = "straf11-violence"', '"12" = "violence"', "the column definition uses violence; the definitions are straf11"),
        (
            '{ from = "OVERTRÆD", names = { "12" = "straf11-violence", "3410" = "straf11-weapons" } }',
            '{ from = "OVERTRÆD" }',
            "uses no names",
        ),
        ('name = "table"', 'name = "other"', "calls itself 'other'; give the file and the recipe one name"),
    ],
)
def test_what_does_not_hold_is_named(changed, old, new, sentence):
    with pytest.raises(StudyError, match=sentence):
        changed(old, new)


def test_a_code_without_a_word_of_ours_stops_and_is_named(fetched, write_recipe):
    body = STRAF11.replace(
        'measure = { from = "OVERTRÆD", names = { "12" = "violence", "3410" = "weapons_act" } }',
        'measure = { from = "OVERTRÆD", names = { "12" = "violence" } }',
    )
    recipe = write_recipe("statbank", body)
    with pytest.raises(DataError, match=r"measure has no word for '3410 \(Weapons act\)' of 'OVERTRÆD'; add it to names"):
        fetched(recipe)
    assert not recipe.target.exists()
    # Corrected, the recipe makes its table of the answers that are kept: nothing is asked twice.
    corrected = write_recipe("statbank", body + '\n[where]\n"OVERTRÆD" = "12"\n')
    again = fetched(corrected)
    assert again.taken_up == 2 and again.placed.rows == 16


def test_a_recipe_without_a_needed_column_is_named(fetched, write_recipe):
    with pytest.raises(DataError, match="does not say what counter are; add them under"):
        fetched(write_recipe("statbank", STRAF11.replace('counter = "statistics_office"', "")))


def test_a_definition_that_is_taken_is_not_overwritten(fetched, straf11, write_recipe):
    fetched(straf11)
    other = write_recipe("statbank", STRAF11.replace("Reported violence", "Something else"))
    before = (straf11.data / "definitions.csv").read_bytes()
    with pytest.raises(
        DataError, match="has another text for 'straf11-violence'; give the recipe's definition an id of its own"
    ):
        fetched(other)
    assert (straf11.data / "definitions.csv").read_bytes() == before
