"""What the study that a claim points to can say about cause: its effects, threats and tipping points, as they were saved."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gvi_eval.claims.declared import Claim
from gvi_eval.claims.published import Shelf
from gvi_eval.claims.windows import HALF

EXPECTED = 0.75  # the ratio that systematic reviews of focused deterrence expect
COULD_NOT = "this design could not have told"
NOT_RUN = "not run"
MODERATE = "moderate"  # the noise setting under which releases are compared
APPRAISED = ("epoc", "robins")  # the appraisal items that stand beside the Maryland scale


@dataclass(frozen=True)
class Row:
    """One saved effect: what it is of, its point and interval with kind, p with its floor, or the reason of a refusal."""

    specification: str
    onset: str
    point: float | None
    lower: float | None
    upper: float | None
    kind: str
    p: float | None
    floor: float | None
    detectable: float | None
    refusal: str

    @property
    def excludes_one(self) -> bool:
        return self.lower is not None and not self.lower <= 1 <= self.upper

    def __str__(self) -> str:
        if self.point is None:
            return f"{self.specification} ({self.onset}): refused, {self.refusal or 'no point'}"
        text = f"{self.specification} ({self.onset}): {self.point:.2f}"
        if self.lower is not None:
            text += f" ({self.lower:.2f} to {self.upper:.2f}, 95 % {self.kind})"
        if self.p is not None:
            text += ", p below 0.001" if self.p < 0.001 else f", p {self.p:.3f}"
            text += f", which cannot fall below {self.floor:.3f}" if self.floor and self.floor >= 0.0005 else ""
        return text


@dataclass(frozen=True)
class Curve:
    """Of the admissible specifications: how many have the sign and half the size that is claimed, and how many overlap."""

    source: str
    given: int
    refused: int
    holding: int
    overlapping: int
    test: str = NOT_RUN

    @property
    def share(self) -> float | None:
        return self.holding / self.given if self.given else None


@dataclass(frozen=True)
class Evidence:
    """Everything that a study says about a causal claim; what has not been run is named, not skipped."""

    study: str
    specification: str
    effects: tuple[Row, ...]
    companions: tuple[Row, ...]
    trend: tuple[str, ...]
    threats: tuple[dict[str, object], ...]
    tipping: tuple[str, ...]
    curve: Curve | None
    request: str | None
    rival: str | None
    checklists: tuple[str, ...]
    not_run: tuple[str, ...]
    outcome: str | None = None  # what the specification estimates

    @property
    def given(self) -> tuple[Row, ...]:
        return tuple(row for row in self.effects if row.point is not None)

    @property
    def refused(self) -> bool:
        return bool(self.effects) and not self.given

    @property
    def detectable(self) -> float | None:
        """The ratio nearest to 1 that every start of the design finds with 80 % power: the smallest over the starts."""
        known = [row.detectable for row in self.given if row.detectable is not None]
        return min(known) if known else None

    @property
    def could_have_told(self) -> bool | None:
        """Whether the design finds what reviews expect; True also where it found more than that, whatever it exaggerates."""
        if self.detectable is None:
            return None
        return self.detectable >= EXPECTED or all(row.excludes_one for row in self.given)

    @property
    def flagged(self) -> tuple[dict[str, object], ...]:
        return tuple(row for row in self.threats if row["state"] == "flagged")


def evidence(claim: Claim, claimed_log: float, shelf: Shelf) -> Evidence | None:
    """The saved results of the study and specification that a claim points to; None where it points to none.

    ``claimed_log`` is the claimed log change, next to nothing where only a direction is claimed. What was run for the
    headline alone (the curve, what would settle it) is read only where the claim is judged against the headline.
    """
    if not claim.study:
        return None
    effects = shelf.saved(claim.study, "effects.csv")
    if effects is None:
        return Evidence(claim.study, claim.specification or "", (), (), (), (), (), None, None, None, (), ("effects.csv",))
    ratios = effects[effects["estimand"] == "ratio"]
    headline = ratios.loc[ratios["headline"].astype(bool), "specification"]
    name = claim.specification or (headline.iloc[0] if len(headline) else ratios["specification"].iloc[0])
    own = ratios[(ratios["specification"] == name) & (ratios["part"] == "declared")]
    if len(own):
        ratios = ratios[(ratios["outcome"] == own["outcome"].iloc[0]) & (ratios["unit"] == own["unit"].iloc[0])]
    beside = ratios[(ratios["part"] == "declared") & (ratios["specification"] != name)]
    is_headline, missing = name in set(headline), []
    return Evidence(
        study=claim.study,
        specification=name,
        effects=tuple(map(_row, _records(own))),
        companions=tuple(map(_row, _records(beside))),
        trend=_pairs(shelf.saved(claim.study, "pairs.csv"), name),
        threats=_threats(shelf.saved(claim.study, "threats.csv"), name, missing),
        tipping=_sentences(shelf.saved(claim.study, "tipping.csv"), name, "tipping.csv", missing),
        curve=_curve(shelf, claim.study, is_headline, claimed_log, ratios, own, missing),
        request=_request(shelf.saved(claim.study, "settle.csv") if is_headline else None, missing),
        rival=_rival(claim, shelf),
        checklists=tuple(_counted(each) for each in shelf.checklists(claim.study) if each["id"].startswith(APPRAISED)),
        not_run=tuple(missing),
        outcome=str(own["outcome"].iloc[0]) if len(own) else None,
    )


def _rival(claim: Claim, shelf: Shelf) -> str | None:
    """The other event that a claim credits, with its days beside the start of the programme, where the study declares it."""
    if not claim.rival or not shelf.has_study(claim.study):
        return None
    study = shelf.study(claim.study)
    event = next((each for each in study.interventions if each.name == claim.rival), None)
    if event is None:
        return f"'{claim.rival}' is credited, and the study declares no such event with its days"
    ended = f" to {event.end}" if event.end else ""
    return f"'{event.name}' is credited: {event.start}{ended} ({event.source}); the programme began {study.treatment.start}"


def _records(frame: pd.DataFrame) -> Iterator[dict[str, object]]:
    for record in frame.to_dict("records"):
        yield {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in record.items()}


def _row(record: dict[str, object]) -> Row:
    return Row(
        specification=str(record["specification"]),
        onset=str(record["onset"]),
        point=record["point"],
        lower=record["lower"],
        upper=record["upper"],
        kind=str(record["kind"] or ""),
        p=record["p"],
        floor=record["floor"],
        detectable=record.get("detectable"),
        refusal=str(record["refusal"] or ""),
    )


def _pairs(pairs: pd.DataFrame | None, name: str) -> tuple[str, ...]:
    if pairs is None:
        return ()
    own = pairs[(pairs["specification"] == name) & ~pairs["inference"].astype(str).str.contains("prior scales")]
    return tuple(f"{row['sentence']} ({row['onset']})" for row in own.to_dict("records"))


def _threats(threats: pd.DataFrame | None, name: str, missing: list[str]) -> tuple[dict[str, object], ...]:
    """The threats to the specification, and those to the study as a whole; never those to another specification."""
    if threats is None or threats.empty:
        missing.append("threats.csv")
        return ()
    column = "specification" if "specification" in threats else "primary"
    own = threats[(threats[column] == name) | threats[column].isna()]
    if own.empty:
        missing.append("threats of this specification")
    keep = [key for key in ("id", "title", "state", "number", "sentence", "onset") if key in own]
    return tuple(_records(own[keep]))


def _sentences(table: pd.DataFrame | None, name: str, file: str, missing: list[str]) -> tuple[str, ...]:
    if table is None or table.empty:
        missing.append(file)
        return ()
    own = table[table["specification"] == name]
    if own.empty:
        missing.append(f"{file} of this specification")
    return tuple(str(sentence) for sentence in own["sentence"].dropna())


def _request(settle: pd.DataFrame | None, missing: list[str]) -> str | None:
    """What to ask whom for: the release that decides most often under moderate noise, and how often."""
    if settle is None or settle.empty:
        missing.append("settle.csv")
        return None
    told = settle[(settle["noise"] == MODERATE) & settle["decisive"].notna() & settle["request"].notna()]
    if told.empty:
        return None
    best = told.loc[told["decisive"].astype(float).idxmax()]
    often = (
        f"it would decide in {100 * best['decisive']:.0f} % of cases if the true ratio is {EXPECTED:g}, under {MODERATE} noise"
    )
    return f"{str(best['request']).rstrip('.')} ({often})"


def pooled_interval(row: Mapping[str, object]) -> str:
    """Limits of a pooled effect with the level and kind that were saved with them."""
    kind = f", {100 * float(row['level']):.0f} % {row['kind']}" if "kind" in row and isinstance(row["kind"], str) else ""
    return f"{row['lower']:.2f} to {row['upper']:.2f}{kind}"


def stands_for(claim: Claim, found: Evidence) -> str:
    """' of homicides, a proxy for shootings,' where no word of what is claimed names what its study estimates."""
    if found.outcome is None or any(each.study_outcome for each in claim.quantities):
        return ""
    named = [each.outcome for each in claim.quantities if each.outcome]
    if any(set(each.split()) & set(found.outcome.split()) for each in named):
        return ""
    return f" of {found.outcome}" + (f", a proxy for {', '.join(named)}," if named else "")


def _counted(checklist: dict[str, Any]) -> str:
    counts = {state: number for state, number in checklist["counts"].items() if number and state != "items"}
    states = ", ".join(f"{state} {number}" for state, number in counts.items())
    return f"{checklist['title']}: {checklist['counts']['items']} items, {states}"


def _curve(
    shelf: Shelf,
    study: str,
    is_headline: bool,
    claimed_log: float,
    ratios: pd.DataFrame,
    own: pd.DataFrame,
    missing: list[str],
) -> Curve | None:
    """The share of admissible specifications that hold the claim; the study's grid where no curve has been run."""
    curve = shelf.saved(study, "curve.csv") if is_headline else None
    test = shelf.saved(study, "curve_test.csv") if is_headline else None
    if curve is not None and not curve.empty:
        rows, source = curve, "curve.csv"
    else:
        missing.append("curve.csv")
        rows, source = ratios[ratios["part"] == "grid"], "the grid in effects.csv"
        if rows.empty:
            rows, source = ratios[ratios["part"].isin(["declared", "twin"])], "effects.csv"
    given = rows[rows["point"].notna() & (rows["point"] > 0)]
    if given.empty:
        return None
    first = own[own["lower"].notna()].head(1)
    overlapping = 0
    if len(first):
        low, high = first["lower"].iloc[0], first["upper"].iloc[0]
        overlapping = int(((given["lower"] <= high) & (given["upper"] >= low)).sum())
    sign = math.copysign(1, claimed_log)
    need = abs(claimed_log) * HALF  # infinite for a fall to nothing
    logs = [math.log(point) * sign for point in given["point"]]
    holding = sum(each > 0 and each >= need for each in logs)
    return Curve(source, len(given), len(rows) - len(given), holding, overlapping, _joint(test))


def _joint(test: pd.DataFrame | None) -> str:
    if test is None or test.empty:
        return NOT_RUN
    said = []
    for row in test.to_dict("records"):
        text = f"{row.get('statistic', 'joint test')}: p {row['p']:.3f}" if not pd.isna(row.get("p")) else ""
        if text and not pd.isna(row.get("floor")):
            text += f", which cannot fall below {row['floor']:.3f}"
        said += [text] if text else []
    return "; ".join(said) or NOT_RUN
