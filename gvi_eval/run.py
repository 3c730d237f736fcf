"""A study becomes its results: every declared analysis run, every number traced, nothing left out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from gvi_eval.assembly import build_panel
from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import Estimator, make_estimator
from gvi_eval.inference.start_interval import candidate_starts, range_over_starts
from gvi_eval.panel import Panel, period_of
from gvi_eval.resources import CHECKOUT
from gvi_eval.results import RANGE, Analysis, StudyResult
from gvi_eval.sensitivity.threats import ThreatResult
from gvi_eval.sensitivity.threats.negative_control import negative_control
from gvi_eval.study import Specification, Study, load_study

Plan = tuple[Specification, Estimator, Panel]


def find_study(name: str) -> Path:
    """The study file of a name in analyses/, of a folder, or of a file."""
    path = Path(name)
    for candidate in (path, path / "study.toml", CHECKOUT / "analyses" / name / "study.toml"):
        if candidate.is_file():
            return candidate
    known = ", ".join(embedded_studies()) or "none"
    raise StudyError(f"there is no study '{name}'; known are {known}, or give the path of a study.toml")


def embedded_studies() -> list[str]:
    """The studies of this checkout, by name."""
    return sorted(file.parent.name for file in (CHECKOUT / "analyses").glob("*/study.toml"))


def run_study(path: Path, done: Callable[[str], None] = lambda what: None) -> StudyResult:
    """Run every specification of a study file. A refusal becomes a row with its reason; ``done`` is told of each analysis.

    Raises `StudyError` and `DataError` for a study or a table that does not hold, before anything is estimated.
    """
    study, plans, inputs = prepare(path)
    analyses: list[Analysis] = []
    for specification, estimator, panel in plans:
        analyses += _analyses(study, specification, estimator, panel)
        done(specification.name)
    return StudyResult(study, path, inputs, tuple(analyses), tuple(_threats(study, analyses)))


def prepare(path: Path) -> tuple[Study, list[Plan], dict[str, Path]]:
    """A study with everything it needs, checked before anything is estimated: its plans and the tables it reads."""
    study = load_study(path)
    tables = read_tables(study, path.parent)
    panels = {outcome.name: build_panel(study, tables, outcome.name) for outcome in study.outcomes}
    plans = [
        (specification, _estimator(specification), _prepared(study, specification, panels[specification.outcome]))
        for specification in study.specifications
    ]
    return study, plans, {name: locate_table(name, path.parent) for name in tables}


def read_tables(study: Study, folder: Path) -> dict[str, pd.DataFrame]:
    """The tables a study names, validated; looked for beside the study file, then in analyses/data."""
    from gvi_eval.tables import read_table

    wanted = {table: "counts" for outcome in study.outcomes for table in outcome.tables}
    wanted |= {outcome.population: "population" for outcome in study.outcomes if outcome.population}
    return {name: read_table(locate_table(name, folder), schema) for name, schema in wanted.items()}


def locate_table(name: str, folder: Path) -> Path:
    """The file of a table named in a study."""
    for root in (folder, folder / "data", CHECKOUT / "analyses" / "data"):
        if (root / name).is_file():
            return root / name
    raise StudyError(f"the table '{name}' is neither beside the study file nor in analyses/data; put it there or correct the name")


def _estimator(specification: Specification) -> Estimator:
    try:
        return make_estimator(specification.estimator, specification.settings)
    except StudyError as fault:
        raise StudyError(f"specification '{specification.name}': {fault}") from None


def _prepared(study: Study, specification: Specification, panel: Panel) -> Panel:
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
        panel = getattr(panel, name)(value)
    return panel


def _analyses(study: Study, specification: Specification, estimator: Estimator, panel: Panel) -> Iterator[Analysis]:
    """One analysis per candidate start, and their range where there are several."""
    if specification.start or study.treatment.start.is_known:
        starts = pd.PeriodIndex([panel.sole_treated[1]])
    else:
        starts = candidate_starts(study.treatment.start, panel.frequency)
    each = [_analysis(study, specification, estimator, panel.starting(start)) for start in starts]
    yield from each
    if len(each) > 1:
        together = tuple(range_over_starts(list(effects)) for effects in zip(*(analysis.effects for analysis in each)))
        yield replace(each[0], onset=f"{starts[0]} to {starts[-1]}", inference=RANGE, effects=together)


def _analysis(study: Study, specification: Specification, estimator: Estimator, panel: Panel) -> Analysis:
    unit, onset = panel.sole_treated
    try:
        fit = estimator.estimate(panel)
        effects = tuple(_contrasts(study, fit))
    except EstimationError as fault:
        effects = tuple(
            Effect(method=estimator.name, unit=unit, estimand=estimand, point=None, onset=onset, refusal=str(fault))
            for estimand in study.estimands
        )
    inference = next((effect.intervals[0].kind for effect in effects if effect.intervals), "")
    return Analysis(specification, estimator, panel, str(onset), inference, effects)


def _contrasts(study: Study, fit: Effect) -> Iterator[Effect]:
    """The fit over each declared estimand; one that the fit cannot give is a refusal with its reason."""
    for estimand in study.estimands:
        if estimand == fit.estimand:
            yield fit
            continue
        try:
            yield fit.over(estimand)
        except EstimationError as fault:
            yield replace(fit, estimand=estimand, point=None, intervals=(), tests=(), refusal=str(fault))


def _threats(study: Study, analyses: list[Analysis]) -> Iterator[ThreatResult]:
    """Negative controls: every analysis of an untargeted outcome beside the primary one with the same settings."""
    for control in analyses:
        outcome = study.outcome(control.specification.outcome)
        if outcome.role != "negative control" or control.inference == RANGE:
            continue
        for primary in analyses:
            if primary.specification.outcome != study.primary.name or not _same_analysis(primary, control):
                continue
            if control.fit.counterfactual is None or control.fit.counterfactual.mixture is None:
                continue
            result = negative_control(primary.fit, control.fit, study.primary.title, outcome.title)
            evidence = MappingProxyType(
                {"primary": primary.specification.name, "control": control.specification.name, "onset": control.onset, **result.evidence}
            )
            yield replace(result, evidence=evidence)


def _same_analysis(one: Analysis, other: Analysis) -> bool:
    same: Callable[[Analysis], Any] = lambda a: (a.estimator, a.onset, a.inference, a.specification.transforms, a.specification.window)
    return same(one) == same(other)
