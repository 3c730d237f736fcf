"""The latent count model: what it holds, how it is sampled in PyMC, and what it says of counts; its density is apart."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from gvi_eval.estimators import _count_density
from gvi_eval.estimators._count_density import POISSON_BELOW, SLOPES, density, from_coordinates, loadings, log_likelihoods
from gvi_eval.estimators._mcmc import Sampled, Sampling, density_op, pymc_module, sample
from gvi_eval.hashing import file_hash

PILOT_RHO, PILOT_SIGMA, PILOT_ALPHA = 0.5, 0.25, 0.005  # of the fit about which measurements are linear; any give one posterior
PROGRAM = file_hash(Path(_count_density.__file__))  # what numba keeps on disk is of this file as it is


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
class Reference:
    """What the stand-in of the posterior measures: by count, and by entry of the matrix that is not zero.

    ``poisson`` (n,) is 1/m and ``spread`` (n,) the q of each count at the reference, ``reading`` (n,) its measured log,
    ``part`` (entry,) the share of a cell in its mean, ``slope`` (n, p) what the coefficients do to the log of the mean.
    """

    poisson: np.ndarray
    spread: np.ndarray
    reading: np.ndarray
    part: np.ndarray
    slope: np.ndarray


def reference(model: CountModel) -> Reference:
    """The posterior mode at rho, sigma and alpha of a pilot, units apart, by Newton steps, and measurements linear about it."""
    X, C, y = model.columns, model.matrix, model.counts
    p, periods, units = model.shape
    lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    prior = np.zeros((p + units * periods,) * 2)
    prior[:p, :p] = np.diag(model.prior_sd**-2.0)
    prior[p:, p:] = np.kron(np.eye(units), np.linalg.inv(PILOT_SIGMA**2 * PILOT_RHO**lag))
    centre = np.concatenate([model.prior_mean, np.zeros(units * periods)])
    at, whole = centre.copy(), np.hstack([X, np.eye(units * periods)])
    for unit in range(units):
        own = np.arange(units * periods) // periods == unit
        mine = C[:, own].sum(axis=1) > 0
        at[unit] = np.log((y[mine].sum() + 0.5) / (C[np.ix_(mine, own)] @ np.exp(model.offset[own])).sum())
    for _ in range(200):
        cells = C * np.exp(np.clip(model.offset + whole @ at, -700, 700))
        means = np.maximum(cells.sum(axis=1), 1e-300)
        share = cells / means[:, None]
        spread = np.ones(len(y)) if model.one_alpha else (share**2).sum(axis=1)
        slopes, weight = share @ whole, 1 / (1 / means + PILOT_ALPHA * spread)
        step = np.linalg.solve(
            slopes.T @ (weight[:, None] * slopes) + prior, slopes.T @ (weight * (y - means) / means) - prior @ (at - centre)
        )
        step /= max(np.abs(step).max(), 1.0)
        at = at + step
        if np.abs(step).max() < 1e-9:
            break
    reading = slopes @ at + (y - means) / means
    return Reference(1 / means, spread, reading, share[np.nonzero(model.matrix)], share @ X)


def packed(model: CountModel, at: Reference) -> tuple[np.ndarray, np.ndarray]:
    """Everything the density reads, as whole numbers and as floats: one pair of arrays, so that a sampler takes new data."""
    count, cell = np.nonzero(model.matrix)
    n, (p, periods, units) = len(model.counts), model.shape
    start = np.searchsorted(count, np.arange(n + 1))
    touched = [_walks_of(cell[start[i] : start[i + 1]], periods, units) for i in range(n)]
    first = np.arange(units * periods)
    first[units:] -= units
    for walks in touched:
        first[walks] = np.minimum(first[walks], walks[:1])
    header = [n, p, units, periods, len(cell), sum(map(len, touched)), int(model.one_alpha)]
    whole = [
        header,
        start,
        cell,
        model.is_control,
        np.cumsum([0, *map(len, touched)]),
        np.concatenate(touched),
        np.concatenate([first, np.zeros(p)]),
    ]
    floats = [
        model.counts,
        model.matrix[count, cell],
        model.columns,
        model.offset,
        model.prior_mean,
        model.prior_sd**-2.0,
        at.poisson,
        at.spread,
        at.reading,
        at.part,
        at.slope,
    ]
    return (
        np.concatenate([np.asarray(part, dtype=np.int64) for part in whole]),
        np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in floats]),
    )


def _walks_of(cells: np.ndarray, periods: int, units: int) -> np.ndarray:
    """Places, by period and unit, of the walks behind the levels of these cells: those of a unit and of the ones before it."""
    of, at = np.divmod(cells, periods)
    return np.unique(np.concatenate([t * units + np.arange(k + 1) for k, t in zip(of, at, strict=True)]))


# --- in PyMC


def in_pymc(model: CountModel) -> Any:
    """The model in PyMC: rho, sigma and alpha by standard normal coordinates, whose quantiles they are.

    The priors of the coefficients and of the walks are part of the density of the counts, because z is a map of them.
    """
    pymc = pymc_module()
    import pytensor.tensor as tensor

    def below(x: Any) -> Any:
        """The standard normal distribution function, exact in its lower tail."""
        return tensor.erfc(-x / math.sqrt(2)) / 2

    coefficients, periods, units = model.shape
    whole, floats = packed(model, reference(model))
    with pymc.Model(check_bounds=False) as made:
        figures = pymc.Data("whole", whole), pymc.Data("floats", floats)
        scale = pymc.Data("prior_scale", model.prior_scale) * math.sqrt(2)
        z = pymc.Flat("z", shape=units * periods + coefficients)
        x = pymc.Normal("rho", shape=1)
        rho = below(x)
        memory = tensor.concatenate([rho, tensor.sqrt(below(-x) * (1 + rho))])
        # sqrt(2) erfcinv(Phi(-x)) = -Phi^-1(Phi(-x) / 2) is half-normal where x is normal.
        sigma = scale * tensor.erfcinv(below(-pymc.Normal("sigma", shape=len(model.sigma_names))))
        alpha = scale * tensor.erfcinv(below(-pymc.Normal("alpha", shape=len(model.alpha_names))))
        log_density = density_op(density, SLOPES, PROGRAM)
        pymc.Potential("counts", log_density(z, memory, sigma, alpha, *figures)[0])
    return made


def sample_model(model: CountModel, how: Sampling) -> tuple["Parameters", Sampled]:
    """Draws of the model's parameters, chain after chain, and the sample in the sampler's own coordinates."""
    whole, floats = packed(model, reference(model))
    data = {"whole": whole, "floats": floats, "prior_scale": model.prior_scale}
    sampled = sample(("latent counts", model.shape), lambda: in_pymc(model), data, how)
    flat = {name: values.reshape(how.chains * how.draws, -1) for name, values in sampled.draws.items()}
    return parameters(model, (whole, floats), flat["z"], flat["rho"][:, 0], flat["sigma"], flat["alpha"]), sampled


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
    model: CountModel,
    figures: tuple[np.ndarray, np.ndarray],
    z: np.ndarray,
    rho: np.ndarray,
    sigma: np.ndarray,
    alpha: np.ndarray,
) -> Parameters:
    """Parameters from draws of the sampler's coordinates.

    Shapes: z (draw, unit * period + p), rho (draw,), sigma and alpha (draw, any); ``figures`` is `packed`.
    """
    correlation = rho_of(rho)
    memory = np.column_stack([correlation, np.sqrt(special.ndtr(-rho) * (1 + correlation))])
    sds, dispersions = half_normal_of(sigma, model.prior_scale), half_normal_of(alpha, model.prior_scale)
    level, coefficients = from_coordinates(np.ascontiguousarray(z), memory, sds, dispersions, *figures)
    return Parameters(coefficients, np.column_stack([correlation, sds, dispersions]), level)


def prior_parameters(model: CountModel, count: int, seed: int) -> Parameters:
    """Draws from the prior."""
    random = np.random.default_rng(seed)
    p, periods, units = model.shape
    coefficients = model.prior_mean + model.prior_sd * random.standard_normal((count, p))
    rho = random.uniform(size=count)
    sds = np.abs(model.prior_scale * random.standard_normal((count, len(model.sigma_names))))
    dispersions = np.abs(model.prior_scale * random.standard_normal((count, len(model.alpha_names))))
    walk = random.standard_normal((count, units, periods))
    for t in range(1, periods):
        walk[:, :, t] = rho[:, None] * walk[:, :, t - 1] + np.sqrt(1 - rho**2)[:, None] * walk[:, :, t]
    own, passed_on = (np.array(part) for part in zip(*(loadings(each, units) for each in sds), strict=True))
    common = np.cumsum(passed_on[:, :, None] * walk, axis=1) - passed_on[:, :, None] * walk
    level = (common + own[:, :, None] * walk).reshape(count, -1)
    return Parameters(coefficients, np.column_stack([rho, sds, dispersions]), level)


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
    return log_likelihoods(model.counts, means, np.maximum(dispersions, POISSON_BELOW)) - special.gammaln(model.counts + 1)


def simulated_counts(means: np.ndarray, dispersions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Counts NB2(means, dispersions), shape as the means."""
    shape = 1 / np.maximum(dispersions, 1e-10)
    return random.poisson(np.minimum(random.gamma(shape, means / shape), 1e15))
