"""T2 and T3: was what is counted, or how it is counted, changed near the start, or does a source catch ever less of it?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.panel import PER_YEAR, period_of
from gvi_eval.sensitivity.capture import Coefficient, Overlap, overlap, share_coefficient
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import after, redrawn, years_from_start
from gvi_eval.study import Intervention

BROAD, SECOND = "alternative definition", "second source"
BREAK = 0.5
DRIFT = 0.8  # a year
NEAR = 1.0  # years on either side of the start
LEVEL = 0.95


@dataclass(frozen=True)
class RecordingChange:
    """Does the ratio of the measure to another definition of it break near the start?

    For every outcome with the role alternative definition, the share of the measure in the sum of both is regressed, given
    that sum, on time and a step: at the start, and at the date of every declared recording change within a year of it.
    Flagged when one of these steps differs from 0 at 5 %, divided by their number. Where only the date of a change is known,
    a step of its own beside the programme's says how much hangs on it, and nothing could have been flagged.
    """

    id: ClassVar[str] = "T2"
    title: ClassVar[str] = "definition or recording change"
    measure: ClassVar[str] = "factor by which the odds of the measure within both definitions break near the start"
    violation: ClassVar[str] = "half of the measure's events are no longer counted from the start on"

    def look(self, case: Case) -> ThreatResult:
        changes = [event for event in case.study.events_of(case.specification.unit) if event.role == "recording change"]
        broad = [name for name in case.others if case.study.outcome(name).role == BROAD]
        if not broad:
            return self._dated(case, changes)
        steps = list(self._steps(case, changes, broad))
        if not steps:
            return could_not(self.id, f"{' and '.join(broad)} and the measure have too few figures in common to see a break")
        level = 1 - (1 - LEVEL) / len(steps)
        widest = max(steps, key=lambda step: abs(step[2].value) / step[2].se)
        name, when, found = widest
        wide = found.wide * special.ndtri((1 + level) / 2) / special.ndtri((1 + LEVEL) / 2)
        breaks = abs(found.value) > wide * found.se
        lower, upper = np.exp([found.value - wide * found.se, found.value + wide * found.se])
        words = "break" if breaks else "are not shown to break"
        by = f"{np.exp(found.value):.2f} ({lower:.2f}–{upper:.2f})"
        sentence = f"beside {case.study.outcome(name).label} the odds of the measure {words} at {when}: by {by}"
        evidence = {"beside": name, "at": str(when), "lower": float(lower), "upper": float(upper), "dates": len(steps)}
        return verdict(self.id, breaks, float(np.exp(found.value)), sentence, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, BREAK))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)

    def _steps(self, case: Case, changes: list[Intervention], broad: list[str]):
        """Every outcome and date with the coefficient of its step; what cannot be asked is left out."""
        start = case.onset
        dates = {start: f"the start {start}"}
        for event in changes:
            when = period_of(event.start.earliest, case.panel.frequency)
            if abs((when - start).n) <= NEAR * PER_YEAR[case.panel.frequency]:
                dates.setdefault(when, f"'{event.name}', {when}")
        for name in broad:
            both = overlap(case.panel, case.of(name), case.unit)
            for when, words in dates.items():
                try:
                    yield name, words, step_in_share(both, years_at(case, when))
                except EstimationError:
                    continue

    def _dated(self, case: Case, changes: list[Intervention]) -> ThreatResult:
        """Without a second definition: what the effect is when the dated change has a step of its own."""
        if not changes:
            return could_not(
                self.id, "no other definition of the measure is in the study, nor the date of a change, so no break can be seen"
            )
        for event in changes:
            try:
                moved = case.fit(estimator=case.count_model(adjust=(event.name,))).point
            except (EstimationError, StudyError):
                continue
            return could_not(
                self.id,
                f"no other definition of the measure is in the study; with a step of its own at '{event.name}', "
                f"{event.start}, the ratio is {moved:.3f} beside {case.effect.point:.3f}",
                moved / case.effect.point,
                adjusted=moved,
            )
        named = " and ".join(f"'{event.name}', {event.start}" for event in changes)
        return could_not(self.id, f"no other definition of the measure is in the study, and {named} has no step to itself")


@dataclass(frozen=True)
class CaptureDrift:
    """Does a source catch more or less of what a second source counts, year by year, in the treated place and not elsewhere?

    The share of the measure in the sum of both sources is regressed on time, given that sum, in the treated unit and, where
    both sources have donors, in these together; flagged when the 95 % interval of the difference of the two slopes excludes
    0. Without donors the treated unit's own slope stands for the difference, and the sentence says so. A second source whose
    figures are those of the first is none.
    """

    id: ClassVar[str] = "T3"
    title: ClassVar[str] = "capture drift of a source"
    measure: ClassVar[str] = "factor a year by which the odds of the first source within both drift"
    violation: ClassVar[str] = "the measure catches a fifth less every year, beside a second source that does not"

    def look(self, case: Case) -> ThreatResult:
        found = []
        for name in case.others:
            if case.study.outcome(name).role != SECOND:
                continue
            both = overlap(case.panel, case.of(name), case.unit)
            if len(both) < 3 or np.array_equal(both.one, both.other):
                continue
            try:
                own = slope_of_share(both)
            except EstimationError:
                continue
            found.append((name, *_less_donors(case, name, own)))
        if not found:
            return could_not(self.id, "no second source with three figures of its own for the same days is in the study")
        name, drift, beside = max(found, key=lambda row: abs(row[1].value) / row[1].se)
        lower, upper = np.exp(drift.limits)
        sentence = (
            f"beside {case.study.outcome(name).label} the odds of the first source "
            f"{'drift' if drift.excludes_zero else 'are not shown to drift'} by {np.exp(drift.value):.2f} a year "
            f"({lower:.2f}–{upper:.2f}), {beside}"
        )
        evidence = {"beside": name, "lower": float(lower), "upper": float(upper)}
        return verdict(self.id, drift.excludes_zero, float(np.exp(drift.value)), sentence, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, DRIFT ** years_from_start(case))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


def years_at(case: Case, when: pd.Period) -> float:
    """A period's first day in years from the first period of the panel, as `capture.overlap` counts."""
    return (when - case.panel.periods[0]).n / PER_YEAR[case.panel.frequency] - 0.5 / PER_YEAR[case.panel.frequency]


def step_in_share(both: Overlap, at: float) -> Coefficient:
    """The step of the share at a time in years, beside a trend where there are figures for one."""
    step = (both.years > at).astype(float)
    if not 0 < step.sum() < len(both):
        raise EstimationError("there are no common figures on both sides of the date")
    columns = [np.ones(len(both)), both.years - at, step]
    if len(both) < 6:  # a trend of so few figures would leave nothing to judge the step by
        columns.pop(1)
    return share_coefficient(both, np.column_stack(columns))


def slope_of_share(both: Overlap) -> Coefficient:
    """The slope of the share a year."""
    return share_coefficient(both, np.column_stack([np.ones(len(both)), both.years - both.years.mean()]))


def _less_donors(case: Case, name: str, own: Coefficient) -> tuple[Coefficient, str]:
    """The treated unit's slope less that of the donors that both sources have; in words what stands beside it."""
    other = case.of(name)
    parts = [overlap(case.panel, other, donor) for donor in case.panel.donors if donor in other.values.columns]
    parts = [part for part in parts if len(part)]
    if not parts:
        return own, "with no donors to hold it against"
    together = Overlap(*(np.concatenate([getattr(part, field) for part in parts]) for field in ("one", "other", "years")))
    members = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    levels = (members[:, None] == np.arange(len(parts))).astype(float)
    try:
        theirs = share_coefficient(together, np.column_stack([levels, together.years - together.years.mean()]))
    except EstimationError:
        return own, "with too few figures of donors to hold it against"
    difference = Coefficient(own.value - theirs.value, float(np.hypot(own.se, theirs.se)), max(own.wide, theirs.wide))
    return difference, f"over that of {len(parts)} donors"
