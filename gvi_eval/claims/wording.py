"""Do the words fit the evidence? The last of the four answers, by what the claim asserts and how strongly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from gvi_eval.claims.attribution import COULD_NOT, EXPECTED, Evidence, pooled_interval
from gvi_eval.claims.changes import NOT_CHECKABLE, Recomputed
from gvi_eval.claims.declared import Claim
from gvi_eval.claims.screens import FLAGGED, Screen

SUPPORTED, CAVEATS, OVERSTATED = "supported", "supported with caveats", "overstated"
CONTRADICTED, NOT_ASSESSABLE = "contradicted", "not assessable"
TELLING = ("part of a year against a full year", "peak as baseline", "percentage against counts", "denominator")


@dataclass(frozen=True)
class Answer:
    """One axis: its level, the reason in words, and the reason in brief for the one sentence."""

    level: str
    reason: str
    brief: str = ""

    @property
    def in_brief(self) -> str:
        return self.brief or self.reason


@dataclass(frozen=True)
class Basis:
    """What the wording is held against: the numbers, their screens, the other three answers and the study."""

    done: Sequence[Recomputed]
    screened: Sequence[Sequence[Screen]]
    reproduced: Answer
    robust: Answer
    design: Answer
    found: Evidence | None
    pooled: pd.DataFrame | None = None


def wording(claim: Claim, basis: Basis) -> Answer:
    """The level of the words. No causal wording passes on a before-and-after count, whatever its number."""
    if claim.type == "target":
        if any(each.quantity.value is not None for each in basis.done):
            return Answer(NOT_ASSESSABLE, "a target: it says what is hoped for, and what came of it is a reading, not a claim")
        return Answer(NOT_ASSESSABLE, "a target without a number: it says what is hoped for, and no figure can meet or miss it")
    if claim.asserts != "change":
        return _doubting(basis)
    if claim.strength is None:
        return Answer(NOT_ASSESSABLE, "how strongly the words claim a cause is not recorded")
    if claim.type in ("evidence_label", "comparison") and basis.reproduced.level == NOT_CHECKABLE:
        return Answer(NOT_ASSESSABLE, f"nothing that the words rest on is named: {without_prefix(basis.reproduced.reason)}")
    if claim.type == "generalisation":
        return _general(claim, basis)
    if claim.is_causal:
        return _causal(claim, basis)
    if basis.reproduced.level == NOT_CHECKABLE:
        return Answer(NOT_ASSESSABLE, f"no number to hold them against: {without_prefix(basis.reproduced.reason)}")
    if basis.reproduced.level in ("R0", "R1b"):
        return _not_reproduced(basis.done)
    caveats = list(_caveats(claim, basis))
    if claim.strength in ("temporal", "associated"):
        caveats.append("the words tie the change to the programme in time, which says nothing of cause")
    if caveats:
        return Answer(CAVEATS, "; ".join(caveats), caveats[0])
    return Answer(SUPPORTED, "the words say no more than the published figures")


def without_prefix(sentence: str) -> str:
    for prefix in ("not checkable: ", "no: "):
        sentence = sentence.removeprefix(prefix)
    return sentence


def _not_reproduced(done: Sequence[Recomputed]) -> Answer:
    for each in done:
        claimed = each.quantity.claimed_percent
        if each.level not in ("R0", "R1b") or claimed is None or each.change is None or each.quantity.extreme:
            continue
        found = each.change.percent
        said = f"the figures for the days claimed give {found:+.0f} %, claimed is {claimed:+.0f} %"
        if claimed * found > 0 and abs(found) < abs(claimed):
            return Answer(OVERSTATED, said)
        return Answer(CONTRADICTED, said if claimed * found > 0 else f"{said}, the other way")
    failed = next(each for each in done if each.level in ("R0", "R1b"))
    return Answer(CONTRADICTED, without_prefix(failed.sentence))


def _caveats(claim: Claim, basis: Basis) -> Iterator[str]:
    flagged = {screen.name: screen for own in basis.screened for screen in own if screen.state == FLAGGED}
    for name in TELLING:
        if name in flagged:
            yield f"{name}: {flagged[name].sentence}"
    if basis.reproduced.level == "R1a":
        yield "the number needs a baseline, a window or a figure that the claim itself does not give"
    if claim.needs_a_person:
        yield f"left to a person: {claim.needs_a_person}"
    unchecked = [each.quantity.outcome or "a number" for each in basis.done if each.level == NOT_CHECKABLE]
    if unchecked:
        yield f"not every number could be checked: {', '.join(unchecked)}"
    for each in basis.done:
        yield from (
            finding for finding in each.findings if "other published readings" in finding or "publication alone" in finding
        )
    if basis.robust.level in ("B1", "B0"):
        yield f"it depends on the choice of days ({basis.robust.level})"


def _causal(claim: Claim, basis: Basis) -> Answer:
    level = int(basis.design.level) if basis.design.level.isdigit() else 0
    found = basis.found
    words = f"the words claim a cause ({recorded(claim)})"
    if claim.type == "rival_cause":
        words = f"the words credit another cause ({recorded(claim)})"
        found = None  # the study estimates the programme, and says nothing of what another event did
    if claim.design == "review":
        return Answer(NOT_ASSESSABLE, f"{words} on a review, whose grade of certainty is not given with them")
    if level <= 2:
        said = f"{words} and rest on {basis.design.reason}"
        if found is not None and found.could_have_told is False:
            return Answer(
                OVERSTATED, f"{said}; {could_not(found)}", f"{words} and rest on {basis.design.in_brief}; {COULD_NOT}"
            )
        return Answer(OVERSTATED, said, f"{words} and rest on {basis.design.in_brief}")
    if found is None:
        return Answer(NOT_ASSESSABLE, f"{words} on a design of level {level}, whose figures are not among those published here")
    if found.could_have_told is False:
        return Answer(OVERSTATED, f"{words}, but {could_not(found)}", f"{words}, but {COULD_NOT}")
    if not found.given:
        return Answer(OVERSTATED, f"{words}, but the estimate is refused")
    if all(row.excludes_one and row.point > 1 for row in found.given):
        return Answer(CONTRADICTED, f"{words}, and the estimate goes the other way: {found.given[0]}")
    if found.flagged:
        flagged = ", ".join(dict.fromkeys(str(row["id"]) for row in found.flagged))
        return Answer(OVERSTATED, f"{words}, but threats are flagged: {flagged}")
    if all(row.excludes_one for row in found.given):
        return Answer(CAVEATS, f"{words}; {found.given[0]}, and no threat that was looked into is flagged")
    return Answer(OVERSTATED, f"{words}, but the interval holds no change: {found.given[0]}")


def recorded(claim: Claim) -> str:
    """How strong the words were judged to be: the note of whoever entered the claim, which is no quotation."""
    return f"recorded as: {claim.as_recorded or claim.strength}"


def could_not(found: Evidence) -> str:
    """The sentence for a design that needs a larger effect than reviews expect."""
    return (
        f"{COULD_NOT}: with 80 % power it finds only a ratio of {found.detectable:.2f} or further from 1, and reviews expect "
        f"{EXPECTED:.2f}"
    )


def _general(claim: Claim, basis: Basis) -> Answer:
    """A claim over places: held against the pooled effect; the published evaluations are a selection in any case."""
    words = f"the words claim an effect over several places ({recorded(claim)})"
    if basis.pooled is None:
        return Answer(NOT_ASSESSABLE, f"{words}, and no pooled effect has been run")
    main = basis.pooled[basis.pooled["main"].astype(bool)].iloc[0]
    said = f"a ratio of {main['ratio']:.2f} ({pooled_interval(main)}) over {main['places']} places"
    if isinstance(main.get("outcome"), str):
        said += f", of {main['outcome']}" + _proxy(main["outcome"], basis.done)
    if main["lower"] <= 1 <= main["upper"]:
        return Answer(OVERSTATED, f"{words}, and the interval of the pooled effect includes no change: {said}")
    return Answer(CAVEATS, f"{words}; the pooled effect is {said}, and the evaluations that are published are a selection")


def _proxy(outcome: str, done: Sequence[Recomputed]) -> str:
    claimed = next((each.quantity.outcome for each in done if each.quantity.outcome), None)
    return f", a proxy for the {claimed} that are claimed" if claimed and outcome not in claimed else ""


def _doubting(basis: Basis) -> Answer:
    """A claim that nothing certain can be said: supported where the design could not have told or its interval holds 1."""
    found = basis.found
    if found is None or not found.given:
        return Answer(NOT_ASSESSABLE, "no study stands behind the doubt or against it")
    if found.could_have_told is False:
        said = Answer(SUPPORTED, f"the words doubt, and {could_not(found)}", f"the words doubt, and {COULD_NOT}")
    elif all(not row.excludes_one for row in found.given):
        said = Answer(SUPPORTED, f"the words doubt, and the interval holds no change: {found.given[0]}")
    else:
        return Answer(OVERSTATED, f"the words doubt more than the estimate does: {found.given[0]}")
    if basis.reproduced.level in ("R0", "R1b"):
        return Answer(CAVEATS, f"{said.reason}; but the number beside them is not reproduced")
    flagged = [
        screen.sentence for own in basis.screened for screen in own if screen.state == FLAGGED and screen.name == TELLING[0]
    ]
    if flagged:
        return Answer(CAVEATS, f"{said.reason}; {TELLING[0]}: {flagged[0]}", f"{said.in_brief}; {TELLING[0]}")
    return said
