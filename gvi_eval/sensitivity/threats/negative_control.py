"""T17: an outcome that the programme should not move, put through the same analysis."""

import numpy as np
from scipy import special

from gvi_eval.effect import Effect, log_contrast
from gvi_eval.errors import EstimationError
from gvi_eval.sensitivity.threats import State, ThreatResult

POWER = 0.80


def negative_control(primary: Effect, control: Effect, primary_label: str, control_label: str) -> ThreatResult:
    """Did the untargeted outcome move alike?

    Flagged when the control's interval excludes 1 in the direction of the primary effect. Else could not have flagged
    when the control's detectable effect, exp(±(z₁ + z₂) se) at 5 % and 80 % power, is larger than the primary effect: half
    of next to nothing would be reached by chance. Else flagged when its log point is at least half the primary's. Shows
    the ratio of ratios, whose interval takes the two series as independent.
    """
    if primary.refusal or control.refusal:
        refused = primary if primary.refusal else control
        label = primary_label if primary.refusal else control_label
        return ThreatResult("T17", "could not have flagged", None, f"{label} has no effect to compare: {refused.refusal}")
    try:
        (main, main_sd), (other, other_sd) = log_contrast(primary), log_contrast(control)
    except EstimationError as fault:
        return ThreatResult("T17", "could not have flagged", None, str(fault))
    interval = control.intervals[0]
    same_side = np.sign(other) == np.sign(main)
    level = primary.level
    detectable = (special.ndtri((1 + level) / 2) + special.ndtri(POWER)) * other_sd
    if same_side and interval.excludes(1.0):
        state: State = "flagged"
    elif detectable > abs(main):
        state = "could not have flagged"
    else:
        state = "flagged" if same_side and abs(other) >= abs(main) / 2 else "not flagged"
    spread = special.ndtri((1 + level) / 2) * np.hypot(main_sd, other_sd)
    ratio, lower, upper = np.exp([main - other, main - other - spread, main - other + spread])
    verdict = {
        "flagged": f"{control_label}, which the programme did not target, moved alike",
        "not flagged": f"{control_label}, which the programme did not target, is not shown to have moved alike",
        "could not have flagged": f"{control_label} could not have shown a movement of this size",
    }[state]
    sentence = (
        f"{verdict}: ratio {control.point:.3f} ({interval.lower:.3f}–{interval.upper:.3f}) beside {primary.point:.3f} "
        f"for {primary_label}; ratio of ratios {ratio:.2f} ({lower:.2f}–{upper:.2f}, the two series taken as independent)"
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
