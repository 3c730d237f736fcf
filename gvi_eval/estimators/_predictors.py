"""Predictors of a comparison: covariates or the outcome, averaged over named periods before the start."""

import re

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparison
from gvi_eval.panel import Panel

OUTCOME = "outcome"  # the name under which a predictor means the outcome itself
MOMENT = r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])|Q[1-4])?"  # a year, a month or a quarter


def predictor_table(panel: Panel, side: Comparison, names: tuple[str, ...]) -> np.ndarray:
    """Predictors (predictor, unit): means over the named periods, or over all before the start.

    Raises `StudyError` for one that the panel does not hold or that reaches beyond the start, `EstimationError` for one
    without figures of some unit.
    """
    rows = []
    for name in names:
        what, _, when = (name, "", "") if name in panel.covariates else name.partition(" ")
        if what not in (OUTCOME, *panel.covariates):
            what, _, when = name.rpartition(" ")  # a name may hold blanks: 'log petrol price 1984..1988'
        if what == OUTCOME:
            values = side.figures
        elif what in panel.covariates:
            values = panel.covariates[what].reindex(index=side.periods, columns=list(side.units)).to_numpy(dtype=float)
        else:
            known = ", ".join([OUTCOME, *panel.covariates])
            raise StudyError(f"predictors names '{what or name}', which the panel does not hold; it holds {known}")
        inside = side.before if not when else periods_inside(side.periods, when)
        if (inside & ~side.before).any():
            raise StudyError(f"the predictor '{name}' reaches beyond the start {side.onset}; name periods before it")
        figures = values[inside]
        empty = np.isnan(figures).all(axis=0) if len(figures) else np.ones(len(side.units), dtype=bool)
        if empty.any():
            unit = side.units[int(np.flatnonzero(empty)[0])]
            raise EstimationError(
                f"the predictor '{name}' of {unit} has no figure in these periods; name others or leave it out"
            )
        rows.append(np.nanmean(figures, axis=0))
    return np.array(rows)


def periods_inside(periods: pd.PeriodIndex, words: str) -> np.ndarray:
    """Which periods lie wholly in words such as '1975', '1984..1988' or '2010-03..2011', both ends included."""
    bounds = re.fullmatch(rf"({MOMENT})(?:\.\.({MOMENT}))?", words)
    if not bounds:
        raise StudyError(f"'{words}' names no periods; write one such as 1975, or the first and last such as 1984..1988")
    first, last = pd.Period(bounds[1]), pd.Period(bounds[2] or bounds[1])
    return np.asarray((periods.start_time >= first.start_time) & (periods.end_time <= last.end_time))
