"""What a design could have told: the detectable effect under three noise settings, and the winner's curse."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from gvi_eval.effect import Effect, log_contrast
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import Estimator, make_estimator, uses_donors
from gvi_eval.executor import Executor, map_tasks
from gvi_eval.panel import Panel
from gvi_eval.windows import coverage

BENCHMARK = 0.75  # the effect that reviews expect of focused deterrence
POWER = 0.80
SIMULATED = 60  # data sets per noise setting and effect
COMMON = 0.5  # share of the variance of latent levels that simulated places have in common
TRIAL = 0.5  # the second effect at which estimates are simulated, beside none


@dataclass(frozen=True)
class Noise:
    """How a simulated series scatters: NB2 dispersion alpha per period, latent AR(1) with sd sigma and correlation rho."""

    name: str
    alpha: float
    sigma: float
    rho: float


@dataclass(frozen=True)
class PowerRow:
    """One noise setting: the detectable ratio, the power at the benchmark, and what a significant result would read there."""

    noise: Noise
    detectable: float | None
    power_at_benchmark: float
    reading: float
    standard_error: float
    half_width: float
    refused: int
    scatter: "Scatter | None" = None  # what the rest is worked out from, at any other ratio


def power_sentence(row: PowerRow) -> str:
    """One noise setting in words."""
    found = "no ratio" if row.detectable is None else f"a ratio of {row.detectable:.2f} or below"
    return (
        f"with {row.noise.name} noise this design finds {found} with {POWER:.0%} power; if the truth were {BENCHMARK:g} it "
        f"would be found with {row.power_at_benchmark:.0%}, and a significant result would then read {row.reading:.2f}"
    )


def detectable_ratio(sd: float, level: float = 0.95, power: float = POWER) -> float:
    """The ratio below 1 that a test of this standard error on the log finds with this power: exp(−(z₁ + z₂) sd)."""
    return float(np.exp(-(special.ndtri((1 + level) / 2) + special.ndtri(power)) * sd))


def significant_reading(sd: float, truth: float = BENCHMARK, level: float = 0.95) -> float:
    """What a significant result in the right direction would read, at the median, if the truth is ``truth``.

    Estimates are taken as normal on the log with this standard error. Further from 1 than the truth, because only
    exaggerated estimates pass the test: the winner's curse of Gelman & Carlin (2014) Beyond power calculations, Perspect.
    Psychol. Sci. 9(6), doi:10.1177/1745691614551642.
    """
    centre, limit = np.log(truth), special.ndtri((1 + level) / 2) * sd
    share = special.ndtr((-limit - centre) / sd)
    return float(np.exp(centre + sd * special.ndtri(share / 2)))


def detectable_of(effect: Effect) -> float | None:
    """The detectable ratio by an effect's own standard error; None where it has none."""
    try:
        return detectable_ratio(log_contrast(effect)[1], effect.level)
    except EstimationError:
        return None


def reading_of(effect: Effect) -> float | None:
    """`significant_reading` at an effect's own standard error; None where it has none."""
    try:
        return significant_reading(log_contrast(effect)[1], level=effect.level)
    except EstimationError:
        return None


def noise_settings(panel: Panel) -> tuple[Noise, Noise, Noise]:
    """Poisson; moderate, the posterior medians of `latent_counts` on this panel; heavy, their upper 90 % limits with ρ 0.85.

    Never a single guess: few figures say little about their own noise, and the answer depends on it.
    """
    fit = make_estimator("latent_counts", {}).estimate(panel).counterfactual.mixture.posterior
    median, upper = (np.array([_hyper_quantile(fit, column, p) for column in range(3)]) for p in (0.5, 0.9))
    return (
        Noise("Poisson", 0.0, 0.0, 0.0),
        Noise("moderate", float(median[2]), float(median[1]), float(median[0])),
        Noise("heavy", float(upper[2]), float(upper[1]), 0.85),
    )


def _hyper_quantile(fit: object, column: int, probability: float) -> float:
    order = np.argsort(fit.hyper[:, column])
    shares = np.cumsum(fit.weights[order])
    return float(fit.hyper[order, column][min(np.searchsorted(shares, probability), len(order) - 1)])


def power_table(
    estimator: Estimator,
    panel: Panel,
    seed: int,
    simulated: int = SIMULATED,
    done: Callable[[str], None] = lambda what: None,
    executor: Executor | None = None,
) -> tuple[PowerRow, ...]:
    """The detectable ratio of this estimator on this design under three noise settings.

    Series are simulated from the path that was expected without the programme, without an effect and with one of
    `TRIAL`, and put through the estimator; see `scatter_of` and `Scatter`. The same numbers whichever the executor.
    Raises `EstimationError` when the estimator cannot be run on the panel itself.
    """
    expected = expected_of(panel)
    rows = []
    for noise in noise_settings(panel):
        rows.append(power_row(noise, scatter_of(estimator, panel, expected, noise, seed, simulated, executor)))
        done(f"power, {noise.name}")
    return tuple(rows)


def expected_of(panel: Panel) -> np.ndarray:
    """Mean counts per period without the programme, by `latent_counts`, shape (period,): what is simulated about."""
    return make_estimator("latent_counts", {}).estimate(panel).counterfactual.expected.to_numpy()


@dataclass(frozen=True)
class Scatter:
    """How a design's estimates scatter, at no effect and at `TRIAL`: each pair has one number for either.

    On the log: ``sd`` of the estimates, ``up`` and ``down`` the mean distance of the limits from the point. All three are
    taken to change in proportion to −log ratio between and beyond the two.
    """

    sd: tuple[float, float]
    up: tuple[float, float]
    down: tuple[float, float]
    refused: int = 0

    def at(self, ratio: float) -> tuple[float, float, float]:
        """sd, up and down where the truth is this ratio."""
        share = np.log(ratio) / np.log(TRIAL)
        return tuple(float(none + share * (trial - none)) for none, trial in (self.sd, self.up, self.down))

    def power(self, ratio: float) -> float:
        """The probability that the interval lies below 1: Φ((−log r − up) / sd)."""
        sd, up, _ = self.at(ratio)
        return float(special.ndtr((-np.log(ratio) - up) / sd))

    def detectable(self, power: float = POWER) -> float | None:
        """The ratio that is found with this power; None where none is."""
        fall, wanted = -np.log(TRIAL), special.ndtri(power)
        # −log r = up(r) + z sd(r), both linear in −log r
        slope = (self.up[1] - self.up[0] + wanted * (self.sd[1] - self.sd[0])) / fall
        start = self.up[0] + wanted * self.sd[0]
        return float(np.exp(-start / (1 - slope))) if slope < 1 else None

    def reading(self, ratio: float) -> float:
        """The median of the significant results below 1 where the truth is this ratio."""
        return float(np.exp(np.log(ratio) + self.at(ratio)[0] * special.ndtri(self.power(ratio) / 2)))

    def decisive(self, ratio: float, smallest: tuple[float, float]) -> float:
        """The probability that the interval excludes 1, or excludes every effect beyond the smallest of interest.

        With x the estimate on the log: x < −up, or x > down, or log s₀ + down < x < log s₁ − up.
        """
        sd, up, down = self.at(ratio)
        inside = np.log(smallest[0]) + down, np.log(smallest[1]) - up
        below, above = -up, down
        if inside[0] < inside[1]:  # what of it does not exclude 1 already
            between = max(inside[0], below), min(inside[1], above)
        else:
            between = (0.0, 0.0)
        cut = special.ndtr((np.array([below, *between, above]) - np.log(ratio)) / sd)
        return float(cut[0] + max(cut[2] - cut[1], 0.0) + 1 - cut[3])

    def clears(self, smallest: tuple[float, float]) -> float:
        """The probability that, without an effect, the interval excludes every effect beyond the smallest of interest."""
        sd, up, down = self.at(1.0)
        lower, upper = np.log(smallest[0]) + down, np.log(smallest[1]) - up
        return float(max(special.ndtr(upper / sd) - special.ndtr(lower / sd), 0.0))


def power_row(noise: Noise, scatter: Scatter) -> PowerRow:
    sd, up, _ = scatter.at(BENCHMARK)
    found, read = scatter.power(BENCHMARK), scatter.reading(BENCHMARK)
    return PowerRow(noise, scatter.detectable(), found, read, sd, up, scatter.refused, scatter)


def scatter_of(
    estimator: Estimator,
    panel: Panel,
    expected: np.ndarray,
    noise: Noise,
    seed: int,
    simulated: int = SIMULATED,
    executor: Executor | None = None,
) -> Scatter:
    """Simulate the panel about ``expected`` (period,) without an effect and with `TRIAL`, and see how the estimates scatter.

    Raises `EstimationError` where the estimator refuses more than half of the series.
    """
    panel = panel.with_(onsets=dict(panel.onsets), covariates=dict(panel.covariates))  # to travel to other processes
    spread, up, down, refused = [], [], [], 0
    for ratio in (1.0, TRIAL):
        tasks = {str(draw): (estimator, panel, expected, ratio, noise, seed, draw) for draw in range(simulated)}
        fits = list(map_tasks(simulated_fit, tasks, executor=executor).values())
        told = np.array([fit for fit in fits if fit is not None])
        refused += len(fits) - len(told)
        if len(told) < simulated / 2:
            raise EstimationError(
                f"{estimator.name} refused more than half of the series simulated with {noise.name} noise and a ratio of "
                f"{ratio:g}, so its power is unknown; use a longer series"
            )
        spread.append(float(told[:, 0].std(ddof=1)))
        up.append(float(told[:, 1].mean()))
        down.append(float(told[:, 2].mean()))
    return Scatter(tuple(spread), tuple(up), tuple(down), refused)


def simulated_fit(
    inputs: tuple[Estimator, Panel, np.ndarray, float, Noise, int, int], seed: int
) -> tuple[float, float, float] | None:
    """One series simulated and fitted: the log ratio and how far its interval reaches up and down; None for a refusal.

    A task of the executor, whose own seed is not used: draws of the same number share their noise at every ratio.
    """
    estimator, panel, expected, ratio, noise, own, draw = inputs
    try:
        effect = _told(estimator, simulate(panel, expected, ratio, noise, [own, draw]))
    except EstimationError:
        return None
    if effect.point is None or not effect.intervals or not effect.point > 0 or not effect.intervals[0].lower > 0:
        return None
    limits = effect.intervals[0]
    return tuple(float(np.log(part)) for part in (effect.point, limits.upper / effect.point, effect.point / limits.lower))


def _told(estimator: Estimator, panel: Panel) -> Effect:
    """The effect with its interval, which a method with donors has from its placebos."""
    if not uses_donors(estimator):
        return estimator.estimate(panel)
    from gvi_eval.inference.evaluation import evaluate

    return evaluate(estimator, panel).effect(panel.estimand)


def simulate(panel: Panel, expected: np.ndarray, ratio: float, noise: Noise, seed: list[int]) -> Panel:
    """The panel with the treated unit's figures drawn anew about ``expected`` (period,), times ``ratio`` from the onset.

    Counts are Poisson about mean × latent level × gamma noise of each period, summed over the days a figure covers. Donors, if
    the panel has any, are drawn about the same path without an effect; of the variance of their latent levels and the treated
    unit's, `COMMON` is shared by all.
    """
    unit, onset = panel.sole_treated
    random = np.random.default_rng(seed)
    level = _level(len(panel.periods), noise, random)
    extra = _extra(len(panel.periods), noise, random)
    effect = np.where(np.asarray(panel.periods >= onset), ratio, 1.0)
    values = panel.values.copy()
    known = values[unit].notna().to_numpy()
    shared = level if panel.donors else 0.0
    if panel.donors:
        level = _mixed(shared, _level(len(panel.periods), noise, random))
    mean = expected * effect * np.exp(level - noise.sigma**2 / 2) * extra
    values.loc[known, unit] = random.poisson(mean[known]).astype(float)
    windows = tuple(
        replace(window, count=int(random.poisson(coverage(window, panel.periods) @ mean))) if window.unit == unit else window
        for window in panel.windows
    )
    for donor in panel.donors:
        own = _mixed(shared, _level(len(panel.periods), noise, random)) - noise.sigma**2 / 2
        values[donor] = random.poisson(expected * np.exp(own) * _extra(len(panel.periods), noise, random)).astype(float)
    return panel.with_(values=values, windows=windows)


def _level(periods: int, noise: Noise, random: np.random.Generator) -> np.ndarray:
    """A latent AR(1) with sd sigma and correlation rho, shape (period,)."""
    level = np.empty(periods)
    level[0] = random.standard_normal()
    shocks = random.standard_normal(periods) * np.sqrt(1 - noise.rho**2)
    for t in range(1, periods):
        level[t] = noise.rho * level[t - 1] + shocks[t]
    return noise.sigma * level


def _extra(periods: int, noise: Noise, random: np.random.Generator) -> np.ndarray:
    return random.gamma(1 / noise.alpha, noise.alpha, periods) if noise.alpha > 0 else np.ones(periods)


def _mixed(shared: np.ndarray, own: np.ndarray) -> np.ndarray:
    return np.sqrt(COMMON) * shared + np.sqrt(1 - COMMON) * own
