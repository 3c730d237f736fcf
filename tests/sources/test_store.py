"""Snapshots: whole or not at all, never overwritten, and noticed when somebody changed them."""

import json

import pytest

from gvi_eval.errors import DataError
from gvi_eval.sources.store import read_snapshot, write_whole


def test_an_interrupt_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "table.csv"
    write_whole(file, b"old")

    def interrupt(*parts):
        raise KeyboardInterrupt

    for call in ("os.fsync", "os.replace"):
        monkeypatch.setattr(f"gvi_eval.sources.store.{call}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_whole(file, b"new and longer")
        monkeypatch.undo()
    assert file.read_bytes() == b"old" and [one.name for one in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("at", range(1, 15))
def test_an_interrupt_at_any_write_of_a_fetch_is_repaired_by_the_next(fetched, straf11, monkeypatch, at):
    from gvi_eval.sources import beside, store

    calls = 0

    def counted(file, content, real=write_whole):
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        real(file, content)

    monkeypatch.setattr(store, "write_whole", counted)
    monkeypatch.setattr(beside, "write_whole", counted)
    with pytest.raises(KeyboardInterrupt):
        fetched(straf11)
    monkeypatch.undo()
    from gvi_eval.tables import check_path

    result = fetched(straf11)
    assert check_path(straf11.data).violations == () and result.placed.rows == 32
    assert not list(straf11.data.rglob(".partial")) and len(list(straf11.snapshots.glob("*.json"))) == 3


def test_a_part_that_was_changed_is_noticed(fetched, straf11):
    record = fetched(straf11).snapshot.record
    part = next(file for file in record.parent.iterdir() if file.name.endswith(".2.json"))
    part.write_bytes(part.read_bytes() + b" ")
    with pytest.raises(DataError, match="has changed"):
        read_snapshot(record)
    part.unlink()
    with pytest.raises(DataError, match=r"lacks .*\.2\.json; fetch again"):
        read_snapshot(record)


def test_a_record_cannot_name_a_part_elsewhere(fetched, straf11):
    record = fetched(straf11).snapshot.record
    told = json.loads(record.read_text(encoding="utf-8"))
    told["parts"][0]["file"] = "../../definitions.csv"
    record.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DataError, match="does not lie beside its record"):
        read_snapshot(record)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"parts": 3}', "null"])
def test_what_is_no_record_is_named(tmp_path, content):
    (tmp_path / "a-b.json").write_text(content)
    with pytest.raises(DataError, match="is no record of a snapshot"):
        read_snapshot(tmp_path / "a-b.json")
