"""A record: the rank of a year among the published ones, and the number that is claimed beside it."""

from dataclasses import replace

from gvi_eval.claims.changes import NOT_CHECKABLE, Notes, Recomputed, lacking, recompute_change
from gvi_eval.claims.declared import Claim, Quantity
from gvi_eval.claims.published import Published, Shelf, published


def ranking(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    """The rank of the window among the years of its scope; years without a figure are named, and never counted as beaten.

    A number that is claimed beside the record is recomputed as a change; where it is not reproduced, neither is the claim.
    """
    if quantity.claimed_percent is None:
        return _record(claim, quantity, shelf)
    own, record = recompute_change(claim, quantity, shelf), _record(claim, quantity, shelf)
    line = f"the number beside the record ({own.level}): {own.sentence}"
    rest = [each for each in record.workings if each not in own.workings]
    done = replace(
        record,
        workings=(line, *own.workings, *rest),
        findings=(*own.findings, *record.findings),
        change=own.change,  # for the screens; its table of windows grades a change, and a record is none
    )
    if own.level in ("R0", "R1b") and record.level != "R0":
        return replace(done, level=own.level, sentence=f"{own.sentence}; the record: {record.sentence}")
    return done


def _record(claim: Claim, quantity: Quantity, shelf: Shelf) -> Recomputed:
    notes = Notes()
    if not quantity.years_in_scope or quantity.window is None or quantity.window.end is None:
        return lacking(quantity, notes, ("the years it covers", "its year"))
    if not (quantity.measure or quantity.study_outcome):
        return lacking(quantity, notes, (f"published figures of {quantity.outcome or 'what is claimed'}",))
    series = published(claim, quantity, shelf)
    year = quantity.window.end.year
    scope = range(year - quantity.years_in_scope + 1, year + 1)
    values, what = _ranked(series, scope, quantity.extreme)
    without = [each for each in scope if each not in values]
    notes.workings += [series.choice, f"{what}: {', '.join(f'{each} {value:g}' for each, value in values.items())}"]
    if year not in values:
        sentence = f"not checkable: no figure of {series.measure} in {series.place} for the whole of {year}"
        return notes.close(quantity, NOT_CHECKABLE, sentence, missing=(f"the figure of {year}",), series=series)
    better = [each for each, value in values.items() if each != year and _beats(value, values[year], quantity.extreme)]
    unsure = {each: rows for each in better if (rows := _incomplete(series, each, quantity.extreme))}
    for each, rows in unsure.items():
        notes.findings.append(f"{each} ({values[each]:g}) rests on {', '.join(rows)}: fewer than twelve months were reported")
    if better and len(unsure) == len(better):
        beyond = ", ".join(f"{each} ({values[each]:g})" for each in unsure)
        sentence = (
            f"not checkable: {what}: {values[year]:g} in {year}, and what lies beyond it, {beyond}, rests on figures for "
        )
        sentence += "which fewer than twelve months were reported"
        missing = tuple(f"the months that were counted for {each}" for each in unsure)
        return notes.close(quantity, NOT_CHECKABLE, sentence, missing=missing, series=series)
    if better:
        further = ", ".join(f"{each} ({values[each]:g})" for each in better)
        sentence = f"no: {what}: {values[year]:g} in {year}, and beyond it {further}"
        return notes.close(quantity, "R0", sentence, series=series)
    if without:
        sentence = (
            f"not checkable: {year} is the {quantity.extreme} of the {len(values)} years published under this definition, "
        )
        sentence += f"and {len(without)} of the {quantity.years_in_scope} claimed are not"
        missing = (f"figures under one definition for {without[0]} to {without[-1]}",)
        return notes.close(quantity, NOT_CHECKABLE, sentence, missing=missing, series=series)
    sentence = f"{year} is the {quantity.extreme} of {len(values)} years ({values[year]:g})"
    return notes.close(quantity, "R3", sentence, series=series)


def _incomplete(series: Published, year: int, extreme: str | None) -> list[str]:
    """The rows behind the value of a year whose own table says that they do not cover twelve months."""
    years = (year - 1, year) if extreme == "largest fall" else (year,)
    return [row for each in years for row in series.years[each].sources if row in series.incomplete]


def _ranked(series: Published, scope: range, extreme: str | None) -> tuple[dict[int, float], str]:
    if extreme != "largest fall":
        return {year: float(series.years[year].events) for year in scope if year in series.years}, "yearly counts"
    pairs = [(year, series.years.get(year - 1), series.years.get(year)) for year in scope]
    falls = {
        year: 100 * (after.events / before.events - 1) for year, before, after in pairs if before and after and before.events
    }
    return {year: round(value, 1) for year, value in falls.items()}, "change on the year before, percent"


def _beats(value: float, own: float, extreme: str | None) -> bool:
    return value > own if extreme == "highest" else value < own
