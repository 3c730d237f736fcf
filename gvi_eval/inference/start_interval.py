"""A start that is published only as an interval: every start in it, their range, and their flat average."""

import dataclasses

import numpy as np
import pandas as pd
from scipy.stats import gmean

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError
from gvi_eval.intervals import Interval
from gvi_eval.panel import period_of
from gvi_eval.study import Moment


def candidate_starts(start: Moment, frequency: str) -> pd.PeriodIndex:
    """Every period that holds a day of the interval."""
    return pd.period_range(period_of(start.earliest, frequency), period_of(start.latest, frequency), freq=frequency)


def range_over_starts(effects: list[Effect]) -> Effect:
    """One effect out of the effects at every candidate start.

    Point: the flat average, exp(mean of log ratios) for a ratio and the mean otherwise; no start is weighted by its
    likelihood, because that would let the outcome choose the date. Interval: from the lowest lower to the highest upper
    limit, of kind bounds. Refused as a whole when any start is refused. Raises `EstimationError` for an empty list.
    """
    if not effects:
        raise EstimationError("no candidate start was given, so nothing can be averaged; give the interval of starts")
    first = effects[0]
    name = f"{first.onset} to {effects[-1].onset}"
    refused = [effect for effect in effects if effect.refusal]
    details = {"starts": {str(effect.onset): effect.point for effect in effects}}
    if refused:
        reason = f"start {refused[0].onset}: {refused[0].refusal}"
        return dataclasses.replace(
            first, point=None, intervals=(), tests=(), counterfactual=None, refusal=reason, details=details
        )
    points = np.array([effect.point for effect in effects])
    point = float(gmean(points) if first.estimand.contrast == "ratio" else points.mean())
    limits = [effect.intervals[0] for effect in effects if effect.intervals]
    bounds = (
        Interval(
            min(one.lower for one in limits),
            max(one.upper for one in limits),
            min(one.level for one in limits),
            "bounds",
        )
        if limits
        else None
    )
    note = (
        f"the start is published only as an interval: the point is the flat average over {len(effects)} starts ({name}), "
        "the interval runs from the lowest lower to the highest upper limit"
    )
    return dataclasses.replace(
        first,
        point=point,
        intervals=(bounds,) if bounds and len(limits) == len(effects) else (),
        tests=(),
        counterfactual=None,
        notes=(note, *dict.fromkeys(own for effect in effects for own in effect.notes)),
        details=details,
    )
