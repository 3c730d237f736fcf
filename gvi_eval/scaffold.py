"""A study of one's own: a folder with an example that runs at once, made to be written over."""

import re
from datetime import date
from pathlib import Path

import pandas as pd

from gvi_eval.errors import StudyError
from gvi_eval.schema import load_schema
from gvi_eval.sources.beside import ready
from gvi_eval.sources.recipe import Layout, Meaning, Recipe
from gvi_eval.sources.tabulate import Rows

NAME = re.compile(r"[a-z][a-z0-9_]*")
STUDY = """# {name}: what is asked, of which figures, from which start, and every analysis. Whatever is decided is decided here.
# Made by 'gvi-eval new {name}'; the figures of the example are made up, and every number says so. To make it yours:
#   1. put your table in the place of data/counts.csv, in the same columns; 'gvi-eval check --record FILE' says what is wrong;
#   2. write what happened, when it was decided and when it began; 3. take the line 'generated' out; 4. 'gvi-eval run {name}'.

name = "{name}"
title = "The programme of the town"
question = "Did reported shootings in the town fall after the programme began in January 2022?"
frequency = "M"  # M, Q or Y
baseline = {{ start = 2018-01-01, end = 2024-12-31 }}
smallest_effect = [0.90, 1.11]  # ratios that would still be called no change
generated = "EXAMPLE: made-up figures; a ratio of 0.7 was built into them."
limits = ["The figures are made up to show what a study looks like."]

units = [
  {{ name = "Town", role = "treated" }},
  {{ name = "Harbour", role = "donor" }},
]

[[outcomes]]
name = "shootings"
label = "reported shootings"
role = "primary"
table = "counts.csv"
measure = "shootings"
reason = "What the programme sets out to reduce; say here why this figure and no other."

[[interventions]]
name = "The programme"
role = "treatment"
unit = "Town"
decided = 2021-09-01  # when the place was chosen: regression to the mean is judged by it
start = 2022-01-01    # a day, or {{ earliest = ..., latest = ... }} where no day is known
source = "example"

[[estimands]]
name = "ratio"
contrast = "ratio"

[[estimands]]
name = "shootings prevented"
contrast = "prevented"

[[specifications]]
name = "latent counts, level + trend"
estimator = "latent_counts"
outcome = "shootings"
headline = true
note = "Its twin without a trend is added and shown beside it."

[[specifications]]
name = "exact ratio"
estimator = "exact_ratio"
outcome = "shootings"
note = "How sure the bare counts could make anyone."
"""
RUN = '''"""Runs this study and writes reports/{name} beside it; the same as 'gvi-eval run {name}'."""

from pathlib import Path

from gvi_eval import run_study
from gvi_eval.publish import publish

HERE = Path(__file__).parent
publish(run_study(HERE / "study.toml"), HERE / "reports" / "{name}")
'''
FIRST, LAST, START, RATIO = "2018-01", "2024-12", "2022-01", 0.7
MEANS = {"Town": 11.0, "Harbour": 8.0}


def scaffold(name: str, folder: Path) -> list[Path]:
    """Write the folder of a new study and return its files; raises `StudyError` for a name that is taken or is none."""
    if not NAME.fullmatch(name):
        raise StudyError(
            f"'{name[:40]}' cannot name a study; use lower-case letters, digits and underscores, such as 'my_town'"
        )
    home = folder / name
    if home.exists():
        raise StudyError(f"there is a '{name}' here already; choose another name, or another folder with --into")
    place = ready(_recipe(home), _rows(), date(2026, 1, 1), (), "numbers drawn with a fixed seed")
    (home / "data").mkdir(parents=True)
    place.write()
    (home / "study.toml").write_text(STUDY.format(name=name), encoding="utf-8")
    (home / "run.py").write_text(RUN.format(name=name), encoding="utf-8")
    return sorted(file for file in home.rglob("*") if file.is_file())


def _recipe(home: Path) -> Recipe:
    definition = {
        "id": "example-shootings",
        "measure": "shootings",
        "counting_scope": "not_stated",
        "text": "A made-up number in the place of reported shootings; say here what exactly is counted",
    }
    return Recipe(
        name="counts",
        title="EXAMPLE: made-up shootings per place and month",
        provider="file",
        publisher="gvi_eval, generated",
        licence="public domain",
        into="counts.csv",
        schema="counts",
        columns={"definition": Meaning(text="example-shootings")},
        source={"id": "example", "title": "Made-up figures"},
        definitions=(definition,),
        folder=home,
        file=Layout(),
    )


def _rows() -> Rows:
    """Counts of two places by month; the town falls to `RATIO` of itself at its start."""
    import numpy as np

    random = np.random.default_rng(20260101)
    months = pd.period_range(FIRST, LAST, freq="M")
    rows = []
    for place, mean in MEANS.items():
        fall = np.where((months >= pd.Period(START, "M")) & (place == "Town"), RATIO, 1.0)
        for month, count in zip(months, random.poisson(mean * fall), strict=True):
            days = month.start_time.date().isoformat(), month.end_time.date().isoformat()
            counted = (str(count), "example-shootings", "not_stated", "generated", "", "", "example", "")
            rows.append((place, "town", *days, "shootings", *counted))
    return Rows(load_schema("counts").names, tuple(sorted(rows)))
