"""T10: did the events move next door? The treated place and its neighbours, each beside the same donors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from gvi_eval.errors import EstimationError
from gvi_eval.hashing import settings_hash
from gvi_eval.inference.admission import CONTAMINATING
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.displacement import Counts, by_ring, displacement_in_proportion, displacement_quotient
from gvi_eval.sensitivity.threats import ThreatResult, could_not, verdict
from gvi_eval.sensitivity.threats.case import SurroundedCase
from gvi_eval.sensitivity.threats.planting import redrawn
from gvi_eval.study import OutlierRule

GIVEN_BACK = 0.5  # of the fall, by the areas around
PLANTED = 0.6  # ratio in the treated place; the areas around receive what it loses


@dataclass(frozen=True)
class Displaced:
    """T10: the weighted displacement difference of the place and its neighbours, with the displacement quotient.

    Counts from before and after the start, in periods for which every area has a figure; each area is held against the donors
    in proportion, and donors in which something of their own happened are no controls. A count that the rule for outliers calls
    too far above those around it, such as a mass registration, would be read as displacement: its period is left out for all
    areas, and a control with one is left out itself; the share with all counts stands beside. Flagged where the point of the
    neighbours gives back ``given_back`` or more of the fall. Where the place did not fall beside its controls there is nothing
    to give back. The standard error takes counts as Poisson, so it is too small for counts that scatter more.
    """

    given_back: float = GIVEN_BACK
    id: ClassVar[str] = "T10"
    title: ClassVar[str] = "displacement, diffusion"
    measure: ClassVar[str] = "share of the fall that the areas around gave back"
    violation: ClassVar[str] = f"a ratio of {PLANTED:g}, and every event that is missing happens in the areas around"

    def look(self, case: SurroundedCase) -> ThreatResult:
        if getattr(case, "around", None) is None:
            return could_not(
                self.id,
                f"the study has no figures of areas around {case.unit}; needed are counts of the same events, from the same "
                "counter and for the same periods, in the areas that border it (role neighbour) and in areas like them further "
                "away",
            )
        whole = case.seen(case.around).starting(case.onset)
        panel = whole.without_outliers(OutlierRule()) if whole.kind == "count" else whole
        near, far = _sides(case, whole, panel)
        treated, rings, control = _counts(panel, case.unit, near, far)
        found = displacement_in_proportion(treated, _together(rings), control)
        around, total = found.around.interval(), found.total.interval()
        lost = [note for note in panel.dropped[len(whole.dropped) :] if any(f" in {name}, " in note for name in near)]
        beside = (
            f"beside {len(far)} donors {case.unit} changed by {found.local.point:+.0f} events, the {len(near)} areas around "
            f"it by {found.around.point:+.0f} ({around.lower:+.0f} to {around.upper:+.0f}), together {found.total.point:+.0f} "
            f"({total.lower:+.0f} to {total.upper:+.0f}; counts taken as Poisson)"
        )
        evidence = {
            "local": found.local.point,
            "around": found.around.point,
            "around_se": found.around.standard_error,
            "total": found.total.point,
            "total_se": found.total.standard_error,
            "rings": {name: ring.around.point for name, ring in by_ring(treated, rings, control).items()},
            "left_out": lost,
        }
        if found.offset is None:
            return could_not(self.id, f"{beside}; there was no fall that could have been given back", None, **evidence)
        quotient = displacement_quotient(treated, _together(rings), control)
        sentence = f"{beside}; quotient {quotient:+.2f}, so {_said(found.offset)}"
        if lost:
            everything = displacement_in_proportion(*_together_of(whole, case.unit, near, far)).offset
            evidence["offset_with_all"] = everything
            told = "there is no fall" if everything is None else f"it is {everything:.0%}"
            sentence += f"; with {len(lost)} counts that are far above those around them, {told}"
        return verdict(self.id, found.offset >= self.given_back, found.offset, sentence, quotient=quotient, **evidence)

    def planted(self, case: SurroundedCase, seed: int) -> SurroundedCase:
        return _drawn(case, seed, PLANTED)

    def clean(self, case: SurroundedCase, seed: int) -> SurroundedCase:
        return _drawn(case, seed, 1.0)

    def rests_on(self, case: SurroundedCase) -> Any:
        """The figures of the areas around, which are no part of the headline's own."""
        return (
            None
            if getattr(case, "around", None) is None
            else settings_hash(case.around.values.fillna(-1.0).to_dict("split")["data"])
        )


def _said(offset: float) -> str:
    if offset < 0:
        return f"the areas around fell as well, by {-offset:.0%} of the fall (diffusion of benefits)"
    return f"{offset:.0%} of the fall came back in the areas around"


def _sides(case: SurroundedCase, whole: Panel, panel: Panel) -> tuple[list[str], list[str]]:
    """The neighbours with a figure for every period, and the donors that are controls.

    No control is a donor in which something of its own is dated, one that holds another area, and one with a gap or with a
    count too far above those around it, which ``panel`` has as a gap.
    """
    roles = {unit.name: unit for unit in case.study.units}
    touched = {event.unit for event in case.study.interventions if event.role in CONTAMINATING}
    own = whole.values[case.unit].notna()
    near = [each for each in whole.donors if roles[each].role == "neighbour" and whole.values.loc[own, each].notna().all()]
    far = [
        each
        for each in panel.donors
        if roles[each].role == "donor"
        and each not in touched
        and not roles[each].contains
        and panel.values.loc[own, each].notna().all()
    ]
    if not near or not far:
        raise EstimationError(
            f"{len(near)} areas around {case.unit} and {len(far)} areas further away have a figure for each of its periods; "
            "both are needed for a displacement difference"
        )
    return near, far


def _counts(panel: Panel, unit: str, near: list[str], far: list[str]) -> tuple[Counts, dict[str, Counts], Counts]:
    """Counts before and after of the place, of each area around it, and of all controls, in the periods that all have."""
    known = panel.values[[unit, *near, *far]].notna().all(axis="columns").to_numpy()
    after = np.asarray(panel.periods >= panel.onsets[unit])
    if not (known & after).any() or not (known & ~after).any():
        raise EstimationError(f"{unit} has no figure for single periods before or after the start, so no sums can be compared")

    def sums(names: list[str]) -> Counts:
        counts = panel.values[names].sum(axis="columns").to_numpy()
        return float(counts[known & ~after].sum()), float(counts[known & after].sum())

    return sums([unit]), {name: sums([name]) for name in near}, sums(far)


def _together(rings: Mapping[str, Counts]) -> Counts:
    return sum(before for before, _ in rings.values()), sum(after for _, after in rings.values())


def _together_of(panel: Panel, unit: str, near: list[str], far: list[str]) -> tuple[Counts, Counts, Counts]:
    treated, rings, control = _counts(panel, unit, near, far)
    return treated, _together(rings), control


def _drawn(case: SurroundedCase, seed: int, ratio: float) -> SurroundedCase:
    """Every area drawn about its mean before the start, with the noise of the treated place; what that loses goes next door."""
    drawn, around = redrawn(case, seed), case.around
    near = [unit.name for unit in case.study.units if unit.role == "neighbour" and unit.name in around.values.columns]
    before = np.asarray(around.periods < case.onset)
    means = pd.DataFrame(
        np.broadcast_to(around.values[before].mean().to_numpy(), around.values.shape), around.periods, around.values.columns
    ).copy()
    lost = means.loc[~before, case.unit] * (1 - ratio)
    means.loc[~before, case.unit] -= lost
    shares = means.iloc[0][near] / means.iloc[0][near].sum()
    means.loc[~before, near] += np.outer(lost, shares)
    noise = case.nulls[case.outcome].noise
    spread = noise.alpha + noise.sigma**2
    random = np.random.default_rng([seed % 2**63, 10])
    level = random.gamma(1 / spread, spread, means.shape) if spread > 0 else 1.0
    values = pd.DataFrame(random.poisson(means.to_numpy() * level), means.index, means.columns).astype(float)
    return replace(drawn, around=around.with_(values=values.where(around.values.notna())), memory={})
