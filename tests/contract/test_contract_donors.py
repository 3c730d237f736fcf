"""The contract for methods with donors, as they are used: with placebos and admission, by `evaluate`."""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.estimators import make_estimator
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.panel import Panel

DONORS = 24  # 19 are needed for 95 %
SEEDS = 20
METHODS = {
    "synthetic": ("synthetic", {}),
    "synthetic with an intercept": ("synthetic", {"intercept": True}),
    "synthetic on logs": ("synthetic", {"scale": "log"}),
    "augmented": ("augmented", {}),
    "augmented with an intercept": ("augmented", {"intercept": True}),
    "penalized": ("penalized", {}),
    "sdid": ("sdid", {}),
    "did": ("did", {}),
    "did, poisson": ("did", {"model": "poisson"}),
    "event study by the last bin": ("event_study", {"model": "poisson", "reference": "last bin"}),
    "factor": ("factor", {}),
}
every_method = pytest.mark.parametrize("name", METHODS)
pytestmark = pytest.mark.filterwarnings("error")


def simulated(seed: int, ratio: float, *, mean: float = 40.0, periods: int = 60, onset: int = 36) -> Panel:
    """Poisson counts of a treated town and its donors, all with one mean; the town times ``ratio`` from the onset on."""
    random = np.random.default_rng([seed, periods, onset])
    index = pd.period_range("2010-01", periods=periods, freq="M")
    units = ["Town", *(f"Donor {place:02}" for place in range(DONORS))]
    means = np.full((periods, len(units)), mean)
    means[onset:, 0] *= ratio
    values = pd.DataFrame(random.poisson(means).astype(float), index=index, columns=units)
    return Panel(values, values * 0 + 10_000 / 12, MappingProxyType({"Town": index[onset]}))


def evaluated(name: str, ratio: float):
    """The effects over the seeds, and how many of them were refused."""
    effects = []
    for seed in range(SEEDS):
        panel = simulated(seed, ratio)
        kind, settings = METHODS[name]
        effects.append(evaluate(make_estimator(kind, settings), panel).effect(panel.estimand))
    admitted = [effect for effect in effects if not effect.refusal]
    return admitted, SEEDS - len(admitted)


@every_method
def test_nothing_happened_is_found_to_be_nothing(name):
    effects, refused = evaluated(name, 1.0)
    assert refused <= 1
    logs = np.log([effect.point for effect in effects])
    assert abs(logs.mean()) <= 2 * logs.std(ddof=1) / np.sqrt(len(logs))
    assert sum(effect.intervals[0].excludes(1.0) for effect in effects) <= 4
    for effect in effects:
        (interval,) = effect.intervals
        assert (interval.kind, interval.level) == ("placebo", 0.95)
        assert interval.lower < effect.point < interval.upper
        assert interval.excludes(1.0) == (effect.tests[0].p_value <= 0.05)
        assert all(test.p_value >= test.floor == 1 / 25 for test in effect.tests)


@every_method
def test_a_halving_is_found_to_be_a_halving(name):
    effects, refused = evaluated(name, 0.5)
    assert refused <= 1
    assert np.log([effect.point for effect in effects]).mean() == pytest.approx(np.log(0.5), abs=0.1)
    assert sum(effect.intervals[0].excludes(1.0) for effect in effects) >= 16
