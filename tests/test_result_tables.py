"""Every table of a result has one name, and what a run writes is these tables and no other."""

from io import BytesIO

import pandas as pd
import pytest

from gvi_eval.publish import publish
from gvi_eval.result_tables import result_tables
from gvi_eval.run import run_study


@pytest.fixture(scope="module")
def result(write_study, tmp_path_factory):
    return run_study(write_study(tmp_path_factory.mktemp("town")))


def test_each_table_comes_once_and_is_what_is_published(result, tmp_path, plain_figures):
    tables = list(result_tables(result))
    names = [name for name, _ in tables]
    assert len(set(names)) == len(names) and names[0] == "effects.csv"
    publish(result, tmp_path / "out")
    written = {file.relative_to(tmp_path / "out").as_posix(): file.read_bytes() for file in (tmp_path / "out").rglob("*.csv")}
    assert written == dict(tables)


def test_analyses_of_the_same_figures_share_one_panel(result):
    panels = [name for name, _ in result_tables(result) if name.startswith("panels/")]
    assert sorted(panels) == sorted({analysis.panel_file for analysis in result.analyses})
    assert len(panels) < len(result.analyses)


def test_every_path_that_an_effect_names_is_there(result):
    tables = dict(result_tables(result))
    paths = pd.read_csv(BytesIO(tables["effects.csv"]))["path"].dropna()
    assert not paths.empty and set(paths) <= tables.keys()
