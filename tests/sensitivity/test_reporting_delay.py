"""The revision pattern by hand and from the one table that shows its own revisions."""

import pandas as pd
import pytest

from gvi_eval.errors import DataError
from gvi_eval.sensitivity.reporting_delay import Completeness, completeness

DATES = ["2021-02-05", "2021-03-05", "2021-04-05"]


def vintages(rows):
    """Rows of (month of 2021, vintage, value)."""
    months = [pd.Period(f"2021-{month:02}") for month, _, _ in rows]
    return pd.DataFrame(
        {
            "unit": "Land",
            "measure": "shootings",
            "period_start": [month.start_time.date() for month in months],
            "period_end": [month.end_time.date() for month in months],
            "vintage": [DATES[vintage] for _, vintage, _ in rows],
            "value": [value for _, _, value in rows],
        }
    )


def test_by_hand():
    # January: 8, then 9, then 10. February: 18, then 20. March is new in the last vintage and tells nothing.
    found = completeness(vintages([(1, 0, 8), (1, 1, 9), (1, 2, 10), (2, 1, 18), (2, 2, 20), (3, 2, 5)]), "shootings")
    assert found.share == {0: pytest.approx((8 + 18) / (10 + 20)), 1: pytest.approx(9 / 10)}
    assert found.events == {0: 30, 1: 10}


def test_ages_between_and_beyond_those_that_were_published():
    found = Completeness({0: 0.9, 3: 0.96}, {0: 10, 3: 10})
    assert [found.at(age) for age in (0, 2, 3, 4)] == [0.9, 0.9, 0.96, 1.0]
    assert Completeness({2: 0.95}, {2: 1}).at(0) == 0.95


def test_the_newest_period_comes_last():
    found = Completeness({0: 0.6, 1: 0.8, 2: 1.0}, {})
    assert found.per_period(months=1, periods=3).tolist() == [1.0, 0.8, 0.6]
    assert found.per_period(months=3, periods=2).tolist() == pytest.approx([1.0, 0.8])


def test_the_swedish_months_of_2021(published_vintages):
    # August 2021 was 38 on 11 September, 41 on 3 November and 43 on 20 December
    found = completeness(published_vintages, "shootings")
    newest = {(34 + 38 + 37): (35 + 43 + 40)}  # July, August and October when they were the newest month
    assert found.share[0] == pytest.approx(next(iter(newest)) / newest[next(iter(newest))])
    assert found.share[9] == 1.0 and set(completeness(published_vintages, "detonations").share.values()) == {1.0}


@pytest.fixture
def published_vintages():
    from gvi_eval.resources import CHECKOUT

    return pd.read_csv(CHECKOUT / "analyses" / "data" / "polismyndigheten" / "national_monthly_vintages_2021.csv")


def test_one_vintage_tells_nothing():
    with pytest.raises(DataError, match="no month of 'shootings' stands in two vintages"):
        completeness(vintages([(1, 0, 8), (2, 0, 9)]), "shootings")
