"""The reference designs of threats that need more than one series: an event, donors, neighbours, judged counts, other means.

Where a threat has no design of its own here, it is planted on the common one of `threats.reference`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np

from gvi_eval.sensitivity.power import Noise
from gvi_eval.sensitivity.threats.case import Case, Null, surrounded
from gvi_eval.sensitivity.threats.literature import literature
from gvi_eval.study import Intervention
from tests.support import cases, donor_cases
from tests.support.cases import day

NOISE = Noise("reference", 0.05, 0.15, 0.5)
AS_DONORS = Noise("Poisson", 0.0, 0.0, 0.0)  # the donors of the design scatter so, and no weights follow what they do not
TOTAL = 2.0  # all events over those that were judged to belong


def months(outcomes: dict[str, tuple[str, float]] | None = None) -> Case:
    """60 months before the start and 36 after it, six events a month; further outcomes with a role and a mean."""
    outcomes = outcomes or {}
    panels = {name: (role, cases.counts(10 + place, mean=mean)) for place, (name, (role, mean)) in enumerate(outcomes.items())}
    means = {"events": cases.MEAN, **{name: mean for name, (_, mean) in outcomes.items()}}
    length = cases.BEFORE + cases.AFTER
    return cases.case(cases.counts(1), panels).with_(
        nulls={name: Null(np.full(length, mean), NOISE) for name, mean in means.items()}
    )


def with_event() -> Case:
    """A co-intervention without an end begins a year after the programme."""
    event = Intervention("co-event", "co-intervention", day(date(2020, 1, 1)), "made up")
    case = months()
    events = (*case.study.interventions, event)
    return case.with_(study=case.study.with_(interventions=events), whole=case.whole.with_(interventions=events))


def with_donors() -> Case:
    """24 quarters before the start and 12 after it, 60 events a quarter, 24 donors; synthetic control with an intercept."""
    return _with_null(donor_cases.beside_donors(), AS_DONORS)


def with_neighbours() -> Case:
    """The same quarters, three areas around the place and eight donors further away; the headline is one series."""
    return _with_null(donor_cases.beside_neighbours(), NOISE)


def judged() -> Case:
    """The headline counts what was judged to belong; the total has twice as many events, and nobody judged it."""
    case = months({"all events": ("alternative definition", TOTAL * cases.MEAN)})
    return surrounded(case, {"events": ("gang_related",), "all events": ("all_unlawful",)})


def with_other_means() -> Case:
    """Explosions as many as shootings."""
    case = months({"explosions": ("companion", cases.MEAN)})
    first, second = case.study.outcomes
    return case.with_(study=case.study.with_(outcomes=(replace(first, measure="shootings"), second)))


def literature_of_forty() -> Case:
    """Forty published studies give a standard error; how many do is what is drawn."""
    table = literature([-0.1] * 40, [0.2] * 40)
    return surrounded(months(), literature=table)


def _with_null(case: Case, noise: Noise) -> Case:
    return case.with_(nulls={"events": Null(np.full(len(case.whole.periods), donor_cases.MEAN), noise)})


DESIGNS: dict[str, Callable[[], Case]] = {
    "T4": with_event,
    "T7": with_donors,
    "T10": with_neighbours,
    "T11": with_donors,
    "T12": with_donors,
    "T13": with_donors,
    "T16": judged,
    "T21": literature_of_forty,
    "T23": with_other_means,
}
