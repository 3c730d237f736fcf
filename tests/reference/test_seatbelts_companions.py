"""UK road casualties and the seat belt law of February 1983, by the companions of the default.

Harvey & Durbin (1986) The effects of seat belt legislation on British road casualties, J. R. Stat. Soc. A 149(3),
doi:10.2307/2981553, fit structural models to the logs and find that killed and seriously injured fell by 23 % among car
drivers and by 30 % among front seat passengers, and rose by 3 % among rear seat passengers, whom the law did not bind;
their report to the Department of Transport (1985) has driver deaths 18 % down. A local level is an ARIMA(0,1,1), so that
order comes near to their model; their season is stochastic and ours is not.
"""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.estimators.arima import Arima
from gvi_eval.estimators.structural import Structural
from gvi_eval.panel import Panel

COVARIATES = {"trend": False, "season": "dummies", "covariates": ("log distance", "log petrol price")}
PUBLISHED = {"drivers": 0.77, "front": 0.70, "rear": 1.03, "DriversKilled": 0.82}


@pytest.fixture(scope="module")
def casualties(reference):
    table = pd.read_csv(reference("its_uk_seatbelts.csv"))
    periods = pd.period_range("1969-01", periods=len(table), freq="M")

    def column(name: str) -> pd.DataFrame:
        return pd.DataFrame({"UK": table[name].to_numpy(dtype=float)}, index=periods)

    def panel(outcome: str) -> Panel:
        return Panel(
            column(outcome),
            column(outcome) * 0 + 1.0,
            MappingProxyType({"UK": pd.Period("1983-02", "M")}),
            covariates=MappingProxyType(
                {"log distance": np.log(column("kms")), "log petrol price": np.log(column("PetrolPrice"))}
            ),
        )

    return panel


@pytest.mark.parametrize(
    ("outcome", "tolerance"), [("drivers", 0.025), ("front", 0.025), ("rear", 0.035), ("DriversKilled", 0.01)]
)
def test_an_arima_with_the_memory_of_a_local_level_finds_the_published_falls(casualties, outcome, tolerance):
    effect = Arima(order=(0, 1, 1), scale="log", **COVARIATES).estimate(casualties(outcome))
    assert effect.point == pytest.approx(PUBLISHED[outcome], abs=tolerance)
    assert effect.intervals[0].excludes(1.0) == (outcome != "rear")
    assert not effect.intervals[0].excludes(PUBLISHED[outcome])


@pytest.mark.parametrize("scale", ["sqrt", "log"])
@pytest.mark.parametrize("outcome", PUBLISHED)
def test_a_structural_forecast_of_the_years_before_comes_near_them(casualties, outcome, scale):
    effect = Structural(scale=scale, **COVARIATES).estimate(casualties(outcome))
    assert effect.point == pytest.approx(PUBLISHED[outcome], abs=0.06)
    assert effect.intervals[0].excludes(1.0) == (outcome != "rear")
    assert not effect.intervals[0].excludes(PUBLISHED[outcome])
