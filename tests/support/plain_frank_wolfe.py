"""The authors' own program for synthetic difference-in-differences, step for step: Frank & Wolfe with a stop and a rounding.

Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021) publish numbers of a program (R package synthdid) that does not minimise to
the end. It takes at most 100 steps towards the best single donor, each as long as is best; sets weights of a quarter of the
largest or less to 0; and steps on from there until a step gains less than (1e-5 of the noise) squared, or 10,000 times.
"""

import numpy as np

FEW, MANY, ROUNDED = 100, 10_000, 4


def stepped(y, Z, ridge, intercept, least_gain, steps, start):
    """Weights (donor,) after so many steps from a start; y (row,), Z (row, donor); |y - Zw|^2 / rows + ridge |w|^2."""
    y, Z, w = np.asarray(y, dtype=float), np.asarray(Z, dtype=float), np.asarray(start, dtype=float)
    if intercept:
        y, Z = y - y.mean(), Z - Z.mean(axis=0)
    rows, last = len(y), np.inf
    for taken in range(steps):
        slope = Z.T @ (Z @ w - y) + rows * ridge * w
        way = -w.copy()
        way[slope.argmin()] += 1
        if not way.any():
            break
        length = -(slope @ way) / (((Z @ way) ** 2).sum() + rows * ridge * (way**2).sum())
        w = w + min(1.0, max(0.0, length)) * way
        value = ridge * (w**2).sum() + ((Z @ w - y) ** 2).mean()
        if taken > 0 and not last - value > least_gain**2:
            break
        last = value
    return w


def rounded(w):
    w = np.where(w <= w.max() / ROUNDED, 0.0, w)
    return w / w.sum()


def weights(y, Z, ridge, intercept, least_gain):
    """The weights of the published program: steps, rounding, steps."""
    even = np.full(np.shape(Z)[1], 1 / np.shape(Z)[1])
    first = stepped(y, Z, ridge, intercept, least_gain, FEW, even)
    return stepped(y, Z, ridge, intercept, least_gain, MANY, rounded(first))


def published(Y, T0, variant):
    """The effect per period, ω (donor,) and λ (period,) of figures Y (period, unit), treated unit first, T0 periods before."""
    before, after = Y[:T0], Y[T0:]
    noise = np.diff(before[:, 1:], axis=0).std(ddof=1)
    stop, tiny = 1e-5 * noise, (1e-6 * noise) ** 2
    zeta = (len(after) ** 0.25 * noise) ** 2 if variant == "sdid" else tiny
    omega = weights(before[:, 0], before[:, 1:], zeta, variant != "sc", stop)
    if variant == "sdid":
        lam = weights(after[:, 1:].mean(axis=0), before[:, 1:].T, tiny, True, stop)
    else:
        lam = np.full(T0, 1 / T0 if variant == "difp" else 0.0)
    gaps = Y[:, 0] - Y[:, 1:] @ omega
    return float(gaps[T0:].mean() - lam @ gaps[:T0]), omega, lam
