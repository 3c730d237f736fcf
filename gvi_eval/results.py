"""What a study gave, and the tables in which it is published."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.diagnostics import Diagnostics
from gvi_eval.effect import Effect
from gvi_eval.estimators import Estimator, uses_donors
from gvi_eval.inference.evaluation import Evaluation
from gvi_eval.missing_series import Missing
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.agreement import agreement
from gvi_eval.sensitivity.curve_record import Curve
from gvi_eval.sensitivity.exclusion import exclusion
from gvi_eval.sensitivity.leave_out import LeftOut
from gvi_eval.sensitivity.level_trend import LevelTrend
from gvi_eval.sensitivity.placebo_dates import PlaceboDate
from gvi_eval.sensitivity.power import BENCHMARK, POWER, PowerRow, detectable_of, reading_of
from gvi_eval.sensitivity.threats import ThreatResult
from gvi_eval.sensitivity.threats.detection import Detection
from gvi_eval.study import Specification, Study
from gvi_eval.windows import CountWindow
from gvi_eval.writing import slug

RANGE = "range over starts"
CURVE = np.linspace(0.2, 1.0, 81)  # true ratios of a power curve


@dataclass(frozen=True, eq=False)
class Analysis:
    """One declared analysis at one start: the panel it saw, the settings it ran with, and its effects."""

    specification: Specification
    estimator: Estimator
    panel: Panel
    onset: str
    inference: str
    effects: tuple[Effect, ...]
    evaluation: Evaluation | None = None  # of a method with donors: its placebos and its fit
    left_out: tuple[LeftOut, ...] = ()
    placebo_dates: tuple[PlaceboDate, ...] = ()

    @property
    def fit(self) -> Effect:
        """The effect over the first estimand, which carries the path."""
        return self.effects[0]

    @cached_property
    def panel_file(self) -> str:
        """Where the panel is saved, named after its content."""
        return f"panels/{panel_id(self.panel)}.csv"

    @property
    def variant(self) -> tuple[str, ...]:
        """What sets it apart from another analysis of the same specification and start: a prior scale of its own."""
        return tuple(self.inference.split(", ")[1:])

    @property
    def is_range(self) -> bool:
        return self.inference == RANGE


@dataclass(frozen=True, eq=False)
class Pair:
    """The same analysis without and with the trend before the start, and what the two say together."""

    level: Analysis
    trend: Analysis
    verdict: LevelTrend


@dataclass(frozen=True, eq=False)
class StudyResult:
    """Everything a study gave: one analysis per specification and start, in the order declared."""

    study: Study
    file: Path
    inputs: Mapping[str, Path]
    analyses: tuple[Analysis, ...]
    pairs: tuple[Pair, ...]
    threats: tuple[ThreatResult, ...]
    power: tuple[PowerRow, ...] = ()
    diagnostics: Diagnostics = Diagnostics()
    missing: tuple[Missing, ...] = ()
    detections: tuple[Detection, ...] = ()
    tipping: pd.DataFrame = field(default_factory=pd.DataFrame)  # of the headline: see `tipping_frame`
    settle: pd.DataFrame = field(default_factory=pd.DataFrame)  # see `gvi_eval.sensitivity.settle`
    not_simulated: str = ""  # what to say where the releases that could be had were not simulated
    curve: Curve | str | None = None  # as it was computed, a sentence where it was not, None where none is declared

    @property
    def headline(self) -> Analysis:
        """The analysis marked headline; where the start is an interval, its range over starts."""
        own = [each for each in self.analyses if each.specification.headline and not each.variant]
        return own[-1]


def effects_table(result: StudyResult) -> pd.DataFrame:
    """One row per specification × start × estimand, refusals included."""
    return pd.DataFrame([_row(result.study, analysis, effect) for analysis in result.analyses for effect in analysis.effects])


def _row(study: Study, analysis: Analysis, effect: Effect) -> dict[str, object]:
    interval = effect.intervals[0] if effect.intervals else None
    test = effect.tests[0] if effect.tests else None
    excluded = exclusion(effect, study.smallest_effect) if effect.estimand.contrast == "ratio" else None
    refused = effect.refusal or effect.counterfactual is None
    window = _declared_window(analysis, effect) if refused else effect.window
    return {
        "id": effect_id(study, analysis, effect),
        "study": study.name,
        "specification": analysis.specification.name,
        "part": "prior scale" if analysis.variant else analysis.specification.part,
        "headline": analysis.specification.headline and not analysis.variant,
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
        "p_raw": placebo_p(effect, "placebo, raw"),
        "excludes": excluded.sentence if excluded else None,
        "detectable": detectable_of(effect) if effect.estimand.contrast == "ratio" else None,
        "reading_if_true": reading_of(effect) if effect.estimand.contrast == "ratio" else None,
        "refusal": effect.refusal,
        "notes": " | ".join(effect.notes),
        "panel": analysis.panel_file,
        "path": None if effect.counterfactual is None else path_name(analysis),
    }


def effect_id(study: Study, analysis: Analysis, effect: Effect) -> str:
    """The name of a row: study, specification, start, what sets it apart, and estimand."""
    return "/".join([study.name, analysis.specification.name, analysis.onset, *analysis.variant, effect.estimand.name])


def placebo_p(effect: Effect, kind: str) -> float | None:
    """The p-value of a test of this kind; None where the effect has none."""
    return next((test.p_value for test in effect.tests if test.kind == kind), None)


def _declared_window(analysis: Analysis, effect: Effect) -> tuple[object, object]:
    """The window of an effect without a path: as declared, from the onset, to the last period."""
    window = effect.estimand.window
    last = analysis.panel.periods[-1]
    return (
        pd.Period(window.start, freq=last.freqstr[0]) if window.start else effect.onset,
        pd.Period(window.end, freq=last.freqstr[0]) if window.end else last,
    )


def panel_table(panel: Panel) -> pd.DataFrame:
    """One row per period and unit, and one per span: the count, the person-years, and the rows that were published.

    The start is no part of it, so that the analyses of the same figures at several starts share one file.
    """
    starts, ends = panel.periods.start_time.date, panel.periods.end_time.date
    parts = []
    for unit in panel.values.columns:
        values = panel.values[unit]
        figures = "" if panel.sources is None else panel.sources[unit].where(values.notna(), "").to_numpy()
        cells = {
            "unit": unit,
            "period": panel.periods.astype(str),
            "period_start": starts,
            "period_end": ends,
            "value": values.to_numpy(),
            "person_years": panel.exposure[unit].to_numpy(),
            "figures": figures,
        }
        parts += [pd.DataFrame(cells), *map(_span_row, panel.spans(unit))]
    return pd.concat(parts, ignore_index=True)


def _span_row(span: CountWindow) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit": span.unit,
            "period": " and ".join(f"{first}..{last}" for first, last in span.ranges),
            "period_start": span.start,
            "period_end": span.end,
            "value": float(span.count),
            "person_years": np.nan,
            "figures": "; ".join(span.sources),
        },
        index=[0],
    )


def panel_id(panel: Panel) -> str:
    """A short name of a panel's content: the same cells and sources have the same name, whatever the start."""
    content = _content(panel)
    if content not in _IDS:
        text = panel_table(panel).to_csv(index=False, float_format="%.17g")
        _IDS[content] = sha256(text.encode()).hexdigest()[:12]
    return _IDS[content]


_IDS: dict[bytes, str] = {}  # by content: writing a table to name it takes longer than all else that a row needs


def _content(panel: Panel) -> bytes:
    """What the table of a panel is made of, digested without making it."""
    digest = sha256(repr((panel.periods.dtype, panel.periods.asi8.tolist(), panel.windows)).encode())
    for frame in (panel.values, panel.exposure, panel.sources):
        if frame is not None:
            digest.update(repr((frame.columns.tolist(), frame.to_numpy().tolist())).encode())
    return digest.digest()


def pairs_table(result: StudyResult) -> pd.DataFrame:
    """One row per analysis and start: without the trend, with it, and whether a step can be told from the trend."""
    rows = []
    for pair in result.pairs:
        row: dict[str, object] = {
            "outcome": result.study.outcome(pair.trend.specification.outcome).title,
            "specification": pair.trend.specification.name,
            "onset": pair.trend.onset,
            "inference": pair.trend.inference,
        }
        for name, effect in (("level", pair.level.fit), ("trend", pair.trend.fit)):
            interval = effect.intervals[0] if effect.intervals else None
            row |= {
                name: effect.point,
                f"{name}_lower": interval.lower if interval else None,
                f"{name}_upper": interval.upper if interval else None,
            }
        rows.append(row | {"separated": pair.verdict.separated, "sentence": pair.verdict.sentence})
    return pd.DataFrame(rows)


REFERENCE = "latent_counts"
AGREEMENT_COLUMNS = (
    "outcome,specification,onset,window,mean,estimator,reference,point,lower,upper,kind,point_factor,width_factor,agrees,"
    "disagreements"
).split(",")


def agreement_table(result: StudyResult) -> pd.DataFrame:
    """All estimators side by side: each beside the default one for the same unit, outcome, days, start and mean.

    Only a level is compared with a level, with a trend before it or without; an estimator without the choice of a trend
    stands beside the default without one. Points of a grid and other prior scales are left out.
    """
    rows = []
    for reference, others in _questions(result):
        for analysis in (reference, *others):
            effect, interval = analysis.fit, analysis.fit.intervals[0] if analysis.fit.intervals else None
            beside = agreement(reference.fit, effect)
            rows.append(
                (
                    result.study.outcome(analysis.specification.outcome).title,
                    analysis.specification.name,
                    analysis.onset,
                    str(analysis.specification.window),
                    _mean_of(analysis),
                    analysis.estimator.name,
                    analysis is reference,
                    effect.point,
                    interval.lower if interval else None,
                    interval.upper if interval else None,
                    interval.kind if interval else None,
                    beside.point_factor,
                    beside.width_factor,
                    not beside.disagreements,
                    "; ".join(beside.disagreements),
                )
            )
    return pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)


def _questions(result: StudyResult) -> Iterator[tuple[Analysis, list[Analysis]]]:
    """Each analysis of the default estimator with those that ask the same of the same figures; where there are none, not."""
    asked = [
        each
        for each in result.analyses
        if each.specification.part != "grid"
        and not each.variant
        and not uses_donors(each.estimator)
        and getattr(each.estimator, "change", "level") == "level"
    ]
    taken = set()
    for reference in asked:
        if reference.estimator.name != REFERENCE or id(reference) in taken:
            continue
        same = [each for each in asked if each is not reference and _question(each) == _question(reference)]
        taken |= {id(each) for each in (reference, *same)}
        if same:
            yield reference, same


def _question(analysis: Analysis) -> tuple[object, ...]:
    own = analysis.specification
    return (
        analysis.panel.treated,
        own.outcome,
        analysis.onset,
        analysis.is_range,
        own.window,
        own.transforms,
        _mean_of(analysis),
    )


def _mean_of(analysis: Analysis) -> str:
    return "level + trend" if getattr(analysis.estimator, "trend", False) else "level"


def power_of(result: StudyResult) -> pd.DataFrame:
    """One row per noise setting: what the headline's design could have told."""
    return pd.DataFrame(
        [
            {
                "specification": result.headline.specification.name,
                "noise": row.noise.name,
                "alpha": row.noise.alpha,
                "sigma": row.noise.sigma,
                "rho": row.noise.rho,
                "detectable": row.detectable,
                "benchmark": BENCHMARK,
                "power_at_benchmark": row.power_at_benchmark,
                "reading_if_significant": row.reading,
                "standard_error": row.standard_error,
                "half_width": row.half_width,
                "refused": row.refused,
            }
            for row in result.power
        ]
    )


def power_curve_of(result: StudyResult) -> pd.DataFrame:
    """One row per noise setting and true ratio: the probability that the headline's design finds it."""
    return pd.DataFrame(
        [
            {"noise": row.noise.name, "ratio": float(ratio), "power": row.scatter.power(float(ratio))}
            | {"benchmark": BENCHMARK, "wanted": POWER}
            for row in result.power
            if row.scatter is not None
            for ratio in CURVE
        ]
    )


def certainty_table(result: StudyResult) -> pd.DataFrame:
    """One row per interval and per test of every effect that has more than its headline's: all that is known of its width."""
    rows: list[dict[str, object]] = []
    for analysis in result.analyses:
        for effect in analysis.effects:
            if len(effect.intervals) < 2 and len(effect.tests) < 2:
                continue
            of = {"id": effect_id(result.study, analysis, effect), "estimator": analysis.estimator.name, "unit": effect.unit}
            of |= {"onset": analysis.onset, "estimand": effect.estimand.name, "point": effect.point}
            rows += [
                of | {"what": "interval", "kind": each.kind, "lower": each.lower, "upper": each.upper, "level": each.level}
                for each in effect.intervals
            ]
            rows += [
                of
                | {"what": "test", "kind": each.kind, "statistic": each.statistic, "p": each.p_value, "floor": each.floor}
                | {"null": each.null}
                for each in effect.tests
            ]
    columns = "id estimator unit onset estimand point what kind lower upper level statistic p floor null".split()
    return pd.DataFrame(rows, columns=columns)


def path_name(analysis: Analysis) -> str:
    """Where the path of an analysis is saved, by its specification, its start and what sets it apart besides."""
    return f"paths/{slug(' '.join([analysis.specification.name, analysis.onset, *analysis.variant]))}.csv"


THREAT_COLUMNS = "id title state number measure sentence specification control onset".split()


def threats_table(result: StudyResult) -> pd.DataFrame:
    """One row per threat put to the headline, then those of other specifications: state, number, what it is, and sentence."""
    return pd.DataFrame(
        [
            {
                "id": threat.id,
                "state": threat.state,
                "number": threat.number,
                "sentence": threat.sentence,
                **{key: threat.evidence.get(key) for key in ("title", "measure", "specification", "control", "onset")},
            }
            for threat in result.threats
        ],
        columns=THREAT_COLUMNS,
    )
