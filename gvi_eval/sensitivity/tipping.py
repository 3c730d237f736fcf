"""The tipping-point table: what would have to be true for there to be no effect, beside what was observed."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from gvi_eval.effect import Effect, contrast_rows
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import Estimator, make_estimator, takes_several, uses_donors
from gvi_eval.inference.evaluation import Evaluation
from gvi_eval.panel import PER_YEAR, Panel
from gvi_eval.sensitivity.leave_out import LeftOut
from gvi_eval.sensitivity.level_trend import has_trend
from gvi_eval.sensitivity.placebo_dates import PlaceboDate
from gvi_eval.study import Estimand, Intervention
from gvi_eval.windows import coverage

COMPETING = ("co-intervention", "shock")
FARTHEST = math.log(50.0)  # a rival that must be larger than this factor is said to have no factor at all
STEP = 1.5  # by which the search goes further out until the ratio has passed 1
EXACT = 1e-12  # on the log of the value sought: below the tenth digit that is printed
MOST_DATES = 6
MOSTLY = 0.5  # share of a period that figures cover, from which on it counts as known
SAME_DAYS = 0.02  # share by which the days of two sources may differ on one side of the start
UNITS = {
    "trend": "change per year without the programme",
    "co-event": "factor on the counts from its date on",
    "capture": "share of events that are counted, after the start over before",
    "rebound": "share of the change that the return is",
    "placebo place": "ratio where there was no programme",
    "placebo date": "ratio at a date without a programme",
    "donor": "factor on the ratio",
}
HOLDS_ONE = "the interval holds 1 already"


@dataclass(frozen=True)
class Tipping:
    """One threat on its own scale: what was observed, and where the point and the interval of the effect reach 1.

    ``kind`` is one of `UNITS`; ``neutral`` is the value at which the threat changes nothing. ``interval_at`` is absent where
    the interval holds 1 already, ``point_at`` and ``interval_at`` where no value within a factor of 50 carries the effect,
    ``observed`` where the tables say nothing; the sentence says which.
    """

    kind: str
    row: str
    neutral: float
    observed: float | None
    point_at: float | None
    interval_at: float | None
    sentence: str
    observed_lower: float | None = None
    observed_upper: float | None = None

    @property
    def unit(self) -> str:
        return UNITS[self.kind]


def tipping_points(
    estimator: Estimator,
    panel: Panel,
    effect: Effect,
    *,
    evaluation: Evaluation | None = None,
    left_out: Sequence[LeftOut] = (),
    dates: Sequence[PlaceboDate] = (),
    sources: Sequence[tuple[str, Panel]] = (),
) -> tuple[Tipping, ...]:
    """What would have to be true for a ratio to be 1, one row a threat.

    A threat multiplies what would have been counted without the programme by f_t(v), and v is sought at which the point, or
    the limit of the interval that is nearer to 1, is 1:

    trend     f_t = (1 + v)^(years since the start), all along, in the analysis without a trend of its own
    co-event  f_t = v from the first period of the event on; from the start or later v = (IRR − 1 + s) / s, with s the share
              of those periods in what was expected
    capture   f_t = v after the start, so IRR true = IRR observed × capture before / capture after: v is the ratio itself
    rebound   v = (E − M) / (E − F): what the return from what was expected, E, to the mean before the peak year, M, is of
              the change from E to what was reached, F (before a rise, the year of the trough)
    placebos  v is the ratio itself: a bias of that size is the whole effect
    donor     v = 1 / ratio: what leaving a donor out would have to multiply the ratio by

    A trend and an event before the start change what is fitted, so one series is fitted again with the exposure times f_t(v)
    by a root search (Brent's), where the method is quick to fit. A method with donors is not fitted again: its expected path
    is multiplied, for a trend from the start on, and the limits of its ratio move with the point. The return to a mean is
    judged without a trend, which would carry another return on.

    ``sources``: other counts of the same events, by title. ``dates`` are placebo dates of a method with donors; those of a
    single series are run here. Every row is a what-if and none is an estimate: rivals may act together, and each row has the
    whole effect carried by one.

    Empty for a refused effect, one that is no ratio above 0 or is 1 itself, one without an interval, and one of several units
    at once.
    """
    usable = not effect.refusal and effect.point and effect.point > 0 and effect.point != 1 and effect.intervals
    if not usable or effect.estimand.contrast != "ratio" or takes_several(estimator) or effect.counterfactual is None:
        return ()
    what = _WhatIf(estimator, panel, effect)
    rows = [_trend(what)]
    rows += [_co_event(what, event) for event in rivals(panel)]
    rows += [_capture(what, sources), _rebound(what)]
    if evaluation is not None:
        rows.append(_placebo_place(what, evaluation))
    if uses_donors(estimator):
        rows += [_placebo_date(what, [(str(each.onset), each.point) for each in dates]), _donor(what, left_out)]
    elif what.refits:
        rows.append(_placebo_date(what, list(_placebo_dates(estimator, panel))))
    return tuple(row for row in rows if row is not None)


def tipping_frame(rows: Sequence[Tipping], specification: str, onset: str) -> pd.DataFrame:
    """One row a threat, as it is published."""
    return pd.DataFrame(
        [
            {
                "specification": specification,
                "onset": onset,
                "kind": row.kind,
                "row": row.row,
                "unit_of_row": row.unit,
                "neutral": row.neutral,
                "observed": row.observed,
                "observed_lower": row.observed_lower,
                "observed_upper": row.observed_upper,
                "point_at": row.point_at,
                "interval_at": row.interval_at,
                "sentence": row.sentence,
            }
            for row in rows
        ]
    )


def rivals(panel: Panel) -> tuple[Intervention, ...]:
    """Co-interventions and shocks of the treated unit from a year before the start to the last period, by date."""
    unit, onset = panel.sole_treated
    first, last = onset - PER_YEAR[panel.frequency], panel.periods[-1]
    found = [
        event
        for event in panel.interventions
        if event.role in COMPETING
        and event.unit in (None, unit)
        and first <= pd.Period(event.start.earliest, freq=panel.frequency) <= last
    ]
    return tuple(sorted(found, key=lambda event: (event.start.earliest, event.name)))


def reaches_one(log_ratio: Callable[[float], float], first: float, farthest: float = FARTHEST) -> float | None:
    """The v at which ``log_ratio`` (v) is 0, sought from 0 towards ``first`` and beyond up to ``farthest``.

    None where it is 0 nowhere on the way, or cannot be had there.
    """
    try:
        near, far = 0.0, float(np.clip(first, -farthest, farthest))
        start = log_ratio(near)
        if start == 0.0:
            return 0.0
        while True:
            reached = log_ratio(far)
            if np.sign(reached) != np.sign(start):
                return float(optimize.brentq(log_ratio, near, far, xtol=EXACT, rtol=EXACT))
            if abs(far) >= farthest or far == 0:
                return None
            near, far = far, float(np.clip(far * STEP, -farthest, farthest))
    except EstimationError:
        return None


@dataclass(frozen=True, eq=False)
class _WhatIf:
    """An effect, and what it would be if the counts without the programme had been multiplied."""

    estimator: Estimator
    panel: Panel
    effect: Effect

    @property
    def refits(self) -> bool:
        return not uses_donors(self.estimator) and self.estimator.cost == "fast"

    @property
    def ratio(self) -> float:
        return self.effect.point

    @property
    def limit(self) -> float | None:
        """The limit nearer to 1, None where the interval holds 1 or ends at 0 or nowhere."""
        return _nearer(self.effect)

    @property
    def years(self) -> np.ndarray:
        """Years since the start at the middle of each period, shape (period,)."""
        onset = self.panel.sole_treated[1]
        since = np.array([(period - onset).n for period in self.panel.periods], dtype=float)
        return (since + 0.5) / PER_YEAR[self.panel.frequency]

    @property
    def after(self) -> np.ndarray:
        return np.asarray(self.panel.periods >= self.panel.sole_treated[1])

    def with_trend_imposed(self) -> "_WhatIf | None":
        """The analysis that takes a trend as given: without one of its own. None where even without it there is none."""
        if not (self.refits and has_trend(self.estimator) and self.estimator.trend):
            return self
        estimator = replace(self.estimator, trend=False)
        try:
            effect = estimator.estimate(self.panel).over(self.effect.estimand)
        except EstimationError:
            return None
        return _WhatIf(estimator, self.panel, effect) if effect.point and effect.point > 0 else None

    def ratio_over_share(self, on: np.ndarray) -> tuple[float | None, float | None]:
        """The factors k on the expected counts of the periods that are ``on`` (period,) at which point and limit are 1.

        1 = ratio / (1 − s + s k) with s the share of those periods in what was expected: k = (ratio − 1 + s) / s, and none
        where even k = 0 is not enough.
        """
        share = self.factor(1.0 + on) - 1.0
        found = (
            None if value is None or not value > 1 - share else (value - 1) / share + 1 for value in (self.ratio, self.limit)
        )
        return tuple(found)

    def tips(self, shape: np.ndarray) -> tuple[float | None, float | None]:
        """The logs v at which the point and the nearer limit are 1 when f_t = exp(v shape_t); ``shape`` (period,).

        No limit where the interval holds 1 already.
        """
        towards = math.log(self.ratio)
        point = reaches_one(lambda v: self._log(v, shape, False), towards)
        if self.limit is None:
            return point, None
        return point, reaches_one(lambda v: self._log(v, shape, True), math.log(self.limit))

    def _log(self, v: float, shape: np.ndarray, limit: bool) -> float:
        if not self.refits:
            value = self.limit if limit else self.ratio
            return math.log(value) - math.log(self.factor(np.exp(v * shape)))
        effect = self._refitted(np.exp(v * shape)) if v else self.effect
        if not effect.point or not effect.point > 0:
            raise EstimationError(f"{self.estimator.name} gives no ratio above 0 here; take counts with events on both sides")
        if not limit:
            return math.log(effect.point)
        interval = effect.intervals[0]
        return math.log(interval.upper if self.ratio < 1 else interval.lower)

    def _refitted(self, factors: np.ndarray) -> Effect:
        """The same analysis with the treated unit's exposure multiplied, ``factors`` (period,)."""
        unit, _ = self.panel.sole_treated
        exposure = self.panel.exposure.astype(float)
        exposure[unit] *= factors
        effect = self.estimator.estimate(self.panel.with_(exposure=exposure))
        own, asked = effect.estimand, self.effect.estimand
        same = (own.contrast, own.target, own.window) == (asked.contrast, asked.target, asked.window)
        return effect if same else effect.over(asked)

    def factor(self, factors: np.ndarray) -> float:
        """Σ expected × factor over Σ expected in the window of the contrast."""
        path = self.effect.counterfactual
        rows = contrast_rows(path, self.effect.estimand, self.effect.onset)
        if path.factual is None or self.effect.estimand.target == "realised":
            rows = rows[path.observed.notna().to_numpy()[rows]]
        expected = path.expected.to_numpy()[rows]
        return float((expected * factors[rows]).sum() / expected.sum())


def _nearer(effect: Effect) -> float | None:
    interval = effect.intervals[0]
    limit = interval.upper if effect.point < 1 else interval.lower
    return limit if interval.excludes(1.0) and 0 < limit < math.inf else None


def _trend(what: _WhatIf) -> Tipping | None:
    """A trend that would have been there anyhow, beside the slope before the start."""
    imposed = what.with_trend_imposed()
    if imposed is None:
        return None
    if imposed.refits:
        shape, words = imposed.years, "all along"
    else:
        apart = ", apart from its donors," if uses_donors(what.estimator) else ""
        shape, words = np.where(imposed.after, imposed.years, 0.0), f"from the start on{apart}"
    point, limit = (None if v is None else math.expm1(v) for v in imposed.tips(shape))
    slope, lower, upper = _slope_before(what)
    sentence = (
        f"{_carried(point, lambda v: f'a change of {v:+.1%} a year {words}')}{_without(what, imposed)}; "
        f"{_interval_words(imposed, limit, lambda v: f'{v:+.1%} a year')}; "
        + ("no slope before the start can be had" if slope is None else f"before the start it changed by {slope:+.1%} a year")
        + ("" if lower is None else f" ({lower:+.1%} to {upper:+.1%})")
    )
    return Tipping("trend", "counterfactual trend", 0.0, slope, point, limit, sentence, lower, upper)


def _slope_before(what: _WhatIf) -> tuple[float | None, float | None, float | None]:
    """The change per year before the start, with its 95 % limits.

    Of one series the trend of its model with a slope of its own after the start, or else with one trend throughout; of a
    comparison the least-squares line through the logs of observed over expected before the start.
    """
    if uses_donors(what.estimator):
        return _slope_of_gaps(what)
    own = what.estimator if has_trend(what.estimator) and hasattr(what.estimator, "change") else None
    base = own if own is not None and what.refits else make_estimator("latent_counts", {})
    for change in ("level+slope", "level"):
        try:
            details = replace(base, trend=True, change=change).estimate(what.panel).details
        except (EstimationError, StudyError):
            continue
        spread = details.get("standard_deviations") or details.get("standard_errors")
        if "trend" not in details["coefficients"] or not spread:
            return None, None, None
        per_year = PER_YEAR[what.panel.frequency] / len(what.panel.periods)
        mean, reach = details["coefficients"]["trend"] * per_year, stats.norm.ppf(0.975) * spread["trend"] * per_year
        return math.expm1(mean), math.expm1(mean - reach), math.expm1(mean + reach)
    return None, None, None


def _slope_of_gaps(what: _WhatIf) -> tuple[float | None, float | None, float | None]:
    path = what.effect.counterfactual
    observed, expected = path.observed.to_numpy(dtype=float), path.expected.to_numpy(dtype=float)
    known = ~what.after & (observed > 0) & (expected > 0)
    if known.sum() < 3:
        return None, None, None
    line = stats.linregress(what.years[known], np.log(observed[known] / expected[known]))
    reach = stats.t.ppf(0.975, known.sum() - 2) * line.stderr
    return math.expm1(line.slope), math.expm1(line.slope - reach), math.expm1(line.slope + reach)


def _co_event(what: _WhatIf, event: Intervention) -> Tipping | None:
    """One dated rival: the factor from its date on that would be the whole effect."""
    start = pd.Period(event.start.earliest, freq=what.panel.frequency)
    on = np.asarray(what.panel.periods >= start).astype(float)
    if start >= what.panel.sole_treated[1]:
        point, limit = what.ratio_over_share(on)
    elif what.refits:
        point, limit = (None if v is None else math.exp(v) for v in what.tips(on))
    else:
        return None  # it would change what the donors were fitted to
    share = what.factor(1.0 + on) - 1.0
    sentence = (
        f"{event.name} ({start}, {_dated(event, what)}, with {share:.0%} of what was expected after the start): "
        f"{_carried(point, lambda v: f'counts multiplied by {v:.2f} from then on', 'not even no events at all from then on')}; "
        f"{_interval_words(what, limit, lambda v: f'{v:.2f}')}; what it did by itself is not known"
    )
    return Tipping("co-event", f"{event.name}, {start}", 1.0, None, point, limit, sentence)


def _dated(event: Intervention, what: _WhatIf) -> str:
    known = "its day" if event.start.is_known else "the first day of the interval in which it lies"
    before = pd.Period(event.start.earliest, freq=what.panel.frequency) < what.panel.sole_treated[1]
    return known + (" before the start" if before else "")


def _capture(what: _WhatIf, sources: Sequence[tuple[str, Panel]]) -> Tipping:
    """A change in the share of events that are counted: IRR true = IRR observed × capture before / capture after."""
    observed, title = _overlap(what.panel, sources)
    said = (
        "the tables hold no second source of the same events for the same days"
        if observed is None
        else f"beside {title} the share changed by a factor {observed:.2f}"
    )
    sentence = (
        f"{_carried(what.ratio, lambda v: f'{v:.2f} times the share of events counted after the start as before')}; "
        f"{_interval_words(what, what.limit, lambda v: f'{v:.2f}')}; {said}"
    )
    return Tipping("capture", "change in capture", 1.0, observed, what.ratio, what.limit, sentence)


def _overlap(panel: Panel, sources: Sequence[tuple[str, Panel]]) -> tuple[float | None, str]:
    """The before/after ratio of the panel over that of the source that differs most; None without one for the same days."""
    exact = make_estimator("exact_ratio", {})
    found: list[tuple[float, str]] = []
    unit, onset = panel.sole_treated
    for title, other in sources:
        try:
            cut = other.since(panel.periods[0].start_time.date()).until(panel.periods[-1].end_time.date()).starting(onset)
            one, two = (exact.estimate(_of_one(each, unit)) for each in (panel, cut))
        except (EstimationError, StudyError):
            continue
        sides = [(one.details[f"person_years_{side}"], two.details[f"person_years_{side}"]) for side in ("before", "after")]
        alike = all(abs(a - b) <= SAME_DAYS * a for a, b in sides)
        different = any(one.details[f"events_{side}"] != two.details[f"events_{side}"] for side in ("before", "after"))
        if alike and different and two.point:
            found.append((one.point / two.point, title))
    return max(found, key=lambda pair: abs(math.log(pair[0])), default=(None, ""))


def _of_one(panel: Panel, unit: str) -> Panel:
    return panel.without(*(name for name in panel.values.columns if name != unit))


def _rebound(what: _WhatIf) -> Tipping:
    """A return to the mean before the highest year (before a rise, the lowest) as a share of the change."""
    own = what
    what = own.with_trend_imposed() or own  # a trend carried on would already be another return
    unit, _ = what.panel.sole_treated
    path = what.effect.counterfactual
    rows = contrast_rows(path, what.effect.estimand, what.effect.onset)
    expected = path.expected.to_numpy()[rows].sum() / what.panel.exposure[unit].to_numpy(dtype=float)[rows].sum()
    mean, year = _mean_before_peak(what.panel, lowest=what.ratio > 1)
    observed = None if mean is None else (1 - mean / expected) / (1 - what.ratio)
    at = None if what.limit is None else (1 - what.limit) / (1 - what.ratio)
    peak, above = ("trough", "below") if what.ratio > 1 else ("peak", "above")
    if observed is None:
        said = f"there is no year of figures before the {peak} year{f' {year}' if year else ''}, so that mean is not known"
    elif observed < 0:
        said = f"the mean before {year}, the {peak} year, lies {above} what was expected, so that a return would hide an effect"
    else:
        said = f"the {peak} year before the start is {year}; the mean before it would be {observed:.0%} of the change"
    sentence = (
        f"a return to the mean before the {peak} that is 100% of the change would be the whole effect{_without(own, what)}; "
        f"{_interval_words(what, at, lambda v: f'{v:.0%}')}; {said}"
    )
    return Tipping("rebound", f"return to the mean before the {peak}", 0.0, observed, 1.0, at, sentence)


def _mean_before_peak(panel: Panel, lowest: bool) -> tuple[float | None, str]:
    """The mean rate before the highest (lowest) calendar year before the start, and that year.

    A figure for several periods is spread evenly over its days. None with less than a year before that year.
    """
    unit, onset = panel.sole_treated
    counts, covered = _spread(panel, unit)
    people = panel.exposure[unit].to_numpy(dtype=float) * covered
    known = np.asarray(panel.periods < onset) & (covered > MOSTLY)
    years = np.asarray(panel.periods.year)
    whole = [year for year in np.unique(years) if known[years == year].sum() == PER_YEAR[panel.frequency]]
    if not whole:
        return None, ""
    rates = [counts[years == year].sum() / people[years == year].sum() for year in whole]
    peak = whole[int(np.argmin(rates) if lowest else np.argmax(rates))]
    earlier = known & (years < peak)
    if earlier.sum() < PER_YEAR[panel.frequency]:
        return None, str(peak)
    return float(counts[earlier].sum() / people[earlier].sum()), str(peak)


def _spread(panel: Panel, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Counts per period and the share of each period that figures cover, each of shape (period,)."""
    own = panel.values[unit].to_numpy(dtype=float)
    counts, covered = np.nan_to_num(own), (~np.isnan(own)).astype(float)
    for span in panel.spans(unit):
        shares = coverage(span, panel.periods)
        counts = counts + span.count * shares / shares.sum()
        covered = covered + shares
    return counts, covered


def _placebo_place(what: _WhatIf, evaluation: Evaluation) -> Tipping | None:
    """The donor that shows most in the direction of the effect, at the treated unit's size."""
    placebos = evaluation.placebos(what.effect.estimand)
    scaled = placebos.scaled[1:]
    known = np.isfinite(scaled)
    if not known.any():
        return None
    side = -1.0 if what.ratio < 1 else 1.0
    worst = int(np.argmax(np.where(known, side * scaled, -np.inf)))
    observed, name = float(np.exp(scaled[worst] * placebos.spread[0])), placebos.units[1 + worst]
    beyond = int((side * scaled[known] >= side * placebos.scaled[0]).sum())
    sentence = (
        f"a ratio of {what.ratio:.2f} where there was no programme would be the whole effect; "
        f"{_interval_words(what, what.limit, lambda v: f'{v:.2f}')}; the farthest of {known.sum()} places, {name}, has "
        f"{observed:.2f} at this place's size, and {beyond} have as much or more"
    )
    return Tipping("placebo place", f"worst placebo: {name}", 1.0, observed, what.ratio, what.limit, sentence)


def _placebo_dates(estimator: Estimator, panel: Panel) -> Iterator[tuple[str, float | None]]:
    """The ratio of one series at starts before the programme, from its figures before the programme alone."""
    _, onset = panel.sole_treated
    earlier = panel.before(onset).with_(estimand=Estimand("ratio"))
    before, year = len(earlier.periods), PER_YEAR[panel.frequency]
    first, last = math.ceil(before / 2), before - year
    for place in np.unique(np.linspace(first, last, MOST_DATES).round().astype(int)) if last >= first else ():
        start = earlier.periods[place]
        try:
            effect = estimator.estimate(earlier.starting(start))
        except (EstimationError, StudyError):
            continue
        yield str(start), None if effect.refusal else effect.point


def _placebo_date(what: _WhatIf, dates: Sequence[tuple[str, float | None]]) -> Tipping | None:
    """The date without a programme that shows most in the direction of the effect."""
    known = [(point, start) for start, point in dates if point and point > 0]
    if not known:
        return None
    observed, start = min(known) if what.ratio < 1 else max(known)
    side = -1.0 if what.ratio < 1 else 1.0
    beyond = sum(side * math.log(point) >= side * math.log(what.ratio) for point, _ in known)
    sentence = (
        f"a ratio of {what.ratio:.2f} at a date without a programme would be the whole effect; "
        f"{_interval_words(what, what.limit, lambda v: f'{v:.2f}')}; of {len(known)} dates before the start {start} shows "
        f"most, {observed:.2f}, and {beyond} have as much or more"
    )
    return Tipping("placebo date", f"worst placebo: {start}", 1.0, observed, what.ratio, what.limit, sentence)


def _donor(what: _WhatIf, left_out: Sequence[LeftOut]) -> Tipping | None:
    """The donor whose absence takes most of the effect away."""
    known = [(each.point, each.donors[0]) for each in left_out if len(each.donors) == 1 and each.point and each.point > 0]
    if not known:
        return None
    point, name = max(known) if what.ratio < 1 else min(known)
    limit = None if what.limit is None else 1 / what.limit
    sentence = (
        f"leaving a donor out would have to multiply the ratio by {1 / what.ratio:.2f}; "
        f"{_interval_words(what, limit, lambda v: f'{v:.2f}')}; of {len(known)} donors with weight {name} takes most away: the "
        f"ratio without it is {point:.2f}, {point / what.ratio:.2f} times"
    )
    return Tipping("donor", f"worst donor: {name}", 1.0, point / what.ratio, 1 / what.ratio, limit, sentence)


def _without(own: _WhatIf, imposed: _WhatIf) -> str:
    return "" if own is imposed else f" (without a trend of its own the ratio is {imposed.ratio:.2f})"


def _carried(
    value: float | None, words: Callable[[float], str], nothing: str = f"no factor up to {math.exp(FARTHEST):.0f}"
) -> str:
    return f"{nothing if value is None else words(value)} would be the whole effect"


def _interval_words(what: _WhatIf, value: float | None, words: Callable[[float], str]) -> str:
    if what.limit is None:
        return HOLDS_ONE
    return "the interval reaches 1 at no value" if value is None else f"the interval reaches 1 at {words(value)}"
