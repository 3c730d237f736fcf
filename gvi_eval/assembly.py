"""From validated tables to a panel: which published figures the study uses, and which it leaves out."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from gvi_eval.containment import require_containment, without_contained
from gvi_eval.errors import DataError, StudyError
from gvi_eval.panel import PER_YEAR, Panel, period_of
from gvi_eval.study import ExcludedFigures, Outcome, Study, Unit
from gvi_eval.windows import CountWindow, Figure, disjoint_windows

NOT_USED = "not used: "  # begins the sentence about a figure that was left out
ONE_YEAR = pd.Timedelta(days=366)


def build_panel(study: Study, tables: Mapping[str, pd.DataFrame], outcome: str | None = None) -> Panel:
    """The panel of one outcome (the primary one by default) over the study's baseline.

    Nested and cumulative figures are differenced to disjoint windows. A window that is exactly one period becomes a cell,
    the sum over the unit's areas, and a cell with a missing part is a gap; any other window stays a span. Exposure is the
    latest population dated on or before the period, at most a year old, times the length of the period in years; ones
    where the outcome has no population table.
    Raises `DataError` where figures conflict, overlap in part, or mix definitions without the study's word.
    """
    chosen = study.outcome(outcome) if outcome else study.primary
    units = [unit for unit in study.units if unit.role in ("treated", "donor") and not unit.excluded]
    units = [unit for unit in units if not unit.outcomes or chosen.name in unit.outcomes]
    periods = _periods(study)
    rows = _rows(tables, chosen)
    figures, notes = _figures(chosen, rows, units, periods)
    require_containment(units, rows)
    cells, spans = _cells_and_spans(disjoint_windows(figures, may_chain=bool(chosen.chained_because)), periods)
    spans, invalid = _valid_spans(units, spans)
    start = period_of(study.treatment.start.earliest, study.frequency)
    values = pd.DataFrame({unit.name: _sum_of(unit, cells, periods) for unit in units}, index=periods)
    exposure = _exposure(chosen, tables, units, periods)
    values, exposure, reduced = without_contained(units, values, exposure, spans)
    return Panel(
        values=values,
        exposure=exposure,
        onsets={study.treated.name: start},
        estimand=study.estimands[0],
        kind=chosen.kind,
        windows=tuple(_span_of(unit, span) for unit in units for span in spans if span.unit in unit.areas),
        interventions=study.interventions,
        outcome=chosen.title,
        sources=pd.DataFrame({unit.name: _sources_of(unit, cells, periods) for unit in units}, index=periods),
        dropped=(*notes, *invalid, *reduced),
    )


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
    outcome: Outcome, table: pd.DataFrame, units: list[Unit], periods: pd.PeriodIndex
) -> tuple[list[Figure], list[str]]:
    """The figures in use, and a sentence for each that lies in the study's days and is not."""
    areas = [area for unit in units for area in unit.areas]
    rows = table[(table["measure"] == outcome.measure) & table["unit"].isin(areas)]
    rows = rows[[_is_from(units, place, area) for place, area in zip(rows.index, rows["unit"], strict=True)]]
    _require_all(outcome, table, rows, areas)
    open_ended = rows["period_start"].isna() | rows["period_end"].isna()
    notes = [f"{NOT_USED}{_cite(row)} has an open bound" for _, row in rows[open_ended].iterrows()]
    rows = rows[~open_ended]
    first, last = periods[0].start_time, periods[-1].end_time.normalize()
    starts, ends = pd.to_datetime(rows["period_start"]), pd.to_datetime(rows["period_end"])
    straddles = (starts <= last) & (ends >= first) & ((starts < first) | (ends > last))
    notes += [f"{NOT_USED}{_cite(row)} reaches beyond the baseline" for _, row in rows[straddles].iterrows()]
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
        rows, left_out = _without(rows, exclusion)
        if left_out.empty:
            raise StudyError(
                f"the outcome '{outcome.name}' leaves out figures that are not there ({exclusion.reason}); drop that entry"
            )
        notes += [f"{NOT_USED}{_cite(row)}: {exclusion.reason}" for _, row in left_out.iterrows()]
    rows = _of_declared_definitions(outcome, rows)
    return [_figure(place, row) for place, row in zip(rows.index, rows.itertuples(index=False), strict=True)], notes


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
    missing = [area for area in areas if area not in set(rows["unit"])]
    if missing:
        close = [match for area in missing for match in difflib.get_close_matches(area, table["unit"].dropna().unique(), 1)]
        raise DataError(
            f"units {missing} are in the study but have no '{outcome.measure}' in {names}; the table holds "
            f"{table['unit'].nunique()} units" + (f", among them {', '.join(close)}" if close else "")
        )


def _without(rows: pd.DataFrame, exclusion: ExcludedFigures) -> tuple[pd.DataFrame, pd.DataFrame]:
    out = pd.Series(True, index=rows.index)
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


def _valid_spans(units: list[Unit], spans: tuple[CountWindow, ...]) -> tuple[tuple[CountWindow, ...], list[str]]:
    """The spans that lie within the days for which their unit is valid, and a sentence on each that does not."""
    kept, notes = [], []
    for span in spans:
        unit = next(unit for unit in units if span.unit in unit.areas)
        first, last = unit.valid.start or span.start, unit.valid.end or span.end
        if first <= span.start and span.end <= last:
            kept.append(span)
        else:
            notes.append(f"{NOT_USED}the span of {span} reaches beyond the days of {unit.name}, {unit.valid}")
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


def _sum_of(unit: Unit, figures: pd.DataFrame, periods: pd.PeriodIndex) -> np.ndarray:
    """Events of a unit, shape (period,): NaN where one of its areas has no figure or the unit is not valid."""
    cells = figures.pivot(index="period", columns="area", values="value").reindex(index=periods, columns=list(unit.areas))
    total = cells.sum(axis="columns", min_count=len(unit.areas)).to_numpy(dtype=float, copy=True)
    if unit.valid.start:
        total[periods.start_time < pd.Timestamp(unit.valid.start)] = np.nan
    if unit.valid.end:
        total[periods.end_time.normalize() > pd.Timestamp(unit.valid.end)] = np.nan
    return total


def _sources_of(unit: Unit, figures: pd.DataFrame, periods: pd.PeriodIndex) -> list[str]:
    own = figures[figures["area"].isin(unit.areas)]
    return own.groupby("period")["source"].agg("; ".join).reindex(periods).fillna("").tolist()


def _exposure(outcome: Outcome, tables: Mapping[str, pd.DataFrame], units: list[Unit], periods: pd.PeriodIndex) -> pd.DataFrame:
    """Person-years, shape (period, unit)."""
    if outcome.population is None:
        return pd.DataFrame(1.0, index=periods, columns=[unit.name for unit in units])
    table = _table(tables, outcome.population)
    years = 1 / PER_YEAR[periods.freqstr[0]]
    people = {
        unit.name: sum(_population(area, table, periods, outcome.population) for area in unit.areas) * years for unit in units
    }
    return pd.DataFrame(people, index=periods)


def _population(area: str, table: pd.DataFrame, periods: pd.PeriodIndex, name: str) -> np.ndarray:
    """Persons, shape (period,): the latest figure on or before each period's first day, at most a year old."""
    rows = table[table["unit"] == area].sort_values("date")
    if rows.empty:
        raise DataError(f"{name} has no population of {area}; it holds {table['unit'].nunique()} units")
    dates = pd.to_datetime(rows["date"]).reset_index(drop=True)
    if dates.duplicated().any():
        raise DataError(f"{name} has two populations of {area} on {dates[dates.duplicated()].iloc[0].date()}; keep one")
    place = np.searchsorted(dates.to_numpy(), periods.start_time.to_numpy(), side="right") - 1
    stale = (place < 0) | (periods.start_time - dates.to_numpy()[np.maximum(place, 0)] > ONE_YEAR)
    if stale.any():
        raise DataError(f"{name} has no population of {area} within a year before {periods[stale][0]}; add the missing year")
    return rows["population"].astype(float).to_numpy()[place]
