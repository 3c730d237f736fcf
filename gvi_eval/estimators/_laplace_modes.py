"""Compiled kernels of the latent count model: for fixed rho, sigma and alpha, the mode, its curvature and
the next order of the Laplace expansion. `_laplace` states the model and the sources.

Two structures. Where every count is of one period the latent level has a tridiagonal precision and a
mode costs O(T p^2). Where some counts are of several periods there is one latent log mean per count and
the algebra is dense in their number. On single periods the two agree to rounding.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

POISSON_BELOW = 1e-13  # an alpha under this is the Poisson limit to machine precision
MAX_NEWTON = 200
SMALL_GAIN = 1e-6  # a Newton step that promises less log posterior than this is the last
LONGEST_STEP = 4.0  # in the log of any expected count


class Series(NamedTuple):
    """One count series as the kernels read it.

    y (n,); count i covers the periods at[start[i]:start[i+1]] with shares `share` of each (all (cells,));
    weight (cells,): share * mean of that period / mean of the count, from the pilot; X (T, p);
    offset (T,); precision (p,) of the coefficients' normal priors; one_alpha: no r.
    """

    y: np.ndarray
    start: np.ndarray
    at: np.ndarray
    share: np.ndarray
    log_share: np.ndarray
    weight: np.ndarray
    X: np.ndarray
    offset: np.ndarray
    precision: np.ndarray
    one_alpha: bool
    log_factorials: float


# --- likelihood of one count


@njit(cache=True)
def log_rising(y, a):
    """sum_{k<y} log(1 + a k) = log Gamma(y + 1/a) - log Gamma(1/a) + y log a, for any real y >= 0."""
    if a < POISSON_BELOW or y == 0.0:
        return 0.0
    if y < 20.0 and y == math.floor(y):
        rising = 1.0
        for k in range(1, int(y)):
            rising *= 1.0 + a * k
        return math.log(rising)
    r = 1.0 / a
    if r < 20.0:
        return math.lgamma(y + r) - math.lgamma(r) + y * math.log(a)
    top = 1.0 / (y + r)
    stirling = (top - a) / 12 - (top**3 - a**3) / 360 + (top**5 - a**5) / 1260
    return (y + r - 0.5) * math.log1p(a * y) - y + stirling


@njit(cache=True)
def count_terms(y, log_m, a):
    """log NB2(y | m, a) without the terms free of m, and its first four derivatives in log m.

    y log m - (y + 1/a) log(1 + a m); its limit at a = 0 is y log m - m.
    """
    m = math.exp(log_m)
    am = a * m
    value = y * log_m - (m if a < POISSON_BELOW else (y + 1.0 / a) * math.log1p(am))
    q = 1.0 / (1.0 + am)
    w = (1.0 + a * y) * m * q * q
    return value, (y - m) * q, -w, -w * (1.0 - am) * q, -w * (1.0 - 4.0 * am + am * am) * q * q


@njit(cache=True)
def fill_terms(y, log_m, a, terms):
    """`count_terms` of every count into terms (5, n); returns the log likelihood."""
    total = 0.0
    for i in range(y.size):
        terms[0, i], terms[1, i], terms[2, i], terms[3, i], terms[4, i] = count_terms(y[i], log_m[i], a[i])
        total += terms[0, i]
    return total


@njit(cache=True)
def count_constants(s, a):
    """Terms of the log marginal likelihood that are free of the means: counts' and coefficients' constants."""
    total = -s.log_factorials
    for i in range(s.y.size):
        total += log_rising(s.y[i], a[i])
    for j in range(s.precision.size):
        total += 0.5 * math.log(s.precision[j])
    return total


@njit(cache=True)
def expansion(third, fourth, V):
    """Next order of the Laplace expansion when count i depends on log mean i alone, V their covariance.

    E[log mean] = mode + V pulled / 2 with pulled = third * diag V; the log integral gains
    sum fourth V_ii^2 / 8 + pulled'V pulled / 8 + sum third_i third_j V_ij^3 / 12
    (Shun & McCullagh 1995). Reads the upper half of V. Returns pulled (n,) and the gain.
    """
    n = third.size
    pulled = np.empty(n)
    for i in range(n):
        pulled[i] = third[i] * V[i, i]
    gain = 0.0
    for i in range(n):
        v = V[i, i]
        gain += fourth[i] * v * v / 8.0 + pulled[i] ** 2 * v / 8.0 + third[i] ** 2 * v**3 / 12.0
        pull, cube = 0.0, 0.0
        row, their_pull, their_third = V[i, i + 1 :], pulled[i + 1 :], third[i + 1 :]
        for j in range(row.size):
            v = row[j]
            pull += v * their_pull[j]
            cube += v * v * v * their_third[j]
        gain += pulled[i] * pull / 4.0 + third[i] * cube / 6.0
    return pulled, gain


@njit(cache=True)
def cholesky(A):
    """Lower factor of a small matrix, of which the lower half is read, and whether it is positive definite."""
    n = A.shape[0]
    L = A.copy()
    for j in range(n):
        if not L[j, j] > 0.0:
            return L, False
        root = math.sqrt(L[j, j])
        for i in range(j, n):
            L[i, j] /= root
        column = L[j + 1 :, j].copy()
        for i in range(column.size):
            row, lift = L[j + 1 + i, j + 1 :], column[i]
            for k in range(i + 1):
                row[k] -= lift * column[k]
        L[j, j + 1 :] = 0.0
    return L, True


@njit(cache=True)
def solve_lower(L, b):
    """L^-1 b for a vector, in place."""
    for i in range(b.size):
        total = b[i]
        for j in range(i):
            total -= L[i, j] * b[j]
        b[i] = total / L[i, i]


@njit(cache=True)
def solve_upper(L, b):
    """L'^-1 b for a vector, in place."""
    for i in range(b.size - 1, -1, -1):
        b[i] /= L[i, i]
        for j in range(i):
            b[j] -= L[i, j] * b[i]


@njit(cache=True)
def inverse_and_log_det(L):
    """(LL')^-1 and log |LL'|."""
    n = L.shape[0]
    out, log_det = np.zeros((n, n)), 0.0
    for j in range(n):
        log_det += 2.0 * math.log(L[j, j])
        row = out[j]
        row[j] = 1.0
        solve_lower(L[j:, j:], row[j:])
        solve_upper(L, row)
    return out, log_det


# --- every count is of one period: the latent level has a tridiagonal precision


@njit(cache=True)
def tridiagonal(rho, sigma, curve):
    """LDL' pivots of (unit AR(1) precision + sigma^2 diag(curve)) and the lower factor."""
    T = curve.size
    scale = 1.0 / (1.0 - rho * rho)
    inner = scale * (1.0 + rho * rho)
    pivot, low = np.empty(T), np.zeros(T)
    for t in range(T):
        own = inner if 0 < t < T - 1 else (scale if T > 1 else 1.0)
        pivot[t] = own + sigma * sigma * curve[t]
        if t > 0:
            pivot[t] -= low[t - 1] ** 2 * pivot[t - 1]
        if t < T - 1:
            low[t] = -rho * scale / pivot[t]
    return pivot, low


@njit(cache=True)
def back_solve(pivot, low, B):
    """Solve the tridiagonal system for every column of B (T, k), in place."""
    T, k = B.shape
    for t in range(1, T):
        for j in range(k):
            B[t, j] -= low[t - 1] * B[t - 1, j]
    for t in range(T - 1, -1, -1):
        inverse = 1.0 / pivot[t]
        for j in range(k):
            B[t, j] *= inverse
        if t < T - 1:
            for j in range(k):
                B[t, j] -= low[t] * B[t + 1, j]


@njit(cache=True)
def factor(s, rho, sigma, curve, slope):
    """Factor the negative Hessian in (beta, z), u = sigma z: M = AR precision + sigma^2 diag(curve).

    Returns the pivots and lower factor of M, Y (T, p + 1) = M^-1 [sigma curve X, slope],
    R (T, p) = X - sigma Y, and the Cholesky factor of the Schur complement X' curve R + prior precision.
    """
    T, p = s.X.shape
    pivot, low = tridiagonal(rho, sigma, curve)
    Y, R, K = np.empty((T, p + 1)), np.empty((T, p)), np.zeros((p, p))
    for t in range(T):
        lift = sigma * curve[t]
        for j in range(p):
            Y[t, j] = lift * s.X[t, j]
        Y[t, p] = slope[t]
    back_solve(pivot, low, Y)
    for t in range(T):
        for j in range(p):
            R[t, j] = s.X[t, j] - sigma * Y[t, j]
        for i in range(p):
            lift = curve[t] * s.X[t, i]
            for j in range(i + 1):
                K[i, j] += lift * R[t, j]
    for j in range(p):
        K[j, j] += s.precision[j]
    return pivot, low, Y, R, cholesky(K)[0]


@njit(cache=True)
def log_prior_of_level(rho, z, slope):
    """Log density of z, a unit AR(1), without its constant, and its slope (T,)."""
    scale = 1.0 / (1.0 - rho * rho)
    total = -0.5 * z[0] * z[0]
    slope[:] = 0.0
    slope[0] = -z[0]
    for t in range(1, z.size):
        innovation = z[t] - rho * z[t - 1]
        total -= 0.5 * scale * innovation * innovation
        slope[t] -= scale * innovation
        slope[t - 1] += scale * rho * innovation
    return total


@njit(cache=True)
def eta_of(s, sigma, beta, z, eta):
    """eta = offset + X beta + sigma z."""
    for t in range(z.size):
        total = s.offset[t] + sigma * z[t]
        for j in range(beta.size):
            total += s.X[t, j] * beta[j]
        eta[t] = total


@njit(cache=True)
def months_value(s, rho, sigma, a, beta, z, eta, log_m, terms, slope):
    """Log posterior of (beta, z) without constants; fills eta, log means, terms and the slope in z."""
    eta_of(s, sigma, beta, z, eta)
    for i in range(s.y.size):
        log_m[i] = eta[s.at[i]] + s.log_share[i]
    value = fill_terms(s.y, log_m, a, terms) + log_prior_of_level(rho, z, slope)
    for j in range(beta.size):
        value -= 0.5 * s.precision[j] * beta[j] ** 2
    return value


@njit(cache=True)
def by_period(s, row, out):
    """Sum a term of the counts into their periods."""
    out[:] = 0.0
    for i in range(s.y.size):
        out[s.at[i]] += row[i]


@njit(cache=True)
def months_mode(s, rho, sigma, alpha, theta):
    """Damped Newton to the mode of theta = (beta, z), in place; the log posterior is concave.

    Returns the log posterior, the terms by count, the largest slope left and the number of steps.
    """
    T, p = s.X.shape
    beta, z = theta[:p], theta[p:]
    a = np.full(s.y.size, alpha)
    eta, new_eta, slope, pull, curve = np.empty(T), np.empty(T), np.empty(T), np.empty(T), np.empty(T)
    log_m, terms, right, trial = np.empty(s.y.size), np.empty((5, s.y.size)), np.empty(p), np.empty(p + T)
    value = months_value(s, rho, sigma, a, beta, z, eta, log_m, terms, slope)
    last = False
    for steps in range(MAX_NEWTON):
        by_period(s, terms[1], pull)
        by_period(s, terms[2], curve)
        worst = 0.0
        for j in range(p):
            right[j] = -s.precision[j] * beta[j]
        for t in range(T):
            curve[t] = -curve[t]
            slope[t] += sigma * pull[t]
            worst = max(worst, abs(slope[t]))
            for j in range(p):
                right[j] += pull[t] * s.X[t, j]
        for j in range(p):
            worst = max(worst, abs(right[j]))
        if last:
            return value, terms, worst, steps
        _, _, Y, _, L = factor(s, rho, sigma, curve, slope)
        step = right.copy()
        for t in range(T):
            lift = sigma * curve[t] * Y[t, p]
            for j in range(p):
                step[j] -= lift * s.X[t, j]
        solve_lower(L, step)
        solve_upper(L, step)
        gain, reach = 0.0, 0.0
        for j in range(p):
            gain += step[j] * right[j]
        for t in range(T):
            move = Y[t, p]
            for j in range(p):
                move -= Y[t, j] * step[j]
            Y[t, p] = move
            gain += move * slope[t]
            shift = sigma * move
            for j in range(p):
                shift += s.X[t, j] * step[j]
            reach = max(reach, abs(shift))
        last = gain < SMALL_GAIN
        length = min(1.0, LONGEST_STEP / max(reach, 1e-300))
        for _ in range(60):
            for j in range(p):
                trial[j] = beta[j] + length * step[j]
            for t in range(T):
                trial[p + t] = z[t] + length * Y[t, p]
            new_value = months_value(s, rho, sigma, a, trial[:p], trial[p:], new_eta, log_m, terms, slope)
            if last or new_value >= value + 1e-4 * length * gain:
                break
            length *= 0.5
        value = new_value
        theta[:] = trial
    return value, terms, np.inf, MAX_NEWTON


@njit(cache=True)
def months_covariance(sigma, pivot, low, R, cov):
    """Upper half of the covariance of eta, sigma^2 M^-1 + R cov R' (T, T), and cov R' (p, T)."""
    T, p = R.shape
    V, cross = np.empty((T, T)), np.zeros((p, T))
    for t in range(T):
        for i in range(p):
            for j in range(p):
                cross[i, t] += cov[i, j] * R[t, j]
    variance = sigma * sigma
    for t in range(T - 1, -1, -1):
        V[t, t] = variance / pivot[t]
        if t < T - 1:
            V[t, t] += low[t] * low[t] * V[t + 1, t + 1]
            row, below = V[t, t + 1 :], V[t + 1, t + 1 :]
            for k in range(row.size):
                row[k] = -low[t] * below[k]
    for t in range(T):
        row, j = V[t, t:], 0
        while j + 3 < p:  # four columns at a time, one pass over the row
            a, b, c, d = R[t, j], R[t, j + 1], R[t, j + 2], R[t, j + 3]
            with_a, with_b, with_c, with_d = cross[j, t:], cross[j + 1, t:], cross[j + 2, t:], cross[j + 3, t:]
            for k in range(row.size):
                row[k] += a * with_a[k] + b * with_b[k] + c * with_c[k] + d * with_d[k]
            j += 4
        while j < p:
            a, with_a = R[t, j], cross[j, t:]
            for k in range(row.size):
                row[k] += a * with_a[k]
            j += 1
    return V, cross


@njit(cache=True)
def months_around(s, rho, sigma, alpha, terms):
    """Factor at a mode: log |negative Hessian|, covariances of beta, (beta, eta), eta, and the expansion."""
    T = s.X.shape[0]
    curve, third, fourth = np.empty(T), np.empty(T), np.empty(T)
    by_period(s, terms[2], curve)
    by_period(s, terms[3], third)
    by_period(s, terms[4], fourth)
    pivot, low, _, R, L = factor(s, rho, sigma, -curve, third)
    cov, log_det = inverse_and_log_det(L)
    for t in range(T):
        log_det += math.log(pivot[t])
    V, cross = months_covariance(sigma, pivot, low, R, cov)
    pulled, gain = expansion(third, fourth, V)
    return log_det, cov, cross, V, pulled, gain


@njit(cache=True)
def evaluate_months(s, hyper, starts, ordered):
    """Every hyperparameter point (n, 3) from its own starting (beta, z) (n, p + T).

    Returns log marginal likelihood (n,), modes (n, p + T), mean (n, p) and covariance (n, p, p) of beta,
    the expansion's gain (n,), the largest slope left (n,) and Newton steps (n,). Without `ordered` only the
    log marginal likelihood, to first order, and the modes are filled in.
    """
    n, p = hyper.shape[0], s.X.shape[1]
    log_marginal, gains, slope, steps = np.empty(n), np.zeros(n), np.empty(n), np.zeros(n, np.int64)
    modes, mean, covs = starts.copy(), np.zeros((n, p)), np.zeros((n, p, p))
    for i in range(n):
        rho, sigma, alpha = hyper[i]
        log_marginal[i], terms, slope[i], steps[i] = months_mode(s, rho, sigma, alpha, modes[i])
        log_marginal[i] += count_constants(s, np.full(s.y.size, alpha)) - 0.5 * (s.offset.size - 1) * math.log(1.0 - rho * rho)
        if not ordered:
            log_marginal[i] -= 0.5 * months_log_det(s, rho, sigma, terms)
            continue
        log_det, cov, cross, _, pulled, gains[i] = months_around(s, rho, sigma, alpha, terms)
        log_marginal[i] += gains[i] - 0.5 * log_det
        covs[i] = cov
        for j in range(p):
            shift = 0.0
            for t in range(pulled.size):
                shift += cross[j, t] * pulled[t]
            mean[i, j] = modes[i, j] + 0.5 * shift
    return log_marginal, modes, mean, covs, gains, slope, steps


@njit(cache=True)
def months_log_det(s, rho, sigma, terms):
    """log |negative Hessian| alone."""
    curve = np.empty(s.X.shape[0])
    by_period(s, terms[2], curve)
    pivot, _, _, _, L = factor(s, rho, sigma, -curve, curve)
    total = 0.0
    for t in range(curve.size):
        total += math.log(pivot[t])
    for j in range(L.shape[0]):
        total += 2.0 * math.log(L[j, j])
    return total


@njit(cache=True)
def project_months(s, hyper, modes, on_beta, on_eta, joint):
    """Mean (n, m) of on_beta beta + on_eta eta, and its covariance (n, m, m) or, if not joint, variance (n, m, 1)."""
    n, p, m = hyper.shape[0], s.X.shape[1], on_beta.shape[0]
    means, covs = np.empty((n, m)), np.empty((n, m, m if joint else 1))
    for i in range(n):
        rho, sigma, alpha = hyper[i]
        theta = modes[i].copy()
        _, terms, _, _ = months_mode(s, rho, sigma, alpha, theta)
        _, cov, cross, V, pulled, _ = months_around(s, rho, sigma, alpha, terms)
        eta = np.empty(V.shape[0])
        eta_of(s, sigma, theta[:p], theta[p:], eta)
        project_one(on_beta, on_eta, theta[:p], eta, cov, cross, V, pulled, means[i], covs[i])
    return means, covs


@njit(cache=True)
def project_one(on_beta, on_eta, beta, eta, cov, cross, V, pulled, mean, out):
    """Mean (m,) and covariance (m, m), or variance (m, 1), of on_beta beta + on_eta eta.

    cov of beta (p, p), cross of (beta, eta) (p, T), upper half of V of eta (T, T); `pulled` (T,) is the
    expansion's slope in eta, which moves beta by cross pulled / 2 and eta by V pulled / 2.
    """
    T = V.shape[0]
    for t in range(T):
        for k in range(t):
            V[t, k] = V[k, t]
    with_beta = on_beta @ cov + on_eta @ np.ascontiguousarray(cross.T)
    with_eta = on_beta @ cross + on_eta @ V
    mean[:] = on_beta @ beta + on_eta @ eta + 0.5 * (with_eta @ pulled)
    for i in range(mean.size):
        for j in range(out.shape[1]):
            k = j if out.shape[1] > 1 else i
            out[i, j] = np.sum(with_beta[i] * on_beta[k]) + np.sum(with_eta[i] * on_eta[k])


# --- some counts are of several periods: one latent log mean per count


@njit(cache=True)
def span_moments(s, rho, sigma):
    """Covariance (n, n) and mean (n,) of xi, the log of each count's weighted mean of exp(u), and r (n,).

    cov = log sum_jk w_j w_k exp(sigma^2 rho^|j-k|), mean = (sigma^2 - variance) / 2 (Fenton 1960);
    r = sum w^2 exp(sigma^2) / exp(variance), which is 1 for one period.
    """
    n = s.y.size
    cov, mean, r = np.empty((n, n)), np.empty(n), np.ones(n)
    rise = lag_rise(rho, sigma, s.X.shape[0])
    for i in range(n):
        square = 0.0
        for k in range(s.start[i], s.start[i + 1]):
            square += s.weight[k] ** 2
        for j in range(i, n):
            total = 0.0
            for k in range(s.start[i], s.start[i + 1]):
                for h in range(s.start[j], s.start[j + 1]):
                    total += s.weight[k] * s.weight[h] * rise[abs(s.at[k] - s.at[h])]
            cov[i, j] = cov[j, i] = math.log1p(total)
        mean[i] = 0.5 * (sigma * sigma - cov[i, i])
        if not s.one_alpha:
            r[i] = square * math.exp(sigma * sigma - cov[i, i])
    return cov, mean, r


@njit(cache=True)
def lag_rise(rho, sigma, T):
    """exp(sigma^2 rho^lag) - 1 for every lag below T."""
    rise, power = np.empty(T), sigma * sigma
    for lag in range(T):
        rise[lag] = math.expm1(power)
        power *= rho
    return rise


@njit(cache=True)
def root_of(cov):
    """Lower factor of a covariance, its pivots held at 1e-10 of the diagonal or above."""
    n = cov.shape[0]
    L = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = cov[i, j]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                L[i, i] = math.sqrt(max(total, 1e-10 * cov[i, i], 1e-300))
            else:
                L[i, j] = total / L[j, j]
    return L


@njit(cache=True)
def composite_link(s, beta, base, G, pi):
    """log sum_j c_j exp(offset_j + x_j'beta) (n,), its slopes G (n, p) in beta and the periods' shares pi (cells,)."""
    p = beta.size
    for i in range(s.y.size):
        total = 0.0
        G[i, :p] = 0.0
        for k in range(s.start[i], s.start[i + 1]):
            t, log_mean = s.at[k], s.offset[s.at[k]]
            for j in range(p):
                log_mean += s.X[t, j] * beta[j]
            pi[k] = s.share[k] * math.exp(log_mean)
            total += pi[k]
        for k in range(s.start[i], s.start[i + 1]):
            pi[k] /= total
            for j in range(p):
                G[i, j] += pi[k] * s.X[s.at[k], j]
        base[i] = math.log(total)


@njit(cache=True)
def span_hessian(s, A, pi, pull, curve, observed):
    """Lower half of the negative Hessian in (beta, epsilon): A' diag(curve) A + prior precision, and if
    `observed` less the link's own curvature, sum_i pull_i (sum pi x x' - G_i G_i')."""
    p, (n, d) = s.X.shape[1], A.shape
    H = np.zeros((d, d))
    for i in range(n):
        for j in range(d):
            lift = curve[i] * A[i, j]
            if lift != 0.0:
                for k in range(j + 1):
                    H[j, k] += lift * A[i, k]
        if observed and s.start[i + 1] - s.start[i] > 1:
            for j in range(p):
                for k in range(j + 1):
                    bend = -A[i, j] * A[i, k]
                    for h in range(s.start[i], s.start[i + 1]):
                        bend += pi[h] * s.X[s.at[h], j] * s.X[s.at[h], k]
                    H[j, k] -= pull[i] * bend
    for j in range(d):
        H[j, j] += s.precision[j] if j < p else 1.0
    return H


@njit(cache=True)
def spans_value(s, theta, a, level, A, base, pi, log_m, terms):
    """Log posterior of theta = (beta, epsilon) without constants; fills A = [slopes of the link | root]."""
    p = s.X.shape[1]
    composite_link(s, theta[:p], base, A, pi)
    for i in range(s.y.size):
        log_m[i] = base[i] + level[i]
        for j in range(i + 1):
            log_m[i] += A[i, p + j] * theta[p + j]
    value = fill_terms(s.y, log_m, a, terms)
    for j in range(theta.size):
        value -= 0.5 * (s.precision[j] if j < p else 1.0) * theta[j] ** 2
    return value


@njit(cache=True)
def spans_mode(s, rho, sigma, alpha, theta):
    """Damped Newton to the mode of theta = (beta, epsilon), in place; log means = link + level + root epsilon.

    Returns the log posterior, dispersions, A (n, p + n), the Cholesky factor of the negative Hessian, the
    terms by count, the largest slope left and the number of steps. Where the composite link bends the
    Hessian out of shape the step is Fisher scoring's.
    """
    n, p = s.y.size, s.X.shape[1]
    cov, level, r = span_moments(s, rho, sigma)
    a, A = alpha * r, np.zeros((n, p + n))
    A[:, p:] = root_of(cov)
    base, pi, log_m, terms, slope = np.empty(n), np.empty(s.at.size), np.empty(n), np.zeros((5, n)), np.empty(p + n)
    value, last = spans_value(s, theta, a, level, A, base, pi, log_m, terms), False
    for steps in range(MAX_NEWTON):
        worst = 0.0
        for j in range(p + n):
            slope[j] = -(s.precision[j] if j < p else 1.0) * theta[j]
            for i in range(n):
                slope[j] += A[i, j] * terms[1, i]
            worst = max(worst, abs(slope[j]))
        L, fine = cholesky(span_hessian(s, A, pi, terms[1], -terms[2], True))
        if last:
            return value, a, A, L, terms, worst, steps
        if not fine:
            L, _ = cholesky(span_hessian(s, A, pi, terms[1], -terms[2], False))
        step = slope.copy()
        solve_lower(L, step)
        solve_upper(L, step)
        gain, reach = 0.0, 0.0
        for j in range(p + n):
            gain += step[j] * slope[j]
        for i in range(n):
            move = 0.0
            for j in range(p + n):
                move += A[i, j] * step[j]
            reach = max(reach, abs(move))
        last = gain < SMALL_GAIN
        length = min(1.0, LONGEST_STEP / max(reach, 1e-300))
        for _ in range(60):
            trial = theta + length * step
            new_value = spans_value(s, trial, a, level, A, base, pi, log_m, terms)
            if last or new_value >= value + 1e-4 * length * gain:
                break
            length *= 0.5
        value = new_value
        theta[:] = trial
    return value, a, A, L, terms, np.inf, MAX_NEWTON


@njit(cache=True)
def spans_around(A, L, terms, p):
    """log |negative Hessian|, covariance of (beta, epsilon), its cross with the log means, and the expansion.

    The link's own third derivatives in beta are left out of the expansion; they are 0 for one period.
    """
    n, d = A.shape
    cov, log_det = inverse_and_log_det(L)
    cross, V, flat = np.zeros((d, n)), np.zeros((n, n)), A.T.copy()
    for j in range(d):
        for k in range(d):
            for i in range(n):
                cross[j, i] += cov[j, k] * flat[k, i]
    for i in range(n):
        for j in range(d):
            lift = A[i, j]
            for k in range(n):
                V[i, k] += lift * cross[j, k]
    pulled, gain = expansion(terms[3], terms[4], V)
    return log_det, cov, cross, pulled, gain


@njit(cache=True)
def evaluate_spans(s, hyper, starts, ordered):
    """As `evaluate_months`, for starting (beta, epsilon) (n, p + counts)."""
    n, p = hyper.shape[0], s.X.shape[1]
    log_marginal, gains, slope, steps = np.empty(n), np.zeros(n), np.empty(n), np.zeros(n, np.int64)
    modes, mean, covs = starts.copy(), np.zeros((n, p)), np.zeros((n, p, p))
    for i in range(n):
        value, a, A, L, terms, slope[i], steps[i] = spans_mode(s, hyper[i, 0], hyper[i, 1], hyper[i, 2], modes[i])
        log_det, cov, cross, pulled, gain = spans_around(A, L, terms, p)
        log_marginal[i] = value + count_constants(s, a) - 0.5 * log_det
        if ordered:
            gains[i] = gain
            log_marginal[i] += gain
            covs[i] = cov[:p, :p]
            for j in range(p):
                mean[i, j] = modes[i, j]
                for k in range(pulled.size):
                    mean[i, j] += 0.5 * cross[j, k] * pulled[k]
    return log_marginal, modes, mean, covs, gains, slope, steps


@njit(cache=True)
def slope_on_spans(s, rho, sigma, root):
    """u given xi by normal regression: slope J (T, n) on epsilon.

    cov(u_t, xi_i) = log sum_j w_j exp(sigma^2 rho^|t-j|), the same matching of moments as `span_moments`.
    """
    n, T = s.y.size, s.X.shape[0]
    J = np.empty((T, n))
    rise = lag_rise(rho, sigma, T)
    for t in range(T):
        for i in range(n):
            total = 0.0
            for k in range(s.start[i], s.start[i + 1]):
                total += s.weight[k] * rise[abs(s.at[k] - t)]
            J[t, i] = math.log1p(total)
        solve_lower(root, J[t])
    return J


@njit(cache=True)
def level_given_spans(s, rho, sigma, root):
    """The slope of `slope_on_spans` and what is left of the covariance of u given xi (T, T)."""
    n, T = s.y.size, s.X.shape[0]
    J, rest = slope_on_spans(s, rho, sigma, root), np.empty((T, T))
    for t in range(T):
        for k in range(T):
            rest[t, k] = sigma * sigma * rho ** abs(t - k)
            for i in range(n):
                rest[t, k] -= J[t, i] * J[k, i]
    return J, rest


@njit(cache=True)
def project_spans(s, hyper, modes, on_beta, on_eta, joint):
    """As `project_months`."""
    n, (T, p), m = hyper.shape[0], s.X.shape, on_beta.shape[0]
    means, covs = np.empty((n, m)), np.empty((n, m, m if joint else 1))
    for i in range(n):
        rho, sigma, alpha = hyper[i]
        theta = modes[i].copy()
        _, _, A, L, terms, _, _ = spans_mode(s, rho, sigma, alpha, theta)
        _, cov, cross, pulled, _ = spans_around(A, L, terms, p)
        J, V = level_given_spans(s, rho, sigma, A[:, p:])
        reach = np.hstack((s.X, J))
        with_eta = np.ascontiguousarray(cov) @ reach.T.copy()
        V += reach @ with_eta
        eta = s.offset + reach @ theta
        shift = 0.5 * (cross @ pulled)
        beta = theta[:p] + shift[:p]
        eta += reach @ shift
        own = np.ascontiguousarray(cov[:p, :p])
        project_one(on_beta, on_eta, beta, eta, own, with_eta[:p].copy(), V, np.zeros(T), means[i], covs[i])
    return means, covs


@njit(cache=True)
def months_levels(s, hyper, modes):
    """The latent level u (n, T) at each mode."""
    n, (T, p) = hyper.shape[0], s.X.shape
    levels, eta = np.empty((n, T)), np.empty(T)
    for i in range(n):
        eta_of(s, hyper[i, 1], modes[i, :p], modes[i, p:], eta)
        for t in range(T):
            levels[i, t] = eta[t] - s.offset[t]
            for j in range(p):
                levels[i, t] -= s.X[t, j] * modes[i, j]
    return levels


@njit(cache=True)
def spans_levels(s, hyper, modes):
    """As `months_levels`: the mean of u given the latent log means of the spans."""
    n, (T, p) = hyper.shape[0], s.X.shape
    levels = np.empty((n, T))
    for i in range(n):
        cov, _, _ = span_moments(s, hyper[i, 0], hyper[i, 1])
        levels[i] = slope_on_spans(s, hyper[i, 0], hyper[i, 1], root_of(cov)) @ np.ascontiguousarray(modes[i, p:])
    return levels
