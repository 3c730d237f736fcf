"""Threats to validity: each test ends in one of three states, and none of them is called passed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["flagged", "not flagged", "could not have flagged"]


@dataclass(frozen=True)
class ThreatResult:
    """One threat, its state, the number that decided, and the sentence to print."""

    id: str
    state: State
    number: float | None
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
