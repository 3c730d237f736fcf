"""Parts of one table go together only where they are of one edition, and each cell stands there once."""

import pytest
from recipe_texts import HEAD, STRAF11

from gvi_eval.errors import SourceError
from gvi_eval.sources.cells import Cell, Cells, together
from gvi_eval.sources.codes import chosen
from gvi_eval.sources.recipe import load_recipe


def part(*codes, **more):
    return Cells(
        ("area",), tuple(Cell((code,), 1.0) for code in codes), {"area": {code: code.upper() for code in codes}}, **more
    )


def test_by_hand():
    whole = together([part("a", "b", absent=1), part("c", absent=2)])
    assert [cell.codes for cell in whole] == [("a",), ("b",), ("c",)] and whole.absent == 3
    assert whole.labels["area"] == {"a": "A", "b": "B", "c": "C"} and len(whole) == 3


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (part("b", updated="2026"), "it was changed in between; run the same command again"),
        (part("a"), "hold the same cell"),
        (Cells(("year",), ()), "have other dimensions"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(other, sentence):
    with pytest.raises(SourceError, match=sentence):
        together([part("a"), other])


def test_marks_are_counted_apart():
    cells = Cells(("area",), (Cell(("a",), None, ".."), Cell(("b",), None), Cell(("c",), 0.0, "p")))
    assert cells.withheld == {"": 1, "..": 1}


def test_what_is_asked_for_is_held_against_what_the_publisher_has(tmp_path):
    (tmp_path / "table.toml").write_text(HEAD.format(name="table", provider="statbank") + STRAF11, encoding="utf-8")
    recipe = load_recipe(tmp_path / "table.toml")
    known = {
        "Tid": {"2021K1": "", "2021K2": ""},
        "område": {"101": "", "461": "", "751": ""},
        "OVERTRÆD": {"12": "", "3410": ""},
    }
    assert chosen(recipe, known) == {"Tid": ("2021K1", "2021K2"), "område": ("101", "461"), "OVERTRÆD": ("12", "3410")}
    known["OVERTRÆD"] = {"12": "", "3411": "Weapons, new"}
    del known["Tid"]
    with pytest.raises(
        SourceError, match=r"'3410' of OVERTRÆD \(did you mean '3411', Weapons, new\?\); nor the variable 'Tid'"
    ):
        chosen(recipe, known)
