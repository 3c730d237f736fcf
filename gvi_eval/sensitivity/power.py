"""What a design could have told: the detectable effect under three noise settings, and the winner's curse."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from gvi_eval.effect import Effect, log_contrast
from gvi_eval.errors import EstimationError
from gvi_eval.estimators import Estimator, make_estimator
from gvi_eval.panel import Panel
from gvi_eval.windows import coverage

BENCHMARK = 0.75  # the effect that reviews expect of focused deterrence
POWER = 0.80
SIMULATED = 60  # data sets per noise setting and effect
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
    estimator: Estimator, panel: Panel, seed: int, simulated: int = SIMULATED, done: Callable[[str], None] = lambda what: None
) -> tuple[PowerRow, ...]:
    """The detectable ratio of this estimator on this design under three noise settings.

    Series are simulated from the path that was expected without the programme, without an effect and with one of
    `TRIAL`, and put through the estimator. Its estimates have the standard error s and its intervals the half-width h on
    the log, each interpolated between the two effects; a ratio r is found with power Φ((−log r − h) / s).
    Raises `EstimationError` when the estimator cannot be run on the panel itself.
    """
    fit = make_estimator("latent_counts", {}).estimate(panel)
    expected = fit.counterfactual.expected.to_numpy()
    rows = []
    for noise in noise_settings(panel):
        rows.append(_row(estimator, panel, expected, noise, seed, simulated))
        done(f"power, {noise.name}")
    return tuple(rows)


def _row(estimator: Estimator, panel: Panel, expected: np.ndarray, noise: Noise, seed: int, simulated: int) -> PowerRow:
    spread, width, refused = [], [], 0
    for ratio in (1.0, TRIAL):
        fits = [_fit(estimator, simulate(panel, expected, ratio, noise, [seed, draw])) for draw in range(simulated)]
        told = np.array([fit for fit in fits if fit is not None])
        refused += len(fits) - len(told)
        if len(told) < simulated / 2:
            raise EstimationError(
                f"{estimator.name} refused more than half of the series simulated with {noise.name} noise and a ratio of "
                f"{ratio:g}, so its power is unknown; use a longer series"
            )
        spread.append(told[:, 0].std(ddof=1))
        width.append(told[:, 1].mean())
    fall = -np.log(TRIAL)
    wanted = special.ndtri(POWER)
    # −log r = h(r) + z s(r), both linear in −log r
    slope = (width[1] - width[0] + wanted * (spread[1] - spread[0])) / fall
    start = width[0] + wanted * spread[0]
    detectable = float(np.exp(-start / (1 - slope))) if slope < 1 else None
    at = -np.log(BENCHMARK) / fall
    s, h = (pair[0] + at * (pair[1] - pair[0]) for pair in (spread, width))
    power = float(special.ndtr((-np.log(BENCHMARK) - h) / s))
    reading = float(np.exp(np.log(BENCHMARK) + s * special.ndtri(power / 2)))
    return PowerRow(noise, detectable, power, reading, float(s), float(h), refused)


def _fit(estimator: Estimator, panel: Panel) -> tuple[float, float] | None:
    """The log ratio and the half-width of its interval towards 1, on the log; None for a refusal."""
    try:
        effect = estimator.estimate(panel)
    except EstimationError:
        return None
    if effect.point is None or not effect.intervals or not effect.point > 0:
        return None
    return float(np.log(effect.point)), float(np.log(effect.intervals[0].upper / effect.point))


def simulate(panel: Panel, expected: np.ndarray, ratio: float, noise: Noise, seed: list[int]) -> Panel:
    """The panel with the treated unit's figures drawn anew about ``expected`` (period,), times ``ratio`` from the onset.

    Counts are Poisson about mean × latent level × gamma noise of each period, summed over the days a figure covers.
    """
    unit, onset = panel.sole_treated
    random = np.random.default_rng(seed)
    periods = len(panel.periods)
    level = np.empty(periods)
    level[0] = random.standard_normal()
    shocks = random.standard_normal(periods) * np.sqrt(1 - noise.rho**2)
    for t in range(1, periods):
        level[t] = noise.rho * level[t - 1] + shocks[t]
    level = noise.sigma * level - noise.sigma**2 / 2
    extra = random.gamma(1 / noise.alpha, noise.alpha, periods) if noise.alpha > 0 else np.ones(periods)
    mean = expected * np.where(np.asarray(panel.periods >= onset), ratio, 1.0) * np.exp(level) * extra
    values = panel.values.copy()
    known = values[unit].notna().to_numpy()
    values.loc[known, unit] = random.poisson(mean[known]).astype(float)
    windows = tuple(
        replace(window, count=int(random.poisson(coverage(window, panel.periods) @ mean))) if window.unit == unit else window
        for window in panel.windows
    )
    return panel.with_(values=values, windows=windows)
