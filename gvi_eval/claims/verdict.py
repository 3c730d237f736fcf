"""Four answers to one claim, never melted into one: reproduced, robust, design, wording; and what would change them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gvi_eval.claims.attribution import COULD_NOT, EXPECTED, Evidence, evidence
from gvi_eval.claims.declared import Claim, Span
from gvi_eval.claims.published import Shelf
from gvi_eval.claims.recompute import NOT_CHECKABLE, Recomputed, log_change, recompute, worst
from gvi_eval.claims.screens import FLAGGED, Screen, screens

Wording = Literal["supported", "supported with caveats", "overstated", "contradicted", "not assessable"]
GRADES = ((0.90, "B3"), (0.67, "B2"), (0.33, "B1"), (0.0, "B0"))  # cut-offs of this project
DESIGNS = {
    "none": (None, "nothing is compared"),
    "activity": (None, "an activity, which is no outcome"),
    "cross-section": (1, "places compared at one time"),
    "before and after": (2, "a bare before-and-after of one place"),
    "with controls": (3, "before and after beside control areas"),
    "synthetic control": (3, "beside a synthetic control"),
    "randomised": (5, "units drawn by lot"),
    "review": (None, "a review of other evaluations, graded by its own rules"),
}
LEVELS = {
    "R3": "reproduced exactly",
    "R2": "reproduced within the rounding or word stated",
    "R1a": "reproduced with another baseline or window that is named",
    "R1b": "not reproduced: found only by search",
    "R0": "not reproduced",
    NOT_CHECKABLE: "not checkable",
}


@dataclass(frozen=True)
class Answer:
    """One axis: its level and the reason in words."""

    level: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The four answers to a claim, one sentence, what would change it, and everything they rest on."""

    claim: Claim
    reproduced: Answer
    robust: Answer
    design: Answer
    wording: Answer
    sentence: str
    would_change: tuple[str, ...]
    recomputed: tuple[Recomputed, ...]
    screens: tuple[tuple[Screen, ...], ...]
    evidence: Evidence | None
    findings: tuple[str, ...]

    @property
    def breaks_its_word(self) -> bool:
        """Whether the claim is declared as reproduced and is not."""
        return self.claim.said_to_reproduce and self.reproduced.level in ("R1b", "R0")


def judge(claim: Claim, shelf: Shelf) -> Verdict:
    """The verdict on a claim from published figures and saved results; nothing is estimated here."""
    done = recompute(claim, shelf)
    screened = tuple(screens(claim, each) for each in done)
    size = next((log_change(each.quantity) for each in done if log_change(each.quantity) is not None), None)
    found = evidence(claim, size, shelf)
    reproduced = _reproduced(done)
    robust = _robust(claim, done, found)
    design = _design(claim, found)
    wording = _wording(claim, done, screened, reproduced, robust, design, found)
    return Verdict(
        claim,
        reproduced,
        robust,
        design,
        wording,
        sentence=_sentence(reproduced, robust, wording),
        would_change=tuple(dict.fromkeys(_would_change(claim, done, screened, design, found))),
        recomputed=done,
        screens=screened,
        evidence=found,
        findings=tuple(_findings(claim, done)),
    )


def _reproduced(done: tuple[Recomputed, ...]) -> Answer:
    """The worst of the numbers that can be checked; those that cannot are named beside it, and never count as failed."""
    level = worst([each.level for each in done])
    said = [each.sentence for each in done if each.level == level]
    others = [each for each in done if each.level != level]
    if len(done) > 1:
        said = [f"{_name(each)}: {each.sentence}" for each in (*[each for each in done if each.level == level], *others)]
    return Answer(level, "; ".join(said))


def _name(done: Recomputed) -> str:
    quantity = done.quantity
    return f"{quantity.outcome or quantity.measure or 'the number'} ({done.level})"


def _robust(claim: Claim, done: tuple[Recomputed, ...], found: Evidence | None) -> Answer:
    if claim.is_causal:
        if found is None or found.curve is None:
            return Answer("BX", "no specifications of a study stand behind the causal words")
        curve = found.curve
        said = f"{curve.holding} of {curve.given} specifications ({curve.source}) have the sign and half the size claimed"
        if curve.refused:
            said += f", {curve.refused} more are refused"
        said += f"; {curve.overlapping} of {curve.given} intervals overlap that of the specification it is judged against"
        return Answer(_grade(curve.share), said)
    for each in done:
        if each.table is None or each.level == NOT_CHECKABLE and not each.table.cells:
            continue
        share = each.table.share_holding(log_change(each.quantity), each.quantity.direction)
        if share is None:
            continue
        cells = len(each.table.cells)
        half = " and at least half the size" if log_change(each.quantity) is not None else ""
        return Answer(
            _grade(share), f"{round(share * cells)} of {cells} choices of baseline and window have the sign{half} claimed"
        )
    return Answer("BX", "no baseline-and-window table can be drawn")


def _grade(share: float) -> str:
    return next(grade for least, grade in GRADES if share >= least)


def _design(claim: Claim, found: Evidence | None) -> Answer:
    """The Maryland scale of the design used for the claim; a control that is not shown to be one earns nothing."""
    if claim.design is None:
        return Answer("none", "the claim does not say what it rests on")
    level, reason = DESIGNS[claim.design]
    if level is None:
        return Answer("none", reason)
    controls = claim.controls or {}
    if level == 3:
        state = controls.get("state", "not shown to match")
        if state != "as published":
            because = controls.get("because", "the claim names none whose balance could be looked at")
            return Answer("2", f"{reason}, but the control is {state}: {because}; it earns nothing")
        if found is not None and found.refused:
            return Answer("2", f"{reason}, but the comparison is refused here; it earns nothing")
        return Answer("3", f"{reason} ({controls['names']}): {controls['because']}")
    if level == 5 and controls:
        return Answer("5", f"{reason}: {controls['because']}")
    return Answer(str(level), reason)


def _wording(
    claim: Claim,
    done: tuple[Recomputed, ...],
    screened: tuple[tuple[Screen, ...], ...],
    reproduced: Answer,
    robust: Answer,
    design: Answer,
    found: Evidence | None,
) -> Answer:
    if claim.asserts != "change":
        return _doubting(claim, found)
    if claim.strength is None:
        return Answer("not assessable", "how strongly the words claim a cause is not recorded")
    if claim.is_causal:
        return _causal(claim, reproduced, design, found)
    if reproduced.level == NOT_CHECKABLE:
        return Answer("not assessable", reproduced.reason)
    if reproduced.level in ("R0", "R1b"):
        return _not_reproduced(done)
    caveats = list(_caveats(screened, reproduced, robust))
    if claim.strength in ("temporal", "associated"):
        caveats.append("the words tie the change to the programme in time, which says nothing of cause")
    if caveats:
        return Answer("supported with caveats", "; ".join(caveats))
    return Answer("supported", "the words say no more than the published figures")


def _not_reproduced(done: tuple[Recomputed, ...]) -> Answer:
    for each in done:
        claimed = each.quantity.claimed_percent
        if each.level not in ("R0", "R1b") or claimed is None or each.change is None:
            continue
        found = each.change.percent
        if claimed * found > 0 and abs(found) < abs(claimed):
            return Answer("overstated", f"the figures for the days claimed give {found:+.0f} %, claimed is {claimed:+.0f} %")
        if claimed * found > 0:
            return Answer(
                "contradicted", f"the figures for the days claimed give {found:+.0f} %, more than the {claimed:+.0f} % claimed"
            )
        return Answer("contradicted", f"the figures for the days claimed give {found:+.0f} %, the other way")
    failed = next(each for each in done if each.level in ("R0", "R1b"))
    return Answer("contradicted", failed.sentence)


def _caveats(screened: tuple[tuple[Screen, ...], ...], reproduced: Answer, robust: Answer) -> Iterator[str]:
    if reproduced.level == "R1a":
        yield "the number needs a baseline or window that the claim does not give"
    if robust.level in ("B1", "B0"):
        yield f"it depends on the choice of days ({robust.level})"
    flagged = {screen.name: screen for own in screened for screen in own if screen.state == FLAGGED}
    for name in ("part of a year against a full year", "peak as baseline", "percentage against counts", "denominator"):
        if name in flagged:
            yield f"{name}: {flagged[name].sentence}"


def _causal(claim: Claim, reproduced: Answer, design: Answer, found: Evidence | None) -> Answer:
    """No causal wording passes on a before-and-after count, whatever its number."""
    level = int(design.level) if design.level.isdigit() else 0
    words = f"the words say the programme did it ('{claim.as_recorded or claim.strength}')"
    if claim.design == "review":
        return Answer("not assessable", "causal words that rest on a review: its own grade of certainty is not given with them")
    if level <= 2:
        said = f"{words}, and what stands behind them is {design.reason}"
        if found is not None and found.could_have_told is False:
            said += f"; {_could_not(found)}"
        return Answer("overstated", said)
    if found is None:
        return Answer(
            "not assessable", f"{words} on a design of level {level}, whose figures are not among those published here"
        )
    if found.could_have_told is False:
        return Answer("overstated", f"{words}, but {_could_not(found)}")
    if not found.given:
        return Answer("overstated", f"{words}, but the estimate is refused")
    if all(row.excludes_one and row.point < 1 for row in found.given) and not found.flagged:
        return Answer("supported with caveats", f"{words}; {found.given[0]}, and no threat that was looked into is flagged")
    if all(row.excludes_one and row.point > 1 for row in found.given):
        return Answer("contradicted", f"{words}, and the estimate goes the other way: {found.given[0]}")
    why = f"{len(found.flagged)} threats are flagged" if found.flagged else f"the interval holds no change: {found.given[0]}"
    return Answer("overstated", f"{words}, but {why}")


def _could_not(found: Evidence) -> str:
    return (
        f"{COULD_NOT}: the study finds nothing smaller than a ratio of {found.detectable:.2f} with 80 % power, and reviews "
        f"expect {EXPECTED:.2f}"
    )


def _doubting(claim: Claim, found: Evidence | None) -> Answer:
    """A claim that nothing certain can be said: supported where the design could not have told or its interval holds 1."""
    if found is None or not found.given:
        return Answer("not assessable", "no study stands behind the doubt or against it")
    if found.could_have_told is False:
        return Answer("supported", f"the words doubt, and {_could_not(found)}")
    if all(not row.excludes_one for row in found.given):
        return Answer("supported", f"the words doubt, and the interval holds no change: {found.given[0]}")
    return Answer("overstated", f"the words doubt more than the estimate does: {found.given[0]}")


def _sentence(reproduced: Answer, robust: Answer, wording: Answer) -> str:
    number = LEVELS[reproduced.level]
    words = wording.level if wording.level != "not assessable" else "the words cannot be assessed"
    reason = "" if wording.reason == reproduced.reason else f" ({wording.reason})"
    return f"The number is {number} ({reproduced.reason}); {robust.reason}; the words: {words}{reason}."


def _would_change(
    claim: Claim,
    done: tuple[Recomputed, ...],
    screened: tuple[tuple[Screen, ...], ...],
    design: Answer,
    found: Evidence | None,
) -> Iterator[str]:
    for each in done:
        for field in each.missing:
            yield f"the publication, or its author, giving: {field}"
    if any(screen.name.startswith("part of a year") and screen.state == FLAGGED for own in screened for screen in own):
        yield "the same days of both years, or both full years, as published counts"
    if claim.is_causal and design.level in ("none", "1", "2"):
        yield "a comparison with areas that are shown to match before the start and were left alone"
    if found is not None and found.could_have_told is False:
        yield found.request or "figures for shorter periods: monthly counts would let a smaller effect be seen"
    if claim.needs_a_person:
        yield f"a person answering: {claim.needs_a_person}"
    if not (claim.entered_by and claim.read_second_by):
        yield "a second reader of the source"


def _findings(claim: Claim, done: tuple[Recomputed, ...]) -> Iterator[str]:
    """What is absent or odd about the claim itself."""
    yield from dict.fromkeys(finding for each in done for finding in each.findings)
    absent = [
        name for name, value in (("a page", claim.page), ("a date", claim.said), ("who said it", claim.claimant)) if not value
    ]
    if absent:
        yield f"not given: {', '.join(absent)}"
    yield claim.read_by


def days_of(span: Span | None) -> str:
    return "not given" if span is None else f"{span}" + (f" ('{span.words}')" if span.words else "")
