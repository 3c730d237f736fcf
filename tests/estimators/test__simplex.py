"""The simplex kernel against paper, against every support tried, against its own certificate and the published numbers."""

import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_simplex import by_enumeration, by_nnls, excess

from gvi_eval.errors import EstimationError
from gvi_eval.estimators import _simplex
from gvi_eval.estimators._simplex import (
    Problems,
    leave_one_out_problems,
    nested_v,
    placebo_problems,
    solve,
    solve_family,
    solve_weighted,
)

CHECKOUT = Path(__file__).resolve().parents[2]


@st.composite
def problems(draw, most_rows=6, most_donors=6):
    """y (T,) and Z (T, J) of quarters of small numbers, so that ties, copies and exact fits are common."""
    rows, donors = draw(st.integers(1, most_rows)), draw(st.integers(1, most_donors))
    quarters = st.integers(-24, 24).map(lambda n: n / 4)
    cells = draw(st.lists(quarters, min_size=rows * (donors + 1), max_size=rows * (donors + 1)))
    A = np.array(cells).reshape(rows, donors + 1)
    return A[:, 0], A[:, 1:]


def figures(rows: int, units: int, seed: int) -> np.ndarray:
    """Units that move with three common factors, (time, unit)."""
    random = np.random.default_rng(seed)
    common = np.cumsum(random.normal(size=(rows, 3)), axis=0)
    return 40 + common @ random.normal(size=(3, units)) + random.normal(size=(rows, units)) + 2 * random.normal(size=units)


def best_alone(y, Z) -> float:
    return float(((Z - np.asarray(y)[:, None]) ** 2).sum(axis=0).min())


some = settings(max_examples=40, deadline=None)

# --- on paper


def test_two_donors_in_closed_form():
    # The point of the segment from (0, 4) to (4, 0) nearest (1, 1) is (2, 2), so half of each and 1 + 1 left over.
    fit = solve([1, 1], [[0, 4], [4, 0]])
    assert fit.weights == pytest.approx([0.5, 0.5], abs=1e-15)
    assert fit.objective == pytest.approx(2, abs=1e-14)
    assert fit.intercept == 0


def test_a_donor_on_the_wrong_side_gets_nothing():
    assert solve([0, 0], [[1, 3], [0, 1]]).weights.tolist() == [1, 0]


def test_a_target_inside_the_triangle_is_met():
    # (1, 1) = 1/2 (0, 0) + 1/4 (4, 0) + 1/4 (0, 4).
    fit = solve([1, 1], [[0, 4, 0], [0, 0, 4]])
    assert fit.weights == pytest.approx([0.5, 0.25, 0.25], abs=1e-14)
    assert fit.objective == pytest.approx(0, abs=1e-28)


def test_one_donor_gets_everything():
    fit = solve([1, 2, 3], [[2], [2], [2]])
    assert fit.weights.tolist() == [1]
    assert fit.objective == 2
    assert fit.gap == 0


def test_row_weights_by_hand():
    # min 9 (1 - w)^2 + w^2 where donor 1 is off by 1 in the second row and donor 2 by 1 in the first: w = 9/10.
    fit = solve([0, 0], [[0, 1], [1, 0]], row_weights=[9, 1])
    assert fit.weights == pytest.approx([0.9, 0.1], abs=1e-15)
    assert fit.objective == pytest.approx(0.9)


def test_the_ridge_counts_rows():
    # min (1 - w)^2 + 2 * 0.5 * (w^2 + (1 - w)^2), with y equal to the first donor but in the first of two rows: w = 2/3.
    fit = solve([0, 5], [[0, 1], [5, 5]], ridge=0.5)
    assert fit.weights == pytest.approx([2 / 3, 1 / 3], abs=1e-15)
    assert fit.objective == pytest.approx(1 / 9 + 5 / 9)


def test_an_intercept_takes_up_the_level():
    fit = solve([11, 12, 14], [[1, 7], [2, 3], [4, 9]], intercept=True)
    assert fit.weights == pytest.approx([1, 0], abs=1e-14)
    assert fit.intercept == pytest.approx(10)
    assert fit.objective == pytest.approx(0, abs=1e-26)


def test_a_constant_outcome_amid_constant_donors():
    fit = solve([5, 5, 5], [[4, 8, 9]] * 3)
    assert fit.objective == pytest.approx(0, abs=1e-27)
    assert fit.weights @ [4, 8, 9] == pytest.approx(5)


# --- many solutions: the least sum of squares


def test_copies_share_alike():
    fit = solve([1, 1], [[0, 4, 4, 0], [4, 0, 0, 4]])
    assert fit.weights == pytest.approx([0.25] * 4, abs=1e-12)


@pytest.mark.parametrize("ridge", [0, 2])
def test_units_that_are_all_the_same_share_alike(ridge):
    fit = solve([3, 4], [[3] * 5, [4] * 5], ridge=ridge)
    assert fit.weights == pytest.approx([0.2] * 5, abs=1e-13)
    assert fit.objective == pytest.approx(2 * ridge / 5)
    assert fit.gap < 1e-12


def test_a_donor_equal_to_the_treated_unit_does_not_take_all():
    # (2, 2) is a donor and the middle of the other two; least squares of the weights: 1/3 each.
    assert solve([2, 2], [[2, 0, 4], [2, 4, 0]]).weights == pytest.approx([1 / 3] * 3, abs=1e-12)


def test_more_donors_than_periods_and_an_exact_fit():
    A = figures(4, 60, 1)
    y = A[:, 1:] @ np.full(59, 1 / 59) + 0.01
    fit = solve(y, A[:, 1:])
    assert fit.objective < 1e-24
    order = np.random.default_rng(2).permutation(59)
    assert solve(y, A[:, 1:][:, order]).weights == pytest.approx(fit.weights[order], abs=1e-10)
    # The least-norm weights are max(0, a combination of the rows and a constant): on the support an exact linear fit.
    rows = np.vstack([A[:, 1:], np.ones(59)])
    inside = fit.weights > 1e-9
    price = np.linalg.lstsq(rows[:, inside].T, fit.weights[inside], rcond=None)[0]
    assert np.maximum(rows.T @ price, 0) == pytest.approx(fit.weights, abs=1e-9)


# --- laws


@given(problems())
def test_the_same_as_trying_every_support(problem):
    y, Z = problem
    fit, (weights, objective) = solve(y, Z), by_enumeration(y, Z)
    assert fit.objective == pytest.approx(objective, rel=1e-9, abs=1e-9)
    assert fit.weights == pytest.approx(weights, abs=1e-6)


@some
@given(problems(), st.sampled_from([0.01, 0.5, 20.0]), st.booleans(), st.data())
def test_the_same_as_trying_every_support_with_every_setting(problem, ridge, intercept, data):
    y, Z = problem
    row_weights = data.draw(st.lists(st.sampled_from([0.25, 1.0, 3.0]), min_size=len(y), max_size=len(y)))
    chosen = {"row_weights": row_weights, "ridge": ridge, "intercept": intercept}
    fit, (weights, objective) = solve(y, Z, **chosen), by_enumeration(y, Z, **chosen)
    assert fit.objective == pytest.approx(objective, rel=1e-9, abs=1e-12)
    assert fit.weights == pytest.approx(weights, abs=1e-7)
    assert fit.intercept == pytest.approx(np.average(y - Z @ fit.weights, weights=row_weights) if intercept else 0, abs=1e-12)


@pytest.mark.parametrize(("rows", "donors"), [(19, 38), (120, 50), (8, 100), (60, 20)])
@pytest.mark.parametrize("chosen", [{}, {"intercept": True}, {"ridge": 0.3}], ids=str)
def test_the_conditions_of_the_optimum_and_scipy(rows, donors, chosen):
    A = figures(rows, donors + 1, rows)
    fit = solve(A[:, 0], A[:, 1:], **chosen)
    assert max(excess(A[:, 0], A[:, 1:], fit.weights, **chosen)) < 1e-12
    assert fit.objective == pytest.approx(by_nnls(A[:, 0], A[:, 1:], **chosen)[1], rel=1e-9, abs=1e-9)


@some
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_donors_does_not_matter(problem, random):
    y, Z = problem
    order = random.sample(range(Z.shape[1]), Z.shape[1])
    assert solve(y, Z[:, order]).weights == pytest.approx(solve(y, Z).weights[order], abs=1e-8)


@some
@given(problems(), st.sampled_from([1e-9, 1e-3, 7.0, 1e9]))
def test_the_unit_of_measurement_does_not_matter(problem, unit):
    y, Z = problem
    fit, scaled = solve(y, Z), solve(unit * y, unit * Z)
    assert scaled.weights == pytest.approx(fit.weights, abs=1e-6)
    assert scaled.objective / unit**2 == pytest.approx(fit.objective, rel=1e-9, abs=1e-9)
    assert scaled.gap <= _simplex.CERTIFIED


@some
@given(problems(), st.integers(-100, 100))
def test_with_an_intercept_a_level_does_not_matter(problem, level):
    y, Z = problem
    fit, moved = solve(y, Z, intercept=True), solve(y + level, Z, intercept=True)
    assert moved.weights == pytest.approx(fit.weights, abs=1e-6)
    assert moved.intercept - level == pytest.approx(fit.intercept, abs=1e-6)


@some
@given(problems(), st.integers(-100, 100))
def test_what_is_added_to_every_unit_does_not_matter(problem, level):
    y, Z = problem
    assert solve(y + level, Z + level).weights == pytest.approx(solve(y, Z).weights, abs=1e-8)


@some
@given(problems(most_donors=5), st.data())
def test_another_donor_does_not_worsen_the_fit(problem, data):
    y, Z = problem
    copied = data.draw(st.integers(0, Z.shape[1] - 1))
    far = data.draw(st.integers(0, 3))
    more = solve(y, np.column_stack([Z, Z[:, copied] + far]))
    assert more.objective <= solve(y, Z).objective + 1e-9
    if far == 0:
        assert more.objective == pytest.approx(solve(y, Z).objective, abs=1e-9)
        assert more.weights[copied] == pytest.approx(more.weights[-1], abs=1e-8)


@some
@given(problems())
def test_the_gap_bounds_the_excess(problem):
    y, Z = problem
    fit = solve(y, Z)
    scale = best_alone(y, Z)
    assert fit.gap >= 0
    assert fit.objective - by_enumeration(y, Z)[1] <= fit.gap * scale + 1e-9


def test_the_certificate_sees_wrong_weights():
    A = figures(12, 6, 3)
    columns = np.ascontiguousarray(A - A[:, :1])
    donors = np.arange(6) > 0
    distance = np.sqrt((columns**2).sum(axis=0))

    def gap(w):
        return _simplex.certify(columns.T.copy(), columns, columns[:, 0].copy(), donors, distance, 0.0, 0.0, w).gap

    best = np.concatenate([[0], solve(A[:, 0], A[:, 1:]).weights])
    wrong = 0.9 * best + 0.1 * donors / 5
    excess_of_wrong = ((columns @ wrong) ** 2).sum() - ((columns @ best) ** 2).sum()
    assert gap(best) < 1e-12 * best_alone(A[:, 0], A[:, 1:])
    assert gap(wrong) >= excess_of_wrong > 0


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_donors_of_very_different_size(factor):
    A = figures(30, 12, 4)
    A[:, 5:9] *= factor
    fit = solve(A[:, 0], A[:, 1:])
    assert fit.objective == pytest.approx(by_nnls(A[:, 0], A[:, 1:])[1], rel=1e-8)
    assert fit.gap <= 1e-9


# --- families


@pytest.mark.parametrize("chosen", [{}, {"intercept": True}, {"ridge": 0.3}], ids=str)
@pytest.mark.parametrize(("rows", "units"), [(25, 12), (6, 30)])
def test_a_family_is_its_problems_one_by_one(rows, units, chosen):
    A = figures(rows, units, 5)
    row_weights = np.linspace(0.5, 2, rows)
    family = placebo_problems(units, 3)
    fit = solve_family(A, family, row_weights=row_weights, **chosen)
    for p, treated in enumerate(family.treated):
        alone = solve(A[:, treated], A[:, family.donors[p]], row_weights=row_weights, **chosen)
        assert fit.weights[p, family.donors[p]] == pytest.approx(alone.weights, abs=1e-8)
        assert fit.weights[p, ~family.donors[p]].tolist() == [0] * (~family.donors[p]).sum()
        assert fit.objectives[p] == pytest.approx(alone.objective, rel=1e-9, abs=1e-9)
        assert fit.intercepts[p] == pytest.approx(alone.intercept, abs=1e-7)
    assert fit.gaps.max() < 1e-10


def test_placebos_never_use_the_treated_unit_or_themselves():
    family = placebo_problems(5, 2)
    assert family.treated.tolist() == [2, 0, 1, 3, 4]
    assert not family.donors[:, 2].any()
    assert family.donors.sum(axis=1).tolist() == [4, 3, 3, 3, 3]


def test_leaving_out_starts_from_the_full_fit_and_ends_where_a_fresh_one_does():
    A = figures(40, 30, 6)
    family = leave_one_out_problems(0, np.arange(30) > 0)
    fit = solve_family(A, family)
    assert family.donors.sum(axis=1).tolist() == [29] + [28] * 29
    for p in range(30):
        fresh = solve(A[:, 0], A[:, family.donors[p]])
        assert fit.weights[p, family.donors[p]] == pytest.approx(fresh.weights, abs=1e-9)
    assert (fit.objectives >= fit.objectives[0] - 1e-9).all()


def test_a_start_changes_nothing_but_the_way():
    A = figures(40, 30, 7)
    near = solve(A[:, 0] + 0.3, A[:, 1:]).weights
    assert solve(A[:, 0], A[:, 1:], start=near).weights == pytest.approx(solve(A[:, 0], A[:, 1:]).weights, abs=1e-10)


def test_the_ridge_may_differ_between_problems():
    A = figures(20, 8, 8)
    family = Problems(np.zeros(3, dtype=int), np.tile(np.arange(8) > 0, (3, 1)))
    fit = solve_family(A, family, ridge=np.array([0.0, 0.1, 50.0]))
    for p, ridge in enumerate([0.0, 0.1, 50.0]):
        assert fit.weights[p, 1:] == pytest.approx(solve(A[:, 0], A[:, 1:], ridge=ridge).weights, abs=1e-9)


@pytest.mark.parametrize("intercept", [False, True])
def test_missing_cells_leave_the_rows_that_are_whole(intercept):
    A = figures(30, 10, 9)
    A[[0, 1], 4] = np.nan
    A[[1, 7], 6] = np.nan
    family = placebo_problems(10, 0)
    donors = family.donors.copy()
    donors[3, 4] = donors[5, 4] = donors[5, 6] = False
    fit = solve_family(A, Problems(family.treated, donors), intercept=intercept)
    for p, treated in enumerate(family.treated):
        whole = ~np.isnan(A[:, donors[p]]).any(axis=1) & ~np.isnan(A[:, treated])
        assert whole.sum() == {5: 30 if treated not in (4, 6) else 28}.get(p, whole.sum())
        weights, objective = by_nnls(A[whole, treated], A[np.ix_(whole, donors[p])], intercept=intercept)
        assert fit.weights[p, donors[p]] == pytest.approx(weights, abs=1e-8)
        assert fit.objectives[p] == pytest.approx(objective, rel=1e-9)


def test_pairwise_complete_rows_would_be_another_problem():
    A = figures(12, 6, 10)
    A[:4, 3] = np.nan
    fit = solve_family(A, Problems(np.array([0]), np.arange(6)[None, :] > 0))
    centred = A - np.nanmean(A, axis=1, keepdims=True)
    pairwise = np.nan_to_num(centred).T @ np.nan_to_num(centred)
    w = fit.weights[0]
    gradient = pairwise[1:] @ w - pairwise[1:, 0]
    assert gradient[w[1:] > 1e-6].max() - gradient.min() > 1e-3
    assert w[1:] == pytest.approx(by_nnls(A[4:, 0], A[4:, 1:])[0], abs=1e-9)


def test_a_row_mask_and_a_row_without_weight_are_the_same_as_no_row():
    A = figures(20, 9, 11)
    family = placebo_problems(9, 0)
    short = solve_family(A[5:], family, ridge=0.1)
    masked = solve_family(A, family, ridge=0.1, row_mask=np.arange(20) >= 5)
    weightless = solve_family(A, family, ridge=0.1, row_weights=(np.arange(20) >= 5) * 1.0)
    each = solve_family(A, family, ridge=0.1, row_mask=np.tile(np.arange(20) >= 5, (9, 1)))
    for other in (masked, weightless, each):
        assert other.weights == pytest.approx(short.weights, abs=1e-12)
        assert other.objectives == pytest.approx(short.objectives)


def test_the_same_bytes_each_time():
    A = figures(15, 40, 12)
    one, two = (solve_family(A, placebo_problems(40, 0)) for _ in range(2))
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.gaps.tobytes() == two.gaps.tobytes()


def test_the_arguments_are_left_alone():
    A = figures(10, 6, 13)
    before = A.copy()
    solve_family(A, placebo_problems(6, 0), intercept=True, row_weights=np.full(10, 2.0))
    assert (A == before).all()


# --- refusals


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"donors": np.ones((1, 4), dtype=bool)}, "problem 0: unit 0 is its own donor"),
        ({"donors": np.zeros((1, 4), dtype=bool)}, "problem 0: unit 0 has no donor"),
        ({"donors": np.ones((1, 3), dtype=bool)}, "do not fit a table of 4 units"),
        ({"treated": np.array([4])}, "do not fit a table of 4 units"),
        ({"row_mask": np.zeros(5, dtype=bool)}, "problem 0: no row has a figure for unit 0"),
        ({"row_weights": np.full(5, -1.0)}, "the least -1.0, for 5 rows"),
        ({"row_weights": np.ones(3)}, "3 row weights"),
        ({"ridge": -1.0}, "a ridge of"),
        ({"infinite": True}, "row 2 holds an infinite figure"),
    ],
    ids=str,
)
def test_what_cannot_be_solved_says_so(change, message):
    A = figures(5, 4, 14)
    if change.pop("infinite", False):
        A[2, 1] = math.inf
    treated, donors = change.pop("treated", np.array([0])), change.pop("donors", np.arange(4)[None, :] > 0)
    with pytest.raises(EstimationError, match=message):
        solve_family(A, Problems(treated, donors), **change)


def test_a_unit_without_figures_is_named():
    A = figures(5, 4, 15)
    A[:, 2] = np.nan
    with pytest.raises(EstimationError, match="unit 2 lacks 5 of 5"):
        solve_family(A, Problems(np.array([0]), np.arange(4)[None, :] > 0))


def test_a_gap_above_what_is_certified_is_polished_and_else_refused(monkeypatch):
    A = figures(25, 12, 16)
    real, calls = _simplex.solve_together, []

    def poor(points, columns, gram, treated, donors, ridge, nearness, start, weights, objectives, gaps, floors):
        real(points, columns, gram, treated, donors, ridge, nearness, start, weights, objectives, gaps, floors)
        calls.append(start.copy())
        if len(calls) == 1:
            gaps[:] = 1.0

    monkeypatch.setattr(_simplex, "solve_together", poor)
    fit = solve(A[:, 0], A[:, 1:])
    assert len(calls) == 2
    assert calls[1][0, 1:] == pytest.approx(by_nnls(A[:, 0], A[:, 1:])[0], abs=1e-9)
    assert fit.gap < 1e-10
    monkeypatch.setattr(_simplex, "CERTIFIED", -1.0)
    monkeypatch.setattr(_simplex, "solve_together", lambda *parts: (real(*parts), parts[-1].fill(-1.0)))
    with pytest.raises(EstimationError, match="problem 0: the weights of unit 0 have a dual gap"):
        solve(A[:, 0], A[:, 1:])


# --- predictors


def test_predictor_weights_are_row_weights():
    # Predictor 1 is met by donor 1, predictor 2 by donor 2, each off by 1 elsewhere: shares as the weights of the other.
    fit = solve_weighted([[0, 1], [1, 0]], [0, 0], [3, 1])
    assert fit.weights == pytest.approx([0.75, 0.25], abs=1e-15)


def predictor_case(seed: int, outside: float = 3.0):
    """Four predictors of which two drive the outcome; the treated unit lies `outside` the donors in the others."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(4, 13))
    X[2:, 0] += outside
    Y = random.normal(size=(10, 2)) @ X[:2] + 0.1 * random.normal(size=(10, 13))
    return X[:, 1:], X[:, 0], Y[:, 1:], Y[:, 0]


def test_the_nested_search_is_no_worse_than_a_grid_of_v():
    X0, x1, Y0, y1 = predictor_case(1)
    fit = nested_v(X0, x1, Y0, y1)
    sd = np.column_stack([x1, X0]).std(axis=1, ddof=1)
    grid = np.exp(np.random.default_rng(2).uniform(-18, 0, size=(400, 4)))
    losses = [np.mean((y1 - Y0 @ solve_weighted(X0, x1, v / sd**2).weights) ** 2) for v in grid]
    assert fit.bound <= fit.mspe <= min(losses) * (1 + 1e-9)
    assert fit.mspe == pytest.approx(np.mean((y1 - Y0 @ fit.weights) ** 2))
    assert fit.weights == pytest.approx(solve_weighted(X0, x1, fit.v / sd**2).weights, abs=1e-6)
    assert fit.v.sum() == pytest.approx(1)
    assert list(fit.attained) == ["raw alike", "standardised alike", "regression", "lattice"]
    assert fit.disagreement >= 0
    assert not fit.exact


def test_the_nested_search_from_named_starts_and_the_same_bytes():
    parts = predictor_case(3)
    one, two = (nested_v(*parts, starts={"second": np.array([0, 1, 0, 0])}) for _ in range(2))
    assert list(one.attained) == ["second", "lattice"]
    assert one.weights.tobytes() == two.weights.tobytes()
    assert one.v.tobytes() == two.v.tobytes()


def test_predictors_that_can_be_met_exactly_leave_the_choice_to_the_outcome():
    # One predictor, 0 for the treated unit: -1 and 1 meet it, and so do -2 and 2, whose outcomes are right.
    X0, x1 = np.array([[-1.0, 1.0, -2.0, 2.0]]), np.array([0.0])
    Y0, y1 = np.array([[5.0, 5.0, 3.0, 1.0], [6.0, 7.0, 0.0, 4.0]]), np.array([2.0, 2.0])
    fit = nested_v(X0, x1, Y0, y1)
    assert fit.exact
    assert fit.weights == pytest.approx([0, 0, 0.5, 0.5], abs=1e-9)
    assert fit.mspe == pytest.approx(0, abs=1e-18)


def test_a_predictor_that_tells_nothing_apart_is_refused():
    X0, x1, Y0, y1 = predictor_case(4)
    X0[1], x1[1] = 2.0, 2.0
    with pytest.raises(EstimationError, match="predictor 1 is 2.0 in every unit"):
        nested_v(X0, x1, Y0, y1)


def test_a_missing_predictor_is_refused():
    X0, x1, Y0, y1 = predictor_case(5)
    X0[0, 0] = np.nan
    with pytest.raises(EstimationError, match="a predictor or an outcome is missing"):
        nested_v(X0, x1, Y0, y1)


# --- published


@pytest.fixture(scope="module")
def smoking() -> pd.DataFrame:
    file = Path(os.environ.get("GVI_EVAL_REFERENCE") or CHECKOUT.parent / "shared" / "reference") / "sc_smoking.csv"
    if not file.exists():
        pytest.skip("sc_smoking.csv is not in the folder of reference data; put it there or set GVI_EVAL_REFERENCE")
    return pd.read_csv(file).pivot(index="year", columns="state")


def test_proposition_99_on_outcomes_alone(smoking):
    sales = smoking["cigsale"]
    california = sales.columns.get_loc("California")
    fit = solve_family(sales.loc[:1988].to_numpy(), placebo_problems(39, california))
    assert fit.objectives[0] == pytest.approx(52.12957, abs=5e-6)
    gap = sales["California"] - sales @ fit.weights[0]
    assert gap.loc[1989:].mean() == pytest.approx(-19.5136, abs=5e-5)
    assert fit.gaps.max() < 1e-11


def test_proposition_99_with_predictors_reaches_the_optimum(smoking):
    # Abadie, Diamond & Hainmueller 2010: weights .334 .234 .199 .164 .069 with a loss of 3.089, mean gap -18.98.
    sales = smoking["cigsale"]
    averages = [smoking[name].loc[1980:1988].mean() for name in ("lnincome", "age15to24", "retprice")]
    X = pd.DataFrame([*averages, smoking["beer"].loc[1984:1988].mean(), sales.loc[1975], sales.loc[1980], sales.loc[1988]])
    donors = [state for state in sales if state != "California"]
    before = sales.loc[:1988]
    fit = nested_v(X[donors], X["California"], before[donors], before["California"])
    assert 3.0766 < fit.mspe <= 3.0777
    assert fit.bound == pytest.approx(52.12957 / 19, abs=1e-6)
    weights = pd.Series(fit.weights, donors)
    published = {"Utah": 0.334, "Nevada": 0.234, "Montana": 0.199, "Colorado": 0.164, "Connecticut": 0.069}
    assert weights[list(published)].to_numpy() == pytest.approx(list(published.values()), abs=0.006)
    gap = (sales["California"] - sales[donors] @ weights).loc[1989:].mean()
    assert gap == pytest.approx(-18.98, abs=0.06)
