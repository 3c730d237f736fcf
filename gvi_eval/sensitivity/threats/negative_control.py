"""T17: an outcome that the programme should not move, put through the same analysis."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy import special

from gvi_eval.effect import Effect, log_contrast
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.inference.placebo import Placebos
from gvi_eval.sensitivity.threats import STATES, State, ThreatResult, could_not
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import after, redrawn

POWER = 0.80
HALF = 0.5


def negative_control(primary: Effect, control: Effect, primary_label: str, control_label: str) -> ThreatResult:
    """Did the untargeted outcome move alike?

    Flagged when the control's interval excludes 1 in the direction of the primary effect. Else could not have flagged
    when the control's detectable effect, exp(±(z₁ + z₂) se) at 5 % and 80 % power, is larger than the primary effect: half
    of next to nothing would be reached by chance. Else flagged when its log point is at least half the primary's. Shows
    the ratio of ratios, whose interval takes the two series as independent.
    """
    if refused := _refused(primary, control, primary_label, control_label):
        return refused
    try:
        (main, main_sd), (other, other_sd) = log_contrast(primary), log_contrast(control)
    except EstimationError as fault:
        return ThreatResult("T17", "could not have flagged", None, str(fault))
    interval = control.intervals[0]
    level = primary.level
    detectable = (special.ndtri((1 + level) / 2) + special.ndtri(POWER)) * other_sd
    state = _state(main, other, interval.excludes(1.0), detectable)
    spread = special.ndtri((1 + level) / 2) * np.hypot(main_sd, other_sd)
    ratio, lower, upper = np.exp([main - other, main - other - spread, main - other + spread])
    sentence = (
        f"{_verdict(state, control_label)}: ratio {control.point:.3f} ({interval.lower:.3f}–{interval.upper:.3f}) beside "
        f"{primary.point:.3f} for {primary_label}; ratio of ratios {ratio:.2f} ({lower:.2f}–{upper:.2f}, the two series taken "
        "as independent)"
    )
    evidence = {
        "control_ratio": control.point,
        "ratio_of_ratios": float(ratio),
        "lower": float(lower),
        "upper": float(upper),
        "level": level,
        "detectable_ratio": float(np.exp(np.sign(main) * detectable)),
    }
    return ThreatResult("T17", state, float(ratio), sentence, evidence)


def negative_control_beside_donors(
    primary: Effect, control: Effect, control_placebos: Placebos, primary_label: str, control_label: str
) -> ThreatResult:
    """The same for two comparisons with donors; the detectable effect of the control is that of its placebos.

    Where the donors are too few for 5 %, the control could not have flagged. The ratio of ratios has no interval here, because
    how the two outcomes of a donor go together is not modelled.
    """
    if refused := _refused(primary, control, primary_label, control_label):
        return refused
    if not control.intervals:
        return ThreatResult("T17", "could not have flagged", None, f"{control_label} has no interval to judge it by")
    main, other = float(np.log(primary.point)), float(np.log(control.point))
    interval, found = control.intervals[0], control_placebos.detectable(control.level)
    detectable = np.inf if found is None else -np.log(found)
    state = _state(main, other, interval.excludes(1.0), detectable)
    sentence = (
        f"{_verdict(state, control_label)}: ratio {control.point:.3f} ({interval.lower:.3f}–{interval.upper:.3f}) beside "
        f"{primary.point:.3f} for {primary_label}; ratio of ratios {np.exp(main - other):.2f}"
    )
    evidence = {
        "control_ratio": control.point,
        "ratio_of_ratios": float(np.exp(main - other)),
        "level": interval.level,
        **({} if found is None else {"detectable_ratio": float(np.exp(np.sign(main) * detectable))}),
    }
    return ThreatResult("T17", state, float(np.exp(main - other)), sentence, evidence)


def _refused(primary: Effect, control: Effect, primary_label: str, control_label: str) -> ThreatResult | None:
    if not (primary.refusal or control.refusal):
        return None
    refused = primary if primary.refusal else control
    label = primary_label if primary.refusal else control_label
    return ThreatResult("T17", "could not have flagged", None, f"{label} has no effect to compare: {refused.refusal}")


def _state(main: float, other: float, excludes_one: bool, detectable: float) -> State:
    """The state from both log ratios, whether the control's interval excludes 1, and its detectable effect on the log."""
    same_side = np.sign(other) == np.sign(main)
    if same_side and excludes_one:
        return "flagged"
    if detectable > abs(main):
        return "could not have flagged"
    return "flagged" if same_side and abs(other) >= abs(main) / 2 else "not flagged"


def _verdict(state: State, control_label: str) -> str:
    return {
        "flagged": f"{control_label}, which the programme did not target, moved alike",
        "not flagged": f"{control_label}, which the programme did not target, is not shown to have moved alike",
        "could not have flagged": f"{control_label} could not have shown a movement of this size",
    }[state]


@dataclass(frozen=True)
class NegativeControl:
    """The headline's analysis of every outcome that the programme should not move; the worst of them decides.

    See `negative_control`. Without an outcome of that role, or without figures of it for the same unit, it could not have
    flagged.
    """

    id: ClassVar[str] = "T17"
    title: ClassVar[str] = "negative-control outcome"
    measure: ClassVar[str] = "ratio of ratios, primary over control"
    violation: ClassVar[str] = "the control falls by half at the start, as the primary outcome does"

    def look(self, case: Case) -> ThreatResult:
        found = [result for name in self._controls(case) if (result := self._beside(case, name))]
        if not found:
            return could_not(self.id, "the study has no outcome with figures for this place that the programme should not move")
        return min(found, key=lambda result: STATES.index(result.state))

    def planted(self, case: Case, seed: int) -> Case:
        fall = after(case, HALF)
        return redrawn(case, seed, fall, others=dict.fromkeys(self._controls(case), fall))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, HALF))

    def _controls(self, case: Case) -> list[str]:
        return [name for name in case.others if case.study.outcome(name).role == "negative control"]

    def _beside(self, case: Case, name: str) -> ThreatResult:
        """The control's result; an analysis that cannot be made is the reason why it could not have flagged."""
        labels = (case.study.outcome(case.outcome).title, case.study.outcome(name).title)
        try:
            if uses_donors(case.estimator):
                control = evaluate(case.estimator, case.of(name), case.inference)
                estimand = case.effect.estimand
                result = negative_control_beside_donors(
                    case.evaluation.effect(estimand), control.effect(estimand), control.placebos(estimand), *labels
                )
            else:
                result = negative_control(case.effect, case.fit(case.of(name)), *labels)
        except (EstimationError, StudyError) as fault:
            result = could_not(self.id, f"{labels[1]} has no effect to compare: {fault}")
        return replace(result, evidence={"control": name, **result.evidence})
