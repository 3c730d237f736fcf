"""Compiled kernels where every count is of one period: for fixed rho, sigma and alpha the latent level has a
tridiagonal precision and a mode costs O(T p^2). `_laplace` states the model and the sources.
"""

import math

import numpy as np
from numba import njit

from gvi_eval.estimators._laplace_terms import (
    LONGEST_STEP,
    MAX_NEWTON,
    SMALL_GAIN,
    cholesky,
    count_constants,
    expansion,
    fill_terms,
    inverse_and_log_det,
    solve_lower,
    solve_upper,
)


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
