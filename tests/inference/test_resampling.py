"""Treated units left out, drawn anew, and their starts given to others: on paper, what is exact, and what is refused."""

import itertools
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.staggered import METHODS, Staggered
from gvi_eval.inference.placebo import size_scale
from gvi_eval.inference.resampling import bootstrap, jackknife, permuted_starts
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand
from gvi_eval.windows import CountWindow


@pytest.fixture(scope="session")
def panel_of(make_panel):
    """A panel in which the named units begin at their positions."""

    def make(counts, starts, **parts):
        panel = make_panel(counts, 1, **parts)
        return panel.with_(onsets=MappingProxyType({unit: panel.periods[0] + start for unit, start in starts.items()}))

    return make


def counts_of(seed: int, treated: int = 2, donors: int = 5, ratio: float = 1.0, mean: float = 40) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    means = np.full((treated + donors, 16), mean) * random.uniform(0.7, 1.4, 16)
    for j in range(treated):
        means[j, 6 + 3 * j :] *= ratio
    names = [*(f"Town {j}" for j in range(treated)), *(f"Donor {j}" for j in range(donors))]
    return dict(zip(names, random.poisson(means).astype(float), strict=True))


def starts_of(treated: int) -> dict[str, int]:
    return {f"Town {j}": 6 + 3 * j for j in range(treated)}


@dataclass(frozen=True)
class BeforeAfter:
    """The last figure of each treated unit beside its first, so that everything can be done on paper."""

    name: str = "before and after"
    level: float = 0.95

    def estimate(self, panel: Panel) -> Effect:
        own = panel.values[list(panel.treated)].sum(axis="columns")
        paths = Counterfactual(own, pd.Series(float(own.iloc[0]), panel.periods))
        return effect_from_paths(paths, panel.estimand, method=self.name, unit="all", onset=min(panel.onsets.values()))


PAPER = {"North": [10, 5], "South": [40, 40], "A": [10, 10], "B": [10, 20], "C": [20, 10]}


def test_a_jackknife_by_hand(panel_of):
    # Without North 40 / 40, without South 5 / 10, together 45 / 50; the two logs lie log 2 apart, so their squares about the
    # mean add up to log(2)² / 2, and half of that is the variance.
    found = jackknife(BeforeAfter(), panel_of(PAPER, {"North": 1, "South": 1}, kind="continuous"))
    assert found.left_out == ("North", "South") and found.ratios == pytest.approx([1, 0.5])
    assert found.standard_error == pytest.approx(np.log(2) / 2)
    assert found.log_ratio == pytest.approx(np.log(0.9))
    reach = 12.7062047 * np.log(2) / 2  # of a t with one degree of freedom
    assert (found.interval.lower, found.interval.upper) == (
        pytest.approx(0.9 * np.exp(-reach)),
        pytest.approx(0.9 * np.exp(reach)),
    )
    assert (found.interval.kind, found.interval.level) == ("jackknife", 0.95)


def test_permuted_starts_by_hand(panel_of):
    # The one start of North, given to each: ratios 1/2, 1, 1, 2 and 1/2, so three of five lie as far out as North.
    panel = panel_of(PAPER, {"North": 1}, kind="continuous")
    found = permuted_starts(BeforeAfter(), panel)
    assert (found.possible, found.enumerated, found.units[0]) == (5, True, ("North",))
    assert found.test.p_value == pytest.approx(3 / 5) and found.test.floor == pytest.approx(1 / 5)
    assert found.test.statistic == pytest.approx(np.log(2)) and found.log_ratio[0] == pytest.approx(np.log(0.5))
    among = permuted_starts(BeforeAfter(), panel, among="never treated")
    assert (among.possible, len(among.units)) == (4, 5)
    assert among.test.p_value == pytest.approx(3 / 5) and "all 5 ways to give the 1 starts to donors" in among.note


def test_starts_that_are_shared_are_counted_once(panel_of):
    panel = panel_of(PAPER, {"North": 1, "South": 1}, kind="continuous")
    found = permuted_starts(BeforeAfter(), panel)
    assert found.possible == 10 and len(found.units) == 10
    assert {frozenset(units) for units in found.units} == {frozenset(pair) for pair in itertools.combinations(PAPER, 2)}


def test_starts_that_differ_are_all_given(panel_of):
    panel = panel_of(counts_of(1), starts_of(2))
    found = permuted_starts(Staggered(), panel)
    assert (found.possible, found.enumerated) == (42, True)
    assert Counter(found.units) == Counter(itertools.permutations(panel.values, 2))
    assert found.test.floor == pytest.approx(1 / 42) and "all 42 ways" in found.note


def test_each_assignment_is_the_estimate_of_its_own_panel(panel_of):
    panel = panel_of(counts_of(2), starts_of(2))
    found = permuted_starts(Staggered(), panel)
    starts, counts = list(panel.onsets.values()), []
    for units, log_ratio in zip(found.units, found.log_ratio, strict=True):
        given = panel.with_(onsets=MappingProxyType(dict(zip(units, starts, strict=True))))
        rows = Staggered().estimate(given).details["units"]
        sums = [sum(row[what] for row in rows) + 0.5 for what in ("observed", "expected")]
        assert log_ratio == pytest.approx(np.log(sums[0] / sums[1]))
        counts.append(sum(panel.values[unit].iloc[:k].mean() * (16 - k) for unit, k in zip(units, (6, 9), strict=True)))
    a, b = size_scale(found.log_ratio, np.array(counts))
    assert found.spread == pytest.approx(np.sqrt(a + b / np.array(counts)))


@pytest.mark.parametrize("method", METHODS)
def test_among_all_units_the_p_is_exact(panel_of, method):
    # Whoever is taken for treated, the reference is the same: over all assignments each rank comes once.
    counts = counts_of(3, treated=1, donors=6)
    panel = panel_of(counts, {"Town 0": 6})
    start = panel.periods[6]
    values = [
        permuted_starts(Staggered(method), panel.with_(onsets=MappingProxyType({unit: start}))).test.p_value
        for unit in panel.values
    ]
    assert sorted(values) == pytest.approx(np.arange(1, 8) / 7)


def test_a_sample_is_the_same_for_a_seed_and_counts_the_actual_starts(panel_of):
    panel = panel_of(counts_of(4, treated=3, donors=6, ratio=0.4), starts_of(3))
    one, again, other = (permuted_starts(Staggered(), panel, draws=40, seed=seed) for seed in (1, 1, 2))
    assert one.test == again.test and one.units == again.units != other.units
    assert (one.possible, one.enumerated, len(one.units)) == (504, False, 41)
    assert one.test.floor == pytest.approx(1 / 41) and "41 of 504 ways" in one.note and "drawn with seed 1" in one.note
    assert one.test.p_value <= 3 / 41


def test_an_assignment_without_an_effect_is_infinitely_far_out(panel_of):
    counts = counts_of(5, treated=1)
    counts["Donor 2"][:9] = 0
    panel = panel_of(counts, {"Town 0": 6}).with_(onsets=MappingProxyType({"Town 0": pd.Period("2010-10", "M")}))
    found = permuted_starts(Staggered(), panel)
    assert np.isinf(found.log_ratio[found.units.index(("Donor 2",))]) and found.test.p_value >= 2 / 6


def test_a_halving_of_two_towns_is_found(panel_of):
    panel = panel_of(counts_of(6, treated=2, donors=8, ratio=0.5), starts_of(2))
    for among in ("all units", "never treated"):
        assert permuted_starts(Staggered(), panel, among=among).test.p_value <= 0.05
    found = jackknife(Staggered(), panel_of(counts_of(6, treated=4, donors=8, ratio=0.5), starts_of(4) | {"Town 3": 12}))
    assert found.interval.excludes(1.0) and not found.interval.excludes(0.5)


def test_a_bootstrap_draws_treated_units_and_donors_apart(panel_of):
    counts = counts_of(7, treated=5)
    for j in range(5):
        counts[f"Town {j}"][6 + j :] *= 0.5
    panel = panel_of(counts, {f"Town {j}": 6 + j for j in range(5)})
    one, again = (bootstrap(Staggered(), panel, draws=60, seed=3) for _ in range(2))
    assert np.array_equal(one.ratios, again.ratios) and one.failed == 0
    limits = np.exp(np.quantile(np.log(one.ratios), [0.025, 0.975]))
    assert (one.interval.lower, one.interval.upper) == pytest.approx(tuple(limits))
    assert one.interval.kind == "bootstrap" and one.interval.excludes(1.0)
    # The counts are Poisson around 40 and the effect the same everywhere: 5 treated units with about 40 treated cells.
    assert 0.01 < one.standard_error < 0.1


def test_a_bootstrap_of_units_that_are_all_alike_has_no_scatter(panel_of):
    counts = {f"Town {j}": [10, 10, 5, 5] for j in range(5)} | {name: [8] * 4 for name in "ABC"}
    found = bootstrap(Staggered(), panel_of(counts, {f"Town {j}": 2 for j in range(5)}), draws=20)
    assert found.ratios == pytest.approx(np.full(20, 0.5)) and found.standard_error == pytest.approx(0, abs=1e-9)


def test_what_is_refused(panel_of):
    single = panel_of(counts_of(8, treated=1), starts_of(1))
    sentence = r"a jackknife over treated units leaves none of the 1 treated unit \(Town 0\); use placebos"
    with pytest.raises(EstimationError, match=sentence):
        jackknife(Staggered(), single)
    pair = panel_of(counts_of(8), starts_of(2))
    with pytest.raises(
        EstimationError, match=r"a bootstrap over 2 treated units \(Town 0, Town 1\) would be too certain; it needs 5"
    ):
        bootstrap(Staggered(), pair)
    with pytest.raises(EstimationError, match="that of 'fewer' is prevented; take the ratio"):
        jackknife(Staggered(), pair, Estimand("fewer", "prevented", target="realised"))
    with pytest.raises(StudyError, match="permuted starts go among 'donors'; choose all units, never treated"):
        permuted_starts(Staggered(), pair, among="donors")
    few = panel_of(counts_of(8, treated=2, donors=1), starts_of(2))
    with pytest.raises(EstimationError, match=r"1 units \(Donor 0\) can take the 2 starts of Town 0, Town 1 in 0 ways"):
        permuted_starts(Staggered(), few, among="never treated")
    nothing = counts_of(8)
    nothing["Town 1"][9:] = 0
    with pytest.raises(EstimationError, match="the ratio of Town 1 without Town 0 is 0 and has no log"):
        jackknife(Staggered(), panel_of(nothing, starts_of(2)))
    span = CountWindow("Donor 0", ((pair.periods[0].start_time.date(), pair.periods[2].end_time.date()),), 90, ("made up",))
    with pytest.raises(EstimationError, match="a permutation of starts needs one figure per period"):
        permuted_starts(Staggered(), pair.with_(windows=(span,)))
