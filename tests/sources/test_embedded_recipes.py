"""The recipes beside the studies hold, and what they bring has the shape of the tables that the studies read."""

from publishers import OFFENCES, figure

from gvi_eval.resources import CHECKOUT
from gvi_eval.sources.fetch import find_recipes
from gvi_eval.sources.recipe import BY_HAND, load_recipe
from gvi_eval.sources.revisions import compared
from gvi_eval.tables import check_path, read_table

ANALYSES = CHECKOUT / "analyses"


def test_every_recipe_beside_a_study_holds_and_is_found_by_its_name():
    files = sorted(ANALYSES.glob("*/recipes/*.toml"))
    assert len(files) >= 3
    for file in files:
        recipe = load_recipe(file)
        assert [one.name for one in find_recipes(f"{file.parent.parent.name}/{file.stem}", ANALYSES)] == [recipe.name]
        assert recipe.provider not in BY_HAND or recipe.how


def test_the_danish_table_has_the_shape_of_the_one_that_is_kept(tmp_path, publisher, clock, monkeypatch):
    from gvi_eval.sources.fetch import fetch

    (tmp_path / "recipes").mkdir()
    text = (ANALYSES / "copenhagen" / "recipes" / "straf11_quarterly.toml").read_text(encoding="utf-8")
    (tmp_path / "recipes" / "straf11_quarterly.toml").write_text(text, encoding="utf-8")
    recipe = load_recipe(tmp_path / "recipes" / "straf11_quarterly.toml")
    publisher.areas = dict(recipe.columns["unit"].names)
    monkeypatch.setattr("publishers.OFFENCES", OFFENCES | {"1320": "Burglary, dwellings", "1332": "Shoplifting"})
    brought = fetch(recipe, f"{publisher.base}/statbank", clock.client(), clock.now).placed.table
    assert check_path(brought).violations == ()
    kept = ANALYSES / "data" / "statistics_denmark" / "straf11_quarterly.csv"
    ours, theirs = read_table(brought, "counts"), read_table(kept, "counts")
    for column in ("unit", "unit_type", "measure", "definition", "counting_scope", "counter", "source"):
        assert set(ours[column]) == set(theirs[column]), column
    found = compared(kept, brought)  # the server on this machine has eight of the forty quarters
    both = len(ours)
    assert found.count("new") == 0 and found.count("gone") == len(theirs) - both
    assert found.alike + found.count("revised") == both
    odense = ours[(ours["unit"] == "Odense") & (ours["measure"] == "shoplifting") & (ours["period_start"] == "2022-10-01")]
    assert odense["value"].tolist() == [figure("461", "1332", "2022K4")]
