"""How fast did it set in, and did it set in too early: ramps of every length, and a change before the start."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.latent_counts import LatentCounts
from gvi_eval.intervals import Interval
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

LENGTHS = tuple(range(1, 13))
LEADS = (1, 2, 3, 6)
WHOLE = Estimand("ratio from the start to the end")


@dataclass(frozen=True)
class Ramp:
    """A phase-in of so many periods: the ratio over the whole post-period, and the ratio once fully phased in.

    ``reason`` says why a number is absent.
    """

    length: int
    whole: float | None = None
    whole_interval: Interval | None = None
    full: float | None = None
    full_interval: Interval | None = None
    log_marginal_likelihood: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Lead:
    """So many periods before the start with a level of their own: its ratio, and the effect beside it.

    ``shown`` is True where the interval of that ratio excludes 1: the figures changed before the start.
    """

    periods: int
    ratio: float | None = None
    interval: Interval | None = None
    effect: float | None = None
    effect_interval: Interval | None = None
    log_marginal_likelihood: float | None = None
    shown: bool | None = None
    sentence: str = ""


def ramps(estimator: LatentCounts, panel: Panel, lengths: Iterable[int] = LENGTHS) -> tuple[Ramp, ...]:
    """The same analysis with a linear phase-in of each length, in periods; a length of 1 is a step.

    log E[y_t] = ... + β min((t − T0 + 1) / length, 1) from the start T0 on. The ratio over the whole post-period is
    Σ factual / Σ expected, which holds the phase-in; the fully phased ratio is exp(β), absent where the figures end before
    the ramp does, because it would be read off a line beyond them. Marginal likelihoods are comparable over lengths: one
    coefficient under one prior. They are a diagnostic: choosing the length by them lets the outcome choose the dose.
    Raises `StudyError` for a length below 1; an analysis that cannot be run is a row with its reason.
    """
    return tuple(_ramp(estimator, panel, length) for length in lengths)


def leads(estimator: LatentCounts, panel: Panel, periods: Iterable[int] = LEADS) -> tuple[Lead, ...]:
    """The same analysis with a level of its own in the last periods before the start, for each number of periods (T6).

    The ratio exp(β) compares those periods with what trend and season say of them; other settings stay, so the effect beside
    it is the change from before the lead. A change before the start may be anticipation, a start that is wrong, or the peak
    for which the place was chosen: the figures cannot tell which. Raises `StudyError` for a number below 1.
    """
    return tuple(_lead(estimator, panel, number) for number in periods)


def ramps_table(rows: Iterable[Ramp]) -> pd.DataFrame:
    """One row per length of the phase-in."""
    return pd.DataFrame(
        [
            {
                "ramp": row.length,
                "whole": row.whole,
                **_limits("whole", row.whole_interval),
                "fully_phased": row.full,
                **_limits("fully_phased", row.full_interval),
                "level": row.whole_interval.level if row.whole_interval else None,
                "kind": row.whole_interval.kind if row.whole_interval else None,
                "log_marginal_likelihood": row.log_marginal_likelihood,
                "reason": row.reason,
            }
            for row in rows
        ]
    )


def leads_table(rows: Iterable[Lead]) -> pd.DataFrame:
    """One row per number of periods before the start."""
    return pd.DataFrame(
        [
            {
                "periods_before": row.periods,
                "ratio_before": row.ratio,
                **_limits("ratio_before", row.interval),
                "effect": row.effect,
                **_limits("effect", row.effect_interval),
                "level": row.interval.level if row.interval else None,
                "kind": row.interval.kind if row.interval else None,
                "log_marginal_likelihood": row.log_marginal_likelihood,
                "shown": row.shown,
                "sentence": row.sentence,
            }
            for row in rows
        ]
    )


def _limits(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {f"{name}_lower": interval.lower if interval else None, f"{name}_upper": interval.upper if interval else None}


def _ramp(estimator: LatentCounts, panel: Panel, length: int) -> Ramp:
    if length < 1:
        raise StudyError(f"a phase-in of {length} periods does not exist; give lengths of 1 or more")
    try:
        effect = replace(estimator, change="ramp", ramp=length).estimate(panel.with_(estimand=WHOLE))
    except EstimationError as fault:
        return Ramp(length, reason=str(fault))
    ramp = Ramp(length, effect.point, effect.intervals[0], log_marginal_likelihood=_likelihood(effect))
    after = _periods_after(panel)
    if length > after:
        return replace(
            ramp,
            reason=f"the figures end {after} periods after the start, before a phase-in of {length} is complete, so its full "
            "effect was not observed",
        )
    full, interval = _coefficient(effect, "level")
    return replace(ramp, full=full, full_interval=interval)


def _lead(estimator: LatentCounts, panel: Panel, number: int) -> Lead:
    if number < 1:
        raise StudyError(f"{number} periods before the start are none; give numbers of 1 or more")
    unit, onset = panel.sole_treated
    before = int((panel.periods < onset).sum())
    if number >= before:
        sentence = f"{before} periods lie before the start {onset}, so {number} of them cannot have a level of their own"
        return Lead(number, sentence=sentence)
    try:
        effect = replace(estimator, anticipation=number).estimate(panel.with_(estimand=WHOLE))
    except EstimationError as fault:
        return Lead(number, sentence=str(fault))
    ratio, interval = _coefficient(effect, "anticipation")
    shown = interval.excludes(1.0)
    verdict = "show a change before the start" if shown else "do not show a change before the start"
    first = onset - number
    span = f"{first}" if number == 1 else f"{first} to {onset - 1}"
    sentence = (
        f"the figures of {unit} {verdict}: ratio {ratio:.3f} ({interval.lower:.3f}–{interval.upper:.3f}) in {span}, and the "
        f"effect beside it is {effect.point:.3f}"
    )
    return Lead(number, ratio, interval, effect.point, effect.intervals[0], _likelihood(effect), shown, sentence)


def _periods_after(panel: Panel) -> int:
    """Periods from the start to the last one that a figure covers."""
    unit, onset = panel.sole_treated
    _, matrix = panel.observations(unit)
    last = panel.periods[np.flatnonzero(matrix.sum(axis=0) > 0)[-1]]
    return (last - onset).n + 1


def _likelihood(effect: Effect) -> float:
    return float(effect.details["log_marginal_likelihood"])


def _coefficient(effect: Effect, name: str) -> tuple[float, Interval]:
    """exp of a coefficient's posterior mean, and of its quantiles."""
    paths = effect.counterfactual.mixture
    place = paths.columns.names.index(name)
    tail = (1 - effect.level) / 2
    mean, _ = paths.posterior.mean_and_sd()
    lower, upper = np.exp(paths.posterior.quantiles([tail, 1 - tail])[place])
    return float(np.exp(mean[place])), Interval(float(lower), float(upper), effect.level, "posterior")
