"""What a fit leaves over: residuals, their scatter, their autocorrelation, and whether they look like chance."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special, stats

from gvi_eval.effect import Effect, Mixture
from gvi_eval.errors import EstimationError
from gvi_eval.panel import Panel
from gvi_eval.windows import coverage

if TYPE_CHECKING:
    from gvi_eval.estimators._latent_paths import LatentPaths

LAGS = {"M": 12, "Q": 6, "Y": 3}  # of the Ljung–Box test; never more than a third of the figures
LISTED = 12  # lags whose autocorrelation is listed
LEVEL = 0.95


@dataclass(frozen=True)
class Residual:
    """One published figure: what was observed, what the fit says, and how far apart they are.

    ``residual`` = (observed − fitted) / √variance. ``pit`` = P(Y < observed) + P(Y = observed) / 2 under the fit, about
    uniform where counts scatter as the fit says.
    """

    figure: str
    observed: float
    fitted: float
    residual: float
    pit: float


@dataclass(frozen=True)
class Residuals:
    """The residuals of one fit about one mean, and their summary.

    ``about`` names the mean and ``variance`` its variance function in words. ``dispersion`` = Σ r² / (n − p).
    ``autocorrelation`` holds lags 1, 2, ...; ``limit`` is ±z/√n, outside which one lag in twenty falls by chance.
    ``ljung_box_p`` and ``runs_p`` are None where there are too few figures. ``outside`` is the share of figures outside
    their own 95 % limits.
    """

    about: str
    variance: str
    figures: tuple[Residual, ...]
    coefficients: int
    dispersion: float | None
    autocorrelation: tuple[float | None, ...]
    limit: float
    lags: int
    ljung_box_p: float | None
    runs: int
    runs_p: float | None
    outside: float
    largest: Residual
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Fit:
    """Means and variances, shape (figure,), about which residuals are taken, and what they are in words."""

    about: str
    variance: str
    means: np.ndarray
    variances: np.ndarray
    coefficients: int


def residuals(effect: Effect, panel: Panel) -> tuple[Residuals, ...]:
    """Residuals of an effect that has a factual path, by published figure, spans included.

    `latent_counts` has two sets. About the mean with the latent level, exp(offset + Xβ + u) at posterior means, with variance
    μ + α μ² given the level: what is left when the level has taken up the slow movements; it has seen the figures it is held
    against, so its residuals are somewhat too small and its autocorrelation leans below 0. About the mean without it,
    exp(offset + Xβ + σ²/2), with the variance of level and counts together: its autocorrelation is what the level absorbs.
    `segmented` has one set, with the variance of its family (φ μ, μ + α μ², or μ); `exact_ratio` has one, with variance μ.
    For a figure over several periods, mean and variance are those of the sum with extra variation independent between
    periods.

    PIT values take the figure as negative binomial with that mean and variance, Poisson where the variance is no larger than
    the mean. Ljung & Box's Q has min(12, n/3) lags for months (6 for quarters, 3 for years) and as many degrees of freedom;
    lags count periods, or figures where there are spans. The runs test of signs is exact and two-sided.
    Raises `EstimationError` for an effect without a factual path or without an account of how its counts scatter.

    Sources: Ljung & Box (1978) On a measure of lack of fit in time series models, Biometrika 65(2),
    doi:10.1093/biomet/65.2.297. Wald & Wolfowitz (1940) On a test whether two samples are from the same population,
    doi:10.1214/aoms/1177731909. Czado, Gneiting & Held (2009) Predictive model assessment for count data, Biometrics 65(4),
    doi:10.1111/j.1541-0420.2009.01191.x.
    """
    if effect.counterfactual is None or effect.counterfactual.factual is None:
        raise EstimationError(
            f"{effect.method} has no factual path for {effect.unit}, so it leaves no residuals; take a method that models it"
        )
    counts, matrix = panel.observations(effect.unit)
    labels, places = _figures(panel, effect.unit)
    limits = LAGS[panel.frequency]
    note = "lags count figures, not periods, because figures cover odd spans" if panel.spans(effect.unit) else ""
    return tuple(_summary(fit, counts, labels, places, limits, note) for fit in _fits(effect, matrix))


def residuals_table(rows: Iterable[Residuals]) -> pd.DataFrame:
    """One row per figure and mean."""
    return pd.DataFrame(
        [
            {
                "about": each.about,
                "figure": row.figure,
                "observed": row.observed,
                "fitted": row.fitted,
                "residual": row.residual,
                "pit": row.pit,
            }
            for each in rows
            for row in each.figures
        ]
    )


def residual_summary_table(rows: Iterable[Residuals]) -> pd.DataFrame:
    """One row per mean: scatter, autocorrelation at every lag, and the tests."""
    return pd.DataFrame(
        [
            {
                "about": row.about,
                "variance": row.variance,
                "figures": len(row.figures),
                "coefficients": row.coefficients,
                "dispersion": row.dispersion,
                "ljung_box_lags": row.lags,
                "ljung_box_p": row.ljung_box_p,
                "runs": row.runs,
                "runs_p": row.runs_p,
                "outside_95": row.outside,
                "largest_residual": row.largest.residual,
                "largest_at": row.largest.figure,
                "acf_limit": row.limit,
                **{f"acf_{lag}": value for lag, value in enumerate(row.autocorrelation, start=1)},
                "note": row.note,
            }
            for row in rows
        ]
    )


def autocorrelation(residual: np.ndarray, places: np.ndarray, lags: int) -> tuple[float | None, ...]:
    """r_k = Σ e_t e_{t+k} / Σ e_t² about the mean, for residuals (n,) at whole-numbered places (n,); None without a pair.

    A gap leaves out the pairs that it breaks, and the denominator stays.
    """
    centred = residual - residual.mean()
    total = float(centred @ centred)
    place_of = {int(place): row for row, place in enumerate(places)}
    found: list[float | None] = []
    for lag in range(1, lags + 1):
        pairs = [(row, place_of[place + lag]) for place, row in place_of.items() if place + lag in place_of]
        if not pairs or total <= 0:
            found.append(None)
            continue
        first, second = np.array(pairs).T
        found.append(float(centred[first] @ centred[second] / total))
    return tuple(found)


def ljung_box(autocorrelations: Iterable[float | None], n: int) -> float | None:
    """P(χ²_h ≥ Q) with Q = n (n + 2) Σ_k r_k² / (n − k) over h lags; None without a lag."""
    known = [(lag, r) for lag, r in enumerate(autocorrelations, start=1) if r is not None]
    if not known:
        return None
    q = n * (n + 2) * sum(r**2 / (n - lag) for lag, r in known)
    return float(special.chdtrc(len(known), q))


def runs_test(residual: np.ndarray) -> tuple[int, float | None]:
    """Runs of one sign, and the exact two-sided p of so many or so few in random order; zeros are left out.

    P(2k runs) = 2 C(a−1, k−1) C(b−1, k−1) / C(a+b, a) and P(2k+1 runs) = [C(a−1, k) C(b−1, k−1) + C(a−1, k−1) C(b−1, k)] /
    C(a+b, a) with a residuals above 0 and b below.
    """
    signs = np.sign(residual)[residual != 0]
    above, below = int((signs > 0).sum()), int((signs < 0).sum())
    runs = int((np.diff(signs) != 0).sum()) + 1 if len(signs) else 0
    if not above or not below:
        return runs, None
    ways = [_ways(above, below, count) for count in range(2, above + below + 1)]
    few, many = sum(ways[: runs - 1]), sum(ways[runs - 2 :])
    return runs, min(1.0, 2 * min(few, many) / math.comb(above + below, above))


def _ways(above: int, below: int, runs: int) -> int:
    """In how many orders of so many signs there are so many runs."""
    k, odd = divmod(runs, 2)
    if not odd:
        return 2 * math.comb(above - 1, k - 1) * math.comb(below - 1, k - 1)
    return math.comb(above - 1, k) * math.comb(below - 1, k - 1) + math.comb(above - 1, k - 1) * math.comb(below - 1, k)


def mid_pit(counts: np.ndarray, means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """P(Y < y) + P(Y = y) / 2 for negative binomial Y with these means and variances, Poisson where they are no larger."""
    size = means**2 / np.maximum(variances - means, 1e-300)
    wide = variances > means * (1 + 1e-9)
    below, at = stats.poisson.cdf(counts - 1, means), stats.poisson.pmf(counts, means)
    share = size[wide] / (size[wide] + means[wide])
    below[wide] = stats.nbinom.cdf(counts[wide] - 1, size[wide], share)
    at[wide] = stats.nbinom.pmf(counts[wide], size[wide], share)
    return below + at / 2


def _figures(panel: Panel, unit: str) -> tuple[list[str], np.ndarray]:
    """Names of a unit's figures in the order of `Panel.observations`, and their places in time, (figure,)."""
    known = np.flatnonzero(panel.values[unit].notna().to_numpy())
    spans = panel.spans(unit)
    names = [str(panel.periods[row]) for row in known]
    names += [" and ".join(f"{first}..{last}" for first, last in span.ranges) for span in spans]
    firsts = np.array([*known, *(coverage(span, panel.periods).argmax() for span in spans)], dtype=int)
    order = np.argsort(firsts, kind="stable")
    return [names[row] for row in order], np.arange(len(names)) if spans else firsts[order]


def _summary(fit: _Fit, counts: np.ndarray, labels: list[str], places: np.ndarray, most: int, note: str) -> Residuals:
    residual = (counts - fit.means) / np.sqrt(fit.variances)
    pits = mid_pit(counts, fit.means, fit.variances)
    n = len(counts)
    figures = tuple(
        Residual(label, float(y), float(m), float(r), float(pit))
        for label, y, m, r, pit in zip(labels, counts, fit.means, residual, pits, strict=True)
    )
    lags = min(most, n // 3)
    listed = autocorrelation(residual, places, LISTED)
    runs, runs_p = runs_test(residual)
    tail = (1 - LEVEL) / 2
    return Residuals(
        about=fit.about,
        variance=fit.variance,
        figures=figures,
        coefficients=fit.coefficients,
        dispersion=float(residual @ residual / (n - fit.coefficients)) if n > fit.coefficients else None,
        autocorrelation=listed,
        limit=float(special.ndtri(1 - tail) / np.sqrt(n)),
        lags=lags,
        ljung_box_p=ljung_box(listed[:lags], n),
        runs=runs,
        runs_p=runs_p,
        outside=float(((pits < tail) | (pits > 1 - tail)).mean()),
        largest=max(figures, key=lambda figure: round(abs(figure.residual), 9)),  # the first of those that are level
        note=note,
    )


def _fits(effect: Effect, matrix: np.ndarray) -> Iterable[_Fit]:
    from gvi_eval.estimators._latent_paths import LatentPaths

    paths = effect.counterfactual.mixture
    factual = effect.counterfactual.factual.to_numpy(dtype=float)
    means = matrix @ factual
    if paths is None:
        yield _Fit("the rate of each side", "μ", means, means, 2)
    elif isinstance(paths, Mixture):
        dispersion = float(paths.weights @ paths.dispersion)
        said, variances = {
            "poisson": ("μ", means),
            "nb2": ("μ + α μ²", means + dispersion * matrix**2 @ factual**2),
            "scaled": ("φ μ", dispersion * means),
        }[paths.noise]
        yield _Fit("the fitted mean", said, means, variances, paths.factual_map.shape[1])
    elif isinstance(paths, LatentPaths):
        yield from _latent_fits(paths, factual, matrix)
    else:
        raise EstimationError(
            f"{effect.method} keeps no account of how the counts of {effect.unit} scatter about its path, so their residuals "
            "have no scale; take latent_counts or segmented"
        )


def _latent_fits(paths: "LatentPaths", factual: np.ndarray, matrix: np.ndarray) -> Iterable[_Fit]:
    """About the mean with the latent level; and about the mean without it, where σ and ρ of the level are at hand."""
    from gvi_eval.estimators._laplace import LatentFit

    posterior, p = paths.posterior, paths.columns.factual.shape[1]
    alpha = float(posterior.weights @ posterior.dispersion)
    one_alpha = isinstance(posterior, LatentFit) and posterior.series.one_alpha
    means = matrix @ factual
    extra = means**2 if one_alpha else matrix**2 @ factual**2
    yield _Fit("the mean with the latent level", "μ + α μ² given the level", means, means + alpha * extra, p)
    if not isinstance(posterior, LatentFit):
        return
    rho = float(posterior.weights @ posterior.hyper[:, 0])
    square = float(posterior.weights @ posterior.hyper[:, 1] ** 2)
    bare = np.exp(paths.offset + paths.columns.factual @ (posterior.weights @ posterior.beta_mean) + square / 2)
    means = matrix @ bare
    lag = np.abs(np.subtract.outer(np.arange(len(bare)), np.arange(len(bare))))
    weighted = matrix * bare
    level = np.einsum("it,ts,is->i", weighted, np.expm1(square * rho**lag), weighted, optimize=True)
    extra = alpha * np.exp(square) * (weighted**2).sum(axis=1) if not one_alpha else alpha * (means**2 + level)
    yield _Fit("the mean without the latent level", "μ + α, σ and ρ of the level", means, means + level + extra, p)
