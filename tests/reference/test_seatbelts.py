"""UK car drivers killed and the seat belt law of February 1983 (Harvey & Durbin 1986)."""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.estimators.segmented import Segmented
from gvi_eval.panel import Panel


def test_the_law_cut_deaths_by_a_tenth(reference):
    table = pd.read_csv(reference("its_uk_seatbelts.csv"))
    periods = pd.period_range("1969-01", periods=len(table), freq="M")
    values = pd.DataFrame({"UK": table["DriversKilled"].to_numpy(dtype=float)}, index=periods)
    petrol = pd.DataFrame({"UK": np.log(table["PetrolPrice"].to_numpy())}, index=periods)
    panel = Panel(
        values,
        values * 0 + 1.0,
        MappingProxyType({"UK": pd.Period("1983-02", "M")}),
        covariates=MappingProxyType({"log petrol price": petrol}),
    )
    effect = Segmented(covariance="model", season=2, covariates=("log petrol price",)).estimate(panel)
    assert effect.point == pytest.approx(0.896, abs=0.0005)
    assert effect.intervals[0].lower == pytest.approx(0.833, abs=0.0005)
    assert effect.intervals[0].upper == pytest.approx(0.965, abs=0.0005)
