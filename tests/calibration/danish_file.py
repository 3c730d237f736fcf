"""What the quarters of reported violence in the Danish file are like, so that made-up panels can be like them."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from gvi_eval.estimators._two_way import two_way_poisson
from gvi_eval.resources import CHECKOUT

FOLDER = CHECKOUT / "analyses" / "data" / "statistics_denmark"
MASS = 5.0  # standard deviations, beyond which a quarter is a mass registration; the ordinary scatter is taken as
ORDINARY = 0.025  # its variance beyond Poisson
LAGS = (1, 2, 3, 4)


class Scatter(NamedTuple):
    """Residuals e = y / mu - 1 about a two-way table: mean of e² - 1 / mu; mean of e_t e_(t - lag); figures left out."""

    beyond_poisson: float
    autocovariance: tuple[float, ...]
    left_out: int


class National(NamedTuple):
    """Log rate of all together: by quarter of the year, about its mean; sd and lag-one correlation of what is left, of its steps."""

    season: tuple[float, ...]
    sd: float
    rho: float
    rho_of_steps: float


@cache
def donors_of_file() -> pd.DataFrame:
    """Mean count a quarter and mean population of each donor: the municipalities outside Copenhagen Police District."""
    counts, population = file_figures()
    return pd.DataFrame({"count": counts.mean(), "population": population.mean()})


@cache
def file_figures() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reported violence and population of the donors, (period, unit); the population of 1 January holds for the year."""
    areas = pd.read_csv(FOLDER / "areas.csv").set_index("unit")
    table = pd.read_csv(FOLDER / "straf11_quarterly.csv").query("measure == 'violence'")
    quarters = pd.PeriodIndex(table["period_start"], freq="Q")
    counts = table.assign(quarter=quarters).pivot(index="quarter", columns="unit", values="value")
    donors = [
        unit
        for unit in counts.columns
        if areas.loc[unit, "unit_type"] == "municipality" and pd.isna(areas.loc[unit, "police_district"])
    ]
    people = pd.read_csv(FOLDER / "population_1_january.csv")
    years = people.assign(year=people["date"].str[:4].astype(int)).pivot(index="year", columns="unit", values="population")
    return counts[donors].astype(float), years.loc[counts.index.year, donors].set_axis(counts.index).astype(float)


def scatter_of(counts: np.ndarray, population: np.ndarray) -> Scatter:
    """How donors scatter about what their own level and the quarter's say, (period, unit), mass registrations left out."""
    mean = two_way_poisson(counts, population).untreated(population)
    residual = counts / mean - 1
    far = np.abs(residual) > MASS * np.sqrt(1 / mean + ORDINARY)
    residual = np.where(far, np.nan, residual)
    products = tuple(float(np.nanmean(residual[lag:] * residual[:-lag])) for lag in LAGS)
    return Scatter(float(np.nanmean(residual**2 - 1 / mean)), products, int(far.sum()))


def national_of(counts: pd.DataFrame, population: pd.DataFrame) -> National:
    """What all donors together do, (period,), split into the season and the rest."""
    log = np.log(counts.sum(axis="columns") / population.sum(axis="columns"))
    season = log.groupby(log.index.quarter).mean()
    rest = (log - season.loc[log.index.quarter].to_numpy()).to_numpy()
    steps = np.diff(rest)
    return National(tuple(season - season.mean()), float(rest.std()), _lag_one(rest), _lag_one(steps))


def _lag_one(series: np.ndarray) -> float:
    return float(np.corrcoef(series[1:], series[:-1])[0, 1])
