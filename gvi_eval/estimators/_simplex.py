"""Weights on the simplex: how much of each donor makes the best likeness of the treated unit.

    min_w  sum_t m_t (y_t - b - z_t'w)^2 + ridge T |w|^2 + nearness sum_j w_j |d_j|^2    subject to  w >= 0,  1'w = 1

y_t is the treated unit in period t, z_t the donors, m_t a row weight, T the number of rows in use, b an
intercept or 0, and d_j = z_j - y. Because 1'w = 1, the objective without nearness is |Dw|^2: the point of the donors' hull
that is nearest to the origin (Wolfe 1976), which is one non-negative least squares (Lawson & Hanson 1974),

    u = argmin_{u >= 0} |[D/s ; 1'] u - [0 ; 1]|^2,    w = u / 1'u    for any s > 0,

with no penalty constant. An active set finds it: donors enter by their gradient and leave at a bound, and
the weights of those inside come from one Cholesky factor, updated and corrected once against the residuals
of the data. A family of problems over the same units and rows shares one Gram matrix, which only proposes
who enters; whether anybody should is settled on the data, so nothing rests on digits that a Gram matrix
loses. A problem whose rows few others share, because cells are missing, is priced on its own rows: rows
are those in which the treated unit and each of its donors have a figure, never pair by pair.

Nearness (Abadie & L'Hour 2021) adds what is linear in w. No rows say it, because off the simplex it has no minimum; it
joins the gradient, one more Newton step takes it in, and a donor in the affine span of those inside, who has nothing to
add to the fit, takes the place of one of them where that is nearer.

Every solution carries its certificate: the dual gap, an upper bound on how much its objective exceeds
the minimum. Where the optimal weights are not unique (donors that are copies, a treated unit inside the
hull of more donors than periods) they are the optimal weights with the least sum of squares, which are unique
and do not depend on the order of the donors.

Abadie & L'Hour (2021) A penalized synthetic control estimator for disaggregated data, J. Am. Stat. Assoc. 116(536)
1817-1834, doi:10.1080/01621459.2021.1971535: nearness.

Wolfe (1976) Finding the nearest point in a polytope, Math. Program. 11, 128-149, doi:10.1007/BF01580381.
Lawson & Hanson (1974) Solving Least Squares Problems, doi:10.1137/1.9781611971217.
Jaggi (2013) Revisiting Frank-Wolfe, ICML, PMLR 28(1) 427-435: the dual gap.
Abadie, Diamond & Hainmueller (2010) Synthetic control methods for comparative case studies, J. Am. Stat.
Assoc. 105(490) 493-505, doi:10.1198/jasa.2009.ap08746: the problem and the nested search for V.
Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021) Synthetic difference-in-differences, Am. Econ. Rev.
111(12) 4088-4118, doi:10.1257/aer.20190159: ridge and intercept.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.optimize import nnls

from gvi_eval.errors import EstimationError

compiled = njit(cache=True, error_model="numpy")  # np.int64(0) below: for a bare 0 numba would compile everything twice

EPSILON = 2.0**-52
ENTRY_NOISE = 4 * EPSILON  # a gain under this, relative to the lengths it is a product of, is rounding
DEPENDENT = 1e-13  # a squared distance from the span of the others below this share of its own size is none
TIED = 1e-10  # a donor outside that would lose less than this by entering may be in another solution
LOWEST_LOG_V = math.log(1e-8)  # a predictor with less weight than this share of the largest does not bear on any donor
NO_GRAM = np.empty((0, 0))
GRAM_WORTH = 20  # a Gram matrix of N units costs about what N / 20 problems gain by it
CERTIFIED = 1e-9  # the largest dual gap of a solution, over the objective of the best single donor
PROMISING, WALKED, PAIRS = 16, 5, 6  # lattice points searched a little and to the end, and pairs of turns of a search
EDGES = (2.0, -2.0, 0.5, -0.5)  # of the first simplex of each turn of a search, in log v
PRIMES = np.array([n for n in range(2, 128) if all(n % d for d in range(2, n))], dtype=float)

# --- the active set


class Bench(NamedTuple):
    """Room to work in, made once for many problems over N units, T rows and at most S donors inside.

    d (S, T): donors inside minus the treated unit; factor (S, S): L with LL' = dd' + ridge I + level 11';
    ones (S,): L^-1 1; target, step, miss (S,): of `aim`; residual (T,): Dw; gradient (N,): d_j'Dw, up to one constant;
    distance (N,): |d_j|; pull (N,): nearness |d_j|^2 / 2; barred (N,): inside, or failed to enter since the last descent.
    """

    d: np.ndarray
    factor: np.ndarray
    ones: np.ndarray
    target: np.ndarray
    step: np.ndarray
    miss: np.ndarray
    residual: np.ndarray
    gradient: np.ndarray
    distance: np.ndarray
    pull: np.ndarray
    barred: np.ndarray


@compiled
def make_bench(units, rows, most):
    return Bench(
        np.empty((most, rows)),
        np.empty((most, most)),
        np.empty(most),
        np.empty(most),
        np.empty(most),
        np.empty(most),
        np.empty(rows),
        np.empty(units),
        np.empty(units),
        np.zeros(units),
        np.zeros(units, np.bool_),
    )


@compiled
def dot(a, b, n):
    """a'b over the first n in four running sums: quick, and in the same order on every machine."""
    one = two = three = four = 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        one += a[i] * b[i]
        two += a[i + 1] * b[i + 1]
        three += a[i + 2] * b[i + 2]
        four += a[i + 3] * b[i + 3]
    for i in range(whole, n):
        one += a[i] * b[i]
    return (one + two) + (three + four)


@compiled
def add_scaled(out, scale, a, n):
    for i in range(n):
        out[i] += scale * a[i]


@compiled
def add_squared_distance(out, a, origin):
    for i in range(out.size):
        away = a[i] - origin
        out[i] += away * away


@compiled
def solve_lower(L, b, n):
    """L^-1 b in place, by rows."""
    for i in range(n):
        total = b[i]
        for k in range(i):
            total -= L[i, k] * b[k]
        b[i] = total / L[i, i]


@compiled
def solve_upper(L, b, n):
    """L'^-1 b in place, by rows of L."""
    for i in range(n - 1, -1, -1):
        b[i] /= L[i, i]
        own = b[i]
        for k in range(i):
            b[k] -= L[i, k] * own


@compiled
def enlarge(bench, size, unit, points, y, ridge, level):
    """Puts a donor at the end of the factor; False where it lies in the affine span of those inside."""
    if size == bench.ones.size:
        return False
    rows, own, row = y.size, bench.d[size], bench.factor[size]
    for t in range(rows):
        own[t] = points[unit, t] - y[t]
    square = dot(own, own, rows) + ridge + level
    for k in range(size):
        row[k] = dot(bench.d[k], own, rows) + level
    solve_lower(bench.factor, row, size)
    pivot = square - dot(row, row, size)
    if not pivot > DEPENDENT * square:
        return False
    row[size] = math.sqrt(pivot)
    bench.ones[size] = (1.0 - dot(row, bench.ones, size)) / row[size]
    return True


@compiled
def drop(bench, size, place, inside, w):
    """Takes the donor at a place out; the factor is made triangular again by rotations."""
    L, n = bench.factor, size - 1
    for i in range(place, n):
        inside[i], w[i] = inside[i + 1], w[i + 1]
        for t in range(bench.d.shape[1]):
            bench.d[i, t] = bench.d[i + 1, t]
        for k in range(i + 2):
            L[i, k] = L[i + 1, k]
    for k in range(place, n):
        radius = math.hypot(L[k, k], L[k, k + 1])
        cosine, sine = L[k, k] / radius, L[k, k + 1] / radius
        for i in range(k, n):
            left, right = L[i, k], L[i, k + 1]
            L[i, k], L[i, k + 1] = cosine * left + sine * right, cosine * right - sine * left
    for i in range(place, n):
        bench.ones[i] = (1.0 - dot(L[i], bench.ones, i)) / L[i, i]


@compiled
def fill_residual(bench, size, w):
    x = bench.residual
    x[:] = 0.0
    for k in range(size):
        add_scaled(x, w[k], bench.d[k], x.size)


@compiled
def aim(bench, size, inside, ridge, pulled):
    """Fills target with the weights that sum to 1, of either sign, nearest the treated unit.

    target = u / 1'u with LL'u = 1, then one correction by the gradient at the residuals themselves; where donors are
    pulled, that is the step to the best weights, and is corrected in turn.
    """
    u, a, e, total = bench.step, bench.target, bench.miss, 0.0
    for k in range(size):
        u[k] = bench.ones[k]
    solve_upper(bench.factor, u, size)
    for k in range(size):
        total += u[k]
    for k in range(size):
        a[k] = u[k] / total
    for _ in range(2 if pulled else 1):
        fill_residual(bench, size, a)
        for k in range(size):
            e[k] = dot(bench.d[k], bench.residual, bench.residual.size) + ridge * a[k]
            if pulled:
                e[k] += bench.pull[inside[k]]
        solve_lower(bench.factor, e, size)
        solve_upper(bench.factor, e, size)
        height = 0.0
        for k in range(size):
            height += e[k] / total
        for k in range(size):
            a[k] += height * u[k] - e[k]
    if pulled:  # whose steps may be large and leave the sum to their rounding
        total = 0.0
        for k in range(size):
            total += a[k]
        for k in range(size):
            a[k] /= total


@compiled
def descend_inside(bench, size, inside, w, ridge, pulled, entrant):
    """Moves to the best weights among those inside, who leave as their weight meets 0; returns how many stay.

    With an entrant at the last place that would want less than nothing, only the entrant leaves: -1 is returned.
    """
    while True:
        aim(bench, size, inside, ridge, pulled)
        if entrant and not bench.target[size - 1] > 0.0:
            return -1
        entrant, stride, first = False, 1.0, -1
        for k in range(size):
            if not bench.target[k] > 0.0:
                reach = w[k] / (w[k] - bench.target[k]) if w[k] > 0.0 else 0.0
                if reach < stride or first < 0:
                    stride, first = reach, k
        for k in range(size):
            w[k] += stride * (bench.target[k] - w[k])
        if first < 0:
            for k in range(size):
                w[k] = bench.target[k]
            return size
        w[first] = 0.0
        for k in range(size - 1, -1, -1):
            if not w[k] > 0.0:
                drop(bench, size, k, inside, w)
                size -= 1


@compiled
def exchange(bench, size, inside, w):
    """A donor in the affine span of those inside, whom `enlarge` has just turned away, takes over from them at no change of
    Dw until one has nothing left, who leaves; returns the donor's weight.
    """
    share, weight, first = bench.step, math.inf, np.int64(0)
    for k in range(size):
        share[k] = bench.factor[size, k]
    solve_upper(bench.factor, share, size)
    for k in range(size):
        if share[k] > 0.0 and w[k] < weight * share[k]:
            weight, first = w[k] / share[k], k
    for k in range(size):
        w[k] = max(w[k] - weight * share[k], 0.0)
    drop(bench, size, first, inside, w)
    return weight


@compiled
def price(bench, size, inside, w, ridge, pulled, columns, y, gram, treated, admissible):
    """Fills the gradient and returns the unit outside whose gain by entry, w'g - g_j, is the largest above rounding (-1: none).

    By the Gram matrix, or on the data where treated is -1.
    """
    g = bench.gradient
    if treated >= 0:
        for j in range(g.size):
            g[j] = -gram[treated, j]
        for k in range(size):
            add_scaled(g, w[k], gram[inside[k]], g.size)
    else:
        fill_residual(bench, size, w)
        g[:] = -dot(bench.residual, y, y.size)
        for t in range(y.size):
            add_scaled(g, bench.residual[t], columns[t], g.size)
    if pulled:
        for j in range(g.size):
            g[j] += bench.pull[j]
    height, length, pull = 0.0, 0.0, 0.0
    for k in range(size):
        g[inside[k]] += ridge * w[k]
        height += w[k] * g[inside[k]]
        length += w[k] * bench.distance[inside[k]]
        pull += w[k] * bench.pull[inside[k]]
    best, gain = -1, 0.0
    for j in range(g.size):
        own, noise = height - g[j], ENTRY_NOISE * length * bench.distance[j]
        if pulled:
            noise += ENTRY_NOISE * (pull + bench.pull[j])
        if own > gain and own > noise and admissible[j] and not bench.barred[j]:
            best, gain = j, own
    return best


@compiled
def nearest(points, columns, gram, treated, y, admissible, ridge, nearness, bench, inside, w, size):
    """The active set from `size` admissible donors inside with weights w > 0 (0: from the best single donor).

    points (N, T), columns (T, N) the same turned; gram (N, N) or empty with treated = -1, as it must be with nearness,
    whose exchanges rest on the last digits of who gains; y (T,); admissible (N,). Fills inside (S,), w (S,) and the bench;
    returns how many are inside (-1: not found in the steps allowed).
    """
    distance, pulled = bench.distance, nearness > 0.0
    distance[:] = 0.0
    for t in range(y.size):
        add_squared_distance(distance, columns[t], y[t])
    first, farthest = -1, 0.0
    for j in range(distance.size):
        if admissible[j]:
            farthest = max(farthest, distance[j])
            if first < 0 or distance[j] < distance[first]:
                first = j
    level = distance[first] + ridge
    if level == 0.0:
        level = farthest if farthest > 0.0 else 1.0
    for j in range(distance.size):
        bench.pull[j] = 0.5 * nearness * distance[j]
        distance[j] = math.sqrt(distance[j])
    if size == 0:
        inside[0], w[0], size = first, 1.0, 1
    kept, total = np.int64(0), 0.0
    for k in range(size):
        if enlarge(bench, kept, inside[k], points, y, ridge, level):
            inside[kept], w[kept] = inside[k], w[k]
            total += w[k]
            kept += 1
    for k in range(kept):
        w[k] /= total
    size, trial, by_gram = kept, kept, treated >= 0
    for _ in range(20 * distance.size + 200):
        stay = descend_inside(bench, trial, inside, w, ridge, pulled, trial > size)
        if stay > 0:
            size = stay
            for j in range(distance.size):
                bench.barred[j] = False
            for k in range(size):
                bench.barred[inside[k]] = True
        while True:
            proposer = treated if by_gram else np.int64(-1)
            best = price(bench, size, inside, w, ridge, pulled, columns, y, gram, proposer, admissible)
            if best < 0:
                if not by_gram:
                    return size
                by_gram = False
            else:
                bench.barred[best] = True
                if enlarge(bench, size, best, points, y, ridge, level):
                    inside[size], w[size], trial = best, 0.0, size + 1
                    break
                if pulled:
                    own = exchange(bench, size, inside, w)
                    if not enlarge(bench, size - 1, best, points, y, ridge, level):
                        return -1
                    inside[size - 1], w[size - 1], trial = best, own, size
                    break
    return -1


# --- the certificate


class Certificate(NamedTuple):
    """Of weights w (N,): the objective with its penalties, its dual gap 2 (w'g - min g), what rounding makes of a gap of 0,
    the objective of the best single donor, sum w |d|, and the gradient g (N,).
    """

    objective: float
    gap: float
    floor: float
    alone: float
    length: float
    gradient: np.ndarray


@compiled
def certify(points, columns, y, admissible, distance, ridge, nearness, w):
    """From the data and the weights alone. points (N, T), columns (T, N), y (T,), admissible, distance |d_j| and w (N,)."""
    residual, gradient = np.zeros(y.size), np.zeros(w.size)
    for j in range(w.size):
        if w[j] > 0.0:
            for t in range(y.size):
                residual[t] += w[j] * (points[j, t] - y[t])
    for t in range(y.size):
        add_scaled(gradient, residual[t], columns[t], w.size)
    shift = dot(residual, y, y.size)
    height, length, alone, farthest, lowest, far = 0.0, 0.0, math.inf, 0.0, math.inf, 0.0
    for j in range(w.size):
        gradient[j] += ridge * w[j] - shift
        if nearness > 0.0:
            gradient[j] += 0.5 * nearness * distance[j] * distance[j]
            far += nearness * w[j] * distance[j] * distance[j]
        if admissible[j]:
            height += w[j] * gradient[j]
            length += w[j] * distance[j]
            alone, farthest = min(alone, distance[j]), max(farthest, distance[j])
            lowest = min(lowest, gradient[j])
    alone = (1.0 + nearness) * alone * alone + ridge
    if alone == 0.0:
        alone = max(farthest * farthest, 1e-300)
    objective = dot(residual, residual, y.size) + ridge * dot(w, w, w.size) + far
    gap, floor = 2.0 * max(height - lowest, 0.0), 16.0 * ENTRY_NOISE * (1.0 + nearness) * length * farthest
    return Certificate(objective, gap, floor, alone, length, gradient)


# --- one solution where there are many


@compiled
def coordinates(points, units):
    """The units' points in an orthonormal basis of the span of their differences, (rank, units), by pivoted Gram-Schmidt;
    what is left below TIED times the largest difference counts as none.
    """
    n, rows = units.size, points.shape[1]
    rest, out, basis = np.empty((n, rows)), np.empty((min(n, rows), n)), np.empty(rows)
    for i in range(n):
        for t in range(rows):
            rest[i, t] = points[units[i], t] - points[units[0], t]
    rank, first = 0, -1.0
    while rank < out.shape[0]:
        pivot, largest = 0, -1.0
        for i in range(n):
            square = dot(rest[i], rest[i], rows)
            if square > largest:
                pivot, largest = i, square
        first = max(first, largest)
        if not largest > TIED * TIED * first:
            break
        for t in range(rows):
            basis[t] = rest[pivot, t] / math.sqrt(largest)
        for i in range(n):
            out[rank, i] = dot(basis, rest[i], rows)
            add_scaled(rest[i], -out[rank, i], basis, rows)
        rank += 1
    return out[:rank]


@compiled
def damped_solve(A, damping, b):
    """(A + damping I)^-1 b for a positive semidefinite A, of which the lower half is read."""
    n = b.size
    L, x = np.empty((n, n)), np.empty(n)
    for i in range(n):
        x[i] = b[i]
        for k in range(i):
            L[i, k] = (A[i, k] - dot(L[i], L[k], k)) / L[k, k]
        L[i, i] = math.sqrt(max(A[i, i] - dot(L[i], L[i], i), 0.0) + damping)
    solve_lower(L, x, n)
    solve_upper(L, x, n)
    return x


@compiled
def least_norm(C, w):
    """The weights >= 0 of least sum of squares with the same Cw and 1'w as the given ones; C (rank, n), w (n,).

    They are (B'p)_+ with B = [C ; 1'], where p maximises p'Bw - |(B'p)_+|^2 / 2, concave and piecewise quadratic: damped
    Newton steps. Returns the given weights should those not get there.
    """
    rank, n = C.shape
    B, p, next_p, move = np.ones((rank + 1, n)), np.zeros(rank + 1), np.empty(rank + 1), np.zeros(rank + 1)
    goal, miss, curve = np.empty(rank + 1), np.empty(rank + 1), np.zeros((rank + 1, rank + 1))
    trial, out = np.empty(n), np.empty(n)
    for r in range(rank + 1):
        if r < rank:
            scale = math.sqrt(dot(C[r], C[r], n) / n)
            for j in range(n):
                B[r, j] = C[r, j] / scale
        goal[r] = dot(B[r], w, n)
    p[rank] = 1.0 / n
    value, left, damping, idle = -math.inf, math.inf, 1e-9, 0
    for _ in range(500):
        trial[:] = 0.0
        terms = 0.0
        for r in range(rank + 1):
            next_p[r] = p[r] + move[r]
            terms += abs(goal[r] * next_p[r])
            add_scaled(trial, next_p[r], B[r], n)
        for j in range(n):
            trial[j] = max(trial[j], 0.0)
        trial_value = dot(goal, next_p, rank + 1) - 0.5 * dot(trial, trial, n)
        if trial_value < value - ENTRY_NOISE * terms:
            damping *= 10.0
        else:
            p, next_p, out, trial = next_p, p, trial, out
            value, damping = trial_value, max(damping / 10.0, 1e-15)
            for r in range(rank + 1):
                miss[r] = goal[r] - dot(B[r], out, n)
                for c in range(r + 1):
                    curve[r, c] = 0.0
                    for j in range(n):
                        if out[j] > 0.0:
                            curve[r, c] += B[r, j] * B[c, j]
            before, left = left, math.sqrt(dot(miss, miss, rank + 1))
            idle = idle + 1 if left < 1e-13 and left >= 0.5 * before else 0
            if left < 1e-15 or idle == 2:
                break
        move = damped_solve(curve, damping * n, miss)
    return out if left < 1e-11 else w


@compiled
def even_out(points, columns, y, admissible, distance, nearness, w, own):
    """Weights w (N,) with certificate `own`, or those of least sum of squares among all that fit as well, and as nearly.

    Where donors differ in size by many orders the latter may not be found to the digits the fit has; then w stays.
    """
    perfect = nearness == 0.0 and math.sqrt(max(own.objective, 0.0)) <= 1e-13 * own.length
    reach = TIED * math.sqrt(max(own.objective, 0.0))
    height = own.objective if nearness == 0.0 else dot(w, own.gradient, w.size)
    units, some, before = np.empty(w.size, np.int64), 0, 0
    for j in range(w.size):
        before += w[j] > 0.0
        tied = admissible[j] and (perfect or own.gradient[j] - height <= reach * distance[j])
        if tied or w[j] > 0.0:
            units[some] = j
            some += 1
    if some == before:
        return w, own
    share, even, total = np.empty(some), np.zeros(w.size), 0.0
    for i in range(some):
        share[i] = w[units[i]]
    if nearness > 0.0:  # one more coordinate, in which to be alike is to be as far in the mean
        rows, longest = points.shape[1], 1e-300
        for i in range(some):
            longest = max(longest, distance[units[i]])
        where = np.empty((w.size, rows + 1))
        for j in range(w.size):
            for t in range(rows):
                where[j, t] = points[j, t]
            where[j, rows] = distance[j] * distance[j] / longest
        share = least_norm(coordinates(where, units[:some]), share)
    else:
        share = least_norm(coordinates(points, units[:some]), share)
    for i in range(some):
        total += share[i]
    for i in range(some):
        even[units[i]] = share[i] / total
    new = certify(points, columns, y, admissible, distance, 0.0, nearness, even)
    if new.gap <= max(own.gap, max(own.floor, 1e-12 * own.alone)):
        return even, new
    return w, own


# --- problems that share their rows


@compiled
def gram_matrix(columns):
    """A'A of A (T, N), in an order that does not depend on a linear algebra library; both halves filled."""
    rows, units = columns.shape
    G = np.zeros((units, units))
    for i in range(units):
        for t in range(rows):
            add_scaled(G[i, i:], columns[t, i], columns[t, i:], units - i)
    for i in range(units):
        for j in range(i):
            G[i, j] = G[j, i]
    return G


@compiled
def solve_together(points, columns, gram, treated, donors, ridge, nearness, start, weights, objectives, gaps, floors):
    """Each problem in turn, started from the one before where that has the same treated unit, otherwise from its row of
    `start` (P, N), or from the only one (1, N).

    points (N, T) and columns (T, N): the data both ways; gram (N, N), or of any other shape to do without; treated (P,);
    donors (P, N); ridge (P,): the whole factor of |w|^2; nearness (P,). Fills weights (P, N) and, all (P,), objectives,
    gaps and floors, the latter two over the objective of the best single donor; a gap is infinite where the steps allowed
    ran out.
    """
    units, rows = points.shape
    most = min(units, rows + 1)
    for p in range(ridge.size):
        if ridge[p] > 0.0:
            most = units
        elif nearness[p] > 0.0:
            most = max(most, min(units, rows + 2))  # room for the one who is to be exchanged
    bench, inside, w = make_bench(units, rows, most), np.zeros(most, np.int64), np.empty(most)
    by_gram = gram.shape[0] == units
    for p in range(treated.size):
        y, size = points[treated[p]], np.int64(0)
        before = weights[p - 1] if p > 0 and treated[p] == treated[p - 1] else start[min(p, start.shape[0] - 1)]
        for j in range(units):
            if before[j] > 0.0 and donors[p, j] and size < most:
                inside[size], w[size] = j, before[j]
                size += 1
        proposer = treated[p] if by_gram and not nearness[p] > 0.0 else np.int64(-1)
        size = nearest(points, columns, gram, proposer, y, donors[p], ridge[p], nearness[p], bench, inside, w, size)
        full = np.zeros(units)
        gaps[p] = math.inf
        if size > 0:
            for k in range(size):
                full[inside[k]] = w[k]
            own = certify(points, columns, y, donors[p], bench.distance, ridge[p], nearness[p], full)
            if ridge[p] == 0.0:
                full, own = even_out(points, columns, y, donors[p], bench.distance, nearness[p], full, own)
            objectives[p], gaps[p], floors[p] = own.objective, own.gap / own.alone, own.floor / own.alone
        for j in range(units):
            weights[p, j] = full[j]


# --- predictor weights


@compiled
def weighted_loss(log_v, predictors, outcomes, bench, inside, w, size):
    """Mean squared outcome gap of the donor weights that are best for predictor weights v = exp(log_v), the largest 1.

    predictors (J, k) and outcomes (J, T): donors minus treated. Starts from the `size` donors inside with weights w and
    leaves the new ones there; returns the loss and how many are inside.
    """
    donors, k = predictors.shape
    points, columns, gaps, top = np.empty((donors, k)), np.empty((k, donors)), np.zeros(outcomes.shape[1]), log_v[0]
    for i in range(k):
        top = max(top, log_v[i])
    for i in range(k):
        root = math.exp(0.5 * max(log_v[i] - top, LOWEST_LOG_V))
        for j in range(donors):
            points[j, i] = columns[i, j] = predictors[j, i] * root
    alike = np.ones(donors, np.bool_)
    size = nearest(points, columns, columns, np.int64(-1), np.zeros(k), alike, 0.0, 0.0, bench, inside, w, size)
    for i in range(size):
        add_scaled(gaps, w[i], outcomes[inside[i]], gaps.size)
    return (dot(gaps, gaps, gaps.size) / gaps.size if size > 0 else math.inf), max(size, 0)


@compiled
def search(corners, evaluations, predictors, outcomes):
    """Nelder & Mead (1965) A simplex method for function minimization, Comput. J. 7(4), doi:10.1093/comjnl/7.4.308.

    corners (k + 1, k) in log v are moved in place; with evaluations = 0 any number of them is only looked at. Returns
    their losses.
    """
    donors, k = predictors.shape
    most, last = min(donors, k + 1), corners.shape[0] - 1
    bench, inside, w, size = make_bench(donors, k, most), np.zeros(most, np.int64), np.empty(most), np.int64(0)
    losses, centre, point = np.empty(last + 1), np.empty(k), np.empty(k)
    filling, reflecting, c, best, worst, second, reflected = True, False, 0, -1, 0, 0, 0.0
    for used in range(evaluations + last + 1):
        if filling:
            for i in range(k):
                point[i] = corners[c, i]
        loss, size = weighted_loss(point, predictors, outcomes, bench, inside, w, size if evaluations > 0 else np.int64(0))
        if filling:
            losses[c] = loss
            c += 2 if c + 1 == best else 1
            if c <= last:
                continue
        elif reflecting and not losses[best] <= loss < losses[second]:
            # Farther along where the step won, back where it did not.
            stride = 2.0 if loss < losses[best] else 0.5 if loss < losses[worst] else -0.5
            for i in range(k):
                point[i] = centre[i] + stride * (centre[i] - corners[worst, i])
            reflecting, reflected = False, loss
            continue
        elif reflecting or loss < min(reflected, losses[worst]):
            losses[worst] = loss
            for i in range(k):
                corners[worst, i] = point[i]
        elif reflected < losses[worst]:
            losses[worst] = reflected
            for i in range(k):
                corners[worst, i] = 2.0 * centre[i] - corners[worst, i]
        else:
            for j in range(last + 1):
                for i in range(k):
                    corners[j, i] = 0.5 * (corners[j, i] + corners[best, i])
            filling, c = True, 1 if best == 0 else 0
            continue
        best, worst, second = 0, 0, -1
        for j in range(1, last + 1):
            best = j if losses[j] < losses[best] else best
            worst = j if losses[j] >= losses[worst] else worst
        for j in range(last + 1):
            if j != worst and (second < 0 or losses[j] > losses[second]):
                second = j
        if used >= evaluations or losses[worst] - losses[best] <= 1e-11 * losses[best]:
            break
        for i in range(k):
            centre[i] = -corners[worst, i] / k
            for j in range(last + 1):
                centre[i] += corners[j, i] / k
            point[i] = 2.0 * centre[i] - corners[worst, i]
        filling, reflecting = False, True
    return losses


# --- what estimators call


@dataclass(frozen=True, eq=False)
class SimplexFit:
    """Weights (donor,), the intercept (0.0 without one), the objective with its penalty, in the units of y squared, and the
    certificate: `gap`, the dual gap over the objective of the best single donor. The objective exceeds the minimum by at
    most gap times that.
    """

    weights: np.ndarray
    intercept: float
    objective: float
    gap: float


@dataclass(frozen=True, eq=False)
class FamilyFit:
    """As `SimplexFit` for each problem: weights (problem, unit), 0 for who is no donor; the rest (problem,)."""

    weights: np.ndarray
    intercepts: np.ndarray
    objectives: np.ndarray
    gaps: np.ndarray


@dataclass(frozen=True, eq=False)
class Problems:
    """Who is likened to whom: treated (problem,) column numbers, donors (problem, unit) booleans."""

    treated: np.ndarray
    donors: np.ndarray


def placebo_problems(units: int, treated: int) -> Problems:
    """The treated unit first, then every other in its place, the truly treated unit never among the donors."""
    order = np.array([treated] + [unit for unit in range(units) if unit != treated])
    donors = np.ones((units, units), dtype=bool)
    donors[:, treated] = False
    donors[np.arange(units), order] = False
    return Problems(order, donors)


def leave_one_out_problems(treated: int, donors: np.ndarray) -> Problems:
    """All donors (unit,) first, then without each of them in turn."""
    left_out = np.flatnonzero(donors)
    rows = np.tile(np.asarray(donors, dtype=bool), (1 + left_out.size, 1))
    rows[np.arange(1, 1 + left_out.size), left_out] = False
    return Problems(np.full(1 + left_out.size, treated), rows)


def solve(y, Z, *, row_weights=None, ridge: float = 0.0, intercept: bool = False, start=None) -> SimplexFit:
    """The weights that liken y (time,) best with the donors Z (time, donor).

    row_weights (time,) >= 0; ridge >= 0 is multiplied by the number of rows in use and |w|^2; rows with a missing figure or
    no weight are not in use; start (donor,): weights of a neighbouring problem, for speed alone. Raises EstimationError
    as `solve_family` does.
    """
    A = np.column_stack([np.asarray(y, dtype=float), np.asarray(Z, dtype=float)])
    problem = Problems(np.zeros(1, dtype=np.int64), np.arange(A.shape[1])[None, :] > 0)
    before = None if start is None else np.concatenate([[0.0], start])
    fit = solve_family(A, problem, row_weights=row_weights, ridge=ridge, intercept=intercept, start=before)
    return SimplexFit(fit.weights[0, 1:], float(fit.intercepts[0]), float(fit.objectives[0]), float(fit.gaps[0]))


def solve_family(
    A, problems: Problems, *, row_mask=None, row_weights=None, ridge=0.0, nearness=0.0, intercept: bool = False, start=None
) -> FamilyFit:
    """The same for many problems over the figures A (time, unit), where NaN is missing.

    row_mask: rows allowed, (time,) or (problem, time); row_weights (time,); ridge and nearness one number or (problem,);
    start (unit,) or (problem, unit).
    A problem uses the rows in which its treated unit and all its donors have a figure: one gap in one donor takes the
    row from everybody, so leave out donors with long gaps first. Raises EstimationError for figures that are infinite, a
    problem without donors or rows, a treated unit among its donors, and a certificate above CERTIFIED.
    """
    A, treated, donors = np.asarray(A, dtype=float), np.asarray(problems.treated, np.int64), np.asarray(problems.donors, bool)
    rows_in_use = usable_rows(A, treated, donors, row_mask, row_weights)
    count = treated.size
    ridge, nearness = (np.broadcast_to(np.asarray(penalty, dtype=float), count) for penalty in (ridge, nearness))
    for name, penalty in (("ridge", ridge), ("nearness", nearness)):
        if not (np.isfinite(penalty) & (penalty >= 0)).all():
            raise EstimationError(f"a {name} of {penalty[~(penalty >= 0)][:1]} was asked for; it must be 0 or more")
    root = np.sqrt(np.ones(A.shape[0]) if row_weights is None else np.asarray(row_weights, dtype=float))
    start = np.zeros((1, A.shape[1])) if start is None else np.atleast_2d(np.asarray(start, dtype=float))
    fit = FamilyFit(np.zeros((count, A.shape[1])), np.zeros(count), np.zeros(count), np.zeros(count))
    if (rows_in_use == rows_in_use[0]).all():  # the common case, and np.unique is slow
        patterns, group_of = rows_in_use[:1], np.zeros(count, dtype=np.int64)
    else:
        patterns, group_of = np.unique(rows_in_use, axis=0, return_inverse=True)
    for group, rows in enumerate(patterns):
        members = np.flatnonzero(group_of.ravel() == group)
        first = start[members] if len(start) == count else start
        penalties = ridge[members], nearness[members]
        solve_group(fit, A[rows], root[rows], treated, donors, members, penalties, intercept, first)
    return fit


def usable_rows(A, treated, donors, row_mask, row_weights) -> np.ndarray:
    """Which rows each problem uses, (problem, time); every demand on the arguments is made here."""
    rows, units = A.shape
    if np.isinf(A).any():
        raise EstimationError(f"row {np.argwhere(np.isinf(A))[0][0]} holds an infinite figure; mark it missing or correct it")
    if donors.shape != (treated.size, units) or not ((0 <= treated) & (treated < units)).all():
        raise EstimationError(
            f"{treated.size} problems with donors of shape {donors.shape} do not fit a table of {units} units"
        )
    allowed = np.ones(rows, dtype=bool) if row_mask is None else np.asarray(row_mask, dtype=bool)
    if row_weights is not None:
        weights = np.asarray(row_weights, dtype=float)
        if weights.shape != (rows,) or not (np.isfinite(weights) & (weights >= 0)).all():
            raise EstimationError(
                f"{weights.size} row weights, the least {weights.min()}, for {rows} rows: give one >= 0 for each"
            )
        allowed = allowed & (weights > 0)
    each = np.arange(treated.size)
    for p in np.flatnonzero(donors[each, treated])[:1]:
        raise EstimationError(f"problem {p}: unit {treated[p]} is its own donor; take it out of the donors")
    for p in np.flatnonzero(~donors.any(axis=1))[:1]:
        raise EstimationError(f"problem {p}: unit {treated[p]} has no donor; admit at least one")
    involved, missing = donors.copy(), np.isnan(A)
    involved[each, treated] = True
    holes = involved.astype(float) @ missing.T.astype(float) > 0 if missing.any() else np.zeros((1, 1), dtype=bool)
    usable = np.broadcast_to(allowed & ~holes, (treated.size, rows))
    for p in np.flatnonzero(~usable.any(axis=1))[:1]:
        gaps = np.where(involved[p], missing.sum(axis=0), -1)
        raise EstimationError(
            f"problem {p}: no row has a figure for unit {treated[p]} and all its donors; unit {gaps.argmax()} lacks "
            f"{gaps.max()} of {rows}: leave it out or widen the window"
        )
    return usable


def solve_group(fit, A, root, treated, donors, members, penalties, intercept, start) -> None:
    """Fills `fit` for the problems that use exactly the rows of A (T, N), root (T,) the square roots of the row weights;
    penalties: ridge and nearness, each (P,).
    """
    own, theirs = treated[members], donors[members]
    involved = theirs.any(axis=0)
    involved[own] = True
    means = (root**2) @ np.where(involved, A, 0.0) / (root**2).sum() if intercept else np.zeros(A.shape[1])
    columns = A - means
    alone = (own == own[0]).all()
    # What is taken from everybody alike changes no problem, and spares digits: all of y if it is the only one.
    columns -= columns[:, own[:1]] if alone else np.median(columns[:, involved], axis=1, keepdims=True)
    columns = np.ascontiguousarray(np.where(involved, columns, 0.0) * root[:, None])
    largest = np.abs(columns).max()
    scale = 2.0 ** -math.frexp(largest)[1] if largest > 0 else 1.0
    columns *= scale
    points = np.ascontiguousarray(columns.T)
    gram = gram_matrix(columns) if GRAM_WORTH * members.size >= A.shape[1] else NO_GRAM
    ridge, nearness = penalties[0] * A.shape[0] * scale**2, penalties[1]
    weights, numbers = np.zeros(theirs.shape), np.zeros((3, members.size))
    solve_together(points, columns, gram, own, theirs, ridge, nearness, start, weights, *numbers)
    for p in np.flatnonzero(~(numbers[1] <= np.maximum(CERTIFIED, numbers[2]))):
        one = slice(p, p + 1)
        polish(points, columns, own[one], theirs[one], ridge[one], nearness[one], weights[one], numbers[:, one])
        if not numbers[1, p] <= max(CERTIFIED, numbers[2, p]):
            raise EstimationError(
                f"problem {members[p]}: the weights of unit {own[p]} have a dual gap of {numbers[1, p]:.1e}, above "
                f"{CERTIFIED}; look for donors of very different size or rescale them"
            )
    fit.weights[members], fit.objectives[members], fit.gaps[members] = weights, numbers[0] / scale**2, numbers[1]
    fit.intercepts[members] = means[own] - weights @ means


def polish(points, columns, treated, donors, ridge, nearness, weights, numbers) -> None:
    """One problem anew, from the non-negative least squares of the module's head instead of from a neighbour."""
    D = points[donors[0]] - points[treated[0]]
    D = np.hstack([D, np.sqrt(ridge[0]) * np.eye(len(D))]) if ridge[0] > 0 else D
    size = np.sqrt((D**2).sum(axis=1).min()) or 1.0
    start = np.zeros((1, len(points)))
    try:
        u, _ = nnls(np.vstack([D.T / size, np.ones(len(D))]), np.append(np.zeros(D.shape[1]), 1.0))
        start[0, donors[0]] = u / u.sum()
    except RuntimeError:  # out of its own steps: the active set starts afresh
        pass
    solve_together(points, columns, NO_GRAM, treated, donors, ridge, nearness, start, weights, *numbers)


def solve_weighted(X0, x1, V) -> SimplexFit:
    """The weights that liken the predictors x1 (k,) best with the donors' X0 (k, donor): min sum_i V_i (x1_i - x0_i'w)^2.

    V (k,) >= 0 weighs the predictors as they are given, so standardise them before if it should weigh standardised ones.
    """
    return solve(x1, X0, row_weights=V)


@dataclass(frozen=True, eq=False)
class NestedFit:
    """Weights (donor,); v (k,), the weights of the standardised predictors, summing to 1; the outcome's mean squared gap
    they attain; `bound`, the least any weights could; `attained`, that of the search from each start by name, in order;
    `exact`, whether the donors' predictors can equal the treated unit's, when v has no say; the inner dual gap.
    """

    weights: np.ndarray
    v: np.ndarray
    mspe: float
    bound: float
    attained: Mapping[str, float]
    exact: bool
    gap: float

    @property
    def disagreement(self) -> float:
        """How much worse the worst start ended than the best, as a share of the attained mean squared gap."""
        return (max(self.attained.values()) - self.mspe) / self.mspe if self.mspe > 0 else 0.0


def nested_v(X0, x1, Y0, y1, *, starts: Mapping[str, np.ndarray] | None = None) -> NestedFit:
    """Weights of predictors such that the donor weights they imply fit the outcome best (Abadie, Diamond & Hainmueller 2010).

        v = argmin mean_t (y1_t - Y0_t'w(v))^2,    w(v) = argmin_w sum_i v_i (x1_i - X0_i'w)^2 / sd_i^2

    X0 (k, donor), x1 (k,), Y0 (time, donor), y1 (time,), all without gaps; sd_i is over all units. The inner problem is
    solved exactly; the outer has many local minima and no gradient where a donor enters, so it is searched, always the
    same way: by Nelder & Mead on log v (no v below 1e-8 of the largest) from `starts` (name -> v of the standardised
    predictors; by default raw predictors alike, standardised predictors alike, and the squared coefficients of a
    regression of the outcomes on the predictors) and from the best of a lattice, and from there again until it gains
    nothing. A search, not a proof: compare `mspe` with `bound`, and look at `disagreement`. Where donors can equal the
    predictors exactly every v > 0 is as good; then the weights that fit the outcome best among those are returned, with v
    alike.
    Raises EstimationError for a missing figure and for a predictor that is the same in every unit.
    """
    X0, x1, Y0, y1 = (np.asarray(part, dtype=float) for part in (X0, x1, Y0, y1))
    everyone = np.column_stack([x1, X0])
    if not (np.isfinite(everyone).all() and np.isfinite(Y0).all() and np.isfinite(y1).all()):
        raise EstimationError("a predictor or an outcome is missing; average the predictors over the years they have")
    sd = everyone.std(axis=1, ddof=1)
    if not (sd > 1e-12 * np.abs(everyone).max(axis=1)).all():
        flat = np.flatnonzero(~(sd > 1e-12 * np.abs(everyone).max(axis=1)))[0]
        raise EstimationError(f"predictor {flat} is {everyone[flat, 0]} in every unit and tells them not apart; leave it out")
    predictors, outcomes = ((X0.T - x1) / sd).copy(), (Y0.T - y1).copy()
    bound = solve(y1, Y0).objective / y1.size
    equal = solve_weighted(X0, x1, sd**-2.0)
    if equal.objective <= 1e-22 * (predictors**2).sum(axis=1).max():
        weights, gap = best_among_exact(predictors, outcomes)
        mspe = float(((weights @ outcomes) ** 2).mean())
        return NestedFit(weights, np.full(sd.size, 1 / sd.size), mspe, bound, {"exact": mspe}, True, gap)
    if starts is None:
        starts = {"raw alike": sd**2, "standardised alike": np.ones(sd.size), "regression": regression_v(everyone, sd, Y0, y1)}
    v, attained = search_v(starts, predictors, outcomes)
    fit = solve_weighted(predictors.T, np.zeros(sd.size), v)
    return NestedFit(fit.weights, v / v.sum(), float(((fit.weights @ outcomes) ** 2).mean()), bound, attained, False, fit.gap)


def regression_v(everyone, sd, Y0, y1) -> np.ndarray:
    """Sums of squares of the coefficients of each standardised predictor, every period's outcome regressed on all, (k,)."""
    design = np.column_stack([np.ones(everyone.shape[1]), (everyone / sd[:, None]).T])
    coefficients = np.linalg.lstsq(design, np.column_stack([y1, Y0]).T, rcond=None)[0][1:]
    return (coefficients**2).sum(axis=1)


def search_v(starts, predictors, outcomes) -> tuple[np.ndarray, dict[str, float]]:
    """The best v found, its largest 1, and what the search from each named start and from the lattice attained."""
    k = predictors.shape[1]
    lattice = LOWEST_LOG_V * np.mod(np.outer(np.arange(1, 64 * k + 1), np.sqrt(PRIMES[:k])), 1.0)
    looked = search(lattice.copy(), 0, predictors, outcomes)
    promising = [turn(lattice[at], 0, 30, predictors, outcomes) for at in np.argsort(looked, kind="stable")[:PROMISING]]
    promising.sort(key=lambda end: end[1])
    begin = [np.log(np.maximum(np.asarray(v, dtype=float), 1e-300)) for v in starts.values()]
    ends = []
    for log_v in begin + [log_v for log_v, _ in promising[:WALKED]]:
        ends.append(walk(log_v, predictors, outcomes, 1e-3, [loss for _, loss in ends]))
    losses = [loss for _, loss in ends]
    attained = dict(zip(starts, losses, strict=False)) | {"lattice": min(losses[len(starts) :])}
    return np.exp(walk(ends[int(np.argmin(losses))][0], predictors, outcomes, 1e-8, [])[0]), attained


def turn(log_v, number, evaluations, predictors, outcomes) -> tuple[np.ndarray, float]:
    """Nelder-Mead once, with an edge that differs from turn to turn and so many evaluations for each predictor."""
    k = log_v.size
    corners = log_v + EDGES[number % len(EDGES)] * np.vstack([np.zeros(k), np.eye(k)])
    losses = search(corners, evaluations * k, predictors, outcomes)
    log_v = corners[losses.argmin()]
    return np.maximum(log_v - log_v.max(), LOWEST_LOG_V), float(losses.min())


def walk(log_v, predictors, outcomes, gain, known) -> tuple[np.ndarray, float]:
    """Turn after turn, each from where the last ended, until two gain less than a share or meet the end of another walk."""
    last, log_v = math.inf, np.maximum(log_v - log_v.max(), LOWEST_LOG_V)
    for pair in range(PAIRS):
        log_v, _ = turn(log_v, 2 * pair, 60, predictors, outcomes)
        log_v, loss = turn(log_v, 2 * pair + 1, 60, predictors, outcomes)
        if loss >= (1 - gain) * last or any(abs(loss - end) <= 1e-5 * end for end in known):
            break
        last = loss
    return log_v, loss


def best_among_exact(predictors, outcomes) -> tuple[np.ndarray, float]:
    """Of the weights that give the treated unit's predictors exactly, those that fit the outcome best (donor,), and their gap.

    A penalty on the predictors, its target moved by what is still missing (the method of multipliers).
    """
    stiff = 1e3 * math.sqrt((outcomes**2).sum() / (predictors**2).sum())
    missing = np.zeros(predictors.shape[1])
    for _ in range(30):
        fit = solve(np.append(np.zeros(outcomes.shape[1]), stiff * missing), np.hstack([outcomes, stiff * predictors]).T)
        off = fit.weights @ predictors
        if np.abs(off).max() <= 1e-12 * np.abs(predictors).max():
            break
        missing = missing - off
    return fit.weights, fit.gap
