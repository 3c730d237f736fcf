"""The published counts that a claim is held against: which rows of which tables, and over which days they can be added."""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gvi_eval.claims.declared import Claim, Quantity, Span
from gvi_eval.errors import DataError, StudyError
from gvi_eval.resources import CHECKOUT
from gvi_eval.study import Outcome, Study, Window, load_study
from gvi_eval.tables import read_table
from gvi_eval.windows import CountWindow, Figure, disjoint_windows

NEAR = timedelta(days=2)  # a leap day and a half-open bound make no other window


@dataclass(frozen=True)
class Count:
    """Events over a closed span of days, with the rows they were added from (table:line, source)."""

    span: Span
    events: int
    sources: tuple[str, ...]
    definitions: tuple[str, ...] = ()

    @property
    def days(self) -> int:
        return self.span.days

    @property
    def per_day(self) -> float:
        return self.events / self.days

    def __str__(self) -> str:
        return f"{self.events} in {self.days} days ({self.span})"


@dataclass(frozen=True, eq=False)
class Published:
    """The figures of one place and measure, how conflicting ones were chosen, and the disjoint windows they amount to."""

    place: str
    measure: str
    definitions: tuple[str, ...]
    figures: tuple[Figure, ...]
    windows: tuple[CountWindow, ...]
    open_ended: tuple[tuple[int, str], ...]  # counts with a bound that was not published, under any definition
    choice: str

    left_out: tuple[tuple[Figure, str], ...] = ()  # published under the same definitions and not used, with the reason
    remarks: Mapping[str, str] = field(default_factory=dict)  # what is published beside a row that is used: table:line, source
    incomplete: frozenset[str] = frozenset()  # rows whose own table says that they do not cover their months

    def over(self, span: Span) -> Count | None:
        """Events over a closed span: a figure for just these days, or disjoint windows that fill them; else None.

        Absent is not zero: a day that no figure covers leaves the whole span without a count.
        """
        if not span.is_closed or span.days < 1:
            return None
        for figure in self.figures:
            if (figure.start, figure.end) == (span.start, span.end):
                return Count(span, figure.count, figure.sources, (figure.definition,))
        inside = self.inside(span)
        covered = sum((last - first).days + 1 for window in inside for first, last in window.ranges)
        if covered != span.days:
            return None
        whole = _fewest(self.figures, span)
        if whole:
            sources = tuple(line for each in whole for line in each.sources)
            return Count(span, sum(each.count for each in whole), sources, tuple(sorted({each.definition for each in whole})))
        sources = tuple(line for window in inside for line in window.sources)
        return Count(span, sum(window.count for window in inside), sources, self.definitions)

    def about(self, *spans: Span | None) -> list[str]:
        """How the figures were chosen: the rule, and each figure of these days (of any days by default) that is not used."""
        days = [span for span in spans if span is not None]
        own = [(figure, reason) for figure, reason in self.left_out if not days or any(_meet(figure, span) for span in days)]
        said = [f"{figure.count} is not used ({', '.join(figure.sources)}): {reason}" for figure, reason in own]
        others = len(self.left_out) - len(own)
        return [self.choice, *said, *([f"not used for other days: {others}"] if others else [])]

    def inside(self, span: Span) -> list[CountWindow]:
        """The disjoint windows that lie wholly within a closed span."""
        return [window for window in self.windows if span.start <= window.start and window.end <= span.end]

    @cached_property
    def years(self) -> dict[int, Count]:
        """Calendar years with a count, in order."""
        found = {}
        for year in range(self.first.year, self.last.year + 1) if self.windows else ():
            count = self.over(year_of(year))
            if count:
                found[year] = count
        return found

    @property
    def first(self) -> date:
        return min(window.start for window in self.windows)

    @property
    def last(self) -> date:
        return max(window.end for window in self.windows)

    def part_years(self) -> list[Count]:
        """Published counts from 1 January to a day within the year: the cumulative points of the press."""
        spans = {(each.start, each.end) for each in self.figures if each.start.year == each.end.year}
        spans = {each for each in spans if each[0].month == each[0].day == 1 and each[1] != date(each[0].year, 12, 31)}
        counts = [self.over(Span(*each)) for each in sorted(spans)]
        return [each for each in counts if each]


def year_of(year: int) -> Span:
    return Span(date(year, 1, 1), date(year, 12, 31))


def _fewest(figures: Iterable[Figure], span: Span) -> list[Figure]:
    """Published figures that follow one another and fill a span, long ones first; empty where they do not."""
    chain, first = [], span.start
    while first <= span.end:
        fitting = [each for each in figures if each.start == first and each.end <= span.end]
        if not fitting:
            return []
        chain.append(max(fitting, key=lambda each: each.end))
        first = chain[-1].end + timedelta(days=1)
    return chain


@dataclass(frozen=True, eq=False)
class Shelf:
    """Everything that claims are held against: published tables, study files and the saved results of studies."""

    reports: Path
    analyses: Path = CHECKOUT / "analyses"
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    _studies: dict[str, Study] = field(default_factory=dict)
    _saved: dict[tuple[str, str], pd.DataFrame | None] = field(default_factory=dict)

    def table(self, name: str, schema: str = "counts") -> pd.DataFrame:
        if name not in self._tables:
            file = self.analyses / "data" / name
            if not file.is_file():
                raise DataError(f"there is no table '{name}' in analyses/data; correct the name")
            self._tables[name] = read_table(file, schema)
        return self._tables[name]

    def study(self, name: str) -> Study:
        if name not in self._studies:
            file = self.analyses / name / "study.toml"
            if not file.is_file():
                raise StudyError(f"there is no study '{name}' in analyses/; correct the name")
            self._studies[name] = load_study(file)
        return self._studies[name]

    def has_study(self, name: str) -> bool:
        return (self.analyses / name / "study.toml").is_file()

    def saved(self, study: str, name: str) -> pd.DataFrame | None:
        """A saved table of results, such as ``effects.csv``; None where it has not been written."""
        if (study, name) not in self._saved:
            file = self.reports / study / name
            self._saved[study, name] = pd.read_csv(file) if file.is_file() and file.stat().st_size > 1 else None
        return self._saved[study, name]

    def address(self, source: str) -> str:
        """Where a source was published; its id where no address is recorded."""
        if not (self.analyses / "data" / "sources.csv").is_file():
            return source
        sources = self.table("sources.csv", "sources")
        known = sources.loc[sources["id"] == source, "url"].dropna()
        return known.iloc[0] if len(known) else source

    def checklists(self, study: str) -> list[dict[str, Any]]:
        """The appraisal items of a study as they were saved, empty where there are none."""
        file = self.reports / study / "checklists.json"
        return json.loads(file.read_text(encoding="utf-8"))["checklists"] if file.is_file() else []


def alone(claim: Claim, said: str, rows: Iterable[str], shelf: Shelf) -> list[str]:
    """A finding where the rows (table:line, source) of a figure all come from the publication that makes the claim."""
    own = {shelf.address(row.rsplit(", ", 1)[-1]) for row in rows}
    if own != {shelf.address(claim.source)}:
        return []
    return [f"{said} stands in the claim's own publication alone: that it is repeated exactly confirms nothing"]


def published(claim: Claim, quantity: Quantity, shelf: Shelf) -> Published:
    """The published figures of a claimed quantity.

    Where the claim names a study that has the outcome, conflicting figures are used as the study chose, also outside its
    days; else the definitions and exclusions of the claim file hold. Raises `DataError`, in a sentence that is a finding,
    where the tables do not hold the place or the definition, where two definitions are mixed without a word, and where
    figures conflict and nobody chose.
    """
    place = quantity.place or claim.place
    outcome = _outcome(claim, quantity, shelf)
    tables = outcome.tables if outcome else quantity.tables
    measure = outcome.measure if outcome else quantity.measure
    if not tables or not measure or not place:
        raise DataError("the claim names no place, no measure or no table that holds it")
    rows = _rows(shelf, tables, measure, place)
    own = quantity.definitions
    if len(own) > 1 and not quantity.chained_because:
        raise DataError(f"the claim mixes {len(own)} definitions ({', '.join(own)}), which must not be chained unasked")
    if outcome and (others := sorted(set(own) - set(outcome.definitions))):
        raise DataError(
            f"the claim counts under {', '.join(others)}, and '{outcome.name}' of the study '{claim.study}' under "
            f"{', '.join(outcome.definitions)}; name the tables and the measure in the place of 'study_outcome'"
        )
    definitions = outcome.definitions if outcome else own
    chained = (outcome.chained_because if outcome else quantity.chained_because) or ""
    open_ended = rows[rows["period_start"].isna() | rows["period_end"].isna()]
    rows = _of_definitions(rows, definitions, place, measure)

    exclusions = outcome.excluded if outcome else quantity.left_out
    rows, left_out = _without(rows, exclusions, place)
    figures = _figures(rows, place)

    if outcome:
        choice = f"conflicting figures as the study '{claim.study}' chose for '{outcome.name}'"
        if chained:
            choice += f"; it reads {len(definitions)} definitions as one series: {chained}"
    else:
        choice = "figures as the claim file names them" + (f"; read as one series: {chained}" if chained else "")
    loose = tuple((int(row["value"]), f"{row['definition']}: {_place(row)}") for _, row in open_ended.iterrows())
    windows = disjoint_windows(figures, may_chain=bool(chained))
    remarks, incomplete = _remarks(rows)
    return Published(
        place, measure, tuple(definitions), _agreeing(figures), windows, loose, choice, tuple(left_out), remarks, incomplete
    )


def _remarks(rows: pd.DataFrame) -> tuple[dict[str, str], frozenset[str]]:
    """The note of each row that has one, and the rows of a year for which fewer than twelve months were reported."""
    notes = {_place(row): row["note"] for _, row in rows.iterrows() if isinstance(row.get("note"), str) and row["note"]}
    months = pd.to_numeric(rows["months_reported"], errors="coerce") if "months_reported" in rows else None
    return notes, frozenset() if months is None else frozenset(_place(row) for _, row in rows[months < 12].iterrows())


def _figures(rows: pd.DataFrame, place: str) -> tuple[Figure, ...]:
    """The rows whose days are both published, as figures."""
    closed = rows[rows["period_start"].notna() & rows["period_end"].notna()]
    days = [(pd.Timestamp(row["period_start"]).date(), pd.Timestamp(row["period_end"]).date()) for _, row in closed.iterrows()]
    return tuple(
        Figure(place, *span, int(row["value"]), row["definition"], (_place(row),))
        for span, (_, row) in zip(days, closed.iterrows(), strict=True)
    )


def _agreeing(figures: tuple[Figure, ...]) -> tuple[Figure, ...]:
    """One figure for the same days, with the sources of all that agree; those that differ have been refused before."""
    by_days: dict[tuple[date, date], Figure] = {}
    for each in figures:
        known = by_days.get((each.start, each.end))
        sources = (*known.sources, *each.sources) if known else each.sources
        definition = known.definition if known else each.definition
        by_days[each.start, each.end] = Figure(each.unit, each.start, each.end, each.count, definition, sources)
    return tuple(by_days.values())


def _outcome(claim: Claim, quantity: Quantity, shelf: Shelf) -> Outcome | None:
    if not claim.study or not quantity.study_outcome:
        return None
    study = shelf.study(claim.study)
    known = [outcome.name for outcome in study.outcomes]
    if quantity.study_outcome not in known:
        raise DataError(f"the study '{claim.study}' has no outcome '{quantity.study_outcome}'; it has {', '.join(known)}")
    return study.outcome(quantity.study_outcome)


def _rows(shelf: Shelf, tables: tuple[str, ...], measure: str, place: str) -> pd.DataFrame:
    frames = []
    for name in tables:
        frame = shelf.table(name)
        frames.append(frame.set_axis([f"{name}:{line}" for line in frame.index]))
    every = pd.concat(frames)
    held = every[every["unit"] == place]
    if held.empty:
        units = sorted(every["unit"].dropna().unique())
        close = difflib.get_close_matches(place, units, 3) or units[:6]
        raise DataError(f"{', '.join(tables)} hold no place '{place}'; they hold {len(units)}, such as {', '.join(close)}")
    rows = held[held["measure"] == measure]
    if rows.empty:
        raise DataError(
            f"{', '.join(tables)} hold no '{measure}' of {place}; they hold {', '.join(sorted(held['measure'].unique()))}"
        )
    return rows


def _of_definitions(rows: pd.DataFrame, definitions: tuple[str, ...], place: str, measure: str) -> pd.DataFrame:
    found = sorted(rows["definition"].dropna().unique())
    if not definitions:
        if len(found) > 1:
            raise DataError(f"'{measure}' of {place} is counted under {len(found)} definitions ({', '.join(found)}); name one")
        return rows
    unknown = [name for name in definitions if name not in found]
    if len(unknown) == len(definitions):
        raise DataError(f"no '{measure}' of {place} is published under {', '.join(unknown)}; there is {', '.join(found)}")
    return rows[rows["definition"].isin(definitions)]


def _without(rows: pd.DataFrame, exclusions: Iterable[Any], place: str) -> tuple[pd.DataFrame, list[tuple[Figure, str]]]:
    """The rows without those that are excluded by source, definition or days, and each of these with the reason."""
    said = []
    for each in exclusions:
        if getattr(each, "unit", None) not in (None, place):
            continue
        out = pd.Series(True, index=rows.index)
        for name in ("source", "definition"):
            if getattr(each, name):
                out &= rows[name] == getattr(each, name)
        period = getattr(each, "period", Window())
        if period.start:
            out &= pd.to_datetime(rows["period_start"]) >= pd.Timestamp(period.start)
        if period.end:
            out &= pd.to_datetime(rows["period_end"]) <= pd.Timestamp(period.end)
        said += [(figure, each.reason) for figure in _figures(rows[out], place)]
        rows = rows[~out]
    return rows, said


def _meet(figure: Figure, span: Span) -> bool:
    return (span.end is None or figure.start <= span.end) and (span.start is None or figure.end >= span.start)


def _place(row: pd.Series) -> str:
    return f"{row.name}, {row['source']}"
