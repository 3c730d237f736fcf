"""The authors' own program for matrix completion, step for step: coordinate descent with a stop, and hands dealt by chance.

Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021) publish −20.2 for Proposition 99 from `mcnnm_cv(Y, mask, num_lam_L = 20)` of
the R package MCPanel. It holds out a fifth of the figures five times over, by the generator of the C++ library with its first
seed; tries 19 penalties from the largest down to a thousandth of it, even in logs, and 0; fits each from the one before, a round
of unit effects, period effects and one shrinkage at a time; and stops as soon as a round gains less than 1e-5 of the objective,
or after 400 rounds. The objective is Σ (y − L − u − v)² / figures + λ ‖L‖_*.
"""

from itertools import islice

import numpy as np

FOLDS, KEPT, LEAST_GAIN, ROUNDS = 5, 0.8, 1e-5, 400
MULTIPLIER, MODULUS = 16807, 2**31 - 1


def uniform():
    """Numbers of 0 to 1 as libstdc++ makes them from its default generator: two steps each."""
    state, span = 1, float(MODULUS - 1)
    while True:
        low = state = MULTIPLIER * state % MODULUS
        high = state = MULTIPLIER * state % MODULUS
        yield (low - 1 + (high - 1) * span) / span**2


def dealt(known):
    """The figures that each fold learns from, of those known (unit, period)."""
    numbers = uniform()
    return [known & (np.array(list(islice(numbers, known.size))).reshape(known.shape) < KEPT) for _ in range(FOLDS)]


def effects(rest, known, periods):
    """One round of unit effects and then period effects of the figures left, (unit, period)."""
    units = ((rest - periods) * known).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return units, ((rest - units[:, None]) * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def without_matrix(Y, known):
    """Unit and period effects where L = 0, and the smallest λ at which it is."""
    units, periods = np.zeros(len(Y)), np.zeros(Y.shape[1])
    for _ in range(1000):
        units, periods = effects(Y, known, periods)
    left = (Y - units[:, None] - periods) * known
    return units, periods, 2 * np.linalg.norm(left, 2) / known.sum()


def objective(Y, known, L, units, periods, lam):
    left = ((Y - L - units[:, None] - periods) * known) ** 2
    return left.sum() / known.sum() + lam * np.linalg.norm(L, "nuc")


def descended(Y, known, start, lam, least_gain=LEAST_GAIN, rounds=ROUNDS):
    """L, unit and period effects when the program stops, from a start of the same three."""
    L, units, periods = start
    last = objective(Y, known, L, units, periods, lam)
    for _ in range(rounds):
        units, periods = effects(Y - L, known, periods)
        left, sizes, right = np.linalg.svd(L + (Y - L - units[:, None] - periods) * known, full_matrices=False)
        L = (left * np.maximum(sizes - lam * known.sum() / 2, 0)) @ right
        value = objective(Y, known, L, units, periods, lam)
        if 0 <= (last - value) / last < least_gain:
            break
        last = value
    return L, units, periods


def published(Y, known, count=20):
    """The completed table (unit, period) of figures Y of which some are known, and the λ chosen."""
    folds = dealt(known)
    starts = [without_matrix(Y, fold) for fold in folds]
    largest = max(start[2] for start in starts)
    grid = np.append(np.geomspace(largest, largest / 1000, count - 1), 0.0)
    errors = np.zeros((count, FOLDS))
    for k, fold in enumerate(folds):
        fit = (np.zeros(Y.shape), *starts[k][:2])
        for row, lam in enumerate(grid):
            fit = descended(Y, fold, fit, lam)
            errors[row, k] = ((Y - fit[0] - fit[1][:, None] - fit[2])[known & ~fold] ** 2).mean()
    best = int(errors.mean(axis=1).argmin())
    fit = (np.zeros(Y.shape), *without_matrix(Y, known)[:2])
    for lam in grid[: best + 1]:
        fit = descended(Y, known, fit, lam)
    return fit, float(grid[best])
