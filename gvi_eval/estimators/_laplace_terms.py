"""Compiled pieces that every latent count kernel shares: the likelihood of one count, the next order of the
Laplace expansion, and the algebra of small dense matrices. `_laplace` states the model and the sources.
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
