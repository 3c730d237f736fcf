"""Placebo in time: the same comparison at starts before the programme, when nothing can have been its effect."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparative
from gvi_eval.inference.evaluation import refitted
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.study import Estimand, Window

FEWEST_BEFORE = 0.5  # share of the periods before the start that a placebo start leaves before it
MOST_DATES = 12


@dataclass(frozen=True)
class PlaceboDate:
    """A start at which nothing happened, how many periods follow it before the true one, and the ratio found there."""

    onset: pd.Period
    periods: int
    point: float | None
    refusal: str | None = None


def placebo_dates(estimator: Comparative, panel: Panel) -> tuple[PlaceboDate, ...]:
    """The ratio at up to `MOST_DATES` starts in the later half of the periods before the programme.

    Only figures from before the programme are seen. The window after each placebo start is as long as that after the true
    one, where so much is left before it, and at least a year.
    """
    return tuple(_dates(estimator, panel))


def _dates(estimator: Comparative, panel: Panel) -> Iterator[PlaceboDate]:
    _, onset = panel.sole_treated
    earlier = panel.before(onset)
    before = len(earlier.periods)
    year = PER_YEAR[panel.frequency]
    first, last = int(np.ceil(FEWEST_BEFORE * before)), before - year
    length = len(panel.periods) - before
    for place in np.unique(np.linspace(first, last, MOST_DATES).round().astype(int)) if last >= first else ():
        start = earlier.periods[place]
        end = min(place + length, before) - 1
        window = Window(start.start_time.date(), earlier.periods[end].end_time.date())
        try:
            point = refitted(estimator, earlier.starting(start), Estimand("ratio", window=window)).point
            yield PlaceboDate(start, end - place + 1, point)
        except (EstimationError, StudyError) as fault:  # the latter where a predictor is named for later periods
            yield PlaceboDate(start, end - place + 1, None, str(fault))
