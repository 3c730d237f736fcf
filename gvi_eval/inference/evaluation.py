"""A method with donors, evaluated: its effect, how unusual it is among placebos, and whether it may be used."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from gvi_eval.effect import Effect
from gvi_eval.estimators._comparison import Comparative, Family, family_effect
from gvi_eval.inference.admission import Fit, fit_of, hold_out_error, refusals
from gvi_eval.inference.placebo import BY_SIZE, PlaceboInference, Placebos, placebo_in_space
from gvi_eval.intervals import Interval
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

FEW_CLUSTERS = 0.05  # a p-value that the donors cannot reach


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One fit with its placebos; `effect` gives any contrast of it."""

    estimator: Comparative
    panel: Panel
    inference: PlaceboInference
    base: Effect
    family: Family
    fit: Fit

    def placebos(self, estimand: Estimand) -> Placebos:
        return placebo_in_space(self.family, estimand, self.inference)

    def effect(self, estimand: Estimand) -> Effect:
        """The contrast with its placebo interval and tests; refused, with the reasons, where the comparison is not admitted."""
        placebos = self.placebos(estimand)
        effect = self.base.over(estimand)
        detectable = placebos.detectable(self.estimator.level)
        by_size, by_size_unbiased = placebos.standard_error
        details: dict[str, Any] = {
            **self.base.details,
            "fit": {
                name: value for name, value in dataclasses.asdict(self.fit).items() if value is not None and value == value
            },
            "placebo": {
                "donors": placebos.donors,
                "floor": placebos.floor,
                "size_scale": list(placebos.size),
                "rank_scaled": placebos.rank(np.abs(placebos.scaled)),
                "rank_raw": placebos.rank(np.abs(placebos.log_ratio)),
                "rank_rmspe_ratio": placebos.rank(placebos.rmspe_ratio),
                "treated_stays": self.inference.treated_stays,
                "standard_error": by_size,
                "standard_error_divisor_b_minus_1": by_size_unbiased,
                **({} if detectable is None else {"detectable": detectable}),
            },
        }
        effect = dataclasses.replace(effect, details=details, notes=(*effect.notes, *self._words(placebos)))
        reasons = refusals(self.estimator, self.panel, self.family, self.fit, detectable)
        if reasons:
            return dataclasses.replace(effect, point=None, intervals=(), tests=(), refusal="; ".join(reasons))
        intervals, tests = self._intervals(effect, placebos), placebos.tests()
        if self.inference.also:
            from gvi_eval.inference.beside import beside  # compiled kernels, for those that ask for them

            more, further, words = beside(self.inference.also, self.estimator, self.panel, effect)
            effect = dataclasses.replace(effect, notes=(*effect.notes, *words))
            intervals, tests = (*intervals, *more), (*tests, *further)
        return dataclasses.replace(effect, intervals=intervals, tests=tests)

    def _intervals(self, effect: Effect, placebos: Placebos) -> tuple[Interval, ...]:
        """The ratios that the placebos do not reject, or what they leave to be expected, as the contrast has it."""
        if not np.isfinite(placebos.log_interval(self.estimator.level)).all():
            return ()
        if effect.estimand.contrast == "ratio":
            return (Interval(*placebos.ratio_interval(self.estimator.level), "placebo"),)
        lower, upper, level = placebos.expected_interval(self.estimator.level)
        observed = float(placebos.observed[0])
        if effect.estimand.contrast == "prevented":
            return (Interval(lower - observed, upper - observed, level, "placebo"),)
        return (Interval((observed - upper) / placebos.periods, (observed - lower) / placebos.periods, level, "placebo"),)

    def _words(self, placebos: Placebos) -> list[str]:
        words = []
        if placebos.floor > FEW_CLUSTERS:
            words.append(
                f"with {placebos.donors} donors no p-value falls below {placebos.floor:.3f}, so nothing is found at 5 %; "
                f"the interval has a level of {placebos.critical(self.estimator.level)[1]:.0%} (19 donors are needed)"
            )
        if self.fit.is_overfit:
            told = (
                ""
                if self.fit.hold_out is None
                else f"; the last year, held out, is missed by {self.fit.hold_out:.1f} times as much"
            )
            words.append(
                f"overfitted (T13): the gap before the start is {self.fit.ratio:.2f} of what chance alone would give{told}"
            )
        return words


def evaluate(estimator: Comparative, panel: Panel, inference: PlaceboInference = BY_SIZE) -> Evaluation:
    """Fit a method with donors, all its placebos, and what admission asks.

    Raises `EstimationError` as the method does.
    """
    base = estimator.estimate(panel)
    family = estimator.family(panel, placebos=True, treated_stays=inference.treated_stays)
    fit = fit_of(family, estimator.shifts)
    held_out = hold_out_error(estimator, panel)
    if held_out is not None and fit.rmspe > 0:
        fit = dataclasses.replace(fit, hold_out=held_out / fit.rmspe)
    return Evaluation(estimator, panel, inference, base, family, fit)


def admitted(estimator: Comparative, panel: Panel, effect: Effect) -> Effect:
    """The effect of a method that samples, refused with the reasons where the comparison is not admitted.

    Placebos would each have to be sampled, so the detectable effect that some rules ask for is not known here.
    """
    family = estimator.family(panel, placebos=False)
    fit = fit_of(family, estimator.shifts)
    known = {name: value for name, value in dataclasses.asdict(fit).items() if value is not None and value == value}
    effect = dataclasses.replace(effect, details={**effect.details, "fit": known})
    if reasons := refusals(estimator, panel, family, fit, None):
        return dataclasses.replace(effect, point=None, intervals=(), tests=(), refusal="; ".join(reasons))
    return effect


def refitted(estimator: Comparative, panel: Panel, estimand: Estimand) -> Effect:
    """The contrast on another panel, without placebos, admission or interval."""
    family = estimator.family(panel, placebos=False)
    return family_effect(family, panel, estimator.name, estimator.level, {}, family.comparison.notes).over(estimand)
