"""The saved results of a study as evidence: tables read from its folder, and rows that an answer can point to."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from gvi_eval.errors import DataError
from gvi_eval.lock import planned
from gvi_eval.study import Study, load_study

STUDY_FILE = "study.toml"


@dataclass(frozen=True)
class Link:
    """Where an answer can be checked: a file and a row of it, by id, by line, or by key."""

    file: str
    row: str


@dataclass(frozen=True)
class Found:
    """What the results say of an item. Without an answer it is a fact that raters may use, and the item is still asked."""

    answer: str | None
    sentence: str
    evidence: tuple[Link, ...]


@dataclass(frozen=True)
class Saved:
    """A results folder with the study that it is of; nothing is computed anew."""

    folder: Path
    study_file: Path

    @cached_property
    def study(self) -> Study:
        return load_study(self.study_file)

    @cached_property
    def planned(self) -> str:
        return planned(self.study_file)

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {}

    def table(self, name: str) -> pd.DataFrame:
        """A saved table, its index the line in the file; empty where the run wrote none."""
        if name not in self._tables:
            file = self.folder / name
            written = file.is_file() and file.read_bytes().strip()
            rows = pd.read_csv(file, keep_default_na=False, na_values=[""]) if written else pd.DataFrame()
            self._tables[name] = rows.set_axis(pd.RangeIndex(2, len(rows) + 2))
        return self._tables[name]

    def holds(self, name: str) -> bool:
        return not self.table(name).empty

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Raises `DataError` where the folder holds no results of this study."""
        rows = self.table("effects.csv")
        if rows.empty or set(rows["study"]) != {self.study.name}:
            raise DataError(
                f"'{self.folder.name}' holds no results of {self.study.name}; run 'gvi-eval run {self.study.name}' first"
            )
        return rows

    @cached_property
    def headline(self) -> pd.DataFrame:
        """The headline's rows, one a start; without the row over all starts where there is one."""
        rows = self.effects[self.effects["headline"] & (self.effects["estimand"] == self.study.estimands[0].name)]
        single = rows[rows["inference"] != "range over starts"]
        return rows if single.empty else single

    @cached_property
    def panel(self) -> pd.DataFrame:
        """The figures that the headline saw in its treated unit."""
        row = self.headline.iloc[0]
        rows = self.table(row["panel"])
        own = rows[rows["unit"] == row["unit"]]
        return rows if own.empty else own

    @cached_property
    def window_end(self) -> date:
        ends = pd.PeriodIndex([str(each) for each in self.headline["window_end"]], freq=self.study.frequency)
        return max(ends).end_time.date()

    @cached_property
    def sides(self) -> tuple[int, int, int]:
        """Figures of the headline that end before the earliest start, those that begin on or after it, and those across it."""
        start = self.study.treatment.start
        figures = self.panel.dropna(subset=["value"])
        first, last = (pd.to_datetime(figures[name]).dt.date for name in ("period_start", "period_end"))
        inside = first <= self.window_end
        before, after = int((last < start.earliest).sum()), int(((first >= start.earliest) & inside).sum())
        return before, after, int(inside.sum()) - before - after

    @cached_property
    def gaps(self) -> tuple[int, int, int]:
        """Periods of the headline's window, those with a figure of their own, and the figures that span several periods."""
        rows = self.panel[pd.to_datetime(self.panel["period_start"]).dt.date <= self.window_end]
        spans = rows["period"].astype(str).str.contains(r"\.\.", regex=True)
        cells = rows[~spans]
        return len(cells), int(cells["value"].notna().sum()), int(spans.sum())

    def threat(self, identity: str) -> pd.DataFrame:
        rows = self.table("threats.csv")
        return rows if rows.empty else rows[rows["id"] == identity]

    def row(self, name: str, rows: pd.DataFrame, most: int = 3) -> tuple[Link, ...]:
        """Links to the first rows: by their id where the table has one, else by their line."""
        named = name == "effects.csv" and "id" in rows
        keys = rows["id"] if named else [f"line {line}" for line in rows.index]
        return tuple(Link(name, str(key)) for key in list(keys)[:most])

    def of_headline(self, most: int = 1) -> tuple[Link, ...]:
        return self.row("effects.csv", self.headline, most)


def declared(key: str) -> tuple[Link, ...]:
    """A link into the study file."""
    return (Link(STUDY_FILE, key),)


def written(file: str, key: str = "the file") -> tuple[Link, ...]:
    """A link to a file that is published as a whole."""
    return (Link(file, key),)
