"""The slope of published counts over odd windows, in percent a year."""

import math

import numpy as np
from scipy import stats

from gvi_eval.windows import CountWindow


def slope(windows: list[CountWindow]) -> tuple[float, float, float] | None:
    """Percent a year with a 95 % interval: Poisson regression of counts on the middle of their days, quasi-likelihood.

    log E[count] = log days + level + slope · years; the variance is max(1, Pearson dispersion) times that of Poisson. None
    with fewer than three windows. McCullagh & Nelder (1989), doi:10.1007/978-1-4899-3242-6.
    """
    if len(windows) < 3:
        return None
    days = np.array([sum((last - first).days + 1 for first, last in window.ranges) for window in windows], dtype=float)
    middle = np.array([(window.start.toordinal() + window.end.toordinal()) / 2 for window in windows]) / 365.25
    counts = np.array([window.count for window in windows], dtype=float)
    design = np.column_stack([np.ones(len(windows)), middle - middle.mean()])
    fitted, covariance = _poisson(counts, design, days)
    expected = days * np.exp(design @ fitted)
    freedom = len(windows) - 2
    dispersion = float(((counts - expected) ** 2 / expected).sum()) / freedom
    error = math.sqrt(covariance[1, 1] * max(1.0, dispersion))
    half = float(stats.t.ppf(0.975, freedom)) * error
    return tuple(100 * math.expm1(value) for value in (fitted[1], fitted[1] - half, fitted[1] + half))


def _poisson(counts: np.ndarray, design: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and covariance of a log-linear Poisson regression, by Newton's method from the overall rate."""
    fitted = np.zeros(design.shape[1])
    fitted[0] = math.log(max(counts.sum(), 0.5) / days.sum())
    for _ in range(50):
        expected = days * np.exp(design @ fitted)
        covariance = np.linalg.inv(design.T @ (design * expected[:, None]))
        step = covariance @ (design.T @ (counts - expected))
        fitted = fitted + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    return fitted, covariance
