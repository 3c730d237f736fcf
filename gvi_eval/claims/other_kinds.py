"""What is recomputed for the kinds of claim that are no change between two windows: levels, records, shares, labels."""

import math
from dataclasses import replace
from datetime import date

import pandas as pd

from gvi_eval.claims.arithmetic import SIGNS
from gvi_eval.claims.attribution import pooled_interval
from gvi_eval.claims.changes import NOT_CHECKABLE, Notes, Recomputed, lacking, missing_words, recompute_change
from gvi_eval.claims.declared import Claim, Quantity
from gvi_eval.claims.published import Published, Shelf, alone, published
from gvi_eval.claims.records import ranking
from gvi_eval.claims.shares import DESIGN_EFFECT, respondents_needed, two_shares
from gvi_eval.claims.slope import slope
from gvi_eval.errors import DataError

SAME_SHARE = 0.01  # points; no survey tells shares apart that lie nearer
LITERATURE = "compiled_literature/effects_focused_deterrence.csv"


def level_or_series(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """Equality with the published figures: year by year, or one reading of a register or a survey."""
    notes = Notes()
    if quantity.by_year:
        series = published(claim, quantity, shelf)
        notes.workings += series.about()
        for year in sorted(set(map(int, quantity.by_year)) & set(series.years)):
            count = series.years[year]
            notes.findings += alone(claim, f"{count.events} for {year}", count.sources, shelf)
        return _years(quantity, series, notes)
    if quantity.value is None or quantity.window is None:
        return lacking(quantity, notes, ("the value", "its days"))
    found = _reading(claim, quantity, shelf)
    notes.workings += [f"published: {value:g} ({place})" for value, place, _ in found]
    level = "R3" if any(math.isclose(value, quantity.value) for value, _, _ in found) else "R0"
    notes.findings += alone(claim, f"{quantity.value:g}", [place for _, place, _ in found], shelf)
    neighbours = _neighbours(claim, quantity, shelf)
    if neighbours:
        others = ", ".join(f"{value:g} ({year})" for value, year in neighbours)
        notes.workings.append(f"the same reading at other times: {others}")
        values = [value for value, _ in neighbours]
        if len(values) > 1 and not min(values) <= quantity.value <= max(values):
            side = "lower" if quantity.value < min(values) else "higher"
            notes.findings.append(f"{quantity.value:g} is {side} than each of the {len(values)} other published readings")
    said = f"the published reading is {found[0][0]:g}, claimed {quantity.value:g}"
    return notes.close(quantity, level, said if level == "R3" else f"no: {said}")


def _years(quantity: Quantity, series: Published, notes: Notes) -> Recomputed:
    different, without = [], []
    for year, value in sorted(quantity.by_year.items()):
        count = series.years.get(int(year))
        if count is None:
            without.append(year)
            continue
        notes.workings.append(f"{year}: {count.events}, claimed {value:g}: {'; '.join(count.sources)}")
        if count.events != value:
            different.append(f"{year} ({count.events}, claimed {value:g})")
    if different:
        return notes.close(quantity, "R0", f"no: {', '.join(different)}", series=series)
    if len(without) == len(quantity.by_year):
        return notes.close(
            quantity, NOT_CHECKABLE, "not checkable: no year of it is published", missing=("figures",), series=series
        )
    said = f"{len(quantity.by_year) - len(without)} of {len(quantity.by_year)} years are the published figures"
    return notes.close(quantity, "R3", said, series=series)


def _reading(claim: Claim, quantity: Quantity, shelf: Shelf) -> list[tuple[float, str, date]]:
    """The published values of a reading over the days claimed: value, place (table:line, source) and last day."""
    rows = _readings(claim, quantity, shelf)
    days = quantity.window
    own = [row for row in rows if (row[3], row[2]) == (days.start, days.end)]
    if not own:
        raise DataError(f"no published reading of {quantity.measure} in {quantity.place or claim.place} covers {days}")
    return [row[:3] for row in own]


def _readings(claim: Claim, quantity: Quantity, shelf: Shelf) -> list[tuple[float, str, date, date]]:
    if not quantity.tables or not quantity.measure:
        raise DataError(missing_words(("table", "measure")))
    place, found = quantity.place or claim.place, []
    for name in quantity.tables:
        table = shelf.table(name, "readings")
        for line, row in table[(table["unit"] == place) & (table["measure"] == quantity.measure)].iterrows():
            days = (pd.Timestamp(row["period_start"]).date(), pd.Timestamp(row["period_end"]).date())
            found.append((float(row["value"]), f"{name}:{line}, {row['source']}", days[1], days[0]))
    if not found:
        raise DataError(f"{', '.join(quantity.tables)} hold no '{quantity.measure}' of '{place}'")
    return found


def _neighbours(claim: Claim, quantity: Quantity, shelf: Shelf) -> list[tuple[float, int]]:
    """The same reading at other times: value and year, in order."""
    rows = [row for row in _readings(claim, quantity, shelf) if row[2] != quantity.window.end]
    return [(value, end.year) for value, _, end, _ in sorted(rows, key=lambda row: row[2])]


def safety(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """Two shares of a survey: z = difference / √(d (p₁q₁ + p₂q₂) / n), d the design effect, n respondents each time."""
    notes = Notes()
    if quantity.value is not None and quantity.tables:
        return level_or_series(claim, quantity, shelf)
    missing = [
        name for name, given in (("two shares", quantity.is_pair), ("how many answered", quantity.respondents)) if not given
    ]
    missing += [] if quantity.question else ["the wording of the question"]
    if quantity.is_pair and max(quantity.before, quantity.after) > 100:
        notes.findings.append(f"{quantity.before:g} to {quantity.after:g} are given as shares, and none is above 100 %")
        return notes.close(quantity, "R0", f"no: {notes.findings[-1]}")
    if quantity.is_pair and abs(quantity.after - quantity.before) < SAME_SHARE:
        return notes.close(quantity, "R3", "the two shares are the same, so nothing is there to tell apart")
    if quantity.is_pair:
        needed = respondents_needed(quantity.before / 100, quantity.after / 100)
        notes.workings.append(
            f"{quantity.before:g} to {quantity.after:g} %: {quantity.after - quantity.before:+.1f} points; a survey would need "
            f"{needed} respondents each time to tell them apart (design effect {DESIGN_EFFECT})"
        )
    if missing:
        return lacking(quantity, notes, tuple(missing))
    z, p = two_shares(quantity.before / 100, quantity.after / 100, quantity.respondents)
    notes.workings.append(f"z = {z:.2f}, p = {p:.3f} with a design effect of {DESIGN_EFFECT}")
    apart = "can" if p < 0.05 else "cannot"
    return notes.close(quantity, "R3", f"the shares are as published; they {apart} be told apart (p {p:.3f})")


def trend(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """The slope before and after the start: log-linear rate through the published windows of each side, percent a year."""
    notes = Notes()
    if not (quantity.measure or quantity.study_outcome):
        return lacking(quantity, notes, (f"published figures of {quantity.outcome or 'what is claimed'}",))
    series = published(claim, quantity, shelf)
    notes.workings.append(series.choice)
    start = claim.start.start if claim.start else None
    sides = {"over the whole": list(series.windows)}
    if start:
        latest = claim.start.end or start  # a start that is published as an interval may lie on any of its days
        before = [window for window in series.windows if window.end <= latest]
        sides = {
            "before the start": before,
            "after the start": [window for window in series.windows if window.start >= start and window not in before],
        }
    slopes = {name: slope(windows) for name, windows in sides.items()}
    for name, found in slopes.items():
        said = (
            "fewer than three published windows"
            if found is None
            else f"{found[0]:+.0f} % a year (95 % interval {found[1]:+.0f} to {found[2]:+.0f})"
        )
        notes.workings.append(f"{name}: {said}")
    first = next(iter(slopes.values()))
    if first is None:
        return notes.close(
            quantity,
            NOT_CHECKABLE,
            "not checkable: fewer than three published windows before the start",
            missing=("counts of more years before the start",),
            series=series,
        )
    sign = -1 if quantity.direction == "down" else 1
    name = next(iter(slopes))
    said = f"the slope {name} is {first[0]:+.0f} % a year (95 % interval {first[1]:+.0f} to {first[2]:+.0f})"
    if first[0] * sign > 0 and (first[1] > 0) == (first[2] > 0):
        return notes.close(quantity, "R2", said, series=series)
    if first[1] <= 0 <= first[2]:
        sentence = f"not checkable: {said}, which tells no direction"
        return notes.close(quantity, NOT_CHECKABLE, sentence, missing=("counts of more years",), series=series)
    return notes.close(quantity, "R0", f"no: {said}", series=series)


def coverage_of_definitions(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """The ratio of one definition to another over the same days."""
    notes = Notes()
    if not quantity.tables or len(quantity.definitions) != 2 or quantity.window is None:
        return lacking(quantity, notes, ("two definitions over the same days",))
    counts = []
    for definition in quantity.definitions:
        count = published(claim, replace(quantity, definitions=(definition,)), shelf).over(quantity.window)
        if count is None:
            return lacking(quantity, notes, (f"count under {definition} for {quantity.window}",))
        notes.workings.append(f"{definition}: {count}: {'; '.join(count.sources)}")
        notes.findings += alone(claim, f"{count.events} ({definition})", count.sources, shelf)
        counts.append(count.events)
    wide, narrow = counts
    if not wide:
        sentence = f"not checkable: none is published under {quantity.definitions[0]}, which leaves nothing to divide by"
        return notes.close(quantity, NOT_CHECKABLE, sentence, missing=("a count above zero",))
    notes.workings.append(
        f"{narrow} / {wide} = {narrow / wide:.2f}: one definition holds {100 * narrow / wide:.0f} % of the other"
    )
    said = f"the published counts are {wide} and {narrow}: the second is {100 * narrow / wide:.0f} % of the first"
    if not quantity.is_pair:  # the first is said to be the wider, and no more
        level = "R2" if wide > narrow else "R0"
        return notes.close(quantity, level, f"{'' if wide > narrow else 'no: '}{said}; the claim gives no number")
    same = (wide, narrow) == (quantity.before, quantity.after)
    return notes.close(quantity, "R3" if same else "R0", said if same else f"no: {said}")


def evidence_label(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """The review or evaluation that a label rests on, looked up among published effects, with its grade where it gives one."""
    notes = Notes()
    if not quantity.literature:
        return lacking(quantity, notes, ("the review that it rests on", "its grade of certainty"))
    row = literature(shelf, quantity.literature)
    notes.workings.append(
        f"{row['study']}: {row['effect']:g} ({row['effect_metric']}) on {row['outcome']}; {row['design']}: {row['place']}"
    )
    if isinstance(row["note"], str):
        notes.workings.append(row["note"])
    if quantity.note:
        notes.findings.append(quantity.note)
    if quantity.change_percent is None:
        return notes.close(quantity, "R2", f"{row['study']} is found; the label gives no number")
    same = math.isclose(row["effect"], quantity.change_percent, abs_tol=(quantity.rounding or 1) / 2)
    said = f"{row['study']} gives {row['effect']:g} % for {row['program_type']}, {row['outcome']}"
    if claim.needs_a_person:
        return notes.close(
            quantity,
            NOT_CHECKABLE,
            f"not checkable: {said}; whether it is what is cited is for a person",
            missing=(claim.needs_a_person,),
        )
    return notes.close(quantity, "R3" if same else "R0", said if same else f"no: {said}")


def literature(shelf: Shelf, name: str) -> pd.Series:
    table = shelf.table(LITERATURE, "literature_effects")
    own = table[table["id"] == name]
    if own.empty:
        raise DataError(f"{LITERATURE} has no effect '{name}'")
    row = own.iloc[0].copy()
    row["place"] = f"{LITERATURE}:{own.index[0]}, {row['source']}"
    return row


def generalisation(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """The pooled effect with its prediction interval, and how many published evaluations go as far as claimed."""
    notes = Notes()
    pooled = shelf.saved("pooled", "pooled.csv")
    if pooled is not None:
        for row in pooled[pooled["main"].astype(bool)].to_dict("records"):
            text = f"pooled over {row['places']} places ({row['names']}), {row['summary']}: {row['ratio']:.2f}"
            text += f" ({pooled_interval(row)})"
            if not pd.isna(row["prediction_lower"]):
                text += f"; a further place: {row['prediction_lower']:.2f} to {row['prediction_upper']:.2f} (prediction)"
            notes.workings.append(text)
    table = shelf.table(LITERATURE, "literature_effects")
    changes = table[(table["effect_metric"] == "pct_change") & (table["city"] != "pooled") & table["effect"].notna()]
    claimed = quantity.claimed_percent
    if claimed is not None:
        further = int((changes["effect"] <= claimed).sum())
        said = f"{further} of {len(changes)} published changes of single places go as far as {claimed:+g} %"
        notes.workings.append(said)
        if quantity.word == "up to" and quantity.sites is None:
            return notes.close(quantity, "R2" if further else "R0", said if further else f"no: {said}")
    missing = tuple(name for name, given in (("how many places", quantity.sites), ("a size", claimed is not None)) if not given)
    return lacking(quantity, notes, (*missing, "the result of each place, successes and others alike"))


def not_due(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """A target: nothing to recompute until it is due, and nothing at all without a number."""
    notes = Notes()
    if quantity.tables and quantity.measure:
        readings = sorted(_readings(claim, quantity, shelf), key=lambda row: row[2])
        notes.workings.append(f"readings: {', '.join(f'{value:g} ({end.year}; {place})' for value, place, end, _ in readings)}")
        notes.findings += _since(quantity, readings)
    missing = tuple(
        name for name, given in (("a number", quantity.value is not None), ("the day it is due", claim.due)) if not given
    )
    if missing:
        return lacking(quantity, notes, missing)
    return notes.close(
        quantity, NOT_CHECKABLE, f"not checkable: a target, due on {claim.due}", missing=("a reading on that day",)
    )


def _since(quantity: Quantity, readings: list[tuple[float, str, date, date]]) -> list[str]:
    """What a hope with a baseline and a last day came to: one reading beside the other, which is no effect."""
    one, other = quantity.baseline, quantity.window
    by_year = {end.year: value for value, _, end, _ in readings}
    if not (one and other and one.end and other.end and {one.end.year, other.end.year} <= set(by_year)):
        return []
    before, after = by_year[one.end.year], by_year[other.end.year]
    sign = SIGNS.get(quantity.direction or "", 0)
    way = "as hoped" if (after - before) * sign > 0 else "not as hoped" if sign else "no direction was set"
    said = f"the readings went from {before:g} ({one.end.year}) to {after:g} ({other.end.year}), {way}"
    rest = [value for year, value in by_year.items() if year != one.end.year]
    if len(rest) > 1 and not min(rest) <= before <= max(rest):
        said += (
            f"; {before:g} lies beyond each of the {len(rest)} other readings, a baseline that condemns or flatters anything"
        )
    return [said]


def activity(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """A count of what the programme did; its only source is the programme, and it is no outcome."""
    notes = Notes()
    notes.findings.append("an activity is not an outcome, whoever reports it")
    if quantity.value is None:
        return lacking(quantity, notes, ("the count",))
    sentence = f"not checkable: {quantity.value:g} {quantity.value_unit or ''} is the programme's own count".strip()
    return notes.close(quantity, NOT_CHECKABLE, sentence, missing=("a second source of the count",))


def prevented(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """Events prevented: the gap of the study with its interval."""
    notes = Notes()
    effects = shelf.saved(claim.study, "effects.csv") if claim.study else None
    if effects is None:
        return lacking(quantity, notes, ("a series of counts", "an interval"))
    own = effects[(effects["contrast"] == "prevented") & (effects["specification"] == claim.specification)]
    for row in own.to_dict("records"):
        notes.workings.append(
            f"{row['estimand']}: {row['point']:.1f} ({row['lower']:.1f} to {row['upper']:.1f}), {row['onset']}"
        )
    if own.empty or quantity.value is None:
        return lacking(quantity, notes, ("an estimate of the study",))
    inside = bool(((own["lower"] <= quantity.value) & (quantity.value <= own["upper"])).any())
    said = f"{quantity.value:g} {'lies within' if inside else 'lies outside'} the interval of the study"
    return notes.close(quantity, "R2" if inside else "R0", said if inside else f"no: {said}")


def comparison(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """A change beside that of others: checkable only with the counts of each that it is compared with."""
    own = numbers_or_none(claim, quantity, shelf)
    lacks = f"counts of {claim.comparator or 'what it is compared with'}, under the same definition and for the same days"
    missing = (*(each for each in own.missing if each != "a number"), lacks)
    workings = own.workings if own.level == NOT_CHECKABLE else (*own.workings, f"{own.level}: {own.sentence}")
    sentence = f"not checkable: {missing_words(missing)}"
    return replace(own, level=NOT_CHECKABLE, sentence=sentence, missing=missing, workings=workings)


def numbers_or_none(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """The number inside a claim about cause, where it gives one."""
    if quantity.baseline is None and quantity.window is None and quantity.claimed_percent is None:
        notes = Notes()
        return notes.close(quantity, NOT_CHECKABLE, "not checkable: no number is claimed", missing=("a number",))

    if quantity.literature:
        return evidence_label(claim, quantity, shelf)
    if quantity.years_in_scope:
        return ranking(claim, quantity, shelf)
    return recompute_change(claim, quantity, shelf)
