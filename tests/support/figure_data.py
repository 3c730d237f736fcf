"""A small path, eight quarters with one gap, that the tests of figures draw, save and put into words."""

from datetime import date

import numpy as np
import pandas as pd

START = (date(2021, 1, 1), date(2021, 1, 1))


def path():
    periods = pd.period_range("2020Q1", periods=8, freq="Q")
    return pd.DataFrame(
        {
            "period": [str(period) for period in periods],
            "period_start": [period.start_time.date() for period in periods],
            "period_end": [period.end_time.date() for period in periods],
            "observed": [9.0, 11.0, np.nan, 10.0, 4.0, 5.0, 3.0, 4.0],
            "factual": 9.0,
            "expected": 10 / 3 * 3.1,
            "expected_lower": 6.5,
            "expected_upper": 14.25,
            "level": 0.95,
        }
    )
