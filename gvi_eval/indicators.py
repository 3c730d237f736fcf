"""Indicators of a plan: what it set out to watch, what was published of it since, and what that can bear.

Monitoring is not evaluation. An indicator that moved is a reading; why it moved is a question for a study.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError
from gvi_eval.resources import CHECKOUT
from gvi_eval.tables import read_table

FOLDER = CHECKOUT / "analyses" / "monitoring"
DATA = CHECKOUT / "analyses" / "data"
INDICATORS = "compiled_denmark/indicators.csv"  # what plans and agreements name, row by row
COUNTS = frozenset({"count"})  # kinds that are held in tables of counts; all others are in tables of readings
NO_FIGURE = "no figure published"
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

Kind = Literal["share", "rate", "stock", "count", "words"]


@dataclass(frozen=True)
class Excluded:
    """A published figure that is not the reading of its period, and why."""

    source: str
    period_start: date
    reason: str


@dataclass(frozen=True)
class Series:
    """Where the readings of an indicator stand: table, area, measure, and the definitions that are read as one series."""

    table: str
    area: str
    measure: str
    definitions: tuple[str, ...]
    beside: str | None = None  # a wider area whose readings are shown in grey for comparison
    excluded: tuple[Excluded, ...] = ()
    design_effect: float | None = None  # variance of the survey's share over that of a simple random sample
    answers: Mapping[str, int] = field(default_factory=dict)  # survey year -> number of answers, where it is published


@dataclass(frozen=True)
class Indicator:
    """What a plan watches. ``wanted`` is the direction it hopes for; texts in the plan's own terms come from its document."""

    name: str
    label: str
    label_in: Mapping[str, str]
    role: Literal["outcome", "activity"]
    kind: Kind
    measured_in: str
    wanted: Literal["down", "up"] | None
    source: str
    goal: str
    series: Series | None = None
    baseline: float | None = None
    baseline_period: str | None = None
    target: str | None = None
    deadline: str | None = None
    holder: str | None = None
    frequency: str | None = None
    missing: str | None = None  # why there is no reading, or what one would need
    note: str | None = None

    @property
    def target_number(self) -> bool:
        """Whether the target names a number; '(no number)' does not."""
        return bool(re.search(r"\d", self.target or ""))


@dataclass(frozen=True)
class Given:
    """What partners gave up to a day, as a published sentence states it: ``value`` is in ``quote``, and that in the table."""

    start: date | None
    end: date
    value: float
    quote: str
    source: str
    figure: str  # table:line


@dataclass(frozen=True)
class Dose:
    """An activity of the programme, recorded beside the outcomes and never as one."""

    name: str
    label: str
    label_in: Mapping[str, str]
    records: tuple[Given, ...]
    missing: str | None = None


@dataclass(frozen=True)
class Status:
    """The yearly report: the month it is due, December where no month is stated, and the years it covers."""

    first: int
    last: int
    month: int | None = None


@dataclass(frozen=True)
class Plan:
    """A plan or agreement, its indicators and its dose. ``partners`` are counters of tables, such as 'police'."""

    name: str
    title: str
    title_in: Mapping[str, str]
    place: str
    start: date
    end: date | None
    partners: tuple[str, ...]
    source: str
    indicators: tuple[Indicator, ...]
    dose: tuple[Dose, ...]
    status: Status | None
    limits: tuple[str, ...]
    file: Path
    tables: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One published figure of an indicator; limits only where chance can be told, else ``bare`` says why there are none."""

    period_start: date
    period_end: date
    value: float
    definition: str
    counter: str
    vintage: str
    sources: tuple[str, ...]
    figure: str
    lower: float | None = None
    upper: float | None = None
    level: float | None = None
    interval: str | None = None  # the kind of the limits
    bare: str | None = None
    note: str | None = None

    @property
    def when(self) -> str:
        """The year where the figure is of a whole year, else its day or days."""
        first, last = self.period_start, self.period_end
        if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31) and first.year == last.year:
            return str(first.year)
        return str(last) if first == last else f"{first} to {last}"


def embedded_plans() -> list[str]:
    """The monitoring plans of this checkout, by name."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def find_plan(name: str) -> Path:
    """The file of a plan by its name in analyses/monitoring, or by its path."""
    for file in (Path(name), FOLDER / f"{name}.toml"):
        if file.is_file():
            return file
    raise StudyError(
        f"there is no monitoring plan '{name}'; known are {', '.join(embedded_plans())}, or give the path of a TOML"
    )


def load_plan(file: Path) -> Plan:
    """A plan with everything its document says of its indicators.

    Baselines, targets, deadlines and holders are read from the table of indicators and never typed twice. Raises `StudyError`
    where the document names an indicator that the plan leaves out without a reason, where two names collide, and where a
    quoted dose does not stand in its table.
    """
    document = read_declared(file, "monitoring")
    named = _Named(document, file.parent)
    indicators = tuple(named.indicator(item) for item in document["indicators"])
    named.refuse_leaving_out(file.name)
    doses = _doses(document.get("dose", []), file)
    _refuse_twice([each.name for each in (*indicators, *doses)], file.name)
    status = document.get("status")
    tables = {each.series.table for each in indicators if each.series} | set(named.tables)
    tables |= {record["table"] for item in document.get("dose", []) for record in item.get("records", [])}
    return Plan(
        name=document["name"],
        title=document["title"],
        title_in=document["title_in"],
        place=document["place"],
        start=date.fromisoformat(document["start"]),
        end=_day(document.get("end")),
        partners=tuple(document["partners"]),
        source=document["source"],
        indicators=indicators,
        dose=doses,
        status=Status(**status) if status else None,
        limits=tuple(document.get("limits", [])),
        file=file,
        tables=tuple(sorted(tables)),
        left_out=tuple(f"{item['indicator']}: {item['reason']}" for item in document.get("left_out", [])),
    )


def table_path(name: str, folder: Path) -> Path:
    """A table beside the plan, or in analyses/data."""
    for root in (folder, DATA):
        if (root / name).is_file():
            return root / name
    raise StudyError(f"the table '{name}' is neither beside the plan nor in analyses/data; put it there or correct the name")


class _Named:
    """The rows in which documents name indicators, and which of them the plan has taken up."""

    def __init__(self, document: Mapping[str, Any], folder: Path):
        self.documents = tuple(document.get("documents", []))
        self.tables = (document.get("indicators_table", INDICATORS),) if self.documents else ()
        self.source = document["source"]
        self.left_out = [(item["geography"], item["indicator"]) for item in document.get("left_out", [])]
        rows = [read_table(table_path(name, folder), "indicators") for name in self.tables]
        self.rows = pd.concat(rows) if rows else pd.DataFrame(columns=["document"])
        self.rows = self.rows[self.rows["document"].isin(self.documents)]
        self.taken: set[tuple[str, str]] = set()

    def indicator(self, item: Mapping[str, Any]) -> Indicator:
        """An indicator as the plan declares it, with what its document says."""
        stated = self._row(item["row"], item["name"]) if "row" in item else None
        series = item.get("series")
        own = dict.fromkeys(("goal", "target", "deadline", "frequency"), None)
        if stated is not None:
            own = {key: _text(stated[key]) for key in own}
        return Indicator(
            name=item["name"],
            label=item["label"],
            label_in=item["label_in"],
            role=item["role"],
            kind=item["kind"],
            measured_in=item["measured_in"],
            wanted=item.get("wanted"),
            source=item.get("source") or (stated["source"] if stated is not None else self.source),
            goal=item.get("goal") or own["goal"] or "",
            series=_series(series) if series else None,
            baseline=None if stated is None or pd.isna(stated["baseline_value"]) else float(stated["baseline_value"]),
            baseline_period=None if stated is None else _text(stated["baseline_period"]),
            target=own["target"],
            deadline=own["deadline"],
            holder=_text(stated["data_source"]) if stated is not None else item.get("holder"),
            frequency=own["frequency"],
            missing=item.get("missing"),
            note=item.get("note"),
        )

    def _row(self, wanted: Mapping[str, str], name: str) -> pd.Series:
        key = wanted["geography"], wanted["indicator"]
        found = self.rows[(self.rows["geography"] == key[0]) & (self.rows["indicator"] == key[1])]
        if len(found) != 1:
            raise StudyError(
                f"indicator '{name}': {len(found)} rows of {' and '.join(self.documents) or 'no document'} name '{key[1]}' for "
                f"'{key[0]}'; correct geography and indicator"
            )
        self.taken.add(key)
        return found.iloc[0]

    def refuse_leaving_out(self, file: str) -> None:
        """Nothing that the document names is dropped in silence."""
        named = {(row.geography, row.indicator) for row in self.rows.itertuples()}
        if silent := sorted(named - self.taken - set(self.left_out)):
            texts = "; ".join(f"{indicator} ({place})" for place, indicator in silent)
            raise StudyError(
                f"{file} leaves out what its document names: {texts}; take it up, or list it in left_out with a reason"
            )
        if unknown := sorted(set(self.left_out) - named):
            raise StudyError(f"{file}: left_out names {unknown[0][1]!r} for {unknown[0][0]!r}, which the document does not")


def _series(item: Mapping[str, Any]) -> Series:
    excluded = [
        Excluded(each["source"], date.fromisoformat(each["period_start"]), each["reason"]) for each in item.get("excluded", [])
    ]
    return Series(
        table=item["table"],
        area=item["area"],
        measure=item["measure"],
        definitions=tuple(item["definitions"]),
        beside=item.get("beside"),
        excluded=tuple(excluded),
        design_effect=item.get("design_effect"),
        answers=item.get("answers", {}),
    )


def _doses(items: Sequence[Mapping[str, Any]], file: Path) -> tuple[Dose, ...]:
    """The activities of the plan, each number with the line of the table that states it."""
    names = {record["table"] for item in items for record in item.get("records", [])}
    tables = {name: read_table(table_path(name, file.parent), "interventions") for name in sorted(names)}
    doses = []
    for item in items:
        if not item.get("records") and "missing" not in item:
            raise StudyError(f"{file.name}: dose '{item['name']}' has neither records nor 'missing'; say what is not published")
        about = f"{file.name}: dose '{item['name']}'"
        records = tuple(_given(about, record, tables[record["table"]]) for record in item.get("records", []))
        doses.append(Dose(item["name"], item["label"], item["label_in"], records, item.get("missing")))
    return tuple(doses)


def _given(about: str, record: Mapping[str, Any], rows: pd.DataFrame) -> Given:
    texts = rows["event"].fillna("") + " | " + rows["numbers"].astype("string").fillna("")
    holds = (rows["source"] == record["source"]) & texts.str.contains(record["quote"], regex=False)
    if holds.sum() != 1:
        raise StudyError(
            f"{about}: {int(holds.sum())} rows of {record['table']} from {record['source']} say '{record['quote']}'; "
            "quote one row as it stands"
        )
    if record["value"] not in _numbers(record["quote"]):
        raise StudyError(f"{about}: {record['value']} does not stand in '{record['quote']}'")
    line = int(rows.index[holds][0])
    row = rows.loc[line]
    end = _as_date(row["date_latest"]) or _as_date(row["date_earliest"])
    return Given(
        _day(record.get("since")), end, record["value"], record["quote"], record["source"], f"{record['table']}:{line}"
    )


def _numbers(text: str) -> set[float]:
    """The numbers a text states, in digits or as 'first' to 'tenth'."""
    words = re.findall(r"[a-z]+", text.lower())
    return {float(each) for each in re.findall(r"\d+(?:\.\d+)?", text)} | {
        float(ORDINALS.index(word) + 1) for word in words if word in ORDINALS
    }


def _refuse_twice(names: list[str], file: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StudyError(f"{file} declares '{twice[0]}' twice; give each indicator and each dose a name of its own")


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def _as_date(value: Any) -> date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()
