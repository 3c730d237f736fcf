"""The panel: counts per period and area, with exposure, gaps and odd spans; the only thing an estimator sees."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError, StudyError
from gvi_eval.study import Estimand, Intervention, OutlierRule, Window
from gvi_eval.windows import CountWindow, coverage

PER_YEAR = {"M": 12, "Q": 4, "Y": 1}


def period_of(day: date, frequency: str) -> pd.Period:
    """The month, quarter or year in which a day lies."""
    return pd.Period(day, freq=frequency)


@dataclass(frozen=True, eq=False)
class Panel:
    """Counts (period, unit) with person-years (period, unit).

    ``values`` holds a number where a figure covers exactly that period; NaN means that there is no figure, never zero.
    ``windows`` holds the published counts that cover anything else than one period.
    ``sources`` names, per cell, the rows that were published (file:line), and is empty for made-up panels.
    Every transform returns a new panel; what it had to leave out is listed in ``dropped``.
    """

    values: pd.DataFrame
    exposure: pd.DataFrame
    onsets: Mapping[str, pd.Period]
    estimand: Estimand = Estimand("ratio")
    kind: Literal["count", "continuous", "share"] = "count"
    windows: tuple[CountWindow, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    covariates: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    outcome: str = "events"
    sources: pd.DataFrame | None = None
    dropped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.values.index, pd.PeriodIndex):
            raise DataError(f"the rows of a panel are periods, not {type(self.values.index).__name__}; use a PeriodIndex")
        if self.values.empty:
            raise DataError("a panel holds no period or no unit; give it at least one of each")
        if self.values.columns.has_duplicates:
            unit = self.values.columns[self.values.columns.duplicated()][0]
            raise DataError(f"the unit {unit} stands twice in a panel; give each unit one column")
        if self.values.index.has_duplicates or not self.values.index.is_monotonic_increasing:
            raise DataError("the periods of a panel are not in order or occur twice; sort them and drop the doubles")
        if len(self.values) != (self.values.index[-1] - self.values.index[0]).n + 1:
            raise DataError("the periods of a panel leave some out; give every period a row, with NaN where no figure exists")
        if not self.values.index.equals(self.exposure.index) or not self.values.columns.equals(self.exposure.columns):
            raise DataError("counts and exposure of a panel differ in periods or units; build both for the same cells")
        if self.kind == "count" and (self.values < 0).any(axis=None):
            unit = self.values.columns[(self.values < 0).any()][0]
            raise DataError(f"the counts of {unit} fall below zero, to {self.values[unit].min():g}; correct the table")
        if not (self.exposure > 0).all(axis=None):
            unit = self.exposure.columns[~(self.exposure > 0).all()][0]
            raise DataError(f"the exposure of {unit} is not positive in every period; complete its population table")
        for unit, onset in self.onsets.items():
            self._check_onset(unit, onset)
        for window in self.windows:
            self._check_window(window)

    def _check_onset(self, unit: str, onset: pd.Period) -> None:
        if unit not in self.values.columns:
            raise StudyError(f"the treated unit {unit} has no figures; the panel holds {', '.join(self.values.columns)}")
        first, last = self.values.index[0], self.values.index[-1]
        if not first < onset <= last + 1:  # one past the end: a panel cut before the start
            raise StudyError(f"the start {onset} of {unit} lies outside its figures, {first} to {last}; move one of them")

    def _check_window(self, window: CountWindow) -> None:
        if window.unit not in self.values.columns:
            raise DataError(f"the span {window} belongs to no unit of the panel; add {window.unit} to the study")
        first, last = self.values.index[0].start_time.date(), self.values.index[-1].end_time.date()
        if window.start < first or window.end > last:
            raise DataError(
                f"the span {window} reaches beyond the panel, {first} to {last}; widen the baseline or leave it out"
            )

    @property
    def frequency(self) -> str:
        return self.values.index.freqstr[0]

    @property
    def periods(self) -> pd.PeriodIndex:
        return self.values.index

    @property
    def treated(self) -> tuple[str, ...]:
        return tuple(self.onsets)

    @property
    def donors(self) -> list[str]:
        return [unit for unit in self.values.columns if unit not in self.onsets]

    @property
    def sole_treated(self) -> tuple[str, pd.Period]:
        if len(self.onsets) != 1:
            raise StudyError(f"this method takes one treated unit, the panel has {len(self.onsets)}; choose one")
        return next(iter(self.onsets.items()))

    @property
    def rates(self) -> pd.DataFrame:
        """Events per person-year, shape (period, unit)."""
        return self.values / self.exposure

    def spans(self, unit: str) -> tuple[CountWindow, ...]:
        return tuple(window for window in self.windows if window.unit == unit)

    def gaps(self, unit: str) -> tuple[pd.Period, ...]:
        """Periods of a unit for which no figure was published, whole or in a span."""
        covered = self.values[unit].notna().to_numpy().copy()
        for window in self.spans(unit):
            covered |= coverage(window, self.periods) > 0
        return tuple(self.periods[~covered])

    def observations(self, unit: str) -> tuple[np.ndarray, np.ndarray]:
        """Counts y, shape (figure,), and matrix C, shape (figure, period): the share of each period that a figure covers.

        A complete series without spans gives C = I.
        """
        own = self.values[unit].to_numpy()
        known = np.flatnonzero(~np.isnan(own))
        spans = self.spans(unit)
        matrix = np.zeros((len(known) + len(spans), len(own)))
        matrix[np.arange(len(known)), known] = 1.0
        for row, window in enumerate(spans, start=len(known)):
            matrix[row] = coverage(window, self.periods)
        counts = np.concatenate([own[known], [window.count for window in spans]])
        order = np.argsort(matrix.argmax(axis=1), kind="stable")
        return counts[order], matrix[order]

    # Every question of robustness is one of the panels below.

    def with_(self, **changes: Any) -> "Panel":
        return dataclasses.replace(self, **changes)

    def starting(self, onset: pd.Period | str) -> "Panel":
        """The same figures with another start, for every treated unit."""
        onset = pd.Period(onset, freq=self.frequency)
        return self.with_(onsets={unit: onset for unit in self.onsets})

    def before(self, period: pd.Period | str) -> "Panel":
        """Only the periods before this one: nobody is treated yet, until `starting` names a placebo start."""
        return self._cut(self.periods < pd.Period(period, freq=self.frequency), f"{period} and later")

    def until(self, day: date) -> "Panel":
        """Only what was published for days up to this one; a period or span that reaches beyond it is left out."""
        keep = self.periods.start_time <= pd.Timestamp(day)
        return self._cut(keep, f"after {day}", last=day)

    def since(self, day: date) -> "Panel":
        """Only what was published for days from this one; a period or span that reaches before it is left out."""
        keep = self.periods.end_time >= pd.Timestamp(day)
        return self._cut(keep, f"before {day}", first=day)

    def without(self, *units: str) -> "Panel":
        """The panel without some units, such as one donor."""
        for unit in units:
            if unit not in self.values.columns:
                raise StudyError(
                    f"{unit} is not in the panel, which holds {', '.join(self.values.columns)}; choose one of these"
                )
        keep = [name for name in self.values.columns if name not in units]
        return self._of_units(keep, {name: onset for name, onset in self.onsets.items() if name not in units})

    def reassigned_to(self, unit: str) -> "Panel":
        """A placebo: this donor takes the place of the treated unit, which leaves the panel."""
        treated, onset = self.sole_treated
        if unit not in self.donors:
            raise StudyError(f"{unit} is not a donor of this panel; its donors are {', '.join(self.donors) or 'none'}")
        return self._of_units([name for name in self.values.columns if name != treated], {unit: onset})

    def dropping(self, window: Window) -> "Panel":
        """No figure in these days: cells become gaps, and a span that touches them is left out, never split."""
        inside = self._inside(window)
        values = self.values.mask(np.broadcast_to(inside[:, None], self.values.shape))
        lost = tuple(span for span in self.windows if (coverage(span, self.periods)[inside] > 0).any())
        notes = [f"the span of {span} left out, because the days {window} cut into it" for span in lost]
        kept = tuple(span for span in self.windows if span not in lost)
        return self.with_(values=values, windows=kept, dropped=self.dropped + tuple(notes))

    def donut(self, window: Window) -> "Panel":
        """The periods around the selection or the start of a programme left out; the same as `dropping`."""
        return self.dropping(window)

    def without_outliers(self, rule: OutlierRule) -> "Panel":
        """Counts of donors that the rule calls too far above those around them as gaps, each listed.

        The treated unit keeps every count, and so do spans, which have no neighbours of their length. Raises `StudyError`
        for an outcome that is not counted.
        """
        if self.kind != "count":
            raise StudyError(f"without_outliers judges counts, but {self.outcome} is of kind {self.kind}; drop the transform")
        values, notes = self.values.astype(float), []
        for unit in self.donors:
            for place, median, number in _outliers(self.values[unit].to_numpy(dtype=float), rule):
                notes.append(
                    f"{self.values[unit].iloc[place]:g} in {unit}, {self.periods[place]}, left out: the median of the {number} "
                    f"counts around it is {median:g} ({rule})"
                )
                values.loc[self.periods[place], unit] = np.nan
        return self.with_(values=values, dropped=self.dropped + tuple(notes))

    def complete_donors(self) -> "Panel":
        """Only donors with a figure in every period for which the treated unit has one; those left out are listed.

        After the window of a specification, so that a gap outside it costs no donor.
        """
        unit, _ = self.sole_treated
        own = set(self.gaps(unit))
        lacking = {donor: [period for period in self.gaps(donor) if period not in own] for donor in self.donors}
        notes = tuple(
            f"the donor {donor} left out: no figure for {', '.join(map(str, periods[:3]))}{', …' if len(periods) > 3 else ''}"
            for donor, periods in lacking.items()
            if periods
        )
        keep = [name for name in self.values.columns if not lacking.get(name)]
        return self._of_units(keep, dict(self.onsets)).with_(dropped=self.dropped + notes)

    def adjusted(self, ratio: float) -> "Panel":
        """Treated counts after the start divided by a ratio: the null that the effect is this ratio."""
        values = self.values.astype(float)
        for unit, onset in self.onsets.items():
            values.loc[self.periods >= onset, unit] /= ratio
        if self.windows:
            raise StudyError("counts published for odd spans cannot be divided by a ratio; take the panel without spans")
        return self.with_(values=values)

    def injected(self, ratio: float, seed: int) -> "Panel":
        """Treated counts after the start thinned (ratio below 1) or topped up (above 1), drawn with this seed."""
        random = np.random.default_rng(seed)
        values = self.values.copy()
        for unit, onset in self.onsets.items():
            after = (self.periods >= onset) & values[unit].notna().to_numpy()
            counts = values.loc[after, unit].astype(int)
            values.loc[after, unit] = _scaled(counts.to_numpy(), ratio, random)
        windows = tuple(self._scaled_window(window, ratio, random) for window in self.windows)
        return self.with_(values=values, windows=windows)

    def _scaled_window(self, window: CountWindow, ratio: float, random: np.random.Generator) -> CountWindow:
        onset = self.onsets.get(window.unit)
        if onset is None:
            return window
        shares = coverage(window, self.periods)
        after = shares[self.periods >= onset].sum() / shares.sum()
        return dataclasses.replace(window, count=int(_scaled(np.array([window.count]), 1 + after * (ratio - 1), random)[0]))

    def resampled(self, frequency: Literal["Q", "Y"]) -> "Panel":
        """Coarser periods; a coarse cell with a missing part is a gap, spans stay what they are, covariates are averaged."""
        if PER_YEAR[frequency] > PER_YEAR[self.frequency]:
            raise StudyError(f"figures of frequency {self.frequency} cannot be made finer, {frequency}; resample to Q or Y")
        coarse = self.periods.asfreq(frequency)
        complete = coarse.value_counts().reindex(coarse.unique()) == PER_YEAR[self.frequency] // PER_YEAR[frequency]
        whole = complete.index[complete.to_numpy()]
        values = self.values.groupby(coarse).sum(min_count=1).where(self.values.notna().groupby(coarse).all())
        exposure = self.exposure.groupby(coarse).sum()
        sources = (
            self.sources.fillna("").groupby(coarse).agg(lambda cells: "; ".join(filter(None, cells)))
            if self.sources is not None
            else None
        )
        cut = [str(period) for period in coarse.unique() if period not in whole]
        onsets = {unit: onset.asfreq(frequency) for unit, onset in self.onsets.items()}
        inside = [onset for unit, onset in self.onsets.items() if onset.start_time != onsets[unit].start_time]
        dropped = self.dropped + tuple(f"{period} left out, because only part of it lies in the panel" for period in cut)
        dropped += tuple(
            f"the start {onset} lies inside {onset.asfreq(frequency)}, which counts as treated" for onset in inside
        )
        keep = values.index.isin(whole)
        if not keep.any():
            raise StudyError(
                f"no whole {frequency} lies in the panel, {self.periods[0]} to {self.periods[-1]}; keep its periods"
            )
        dropped += tuple(self._lost_in(values, coarse, keep))
        first, last = values.index[keep][0].start_time.date(), values.index[keep][-1].end_time.date()
        beyond = tuple(span for span in self.windows if span.start < first or span.end > last)
        dropped += tuple(
            f"the span of {span} left out, because it lies in a period of which only a part is in the panel" for span in beyond
        )
        return self.with_(
            values=values[keep],
            exposure=exposure[keep],
            onsets=onsets,
            windows=tuple(span for span in self.windows if span not in beyond),
            covariates={name: table.groupby(coarse).mean()[keep] for name, table in self.covariates.items()},
            sources=None if sources is None else sources[keep],
            dropped=dropped,
        )

    def _lost_in(self, values: pd.DataFrame, coarse: pd.PeriodIndex, keep: np.ndarray) -> Iterator[str]:
        """Sentences on figures that a coarse cell loses, because a span covers the rest of its days."""
        for unit in dict.fromkeys(span.unit for span in self.windows):
            spanned = sum(coverage(span, self.periods) for span in self.spans(unit)) > 0
            lost = (
                values[unit].isna()
                & self.values[unit].notna().groupby(coarse).any()
                & pd.Series(spanned, coarse).groupby(level=0).any()
            )
            for period in values.index[lost.to_numpy() & keep]:
                yield f"the finer figures of {unit} in {period} left out, because a span covers the rest of it"

    def _inside(self, window: Window) -> np.ndarray:
        """Which periods touch these days, shape (period,)."""
        inside = np.ones(len(self.periods), dtype=bool)
        if window.start:
            inside &= self.periods.end_time >= pd.Timestamp(window.start)
        if window.end:
            inside &= self.periods.start_time <= pd.Timestamp(window.end)
        return inside

    def _of_units(self, units: list[str], onsets: dict[str, pd.Period]) -> "Panel":
        return self.with_(
            values=self.values[units],
            exposure=self.exposure[units],
            onsets=onsets,
            windows=tuple(window for window in self.windows if window.unit in units),
            sources=None if self.sources is None else self.sources[units],
            covariates={name: table[units] for name, table in self.covariates.items()},
        )

    def _cut(self, keep: np.ndarray, what: str, first: date = date.min, last: date = date.max) -> "Panel":
        """The panel with periods removed from an end. A span that reaches into the removed days is left out and listed,
        and so is a period of which only a part remains, unless a span covers that part."""
        nothing = f"nothing is left of the panel, {self.periods[0]} to {self.periods[-1]}, without the days {what}; keep some"
        if not keep.any():
            raise StudyError(nothing)
        kept = self.periods[keep]
        first, last = max(first, kept[0].start_time.date()), min(last, kept[-1].end_time.date())
        spans = tuple(window for window in self.windows if first <= window.start and window.end <= last)
        crossing = [w for w in self.windows if w not in spans and not (w.end < first or w.start > last)]
        notes = tuple(f"the span of {span} left out, because it crosses into the days {what}" for span in crossing)
        whole = (self.periods.start_time >= pd.Timestamp(first)) & (self.periods.end_time.normalize() <= pd.Timestamp(last))
        covered = sum((coverage(span, self.periods) for span in spans), np.zeros(len(self.periods))) > 0
        keep = keep & (whole | covered)
        if not keep.any():
            raise StudyError(nothing)
        values = self.values.mask(np.broadcast_to(~whole[:, None], self.values.shape))[keep]
        onsets = {unit: min(onset, values.index[-1] + 1) for unit, onset in self.onsets.items()}
        return self.with_(
            values=values,
            exposure=self.exposure[keep],
            onsets=onsets,
            windows=spans,
            sources=None if self.sources is None else self.sources[keep],
            covariates={name: table[keep] for name, table in self.covariates.items()},
            dropped=self.dropped + notes,
        )


def _scaled(counts: np.ndarray, ratio: float, random: np.random.Generator) -> np.ndarray:
    """Counts with mean multiplied by a ratio: binomial thinning below 1, Poisson additions above."""
    if ratio <= 1:
        return random.binomial(counts, ratio)
    return counts + random.poisson(counts * (ratio - 1))


def _outliers(counts: np.ndarray, rule: OutlierRule) -> Iterator[tuple[int, float, int]]:
    """Which counts, shape (period,), a rule leaves out: place, median of the counts around it, and how many those are."""
    for place, count in enumerate(counts):
        near = np.concatenate([counts[max(place - rule.around, 0) : place], counts[place + 1 : place + 1 + rule.around]])
        near = near[~np.isnan(near)]
        if np.isnan(count) or len(near) < rule.around:
            continue
        median = float(np.median(near))
        mean = median + np.log(2)  # the largest that a Poisson with this median can have
        if count > max(rule.factor * median, mean) and count - mean - count * np.log(count / mean) < np.log(rule.chance):
            yield place, median, len(near)
