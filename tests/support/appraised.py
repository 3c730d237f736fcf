"""A results folder of the town, small enough to write down, for the checklists to read."""

from pathlib import Path

import pandas as pd

ID = "town/level + trend/2013Q1/ratio"
EFFECT = {
    "id": ID,
    "study": "town",
    "specification": "level + trend",
    "headline": True,
    "estimator": "segmented",
    "inference": "wald",
    "unit": "Town",
    "outcome": "reported shots (proxy for shootings)",
    "onset": "2013Q1",
    "estimand": "ratio",
    "contrast": "ratio",
    "window_end": "2014Q4",
    "point": 0.5,
    "lower": 0.4,
    "upper": 0.6,
    "refusal": None,
    "notes": "",
    "panel": "panels/p.csv",
}
NAMES = ("level + trend", "level", "exact ratio", "burglary, level", "burglary, level + trend")
COMPARISON = {
    "role": "primary",
    "specification": "synthetic control",
    "estimator": "synthetic",
    "onset": "2013Q1",
    "lower": None,
    "rank_scaled": 3,
    "rmspe_share": 0.08,
    "rmspe_over_noise": 1.7,
    "inside_hull": True,
    "hold_out": 1.2,
    "heaviest": "North 0.6; South 0.4",
    "refusal": None,
}


def panel(before: int = 12, after: int = 8, missing: int = 0) -> pd.DataFrame:
    """Quarters before and after 2013Q1, the first ones without a figure."""
    quarters = pd.period_range(end="2012Q4", periods=before, freq="Q").append(
        pd.period_range("2013Q1", periods=after, freq="Q")
    )
    rows = {"unit": "Town", "period": quarters.astype(str), "period_start": quarters.start_time.date}
    rows |= {"period_end": quarters.end_time.date, "value": [None] * missing + [5.0] * (len(quarters) - missing)}
    return pd.DataFrame(rows | {"person_years": 1.0, "figures": "counts.csv:2; counts.csv:3"})


def write_results(folder: Path, *, headline=(), figures: pd.DataFrame | None = None, **tables) -> Path:
    """The tables of a run: one row an analysis, the headline changed as asked, and any further table by its name."""
    effects = [EFFECT | dict(headline)]
    effects += [EFFECT | {"id": f"town/{name}", "specification": name, "headline": False} for name in NAMES[1:]]
    written = {"effects.csv": pd.DataFrame(effects), "panels/p.csv": panel() if figures is None else figures}
    for name, rows in tables.items():
        written[f"{name.replace('__', '/')}.csv"] = pd.DataFrame(rows)
    for name, rows in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        rows.to_csv(folder / name, index=False)
    return folder
