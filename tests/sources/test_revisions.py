"""Two vintages side by side: what was revised, what is new, what is gone, and nothing else."""

import json

import pytest
from click.testing import CliRunner

from gvi_eval.cli import main
from gvi_eval.errors import DataError
from gvi_eval.resources import CHECKOUT
from gvi_eval.sources.revisions import Revision, compared


def test_a_revision_between_two_snapshots(fetched, straf11, publisher, clock):
    old = fetched(straf11).snapshot.record
    publisher.changed["461", "12", "2022K4"] = 60
    publisher.suppressed.add(("101", "3410", "2021K1"))
    clock.day = clock.day.replace(month=6)
    new = fetched(straf11).snapshot.record
    found = compared(old, new)
    kinds = {one.key: (one.before, one.now) for one in found.revisions}
    assert found.alike == 30 and set(kinds) == {("461", "12", "2022K4"), ("101", "3410", "2021K1")}
    assert kinds["461", "12", "2022K4"][1] == "60" and kinds["101", "3410", "2021K1"][1] == ".."
    told = json.loads(CliRunner().invoke(main, ["diff", str(old), str(new), "--json"]).stdout)
    assert [row["kind"] for row in told["revisions"]] == ["revised", "revised"]
    assert told["revisions"][0]["key"] in ({"OMRÅDE": code[0], "OVERTRÆD": code[1], "Tid": code[2]} for code in kinds)


def test_the_share_is_of_the_old_figure():
    assert Revision(("a",), "40", "43").change == pytest.approx(0.075) and Revision(("a",), "0", "43").change is None
    assert str(Revision(("a",), "38", "41")) == "a: 38 then, 41 now (+7.9%)"
    assert str(Revision(("a",), "3", None)) == "a: was 3, and is not there now"


def test_a_table_of_several_vintages_is_refused():
    table = CHECKOUT / "analyses/data/polismyndigheten/national_monthly_vintages_2021.csv"
    with pytest.raises(DataError, match="is there twice, of several vintages"):
        compared(table, table)


def test_a_table_is_like_itself():
    table = CHECKOUT / "analyses/data/statistics_denmark/population_1_january.csv"
    assert compared(table, table).revisions == () and compared(table, table).alike == 710


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("sources.csv", "sources.csv"), "is no table of counts, readings, population"),
        (("sources.csv", "sources.origin.toml"), "are not of one kind"),
        (
            ("statistics_denmark/straf11_quarterly.csv", "statistics_denmark/population_1_january.csv"),
            "compare two of one table",
        ),
        (("gone.csv", "gone.csv"), "there is no file"),
        (("gone.json", "gone.json"), "there is no file"),
    ],
)
def test_what_cannot_be_compared_is_named(files, sentence):
    with pytest.raises(DataError, match=sentence):
        compared(*(CHECKOUT / "analyses/data" / file for file in files))
