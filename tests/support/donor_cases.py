"""A made-up place beside donors, on which what threatens a comparison is planted: 24 quarters before the start, 12 after it."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd

from gvi_eval.estimators import make_estimator
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.threats.case import Case, surrounded
from gvi_eval.study import Specification, Unit, Window
from tests.support.cases import day, programme, study

START = pd.Period("2016Q1")
BEFORE, AFTER, MEAN = 24, 12, 60.0
INTERCEPT = {"intercept": True}


def names(kind, number):
    return [f"{kind} {place:02}" for place in range(number)]


def counts(seed, units, mean=MEAN, treated=1.0):
    """Poisson quarters of some units, the first of them treated with a ratio; donors have means of their own."""
    random = np.random.default_rng(seed)
    periods = pd.period_range(START - BEFORE, periods=BEFORE + AFTER, freq="Q")
    means = mean * np.linspace(0.6, 1.4, len(units))
    means[0] = mean
    values = pd.DataFrame(random.poisson(np.tile(means, (len(periods), 1))), periods, units).astype(float)
    values.loc[periods >= START, units[0]] = random.poisson(mean * treated, AFTER)
    return Panel(values, values * 0 + 1.0, {units[0]: START})


def made_up(estimator, settings, units, events=()):
    specification = Specification("headline", estimator, "events", settings=settings, headline=True)
    own = programme(start=day(date(2016, 1, 1)), decided=day(date(2015, 7, 1)))
    found = study(
        frequency="Q",
        baseline=Window(date(2010, 1, 1), date(2018, 12, 31)),
        units=tuple(units),
        specifications=(specification,),
    )
    return dataclasses.replace(found, interventions=(own, *events))


def beside_donors(donors=24, seed=1, estimator="synthetic", settings=INTERCEPT, panel=None):
    """A case whose headline compares the place with donors."""
    units = ["Place", *names("Donor", donors)]
    panel = counts(seed, units) if panel is None else panel
    known = made_up(estimator, settings, [Unit("Place", "treated"), *(Unit(name, "donor") for name in units[1:])])
    return Case(known, known.headline, make_estimator(estimator, settings), panel)


def beside_neighbours(panel=None, neighbours=3, donors=8, seed=1, events=(), treated=1.0):
    """A case whose headline is one series, with areas around the place and donors further away."""
    near, far = names("Near", neighbours), names("Far", donors)
    around = counts(seed, ["Place", *near, *far], treated=treated) if panel is None else panel
    units = [Unit("Place", "treated"), *(Unit(name, "neighbour") for name in near), *(Unit(name, "donor") for name in far)]
    settings = {"season": "none"}
    known = made_up("latent_counts", settings, units, events)
    own = around.without(*near, *far)
    return surrounded(Case(known, known.headline, make_estimator("latent_counts", settings), own), around=around)
