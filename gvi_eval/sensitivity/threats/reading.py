"""T20 and T22: is a null result read as no effect, and does the answer hang on a denominator?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gvi_eval.estimators import uses_donors
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.exclusion import exclusion, exclusion_by_placebos
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.planting import redrawn

THINNED = 0.1
PLENTY = 100.0
MOVED = 0.03  # of the log ratio
GROWN = 1.10


@dataclass(frozen=True)
class NullRead:
    """What the figures rule out: falls and rises that matter, by one-sided 95 % limits (`sensitivity.exclusion`).

    Flagged when neither a fall below the study's smallest effect of interest nor a rise above it is excluded: the result is
    then inconclusive, and must not be read as no effect. The number is the distance between the two limits on the log.
    """

    id: ClassVar[str] = "T20"
    title: ClassVar[str] = "a null read as no effect"
    measure: ClassVar[str] = "upper over lower one-sided 95 % limit of the ratio"
    violation: ClassVar[str] = "no effect and a tenth of the events; without it a hundred times as many, no noise but chance"

    def look(self, case: Case) -> ThreatResult:
        if uses_donors(case.estimator):
            found = exclusion_by_placebos(
                case.effect, case.evaluation.placebos(case.effect.estimand), case.study.smallest_effect
            )
        else:
            found = exclusion(case.effect, case.study.smallest_effect)
        if found is None:
            return could_not(self.id, "the headline has no distribution of its ratio, so nothing can be said to be excluded")
        ratio = found.upper / found.lower if found.lower > 0 else None
        return verdict(self.id, not found.conclusive, ratio, found.sentence, lower=float(found.lower), upper=float(found.upper))

    def planted(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, THINNED)

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, PLENTY, noise=0.0)


@dataclass(frozen=True)
class Denominators:
    """Is the ratio the same without the population behind the counts?

    Estimated again with the same person-years in every period. Flagged when the log ratio moves by more than 0.03. Without a
    denominator there is nothing to leave out, and it could not have flagged; a method with donors compares rates, and every
    unit's own average stands in for its denominator.
    """

    id: ClassVar[str] = "T22"
    title: ClassVar[str] = "denominators"
    measure: ClassVar[str] = "change of the log ratio without the population offset"
    violation: ClassVar[str] = "a denominator of the treated place that is a tenth higher from the start on"

    def look(self, case: Case) -> ThreatResult:
        exposure = case.panel.exposure
        if np.allclose(exposure, 1.0):
            return could_not(self.id, "the outcome has no denominator, so none can be left out")
        own, without = case.log_ratio(), case.log_ratio(_even(case.panel))
        sentence = f"the ratio is {np.exp(own):.3f} with the population behind the counts and {np.exp(without):.3f} without it"
        moved = without - own
        return verdict(
            self.id, abs(moved) > MOVED, float(moved), sentence, effect=float(np.exp(own)), without=float(np.exp(without))
        )

    def planted(self, case: Case, seed: int) -> Case:
        drawn = redrawn(case.with_(whole=_even(case.whole)), seed)
        unit, onset = drawn.whole.sole_treated
        exposure = drawn.whole.exposure.copy()
        exposure.loc[np.asarray(drawn.whole.periods >= onset), unit] *= GROWN
        return drawn.with_(whole=drawn.whole.with_(exposure=exposure))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case.with_(whole=_even(case.whole)), seed)


def _even(panel: Panel) -> Panel:
    """The panel with every unit's average person-years in every period."""
    return panel.with_(exposure=panel.exposure * 0 + panel.exposure.mean())
