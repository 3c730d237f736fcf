"""The effects that a synthesis asks for: those of studies run again over the shared horizon, those of others read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import settings_of, uses_donors
from gvi_eval.inference.evaluation import Evaluation, evaluate
from gvi_eval.intervals import Interval
from gvi_eval.panel import Panel
from gvi_eval.plan import Plan, Planned, find_study, prepare
from gvi_eval.pooling import Contribution, contribution, from_limits
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import Estimand, Outcome, Window
from gvi_eval.synthesis.declared import Reference
from gvi_eval.tables import read_table

PUBLISHED = "compiled_literature/effects_focused_deterrence.csv"
OWN_TO_A_CITY = ("season", "adjust", "controls")  # settings in which the same estimator may differ between places
LEVEL = 0.95  # of a published interval


@dataclass(frozen=True, eq=False)
class Gathered:
    """An effect at one start, with what it came from; ``evaluation`` where it has donors."""

    reference: Reference
    planned: Planned
    outcome: Outcome
    panel: Panel
    effect: Effect
    evaluation: Evaluation | None
    kept_beyond: str | None  # a figure that reaches across the end of the horizon and is used whole

    @property
    def onset(self) -> str:
        return str(self.effect.onset)


@dataclass(frozen=True, eq=False)
class Sources:
    """Studies prepared once each, and the table of published effects."""

    plans: Mapping[str, Plan]
    published: pd.DataFrame

    def planned(self, reference: Reference) -> tuple[Plan, Planned]:
        plan = self.plans[reference.study]
        for each in plan.analyses:
            if each.specification.name == reference.specification:
                return plan, each
        known = "; ".join(each.specification.name for each in plan.analyses if each.specification.part != "grid")
        raise StudyError(
            f"{reference.place}: the study {reference.study} has no specification '{reference.specification}'; it has {known}"
        )


def sources(studies: tuple[str, ...]) -> Sources:
    """Prepare every study that is named. Raises `StudyError` and `DataError` as `prepare` does."""
    plans = {name: prepare(find_study(name)) for name in studies}
    return Sources(plans, read_table(published_file(), "literature_effects"))


def published_file() -> Path:
    return CHECKOUT / "analyses" / "data" / PUBLISHED


def gather(found: Sources, reference: Reference, months: int | None) -> list[Gathered]:
    """The effect at each candidate start, its ratio over ``months`` months, or over the study's own window where None.

    No figure after the horizon is used, but for one published figure that reaches across its end. A refusal is a row.
    """
    plan, planned = found.planned(reference)
    outcome = plan.study.outcome(planned.specification.outcome)
    gathered = []
    for start in planned.starts:
        panel, beyond, estimand = planned.panel.starting(start), None, plan.study.estimands[0]
        if months is not None:
            end = _last_day(start, months)
            panel, beyond = _until(panel, end)
            estimand = Estimand(f"ratio over {months} months", "ratio", window=Window(start.start_time.date(), end))
        effect, evaluation = _estimated(planned, panel, estimand)
        gathered.append(Gathered(reference, planned, outcome, panel, effect, evaluation, beyond))
    return gathered


def _last_day(start: pd.Period, months: int) -> date:
    return (start.start_time + pd.DateOffset(months=months)).date() - timedelta(days=1)


def _until(panel: Panel, end: date) -> tuple[Panel, str | None]:
    """The panel to this day, and the span of the treated unit that reaches across it, which stays whole."""
    unit, _ = panel.sole_treated
    across = [span for span in panel.spans(unit) if span.start <= end < span.end]
    if not across:
        return panel.until(end), None
    return panel.until(max(span.end for span in across)), str(across[0])


def _estimated(planned: Planned, panel: Panel, estimand: Estimand) -> tuple[Effect, Evaluation | None]:
    unit, onset = panel.sole_treated
    try:
        if uses_donors(planned.estimator):
            evaluation = evaluate(planned.estimator, panel, planned.inference)
            return evaluation.effect(estimand), evaluation
        return planned.estimator.estimate(panel).over(estimand), None
    except EstimationError as fault:
        return Effect(planned.estimator.name, unit, estimand, None, onset, refusal=str(fault)), None


def require_same_method(name: str, one: Planned, other: Planned) -> None:
    """Raises `StudyError` unless two analyses have the same estimator and, but for what belongs to a place, its settings."""
    mine, its = one.estimator, other.estimator
    if mine.name != its.name:
        raise StudyError(
            f"'{name}' sets {mine.name} beside {its.name}: two places are compared by the same estimator; name specifications "
            "that share one"
        )
    differing = [
        f"{setting} = {value} beside {settings_of(its)[setting]}"
        for setting, value in settings_of(mine).items()
        if setting not in OWN_TO_A_CITY and settings_of(its)[setting] != value
    ]
    if differing:
        raise StudyError(f"'{name}' sets {mine.name} with {differing[0]}: give both the same settings")


def contributed(found: Sources, reference: Reference, outcome: str, months: int | None) -> Contribution:
    """A place's effect as it enters a pooling.

    Raises `EstimationError` for one that is refused or without an interval, and `StudyError` for a study on another outcome, an
    unknown row, and a published row that may not be pooled.
    """
    if reference.published is not None:
        return _published(found.published, reference, outcome)
    plan, planned = found.planned(reference)
    counted = plan.study.outcome(planned.specification.outcome).label
    if counted != outcome:
        raise StudyError(
            f"{reference.place} counts {counted} and the pooling is of {outcome}: a mean of the two is an effect on neither; "
            f"leave {reference.place} out or show it beside them"
        )
    if len(planned.starts) > 1:
        raise StudyError(
            f"{reference.place} has {len(planned.starts)} candidate starts; only an effect with one start is pooled"
        )
    (own,) = gather(found, reference, months)
    return contribution(own.effect, reference.place, outcome, f"{reference.study}: {reference.specification}")


def _published(table: pd.DataFrame, reference: Reference, outcome: str) -> Contribution:
    rows = table[table["id"] == reference.published]
    if rows.empty:
        raise StudyError(f"{reference.place}: '{reference.published}' is not the id of a published effect in {PUBLISHED}")
    row, line = rows.iloc[0], rows.index[0]
    if row["poolable"] != "yes":
        raise StudyError(
            f"{reference.place}: the published effect {row['id']} is marked '{row['poolable']}' for pooling ({row['note']}); "
            "leave it out"
        )
    if not reference.because:
        raise StudyError(
            f"{reference.place}: {row['id']} counts '{row['outcome']}'; say in because why it may stand among {outcome}"
        )
    limits = Interval(float(row["ci_low"]), float(row["ci_high"]), LEVEL, "wald")
    return from_limits(reference.place, float(row["irr"]), limits, outcome, "published", f"{PUBLISHED}:{line}, {row['source']}")
