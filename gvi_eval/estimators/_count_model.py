"""The latent count model as one density with its slopes, in coordinates in which a sampler finds no narrow places.

    y_i ~ NB2(m_i, alpha q_i)    m = C exp(eta)    eta_c = offset_c + x_c'beta + level_c    q_i = sum (c mu)^2 / (sum c mu)^2

A cell is a unit in a period. The level of a cell is u_kt, a stationary AR(1) of its unit with sd sigma_k and correlation rho;
with controls it is v_t + u_kt, v an AR(1) that all share. u = sigma a, a an AR(1) of unit variance. With controls v and u_k are
not told apart by any count, and one rho serves all, so only their sum is sampled: its covariance between units,
sigma_shared^2 + [k = l] sigma_k^2, is taken apart unit by unit, sum_k = d_k a_k + c_1 a_1 + ... + c_{k-1} a_{k-1}, where V_k is
the variance that v has left once the units before k are known, d_k^2 = V_k + sigma_k^2 and c_k = V_k / d_k.

The walk a is non-centred: a_1 = s_1 w_1, a_t = phi a_{t-1} + s w_t. With phi = rho, s = sqrt(1 - rho^2) and s_1 = 1 the w are
the standard normal shocks of the prior, which serves figures that say little about each level. Where they say much, w and the
hyperparameters would be as good as tied; phi and s are therefore those of the posterior of a if each level were measured
with precision h: the spectrum 1 + h (1 - rho^2) / |1 - rho z|^2 has the factor c |1 - phi z|^2 / |1 - rho z|^2 with c phi = rho
and c (1 + phi^2) = 1 + rho^2 + h (1 - rho^2). h follows sigma and alpha, and the density of a stays that of the prior.

Coefficients are beta = centre + L z - M level, with M the regression of the level on the columns, weighted by the
information of the counts, and L L' the inverse of that information. The shift by M has a Jacobian of one, so the model is the
same; but the counts then tell z and the shocks apart. Without it a level that hardly moves (rho near 1) is a second
intercept, and the sampler diverges there.

Papaspiliopoulos, Roberts & Skoeld (2007) A general framework for the parametrization of hierarchical models, Statistical
Science 22(1), doi:10.1214/088342307000000014.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from scipy import special

from gvi_eval.estimators._mcmc import Sampled, Sampling, density_op, pymc_module, sample
from gvi_eval.hashing import file_hash

PILOT_DISPERSION = 0.1  # of the weights behind L and M; any value gives the same posterior
POISSON_BELOW = 1e-13  # an alpha under this is the Poisson limit to machine precision
SHORT_SUM = 60.0  # counts up to this have their rising factorial multiplied out
HEADER = 6
SLOPES = 5  # of the density: in z, memory, sigma, alpha and shocks
SMALLEST_VARIANCE = 1e-100
PROGRAM = file_hash(Path(__file__))  # what numba keeps on disk is of this file as it is


@dataclass(frozen=True, eq=False)
class CountModel:
    """Counts, the cells that they cover, the columns behind the cells' means, and the priors.

    Shapes: counts (n,), matrix (n, cell), columns (cell, coefficient), offset (cell,), prior_mean and prior_sd (coefficient,).
    Cells are ordered by unit and within it by period; the treated unit comes first, the others are its controls. sigmas and
    alphas ~ HalfNormal(prior_scale), rho ~ U(0, 1); ``is_control`` (n,) says whose alpha a count has.
    """

    names: tuple[str, ...]
    counts: np.ndarray
    matrix: np.ndarray
    columns: np.ndarray
    offset: np.ndarray
    prior_mean: np.ndarray
    prior_sd: np.ndarray
    prior_scale: float
    one_alpha: bool
    units: int
    is_control: np.ndarray

    @property
    def periods(self) -> int:
        return len(self.offset) // self.units

    @property
    def sigma_names(self) -> tuple[str, ...]:
        return ("sigma",) if self.units == 1 else ("sigma_shared", "sigma_treated", "sigma_control")

    @property
    def alpha_names(self) -> tuple[str, ...]:
        return ("alpha",) if self.units == 1 else ("alpha_treated", "alpha_control")

    @property
    def shape(self) -> tuple[int, int, int]:
        """What a compiled sampler depends on: coefficients, periods and units."""
        return len(self.names), self.periods, self.units

    @property
    def hyper_names(self) -> tuple[str, ...]:
        return ("rho", *self.sigma_names, *self.alpha_names)


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Where the coefficients are centred, their scale L (p, p), and the regression M (p, cell) of the level on the columns.

    The figures measure each level of a unit with precision 1 / (poisson + alpha * spread), shape (unit,) each.
    """

    centre: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    poisson: np.ndarray
    spread: np.ndarray


def coordinates(model: CountModel) -> Coordinates:
    """The posterior mode of the coefficients without a level, by Newton steps, and the information of the counts there."""
    X, C, y = model.columns, model.matrix, model.counts
    precision, beta = model.prior_sd**-2.0, model.prior_mean.copy()
    for unit in range(model.units):
        own = np.arange(len(model.offset)) // model.periods == unit
        mine = C[:, own].sum(axis=1) > 0
        beta[unit] = np.log((y[mine].sum() + 0.5) / (C[np.ix_(mine, own)] @ np.exp(model.offset[own])).sum())
    for _ in range(200):
        cells = C * np.exp(np.clip(model.offset + X @ beta, -700, 700))
        means = np.maximum(cells.sum(axis=1), 1e-300)
        share = cells / means[:, None]
        slopes = share @ X
        weight = 1 / (1 / means + PILOT_DISPERSION * (share**2).sum(axis=1))
        information = slopes.T @ (weight[:, None] * slopes) + np.diag(precision)
        step = np.linalg.solve(information, slopes.T @ (weight * (y - means) / means) - precision * (beta - model.prior_mean))
        step /= max(np.abs(step).max(), 1.0)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    scale = np.linalg.cholesky(np.linalg.inv(information))
    shift = np.linalg.solve(information, slopes.T @ (weight[:, None] * share))

    def precision_of_level(weights: np.ndarray) -> np.ndarray:
        return np.maximum((weights @ share**2).reshape(model.units, -1).mean(axis=1), SMALLEST_VARIANCE)

    poisson = 1 / precision_of_level(means)
    return Coordinates(beta, scale, shift, poisson, (1 / precision_of_level(weight) - poisson) / PILOT_DISPERSION)


def packed(model: CountModel, at: Coordinates) -> tuple[np.ndarray, np.ndarray]:
    """Everything the density reads, as whole numbers and as floats: one pair of arrays, so that a sampler takes new data."""
    count, cell = np.nonzero(model.matrix)
    start = np.searchsorted(count, np.arange(len(model.counts) + 1))
    header = [len(model.counts), len(model.names), model.units, model.periods, len(cell), int(model.one_alpha)]
    whole = [header, start, cell, model.is_control]
    floats = [
        model.counts,
        model.matrix[count, cell],
        model.columns,
        model.offset,
        at.centre,
        at.scale,
        at.shift,
        model.prior_mean,
        model.prior_sd**-2.0,
        at.poisson,
        at.spread,
    ]
    return (
        np.concatenate([np.asarray(part, dtype=np.int64) for part in whole]),
        np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in floats]),
    )


# --- compiled


@njit(cache=True)
def digamma(x):
    """d log Gamma(x) / dx for x > 0: upwards to 20, then Stirling's series."""
    total = 0.0
    while x < 20.0:
        total -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    return total + math.log(x) - 0.5 / x - r * (1.0 / 12 - r * (1.0 / 120 - r / 252))


@njit(cache=True)
def rising(y, a):
    """log Gamma(y + 1/a) - log Gamma(1/a) + y log a = sum_{k<y} log(1 + a k), and its slope in a, without cancellation."""
    if y <= SHORT_SUM and y == math.floor(y):
        value, slope = 0.0, 0.0
        for k in range(1, int(y)):
            value += math.log1p(a * k)
            slope += k / (1.0 + a * k)
        return value, slope
    r = 1.0 / a
    if r < 20.0:
        value = math.lgamma(y + r) - math.lgamma(r) + y * math.log(a)
        return value, y * r - r * r * (digamma(y + r) - digamma(r))
    top = a / (1.0 + a * y)
    move = 1.0 / (1.0 + a * y) ** 2
    stirling = (top - a) / 12 - (top**3 - a**3) / 360 + (top**5 - a**5) / 1260
    bend = (move - 1.0) / 12 - (top * top * move - a * a) / 120 + (top**4 * move - a**4) / 252
    s = a * y
    value = (y + r - 0.5) * math.log1p(s) - y + stirling
    return value, y * y * after_log(s) - 0.5 * y / (1.0 + s) + bend


@njit(cache=True)
def after_log(s):
    """(s - log(1 + s)) / s^2, which is 1/2 at s = 0."""
    if s < 1e-2:
        return 0.5 - s * (1.0 / 3 - s * (0.25 - s * (0.2 - s * (1.0 / 6 - s / 7))))
    return (s - math.log1p(s)) / (s * s)


@njit(cache=True)
def nb2(y, m, a):
    """log NB2(y | m, a) but for -log y!, and its slopes in log m and in a. The variance is m + a m^2."""
    value, slope = rising(y, a)
    w = a * m
    value += y * math.log(m) - (y + 1.0 / a) * math.log1p(w)
    # (log(1+w) - w/(1+w)) / w^2 = 1/(1+w) - (w - log(1+w))/w^2
    slope += m * m * (1.0 / (1.0 + w) - after_log(w)) - y * m / (1.0 + w)
    return value, (y - m) / (1.0 + w), slope


@njit(cache=True)
def variance_left(sigma, k):
    """What v has left of its variance once k units are known, the treated first, and the variance of the next unit's own.

    1 / left = 1 / sigma_shared^2 + [k > 0] / sigma_treated^2 + (k - 1) / sigma_control^2.
    """
    shared = max(sigma[0] ** 2, SMALLEST_VARIANCE)
    treated = max(sigma[1] ** 2, SMALLEST_VARIANCE)
    control = max(sigma[2] ** 2, SMALLEST_VARIANCE)
    if k == 0:
        return shared, treated
    return 1.0 / (1.0 / shared + 1.0 / treated + (k - 1) / control), control


@njit(cache=True)
def loadings(sigma, units):
    """d and c of every unit, shape (unit,) each, from sigma (1,) or (3,) = shared, treated, control."""
    own, passed_on = np.empty(units), np.zeros(units)
    if units == 1:
        own[0] = sigma[0]
        return own, passed_on
    for k in range(units):
        left, rest = variance_left(sigma, k)
        own[k] = math.sqrt(left + rest)
        passed_on[k] = left / own[k]
    return own, passed_on


@njit(cache=True)
def slope_of_loadings(sigma, on_own, on_passed):
    """Slopes in sigma from those in d and c: the transpose of the derivative of `loadings`."""
    units = on_own.size
    on_variance = np.zeros(sigma.size)
    if units == 1:
        return on_own.copy()
    for k in range(units):
        left, rest = variance_left(sigma, k)
        d = math.sqrt(left + rest)
        on_d = on_own[k] - on_passed[k] * left / (d * d)
        on_left, on_rest = on_passed[k] / d + on_d / (2 * d), on_d / (2 * d)
        for i in range(3):
            times = 1.0 if i == 0 else min(k, 1.0) if i == 1 else max(k - 1.0, 0.0)
            on_variance[i] += on_left * times * (left / max(sigma[i] ** 2, SMALLEST_VARIANCE)) ** 2
        on_variance[1 if k == 0 else 2] += on_rest
    return 2.0 * sigma * on_variance


@njit(cache=True)
def walk_form(rho, fresh, h):
    """c and D = c (1 - phi^2) of the walk whose levels are measured with precision h; fresh = sqrt(1 - rho^2).

    c = 1 and D = 1 - rho^2 at h = 0. Written so that nothing cancels as rho tends to 1.
    """
    f = fresh * fresh
    far = f / (1.0 + rho)  # 1 - rho
    D = math.sqrt((far * far + h * f) * ((1.0 + rho) ** 2 + h * f))
    return 1.0 + 0.5 * (f * (h - 1.0) + D), D


@njit(cache=True)
def slope_of_form(rho, fresh, h, on_c, on_D):
    """Slopes in rho, fresh and h from those in c and D: the transpose of the derivative of `walk_form`."""
    f, D = fresh * fresh, walk_form(rho, fresh, h)[1]
    far, near = f / (1.0 + rho), 1.0 + rho
    low, high = far * far + h * f, near * near + h * f
    on_D = on_D + 0.5 * on_c
    on_low, on_high = 0.5 * on_D * high / D, 0.5 * on_D * low / D
    on_f = 0.5 * on_c * (h - 1.0) + h * (on_low + on_high) + 2.0 * far * on_low / near
    on_rho = 2.0 * near * on_high - 2.0 * far * far * on_low / near
    return on_rho, 2.0 * fresh * on_f, 0.5 * on_c * f + f * (on_low + on_high)


@njit(cache=True)
def precisions(own, passed_on, alpha, poisson, spread):
    """h of every unit's walk, shape (unit,), from what the figures of its own and of later units say of it."""
    units = own.size
    h, later = np.empty(units), 0.0
    for k in range(units - 1, -1, -1):
        measured = 1.0 / (poisson[k] + alpha[min(k, alpha.size - 1)] * spread[k])
        h[k] = own[k] ** 2 * measured + passed_on[k] ** 2 * later
        later += measured
    return h


@njit(cache=True)
def slope_of_precisions(own, passed_on, alpha, poisson, spread, on_h, on_own, on_passed, on_alpha):
    """Adds the slopes in the loadings and in alpha from those in h, in place."""
    units = own.size
    before, later = 0.0, 0.0
    for k in range(units):
        group = min(k, alpha.size - 1)
        measured = 1.0 / (poisson[k] + alpha[group] * spread[k])
        on_measured = on_h[k] * own[k] ** 2 + before
        on_alpha[group] -= on_measured * measured * measured * spread[k]
        before += on_h[k] * passed_on[k] ** 2
    for k in range(units - 1, -1, -1):
        measured = 1.0 / (poisson[k] + alpha[min(k, alpha.size - 1)] * spread[k])
        on_own[k] += 2.0 * on_h[k] * own[k] * measured
        on_passed[k] += 2.0 * on_h[k] * passed_on[k] * later
        later += measured


@njit(cache=True)
def fill_level(rho, fresh, h, own, passed_on, shocks, walk, level):
    """The unit walks (unit, period) and the levels (unit * period,) from w, in place; h (unit,)."""
    units, T = walk.shape
    common = np.zeros(T)
    for k in range(units):
        c, D = walk_form(rho, fresh, h[k])
        phi, s, first = rho / c, fresh / math.sqrt(c), fresh / math.sqrt(D)
        for t in range(T):
            w = shocks[k * T + t]
            walk[k, t] = phi * walk[k, t - 1] + s * w if t > 0 else first * w
            level[k * T + t] = common[t] + own[k] * walk[k, t]
            common[t] += passed_on[k] * walk[k, t]


@njit(cache=True)
def walk_back(rho, fresh, h, walk, shocks, on_walk, on_shocks):
    """The log density of w for one unit, and its slopes and those that `on_walk` brings: in w, in place, and in rho, fresh, h.

    e_1 = a_1 and e_t = (a_t - rho a_{t-1}) / sqrt(1 - rho^2) = gap a_{t-1} + w_t / sqrt(c) are standard normal.
    """
    T = walk.size
    c, D = walk_form(rho, fresh, h)
    root = math.sqrt(c)
    phi, s, first = rho / c, fresh / root, fresh / math.sqrt(D)
    gap = -rho * (c - 1.0) / (c * fresh)
    value = math.log(first) - 0.5 * (T - 1) * math.log(c) - 0.5 * walk[0] ** 2
    on_phi, on_s, on_gap, on_share, back = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(T - 1, 0, -1):
        e = gap * walk[t - 1] + shocks[t] / root
        value -= 0.5 * e * e
        back += on_walk[t]
        on_shocks[t] = s * back - e / root
        on_phi += walk[t - 1] * back
        on_s += shocks[t] * back
        on_gap -= e * walk[t - 1]
        on_share -= e * shocks[t]
        back = phi * back - gap * e
    back += on_walk[0] - walk[0]
    on_shocks[0] = first * back
    on_first = shocks[0] * back + 1.0 / first
    on_D = -0.5 * on_first * first / D
    on_c = -on_phi * rho / c**2 - 0.5 * (on_s * s + on_share / root + T - 1) / c - on_gap * rho / (c * c * fresh)
    on_rho, on_fresh, on_h = slope_of_form(rho, fresh, h, on_c, on_D)
    on_rho += on_phi / c - on_gap * (c - 1.0) / (c * fresh)
    on_fresh += on_s / root + on_first / math.sqrt(D) - on_gap * gap / fresh
    return value, on_rho, on_fresh, on_h


@njit(cache=True)
def density(z, memory, sigma, alpha, shocks, whole, floats):
    """log p(y | coefficients, level) + log prior of the coefficients and of w, without constants, and its slopes.

    z (p,), memory (2,) = rho and sqrt(1 - rho^2), sigma (1 or 3,), alpha (1 or 2,), shocks (unit * period,); whole and floats
    as `packed`. Returns the value () and the slopes in the first five, shaped as these.
    """
    rho, fresh = memory[0], memory[1]
    n, p, units, T, entries = whole[0], whole[1], whole[2], whole[3], whole[4]
    one_alpha = whole[5] == 1
    cells = units * T
    i = HEADER
    start = whole[i : i + n + 1]
    i += n + 1
    cell_of = whole[i : i + entries]
    i += entries
    group_of_count = whole[i : i + n]
    i = 0
    y = floats[i : i + n]
    i += n
    share = floats[i : i + entries]
    i += entries
    X = floats[i : i + cells * p]  # nutpie's arrays are read-only, and numba does not reshape those
    i += cells * p
    offset = floats[i : i + cells]
    i += cells
    centre = floats[i : i + p]
    i += p
    L = floats[i : i + p * p]
    i += p * p
    M = floats[i : i + p * cells]
    i += p * cells
    mean = floats[i : i + p]
    i += p
    precision = floats[i : i + p]
    i += p
    poisson = floats[i : i + units]
    i += units
    spread = floats[i : i + units]

    own, passed_on = loadings(sigma, units)
    walk, level = np.empty((units, T)), np.empty(cells)
    h = precisions(own, passed_on, alpha, poisson, spread)
    fill_level(rho, fresh, h, own, passed_on, shocks, walk, level)
    beta = centre.copy()
    for j in range(p):
        for k in range(j + 1):
            beta[j] += L[j * p + k] * z[k]
        row = M[j * cells : (j + 1) * cells]
        for c in range(cells):
            beta[j] -= row[c] * level[c]
    value = 0.0
    on_beta = np.empty(p)
    for j in range(p):
        on_beta[j] = -precision[j] * (beta[j] - mean[j])
        value += 0.5 * on_beta[j] * (beta[j] - mean[j])
    mu = np.empty(cells)
    for c in range(cells):
        eta = offset[c] + level[c]
        row = X[c * p : (c + 1) * p]
        for j in range(p):
            eta += row[j] * beta[j]
        mu[c] = math.exp(eta)

    on_eta = np.zeros(cells)
    on_alpha = np.zeros(alpha.size)
    for i in range(n):
        m, square = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            part = share[e] * mu[cell_of[e]]
            m += part
            square += part * part
        m = max(m, 1e-300)
        q = 1.0 if one_alpha else square / (m * m)
        g = group_of_count[i]
        a = max(alpha[g] * q, POISSON_BELOW)
        log_p, on_m, on_a = nb2(y[i], m, a)
        value += log_p
        on_alpha[g] += on_a * q
        bend = 0.0 if one_alpha else 2.0 * on_a * alpha[g]
        for e in range(start[i], start[i + 1]):
            part = share[e] * mu[cell_of[e]] / m
            on_eta[cell_of[e]] += on_m * part + bend * part * (part - q)

    on_level = on_eta.copy()
    for c in range(cells):
        row = X[c * p : (c + 1) * p]
        for j in range(p):
            on_beta[j] += on_eta[c] * row[j]
    on_z = np.zeros(p)
    for j in range(p):
        for k in range(j + 1):
            on_z[k] += L[j * p + k] * on_beta[j]
        row = M[j * cells : (j + 1) * cells]
        for c in range(cells):
            on_level[c] -= row[c] * on_beta[j]
    on_memory, on_common, on_walk = np.zeros(2), np.zeros(T), np.empty(T)
    on_own, on_passed, on_h, on_shocks = np.zeros(units), np.zeros(units), np.empty(units), np.empty(cells)
    for k in range(units - 1, -1, -1):
        for t in range(T):
            on_own[k] += on_level[k * T + t] * walk[k, t]
            on_passed[k] += on_common[t] * walk[k, t]
            on_walk[t] = own[k] * on_level[k * T + t] + passed_on[k] * on_common[t]
            on_common[t] += on_level[k * T + t]
        mine = slice(k * T, (k + 1) * T)
        log_p, on_rho, on_fresh, on_h[k] = walk_back(rho, fresh, h[k], walk[k], shocks[mine], on_walk, on_shocks[mine])
        value += log_p
        on_memory[0] += on_rho
        on_memory[1] += on_fresh
    slope_of_precisions(own, passed_on, alpha, poisson, spread, on_h, on_own, on_passed, on_alpha)
    return value, on_z, on_memory, slope_of_loadings(sigma, on_own, on_passed), on_alpha, on_shocks


# --- in PyMC


def in_pymc(model: CountModel) -> Any:
    """The model in PyMC: rho, sigma and alpha by standard normal coordinates, whose quantiles they are.

    The priors of the coefficients and of the level are part of the density of the counts, because z and w are maps of them.
    """
    pymc = pymc_module()
    import pytensor.tensor as tensor

    def below(x: Any) -> Any:
        """The standard normal distribution function, exact in its lower tail."""
        return tensor.erfc(-x / math.sqrt(2)) / 2

    coefficients, periods, units = model.shape
    whole, floats = packed(model, coordinates(model))
    with pymc.Model(check_bounds=False) as made:
        figures = pymc.Data("whole", whole), pymc.Data("floats", floats)
        scale = pymc.Data("prior_scale", model.prior_scale) * math.sqrt(2)
        z = pymc.Flat("z", shape=coefficients)
        x = pymc.Normal("rho", shape=1)
        rho = below(x)
        memory = tensor.concatenate([rho, tensor.sqrt(below(-x) * (1 + rho))])
        # sqrt(2) erfcinv(Phi(-x)) = -Phi^-1(Phi(-x) / 2) is half-normal where x is normal.
        sigma = scale * tensor.erfcinv(below(-pymc.Normal("sigma", shape=len(model.sigma_names))))
        alpha = scale * tensor.erfcinv(below(-pymc.Normal("alpha", shape=len(model.alpha_names))))
        shocks = pymc.Flat("shocks", shape=units * periods)
        log_density = density_op(density, SLOPES, PROGRAM)
        pymc.Potential("counts", log_density(z, memory, sigma, alpha, shocks, *figures)[0])
    return made


def sample_model(model: CountModel, how: Sampling) -> tuple["Parameters", Sampled]:
    """Draws of the model's parameters, chain after chain, and the sample in the sampler's own coordinates."""
    at = coordinates(model)
    whole, floats = packed(model, at)
    data = {"whole": whole, "floats": floats, "prior_scale": model.prior_scale}
    sampled = sample(("latent counts", model.shape), lambda: in_pymc(model), data, how)
    flat = {name: values.reshape(how.chains * how.draws, -1) for name, values in sampled.draws.items()}
    return parameters(model, at, flat["z"], flat["rho"][:, 0], flat["sigma"], flat["alpha"], flat["shocks"]), sampled


# --- from coordinates back to parameters, for many draws at once


def rho_of(x: np.ndarray) -> np.ndarray:
    """U(0, 1) where x is standard normal."""
    return special.ndtr(x)


def half_normal_of(x: np.ndarray, scale: float) -> np.ndarray:
    """HalfNormal(scale) where x is standard normal, increasing in x."""
    return -scale * special.ndtri(special.ndtr(-x) / 2)


@dataclass(frozen=True, eq=False)
class Parameters:
    """Draws of the model's parameters: coefficients (draw, p), hyper (draw, 1 + sigmas + alphas), level (draw, cell)."""

    coefficients: np.ndarray
    hyper: np.ndarray
    level: np.ndarray


def parameters(
    model: CountModel, at: Coordinates, z: np.ndarray, rho: np.ndarray, sigma: np.ndarray, alpha: np.ndarray, shocks: np.ndarray
) -> Parameters:
    """Parameters from draws of the sampler's coordinates: z (draw, p), rho (draw,), sigma and alpha (draw, any), shocks w
    (draw, unit * period)."""
    correlation = rho_of(rho)
    sds, dispersions = half_normal_of(sigma, model.prior_scale), half_normal_of(alpha, model.prior_scale)
    level = _level(model, rho, sds, shocks, dispersions, at.poisson, at.spread)
    coefficients = at.centre + z @ at.scale.T - level @ at.shift.T
    return Parameters(coefficients, np.column_stack([correlation, sds, dispersions]), level)


def prior_parameters(model: CountModel, count: int, seed: int) -> Parameters:
    """Draws from the prior."""
    random = np.random.default_rng(seed)
    p, periods, units = model.shape
    coefficients = model.prior_mean + model.prior_sd * random.standard_normal((count, p))
    rho = random.standard_normal(count)
    sds = half_normal_of(random.standard_normal((count, len(model.sigma_names))), model.prior_scale)
    dispersions = half_normal_of(random.standard_normal((count, len(model.alpha_names))), model.prior_scale)
    # Figures that measure nothing leave the prior, whose shocks are standard normal.
    nothing = np.full(units, np.inf)
    level = _level(model, rho, sds, random.standard_normal((count, units * periods)), dispersions, nothing, np.zeros(units))
    return Parameters(coefficients, np.column_stack([rho_of(rho), sds, dispersions]), level)


def _level(
    model: CountModel,
    x: np.ndarray,
    sds: np.ndarray,
    shocks: np.ndarray,
    dispersions: np.ndarray,
    poisson: np.ndarray,
    spread: np.ndarray,
) -> np.ndarray:
    """Latent levels of all cells, shape (draw, cell), from x (draw,) of rho and w (draw, unit * period)."""
    rho = rho_of(x)
    fresh = np.sqrt(special.ndtr(-x) * (1 + rho))
    sds, shocks, dispersions = (np.ascontiguousarray(part) for part in (sds, shocks, dispersions))
    return _levels(rho, fresh, sds, shocks, dispersions, poisson, spread, model.units, model.periods)


@njit(cache=True)
def _levels(rho, fresh, sds, shocks, dispersions, poisson, spread, units, T):
    out, walk = np.empty(shocks.shape), np.empty((units, T))
    for draw in range(rho.size):
        own, passed_on = loadings(sds[draw], units)
        h = precisions(own, passed_on, dispersions[draw], poisson, spread)
        fill_level(rho[draw], fresh[draw], h, own, passed_on, shocks[draw], walk, out[draw])
    return out


def means_and_dispersions(model: CountModel, drawn: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """Means and NB2 dispersions of the counts, shape (draw, n) each."""
    cells = np.exp(np.clip(model.offset + drawn.coefficients @ model.columns.T + drawn.level, -700, 300))
    means = np.maximum(cells @ model.matrix.T, 1e-300)
    alphas = drawn.hyper[:, 1 + len(model.sigma_names) :][:, model.is_control.astype(int)]
    if model.one_alpha:
        return means, alphas
    return means, alphas * ((cells**2) @ (model.matrix**2).T) / means**2


def log_likelihood(model: CountModel, drawn: Parameters) -> np.ndarray:
    """log NB2 of every count under every draw, shape (draw, n)."""
    means, dispersions = means_and_dispersions(model, drawn)
    return _log_likelihood(model.counts, means, np.maximum(dispersions, POISSON_BELOW)) - special.gammaln(model.counts + 1)


@njit(cache=True)
def _log_likelihood(y, means, dispersions):
    out = np.empty(means.shape)
    for d in range(means.shape[0]):
        for i in range(y.size):
            out[d, i] = nb2(y[i], means[d, i], dispersions[d, i])[0]
    return out


def simulated_counts(means: np.ndarray, dispersions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Counts NB2(means, dispersions), shape as the means."""
    shape = 1 / np.maximum(dispersions, 1e-10)
    return random.poisson(np.minimum(random.gamma(shape, means / shape), 1e15))
