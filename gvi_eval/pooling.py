"""Effects of several places taken together: how much they agree, what they say of the programme, and when they may not be.

log ratio_i ~ N(theta_i, s_i^2)    theta_i ~ N(mu, tau^2)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy import optimize, special, stats

from gvi_eval.effect import Effect, contrast_rows, distribution, mixture_moments, quantile
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.intervals import Interval, IntervalKind, Test

FEWEST_POOLED, FEWEST_PREDICTED = 3, 5
TAU_SCALES = (0.2, 0.5)  # of the half-normal priors on tau, always together
HALF_WIDTH = float(special.ndtri(0.975))
# Mean and sd of the mean log ratio, as `bayes_counts` has them of a single one.
MEAN_PRIORS = {
    "flat": (0.0, 2.5),
    "sceptical": (0.0, np.log(2) / HALF_WIDTH),
    "literature": (np.log(0.75), np.log(0.75 / 0.5) / HALF_WIDTH),
}
POINTS = 400  # of the quadrature over tau
BEYOND = 6.0  # prior sds of tau, where the quadrature ends
LARGEST_TAU = 20.0
MOST_PAIRS = 200_000  # of components of two mixtures


@dataclass(frozen=True)
class Contribution:
    """One effect as it enters: the log of a ratio and its standard error.

    ``outcome`` says what is counted, such as 'homicides'; effects on different outcomes are never pooled. ``kind`` is
    'estimated' (one of ours) or 'published'; ``width_from`` the kind of interval that the standard error was taken from.
    ``source`` leads back to the row it came from.
    """

    name: str
    log_ratio: float
    standard_error: float
    outcome: str
    kind: Literal["estimated", "published"]
    source: str
    width_from: IntervalKind = "wald"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.log_ratio) and 0 < self.standard_error < np.inf):
            raise StudyError(
                f"the effect of {self.name} has the log ratio {self.log_ratio:g} and the standard error "
                f"{self.standard_error:g}; only an effect with an interval can be pooled"
            )

    @property
    def ratio(self) -> float:
        return float(np.exp(self.log_ratio))

    def interval(self, level: float = 0.95) -> Interval:
        reach = special.ndtri((1 + level) / 2) * self.standard_error
        return Interval(float(np.exp(self.log_ratio - reach)), float(np.exp(self.log_ratio + reach)), level, "wald")


def contribution(effect: Effect, name: str, outcome: str, source: str) -> Contribution:
    """An effect of ours as a contribution; its standard error is the width of its interval in logs over that of a normal.

    Raises `EstimationError` for a refused effect, for one without an interval, and for one that is no ratio.
    """
    if effect.point is None:
        raise EstimationError(f"the effect of {name} is refused and cannot be pooled: {effect.refusal}")
    if effect.estimand.contrast != "ratio":
        raise EstimationError(f"the effect of {name} is a {effect.estimand.contrast}, and only ratios are pooled")
    if not effect.intervals:
        raise EstimationError(f"the effect of {name} has no interval, so it has no weight among others")
    return from_limits(name, effect.point, effect.intervals[0], outcome, "estimated", source)


def from_limits(
    name: str, ratio: float, interval: Interval, outcome: str, kind: Literal["estimated", "published"], source: str
) -> Contribution:
    """A contribution from a ratio and its interval: SE = (log upper - log lower) / (2 z)."""
    if not 0 < interval.lower < interval.upper < np.inf:
        raise EstimationError(
            f"the interval of {name} runs from {interval.lower:g} to {interval.upper:g}; a ratio with a weight has one above 0 "
            "with an end"
        )
    error = np.log(interval.upper / interval.lower) / (2 * special.ndtri((1 + interval.level) / 2))
    return Contribution(name, float(np.log(ratio)), float(error), outcome, kind, source, interval.kind)


@dataclass(frozen=True)
class RatioOfTwo:
    """The ratio of one effect to another, with its interval, and the test that they are the same; nothing is pooled."""

    names: tuple[str, str]
    ratio: float
    interval: Interval
    test: Test


def ratio_of(one: Contribution, other: Contribution, level: float = 0.95) -> RatioOfTwo:
    """exp(log ratio_1 - log ratio_2 -+ z sqrt(s_1^2 + s_2^2)); the two are taken as independent.

    Effects on different outcomes may stand beside each other; what the ratio then says is for words.
    """
    gap, error = one.log_ratio - other.log_ratio, float(np.hypot(one.standard_error, other.standard_error))
    reach = special.ndtri((1 + level) / 2) * error
    z = gap / error
    return RatioOfTwo(
        (one.name, other.name),
        float(np.exp(gap)),
        Interval(float(np.exp(gap - reach)), float(np.exp(gap + reach)), level, "wald"),
        Test(
            "wald", f"the effects in {one.name} and {other.name} are the same", float(z), float(2 * special.ndtr(-abs(z))), 0.0
        ),
    )


def ratio_of_effects(names: tuple[str, str], one: Effect, other: Effect, level: float = 0.95) -> RatioOfTwo:
    """The ratio of two effects from the distributions of their paths, taken as independent.

    The log of one less that of the other is a mixture over the pairs of their components; with more than `MOST_PAIRS` of these
    it is taken as a normal with the same mean and sd. Raises `EstimationError` for a refused effect or one without a
    distribution.
    """
    mixtures = [each.counterfactual.mixture if each.counterfactual else None for each in (one, other)]
    if one.refusal or other.refusal or None in mixtures:
        refused, effect = next((n, e) for n, e, m in zip(names, (one, other), mixtures, strict=True) if e.refusal or m is None)
        raise EstimationError(
            f"there is no ratio, because {refused} has {effect.refusal or 'no distribution of its paths'}; show the other alone"
        )
    parts = [
        (mixture.weights, *mixture.log_ratio(contrast_rows(each.counterfactual, each.estimand, each.onset)))
        for each, mixture in zip((one, other), mixtures, strict=True)
    ]
    (w, m, s), (v, n, r) = parts
    if len(w) * len(v) > MOST_PAIRS or not all(np.isinf(mixture.dof) for mixture in mixtures):
        (mean, sd), (its_mean, its_sd) = (mixture_moments(*part) for part in parts)
        w, m, s = np.ones(1), np.array([mean]), np.array([sd])
        v, n, r = np.ones(1), np.array([its_mean]), np.array([its_sd])
    weights, means = np.outer(w, v).ravel(), np.subtract.outer(m, n).ravel()
    sds = np.hypot.outer(s, r).ravel()
    lower, upper = (float(np.exp(quantile(p, weights, means, sds))) for p in ((1 - level) / 2, (1 + level) / 2))
    below = distribution(0.0, weights, means, sds)
    mean, sd = mixture_moments(weights, means, sds)
    kind = mixtures[0].kind if mixtures[0].kind == mixtures[1].kind else "wald"
    return RatioOfTwo(
        names,
        one.point / other.point,
        Interval(lower, upper, level, kind),
        Test(kind, f"the effects in {names[0]} and {names[1]} are the same", mean / sd, 2 * min(below, 1 - below), 0.0),
    )


@dataclass(frozen=True)
class Pooled:
    """The mean of at least three effects: its ratio, interval and test, tau and I^2, and where a further place may lie.

    ``prediction`` is given from five effects on, and says why not before.
    """

    names: tuple[str, ...]
    outcome: str
    ratio: float
    interval: Interval
    test: Test
    tau: float
    i_squared: float
    inflation: float
    prediction: Interval | None
    notes: tuple[str, ...]


def pooled(contributions: Sequence[Contribution], level: float = 0.95) -> Pooled:
    """The mean log ratio over places by random effects, with the interval of Hartung and Knapp.

    mu = sum w_i y_i / sum w_i with w_i = 1 / (s_i^2 + tau^2), tau^2 by restricted maximum likelihood; its variance is
    max(1, q) / sum w_i with q = sum w_i (y_i - mu)^2 / (k - 1), and the quantiles are those of t with k - 1 degrees of freedom.
    From five effects on a further place lies in mu -+ t_{k-2} sqrt(tau^2 + var mu). Raises `EstimationError` with fewer than
    three effects and `StudyError` for effects on different outcomes or of one name.

    Hartung & Knapp (2001) On tests of the overall treatment effect in meta-analysis with normally distributed responses, Stat.
    Med. 20(12), doi:10.1002/sim.791. Viechtbauer (2005) Bias and efficiency of meta-analytic variance estimators in the
    random-effects model, J. Educ. Behav. Stat. 30(3), doi:10.3102/10769986030003261. Higgins, Thompson & Spiegelhalter (2009)
    A re-evaluation of random-effects meta-analysis, J. R. Stat. Soc. A 172(1), doi:10.1111/j.1467-985X.2008.00552.x.
    """
    outcome = one_outcome(contributions)
    k = len(contributions)
    if k < FEWEST_POOLED:
        named = " and ".join(each.name for each in contributions)
        raise EstimationError(
            f"{k} effects ({named}) are not pooled: two say next to nothing about how much places differ; show both, their "
            "ratio, and the hierarchical posterior under both priors"
        )
    y, s = _arrays(contributions)
    tau_squared = restricted_tau_squared(y, s)
    w = 1 / (s**2 + tau_squared)
    mean = float(w @ y / w.sum())
    inflation = max(1.0, float(w @ (y - mean) ** 2) / (k - 1))
    error = float(np.sqrt(inflation / w.sum()))
    reach = float(stats.t.ppf((1 + level) / 2, k - 1)) * error
    notes, prediction = [], None
    if k >= FEWEST_PREDICTED:
        wide = float(stats.t.ppf((1 + level) / 2, k - 2) * np.hypot(np.sqrt(tau_squared), error))
        prediction = Interval(float(np.exp(mean - wide)), float(np.exp(mean + wide)), level, "prediction")
    else:
        notes.append(
            f"{k} effects say too little of how much places differ for a prediction interval; it needs {FEWEST_PREDICTED}"
        )
    return Pooled(
        names=tuple(each.name for each in contributions),
        outcome=outcome,
        ratio=float(np.exp(mean)),
        interval=Interval(float(np.exp(mean - reach)), float(np.exp(mean + reach)), level, "wald"),
        test=Test(
            "Hartung-Knapp",
            "the mean log ratio over places is 0",
            mean / error,
            float(2 * stats.t.sf(abs(mean) / error, k - 1)),
            0.0,
        ),
        tau=float(np.sqrt(tau_squared)),
        i_squared=_i_squared(y, s),
        inflation=inflation,
        prediction=prediction,
        notes=tuple(notes),
    )


def one_outcome(contributions: Sequence[Contribution]) -> str:
    """The outcome that all effects share. Raises `StudyError` where they do not, or where a name comes twice."""
    outcomes = list(dict.fromkeys(each.outcome for each in contributions))
    if len(outcomes) > 1:
        one, other = (next(each for each in contributions if each.outcome == outcome) for outcome in outcomes[:2])
        raise StudyError(
            f"the effect of {one.name} is on {one.outcome} and that of {other.name} on {other.outcome}: a mean of the two is "
            "an effect on neither; show them side by side with their ratio"
        )
    names = [each.name for each in contributions]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise StudyError(f"{twice[0]} comes {names.count(twice[0])} times among the effects; one place has one vote")
    return outcomes[0] if outcomes else ""


def _arrays(contributions: Sequence[Contribution]) -> tuple[np.ndarray, np.ndarray]:
    """Log ratios and standard errors, shape (place,) each."""
    return np.array([each.log_ratio for each in contributions]), np.array([each.standard_error for each in contributions])


def restricted_tau_squared(y: np.ndarray, s: np.ndarray) -> float:
    """tau^2 >= 0 of the largest restricted likelihood of y (place,) with standard errors s (place,)."""

    def loss(log_tau: float) -> float:
        return -_restricted_log_likelihood(y, s, float(np.exp(2 * log_tau)))

    grid = np.linspace(np.log(1e-4 * s.min()), np.log(LARGEST_TAU * max(s.max(), np.ptp(y))), 200)
    best = int(np.argmin([loss(place) for place in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(loss, bounds=around, method="bounded", options={"xatol": 1e-10})
    tau_squared = float(np.exp(2 * found.x))
    return tau_squared if -found.fun > _restricted_log_likelihood(y, s, 0.0) else 0.0


def _restricted_log_likelihood(y: np.ndarray, s: np.ndarray, tau_squared: float) -> float:
    w = 1 / (s**2 + tau_squared)
    mean = w @ y / w.sum()
    return float(0.5 * np.log(w).sum() - 0.5 * np.log(w.sum()) - 0.5 * w @ (y - mean) ** 2)


def _i_squared(y: np.ndarray, s: np.ndarray) -> float:
    """The share of the scatter of effects that is more than their errors: max(0, (Q - k + 1) / Q)."""
    w = 1 / s**2
    q = float(w @ (y - w @ y / w.sum()) ** 2)
    return max(0.0, (q - len(y) + 1) / q) if q > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Hierarchical:
    """The posterior of the mean and of each place's own effect, under a stated prior of tau and of the mean.

    A mixture over tau (point,) of normals: ``weights`` (point,), ``taus`` (point,), the mean's ``means`` and ``sds``
    (point,), and those of each place, ``place_means`` and ``place_sds`` (point, place).
    """

    contributions: tuple[Contribution, ...]
    tau_scale: float
    mean_prior: str
    weights: np.ndarray
    taus: np.ndarray
    means: np.ndarray
    sds: np.ndarray
    place_means: np.ndarray
    place_sds: np.ndarray

    @property
    def label(self) -> str:
        """What the width rests on, in words that stand beside the number."""
        words = f"tau ~ HalfNormal({self.tau_scale:g}), {self.mean_prior} prior of the mean"
        return f"prior-driven: {words}" if len(self.contributions) < FEWEST_POOLED else words

    @property
    def ratio(self) -> float:
        """The median of the posterior of the mean effect, as a ratio."""
        return float(np.exp(quantile(0.5, self.weights, self.means, self.sds)))

    def interval(self, level: float = 0.95) -> Interval:
        return self._limits(self.means, self.sds, level, "posterior")

    def prediction(self, level: float = 0.95) -> Interval:
        """Where the effect of a further place lies."""
        return self._limits(self.means, np.hypot(self.sds, self.taus), level, "prediction")

    def of_place(self, name: str, level: float = 0.95) -> tuple[float, Interval]:
        """The effect of one of the places, drawn towards the others: its median and interval."""
        place = [each.name for each in self.contributions].index(name)
        means, sds = self.place_means[:, place], self.place_sds[:, place]
        return float(np.exp(quantile(0.5, self.weights, means, sds))), self._limits(means, sds, level, "posterior")

    @cached_property
    def tau_median(self) -> float:
        return float(np.interp(0.5, np.cumsum(self.weights) - self.weights / 2, self.taus))

    def _limits(self, means: np.ndarray, sds: np.ndarray, level: float, kind: Literal["posterior", "prediction"]) -> Interval:
        lower, upper = (float(np.exp(quantile(p, self.weights, means, sds))) for p in ((1 - level) / 2, (1 + level) / 2))
        return Interval(lower, upper, level, kind)


def hierarchical(contributions: Sequence[Contribution], tau_scale: float, mean_prior: str = "flat") -> Hierarchical:
    """The posterior of mu, tau and every theta_i, exact but for a quadrature over tau ~ HalfNormal(``tau_scale``).

    Given tau everything is normal; what is known elsewhere enters as ``mean_prior`` ('flat', 'sceptical' or 'literature') and
    never as a further place. Raises `EstimationError` with fewer than two effects, `StudyError` for effects on different
    outcomes and for an unknown prior.

    Röver (2020) Bayesian random-effects meta-analysis using the bayesmeta R package, J. Stat. Softw. 93(6),
    doi:10.18637/jss.v093.i06.
    """
    one_outcome(contributions)
    if mean_prior not in MEAN_PRIORS:
        raise StudyError(f"the prior of the mean is '{mean_prior}'; choose {', '.join(MEAN_PRIORS)}")
    if len(contributions) < 2:
        raise EstimationError(f"{len(contributions)} effects have no mean over places; give two or more")
    y, s = _arrays(contributions)
    centre, sd = MEAN_PRIORS[mean_prior]
    # Gauss-Legendre in the square root of tau: the posterior bends most near 0.
    nodes, widths = np.polynomial.legendre.leggauss(POINTS)
    root = np.sqrt(BEYOND * tau_scale) * (nodes + 1) / 2
    taus = root**2
    variance = s**2 + taus[:, None] ** 2
    information = (1 / variance).sum(axis=1) + 1 / sd**2
    means = ((y / variance).sum(axis=1) + centre / sd**2) / information
    log_weight = (
        np.log(widths * root)
        - 0.5 * (taus / tau_scale) ** 2
        - 0.5 * np.log(variance).sum(axis=1)
        - 0.5 * np.log(information)
        - 0.5 * (((y - means[:, None]) ** 2 / variance).sum(axis=1) + ((means - centre) / sd) ** 2)
    )
    weights = special.softmax(log_weight)
    pull = s**2 / variance  # towards the mean
    place_means = (1 - pull) * y + pull * means[:, None]
    place_variance = s**2 * (1 - pull) + pull**2 / information[:, None]
    return Hierarchical(
        tuple(contributions),
        tau_scale,
        mean_prior,
        weights,
        taus,
        means,
        np.sqrt(1 / information),
        place_means,
        np.sqrt(place_variance),
    )


def in_pymc(contributions: Sequence[Contribution], tau_scale: float, mean_prior: str = "flat") -> Any:
    """The same model in PyMC, non-centred: theta = mu + tau z. For a check by sampling, and for those who want to extend it."""
    from gvi_eval.estimators._mcmc import pymc_module

    pymc = pymc_module()
    y, s = _arrays(contributions)
    centre, sd = MEAN_PRIORS[mean_prior]
    with pymc.Model(check_bounds=False) as made:
        mean = pymc.Normal("mu", centre, sd)
        tau = pymc.HalfNormal("tau", tau_scale)
        z = pymc.Normal("z", shape=len(y))
        pymc.Normal("log_ratio", mean + tau * z, s, observed=y)
    return made


def sampled(
    contributions: Sequence[Contribution], tau_scale: float, mean_prior: str, seed: int, draws: int = 2000
) -> Mapping[str, np.ndarray]:
    """Draws of 'mu' and 'tau' from the model in PyMC, shape (draw,) each.

    Raises `EstimationError` where the sample fails its diagnostics.
    """
    from gvi_eval.estimators._mcmc import Sampling, diagnose, sample

    how = Sampling(draws, 1000, 4, 0.99, seed)
    found = sample(
        ("hierarchical", len(contributions), tau_scale, mean_prior, tuple(contributions)),
        lambda: in_pymc(contributions, tau_scale, mean_prior),
        {},
        how,
    )
    judged = diagnose({name: found.draws[name] for name in ("mu", "tau")}, found.divergences)
    if judged.faults:
        raise EstimationError(f"the hierarchical model was not sampled well: {'; '.join(judged.faults)}; draw more")
    return {name: found.draws[name].ravel() for name in ("mu", "tau")}
