"""Reports of an audit and of a plan: counted by level, never a word of why, every number found again."""

import json

import pandas as pd
import pytest

from gvi_eval.figures.audit import draw_audit
from gvi_eval.report.html import html_bytes
from gvi_eval.report.write import composed, saved_of, write_reports
from gvi_eval.verify import verify
from gvi_eval.writing import csv_bytes, json_bytes

LEVELS = [("A1", "R3", "B3", "supported"), ("A2", "R2", "B1", "supported with caveats"), ("A3", "RX", "BX", "not assessable")]
CELLS = [
    {"baseline": "last year", "window": "2019", "percent": -20.0, "claimed": True, "defensible": True},
    {"baseline": "peak", "window": "2019", "percent": 12.5, "claimed": False, "defensible": True},
]


@pytest.fixture
def audit(tmp_path):
    folder = tmp_path / "audit"
    folder.mkdir()
    rows = []
    for name, reproduced, robust, wording in LEVELS:
        row = {"id": name, "type": "relative_change", "reproduced": reproduced, "robust": robust, "design": "2"}
        row |= {"wording": wording, "sentence": f"The sentence of {name}.", "study": "malmo", "source": "somewhere-2019"}
        axes = {axis: {"level": row[axis], "reason": f"why {axis}"} for axis in ("reproduced", "robust", "design", "wording")}
        document = row | {"paraphrase": "a claim", "axes": axes, "would_change": ["a monthly series"]}
        document["quantities"] = [{"claimed": "-20 %", "cells": CELLS if name == "A1" else []}]
        (folder / f"{name}.json").write_bytes(json_bytes(document))
        rows.append(row)
    (folder / "verdicts.csv").write_bytes(csv_bytes(pd.DataFrame(rows)))
    return folder


@pytest.fixture
def plan(tmp_path):
    folder = tmp_path / "plan"
    folder.mkdir()
    indicator = {"plan": "plan", "indicator": "shots", "label": "shots", "wanted": "down", "start": 65, "last": 40}
    indicator |= {"movement": "down, as wanted", "target": "decrease", "target_is_a_number": False, "holder": "police"}
    indicator |= {"warnings": "the start is the highest of all"}
    (folder / "indicators.csv").write_bytes(csv_bytes(pd.DataFrame([indicator])))
    reading = {"plan": "plan", "indicator": "shots", "area": "Town", "period_start": "2017-01-01", "period_end": "2017-12-31"}
    reading |= {"value": 65, "lower": 50.2, "upper": 82.8, "figure": "counts.csv:29"}
    (folder / "readings.csv").write_bytes(csv_bytes(pd.DataFrame([reading])))
    manifest = {"study": "plan", "title": "The plan", "question": "?", "run": "r", "inputs": [], "limits": ["few figures"]}
    (folder / "manifest.json").write_bytes(json_bytes(manifest | {"outputs": {}}))
    return folder


def test_claims_are_counted_by_level_and_none_is_called_failed(audit):
    pages = {language: html_bytes(composed(saved_of(audit), language)).decode() for language in ("en", "da", "sv")}
    text = pages["en"]
    place = text.index("Reproduced exactly or within the rounding")
    assert text[place : place + 400].count(">2</data>") == 1  # A1 and A2; A3 is not checkable
    assert "never a failure" in text
    assert "støttet med forbehold" in pages["da"] and "stött med förbehåll" in pages["sv"]


def test_the_table_of_a_claim_is_drawn_and_stands_in_its_section(audit):
    assert draw_audit(audit) == ["heat-map-a1-1"]
    about = json.loads((audit / "figures" / "heat-map-a1-1" / "about.json").read_text(encoding="utf-8"))
    assert "rank 1 of 2" in about["alt"]["en"] and "nummer 1 af 2" in about["alt"]["da"]
    page = html_bytes(composed(saved_of(audit), "da")).decode()
    assert page.index('id="claim-A1"') < page.index('id="figure-heat-map-a1-1"') < page.index('id="claim-A2"')


def test_a_plan_is_told_without_a_word_of_why(plan):
    page = html_bytes(composed(saved_of(plan), "en")).decode()
    assert "effect" not in page[page.index("<main") :].lower() and "65" in page and "nothing here says why" in page


@pytest.mark.parametrize("which", ["audit", "plan"])
def test_both_are_verified_number_by_number(which, request):
    folder = request.getfixturevalue(which)
    write_reports(folder, None, ("sv",), ("html", "xlsx", "zip"))
    whole = verify(folder, None)
    assert whole.faults == () and whole.numbers > 10
    place = folder / ("verdicts.csv" if which == "audit" else "readings.csv")
    place.write_text(place.read_text(encoding="utf-8").replace("A1", "A9").replace("65", "66"), encoding="utf-8")
    assert any(fault.file == place.name for fault in verify(folder, None).faults)
