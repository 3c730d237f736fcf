"""The study that waits for its figures: it says what brings them, and it runs whole on generated ones that say so."""

import json
import shutil
import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from publishers import Publisher, serving

from gvi_eval.cli import main
from gvi_eval.errors import StudyError
from gvi_eval.plan import awaited_tables, find_study, prepare
from gvi_eval.resources import CHECKOUT
from gvi_eval.run import run_study
from gvi_eval.sources.fetch import fetch
from gvi_eval.sources.http import Client
from gvi_eval.sources.importing import import_files
from gvi_eval.sources.recipe import load_recipe
from gvi_eval.tables import check_path

HERE = CHECKOUT / "analyses" / "malmo_panel"
CODES = tomllib.loads((HERE / "recipes" / "population.toml").read_text(encoding="utf-8"))["columns"]["unit"]["names"]
YEARS = range(2016, 2024)
MONTHS = "jan feb mars apr maj juni juli aug sep okt nov dec".split()
MADE_UP = "GENERATED FIGURES: made up by a test."


@pytest.fixture
def copied(tmp_path) -> Path:
    shutil.copytree(HERE, tmp_path / "malmo_panel", ignore=shutil.ignore_patterns("data", "__pycache__"))
    return tmp_path / "malmo_panel" / "study.toml"


def generated(folder: Path, ratio: float) -> list[Path]:
    """The police's table, one file a year, with totals: Malmö as two donors move, times the ratio from October 2018 on."""
    random = np.random.default_rng(5)
    shared = np.exp(0.2 * np.sin(np.arange(96) / 11))
    files = []
    counts = {}
    for place, name in enumerate(CODES.values()):
        rate = (6 if name == "Malmö" else 3 + 9 * (place % 5) / 4) * shared
        if name == "Malmö":
            rate = np.where(np.arange(96) >= 33, ratio, 1.0) * rate
        counts[name] = random.poisson(rate)
    for number, year in enumerate(YEARS):
        months = slice(12 * number, 12 * number + 12)
        lines = [f"Bekräftade skjutningar per kommun {year}", ";".join(["Kommun", *MONTHS, "Totalt"])]
        lines += [";".join([name, *map(str, row[months]), str(row[months].sum())]) for name, row in counts.items()]
        sums = sum(row[months] for row in counts.values())
        lines.append(";".join(["Totalt", *map(str, sums), str(sums.sum())]))
        files.append(folder / f"{year}.csv")
        files[-1].write_text("\n".join(lines) + "\n", encoding="cp1252")
    return files


def bring(file: Path, ratio: float) -> None:
    """One fetch and one import, and the word that the figures are made up."""
    recipes = file.parent / "recipes"
    publisher = Publisher(regions={code: name for code, name in CODES.items()}, most_cells=100)
    publisher.years = {str(year): str(year) for year in range(2015, 2024)}
    publisher.changed = {(code, "BE0101N1", year): 100_000 for code in CODES for year in publisher.years}
    with serving(publisher):
        fetch(load_recipe(recipes / "population.toml"), f"{publisher.base}/pxweb", Client(pause=lambda seconds: None))
    files = generated(file.parent, ratio)
    import_files(load_recipe(recipes / "shootings_monthly.toml"), files, published=date(2024, 2, 1))
    text = file.read_text(encoding="utf-8").replace('frequency = "M"', f'frequency = "M"\ngenerated = "{MADE_UP}"', 1)
    file.write_text(text, encoding="utf-8")


def shorter(file: Path) -> None:
    """The headline and the longer comparison alone, without what stands beside the placebos: seconds instead of many."""
    text = file.read_text(encoding="utf-8").replace('inference = { also = ["conformal", "prediction"] }', "")
    first, last = (text.index(f'[[specifications]]\nname = "{name}') for name in ("synthetic control with", "to the end"))
    file.write_text(text[:first] + text[last:], encoding="utf-8")


def test_the_study_waits_and_says_which_command_brings_which_table(tmp_path):
    if not (awaited := awaited_tables(find_study("malmo_panel"))):
        pytest.skip("the tables are there")
    assert [(one.table, one.command) for one in awaited] == [
        ("shootings_monthly.csv", "gvi-eval import malmo_panel/shootings_monthly FILE"),
        ("population.csv", "gvi-eval fetch malmo_panel/population"),
    ]
    done = CliRunner().invoke(main, ["run", "malmo_panel", "--out", str(tmp_path)])
    assert (
        done.exit_code == 0
        and "No estimate" in done.stdout
        and "'gvi-eval fetch malmo_panel/population' brings it" in done.stdout
    )
    manifest = json.loads((tmp_path / "malmo_panel" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"] == [] and len(manifest["awaited"]) == 2 and list(manifest["outputs"]) == ["README.md"]
    told = CliRunner().invoke(main, ["run", "malmo_panel", "--out", str(tmp_path), "--json"])
    assert json.loads(told.stdout)["effects"] == [] and told.stderr == ""
    checked = CliRunner().invoke(main, ["check", str(HERE / "study.toml")])
    assert checked.exit_code == 0 and "not there yet" in checked.stdout
    with pytest.raises(StudyError, match="'shootings_monthly.csv' is not there yet; 'gvi-eval import malmo_panel/shootings"):
        run_study(find_study("malmo_panel"))


def test_a_table_that_no_recipe_brings_is_a_fault_and_no_waiting(copied):
    text = copied.read_text(encoding="utf-8").replace('"population.csv"', '"populaton.csv"')
    copied.write_text(text, encoding="utf-8")
    assert awaited_tables(copied) == ()
    with pytest.raises(StudyError, match="is not there yet|is neither beside the study file"):
        prepare(copied)


@pytest.mark.parametrize("name", ["../x.csv", "../../../etc/passwd", "/etc/x.csv", "data/../../x.csv"])
def test_a_study_cannot_reach_outside_its_folders(copied, name):
    text = copied.read_text(encoding="utf-8").replace('"shootings_monthly.csv"', json.dumps(name))
    copied.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="lies outside the folders of tables|expected: a CSV file"):
        prepare(copied)


@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_it_runs_whole_on_generated_figures_that_say_so(copied, ratio):
    bring(copied, ratio)
    assert awaited_tables(copied) == () and check_path(copied.parent / "data").violations == ()
    if ratio != 1.0:
        shorter(copied)
    result = run_study(copied)
    assert len({analysis.specification.name for analysis in result.analyses}) == (5 if ratio == 1.0 else 2)
    headline = next(analysis for analysis in result.analyses if analysis.specification.headline)
    effect = headline.effects[0]
    assert effect.refusal is None and effect.point == pytest.approx(ratio, rel=0.2)
    (interval, *_) = effect.intervals
    assert (interval.lower <= 1 <= interval.upper) is (ratio == 1.0)
    for analysis in result.analyses:
        assert all(effect.notes[0] == MADE_UP for effect in analysis.effects)
        assert "Uppsala" not in analysis.panel.values and "Lund" not in analysis.panel.values
    longer = next(analysis for analysis in result.analyses if analysis.specification.name == "to the end of 2023")
    assert not {"Göteborg", "Örebro", "Huddinge", "Järfälla and Upplands-Bro"} & set(longer.panel.values)
    assert {"Göteborg", "Örebro", "Huddinge", "Järfälla and Upplands-Bro"} <= set(headline.panel.values)
