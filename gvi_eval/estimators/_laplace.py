"""Latent Gaussian counts: a count series with a hidden autocorrelated level, fitted without sampling.

    y_i ~ NB2(m_i, alpha r_i)    m = C exp(eta)    eta_t = offset_t + x_t'beta + u_t

u is a stationary AR(1) with marginal sd sigma and correlation rho. C says how much of each period a
count covers; a complete monthly series is C = I. NB2 has variance m + a m^2.

For each hyperparameter (rho, sigma, alpha) the mode of the coefficients and the latent level is found
by Newton steps and the posterior is taken as Gaussian there, with the next order of the Laplace
expansion added to its mean and to its log integral. The hyperparameters are then summed over a
lattice laid where their posterior is, in coordinates in which their prior is standard normal: a mode
at sigma = 0 or alpha = 0 and a posterior that equals its prior are ordinary cases.

A count over several periods has log mean log sum_j c_j exp(offset_j + x_j'beta) + xi, where xi, the log
of a weighted mean of exp(u), is taken as normal with the moments of that mean (Fenton 1960); for one
period xi = u exactly. Its dispersion is alpha r, r = E sum (c mu)^2 / E (sum c mu)^2 over the prior of u,
because extra variation is independent between periods. Weights inside a span are those of a pilot fit.
Cannot say more about rho, sigma and alpha than the spans carry: look at `divergence`.

Rue, Martino & Chopin (2009) Approximate Bayesian inference for latent Gaussian models by using
integrated nested Laplace approximations, J. R. Stat. Soc. B 71(2) 319-392,
doi:10.1111/j.1467-9868.2008.00700.x.
Shun & McCullagh (1995) Laplace approximation of high dimensional integrals,
J. R. Stat. Soc. B 57(4) 749-760, doi:10.1111/j.2517-6161.1995.tb02060.x.
Thompson & Baker (1981) Composite link functions in generalized linear models, doi:10.2307/2346381.
Eilers (2007) Ill-posed problems with counts, the composite link model and penalized likelihood,
doi:10.1177/1471082X0700700302.
Fenton (1960) The sum of log-normal probability distributions in scatter transmission systems,
doi:10.1109/TCOM.1960.1097606.
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import gammaln, ndtr, ndtri

from gvi_eval.errors import EstimationError
from gvi_eval.estimators._laplace_months import evaluate_months, months_levels, project_months
from gvi_eval.estimators._laplace_spans import evaluate_spans, project_spans, spans_levels
from gvi_eval.estimators._laplace_terms import Series

WORTH_DRAWING = 0.01  # a component below this share of the heaviest does not show in a path

# --- hyperparameters: coordinates and the lattice


@dataclass(frozen=True)
class Chart:
    """Coordinates x (n, d) for rho and the half-normal rest: a standard normal x is rho ~ U(0, 1) and sigma,
    alpha ~ half-normal with scales (d - 1,). With the prior's scales x is standard normal a priori; with
    smaller ones a posterior that piles up at 0 still is about normal.
    """

    prior_scale: tuple[float, ...]
    scale: tuple[float, ...]

    def hyper(self, points: np.ndarray) -> np.ndarray:
        """rho and the rest at points (n, d)."""
        rho = np.minimum(ndtr(points[:, 0]), 1 - 1e-9)
        return np.column_stack([rho, -ndtri(ndtr(-points[:, 1:]) / 2) * self.scale])

    def points(self, hyper: np.ndarray) -> np.ndarray:
        """The inverse of `hyper`."""
        # Far out in a small scale the tail underflows, and an infinite coordinate would spoil every moment.
        beyond = np.clip(2 * ndtr(-hyper[:, 1:] / self.scale), 1e-300, 1 - 1e-15)
        return np.column_stack([ndtri(hyper[:, 0]), -ndtri(beyond)])

    def log_prior(self, points: np.ndarray, hyper: np.ndarray) -> np.ndarray:
        """Log prior density of each coordinate at points and their hyperparameters, (n, d)."""
        own, prior = np.array(self.scale), np.array(self.prior_scale)
        out = -0.5 * points**2 - 0.5 * math.log(2 * math.pi)
        out[:, 1:] += np.log(own / prior) + 0.5 * hyper[:, 1:] ** 2 * (own**-2 - prior**-2)
        return out


@dataclass(frozen=True)
class Nodes:
    """Evaluated points (n, 3), their log posterior (n,) and what `evaluate` returns for them."""

    points: np.ndarray
    log_posterior: np.ndarray
    parts: tuple[np.ndarray, ...]


def look(series: Series, chart: Chart, points: np.ndarray, starts: np.ndarray, ordered: bool, shell: bool = False) -> Nodes:
    """Evaluate points (n, 3) from starting modes (n, p + T). Outside a shell the first must succeed."""
    evaluate = evaluate_months if one_period_each(series) else evaluate_spans
    hyper = chart.hyper(points)
    parts = evaluate(series, hyper, np.ascontiguousarray(starts), ordered)
    log_posterior = parts[0] + chart.log_prior(points, hyper).sum(axis=1)
    if not np.isfinite(log_posterior[0]) and not shell:
        raise EstimationError(
            f"no mode was found at rho, sigma, alpha = {hyper[0].round(4).tolist()}; "
            "look for a count, an offset or a column of X of the wrong magnitude"
        )
    return Nodes(points, np.where(np.isfinite(log_posterior), log_posterior, -np.inf), parts)


FIRST_LOOK = np.array([0.0, -0.6, -0.9])  # rho .5, sigma .17, alpha .12 under the default scales
STENCIL_STEP = 0.2
STENCIL = STENCIL_STEP * np.array(
    [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1), (1, 1, 0), (1, 0, 1), (0, 1, 1)]
)


def quadratic(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope (3,) and Hessian (3, 3) from the values on `STENCIL`."""
    up, down, top = values[1:4], values[4:7], values[0]
    hessian = np.diag(up + down - 2 * top)
    for value, (i, j) in zip(values[7:], [(0, 1), (0, 2), (1, 2)], strict=True):
        hessian[i, j] = hessian[j, i] = value - up[i] - up[j] + top
    return (up - down) / (2 * STENCIL_STEP), hessian / STENCIL_STEP**2


def find_centre(series: Series, chart: Chart, start: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Near the mode of the hyperparameters: the point, its scale matrix (3, 3) and the mode there."""
    point = FIRST_LOOK
    for _ in range(12):
        nodes = look(series, chart, point + STENCIL, np.repeat(start[None], len(STENCIL), axis=0), False)
        slope, hessian = quadratic(nodes.log_posterior)
        size, axes = np.linalg.eigh(-hessian)
        size = np.clip(np.abs(size), 0.5, None)
        move = axes @ ((axes.T @ slope) / size)
        move *= min(1.0, 1.5 / np.linalg.norm(move))
        point, start = point + move, nodes.parts[1][0]
        if slope @ move < 0.3:
            break
    return point, axes / np.sqrt(size), start


@dataclass
class Grown:
    """A lattice while it grows: places k (n, 3) by row, and the nodes there."""

    row: dict[tuple[int, int, int], int]
    nodes: Nodes

    def odd(self) -> np.ndarray:
        """Which points belong to the odd half."""
        return np.array([k[0] % 2 == 1 for k in self.row])


ROUGH_STEP, ROUGH_DROP = 1.2, 5.0
FEWEST_POINTS, CLOSER_LOOKS = 5.0, 6  # effective number of points, and how often the rough lattice is halved for them
LATTICE_STEPS = (0.7, 0.5, 0.35)  # in posterior sds; the next is taken when the halves of one disagree
LARGEST_GAP = 0.1  # by this many sds of a coefficient; the whole is then about 0.003 sd from its limit
LOG_DROP = 7.0  # the lattice is followed until the log posterior is this far under its top
BELOW = 2.0  # and points up to this much lower still are kept
MAX_NODES = 8000
FARTHEST = 4.0  # sds of a coordinate, beyond which a rough point no longer shapes the chart
CORNERS = [tuple(corner) for corner in product((-1, 1), repeat=3)]


def lattice(
    series: Series,
    chart: Chart,
    centre: np.ndarray,
    scale: np.ndarray,
    start: np.ndarray,
    step: float,
    drop: float,
    ordered: bool,
) -> Grown:
    """Body-centred lattice centre + step * scale k, grown from k = 0 while within `drop` of the top.

    k are the integer triples that are all even or all odd: the lattice on which a smooth density in
    three dimensions is summed with the fewest points. Each point's Newton steps start on the line
    through the two points before it.
    """
    nodes = look(series, chart, centre[None], start[None], ordered)
    grown, fresh, top = Grown({(0, 0, 0): 0}, nodes), [(0, 0, 0)], nodes.log_posterior[0]
    while fresh:
        places, before, earlier = next_places(grown, fresh, top - drop)
        if len(grown.row) + len(places) > MAX_NODES:
            raise EstimationError(
                f"the posterior of rho, sigma and alpha needs more than {MAX_NODES} points; "
                "look for a count of the wrong magnitude, or set a smaller prior_scale"
            )
        if not places:
            return grown
        modes = grown.nodes.parts[1]
        starts = np.where(earlier[:, None] < 0, modes[before], 2 * modes[before] - modes[earlier])
        nodes = look(series, chart, centre + step * np.array(places) @ scale.T, starts, ordered, shell=True)
        grown.row.update(zip(places, range(len(grown.row), len(grown.row) + len(places)), strict=True))
        grown.nodes = joined(grown.nodes, nodes)
        fresh, top = places, max(top, nodes.log_posterior.max())
    return grown


def next_places(grown: Grown, fresh: list, floor: float) -> tuple[list, np.ndarray, np.ndarray]:
    """Neighbours still to be visited of the fresh points above the floor: their places, the row they
    are reached from and the row before that (-1: none). Those that a straight line already puts
    `BELOW` under the floor are left out."""
    height, found = grown.nodes.log_posterior, {}
    for k in fresh:
        here = grown.row[k]
        if height[here] <= floor:
            continue
        for a, b, c in CORNERS:
            place = (k[0] + a, k[1] + b, k[2] + c)
            if place in grown.row or place in found:
                continue
            back = grown.row.get((k[0] - a, k[1] - b, k[2] - c), -1)
            if back >= 0 and height[back] == -np.inf:
                back = -1
            if back < 0 or 2 * height[here] - height[back] > floor - BELOW:
                found[place] = (here, back)
    rows = np.array(list(found.values()), dtype=np.int64).reshape(-1, 2)
    return list(found), rows[:, 0], rows[:, 1]


def joined(first: Nodes, second: Nodes) -> Nodes:
    """Two sets of nodes as one."""
    parts = tuple(np.concatenate(pair) for pair in zip(first.parts, second.parts, strict=True))
    points = np.concatenate([first.points, second.points])
    return Nodes(points, np.concatenate([first.log_posterior, second.log_posterior]), parts)


def normalised(log_posterior: np.ndarray) -> np.ndarray:
    """Weights that sum to one."""
    weights = np.exp(log_posterior - log_posterior.max())
    return weights / weights.sum()


def moments(weights: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and covariance of points (n, d)."""
    mean = weights @ points
    return mean, (points - mean).T @ ((points - mean) * weights[:, None])


# --- the fit


@dataclass(frozen=True)
class LatentFit:
    """Posterior of (beta, u) as a mixture of Gaussians over K hyperparameter points.

    weights (K,); hyper (K, 3) = rho, sigma, alpha; beta_mean (K, p), beta_cov (K, p, p); modes are where
    the components were fitted, in the kernel's own coordinates. hyper_mean, hyper_sd (3,),
    hyper_quantiles (3, 5) at `HYPER_PROBABILITIES` and `divergence` (3,): Kullback-Leibler of posterior
    from prior in nats, about 0 where the counts say nothing. Certificates: `slope` is the largest slope
    left at any mode, `lattice_gap` how far the two halves of the lattice disagree about any beta
    (posterior sds), `expansion_gap` the largest expansion term of a component that matters.
    """

    series: Series
    weights: np.ndarray
    hyper: np.ndarray
    modes: np.ndarray
    beta_mean: np.ndarray
    beta_cov: np.ndarray
    log_marginal_likelihood: float
    hyper_mean: np.ndarray
    hyper_sd: np.ndarray
    hyper_quantiles: np.ndarray
    divergence: np.ndarray
    slope: float
    lattice_gap: float
    expansion_gap: float
    newton_steps: int
    evaluations: int

    @property
    def dispersion(self) -> np.ndarray:
        """alpha in each component, shape (K,)."""
        return self.hyper[:, 2]

    def mean_and_sd(self) -> tuple[np.ndarray, np.ndarray]:
        """Posterior mean and sd of beta, shape (p,) each."""
        return mixture_mean_sd(self.weights, self.beta_mean, np.diagonal(self.beta_cov, axis1=1, axis2=2))

    def quantiles(self, probabilities) -> np.ndarray:
        """Posterior quantiles of beta, shape (p, probabilities)."""
        return mixture_quantiles(self.weights, self.beta_mean, np.diagonal(self.beta_cov, axis1=1, axis2=2), probabilities)

    def project(self, maps, joint=True) -> tuple[np.ndarray, np.ndarray]:
        """Mean (K, m) and covariance (K, m, m) of linear maps (m, p + T) of (beta, u); joint=False: variance (K, m)."""
        p = self.beta_mean.shape[1]
        maps = np.ascontiguousarray(maps, dtype=float)
        on_eta = np.ascontiguousarray(maps[:, p:])  # u = eta - offset - X beta
        on_beta = np.ascontiguousarray(maps[:, :p] - on_eta @ self.series.X)
        run = project_months if one_period_each(self.series) else project_spans
        means, covs = run(self.series, self.hyper, self.modes, on_beta, on_eta, joint)
        return means - on_eta @ self.series.offset, covs if joint else covs[:, :, 0]

    def level(self) -> np.ndarray:
        """The latent level u (T,) at the modes, averaged over the components that matter: quick, and enough to draw."""
        matters = self.weights > WORTH_DRAWING * self.weights.max()
        run = months_levels if one_period_each(self.series) else spans_levels
        weights = self.weights[matters] / self.weights[matters].sum()
        return weights @ run(self.series, self.hyper[matters], self.modes[matters])

    def path(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (K, T) of eta = offset + X beta + u."""
        means, variances = self.project(np.hstack([self.series.X, np.eye(len(self.series.X))]), joint=False)
        return means + self.series.offset, variances


def mixture_mean_sd(weights: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sd (m,) of Gaussian mixtures with components means, variances (K, m)."""
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))


def mixture_quantiles(weights: np.ndarray, means: np.ndarray, variances: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Quantiles (m, probabilities) of Gaussian mixtures (K, m), by bisection to 1e-13 of their range."""
    sds = np.sqrt(variances)[:, :, None]
    wanted = np.asarray(probabilities, dtype=float)
    low = np.repeat((means - 40 * np.sqrt(variances)).min(axis=0)[:, None], wanted.size, axis=1)
    high = np.repeat((means + 40 * np.sqrt(variances)).max(axis=0)[:, None], wanted.size, axis=1)
    for _ in range(46):
        middle = (low + high) / 2
        under = np.einsum("k,kmq->mq", weights, ndtr((middle - means[:, :, None]) / sds)) < wanted
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (low + high) / 2


HYPER_PROBABILITIES = np.array([0.025, 0.25, 0.5, 0.75, 0.975])
KERNEL_SHARE = 0.25  # of the variance of a hyperparameter's coordinate, spread around each lattice point


def hyper_summary(chart: Chart, weights: np.ndarray, points: np.ndarray, hyper: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean, sd (3,), quantiles (3, 5) and divergence from the prior (3,) of rho, sigma, alpha.

    Densities in x are Gaussian kernels on lattice points drawn towards their mean so that mean and
    variance stay (West 1993, doi:10.1111/j.2517-6161.1993.tb01911.x).
    """
    mean, sd = mixture_mean_sd(weights, hyper, np.zeros_like(hyper))
    centre, cov = moments(weights, points)
    drawn = centre + math.sqrt(1 - KERNEL_SHARE) * (points - centre)
    spread = KERNEL_SHARE * np.diag(cov)
    grid = centre + np.sqrt(np.diag(cov)) * np.linspace(-6, 6, 121)[:, None]
    density = np.stack(
        [weights @ np.exp(-0.5 * (grid[:, j] - drawn[:, j, None]) ** 2 / spread[j]) for j in range(points.shape[1])], axis=1
    )
    density /= density.sum(axis=0)
    below = density.cumsum(axis=0) - 0.5 * density
    at = np.stack([np.interp(HYPER_PROBABILITIES, below[:, j], grid[:, j]) for j in range(points.shape[1])], axis=1)
    prior = chart.log_prior(grid, chart.hyper(grid))
    width = grid[1] - grid[0]
    divergence = (density * (np.log(np.maximum(density, 1e-300) / width) - prior)).sum(axis=0)
    return mean, sd, chart.hyper(at).T, divergence


def lattice_gap(weights: np.ndarray, odd: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> float:
    """Largest difference of a posterior mean between the odd and the even half of the lattice, in sds."""
    if min(weights[odd].sum(), weights[~odd].sum()) < 1e-12:
        return math.inf
    halves = [weights[part] @ mean[part] / weights[part].sum() for part in (odd, ~odd)]
    return float(np.max(np.abs(halves[0] - halves[1]) / sd))


def as_series(y, X, offset, beta_prior_sd, C, one_alpha) -> Series:
    """Check the input and list the periods that each count covers."""
    y, X, offset = np.asarray(y, dtype=float), np.ascontiguousarray(X, dtype=float), np.array(offset, dtype=float)
    C = np.eye(len(X)) if C is None else np.asarray(C, dtype=float)
    precision = np.asarray(beta_prior_sd, dtype=float) ** -2.0
    if C.shape != (y.size, len(X)) or offset.shape != (len(X),) or precision.shape != (X.shape[1],):
        raise EstimationError(
            f"shapes disagree: y {y.shape}, C {C.shape}, X {X.shape}, offset {offset.shape}, prior sds {precision.shape}; "
            "C is (counts, periods) and X (periods, coefficients)"
        )
    empty = np.flatnonzero(~(C > 0).any(axis=1) | (C < 0).any(axis=1))
    if empty.size:
        raise EstimationError(f"rows {empty.tolist()} of C cover no period or a negative share of one; leave those counts out")
    if not all(np.isfinite(part).all() for part in (X, offset, y, precision)) or (y < 0).any():
        raise EstimationError(
            "y must be counts of 0 or more, X, offset and prior sds finite; leave a missing count and its row of C out"
        )
    row, at = np.nonzero(C)
    start = np.searchsorted(row, np.arange(y.size + 1))
    return Series(
        y,
        start,
        at,
        C[row, at],
        np.log(C[row, at]),
        np.ones(at.size),
        X,
        offset,
        precision,
        bool(one_alpha),
        float(gammaln(y + 1).sum()),
    )


def one_period_each(s: Series) -> bool:
    """Whether every count is of one period."""
    return s.at.size == s.y.size


def share_of_count(s: Series, beta: np.ndarray) -> np.ndarray:
    """Share (cells,) of each count's mean that its periods carry at beta."""
    means = s.share * np.exp((s.offset + s.X @ beta)[s.at])
    return means / np.repeat(np.add.reduceat(means, s.start[:-1]), np.diff(s.start))


def first_guess(s: Series) -> np.ndarray:
    """Ridge least squares of each count's log rate, given to all its periods, shape (p,)."""
    total = np.add.reduceat(s.share * np.exp(s.offset[s.at]), s.start[:-1])
    rate = np.repeat(np.log((s.y + 0.5) / total), np.diff(s.start))
    rows = s.X[s.at]
    return np.linalg.solve(rows.T @ rows + np.diag(s.precision), rows.T @ rate)


def pilot(series: Series, chart: Chart) -> tuple[Series, np.ndarray]:
    """The series with the weights inside its counts settled, and a mode (p + T or p + n,) to start from."""
    beta, p = first_guess(series), series.X.shape[1]
    if one_period_each(series):
        return series, np.concatenate([beta, np.zeros(len(series.X))])
    start = np.concatenate([beta, np.zeros(series.y.size)])
    for _ in range(2):
        series = series._replace(weight=share_of_count(series, start[:p]))
        start = look(series, chart, FIRST_LOOK[None], start[None], False).parts[1][0]
    return series, start


def fit(y, X, offset, beta_prior_sd, C=None, prior_scale=(0.5, 0.5), one_alpha=False) -> LatentFit:
    """Fit counts y (n,) with design X (T, p), log exposure `offset` (T,) and coverage C (n, T) or None.

    beta_prior_sd (p,): sds of the coefficients' normal priors about 0. prior_scale: half-normal scales
    of sigma and alpha. one_alpha gives every count the dispersion alpha, however many periods it covers.
    """
    chart = Chart(tuple(prior_scale), tuple(prior_scale))
    series, start = pilot(as_series(y, X, offset, beta_prior_sd, C, one_alpha), chart)
    centre, scale, start = find_centre(series, chart, start)
    rough = first_lattice(series, chart, centre, scale, start)
    chart, centre, scale = own_chart(chart, rough)
    start = rough.parts[1][rough.log_posterior.argmax()]
    for step in LATTICE_STEPS:
        grown = lattice(series, chart, centre, scale, start, step, LOG_DROP, True)
        fitted = summed(series, chart, grown, 4 * step**3 * abs(np.linalg.det(scale)))
        if fitted.lattice_gap < LARGEST_GAP:
            break
    return fitted


def first_lattice(series: Series, chart: Chart, centre: np.ndarray, scale: np.ndarray, start: np.ndarray) -> Nodes:
    """A rough look at the whole posterior, drawn closer until more than a few points share its weight."""
    for _ in range(CLOSER_LOOKS):
        rough = lattice(series, chart, centre, scale, start, ROUGH_STEP, ROUGH_DROP, False).nodes
        weights = normalised(rough.log_posterior)
        if 1 / (weights @ weights) >= FEWEST_POINTS:
            break
        best = rough.log_posterior.argmax()
        centre, scale, start = rough.points[best], scale / 2, rough.parts[1][best]
    return rough


def own_chart(chart: Chart, rough: Nodes) -> tuple[Chart, np.ndarray, np.ndarray]:
    """Coordinates near the posterior's own size, with its mean (3,) and scale matrix (3, 3) there.

    sigma goes half way only: as rho tends to 1 the level becomes a constant, the counts no longer
    bound sigma, and a thin tail of the posterior follows the prior.
    """
    weights, hyper = normalised(rough.log_posterior), chart.hyper(rough.points)
    sigma, alpha = np.sqrt(weights @ hyper[:, 1:] ** 2).tolist()
    sigma_scale, alpha_scale = chart.prior_scale
    own = Chart(chart.prior_scale, (min(math.sqrt(sigma * sigma_scale), sigma_scale), min(alpha, alpha_scale)))
    # The rough lattice has points so far out in the small scale that one of them would stretch the whole chart.
    centre, cov = moments(weights, np.clip(own.points(hyper), -FARTHEST, FARTHEST))
    return own, centre, np.linalg.cholesky(cov + 1e-6 * np.eye(3))


def summed(series: Series, chart: Chart, grown: Grown, volume: float) -> LatentFit:
    """The mixture over the lattice's points, each of which stands for `volume`."""
    nodes, top = grown.nodes, grown.nodes.log_posterior.max()
    kept = nodes.log_posterior > top - LOG_DROP - BELOW
    weights, hyper = normalised(nodes.log_posterior[kept]), chart.hyper(nodes.points[kept])
    _, modes, mean, cov, gains, slope, steps = (part[kept] for part in nodes.parts)
    sd = mixture_mean_sd(weights, mean, np.diagonal(cov, axis1=1, axis2=2))[1]
    return LatentFit(
        series,
        weights,
        hyper,
        modes,
        mean,
        cov,
        float(top + math.log(np.exp(nodes.log_posterior - top).sum() * volume)),
        *hyper_summary(chart, weights, nodes.points[kept], hyper),
        slope=float(slope.max()),
        lattice_gap=lattice_gap(weights, grown.odd()[kept], mean, sd),
        expansion_gap=float(np.abs(gains[weights > 1e-3 * weights.max()]).max()),
        newton_steps=int(nodes.parts[6].sum()),
        evaluations=len(nodes.points),
    )
