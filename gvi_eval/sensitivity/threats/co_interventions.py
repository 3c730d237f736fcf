"""T4: what else happened in the place. Can the programme's own effect be told apart from the events around its start?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.estimators._design import EPOC_POINTS
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.level_trend import FACTOR
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import redrawn
from gvi_eval.study import Intervention, Window

EARLIER = 1  # years before the start, within which an event may still be at work in what is compared
PLANTED = 0.5


@dataclass(frozen=True)
class CoInterventions:
    """T4: the headline again with the other events as steps of their own, before the next of them, and without their days.

    Asked of co-interventions of the treated place that begin from a year before the start to the end of the figures; of a
    method with donors only of those that name the place, because what reached everywhere reached the donors. The programme's
    own effect is not identified, and the threat flagged, where none of the three can be estimated, or where one of them differs
    from the headline by more than ``factor``, the rule for two answers of section 1, or lies on the other side of 1 than a
    headline that excludes 1.
    An event without an end cannot be left out, and one before the start cannot be ended before.
    """

    factor: float = FACTOR
    id: ClassVar[str] = "T4"
    title: ClassVar[str] = "co-interventions"
    measure: ClassVar[str] = "largest factor between the headline and an estimate without the other events"
    violation: ClassVar[str] = "the first event after the start halves the counts, the programme does nothing"

    def look(self, case: Case) -> ThreatResult:
        events = events_of(case)
        if not events:
            return could_not(
                self.id,
                f"the study dates no co-intervention in {case.unit} from {EARLIER} year before the start on, so there is "
                "nothing to tell the programme apart from; a timeline of what else began there would be needed",
            )
        own = case.log_ratio()
        found, refused = {}, {}
        for name, estimate in _apart(case, events):
            try:
                found[name] = _log(estimate())
            except (EstimationError, StudyError) as fault:
                refused[name] = str(fault)
        named = ", ".join(event.name for event in events)
        if not found:
            sentence = f"the programme's own effect cannot be told apart from {named}: {'; '.join(refused.values())}"
            return verdict(self.id, True, None, sentence, refused=refused)
        factors = {name: float(np.exp(abs(each - own))) for name, each in found.items()}
        intervals = case.effect.intervals
        sure = not intervals or intervals[0].excludes(1.0)
        crossed = sure and any(each * own < 0 for each in found.values())
        number = max(factors.values())
        told = ", ".join(f"{np.exp(each):.2f} {name}" for name, each in found.items())
        flagged = crossed or number > self.factor
        sentence = (
            f"beside {named} the ratio of {np.exp(own):.2f} is {told}"
            + ("; the programme's own effect is not identified" if flagged else "")
            + "".join(f"; {name}: {reason}" for name, reason in refused.items())
        )
        return verdict(self.id, flagged, number, sentence, factors=factors, refused=refused)

    def planted(self, case: Case, seed: int) -> Case:
        later = [event for event in events_of(case) if _place(case.whole, event) > _place(case.whole, None)]
        event = (later or events_of(case))[0]
        on = np.asarray(case.whole.periods.end_time >= pd.Timestamp(event.start.earliest))
        if event.end:
            on &= np.asarray(case.whole.periods.start_time <= pd.Timestamp(event.end))
        return redrawn(case, seed, np.where(on, PLANTED, 1.0))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


def events_of(case: Case) -> tuple[Intervention, ...]:
    """The co-interventions that may be at work in what a case compares, in the order of their starts."""
    first = (case.onset - EARLIER * PER_YEAR[case.panel.frequency]).start_time
    last = case.panel.periods[-1].end_time
    own = (case.unit,) if uses_donors(case.estimator) else (None, case.unit)
    found = [
        event
        for event in case.study.interventions
        if event.role == "co-intervention" and event.unit in own and first <= pd.Timestamp(event.start.earliest) <= last
    ]
    return tuple(sorted(found, key=lambda event: (event.start.earliest, event.name)))


def _apart(case: Case, events: tuple[Intervention, ...]) -> Iterator[tuple[str, Callable[[], Effect]]]:
    """The three ways to tell the programme from the events, each with a function that estimates."""
    if hasattr(case.estimator, "adjust"):
        adjust = (*case.estimator.adjust, *(event.name for event in events if event.name not in case.estimator.adjust))
        yield "with a step for each", lambda: case.fit(adjust=adjust)
    later = [event for event in events if _place(case.panel, event) > _place(case.panel, None)]
    if later:
        yield f"before {later[0].name}", lambda: case.fit(_enough(case.panel, later[0]))
    ended = [event for event in events if event.end]
    if ended:
        yield (
            f"without the days of {' and '.join(event.name for event in ended)}",
            lambda: case.fit(_without(case.panel, ended)),
        )


def _enough(panel: Panel, event: Intervention) -> Panel:
    """The panel to the day before an event, which must leave enough figures after the start."""
    earlier = panel.until(event.start.earliest - timedelta(days=1))
    unit, onset = earlier.sole_treated
    _, matrix = earlier.observations(unit)
    after = int((matrix[:, np.asarray(earlier.periods >= onset)].sum(axis=1) > 0).sum())
    if after < EPOC_POINTS:
        raise EstimationError(f"{after} figures lie between the start and {event.name}; {EPOC_POINTS} are needed")
    return earlier


def _without(panel: Panel, events: list[Intervention]) -> Panel:
    for event in events:
        panel = panel.dropping(Window(event.start.earliest, event.end))
    return panel


def _place(panel: Panel, event: Intervention | None) -> pd.Period:
    """The period in which an event, or else the programme, begins."""
    return panel.sole_treated[1] if event is None else pd.Period(event.start.earliest, freq=panel.frequency)


def _log(effect: Effect) -> float:
    if not effect.point > 0:
        raise EstimationError("the ratio is 0, whose log does not exist")
    return float(np.log(effect.point))
