"""T18 and T19: what the pandemic did to the answer, and whether the effect lasted."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.fading import latest_half_year
from gvi_eval.sensitivity.level_trend import has_trend
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import after, redrawn
from gvi_eval.study import Estimand, Window

PANDEMIC = Window(date(2020, 3, 1), date(2021, 12, 31))  # where the study sets no days of its own
MOVED = 0.2  # of the log ratio
LULL = 0.3
QUIET = 0.5
HALF = 0.5


@dataclass(frozen=True)
class Pandemic:
    """Does the ratio hang on the months of the pandemic?

    The figures of those months are left out, and, where the study dates the pandemic and the model takes events, it has a
    level of its own; the days are those of the study's shock named after the pandemic, else March 2020 to December 2021. A
    headline that chooses between a trend and none is asked with both, because neither is shown alone. Flagged when a log
    ratio moves by more than 0.2. Figures that end before the pandemic cannot have been touched, and could not have flagged.
    """

    id: ClassVar[str] = "T18"
    title: ClassVar[str] = "pandemic"
    measure: ClassVar[str] = "largest change of a log ratio without the pandemic's months"
    violation: ClassVar[str] = "seven in ten events fewer in the months of the pandemic"

    def look(self, case: Case) -> ThreatResult:
        window, event = _pandemic(case)
        periods = case.panel.periods
        if periods[-1].end_time < pd.Timestamp(window.start) or periods[0].start_time > pd.Timestamp(window.end):
            return could_not(self.id, f"the figures, {periods[0]} to {periods[-1]}, do not reach into the pandemic")
        without = case.recalled("without the pandemic", lambda: case.panel.dropping(window))
        found = list(self._ratios(case, without, event))
        words, own, moved, how = max(found, key=lambda row: abs(row[2] - row[1]))
        said = "; ".join(f"{name} {np.exp(one):.3f}, {np.exp(other):.3f} with it {by}" for name, one, other, by in found)
        sentence = f"ratio with the pandemic ({window}) as it is: {said}"
        change = float(moved - own)
        return verdict(self.id, abs(change) > MOVED, change, sentence, by=how, mean=words, days=str(window))

    def planted(self, case: Case, seed: int) -> Case:
        window, _ = _pandemic(case)
        periods = case.whole.periods
        inside = (periods.end_time >= pd.Timestamp(window.start)) & (periods.start_time <= pd.Timestamp(window.end))
        return redrawn(case, seed, np.where(np.asarray(inside), LULL, 1.0))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)

    def _ratios(self, case: Case, without: Panel, event: str | None) -> Iterator[tuple[str, float, float, str]]:
        """Which mean, its log ratio as it is, its log ratio otherwise, and what was done."""
        twins = {"the headline": {}}
        if has_trend(case.estimator):
            other = not case.estimator.trend
            twins[f"{'with' if other else 'without'} a trend"] = {"trend": other}
        for words, settings in twins.items():
            own = case.log_ratio(**settings)
            yield words, own, case.log_ratio(without, **settings), "left out"
            if event is None or "adjust" not in getattr(case.estimator, "__dataclass_fields__", {}):
                continue
            try:
                adjusted = case.log_ratio(adjust=(*case.estimator.adjust, event), **settings)
            except (EstimationError, StudyError):
                continue
            yield words, own, adjusted, "given a level of its own"


def _pandemic(case: Case) -> tuple[Window, str | None]:
    """The days of the pandemic, and the name of the study's shock that sets them."""
    for event in case.study.interventions:
        if event.role == "shock" and any(word in event.name.lower() for word in ("pandemic", "covid", "corona")):
            start = event.start.earliest
            return Window(start, max(event.end or PANDEMIC.end, start)), event.name
    return PANDEMIC, None


@dataclass(frozen=True)
class Fading:
    """Does the effect last? Its half-years, and the latest of them beside the average (`sensitivity.fading`).

    Flagged when the latest half-year lies on the other side of 1 than the average or keeps under half of its log ratio; for a
    comparison with donors the same of its path, by Σ observed / Σ expected. With fewer than two half-years, or figures that
    do not tell the latest from its neighbours, it could not have flagged.
    """

    id: ClassVar[str] = "T19"
    title: ClassVar[str] = "fading"
    measure: ClassVar[str] = "the latest half-year's log ratio over the average one"
    violation: ClassVar[str] = "a halving in the first half of the time after the start, and nothing in the second"

    def look(self, case: Case) -> ThreatResult:
        if uses_donors(case.estimator):
            return _fading_of_path(self.id, case.effect)
        return latest_half_year(case.count_model(), case.panel)

    def planted(self, case: Case, seed: int) -> Case:
        since = np.asarray(case.whole.periods >= case.onset)
        until = case.onset + (case.panel.periods[-1] - case.onset).n // 2
        return redrawn(case, seed, np.where(since & np.asarray(case.whole.periods < until), QUIET, 1.0))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, QUIET))


def _fading_of_path(identity: str, effect: Effect) -> ThreatResult:
    """The latest half-year of a path beside all of it; whole years for yearly figures."""
    periods = effect.counterfactual.expected.index
    length = max(PER_YEAR[periods.freqstr[0]] // 2, 1)
    if (periods[-1] - effect.onset).n + 1 < 2 * length:
        return could_not(identity, "the figures reach over one half-year after the start only; nothing could be seen to fade")
    latest = periods[-1] - (length - 1)
    late = effect.over(Estimand("latest", window=Window(latest.start_time.date(), periods[-1].end_time.date()))).point
    if not late > 0 or not effect.point > 0:
        return could_not(identity, "nothing was observed in the latest half-year, whose log ratio does not exist")
    mean = float(np.log(effect.point))
    share = float(np.log(late)) / mean if mean else None
    sentence = f"ratio {late:.3f} from {latest} to {periods[-1]} beside {effect.point:.3f} over all figures after the start"
    return verdict(identity, share is not None and share < HALF, share, sentence, latest=late, average=effect.point)
