"""A monitored plan as it is published: every number from a reading, absent figures in plain words, and not a word of why."""

import io
import json
import re

import pandas as pd
import pytest
from monitored import PLAN, count, embedded, write_plan
from rich.console import Console

from gvi_eval.errors import DataError
from gvi_eval.figures.indicators import alt_indicators
from gvi_eval.hashing import file_hash
from gvi_eval.indicators import embedded_plans, load_plan
from gvi_eval.monitoring import SENTENCE, dose_table, indicators_table, page, publish_plan, readings_table, terminal
from gvi_eval.readings import follow

# Words that would say why a reading moved, in the three languages of the figures.
WHY = re.compile(
    r"\b(effect\w*|impact\w*|work(s|ed)|success\w*|caus(e|es|ed|al|ing)|thanks to|due to|led to|result(s|ed)? in|effekt\w*|"
    r"virk(er|ede|ning\w*)|årsag\w*|skyldes|succes\w*|påverka\w*|orsak\w*|lyck\w*|tack vare)\b",
    re.IGNORECASE,
)


def printed(monitoring, width: int) -> str:
    sheet = io.StringIO()
    Console(file=sheet, width=width, highlight=False).print(terminal(monitoring))
    return sheet.getvalue()


def outcomes_of(readings):
    return readings[readings["role"] == "outcome"]


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return follow(load_plan(write_plan(tmp_path_factory.mktemp("east"))))


@pytest.fixture(scope="module")
def every_plan():
    return [embedded(name) for name in embedded_plans()]


@pytest.fixture
def undrawn(monkeypatch):
    """The figure has tests of its own; here it only has to be asked for."""
    monkeypatch.setattr("gvi_eval.figures.indicators.draw_plan", lambda folder, plan, *, source, run: None)


def test_one_row_an_indicator_with_what_was_wanted_and_what_was_seen(town):
    rows = indicators_table(town).set_index("indicator")
    assert list(rows.index) == ["unsafe", "shots", "meetings"]
    unsafe = rows.loc["unsafe"]
    assert (unsafe["start"], unsafe["last"], unsafe["last_less_start"], unsafe["start_is"]) == (
        8,
        17,
        9,
        "baseline of the plan",
    )
    assert (unsafe["baseline_check"], unsafe["target_is_a_number"]) == ("outlier", False)
    assert rows.loc["shots", "start_is"] == "last figure before the plan"
    assert rows.loc["meetings", "last_period"] == "no figure published" and pd.isna(rows.loc["meetings", "last"])


def test_one_row_a_reading_with_its_line_and_the_reports_it_could_stand_in(town):
    rows = readings_table(town)
    unsafe = rows[rows["indicator"] == "unsafe"]
    assert list(unsafe["figure"]) == ["survey.csv:2", "survey.csv:3", "survey.csv:4", "survey.csv:5"]
    assert list(unsafe["status_years"]) == ["", "2017; 2018", "", "2019"]
    assert (
        unsafe["lower"].isna().all() and (unsafe["no_interval"] == "no interval: the number of answers is not published").all()
    )
    assert rows.loc[rows["indicator"] == "shots", "lower"].notna().all()


def test_the_dose_is_a_table_of_its_own(town):
    rows = dose_table(town.plan).set_index("dose")
    assert (rows.loc["call-ins", "value"], rows.loc["call-ins", "figure"]) == (2, "events.csv:2")
    assert rows.loc["help", "quote"] == "no figure published" and pd.isna(rows.loc["help", "value"])
    assert not set(rows.index) & set(readings_table(town)["indicator"])


def test_an_activity_is_in_no_table_of_outcomes(town):
    text = page(town)
    outcomes, rest = text.split("## Readings")
    assert "meetings held" not in outcomes and "meetings held: wanted 4 per year; no figure published" in rest
    assert "call-ins held" not in outcomes and "call-ins held: 2 by 2017-05-01" in rest


def test_the_page_says_what_it_is_and_how_many_targets_have_a_number(town):
    text = page(town)
    assert SENTENCE in text
    assert "A number as target: 1 of 2 outcomes and 1 of 1 activities." in text
    assert (
        "| feeling unsafe (% of those asked) | down, no number | 8 (2017) | 17 (2019) | +9, up, against what is wanted | no |"
        in text
    )
    assert (
        "| shots fired (per year) | decrease to 10 | 40 (2016) * | 20 [12.2–30.9] (2018) | -20, down, as wanted | yes |" in text
    )


@pytest.mark.parametrize("width", [80, 140])
def test_every_plan_fits_the_terminal_and_holds_its_numbers(every_plan, width):
    for monitoring in every_plan:
        text = printed(monitoring, width)
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width
        for each in monitoring.outcomes:
            assert all(f"{reading.value:g}" in text for reading in each.readings)
        assert "no figure published" in text


def test_not_a_word_of_why_in_anything_that_is_printed(every_plan, town):
    for monitoring in (*every_plan, town):
        tables = [indicators_table(monitoring), readings_table(monitoring), dose_table(monitoring.plan)]
        told = [printed(monitoring, 140), page(monitoring), *(table.to_csv() for table in tables)]
        told += alt_indicators(outcomes_of(tables[1]), tables[0], tables[2], monitoring.plan).values()
        for text in told:
            assert (found := WHY.search(text)) is None, f"{monitoring.plan.name} says '{found.group()}'"


def test_a_planted_word_of_why_is_caught():
    assert all(WHY.search(text) for text in ("it worked", "the effect was", "effekten var", "shots fell due to", "caused by"))
    assert not WHY.search("a workshop in the network of Causeway")


def test_a_folder_is_whole_and_the_same_bytes_each_time(town, tmp_path, undrawn):
    manifest = publish_plan(town, tmp_path / "one")
    publish_plan(town, tmp_path / "two")
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == sorted(["dose.csv", "indicators.csv", "manifest.json", "page.md", "readings.csv", "ro-crate-metadata.json"])
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
    assert manifest["outputs"]["readings.csv"] == file_hash(tmp_path / "one" / "readings.csv")
    assert {item["table"] for item in manifest["inputs"]} == {"survey.csv", "counts.csv", "indicators.csv", "events.csv"}
    assert json.loads((tmp_path / "one" / "manifest.json").read_text()) == manifest


def test_another_figure_is_another_run(tmp_path, undrawn):
    runs = set()
    for last in (20, 21):
        monitoring = follow(load_plan(write_plan(tmp_path / "plan", counts=(count(2016, 40), count(2018, last)))))
        runs.add(publish_plan(monitoring, tmp_path / "out")["run"])
    assert len(runs) == 2


def test_a_folder_of_something_else_is_not_replaced(town, tmp_path, undrawn):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("keep")
    with pytest.raises(DataError, match="holds files that are no results"):
        publish_plan(town, tmp_path / "letters")


def test_a_plan_without_an_end_and_without_reports_says_so(tmp_path):
    plan = {key: value for key, value in PLAN.items() if key not in ("end", "status")}
    text = page(follow(load_plan(write_plan(tmp_path, plan))))
    assert "without an end" in text and "The plan names no status report." in text
