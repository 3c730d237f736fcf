"""A made-up study with one treated place, on which threats are planted: 60 months before the start and 36 after it."""

from datetime import date

import numpy as np
import pandas as pd

from gvi_eval.estimators import make_estimator
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.study import Estimand, Intervention, Moment, Outcome, Specification, Study, Unit, Window

FIRST, START, DECIDED = "2014-01", "2019-01", date(2018, 7, 1)
BEFORE, AFTER, MEAN = 60, 36, 6.0


def day(when):
    return Moment(when, when)


def programme(**changes):
    own = {
        "name": "programme",
        "role": "treatment",
        "start": day(date(2019, 1, 1)),
        "source": "made up",
        "decided": day(DECIDED),
    }
    return Intervention(**(own | changes))


def study(outcomes=("events",), events=(), **changes):
    """A study of one place; the first outcome is primary, and the others are pairs of name and role."""
    named = [Outcome(outcomes[0], outcomes[0], "primary", "count", ("made up.csv",), "events", "made up")]
    named += [Outcome(name, name, role, "count", ("made up.csv",), name, "made up") for name, role in outcomes[1:]]
    parts = {
        "name": "made up",
        "title": "Made up",
        "question": "Is there anything?",
        "frequency": "M",
        "baseline": Window(date(2014, 1, 1), date(2021, 12, 31)),
        "outcomes": tuple(named),
        "units": (Unit("Place", "treated"),),
        "interventions": (programme(), *events),
        "estimands": (Estimand("ratio"),),
        "specifications": (Specification("headline", "latent_counts", outcomes[0], headline=True),),
    }
    return Study(**(parts | changes))


def counts(seed, before=BEFORE, after=AFTER, mean=MEAN, factor=1.0):
    """Poisson months as a panel of one place; ``factor`` multiplies the mean, one number or one per month."""
    random = np.random.default_rng(seed)
    periods = pd.period_range(pd.Period(START, "M") - before, periods=before + after, freq="M")
    drawn = random.poisson(mean * np.broadcast_to(factor, before + after)).astype(float)
    values = pd.DataFrame({"Place": drawn}, index=periods)
    return Panel(values, values * 0 + 1.0, {"Place": pd.Period(START, "M")})


def case(panel=None, others=None, settings=None, made_up=None, **changes):
    """The case of the made-up study on a panel, and further outcomes by name: a pair of role and panel."""
    others = others or {}
    outcomes = ("events", *((name, role) for name, (role, _) in others.items()))
    made_up = made_up or study(outcomes, **changes)
    panels = {name: panel for name, (_, panel) in others.items()}
    whole = (panel or counts(1)).with_(interventions=made_up.interventions)
    return Case(made_up, made_up.headline, make_estimator("latent_counts", settings or {}), whole, panels)


def with_segmented(case, **settings):
    """The same case with the plain Poisson model, which is fitted in a moment and hides nothing in a latent level."""
    plain = {"family": "poisson", "covariance": "model", "trend": False, "season": "none"}
    return case.with_(estimator=make_estimator("segmented", plain | settings))
