"""From validated tables to a panel: which published figures the study uses, and which it leaves out."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gvi_eval.containment import require_containment, without_contained
from gvi_eval.errors import DataError, StudyError
from gvi_eval.panel import PER_YEAR, Panel, period_of
from gvi_eval.study import EVERY, ExcludedFigures, Outcome, Specification, Study, Unit
from gvi_eval.windows import CountWindow, Figure, coverage, disjoint_windows

NOT_USED = "not used: "  # begins the sentence about a figure that was left out
ONE_YEAR = pd.Timedelta(days=366)


def build_panel(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    outcome: str | None = None,
    unit: str | None = None,
    beside: tuple[str, ...] | None = None,
) -> Panel:
    """The panel of one outcome (the primary one by default) and one treated unit over the study's baseline.

    ``unit`` may be left out where the study has one treated unit; the others are never its donors. 'all' takes every treated
    unit, each with a start of its own. ``beside`` names the
    donors that stand in the panel: all of them by default, none where it is empty. Whatever stands there, the figures of
    all units are read and checked.
    Nested and cumulative figures are differenced to disjoint windows. A window that is exactly one period becomes a cell,
    the sum over the unit's areas, and a cell with a missing part is a gap; any other window stays a span. Exposure is the
    latest population dated on or before the period, at most a year old, times the length of the period in years; ones
    where the outcome has no population table. Where a unit has no figure an older population stands in, and is listed.
    Raises `DataError` where figures conflict, overlap in part, or mix definitions without the study's word, and
    `StudyError` for a unit that is not treated or not a donor of this outcome.
    """
    chosen = study.outcome(outcome) if outcome else study.primary
    treated = study.treated_unit(unit)
    begun = study.treated_units if unit == EVERY else (treated,)
    every = [each for each in study.units if each.role in ("treated", "donor") and not each.excluded]
    every = [each for each in every if not each.outcomes or chosen.name in each.outcomes]
    units = [each for each in every if each in begun or each.role == "donor"]
    shown = _shown(units, begun, beside, chosen)
    names = [each.name for each in shown]
    periods = _periods(study)
    rows = _rows(tables, chosen)
    figures, notes = _figures(chosen, rows, every, periods, shown)
    areas = {area for each in units for area in each.areas}
    figures = [figure for figure in figures if figure.unit in areas]
    require_containment(units, rows)
    cells, spans = _cells_and_spans(disjoint_windows(figures, may_chain=bool(chosen.chained_because)), periods)
    spans, invalid = _valid_spans(units, spans)
    windows = tuple(_span_of(each, span) for each in units for span in spans if span.unit in each.areas)
    starts = {each.name: study.treatment_of(each.name).start.earliest for each in begun if each in shown}
    table = cells.pivot(index="period", columns="area", values="value").reindex(index=periods)
    values = pd.DataFrame({each.name: _sum_of(each, table) for each in units}, index=periods)
    exposure, stale = _exposure(chosen, tables, units, values, windows)
    values, exposure, reduced = without_contained(units, values, exposure, spans)
    return Panel(
        values=values[names],
        exposure=exposure[names],
        onsets={name: period_of(start, study.frequency) for name, start in starts.items()},
        estimand=study.estimands[0],
        kind=chosen.kind,
        windows=tuple(window for window in windows if window.unit in names),
        interventions=study.interventions,
        outcome=chosen.title,
        sources=_sources(shown, cells, periods),
        dropped=(
            *notes,
            *(sentence for name, sentence in (*invalid, *reduced, *stale) if name in names),
            *_never_donors(study, begun, shown),
        ),
    )


def prepared(study: Study, specification: Specification, panel: Panel) -> Panel:
    """The panel of a specification: its window, its start, then its transforms in the order declared."""
    if specification.window.start:
        panel = panel.since(specification.window.start)
    if specification.window.end:
        panel = panel.until(specification.window.end)
    if specification.start:
        panel = panel.starting(period_of(specification.start, study.frequency))
    for name, value in specification.transforms:
        if name == "until":
            value = pd.Timestamp(value).date()
        change = getattr(panel, name)
        panel = change() if value is True else change(value)
    return panel


def _shown(units: list[Unit], begun: tuple[Unit, ...], beside: tuple[str, ...] | None, outcome: Outcome) -> list[Unit]:
    """The units that stand in the panel, in the order of the study: those treated and the donors that are asked for."""
    donors = [unit.name for unit in units if unit not in begun]
    unknown = [name for name in beside or () if name not in donors]
    if unknown:
        raise StudyError(
            f"'{unknown[0]}' is no donor of {_names(begun)} for the outcome '{outcome.name}'; its donors are "
            f"{', '.join(donors) or 'none'}"
        )
    return [unit for unit in units if unit in begun or beside is None or unit.name in beside]


def _never_donors(study: Study, begun: tuple[Unit, ...], shown: list[Unit]) -> Iterator[str]:
    """A sentence on the other treated units of the study, where donors are asked for."""
    others = [unit.name for unit in study.treated_units if unit not in begun]
    if others and len(shown) > 1:
        yield f"no donors of {_names(begun)}, because they are treated in this study too: {'; '.join(others)}"


def _names(units: tuple[Unit, ...]) -> str:
    return " and ".join(unit.name for unit in units)


def _periods(study: Study) -> pd.PeriodIndex:
    start, end = study.baseline.start, study.baseline.end
    if start is None or end is None:
        raise StudyError(f"the baseline of {study.name} runs from {study.baseline}; give both its start and its end")
    return pd.period_range(start, end, freq=study.frequency)


def _table(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    if name not in tables:
        raise DataError(f"the table '{name}' was not read; the tables at hand are {', '.join(tables) or 'none'}")
    return tables[name]


def _rows(tables: Mapping[str, pd.DataFrame], outcome: Outcome) -> pd.DataFrame:
    """The rows of all tables of an outcome, each with the place where it stands (file:line) as its index."""
    frames = [_table(tables, name) for name in outcome.tables]
    places = [[f"{name}:{line}" for line in frame.index] for name, frame in zip(outcome.tables, frames, strict=True)]
    return pd.concat([frame.set_axis(place) for frame, place in zip(frames, places, strict=True)])


def _figures(
    outcome: Outcome, table: pd.DataFrame, units: list[Unit], periods: pd.PeriodIndex, shown: list[Unit]
) -> tuple[list[Figure], list[str]]:
    """The figures in use, and a sentence for each of the units shown that lies in the study's days and is not."""
    areas = [area for unit in units for area in unit.areas]
    noted = {area for unit in shown for area in unit.areas}
    rows = table[(table["measure"] == outcome.measure) & table["unit"].isin(areas)]
    own = [_is_from(units, place, area) for place, area in zip(rows.index, rows["unit"], strict=True)]
    rows = rows[pd.Series(own, index=rows.index, dtype=bool)]  # of no rows too, where a bare list would pick columns
    _require_all(outcome, table, rows, areas)
    open_ended = rows["period_start"].isna() | rows["period_end"].isna()
    notes = [f"{NOT_USED}{_cite(row)} has an open bound" for row in _of(rows[open_ended], noted)]
    rows = rows[~open_ended]
    first, last = periods[0].start_time, periods[-1].end_time.normalize()
    starts, ends = pd.to_datetime(rows["period_start"]), pd.to_datetime(rows["period_end"])
    straddles = (starts <= last) & (ends >= first) & ((starts < first) | (ends > last))
    notes += [f"{NOT_USED}{_cite(row)} reaches beyond the baseline" for row in _of(rows[straddles], noted)]
    rows = rows[(starts >= first) & (ends <= last)]
    if outcome.vintage:
        vintages = sorted(rows["vintage"].dropna().unique())
        if outcome.vintage not in vintages:
            raise DataError(
                f"the outcome '{outcome.name}' asks for the vintage {outcome.vintage}, which {', '.join(outcome.tables)} "
                f"does not hold; it holds {', '.join(vintages) or 'none'}"
            )
        rows = rows[rows["vintage"] == outcome.vintage]
    for exclusion in outcome.excluded:
        rows, left_out = _without(rows, exclusion, units)
        if left_out.empty:
            raise StudyError(
                f"the outcome '{outcome.name}' leaves out figures that are not there ({exclusion.reason}); drop that entry"
            )
        notes += [f"{NOT_USED}{_cite(row)}: {exclusion.reason}" for row in _of(left_out, noted)]
    rows = _of_declared_definitions(outcome, rows)
    rows, said = _complete(outcome, rows, noted)
    notes += said
    return [_figure(place, row) for place, row in zip(rows.index, rows.itertuples(index=False), strict=True)], notes


def _of(rows: pd.DataFrame, areas: set[str]) -> Iterable[pd.Series]:
    return (row for _, row in rows[rows["unit"].isin(areas)].iterrows())


def _complete(outcome: Outcome, rows: pd.DataFrame, noted: set[str]) -> tuple[pd.DataFrame, list[str]]:
    """The figures without those that say they cover fewer months than their days, as far as the outcome asks for that.

    A blank says nothing and its figure is used; one sentence counts those. A figure of 0 months beside a count is not a
    count of no months: it is left out like the others, or used where the outcome says so.
    """
    if outcome.incomplete == "used":
        return rows, []
    starts, ends = pd.to_datetime(rows["period_start"]), pd.to_datetime(rows["period_end"])
    touched = 12 * (ends.dt.year - starts.dt.year) + ends.dt.month - starts.dt.month + 1
    months = pd.to_numeric(rows["months_reported"]).astype(float)  # a blank is NaN, which is never below anything
    short = months < touched
    spared = short & (months == 0) & (outcome.incomplete == "left out, 0 months used")
    said = [
        f"{NOT_USED}{_cite(row)} says that it covers {months[row.name]:g} of {touched[row.name]} months"
        for row in _of(rows[short & ~spared], noted)
    ]
    said += [f"{_cite(row)} says 0 months and is used all the same" for row in _of(rows[spared], noted)]
    blank = rows[months.isna() & rows["unit"].isin(noted)]
    if len(blank):
        years = ", ".join(map(str, sorted(set(pd.to_datetime(blank["period_start"]).dt.year))))
        words = "1 figure that is" if len(blank) == 1 else f"{len(blank)} figures that are"
        said.append(f"months_reported is blank for {words} used as complete ({years})")
    return rows[~short | spared], said


def _is_from(units: list[Unit], place: str, area: str) -> bool:
    """Whether an area's figure stands in a table from which its unit takes figures."""
    return any(area in unit.areas and (not unit.tables or place.rpartition(":")[0] in unit.tables) for unit in units)


def _figure(place: str, row: Any) -> Figure:
    return Figure(
        unit=row.unit,
        start=pd.Timestamp(row.period_start).date(),
        end=pd.Timestamp(row.period_end).date(),
        count=int(row.value),
        definition=row.definition,
        sources=(place,),
    )


def _require_all(outcome: Outcome, table: pd.DataFrame, rows: pd.DataFrame, areas: list[str]) -> None:
    """Every area of the study has at least one figure of the measure; a misspelt name is not a gap."""
    names = ", ".join(outcome.tables)
    measures = sorted(table["measure"].dropna().unique())
    if outcome.measure not in measures:
        raise DataError(f"{names} has no measure '{outcome.measure}'; it holds {', '.join(measures)}")
    found = set(rows["unit"])
    missing = [area for area in areas if area not in found]
    if missing:
        close = [match for area in missing for match in difflib.get_close_matches(area, table["unit"].dropna().unique(), 1)]
        raise DataError(
            f"units {missing} are in the study but have no '{outcome.measure}' in {names}; the table holds "
            f"{table['unit'].nunique()} units" + (f", among them {', '.join(close)}" if close else "")
        )


def _without(rows: pd.DataFrame, exclusion: ExcludedFigures, units: list[Unit]) -> tuple[pd.DataFrame, pd.DataFrame]:
    out = pd.Series(True, index=rows.index)
    if exclusion.unit:
        out &= rows["unit"].isin([area for unit in units if unit.name == exclusion.unit for area in unit.areas])
    if exclusion.source:
        out &= rows["source"] == exclusion.source
    if exclusion.definition:
        out &= rows["definition"] == exclusion.definition
    if exclusion.period.start:
        out &= pd.to_datetime(rows["period_start"]) >= pd.Timestamp(exclusion.period.start)
    if exclusion.period.end:
        out &= pd.to_datetime(rows["period_end"]) <= pd.Timestamp(exclusion.period.end)
    return rows[~out], rows[out]


def _of_declared_definitions(outcome: Outcome, rows: pd.DataFrame) -> pd.DataFrame:
    """Only figures under a declared definition; two definitions are never one series without the study's word."""
    found = sorted(rows["definition"].unique())
    unknown = [name for name in outcome.definitions if name not in found]
    if unknown:
        raise DataError(
            f"the outcome '{outcome.name}' asks for the definition {unknown[0]!r}, of which {', '.join(outcome.tables)} has no "
            f"figure for these units and days; it has {', '.join(found) or 'none'}"
        )
    if outcome.definitions:
        rows = rows[rows["definition"].isin(outcome.definitions)]
    used = rows.drop_duplicates("definition")
    if len(used) > 1 and not outcome.chained_because:
        one, other = (_cite(row) for _, row in used.head(2).iterrows())
        raise DataError(
            f"'{outcome.measure}' in {', '.join(outcome.tables)} is counted under {len(used)} definitions, which must not be "
            f"chained unasked: {one} under {used['definition'].iloc[0]}, {other} under {used['definition'].iloc[1]}; name one "
            f"in 'definitions' of the outcome '{outcome.name}', or say in 'chained_because' why they are one series"
        )
    return rows


def _cells_and_spans(windows: tuple[CountWindow, ...], periods: pd.PeriodIndex) -> tuple[pd.DataFrame, tuple[CountWindow, ...]]:
    """Windows that are exactly one period, as rows of area, period, value and source; and all the others."""
    starts = {start.date(): place for place, start in enumerate(periods.start_time)}
    ends = {end.date(): place for place, end in enumerate(periods.end_time)}
    cells, spans = [], []
    for window in windows:
        place = starts.get(window.start)
        if len(window.ranges) == 1 and place is not None and ends.get(window.end) == place:
            cells.append((window.unit, periods[place], float(window.count), "; ".join(window.sources)))
        else:
            spans.append(window)
    table = pd.DataFrame(cells, columns=["area", "period", "value", "source"])
    return table, tuple(spans)


def _valid_spans(units: list[Unit], spans: tuple[CountWindow, ...]) -> tuple[tuple[CountWindow, ...], list[tuple[str, str]]]:
    """The spans that lie within the days for which their unit is valid, and the unit and a sentence of each that does not."""
    kept, notes = [], []
    for span in spans:
        unit = next(unit for unit in units if span.unit in unit.areas)
        first, last = unit.valid.start or span.start, unit.valid.end or span.end
        if first <= span.start and span.end <= last:
            kept.append(span)
        else:
            sentence = f"{NOT_USED}the span of {span} reaches beyond the days of {unit.name}, {unit.valid}"
            notes.append((unit.name, sentence))
    return tuple(kept), notes


def _span_of(unit: Unit, span: CountWindow) -> CountWindow:
    """The span under the name of its unit; a unit of several areas has no spans of its own."""
    if len(unit.areas) > 1:
        raise DataError(
            f"{unit.name} is the sum of {', '.join(unit.areas)}, and a sum needs every figure on the same grid, but there is "
            f"{span}; leave it out with a reason"
        )
    return replace(span, unit=unit.name)


def _cite(row: pd.Series) -> str:
    first = "?" if pd.isna(row["period_start"]) else f"{pd.Timestamp(row['period_start']).date()}"
    last = "?" if pd.isna(row["period_end"]) else f"{pd.Timestamp(row['period_end']).date()}"
    return f"the figure {row['value']} for {row['unit']}, {first} to {last} ({row.name}, {row['source']})"


def _sum_of(unit: Unit, table: pd.DataFrame) -> np.ndarray:
    """Events of a unit out of those of all areas (period, area), shape (period,): NaN where one of its areas has no figure or
    the unit is not valid."""
    periods = table.index
    total = (
        table.reindex(columns=list(unit.areas)).sum(axis="columns", min_count=len(unit.areas)).to_numpy(dtype=float, copy=True)
    )
    if unit.valid.start:
        total[periods.start_time < pd.Timestamp(unit.valid.start)] = np.nan
    if unit.valid.end:
        total[periods.end_time.normalize() > pd.Timestamp(unit.valid.end)] = np.nan
    return total


def _sources(units: list[Unit], cells: pd.DataFrame, periods: pd.PeriodIndex) -> pd.DataFrame:
    """Per period and unit the rows that its cell was added from; empty where there is none."""
    said: dict[str, dict[pd.Period, list[str]]] = {}
    for area, period, source in zip(cells["area"], cells["period"], cells["source"], strict=True):
        said.setdefault(area, {}).setdefault(period, []).append(source)
    columns = {}
    for unit in units:
        areas = [said[area] for area in sorted(unit.areas) if area in said]
        columns[unit.name] = ["; ".join(line for own in areas for line in own.get(period, ())) for period in periods]
    return pd.DataFrame(columns, index=periods)


def _exposure(
    outcome: Outcome,
    tables: Mapping[str, pd.DataFrame],
    units: list[Unit],
    values: pd.DataFrame,
    windows: tuple[CountWindow, ...],
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Person-years, shape (period, unit), and the unit and a sentence for each population that stands in for a missing one."""
    periods = values.index
    if outcome.population is None:
        return pd.DataFrame(1.0, index=periods, columns=[unit.name for unit in units]), []
    table = _table(tables, outcome.population)
    rows_of = dict(tuple(table.groupby("unit")))
    years = 1 / PER_YEAR[periods.freqstr[0]]
    people, notes = {}, []
    for unit in units:
        covered = values[unit.name].notna().to_numpy().copy()
        for window in windows:
            if window.unit == unit.name:
                covered |= coverage(window, periods) > 0
        parts = [_population(area, rows_of, periods, outcome.population, covered) for area in unit.areas]
        people[unit.name] = sum(persons for persons, _ in parts) * years
        stale = np.any([missing for _, missing in parts], axis=0)
        if stale.any():
            notes.append((unit.name, _stand_in(unit, periods[stale], outcome.population)))
    return pd.DataFrame(people, index=periods), notes


def _stand_in(unit: Unit, periods: pd.PeriodIndex, name: str) -> str:
    when = str(periods[0]) if len(periods) == 1 else f"{len(periods)} periods from {periods[0]} to {periods[-1]}"
    return f"{name} has no population of {unit.name} for {when}, nor has the unit a figure there; the nearest one stands in"


def _population(
    area: str, rows_of: Mapping[str, pd.DataFrame], periods: pd.PeriodIndex, name: str, covered: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Persons, shape (period,): the latest figure on or before each period's first day, at most a year old; and where not.

    A period that is not ``covered`` by a count takes an older figure, or the first one where there is none before it: no
    count is divided by it. Raises `DataError` where a covered period has no population.
    """
    if area not in rows_of:
        raise DataError(f"{name} has no population of {area}; it holds {len(rows_of)} units")
    rows = rows_of[area].sort_values("date")
    dates = pd.to_datetime(rows["date"]).reset_index(drop=True)
    if dates.duplicated().any():
        raise DataError(f"{name} has two populations of {area} on {dates[dates.duplicated()].iloc[0].date()}; keep one")
    place = np.searchsorted(dates.to_numpy(), periods.start_time.to_numpy(), side="right") - 1
    nearest = np.maximum(place, 0)
    stale = (place < 0) | (periods.start_time - dates.to_numpy()[nearest] > ONE_YEAR)
    if (stale & covered).any():
        first = periods[stale & covered][0]
        raise DataError(f"{name} has no population of {area} within a year before {first}; add the missing year")
    return rows["population"].astype(float).to_numpy()[nearest], np.asarray(stale)
