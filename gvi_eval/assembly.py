"""From validated tables to a panel: which published figures the study uses, and which it leaves out."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from gvi_eval.errors import DataError, StudyError
from gvi_eval.panel import PER_YEAR, Panel, period_of
from gvi_eval.study import ExcludedFigures, Outcome, Study, Unit

ONE_YEAR = pd.Timedelta(days=366)


def build_panel(study: Study, tables: Mapping[str, pd.DataFrame], outcome: str | None = None) -> Panel:
    """The panel of one outcome (the primary one by default) over the study's baseline.

    A cell is the sum over the unit's areas of the figures that cover exactly that period; a cell with a missing part is
    a gap. Exposure is the latest population dated on or before the period, at most a year old, times the length of the
    period in years; ones where the outcome has no population table.
    Raises `DataError` where figures conflict, mix definitions, or cover other days than one period.
    """
    chosen = study.outcome(outcome) if outcome else study.primary
    units = [unit for unit in study.units if unit.role in ("treated", "donor") and not unit.excluded]
    periods = _periods(study)
    figures, notes = _figures(chosen, _table(tables, chosen.table), units, periods)
    values = pd.DataFrame({unit.name: _sum_of(unit, figures, periods) for unit in units}, index=periods)
    sources = pd.DataFrame({unit.name: _sources_of(unit, figures, periods) for unit in units}, index=periods)
    start = period_of(study.treatment.start.earliest, study.frequency)
    return Panel(
        values=values,
        exposure=_exposure(chosen, tables, units, periods),
        onsets=MappingProxyType({study.treated.name: start}),
        estimand=study.estimands[0],
        kind=chosen.kind,
        interventions=study.interventions,
        outcome=chosen.title,
        sources=sources,
        dropped=tuple(notes),
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


def _figures(
    outcome: Outcome, table: pd.DataFrame, units: list[Unit], periods: pd.PeriodIndex
) -> tuple[pd.DataFrame, list[str]]:
    """The figures in use: one row each with area, period, value and where it stands (file:line)."""
    areas = [area for unit in units for area in unit.areas]
    rows = table[(table["measure"] == outcome.measure) & table["unit"].isin(areas)]
    if rows.empty:
        _explain_nothing(outcome, table, areas)
    open_ended = rows["period_start"].isna() | rows["period_end"].isna()
    notes = [f"{_cite(outcome, row)} has an open bound and is not used" for _, row in rows[open_ended].iterrows()]
    rows = rows[~open_ended]
    first, last = periods[0].start_time, periods[-1].end_time.normalize()
    rows = rows[(pd.to_datetime(rows["period_start"]) >= first) & (pd.to_datetime(rows["period_end"]) <= last)]
    if outcome.vintage:
        rows = rows[rows["vintage"] == outcome.vintage]
    for exclusion in outcome.excluded:
        rows, left_out = _without(rows, exclusion)
        notes += [f"{_cite(outcome, row)} left out: {exclusion.reason}" for _, row in left_out.iterrows()]
    rows = _of_one_definition(outcome, rows)
    return _on_grid(outcome, rows, periods), notes


def _explain_nothing(outcome: Outcome, table: pd.DataFrame, areas: list[str]) -> None:
    measures = sorted(table["measure"].dropna().unique())
    if outcome.measure not in measures:
        raise DataError(f"{outcome.table} has no measure '{outcome.measure}'; it holds {', '.join(measures)}")
    missing = [area for area in areas if area not in set(table["unit"])]
    raise DataError(
        f"units {missing or areas} are in the study but have no '{outcome.measure}' in {outcome.table}; "
        f"the table holds {table['unit'].nunique()} units"
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


def _of_one_definition(outcome: Outcome, rows: pd.DataFrame) -> pd.DataFrame:
    """Only figures under a declared definition; two definitions are never chained without the study's word."""
    found = sorted(rows["definition"].dropna().unique())
    if outcome.definitions:
        unknown = [name for name in outcome.definitions if name not in found]
        if unknown:
            raise DataError(
                f"the outcome '{outcome.name}' asks for the definition {unknown[0]!r}, of which {outcome.table} has no figure "
                f"for these units and days; it has {', '.join(found) or 'none'}"
            )
        return rows[rows["definition"].isin(outcome.definitions)]
    if len(found) > 1:
        raise DataError(
            f"'{outcome.measure}' in {outcome.table} is counted under {len(found)} definitions ({', '.join(found)}); they must "
            f"not be chained unasked: name those to use in 'definitions' of the outcome '{outcome.name}'"
        )
    return rows


def _on_grid(outcome: Outcome, rows: pd.DataFrame, periods: pd.PeriodIndex) -> pd.DataFrame:
    """Figures that cover exactly one period, doubles that agree merged, doubles that conflict refused."""
    start = pd.to_datetime(rows["period_start"])
    end = pd.to_datetime(rows["period_end"])
    period = pd.PeriodIndex(start, freq=periods.freqstr[0])
    exact = (period.start_time == start.to_numpy()) & (period.end_time.normalize() == end.to_numpy())
    if not exact.all():
        odd = rows[~exact].iloc[0]
        raise DataError(f"{_cite(outcome, odd)} covers other days than one {_grid_word(periods)}; leave it out with a reason")
    figures = pd.DataFrame(
        {
            "area": rows["unit"].to_numpy(),
            "period": period,
            "value": rows["value"].astype(float).to_numpy(),
            "source": [f"{outcome.table}:{line}" for line in rows.index],
        }
    )
    for (area, when), double in figures.groupby(["area", "period"], sort=False):
        if len(double) > 1 and double["value"].nunique() > 1:
            clash = " and ".join(f"{row.value:g} ({row.source})" for row in double.itertuples())
            raise DataError(f"the figures of {area} for {when} conflict: {clash}; the study must leave one out, with a reason")
    return figures.groupby(["area", "period"], sort=False).agg({"value": "first", "source": "; ".join}).reset_index()


def _grid_word(periods: pd.PeriodIndex) -> str:
    return {"M": "month", "Q": "quarter", "Y": "year"}[periods.freqstr[0]]


def _cite(outcome: Outcome, row: pd.Series) -> str:
    first = "?" if pd.isna(row["period_start"]) else f"{pd.Timestamp(row['period_start']).date()}"
    last = "?" if pd.isna(row["period_end"]) else f"{pd.Timestamp(row['period_end']).date()}"
    return f"the figure {row['value']} for {row['unit']}, {first} to {last} ({outcome.table}:{row.name}, {row['source']})"


def _sum_of(unit: Unit, figures: pd.DataFrame, periods: pd.PeriodIndex) -> np.ndarray:
    """Events of a unit, shape (period,): NaN where one of its areas has no figure or the unit is not valid."""
    cells = figures.pivot(index="period", columns="area", values="value").reindex(index=periods, columns=list(unit.areas))
    total = cells.sum(axis="columns", min_count=len(unit.areas)).to_numpy(dtype=float)
    if unit.valid.start:
        total[periods.start_time < pd.Timestamp(unit.valid.start)] = np.nan
    if unit.valid.end:
        total[periods.end_time.normalize() > pd.Timestamp(unit.valid.end)] = np.nan
    return total


def _sources_of(unit: Unit, figures: pd.DataFrame, periods: pd.PeriodIndex) -> list[str]:
    own = figures[figures["area"].isin(unit.areas)]
    return own.groupby("period")["source"].agg("; ".join).reindex(periods).fillna("").tolist()


def _exposure(
    outcome: Outcome, tables: Mapping[str, pd.DataFrame], units: list[Unit], periods: pd.PeriodIndex
) -> pd.DataFrame:
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
