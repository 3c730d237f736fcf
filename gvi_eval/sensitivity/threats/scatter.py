"""T8 and T9: are there enough events to see anything, and does the width of the answer hang on how the noise is taken?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gvi_eval.effect import Effect, log_contrast
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import Estimator, make_estimator, uses_donors
from gvi_eval.sensitivity.agreement import WIDTH_FACTOR
from gvi_eval.sensitivity.power import BENCHMARK, Noise, detectable_ratio, noise_settings
from gvi_eval.sensitivity.residuals import residuals
from gvi_eval.sensitivity.steps import StepDesign, step_design
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import redrawn

THINNED = 0.1
PLENTY = 100.0
RESTLESS = 0.4, 0.85  # sd and autocorrelation of the latent level that is planted


@dataclass(frozen=True)
class LowCounts:
    """Could this design have found the effect that reviews expect, a ratio of 0.75?

    The detectable ratio exp(−(z₁ + z₂) s) at 5 % and 80 % power by the effect's own standard error s on the log, or that of
    its placebos; beside it the same under three noise settings, with s of generalised least squares on the log,

        s² = last diagonal of (X' V⁻¹ X)⁻¹,   V = diag(1/μ + α Σ(cμ)²/(Σcμ)²) + C Σ C' (AR(1) of sd σ, correlation ρ)

    and the share of zeros and Pearson's dispersion. Flagged when the detectable ratio is lower than 0.75.
    """

    id: ClassVar[str] = "T8"
    title: ClassVar[str] = "low counts"
    measure: ClassVar[str] = "detectable ratio by the effect's own standard error"
    violation: ClassVar[str] = "a tenth of the events; without it a hundred times as many and no noise but chance"

    def look(self, case: Case) -> ThreatResult:
        if uses_donors(case.estimator):
            found = case.evaluation.placebos(case.effect.estimand).detectable(case.estimator.level)
            if found is None:
                return verdict(self.id, True, None, "the donors are too few for any ratio to be detectable at 5 %")
            settings: dict[str, float] = {}
        else:
            effect = case.effect
            found = detectable_ratio(log_contrast(effect)[1], effect.level)
            settings = {} if case.anew else dict(_under_noise(case))
        counts, _ = case.panel.observations(case.unit)
        evidence = {f"detectable_{name}": value for name, value in settings.items()} | {
            "zeros": float((counts == 0).mean()),
            "events": float(counts.sum()),
            "figures": len(counts),
        }
        beside = ", ".join(f"{value:.2f} with {name} noise" for name, value in settings.items())
        sentence = (
            f"with {counts.sum():.0f} events in {len(counts)} figures, {evidence['zeros']:.0%} of them zero, a ratio of "
            f"{found:.2f} is detectable{f' ({beside})' if beside else ''}; reviews expect {BENCHMARK:g}"
        )
        return verdict(self.id, found < BENCHMARK, float(found), sentence, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, THINNED)

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, PLENTY, noise=0.0)


def _under_noise(case: Case) -> Iterator[tuple[str, float]]:
    """The detectable ratio under each noise setting, by name; nothing where the count model has no step for the panel."""
    model = case.count_model()
    try:
        fit = case.fit(estimator=model)
        columns = step_design(case.panel, model.trend, model.season)
    except (EstimationError, StudyError):
        return
    for noise in noise_settings(case.panel):
        yield noise.name, detectable_ratio(step_se(columns, fit.counterfactual.expected.to_numpy(), noise))


def step_se(of: StepDesign, mean: np.ndarray, noise: Noise) -> float:
    """The standard error of a step on the log by generalised least squares, for a mean (period,) and this noise."""
    weights = of.matrix * mean / (of.matrix @ mean)[:, None]  # of a period in the log of a figure
    gaps = np.abs(np.subtract.outer(np.arange(len(mean)), np.arange(len(mean))))
    latent = noise.sigma**2 * noise.rho**gaps if noise.sigma else np.zeros_like(gaps, dtype=float)
    variance = np.diag(1 / (of.matrix @ mean) + noise.alpha * (weights**2).sum(axis=1)) + weights @ latent @ weights.T
    columns = weights @ of.columns
    return float(np.sqrt(np.linalg.inv(columns.T @ np.linalg.solve(variance, columns))[-1, -1]))


@dataclass(frozen=True)
class Autocorrelation:
    """Is the interval as wide under other ways to take autocorrelation, scatter and season?

    The headline beside `segmented` with independent errors (quasi-Poisson), beside the latent count model, and each of these
    without a season and with one month after the other; over odd spans beside the exact ratio and one α for every span.
    Only models with the headline's mean are compared. Flagged when two widths on the log differ by more than a factor 1.5,
    or one interval excludes 1 and another does not. ρ and the autocorrelation of residuals stand in the evidence.
    """

    id: ClassVar[str] = "T9"
    title: ClassVar[str] = "autocorrelation, season"
    measure: ClassVar[str] = "widest over narrowest interval, on the log"
    violation: ClassVar[str] = "a latent level with sd 0.4 and autocorrelation 0.85 about the mean"

    def look(self, case: Case) -> ThreatResult:
        if uses_donors(case.estimator):
            return could_not(
                self.id, "placebos carry autocorrelation and season of their own; no other model stands beside them"
            )
        own = case.effect
        fits = {"the headline": own} | dict(self._others(case))
        widths = {name: _width(fit) for name, fit in fits.items()}
        widths = {name: width for name, width in widths.items() if width is not None}
        if len(widths) < 2 or "the headline" not in widths:
            return could_not(self.id, "no other model of the noise gives an interval for these figures")
        narrow, wide = min(widths, key=widths.get), max(widths, key=widths.get)
        factor = widths[wide] / widths[narrow]
        excludes = {fits[name].intervals[0].excludes(1.0) for name in widths}
        changes = len(excludes) > 1
        sentence = f"of {len(widths)} ways to take the noise {wide} is {factor:.2f} times as wide as {narrow}"
        sentence += ", and some exclude 1 where others do not" if changes else ""
        evidence = {"widest": wide, "narrowest": narrow, "exclusion_changes": changes, **_of_residuals(case, own)}
        return verdict(self.id, factor > WIDTH_FACTOR or changes, float(factor), sentence, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        random = np.random.default_rng([seed % 2**63, 9])
        sd, rho = RESTLESS
        level = np.empty(len(case.whole.periods))
        level[0] = random.standard_normal()
        for t in range(1, len(level)):
            level[t] = rho * level[t - 1] + np.sqrt(1 - rho**2) * random.standard_normal()
        return redrawn(case, seed, np.exp(sd * level - sd**2 / 2), noise=0.0)

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, noise=0.0)

    def _others(self, case: Case) -> Iterator[tuple[str, Effect]]:
        for name, estimator in self._models(case):
            try:
                yield name, case.fit(estimator=estimator)
            except (EstimationError, StudyError):
                continue

    def _models(self, case: Case) -> Iterator[tuple[str, Estimator]]:
        model = case.count_model(trend=getattr(case.estimator, "trend", False))
        if case.estimator.name != "latent_counts":
            yield "the latent count model", model
        if case.panel.spans(case.unit):
            yield "one alpha for every span", case.count_model(trend=model.trend, one_alpha=not model.one_alpha)
            if not model.trend:
                yield "the exact ratio", make_estimator("exact_ratio", {})
            return
        plain = {"trend": model.trend, "covariance": "model", "family": "quasipoisson"}
        yield "independent errors", make_estimator("segmented", plain | {"season": model.season})
        yield "no season", case.count_model(trend=model.trend, season="none")


def _width(effect: Effect) -> float | None:
    interval = effect.intervals[0] if effect.intervals else None
    if interval is None or not interval.lower > 0 or not np.isfinite(interval.upper):
        return None
    return float(np.log(interval.upper / interval.lower))


def _of_residuals(case: Case, effect: Effect) -> dict[str, float]:
    """The latent correlation, and dispersion and first autocorrelation of the residuals, where the model has them."""
    found = {}
    hyper = effect.details.get("hyperparameters", {})
    if "rho" in hyper:
        found["rho"], found["rho_sd"] = hyper["rho"]["mean"], hyper["rho"]["sd"]
    if case.anew:
        return found
    try:
        about = residuals(effect, case.panel)[-1]
    except EstimationError:
        return found
    first = about.autocorrelation[0] if about.autocorrelation else None
    return found | {key: value for key, value in (("dispersion", about.dispersion), ("acf_1", first)) if value is not None}
