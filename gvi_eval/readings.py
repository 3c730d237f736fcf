"""What was published of an indicator: one reading a period, how sure it is, how far from the start, what to beware of."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from gvi_eval.errors import DataError
from gvi_eval.indicators import COUNTS, NO_FIGURE, Indicator, Plan, Reading, Series, table_path
from gvi_eval.tables import read_table

LEVEL = 0.95
OLD = 2  # years before the plan from which a start that the plan does not state is called old
MANY = 4  # readings from which it is told that the start is the highest or lowest of them
SCREEN = 500  # answers a year to each survey, after the design effect: this project's cut-off where the number is not published
COUNTERS = {"police": "the police", "city": "the city", "prison_service": "the prison and probation service"}

Standing = Literal["outlier", "not an outlier", "cannot be judged"]


@dataclass(frozen=True)
class BaselineCheck:
    """Whether the baseline stands apart from the readings before and after it, and the rule in words."""

    standing: Standing
    sentence: str


@dataclass(frozen=True)
class Followed:
    """An indicator with its readings: where it started, where it was last seen, and what to beware of.

    ``origin`` is the baseline that the plan states, else the last reading before the plan began; ``stated`` says which.
    ``last`` is the newest reading since, within the plan's time; ``later`` is the newest one after the plan ended.
    """

    indicator: Indicator
    readings: tuple[Reading, ...]
    beside: tuple[Reading, ...]
    origin: float | None
    origin_when: str | None
    stated: bool
    last: Reading | None
    later: Reading | None
    check: BaselineCheck | None
    warnings: tuple[str, ...]
    set_aside: tuple[str, ...] = ()  # published figures that are no reading, each with the reason

    def far(self, reading: Reading | None) -> float | None:
        """The reading less the origin, in the indicator's unit."""
        return None if reading is None or self.origin is None else round(reading.value - self.origin, 10)

    def movement(self, reading: Reading | None) -> str:
        """Which way the reading lies of the origin, and whether the plan wants that."""
        far = self.far(reading)
        if far is None:
            return NO_FIGURE if reading is None else "nothing to set it against"
        if far == 0:
            return "as at the start"
        way = "down" if far < 0 else "up"
        if self.indicator.wanted is None:
            return way
        return f"{way}, as wanted" if way == self.indicator.wanted else f"{way}, against what is wanted"


@dataclass(frozen=True)
class Monitoring:
    """A plan and all its indicators, followed."""

    plan: Plan
    followed: tuple[Followed, ...]

    @property
    def outcomes(self) -> tuple[Followed, ...]:
        return tuple(each for each in self.followed if each.indicator.role == "outcome")

    @property
    def activities(self) -> tuple[Followed, ...]:
        return tuple(each for each in self.followed if each.indicator.role == "activity")

    @property
    def status_years(self) -> tuple[int, ...]:
        """The years of the status reports, up to the newest figure where the plan has no end."""
        status = self.plan.status
        return () if status is None else tuple(range(status.first, status.last + 1))

    def status(self, followed: Followed, year: int) -> Reading | None:
        """The newest reading that a report of this year could hold.

        A survey had begun by then, the days of any other figure had ended, and it was published as far as that date is known.
        A figure from years before the plan and its baseline is none.
        """
        month = self.plan.status.month or 12
        due = (pd.Timestamp(year, month, 1) + pd.offsets.MonthEnd(0)).date()
        floor = min(self.plan.start.year, _year(followed.origin_when) or self.plan.start.year)
        known = [
            each
            for each in followed.readings
            if (each.period_start if followed.indicator.kind == "share" else each.period_end) <= due
            and _earliest(each.vintage) <= due
            and each.period_end.year >= floor
        ]
        return known[-1] if known else None


def follow(plan: Plan) -> Monitoring:
    """Every indicator of the plan with its readings. Raises `DataError` where two figures of one period are not decided on."""
    tables: dict[tuple[str, str], pd.DataFrame] = {}

    def table(series: Series, kind: str) -> pd.DataFrame:
        key = series.table, "counts" if kind in COUNTS else "readings"
        if key not in tables:
            tables[key] = read_table(table_path(series.table, plan.file.parent), key[1])
        return tables[key]

    followed = []
    for indicator in plan.indicators:
        readings: tuple[Reading, ...] = ()
        beside: tuple[Reading, ...] = ()
        aside: tuple[str, ...] = ()
        if indicator.series:
            rows = table(indicator.series, indicator.kind)
            aside = _set_aside(indicator, rows)
            readings = readings_of(indicator, rows, indicator.series.area)
            if indicator.series.beside:
                beside = readings_of(indicator, rows, indicator.series.beside)
        followed.append(replace(_followed(plan, indicator, readings, beside), set_aside=aside))
    return Monitoring(plan, tuple(followed))


def readings_of(indicator: Indicator, rows: pd.DataFrame, area: str) -> tuple[Reading, ...]:
    """One reading a period, oldest first; of counts only whole years, because part of a year is not set against a year."""
    series = indicator.series
    own = rows[(rows["unit"] == area) & (rows["measure"] == series.measure) & rows["definition"].isin(series.definitions)]
    own = own.dropna(subset=["period_start", "period_end"]).assign(line=lambda found: found.index)
    if indicator.kind in COUNTS:
        whole = [_whole_year(first, last) for first, last in zip(own["period_start"], own["period_end"], strict=True)]
        own = own[whole]
    readings = []
    for (first, last), group in own.groupby(["period_start", "period_end"], sort=True):
        kept = group[~group["source"].isin(_excluded(series, first.date()))]
        if not kept.empty:
            readings.append(_reading(indicator, area, kept, first.date(), last.date()))
    return tuple(readings)


def _excluded(series: Series, first: date) -> dict[str, str]:
    """The sources whose figure of the period that begins on this day is no reading, and why."""
    return {each.source: each.reason for each in series.excluded if each.period_start == first}


def _set_aside(indicator: Indicator, rows: pd.DataFrame) -> tuple[str, ...]:
    """Every figure that the plan excludes; raises `DataError` where it excludes one that is not published."""
    series = indicator.series
    areas = [series.area, series.beside]
    own = rows[rows["unit"].isin(areas) & (rows["measure"] == series.measure) & rows["definition"].isin(series.definitions)]
    told = []
    for each in series.excluded:
        found = own[(own["source"] == each.source) & (own["period_start"] == pd.Timestamp(each.period_start))]
        if found.empty:
            raise DataError(
                f"indicator '{indicator.name}' excludes a figure of {each.source} from {each.period_start}, which "
                f"{series.table} does not hold for {series.area}; correct the exclusion"
            )
        told += [f"{value:g} ({each.period_start.year}, {each.source}): {each.reason}" for value in found["value"]]
    return tuple(told)


def _whole_year(first: pd.Timestamp, last: pd.Timestamp) -> bool:
    return (first.month, first.day, last.month, last.day) == (1, 1, 12, 31) and first.year == last.year


def _reading(indicator: Indicator, area: str, kept: pd.DataFrame, first: date, last: date) -> Reading:
    """The reading of one period: the figure on which all sources agree that are not excluded."""
    series = indicator.series
    values = sorted(float(value) for value in kept["value"].unique())
    if len(values) != 1:
        found = "; ".join(f"{row.value:g} ({row.source})" for row in kept.itertuples())
        raise DataError(
            f"indicator '{indicator.name}': {len(values)} different figures of {area} from {first} to {last}: {found}; "
            "say in 'excluded' which is not the reading, and why"
        )
    row = kept.iloc[0]
    return Reading(
        period_start=first,
        period_end=last,
        value=values[0],
        definition=row["definition"],
        counter=row["counter"],
        vintage="" if pd.isna(row["vintage"]) else row["vintage"],
        sources=tuple(dict.fromkeys(kept["source"])),
        figure=f"{series.table}:{row['line']}",
        note=None if pd.isna(row["note"]) else row["note"],
        **_limits(indicator, values[0], str(first.year)),
    )


def _limits(indicator: Indicator, value: float, year: str) -> dict[str, object]:
    """Limits of a reading, or the reason why there are none."""
    if indicator.kind == "share":
        series = indicator.series
        if year not in series.answers:
            return {"bare": "no interval: the number of answers is not published"}
        if series.design_effect is None:
            return {"bare": "no interval: no design factor (deff) is stated for the survey"}
        lower, upper = wilson(value / 100, series.answers[year] / series.design_effect)
        kind = f"Wilson, {series.answers[year]} answers, deff {series.design_effect:g}"
        return {"lower": 100 * lower, "upper": 100 * upper, "level": LEVEL, "interval": kind}
    if indicator.kind == "count":
        lower, upper = poisson_limits(round(value))
        return {"lower": lower, "upper": upper, "level": LEVEL, "interval": "exact Poisson"}
    if indicator.kind == "rate":
        return {"bare": "no interval: the number of reports behind the rate is not published"}
    return {"bare": "no interval: a register is counted in full, and what enters it is a decision"}


def wilson(share: float, answers: float, level: float = LEVEL) -> tuple[float, float]:
    """Score limits of a share from so many answers, already divided by the design effect.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). Wilson 1927, Probable inference, the law of succession, and statistical
    inference, 10.1080/01621459.1927.10502953. Raises `ValueError` for a share outside 0 to 1 or no answers.
    """
    from scipy.stats import norm

    if not 0 <= share <= 1 or answers <= 0:
        raise ValueError(f"a share of {share} from {answers} answers has no interval; a share lies between 0 and 1")
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    centre, scale = share + z2 / (2 * answers), 1 + z2 / answers
    reach = math.sqrt(z2 * (share * (1 - share) / answers + z2 / (4 * answers**2)))
    return max((centre - reach) / scale, 0.0), min((centre + reach) / scale, 1.0)


def poisson_limits(count: int, level: float = LEVEL) -> tuple[float, float]:
    """Exact limits of the mean behind a count, from χ² quantiles with 2y and 2y + 2 degrees of freedom.

    Garwood 1936, Fiducial limits for the Poisson distribution, 10.1093/biomet/28.3-4.437.
    """
    from scipy.stats import chi2

    tail = (1 - level) / 2
    lower = float(chi2.ppf(tail, 2 * count) / 2) if count else 0.0
    return lower, float(chi2.ppf(1 - tail, 2 * count + 2) / 2)


def _followed(plan: Plan, indicator: Indicator, readings: tuple[Reading, ...], beside: tuple[Reading, ...]) -> Followed:
    before = [each for each in readings if each.period_end < plan.start]
    origin, when = indicator.baseline, indicator.baseline_period
    stated = origin is not None
    place = _place_of(readings, when) if stated else None
    if not stated and before:
        place = len(before) - 1
        origin, when = before[-1].value, before[-1].when
    since = readings if place is None else readings[place + 1 :]
    since = tuple(each for each in since if stated or each.period_end >= plan.start)
    within = [each for each in since if plan.end is None or each.period_start <= plan.end]
    after = [each for each in since if plan.end is not None and each.period_start > plan.end]
    check = None
    if origin is not None:
        name = f"the baseline of {origin:g} ({when})" if stated else f"the last figure before the plan, {origin:g} ({when}),"
        check = _check(indicator, name, origin, readings, place)
    warnings = tuple(_warnings(plan, indicator, readings, check, origin, place))
    last, later = within[-1] if within else None, after[-1] if after else None
    return Followed(indicator, readings, beside, origin, when, stated, last, later, check, warnings)


def _place_of(readings: Sequence[Reading], when: str | None) -> int | None:
    """The reading of the baseline's year."""
    year = _year(when)
    places = [place for place, each in enumerate(readings) if each.period_start.year == year]
    return places[0] if places else None


def _warnings(
    plan: Plan,
    indicator: Indicator,
    readings: Sequence[Reading],
    check: BaselineCheck | None,
    origin: float | None,
    place: int | None,
) -> list[str]:
    found = []
    if check and check.standing == "outlier":
        found.append(check.sentence)
    if indicator.baseline is not None and place is not None and readings[place].value != origin:
        found.append(
            f"the plan's baseline of {origin:g} is not the {readings[place].value:g} published for {readings[place].when}"
        )
    if indicator.baseline is None and place is not None and plan.start.year - readings[place].period_end.year > OLD:
        found.append(
            f"the start is of {readings[place].when}, {plan.start.year - readings[place].period_end.year} years before the plan"
        )
    if extreme := _extreme(indicator, readings, place):
        found.append(extreme)
    partners = [each for each in dict.fromkeys(each.counter for each in readings) if each in plan.partners]
    for counter in partners:
        who = COUNTERS[counter]
        if indicator.kind == "stock":
            found.append(
                f"the register is kept by the programme itself: {who} put persons on it and take them off, so a fall can come "
                "from the streets or from the register"
            )
        else:
            found.append(f"the figures come from a partner of the programme, {who}")
    return found


def _extreme(indicator: Indicator, readings: Sequence[Reading], place: int | None) -> str | None:
    """Whether the start is the farthest of all readings from what is wanted, so that every other one looks better."""
    if place is None or indicator.wanted is None or len(readings) < MANY:
        return None
    own, others = readings[place].value, [each.value for number, each in enumerate(readings) if number != place]
    highest, lowest = own > max(others), own < min(others)
    if (indicator.wanted == "down" and highest) or (indicator.wanted == "up" and lowest):
        word, way = ("highest", "below") if highest else ("lowest", "above")
        count = f"all {len(readings)} readings"
        return f"the start of {own:g} is the {word} of {count}: every other, earlier ones too, lies {way} it"
    return None


def _check(indicator: Indicator, name: str, origin: float, readings: Sequence[Reading], place: int | None) -> BaselineCheck:
    """The baseline beside the readings next to it, before and after.

    An outlier lies outside the range of its neighbours by more than sampling error: for counts, an exact test of equal rates
    against the nearer neighbour; for survey shares, a test of two proportions with the design effect. Where the number of
    answers is not published, the number that would put the distance beyond sampling error is given, and it is an outlier where
    that is `SCREEN` or fewer.
    """
    if place is None or place == 0 or place == len(readings) - 1:
        missing = "no reading of its own" if place is None else "no reading before it" if place == 0 else "no reading after it"
        return BaselineCheck("cannot be judged", f"{name} cannot be set beside neighbours: {missing} is published")
    before, after = readings[place - 1], readings[place + 1]
    beside = f"{before.value:g} ({before.when}) and {after.value:g} ({after.when})"
    if min(before.value, after.value) <= origin <= max(before.value, after.value):
        return BaselineCheck("not an outlier", f"{name} lies between {beside}")
    nearer = min((before, after), key=lambda each: abs(each.value - origin))
    apart = f"{name} lies outside {beside}, {abs(nearer.value - origin):g} from the nearer"
    if indicator.kind == "count":
        return _check_counts(apart, readings[place], nearer)
    if indicator.kind == "share":
        return _check_shares(apart, indicator.series, readings[place], nearer)
    return BaselineCheck("cannot be judged", f"{apart}; what chance can do to it is not known")


def _check_counts(apart: str, own: Reading, nearer: Reading) -> BaselineCheck:
    from scipy.stats import binomtest

    days = [(each.period_end - each.period_start).days + 1 for each in (own, nearer)]
    counts = round(own.value), round(nearer.value)
    p = float(binomtest(counts[0], sum(counts), days[0] / sum(days)).pvalue) if sum(counts) else 1.0
    standing: Standing = "outlier" if p < 1 - LEVEL else "not an outlier"
    beyond = "more" if standing == "outlier" else "no more"
    return BaselineCheck(standing, f"{apart}: {beyond} than Poisson scatter (exact p {p:.3f})")


def _check_shares(apart: str, series: Series, own: Reading, nearer: Reading) -> BaselineCheck:
    from scipy.stats import norm

    shares = own.value / 100, nearer.value / 100
    z2 = float(norm.ppf((1 + LEVEL) / 2)) ** 2
    spread = [share * (1 - share) for share in shares]
    years = str(own.period_start.year), str(nearer.period_start.year)
    if series.design_effect and all(year in series.answers for year in years):
        answers = [series.answers[year] / series.design_effect for year in years]
        variance = sum(each / n for each, n in zip(spread, answers, strict=True))
        standing: Standing = "outlier" if (shares[0] - shares[1]) ** 2 > z2 * variance else "not an outlier"
        beyond = "more" if standing == "outlier" else "no more"
        return BaselineCheck(standing, f"{apart}: {beyond} than sampling error, deff {series.design_effect:g}")
    needed = math.ceil(z2 * sum(spread) / (shares[0] - shares[1]) ** 2)
    told = f"{apart}; the number of answers is not published, and {needed} in each survey would put it beyond sampling error"
    if needed <= SCREEN:
        return BaselineCheck("outlier", told)
    return BaselineCheck("cannot be judged", f"{told}, more than the {SCREEN} taken for granted here")


def _year(text: str | None) -> int | None:
    found = re.search(r"\b(?:19|20)\d\d\b", text or "")
    return int(found.group()) if found else None


def _earliest(vintage: str) -> date:
    """The first day that a date of publication can mean; with none, a figure counts as known when its period allows."""
    parts = [int(each) for each in vintage.split("-")] if vintage else [1]
    return date(*(parts + [1, 1])[:3]) if vintage else date.min


def inputs_of(plan: Plan) -> dict[str, Path]:
    """The tables a plan reads, by name."""
    return {name: table_path(name, plan.file.parent) for name in plan.tables}
