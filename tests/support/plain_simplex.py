"""Simplex weights, slowly and obviously: every support tried, or one non-negative least squares from scipy; no Gram matrix.

A support that is tried fixes who may have weight; the best weights on it that sum to 1, of either sign, are a linear
system, and the constrained optimum is the best of those that are not negative. Among equally good ones the least sum of squares.
"""

from itertools import combinations

import numpy as np
from scipy.optimize import nnls


def scaled_rows(y, Z, row_weights=None, ridge=0.0, intercept=False):
    """(y, Z) such that |y - Zw|^2 is the whole objective: demeaned, weighted, with the ridge as rows of its own."""
    y, Z = np.asarray(y, dtype=float), np.asarray(Z, dtype=float)
    m = np.ones(len(y)) if row_weights is None else np.asarray(row_weights, dtype=float)
    if intercept:
        y, Z = y - np.average(y, weights=m), Z - np.average(Z, axis=0, weights=m)
    root = np.sqrt(m)
    penalty = np.sqrt(ridge * (m > 0).sum()) * np.eye(Z.shape[1])
    return np.append(root * y, np.zeros(len(penalty))), np.vstack([root[:, None] * Z, penalty])


def by_enumeration(y, Z, **settings):
    """Weights (donor,) and the objective; 2^donors - 1 linear systems."""
    y, Z = scaled_rows(y, Z, **settings)
    donors = Z.shape[1]
    size = max(np.abs(Z - y[:, None]).max(), 1e-300)
    D = (Z - y[:, None]) / size
    found = []
    for count in range(1, donors + 1):
        for support in map(list, combinations(range(donors), count)):
            # w = 1/count + (a direction that sums to 0), the one of least norm among the best.
            even = np.full(count, 1 / count)
            across = np.linalg.qr(np.column_stack([np.ones(count), np.eye(count)[:, 1:]]))[0][:, 1:]
            system = D[:, support] @ across
            system[np.abs(system) < 1e-13] = 0.0  # copies, to whom rounding gave a difference
            w = even + across @ np.linalg.lstsq(system, -D[:, support] @ even, rcond=1e-11)[0]
            if w.min() > -1e-10:
                full = np.zeros(donors)
                full[support] = w
                found.append((float(((D @ full) ** 2).sum()), full))
    least = min(loss for loss, _ in found)
    ties = [w for loss, w in found if loss <= least + 1e-11]
    return min(ties, key=lambda w: float(w @ w)), least * size**2


def by_nnls(y, Z, **settings):
    """The same as u / 1'u of one non-negative least squares on [D/s ; 1'] u = [0 ; 1]."""
    y, Z = scaled_rows(y, Z, **settings)
    D = Z - y[:, None]
    size = np.sqrt((D**2).sum(axis=0).min()) or 1.0
    u, _ = nnls(np.vstack([D / size, np.ones(D.shape[1])]), np.append(np.zeros(len(D)), 1.0))
    w = u / u.sum()
    return w, float(((D @ w) ** 2).sum())


def excess(y, Z, w, **settings):
    """How far the weights are from the Karush-Kuhn-Tucker conditions: (sum and sign, gradient inside, gradient outside), where
    the gradients are relative to the largest product of a donor's distance and the residual's.
    """
    y, Z = scaled_rows(y, Z, **settings)
    D = Z - y[:, None]
    residual = D @ w
    gradient = D.T @ residual
    gradient -= w @ gradient
    size = max(np.sqrt((D**2).sum(axis=0).max()) * np.sqrt((D**2).sum(axis=0) @ w), 1e-300)
    return max(abs(w.sum() - 1), -w.min()), np.abs(gradient[w > 1e-9]).max() / size, max(-gradient.min(), 0.0) / size
