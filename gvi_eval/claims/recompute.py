"""Every number of a claim recomputed, by the kind of claim that it is; what cannot be is a finding, never a crash."""

from collections.abc import Callable

from gvi_eval.claims.changes import NOT_CHECKABLE, Recomputed, recompute_change
from gvi_eval.claims.declared import Claim, Quantity
from gvi_eval.claims.other_kinds import (
    activity,
    comparison,
    coverage_of_definitions,
    evidence_label,
    generalisation,
    level_or_series,
    not_due,
    numbers_or_none,
    prevented,
    safety,
    trend,
)
from gvi_eval.claims.published import Shelf
from gvi_eval.claims.records import ranking
from gvi_eval.errors import DataError, StudyError

ORDER = ("R0", "R1b", "R1a", "R2", "R3")  # from worst to best; RX stands apart
BY_KIND: dict[str, Callable[[Claim, Quantity, Shelf], Recomputed]] = {
    "attribution": numbers_or_none,
    "rival_cause": numbers_or_none,
    "comparison": comparison,
    "series": level_or_series,
    "ranking": ranking,
    "safety_perception": safety,
    "trend": trend,
    "definition": coverage_of_definitions,
    "evidence_label": evidence_label,
    "generalisation": generalisation,
    "target": not_due,
    "activity": activity,
    "counterfactual_count": prevented,
    "relative_change": numbers_or_none,
}


def recompute(claim: Claim, shelf: Shelf) -> tuple[Recomputed, ...]:
    """Every quantity of a claim; a claim without one is recomputed once, as the kind of claim that it is."""
    by_kind = BY_KIND.get(claim.type, recompute_change)
    done = []
    for quantity in claim.quantities or (Quantity(),):
        try:
            done.append(by_kind(claim, quantity, shelf))
        except (DataError, StudyError) as fault:
            said = f"{fault}"
            lacks = (f"counts of {quantity.outcome or quantity.measure or 'what is claimed'} that can be used",)
            done.append(Recomputed(quantity, NOT_CHECKABLE, f"not checkable: {said}", findings=(said,), missing=lacks))
    return tuple(done)


def worst(levels: list[str]) -> str:
    """The worst level among those that can be checked; RX where none can."""
    checked = [level for level in levels if level != NOT_CHECKABLE]
    return min(checked, key=ORDER.index) if checked else NOT_CHECKABLE
