"""Compiled kernels where some counts are of several periods: one latent log mean per count, and algebra that is
dense in their number. On single periods they agree with the months' to rounding. `_laplace` states the model.
"""

import math

import numpy as np
from numba import njit

from gvi_eval.estimators._laplace_months import project_one
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
def spans_levels(s, hyper, modes):
    """As `months_levels`: the mean of u given the latent log means of the spans."""
    n, (T, p) = hyper.shape[0], s.X.shape
    levels = np.empty((n, T))
    for i in range(n):
        cov, _, _ = span_moments(s, hyper[i, 0], hyper[i, 1])
        levels[i] = slope_on_spans(s, hyper[i, 0], hyper[i, 1], root_of(cov)) @ np.ascontiguousarray(modes[i, p:])
    return levels
