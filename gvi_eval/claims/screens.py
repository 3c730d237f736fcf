"""Arithmetic screens: what to look at in any published change before believing it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from gvi_eval.claims.arithmetic import tolerance
from gvi_eval.claims.changes import Recomputed
from gvi_eval.claims.declared import Quantity
from gvi_eval.study import Intervention

FLAGGED, QUIET, UNSEEN = "flagged", "not flagged", "could not be looked at"


@dataclass(frozen=True)
class Screen:
    """One screen: its name, whether it is flagged, and a sentence with the numbers."""

    name: str
    state: str
    sentence: str


def screens(done: Recomputed, recording: Sequence[Intervention] = ()) -> tuple[Screen, ...]:
    """Every screen on one recomputed quantity; ``recording`` are the changes of what is recorded that the study declares."""
    quantity = done.quantity
    found = [_part_year(quantity, done), _percent_and_counts(quantity), _definitions(done, recording)]
    found += [_vintage(done), _rounding(quantity, done), _denominator(quantity), _peak(done)]
    found += [_symmetry(quantity), _p_value(quantity)]
    return tuple(found)


def _part_year(quantity: Quantity, done: Recomputed) -> Screen:
    name = "part of a year against a full year"
    one, other = quantity.baseline, quantity.window
    if done.change:  # the days that were compared, also where a bound that is not published was filled in
        one, other = done.change.before.span, done.change.after.span
    if not (one and other and one.is_closed and other.is_closed and one.days > 0 and other.days > 0):
        return Screen(name, UNSEEN, "the days of one side are not given")
    if one.is_full_years == other.is_full_years and abs(one.days - other.days) <= 2:
        return Screen(name, QUIET, f"both sides cover {one.days} days")
    if one.is_full_years and other.is_full_years:
        return Screen(name, QUIET, f"full years on both sides, {one.days} and {other.days} days: compared per day")
    said = f"{other.days} days ({other}) are set against {one.days} ({one})"
    if done.change:
        said += f": {done.change.percent_of_counts:+.0f} % as bare counts is {done.change.percent:+.0f} % per day"
        whole = done.series.years.get(other.start.year)
        if whole and not other.is_full_years:
            percent = 100 * (whole.per_day / done.change.before.per_day - 1)
            said += f"; the whole of {other.start.year} ({whole.events}) gives {percent:+.0f} %"
    return Screen(name, FLAGGED, said)


def _percent_and_counts(quantity: Quantity) -> Screen:
    name = "percentage against counts"
    if quantity.change_percent is None or not quantity.is_pair or not quantity.before:
        return Screen(name, UNSEEN, "the claim does not give both a percentage and its two counts")
    found = 100 * (quantity.after / quantity.before - 1)
    said = f"{quantity.before:g} to {quantity.after:g} is {found:+.1f} %, claimed {quantity.change_percent:+g} %"
    agrees = abs(found - quantity.change_percent) <= tolerance(quantity)
    return Screen(name, QUIET if agrees else FLAGGED, said)


def _definitions(done: Recomputed, recording: Sequence[Intervention]) -> Screen:
    name = "definitions mixed"
    if done.change is None:
        return Screen(name, UNSEEN, "no two published counts were compared")
    used = sorted({*done.change.before.definitions, *done.change.after.definitions})
    if len(used) > 1:
        return Screen(name, FLAGGED, f"the counts stand under {len(used)} definitions, read as one series: {', '.join(used)}")
    first, last = done.change.before.span.start, done.change.after.span.end
    crossed = [event for event in recording if first < event.start.earliest <= last]
    if crossed:
        said = f"one definition, {used[0]}, but what is recorded changed between: {crossed[0].name} ({crossed[0].start})"
        return Screen(name, FLAGGED, said)
    return Screen(name, QUIET, f"one definition, {used[0]}")


def _vintage(done: Recomputed) -> Screen:
    name = "vintages mixed"
    if done.series is None:
        return Screen(name, UNSEEN, "no published figures were used")
    spans = [span for span in (done.quantity.baseline, done.quantity.window) if span]
    unused = [line for line in done.series.about(*spans) if " is not used (" in line]
    if unused:
        said = (
            "figure of these days or of some of them is" if len(unused) == 1 else "figures of these days or of some of them are"
        )
        return Screen(name, FLAGGED, f"{len(unused)} published {said} not used: {'; '.join(unused)}")
    if early := [line for line in done.workings if "preliminary" in line]:
        return Screen(name, FLAGGED, f"a figure is preliminary: {early[0]}")
    return Screen(name, QUIET, "every source that gives these days gives the same figure")


def _rounding(quantity: Quantity, done: Recomputed) -> Screen:
    name = "rounding"
    if quantity.change_percent is None or done.change is None:
        return Screen(name, UNSEEN, "no percentage is claimed, or none could be recomputed")
    one = 100 / done.change.before.events
    if one > 2 * tolerance(quantity):
        said = f"one event more or less moves the change by {one:.1f} points, more than the digits that are claimed"
        return Screen(name, FLAGGED, said)
    return Screen(name, QUIET, f"one event moves the change by {one:.1f} points")


def _denominator(quantity: Quantity) -> Screen:
    name = "denominator"
    if "per" in (quantity.value_unit or "").split():
        return Screen(name, FLAGGED, f"'{quantity.value_unit}' is a rate, and the number that it is divided by is not given")
    return Screen(name, UNSEEN, "no rate is claimed; counts are compared per day and never per inhabitant")


def _peak(done: Recomputed) -> Screen:
    name = "peak as baseline"
    words = (done.quantity.baseline.words or "") if done.quantity.baseline else ""
    if any(word in words for word in ("peak", "record")):
        return Screen(name, FLAGGED, f"the claim itself names its baseline as the highest: '{words}'")
    if done.series is None or done.change is None or len(done.series.years) < 3:
        return Screen(name, UNSEEN, "fewer than three yearly figures")
    years = done.series.years
    before = {year: count for year, count in years.items() if year < done.change.after.span.start.year}
    own = done.change.before.span
    if own.is_full_years and own.start.year == own.end.year and before:
        peak = max(before, key=lambda year: before[year].per_day)
        if peak == own.start.year and len(before) > 1:
            return Screen(
                name, FLAGGED, f"{peak} is the highest of the {len(before)} years before the window that are published"
            )
    return Screen(name, QUIET, "the baseline is not the single highest year")


def _symmetry(quantity: Quantity) -> Screen:
    name = "interval about its point"
    limits = _ratios(quantity)
    if limits is None:
        return Screen(name, UNSEEN, "the claim gives no interval")
    point, low, high = limits
    scales = [scale for scale in ("log", "plain") if interval_is_symmetric(point, low, high, scale)]
    said = f"{quantity.change_percent:+g} % ({quantity.lower:+g} to {quantity.upper:+g})"
    if not scales:
        return Screen(name, FLAGGED, f"{said} lies evenly about its point neither as logs nor as it stands")
    return Screen(name, QUIET, f"{said} lies evenly about its point on the {' and the '.join(scales)} scale")


def _p_value(quantity: Quantity) -> Screen:
    name = "p against interval"
    limits = _ratios(quantity)
    if limits is None or quantity.p is None:
        return Screen(name, UNSEEN, "the claim gives no interval with a p")
    if limits[1] >= limits[2]:
        said = f"the interval {quantity.lower:+g} to {quantity.upper:+g} % has no width, and p {quantity.p:g} stands beside it"
        return Screen(name, FLAGGED, said)
    fits = p_fits_interval(*limits, quantity.p)
    said = f"p {quantity.p:g} and the interval {quantity.lower:+g} to {quantity.upper:+g} %"
    return Screen(name, QUIET if fits else FLAGGED, f"{said} {'say the same' if fits else 'cannot both be so'}")


def _ratios(quantity: Quantity) -> tuple[float, float, float] | None:
    """Point and limits of a claimed change as ratios; None unless all are given and above zero."""
    given = (quantity.change_percent, quantity.lower, quantity.upper)
    if None in given or min(given) <= -100:
        return None
    return tuple(1 + each / 100 for each in given)


def interval_is_symmetric(point: float, lower: float, upper: float, scale: str) -> bool:
    """Whether an interval lies evenly about its point on the scale it was computed on ('log' for ratios, else 'plain').

    To a tenth of the interval's width: published limits are rounded.
    """
    one, low, high = (math.log(each) if scale == "log" else each for each in (point, lower, upper))
    return abs((high - one) - (one - low)) <= 0.1 * (high - low)


def p_fits_interval(point: float, lower: float, upper: float, p: float, level: float = 0.95, null: float = 1.0) -> bool:
    """Whether a p-value says the same as its interval about the null, for a ratio with a normal log: within a factor of two."""
    half = (math.log(upper) - math.log(lower)) / 2
    error = half / stats.norm.ppf((1 + level) / 2)
    expected = 2 * stats.norm.sf(abs(math.log(point / null)) / error)
    return (expected < 1 - level) == (p < 1 - level) and 0.5 <= (p + 1e-4) / (expected + 1e-4) <= 2
