"""Four answers to one claim, never melted into one: reproduced, robust, design, wording; and what would change them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gvi_eval.claims.attribution import Evidence, evidence, stands_for
from gvi_eval.claims.changes import NOT_CHECKABLE, Recomputed, log_change
from gvi_eval.claims.declared import Claim, Span
from gvi_eval.claims.published import Shelf
from gvi_eval.claims.recompute import recompute, worst
from gvi_eval.claims.screens import FLAGGED, Screen, screens
from gvi_eval.claims.wording import Answer, Basis, without_prefix, wording

FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
FEWEST = 3  # choices or specifications without which there is nothing to call robust
GRADES = ((0.90, "B3"), (0.67, "B2"), (0.33, "B1"), (0.0, "B0"))  # cut-offs of this project
ESTIMABLE = (
    "relative_change",
    "absolute_change",
    "attribution",
    "rival_cause",
    "ranking",
    "counterfactual_count",
    "safety_perception",
)
DESIGNS = {
    "none": (None, "no comparison at all"),
    "activity": (None, "an activity, which is no outcome"),
    "cross-section": (1, "places compared at one time"),
    "before and after": (2, "a bare before-and-after of one place"),
    "with controls": (3, "before and after beside control areas"),
    "synthetic control": (3, "a synthetic control"),
    "randomised": (5, "units drawn by lot"),
    "review": (None, "a review of other evaluations, graded by its own rules"),
}
LEVELS = {
    "R3": "reproduced exactly",
    "R2": "reproduced within the rounding or word stated",
    "R1a": "reproduced with another baseline, window or figure that is named",
    "R1b": "not reproduced: found only by search",
    "R0": "not reproduced",
    NOT_CHECKABLE: "not checkable",
}


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
        return self.claim.declared_reproduced and self.reproduced.level in ("R1b", "R0")


def judge(claim: Claim, shelf: Shelf) -> Verdict:
    """The verdict on a claim from published figures and saved results; nothing is estimated here."""
    done = recompute(claim, shelf)
    known = claim.study is not None and shelf.has_study(claim.study)
    recording = [event for event in shelf.study(claim.study).interventions if event.role == "recording change"] if known else []
    primary = _primary(claim, shelf) if claim.study else None
    screened = tuple(screens(each, recording if each.quantity.study_outcome == primary else []) for each in done)
    found = evidence(claim, _claimed_log(claim, done, shelf), shelf)
    reproduced, robust, design = _reproduced(done), _robust(claim, done, found), _design(claim, found)
    basis = Basis(done, screened, reproduced, robust, design, found, shelf.saved("pooled", "pooled.csv"))
    words = wording(claim, basis)
    return Verdict(
        claim,
        reproduced,
        robust,
        design,
        words,
        sentence=_sentence(reproduced, robust, design, words),
        would_change=tuple(dict.fromkeys(_would_change(claim, basis))),
        recomputed=done,
        screens=screened,
        evidence=found,
        findings=tuple(_findings(claim, done, known, found)),
    )


def _claimed_log(claim: Claim, done: Sequence[Recomputed], shelf: Shelf) -> float:
    """The first claimed size of what the study estimates, as a log change; next to nothing in its direction where none is.

    A number about another outcome of the study (explosions beside shootings) is no size of this one.
    """
    own = [each for each in done if each.quantity.study_outcome in (None, _primary(claim, shelf))] if claim.study else done
    sizes = [size for each in own if (size := log_change(each.quantity)) is not None]
    if sizes:
        return sizes[0]
    return 1e-9 if any(each.quantity.direction == "up" or each.quantity.word == "more" for each in own) else -1e-9


def _primary(claim: Claim, shelf: Shelf) -> str | None:
    """The name of the outcome that the study of a claim estimates first; None where there is no such study."""
    if not shelf.has_study(claim.study):
        return None
    return next((outcome.name for outcome in shelf.study(claim.study).outcomes if outcome.role == "primary"), None)


def _reproduced(done: Sequence[Recomputed]) -> Answer:
    """The worst of the numbers that can be checked; those that cannot are named beside it, and never count as failed."""
    level = worst([each.level for each in done])
    own = [each for each in done if each.level == level]
    brief = without_prefix(own[0].sentence)
    if len(done) == 1:
        return Answer(level, own[0].sentence, brief)
    others = [each for each in done if each.level != level]
    beside = [f"{_outcome(each)}, {LEVELS[each.level]}" for each in others]
    brief = f"{_outcome(own[0])}: {brief}" + (f"; beside it {'; '.join(beside)}" if beside else "")
    return Answer(level, "; ".join(f"{_name(each)}: {each.sentence}" for each in (*own, *others)), brief)


def _outcome(done: Recomputed) -> str:
    return done.quantity.outcome or done.quantity.measure or "the number"


def _name(done: Recomputed) -> str:
    return f"{_outcome(done)} ({done.level})"


def _robust(claim: Claim, done: Sequence[Recomputed], found: Evidence | None) -> Answer:
    """Specifications for a claim that the programme did it, choices of days for every other claim of a change."""
    if claim.is_causal and claim.type != "rival_cause":
        if found is None or found.curve is None:
            return Answer("BX", "no specifications of a study stand behind the causal words", "no specifications were run")
        curve = found.curve
        if curve.given < FEWEST:
            said = f"only {curve.given} of {curve.given + curve.refused} specifications give an estimate ({curve.source})"
            return Answer("BX", said)
        of = stands_for(claim, found)
        brief = f"{curve.holding} of {curve.given} specifications{of} hold the sign and half the size"
        said = f"{brief} ({curve.source})" + (f", {curve.refused} more are refused" if curve.refused else "")
        said += f"; {curve.overlapping} of {curve.given} intervals overlap that of the specification it is judged against"
        return Answer(grade(curve.share), said, brief)
    for each in done:
        share = each.table.share_holding(log_change(each.quantity), each.quantity.direction) if each.table else None
        if share is not None and len(each.table.defensible) >= FEWEST:
            cells = len(each.table.defensible)
            half = " and at least half the size" if log_change(each.quantity) is not None else ""
            return Answer(
                grade(share),
                f"{round(share * cells)} of {cells} choices of baseline and window have the sign{half} claimed",
                f"{round(share * cells)} of {cells} choices of days hold the sign{' and half the size' if half else ''}",
            )
    return Answer("BX", "no baseline-and-window table can be drawn", "no other choice of days could be tried")


def grade(share: float) -> str:
    """B3 from 90 % on, B2 from 67 %, B1 from 33 %, else B0."""
    return next(level for least, level in GRADES if share >= least - 1e-12)


def _design(claim: Claim, found: Evidence | None) -> Answer:
    """The Maryland scale of the design used for the claim; a control that is not shown to be one earns nothing."""
    if claim.design is None:
        return Answer("none", "nothing that the claim says it rests on")
    level, reason = DESIGNS[claim.design]
    if level is None:
        return Answer("none", reason)
    controls = claim.controls or {}
    if level == 3:
        state = controls.get("state", "not shown to match")
        if state != "as published":
            because = controls.get("because", "none is named whose balance could be looked at")
            said = f"{reason}, with a control that is {state}"
            return Answer("2", f"{said} and earns nothing: {because}", said)
        if found is not None and found.refused:
            return Answer("2", f"{reason}, a comparison that is refused here and earns nothing")
    named = f"{reason} ({controls['names']}): {controls['because']}" if controls else reason
    return Answer(str(level), named, reason)


def _sentence(reproduced: Answer, robust: Answer, design: Answer, words: Answer) -> str:
    number = f"{LEVELS[reproduced.level].capitalize()}: {reproduced.in_brief}"
    said = "the words cannot be assessed" if words.level == "not assessable" else f"the words are {words.level}"
    return f"{number}; {robust.in_brief} ({robust.level}); {said}: {words.in_brief}."


def _would_change(claim: Claim, basis: Basis) -> Iterator[str]:
    for each in basis.done:
        for field in each.missing:
            if field != claim.needs_a_person:
                yield f"the publication, or its author, giving: {field}"
    if any("own publication alone" in finding for each in basis.done for finding in each.findings):
        yield "the figures from another publication than the claim's own"
    if any(screen.name.startswith("part of a year") and screen.state == FLAGGED for own in basis.screened for screen in own):
        yield "published counts of the same days in both years, or of both full years"
    if basis.reproduced.level in ("R0", "R1b"):
        yield "the author naming the days and the figures that the number was worked out from"
    if claim.type == "generalisation":
        yield "the result of every place where it was tried, those without a fall included, each with its interval"
    if claim.is_causal and claim.type in ESTIMABLE and claim.design != "review" and basis.design.level in ("none", "1", "2"):
        yield "a comparison with areas that are shown to match before the start and were left alone"
    found = basis.found
    if found is not None and found.could_have_told is False and claim.type != "rival_cause":
        yield found.request or "counts for shorter periods: monthly figures would let a smaller effect be seen"
    if claim.needs_a_person:
        yield f"a person answering: {claim.needs_a_person}"
    if not (claim.entered_by and claim.read_second_by):
        yield "a second reader of the source"


def _findings(claim: Claim, done: Sequence[Recomputed], known: bool, found: Evidence | None) -> Iterator[str]:
    """What is absent or odd about the claim itself."""
    if claim.study and not known:
        yield f"the claim points to the study '{claim.study}', which is not in analyses/"
    if found is not None and found.effects == () and claim.specification and "effects.csv" not in found.not_run:
        yield f"the study '{claim.study}' has no results of the specification '{claim.specification}'; correct the name"
    yield from dict.fromkeys(finding for each in done for finding in each.findings)
    for each in done:
        last = each.quantity.window.end if each.quantity.window else None
        if last and claim.said and FULL_DATE.fullmatch(claim.said) and last.isoformat() > claim.said:
            yield f"the window ends on {last}, after it was said on {claim.said}"
    given = (("a page", claim.page), ("a date", claim.said), ("who said it", claim.claimant))
    absent = [name for name, value in given if not value]
    if any(each.quantity.study_outcome and not each.quantity.definitions for each in done):
        absent.append("the definition that is counted under (the study's is used)")
    if absent:
        yield f"not given: {', '.join(absent)}"
    yield claim.read_by


def days_of(span: Span | None) -> str:
    return "not given" if span is None else f"{span}" + (f" ('{span.words}')" if span.words else "")
