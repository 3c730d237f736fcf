"""Latent Gaussian counts of several units with a shared and an own level each, fitted without sampling.

    y_i ~ NB2(m_i, alpha_k r_i)    m = C exp(eta)    eta_kt = offset_kt + x_kt'beta + v_t + u_kt

v is shared by all units, u_k is unit k's own; all are stationary AR(1) with one correlation rho and marginal sds
sigma_shared, sigma_treated (unit 0) and sigma_control (the others); the dispersions are alpha_treated and alpha_control. So
the latent level of cell (k, t) is Gaussian with covariance rho^|t - s| (sigma_shared^2 + [k = l] sigma_k^2), and a count over
several periods has a lognormal latent mean with the moments that `_laplace` matches.

For fixed hyperparameters the mode of beta and of the counts' latent log means f ~ N(m, K) is found by Newton steps in the
form that never inverts K (Rasmussen & Williams 2006, section 3.4), with the next order of the Laplace expansion. The six
hyperparameters are summed by adaptive importance sampling on Sobol points with deterministic mixture weights (Cornuet,
Marin, Mira & Robert 2012): the same points each time, so the same bytes. A point costs O(n^3) in the number of counts, and
O(T^2 K^3) where all counts are of one period and `_laplace_units` does the work.

Rasmussen & Williams (2006) Gaussian Processes for Machine Learning, MIT Press.
Cornuet, Marin, Mira & Robert (2012) Adaptive multiple importance sampling, Scand. J. Stat. 39(4),
doi:10.1111/j.1467-9469.2011.00756.x.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from gvi_eval.errors import EstimationError
from gvi_eval.estimators._joint import JointDesign
from gvi_eval.estimators._joint_modes import Mode, MonthlyProblem, SpanProblem, problem_of
from gvi_eval.estimators._laplace import Chart, hyper_summary, mixture_mean_sd, normalised

Problem = SpanProblem | MonthlyProblem

HYPERPARAMETERS = ("rho", "sigma_shared", "sigma_treated", "sigma_control", "alpha_treated", "alpha_control")
FIRST_LOOK = np.array([0.0, -0.8, -0.6, -0.8, -0.9, -1.2])
STENCIL_STEP, CLIMB_STEPS, LONGEST_MOVE, CLOSE_ENOUGH, FLATTEST = 0.2, 6, 2.0, 0.3, 0.3
FARTHEST = 4.0  # in prior sds of a coordinate
POINTS, ROUNDS = 128, 2  # of each round; the first about the mode, the next fitted to all points before
MORE_ROUNDS = 4  # while fewer than FEWEST_EFFECTIVE points share the weight
FEWEST_EFFECTIVE = 80.0
FEWEST_TO_FIT = 20.0  # effective points behind the mean and covariance of a proposal
WIDER = 1.1  # by which the sd of a fitted proposal is drawn out, so that its tails cover the posterior's
SOBOL_SEED = 19960501
FLAT_SHARE = 1e-3  # of the heaviest weight, below which a point is dropped from the mixture


@dataclass(frozen=True, eq=False)
class JointFit:
    """Posterior of the coefficients and the treated unit's latent level as a mixture of K normals.

    weights (K,); hyper (K, 6) in the order of `HYPERPARAMETERS`; beta_mean (K, p), beta_cov (K, p, p). Certificates:
    ``effective`` points behind the weights, ``half_gap`` how far two halves of the points disagree about any coefficient,
    in posterior sds, ``slope`` the largest left at a mode.
    """

    problem: Problem
    modes: tuple[Mode, ...]
    weights: np.ndarray
    hyper: np.ndarray
    log_marginal_likelihood: float
    hyper_mean: np.ndarray
    hyper_sd: np.ndarray
    divergence: np.ndarray
    effective: float
    half_gap: float
    slope: float
    evaluations: int

    @cached_property
    def beta_mean(self) -> np.ndarray:
        return np.array([mode.beta + mode.beta_shift for mode in self.modes])

    @cached_property
    def beta_cov(self) -> np.ndarray:
        return np.array([mode.beta_cov for mode in self.modes])

    @property
    def dispersion(self) -> np.ndarray:
        """NB2 dispersion of the treated unit's counts in each component, shape (K,)."""
        return self.hyper[:, 4]

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Means (K, p + T) and covariances (K, p + T, p + T) of coefficients and latent level."""
        found = [self.problem.treated_moments(hyper, mode) for hyper, mode in zip(self.hyper, self.modes, strict=True)]
        return np.array([mean for mean, _ in found]), np.array([cov for _, cov in found])

    def mean_and_sd(self) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and sd of the coefficients, shape (p,) each."""
        return mixture_mean_sd(self.weights, self.beta_mean, np.diagonal(self.beta_cov, axis1=1, axis2=2))

    def level(self) -> np.ndarray:
        """Posterior mean of the treated unit's latent level, shape (T,)."""
        return self.weights @ self._moments[0][:, self.beta_mean.shape[1] :]

    def project(self, maps: np.ndarray, joint: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Mean (K, m) and covariance (K, m, m), or variance (K, m), of linear maps (m, p + T)."""
        means, covs = self._moments
        if joint:
            return means @ maps.T, maps @ covs @ maps.T
        return means @ maps.T, np.einsum("mi,kij,mj->km", maps, covs, maps, optimize=True)


def fit(joint: JointDesign, prior_scale: float = 0.5, one_alpha: bool = False) -> JointFit:
    """Fit the joint model. Raises `EstimationError` where no mode is found."""
    problem = problem_of(joint, one_alpha)
    chart, centre, scale, pilot = find_centre(problem, prior_scale)
    search = Search(problem, chart, centre, scale, pilot)
    for number in range(ROUNDS + MORE_ROUNDS):
        if number >= ROUNDS and search.effective() >= FEWEST_EFFECTIVE:
            break
        search.round(number)
    return search.result()


def find_centre(problem: Problem, prior_scale: float) -> tuple[Chart, np.ndarray, np.ndarray, Mode]:
    """Coordinates near the posterior's own size, its mode (6,) and scale matrix (6, 6) there, and the mode of (beta, f)."""
    prior = (prior_scale,) * 5
    chart = Chart(prior, prior)
    pilot = problem.settled(chart.hyper(FIRST_LOOK[None])[0])
    if not np.isfinite(pilot.log_marginal):
        raise EstimationError(
            f"no mode was found for {' and '.join(problem.joint.units)}; look for a count or an exposure of the wrong magnitude"
        )
    centre, scale, pilot = climb(problem, chart, FIRST_LOOK, pilot)
    # As in `_laplace.own_chart`: the sds go half way only, because their tail follows the prior as rho tends to 1.
    reach = chart.hyper((centre + np.sqrt(np.diag(scale @ scale.T)))[None])[0, 1:]
    half_way = np.where(np.arange(5) < 3, np.sqrt(reach * prior_scale), reach)
    own = Chart(prior, tuple(np.minimum(half_way, prior_scale).tolist()))
    at = np.clip(own.points(chart.hyper(centre[None])), -FARTHEST, FARTHEST)[0]
    centre, scale, pilot = climb(problem, own, at, pilot)
    return own, centre, scale, pilot


def climb(problem: Problem, chart: Chart, point: np.ndarray, start: Mode) -> tuple[np.ndarray, np.ndarray, Mode]:
    """Newton steps on the log posterior of the hyperparameters by finite differences: the mode, a root of the inverse
    curvature there, and the mode of (beta, f)."""
    d = len(point)
    pairs = [(i, j) for i in range(d) for j in range(i)]
    unit = STENCIL_STEP * np.eye(d)
    stencil = np.vstack([np.zeros(d), unit, -unit, *(unit[i] + unit[j] for i, j in pairs)])
    for _ in range(CLIMB_STEPS):
        values = []
        for x in point + stencil:
            hyper = chart.hyper(x[None])
            mode = problem.mode(hyper[0], start.beta, start.weight, ordered=False)
            start = mode if not values else start
            values.append(mode.log_marginal + chart.log_prior(x[None], hyper).sum())
        top, up, down, both = values[0], np.array(values[1 : d + 1]), np.array(values[d + 1 : 2 * d + 1]), values[2 * d + 1 :]
        slope = (up - down) / (2 * STENCIL_STEP)
        hessian = np.diag(up + down - 2 * top)
        for value, (i, j) in zip(both, pairs, strict=True):
            hessian[i, j] = hessian[j, i] = value - up[i] - up[j] + top
        size, axes = np.linalg.eigh(-hessian / STENCIL_STEP**2)
        size = np.clip(np.abs(size), FLATTEST, None)
        move = axes @ ((axes.T @ slope) / size)
        move *= min(1.0, LONGEST_MOVE / np.linalg.norm(move))
        point = np.clip(point + move, -FARTHEST, FARTHEST)
        if slope @ move < CLOSE_ENOUGH:
            break
    return point, axes / np.sqrt(size), start


class Search:
    """Points of the hyperparameters, evaluated round by round, each weighed against all proposals so far."""

    def __init__(self, problem: Problem, chart: Chart, centre: np.ndarray, scale: np.ndarray, pilot: Mode) -> None:
        self.problem, self.chart, self.pilot = problem, chart, pilot
        self.first = centre, scale
        self.points = np.empty((0, len(HYPERPARAMETERS)))
        self.log_posterior = np.empty(0)
        self.modes: list[Mode] = []
        self.proposals: list[tuple[np.ndarray, np.ndarray, int]] = []

    def round(self, number: int) -> None:
        d = len(HYPERPARAMETERS)
        centre, scale = self.first
        if number:
            weights = self._tempered()
            centre = weights @ self.points
            spread = (self.points - centre).T @ ((self.points - centre) * weights[:, None])
            scale = np.linalg.cholesky(spread + 1e-3 * np.eye(d))
        scale = WIDER * np.linalg.cholesky(scale @ scale.T)
        drawn = ndtri(qmc.Sobol(d, scramble=True, rng=SOBOL_SEED + number).random(POINTS))
        fresh = centre + drawn @ scale.T
        self.proposals.append((centre, scale, POINTS))
        hyper = self.chart.hyper(fresh)
        log_prior = self.chart.log_prior(fresh, hyper).sum(axis=1)
        for x, h, prior in zip(fresh, hyper, log_prior, strict=True):
            near = self._nearest(x)
            mode = self.problem.mode(h, near.beta, near.weight)
            self.modes.append(mode)
            self.points = np.vstack([self.points, x])
            self.log_posterior = np.append(self.log_posterior, mode.log_marginal + prior)

    def _nearest(self, x: np.ndarray) -> Mode:
        found = np.isfinite(self.log_posterior)
        if not found.any():
            return self.pilot
        away = np.where(found, ((self.points - x) ** 2).sum(axis=1), np.inf)
        return self.modes[int(away.argmin())]

    def log_weights(self) -> np.ndarray:
        """Log posterior less the log density of the mixture of all proposals, each by its share of the points."""
        total = sum(size for _, _, size in self.proposals)
        logs = []
        for centre, scale, size in self.proposals:
            z = np.linalg.solve(scale, (self.points - centre).T)
            density = -0.5 * (z**2).sum(axis=0) - np.log(np.diag(scale)).sum() - 0.5 * len(centre) * math.log(2 * math.pi)
            logs.append(math.log(size / total) + density)
        return self.log_posterior - np.logaddexp.reduce(logs, axis=0)

    def weights(self) -> np.ndarray:
        return normalised(self.log_weights())

    def _tempered(self) -> np.ndarray:
        """Weights flattened until enough points share them to fit a normal: a few points cannot say how wide it is."""
        logs = self.log_weights()
        for power in (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1):
            weights = normalised(power * logs)
            if 1 / (weights @ weights) >= FEWEST_TO_FIT:
                break
        return weights

    def effective(self) -> float:
        weights = self.weights()
        return float(1 / (weights @ weights))

    def result(self) -> JointFit:
        logs = self.log_weights()
        kept = logs > logs.max() + math.log(FLAT_SHARE)
        weights, points = normalised(logs[kept]), self.points[kept]
        hyper = self.chart.hyper(points)
        modes = tuple(mode for mode, keep in zip(self.modes, kept, strict=True) if keep)
        mean, sd, _, divergence = hyper_summary(self.chart, weights, points, hyper)
        fitted = JointFit(
            problem=self.problem,
            modes=modes,
            weights=weights,
            hyper=hyper,
            log_marginal_likelihood=float(np.logaddexp.reduce(logs) - math.log(len(logs))),
            hyper_mean=mean,
            hyper_sd=sd,
            divergence=divergence,
            effective=float(1 / (weights @ weights)),
            half_gap=0.0,
            slope=max(mode.slope for mode in modes),
            evaluations=len(self.points),
        )
        return replace(fitted, half_gap=_half_gap(fitted))


def _half_gap(fitted: JointFit) -> float:
    odd = np.arange(len(fitted.weights)) % 2 == 1
    if not odd.any():
        return math.inf
    means, (_, sd) = fitted.beta_mean, fitted.mean_and_sd()
    halves = [fitted.weights[part] @ means[part] / fitted.weights[part].sum() for part in (odd, ~odd)]
    return float(np.abs((halves[0] - halves[1]) / sd).max())
