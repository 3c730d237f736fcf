"""T15, T16 and T23: which outcome was declared, who judged what counts, and whether other means took its place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import uses_donors
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.sensitivity.multiplicity import holm
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import RATIO, Case
from gvi_eval.sensitivity.threats.planting import after, redrawn
from gvi_eval.study import Outcome

LEVEL = 0.05
CLAIMABLE = ("primary", "companion")  # outcomes on which a programme could be said to work
SAME_QUESTION = ("alternative definition", "second source")
CLASSIFIED = ("gang_related", "gang_conflict")  # counted only where those who run the programme judge it so
HALF = 0.5
PLANTED = 0.5
FIRST_MEANS = ("shootings", "confirmed_shootings", "gun_homicides")
OTHER_MEANS = ("explosions", "detonations", "stabbings", "persons_stabbed", "knife_attacks")
KILLED = ("killed", "fatal_shootings")


@dataclass(frozen=True)
class ManyOutcomes:
    """T15: with several outcomes one of them moves by chance; the one declared beforehand is what counts.

    Flagged where the headline is not on the declared primary outcome, or excludes no effect at ``level`` only until it has paid
    for the other outcomes on which the programme could have been said to work (Holm). Outcomes under other definitions, from
    second sources and negative controls are no further chances.
    """

    level: float = LEVEL
    id: ClassVar[str] = "T15"
    title: ClassVar[str] = "many outcomes and windows"
    measure: ClassVar[str] = "p of the headline after Holm over the declared outcomes"
    violation: ClassVar[str] = "another outcome than the headline's was declared primary"

    def look(self, case: Case) -> ThreatResult:
        primary, shown = case.study.primary, case.study.outcome(case.outcome)
        if shown.name != primary.name and shown.role not in SAME_QUESTION:
            sentence = (
                f"the headline is on {shown.title}, and {primary.title} was declared primary: what was asked first is not what "
                "is shown"
            )
            return verdict(self.id, True, None, sentence)
        known, silent = {}, []
        for outcome in case.study.outcomes:
            if outcome.name == case.outcome or outcome.role in CLAIMABLE:
                try:
                    known[outcome.name] = _p_value(case, outcome.name)
                except (EstimationError, StudyError) as fault:
                    silent.append(f"{outcome.title}: {fault}")
        if case.outcome not in known:
            return could_not(self.id, f"the headline has no p-value to adjust: {'; '.join(silent)}")
        adjusted = holm(known)
        own, paid = known[case.outcome], adjusted[case.outcome]
        sentence = (
            f"the headline is on the declared primary outcome, with p {own:.3f}, and {paid:.3f} over {len(known)} declared "
            f"outcome{'s' if len(known) > 1 else ''} (Holm)" + "".join(f"; no p of {reason}" for reason in silent)
        )
        return verdict(self.id, own <= self.level < paid, paid, sentence, p=known, holm=adjusted)

    def planted(self, case: Case, seed: int) -> Case:
        drawn = redrawn(case, seed)
        others = tuple(replace(outcome, role="companion") for outcome in case.study.outcomes)
        asked = replace(case.study.outcome(case.outcome), name="declared beforehand", role="primary")
        return drawn.with_(study=case.study.with_(outcomes=(*others, asked)))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


def _p_value(case: Case, outcome: str) -> float:
    if uses_donors(case.estimator):
        own = case.evaluation if outcome == case.outcome else evaluate(case.estimator, case.of(outcome), case.inference)
        effect = own.effect(RATIO)
    else:
        effect = case.fit(case.of(outcome))
    if effect.refusal or not effect.tests:
        raise EstimationError(effect.refusal or f"{case.estimator.name} gives no test")
    return effect.tests[0].p_value


@dataclass(frozen=True)
class Classified:
    """T16: where those who run the programme judge which events count, a fall may be a change of judgement.

    The classified series stands beside every other series of the study of the same events that nobody classified: the total,
    or an independent count. If s is the share of the other series that the classified one makes up before (at most 1), and r
    its ratio, the other should have the ratio 1 − s (1 − r). Flagged where no other series has at least ``half`` of that on
    the log: the effect is then in the classified series only.
    """

    half: float = HALF
    id: ClassVar[str] = "T16"
    title: ClassVar[str] = "outcome judged by those who run the programme"
    measure: ClassVar[str] = "largest share of the implied fall that an unclassified series shows"
    violation: ClassVar[str] = f"the classified series has a ratio of {PLANTED:g}, all others of 1"

    def look(self, case: Case) -> ThreatResult:
        outcome = case.study.outcome(case.outcome)
        if not _is_classified(case, outcome):
            scope = ", ".join(_scopes(case, outcome.name)).replace("_", " ") or "not stated"
            return could_not(
                self.id,
                f"{outcome.title} ({scope}) is not sorted by whether groups were involved, so no change of that judgement "
                "can have moved it; who finds and confirms an event is asked elsewhere (T3)",
            )
        others = [each for each in case.study.outcomes if _stands_beside(case, each)]
        if not others:
            return could_not(
                self.id,
                f"{outcome.title} counts what those who run the programme judged to belong to it, and the study has no "
                "other series of such events; needed is the total of all of them, or a count of somebody else, for the same "
                "place and periods",
            )
        own = case.effect
        if not own.point < 1:
            return could_not(self.id, f"{outcome.title} did not fall (ratio {own.point:.2f}), so no judgement can have made it")
        shares, told = {}, []
        for each in others:
            other = case.fit(case.of(each.name))
            part = min(_sums(own)[1] / _sums(other)[1], 1.0)
            implied = np.log(1 - part * (1 - own.point))
            shares[each.name] = float(np.log(other.point) / implied)
            told.append(f"{each.title} {other.point:.2f} where {np.exp(implied):.2f} is implied")
        number = max(shares.values())
        sentence = f"{outcome.title} has a ratio of {own.point:.2f}; {'; '.join(told)}"
        return verdict(self.id, number < self.half, number, sentence, shares=shares)

    def planted(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed, after(case, PLANTED))

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)

    def rests_on(self, case: Case) -> Any:
        """What the rows of each outcome say that they count."""
        return {each.name: list(_scopes(case, each.name)) for each in case.study.outcomes}


def _scopes(case: Case, outcome: str) -> tuple[str, ...]:
    return getattr(case, "scopes", {}).get(outcome, ())


def _is_classified(case: Case, outcome: Outcome) -> bool:
    return bool(set(_scopes(case, outcome.name)) & set(CLASSIFIED))


def _stands_beside(case: Case, outcome: Outcome) -> bool:
    """Whether an outcome counts such events without the judgement: a total or a second source with figures of its own."""
    beside = outcome.name in case.others and outcome.role in SAME_QUESTION
    return beside and not _is_classified(case, outcome)


@dataclass(frozen=True)
class Substitution:
    """T23: a fall of shootings beside a rise of explosions or stabbings is a change of means, not of violence.

    The prevented events of the first means and of the others, Σ expected − Σ factual over the same days, are added up. Flagged
    where the sum is less than ``half`` of what the first means alone says. Killed per shooting stands beside it: whether those
    that remained became deadlier.
    """

    half: float = HALF
    id: ClassVar[str] = "T23"
    title: ClassVar[str] = "substitution of means"
    measure: ClassVar[str] = "prevented events of all means, over those of the first"
    violation: ClassVar[str] = f"the first means has a ratio of {PLANTED:g}, and another means every event that is missing"

    def look(self, case: Case) -> ThreatResult:
        outcome = case.study.outcome(case.outcome)
        others = _other_means(case)
        if not others:
            return could_not(
                self.id,
                f"beside {outcome.title} the study counts no other means with figures of its own; needed are explosions, "
                "stabbings or other attacks for the same place and periods",
            )
        own = case.effect
        factual, expected = _sums(own)
        if not factual < expected:
            return could_not(
                self.id,
                f"{outcome.title} did not fall (ratio {own.point:.2f}), so no other means can have taken its place",
                killed=_deadliness(case, own),
            )
        effects = {name: case.fit(case.of(name)) for name in others}
        sums = [_sums(effect) for effect in effects.values()]
        total = expected - factual + sum(without - with_it for with_it, without in sums)
        number = float(total / (expected - factual))
        deadliness = _deadliness(case, own)
        told = ", ".join(f"{name} {effect.point:.2f}" for name, effect in effects.items())
        sentence = (
            f"{outcome.title} has a ratio of {own.point:.2f}, {told}: all means together have {total:+.1f} prevented events "
            f"where the first alone has {expected - factual:+.1f}"
            + "".join(f"; {name} per event has a ratio of {ratio:.2f}" for name, ratio in deadliness.items())
        )
        ratios = {name: effect.point for name, effect in effects.items()}
        return verdict(self.id, number < self.half, number, sentence, ratios=ratios, killed=deadliness)

    def planted(self, case: Case, seed: int) -> Case:
        others = _other_means(case)
        means = {name: case.nulls[name].expected for name in (case.outcome, *others) if name in case.nulls}
        later = np.asarray(case.whole.periods >= case.onset)
        first = others[0]
        factor = np.where(later, 1 + (1 - PLANTED) * means[case.outcome] / means[first], 1.0)
        return redrawn(case, seed, after(case, PLANTED), {first: factor})

    def clean(self, case: Case, seed: int) -> Case:
        return redrawn(case, seed)


def _other_means(case: Case) -> list[str]:
    """The outcomes that count other means to the same end, where the headline counts the first."""
    if case.study.outcome(case.outcome).measure not in FIRST_MEANS:
        return []
    return [each.name for each in case.study.outcomes if each.measure in OTHER_MEANS and each.name in case.others]


def _deadliness(case: Case, own: Effect) -> Mapping[str, float]:
    """The ratio of killed per event, by outcome; those that cannot be had are left out."""
    found = {}
    for each in case.study.outcomes:
        if each.measure in KILLED and each.name in case.others and own.point > 0:
            try:
                found[each.name] = float(case.fit(case.of(each.name)).point / own.point)
            except EstimationError:
                continue
    return found


def _sums(effect: Effect) -> tuple[float, float]:
    """Σ factual, or observed where a method has no factual path, and Σ expected, from the start on where both are known."""
    path = effect.counterfactual
    reached = (path.observed if path.factual is None else path.factual).to_numpy(dtype=float)
    without = path.expected.to_numpy(dtype=float)
    rows = np.asarray(path.expected.index >= effect.onset) & ~np.isnan(reached) & ~np.isnan(without)
    return float(reached[rows].sum()), float(without[rows].sum())
