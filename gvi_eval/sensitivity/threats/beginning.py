"""T5 and T6: was a change under way before the start, or did it come at another date than the declared one?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.inference.start_posterior import start_posterior
from gvi_eval.panel import PER_YEAR, Panel, period_of
from gvi_eval.sensitivity.level_trend import level_and_trend
from gvi_eval.sensitivity.placebo_dates import placebo_dates
from gvi_eval.sensitivity.steps import StepDesign, step_design, step_log_ratios
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import after, redrawn, years_from_start
from gvi_eval.study import Window

SHARE = 0.10  # of placebo starts at least as large as the effect
FALL = 0.8  # a year
HALF = 0.5
MOST_STARTS = 12  # placebo starts, evenly over the later half of the time before the start
FEWEST_BEFORE = 0.5
CANDIDATES = 3  # starts before the decision that are weighed
REACH = 2.0  # years before the decision, where the study declares no candidate starts
EARLY = 0.5  # years before the decision at which a break is planted


@dataclass(frozen=True)
class PreTrend:
    """Is the fall there before the programme, as a trend or as steps at dates when nothing happened?

    Placebo starts in the later half of the time before the programme are given windows as long as the one after it, as far
    as figures go, and read by one Poisson regression with a level and a season like the true start (a comparison with
    donors is made again at each). For a single series the headline's model with and without a trend stands beside that.
    Flagged when more than one placebo start in ten gives at least the effect, or when a step cannot be told from a trend
    (`level_trend`). The slope before the start and its 95 % interval stand in the evidence.
    """

    id: ClassVar[str] = "T5"
    title: ClassVar[str] = "pre-existing trend"
    measure: ClassVar[str] = "share of placebo starts with an effect at least as large"
    violation: ClassVar[str] = "no effect, and a fall of a fifth a year from the first figure on"

    def look(self, case: Case) -> ThreatResult:
        if uses_donors(case.estimator):
            own = abs(case.log_ratio())
            found = [np.log(each.point) for each in placebo_dates(case.estimator, case.panel) if each.point and each.point > 0]
            disagree, said, evidence = False, "", {}
        else:
            model = case.count_model()
            pair = level_and_trend(*(case.fit(estimator=model, trend=trend) for trend in (False, True)))
            disagree, said = pair.separated is False, f"; {pair.sentence}"
            own, found = step_at_placebo_starts(case.panel)
            evidence = _slope(case, case.fit(estimator=model, trend=True))
            evidence |= {"level": pair.level.point, "trend": pair.trend.point}
        if not found and not disagree:
            return could_not(self.id, f"there is no room for a placebo start before {case.onset}{said}", **evidence)
        share = float(np.mean(np.abs(found) >= own)) if found else None
        placebos = "no placebo start has room"
        if found:
            placebos = f"{int(np.sum(np.abs(found) >= own))} of {len(found)} placebo starts give at least the effect"
        flagged = disagree or (share is not None and share > SHARE)
        return verdict(self.id, flagged, share, f"{placebos}{said}", starts=len(found), disagree=disagree, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, FALL ** years_from_start(case))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, HALF))


def step_at_placebo_starts(panel: Panel) -> tuple[float, list[float]]:
    """The size of the log ratio at the true start, and the log ratios at placebo starts before it, by one Poisson regression.

    A placebo sees the figures from the first to the end of a window as long as the one after the true start, none of which
    reaches into the programme. No trend is taken out, because that is what the placebos are to show.
    """
    unit, onset = panel.sole_treated
    counts, matrix = panel.observations(unit)
    whole = step_design(panel, trend=False)
    own = abs(float(step_log_ratios(counts, whole)[0]))
    before, year = (onset - panel.periods[0]).n, PER_YEAR[panel.frequency]
    length = len(panel.periods) - before
    first, last = max(int(np.ceil(FEWEST_BEFORE * before)), year), before - year
    found = []
    for place in np.unique(np.linspace(first, last, MOST_STARTS).round().astype(int)) if last >= first else ():
        rows = matrix[:, min(place + length, before) :].sum(axis=1) == 0
        share = matrix[rows, place:].sum(axis=1) / matrix[rows].sum(axis=1)
        if not (share > 0.5).any() or not (share < 0.5).any() or not counts[rows].sum():
            continue
        columns = whole.columns.copy()
        columns[:, -1] = np.arange(len(columns)) >= place
        found.append(float(step_log_ratios(counts[rows], StepDesign(columns, whole.offset, matrix[rows]))[0]))
    return own, found


def _slope(case: Case, fit) -> dict[str, float]:
    """The trend before the start, as a factor a year with its 95 % interval."""
    value, sd = (fit.details[key].get("trend") for key in ("coefficients", "standard_deviations"))
    if value is None:
        return {}
    per_year = PER_YEAR[case.panel.frequency] / len(case.panel.periods)
    slope, lower, upper = np.exp(per_year * np.array([value, value - 1.96 * sd, value + 1.96 * sd]))
    return {"slope": float(slope), "slope_lower": float(lower), "slope_upper": float(upper)}


@dataclass(frozen=True)
class UnclearStart:
    """Would the figures rather have a start from before the decision than the declared one?

    Up to three starts before the decision, spread evenly over the study's candidate starts (else over the two years before
    the decision), and the declared one are weighed by the marginal likelihood of `latent_counts` (`start_posterior`).
    Flagged when one of them has more posterior than the declared start: then the change is older than the programme. The
    estimate without the months from the decision to the start stands in the evidence.
    """

    id: ClassVar[str] = "T6"
    title: ClassVar[str] = "anticipation, unclear start"
    measure: ClassVar[str] = "posterior of the best start before the decision over that of the declared start"
    violation: ClassVar[str] = "a halving half a year before the decision, and nothing at the start"

    def look(self, case: Case) -> ThreatResult:
        decided = self._decided(case)
        early = self._candidates(case, decided)
        if not early:
            return could_not(
                self.id,
                f"there are no figures on both sides of any start before the decision, {decided}, so none can be weighed",
            )
        found = start_posterior(case.count_model(change="level", ramp=0, anticipation=0), case.panel, [*early, case.onset])
        own = found.probability([case.onset])
        rivals = [row for row in found.rows if row.start in early and row.probability is not None]
        if not rivals or not own:
            return could_not(self.id, "no start before the decision can be fitted")
        best = max(rivals, key=lambda row: row.probability)
        odds = best.probability / own
        sentence = (
            f"of {len(rivals)} starts before the decision {best.start} has {odds:.2g} times the posterior of the declared "
            f"{case.onset}"
        )
        return verdict(
            self.id, odds > 1, float(odds), sentence, best=str(best.start), candidates=len(rivals), **self._donut(case, decided)
        )

    def planted(self, case: Case, seed: int) -> Case:
        onset = case.whole.sole_treated[1]
        when = min(self._decided(case), onset) - int(round(EARLY * PER_YEAR[case.whole.frequency]))
        return redrawn(case, seed, np.where(np.asarray(case.whole.periods >= when), HALF, 1.0))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, HALF))

    def _decided(self, case: Case) -> pd.Period:
        treatment = case.study.treatment_of(case.specification.unit)
        return period_of((treatment.decided or treatment.start).earliest, case.whole.frequency)

    def _candidates(self, case: Case, decided: pd.Period) -> list[pd.Period]:
        """Starts before the decision with a quarter of a year's figures before them."""
        declared, year = case.study.candidate_starts, PER_YEAR[case.panel.frequency]
        last = min(decided, case.onset) - 1
        first = last + 1 - int(REACH * year)
        if declared is not None and declared.start is not None:
            first = min(first, period_of(declared.start, case.panel.frequency))
        first = max(first, case.panel.periods[0] + max(year // 4, 1))
        if last < first:
            return []
        places = np.unique(np.linspace(0, (last - first).n, CANDIDATES).round().astype(int))
        return [first + int(place) for place in places]

    def _donut(self, case: Case, decided: pd.Period) -> dict[str, float]:
        """The ratio without the months from the decision to the start."""
        if decided >= case.onset or case.anew:
            return {}
        window = Window(decided.start_time.date(), (case.onset - 1).end_time.date())
        try:
            return {"donut": case.fit(case.panel.dropping(window)).point}
        except (EstimationError, StudyError):
            return {}
