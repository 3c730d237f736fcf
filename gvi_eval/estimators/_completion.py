"""Matrix completion: a table with holes as effects of units and periods plus a matrix whose nuclear norm is held small.

    min over L, a, b of  ½ Σ_known (y_ti − L_ti − a_i − b_t)² + τ ‖L‖_*        ‖L‖_* the sum of the singular values

A table without holes is solved in one step: take the two-way means out and lessen every singular value of the rest by τ, to no
less than 0. Holes are filled with what the solution says of them until that changes nothing more (Mazumder, Hastie &
Tibshirani 2010), with steps extrapolated from those before (Anderson 1965).

The certificate: the residuals R of the solution, 0 at the holes, add up to 0 over every unit and period and have no singular
value above τ. Any such R gives Σ R y − ½ Σ R², below which no objective goes; the gap to that bound is the `gap`.

Athey, Bayati, Doudchenko, Imbens & Khosravi (2021) Matrix completion methods for causal panel data models, J. Am. Stat. Assoc.
116(536) 1716-1730, doi:10.1080/01621459.2021.1891924. Mazumder, Hastie & Tibshirani (2010) Spectral regularization algorithms
for learning large incomplete matrices, J. Mach. Learn. Res. 11 2287-2322. Anderson (1965) Iterative procedures for nonlinear
integral equations, J. ACM 12(4) 547-560, doi:10.1145/321296.321305.
"""

from dataclasses import dataclass

import numpy as np

from gvi_eval.errors import EstimationError

STEPS, MEMORY, GROWN = 5000, 8, 1.5
ROUGH, EXACT = 1e-5, 1e-11  # a step at the holes, of the size of the table, that is no step any more
CERTIFIED = 1e-8  # the largest dual gap of a solution, over the objective without L
FOLDS = 5
LEAST, STEPS_DOWN = 1e-3, 60  # the smallest penalty tried, of the largest, and in how many even steps in logs
PATIENCE = 8  # steps down without a smaller error of the held-out figures


@dataclass(frozen=True, eq=False)
class Completion:
    """matrix L, effects of units (unit,) and periods (period,), objective, and gap: how far above the minimum it may lie,
    over the objective without L. factors (unit, k) and sizes (k,): right singular vectors and singular values of L above 0.
    """

    matrix: np.ndarray
    units: np.ndarray
    periods: np.ndarray
    objective: float
    gap: float
    factors: np.ndarray
    sizes: np.ndarray

    @property
    def table(self) -> np.ndarray:
        """Every figure as the model has it, (period, unit)."""
        return self.matrix + self.units + self.periods[:, None]


def complete(
    figures: np.ndarray, known: np.ndarray, penalty: float, start: np.ndarray | None = None, precision: float = EXACT
) -> Completion:
    """The solution for figures (period, unit) of which those ``known`` (period, unit) count, with penalty τ ≥ 0.

    ``start`` (period, unit): a guess at the table, for speed alone. Raises `EstimationError` where a unit or period has no
    known figure, and, at the default precision, where the certificate exceeds `CERTIFIED`.
    """
    for axis, what in ((0, "unit"), (1, "period")):
        if not known.any(axis=axis).all():
            place = int(np.flatnonzero(~known.any(axis=axis))[0])
            raise EstimationError(f"{what} {place} of the table has no known figure, so nothing completes it; leave it out")
    figures = np.where(known, figures, 0.0)
    holes = ~known
    table = two_way(figures, known) if start is None else start
    size = float(np.sqrt((figures[known] - two_way(figures, known)[known]).var() + np.finfo(float).tiny))
    extrapolation = _Extrapolation()
    filled = np.where(known, figures, table)
    for _ in range(STEPS if holes.any() else 1):
        guess = filled[holes]
        table = _shrunk(filled, penalty)
        step = table[holes] - guess
        if not holes.any() or np.abs(step).max() <= precision * size:
            break
        filled[holes] = extrapolation.after(guess, step)
    matrix, units, periods, factors, sizes = _parts(np.where(known, figures, table), penalty)
    fit = matrix + units + periods[:, None]
    objective, bound, plain = _bounds(figures, known, fit, penalty, sizes.sum())
    gap = max(objective - bound, 0.0) / plain if plain > 0 else 0.0
    if precision == EXACT and not gap <= CERTIFIED:
        raise EstimationError(
            f"the completion of the table has a dual gap of {gap:.1e}, above {CERTIFIED}; use a larger penalty, or the variant "
            "'interactive'"
        )
    return Completion(matrix, units, periods, objective, gap, factors, sizes)


def two_way(figures: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Effects of units and periods (period, unit) by least squares over the known figures, the table without L."""
    if known.all():
        return figures.mean(axis=0) + figures.mean(axis=1, keepdims=True) - figures.mean()
    w = known.astype(float)
    share = w / w.sum(axis=0)
    within = w * (figures - (share * figures).sum(axis=0))
    system = np.diag(w.sum(axis=1)) - w @ share.T
    of_periods = np.linalg.lstsq(system, within.sum(axis=1), rcond=None)[0]
    of_units = (share * (figures - of_periods[:, None])).sum(axis=0)
    return of_units + of_periods[:, None]


def largest_penalty(figures: np.ndarray, known: np.ndarray) -> float:
    """The τ from which on L is 0: the largest singular value of what two-way effects leave."""
    return float(np.linalg.norm(np.where(known, figures - two_way(figures, known), 0.0), 2))


def chosen_penalty(figures: np.ndarray, known: np.ndarray) -> tuple[float, dict[float, float]]:
    """τ by cross-validation, and the mean squared error of held-out figures by τ, from the largest τ down.

    The known figures are dealt into `FOLDS` hands that each hold as many of every unit and period as can be, (t + 2i) mod 5,
    and each hand is predicted from the others. A penalty goes with the number of known figures, as the authors have it.
    """
    hand = (np.arange(len(figures))[:, None] + 2 * np.arange(figures.shape[1])) % FOLDS
    folds = [known & (hand != k) for k in range(FOLDS)]
    folds = [fold for fold in folds if fold.any(axis=0).all() and fold.any(axis=1).all()]
    if not folds:
        raise EstimationError("the table is too small to hold figures out of it; set a penalty, or widen the baseline")
    highest = max(largest_penalty(figures, fold) / fold.sum() for fold in folds)
    errors: dict[float, float] = {}
    tables: list[np.ndarray | None] = [None] * len(folds)
    best = np.inf
    since = 0
    for share in np.geomspace(1.0, LEAST, STEPS_DOWN) if highest > 0 else (1.0,):
        missed = []
        for k, fold in enumerate(folds):
            tables[k] = complete(figures, fold, highest * share * fold.sum(), tables[k], ROUGH).table
            missed.append(((tables[k] - figures)[known & ~fold] ** 2).mean())
        errors[float(highest * share * known.sum())] = float(np.mean(missed))
        since = 0 if np.mean(missed) < best else since + 1
        best = min(best, float(np.mean(missed)))
        if since >= PATIENCE:
            break
    return min(errors, key=lambda penalty: errors[penalty]), errors


def _parts(filled: np.ndarray, penalty: float) -> tuple[np.ndarray, ...]:
    """The solution of a table without holes: L, units, periods, and right singular vectors and values of L."""
    units, periods = filled.mean(axis=0), filled.mean(axis=1) - filled.mean()
    left, values, right = np.linalg.svd(filled - units - periods[:, None], full_matrices=False)
    kept = values > penalty
    sizes = values[kept] - penalty
    return (left[:, kept] * sizes) @ right[kept], units, periods, right[kept].T, sizes


def _shrunk(filled: np.ndarray, penalty: float) -> np.ndarray:
    """The table that the solution of a table without holes gives, by the smaller of its two Gram matrices."""
    units, periods = filled.mean(axis=0), filled.mean(axis=1) - filled.mean()
    rest = filled - units - periods[:, None]
    wide = rest.shape[0] <= rest.shape[1]
    squares, vectors = np.linalg.eigh(rest @ rest.T if wide else rest.T @ rest)
    values = np.sqrt(np.maximum(squares, 0.0))
    kept = values > penalty
    basis = vectors[:, kept]
    lessened = (basis * (1 - penalty / values[kept])) @ basis.T
    return (lessened @ rest if wide else rest @ lessened) + units + periods[:, None]


class _Extrapolation:
    """The next guess at the holes from the last ones and their steps.

    Plain steps never grow; where an extrapolated one leads to a step `GROWN` times the shortest so far, it is taken back,
    and plain steps go on from the guess with the shortest.
    """

    def __init__(self) -> None:
        self.past: list[tuple[np.ndarray, np.ndarray]] = []
        self.best: tuple[np.ndarray, np.ndarray] | None = None

    def after(self, guess: np.ndarray, step: np.ndarray) -> np.ndarray:
        if self.best is None or np.linalg.norm(step) <= np.linalg.norm(self.best[1]):
            self.best = (guess, step)
        elif np.linalg.norm(step) > GROWN * np.linalg.norm(self.best[1]):
            guess, step = self.best
            self.past.clear()
        self.past = [*self.past[1 - MEMORY :], (guess, step)]
        if len(self.past) == 1:
            return guess + step
        guesses, steps = (np.array([pair[part] for pair in self.past]) for part in (0, 1))
        moved, changed = np.diff(guesses, axis=0), np.diff(steps, axis=0)
        share = np.linalg.lstsq(changed.T, step, rcond=1e-8)[0]
        return guess + step - share @ (moved + changed)


def _bounds(
    figures: np.ndarray, known: np.ndarray, fit: np.ndarray, penalty: float, nuclear: float
) -> tuple[float, float, float]:
    """The objective, a bound below the minimum from the residuals, and the objective without L."""
    rest = np.where(known, figures - fit, 0.0)
    objective = 0.5 * (rest**2).sum() + penalty * nuclear
    dual = np.where(known, rest - two_way(rest, known), 0.0)
    dual = np.where(known, dual - two_way(dual, known), 0.0)  # once more for the last digits
    norm = np.linalg.norm(dual, 2)
    dual *= min(1.0, penalty / norm) if norm > 0 else 1.0
    plain = np.where(known, figures - two_way(figures, known), 0.0)
    return float(objective), float((dual * plain).sum() - 0.5 * (dual**2).sum()), float(0.5 * (plain**2).sum())
