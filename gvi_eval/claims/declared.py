"""A claim as it is declared: what was said, by whom, about which days and which count, and what the source leaves out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from gvi_eval.claims.kinds import KINDS, Kind
from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError
from gvi_eval.resources import CHECKOUT, resource

CLAIMS = CHECKOUT / "analyses" / "claims"
CAUSAL = ("likely", "causal")


@dataclass(frozen=True)
class Span:
    """Days from start to end, both included; a bound that the publication does not give is None.

    Unlike a `Window` it may be upside down: that a claim's baseline ends before it begins is a finding, not an error.
    """

    start: date | None = None
    end: date | None = None
    words: str | None = None

    @property
    def is_closed(self) -> bool:
        return self.start is not None and self.end is not None

    @property
    def days(self) -> int:
        """How many days a closed span covers."""
        return (self.end - self.start).days + 1

    @property
    def is_full_years(self) -> bool:
        first, last = self.start, self.end
        return self.is_closed and (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)

    def __str__(self) -> str:
        if self.is_full_years:
            years = (self.start.year, self.end.year)
            return str(years[0]) if years[0] == years[1] else f"{years[0]}–{years[1]}"
        return f"{self.start or '?'} to {self.end or '?'}"


@dataclass(frozen=True)
class Reading:
    """Another baseline or window that the source, or an earlier publication of the same body, names."""

    because: str
    baseline: Span | None = None
    window: Span | None = None


@dataclass(frozen=True)
class LeftOut:
    """A published figure that is not used, by source or definition, and why."""

    reason: str
    source: str | None = None
    definition: str | None = None


@dataclass(frozen=True)
class Quantity:
    """One number that is claimed, with the published figures that it is held against. Absent fields are not published."""

    outcome: str | None = None
    place: str | None = None
    measure: str | None = None
    definitions: tuple[str, ...] = ()
    chained_because: str | None = None
    study_outcome: str | None = None
    tables: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    direction: str | None = None
    change_percent: float | None = None
    before: float | None = None
    after: float | None = None
    value: float | None = None
    value_unit: str | None = None
    by_year: Mapping[str, float] = field(default_factory=dict)
    rounding: float | None = None
    word: str | None = None
    baseline: Span | None = None
    window: Span | None = None
    per: str | None = None
    readings: tuple[Reading, ...] = ()
    years_in_scope: int | None = None
    extreme: str | None = None
    respondents: int | None = None
    question: str | None = None
    literature: str | None = None
    sites: int | None = None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    note: str | None = None

    @property
    def is_pair(self) -> bool:
        return self.before is not None and self.after is not None

    @property
    def claimed_percent(self) -> float | None:
        """The claimed change in percent: as stated, out of two numbers, or the middle of the range that a word stands for."""
        if self.change_percent is not None:
            return self.change_percent
        if self.is_pair:
            return 100 * (self.after / self.before - 1) if self.before else None
        said = words().get(self.word or "", {})
        if said.get("low") is None or said.get("high") is None or self.word == "fewer":
            return None
        return (said["low"] + said["high"]) / 2


@dataclass(frozen=True)
class Claim:
    """A claim in our own words, its source, and the numbers in it. Nothing that the publication does not give is filled in."""

    id: str
    type: str
    paraphrase: str
    source: str
    subtype: str | None = None
    claimant: str | None = None
    role: str | None = None
    said: str | None = None
    page: str | None = None
    place: str | None = None
    strength: str | None = None
    asserts: str = "change"
    as_recorded: str | None = None
    comparator: str | None = None
    design: str | None = None
    controls: Mapping[str, str] | None = None
    study: str | None = None
    specification: str | None = None
    start: Span | None = None
    due: date | None = None
    rival: str | None = None
    declared_reproduced: bool = False
    needs_a_person: str | None = None
    entered_by: str = ""
    read_second_by: str = ""
    quantities: tuple[Quantity, ...] = ()

    @property
    def kind(self) -> Kind:
        return KINDS[self.type]

    @property
    def is_causal(self) -> bool:
        return self.strength in CAUSAL and self.asserts == "change"

    @property
    def read_by(self) -> str:
        readers = [name for name in (self.entered_by, self.read_second_by) if name]
        if len(readers) == 2:
            return f"entered by {readers[0]}, read second by {readers[1]}"
        return f"read by one person ({readers[0]})" if readers else "no reader is named: count it as read by one person"


@cache
def words() -> dict[str, dict[str, Any]]:
    """The ranges of words such as 'almost halved', fixed beforehand in the schema; percent of change, negative for a fall."""
    schema = json.loads(resource("data_schemas/claim.schema.json").read_text(encoding="utf-8"))
    return schema["gvi:words"]


def load_claim(path: Path) -> Claim:
    """Read one claim file (TOML).

    Raises `StudyError` that lists every violation of ``data_schemas/claim.schema.json``. What is odd about a claim
    (a baseline after its follow-up, a fall above 100 %, no window) is no violation: it is what an audit finds.
    """
    document = read_declared(path, "claim")
    claim = _claim(document)
    if claim.id != path.stem:
        raise StudyError(f"{path.name} holds the claim '{claim.id}'; name the file {claim.id}.toml")
    return claim


def find_claims(name: str) -> list[Path]:
    """The files of a claim id, of a file, of a folder, or of 'all'. Raises `StudyError` where there is none."""
    path = Path(name)
    if path.is_file():
        return [path]
    folder = CLAIMS if name == "all" else path
    if name == "all" or path.is_dir():
        files = sorted(folder.glob("*.toml"))
        if not files:
            raise StudyError(f"there is no claim in '{folder}'; give the id of a claim, a file or a folder")
        return files
    if (CLAIMS / f"{name}.toml").is_file():
        return [CLAIMS / f"{name}.toml"]
    known = sorted(file.stem for file in CLAIMS.glob("*.toml"))
    shown = ", ".join(known[:6]) + (f" and {len(known) - 6} more" if len(known) > 6 else "")
    raise StudyError(f"there is no claim '{name}'; known are {shown or 'none'}; 'all' takes every one")


def _claim(document: dict[str, Any]) -> Claim:
    parts = dict(document)
    parts["quantities"] = tuple(_quantity(each) for each in document.get("quantities", ()))
    parts["start"] = _span(document.get("start"))
    parts["due"] = date.fromisoformat(document["due"]) if "due" in document else None
    return _of(Claim, parts)


def _quantity(document: dict[str, Any]) -> Quantity:
    parts = dict(document)
    parts["baseline"], parts["window"] = _span(document.get("baseline")), _span(document.get("window"))
    parts["definitions"] = tuple(document.get("definitions", ()))
    parts["tables"] = tuple(document.get("tables", ()))
    parts["left_out"] = tuple(_of(LeftOut, each | {"reason": each["because"]}) for each in document.get("left_out", ()))
    parts["readings"] = tuple(
        Reading(each["because"], _span(each.get("baseline")), _span(each.get("window")))
        for each in document.get("readings", ())
    )
    return _of(Quantity, parts)


def _span(document: dict[str, Any] | None) -> Span | None:
    if document is None:
        return None
    start, end = (date.fromisoformat(document[key]) if key in document else None for key in ("start", "end"))
    return Span(start, end, document.get("words"))


def _of(kind: type, parts: dict[str, Any]) -> Any:
    return kind(**{each.name: parts[each.name] for each in fields(kind) if each.name in parts})
