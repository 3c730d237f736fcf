"""A claimed change recomputed from published figures, by bare counts and by the days they cover, with the workings."""

import math
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from gvi_eval.claims.arithmetic import SIGNS, Change, change, fits, tolerance
from gvi_eval.claims.breaks import bracket, break_for, percent_with_break, possible_breaks
from gvi_eval.claims.declared import Claim, Quantity, Span
from gvi_eval.claims.published import Published, Shelf, alone, published
from gvi_eval.claims.windows import WindowTable, window_table

NOT_CHECKABLE = "RX"


@dataclass(frozen=True)
class Recomputed:
    """One claimed number: its level, the sentence behind it, the workings line by line, and what the search allowed."""

    quantity: Quantity
    level: str
    sentence: str
    workings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    series: Published | None = None
    change: Change | None = None
    table: WindowTable | None = None


@dataclass
class Notes:
    """What is gathered on the way to one level."""

    workings: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def close(self, quantity: Quantity, level: str, sentence: str, **more: object) -> Recomputed:
        return Recomputed(quantity, level, sentence, workings=tuple(self.workings), findings=tuple(self.findings), **more)


def recompute_change(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """A change from a baseline to a window: by bare counts and by the days they cover."""
    notes = Notes()
    refused = _impossible(quantity, notes)
    if refused:
        return refused
    missing = _missing(claim, quantity)
    if missing:
        own = _by_its_own_counts(quantity, missing, notes) if missing[0].startswith("a published count") else None
        return own or notes.close(quantity, NOT_CHECKABLE, f"not checkable: {missing_words(missing)}", missing=missing)
    series = published(claim, quantity, shelf)
    notes.workings += series.about(quantity.baseline, quantity.window)
    table = window_table(series, quantity, claim.start.start if claim.start else None)
    baseline, window = quantity.baseline, quantity.window
    if baseline.end is None and window.start is None:
        for value, line in series.open_ended:
            if value in (quantity.before, quantity.after):
                notes.findings += alone(claim, f"{value}", [line], shelf)
        return _without_a_break(quantity, series, table, notes)
    filled = _filled(quantity, series, notes)
    was_filled = filled != quantity
    before, after = series.over(filled.baseline), series.over(filled.window)
    if before is None or after is None:
        lacks = [str(span) for span, count in ((filled.baseline, before), (filled.window, after)) if count is None]
        sentence = f"not checkable: no published figure of {series.measure} in {series.place} covers {' nor '.join(lacks)}"
        return notes.close(quantity, NOT_CHECKABLE, sentence, series=series, table=table, missing=("counts of these days",))
    if before.events == 0:
        sentence = f"not checkable: {before} leaves nothing to divide by"
        return notes.close(quantity, NOT_CHECKABLE, sentence, series=series, table=table, missing=("events before",))
    if was_filled:
        table = window_table(series, filled, claim.start.start if claim.start else None)
    said = change(series, before, after)
    notes.workings += write_out(said)
    notes.workings += _remarked(series, said)
    for count in (before, after):
        notes.findings += alone(claim, f"{count.events} for {count.span}", count.sources, shelf)
    if quantity.before is not None and quantity.after is None and quantity.before != before.events:
        notes.findings.append(f"the change is said to start from {quantity.before:g}, and {before.events} is published")
    level, sentence = _judged(quantity, said, series, table, notes)
    if was_filled and level in ("R3", "R2"):
        level, sentence = "R1a", f"{sentence}; a bound of its days is not published and was filled in"
    return notes.close(quantity, level, sentence, series=series, change=said, table=table)


def _impossible(quantity: Quantity, notes: Notes) -> Recomputed | None:
    """What no figures can give, or no days can hold: findings, not crashes."""
    claimed = quantity.claimed_percent
    if claimed is not None and claimed < -100:
        notes.findings.append(f"a fall of {-claimed:g} % is claimed, and no count can fall by more than 100 %")
        return notes.close(quantity, "R0", f"no: {notes.findings[-1]}")
    sign = SIGNS.get(quantity.direction or "", 0)
    odd = []
    if claimed is not None and claimed * sign < 0:
        odd.append(f"the direction is said to be {quantity.direction}, and the number that is given is {claimed:+g} %")
    if quantity.is_pair and not quantity.before and quantity.after:
        odd.append(f"{quantity.before:g} to {quantity.after:g} has no percentage: nothing can be divided by a baseline of zero")
    baseline, window = quantity.baseline, quantity.window
    for name, span in (("baseline", baseline), ("window", window)):
        if span and span.is_closed and span.end < span.start:
            notes.findings.append(f"the {name} ends on {span.end}, before it starts on {span.start}")
    if baseline and window and baseline.end and window.start and baseline.end >= window.start:
        notes.findings.append(
            f"the baseline ({baseline}) does not end before the window that it is compared with ({window}) begins"
        )
    if notes.findings:
        return notes.close(quantity, NOT_CHECKABLE, f"not checkable: {notes.findings[-1]}", missing=("days that can hold",))
    notes.findings += odd
    return None


def _missing(claim: Claim, quantity: Quantity) -> tuple[str, ...]:
    """The fields without which a change cannot be recomputed, in the order of the table of kinds."""
    has_table = bool((claim.study and quantity.study_outcome) or (quantity.tables and quantity.measure))
    known = {
        f"a published count of {quantity.outcome or 'what is claimed'}": has_table,
        _days_of("baseline", quantity.baseline): quantity.baseline is not None
        and (quantity.baseline.start or quantity.baseline.end),
        _days_of("window", quantity.window): quantity.window is not None and (quantity.window.start or quantity.window.end),
        "a size or direction": quantity.claimed_percent is not None or quantity.word or quantity.direction,
    }
    return tuple(name for name, is_given in known.items() if not is_given)


def _days_of(name: str, span: Span | None) -> str:
    return f"the days of the {name} ('{span.words}')" if span and span.words else f"a {name}"


def missing_words(missing: tuple[str, ...]) -> str:
    return f"missing: {', '.join(missing)}"


def lacking(quantity: Quantity, notes: Notes, missing: tuple[str, ...]) -> Recomputed:
    """Not checkable, because these fields are missing."""
    return notes.close(quantity, NOT_CHECKABLE, f"not checkable: {missing_words(missing)}", missing=missing)


def _by_its_own_counts(quantity: Quantity, missing: tuple[str, ...], notes: Notes) -> Recomputed | None:
    """A percentage held against the two counts that stand beside it, where no table holds them."""
    if quantity.change_percent is None or not quantity.is_pair or not quantity.before:
        return None
    percent = 100 * (quantity.after / quantity.before - 1)
    notes.workings.append(
        f"{quantity.after:g} / {quantity.before:g} = {quantity.after / quantity.before:.3f}, that is {percent:+.1f} %"
    )
    notes.findings.append("the counts stand in the publication alone: no table here holds them")
    level = fits(quantity, percent) or "R0"
    said = f"the counts that stand beside it ({quantity.before:g} to {quantity.after:g}) give {percent:+.1f} %"
    return notes.close(quantity, level, said if level != "R0" else f"no: {said}", missing=missing)


def _filled(quantity: Quantity, series: Published, notes: Notes) -> Quantity:
    """Bounds that are not published: the outer ones drawn to the first year or the last day published, said as findings.

    An inner one, where the other side gives it, is the day beside it: a baseline ends where its window begins.
    """
    one, other, day = quantity.baseline, quantity.window, timedelta(days=1)
    if one.end is None and other.start:
        one = replace(one, end=other.start - day)
        notes.findings.append(
            f"the last day of '{one.words or 'the baseline'}' is not given; the day before the window is used"
        )
    if other.start is None and one.end:
        other = replace(other, start=one.end + day)
        notes.findings.append(
            f"the first day of '{other.words or 'the window'}' is not given; the day after the baseline is used"
        )
    years = [year for year in series.years if one.end and year <= one.end.year]
    if one.start is None and years:
        said = f"the first day of '{one.words or one}' is not given; every published year is used, from {years[0]}"
        notes.findings.append(said)
        one = replace(one, start=date(years[0], 1, 1))
    if other.end is None and other.start and series.windows:
        notes.findings.append(
            f"the last day of '{other.words or other}' is not given; the last published, {series.last}, is used"
        )
        other = replace(other, end=series.last)
    return replace(quantity, baseline=one, window=other)


def write_out(said: Change) -> list[str]:
    """The arithmetic of a change, with the rows it rests on."""
    lines = []
    for name, count in (("before", said.before), ("after", said.after)):
        lines.append(f"{name}: {count}: {'; '.join(count.sources)}")
    a, b = said.after, said.before
    lines.append(f"bare counts: {a.events} / {b.events} = {said.count_ratio:.3f}, that is {said.percent_of_counts:+.1f} %")
    ratio = f"per day: ({a.events} / {a.days}) / ({b.events} / {b.days}) = {said.rate_ratio:.3f}"
    lines.append(f"{ratio}, that is {100 * (said.rate_ratio - 1):+.1f} %")
    lines.append(f"difference: {said.per_month:+.2f} a month")
    if said.exact:
        text = f"exact conditional 95 % interval of the ratio per day: {said.exact.lower:.3f} to {said.exact.upper:.3f}"
        lines.append(f"{text} (independent events)")
    if said.adjusted:
        taken = ", taken as 1" if said.dispersion < 1 else ""
        limits = f"{said.adjusted.lower:.3f} to {said.adjusted.upper:.3f}"
        wide = "95 % interval of it (Wald, t), widened by the scatter of the published windows"
        lines.append(f"{wide}: {limits} (dispersion {said.dispersion:.2f}{taken})")
    else:
        lines.append("too few published windows on either side to estimate how much the counts scatter: no adjusted interval")
    return lines


def _remarked(series: Published, said: Change) -> list[str]:
    """What is published beside the rows that a change rests on, each remark once, with its rows (table:line, source)."""
    rows = dict.fromkeys(row.removeprefix("less ") for row in (*said.before.sources, *said.after.sources))
    remarks: dict[str, list[str]] = {}
    for row in rows:
        if row in series.remarks:
            remarks.setdefault(series.remarks[row], []).append(row)
    return [f"beside it stands '{remark}': {'; '.join(places)}" for remark, places in remarks.items()]


def _judged(quantity: Quantity, said: Change, series: Published, table: WindowTable, notes: Notes) -> tuple[str, str]:
    """The level of a change whose two counts are published, and the sentence that says why."""
    direct = _direct(quantity, said)
    if direct:
        return direct
    shown = _gives(said)
    if rival := _by_rivals(quantity, said, series):
        return rival
    for reading in quantity.readings:
        other = _under(reading.baseline or quantity.baseline, reading.window or quantity.window, series)
        level = _direct(quantity, other) if other else None
        if other:
            notes.workings.append(f"also read as {other.before.span} against {other.after.span}: {_gives(other)}")
        if level:
            return "R1a", f"{shown}; with {other.before.span} against {other.after.span} {_gives(other)}: {reading.because}"
    return _searched(quantity, shown, table)


def _direct(quantity: Quantity, said: Change) -> tuple[str, str] | None:
    if quantity.is_pair:
        counts = (said.before.events, said.after.events)
        if counts == (quantity.before, quantity.after):
            return "R3", f"the published counts are {counts[0]} and {counts[1]}, as claimed; {_gives(said)}"
        near = quantity.word == "about" and all(
            abs(found - claimed) <= 0.05 * claimed
            for found, claimed in zip(counts, (quantity.before, quantity.after), strict=True)
        )
        return ("R2", f"the published counts are {counts[0]} and {counts[1]}") if near else None
    by_day = fits(quantity, said.percent) if quantity.per != "count" else None
    if by_day:
        return by_day, _gives(said)
    if not said.is_level and (bare := fits(quantity, said.percent_of_counts)):
        return (
            bare,
            f"the bare counts give {said.percent_of_counts:+.1f} %, over {said.before.days} and {said.after.days} days: per "
            f"day it is {said.percent:+.1f} %",
        )
    return None


def _by_rivals(quantity: Quantity, said: Change, series: Published) -> tuple[str, str] | None:
    """Whether published figures that are not used, because others conflict with them, are the ones that were claimed."""
    if not quantity.is_pair:
        return None
    taken = []
    for claimed, count in ((quantity.before, said.before), (quantity.after, said.after)):
        if count.events == claimed:
            continue
        same = [each for each, _ in series.left_out if (each.start, each.end) == (count.span.start, count.span.end)]
        match = next((each for each in same if each.count == claimed), None)
        if match is None:
            return None
        taken.append(
            f"{match.count} for {count.span} is published too ({', '.join(match.sources)}), where {count.events} is used"
        )
    return "R1a", f"{_gives(said)}; {' and '.join(taken)}"


def _gives(said: Change) -> str:
    counts = f"{said.before.events} to {said.after.events}"
    if said.is_level:
        return f"the published figures ({counts}) give {said.percent:+.1f} %"
    if said.before.span.is_full_years and said.after.span.is_full_years:
        many = [each.span.end.year - each.span.start.year + 1 for each in (said.before, said.after)]
        years = [f"{number} year{'s' if number > 1 else ''}" for number in many]
        counts = f"{said.before.events} in {years[0]} to {said.after.events} in {years[1]}"
        return f"the published figures ({counts}) give {said.percent:+.1f} % per day"
    return (
        f"the published figures ({counts}) give {said.percent:+.1f} % per day ({said.percent_of_counts:+.1f} % as bare counts)"
    )


def _under(baseline: Span, window: Span, series: Published) -> Change | None:
    before, after = series.over(baseline), series.over(window)
    return change(series, before, after) if before and after and before.events else None


def _searched(quantity: Quantity, shown: str, table: WindowTable) -> tuple[str, str]:
    """Not by the claimed days nor by others that anybody named: whether some cell of the table gives the number."""
    claimed = quantity.claimed_percent
    if claimed is None:
        said = f"{quantity.before:g} to {quantity.after:g}" if quantity.is_pair else "what is claimed"
        return "R0", f"no: {shown}, not {said}"
    hit = [cell for cell in table.cells if fits(quantity, cell.percent)]
    counts = f"{quantity.before:g} to {quantity.after:g}" if quantity.is_pair else f"{claimed:+.0f} %"
    if not hit or quantity.is_pair:
        return "R0", f"no: {shown}, not {counts}"
    every = table.own_range
    cell = hit[0]
    return "R1b", (
        f"no: {shown}, not {counts}; a search finds it with {cell.before.span} against {cell.after.span}, but "
        f"{len(table.hits(every))} of {len(every)} whole percentages in the table's range can be hit this way"
    )


def _without_a_break(quantity: Quantity, series: Published, table: WindowTable, notes: Notes) -> Recomputed:
    """Two counts on either side of a day that nobody published: what each such day would give, and which days are possible."""
    missing = ("the day that parts before from after",)
    notes.findings.append("the day that parts before from after is not published")
    first, last = quantity.baseline.start, quantity.window.end
    if not quantity.is_pair or first is None or last is None:
        return notes.close(
            quantity, NOT_CHECKABLE, f"not checkable: {missing_words(missing)}", missing=missing, series=series, table=table
        )
    b, a, days = quantity.before, quantity.after, (last - first).days + 1
    if not b or not a:
        sentence = f"not checkable: {b:g} to {a:g} give no ratio per day; {missing_words(missing)}"
        return notes.close(quantity, NOT_CHECKABLE, sentence, missing=missing, series=series, table=table)
    for value, line in series.open_ended:
        notes.workings.append(f"published with an open bound: {value} ({line})")
    notes.workings.append(
        f"bare counts: {a:g} / {b:g} = {a / b:.3f}, that is {100 * (a / b - 1):+.1f} %, over {days} days ({first} to {last})"
    )
    sentence = f"not checkable: {missing_words(missing)}"
    if quantity.change_percent is not None:
        about = (quantity.change_percent + side * tolerance(quantity) for side in (-1, 1))
        days_of = [first + timedelta(days=round(break_for(max(each, -100), b, a, days))) for each in about]
        notes.workings.append(
            f"{quantity.change_percent:+g} % per day comes out if the second window began {min(days_of)} to {max(days_of)}"
        )
    earliest, latest = possible_breaks(series, first, last, b)
    if earliest and latest and max(earliest, latest) <= last:
        low, high = (percent_with_break(day, first, days, b, a) for day in (earliest, latest))
        last_below, first_above = earliest - timedelta(days=1), latest - timedelta(days=1)
        said = f"cumulative police counts reach {b:g} after {last_below} and by {first_above}"
        notes.workings.append(f"{said}: a break in those days gives {low:+.0f} % to {high:+.0f} % per day")
        sentence += f"; the days on which police counts reach {b:g} would give {low:+.0f} % to {high:+.0f} %"
    total = bracket(series, first, last)
    if total:
        notes.workings.append(f"police counts from {first} to {last} lie between {total[0]} and {total[1]}; claimed {a + b:g}")
    values = [value for value, _ in series.open_ended]
    if quantity.change_percent is None and b in values and a in values:
        sentence = f"the two counts are published as claimed; {sentence.replace('not checkable: ', 'for the change, ')}"
        return notes.close(quantity, "R3", sentence, missing=missing, series=series, table=table)
    return notes.close(quantity, NOT_CHECKABLE, sentence, missing=missing, series=series, table=table)


def log_change(quantity: Quantity) -> float | None:
    """The claimed log change, negative for a fall; None where no size is claimed."""
    claimed = quantity.claimed_percent
    if claimed is None:
        return None
    return math.log1p(claimed / 100) if claimed > -100 else -math.inf
