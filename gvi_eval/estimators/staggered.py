"""Several treated units that began at different times: each beside units that had not begun, then all of them together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from gvi_eval.effect import Counterfactual, Effect, effect_from_paths
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators._comparison import FEWEST_DONORS, NO_WEIGHT, Comparison, comparison
from gvi_eval.estimators._design import require_level
from gvi_eval.estimators._pooled_weights import pooled_weights
from gvi_eval.estimators._two_way import two_way_linear, two_way_poisson
from gvi_eval.estimators.did import Did, Model
from gvi_eval.panel import Panel

Method = Literal["imputation", "stacking", "partially pooled"]
METHODS = ("imputation", "stacking", "partially pooled")
ALL = "all"  # the unit of the row over all treated units


@dataclass(frozen=True)
class Staggered:
    """Starts that differ between treated units, for counts, continuous figures and shares; donors are the never treated.

    Every ``method`` says what each treated unit would have counted from its own start on, out of cells that are untreated:

    'imputation': one two-way table of all untreated cells, those of treated units before their start included,
    E[y_it] = exposure_it · unit_i · period_t ('poisson') or y_it / exposure_it = unit_i + period_t ('linear'); treated cells
    are what the table says (Borusyak, Jaravel & Spiess 2024).
    'stacking': `Did` of each treated unit on its own, against the never treated and, with ``after``, those treated units that
    start after its window; no unit is compared with one that is treated already (Cengiz et al. 2019).
    'partially pooled': weights w_j of these donors on the simplex for each treated unit j of J, together, after units are
    taken relative to their own mean before j's start, by difference ('linear') or by ratio ('poisson'):

        min  ν pool² / pool₀² + (1 − ν) separate² / separate₀²
        separate² = mean over j of the mean squared gap before j's start,  pool² = mean over lags of (Σ_j gap_j,lag / J)²

    with lags counted back from each start, and pool₀, separate₀ those of weights that are fitted one unit at a time, ν = 0.
    ``nu`` None takes ν = |Σ_j gap_j| / Σ_j |gap_j| of the latter: 1 where their gaps all point one way and pooling is what
    they need, near 0 where they cancel anyway. The weights are exact, with a dual gap (Ben-Michael, Feller & Rothstein 2022).

    ``before`` and ``after``: periods of each window before the start and from it on, for stacking and partially pooled, by
    default all; a donor that starts later serves only where ``after`` says how long it is needed.

    The effect of a unit is Σ observed / Σ expected over its treated cells; that of 'all' is the ratio of the sums over the
    treated cells of all units, so larger places and earlier starts weigh more. Its path is, in each period, the
    sum over the units treated by then; before the first start, over all of them. A common coefficient of a two-way
    regression is no method here: it compares late starters with early ones, and where effects grow it may have the wrong
    sign (Goodman-Bacon 2021). With one treated unit imputation and stacking are `Did` (to the digit where the table is
    balanced and, in the Poisson model, exposure does not change) and partially pooled is `Synthetic` with an intercept.

    There is no interval here: see `gvi_eval.inference.resampling`. Assumes that units that start earlier would have moved
    like those that start later or never, and that nothing happens before a start.

    Raises `EstimationError` as `comparison` does for each treated unit; `StudyError` for an unknown setting.

    Sources: Borusyak, Jaravel & Spiess (2024) Revisiting event-study designs, Rev. Econ. Stud. 91(6),
    doi:10.1093/restud/rdae007. Cengiz, Dube, Lindner & Zipperer (2019) The effect of minimum wages on low-wage jobs, Q. J.
    Econ. 134(3), doi:10.1093/qje/qjz014. Ben-Michael, Feller & Rothstein (2022) Synthetic controls with staggered adoption,
    J. R. Stat. Soc. B 84(2), doi:10.1111/rssb.12448. Goodman-Bacon (2021) Difference-in-differences with variation in
    treatment timing, J. Econom. 225(2), doi:10.1016/j.jeconom.2021.03.014.
    """

    name: ClassVar[str] = "staggered"
    cost: ClassVar[str] = "fast"
    accepts_gaps: ClassVar[bool] = True
    takes_several: ClassVar[bool] = True
    uses_donors: ClassVar[bool] = False  # placebos in space take one treated unit; see `gvi_eval.inference.resampling`

    method: Method = "imputation"
    model: Model = "poisson"
    nu: float | None = None
    before: int | None = None
    after: int | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        require_level(self.level, self.name)
        for setting, known in (("method", METHODS), ("model", ("linear", "poisson"))):
            if getattr(self, setting) not in known:
                raise StudyError(f"{setting} of {self.name} is {getattr(self, setting)!r}; choose {', '.join(known)}")
        if self.nu is not None and not 0 <= self.nu <= 1:
            raise StudyError(f"nu of {self.name} is {self.nu}; set 0 (apart) to 1 (together), or leave it out")
        if self.nu is not None and self.method != "partially pooled":
            raise StudyError(f"nu of {self.name} belongs to method = 'partially pooled', not '{self.method}'; leave it out")
        for setting in ("before", "after"):
            width = getattr(self, setting)
            if width is not None and not (isinstance(width, int) and width >= 1):
                raise StudyError(f"{setting} of {self.name} is {width!r}; set a whole number of periods, 1 or more")
            if width is not None and self.method == "imputation":
                raise StudyError(
                    f"{setting} of {self.name} bounds the window of a treated unit, and imputation uses every untreated cell; "
                    "leave it out or cut the panel"
                )

    def estimate(self, panel: Panel) -> Effect:
        """The effect over the treated cells of all units; with one treated unit, that unit's."""
        return self._together(self._found(panel), panel)

    def estimate_each(self, panel: Panel) -> tuple[Effect, ...]:
        """One effect for each treated unit, in the panel's order, and then that of all; with one treated unit just its own.

        A unit without a figure in the window of the estimand keeps its row, refused with the reason.
        """
        found = self._found(panel)
        together = self._together(found, panel)
        return (together,) if len(found.units) == 1 else (*self._apart(found, panel), together)

    def _found(self, panel: Panel) -> "_Found":
        if not panel.onsets:
            raise EstimationError(f"no unit of the panel is treated, so {self.name} has nothing to estimate; name one")
        if self.method == "imputation" and _is_plain(panel):
            return replace(self._imputed(panel, sorted(panel.donors)), notes=panel.dropped)
        sides = {unit: comparison(self._window(panel, unit), "rate", self.name) for unit in panel.treated}
        notes = tuple(dict.fromkeys(note for side in sides.values() for note in side.notes))
        if self.method == "partially pooled":
            return replace(self._pooled(panel, sides), notes=notes)
        notes = tuple(note for note in notes if "filled with" not in note)  # two-way effects need no complete table
        if self.method == "stacking":
            return replace(self._stacked(panel, sides), notes=notes)
        kept = set.intersection(*(set(side.units[1:]) for side in sides.values()))
        if len(kept) < FEWEST_DONORS:
            raise EstimationError(
                f"{', '.join(panel.treated)} have {len(kept)} donors ({', '.join(sorted(kept)) or 'none'}) in common, and "
                f"imputation needs {FEWEST_DONORS}; admit more areas or use method = 'stacking'"
            )
        return replace(self._imputed(panel, sorted(kept)), notes=notes)

    def _window(self, panel: Panel, unit: str) -> Panel:
        """The panel of one treated unit with the donors that are untreated throughout its window."""
        onset = panel.onsets[unit]
        last = panel.periods[-1] if self.after is None else min(onset + (self.after - 1), panel.periods[-1])
        taken = [other for other, start in panel.onsets.items() if other != unit and (self.after is None or start <= last)]
        cut = panel.without(*taken).with_(onsets={unit: onset})
        if self.after is not None:
            cut = cut.until(last.end_time.date())
        if self.before is not None:
            cut = cut.since(max(onset - self.before, panel.periods[0]).start_time.date())
        return cut

    def _imputed(self, panel: Panel, donors: list[str]) -> "_Found":
        treated = list(panel.treated)
        counts = panel.values[treated + donors].to_numpy(dtype=float)
        exposure = panel.exposure[treated + donors].to_numpy(dtype=float)
        on = np.zeros(counts.shape, dtype=bool)
        on[:, : len(treated)] = [[period >= panel.onsets[unit] for unit in treated] for period in panel.periods]
        try:
            rates = _untreated_rates(np.where(on, np.nan, counts), exposure, self.model)
        except EstimationError as fault:
            raise EstimationError(f"the untreated cells of {', '.join(treated)} and their donors: {fault}") from None
        details = {"donors": len(donors)}
        return self._of(panel, (rates * exposure)[:, : len(treated)].T, details, {unit: details for unit in treated})

    def _stacked(self, panel: Panel, sides: dict[str, Comparison]) -> "_Found":
        expected, each = np.full((len(sides), len(panel.periods)), np.nan), {}
        for row, (unit, side) in enumerate(sides.items()):
            family = Did(model=self.model).family(self._window(panel, unit), placebos=False)
            expected[row, panel.periods.isin(side.periods)] = family.expected[0]
            each[unit] = {"donors": len(side.units) - 1, "later_starts": _later(panel, side)}
        return self._of(panel, expected, {}, each)

    def _pooled(self, panel: Panel, sides: dict[str, Comparison]) -> "_Found":
        figures = {unit: self._relative(side) for unit, side in sides.items()}
        gaps = [_gaps_before(side, figures[unit]) for unit, side in sides.items()]
        fit = pooled_weights(
            [own for own, _, _ in gaps], [among for _, among, _ in gaps], [lags for _, _, lags in gaps], self.nu
        )
        expected, each = np.full((len(sides), len(panel.periods)), np.nan), {}
        for row, ((unit, side), weights) in enumerate(zip(sides.items(), fit.weights, strict=True)):
            likeness = self._absolute(side, np.nan_to_num(figures[unit][:, 1:]) @ weights)
            likeness[np.isnan(figures[unit][:, 1:][:, weights > 0]).any(axis=1)] = np.nan
            expected[row, panel.periods.isin(side.periods)] = likeness * side.exposure[:, 0]
            heavy = {
                side.units[1 + j]: float(weights[j]) for j in np.argsort(-weights, kind="stable") if weights[j] > NO_WEIGHT
            }
            each[unit] = {"donors": len(side.units) - 1, "later_starts": _later(panel, side), "weights": heavy}
        together = {
            "nu": fit.nu,
            "dual_gap": fit.gap,
            "gap_pooled": fit.pooled,
            "gap_separate": fit.separate,
            "gap_pooled_apart": fit.pooled_apart,
            "gap_separate_apart": fit.separate_apart,
        }
        return self._of(panel, expected, together, each)

    def _relative(self, side: Comparison) -> np.ndarray:
        """Figures (period, unit) beside each unit's own mean before the start, by difference or by ratio."""
        level = side.figures[_usable(side)].mean(axis=0)
        return side.figures - level if self.model == "linear" else side.figures / level - 1.0

    def _absolute(self, side: Comparison, relative: np.ndarray) -> np.ndarray:
        """The rate (period,) of the treated unit from a relative path."""
        level = side.figures[_usable(side), 0].mean()
        return level + relative if self.model == "linear" else level * (1.0 + relative)

    def _of(self, panel: Panel, expected: np.ndarray, together: dict[str, Any], each: dict[str, dict[str, Any]]) -> "_Found":
        observed = np.where(np.isnan(expected), np.nan, panel.values[list(panel.treated)].to_numpy(dtype=float).T)
        onsets = tuple(panel.onsets.values())
        on = np.array([panel.periods >= onset for onset in onsets])
        return _Found(
            panel.treated, onsets, observed, expected, on, {"method": self.method, "model": self.model} | together, each
        )

    def _apart(self, found: "_Found", panel: Panel) -> Iterator[Effect]:
        for row, (unit, onset) in enumerate(zip(found.units, found.onsets, strict=True)):
            paths = _paths(panel, found.observed[row], found.expected[row], unit)
            details = found.together | found.each[unit]
            notes = tuple(note for note in found.notes if unit in note)
            try:
                yield effect_from_paths(
                    paths,
                    panel.estimand,
                    method=self.name,
                    unit=unit,
                    onset=onset,
                    notes=notes,
                    details=details,
                    level=self.level,
                )
            except EstimationError as fault:
                yield Effect(
                    self.name,
                    unit,
                    panel.estimand,
                    None,
                    onset,
                    refusal=str(fault),
                    counterfactual=paths,
                    notes=notes,
                    details=details,
                    level=self.level,
                )

    def _together(self, found: "_Found", panel: Panel) -> Effect:
        units, first = found.units, min(found.onsets)
        known = ~np.isnan(found.observed) & ~np.isnan(found.expected)
        held = found.on | np.asarray(panel.periods < first)
        some = (held & known).any(axis=0)
        observed = np.where(some, np.where(held & known, found.observed, 0.0).sum(axis=0), np.nan)
        there = held & np.where(some, known, ~np.isnan(found.expected))  # a gap of everybody is still expected something
        expected = np.where(there.any(axis=0), np.where(there, found.expected, 0.0).sum(axis=0), np.nan)
        details, notes = found.together, found.notes
        if len(units) == 1:
            details = details | found.each[units[0]]
        else:
            sums = [np.where(known & found.on, each, 0.0).sum(axis=1) for each in (found.observed, found.expected)]
            details = details | {
                "units": [
                    {"unit": unit, "onset": str(onset), "observed": float(seen), "expected": float(due), **found.each[unit]}
                    for unit, onset, seen, due in zip(units, found.onsets, *sums, strict=True)
                ]
            }
            notes = (
                f"each period sums those of the {len(units)} treated units that had begun by then; before {first}, all of them",
                *notes,
            )
        unit = units[0] if len(units) == 1 else ALL
        return effect_from_paths(
            _paths(panel, observed, expected, unit),
            panel.estimand,
            method=self.name,
            unit=unit,
            onset=first,
            notes=notes,
            details=details,
            level=self.level,
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """Paths of every treated unit: observed and expected counts (unit, period), NaN where there are none; on (unit, period),
    whether the unit had begun; details of the fit together and of each unit.
    """

    units: tuple[str, ...]
    onsets: tuple[pd.Period, ...]
    observed: np.ndarray
    expected: np.ndarray
    on: np.ndarray
    together: dict[str, Any]
    each: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = ()


def _paths(panel: Panel, observed: np.ndarray, expected: np.ndarray, unit: str) -> Counterfactual:
    return Counterfactual(pd.Series(observed, panel.periods, name=unit), pd.Series(expected, panel.periods, name=unit))


def _untreated_rates(counts: np.ndarray, exposure: np.ndarray, model: Model) -> np.ndarray:
    """Rates (period, unit) by the two-way table of counts (period, unit) that are NaN where treated or without a figure.

    NaN in a period without any untreated figure, 0 in one without any event among counts.
    """
    rates = np.full(counts.shape, np.nan)
    rows = ~np.isnan(counts).all(axis=1)
    if model == "linear":
        fit = two_way_linear(counts[rows] / exposure[rows])
        rates[rows] = fit.units + fit.periods[:, None]
        return rates
    rates[rows] = 0.0
    rows &= np.nansum(counts, axis=1) != 0
    fit = two_way_poisson(counts[rows], exposure[rows])
    rates[rows] = fit.periods[:, None] * fit.units
    return rates


def _is_plain(panel: Panel) -> bool:
    """Whether nothing is missing and everybody has events before every start, so that `comparison` has nothing to say."""
    values, first = panel.values.to_numpy(dtype=float), min(panel.onsets.values())
    if panel.windows or len(panel.donors) < FEWEST_DONORS or np.isnan(values).any():
        return False
    starts = np.array([(panel.onsets.get(unit, first) - panel.periods[0]).n for unit in panel.values])
    before = np.arange(len(values))[:, None] < starts
    return bool((np.where(before, np.abs(values), 0.0).sum(axis=0) > 0).all() and (starts < len(values)).all())


def _usable(side: Comparison) -> np.ndarray:
    """The periods before the start with figures of the treated unit and all donors, (period,)."""
    return side.before & ~np.isnan(side.figures).any(axis=1)


def _gaps_before(side: Comparison, figures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the treated unit (row,) and its donors (row, donor) before the start, and how many periods before it (row,)."""
    rows = _usable(side)
    lags = np.flatnonzero(side.before)[-1] + 1 - np.flatnonzero(rows)
    return figures[rows, 0], figures[rows][:, 1:], lags


def _later(panel: Panel, side: Comparison) -> list[str]:
    """The donors that are treated later on."""
    return [donor for donor in side.units[1:] if donor in panel.onsets]
