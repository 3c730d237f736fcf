"""Weights of donors for several treated units at once, so that their gaps before the start are small apart and on average.

    min_w  ν |Σ_j (y_j − Z_j w_j) / J|² / (L pool₀²) + (1 − ν) Σ_j |y_j − Z_j w_j|² / (J L_j separate₀²)
    subject to  w_j >= 0,  1'w_j = 1  for each treated unit j of J

y_j are its figures at the L_j lags before its start and Z_j those of its donors; the sum over j is taken lag by lag, L the
number of different lags. Once ν is chosen it is one least squares |b − A w|² over a product of simplexes. An active set
solves it: weights inside come from the linear equations of the optimum on them, those that would fall below 0 leave, and the
donor with the steepest descent enters, one at a time, until the dual gap Σ_j (g_j'w_j − min g_j), an upper bound on how far the
objective lies above its minimum, is nothing beside the objective at the start. A ridge of 1e-9 of the mean square of A
settles ties, so that the weights do not depend on the order of donors.

Ben-Michael, Feller & Rothstein (2022) Synthetic controls with staggered adoption, J. R. Stat. Soc. B 84(2) 351-381,
doi:10.1111/rssb.12448. Jaggi (2013) Revisiting Frank-Wolfe, ICML, PMLR 28(1) 427-435: the dual gap.
"""

from dataclasses import dataclass

import numpy as np

from gvi_eval.errors import EstimationError
from gvi_eval.estimators._simplex import solve

RIDGE = 1e-9  # of the mean square of a column, to settle ties
CERTIFIED = 1e-10  # dual gap, of the objective at the start, that ends the search
ROUNDING = 1e-12  # a mean squared gap below this share of the figures' own is none
ROUNDS = 50  # entries into the active set, times the number of weights


@dataclass(frozen=True, eq=False)
class PooledFit:
    """weights (donor,) of each treated unit; ν; the dual gap; root mean squared gaps of the mean of all units and of units
    apart, with these weights and with those that are fitted one unit at a time.
    """

    weights: tuple[np.ndarray, ...]
    nu: float
    gap: float
    pooled: float
    separate: float
    pooled_apart: float
    separate_apart: float


def pooled_weights(
    own: list[np.ndarray], donors: list[np.ndarray], lags: list[np.ndarray], nu: float | None = None
) -> PooledFit:
    """own[j] (row,), donors[j] (row, donor) and lags[j] (row,), the number of periods before unit j's own start.

    ``nu`` None: the length of the sum of the separate fits' gaps over the sum of their lengths.
    """
    apart = [solve(y, Z) for y, Z in zip(own, donors, strict=True)]
    gaps = [y - Z @ fit.weights for y, Z, fit in zip(own, donors, apart, strict=True)]
    pooled0, separate0, ratio = _imbalance(gaps, lags)
    nu = ratio if nu is None else float(nu)
    weights, gap = tuple(fit.weights for fit in apart), max(fit.gap for fit in apart)
    size = np.mean([float((y**2).mean()) for y in own])
    if len(own) > 1 and nu > 0 and min(pooled0, separate0) ** 2 > ROUNDING * size:
        A, b, blocks = _stacked(own, donors, lags, nu, pooled0, separate0)
        joined, gap = solve_product(A, b, blocks, np.concatenate(weights))
        weights = tuple(joined[blocks == j] for j in range(len(own)))
        gaps = [y - Z @ w for y, Z, w in zip(own, donors, weights, strict=True)]
    pooled, separate, _ = _imbalance(gaps, lags)
    return PooledFit(weights, nu, float(gap), pooled, separate, pooled0, separate0)


def _imbalance(gaps: list[np.ndarray], lags: list[np.ndarray]) -> tuple[float, float, float]:
    """Root mean squared gap of the mean over units, and of units apart; length of their sum over the sum of their lengths."""
    every = np.unique(np.concatenate(lags))
    total = np.zeros(len(every))
    for gap, lag in zip(gaps, lags, strict=True):
        total[np.searchsorted(every, lag)] += gap
    lengths = sum(float(np.linalg.norm(gap)) for gap in gaps)
    pooled = float(np.sqrt(((total / len(gaps)) ** 2).mean()))
    separate = float(np.sqrt(np.mean([(gap**2).mean() for gap in gaps])))
    return pooled, separate, min(float(np.linalg.norm(total)) / lengths, 1.0) if lengths > 0 else 0.0


def _stacked(
    own: list[np.ndarray], donors: list[np.ndarray], lags: list[np.ndarray], nu: float, pooled: float, separate: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (row, weight), b (row,) and the unit of each weight: pooled rows, one for each lag, above those of the units apart."""
    every = np.unique(np.concatenate(lags))
    blocks = np.repeat(np.arange(len(own)), [Z.shape[1] for Z in donors])
    together = np.sqrt(nu / len(every)) / (len(own) * pooled)
    A, b = np.zeros((len(every) + sum(map(len, own)), len(blocks))), np.zeros(len(every) + sum(map(len, own)))
    row = len(every)
    for j, (y, Z, lag) in enumerate(zip(own, donors, lags, strict=True)):
        places, alone = np.searchsorted(every, lag), np.sqrt((1 - nu) / (len(own) * len(y))) / separate
        A[np.ix_(places, blocks == j)] = together * Z
        b[places] += together * y
        A[row : row + len(y), blocks == j] = alone * Z
        b[row : row + len(y)] = alone * y
        row += len(y)
    return A, b, blocks


def solve_product(A: np.ndarray, b: np.ndarray, blocks: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """argmin |b − A w|² with weights (weight,) that are 0 or more and sum to 1 in each block, and its dual gap.

    A (row, weight); blocks (weight,) numbered from 0; start, weights to begin from. Raises `EstimationError` where it does
    not settle.
    """
    gram, target = A.T @ A, A.T @ b
    gram = gram + RIDGE * float(np.diag(gram).mean()) * np.eye(len(gram))
    sums = np.equal.outer(np.arange(blocks.max() + 1), blocks).astype(float)
    w, inside = start.copy(), start > 0
    scale = max(float(((b - A @ start) ** 2).sum()), float(np.finfo(float).tiny))
    for _ in range(ROUNDS * len(w)):
        w, inside = _descend(gram, target, sums, w, inside)
        slope = 2 * (gram @ w - target)
        least = np.where(sums > 0, slope, np.inf).min(axis=1)
        gap = float(slope @ w - least.sum())
        if gap <= CERTIFIED * scale:
            return w, max(gap, 0.0)
        steep = np.where(inside, np.inf, slope - (sums @ (slope * w))[blocks])
        if not np.isfinite(steep).any():
            break
        inside[int(np.argmin(steep))] = True
    raise EstimationError(
        f"the pooled weights of {sums.shape[0]} treated units do not settle (dual gap {gap:.1e}); use nu = 0 or fewer donors"
    )


def _descend(
    gram: np.ndarray, target: np.ndarray, sums: np.ndarray, w: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best weights on those inside, of whom such as would fall below 0 leave on the way."""
    while True:
        held = np.flatnonzero(inside)
        size, many = len(held), len(sums)
        system = np.zeros((size + many, size + many))
        system[:size, :size] = gram[np.ix_(held, held)]
        system[:size, size:], system[size:, :size] = sums[:, held].T, sums[:, held]
        best = np.linalg.solve(system, np.append(target[held], np.ones(many)))[:size]
        falling = best <= 0
        if not falling.any():
            w = np.zeros_like(w)
            w[held] = best
            return w, inside
        old = w[held]
        steps = np.where(falling, old / np.maximum(old - best, 1e-300), np.inf)
        step, first = float(steps.min()), int(steps.argmin())
        moved = np.maximum(old + step * (best - old), 0.0)
        moved[first] = 0.0
        w, inside = np.zeros_like(w), inside.copy()
        w[held] = moved
        inside[held[moved <= 0]] = False
