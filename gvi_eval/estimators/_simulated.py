"""Counts on a scale where their noise is even, and the two paths simulated back from it, which are never negative."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import linalg, optimize, special, stats

from gvi_eval.effect import DRAWS, LARGEST_LOG, SEED, component_counts, noisy_counts, quantile, quantiles, square_root
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.intervals import IntervalKind

ScaleName = Literal["sqrt", "log"]

ROOT_SHIFT = 0.25  # E √(y + ¼) = √μ to second order for a Poisson y, where ⅜ evens the variance a little more and is biased
LOG_SHIFT = 0.5
FEWEST_FOR_LOG, MOST_ZEROS_FOR_LOG = 5.0, 0.05  # mean count and share of zeros
POINTS = 64  # of the parameters of the noise, from a sequence without chance
FEWEST_POINTS = 5.0  # that they must be worth
SMALLEST_SHARE = 1e-5
ROUNDS = 3
NEWTON_STEPS, HALVINGS, LARGEST_STEP = 40, 12, 1.0
SETTLED = 1e-3  # Newton step after which the next would be a thousandth of it
ROUNDING = 1e-8  # of a log likelihood
FLAT = 1e-3  # gain of a log likelihood that is not worth the search where it rises no more, at the rim of a variance
DIFFUSE = 1e4  # variance of a free coefficient of an orthogonal column, in residual variances
NOTHING = 1e-9  # events
SMALLEST = 1e-9  # extra variance per event, below which there is none for every purpose
FLATTEST = 0.1  # curvature that is taken where the likelihood is flatter still
HEAVY = 4.0  # degrees of freedom of the t that the points come from
HALF_WIDTH = special.ndtri(0.975)
LARGEST_SD = 100.0  # of a log ratio whose expected sum may be nothing


@dataclass(frozen=True, eq=False)
class Scale:
    """Where counts y with exposure e (mean one, shape (period,)) have noise that hardly depends on their mean.

    sqrt: z = √(y + ¼), and √e multiplies the columns: E z ≈ √e x'β, Poisson noise has variance ¼, E y ≈ z̄² (root-unroot)
    log:  z = log((y + ½) / e): E z ≈ x'β, Poisson noise has variance 1/E y, E y ≈ e exp z̄

    What noise beyond Poisson adds to the mean is a factor on either scale if it is multiplicative, so it cancels in a
    ratio of two means, and `smear` (Duan 1983) gives it back where one path alone is needed.

    Sources: Brown, Cai, Zhang, Zhao & Zhou (2010) The root-unroot algorithm for density estimation, Probab. Theory Relat.
    Fields 146, doi:10.1007/s00440-008-0194-2. Duan (1983) Smearing estimate, doi:10.1080/01621459.1983.10478017.
    """

    name: ScaleName
    exposure: np.ndarray

    def of(self, counts: np.ndarray) -> np.ndarray:
        """Counts on the scale, shape (period,); NaN stays NaN."""
        if self.name == "log":
            return np.log((counts + LOG_SHIFT) / self.exposure)
        return np.sqrt(counts + ROOT_SHIFT)

    @property
    def loading(self) -> np.ndarray:
        """What a column of one is multiplied with, shape (period,)."""
        return np.ones(len(self.exposure)) if self.name == "log" else np.sqrt(self.exposure)

    def poisson_noise(self, means: np.ndarray) -> np.ndarray:
        """Variance of z that counts with these means cannot do without."""
        return 1 / means if self.name == "log" else np.full(len(means), ROOT_SHIFT)

    def unroot(self, signal: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Mean counts at a signal of shape (..., row), but for the smearing factor."""
        if self.name == "log":
            return self.exposure[rows] * np.exp(np.clip(signal, -LARGEST_LOG, LARGEST_LOG))
        return np.maximum(signal, 0) ** 2

    def path(self, mean: np.ndarray, variance: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean counts at a signal known as N(mean, variance), and their slope in that mean; both unbiased on the log.

        sqrt: E max(s, 0)² = (m² + v) Φ(m/√v) + m √v φ(m/√v). Its slope is 2 (m Φ + √v φ). log: e exp m, twice.
        """
        if self.name == "log":
            counts = self.unroot(mean, rows)
            return counts, counts
        sd = np.sqrt(np.maximum(variance, 1e-300))
        below = special.ndtr(mean / sd)
        edge = sd * np.exp(-0.5 * np.minimum((mean / sd) ** 2, 2 * LARGEST_LOG)) / np.sqrt(2 * np.pi)
        return np.maximum((mean**2 + variance) * below + mean * edge, 0), 2 * np.maximum(mean * below + edge, 0)

    def smear(self, counts: np.ndarray, mean: np.ndarray, variance: np.ndarray, rows: np.ndarray) -> float:
        """The factor that makes the fitted sum the observed one, for a signal known as N(mean, variance)."""
        raised = variance / 2 if self.name == "log" else 0.0
        return float(counts.sum() / self.path(mean + raised, variance, rows)[0].sum())

    def scatter(self, means: np.ndarray, excess: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Counts about their means (draw, row), with variance ``excess`` (draw,) on the scale beside the Poisson noise.

        On logs that is extra variance excess μ² (NB2), on roots 4 excess μ (NB1): gamma means, so that none is negative.
        """
        if self.name == "log":
            return noisy_counts(means, "nb2", excess, random)
        width = np.maximum(excess / ROOT_SHIFT, SMALLEST)[:, None]
        return noisy_counts(random.gamma(means / width, width), "poisson", excess, random)


def scale_of(name: ScaleName, exposure: np.ndarray, method: str) -> Scale:
    """The scale, with exposure divided by its mean, so that its unit does not matter."""
    if name not in ("sqrt", "log"):
        raise StudyError(f"scale of {method} is {name!r}; choose sqrt or log")
    return Scale(name, exposure / exposure.mean())


def require_scale(name: ScaleName, counts: np.ndarray, unit: str) -> None:
    """Logs of small counts are ruled by the half that is added to them."""
    mean, zeros = counts.mean(), (counts == 0).mean()
    if name == "log" and (mean < FEWEST_FOR_LOG or zeros > MOST_ZEROS_FOR_LOG):
        raise EstimationError(
            f"the figures of {unit} average {mean:.2g} and {zeros:.0%} of them are zero, too low for logs (mean "
            f"{FEWEST_FOR_LOG:g}, at most {MOST_ZEROS_FOR_LOG:.0%} zeros); take scale = 'sqrt' or coarser periods"
        )


def note_small(counts: np.ndarray, unit: str) -> tuple[str, ...]:
    """A sentence for the effect where no scale evens the noise; ``counts`` are those of one side of the start."""
    if counts.mean() >= 1:
        return ()
    return (
        f"the figures of {unit} average {counts.mean():.2g} a period on one side of the start, and below 1 no scale evens the "
        "noise of counts, so the ratio is drawn towards 1; prefer latent_counts, or coarser periods",
    )


def orthogonal(columns: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same space in columns that are orthogonal over the known periods, and the matrix B with new = old · B.

    A filter loses digits in columns that nearly repeat each other. Coefficients go back as β = B β_new.
    """
    triangle = np.linalg.qr(columns[known], mode="r")
    back = linalg.solve_triangular(triangle, np.eye(len(triangle))) * np.sqrt(known.sum())
    back *= np.sign(np.diag(back))
    return columns @ back, back


@dataclass(frozen=True, eq=False)
class Top:
    """The most likely parameters of the noise, shape (parameter,), the log posterior there, and its curvature."""

    place: np.ndarray
    height: float
    curvature: np.ndarray


@dataclass(frozen=True, eq=False)
class Shares:
    """What the parameters of the noise may be: points of shape (point, parameter) with their shares."""

    points: np.ndarray
    shares: np.ndarray

    @property
    def effective(self) -> float:
        """How many equal shares these are worth."""
        return float(1 / (self.shares**2).sum())


def find_top(
    log_posterior: Callable[[np.ndarray], float], starts: Sequence[np.ndarray], unit: str, sds: tuple[int, ...]
) -> Top:
    """The top that the highest start leads to, or the next that leads to one; `EstimationError` where none does.

    Parameters at the positions ``sds`` are standard deviations, whose sign means nothing and is made positive.
    """
    heights = [log_posterior(start) for start in starts]
    for number in np.argsort(-np.array(heights), kind="stable"):
        top = _newton(log_posterior, starts[number], heights[number], list(sds))
        if top is not None:
            return top
    raise EstimationError(
        f"the likelihood of {unit} has no top that {len(starts)} starts lead to; use a simpler order, fewer columns or a "
        "longer series"
    )


def weigh(
    log_posterior: Callable[[np.ndarray], float], top: Top, unit: str, sds: tuple[int, ...], points: int = POINTS
) -> Shares:
    """Parameters of the noise about the top of their posterior, by importance sampling from a t that fits it there.

    Those at the positions ``sds`` are standard deviations, whose sign means nothing: the t is folded there. The points come
    from a low-discrepancy sequence, so that the same figures give the same bytes; where they fit badly, the t takes the
    moments they found. Raises `EstimationError` where it does not fit even then.
    """
    sign = np.ones((1, len(top.place)))
    for position in sds:
        mirrored = sign.copy()
        mirrored[:, position] = -1
        sign = np.vstack([sign, mirrored])
    centre, covariance, cast = top.place, np.linalg.inv(top.curvature), _cast(points, len(top.place))
    for _ in range(ROUNDS):
        root = np.linalg.cholesky(covariance)
        places = centre + cast @ root.T
        places[:, sds] = np.abs(places[:, sds])
        away = np.linalg.solve(root, (sign[:, None, :] * places - centre).reshape(-1, len(centre)).T)
        density = -(HEAVY + len(centre)) / 2 * np.log1p((away**2).sum(axis=0) / HEAVY)
        logs = np.array([log_posterior(place) for place in places])
        logs -= special.logsumexp(density.reshape(len(sign), points), axis=0)
        shares = np.exp(logs - logs.max())
        found = Shares(places, shares / shares.sum())
        if found.effective >= points / 4:
            break
        centre = found.shares @ places
        gaps = places - centre
        covariance = (gaps * found.shares[:, None]).T @ gaps + 0.05 * covariance
    if found.effective < FEWEST_POINTS:
        raise EstimationError(
            f"the noise of {unit} cannot be told: {points} sets of its parameters are worth {found.effective:.1f}; use a "
            "simpler order, fewer columns or a longer series"
        )
    likely = found.shares > SMALLEST_SHARE
    return Shares(found.points[likely], found.shares[likely] / found.shares[likely].sum())


def _newton(log_posterior: Callable, place: np.ndarray, height: float, sds: list[int]) -> Top | None:
    """The top by Newton's steps, halved until they rise; None where more is to be gained when they stop rising."""
    for _ in range(NEWTON_STEPS):
        slope, curvature = _derivatives(log_posterior, place, height)
        step = np.linalg.solve(curvature, slope)
        gain = slope @ step / 2
        step /= max(np.abs(step).max() / LARGEST_STEP, 1.0)
        for _ in range(HALVINGS):
            ahead = log_posterior(place + step)
            if ahead >= height - ROUNDING:
                break
            step /= 2
        else:
            break
        place, height = place + step, ahead
        place[sds] = np.abs(place[sds])
        if np.abs(step).max() < SETTLED:
            return Top(place, height, curvature)
    return Top(place, height, curvature) if gain < FLAT else None


def _derivatives(log_posterior: Callable, place: np.ndarray, height: float, h: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Slope and negative second derivatives, shape (parameter, parameter), made positive where they are not."""
    steps = h * np.eye(len(place))
    ahead, behind = (np.array([log_posterior(place + sign * step) for step in steps]) for sign in (1, -1))
    second = np.diag(2 * height - ahead - behind)
    for i in range(len(place)):
        for j in range(i):
            # f(x+hi+hj) + f(x-hi-hj) holds the mixed derivative beside the two pure ones, which are known.
            both = log_posterior(place + steps[i] + steps[j]) + log_posterior(place - steps[i] - steps[j])
            second[i, j] = second[j, i] = (2 * height - both - second[i, i] - second[j, j]) / 2
    values, vectors = np.linalg.eigh(second / h**2)
    return (ahead - behind) / (2 * h), (vectors * np.maximum(np.abs(values), FLATTEST)) @ vectors.T


def _cast(points: int, size: int) -> np.ndarray:
    """Points of a standard multivariate t, shape (point, parameter).

    The additive recurrence of the generalised golden ratio fills the cube evenly.
    """
    ratio = optimize.brentq(lambda x: x ** (size + 2) - x - 1, 1, 2)
    cube = (0.5 + np.outer(np.arange(1, points + 1), ratio ** -np.arange(1.0, size + 2))) % 1
    return special.ndtri(cube[:, :size]) * np.sqrt(HEAVY / stats.chi2.ppf(cube[:, size], HEAVY))[:, None]


@dataclass(frozen=True, eq=False)
class SimulatedPaths:
    """Both paths on the scale of the model, normal given the parameters of the noise, which have shares.

    signal factual  = base + factual_map  · θ
    signal expected = base + expected_map · θ        θ ~ Σ_k shares[k] N(means[k], covariances[k])
    mean counts     = smear · unroot(signal), see `Scale`

    Shapes: shares and excess (k,), means (k, θ), covariances (k, θ, θ), maps (period, θ), base (period,). ``shocks``
    (k, lag) are autocovariances of what befalls a single period, whose mean is in the signal already; ``excess`` is the
    variance of independent noise beyond Poisson. ``observed`` (period,) stands for the factual path where there is none:
    the ratio then compares it with simulated counts, draw by draw.

    With a factual path the log ratio is centred at the point, and its spread is what holds 95 % of the mixture, divided by
    that of a normal. Draws come from one seed.
    """

    scale: Scale
    smear: float
    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    expected_map: np.ndarray
    base: np.ndarray
    excess: np.ndarray
    centre: tuple[np.ndarray, np.ndarray]
    factual_map: np.ndarray | None = None
    shocks: np.ndarray | None = None
    observed: np.ndarray | None = None
    dof: float = np.inf

    @property
    def kind(self) -> IntervalKind:
        return "prediction" if self.factual_map is None else "wald"

    @property
    def weights(self) -> np.ndarray:
        return np.ones(1) if self.factual_map is not None else np.full(DRAWS, 1 / DRAWS)

    @property
    def factual(self) -> np.ndarray:
        """Mean counts with the programme at the most likely parameters, shape (period,)."""
        return self._path(self.factual_map, *self.centre)[0]

    @property
    def expected(self) -> np.ndarray:
        """Mean counts without it, shape (period,)."""
        return self._path(self.expected_map, *self.centre)[0]

    def draws(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Factual means (or the observed counts), expected means, and counts without it, each of shape (draw, row)."""
        random = np.random.default_rng(seed)
        component = np.repeat(np.arange(len(self.shares)), component_counts(self.shares, count))
        maps = [self.expected_map[rows]] if self.factual_map is None else [self.factual_map[rows], self.expected_map[rows]]
        both, base = np.vstack(maps), np.tile(self.base[rows], len(maps))
        signals = np.empty((count, len(both)))
        for k in np.unique(component):
            mine = component == k
            scatter = random.standard_normal((mine.sum(), len(both))) @ square_root(both @ self.covariances[k] @ both.T).T
            signals[mine] = base + both @ self.means[k] + scatter
        paths = self.smear * self.scale.unroot(signals.reshape(count, -1, len(rows)), rows)
        expected, signal = paths[:, -1], signals[:, -len(rows) :]
        hit = self._hit(expected, signal, rows, component, random)
        without = self.scale.scatter(hit, self.excess[component], random)
        factual = np.broadcast_to(self.observed[rows], expected.shape) if self.factual_map is None else paths[:, 0]
        return factual, expected, without

    def _hit(
        self, expected: np.ndarray, signal: np.ndarray, rows: np.ndarray, component: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        """Expected means of shape (draw, row) with the shocks of their periods, which leave them the same on average."""
        if self.shocks is None:
            return expected
        shock = np.empty_like(signal)
        apart = np.abs(rows[:, None] - rows[None, :])
        for k in np.unique(component):
            mine = component == k
            shock[mine] = random.standard_normal((mine.sum(), len(rows))) @ square_root(self.shocks[k][apart]).T
        variance = self.shocks[component, :1]
        if self.scale.name == "log":
            return expected * np.exp(np.clip(shock - variance / 2, -LARGEST_LOG, LARGEST_LOG))
        with np.errstate(invalid="ignore"):
            return np.where(signal > 0, expected * np.maximum(signal + shock, 0) ** 2 / (signal**2 + variance), 0.0)

    def totals(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of Σ factual (or observed), Σ expected, and the sum of counts without the programme, each of shape (draw,).

        A sum of nothing is next to nothing instead, so that a ratio to it is very large and not undefined.
        """
        factual, expected, without = (part.sum(axis=1) for part in self.draws(rows, count, seed))
        return factual, expected, np.maximum(without, NOTHING)

    def log_ratio(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of log(Σ factual / Σ expected), each of shape (1,); without a factual path one value per draw."""
        if self.factual_map is None:
            rows = rows[~np.isnan(self.observed[rows])]
            reached, _, without = self.totals(rows)
            return np.log(np.maximum(reached, NOTHING) / without), np.zeros(len(without))
        centre = self._log_ratio_of(rows, *self.centre)[0]
        each = [self._log_ratio_of(rows, *known) for known in zip(self.means, self.covariances, strict=True)]
        means, sds = np.array(each).T
        low, high = (quantile(p, self.shares, means, sds) for p in (0.025, 0.975))
        return np.array([centre]), np.array([min((high - low) / (2 * HALF_WIDTH), LARGEST_SD)])

    def _log_ratio_of(self, rows: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
        """log(Σ factual / Σ expected) of one normal, and its sd by the delta method."""
        logs, gradient = 0.0, np.zeros(len(mean))
        for sign, columns in ((1, self.factual_map), (-1, self.expected_map)):
            counts, slope = self._path(columns, mean, covariance)
            total = max(counts[rows].sum(), 1e-300)
            logs += sign * np.log(total)
            gradient += sign * (slope[rows] @ columns[rows]) / total
        return float(logs), float(min(np.sqrt(max(gradient @ covariance @ gradient, 0.0)), LARGEST_SD))

    def _path(self, columns: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean counts and their slopes in the signal, each of shape (period,)."""
        variance = np.einsum("ti,ti->t", columns @ covariance, columns)
        counts, slope = self.scale.path(self.base + columns @ mean, np.maximum(variance, 0), np.arange(len(self.base)))
        return self.smear * counts, self.smear * slope

    def expected_limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limit of the expected mean, each of shape (period,)."""
        means = self.base + self.means @ self.expected_map.T
        variances = np.einsum("kti,ti->kt", self.expected_map @ self.covariances, self.expected_map)
        sds, tail, rows = np.sqrt(np.maximum(variances, 0)), (1 - level) / 2, np.arange(len(self.base))
        limits = (quantiles(p, self.shares, means, sds) for p in (tail, 1 - tail))
        lower, upper = (self.smear * self.scale.unroot(limit, rows) for limit in limits)
        return lower, upper


def autocovariances(transition: np.ndarray, selection: np.ndarray, variance: float, lags: int) -> np.ndarray:
    """Autocovariances at lags 0 .. lags − 1 of the first entry of a stationary state a ← T a + R shock.

    The state has covariance P = T P T' + R R' σ²; γ(h) is the corner of T^h P.
    """
    if len(transition) == 1:
        return variance * selection[0] ** 2 / (1 - transition[0, 0] ** 2) * transition[0, 0] ** np.arange(lags)
    state = linalg.solve_discrete_lyapunov(transition, variance * np.outer(selection, selection))
    found = np.empty(lags)
    for lag in range(lags):
        found[lag] = state[0, 0]
        state = transition @ state
    return found
