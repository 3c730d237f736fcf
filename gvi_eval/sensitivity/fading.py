"""Does the effect last: by half-year, and added up to 6, 12, 24 and 36 months after the start."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect, log_contrast
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.latent_counts import COEFFICIENT_SD, LatentCounts
from gvi_eval.intervals import Interval
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.threats import ThreatResult
from gvi_eval.study import Estimand, Window

HORIZONS = (6, 12, 24, 36)  # months after the start
WHOLE = Estimand("ratio from the start to the end")
RESTS_ON_PRIOR = COEFFICIENT_SD / 2  # sd of a log ratio, from which on the prior has set half of the width or more
HALF = 0.5  # of the average, on the log: below it the effect has faded


@dataclass(frozen=True)
class HalfYear:
    """One half-year after the start: its own ratio, and beside it what was observed against the constant-level model.

    ``realised`` is Σ observed / Σ expected with a prediction interval, absent where a period has no figure of its own.
    ``rests_on_prior``: the figures cannot tell this half-year from its neighbours. ``note`` says what is absent and why.
    """

    number: int
    first: pd.Period
    last: pd.Period
    point: float
    interval: Interval
    log_ratio: float
    rests_on_prior: bool
    realised: float | None
    prediction: Interval | None
    note: str


@dataclass(frozen=True)
class Horizon:
    """The ratio of sums from the start to so many months after it, or the reason why there is none."""

    months: int
    last: pd.Period | None = None
    point: float | None = None
    interval: Interval | None = None
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Fading:
    """Effects by half-year and by horizon out of one fit, and what they say about fading (T19).

    ``average`` is the effect of the same fit over the whole post-period; None where the fit is refused.
    """

    half_years: tuple[HalfYear, ...]
    horizons: tuple[Horizon, ...]
    average: Effect | None
    reading: ThreatResult
    refusal: str | None = None


def fading(estimator: LatentCounts, panel: Panel, horizons: Iterable[int] = HORIZONS) -> Fading:
    """The same analysis with a level of its own for every half-year after the start.

    log E[y_t] = ... + Σ_k β_k 1(t in half-year k); a last stretch of less than a quarter joins the half-year before it, and
    yearly figures have a year each. The ratio of half-year k is exp(β_k); the ratio up to a horizon is Σ factual / Σ expected
    from the start to its last period, out of the same fit. A horizon beyond the figures has a reason and no number. Beside
    each half-year stands Σ observed / Σ expected of the constant-level model, whose latent level takes up part of any
    fading, so that it leans towards a constant effect.

    Every half-year has the prior N(0, 2.5²) on its log ratio. Where figures for odd spans cover several half-years at once
    they give their sum only: such a half-year has a wide interval that rests on the prior, and a note. With a trend before
    the start, late half-years are judged against a trend carried far ahead; their intervals say how far.

    T19 reads: flagged when the latest half-year lies on the other side of 1 than the average, or its log ratio is under half
    the average's. It could not have flagged with fewer than two half-years, or when the latest rests on the prior. Points are
    compared, not intervals, so a weak effect is flagged easily; both intervals stand in the sentence.

    Raises `StudyError` for a horizon that does not lie after the start. A fit that cannot be made is a refusal.
    """
    horizons = tuple(horizons)
    for months in horizons:
        if months < 1:
            raise StudyError(f"a horizon of {months} months does not lie after the start; give 1 month or more")
    length = max(PER_YEAR[panel.frequency] // 2, 1)
    panel = _covered(panel).with_(estimand=WHOLE)
    try:
        steps = replace(estimator, change="steps", ramp=length).estimate(panel)
        constant = replace(estimator, change="level", ramp=0).estimate(panel)
    except EstimationError as fault:
        refused = str(fault)
        none = ThreatResult("T19", "could not have flagged", None, f"there is no effect by half-year: {refused}")
        return Fading((), tuple(Horizon(months, reason=refused) for months in horizons), None, none, refused)
    half_years = tuple(_half_year(steps, constant, number) for number in range(1, _count(steps) + 1))
    upto = tuple(_horizon(steps, panel, months) for months in horizons)
    return Fading(half_years, upto, steps, reading(half_years, steps))


def latest_half_year(estimator: LatentCounts, panel: Panel) -> ThreatResult:
    """T19 alone, as `fading` reads it, from one fit. Raises `EstimationError` where that cannot be made."""
    length = max(PER_YEAR[panel.frequency] // 2, 1)
    steps = replace(estimator, change="steps", ramp=length).estimate(_covered(panel).with_(estimand=WHOLE))
    return _reading(_half_year(steps, None, _count(steps)), steps)


def reading(half_years: tuple[HalfYear, ...], average: Effect) -> ThreatResult:
    """T19: is the latest half-year on the other side of 1, or under half the average on the log?"""
    return _reading(half_years[-1], average)


def _reading(latest: HalfYear, average: Effect) -> ThreatResult:
    if latest.number < 2:
        sentence = "the figures reach over one half-year after the start only, so nothing could be seen to fade"
        return ThreatResult("T19", "could not have flagged", None, sentence)
    mean = float(np.log(average.point))
    when = f"{latest.first} to {latest.last}"
    beside = (
        f"ratio {_ratio(latest.point, latest.interval)} in {when} beside {_ratio(average.point, average.intervals[0])} over "
        "all figures after the start"
    )
    share = latest.log_ratio / mean if mean else None
    evidence = {
        "latest": latest.point,
        "lower": latest.interval.lower,
        "upper": latest.interval.upper,
        "level": latest.interval.level,
        "average": average.point,
        "average_lower": average.intervals[0].lower,
        "average_upper": average.intervals[0].upper,
        "first_period": str(latest.first),
        "last_period": str(latest.last),
    }
    if latest.rests_on_prior:
        sentence = f"the figures do not tell the latest half-year apart, so it could not be seen to fade: {beside}"
        return ThreatResult("T19", "could not have flagged", share, sentence, evidence)
    if share is not None and share < 0:
        return ThreatResult("T19", "flagged", share, f"the latest half-year is on the other side of 1: {beside}", evidence)
    if share is not None and share < HALF:
        sentence = f"the latest half-year has {share:.0%} of the average effect on the log: {beside}"
        return ThreatResult("T19", "flagged", share, sentence, evidence)
    return ThreatResult("T19", "not flagged", share, f"the latest half-year is not shown to have faded: {beside}", evidence)


def half_years_table(rows: Iterable[HalfYear]) -> pd.DataFrame:
    """One row per half-year after the start."""
    return pd.DataFrame(
        [
            {
                "half_year": row.number,
                "first_period": str(row.first),
                "last_period": str(row.last),
                "point": row.point,
                "lower": row.interval.lower,
                "upper": row.interval.upper,
                "level": row.interval.level,
                "kind": row.interval.kind,
                "rests_on_prior": row.rests_on_prior,
                "realised": row.realised,
                "realised_lower": row.prediction.lower if row.prediction else None,
                "realised_upper": row.prediction.upper if row.prediction else None,
                "note": row.note,
            }
            for row in rows
        ]
    )


def horizons_table(rows: Iterable[Horizon]) -> pd.DataFrame:
    """One row per horizon, those beyond the figures with their reason."""
    return pd.DataFrame(
        [
            {
                "months": row.months,
                "last_period": None if row.last is None else str(row.last),
                "point": row.point,
                "lower": row.interval.lower if row.interval else None,
                "upper": row.interval.upper if row.interval else None,
                "level": row.interval.level if row.interval else None,
                "kind": row.interval.kind if row.interval else None,
                "reason": row.reason,
            }
            for row in rows
        ]
    )


def _steps_of(steps: Effect) -> list[int]:
    """The columns of the half-years' own levels."""
    return [place for place, name in enumerate(steps.counterfactual.mixture.columns.names) if name.startswith("step ")]


def _count(steps: Effect) -> int:
    return len(_steps_of(steps))


def _half_year(steps: Effect, constant: Effect | None, number: int) -> HalfYear:
    """The half-year of this number, from 1; without the constant-level model nothing stands beside it."""
    periods = steps.counterfactual.expected.index
    place = _steps_of(steps)[number - 1]
    rows = np.flatnonzero(steps.counterfactual.mixture.columns.factual[:, place] > 0)
    first, last = periods[rows[0]], periods[rows[-1]]
    window = Window(first.start_time.date(), last.end_time.date())
    effect = steps.over(Estimand(f"half-year {number}", window=window))
    log_ratio, sd = log_contrast(effect)
    vague = sd >= RESTS_ON_PRIOR
    realised, missing = _realised(constant, rows, window)
    notes = ["the figures do not tell this half-year from its neighbours: its width rests on the prior"] if vague else []
    return HalfYear(
        number,
        first,
        last,
        effect.point,
        effect.intervals[0],
        log_ratio,
        vague,
        realised.point if realised else None,
        realised.intervals[0] if realised else None,
        "; ".join([*notes, *missing]),
    )


def _realised(constant: Effect | None, rows: np.ndarray, window: Window) -> tuple[Effect | None, tuple[str, ...]]:
    """Σ observed / Σ expected of the constant-level model, where every period of the half-year has a figure of its own."""
    if constant is None:
        return None, ()
    observed = constant.counterfactual.observed.to_numpy()[rows]
    missing = int(np.isnan(observed).sum())
    if missing:
        return None, (f"{missing} of its {len(rows)} periods have no figure of their own, so what was realised is not known",)
    return constant.over(Estimand("realised", target="realised", window=window)), ()


def _horizon(steps: Effect, panel: Panel, months: int) -> Horizon:
    unit, onset = panel.sole_treated
    per_period = 12 // PER_YEAR[panel.frequency]
    if months % per_period:
        return Horizon(months, reason=f"{months} months are no whole number of the panel's periods of {per_period} months")
    last = onset + (months // per_period - 1)
    if last > panel.periods[-1]:
        return Horizon(months, last, reason=f"the figures of {unit} end with {panel.periods[-1]}, before {last}")
    effect = steps.over(Estimand(f"first {months} months", window=Window(end=last.end_time.date())))
    return Horizon(months, last, effect.point, effect.intervals[0])


def _covered(panel: Panel) -> Panel:
    """The panel up to the last period that a figure of the treated unit covers: no half-year lies beyond the figures."""
    _, matrix = panel.observations(panel.sole_treated[0])
    return panel.until(panel.periods[np.flatnonzero(matrix.sum(axis=0) > 0)[-1]].end_time.date())


def _ratio(point: float, interval: Interval) -> str:
    return f"{point:.3f} ({interval.lower:.3f}–{interval.upper:.3f})"
