"""The hold-out of the last year and placebo starts, where the method cannot do without the later years."""

import numpy as np
import pandas as pd

from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.placebo_dates import placebo_dates


def yearly() -> Panel:
    """A treated unit that is the mean of two of its four donors, from 2000, start in 2008."""
    index = pd.period_range("2000", periods=12, freq="Y")
    donors = np.random.default_rng(3).poisson(200, (12, 4)).astype(float)
    values = pd.DataFrame(donors, index, list("ABCD"))
    values.insert(0, "Town", (values["A"] + values["B"]) / 2)
    return Panel(values, values * 0 + 1.0, {"Town": index[8]}, kind="continuous")


def test_predictors_of_the_last_year_leave_no_hold_out():
    reaching = evaluate(Synthetic(predictors=("outcome 2000..2003", "outcome 2004..2007")), yearly())
    assert reaching.fit.hold_out is None


def test_earlier_predictors_leave_one():
    earlier = evaluate(Synthetic(predictors=("outcome 2000..2003", "outcome 2004..2006")), yearly())
    assert earlier.fit.hold_out > 0


def test_a_placebo_start_before_a_predictor_is_refused_in_words():
    dates = placebo_dates(Synthetic(predictors=("outcome 2000..2003", "outcome 2004..2007")), yearly())
    assert dates and all("reaches beyond the start" in date.refusal for date in dates)
