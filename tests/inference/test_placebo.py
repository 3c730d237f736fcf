"""Placebos in space: ranks and limits by hand, what exchangeability promises, and the scatter that depends on size."""

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import Comparison, Family
from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.placebo import PlaceboInference, Placebos, placebo_in_space, size_scale
from gvi_eval.study import Estimand, Window

RATIO = Estimand("ratio", "ratio")


def family_of(observed, expected, before=2, kind="continuous", exposure=1.0) -> Family:
    """A family whose counts and expected counts (unit, period) are simply given; the first unit is treated."""
    observed, expected = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    units, length = observed.shape
    periods = pd.period_range("2000", periods=length, freq="Y")
    side = Comparison(
        units=tuple(f"Unit {place}" for place in range(units)),
        periods=periods,
        onset=periods[before],
        before=np.arange(length) < before,
        counts=observed.T,
        exposure=np.full((length, units), exposure),
        figures=observed.T / exposure,
        scale="rate",
        kind=kind,
        notes=(),
    )
    members = np.arange(units)
    return Family(side, members, expected, np.full((units, units), 1 / units), np.zeros(units), np.zeros(units))


def ratios(*values, before=(10.0, 10.0)) -> Family:
    """Units of which 10 were expected always and that reach these ratios in the one period after the start."""
    return family_of([[*before, 10 * value] for value in values], np.full((len(values), len(before) + 1), 10.0), len(before))


def donors_of(logs, counts=None) -> Placebos:
    """Placebos with these log ratios, the treated unit's first, and no scaling by size unless counts are given."""
    logs = np.asarray(logs, dtype=float)
    counts = np.ones(len(logs)) if counts is None else np.asarray(counts, dtype=float)
    ones = np.ones(len(logs))
    return Placebos(
        units=tuple(f"Unit {place}" for place in range(len(logs))),
        observed=np.exp(logs),
        expected=ones,
        periods=1,
        added=0.0,
        log_ratio=logs,
        mean_count=counts,
        size=(1.0, 0.0),
        rmspe_before=ones,
        rmspe_after=np.abs(np.expm1(logs)),
        rate_gap=np.expm1(logs),
        inference=PlaceboInference(),
    )


def test_by_hand():
    # |log| of .5 .8 .9 1 1.6: .69 .22 .11 0 .47: the first is the farthest of five, so p is 1/5 and so is its floor.
    placebos = placebo_in_space(ratios(0.5, 0.8, 0.9, 1.0, 1.6), RATIO)
    assert placebos.log_ratio == pytest.approx(np.log([0.5, 0.8, 0.9, 1.0, 1.6]))
    assert (placebos.donors, placebos.floor, placebos.size) == (4, 1 / 5, (1.0, 0.0))
    assert placebos.rank(np.abs(placebos.scaled)) == 1
    test, raw, rmspe = placebos.tests()
    assert (test.kind, test.p_value, test.floor) == ("placebo", 1 / 5, 1 / 5)
    assert test.statistic == pytest.approx(np.log(2))
    assert (raw.kind, rmspe.kind) == ("placebo, raw", "placebo, RMSPE ratio")
    assert "one of 5 that are alike" in test.null


def test_the_rank_in_the_middle_and_a_tie_counts_against_the_treated_unit():
    # .8 and 1/.8 are as far out as each other; 2 is farther: third of four, p 3/4.
    placebos = placebo_in_space(ratios(0.8, 1 / 0.8, 2.0, 1.0), RATIO)
    assert placebos.rank(np.abs(placebos.log_ratio)) == 3
    assert placebos.tests()[0].p_value == pytest.approx(3 / 4)


def test_the_declared_statistic_comes_first():
    family = ratios(0.5, 0.8, 1.0, 1.1)
    tests = placebo_in_space(family, RATIO, PlaceboInference(statistic="rmspe ratio")).tests()
    assert [test.kind for test in tests] == ["placebo, RMSPE ratio", "placebo", "placebo, raw"]
    with pytest.raises(StudyError, match="statistic of the placebos is 'mean'; choose log ratio, rmspe ratio"):
        PlaceboInference(statistic="mean")


def test_the_ratio_of_root_mean_squares_by_hand():
    # Gaps 1 and 1 before, 4 and 2 after: sqrt((16 + 4) / 2) over 1.
    family = family_of([[11, 9, 14, 12]] + [[11, 9, 11, 9]] * 3, np.full((4, 4), 10.0))
    placebos = placebo_in_space(family, RATIO)
    assert placebos.rmspe_ratio == pytest.approx([np.sqrt(10), 1, 1, 1])
    assert placebos.rate_gap == pytest.approx([3, 0, 0, 0])
    assert placebos.standard_error == (0, 0)


def test_the_standard_error_with_both_divisors():
    placebos = placebo_in_space(ratios(1.0, 0.9, 1.0, 1.1), RATIO)
    assert placebos.standard_error == (pytest.approx(np.sqrt(2 / 3)), pytest.approx(1.0))


def test_limits_are_the_ratios_that_are_not_rejected():
    random = np.random.default_rng(1)
    logs = random.normal(0, 0.2, 40)
    logs[0] = -0.5
    placebos = donors_of(logs)
    lower, upper, level = placebos.ratio_interval(0.95)
    assert level == 0.95
    for theta, inside in ((lower * 1.001, True), (lower / 1.001, False), (upper / 1.001, True), (upper * 1.001, False)):
        moved = donors_of([logs[0] - np.log(theta), *logs[1:]])
        assert (moved.tests()[0].p_value > 0.05) == inside


@given(st.lists(st.floats(-2, 2), min_size=6, max_size=30), st.sampled_from([0.5, 0.8, 0.9]))
@settings(max_examples=60)
def test_an_interval_excludes_one_exactly_where_p_says_so(logs, level):
    placebos = donors_of(logs)
    if placebos.donors < level * len(logs):
        return
    lower, upper, reached = placebos.ratio_interval(level)
    assert reached == level
    p = placebos.tests()[0].p_value
    assert not (lower > 1 or upper < 1) or p <= 1 - level + 1e-9
    assert (lower >= 1 or upper <= 1) or p > 1 - level - 1e-9


@pytest.mark.parametrize(("donors", "level"), [(18, 18 / 19), (19, 0.95), (4, 4 / 5), (40, 0.95)])
def test_few_donors_give_the_level_that_they_can(donors, level):
    placebos = donors_of([0.5, *np.linspace(-0.3, 0.3, donors)])
    assert placebos.ratio_interval(0.95)[2] == pytest.approx(level)
    if donors < 19:
        assert placebos.detectable() is None


def test_the_detectable_ratio_by_hand():
    # 40 donors at ±.1: a log ratio beyond .1 is found; with scatter up to .1 a fall of .2 is needed.
    placebos = donors_of([0.0, *[0.1, -0.1] * 20])
    assert placebos.detectable() == pytest.approx(np.exp(-0.2))


def test_a_detectable_fall_is_found_in_four_of_five():
    random = np.random.default_rng(3)
    placebos = donors_of([0.0, *random.normal(0, 0.2, 2000)])
    reach = placebos.critical(0.95)[0]
    found = np.log(placebos.detectable()) + random.normal(0, 0.2, 4000) < -reach
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_nothing_expected_counts_as_infinitely_far_out():
    observed, expected = np.full((6, 3), 10.0), np.full((6, 3), 10.0)
    observed[0, 2], expected[3, 2] = 2, 0
    placebos = placebo_in_space(family_of(observed, expected, kind="count"), RATIO)
    assert np.isinf(placebos.log_ratio[3]) and np.isfinite(np.delete(placebos.log_ratio, 3)).all()
    assert placebos.tests()[0].p_value == pytest.approx(2 / 6)
    assert np.isinf(placebos.ratio_interval(0.95)[1])  # five donors: the farthest is the limit


def test_a_placebo_without_a_path_only_raises_p():
    observed, expected = np.full((6, 3), 10.0), np.full((6, 3), 10.0)
    observed[0, 2], expected[3, 2] = 2, np.nan
    assert placebo_in_space(family_of(observed, expected), RATIO).tests()[0].p_value == pytest.approx(2 / 6)


def test_placebos_are_seen_over_the_periods_that_the_treated_unit_has():
    # The treated unit is known in one of two periods after; a placebo's gaps of +5 and −5 would cancel over both.
    observed, expected = np.full((4, 4), 10.0), np.full((4, 4), 10.0)
    observed[0, 2:] = 12, np.nan
    observed[1, 2:] = 15, 5
    placebos = placebo_in_space(family_of(observed, expected), RATIO)
    assert placebos.periods == 1
    assert placebos.log_ratio[:2] == pytest.approx(np.log([1.2, 1.5]))
    assert placebos.tests()[0].p_value == pytest.approx(2 / 4)


def test_a_window_is_the_window_of_the_placebos_too():
    observed, expected = np.full((4, 4), 10.0), np.full((4, 4), 10.0)
    observed[0] = 10, 10, 20, 5
    first = Estimand("ratio", "ratio", window=Window(date(2002, 1, 1), date(2002, 12, 31)))
    assert placebo_in_space(family_of(observed, expected), first).log_ratio[0] == pytest.approx(np.log(2))
    observed[0, 2] = np.nan
    with pytest.raises(EstimationError, match="no figure of Unit 0 and its donors lies in 2002-01-01 to 2002-12-31"):
        placebo_in_space(family_of(observed, expected), first)


def test_counts_have_half_an_event_and_limits_keep_the_ratio_inside():
    observed, expected = np.full((25, 3), 4.0), np.full((25, 3), 4.0)
    observed[0, 2] = 0
    observed[1:, 2] = np.tile([3.0, 5.0], 12)
    placebos = placebo_in_space(family_of(observed, expected, kind="count"), RATIO)
    assert placebos.log_ratio[0] == pytest.approx(np.log(0.5 / 4.5))
    lower, upper, _ = placebos.ratio_interval(0.95)
    assert lower == 0 and 0 < upper < 1  # nothing was seen: no fall is too large
    low, high, _ = placebos.expected_interval(0.95)
    assert low < 4 < high and low > 0


@pytest.mark.parametrize("seen", [0, 1, 7, 40])
def test_what_may_have_been_expected_is_centred_on_what_was(seen):
    observed, expected = np.full((25, 3), 10.0), np.full((25, 3), 10.0)
    observed[0, 2] = seen
    observed[1:, 2] = np.tile([8.0, 12.0], 12)
    placebos = placebo_in_space(family_of(observed, expected, kind="count"), RATIO)
    low, high, _ = placebos.expected_interval(0.95)
    assert np.sqrt((low + 0.5) * (high + 0.5)) == pytest.approx(10.5)
    lower, upper, _ = placebos.ratio_interval(0.95)
    assert lower <= seen / 10 <= upper
    assert (upper < 1, lower > 1) == (seen < low, seen > high)  # the two contrasts agree about no effect


def test_a_family_of_exchangeable_units_gives_each_rank_once():
    # The same donor pool for everybody: whoever is called treated, the ranks of all are 1 to J + 1, each once.
    random = np.random.default_rng(7)
    counts = random.poisson(30, (40, 9)).astype(float)
    ranks = []
    for treated in range(9):
        order = [treated, *(unit for unit in range(9) if unit != treated)]
        likeness = counts.mean(axis=1, keepdims=True) * np.ones(9)  # one and the same pool, the unit itself included
        placebos = placebo_in_space(family_of(counts[:, order].T, likeness[:, order].T, before=25, kind="count"), RATIO)
        ranks.append(placebos.rank(np.abs(placebos.log_ratio)))
        assert placebos.tests()[1].p_value == pytest.approx(ranks[-1] / 9)
    assert sorted(ranks) == list(range(1, 10))


@pytest.mark.parametrize("estimator", [Synthetic(), Synthetic(intercept=True), Sdid()], ids=["synthetic", "intercept", "sdid"])
def test_a_family_in_which_the_treated_unit_stays_gives_each_rank_once(make_panel, estimator):
    random = np.random.default_rng(8)
    counts = {f"Unit {place}": random.poisson(30, 30) for place in range(7)}
    ranks = []
    for treated in counts:
        panel = make_panel({treated: counts[treated], **counts}, 20)
        placebos = placebo_in_space(estimator.family(panel, treated_stays=True), RATIO)
        ranks.append(placebos.rank(np.abs(placebos.log_ratio)))
    assert sorted(ranks) == list(range(1, 8))


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (0.04, 0.0), (0.02, 2.0)])
def test_the_scatter_by_size_is_recovered(a, b):
    random = np.random.default_rng(5)
    counts = np.exp(random.uniform(0, 6, 20_000))
    found = size_scale(random.normal(size=len(counts)) * np.sqrt(a + b / counts), counts)
    assert found == (pytest.approx(a, abs=0.003), pytest.approx(b, rel=0.06, abs=0.02))


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 1000)), min_size=1, max_size=30),
)
@settings(max_examples=80)
def test_the_scatter_by_size_is_never_negative_and_no_worse_than_one_size(cells):
    gaps, counts = (np.array(part) for part in zip(*cells, strict=True))
    a, b = size_scale(gaps, counts)
    assert a >= 0 and b >= 0 and a + b > 0

    def loss(variance) -> float:
        return float((np.log(variance) + gaps**2 / variance).sum())

    if (gaps**2).sum() > 1e-6:
        assert loss(a + b / counts) <= loss(np.full(len(gaps), (gaps**2).mean())) + 1e-6


def test_placebos_that_all_fit_perfectly_have_no_scatter_to_scale_by():
    assert size_scale(np.zeros(5), np.ones(5)) == (1.0, 0.0)
    assert size_scale(np.zeros(0), np.ones(0)) == (1.0, 0.0)


def test_small_places_may_scatter_more():
    random = np.random.default_rng(11)
    counts = np.exp(random.uniform(0, 6, 60))
    gaps = random.normal(size=60) / np.sqrt(counts)
    placebos = dataclasses.replace(
        donors_of([0.3, *gaps], [200.0, *counts]), size=size_scale(gaps, counts), observed=np.ones(61)
    )
    large = placebos.tests()[0].p_value
    small = dataclasses.replace(placebos, mean_count=np.array([2.0, *counts])).tests()[0].p_value
    assert placebos.tests()[1].p_value > large  # raw: small places are far out for nothing
    assert large < 0.05 < small


def test_the_saved_table_has_a_row_for_each_unit():
    table = placebo_in_space(ratios(0.5, 0.8, 0.9, 1.0), RATIO).frame()
    assert table["unit"].tolist() == ["Unit 0", "Unit 1", "Unit 2", "Unit 3"]
    assert table["treated"].tolist() == [True, False, False, False]
    assert np.exp(table["log_ratio"]).tolist() == pytest.approx([0.5, 0.8, 0.9, 1.0])
