"""A case: the headline of a study with everything a threat may ask of it, on the figures as published or as drawn anew."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from gvi_eval.assembly import build_panel, prepared
from gvi_eval.effect import Effect
from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.estimators import Estimator, make_estimator, uses_donors
from gvi_eval.inference.evaluation import Evaluation, evaluate, refitted
from gvi_eval.inference.placebo import PlaceboInference
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.power import Noise
from gvi_eval.study import EVERY, Estimand, Outcome, Specification, Study

RATIO = Estimand("ratio from the start to the end")
BY_DEFAULT = PlaceboInference()
Found = TypeVar("Found")


def case_of(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    estimator: Estimator,
    inference: PlaceboInference = BY_DEFAULT,
    effects: Mapping[tuple[str, str], Effect] = {},
    *,
    beside: tuple[str, ...] | None = (),
    start: pd.Period | None = None,
) -> "Case":
    """The case of a study's headline on the figures as published.

    ``beside`` are the headline's donors as `assembly.build_panel` takes them; ``start`` is the first of its candidate starts
    where the start is an interval. An outcome without figures for the unit is left out. Raises `StudyError` for a headline
    that takes several treated units at once, because the threats are asked of one.
    """
    headline = study.headline
    if headline.unit == EVERY:
        raise StudyError("the headline takes several treated units at once, and this is asked of one; name one as the unit")

    def whole(outcome: str) -> Panel:
        panel = build_panel(study, tables, outcome, headline.unit, beside)
        return panel if start is None else panel.starting(start)

    others = {}
    for outcome in study.outcomes:
        if outcome.name == headline.outcome:
            continue
        try:
            others[outcome.name] = whole(outcome.name)
        except (StudyError, DataError):  # no figures for this unit, or other donors
            continue
    panel = whole(headline.outcome)
    scopes = {outcome.name: _scopes(outcome, tables) for outcome in study.outcomes}
    around = _around(study, tables, panel)
    return surrounded(Case(study, headline, estimator, panel, others, inference, tables, effects), scopes, around)


def _scopes(outcome: Outcome, tables: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """What the rows of an outcome say that they count: all unlawful ones, confirmed ones, those judged gang-related."""
    rows = pd.concat([tables[name] for name in outcome.tables])
    rows = rows[rows["measure"] == outcome.measure]
    if outcome.definitions:
        rows = rows[rows["definition"].isin(outcome.definitions)]
    return tuple(sorted(set(rows["counting_scope"].dropna())))


def _around(study: Study, tables: Mapping[str, pd.DataFrame], panel: Panel) -> Panel | None:
    """The treated unit beside its neighbours and all donors; None where the study has no neighbours with figures."""
    if not any(unit.role == "neighbour" for unit in study.units):
        return None
    units = tuple(dataclasses.replace(unit, role="donor") if unit.role == "neighbour" else unit for unit in study.units)
    headline = study.headline
    try:
        whole = build_panel(study.with_(units=units), tables, headline.outcome, headline.unit)
    except (StudyError, DataError):  # no figures of a neighbour
        return None
    return whole.starting(panel.sole_treated[1])


@dataclass(frozen=True, eq=False)
class Null:
    """What an outcome of the treated unit would look like without programme or trend: its mean (period,), and its noise."""

    expected: np.ndarray
    noise: Noise


@dataclass(frozen=True, eq=False)
class Case:
    """The headline of a study: its specification and estimator, its figures, and those of the study's other outcomes.

    ``whole`` holds all figures of the headline's outcome and unit in the study's baseline, with the headline's start;
    ``panel`` is what the headline sees of them, after its window and transforms. ``others`` are the whole panels of the
    other outcomes that have figures for the unit, by name; `of` gives one as the headline would see it. ``tables`` and
    ``effects``, the effects of all analyses by specification and start, are there for published figures only: a case drawn
    anew has neither, nor has it anything but numbers, so that it travels to other processes.
    """

    study: Study
    specification: Specification
    estimator: Estimator
    whole: Panel
    others: Mapping[str, Panel] = field(default_factory=dict)
    inference: PlaceboInference = BY_DEFAULT
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    effects: Mapping[tuple[str, str], Effect] = field(default_factory=dict)
    nulls: Mapping[str, Null] = field(default_factory=dict)
    anew: bool = False  # drawn anew: evidence that decides nothing is left out
    memory: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def outcome(self) -> str:
        return self.specification.outcome

    @property
    def unit(self) -> str:
        return self.whole.sole_treated[0]

    @property
    def onset(self) -> pd.Period:
        return self.panel.sole_treated[1]

    @property
    def panel(self) -> Panel:
        """What the headline sees."""
        return self.recalled("panel", lambda: self.seen(self.whole))

    @property
    def effect(self) -> Effect:
        """The headline's effect from its start to the end of its figures."""
        return self.fit()

    @property
    def evaluation(self) -> Evaluation:
        """The headline's placebos, of a method with donors; `EstimationError` for one without."""
        if not uses_donors(self.estimator):
            raise EstimationError(f"{self.estimator.name} compares with no donors, so it has no placebos")
        return self.recalled("evaluation", lambda: evaluate(self.estimator, self.panel, self.inference))

    def of(self, outcome: str) -> Panel:
        """Another outcome of the study as the headline would see it."""
        if outcome == self.outcome:
            return self.panel
        if outcome not in self.others:
            raise StudyError(f"the outcome '{outcome}' has no figures for {self.unit}; there are {', '.join(self.others)}")
        return self.recalled(("of", outcome), lambda: self.seen(self.others[outcome]))

    def seen(self, panel: Panel, **changes: Any) -> Panel:
        """A whole panel after the window, start and transforms of the headline, some of them exchanged."""
        panel = panel.with_(estimand=RATIO)
        return prepared(self.study, dataclasses.replace(self.specification, **changes), panel)

    def built(self, study: Study, outcome: str | None = None) -> Panel:
        """A panel out of the tables under another study, such as one with another vintage, as the headline would see it."""
        if not self.tables:
            raise StudyError("a case that was drawn anew has no tables to build another panel from")
        donors = tuple(self.whole.donors)
        panel = build_panel(study, self.tables, outcome or self.outcome, self.unit, donors)
        return self.seen(panel.starting(self.whole.sole_treated[1]))

    def fit(self, panel: Panel | None = None, estimator: Estimator | None = None, **settings: Any) -> Effect:
        """The effect on a panel, by default the headline's, with some settings exchanged; fitted once per case.

        A method with donors gives its ratio without placebos. Raises `EstimationError` where it is refused or has no ratio.
        """
        panel = self.panel if panel is None else panel
        estimator = dataclasses.replace(estimator or self.estimator, **settings)

        def found() -> tuple[Panel, Effect]:  # the panel is kept, so that its id is not given to another
            whole = panel.with_(estimand=RATIO)
            return panel, refitted(estimator, whole, RATIO) if uses_donors(estimator) else estimator.estimate(whole)

        effect = self.recalled((id(panel), estimator), found)[1]
        if effect.refusal or effect.point is None:
            raise EstimationError(f"{estimator.name} gives no ratio: {effect.refusal}")
        return effect

    def log_ratio(self, panel: Panel | None = None, **settings: Any) -> float:
        """The log of `fit`'s ratio; `EstimationError` where it is 0."""
        point = self.fit(panel, **settings).point
        if not point > 0:
            raise EstimationError("the ratio is 0, whose log does not exist; use a longer window")
        return float(np.log(point))

    def count_model(self, **settings: Any) -> Estimator:
        """The headline's estimator where it is the latent count model, else that model with its default settings."""
        own = self.estimator if self.estimator.name == "latent_counts" else make_estimator("latent_counts", {})
        return dataclasses.replace(own, **settings)

    def recalled(self, key: Any, make: Callable[[], Found]) -> Found:
        """What was made under this key before, or is made now: threats share fits."""
        if key not in self.memory:
            self.memory[key] = make()
        return self.memory[key]

    def with_(self, **changes: Any) -> "Case":
        """The same case with some parts exchanged, and nothing remembered."""
        return dataclasses.replace(self, memory={}, **changes)


@dataclass(frozen=True, eq=False)
class SurroundedCase(Case):
    """A case that knows what lies around its figures.

    ``scopes`` are what the rows of each outcome say that they count, by outcome; ``around`` is the whole panel of the unit, its
    neighbours and all donors, None where the study has no neighbours with figures. ``literature`` stands in for the compiled
    table of published effects where it is drawn anew.
    """

    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    around: Panel | None = None
    literature: pd.DataFrame | None = None


def surrounded(
    case: Case,
    scopes: Mapping[str, tuple[str, ...]] = {},
    around: Panel | None = None,
    literature: pd.DataFrame | None = None,
) -> SurroundedCase:
    """The same case with what lies around its figures."""
    own = {each.name: getattr(case, each.name) for each in dataclasses.fields(Case) if each.name != "memory"}
    return SurroundedCase(**own, scopes=scopes, around=around, literature=literature)
