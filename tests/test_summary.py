"""A study on one screen: nothing left out, and a proxy called one wherever it stands."""

import re
from datetime import date
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from gvi_eval.errors import EstimationError
from gvi_eval.estimators.exact_ratio import ExactRatio
from gvi_eval.run import run_study
from gvi_eval.summary import summary


def printed(result, width=200):
    console = Console(width=width, record=True, file=StringIO(), color_system=None)
    console.print(summary(result, Path("reports/town")))
    return console.export_text()


def line_of(text, name):
    """The line of the table that belongs to an analysis."""
    return next(line for line in text.splitlines() if re.match(rf"\s*{name}\s\s", line))


@pytest.fixture(scope="module")
def town(write_study, tmp_path_factory):
    return printed(run_study(write_study(tmp_path_factory.mktemp("town"))))


def test_question_headline_limits_and_files_are_on_the_screen(town):
    assert "The programme of the town" in town and "Did reported shots fall" in town
    assert "\nHeadline\n" in town and "level 0.545 | level + trend" in town and "one-sided 95 % limits" in town
    assert "The town is made up." in town and "reports/town/effects.csv" in town


def test_every_analysis_has_a_line_with_its_interval_and_the_kind_of_it(town):
    pair = line_of(town, r"level \+ trend")
    level, trend = re.findall(r"\d\.\d{3} \(\d\.\d{3}–\d\.\d{3}\)", pair)
    assert level.startswith("0.545 ") and trend != level and "wald" in pair
    assert "exact" in line_of(town, "exact ratio") and len(re.findall(r"\d–\d", line_of(town, "exact ratio"))) == 1


def test_events_prevented_stand_beside_the_ratio(town):
    assert re.search(r"\s-?\d+ \(-?\d+ to -?\d+\)", line_of(town, r"level \+ trend"))


def test_a_pair_that_disagrees_says_that_a_step_is_not_told_from_the_trend(document, write_study, tmp_path):
    text = printed(run_study(write_study(tmp_path, document)))
    apart = {True: "yes", False: "no"}
    for pair in run_study(write_study(tmp_path, document)).pairs:
        assert line_of(text, r"level \+ trend").rstrip().endswith(apart[pair.verdict.separated])


def test_a_proxy_is_called_one_in_its_section_and_in_every_threat(town):
    assert "reported shots (proxy for shootings)" in town
    for line in town.splitlines():
        if "reported shots" in line and "Did reported shots fall" not in line:
            assert "proxy" in line, line


def test_a_refusal_is_printed_in_words_brackets_included(write_study, tmp_path, monkeypatch):
    def refuse(self, panel):
        raise EstimationError("no events in [red] and ['Town']; take another")

    monkeypatch.setattr(ExactRatio, "estimate", refuse)
    text = printed(run_study(write_study(tmp_path)))
    assert "refused" in text and "no events in [red] and ['Town']; take another" in text


def test_a_start_that_is_an_interval_shows_its_range_and_says_so(document, write_study, tmp_path):
    document["interventions"][0]["start"] = {"earliest": date(2012, 11, 1), "latest": date(2013, 1, 1)}
    text = printed(run_study(write_study(tmp_path, document)))
    assert "2012Q4 to 2013Q1" in text and "bounds" in text and "the start is published only as an interval" in text


def test_nothing_is_cut_off_on_a_narrow_screen(write_study, tmp_path):
    result = run_study(write_study(tmp_path))
    narrow = printed(result, width=60)
    assert "…" not in narrow and max(map(len, narrow.splitlines())) <= 60
