"""Exact conditional rate ratio: events after against events before, given their sum."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from gvi_eval.effect import Counterfactual, Effect, list_gaps
from gvi_eval.errors import EstimationError
from gvi_eval.estimators._design import few_points, require_counts, require_level
from gvi_eval.intervals import Interval, Test
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand
from gvi_eval.windows import coverage

CROSSING = 0.10  # largest share of a span's days that may lie on the other side of the start
SCATTER = 1.5  # Pearson dispersion above which independent events are out of the question


@dataclass(frozen=True)
class ExactRatio:
    """Ratio of two Poisson rates, with limits that hold at any size.

    ratio = (a / A) / (b / B) with a events in A person-years after the start and b events in B before. Given a + b,
    a ~ Binomial(a + b, π) with π = ratio A / (ratio A + B); Clopper–Pearson limits for π become limits for the ratio.

    Assumes independent events at one constant rate on each side: no trend, no season, no overdispersion. A bound for how
    sure the bare counts could make anyone, not an estimate of what the programme did; where the counts scatter more than
    independent events do, a note says so. A span that crosses the start counts on the side of most of its days, with a
    note, and is an error when a tenth of them or more lie on the other; b = 0 gives no point, a = 0 gives the point 0.

    Sources: Przyborowski & Wilenski (1940) Homogeneity of results in testing samples from Poisson series, Biometrika
    31(3–4), doi:10.1093/biomet/31.3-4.313. Clopper & Pearson (1934) Biometrika 26(4), doi:10.1093/biomet/26.4.404.
    """

    name: ClassVar[str] = "exact_ratio"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True

    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)

    def estimate(self, panel: Panel) -> Effect:
        unit, onset = panel.sole_treated
        require_counts(panel, self.name)
        counts, matrix = panel.observations(unit)
        after, crossing = self._after(panel, unit, matrix)
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
            floor=float(min(stats.binomtest(none_or_all, a + b, share).pvalue for none_or_all in (0, a + b))),
        )
        rate = b / less
        exposure = panel.exposure[unit].astype(float)
        is_after = np.asarray(panel.periods >= onset)
        paths = Counterfactual(
            observed=panel.values[unit],
            factual=exposure * rate * np.where(is_after, ratio, 1.0),
            expected=pd.Series(exposure * rate, index=panel.periods),
        )
        phi = _dispersion(counts, person_years, after)
        notes = (
            *_scatter(phi, unit),
            *crossing,
            *few_points(int((~after).sum()), int(after.sum()), unit),
            *list_gaps(panel, unit),
        )
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
            details={
                "events_before": b,
                "events_after": a,
                "person_years_before": less,
                "person_years_after": more,
                "phi": phi,
            },
            level=self.level,
        )

    def _after(self, panel: Panel, unit: str, matrix: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Which figures lie after the start, shape (figure,), and a note about a span that crosses it."""
        onset = panel.onsets[unit]
        is_after = np.asarray(panel.periods >= onset)
        share_after = matrix[:, is_after].sum(axis=1) / matrix.sum(axis=1)
        after = share_after > 0.5
        notes = []
        for row in np.flatnonzero((share_after > 0) & (share_after < 1)):
            minor = min(share_after[row], 1 - share_after[row])
            span = next(span for span in panel.spans(unit) if np.array_equal(coverage(span, panel.periods), matrix[row]))
            if minor > CROSSING:
                raise EstimationError(
                    f"the span of {span} crosses the start {onset} with {minor:.0%} of its days on the other side, so its "
                    "events cannot be told apart; leave it out or move the start"
                )
            side = "after" if after[row] else "before"
            notes.append(f"the span of {span} crosses the start {onset} by {minor:.0%} of its days and counts as {side}")
        if after.all() or not after.any():
            side = "before" if after.all() else "after"
            raise EstimationError(f"{unit} has no figure {side} the start {onset}; widen the baseline or move the start")
        return after, tuple(notes)


def _dispersion(counts: np.ndarray, person_years: np.ndarray, after: np.ndarray) -> float:
    """Pearson's Σ (y − m)² / m about the rate of each side, per degree of freedom; NaN with no more than two figures."""
    if len(counts) <= 2:
        return float("nan")
    expected = np.empty(len(counts))
    for side in (after, ~after):
        expected[side] = person_years[side] * counts[side].sum() / person_years[side].sum()
    known = expected > 0
    return float(((counts - expected)[known] ** 2 / expected[known]).sum() / (len(counts) - 2))


def _scatter(phi: float, unit: str) -> tuple[str, ...]:
    if not phi > SCATTER:
        return ()
    return (
        f"the counts of {unit} scatter {phi:.1f} times as much as independent events would, so the exact interval is too "
        "narrow",
    )


def _limits(a: int, b: int, more: float, less: float, level: float) -> tuple[float, float]:
    """Clopper–Pearson limits of the share of events that came after, turned into limits of the ratio."""
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, a, b + 1) if a > 0 else 0.0
    high = stats.beta.ppf(1 - tail, a + 1, b)
    return float(low / (1 - low) * less / more), float(high / (1 - high) * less / more)
