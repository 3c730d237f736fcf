"""A table is asked for, stored as it came and made into rows that `check` accepts; the same again changes nothing."""

import json

import pytest
from click.testing import CliRunner
from publishers import figure

from gvi_eval.cli import main
from gvi_eval.errors import SourceError, StudyError
from gvi_eval.sources.fetch import find_recipes, latest
from gvi_eval.sources.store import read_snapshot, snapshots
from gvi_eval.tables import check_path, read_origin, read_table


def files_of(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_a_table_of_statbank_becomes_rows_that_check_accepts(fetched, straf11):
    result = fetched(straf11)
    assert result.snapshot.is_new and result.placed.rows == 2 * 2 * 8
    report = check_path(result.placed.table)
    assert report.violations == report.disclosures == () and report.files[0].schema == "counts"
    table = read_table(result.placed.table, "counts")
    row = table[(table["unit"] == "Odense") & (table["period_start"] == "2022-10-01") & (table["measure"] == "violence")]
    assert row["value"].tolist() == [figure("461", "12", "2022K4")]
    assert (row["period_end"].iloc[0].date().isoformat(), row["vintage"].iloc[0]) == ("2022-12-31", "2026-02-11")


def test_the_raw_answer_is_kept_with_question_time_and_hash(fetched, straf11, publisher):
    snapshot = read_snapshot(fetched(straf11).snapshot.record)
    assert [part.name for part in snapshot.parts] == ["tableinfo", "jsonstat"]
    assert snapshot.retrieved.isoformat() == "2026-03-01T12:00:00+00:00" and len(snapshot.sha256) == 64
    assert json.loads(snapshot.parts[1].asked)["variables"][0] == {"code": "OMRÅDE", "values": ["101", "461"]}
    origin = read_origin(straf11.target)
    assert origin.urls[-1] == f"{publisher.base}/statbank/data" and origin.publisher == "The publisher"
    assert snapshot.sha256 in origin.notes[1]


def test_the_same_answer_again_changes_nothing(fetched, straf11, clock):
    fetched(straf11)
    before = files_of(straf11.data)
    clock.day = clock.day.replace(month=9)
    again = fetched(straf11)
    assert not again.snapshot.is_new and not again.placed.changed
    assert files_of(straf11.data) == before and not list(straf11.data.rglob(".partial"))


def test_a_revision_is_a_vintage_of_its_own_beside_the_old_one(fetched, straf11, publisher, clock):
    fetched(straf11)
    old = latest(straf11)
    publisher.changed["461", "12", "2022K4"] = 999
    publisher.updated = "2026-05-11T08:00:00Z"
    clock.day = clock.day.replace(month=6)
    result = fetched(straf11)
    assert result.snapshot.is_new and result.placed.changed
    assert len(snapshots(straf11.snapshots)) == 2 and read_snapshot(old.record).parts == old.parts
    assert latest(straf11).record == result.snapshot.record
    table = read_table(straf11.target, "counts")
    assert 999 in table["value"].tolist() and set(table["vintage"]) == {"2026-05-11"}


def test_a_suppressed_cell_has_no_row_and_is_said(fetched, straf11, publisher):
    publisher.suppressed.add(("101", "12", "2021K1"))
    result = fetched(straf11)
    assert result.placed.rows == 31
    assert result.placed.notes == ("1 cell has no figure but '..' (not available, or withheld); no row stands for it.",)
    assert any("no figure but '..'" in note for note in read_origin(straf11.target).notes)


def test_a_code_list_that_was_changed_stops_the_fetch_and_leaves_the_table(fetched, straf11, publisher):
    fetched(straf11)
    before = files_of(straf11.data)
    del publisher.areas["461"]
    publisher.areas["462"] = "Odense, new"
    with pytest.raises(SourceError, match=r"the code '461' of OMRÅDE \(did you mean '462', Odense, new\?\)"):
        fetched(straf11)
    kept = {name: content for name, content in files_of(straf11.data).items() if ".partial" not in name}
    assert kept == before


def test_the_verb_fetches_and_says_what_it_brought(publisher, straf11):
    name = str(straf11.folder / "table.toml")
    done = CliRunner().invoke(main, ["fetch", name, "--base", f"{publisher.base}/statbank"])
    assert done.exit_code == 0, done.output
    assert "table: a new snapshot, " in done.stdout and "table.csv: 32 rows" in done.stdout and done.stderr == "table ...\n"
    again = CliRunner().invoke(main, ["fetch", name, "--base", f"{publisher.base}/statbank", "--json"])
    told = json.loads(again.stdout)
    assert [(one["new"], one["changed"], one["rows"]) for one in told] == [(False, False, 32)]


def test_a_recipe_that_does_not_exist_is_a_matter_of_usage():
    done = CliRunner().invoke(main, ["fetch", "atlantis"])
    assert done.exit_code == 2 and "there is no recipe 'atlantis'" in done.stderr


def test_a_recipe_is_found_by_file_by_name_and_with_its_study(straf11, tmp_path):
    for name in (str(straf11.folder / "table.toml"), str(tmp_path / "town"), "town", "town/table"):
        assert [one.name for one in find_recipes(name, tmp_path)] == ["table"]
    with pytest.raises(StudyError, match="known are town/table"):
        find_recipes("town/tabel", tmp_path)


def test_a_table_is_made_anew_from_what_is_stored_without_asking_anybody(fetched, straf11, publisher):
    name = str(straf11.folder / "table.toml")
    none = CliRunner().invoke(main, ["fetch", name, "--stored"])
    assert none.exit_code == 3 and "nothing is stored for table; 'gvi-eval fetch town/table' brings it" in none.stderr
    fetched(straf11)
    table, asked = straf11.target.read_bytes(), len(publisher.seen)
    straf11.target.unlink()
    done = CliRunner().invoke(main, ["fetch", name, "--stored"])
    assert done.exit_code == 0 and straf11.target.read_bytes() == table and len(publisher.seen) == asked
