"""A town with a plan: its tables and its monitoring file, written into a folder."""

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

WORDS = {"da": "ord", "sv": "ord"}


def reading(year: int, value: float, **more) -> dict:
    """A row of a table of readings: a survey share of East in a whole year."""
    row = {"unit": "East", "unit_type": "district", "period_start": date(year, 1, 1), "period_end": date(year, 12, 31)}
    row |= {"measure": "unsafe_pct", "value": value, "definition": "unsafe", "counter": "survey", "vintage": str(year)}
    return row | {"source": "yearbook", "note": None} | more


def count(year: int, value: int, **more) -> dict:
    """A row of a table of counts: shots in East in a whole year."""
    row = reading(year, value) | {"measure": "shots", "definition": "shots", "counter": "police"}
    return row | {"counting_scope": "confirmed", "months_reported": None} | more


def named(indicator: str, **more) -> dict:
    """A row of the table in which documents name indicators."""
    row = {"document": "The plan", "document_date": "2016", "geography": "East", "goal": "More safety", "indicator": indicator}
    row |= {
        "unit": "percent",
        "baseline_value": None,
        "baseline_period": None,
        "target": "decrease (no number)",
        "deadline": None,
    }
    return row | {"data_source": "the survey", "frequency": "yearly", "source": "yearbook"} | more


def event(event: str, numbers: str | None, day: date = date(2017, 5, 1), **more) -> dict:
    row = {"date_earliest": day, "date_latest": day, "date_precision": "day", "date_end": None, "unit": "East", "kind": "dose"}
    return row | {"event": event, "numbers": numbers, "source": "yearbook", "note": None} | more


UNSAFE = {
    "name": "unsafe",
    "label": "feeling unsafe",
    "label_in": WORDS,
    "role": "outcome",
    "kind": "share",
    "measured_in": "% of those asked",
    "wanted": "down",
    "row": {"geography": "East", "indicator": "Share feeling unsafe"},
    "series": {"table": "survey.csv", "area": "East", "measure": "unsafe_pct", "definitions": ["unsafe"]},
}
SHOTS = UNSAFE | {
    "name": "shots",
    "label": "shots fired",
    "kind": "count",
    "measured_in": "per year",
    "row": {"geography": "East", "indicator": "Shots"},
    "series": {"table": "counts.csv", "area": "East", "measure": "shots", "definitions": ["shots"]},
}
MEETINGS = {
    "name": "meetings",
    "label": "meetings held",
    "label_in": WORDS,
    "role": "activity",
    "kind": "words",
    "measured_in": "meetings",
    "row": {"geography": "East", "indicator": "Meetings"},
    "missing": "minutes are not published",
}
PLAN = {
    "name": "safe_east",
    "title": "A safe East",
    "title_in": {"da": "Et trygt øst", "sv": "Ett tryggt öster"},
    "place": "East",
    "start": date(2017, 1, 1),
    "end": date(2019, 12, 31),
    "source": "yearbook",
    "partners": ["police", "city"],
    "documents": ["The plan"],
    "indicators_table": "indicators.csv",
    "status": {"month": 8, "first": 2017, "last": 2019},
    "limits": ["The town is made up."],
    "indicators": [UNSAFE, SHOTS, MEETINGS],
    "dose": [
        {
            "name": "call-ins",
            "label": "call-ins held",
            "label_in": WORDS,
            "records": [{"table": "events.csv", "source": "yearbook", "quote": "Second call-in", "value": 2}],
        },
        {"name": "help", "label": "offers of help", "label_in": WORDS, "missing": "not counted"},
    ],
}
NAMED = (
    named("Share feeling unsafe", baseline_value=8, baseline_period="2017"),
    named("Shots", target="decrease to 10", deadline="2019"),
    named("Meetings", target="4 per year"),
)
SURVEY = (reading(2016, 14), reading(2017, 8), reading(2018, 23, vintage="2019-06"), reading(2019, 17, vintage="2019-06"))
COUNTS = (count(2015, 30), count(2016, 40), count(2017, 25, vintage="2018-02"), count(2018, 20, vintage="2019-02"))
EVENTS = (event("Second call-in", "12 summoned"),)


def toml(value) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)


def write_plan(folder: Path, plan: Mapping = PLAN, *, survey=SURVEY, counts=COUNTS, names=NAMED, events=EVENTS) -> Path:
    """The plan and its tables in a folder; returns the plan's file."""
    from hashlib import sha256

    folder.mkdir(parents=True, exist_ok=True)
    tables = {"survey": survey, "counts": counts, "indicators": names, "events": events}
    for name, rows in tables.items():
        frame = pd.DataFrame(rows)
        if name == "counts":
            order = (
                "unit unit_type period_start period_end measure value definition counting_scope counter months_reported vintage"
            )
            frame = frame[[*order.split(), "source", "note"]]
        file = folder / f"{name}.csv"
        frame.to_csv(file, index=False, lineterminator="\n")
        record = {
            "title": f"Made up: {name}",
            "publisher": "the tests",
            "licence": "CC0-1.0",
            "url": "https://example.org/east",
        }
        record["sha256"] = sha256(file.read_bytes()).hexdigest()
        file.with_suffix(".origin.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in record.items()))
    (folder / "definitions.csv").write_text("id\nunsafe\nshots\nregister\n")
    (folder / "sources.csv").write_text("id\nyearbook\nnewspaper\n")
    written = folder / "plan.toml"
    written.write_text("".join(f"{key} = {toml(value)}\n" for key, value in plan.items()), encoding="utf-8")
    return written


@cache
def embedded(name: str):
    """An embedded plan with its readings, read once for all tests."""
    from gvi_eval.indicators import find_plan, load_plan
    from gvi_eval.readings import follow

    return follow(load_plan(find_plan(name)))
