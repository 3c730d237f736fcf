"""T7, T11, T12 and T13: what a comparison with donors can prove, which donors were touched themselves, and how well it fits."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from gvi_eval.inference.admission import CONTAMINATING, HEAVY, OVERFIT, WORST_NOISE, WORST_SHARE
from gvi_eval.inference.evaluation import Evaluation
from gvi_eval.sensitivity.leave_out import leave_out
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import RATIO, Case
from gvi_eval.sensitivity.threats.planting import redrawn
from gvi_eval.study import Intervention, Moment

LEVEL = 0.05
ENOUGH = 19  # donors, from which on a rank can reach 5 %
HELD_OUT = 1.5  # the error of the year held out over that of the fit
LIKE = 3  # donors of which a planted overfit is made


@dataclass(frozen=True)
class FewTreated:
    """T7: one treated place is ranked among its donors, and p cannot fall below 1 / (donors + 1).

    Flagged where that floor lies above ``level``: then nothing can be found, whatever happened.
    """

    level: float = LEVEL
    id: ClassVar[str] = "T7"
    title: ClassVar[str] = "few treated units"
    measure: ClassVar[str] = "floor of p"
    violation: ClassVar[str] = f"only {ENOUGH - 1} donors are left"

    def look(self, case: Case) -> ThreatResult:
        return self.judge(case.evaluation)

    def judge(self, evaluation: Evaluation) -> ThreatResult:
        """The same for any comparison that was evaluated."""
        placebos = evaluation.placebos(RATIO)
        rank = placebos.rank(np.abs(placebos.scaled))
        short = placebos.floor > self.level
        sentence = (
            f"{placebos.units[0]} has rank {rank} of {placebos.donors + 1} and no p-value falls below {placebos.floor:.3f}"
            + (f", so nothing could be found at {self.level:.0%}; {ENOUGH} donors are needed" if short else "")
        )
        p_value = placebos.tests()[0].p_value
        return verdict(self.id, short, placebos.floor, sentence, donors=placebos.donors, rank=rank, p=p_value)

    def planted(self, case: Case, seed: int) -> Case:
        drawn = redrawn(case, seed)
        donors = np.random.default_rng(seed % 2**63).permutation(sorted(drawn.panel.donors))
        return drawn.with_(whole=drawn.whole.without(*donors[ENOUGH - 1 :]))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


@dataclass(frozen=True)
class Contamination:
    """T11: a donor in which something of its own began is no picture of what would have been.

    Flagged where such a donor has more than ``heavy`` of the weight while it is compared. A donor's years after its window of
    validity are gaps before any weight is given; what the others say without each heavy donor stands beside.
    """

    heavy: float = HEAVY
    id: ClassVar[str] = "T11"
    title: ClassVar[str] = "donor contamination"
    measure: ClassVar[str] = "weight of the heaviest contaminated donor"
    violation: ClassVar[str] = "a programme begins in the heaviest donor"

    def look(self, case: Case) -> ThreatResult:
        return self.judge(case.evaluation, beside=not case.anew)

    def judge(self, evaluation: Evaluation, beside: bool = True) -> ThreatResult:
        """The same for any comparison that was evaluated; ``beside``: with what it says without each heavy donor."""
        side, weights = evaluation.family.comparison, evaluation.family.weights[0]
        touched = contaminated(evaluation)
        heaviest = max(touched, key=lambda name: abs(touched[name][0]), default=None)
        number = abs(touched[heaviest][0]) if heaviest else 0.0
        left = leave_out(evaluation, RATIO) if beside else ()
        without = [each.point for each in left if len(each.donors) == 1 and each.point is not None]
        span = f"; the ratio is {min(without):.2f} to {max(without):.2f} without one of the heaviest donors" if without else ""
        sentence = (
            f"the donor {heaviest} has a weight of {touched[heaviest][0]:.2f} and was touched by '{touched[heaviest][1]}'"
            if heaviest
            else f"no dated event lies in a donor with weight, among the {len(side.units) - 1} donors"
        )
        evidence = {"largest_weight": float(np.abs(weights[1:]).max()), "touched": {k: v[0] for k, v in touched.items()}}
        return verdict(self.id, number > self.heavy, number, sentence + span, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        drawn = redrawn(case, seed)
        family = drawn.estimator.family(drawn.panel, placebos=False)
        heaviest = family.comparison.units[1 + int(np.abs(family.weights[0][1:]).argmax())]
        day = drawn.onset.start_time.date()
        event = Intervention("planted programme", "treatment", Moment(day, day), "planted", unit=heaviest)
        return drawn.with_(whole=drawn.whole.with_(interventions=(*drawn.whole.interventions, event)))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


def contaminated(evaluation: Evaluation) -> dict[str, tuple[float, str]]:
    """The donors in which something of their own begins, or goes on, while they are compared: weight and event by name."""
    side, weights = evaluation.family.comparison, evaluation.family.weights[0]
    first, last = side.periods[0].start_time, side.periods[-1].end_time
    return {
        event.unit: (float(weights[side.units.index(event.unit)]), event.name)
        for event in evaluation.panel.interventions
        if event.role in CONTAMINATING
        and event.unit in side.units[1:]
        and pd.Timestamp(event.start.earliest) <= last
        and (event.end is None or pd.Timestamp(event.end) >= first)
    }


@dataclass(frozen=True)
class BadFit:
    """T12: donors that do not follow the place before the start cannot say what would have happened after it.

    Flagged where the root mean squared gap before the start exceeds ``share`` of the mean and ``noise`` times what chance
    alone gives, or where a method without a level of its own has the place outside its donors (METHODS section 2).
    """

    share: float = WORST_SHARE
    noise: float = WORST_NOISE
    id: ClassVar[str] = "T12"
    title: ClassVar[str] = "bad fit, hull"
    measure: ClassVar[str] = "root mean squared gap before the start, of the mean"
    violation: ClassVar[str] = "the place has twice its mean in the first half of the pre-period and half of it in the second"

    def look(self, case: Case) -> ThreatResult:
        return self.judge(case.evaluation)

    def judge(self, evaluation: Evaluation) -> ThreatResult:
        """The same for any comparison that was evaluated."""
        fit, shifts = evaluation.fit, evaluation.estimator.shifts
        unlike = fit.share > self.share and not fit.ratio <= self.noise
        outside = not shifts and not fit.inside_hull
        sentence = (
            f"before the start the gap is {fit.share:.0%} of the mean and {fit.ratio:.2f} times what chance gives "
            f"(flagged above {self.share:.0%} and {self.noise:g}); the place lies beyond all donors in {fit.beyond:.0%} of the "
            f"periods" + (", and the method has no level of its own for it" if outside else "")
        )
        evidence = {"rmspe_over_noise": fit.ratio, "beyond_donors": fit.beyond, "mean_gap": fit.mean_gap, "outside": outside}
        return verdict(self.id, unlike or outside, float(fit.share), sentence, **evidence)

    def planted(self, case: Case, seed: int) -> Case:
        before = np.flatnonzero(np.asarray(case.whole.periods < case.onset))
        seen = before[np.isin(case.whole.periods[before], case.panel.periods)]
        factor = np.ones(len(case.whole.periods))
        early, late = np.array_split(seen, 2)
        factor[early], factor[late] = 2.0, 0.5
        return redrawn(case, seed, factor)

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


@dataclass(frozen=True)
class Overfit:
    """T13: a fit closer than chance allows has fitted noise, and says little about the years that it has not seen.

    Flagged where the last year before the start, held out, is missed by more than ``held_out`` times the error of the fit, or
    the error of the fit is below ``noise`` of what chance alone gives.
    """

    held_out: float = HELD_OUT
    noise: float = OVERFIT
    id: ClassVar[str] = "T13"
    title: ClassVar[str] = "overfit"
    measure: ClassVar[str] = "error of the last pre-year held out, over that of the fit"
    violation: ClassVar[str] = f"before the start the figures are the mean of {LIKE} donors, without any noise"

    def look(self, case: Case) -> ThreatResult:
        return self.judge(case.evaluation)

    def judge(self, evaluation: Evaluation) -> ThreatResult:
        """The same for any comparison that was evaluated."""
        fit = evaluation.fit
        if fit.hold_out is None and not np.isfinite(fit.ratio):
            return could_not(self.id, "too little lies before the start to hold a year out, and no noise is expected")
        missed = fit.hold_out is not None and fit.hold_out > self.held_out
        close = fit.ratio < self.noise
        told = "no year can be held out" if fit.hold_out is None else f"held out, it is missed by {fit.hold_out:.2f} of that"
        sentence = (
            f"the gap before the start is {fit.ratio:.2f} of what chance alone gives, and the last year before it: {told} "
            f"(flagged below {self.noise:g}, above {self.held_out:g})"
        )
        number = float(fit.ratio if fit.hold_out is None else fit.hold_out)
        return verdict(self.id, missed or close, number, sentence, rmspe_over_noise=fit.ratio)

    def planted(self, case: Case, seed: int) -> Case:
        drawn = redrawn(case, seed)
        random, panel = np.random.default_rng(seed % 2**63), drawn.whole
        likes = random.choice(sorted(drawn.panel.donors), min(LIKE, len(drawn.panel.donors)), replace=False)
        rates = (panel.values[likes] / panel.exposure[likes]).mean(axis="columns")
        before = panel.values[drawn.unit].notna() & rates.notna() & (panel.periods < drawn.onset)
        values = panel.values.copy()
        values.loc[before, drawn.unit] = (rates * panel.exposure[drawn.unit])[before].round()
        return drawn.with_(whole=panel.with_(values=values))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


BESIDE_DONORS = (FewTreated(), Contamination(), BadFit(), Overfit())


def of_comparison(evaluation: Evaluation) -> tuple[ThreatResult, ...]:
    """T7, T11, T12 and T13 of one comparison, titled, for those of a study beside its headline.

    Raises `EstimationError` where the comparison has no figure after the start.
    """
    found = (
        FewTreated().judge(evaluation),
        Contamination().judge(evaluation, beside=False),
        BadFit().judge(evaluation),
        Overfit().judge(evaluation),
    )
    return tuple(
        replace(result, evidence={**result.evidence, "title": threat.title, "measure": threat.measure})
        for threat, result in zip(BESIDE_DONORS, found, strict=True)
    )
