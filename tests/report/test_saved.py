"""Looking up: every number can be found again by file, row and column, and nothing is found that is not there."""

import json

import pytest

from gvi_eval.errors import DataError
from gvi_eval.report.saved import Saved, pointer


@pytest.fixture
def saved(tmp_path) -> Saved:
    (tmp_path / "effects.csv").write_text('id,point,state\n"a/1",0.5,x\n"b/2",2,y\n"c/3",,x\n')
    (tmp_path / "pairs.csv").write_text("name,level\nfirst,1\nfirst,2\n")
    (tmp_path / "empty.csv").write_text("name,level\n")
    (tmp_path / "manifest.json").write_text(json.dumps({"run": "r", "list": [{"name": "n/m", "v": 3}, "plain"]}))
    (tmp_path / "study.toml").write_text('day = 2018-10-01\n[[units]]\nname = "Malmö"\nrole = "treated"\n')
    return Saved(tmp_path, tmp_path / "study.toml")


def test_rows_go_by_their_id_or_by_their_line(saved):
    assert saved.lookup("effects.csv", "b/2", "point") == "2"
    assert saved.lookup("pairs.csv", "3", "level") == "2"  # line 1 is the head


def test_one_of_the_notes_in_a_cell(saved):
    (saved.folder / "notes.csv").write_text("id,notes\na,first | second\n")
    assert (
        saved.lookup("notes.csv", "a", "notes[1]") == "second" and saved.lookup("notes.csv", "a", "notes") == "first | second"
    )


def test_counts_and_extremes_over_a_filter(saved):
    assert saved.lookup("effects.csv", "?state=x", "count()") == "2"
    assert saved.lookup("effects.csv", "?", "count(state)") == "2"
    assert saved.lookup("effects.csv", "?state=x&point=", "count()") == "1"
    assert saved.lookup("effects.csv", "?", "max(point)") == "2" and saved.lookup("effects.csv", "?", "min(point)") == "0.5"
    assert saved.lookup("effects.csv", "?state=x|y", "count()") == "3"
    assert saved.lookup("empty.csv", "?", "count()") == "0"


def test_documents_go_by_names_and_numbers(saved):
    assert saved.lookup("manifest.json", "/run", "") == "r"
    assert saved.lookup("manifest.json", pointer("list", "n/m", "v"), "") == "3"
    assert saved.lookup("manifest.json", "/list/1", "") == "plain"
    assert saved.lookup("study.toml", "/units/Malmö/role", "") == "treated"
    assert saved.lookup("study.toml", "/day", "") == "2018-10-01"


@pytest.mark.parametrize(
    "place, words",
    [
        (("none.csv", "2", "a"), "not among the saved results"),
        (("effects.csv", "z", "point"), "no row 'z'"),
        (("effects.csv", "a/1", "z"), "no column 'z'"),
        (("effects.csv", "?z=1", "count()"), "no column 'z'"),
        (("effects.csv", "?state=z", "max(point)"), "has no value"),
        (("manifest.json", "/nothing", ""), "nothing at /nothing"),
    ],
)
def test_what_is_not_there_is_an_error(saved, place, words):
    with pytest.raises(DataError, match=words):
        saved.lookup(*place)


def test_a_folder_without_results_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="gvi-eval run"):
        assert Saved(tmp_path).manifest
