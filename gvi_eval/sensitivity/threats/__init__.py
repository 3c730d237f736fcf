"""Threats to validity: each test ends in one of three states, and none of them is called passed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

State = Literal["flagged", "not flagged", "could not have flagged"]
FLAGGED: State = "flagged"
NOT_FLAGGED: State = "not flagged"
COULD_NOT: State = "could not have flagged"
STATES: tuple[State, ...] = (FLAGGED, NOT_FLAGGED, COULD_NOT)


@dataclass(frozen=True)
class ThreatResult:
    """One threat, its state, the number that decided, and the sentence to print."""

    id: str
    state: State
    number: float | None
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Threat(Protocol):
    """One row of the table of threats: a frozen dataclass whose fields are its thresholds.

    ``look`` asks the figures of a case and raises `EstimationError` or `StudyError` where it cannot be asked at all, which
    counts as could not have flagged, with the reason. ``planted`` is the design of a case with figures drawn anew and the
    violation of this row in them, at a size that the class states in ``violation``; ``clean`` the same without it. Both take
    a case with nulls (`planting.with_nulls`) and the seed of one data set. ``measure`` says in words what the number is. One
    whose detection depends on more than the figures and settings of the case has a ``rests_on(case)`` that says on what.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    measure: ClassVar[str]
    violation: ClassVar[str]

    def look(self, case: Any) -> ThreatResult: ...

    def planted(self, case: Any, seed: int) -> Any: ...

    def clean(self, case: Any, seed: int) -> Any: ...


def could_not(identity: str, reason: str, number: float | None = None, **evidence: Any) -> ThreatResult:
    """The third state with its reason."""
    return ThreatResult(identity, COULD_NOT, number, reason, evidence)


def verdict(identity: str, flagged: bool, number: float | None, sentence: str, **evidence: Any) -> ThreatResult:
    """Flagged or not flagged, with the number that decided and the sentence to print."""
    return ThreatResult(identity, FLAGGED if flagged else NOT_FLAGGED, number, sentence, evidence)
