"""The mode of the joint latent count model for fixed hyperparameters, its curvature and the next order of the Laplace
expansion: dense in the counts where some are of several periods, block tridiagonal where none is. `_laplace_joint` states
the model and the sources; hyper (6,) are in the order of its `HYPERPARAMETERS`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.special import gammaln

from gvi_eval.estimators._joint import JointDesign
from gvi_eval.estimators._laplace_terms import expansion, fill_terms, log_rising
from gvi_eval.estimators._laplace_units import (
    constants_of_counts,
    level_of_units,
    units_around,
    units_factor,
    units_mode,
)

MAX_NEWTON = 100
SMALL_GAIN = 1e-5
LONGEST_STEP = 4.0  # in the log of any expected count
FLOOR = 1e-10  # of a variance, below which a negative pivot is rounding


class Cells(NamedTuple):
    """What does not depend on the parameters: which cells each count covers and how far apart cells are.

    used (c,) cells that some count covers; share (n, c); single: every count is of one cell; lag (c, c) periods between
    cells; same (c, c) whether they are of one unit; treated_lag (T, c) and treated_same (c,) of the treated unit's periods.
    """

    used: np.ndarray
    share: np.ndarray
    single: bool
    lag: np.ndarray
    same: np.ndarray
    own: np.ndarray
    treated_lag: np.ndarray


@dataclass(frozen=True, eq=False)
class Mode:
    """Where the log posterior of (beta, f) is highest for one hyperparameter point, and its curvature there."""

    beta: np.ndarray
    weight: np.ndarray  # K^-1 (f - m), shape (n,)
    beta_shift: np.ndarray  # of the posterior mean of beta from the mode
    beta_cov: np.ndarray
    log_marginal: float
    slope: float
    steps: int


class Curvature(NamedTuple):
    """At a mode: Z (n, n) with Z'Z = K M K for M = (W^-1 + K)^-1, the factor of I + W^.5 K W^.5 and W^.5, M G,
    R = G - K M G (n, p), the covariance of beta, and `expansion`'s slope."""

    Z: np.ndarray
    L: np.ndarray
    root: np.ndarray
    MG: np.ndarray
    R: np.ndarray
    beta_cov: np.ndarray
    pulled: np.ndarray
    gain: float
    log_det: float


def cells_of(joint: JointDesign) -> Cells:
    """The parameter-free structure of a joint design."""
    used = np.flatnonzero(joint.matrix.sum(axis=0) > 0)
    unit, period = joint.unit_of_cell[used], joint.period_of_cell[used]
    return Cells(
        used=used,
        share=joint.matrix[:, used],
        single=bool(((joint.matrix > 0).sum(axis=1) == 1).all()),
        lag=np.abs(period[:, None] - period[None, :]),
        same=unit[:, None] == unit[None, :],
        own=unit == 0,
        treated_lag=np.abs(np.arange(joint.periods)[:, None] - period[None, :]),
    )


class Level(NamedTuple):
    """The prior of the counts' latent log means: covariance (n, n), mean (n,), and r (n,) of the dispersions."""

    K: np.ndarray
    mean: np.ndarray
    r: np.ndarray


def _factor(K: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Lower factor of I + W^.5 K W^.5."""
    B = root[:, None] * K * root
    B[np.diag_indices_from(B)] += 1.0
    return cholesky(B, lower=True, overwrite_a=True, check_finite=False)


def _solve(L: np.ndarray, root: np.ndarray, x: np.ndarray) -> np.ndarray:
    """M x for M = (W^-1 + K)^-1, x of shape (n,) or (n, k)."""
    scale = root[:, None] if x.ndim == 2 else root
    return scale * cho_solve((L, True), scale * x, check_finite=False)


def positive(K: np.ndarray) -> np.ndarray:
    """A covariance as it is, or without its negative part: moments matched entry by entry need not fit together."""
    try:
        cholesky(K + FLOOR * np.diag(np.diag(K)), lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(K)
        return (vectors * np.maximum(values, 0.0)) @ vectors.T
    return K


@njit(cache=True)
def _rising(y, a):
    """The constants of all counts' likelihoods that are free of the means."""
    total = 0.0
    for i in range(y.size):
        total += log_rising(y[i], a[i])
    return total


class SpanProblem:
    """One joint data set: what the modes are looked for in."""

    def __init__(self, joint: JointDesign, one_alpha: bool) -> None:
        self.joint, self.cells, self.one_alpha = joint, cells_of(joint), one_alpha
        self.X = joint.factual[self.cells.used]
        self.offset = joint.offset[self.cells.used]
        self.precision = joint.prior_sd**-2.0
        self.y = joint.counts
        self.of_treated = joint.unit_of_count == 0
        self.constant = float(0.5 * np.log(self.precision).sum() - gammaln(self.y + 1).sum())
        self.weights = self.cells.share / self.cells.share.sum(axis=1, keepdims=True)
        if self.cells.single:
            self.cell = self.cells.share.argmax(axis=1)
            shares = self.cells.share[np.arange(len(self.y)), self.cell]
            self.single_base, self.single_X = self.offset[self.cell] + np.log(shares), self.X[self.cell]

    def first_guess(self) -> np.ndarray:
        """Ridge least squares of each count's log rate given to its cells, shape (p,)."""
        total = self.cells.share @ np.exp(self.offset)
        row, cell = np.nonzero(self.cells.share)
        rate, X = np.log((self.y + 0.5) / total)[row], self.X[cell]
        return np.linalg.solve(X.T @ X + np.diag(self.precision), X.T @ rate)

    def settle(self, beta: np.ndarray) -> None:
        """Weights of the cells inside each count at these coefficients."""
        means = self.cells.share * np.exp(self.offset + self.X @ beta)
        self.weights = means / means.sum(axis=1, keepdims=True)

    def settled(self, hyper: np.ndarray) -> Mode:
        """A mode to start from, with the weights of the cells inside each count settled on the way."""
        beta, weight = self.first_guess(), np.zeros(len(self.y))
        for _ in range(3):
            self.settle(beta)
            mode = self.mode(hyper, beta, weight)
            beta, weight = mode.beta, mode.weight
        return mode

    def link(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """log Σ c exp(offset + x'beta) (n,), its slopes (n, p) and each cell's share (n, c)."""
        if self.cells.single:
            return self.single_base + self.single_X @ beta, self.single_X, self.cells.share
        means = self.cells.share * np.exp(self.offset + self.X @ beta)
        total = means.sum(axis=1)
        share = means / total[:, None]
        return np.log(total), share @ self.X, share

    def level(self, hyper: np.ndarray) -> Level:
        """Prior moments of the latent log means by lognormal matching (Fenton 1960); exact for counts of one cell."""
        own = np.where(self.cells.own, hyper[2], hyper[3]) ** 2
        S = (hyper[1] ** 2 + self.cells.same * own) * hyper[0] ** self.cells.lag
        if self.cells.single:
            return Level(S[np.ix_(self.cell, self.cell)], np.zeros(len(self.y)), np.ones(len(self.y)))
        K = positive(np.log1p(self.weights @ np.expm1(S) @ self.weights.T))
        variance = (self.cells.share > 0) @ (hyper[1] ** 2 + own) / (self.cells.share > 0).sum(axis=1)
        spread = np.diag(K)
        r = (self.weights**2).sum(axis=1) * np.exp(variance - spread)
        return Level(K, 0.5 * (variance - spread), np.ones_like(r) if self.one_alpha else r)

    def treated_level(self, hyper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Prior covariance of the treated unit's level with the counts' (T, n), and with itself (T, T)."""
        power = hyper[0] ** self.cells.treated_lag
        S = (hyper[1] ** 2 + self.cells.own * hyper[2] ** 2) * power
        periods = np.arange(self.joint.periods)
        with_itself = (hyper[1] ** 2 + hyper[2] ** 2) * hyper[0] ** np.abs(periods[:, None] - periods[None, :])
        if self.cells.single:
            return S[:, self.cell], with_itself
        return np.log1p(np.expm1(S) @ self.weights.T), with_itself

    def dispersions(self, hyper: np.ndarray, level: Level) -> np.ndarray:
        return np.where(self.of_treated, hyper[4], hyper[5]) * level.r

    def mode(self, hyper: np.ndarray, beta: np.ndarray, weight: np.ndarray, ordered: bool = True) -> Mode:
        """Damped Newton from (beta, weight); if `ordered` the log marginal likelihood carries the expansion's next order."""
        level = self.level(hyper)
        a = self.dispersions(hyper, level)
        terms = np.empty((5, len(self.y)))
        beta, weight = beta.copy(), weight.copy()
        value, G, share = self._value(beta, weight, level, a, terms)
        for steps in range(1, MAX_NEWTON + 1):  # counted for the certificate
            curve = -terms[2]
            root = np.sqrt(curve)
            L = _factor(level.K, root)
            pull = terms[1] - weight
            solved = _solve(L, root, np.column_stack([G, level.K @ pull]))
            right = G.T @ (terms[1] - solved[:, -1]) - self.precision * beta
            step = np.linalg.solve(G.T @ solved[:, :-1] + np.diag(self.precision), right)
            b = pull - curve * (G @ step)
            move = b - _solve(L, root, level.K @ b)
            shift = level.K @ move
            gain = float((G.T @ terms[1] - self.precision * beta) @ step + pull @ shift)
            reach = float(np.abs(G @ step + shift).max())
            last = gain < SMALL_GAIN
            length = min(1.0, LONGEST_STEP / max(reach, 1e-300))
            for _ in range(60):
                trial = beta + length * step, weight + length * move
                new, new_G, new_share = self._value(*trial, level, a, terms)
                if last or new >= value + 1e-4 * length * gain:
                    break
                length *= 0.5
            (beta, weight), value, G, share = trial, new, new_G, new_share
            if last:
                break
        else:
            return Mode(beta, weight, np.zeros_like(beta), np.eye(len(beta)), -np.inf, np.inf, MAX_NEWTON)
        around = self._around(level, G, share, terms, ordered)
        slope = np.abs(G.T @ terms[1] - self.precision * beta).max()
        log_marginal = value + self.constant + _rising(self.y, a) + around.gain - 0.5 * around.log_det
        shift = 0.5 * around.beta_cov @ (around.R.T @ around.pulled)
        return Mode(beta, weight, shift, around.beta_cov, float(log_marginal), float(slope), steps)

    def _value(self, beta, weight, level: Level, a, terms) -> tuple[float, np.ndarray, np.ndarray]:
        """Log posterior without constants; fills the likelihood's derivatives."""
        base, G, share = self.link(beta)
        f = level.K @ weight
        value = fill_terms(self.y, base + level.mean + f, a, terms)
        return value - 0.5 * float(weight @ f) - 0.5 * float(self.precision @ beta**2), G, share

    def _around(self, level: Level, G: np.ndarray, share: np.ndarray, terms: np.ndarray, ordered: bool = True) -> Curvature:
        root = np.sqrt(-terms[2])
        L = _factor(level.K, root)
        MG = _solve(L, root, G)
        R = G - level.K @ MG
        hessian = G.T @ MG + np.diag(self.precision)
        bent = hessian - self._bend(G, share, terms[1])
        try:
            S = cholesky(bent, lower=True, check_finite=False)
        except np.linalg.LinAlgError:  # the link's own curvature, a second-order matter, outweighs the counts
            S = cholesky(hessian, lower=True, check_finite=False)
        beta_cov = cho_solve((S, True), np.eye(len(S)), check_finite=False)
        Z, pulled, gain = np.empty((0, 0)), np.zeros(len(root)), 0.0
        if ordered:
            Z = solve_triangular(L, root[:, None] * level.K, lower=True, check_finite=False)
            V = level.K - dsyrk(1.0, Z, trans=1) + R @ beta_cov @ R.T  # right in the upper half, which is what is read
            pulled, gain = expansion(terms[3], terms[4], np.ascontiguousarray(V))
        log_det = 2 * float(np.log(np.diag(L)).sum() + np.log(np.diag(S)).sum())
        return Curvature(Z, L, root, MG, R, beta_cov, pulled, float(gain), log_det)

    def _bend(self, G: np.ndarray, share: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """The curvature of the composite link itself, Σ pull (Σ share x x' − G G'); 0 for counts of one cell."""
        if self.cells.single:
            return np.zeros((G.shape[1],) * 2)
        return (self.X * (pull @ share)[:, None]).T @ self.X - (G * pull[:, None]).T @ G

    def around(self, hyper: np.ndarray, mode: Mode) -> Curvature:
        """The curvature at a mode that was found before."""
        level, terms = self.level(hyper), np.empty((5, len(self.y)))
        _, G, share = self._value(mode.beta, mode.weight, level, self.dispersions(hyper, level), terms)
        return self._around(level, G, share, terms)

    def treated_moments(self, hyper: np.ndarray, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
        """Mean (p + T,) and covariance of the coefficients and the treated unit's latent level."""
        c = self.around(hyper, mode)
        with_counts, with_itself = self.treated_level(hyper)
        on_beta = -with_counts @ c.MG
        cross = c.beta_cov @ on_beta.T
        half = solve_triangular(c.L, c.root[:, None] * with_counts.T, lower=True, check_finite=False)
        own = with_itself - half.T @ half + on_beta @ cross
        with_eta = with_counts - half.T @ c.Z + on_beta @ c.beta_cov @ c.R.T
        mean = np.concatenate(
            [
                mode.beta + 0.5 * c.beta_cov @ (c.R.T @ c.pulled),
                with_counts @ mode.weight + 0.5 * with_eta @ c.pulled,
            ]
        )
        return mean, np.block([[c.beta_cov, cross], [cross.T, own]])


class MonthlyProblem:
    """A joint data set in which every count is of one unit in one period, and no cell has two: block tridiagonal, fast.

    ``Mode.weight`` holds the whitened levels z, shape (T, K).
    """

    def __init__(self, joint: JointDesign) -> None:
        self.joint, K, T = joint, len(joint.units), joint.periods
        count, cell = np.nonzero(joint.matrix)
        unit, period = joint.unit_of_cell[cell], joint.period_of_cell[cell]
        self.known, self.counts = np.zeros((T, K), dtype=bool), np.zeros((T, K))
        self.known[period, unit], self.counts[period, unit] = True, joint.counts[count]
        self.offset = joint.offset.reshape(K, T).T.copy()
        self.offset[period, unit] += np.log(joint.matrix[count, cell])
        self.X = np.ascontiguousarray(joint.factual.reshape(K, T, -1).transpose(1, 0, 2))
        self.precision = joint.prior_sd**-2.0
        self.constant = float(0.5 * np.log(self.precision).sum() - gammaln(joint.counts + 1).sum())

    def settled(self, hyper: np.ndarray) -> Mode:
        rows = self.known
        X, rate = self.X[rows], np.log(self.counts[rows] + 0.5) - self.offset[rows]
        beta = np.linalg.solve(X.T @ X + np.diag(self.precision), X.T @ rate)
        return self.mode(hyper, beta, np.zeros(rows.shape))

    def _of(self, hyper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        treated = np.arange(len(self.joint.units)) == 0
        return level_of_units(hyper[1], np.where(treated, hyper[2], hyper[3])), np.where(treated, hyper[4], hyper[5])

    def mode(self, hyper: np.ndarray, beta: np.ndarray, weight: np.ndarray, ordered: bool = True) -> Mode:
        """As `SpanProblem.mode`."""
        A, alpha = self._of(hyper)
        beta, z, data = beta.copy(), weight.copy(), (self.counts, self.known, self.X, self.offset, self.precision)
        value, terms, slope, steps = units_mode(*data, hyper[0], A, alpha, beta, z)
        if not steps:
            return Mode(beta, z, np.zeros_like(beta), np.eye(len(beta)), -np.inf, np.inf, 0)
        T, K = z.shape
        log_prior = -0.5 * K * (T - 1) * math.log(1 - hyper[0] ** 2)
        constant = self.constant + constants_of_counts(self.counts, self.known, alpha) + log_prior
        if not ordered:
            _, _, log_det, _, _, L = units_factor(self.X, self.precision, hyper[0], A, terms, np.zeros((T, K)))
            log_det += 2 * np.log(np.diag(L)).sum()
            return Mode(beta, z, np.zeros_like(beta), np.eye(len(beta)), value + constant - 0.5 * log_det, slope, steps)
        log_det, cov, R, _, pulled, gain = units_around(self.known, self.X, self.precision, hyper[0], A, terms)
        shift = 0.5 * cov @ (R.reshape(T * K, -1).T @ pulled)
        return Mode(beta, z, shift, cov, float(value + constant + gain - 0.5 * log_det), float(slope), steps)

    def treated_moments(self, hyper: np.ndarray, mode: Mode) -> tuple[np.ndarray, np.ndarray]:
        """As `SpanProblem.treated_moments`."""
        A, alpha = self._of(hyper)
        beta, z, data = mode.beta.copy(), mode.weight.copy(), (self.counts, self.known, self.X, self.offset, self.precision)
        _, terms, _, _ = units_mode(*data, hyper[0], A, alpha, beta, z)
        _, cov, R, V, pulled, _ = units_around(self.known, self.X, self.precision, hyper[0], A, terms)
        T, K, p = self.X.shape
        V = np.triu(V) + np.triu(V, 1).T
        own = np.arange(0, T * K, K)
        X, R = self.X[:, 0], R.reshape(T * K, p)
        # eta = offset + X beta + u, so u = eta - offset - X beta.
        with_eta = cov @ R.T
        cross = with_eta[:, own] - cov @ X.T
        level = V[np.ix_(own, own)] - X @ with_eta[:, own] - (X @ with_eta[:, own]).T + X @ cov @ X.T
        shift = 0.5 * with_eta @ pulled
        mean = np.concatenate([beta + shift, z @ A[0] + 0.5 * V[own] @ pulled - X @ shift])
        return mean, np.block([[cov, cross], [cross.T, level]])


def problem_of(joint: JointDesign, one_alpha: bool) -> "SpanProblem | MonthlyProblem":
    """The quick form where the counts allow it."""
    cells = joint.matrix > 0
    monthly = (cells.sum(axis=1) == 1).all() and (cells.sum(axis=0) <= 1).all()
    return MonthlyProblem(joint) if monthly else SpanProblem(joint, one_alpha)
