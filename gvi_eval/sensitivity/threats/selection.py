"""T1: regression to the mean, on the year before the decision and on the months from there to the start."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.panel import PER_YEAR, period_of
from gvi_eval.sensitivity.regression_to_mean import (
    SelectionBand,
    by_month,
    periods_left,
    rank_in_history,
    selection_band,
    selection_window,
)
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import after, redrawn

LEFT = 24  # months that must be left before the start without those on which the choice may have looked
HALF = 0.5
PEAK = 1.5
BASELINES = (3, 5)  # years


@dataclass(frozen=True)
class RegressionToMean:
    """Does the effect survive without the months that may have led to the choice of the place?

    The year before the decision and the months from there to the start are ranked in their own history and left out; the
    estimate is made again, also on the last three and five years alone; and series without an effect, picked as the place
    was, say what selection alone gives (`regression_to_mean.selection_band`). Where the day of the decision is an interval
    its first day counts. Flagged when at most half of the log ratio is left without those months, or when the figures' own
    ratio lies in the simulated 90 % band. A comparison with donors has no band.

    Sources: Barnett, van der Pols & Dobson (2005) Regression to the mean: what it is and how to deal with it, Int. J.
    Epidemiol. 34(1), doi:10.1093/ije/dyh299.
    """

    id: ClassVar[str] = "T1"
    title: ClassVar[str] = "regression to the mean"
    measure: ClassVar[str] = "share of the log ratio left without the months before the decision and to the start"
    violation: ClassVar[str] = "no effect, and half as many events again from a year before the decision to the start"

    def look(self, case: Case) -> ThreatResult:
        panel, start = case.panel, case.onset
        decided = _decided(case)
        window = selection_window(panel, decided)
        without = panel.dropping(window)
        left = periods_left(without) * 12 // PER_YEAR[panel.frequency]
        if left < LEFT:
            return could_not(
                self.id,
                f"without {window} only {left} months before the start are left, and fewer than {LEFT} tell no level",
                months_left=left,
            )
        whole, donut = case.log_ratio(), case.log_ratio(without)
        share = donut / whole if whole else np.nan
        said = f"without {window} the ratio is {np.exp(donut):.3f} beside {np.exp(whole):.3f}"
        evidence = {"donut": float(np.exp(donut)), "effect": float(np.exp(whole)), "months_left": left}
        if not case.anew:
            evidence |= dict(_baselines(case)) | dict(_ranks(case, decided, start))
        shrinks = not share > HALF
        band = None
        if not uses_donors(case.estimator):
            band = self._band(case, decided)
            said += (
                f"; series without an effect that are picked as the place was give {np.exp(band.lower):.2f} to "
                f"{np.exp(band.upper):.2f} by a Poisson regression, which reads {np.exp(band.observed):.2f} here"
            )
            evidence |= {"band_lower": float(np.exp(band.lower)), "band_upper": float(np.exp(band.upper))}
            evidence |= {"band_observed": float(np.exp(band.observed)), "selected": band.selected}
        ranks = "; ".join(str(value) for key, value in evidence.items() if key.startswith("rank"))
        sentence = f"{said}{'; ' if ranks else ''}{ranks}"
        return verdict(self.id, shrinks or (band is not None and band.holds), float(share), sentence, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        window = selection_window(case.whole, _decided(case))
        periods = case.whole.periods
        peak = (periods.end_time >= pd.Timestamp(window.start)) & (periods.start_time <= pd.Timestamp(window.end))
        return redrawn(case, seed, np.where(np.asarray(peak), PEAK, 1.0))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, HALF))

    def _band(self, case: Case, decided: pd.Period) -> SelectionBand:
        model = case.count_model()
        return selection_band(case.fit(estimator=model), case.panel, decided, model.trend, case.study.seed)


def _decided(case: Case) -> pd.Period:
    decided = case.study.treatment_of(case.specification.unit).decided
    if decided is None:
        raise StudyError("the study does not say when the programme was decided on")
    return period_of(decided.earliest, case.panel.frequency)


def _ranks(case: Case, decided: pd.Period, start: pd.Period):
    """The place in its own history of the year before the decision, and of the months from there to the start."""
    counts, matrix = case.whole.observations(case.unit)
    series = by_month(counts[None, :], matrix)[0]
    year = PER_YEAR[case.panel.frequency]
    for name, last, length in (
        ("rank_before_decision", min(decided, start) - 1, year),
        ("rank_decision_to_start", start - 1, (start - decided).n),
    ):
        try:
            yield name, str(rank_in_history(series, case.whole.periods, last, length))
        except EstimationError:
            continue


def _baselines(case: Case):
    """The ratio on the last three and five years before the start alone, where there are more."""
    first = case.panel.periods[0]
    for years in BASELINES:
        since = case.onset - years * PER_YEAR[case.panel.frequency]
        if since <= first:
            continue
        try:
            yield f"baseline_{years}_years", case.fit(case.panel.since(since.start_time.date())).point
        except (EstimationError, StudyError):
            continue
