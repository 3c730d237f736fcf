"""The question behind the missing numbers: every published figure of an outcome, and why no estimate comes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from gvi_eval.errors import DataError
from gvi_eval.study import MissingSeries, Study, Window

ENOUGH = 0.8  # share of the days on each side of the start that must be covered before an interrupted time series is thought of


@dataclass(frozen=True, eq=False)
class Missing:
    """What is published about an outcome without an estimate: one row a figure, and the reasons in sentences."""

    declared: MissingSeries
    figures: pd.DataFrame
    reasons: tuple[str, ...]


def missing_series(study: Study, declared: MissingSeries, tables: Mapping[str, pd.DataFrame]) -> Missing:
    """The figures of the declared tables and measures, with where they stand, and why they carry no estimate.

    Raises `DataError` where a table has no figure of the measures, and where the figures of the area could carry an estimate
    after all: then the page would be untrue.
    """
    frames = []
    for name in declared.tables:
        rows = tables[name]
        rows = rows[rows["measure"].isin(declared.measures)]
        if rows.empty:
            raise DataError(f"{name} has no figure of {', '.join(declared.measures)}; correct the table or the measures")
        frames.append(rows.assign(figure=[f"{name}:{line}" for line in rows.index]))
    figures = pd.concat(frames).sort_values(
        ["unit", "period_start", "period_end", "definition"], kind="stable", ignore_index=True
    )
    figures = figures[
        [
            "unit",
            "period_start",
            "period_end",
            "measure",
            "value",
            "definition",
            "counting_scope",
            "counter",
            "vintage",
            "source",
            "figure",
            "note",
        ]
    ]
    return Missing(declared, figures, tuple(_reasons(study, declared, figures)))


def _reasons(study: Study, declared: MissingSeries, figures: pd.DataFrame) -> list[str]:
    start = study.treatment.start
    own = figures[figures["unit"].isin(declared.areas)]
    if own.empty:
        return [f"No figure of {' or '.join(declared.areas)} is published at all."]
    before = Window(study.baseline.start, start.earliest)
    after = Window(start.earliest, study.baseline.end)
    shares = {word: _covered(own, window) for word, window in (("before", before), ("after", after))}
    if min(shares.values()) >= ENOUGH:
        raise DataError(
            f"the figures of {', '.join(declared.areas)} cover {shares['before']:.0%} of the days before the start and "
            f"{shares['after']:.0%} after it: enough for an estimate; make the outcome one of the study"
        )
    definitions = sorted(own["definition"].unique())
    last = max(pd.Timestamp(day).date() for day in own["period_end"].dropna())
    reasons = [
        f"{len(own)} figures concern {' or '.join(declared.areas)}. They cover {shares['before']:.0%} of the days from "
        f"{study.baseline.start} to the earliest possible start, {start.earliest}, and {shares['after']:.0%} of the days after "
        f"it; the last day of any of them is {last}.",
        f"They are counted under {len(definitions)} definitions ({', '.join(definitions)}), which are not one series.",
    ]
    conflicts = int(_overlapping(own))
    if conflicts:
        reasons.append(f"{conflicts} of them overlap others in part or whole, from different counters.")
    others = figures.loc[~figures["unit"].isin(declared.areas), "unit"].value_counts()
    if len(others):
        named = ", ".join(f"{unit} ({count})" for unit, count in others.items())
        reasons.append(
            f"The other {others.sum()} figures are of {named}: not of the place, or of a whole whose parts are not published."
        )
    return reasons


def _days(rows: pd.DataFrame, window: Window) -> set[date]:
    days: set[date] = set()
    for row in rows.dropna(subset=["period_start", "period_end"]).itertuples():
        first = max(pd.Timestamp(row.period_start).date(), window.start)
        last = min(pd.Timestamp(row.period_end).date(), window.end)
        days |= {day.date() for day in pd.date_range(first, last)} if first <= last else set()
    return days


def _covered(rows: pd.DataFrame, window: Window) -> float:
    """The share of the days of a window that any figure covers."""
    return len(_days(rows, window)) / ((window.end - window.start).days + 1)


def _overlapping(rows: pd.DataFrame) -> int:
    spans = rows.dropna(subset=["period_start", "period_end"])
    starts, ends = pd.to_datetime(spans["period_start"]).to_numpy(), pd.to_datetime(spans["period_end"]).to_numpy()
    overlaps = (starts[:, None] <= ends) & (starts <= ends[:, None])
    return int((overlaps.sum(axis=1) > 1).sum())


def missing_page(study: Study, missing: Missing) -> str:
    """The page for readers, in Markdown."""
    declared = missing.declared
    lines = [
        f"# {declared.title}",
        "",
        f"**No estimate is given.** {declared.why}",
        "",
        "## Why the published figures do not carry one",
        "",
        *(f"- {reason}" for reason in missing.reasons),
        "",
        "## What would",
        "",
        f"- **The series:** {declared.series}",
        f"- **Who holds it:** {declared.holder}",
        f"- **Until then:** {declared.instead}",
        "",
        f"## Every published figure ({len(missing.figures)})",
        "",
        "| area | from | to | count | what is counted | by whom | published | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in missing.figures.fillna("").itertuples():
        note = f"; {row.note}" if row.note else ""
        lines.append(
            f"| {row.unit} | {_day(row.period_start)} | {_day(row.period_end)} | {row.value} {row.measure} | {row.definition}"
            f" ({row.counting_scope}){note} | {row.counter} | {row.vintage} | {row.source} |"
        )
    lines += ["", f"Sources by name are in analyses/data/sources.csv. Study: {study.name}.", ""]
    return "\n".join(lines)


def _day(value: object) -> str:
    return "?" if value == "" or pd.isna(value) else str(pd.Timestamp(value).date())
