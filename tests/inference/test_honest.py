"""Bounds on a drift: on paper, against linear programs and a general search, against another package, and what they cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize
from scipy.stats import norm

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators.event_study import EventStudy
from gvi_eval.inference.honest import breakdown, relative_magnitudes, shortest_line, smoothness

VALUES = np.array([0.05, -0.03, 0.02, -0.25, -0.30, -0.28])
WIDE = 0.01 * (0.5 * np.eye(6) + 0.5)  # standard errors of .1, correlated by a half
NARROW = WIDE / 25


def limits(result) -> tuple[float, float]:
    return result.interval.lower, result.interval.upper


def steps_and_changes(leads: int, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """First and second differences, as matrices on the drift (coefficient,), of the path with a 0 between leads and lags."""
    path = np.insert(np.eye(leads + lags), leads, 0.0, axis=0)
    return np.diff(path, axis=0), np.diff(path, n=2, axis=0)


def by_program(values, leads, weights, rows, most) -> tuple[float, float]:
    """Least and greatest w'(β − δ) over drifts that equal the leads and keep |row δ| <= most, by a linear program."""
    cost = np.append(np.zeros(leads), -weights)
    bounds = [(each, each) for each in values[:leads]] + [(None, None)] * len(weights)
    ends = [
        linprog(sign * cost, np.vstack([rows, -rows]), np.full(2 * len(rows), most), bounds=bounds).fun * sign
        for sign in (1, -1)
    ]
    point = weights @ values[leads:]
    return point + ends[0], point + ends[1]


def test_relative_magnitudes_by_hand():
    # One lead of .1 and one lag of -.5 with errors of .1: a step of .1 before the start allows one of .2 after it. The limits
    # are those of -.5 ± 2 · .1, whose error is sqrt(.01 + 4 · .01).
    found = relative_magnitudes([0.1, -0.5], 0.01 * np.eye(2), 1, 2.0)
    assert found.identified == pytest.approx((-0.7, -0.3))
    reach = 1.959964 * np.sqrt(0.05)
    assert limits(found) == pytest.approx((-0.7 - reach, -0.3 + reach), rel=1e-6)
    assert found.interval.kind == "bounds" and found.interval.level == 0.95
    assert not found.excludes() and "no effect is possible" in found.sentence


def test_smoothness_by_hand():
    # The lead of .1 lies on a line that falls by .1 a bin and goes on to -.1; -.4 is left, ± .05 for a slope that turns.
    found = smoothness([0.1, -0.5], 0.01 * np.eye(2), 1, 0.05)
    assert found.identified == pytest.approx((-0.45, -0.35))
    error = np.sqrt(0.02)
    half = found.interval.upper + 0.4
    assert norm.cdf((half - 0.05) / error) - norm.cdf((-half - 0.05) / error) == pytest.approx(0.95)
    assert limits(smoothness([0.1, -0.5], 0.01 * np.eye(2), 1, 0.0)) == pytest.approx(
        (-0.4 - 1.959964 * error, -0.4 + 1.959964 * error), rel=1e-6
    )


def test_a_breakdown_by_hand():
    # Without error -.5 stands until a step of .1 may be five times as large.
    found = breakdown([0.1, -0.5], np.zeros((2, 2)), 1)
    assert (found.bound, found.of_point) == (pytest.approx(5), pytest.approx(5)) and found.excluded_without
    assert "at most 5.00 times the largest before it" in found.sentence
    smooth = breakdown([0.1, -0.5], np.zeros((2, 2)), 1, "smoothness")
    assert (smooth.bound, smooth.of_point) == (pytest.approx(0.4), pytest.approx(0.4))


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5), st.floats(0, 3))
@settings(max_examples=25)
def test_the_identified_sets_are_those_of_linear_programs(seed, leads, lags, bound):
    random = np.random.default_rng(seed)
    values, weights = random.normal(size=leads + lags), random.normal(size=lags)
    steps, changes = steps_and_changes(leads, lags)
    noise = np.eye(leads + lags)
    found = relative_magnitudes(values, noise, leads, bound, weights=weights)
    largest = np.abs(steps[:leads] @ values).max()
    assert found.identified == pytest.approx(by_program(values, leads, weights, steps[leads:], bound * largest), abs=1e-8)
    inside = np.abs(changes[: leads - 1] @ values).max(initial=0.0)
    wide = inside + bound + 0.01
    found = smoothness(values, noise, leads, wide, weights=weights)
    assert found.identified == pytest.approx(by_program(values, leads, weights, changes, wide), abs=1e-7)
    if inside > 0.01:
        assert smoothness(values, noise, leads, inside / 2, weights=weights).identified is None


# diff-diff 3.13.0 on the same numbers, equal weights, alpha .05: _solve_rm_bounds_union(β_pre, β_post, l, 3, M);
# _solve_bounds_lp with _construct_constraints_sd(3, 3, M); _compute_optimal_flci(β_pre, β_post, Σ, l, 3, 3, M).
THEIR_MAGNITUDES = {0.5: (-0.3566666666666667, -0.1966666666666667), 2: (-0.5966666666666667, 0.0433333333333333)}
THEIR_SMOOTH = {
    ("wide", 0.0): (-0.49304215309226507, -0.01029118024106826),
    ("wide", 0.01): (-0.5205143328886563, 0.01090325344832821),
    ("wide", 0.1): (-0.991536835563923, 0.40356757698733337),
    ("narrow", 0.0): (-0.29994176395178634, -0.20339156938154695),
    ("narrow", 0.05): (-0.48827320938842617, 0.014939876055092782),
    ("narrow", 0.2): (-0.9882732093884273, 0.514939876055094),
}


def test_the_identified_sets_are_those_of_diff_diff():
    for bound, theirs in THEIR_MAGNITUDES.items():
        assert relative_magnitudes(VALUES, WIDE, 3, bound).identified == pytest.approx(theirs, rel=1e-12)
    assert smoothness(VALUES, WIDE, 3, 0.2).identified == pytest.approx((-0.9033333333333333, 0.43), rel=1e-9)
    assert smoothness(VALUES, WIDE, 3, 0.1).identified is None  # where theirs is not a number


@pytest.mark.parametrize("which, bound", THEIR_SMOOTH)
def test_the_intervals_under_smoothness_are_those_of_diff_diff(which, bound):
    found = smoothness(VALUES, WIDE if which == "wide" else NARROW, 3, bound)
    theirs = THEIR_SMOOTH[which, bound]
    assert limits(found) == pytest.approx(theirs, abs=2e-5)
    assert found.interval.upper - found.interval.lower <= (theirs[1] - theirs[0]) * (1 + 1e-6)


# Profits of restaurants in France after a tax cut in 2009, beside other firms: coefficients of 2004-2007 and 2009-2012 against
# 2008, and the upper half of their covariance. Benzarti & Carloni (2019), Am. Econ. J. Econ. Policy 11(1),
# doi:10.1257/pol.20170504, as the first example of Rambachan & Roth (2023).
PROFITS = np.array([0.006696352, 0.029345034, -0.006472972, 0.073014989, 0.195961118, 0.312063903, 0.239541546, 0.126042500])
HALF = (
    (8.428358e-04, 4.768687e-04, 2.618051e-04, 2.354220e-04, 1.676371e-04, 1.128708e-04, 1.992816e-05, -1.368265e-04),
    (6.425420e-04, 3.987425e-04, 2.435515e-04, 2.201960e-04, 1.804591e-04, 3.843765e-05, -2.960422e-05),
    (5.229950e-04, 2.117686e-04, 1.840722e-04, 1.458528e-04, 7.005197e-05, 5.952995e-05),
    (3.089595e-04, 1.197866e-04, 1.334081e-04, 1.016335e-04, 1.079052e-04),
    (3.599704e-04, 2.478819e-04, 1.749579e-04, 1.654257e-04),
    (4.263950e-04, 2.171438e-04, 2.892748e-04),
    (4.886698e-04, 3.805322e-04),
    (7.617394e-04,),
)
# diff-diff 3.13.0, _compute_optimal_flci(β_pre, β_post, Σ, (1, 0, 0, 0), 4, 4, M)
THEIR_PROFITS = {
    0.0: (0.13145961558153502, 0.21611968798466202),
    0.01: (0.15496825406515746, 0.2704720267585975),
    0.1: (0.11939794028086331, 0.4185542737191395),
    0.3: (-0.08060205971914175, 0.6185542737191445),
}


def test_the_first_year_of_a_tax_cut():
    covariance, first = np.zeros((8, 8)), np.array([1.0, 0.0, 0.0, 0.0])
    for row, half in enumerate(HALF):
        covariance[row, row:] = covariance[row:, row] = half
    for bound, theirs in THEIR_PROFITS.items():
        assert limits(smoothness(PROFITS, covariance, 4, bound, weights=first)) == pytest.approx(theirs, abs=1e-6)
    found = relative_magnitudes(PROFITS, covariance, 4, 1.0, weights=first)
    assert found.identified == pytest.approx((0.116473157, 0.275449079)) and found.excludes()  # the set as in diff-diff
    broken = breakdown(PROFITS, covariance, 4, weights=first)
    assert (broken.bound, broken.of_point) == (pytest.approx(1.513, abs=1e-3), pytest.approx(0.195961118 / 0.079487961))
    assert breakdown(PROFITS, covariance, 4, "smoothness", weights=first).bound == pytest.approx(0.2194, abs=1e-4)


def test_the_intervals_under_relative_magnitudes_hold_those_of_diff_diff():
    # Theirs put ± z · error of the mean of the lags around the identified set, and leave the error of the leads out:
    # _compute_flci(lower, upper, se) at M = 1 is (-.59670, .04336) and (-.46867, -.08467).
    for covariance, theirs in (
        (WIDE, (-0.5966970558785103, 0.04336372254517695)),
        (NARROW, (-0.46867274450903544, -0.08466058882429796)),
    ):
        lower, upper = limits(relative_magnitudes(VALUES, covariance, 3, 1.0))
        assert lower < theirs[0] and upper > theirs[1]
    assert limits(relative_magnitudes(VALUES, WIDE, 3, 0.0)) == pytest.approx((-0.4366970558785103, -0.11663627745482302))


@pytest.mark.parametrize("seed", range(4))
def test_the_line_is_the_shortest_that_a_general_search_finds(seed):
    random = np.random.default_rng(seed)
    leads, lags, bound = 4, 3, 0.3
    root = random.normal(size=(leads + lags, leads + lags))
    covariance, weights = root @ root.T / 7, random.uniform(size=lags)
    line, bias = shortest_line(covariance, leads, weights, bound, 0.95)
    _, changes = steps_and_changes(leads, lags)
    straight = np.array([-4, -3, -2, -1, 1, 2, 3])
    assert line @ straight == pytest.approx(0, abs=1e-9) and line[leads:] == pytest.approx(weights)
    assert bias == pytest.approx(bound * np.abs(np.linalg.lstsq(changes.T, line, rcond=None)[0]).sum())

    def length(v: np.ndarray) -> float:
        whole = np.append(v, weights)
        t = bound * np.abs(np.linalg.lstsq(changes.T, whole, rcond=None)[0]).sum()
        error = np.sqrt(whole @ covariance @ whole)
        grid = np.linspace(t, t + 3 * error, 2001)
        return float(np.interp(0.95, norm.cdf((grid - t) / error) - norm.cdf((-grid - t) / error), grid))

    level = {"type": "eq", "fun": lambda v: np.append(v, weights) @ straight}
    starts = [line[:leads], *(line[:leads] + random.normal(size=leads) for _ in range(3))]
    slow = min(minimize(length, start, method="SLSQP", constraints=level).fun for start in starts)
    assert length(line[:leads]) <= slow * (1 + 1e-4)


def covered(rule, drift, covariance, leads, bound, draws: int = 1500) -> float:
    """How often the interval holds θ = 0 when coefficients scatter about a drift."""
    random = np.random.default_rng(5)
    sample = random.multivariate_normal(drift, covariance, size=draws)
    return float(np.mean([not rule(values, covariance, leads, bound).excludes(0.0) for values in sample]))


# Of the leads -3, -2, -1 and the lags 0, 1: a steady drift, one with a single jump, and none.
DRIFTS = ([-0.3, -0.2, -0.1, 0.1, 0.2], [-0.2, -0.2, -0.2, 0.2, 0.4], [0.0, 0.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("drift", DRIFTS)
def test_relative_magnitudes_cover_drifts_at_their_bound(drift):
    covariance = 0.01 * (0.5 * np.eye(5) + 0.5)
    assert covered(relative_magnitudes, np.array(drift), covariance, 3, 1.0) >= 0.95


def test_an_interval_that_forgets_the_error_of_the_leads_does_not_cover():
    # One lead with a step of .3 that is not well known, and a lag that drifted three times as far and is known well.
    drift, covariance, bound = np.array([-0.3, 0.9]), np.diag([0.04, 0.0001]), 3.0
    assert covered(relative_magnitudes, drift, covariance, 1, bound) >= 0.94
    sample = np.random.default_rng(5).multivariate_normal(drift, covariance, size=1500)
    naive = np.abs(sample[:, 1]) <= bound * np.abs(sample[:, 0]) + 1.96 * 0.01
    assert naive.mean() < 0.6


@pytest.mark.parametrize("bound", [0.0, 0.05, 0.2])
def test_smoothness_covers_the_drift_that_bends_most_exactly(bound):
    covariance = 0.01 * (0.5 * np.eye(5) + 0.5)
    weights = np.full(2, 0.5)
    line, bias = shortest_line(covariance, 3, weights, bound, 0.95)
    _, changes = steps_and_changes(3, 2)
    worst = np.linalg.pinv(changes) @ (bound * np.sign(np.linalg.lstsq(changes.T, line, rcond=None)[0]))
    assert line @ worst == pytest.approx(bias)
    sample = np.random.default_rng(6).multivariate_normal(worst, covariance, size=20_000) @ line
    half = np.subtract(*limits(smoothness(worst, covariance, 3, bound))[::-1]) / 2
    assert np.mean(np.abs(sample) <= half) == pytest.approx(0.95, abs=0.006)


@given(st.integers(0, 10_000), st.floats(0, 2), st.floats(0.01, 100))
@settings(max_examples=20)
def test_the_unit_of_measurement_scales_everything_and_bounds_grow(seed, bound, unit):
    random = np.random.default_rng(seed)
    values, root = random.normal(size=6), random.normal(size=(6, 6))
    covariance = root @ root.T + 0.1 * np.eye(6)
    one = limits(relative_magnitudes(values, covariance, 3, bound))
    assert limits(relative_magnitudes(unit * values, unit**2 * covariance, 3, bound)) == pytest.approx(
        tuple(unit * each for each in one), rel=1e-8, abs=1e-9 * unit
    )
    wider = limits(relative_magnitudes(values, covariance, 3, bound + 0.3))
    assert wider[0] <= one[0] and wider[1] >= one[1]
    smooth = limits(smoothness(values, covariance, 3, bound))
    assert limits(smoothness(unit * values, unit**2 * covariance, 3, unit * bound)) == pytest.approx(
        tuple(unit * each for each in smooth), rel=1e-3, abs=1e-3 * unit
    )


@pytest.mark.parametrize("rule, function", [("relative magnitudes", relative_magnitudes), ("smoothness", smoothness)])
def test_at_the_breakdown_no_effect_is_a_limit_of_the_interval(rule, function):
    found = breakdown(VALUES, NARROW, 3, rule)
    at = function(VALUES, NARROW, 3, found.bound)
    assert at.interval.upper == pytest.approx(0, abs=1e-6)
    assert function(VALUES, NARROW, 3, found.bound * 0.99).excludes()
    assert not function(VALUES, NARROW, 3, found.bound * 1.01).excludes()
    assert found.bound < found.of_point
    never = breakdown(VALUES, WIDE * 9, 3, rule)
    assert (never.bound, never.excluded_without) == (0.0, False) and "no effect is possible" in never.sentence


def test_without_a_step_before_the_start_nothing_breaks_it_down():
    found = breakdown([0.0, -0.5], np.zeros((2, 2)), 1)
    assert found.bound == found.of_point == np.inf and "whatever the drift" in found.sentence


def test_from_an_event_study(make_panel):
    # Donors stay about 30; the town fell to 15 without having moved against them before.
    random = np.random.default_rng(8)
    counts = {name: random.poisson(30, 84).astype(float) for name in ["Town", *(f"Donor {j:02}" for j in range(24))]}
    counts["Town"][48:] = random.poisson(15, 36)
    found = EventStudy(model="poisson").leads_and_lags(make_panel(counts, 48))
    assert found.leads == 3
    plain = relative_magnitudes(found.values, found.covariance, found.leads, 0.0, weights=found.shares)
    assert plain.point == pytest.approx(np.log(0.5), abs=0.15) and plain.excludes()
    broken = breakdown(found.values, found.covariance, found.leads, weights=found.shares)
    assert 0 < broken.bound < broken.of_point < np.inf


def test_what_is_refused():
    with pytest.raises(EstimationError, match="there are 0 leads and 2 lags"):
        relative_magnitudes([-0.1, -0.5], np.eye(2), 0, 1.0)
    with pytest.raises(EstimationError, match="there are 2 leads and 0 lags"):
        smoothness([-0.1, -0.5], np.eye(2), 2, 1.0)
    with pytest.raises(StudyError, match="the bound on the drift is -1"):
        smoothness(VALUES, WIDE, 3, -1)
    with pytest.raises(StudyError, match=r"weights of shape \(2,\); give \(6, 6\) and \(3,\)"):
        smoothness(VALUES, WIDE, 3, 1.0, weights=[1, 2])
    with pytest.raises(StudyError, match="the rule on the drift is 'monotone'; choose relative magnitudes, smoothness"):
        breakdown(VALUES, WIDE, 3, "monotone")
    with pytest.raises(StudyError, match="level of the bounds is 95"):
        relative_magnitudes(VALUES, WIDE, 3, 1.0, level=95)
