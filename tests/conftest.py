"""A tiny town with a tiny programme: the study file, the tables and the panels that the tests share."""

import copy
import json
import os
from collections.abc import Mapping
from datetime import date, time
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from gvi_eval.panel import Panel

# No deadline: a loaded machine is no fault of the code. Tests that say how many examples they need keep their number.
settings.register_profile("quick", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

QUARTERS = pd.period_range("2010Q1", "2014Q4", freq="Q")
# East falls from 20 a quarter to 10 in 2013, West stays at 2, burglary stays at 50 and 5: small enough to add up by hand.
COUNTS = {
    ("East", "shootings"): [18, 22, 20, 20] * 3 + [9, 11, 10, 10] * 2,
    ("West", "shootings"): [1, 3, 2, 2] * 5,
    ("East", "burglary"): [48, 52, 51, 49] * 5,
    ("West", "burglary"): [5, 5, 4, 6] * 5,
}

DOCUMENT = {
    "name": "town",
    "title": "The programme of the town",
    "question": "Did reported shots fall after the programme began in 2013?",
    "frequency": "Q",
    "baseline": {"start": date(2010, 1, 1), "end": date(2014, 12, 31)},
    "limits": ["The town is made up."],
    "outcomes": [
        {
            "name": "shots",
            "label": "reported shots",
            "role": "primary",
            "table": "counts.csv",
            "measure": "shootings",
            "population": "population.csv",
            "proxy_for": "shootings",
            "reason": "what there is",
        },
        {
            "name": "burglary",
            "label": "reported burglary",
            "role": "negative control",
            "table": "counts.csv",
            "measure": "burglary",
            "reason": "not addressed",
        },
    ],
    "units": [{"name": "Town", "role": "treated", "members": ["East", "West"]}],
    "interventions": [
        {"name": "Programme", "role": "treatment", "decided": date(2012, 6, 1), "start": date(2013, 1, 1), "source": "s"},
        {"name": "New form", "role": "recording change", "start": date(2011, 4, 1), "source": "s"},
    ],
    "estimands": [
        {"name": "ratio", "contrast": "ratio"},
        {"name": "shots prevented", "contrast": "prevented", "target": "realised"},
    ],
    "specifications": [
        {
            "name": "level + trend",
            "estimator": "segmented",
            "outcome": "shots",
            "settings": {"season": "none"},
            "headline": True,
        },
        {"name": "level", "estimator": "segmented", "outcome": "shots", "settings": {"season": "none", "trend": False}},
        {"name": "exact ratio", "estimator": "exact_ratio", "outcome": "shots"},
        {
            "name": "burglary, level",
            "estimator": "segmented",
            "outcome": "burglary",
            "settings": {"season": "none", "trend": False},
        },
        {
            "name": "burglary, level + trend",
            "estimator": "segmented",
            "outcome": "burglary",
            "settings": {"season": "none"},
        },
    ],
}


def toml(value) -> str:
    """A value as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return value.isoformat() if isinstance(value, date | time) else json.dumps(value, ensure_ascii=False)


def count_rows() -> pd.DataFrame:
    """The published counts of the town, one row per area, quarter and measure."""
    rows = [
        {
            "unit": area,
            "unit_type": "district",
            "period_start": quarter.start_time.date(),
            "period_end": quarter.end_time.date(),
            "measure": measure,
            "value": value,
            "definition": measure,
            "counting_scope": "all_unlawful",
            "counter": "police",
            "months_reported": None,
            "vintage": "2015",
            "source": "yearbook",
            "note": None,
        }
        for (area, measure), values in COUNTS.items()
        for quarter, value in zip(QUARTERS, values, strict=True)
    ]
    return pd.DataFrame(rows)


def population_rows() -> pd.DataFrame:
    rows = [
        {
            "unit": area,
            "unit_type": "district",
            "date": date(year, 1, 1),
            "population": people,
            "definition": "register",
            "vintage": "2015",
            "source": "yearbook",
            "note": None,
        }
        for area, people in (("East", 3000), ("West", 1000))
        for year in range(2010, 2015)
    ]
    return pd.DataFrame(rows)


def write_table(file: Path, rows: pd.DataFrame) -> None:
    """A CSV with the origin record that goes with it."""
    rows.to_csv(file, index=False, lineterminator="\n")
    record = {"title": f"Made up: {file.stem}", "publisher": "the tests", "licence": "CC0-1.0"}
    record |= {"url": "https://example.org/town", "sha256": sha256(file.read_bytes()).hexdigest()}
    file.with_suffix(".origin.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in record.items()))


@pytest.fixture
def document() -> dict:
    """The study file of the town, free to be changed."""
    return copy.deepcopy(DOCUMENT)


@pytest.fixture
def two_sites(document) -> dict:
    """The study of two treated places: East from 2013 and West from 2012, beside two donors, one analysis each."""
    document["outcomes"][0].pop("population")
    east, event = document["interventions"]
    document["units"] = [
        {"name": "East", "role": "treated"},
        {"name": "West", "role": "treated"},
        {"name": "North", "role": "donor"},
        {"name": "South", "role": "donor"},
    ]
    west = east | {"name": "Programme in West", "unit": "West", "start": date(2012, 1, 1), "decided": date(2011, 6, 1)}
    document["interventions"] = [east | {"unit": "East"}, west, event]
    settings = {"season": "none", "trend": False}
    document["specifications"] = [
        {"name": f"{unit}, level", "estimator": "segmented", "outcome": "burglary", "unit": unit, "settings": settings}
        for unit in ("East", "West")
    ]
    document["specifications"][0]["headline"] = True
    return document


@pytest.fixture(scope="session")
def four_areas() -> pd.DataFrame:
    """The counts of the town, and those of a North like East and a South like West."""
    rows = count_rows()
    others = rows.assign(unit=rows["unit"].map({"East": "North", "West": "South"}))
    return pd.concat([rows, others], ignore_index=True)


@pytest.fixture(scope="session")
def new_document():
    """Makes the study file of the town anew, for fixtures that outlive a test."""
    return lambda: copy.deepcopy(DOCUMENT)


@pytest.fixture(scope="session")
def counts() -> pd.DataFrame:
    return count_rows()


@pytest.fixture(scope="session")
def population() -> pd.DataFrame:
    return population_rows()


@pytest.fixture(scope="session")
def write_study():
    """Writes a study file and its tables into a folder and returns the study file."""

    def write(folder: Path, document: Mapping = DOCUMENT, counts: pd.DataFrame | None = None) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        write_table(folder / "counts.csv", count_rows() if counts is None else counts)
        write_table(folder / "population.csv", population_rows())
        (folder / "definitions.csv").write_text("id\nshootings\nburglary\nregister\nother\n")
        (folder / "sources.csv").write_text("id\nyearbook\nnewspaper\n")
        file = folder / "study.toml"
        file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in document.items()), encoding="utf-8")
        return file

    return write


@pytest.fixture(scope="session")
def make_panel():
    """A panel from lists of counts: the first named unit is treated from the period at position ``onset``."""

    def make(counts: Mapping[str, list], onset: int, *, start: str = "2010-01", exposure=1.0, **parts) -> Panel:
        length = len(next(iter(counts.values())))
        periods = pd.period_range(start, periods=length, freq="Q" if "Q" in start else "M" if "-" in start else "Y")
        values = pd.DataFrame({unit: np.asarray(own, dtype=float) for unit, own in counts.items()}, index=periods)
        people = pd.DataFrame(exposure, index=periods, columns=values.columns, dtype=float)
        treated = next(iter(counts))
        return Panel(values, people, MappingProxyType({treated: periods[0] + onset}), **parts)

    return make


@pytest.fixture
def plain_figures(monkeypatch):
    """Figures are not drawn: their own tests draw them, and drawing is what takes the time."""

    def draw(folder, study, *, source, run, done=lambda what: None):
        (folder / "figures").mkdir()
        (folder / "figures" / "drawn.txt").write_text(f"{study.name} {source} {run}\n")
        return ["drawn"]

    monkeypatch.setattr("gvi_eval.figures.study.draw_study", draw)


@pytest.fixture
def with_curve(document) -> dict:
    """The study file of the town with a small specification curve: 20 combinations, of which the headline is one."""
    document["curve"] = {
        "figures": [{"name": "all shots", "outcome": "shots", "reason": "the primary outcome"}],
        "baselines": [{"start": date(2010, 1, 1), "reason": "every figure"}],
        "windows": [{"end": date(2014, 12, 31), "reason": "every figure"}, {"end": date(2013, 6, 30), "reason": "early"}],
        "starts": [{"date": date(2013, 1, 1), "reason": "the start"}, {"date": date(2012, 7, 1), "reason": "rumours"}],
        "leave_out": [{"name": "without 2011", "start": date(2011, 1, 1), "end": date(2011, 12, 31), "reason": "a strike"}],
        "methods": [
            {"name": "level + trend", "estimator": "segmented", "settings": {"season": "none"}, "reason": "the headline's"},
            {
                "name": "level",
                "estimator": "segmented",
                "settings": {"season": "none", "trend": False},
                "reason": "a bound",
                "only": {"leave_out": ["nothing left out"]},
            },
            {"name": "exact ratio", "estimator": "exact_ratio", "reason": "a bound"},
        ],
    }
    return document
