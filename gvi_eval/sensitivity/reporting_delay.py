"""How incomplete are the newest figures? What became of the same months in later publications."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError


@dataclass(frozen=True)
class Completeness:
    """By the age of a month in whole months at publication: the share of its last known count that stood there, and events."""

    share: dict[int, float]
    events: dict[int, int]

    def at(self, age: int) -> float:
        """The share at an age: that of the nearest younger age that was published, and 1 beyond the oldest."""
        if age > max(self.share):
            return 1.0
        return self.share[max((each for each in self.share if each <= age), default=min(self.share))]

    def per_period(self, months: int, periods: int) -> np.ndarray:
        """The shares of the last so many periods of ``months`` months each, oldest first, published the day after the last."""
        ages = np.arange(months * periods)[::-1].reshape(periods, months)
        return np.array([np.mean([self.at(int(age)) for age in row]) for row in ages])


def completeness(vintages: pd.DataFrame, measure: str) -> Completeness:
    """The revision pattern of a measure out of the same months as published on several dates.

    ``vintages`` has one row per unit, period and vintage with period_start, period_end, measure, value and vintage. The age of
    a month is the number of whole months from its last day to the publication; share = Σ value as published at that age /
    Σ value of the same months in the last vintage, which itself tells nothing and is left out. Raises `DataError` where the
    measure has no month in two vintages.
    """
    rows = vintages[vintages["measure"] == measure].copy()
    rows["published"] = pd.to_datetime(rows["vintage"])
    rows["end"] = pd.to_datetime(rows["period_end"])
    keys = ["unit", "period_start", "period_end"]
    rows = rows.sort_values("published")
    last = rows.groupby(keys)["value"].transform("last")
    earlier = rows["published"] < rows["published"].max()
    known = rows.assign(last=last)[earlier & (last > 0)]
    if known.empty:
        raise DataError(f"no month of '{measure}' stands in two vintages, so nothing is known of its revisions")
    end, day = known["end"], known["published"]
    age = 12 * (day.dt.year - end.dt.year) + day.dt.month - end.dt.month - 1 + (day.dt.day >= end.dt.day).astype(int)
    sums = known.assign(age=age.clip(lower=0)).groupby("age")[["value", "last"]].sum()
    return Completeness(
        {int(months): float(row["value"] / row["last"]) for months, row in sums.iterrows()},
        {int(months): int(row["last"]) for months, row in sums.iterrows()},
    )
