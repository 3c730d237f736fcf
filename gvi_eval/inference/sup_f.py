"""Is there a break anywhere: the largest F over candidate starts, with a p that pays for the search."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import special

from gvi_eval.errors import EstimationError
from gvi_eval.estimators._design import Season, design, require_counts
from gvi_eval.estimators.latent_counts import COEFFICIENT_SD, INTERCEPT_SD, LatentCounts
from gvi_eval.intervals import Test
from gvi_eval.panel import Panel

DRAWS = 199
TRIM = 0.15  # share of the figures that stays on each side of every candidate, after Andrews (1993)
ITERATIONS, HALVINGS = 40, 8
SETTLED = 1e-8  # change of a deviance, relative to it, that ends the iterations
LARGEST_LOG = 30.0  # of a mean; a column without a single count sends its coefficient towards minus infinity
RIDGE = 1e-9  # on the information, so that such a column leaves it invertible
LONGEST_STEP = 5.0  # in a coefficient; a runaway goes no faster
PERFECT = 1e-6  # dispersion below which a fit leaves nothing to compare a gain with

NullSeries = Callable[[LatentCounts, Panel, int, int], np.ndarray]


@dataclass(frozen=True)
class BreakAt:
    """One candidate start: the F of a level step there, its p as if no other had been tried, and the ratio of the step."""

    start: pd.Period
    f: float | None = None
    naive_p: float | None = None
    ratio: float | None = None
    refusal: str | None = None


@dataclass(frozen=True)
class SupF:
    """The largest F over candidate starts.

    ``test`` holds the p that accounts for the search and for autocorrelation; ``naive_p`` is what the best date would claim
    on its own with independent counts, and is shown only to be compared.
    """

    rows: tuple[BreakAt, ...]
    best: BreakAt
    test: Test
    draws: int

    @property
    def naive_p(self) -> float:
        return self.best.naive_p


def sup_f(
    estimator: LatentCounts,
    panel: Panel,
    starts: Sequence[pd.Period] | pd.PeriodIndex,
    *,
    draws: int = DRAWS,
    seed: int = 1,
    simulate: NullSeries | None = None,
) -> SupF:
    """The largest quasi-likelihood F of a level step over candidate starts, against series without one.

    F_s = (D₀ − D_s) / φ_s with the deviances of a Poisson regression without and with the step at s and
    φ_s = Σ (y − μ)² / μ / (n − p). Trend, season and adjustments are those of ``estimator``; for counts over odd spans the
    mean is C exp(η) and there is no season. The reference are ``draws`` series from the null `latent_counts` fit with a
    trend and without a step, on the same figures; each is searched over the same starts, so
    p = (1 + #{sup F* ≥ sup F}) / (draws + 1), whose floor is 1 / (draws + 1). ``simulate`` (estimator, panel, draws, seed)
    → counts (draw, figure) takes the place of `null_series`.

    The null fit has to explain a real step as autocorrelation, so a single clear step is found less readily than by a test at
    a date that was fixed beforehand. Raises `EstimationError` where no candidate has figures on both sides.

    Sources: Andrews (1993) Tests for parameter instability and structural change with unknown change point, Econometrica
    61(4), doi:10.2307/2951764. Davison & Hinkley (1997) Bootstrap methods and their application, section 4.2,
    doi:10.1017/CBO9780511802843.
    """
    unit, _ = panel.sole_treated
    require_counts(panel, "sup-F")
    counts, matrix = panel.observations(unit)
    base, offset = _columns(estimator, panel, unit)
    steps = {start: np.asarray(panel.periods >= start, dtype=float) for start in sorted(starts)}
    reasons = {start: _refusal(start, step, base, matrix, unit) for start, step in steps.items()}
    kept = {start: step for start, step in steps.items() if reasons[start] is None}
    if not kept:
        why = next(iter(reasons.values()), "none was given; give a range of periods")
        raise EstimationError(f"no candidate start of {unit} can be tested: {why}")
    search = _Search(base, tuple(kept.values()), offset, matrix)
    f, ratios = search.statistics(counts[None, :])
    null = (simulate or null_series)(estimator, panel, draws, seed)
    reached = search.statistics(null)[0].max(axis=1)
    found = iter(zip(f[0], ratios[0], strict=True))
    rows = tuple(_row(start, reasons[start], found, search.dof) for start in steps)
    best = max((row for row in rows if row.refusal is None), key=lambda row: row.f)
    p = (1 + int((reached >= best.f * (1 - 1e-9)).sum())) / (len(null) + 1)
    test = Test(
        kind="sup_f",
        null=f"no step at any start from {min(kept)} to {max(kept)}; trend, season and autocorrelation as in the figures",
        statistic=best.f,
        p_value=p,
        floor=1 / (len(null) + 1),
    )
    return SupF(rows, best, test, len(null))


def central_starts(panel: Panel, trim: float = TRIM) -> pd.PeriodIndex:
    """Every period with at least this share of the treated unit's figures before it, and from it on."""
    _, matrix = panel.observations(panel.sole_treated[0])
    share = (matrix / matrix.sum(axis=1, keepdims=True)).sum(axis=0).cumsum() / len(matrix)
    before = np.concatenate([[0.0], share[:-1]])
    return panel.periods[(before >= trim) & (before <= 1 - trim)]


def null_series(estimator: LatentCounts, panel: Panel, draws: int, seed: int) -> np.ndarray:
    """Counts (draw, figure) from the `latent_counts` fit with a trend and without the programme, gaps and spans kept.

    ρ, σ, α and the coefficients are posterior means, as in a parametric bootstrap; each draw has a latent level of its own.
    Drawing ρ, σ and α from their posterior besides would mix in series more restless than these figures allow, and the test
    would find next to nothing.
    """
    from gvi_eval.estimators._laplace import fit

    unit, _ = panel.sole_treated
    counts, matrix = panel.observations(unit)
    columns, offset = _columns(replace(estimator, trend=True), panel, unit)
    identity = np.array_equal(matrix, np.eye(matrix.shape[1]))
    posterior = fit(
        counts,
        columns,
        offset,
        np.where(np.arange(columns.shape[1]) == 0, INTERCEPT_SD, COEFFICIENT_SD),
        C=None if identity else matrix,
        prior_scale=(estimator.prior_scale, estimator.prior_scale),
        one_alpha=estimator.one_alpha,
    )
    rho, sigma, alpha = posterior.weights @ posterior.hyper
    random = np.random.default_rng(seed)
    level = _latent_levels(rho, sigma, (draws, len(offset)), random)
    means = np.exp(np.minimum(offset + columns @ (posterior.weights @ posterior.beta_mean) + level, LARGEST_LOG))
    shape = 1 / max(alpha, 1e-10)
    extra = random.gamma(shape, size=means.shape) / shape
    return random.poisson((means * extra) @ matrix.T).astype(float)


def sup_f_table(found: SupF) -> pd.DataFrame:
    """One row per candidate start; the corrected p stands in the row of the best one."""
    return pd.DataFrame(
        [
            {
                "start": str(row.start),
                "f": row.f,
                "naive_p": row.naive_p,
                "ratio": row.ratio,
                "best": row.start == found.best.start,
                "corrected_p": found.test.p_value if row.start == found.best.start else None,
                "floor": found.test.floor if row.start == found.best.start else None,
                "draws": found.draws,
                "refusal": row.refusal,
            }
            for row in found.rows
        ]
    )


def _latent_levels(rho: float, sigma: float, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Stationary AR(1) levels, shape (draw, period)."""
    shocks = random.standard_normal(shape)
    level = np.empty(shape)
    level[:, 0] = shocks[:, 0]
    for t in range(1, shape[1]):
        level[:, t] = rho * level[:, t - 1] + np.sqrt(1 - rho**2) * shocks[:, t]
    return sigma * level


def _columns(estimator: LatentCounts, panel: Panel, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """The design without the programme, shape (period, column), and the offset, shape (period,), with mean 0."""
    season: Season = "none" if panel.spans(unit) else estimator.season
    columns = design(panel, unit, change="level", trend=estimator.trend, season=season, ramp=0, adjust=estimator.adjust)
    keep = [place for place, name in enumerate(columns.names) if name != "level"]
    return columns.factual[:, keep], columns.log_exposure - columns.log_exposure.mean()


def _refusal(start: pd.Period, step: np.ndarray, base: np.ndarray, matrix: np.ndarray, unit: str) -> str | None:
    """Why a step at this start cannot be told from the other columns, if it cannot."""
    shares = matrix / matrix.sum(axis=1, keepdims=True)
    after = shares @ step
    if not (after < 1).any() or not (after > 0).any():
        word = "before" if not (after < 1).any() else "after"
        return f"{unit} has no figure {word} the start {start}; widen the baseline or leave this start out"
    columns = shares @ np.column_stack([base, step])
    if len(columns) <= columns.shape[1] or np.linalg.matrix_rank(columns) < columns.shape[1]:
        return f"a step of {unit} at {start} cannot be told from trend, season and events; leave this start or one of them out"
    return None


def _row(start: pd.Period, reason: str | None, found: Iterator[tuple[float, float]], dof: int) -> BreakAt:
    if reason is not None:
        return BreakAt(start, refusal=reason)
    f, ratio = next(found)
    return BreakAt(start, float(f), float(special.fdtrc(1, dof, f)), float(ratio))


@dataclass(frozen=True, eq=False)
class _Search:
    """Many count series (draw, figure) searched for a step at several starts at once, each fit begun where its null ended."""

    base: np.ndarray
    steps: tuple[np.ndarray, ...]
    offset: np.ndarray
    matrix: np.ndarray

    @property
    def dof(self) -> int:
        return len(self.matrix) - self.base.shape[1] - 1

    def statistics(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F and the ratio of the step, each of shape (draw, start)."""
        null, deviance, _ = self._regression(counts, self.base, self._guess(counts))
        f, ratios = [], []
        for step in self.steps:
            begin = np.column_stack([null, np.zeros(len(counts))])
            beta, with_step, pearson = self._regression(counts, np.column_stack([self.base, step]), begin)
            phi = pearson / self.dof
            gain = np.maximum(deviance - with_step, 0)
            f.append(np.divide(gain, phi, out=np.zeros_like(phi), where=phi > PERFECT))
            ratios.append(np.exp(beta[:, -1]))
        return np.stack(f, axis=1), np.stack(ratios, axis=1)

    def _guess(self, counts: np.ndarray) -> np.ndarray:
        """The overall rate, on the log, and no more."""
        rate = (counts.sum(axis=1) + 0.5) / (self.matrix @ np.exp(self.offset)).sum()
        return np.column_stack([np.log(rate), np.zeros((len(counts), self.base.shape[1] - 1))])

    def _means(self, beta: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means (draw, figure) and their slopes in the coefficients, on the log, (figure, column) or (draw, figure, column)."""
        by_period = np.exp(np.clip(self.offset + beta @ columns.T, -LARGEST_LOG, LARGEST_LOG))
        if self._one_period_each:
            covered = self.matrix.argmax(axis=1)
            return by_period[:, covered], columns[covered]
        means = by_period @ self.matrix.T
        slopes = (self.matrix * by_period[:, None, :]) @ columns / means[:, :, None]
        return means, slopes

    @cached_property
    def _one_period_each(self) -> bool:
        return bool((self.matrix.max(axis=1) == 1).all() and (self.matrix.sum(axis=1) == 1).all())

    def _regression(
        self, counts: np.ndarray, columns: np.ndarray, beta: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Poisson coefficients (draw, column), deviances and Pearson's χ² (draw,), by Fisher scoring with halved steps."""
        means, slopes = self._means(beta, columns)
        deviance = _deviance(counts, means)
        ridge = RIDGE * np.eye(columns.shape[1])
        for _ in range(ITERATIONS):
            left = counts - means
            score = left @ slopes if slopes.ndim == 2 else np.einsum("di,dip->dp", left, slopes)
            turned = np.swapaxes(slopes, -1, -2)
            information = (turned * means[:, None, :]) @ slopes + ridge
            move = np.linalg.solve(information, score[:, :, None])[:, :, 0]
            move *= np.minimum(1, LONGEST_STEP / np.maximum(np.abs(move).max(axis=1, keepdims=True), 1e-300))
            before = deviance
            beta, means, slopes, deviance = self._moved(counts, columns, beta, move, deviance)
            if (before - deviance <= SETTLED * (1 + before)).all():
                break
        return beta, deviance, ((counts - means) ** 2 / means).sum(axis=1)

    def _moved(
        self, counts: np.ndarray, columns: np.ndarray, beta: np.ndarray, move: np.ndarray, deviance: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The coefficients after a step that is halved wherever it would make the fit worse."""
        size = np.ones(len(beta))
        for _ in range(HALVINGS):
            tried = beta + size[:, None] * move
            means, slopes = self._means(tried, columns)
            reached = _deviance(counts, means)
            worse = ~(reached <= deviance * (1 + SETTLED) + SETTLED)
            if not worse.any():
                return tried, means, slopes, reached
            size = np.where(worse, size / 2, size)
        tried = np.where(worse[:, None], beta, tried)
        means, slopes = self._means(tried, columns)
        return tried, means, slopes, _deviance(counts, means)


def _deviance(counts: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Poisson deviance 2 Σ y log(y / μ) − (y − μ), shape (draw,)."""
    return 2 * (special.xlogy(counts, counts) - special.xlogy(counts, means) - counts + means).sum(axis=1)
