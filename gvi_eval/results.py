"""What a study gave, and the tables in which it is published."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.estimators import Estimator
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.threats import ThreatResult
from gvi_eval.study import Specification, Study
from gvi_eval.windows import CountWindow

RANGE = "range over starts"


@dataclass(frozen=True, eq=False)
class Analysis:
    """One declared analysis at one start: the panel it saw, the settings it ran with, and its effects."""

    specification: Specification
    estimator: Estimator
    panel: Panel
    onset: str
    inference: str
    effects: tuple[Effect, ...]

    @property
    def fit(self) -> Effect:
        """The effect over the first estimand, which carries the path."""
        return self.effects[0]

    @cached_property
    def panel_file(self) -> str:
        """Where the panel is saved, named after its content."""
        return f"panels/{panel_id(self.panel)}.csv"

    @property
    def is_range(self) -> bool:
        return self.inference == RANGE


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Everything a study gave: one analysis per specification and start, in the order declared."""

    study: Study
    file: Path
    inputs: Mapping[str, Path]
    analyses: tuple[Analysis, ...]
    threats: tuple[ThreatResult, ...]

    @property
    def headline(self) -> Analysis:
        """The analysis marked headline; where the start is an interval, its range over starts."""
        return [analysis for analysis in self.analyses if analysis.specification.headline][-1]


def effects_table(result: StudyResult) -> pd.DataFrame:
    """One row per specification × start × estimand, refusals included."""
    return pd.DataFrame(
        [_row(result.study, analysis, effect) for analysis in result.analyses for effect in analysis.effects]
    )


def _row(study: Study, analysis: Analysis, effect: Effect) -> dict[str, object]:
    interval = effect.intervals[0] if effect.intervals else None
    test = effect.tests[0] if effect.tests else None
    window = effect.window if effect.counterfactual is not None else _declared_window(analysis, effect)
    return {
        "id": "/".join([study.name, analysis.specification.name, analysis.onset, effect.estimand.name]),
        "study": study.name,
        "specification": analysis.specification.name,
        "headline": analysis.specification.headline,
        "estimator": analysis.estimator.name,
        "inference": analysis.inference,
        "unit": effect.unit,
        "outcome": study.outcome(analysis.specification.outcome).title,
        "onset": analysis.onset,
        "estimand": effect.estimand.name,
        "contrast": effect.estimand.contrast,
        "target": effect.estimand.target,
        "window_start": window[0],
        "window_end": window[1],
        "point": effect.point,
        "lower": interval.lower if interval else None,
        "upper": interval.upper if interval else None,
        "level": interval.level if interval else None,
        "kind": interval.kind if interval else None,
        "p": test.p_value if test else None,
        "floor": test.floor if test else None,
        "refusal": effect.refusal,
        "notes": " | ".join(effect.notes),
        "panel": analysis.panel_file,
        "path": None if effect.counterfactual is None else path_name(analysis),
    }


def _declared_window(analysis: Analysis, effect: Effect) -> tuple[object, object]:
    """The window of an effect without a path: as declared, from the onset, to the last period."""
    window = effect.estimand.window
    last = analysis.panel.periods[-1]
    return (
        pd.Period(window.start, freq=last.freqstr[0]) if window.start else effect.onset,
        pd.Period(window.end, freq=last.freqstr[0]) if window.end else last,
    )


def panel_table(panel: Panel) -> pd.DataFrame:
    """One row per period and unit, and one per span: the count, the person-years, and the rows that were published."""
    starts, ends = panel.periods.start_time.date, panel.periods.end_time.date
    parts = []
    for unit in panel.values.columns:
        values = panel.values[unit]
        figures = "" if panel.sources is None else panel.sources[unit].where(values.notna(), "").to_numpy()
        onset = panel.onsets.get(unit)
        cells = {
            "unit": unit,
            "period": panel.periods.astype(str),
            "period_start": starts,
            "period_end": ends,
            "treated": False if onset is None else panel.periods >= onset,
            "value": values.to_numpy(),
            "person_years": panel.exposure[unit].to_numpy(),
            "figures": figures,
        }
        parts += [pd.DataFrame(cells), *(_span_row(span, onset) for span in panel.spans(unit))]
    return pd.concat(parts, ignore_index=True)


def _span_row(span: CountWindow, onset: pd.Period | None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit": span.unit,
            "period": " and ".join(f"{first}..{last}" for first, last in span.ranges),
            "period_start": span.start,
            "period_end": span.end,
            "treated": onset is not None and span.start >= onset.start_time.date(),
            "value": float(span.count),
            "person_years": np.nan,
            "figures": "; ".join(span.sources),
        },
        index=[0],
    )


def panel_id(panel: Panel) -> str:
    """A short name of a panel's content: the same cells, start and sources have the same name."""
    return sha256(panel_table(panel).to_csv(index=False, float_format="%.17g").encode()).hexdigest()[:12]


def path_name(analysis: Analysis) -> str:
    """Where the path of an analysis is saved, by its specification and its start."""
    return f"paths/{slug(analysis.specification.name)}-{slug(analysis.onset)}.csv"


def slug(name: str) -> str:
    """A name as a file name: lower case, plain letters, digits and hyphens; a plus sign is spelt out."""
    plain = unicodedata.normalize("NFKD", name.replace("+", " plus ")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def threats_table(result: StudyResult) -> pd.DataFrame:
    """One row per threat that was looked into: its state, its number and its sentence."""
    return pd.DataFrame(
        [
            {
                "id": threat.id,
                "state": threat.state,
                "number": threat.number,
                "sentence": threat.sentence,
                **{key: threat.evidence.get(key) for key in ("primary", "control", "onset")},
            }
            for threat in result.threats
        ],
        columns=["id", "state", "number", "sentence", "primary", "control", "onset"],
    )
