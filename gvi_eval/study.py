"""The study file: what is asked, of which figures, with which starts, and which analyses were declared."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError
from gvi_eval.writing import slug

Frequency = Literal["M", "Q", "Y"]
Contrast = Literal["ratio", "difference", "prevented"]
EVERY = "all"  # the unit of an analysis that takes every treated unit at once
GENERATED = "generated figures"
Incomplete = Literal["used", "left out", "left out, 0 months used"]


@dataclass(frozen=True)
class Window:
    """Days from start to end, both included; an absent bound is open."""

    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        if self.start and self.end and self.end < self.start:
            raise StudyError(f"a window ends on {self.end}, before it starts on {self.start}; exchange the two dates")

    def __str__(self) -> str:
        return f"{self.start or 'the beginning'} to {self.end or 'the end'}"


@dataclass(frozen=True)
class Moment:
    """A day, or the interval of days within which an unpublished day lies."""

    earliest: date
    latest: date

    def __post_init__(self) -> None:
        if self.latest < self.earliest:
            raise StudyError(
                f"an interval of dates has its latest day {self.latest} before its earliest {self.earliest}; exchange the two"
            )

    @property
    def is_known(self) -> bool:
        return self.earliest == self.latest

    def __str__(self) -> str:
        return str(self.earliest) if self.is_known else f"between {self.earliest} and {self.latest}"


@dataclass(frozen=True)
class ExcludedFigures:
    """Published figures that the study leaves out, by unit, source, definition or days, and why."""

    reason: str
    unit: str | None = None
    source: str | None = None
    definition: str | None = None
    period: Window = Window()


@dataclass(frozen=True)
class Outcome:
    """What is counted, in which tables, and which of their conflicting figures are used."""

    name: str
    label: str
    role: Literal["primary", "negative control", "alternative definition", "second source", "companion"]
    kind: Literal["count", "continuous", "share"]
    tables: tuple[str, ...]
    measure: str
    reason: str
    definitions: tuple[str, ...] = ()
    chained_because: str | None = None  # the study's word that figures under several definitions are one series
    vintage: str | None = None
    population: str | None = None
    proxy_for: str | None = None
    label_in: Mapping[str, str] = field(default_factory=dict)  # other languages: da, sv
    proxy_for_in: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[ExcludedFigures, ...] = ()
    incomplete: Incomplete = "used"  # figures that say they cover fewer months than their days

    @property
    def title(self) -> str:
        """The label, with the word proxy where it is one: for every table and caption."""
        return f"{self.label} (proxy for {self.proxy_for})" if self.proxy_for else self.label


@dataclass(frozen=True)
class Unit:
    """An area of the study; a unit with members is their sum, one that contains other units is what is left without them.

    ``contains`` is None where nothing is said, and empty where the study says that the area holds no other unit.
    ``tables`` and ``outcomes``, where given, are the only ones in which the unit has figures.
    """

    name: str
    role: Literal["treated", "donor", "neighbour"]
    members: tuple[str, ...] = ()
    valid: Window = Window()
    excluded: str | None = None
    contains: tuple[str, ...] | None = None
    tables: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()

    @property
    def areas(self) -> tuple[str, ...]:
        return self.members or (self.name,)


@dataclass(frozen=True)
class Phase:
    """A stretch of the intervention, such as its phase-in; its bounds may be intervals."""

    name: str
    start: Moment
    end: Moment


@dataclass(frozen=True)
class RivalStart:
    """Another date that somebody could defend as the start."""

    date: date
    reason: str


@dataclass(frozen=True)
class Intervention:
    """The programme itself, or a dated event that competes with it or changes what is recorded.

    ``unit`` is where it happened; without one it happened to the treated unit, or everywhere.
    """

    name: str
    role: Literal["treatment", "co-intervention", "shock", "recording change"]
    start: Moment
    source: str
    decided: Moment | None = None
    end: date | None = None
    unit: str | None = None
    phases: tuple[Phase, ...] = ()
    rivals: tuple[RivalStart, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Estimand:
    """Which contrast, over which days, between which two paths.

    ratio       Σ factual / Σ expected            (model)   or  Σ observed / Σ expected   (realised)
    difference  (Σ factual − Σ expected) / periods, events per period
    prevented   Σ expected − Σ factual, events
    An absent bound of the window is the onset or the last period.
    """

    name: str
    contrast: Contrast = "ratio"
    target: Literal["model", "realised"] = "model"
    window: Window = Window()


@dataclass(frozen=True)
class OutlierRule:
    """Which counts of a donor are too far above those around them to be events: a rule declared beforehand, not a fit.

    A count y is left out where it exceeds ``factor`` times the median m of the same unit's counts within ``around`` periods
    on either side, itself not among them, and where Poisson scatter explains it with a chance below ``chance``:

        exp(−(y ln(y/μ) − y + μ)) < chance,   μ = m + ln 2

    The left side bounds the chance of y or more around a mean of μ (Chernoff), and no Poisson with the median m has a mean
    above m + ln 2 (Choi 1994), so a small count is never left out for being small. A count with fewer than ``around``
    counts around it is not judged. The rule knows no season: it suits series without a strong one.
    """

    factor: float = 1.6
    around: int = 4
    chance: float = 1e-6

    def __post_init__(self) -> None:
        if not self.factor >= 1:
            raise StudyError(f"factor of without_outliers is {self.factor}; choose 1 or more, such as 1.6")
        if self.around < 1:
            raise StudyError(f"around of without_outliers is {self.around}; choose 1 period or more, such as 4")
        if not 0 < self.chance < 1:
            raise StudyError(f"chance of without_outliers is {self.chance}; choose one between 0 and 1, such as 1e-6")

    def __str__(self) -> str:
        return f"above {self.factor:g} times the median of {self.around} periods either side, chance below {self.chance:g}"


@dataclass(frozen=True)
class Specification:
    """One declared analysis: estimator, settings, outcome, treated unit, start, and changes to the panel."""

    name: str
    estimator: str
    outcome: str
    unit: str | None = None  # the treated unit; not needed where the study has one
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: date | None = None
    window: Window = Window()
    transforms: tuple[tuple[str, Any], ...] = ()
    headline: bool = False
    note: str | None = None
    inference: Mapping[str, Any] = field(default_factory=dict)  # how placebos are ranked, for methods with donors
    # twin: the other side of level | level + trend; prior: the same under another of the three priors
    part: Literal["declared", "twin", "prior", "grid"] = "declared"


@dataclass(frozen=True)
class Grid:
    """Choices that could be defended equally well; every combination of them is run.

    A window is named by its last day, a donut by its days or "no donut", a start by its first day.
    """

    estimator: str
    outcome: str
    settings: Mapping[str, Any]
    windows: tuple[Window, ...]
    donuts: tuple[Window, ...]
    starts: tuple[date, ...]
    unit: str | None = None

    def specifications(self) -> tuple[Specification, ...]:
        """One specification per combination."""
        return tuple(
            Specification(
                name=f"to {window.end}, {_donut_name(donut)}, start {start}",
                estimator=self.estimator,
                outcome=self.outcome,
                unit=self.unit,
                settings=self.settings,
                start=start,
                window=window,
                transforms=() if donut == Window() else (("donut", donut),),
                part="grid",
            )
            for window in self.windows
            for donut in self.donuts
            for start in self.starts
        )


def _donut_name(donut: Window) -> str:
    return "no donut" if donut == Window() else f"without {donut.start} to {donut.end}"


@dataclass(frozen=True)
class MissingSeries:
    """An outcome that the study would ask about and cannot: what is published of it, which series is missing, who holds it."""

    name: str
    title: str
    why: str
    tables: tuple[str, ...]
    measures: tuple[str, ...]
    areas: tuple[str, ...]  # names under which the tables hold the treated place
    series: str
    holder: str
    instead: str


@dataclass(frozen=True)
class Release:
    """A series that could be had: who holds it, which months, and what it ``changes`` of the figures that are published.

    ``changes`` is written as for ``gvi-eval power --if``: monthly, +24m, donors=20, rate=2.5, or several with commas between.
    """

    name: str
    series: str
    holder: str
    months: Window
    changes: str
    note: str | None = None


@dataclass(frozen=True)
class Study:
    """One evaluation, complete: nothing about it is decided anywhere else."""

    name: str
    title: str
    question: str
    frequency: Frequency
    baseline: Window
    outcomes: tuple[Outcome, ...]
    units: tuple[Unit, ...]
    interventions: tuple[Intervention, ...]
    estimands: tuple[Estimand, ...]
    specifications: tuple[Specification, ...]
    smallest_effect: tuple[float, float] = (0.90, 1.11)
    limits: tuple[str, ...] = ()
    missing_series: tuple[MissingSeries, ...] = ()
    releases: tuple[Release, ...] = ()
    grid: Grid | None = None
    candidate_starts: Window | None = None  # the first and last day of the starts that are compared as a diagnostic
    seed: int = 1
    generated: str | None = None  # what is said beside every number where the figures are made up to try a plan
    power_draws: int = 0  # data sets simulated per noise setting and effect; 0 leaves power out
    threat_draws: int = 0  # data sets drawn per threat with its violation and without; 0 leaves the battery of threats out

    @property
    def declared(self) -> tuple[Specification, ...]:
        """Every specification, those of the grid included."""
        return self.specifications + (self.grid.specifications() if self.grid else ())

    @property
    def treated_units(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.role == "treated")

    @property
    def treated(self) -> Unit:
        """The treated unit; where there are several, the headline's."""
        return self.treated_unit(self.headline.unit)

    @property
    def treatment(self) -> Intervention:
        """The programme in the treated unit; where there are several, in the headline's."""
        return self.treatment_of(self.headline.unit)

    def treated_unit(self, name: str | None = None) -> Unit:
        """The treated unit of this name, or the only one; for all of them the one that began first.

        Raises `StudyError` where there are several and none is named.
        """
        known = self.treated_units
        if name is None and len(known) == 1:
            return known[0]
        if name == EVERY and known:
            return min(known, key=lambda unit: self.treatment_of(unit.name).start.earliest)
        for unit in known:
            if unit.name == name:
                return unit
        names = ", ".join(unit.name for unit in known) or "none"
        if name is None:
            raise StudyError(f"the study {self.name} has {len(known)} treated units ({names}); name one of them as the unit")
        raise StudyError(f"'{name}' is not a treated unit of the study {self.name}; its treated units are {names}")

    def treatment_of(self, name: str | None = None) -> Intervention:
        """The programme in the treated unit of this name, or in the only one."""
        unit = self.treated_unit(name)
        return next(event for event in self.interventions if event.role == "treatment" and event.unit in (None, unit.name))

    def events_of(self, name: str | None = None) -> tuple[Intervention, ...]:
        """What was dated in a treated unit or nowhere in particular: its treatment and the events of no other unit."""
        unit = self.treated_unit(name)
        return tuple(event for event in self.interventions if event.unit in (None, unit.name))

    @property
    def headline(self) -> Specification:
        return next(specification for specification in self.specifications if specification.headline)

    @property
    def primary(self) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.role == "primary")

    def outcome(self, name: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.name == name)

    def with_(self, **changes: Any) -> "Study":
        """The same study with some parts exchanged."""
        return dataclasses.replace(self, **changes)


def load_study(path: Path) -> Study:
    """Read and check a study file (TOML).

    Raises `StudyError` that lists every violation of ``data_schemas/study.schema.json``, or every name that is used
    and not declared; nothing is guessed.
    """
    path = Path(path)
    document = read_declared(path, "study")
    try:
        study = _study(document)
    except StudyError as fault:
        raise StudyError(f"{path.name}: {fault}") from None
    _check_names(study, path.name)
    return study


def _study(document: dict[str, Any]) -> Study:
    return Study(
        name=document["name"],
        title=document["title"] + (f" [{GENERATED}]" if "generated" in document else ""),
        question=document["question"],
        frequency=document["frequency"],
        baseline=_window(document["baseline"]),
        outcomes=tuple(map(_outcome, document["outcomes"])),
        units=tuple(map(_unit, document["units"])),
        interventions=tuple(map(_intervention, document["interventions"])),
        estimands=tuple(_estimand(item) for item in document["estimands"]),
        specifications=tuple(map(_specification, document["specifications"])),
        smallest_effect=tuple(document.get("smallest_effect", Study.smallest_effect)),
        limits=tuple(document.get("limits", ())),
        missing_series=tuple(
            MissingSeries(**{key: tuple(value) if isinstance(value, list) else value for key, value in item.items()})
            for item in document.get("missing_series", ())
        ),
        releases=tuple(Release(**{**item, "months": _window(item["months"])}) for item in document.get("releases", ())),
        grid=_grid(document.get("grid")),
        candidate_starts=_window(document["candidate_starts"]) if "candidate_starts" in document else None,
        seed=document.get("seed", Study.seed),
        generated=document.get("generated"),
        power_draws=document.get("power_draws", Study.power_draws),
        threat_draws=document.get("threat_draws", Study.threat_draws),
    )


def _grid(item: dict[str, Any] | None) -> Grid | None:
    if item is None:
        return None
    return Grid(
        estimator=item["estimator"],
        outcome=item["outcome"],
        settings=_settings(item),
        unit=item.get("unit"),
        windows=tuple(map(_window, item["windows"])),
        donuts=tuple(map(_window, item["donuts"])),
        starts=tuple(map(date.fromisoformat, item["starts"])),
    )


def _settings(item: dict[str, Any]) -> Mapping[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in item.get("settings", {}).items()}


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _window(item: dict[str, str] | None) -> Window:
    return Window(_day(item.get("start")), _day(item.get("end"))) if item else Window()


def _moment(item: str | dict[str, str] | None) -> Moment | None:
    if item is None:
        return None
    if isinstance(item, str):
        return Moment(date.fromisoformat(item), date.fromisoformat(item))
    return Moment(date.fromisoformat(item["earliest"]), date.fromisoformat(item["latest"]))


def _outcome(item: dict[str, Any]) -> Outcome:
    excluded = tuple(ExcludedFigures(**{**row, "period": _window(row.get("period"))}) for row in item.get("excluded", ()))
    item = dict(item)
    table = item.pop("table")
    tables = (table,) if isinstance(table, str) else tuple(table)
    definitions = tuple(item.get("definitions", ()))
    return Outcome(**{"kind": "count", **item, "tables": tables, "definitions": definitions, "excluded": excluded})


def _unit(item: dict[str, Any]) -> Unit:
    lists = {key: tuple(item[key]) for key in ("members", "contains", "tables", "outcomes") if key in item}
    return Unit(**{**item, **lists, "valid": _window(item.get("valid"))})


def _intervention(item: dict[str, Any]) -> Intervention:
    phases = tuple(Phase(row["name"], _moment(row["start"]), _moment(row["end"])) for row in item.get("phases", ()))
    rivals = tuple(RivalStart(date.fromisoformat(row["date"]), row["reason"]) for row in item.get("rivals", ()))
    start, decided, end = _moment(item["start"]), _moment(item.get("decided")), _day(item.get("end"))
    return Intervention(**{**item, "start": start, "decided": decided, "end": end, "phases": phases, "rivals": rivals})


def _estimand(item: dict[str, Any]) -> Estimand:
    return Estimand(**{**item, "window": _window(item.get("window"))})


def _specification(item: dict[str, Any]) -> Specification:
    transforms = tuple((name, _transform(name, value)) for step in item.get("transforms", ()) for name, value in step.items())
    return Specification(
        **{
            **item,
            "settings": _settings(item),
            "start": _day(item.get("start")),
            "window": _window(item.get("window")),
            "transforms": transforms,
        }
    )


def _transform(name: str, value: Any) -> Any:
    """What a transform is given: days, a rule, or the value as it stands."""
    if name == "without_outliers":
        return OutlierRule(**value)
    return _window(value) if isinstance(value, dict) else value


def _check_names(study: Study, file: str) -> None:
    """Names that are used must be declared, once, and exactly one analysis is the headline."""
    faults: list[str] = []
    for what in ("outcomes", "units", "interventions", "estimands", "declared"):
        names = [item.name for item in getattr(study, what)]
        word = "specifications" if what == "declared" else what
        faults += [
            f"{word} has '{name}' twice; give each its own name" for name in sorted({n for n in names if names.count(n) > 1})
        ]
    declared = [outcome.name for outcome in study.outcomes]
    for specification in study.declared:
        if specification.outcome not in declared:
            faults.append(
                f"specification '{specification.name}' uses the outcome '{specification.outcome}', which is not declared; "
                f"declared are {', '.join(declared)}"
            )
    headlines = [specification.name for specification in study.specifications if specification.headline]
    if len(headlines) != 1:
        faults.append(
            f"{len(headlines)} specifications are marked headline ({', '.join(headlines) or 'none'}); mark exactly one"
        )
    primaries = [outcome.name for outcome in study.outcomes if outcome.role == "primary"]
    if len(primaries) != 1:
        faults.append(
            f"{len(primaries)} outcomes have the role primary ({', '.join(primaries) or 'none'}); give it to exactly one"
        )
    units = [unit.name for unit in study.units]
    for unit in study.units:
        for what, names, known in (("outcomes", unit.outcomes, declared), ("contains", unit.contains or (), units)):
            faults += [
                f"{what} of the unit '{unit.name}' names '{name}', which is not declared; declared are {', '.join(known)}"
                for name in names
                if name not in known or name == unit.name
            ]
    faults += _unit_faults(study)
    if study.estimands[0].contrast != "ratio":
        faults.append(f"the first estimand '{study.estimands[0].name}' is a {study.estimands[0].contrast}; put a ratio first")
    slugs = {}
    for specification in study.declared:
        twin = slugs.setdefault(slug(specification.name), specification.name)
        if twin != specification.name:
            faults.append(f"the specifications '{twin}' and '{specification.name}' would share a file; give one another name")
    faults += _treatment_faults(study)
    if faults:
        raise StudyError("\n".join(f"{file}: {fault}" for fault in faults))


def _unit_faults(study: Study) -> Iterator[str]:
    """Units that are named must be declared, and every analysis must know its treated unit."""
    units = [unit.name for unit in study.units]
    treated = [unit.name for unit in study.treated_units]
    if not treated:
        yield "0 units have the role treated (none); name the place or places of this study"
    for event in study.interventions:
        if event.unit is not None and event.unit not in units:
            yield (
                f"the intervention '{event.name}' names the unit '{event.unit}', which is not declared; declared are "
                f"{', '.join(units)}"
            )
    for outcome in study.outcomes:
        for figures in outcome.excluded:
            if figures.unit is not None and figures.unit not in units:
                yield (
                    f"excluded of the outcome '{outcome.name}' names the unit '{figures.unit}', which is not declared; "
                    f"declared are {', '.join(units)}"
                )
    asking = [(f"specification '{each.name}'", each.unit) for each in study.specifications]
    asking += [("the grid", study.grid.unit)] if study.grid else []
    for what, unit in asking if treated else ():
        if unit is None and len(treated) > 1:
            yield f"{what} names no unit, and {len(treated)} units are treated; add unit = one of {', '.join(treated)}"
        elif unit is not None and unit not in (*treated, EVERY):
            yield f"{what} names the unit '{unit}', which is not treated; treated are {', '.join(treated)}"


def _treatment_faults(study: Study) -> Iterator[str]:
    """Every treated unit has one treatment, with the day of its decision; with several units each treatment says whose."""
    treated = [unit.name for unit in study.treated_units]
    treatments = [event for event in study.interventions if event.role == "treatment"]
    if not treatments:
        yield "no intervention has the role treatment; name the programme and its start"
    for event in treatments:
        if event.decided is None:
            yield (
                f"the treatment '{event.name}' lacks 'decided', when the place was chosen; give a date or an interval, "
                "because regression to the mean is judged by it"
            )
        if event.unit is None and len(treated) > 1:
            yield (
                f"the treatment '{event.name}' names no unit, and {len(treated)} units are treated; add unit = one of "
                f"{', '.join(treated)}"
            )
        elif event.unit in [unit.name for unit in study.units] and event.unit not in treated:
            yield (
                f"the treatment '{event.name}' names the unit '{event.unit}', which is not treated; give the unit the role "
                "treated, or the event the role co-intervention"
            )
    for name in treated if treatments else ():
        own = [event.name for event in treatments if event.unit == name or (event.unit is None and len(treated) == 1)]
        if len(own) > 1:
            yield (
                f"the unit '{name}' has {len(own)} treatments ({', '.join(own)}); keep the one that is evaluated and give the "
                "others the role co-intervention"
            )
        elif not own and all(event.unit for event in treatments):
            yield f"the treated unit '{name}' has no treatment; add an intervention of role treatment with unit = '{name}'"
