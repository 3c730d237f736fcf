"""Small multiples of readings: what is drawn is what was saved, and an absent figure is words and no mark."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from monitored import PLAN, WORDS, write_plan

from gvi_eval.errors import DataError
from gvi_eval.figures.indicators import alt_indicators, draw_plan, indicators_figure, saved_tables
from gvi_eval.indicators import load_plan
from gvi_eval.monitoring import dose_table, indicators_table, readings_table
from gvi_eval.readings import follow
from gvi_eval.writing import csv_bytes


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with the town's tables, and its plan."""
    folder = tmp_path_factory.mktemp("drawn")
    monitoring = follow(load_plan(write_plan(tmp_path_factory.mktemp("plan"))))
    tables = {"readings": readings_table, "indicators": indicators_table, "dose": lambda each: dose_table(each.plan)}
    for name, table in tables.items():
        (folder / f"{name}.csv").write_bytes(csv_bytes(table(monitoring)))
    return folder, monitoring.plan


@pytest.fixture(scope="module")
def tables(saved):
    return dict(zip(("readings", "indicators", "dose"), saved_tables(saved[0]), strict=True))


def drawn(tables, **changes):
    parts = tables | changes
    return indicators_figure(**parts, title="A safe East", span=(2017.0, 2020.0), caption="Made up.")


@pytest.fixture(scope="module")
def figure(tables):
    return drawn(tables)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_label() == "data"]


def words(figure) -> str:
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_every_reading_is_a_mark_in_the_middle_of_its_year(tables, figure):
    unsafe, shots, _ = panels(figure)
    (marks,) = [line for line in unsafe.lines if line.get_marker() == "o" and line.get_markersize() == 4.5]
    assert np.asarray(marks.get_xydata()) == pytest.approx(
        np.array([[2016.5, 14], [2017.5, 8], [2018.5, 23], [2019.5, 17]]), abs=0.01
    )
    (bars,) = [each for each in shots.collections if len(each.get_segments() if hasattr(each, "get_segments") else [])]
    own = tables["readings"][tables["readings"]["indicator"] == "shots"]
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == own[["lower", "upper"]].to_numpy().tolist()


def test_the_start_is_dashed_and_an_outlier_ringed(figure):
    unsafe, shots, _ = panels(figure)
    starts = [[line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"] for axes in (unsafe, shots)]
    assert starts == [[8], [40]]
    rings = [[line.get_xydata()[0].tolist() for line in axes.lines if line.get_markersize() == 10] for axes in (unsafe, shots)]
    assert rings[0] == [pytest.approx([2017.5, 8], abs=0.01)] and rings[1] == []


def test_years_without_a_figure_are_crossed_by_dots(tables):
    readings = tables["readings"]
    gap = readings[~((readings["indicator"] == "unsafe") & (readings["value"] == 23))]
    unsafe, *_ = panels(drawn(tables, readings=gap))
    joins = {tuple(np.round(line.get_ydata(), 6)): line.get_linestyle() for line in unsafe.lines if line.get_marker() == "None"}
    assert joins[14, 8] == "-" and joins[8, 17] == ":"


def test_the_dose_stands_on_a_strip_without_a_scale(figure):
    strip = panels(figure)[-1]
    (marks,) = [line for line in strip.lines if line.get_marker() == "|"]
    assert marks.get_xdata()[0] == pytest.approx(2017.33, abs=0.01)
    assert list(strip.get_yticks()) == [] and "Dose, recorded beside the outcomes" in words(figure)


def test_what_has_no_figure_is_said_in_words(tables):
    silent = tables["readings"][tables["readings"]["indicator"] != "shots"]
    figure = drawn(tables, readings=silent)
    assert "No figure published: shots fired." in words(figure) and "Dose without a published figure: offers of help." in words(
        figure
    )
    assert len(panels(figure)) == 2


def test_a_missing_column_is_named(tables):
    with pytest.raises(DataError, match=r"the table of readings lacks the columns \['upper'\]"):
        drawn(tables, readings=tables["readings"].drop(columns="upper"))


def test_nothing_is_drawn_outside_the_sheet(figure):
    page = figure.bbox
    for text in (text for axes in figure.axes for text in (*axes.texts, *(axes.get_xticklabels() if axes.axison else ()))):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1 and box.y0 >= page.y0 - 1, text.get_text()


def test_the_alt_text_says_the_same_in_three_languages(tables, saved):
    told = alt_indicators(tables["readings"], tables["indicators"], tables["dose"], saved[1])
    assert told["en"] == (
        "Small line charts of the readings of A safe East, one for each of 2 indicators on the same years. feeling unsafe: 4 "
        "readings, from 14 (2016) to 17 (2019). The dashed line is the start, 8 (2017). It is ringed because it stands apart from "
        "its neighbours. shots fired: 4 readings, from 30 (2015) to 20 (2018). The dashed line is the start, 40 (2016). Vertical "
        "bars are 95 % limits. A strip below shows the dose: call-ins held."
    )
    numbers = [sorted(re.findall(r"\d+", told[language])) for language in ("en", "da", "sv")]
    assert numbers[0] == numbers[1] == numbers[2]
    assert WORDS["da"] in told["da"] and "Et trygt øst" in told["da"] and "Ett tryggt öster" in told["sv"]


def test_a_plan_is_drawn_from_its_saved_tables(saved):
    folder, plan = saved
    draw_plan(folder, plan, source="The tests", run="abc")
    about = json.loads((folder / "figures" / "indicators" / "about.json").read_text())
    assert about["run"] == "abc" and about["title"].startswith(PLAN["title"])
    kept = pd.read_csv(folder / "figures" / "indicators" / "data.csv")
    assert kept["value"].tolist() == pd.read_csv(folder / "readings.csv")["value"].tolist()
    assert (folder / "figures" / "indicators" / "figure.svg").read_text().count("<text") > 10


def test_a_plan_without_readings_has_no_figure(saved, tmp_path):
    for name in ("indicators", "dose"):
        (tmp_path / f"{name}.csv").write_bytes((saved[0] / f"{name}.csv").read_bytes())
    (tmp_path / "readings.csv").write_text((saved[0] / "readings.csv").read_text().splitlines()[0] + "\n")
    draw_plan(tmp_path, saved[1], source="The tests", run="abc")
    assert not (tmp_path / "figures").exists()
