"""Compiled kernel of the joint latent count model where every count is of one unit in one period.

With one correlation for all levels, the latent level of the units in period t is A z_t, where the components of z are
independent unit AR(1)s and A A' is the units' covariance; so the negative Hessian is block tridiagonal with off-diagonal
blocks that are multiples of the identity, and a mode costs O(T K^3). `_laplace_joint` states the model and the sources.
Arrays are (period, unit); cells without a count have `known` False and no say.
"""

import math

import numpy as np
from numba import njit

from gvi_eval.estimators._laplace_terms import (
    LONGEST_STEP,
    cholesky,
    count_terms,
    expansion,
    inverse_and_log_det,
    log_rising,
    solve_lower,
    solve_upper,
)

MAX_NEWTON = 100
SMALL_GAIN = 1e-5


@njit(cache=True)
def block_factor(curve, A, rho):
    """Inverse pivots (T, K, K) of AR precision + A' diag(curve_t) A, the off-diagonal c, and its log determinant."""
    T, K = curve.shape
    scale = 1.0 / (1.0 - rho * rho)
    inner, c, log_det = scale * (1.0 + rho * rho), rho * scale, 0.0
    inverse, P = np.empty((T, K, K)), np.empty((K, K))
    for t in range(T):
        own = inner if 0 < t < T - 1 else (scale if T > 1 else 1.0)
        for i in range(K):
            for j in range(i + 1):
                total = own if i == j else 0.0
                for k in range(K):
                    total += A[k, i] * curve[t, k] * A[k, j]
                if t > 0:
                    total -= c * c * inverse[t - 1, i, j]
                P[i, j] = P[j, i] = total
        inverse[t], own_det = inverse_and_log_det(cholesky(P)[0])
        log_det += own_det
    return inverse, c, log_det


@njit(cache=True)
def block_solve(inverse, c, B):
    """Solve for every column of B (T, K, m), in place."""
    T, K, m = B.shape
    row = np.empty((K, m))
    for t in range(1, T):
        for i in range(K):
            for k in range(K):
                lift = c * inverse[t - 1, i, k]
                for j in range(m):
                    B[t, i, j] += lift * B[t - 1, k, j]
    for t in range(T - 1, -1, -1):
        if t < T - 1:
            for i in range(K):
                for j in range(m):
                    B[t, i, j] += c * B[t + 1, i, j]
        row[:] = 0.0
        for i in range(K):
            for k in range(K):
                for j in range(m):
                    row[i, j] += inverse[t, i, k] * B[t, k, j]
        B[t] = row


@njit(cache=True)
def log_prior_of_levels(rho, z, slope):
    """Log density of independent unit AR(1)s z (T, K), without its constant, and its slope (T, K)."""
    T, K = z.shape
    scale, total = 1.0 / (1.0 - rho * rho), 0.0
    slope[:] = 0.0
    for k in range(K):
        total -= 0.5 * z[0, k] * z[0, k]
        slope[0, k] = -z[0, k]
        for t in range(1, T):
            innovation = z[t, k] - rho * z[t - 1, k]
            total -= 0.5 * scale * innovation * innovation
            slope[t, k] -= scale * innovation
            slope[t - 1, k] += scale * rho * innovation
    return total


@njit(cache=True)
def units_value(y, known, X, offset, precision, rho, A, alpha, beta, z, terms, slope):
    """Log posterior without constants; fills the likelihood's derivatives `terms` (5, T, K) and the slope in z."""
    T, K, p = X.shape
    value = log_prior_of_levels(rho, z, slope)
    for t in range(T):
        for k in range(K):
            terms[:, t, k] = 0.0
            if not known[t, k]:
                continue
            eta = offset[t, k]
            for j in range(p):
                eta += X[t, k, j] * beta[j]
            for j in range(K):
                eta += A[k, j] * z[t, j]
            found = count_terms(y[t, k], eta, alpha[k])
            value += found[0]
            for order in range(1, 5):
                terms[order, t, k] = found[order]
    for j in range(p):
        value -= 0.5 * precision[j] * beta[j] ** 2
    return value


@njit(cache=True)
def units_factor(X, precision, rho, A, terms, slope):
    """The factored Hessian: inverse pivots, c, log determinant of the levels' part, Y (T, K, p + 1), R (T, K, p) and the
    Cholesky factor of the coefficients' Schur complement."""
    T, K, p = X.shape
    inverse, c, log_det = block_factor(-terms[2], A, rho)
    Y, R, S = np.zeros((T, K, p + 1)), np.empty((T, K, p)), np.zeros((p, p))
    for t in range(T):
        for i in range(K):
            Y[t, i, p] = slope[t, i]
            for k in range(K):
                lift = -A[k, i] * terms[2, t, k]
                for j in range(p):
                    Y[t, i, j] += lift * X[t, k, j]
    block_solve(inverse, c, Y)
    for t in range(T):
        for k in range(K):
            for j in range(p):
                total = X[t, k, j]
                for i in range(K):
                    total -= A[k, i] * Y[t, i, j]
                R[t, k, j] = total
            curve = -terms[2, t, k]
            if curve > 0.0:
                for i in range(p):
                    lift = curve * X[t, k, i]
                    for j in range(i + 1):
                        S[i, j] += lift * R[t, k, j]
    for j in range(p):
        S[j, j] += precision[j]
    return inverse, c, log_det, Y, R, cholesky(S)[0]


@njit(cache=True)
def units_mode(y, known, X, offset, precision, rho, A, alpha, beta, z):
    """Damped Newton to the mode of (beta, z), in place.

    Returns the log posterior, its terms, the largest slope left in beta, and the number of steps (0: not found).
    """
    T, K, p = X.shape
    terms, slope, right = np.zeros((5, T, K)), np.empty((T, K)), np.empty(p)
    value = units_value(y, known, X, offset, precision, rho, A, alpha, beta, z, terms, slope)
    last = False
    for steps in range(1, MAX_NEWTON + 1):
        for j in range(p):
            right[j] = -precision[j] * beta[j]
        for t in range(T):
            for k in range(K):
                pull = terms[1, t, k]
                for j in range(K):
                    slope[t, j] += A[k, j] * pull
                for j in range(p):
                    right[j] += pull * X[t, k, j]
        if last:
            return value, terms, np.abs(right).max(), steps
        _, _, _, Y, _, L = units_factor(X, precision, rho, A, terms, slope)
        step = right.copy()
        for t in range(T):
            for k in range(K):
                lift = 0.0
                for j in range(K):
                    lift -= A[k, j] * Y[t, j, p]
                lift *= -terms[2, t, k]
                for j in range(p):
                    step[j] += lift * X[t, k, j]
        solve_lower(L, step)
        solve_upper(L, step)
        gain, reach = np.sum(step * right), 0.0
        move = np.empty((T, K))
        for t in range(T):
            for k in range(K):
                total = Y[t, k, p]
                for j in range(p):
                    total -= Y[t, k, j] * step[j]
                move[t, k] = total
                gain += total * slope[t, k]
            for k in range(K):
                shift = 0.0
                for j in range(K):
                    shift += A[k, j] * move[t, j]
                for j in range(p):
                    shift += X[t, k, j] * step[j]
                reach = max(reach, abs(shift))
        last = gain < SMALL_GAIN
        length = min(1.0, LONGEST_STEP / max(reach, 1e-300))
        for _ in range(60):
            new_beta, new_z = beta + length * step, z + length * move
            new = units_value(y, known, X, offset, precision, rho, A, alpha, new_beta, new_z, terms, slope)
            if last or new >= value + 1e-4 * length * gain:
                break
            length *= 0.5
        value = new
        beta[:] = new_beta
        z[:] = new_z
    return value, terms, np.inf, 0


@njit(cache=True)
def multiply(left, right, out):
    """out = left right for small matrices, without a call of BLAS."""
    for i in range(left.shape[0]):
        for j in range(right.shape[1]):
            total = 0.0
            for k in range(right.shape[0]):
                total += left[i, k] * right[k, j]
            out[i, j] = total


@njit(cache=True)
def covariance_of_levels(inverse, c, A):
    """Covariance of the latent levels A z given the coefficients, (T, K, T, K), later periods than one's own only."""
    T, K = inverse.shape[0], A.shape[0]
    out, turned = np.zeros((T, K, T, K)), A.T.copy()
    step, half, fresh, own = np.empty((K, K)), np.empty((K, K)), np.empty((K, K)), np.zeros((K, K))
    rows = np.zeros((T, K, K))  # cov(z_t, z_s) A' for the period t at hand and every s >= t
    for t in range(T - 1, -1, -1):
        step[:, :] = c * inverse[t]
        multiply(step, own, half)
        multiply(half, step, own)
        own += inverse[t]
        multiply(own, turned, rows[t])
        for s in range(t, T):
            if s > t:
                multiply(step, rows[s], fresh)
                rows[s] = fresh
            multiply(A, rows[s], fresh)
            for i in range(K):
                for j in range(K):
                    out[t, i, s, j] = fresh[i, j]
    return out


@njit(cache=True)
def units_around(known, X, precision, rho, A, terms):
    """At a mode: log |negative Hessian|, covariance of beta, R (T, K, p), the upper half of the covariance V of all log
    means (T K, T K), the expansion's slope (T K,) and gain."""
    T, K, p = X.shape
    inverse, c, log_det, _, R, L = units_factor(X, precision, rho, A, terms, np.zeros((T, K)))
    cov, own_det = inverse_and_log_det(L)
    V = covariance_of_levels(inverse, c, A).reshape(T * K, T * K)
    flat = np.ascontiguousarray(R).reshape(T * K, p)
    V += flat @ cov @ flat.T
    third, fourth = np.ascontiguousarray(terms[3]).reshape(T * K), np.ascontiguousarray(terms[4]).reshape(T * K)
    pulled, gain = expansion(third, fourth, V)
    return log_det + own_det, cov, R, V, pulled, gain


@njit(cache=True)
def constants_of_counts(y, known, alpha):
    """Terms of the likelihood that are free of the means, but for the factorials."""
    total = 0.0
    for t in range(y.shape[0]):
        for k in range(y.shape[1]):
            if known[t, k]:
                total += log_rising(y[t, k], alpha[k])
    return total


@njit(cache=True)
def level_of_units(shared, own):
    """A lower factor (K, K) of shared^2 + diag(own^2), also where it is singular."""
    K = own.size
    A = np.zeros((K, K))
    for i in range(K):
        for j in range(i + 1):
            total = shared * shared + (own[i] * own[i] if i == j else 0.0)
            for k in range(j):
                total -= A[i, k] * A[j, k]
            if i == j:
                A[i, i] = math.sqrt(max(total, 0.0))
            elif A[j, j] > 0.0:
                A[i, j] = total / A[j, j]
    return A
