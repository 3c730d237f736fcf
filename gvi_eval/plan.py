"""What a study asks to be run: its figures read, its panels built, its analyses made ready, before anything is estimated."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from gvi_eval.assembly import build_panel, prepared
from gvi_eval.errors import StudyError
from gvi_eval.estimators import Estimator, estimator_class, make_estimator, takes_several, uses_donors
from gvi_eval.inference.placebo import PlaceboInference
from gvi_eval.inference.start_interval import candidate_starts
from gvi_eval.missing_series import Missing, missing_series
from gvi_eval.panel import Panel
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.level_trend import has_trend
from gvi_eval.sources.recipe import RECIPES, recipes_of
from gvi_eval.study import EVERY, Specification, Study, load_study
from gvi_eval.tables import read_origin, read_table

STUDY, SYNTHESIS = "study.toml", "synthesis.toml"
EVERY_DONOR = ("controlled",)  # takes all donors as controls where its settings name none; other single-series methods none
EFFECT_PRIORS = ("sceptical", "literature", "flat")  # on the log ratio, as `bayes_counts` names them


@dataclass(frozen=True, eq=False)
class Planned:
    """One analysis that is about to run: as declared, its estimator, and the panel it will see."""

    specification: Specification
    estimator: Estimator
    panel: Panel
    starts: pd.PeriodIndex
    inference: PlaceboInference = PlaceboInference()  # of a method with donors

    @property
    def frame(self) -> tuple[object, ...]:
        """What two analyses share that differ in nothing but the estimator's settings."""
        declared = self.specification
        starts = tuple(map(str, self.starts))
        units = tuple(self.panel.values.columns)
        return units, declared.outcome, starts, declared.window, declared.transforms, self.inference


@dataclass(frozen=True, eq=False)
class Plan:
    """A study, its analyses in the order declared, and the tables it reads."""

    study: Study
    file: Path
    analyses: tuple[Planned, ...]
    inputs: Mapping[str, Path]
    missing: tuple[Missing, ...] = ()


def find_study(name: str) -> Path:
    """The study or synthesis file of a name in analyses/, of a folder, or of a file."""
    path = Path(name)
    if path.is_file():
        return path
    for folder in (path, CHECKOUT / "analyses" / name):
        for kind in (STUDY, SYNTHESIS):
            if (folder / kind).is_file():
                return folder / kind
    known = ", ".join((*embedded_studies(), *embedded_syntheses())) or "none"
    raise StudyError(f"there is no study '{name}'; known are {known}, or give the path of a study.toml")


def embedded_studies() -> list[str]:
    """The studies of this checkout, by name."""
    return sorted(file.parent.name for file in (CHECKOUT / "analyses").glob(f"*/{STUDY}"))


def embedded_syntheses() -> list[str]:
    """The syntheses of this checkout, by name."""
    return sorted(file.parent.name for file in (CHECKOUT / "analyses").glob(f"*/{SYNTHESIS}"))


@dataclass(frozen=True)
class Awaited:
    """A table that a study needs and that is not there yet, and the command that brings it."""

    table: str
    title: str
    command: str
    how: str | None

    def __str__(self) -> str:
        how = f" ({self.how})" if self.how else ""
        return f"{self.table}: '{self.command}' brings it{how}"


def awaited_tables(path: Path) -> tuple[Awaited, ...]:
    """The tables of a study that are not there and for which it has a recipe; empty where it can run, or where it cannot."""
    folder = path.parent
    if not (folder / RECIPES).is_dir():
        return ()
    recipes = {recipe.into: recipe for recipe in recipes_of(folder)}
    missing = [name for name in tables_of(load_study(path)) if _located(name, folder) is None]
    if not missing or not set(missing) <= set(recipes):
        return ()  # a table without a recipe is a fault of the study, and `prepare` names it
    return tuple(Awaited(name, recipes[name].title, recipes[name].command, recipes[name].how) for name in missing)


def prepare(path: Path) -> Plan:
    """Read and check everything a study needs.

    Every analysis of a single series that chooses between a trend and none is joined by its twin with the other choice,
    because neither is shown alone. Raises `StudyError` and `DataError` for a study or a table that does not hold.
    """
    study = load_study(path)
    tables = read_tables(study, path.parent)
    panels = _Panels(study, tables)
    for outcome in study.outcomes:  # every panel is checked, also where no analysis asks for it
        for unit in study.treated_units:
            if not unit.outcomes or outcome.name in unit.outcomes:
                panels.of(outcome.name, unit.name, None)
    planned = [_planned(study, specification, panels) for specification in study.declared]
    _check_events(study, planned)
    inputs = {name: locate_table(name, path.parent) for name in tables}
    for file in inputs.values():
        read_origin(file)
    missing = tuple(missing_series(study, declared, tables) for declared in study.missing_series)
    return Plan(study, path, tuple(_with_twins(_with_priors(planned))), inputs, missing)


@dataclass(frozen=True)
class _Panels:
    """The panels of a study, each built once."""

    study: Study
    tables: Mapping[str, pd.DataFrame]
    built: dict[tuple[object, ...], Panel] = field(default_factory=dict)

    def of(self, outcome: str, unit: str | None, beside: tuple[str, ...] | None) -> Panel:
        key = (outcome, unit if unit == EVERY else self.study.treated_unit(unit).name, beside)
        if key not in self.built:
            self.built[key] = build_panel(self.study, self.tables, outcome, unit, beside)
        return self.built[key]


def _planned(study: Study, specification: Specification, panels: _Panels) -> Planned:
    estimator = _estimator(study, specification)
    beside = _donors_of(specification, estimator)
    panel = prepared(study, specification, panels.of(specification.outcome, specification.unit, beside))
    start = study.treatment_of(specification.unit).start
    if specification.unit == EVERY and not takes_several(estimator):
        raise StudyError(
            f"specification '{specification.name}': {estimator.name} takes one treated unit; name one of "
            f"{', '.join(panel.treated)}, or use staggered"
        )
    if specification.unit == EVERY:
        starts = pd.PeriodIndex([min(panel.onsets.values())])
    elif specification.start or start.is_known:
        starts = pd.PeriodIndex([panel.sole_treated[1]])
    else:
        starts = candidate_starts(start, panel.frequency)
    if specification.inference and not uses_donors(estimator):
        raise StudyError(
            f"specification '{specification.name}': {estimator.name} compares with no donors, so it has no placebos to rank; "
            "leave 'inference' out"
        )
    return Planned(specification, estimator, panel, starts, PlaceboInference(**specification.inference))


def _donors_of(specification: Specification, estimator: Estimator) -> tuple[str, ...] | None:
    """The donors that an analysis sees, None for all of them.

    A method for panels sees them all. A method for one series sees those that the study names in its settings
    ``controls`` or ``donors`` and no others, so that a donor more in the study changes no analysis that did not ask for it.
    """
    if uses_donors(estimator) or takes_several(estimator):
        return None
    named = specification.settings.get("controls") or specification.settings.get("donors") or ()
    if named == "all" or (not named and estimator.name in EVERY_DONOR):
        return None
    return () if named == "none" else tuple(named)


def _with_priors(planned: list[Planned]) -> list[Planned]:
    """Every analysis whose estimator takes a prior on the effect, followed by the same under the others: never one alone."""
    known = {(each.frame, each.estimator) for each in planned}
    every = []
    for each in planned:
        every.append(each)
        own = getattr(each.estimator, "prior", None)
        for prior in EFFECT_PRIORS if own in EFFECT_PRIORS else ():
            other = replace(each.estimator, prior=prior)
            if (each.frame, other) in known:
                continue
            known.add((each.frame, other))
            specification = replace(
                each.specification,
                name=f"{each.specification.name}, {prior} prior",
                settings={**each.specification.settings, "prior": prior},
                headline=False,
                note=f"'{each.specification.name}' under the {prior} prior, added because the three are shown together",
                part="prior",
            )
            every.append(replace(each, specification=specification, estimator=other))
    return every


def _with_twins(planned: list[Planned]) -> list[Planned]:
    """Every analysis once, in the order declared, each that chooses between a trend and none followed by its twin."""
    declared = {(each.frame, each.estimator) for each in planned}
    known = set()
    every = []
    for each in planned:
        if (each.frame, each.estimator) in known:  # a point of the grid that is declared by name as well
            continue
        every.append(each)
        known.add((each.frame, each.estimator))
        if not has_trend(each.estimator):
            continue
        other = replace(each.estimator, trend=not each.estimator.trend)
        if (each.frame, other) not in declared | known:
            name = f"{each.specification.name}, {'with' if other.trend else 'without'} trend"
            settings = {**each.specification.settings, "trend": other.trend}
            note = f"the twin of '{each.specification.name}', added because neither is shown alone"
            part = "grid" if each.specification.part == "grid" else "twin"
            twin = replace(each.specification, name=name, settings=settings, headline=False, note=note, part=part)
            every.append(replace(each, specification=twin, estimator=other))
            known.add((each.frame, other))
    return every


def _check_events(study: Study, planned: list[Planned]) -> None:
    """Events that an analysis adjusts for are declared; found here, before anything runs."""
    known = [event.name for event in study.interventions if event.role != "treatment"]
    for each in planned:
        for name in getattr(each.estimator, "adjust", ()):
            if name not in known:
                raise StudyError(
                    f"specification '{each.specification.name}': adjust names '{name}', which is not an event of the study; "
                    f"its events are {', '.join(known) or 'none'}"
                )


def read_tables(study: Study, folder: Path) -> dict[str, pd.DataFrame]:
    """The tables a study names, validated; looked for beside the study file, then in analyses/data."""
    return {name: read_table(locate_table(name, folder), schema) for name, schema in tables_of(study).items()}


def tables_of(study: Study) -> dict[str, str]:
    """The tables that a study names, each with its schema."""
    wanted = {table: "counts" for outcome in study.outcomes for table in outcome.tables}
    wanted |= {table: "counts" for missing in study.missing_series for table in missing.tables}
    return wanted | {outcome.population: "population" for outcome in study.outcomes if outcome.population}


def locate_table(name: str, folder: Path) -> Path:
    """The file of a table named in a study."""
    if found := _located(name, folder):
        return found
    for recipe in recipes_of(folder):
        if recipe.into == name:
            raise StudyError(f"the table '{name}' is not there yet; '{recipe.command}' brings it")
    raise StudyError(
        f"the table '{name}' is neither beside the study file nor in analyses/data; put it there or correct the name"
    )


def _located(name: str, folder: Path) -> Path | None:
    """Where a table lies: beside the study file, in its data folder or in analyses/data, and never outside these."""
    for root in (folder, folder / "data", CHECKOUT / "analyses" / "data"):
        if not (root / name).resolve().is_relative_to(root.resolve()):
            raise StudyError(
                f"the table '{name}' lies outside the folders of tables; name one beside the study file or below it"
            )
        if (root / name).is_file():
            return root / name
    return None


def _estimator(study: Study, specification: Specification) -> Estimator:
    """The estimator of a specification; one that samples takes the study's seed unless it has its own."""
    settings = dict(specification.settings)
    try:
        if estimator_class(specification.estimator).cost == "sampling":
            settings.setdefault("seed", study.seed)
        return make_estimator(specification.estimator, settings)
    except StudyError as fault:
        raise StudyError(f"specification '{specification.name}': {fault}") from None
