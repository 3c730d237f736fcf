"""A treated unit beside its donors: the figures on one scale, who may be a donor, and the way back to counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._two_way import two_way_poisson
from gvi_eval.panel import Panel

Scale = Literal["rate", "log", "sqrt"]
SCALES = ("rate", "log", "sqrt")

FEWEST_DONORS = 3  # so that each of them has two donors of its own when it takes the treated unit's place
NO_WEIGHT = 1e-9  # what arithmetic leaves of none
MOST_MISSING = 0.1  # share of the periods before the start, or after it, that a donor may lack


@dataclass(frozen=True, eq=False)
class Comparison:
    """The figures of a treated unit and its donors; the treated unit is column 0, donors follow by name.

    units (unit,); periods; before (period,): whether a period lies before the start; counts and exposure (period, unit) as
    published, NaN where no figure; figures (period, unit) on the scale, in which a donor's gaps are filled by
    `filled`; notes about what was left out.
    """

    units: tuple[str, ...]
    periods: pd.PeriodIndex
    onset: pd.Period
    before: np.ndarray
    counts: np.ndarray
    exposure: np.ndarray
    figures: np.ndarray
    scale: Scale
    kind: str
    notes: tuple[str, ...]

    def expected(self, likeness: np.ndarray, unit: int) -> np.ndarray:
        """Expected counts (period,) from a path on the scale, NaN where there is none, for the unit in this column.

        Off the rate scale a smearing factor, fitted before the start, makes the counts there add up: exp of a mean log is a
        geometric mean, and below the mean that is asked for (Duan 1983, doi:10.1080/01621459.1983.10478017).
        """
        rate = {"rate": lambda x: x, "log": np.exp, "sqrt": lambda x: np.maximum(x, 0.0) ** 2}[self.scale](likeness)
        counts = rate * self.exposure[:, unit]
        if self.scale == "rate":
            return counts
        seen = self.before & ~np.isnan(self.counts[:, unit]) & ~np.isnan(counts)
        return counts * (self.counts[seen, unit].sum() / counts[seen].sum())


@dataclass(frozen=True, eq=False)
class Family:
    """The same method on several units, each in the treated unit's place; the treated unit itself comes first.

    members (problem,): columns of the comparison; expected (problem, period) counts, NaN where donors have no figure;
    weights (problem, unit), below 0 where a method extrapolates; intercepts (problem,) on the scale; gaps (problem,): dual gaps
    of the weights.
    """

    comparison: Comparison
    members: np.ndarray
    expected: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    gaps: np.ndarray


class Comparative(Protocol):
    """An estimator that compares with donors; `family` serves all placebos from one preparation."""

    name: ClassVar[str]
    uses_donors: ClassVar[bool]
    level: float

    @property
    def shifts(self) -> bool:
        """Whether the level of the treated unit may differ from that of its likeness."""
        ...

    @property
    def adds_level(self) -> bool:
        """Whether that difference is added to rates, instead of multiplied."""
        ...

    def estimate(self, panel: Panel) -> Effect: ...

    def family(self, panel: Panel, *, placebos: bool = True, treated_stays: bool = False) -> Family: ...


def comparison(panel: Panel, scale: Scale, method: str) -> Comparison:
    """The figures of the sole treated unit and its donors.

    Left out, with a sentence: a donor that is published for odd spans, that lacks more than `MOST_MISSING` of the periods
    before the start or after it, or that has no event before the start. Raises `EstimationError` where the treated unit has
    spans, no figure or no event before the start, no figure after it, or fewer than `FEWEST_DONORS` donors remain;
    `StudyError` for an unknown scale.
    """
    if scale not in SCALES:
        raise StudyError(f"scale of {method} is {scale!r}; choose {', '.join(SCALES)}")
    unit, onset = panel.sole_treated
    if spans := panel.spans(unit):
        raise EstimationError(
            f"{method} needs one figure per period, but {unit} has the span of {spans[0]}; use latent_counts or controlled"
        )
    before = np.asarray(panel.periods < onset)
    place = {name: column for column, name in enumerate(panel.values.columns)}  # a matrix is far quicker than a table
    values = panel.values.to_numpy(dtype=float)
    own = values[:, place[unit]]
    for side, word in ((before, "before"), (~before, "after")):
        if np.isnan(own[side]).all():
            raise EstimationError(f"{unit} has no figure {word} the start {onset}; widen the baseline or move the start")
    if not np.nansum(np.abs(own[before])) > 0:
        raise EstimationError(
            f"{unit} recorded no events before the start {onset}, so no donor can be likened to it; widen the baseline"
        )
    names = sorted(panel.donors)
    donors, notes = _donors(panel, names, values[:, [place[name] for name in names]], np.isnan(values).all(axis=1), before)
    if len(donors) < FEWEST_DONORS:
        raise EstimationError(
            f"{unit} has {len(donors)} donors ({', '.join(donors) or 'none'}) with figures for its periods, and {method} needs "
            f"{FEWEST_DONORS}, so that each can take its place; admit more areas or use a single series"
        )
    units = [unit, *donors]
    columns = [place[name] for name in units]
    counts, exposure = values[:, columns], panel.exposure.to_numpy(dtype=float)[:, columns]
    complete, more = _filled(counts, exposure, units)
    return Comparison(
        units=tuple(units),
        periods=panel.periods,
        onset=onset,
        before=before,
        counts=counts,
        exposure=exposure,
        figures=_on_scale(complete, exposure, scale, panel.kind),
        scale=scale,
        kind=panel.kind,
        notes=(*_gaps(panel, unit, own), *notes, *more, *panel.dropped),
    )


def _gaps(panel: Panel, unit: str, own: np.ndarray) -> list[str]:
    gaps = panel.periods[np.isnan(own)]
    return [f"no figure of {unit} is used for {', '.join(map(str, gaps))}"] if len(gaps) else []


def _donors(
    panel: Panel, donors: list[str], values: np.ndarray, nobody: np.ndarray, before: np.ndarray
) -> tuple[list[str], list[str]]:
    """The donors kept, and a sentence on each that is left out; values (period, donor), nobody (period,) has a figure."""
    kept, notes = [], []
    missing, silent = np.isnan(values), ~(np.nansum(np.abs(values[before]), axis=0) > 0)
    sides = [missing[side & ~nobody] for side in (before, ~before)]  # a donut is nobody's fault
    shares = np.array([side.mean(axis=0) if len(side) else np.zeros(len(donors)) for side in sides])
    onset = panel.sole_treated[1]
    spanned = {window.unit: window for window in reversed(panel.windows)}
    for donor, share, is_silent in zip(donors, shares.T, silent, strict=True):
        if donor in spanned:
            notes.append(f"the donor {donor} is left out: it is published for the odd span {spanned[donor]}")
        elif share.max() > MOST_MISSING:
            word = "before" if share[0] > MOST_MISSING else "after"
            notes.append(f"the donor {donor} is left out: it lacks {share.max():.0%} of the periods {word} the start {onset}")
        elif is_silent:
            notes.append(f"the donor {donor} is left out: it recorded no events before the start {onset}")
        else:
            kept.append(donor)
    return kept, notes


def _filled(counts: np.ndarray, exposure: np.ndarray, units: list[str]) -> tuple[np.ndarray, list[str]]:
    """Counts (period, unit) in which the gaps of donors are filled from the other donors, and a sentence where there are some.

    A gap of a donor would take its period from everybody. It is given exposure times the donor's level times that of the
    period, both from the donors' own two-way table; the treated unit's gaps stay, and never matter to a donor.
    """
    gaps = np.isnan(counts[:, 1:])
    open_rows = ~gaps.all(axis=1)
    holes = gaps & open_rows[:, None]
    if not holes.any():
        return counts, []
    rows = open_rows & (np.nansum(np.abs(counts[:, 1:]), axis=1) > 0)
    fit = two_way_poisson(counts[rows, 1:], exposure[rows, 1:])
    levels = np.zeros(len(counts))
    levels[rows] = fit.periods
    complete = counts.copy()
    complete[:, 1:][holes] = (exposure[:, 1:] * levels[:, None] * fit.units)[holes]
    names = [unit for unit, lacks in zip(units[1:], holes.any(axis=0), strict=True) if lacks]
    named = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    figures = "1 missing figure is" if holes.sum() == 1 else f"{holes.sum()} missing figures are"
    return complete, [f"{figures} filled with what the donors' own levels and those of the periods say: {named}"]


def _on_scale(counts: np.ndarray, exposure: np.ndarray, scale: Scale, kind: str) -> np.ndarray:
    if scale == "rate":
        return counts / exposure
    if (counts < 0).any():
        raise EstimationError(f"a figure of {np.nanmin(counts):g} is below zero and has no {scale}; use scale = 'rate'")
    if scale == "sqrt":
        return np.sqrt(counts / exposure)
    if kind != "count" and (counts == 0).any():
        raise EstimationError("a figure of 0 that is no count has no log; use scale = 'rate'")
    return np.log((counts + (0.5 if kind == "count" else 0.0)) / exposure)


def expected_paths(side: Comparison, members: np.ndarray, weights: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
    """Expected counts (problem, period) from weights (problem, unit) and intercepts (problem,) on the scale.

    NaN where nobody, or a unit with weight, has a figure.
    """
    likeness = weights @ np.nan_to_num(side.figures).T + intercepts[:, None]
    missing = np.isnan(side.figures)
    if missing.any():
        likeness[(weights != 0) @ missing.T.astype(float) > 0] = np.nan
    if side.scale == "rate":
        return likeness * side.exposure[:, members].T
    return np.array([side.expected(path, unit) for path, unit in zip(likeness, members, strict=True)])


def family_effect(
    family: Family, panel: Panel, method: str, level: float, details: Mapping[str, Any], notes: tuple[str, ...]
) -> Effect:
    """The effect of the first member: what was observed beside what its donors made of it, without an interval."""
    side = family.comparison
    unit = side.units[family.members[0]]
    expected = family.expected[0]
    observed = np.where(np.isnan(expected), np.nan, side.counts[:, family.members[0]])
    weights = {side.units[j]: float(family.weights[0, j]) for j in np.argsort(-np.abs(family.weights[0]), kind="stable")}
    return effect_from_paths(
        Counterfactual(pd.Series(observed, side.periods, name=unit), pd.Series(expected, side.periods, name=unit)),
        panel.estimand,
        method=method,
        unit=unit,
        onset=side.onset,
        notes=notes,
        details={
            "scale": side.scale,
            "donors": len(side.units) - 1,
            "weights": {name: weight for name, weight in weights.items() if abs(weight) > NO_WEIGHT},
            "intercept": float(family.intercepts[0]),
            "dual_gap": float(family.gaps[0]),
            **details,
        },
        level=level,
    )


def usable_periods(side: Comparison, members: np.ndarray, donors: np.ndarray) -> np.ndarray:
    """The periods before the start in which a member and all its donors have a figure, (problem, period).

    Raises `EstimationError` where a member has none.
    """
    involved = donors.copy()
    involved[np.arange(len(members)), members] = True
    usable = side.before & ~(involved @ np.isnan(side.figures).T)
    for p in np.flatnonzero(~usable.any(axis=1))[:1]:
        unit = side.units[members[p]]
        raise EstimationError(
            f"no period before the start {side.onset} has figures of {unit} and all its donors; widen the baseline"
        )
    return usable


def placebo_members(side: Comparison, placebos: bool, treated_stays: bool) -> tuple[np.ndarray, np.ndarray]:
    """Columns that take the treated unit's place in turn (problem,), and who is a donor of each (problem, unit).

    The treated unit first, then every donor where ``placebos`` are asked for. The treated unit is a donor of theirs only
    where it ``stays``.
    """
    chosen = np.arange(len(side.units) if placebos else 1)
    donors = np.ones((len(chosen), len(side.units)), dtype=bool)
    donors[:, 0] = treated_stays
    donors[chosen, chosen] = False
    return chosen, donors
