"""Threats looked into on several data sets of the reference design, with their violation in them and without."""

from functools import cache

from gvi_eval.sensitivity.threats.battery import look
from tests.calibration.threats import reference


@cache
def ready():
    return reference()


def states(threat, sets, case=None):
    """The state of each data set, by planted and clean."""
    case = case or ready()
    return {
        "planted": [look(threat, threat.planted(case, seed)).state for seed in range(sets)],
        "clean": [look(threat, threat.clean(case, seed)).state for seed in range(sets)],
    }
