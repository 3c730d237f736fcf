"""From two paths to a number: what was seen, what would have been seen, and how sure the difference is."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from scipy import optimize, special

from gvi_eval.errors import EstimationError
from gvi_eval.intervals import Interval, IntervalKind, Test
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

DRAWS = 10_000
TOO_MANY = 1e12
BISECTIONS = 50  # halvings of the range of a mixture: far below the tenth digit that is printed
ROUNDING = 1e-10
LARGEST_LOG = 600.0  # of a mean; a t with two degrees of freedom has draws beyond what a float holds
SEED = 20181001  # of the draws behind differences and events prevented, so that reruns give the same bytes


class PathDistribution(Protocol):
    """What is known about the factual and the expected path at once: a mixture with weights of shape (component,)."""

    weights: np.ndarray
    dof: float

    @property
    def kind(self) -> IntervalKind: ...

    def totals(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of Σ factual, Σ expected, and the sum of counts without the intervention, each of shape (draw,)."""
        ...

    def log_ratio(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of log(Σ factual / Σ expected) in each component."""
        ...

    def expected_limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limit of the expected mean, each of shape (period,)."""
        ...


@dataclass(frozen=True, eq=False)
class Mixture:
    """What is known about both paths at once: a mixture of normals over the coefficients θ.

    log factual[t]  = offset[t] + factual_map[t]  · θ
    log expected[t] = offset[t] + expected_map[t] · θ        θ ~ Σ_k weights[k] N(means[k], covariances[k])

    Shapes: weights (k,), means (k, θ), covariances (k, θ, θ), maps (period, θ), offset (period,), dispersion (k,).
    One component with finite ``dof`` is a Wald approximation with t quantiles; several are a posterior on a grid.
    ``noise`` says how counts scatter about their mean μ: poisson (variance μ), nb2 (μ + dispersion μ²),
    scaled (dispersion μ).
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    factual_map: np.ndarray
    expected_map: np.ndarray
    offset: np.ndarray
    noise: Literal["poisson", "nb2", "scaled"]
    dispersion: np.ndarray
    dof: float = np.inf

    @property
    def kind(self) -> IntervalKind:
        return "wald" if len(self.weights) == 1 else "posterior"

    def draws(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, ...]:
        """Factual means, expected means, and counts without the intervention, each of shape (draw, row)."""
        random = np.random.default_rng(seed)
        component = np.repeat(np.arange(len(self.weights)), component_counts(self.weights, count))
        factual, expected = self.factual_map[rows], self.expected_map[rows]
        stretch = np.sqrt(self.dof / random.chisquare(self.dof, count)) if np.isfinite(self.dof) else np.ones(count)
        logs = np.empty((count, 2, len(rows)))
        for k in np.unique(component):
            mine = component == k
            both = np.vstack([factual, expected])
            root = square_root(both @ self.covariances[k] @ both.T)
            scatter = random.standard_normal((mine.sum(), len(both))) @ root.T
            logs[mine] = (both @ self.means[k] + scatter * stretch[mine, None]).reshape(-1, 2, len(rows))
        means = np.exp(np.minimum(logs + self.offset[rows], LARGEST_LOG))
        untreated = noisy_counts(means[:, 1], self.noise, self.dispersion[component], random)
        return means[:, 0], means[:, 1], untreated

    def totals(self, rows: np.ndarray, count: int = DRAWS, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draws of Σ factual, Σ expected, and the sum of counts without the intervention, each of shape (draw,)."""
        factual, expected, untreated = self.draws(rows, count, seed)
        return factual.sum(axis=1), expected.sum(axis=1), untreated.sum(axis=1)

    def log_ratio(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of log(Σ factual / Σ expected) in each component, by the delta method.

        Exact for a level shift, whose log ratio is one coefficient.
        """
        factual, expected, offset = self.factual_map[rows], self.expected_map[rows], self.offset[rows]
        log_f = offset + self.means @ factual.T
        log_e = offset + self.means @ expected.T
        gradient = special.softmax(log_f, axis=1) @ factual - special.softmax(log_e, axis=1) @ expected
        variance = np.einsum("ki,kij,kj->k", gradient, self.covariances, gradient)
        return special.logsumexp(log_f, axis=1) - special.logsumexp(log_e, axis=1), np.sqrt(np.maximum(variance, 0))

    def expected_limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper limit of the expected mean, each of shape (period,)."""
        means = self.means @ self.expected_map.T
        variances = np.einsum("ti,kij,tj->kt", self.expected_map, self.covariances, self.expected_map)
        sds = np.sqrt(np.maximum(variances, 0))
        tail = (1 - level) / 2
        lower, upper = (quantiles(p, self.weights, means, sds, self.dof) for p in (tail, 1 - tail))
        return np.exp(self.offset + lower), np.exp(self.offset + upper)


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """Per period: observed, factual = E[y | treated], expected = E[y | untreated].

    ``observed`` is NaN where no figure covers just that period. ``factual`` is absent for methods that compare the
    observed counts themselves with the expected ones. The index are the periods of the panel.
    """

    observed: pd.Series
    expected: pd.Series
    factual: pd.Series | None = None
    mixture: "PathDistribution | None" = None

    def frame(self, level: float = 0.95) -> pd.DataFrame:
        """One row per period: the path as it is saved and drawn."""
        periods = self.expected.index
        lower, upper = self.mixture.expected_limits(level) if self.mixture else (np.nan, np.nan)
        return pd.DataFrame(
            {
                "period": periods.astype(str),
                "period_start": [start.date() for start in periods.start_time],
                "period_end": [end.date() for end in periods.end_time],
                "observed": self.observed.to_numpy(),
                "factual": np.nan if self.factual is None else self.factual.to_numpy(),
                "expected": self.expected.to_numpy(),
                "expected_lower": lower,
                "expected_upper": upper,
                "level": level,
                "kind": self.mixture.kind if self.mixture else "",
            }
        )


@dataclass(frozen=True, eq=False)
class Effect:
    """The one result shape: a contrast with its intervals and tests, or the reason why there is none.

    ``notes`` are sentences that must be printed beside the number. A refused effect keeps its path and has no point.
    """

    method: str
    unit: str
    estimand: Estimand
    point: float | None
    onset: pd.Period
    intervals: tuple[Interval, ...] = ()
    tests: tuple[Test, ...] = ()
    refusal: str | None = None
    counterfactual: Counterfactual | None = None
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    level: float = 0.95
    rests_on_prior: bool = False  # the figures say next to nothing about what sets the width

    @property
    def window(self) -> tuple[pd.Period, pd.Period]:
        """First and last period of the contrast."""
        rows = contrast_rows(self.counterfactual, self.estimand, self.onset)
        periods = self.counterfactual.expected.index
        return periods[rows[0]], periods[rows[-1]]

    def over(self, estimand: Estimand) -> "Effect":
        """Another window or contrast of the same fit, without refitting."""
        if self.counterfactual is None:
            raise EstimationError(f"{self.method} keeps no path for {self.unit}, so no other contrast can be taken; refit it")
        if self.counterfactual.factual is not None and self.counterfactual.mixture is None:
            raise EstimationError(
                f"{self.method} compares everything after the start of {self.unit} with everything before and has no other "
                "contrast; cut the panel to the window and estimate again"
            )
        again = effect_from_paths(
            self.counterfactual,
            estimand,
            method=self.method,
            unit=self.unit,
            onset=self.onset,
            notes=self.notes,
            details=self.details,
            level=self.level,
        )
        again = dataclasses.replace(again, rests_on_prior=self.rests_on_prior)
        return dataclasses.replace(again, point=None, intervals=(), tests=(), refusal=self.refusal) if self.refusal else again


def effect_from_paths(
    counterfactual: Counterfactual,
    estimand: Estimand,
    *,
    method: str,
    unit: str,
    onset: pd.Period,
    notes: tuple[str, ...] = (),
    details: Mapping[str, Any] = {},
    level: float = 0.95,
) -> Effect:
    """The only place where paths become numbers.

    ratio: Σ factual / Σ expected (target model), Σ observed / Σ expected (target realised, and where there is no factual
    path). difference: Σ factual − Σ expected per period. prevented: Σ expected − Σ factual, or − Σ observed. Targets of
    kind realised compare with predicted counts, so their interval has the kind prediction.
    Raises `EstimationError` where the window holds no period or nothing was expected in it.
    """
    rows = contrast_rows(counterfactual, estimand, onset)
    realised = estimand.target == "realised" or counterfactual.factual is None
    if realised:
        rows = rows[counterfactual.observed.notna().to_numpy()[rows]]
        if not len(rows):
            raise EstimationError(f"no figure of {unit} lies in {estimand.window}, so nothing was realised; widen the window")
    reached = (counterfactual.observed if realised else counterfactual.factual).to_numpy()[rows].sum()
    expected = counterfactual.expected.to_numpy()[rows].sum()
    if estimand.contrast == "ratio" and expected <= 0:
        raise EstimationError(f"nothing was expected of {unit} in {estimand.window}, so no ratio exists; take the difference")
    gap = reached - expected
    if abs(gap) <= ROUNDING * abs(expected):
        gap = 0.0  # what is left of two equal sums is noise of the machine
    point = {
        "ratio": lambda: reached / expected,
        "difference": lambda: gap / len(rows),
        "prevented": lambda: 0.0 - gap,
    }[estimand.contrast]()
    intervals, tests = _certainty(counterfactual, estimand, rows, realised, level)
    return Effect(
        method=method,
        unit=unit,
        estimand=estimand,
        point=float(point),
        onset=onset,
        intervals=intervals,
        tests=tests,
        counterfactual=counterfactual,
        notes=notes,
        details=details,
        level=level,
    )


def contrast_rows(counterfactual: Counterfactual, estimand: Estimand, onset: pd.Period) -> np.ndarray:
    """Positions of the periods that lie wholly inside the estimand's window, from the onset on."""
    periods = counterfactual.expected.index
    inside = np.asarray(periods >= onset)
    if estimand.window.start:
        inside &= periods.start_time >= pd.Timestamp(estimand.window.start)
    if estimand.window.end:
        inside &= periods.end_time.normalize() <= pd.Timestamp(estimand.window.end)
    if not inside.any():
        raise EstimationError(
            f"the window {estimand.window} of the estimand '{estimand.name}' holds no whole period from the start {onset} "
            f"to {periods[-1]}; move it there"
        )
    return np.flatnonzero(inside)


def ratio_quantile(effect: Effect, probability: float) -> float:
    """The value below which the ratio lies with this probability, by the distribution of its paths."""
    mixture = effect.counterfactual.mixture
    means, sds = mixture.log_ratio(contrast_rows(effect.counterfactual, effect.estimand, effect.onset))
    return float(np.exp(quantile(probability, mixture.weights, means, sds, mixture.dof)))


def log_contrast(effect: Effect) -> tuple[float, float]:
    """Mean and standard deviation of the log ratio of an effect, for comparing two effects.

    Raises `EstimationError` for a refused effect and for one without a joint distribution of its paths.
    """
    if effect.refusal or effect.counterfactual is None or effect.counterfactual.mixture is None:
        reason = effect.refusal or f"{effect.method} keeps no distribution of its paths"
        raise EstimationError(f"no log ratio of {effect.unit}: {reason}; compare effects that have one")
    mixture = effect.counterfactual.mixture
    means, sds = mixture.log_ratio(contrast_rows(effect.counterfactual, effect.estimand, effect.onset))
    return mixture_moments(mixture.weights, means, sds)


def mixture_moments(weights: np.ndarray, means: np.ndarray, sds: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of a mixture of normals."""
    mean = float(weights @ means)
    return mean, float(np.sqrt(weights @ (sds**2 + (means - mean) ** 2)))


def _certainty(
    counterfactual: Counterfactual, estimand: Estimand, rows: np.ndarray, realised: bool, level: float
) -> tuple[tuple[Interval, ...], tuple[Test, ...]]:
    mixture = counterfactual.mixture
    if mixture is None:
        return (), ()
    if estimand.contrast == "ratio" and not realised:
        return _ratio_certainty(mixture, rows, level)
    factual, expected, untreated = mixture.totals(rows)
    if realised:
        reached, without = counterfactual.observed.to_numpy()[rows].sum(), untreated
    else:
        reached, without = factual, expected
    if estimand.contrast == "ratio":
        with np.errstate(divide="ignore"):
            contrast = reached / without
    else:
        contrast = without - reached if estimand.contrast == "prevented" else (reached - without) / len(rows)
    lower, upper = np.quantile(contrast, [(1 - level) / 2, (1 + level) / 2])
    return (Interval(float(lower), float(upper), level, "prediction" if realised else mixture.kind),), ()


def _ratio_certainty(
    mixture: PathDistribution, rows: np.ndarray, level: float
) -> tuple[tuple[Interval, ...], tuple[Test, ...]]:
    means, sds = mixture.log_ratio(rows)
    tail = (1 - level) / 2
    limits = [float(np.exp(quantile(p, mixture.weights, means, sds, mixture.dof))) for p in (tail, 1 - tail)]
    below = distribution(0.0, mixture.weights, means, sds, mixture.dof)
    mean, spread = mixture_moments(mixture.weights, means, sds)
    test = Test(
        kind=mixture.kind,
        null="the intervention left the expected count unchanged (ratio 1)",
        statistic=mean / spread if spread > 0 else np.inf,
        p_value=float(2 * min(below, 1 - below)),
        floor=0.0,
    )
    return (Interval(limits[0], limits[1], level, mixture.kind),), (test,)


def distribution(value: float, weights: np.ndarray, means: np.ndarray, sds: np.ndarray, dof: float = np.inf) -> float:
    """P(X <= value) for a mixture of normals, or of shifted and scaled t with ``dof`` degrees of freedom."""
    z = (value - means) / np.maximum(sds, 1e-300)
    return float(weights @ (special.stdtr(dof, z) if np.isfinite(dof) else special.ndtr(z)))


def quantile(p: float, weights: np.ndarray, means: np.ndarray, sds: np.ndarray, dof: float = np.inf) -> float:
    """The value below which a share p of the mixture lies."""
    z = special.stdtrit(dof, p) if np.isfinite(dof) else special.ndtri(p)
    each = means + z * sds
    low, high = float(each.min()), float(each.max())

    def excess(x: float) -> float:
        return distribution(x, weights, means, sds, dof) - p

    if excess(low) >= 0:  # by rounding only, where the components are almost one
        return low
    return high if excess(high) <= 0 else float(optimize.brentq(excess, low, high, xtol=1e-12, rtol=1e-12))


def quantiles(p: float, weights: np.ndarray, means: np.ndarray, sds: np.ndarray, dof: float = np.inf) -> np.ndarray:
    """`quantile` of each column of components, for means and sds of shape (component, column), by bisection."""
    z = special.stdtrit(dof, p) if np.isfinite(dof) else special.ndtri(p)
    each, sds = means + z * sds, np.maximum(sds, 1e-300)
    low, high = each.min(axis=0), each.max(axis=0)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        scaled = (middle - means) / sds
        below = weights @ (special.stdtr(dof, scaled) if np.isfinite(dof) else special.ndtr(scaled)) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def component_counts(weights: np.ndarray, count: int) -> np.ndarray:
    """How many of ``count`` draws each component gets: largest remainders, so that nothing is left to chance."""
    exact = weights * count
    shares = np.floor(exact).astype(int)
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[: count - shares.sum()]] += 1
    return shares


def square_root(covariance: np.ndarray) -> np.ndarray:
    """A matrix square root that also takes a singular covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))


def noisy_counts(means: np.ndarray, noise: str, dispersion: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Counts that scatter about their means as ``noise`` says."""
    if noise == "nb2":
        shape = 1 / np.maximum(dispersion, 1e-10)[:, None]
        means = random.gamma(shape, means / shape)
    # A t with few degrees of freedom has draws so far out that no generator counts that high; there noise is nothing.
    counts = np.where(means < TOO_MANY, random.poisson(np.minimum(means, TOO_MANY)), means)
    if noise == "scaled":
        return np.maximum(means + (counts - means) * np.sqrt(np.maximum(dispersion, 0))[:, None], 0)
    return counts


def list_gaps(panel: Panel, unit: str) -> tuple[str, ...]:
    """Sentences about what the panel lacks or left out, for the notes of an effect."""
    gaps = panel.gaps(unit)
    listed = [f"no figure of {unit} is used for {', '.join(map(str, gaps))}"] if gaps else []
    return (*listed, *panel.dropped)
