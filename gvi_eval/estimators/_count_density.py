"""The density of the latent count model and its slopes, in coordinates that are as good as standard normal.

    y_i ~ NB2(m_i, alpha q_i)    m = C exp(eta)    eta_c = offset_c + x_c'beta + level_c    q_i = sum (c mu)^2 / (sum c mu)^2

A cell is a unit in a period. The level of a cell is u_kt, a stationary AR(1) of its unit with sd sigma_k and correlation rho;
with controls it is v_t + u_kt, v an AR(1) that all share. u = sigma a, a an AR(1) of unit variance. With controls v and u_k are
not told apart by any count, and one rho serves all, so only their sum is sampled: its covariance between units,
sigma_shared^2 + [k = l] sigma_k^2, is taken apart unit by unit, sum_k = d_k a_k + c_1 a_1 + ... + c_{k-1} a_{k-1}, where V_k is
the variance that v has left once the units before k are known, d_k^2 = V_k + sigma_k^2 and c_k = V_k / d_k.

Given rho, sigma and alpha, the walks a and the coefficients beta, together x, have a posterior that is nearly normal. Its
stand-in is exactly normal: the prior of x times normal measurements r_i of the logs of the counts' means, linear in x about a
reference, g_i'x with precision W_i = 1 / (1 / m_i + alpha q_i),

    P = prior precision + sum_i W_i g_i g_i'    b = prior precision * prior mean + sum_i W_i r_i g_i    P = L L'

and the sampler moves in z, x = P^-1 b + L'^-1 z. The density of x stays that of the model, det L is its Jacobian; the reference
bears on how far the coordinates are from standard normal and on nothing else. In plain coordinates, centred or not, a level
that hardly moves (rho near 1) is a second intercept, well measured levels and their sigma are as good as tied, and a sampler
diverges or sticks. P is a band for the walks with a border for beta, and its root keeps that form.

Papaspiliopoulos, Roberts & Skoeld (2007) A general framework for the parametrization of hierarchical models, Statistical
Science 22(1), doi:10.1214/088342307000000014. Murray (2016) Differentiation of the Cholesky decomposition, arXiv:1602.07527.
"""

import math

import numpy as np
from numba import njit

POISSON_BELOW = 1e-13  # an alpha under this is the Poisson limit to machine precision
SHORT_SUM = 60.0  # counts up to this have their rising factorial multiplied out
HEADER = 7
SLOPES = 4  # of the density: in z, memory, sigma and alpha
SMALLEST_VARIANCE = 1e-100
SMALLEST_PIVOT = 1e-200


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
def root_in_place(P, first):
    """The Cholesky factor of P, in its lower triangle; row i is zero before first[i], and stays so."""
    for i in range(first.size):
        for j in range(first[i], i + 1):
            total = P[i, j]
            for k in range(max(first[i], first[j]), j):
                total -= P[i, k] * P[j, k]
            P[i, j] = total / P[j, j] if j < i else math.sqrt(max(total, SMALLEST_PIVOT))


@njit(cache=True)
def slope_of_root(L, first, on_L):
    """Slopes in the entries of P, each of which stands for both of its places, from those in L; in place."""
    for i in range(first.size - 1, -1, -1):
        for j in range(i, first[i] - 1, -1):
            if j == i:
                on_L[i, i] *= 0.5 / L[i, i]
            else:
                on_L[i, j] /= L[j, j]
                on_L[j, j] -= on_L[i, j] * L[i, j]
            move = on_L[i, j]
            for k in range(max(first[i], first[j]), j):
                on_L[i, k] -= move * L[j, k]
                on_L[j, k] -= move * L[i, k]


@njit(cache=True)
def forward(L, first, b):
    """L^-1 b, in place."""
    for i in range(first.size):
        for k in range(first[i], i):
            b[i] -= L[i, k] * b[k]
        b[i] /= L[i, i]


@njit(cache=True)
def backward(L, first, b):
    """L'^-1 b, in place."""
    for i in range(first.size - 1, -1, -1):
        b[i] /= L[i, i]
        for k in range(first[i], i):
            b[k] -= L[i, k] * b[i]


@njit(cache=True)
def figures_of(whole, floats):
    """The parts of `packed`, and the sizes: n, p, units, periods."""
    n, p, units, T, entries, touched = whole[0], whole[1], whole[2], whole[3], whole[4], whole[5]
    cells = units * T
    i = HEADER
    start = whole[i : i + n + 1]
    i += n + 1
    cell_of = whole[i : i + entries]
    i += entries
    group = whole[i : i + n]
    i += n
    touch_start = whole[i : i + n + 1]
    i += n + 1
    touch = whole[i : i + touched]
    i += touched
    first = whole[i : i + cells + p]
    i = 0
    y = floats[i : i + n]
    i += n
    share = floats[i : i + entries]
    i += entries
    X = floats[i : i + cells * p]  # nutpie's arrays are read-only, and numba does not reshape those
    i += cells * p
    offset = floats[i : i + cells]
    i += cells
    mean = floats[i : i + p]
    i += p
    precision = floats[i : i + p]
    i += p
    poisson = floats[i : i + n]
    i += n
    spread = floats[i : i + n]
    i += n
    reading = floats[i : i + n]
    i += n
    part = floats[i : i + entries]
    i += entries
    slope = floats[i : i + n * p]
    counts = (y, group, start, cell_of, share)
    cells_of = (X, offset)
    reference = (poisson, spread, reading, part, slope, touch_start, touch, first)
    return (n, p, units, T), whole[6] == 1, counts, cells_of, (mean, precision), reference


@njit(cache=True)
def stand_in(memory, own, passed_on, alpha, sizes, counts, prior, reference):
    """P (N, N), of which the lower triangle is filled, b (N,), g without the columns of beta (n, cell), and W (n,)."""
    n, p, units, T = sizes
    _, group, start, cell_of, _ = counts
    mean, precision = prior
    poisson, spread, reading, part, slope, touch_start, touch, _ = reference
    cells = units * T
    P, b = np.zeros((cells + p, cells + p)), np.zeros(cells + p)
    g, W = np.zeros((n, cells)), np.empty(n)
    rho, f = memory[0], memory[1] ** 2
    for k in range(units):
        P[k, k] = 1.0
        for i in range(units + k, cells, units):
            P[i, i] = 1.0 / f
            P[i - units, i - units] += rho * rho / f
            P[i, i - units] = -rho / f
    for j in range(p):
        P[cells + j, cells + j] = precision[j]
        b[cells + j] = precision[j] * mean[j]
    for i in range(n):
        W[i] = 1.0 / (poisson[i] + alpha[group[i]] * spread[i])
        for e in range(start[i], start[i + 1]):
            k, t = cell_of[e] // T, cell_of[e] % T
            for j in range(k):
                g[i, t * units + j] += part[e] * passed_on[j]
            g[i, t * units + k] += part[e] * own[k]
        for at in range(touch_start[i], touch_start[i + 1]):
            u = touch[at]
            pull = W[i] * g[i, u]
            b[u] += pull * reading[i]
            for other in range(touch_start[i], at + 1):
                P[u, touch[other]] += pull * g[i, touch[other]]
            for j in range(p):
                P[cells + j, u] += pull * slope[i * p + j]
        for j in range(p):
            pull = W[i] * slope[i * p + j]
            b[cells + j] += pull * reading[i]
            for other in range(j + 1):
                P[cells + j, cells + other] += pull * slope[i * p + other]
    return P, b, g, W


@njit(cache=True)
def slope_of_stand_in(memory, g, W, on_P, on_b, sizes, counts, reference, on_memory, on_own, on_passed, on_alpha):
    """Adds the slopes in rho, fresh, loadings and alpha that those in P and b bring, in place."""
    n, p, units, T = sizes
    _, group, start, cell_of, _ = counts
    _, spread, reading, part, slope, touch_start, touch, _ = reference
    cells = units * T
    rho, fresh = memory[0], memory[1]
    f, on_f = fresh * fresh, 0.0
    for i in range(units, cells):
        here, before, between = on_P[i, i], on_P[i - units, i - units], on_P[i, i - units]
        on_f -= (here + rho * rho * before - rho * between) / (f * f)
        on_memory[0] += (2.0 * rho * before - between) / f
    on_memory[1] += 2.0 * fresh * on_f
    on_g = np.empty(cells)
    for i in range(n):
        on_W = 0.0
        for at in range(touch_start[i], touch_start[i + 1]):
            on_g[touch[at]] = 0.0
        for at in range(touch_start[i], touch_start[i + 1]):
            u = touch[at]
            along = on_b[u] * reading[i]
            for other in range(touch_start[i], at + 1):
                v = touch[other]
                along += on_P[u, v] * g[i, v]
                on_g[v] += W[i] * on_P[u, v] * g[i, u]
            for j in range(p):
                along += on_P[cells + j, u] * slope[i * p + j]
            on_W += along * g[i, u]
            on_g[u] += W[i] * along
        for j in range(p):
            along = on_b[cells + j] * reading[i]
            for other in range(j + 1):
                along += on_P[cells + j, cells + other] * slope[i * p + other]
            on_W += along * slope[i * p + j]
        on_alpha[group[i]] -= on_W * W[i] * W[i] * spread[i]
        for e in range(start[i], start[i + 1]):
            k, t = cell_of[e] // T, cell_of[e] % T
            for j in range(k):
                on_passed[j] += part[e] * on_g[t * units + j]
            on_own[k] += part[e] * on_g[t * units + k]


@njit(cache=True)
def fill_level(x, own, passed_on, units, T, level):
    """The levels of the cells (unit * period,), by unit and within it by period, from the walks, by period and unit."""
    for t in range(T):
        common = 0.0
        for k in range(units):
            level[k * T + t] = common + own[k] * x[t * units + k]
            common += passed_on[k] * x[t * units + k]


@njit(cache=True)
def likelihood(level, beta, alpha, one_alpha, sizes, counts, cells_of):
    """log p(y | level, beta, alpha) but for -log y!, and its slopes in eta (cell,) and in alpha."""
    n, p, units, T = sizes
    y, group, start, cell_of, share = counts
    X, offset = cells_of
    cells = units * T
    mu = np.empty(cells)
    for c in range(cells):
        eta = offset[c] + level[c]
        for j in range(p):
            eta += X[c * p + j] * beta[j]
        mu[c] = math.exp(eta)
    value, on_eta, on_alpha = 0.0, np.zeros(cells), np.zeros(alpha.size)
    for i in range(n):
        m, square = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            each = share[e] * mu[cell_of[e]]
            m += each
            square += each * each
        m = max(m, 1e-300)
        q = 1.0 if one_alpha else square / (m * m)
        log_p, on_m, on_a = nb2(y[i], m, max(alpha[group[i]] * q, POISSON_BELOW))
        value += log_p
        on_alpha[group[i]] += on_a * q
        bend = 0.0 if one_alpha else 2.0 * on_a * alpha[group[i]]
        for e in range(start[i], start[i + 1]):
            each = share[e] * mu[cell_of[e]] / m
            on_eta[cell_of[e]] += on_m * each + bend * each * (each - q)
    return value, on_eta, on_alpha


@njit(cache=True)
def density(z, memory, sigma, alpha, whole, floats):
    """log p(y | x) + log p(x) + log |det dx/dz|, without constants, and its slopes.

    z (unit * period + p,), memory (2,) = rho and sqrt(1 - rho^2), sigma (1 or 3,), alpha (1 or 2,); whole and floats as
    `packed`. Returns the value () and the slopes in the first four, shaped as these.
    """
    sizes, one_alpha, counts, cells_of, prior, reference = figures_of(whole, floats)
    n, p, units, T = sizes
    cells, (mean, precision), first = units * T, prior, reference[7]
    own, passed_on = loadings(sigma, units)
    L, v, g, W = stand_in(memory, own, passed_on, alpha, sizes, counts, prior, reference)
    root_in_place(L, first)
    forward(L, first, v)
    x, level = z + v, np.empty(cells)
    backward(L, first, x)
    fill_level(x, own, passed_on, units, T, level)
    value, on_eta, on_alpha = likelihood(level, x[cells:], alpha, one_alpha, sizes, counts, cells_of)

    on_x, on_memory = np.zeros(cells + p), np.zeros(2)
    on_own, on_passed = np.zeros(units), np.zeros(units)
    for t in range(T):
        later = 0.0
        for k in range(units - 1, -1, -1):
            here, at = on_eta[k * T + t], t * units + k
            on_own[k] += here * x[at]
            on_passed[k] += later * x[at]
            on_x[at] = own[k] * here + passed_on[k] * later
            later += here
    rho, fresh = memory[0], memory[1]
    for j in range(p):
        off = x[cells + j] - mean[j]
        value -= 0.5 * precision[j] * off * off
        on_x[cells + j] = -precision[j] * off
    for c in range(cells):
        for j in range(p):
            on_x[cells + j] += on_eta[c] * cells_of[0][c * p + j]
    for i in range(cells):
        if i < units:
            value -= 0.5 * x[i] * x[i]
            on_x[i] -= x[i]
            continue
        e = (x[i] - rho * x[i - units]) / fresh
        value -= 0.5 * e * e + math.log(fresh)
        on_x[i] -= e / fresh
        on_x[i - units] += e * rho / fresh
        on_memory[0] += e * x[i - units] / fresh
        on_memory[1] += (e * e - 1.0) / fresh

    on_z = on_x  # s = z + L^-1 b, L'x = s
    forward(L, first, on_z)
    on_b = on_z.copy()
    backward(L, first, on_b)
    on_L = np.zeros(L.shape)
    for i in range(cells + p):
        value -= math.log(L[i, i])
        for j in range(first[i], i + 1):
            on_L[i, j] = -x[i] * on_z[j] - on_b[i] * v[j]
        on_L[i, i] -= 1.0 / L[i, i]
    slope_of_root(L, first, on_L)
    slope_of_stand_in(memory, g, W, on_L, on_b, sizes, counts, reference, on_memory, on_own, on_passed, on_alpha)
    return value, on_z, on_memory, slope_of_loadings(sigma, on_own, on_passed), on_alpha


@njit(cache=True)
def from_coordinates(z, memory, sigma, alpha, whole, floats):
    """Levels (draw, cell) and coefficients (draw, p) from draws of the arguments of `density`."""
    sizes, _, counts, _, prior, reference = figures_of(whole, floats)
    _, p, units, T = sizes
    cells, first = units * T, reference[7]
    level, beta = np.empty((len(z), cells)), np.empty((len(z), p))
    for draw in range(len(z)):
        own, passed_on = loadings(sigma[draw], units)
        L, x, _, _ = stand_in(memory[draw], own, passed_on, alpha[draw], sizes, counts, prior, reference)
        root_in_place(L, first)
        forward(L, first, x)
        x += z[draw]
        backward(L, first, x)
        fill_level(x, own, passed_on, units, T, level[draw])
        beta[draw] = x[cells:]
    return level, beta


@njit(cache=True)
def log_likelihoods(y, means, dispersions):
    """log NB2 of every count under every draw but for -log y!, shape (draw, n)."""
    out = np.empty(means.shape)
    for d in range(means.shape[0]):
        for i in range(y.size):
            out[d, i] = nb2(y[i], means[d, i], dispersions[d, i])[0]
    return out
