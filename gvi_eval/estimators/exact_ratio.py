"""Exact conditional rate ratio: events after against events before, given their sum."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from gvi_eval.effect import Counterfactual, Effect, list_gaps
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._design import few_points
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand


@dataclass(frozen=True)
class ExactRatio:
    """Ratio of two Poisson rates, with limits that hold at any size.

    ratio = (a / A) / (b / B) with a events in A person-years after the start and b events in B before. Given a + b,
    a ~ Binomial(a + b, π) with π = ratio A / (ratio A + B); Clopper–Pearson limits for π become limits for the ratio.

    Assumes independent events at one constant rate on each side: no trend, no season, no overdispersion. A bound for how
    sure the bare counts could make anyone, not an estimate of what the programme did. A span that crosses the start is an
    error; b = 0 gives no point, a = 0 gives the point 0 with its upper limit.

    Sources: Przyborowski & Wilenski (1940) Homogeneity of results in testing samples from Poisson series, Biometrika
    31(3–4), doi:10.1093/biomet/31.3-4.313. Clopper & Pearson (1934) Biometrika 26(4), doi:10.1093/biomet/26.4.404.
    """

    name: ClassVar[str] = "exact_ratio"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    level: float = 0.95

    def estimate(self, panel: Panel) -> Effect:
        unit, onset = panel.sole_treated
        counts, matrix = panel.observations(unit)
        after = self._after(panel, unit, matrix)
        person_years = matrix @ panel.exposure[unit].to_numpy(dtype=float)
        a, b = round(counts[after].sum()), round(counts[~after].sum())
        more, less = float(person_years[after].sum()), float(person_years[~after].sum())
        if b == 0:
            raise EstimationError(
                f"{unit} recorded no events before the start {onset}, so its ratio is undefined; widen the baseline"
            )
        ratio = (a / more) / (b / less)
        lower, upper = _limits(a, b, more, less, self.level)
        share = more / (more + less)
        test = Test(
            kind="exact",
            null="the rate of events is the same before and after",
            statistic=float(a),
            p_value=float(stats.binomtest(a, a + b, share).pvalue),
            floor=float(min(share, 1 - share) ** (a + b)),
        )
        rate = b / less
        exposure = panel.exposure[unit].astype(float)
        is_after = np.asarray(panel.periods >= onset)
        paths = Counterfactual(
            observed=panel.values[unit],
            factual=exposure * rate * np.where(is_after, ratio, 1.0),
            expected=pd.Series(exposure * rate, index=panel.periods),
        )
        notes = few_points(int((~after).sum()), int(after.sum()), unit) + list_gaps(panel, unit)
        return Effect(
            method=self.name,
            unit=unit,
            estimand=Estimand("ratio"),
            point=ratio,
            onset=onset,
            intervals=(Interval(lower, upper, self.level, "exact"),),
            tests=(test,),
            counterfactual=paths,
            notes=notes,
            details={"events_before": b, "events_after": a, "person_years_before": less, "person_years_after": more},
            level=self.level,
        )

    def _after(self, panel: Panel, unit: str, matrix: np.ndarray) -> np.ndarray:
        """Which figures lie after the start, shape (figure,)."""
        is_after = np.asarray(panel.periods >= panel.onsets[unit])
        touches_after = (matrix[:, is_after] > 0).any(axis=1)
        touches_before = (matrix[:, ~is_after] > 0).any(axis=1)
        for span in panel.spans(unit):
            crosses = span.start < panel.onsets[unit].start_time.date() <= span.end
            if crosses:
                raise EstimationError(
                    f"the span of {span} crosses the start {panel.onsets[unit]} and cannot be told apart; leave it out"
                )
        if not touches_after.any() or not touches_before.any():
            side = "after" if touches_before.any() else "before"
            raise EstimationError(f"{unit} has no figure {side} the start {panel.onsets[unit]}; widen the baseline or move the start")
        return touches_after


def _limits(a: int, b: int, more: float, less: float, level: float) -> tuple[float, float]:
    """Clopper–Pearson limits of the share of events that came after, turned into limits of the ratio."""
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, a, b + 1) if a > 0 else 0.0
    high = stats.beta.ppf(1 - tail, a + 1, b)
    return float(low / (1 - low) * less / more), float(high / (1 - high) * less / more)
