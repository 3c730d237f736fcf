"""The contract: every estimator in ESTIMATORS is held to it unasked.

A method that needs donors finds them in the panels; one that takes a single series does not look at them. What a method
cannot be asked (a slope of seven points, a start without events) is refused in words, and nothing else is.
"""

import dataclasses
import json
import warnings
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.effect import Effect, contrast_rows
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import ESTIMATORS, estimator_class, make_estimator, settings_of
from gvi_eval.panel import Panel
from gvi_eval.writing import json_bytes

FAST = [name for name in ESTIMATORS if estimator_class(name).cost == "fast"]
DONORS = 12
SEEDS = 20
# Settings under which the contract is asked; a joint model of the town and all twelve donors would take minutes.
SETTINGS = {"controlled": {"controls": ("Donor 00",)}}
# The exact ratio knows no trend and no season; it gives the ratio of two means, and its panels have neither.
pytestmark = pytest.mark.filterwarnings("error")


def simulated(seed: int, ratio: float = 1.0, *, mean: float = 40.0, periods: int = 60, onset: int = 36) -> Panel:
    """Poisson counts of a treated town and its donors, all with one mean; the town times ``ratio`` from the onset on."""
    random = np.random.default_rng([seed, periods, onset])
    index = pd.period_range("2010-01", periods=periods, freq="M")
    units = ["Town", *(f"Donor {place:02}" for place in range(DONORS))]
    means = np.full((periods, len(units)), float(mean))
    means[onset:, 0] *= ratio
    values = pd.DataFrame(random.poisson(means).astype(float), index=index, columns=units)
    people = pd.DataFrame(10_000 / 12, index=index, columns=units)
    return Panel(values, people, MappingProxyType({"Town": index[onset]}))


def made(name: str):
    return make_estimator(name, SETTINGS.get(name, {}))


@pytest.fixture(scope="module")
def panel() -> Panel:
    return simulated(1, 0.7)


@pytest.fixture(scope="module")
def estimated(panel):
    """The effect of each fast estimator on the same panel, fitted once."""
    return {name: made(name).estimate(panel) for name in FAST}


def assert_same(one: Effect, other: Effect, rel: float = 1e-7) -> None:
    assert one.point == pytest.approx(other.point, rel=rel)
    assert one.refusal == other.refusal
    for own, its in zip(one.intervals, other.intervals, strict=True):
        assert (own.lower, own.upper) == (pytest.approx(its.lower, rel=rel), pytest.approx(its.upper, rel=rel))
    for own, its in zip(one.tests, other.tests, strict=True):
        assert own.p_value == pytest.approx(its.p_value, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_is_frozen_settings_with_a_name_a_cost_and_a_word_on_gaps(name):
    kind = estimator_class(name)
    assert kind.name == name and kind.cost in ("fast", "sampling") and isinstance(kind.accepts_gaps, bool)
    assert kind.__doc__ and dataclasses.is_dataclass(kind)
    if fields := dataclasses.fields(kind):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(kind(), fields[0].name, None)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_settings_survive_the_manifest(name):
    estimator = made(name)
    assert make_estimator(name, json.loads(json_bytes(settings_of(estimator)))) == estimator


@pytest.mark.parametrize("name", FAST)
def test_the_panel_is_unchanged(name):
    panel = simulated(2)
    values, exposure, onsets = panel.values.copy(deep=True), panel.exposure.copy(deep=True), dict(panel.onsets)
    made(name).estimate(panel)
    pd.testing.assert_frame_equal(panel.values, values)
    pd.testing.assert_frame_equal(panel.exposure, exposure)
    assert dict(panel.onsets) == onsets


@pytest.mark.parametrize("name", FAST)
def test_the_same_input_gives_the_same_output(name, panel, estimated):
    again = made(name).estimate(panel)
    assert (again.point, again.intervals, again.tests, again.notes) == (
        estimated[name].point,
        estimated[name].intervals,
        estimated[name].tests,
        estimated[name].notes,
    )
    pd.testing.assert_frame_equal(again.counterfactual.frame(), estimated[name].counterfactual.frame(), check_exact=True)


@pytest.mark.parametrize("name", FAST)
def test_the_order_of_the_units_does_not_matter(name, panel, estimated):
    backwards = list(panel.values)[::-1]
    turned = panel.with_(values=panel.values[backwards], exposure=panel.exposure[backwards])
    assert_same(made(name).estimate(turned), estimated[name])


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("factor", [1e-5, 12.0])
def test_the_unit_of_exposure_does_not_matter_to_a_ratio(name, factor, panel, estimated):
    other = panel.with_(exposure=panel.exposure * factor)
    assert_same(made(name).estimate(other), estimated[name], rel=1e-5)


@pytest.mark.parametrize("name", FAST)
def test_the_effect_says_what_it_is(name, panel, estimated):
    effect = estimated[name]
    assert (effect.method, effect.unit, effect.onset) == (name, *panel.sole_treated)
    assert effect.refusal is None and effect.estimand.contrast == "ratio"
    for interval in effect.intervals:
        assert interval.lower < effect.point < interval.upper
    for test in effect.tests:
        assert 0 <= test.floor <= test.p_value <= 1 and len(test.null) > 10
    json_bytes(dict(effect.details))


@pytest.mark.parametrize("name", FAST)
def test_the_path_covers_every_period(name, panel, estimated):
    paths = estimated[name].counterfactual
    assert paths.expected.index.equals(panel.periods) and paths.observed.index.equals(panel.periods)
    assert (paths.expected > 0).all() and paths.observed.equals(panel.values["Town"])
    assert paths.factual is None or (paths.factual.index.equals(panel.periods) and (paths.factual > 0).all())


@pytest.mark.parametrize("name", FAST)
def test_the_point_is_the_contrast_of_its_own_path(name, estimated):
    effect = estimated[name]
    paths, rows = effect.counterfactual, contrast_rows(effect.counterfactual, effect.estimand, effect.onset)
    reached = paths.observed if paths.factual is None else paths.factual
    assert effect.point == pytest.approx(reached.iloc[rows].sum() / paths.expected.iloc[rows].sum(), rel=1e-6)


@pytest.mark.parametrize("name", FAST)
def test_nothing_happened_is_found_to_be_nothing(name):
    effects = [made(name).estimate(simulated(seed)) for seed in range(SEEDS)]
    logs = np.log([effect.point for effect in effects])
    assert abs(logs.mean()) <= 2 * logs.std(ddof=1) / np.sqrt(SEEDS)
    if effects[0].intervals:
        assert sum(effect.intervals[0].excludes(1.0) for effect in effects) <= 4


@pytest.mark.parametrize("name", FAST)
def test_a_halving_is_found_to_be_a_halving(name):
    effects = [made(name).estimate(simulated(seed, 0.5)) for seed in range(SEEDS)]
    assert np.log([effect.point for effect in effects]).mean() == pytest.approx(np.log(0.5), abs=0.1)
    if effects[0].intervals:
        assert sum(effect.intervals[0].excludes(1.0) for effect in effects) >= 16


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_baseline_without_events_is_refused_with_the_unit(name):
    panel = simulated(3)
    values = panel.values.copy()
    values.loc[panel.periods < panel.onsets["Town"], "Town"] = 0.0
    with pytest.raises(EstimationError, match="Town"):
        made(name).estimate(panel.with_(values=values))


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("period", ["2010-05", "2014-02"])
def test_a_missing_cell_is_listed_or_refused_by_unit_and_period(name, panel, period):
    values = panel.values.copy()
    values.loc[period, "Town"] = np.nan
    gappy, estimator = panel.with_(values=values), made(name)
    if estimator.accepts_gaps:
        effect = estimator.estimate(gappy)
        assert effect.point > 0 and any(period in note and "Town" in note for note in effect.notes)
        assert np.isfinite(effect.counterfactual.expected[period])
    else:
        with pytest.raises(EstimationError, match=f"(?s)(Town.*{period}|{period}.*Town)"):
            estimator.estimate(gappy)


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("kind", ["quiet", "nothing after", "constant", "short", "large"])
def test_no_warning_escapes_from_an_odd_panel(name, kind):
    odd = {
        "quiet": lambda: simulated(4, mean=0.3),
        "nothing after": lambda: simulated(5, 0.0),
        "constant": lambda: simulated(6).with_(values=simulated(6).values * 0 + 7.0),
        "short": lambda: simulated(7, periods=12, onset=6),
        "large": lambda: simulated(8, mean=200_000),
    }[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            effect = made(name).estimate(odd)
        except EstimationError as fault:
            assert "Town" in str(fault)
        else:
            assert np.isfinite(effect.point) and all(interval.lower <= interval.upper for interval in effect.intervals)


@pytest.mark.parametrize("name", FAST)
def test_an_outcome_that_is_no_count_is_refused_by_a_method_for_counts(name, panel):
    try:
        made(name).estimate(panel.with_(kind="share"))
    except EstimationError as fault:
        assert "share" in str(fault)
    else:
        assert "share" in estimator_class(name).__doc__
