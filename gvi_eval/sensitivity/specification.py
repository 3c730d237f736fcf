"""The specification curve: every admissible way to have done the analysis, and what each of them says."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from gvi_eval.choices import Choices, Combination
from gvi_eval.effect import Effect
from gvi_eval.errors import DataError, EstimationError, StudyError
from gvi_eval.estimators import Estimator, make_estimator, uses_donors
from gvi_eval.panel import Panel, period_of
from gvi_eval.sensitivity.level_trend import has_trend
from gvi_eval.study import Specification, Window

EPOC_POINTS = 3  # figures on each side of the start, below which nothing is admitted
POINTS_FOR_SLOPE = 8  # figures after the start, below which no change of slope is


@dataclass(frozen=True)
class Answer:
    """What one specification says: a point with its interval, or the reason why there is none."""

    point: float | None = None
    lower: float | None = None
    upper: float | None = None
    level: float | None = None
    kind: str | None = None
    refusal: str | None = None

    @property
    def told(self) -> bool:
        """Whether there is a ratio above zero, which has a logarithm."""
        return self.point is not None and self.point > 0

    @property
    def excludes(self) -> bool:
        """Whether the interval lies on one side of 1."""
        return self.lower is not None and (self.lower > 1 or self.upper < 1)

    @property
    def scaled(self) -> float | None:
        """log ratio / half the width of its interval on the log; None without two limits above zero."""
        if not self.told or self.lower is None or not self.lower > 0 or not np.isfinite(self.upper):
            return None
        width = np.log(self.upper / self.lower)
        return float(2 * np.log(self.point) / width) if width > 0 else None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Panels of combinations, each built once: by figures, days, what is left out and donors, then by start."""

    panels: Mapping[str, Panel]  # by outcome
    frames: dict[tuple[str, ...], Panel] = field(default_factory=dict)
    started: dict[tuple[str, ...], Panel] = field(default_factory=dict)

    def of(self, chosen: Combination) -> Panel:
        """The panel that a combination sees. Raises as the transforms do."""
        key = (*chosen.frame, chosen.starts.name)
        if key not in self.started:
            if chosen.frame not in self.frames:
                self.frames[chosen.frame] = self._frame(chosen)
            panel = self.frames[chosen.frame]
            self.started[key] = panel.starting(period_of(chosen.starts.value, panel.frequency))
        return self.started[key]

    def _frame(self, chosen: Combination) -> Panel:
        panel = self.panels[chosen.figures.value].since(chosen.baselines.value).until(chosen.windows.value)
        unit = panel.sole_treated[0]
        if not uses_donors(estimator_of(chosen)):
            panel = panel.without(*panel.donors) if panel.donors else panel
        for name, value in chosen.donors.value or ():
            if name == "without" and value == unit:  # a donor in the treated place stays there
                continue
            panel = getattr(panel, name)(value)
        return panel if chosen.leave_out.value is None else panel.dropping(chosen.leave_out.value)


@dataclass(frozen=True, eq=False)
class Admission:
    """Which combinations are run, which are not, each with its reason, and the panels that they see."""

    prepared: Prepared
    admitted: tuple[Combination, ...]
    not_admitted: tuple[tuple[Combination, str], ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many combinations each reason kept out."""
        counted: dict[str, int] = {}
        for _, reason in self.not_admitted:
            counted[reason] = counted.get(reason, 0) + 1
        return dict(sorted(counted.items()))


def estimator_of(chosen: Combination) -> Estimator:
    return make_estimator(chosen.method.estimator, chosen.method.settings)


def is_bound(chosen: Combination) -> bool:
    """Whether it lets no trend before the start be one: a bound beside the others, never a headline alone."""
    estimator = estimator_of(chosen)
    return estimator.name == "exact_ratio" or (has_trend(estimator) and not estimator.trend)


def admit(choices: Choices, panels: Mapping[str, Panel]) -> Admission:
    """Which combinations a reasonable analyst would run on these figures; nothing is estimated.

    Not admitted: fewer than three figures before or after the start; a change of slope on fewer than eight after; days left
    out that hold no figure in use; a start outside the figures; the same figures, start and method as a combination before.
    """
    prepared, known = Prepared(panels), set()
    admitted, kept_out = [], []
    takes = {method.name: uses_donors(make_estimator(method.estimator, method.settings)) for method in choices.methods}
    for chosen in choices.combinations(takes):
        reason = _reason(prepared, chosen)
        if reason is None:
            key = (content_of(prepared.of(chosen)), chosen.method.name)
            reason = "the same figures, start and method as another combination" if key in known else None
            known.add(key)
        if reason is None:
            admitted.append(chosen)
        else:
            kept_out.append((chosen, reason))
    return Admission(prepared, tuple(admitted), tuple(kept_out))


def _reason(prepared: Prepared, chosen: Combination) -> str | None:
    try:
        panel = prepared.of(chosen)
    except (StudyError, DataError):
        return "the start or the days left out leave nothing to compare"
    before, after = figures_on_each_side(panel)
    if min(before, after) < EPOC_POINTS:
        return f"fewer than {EPOC_POINTS} figures {'before' if before < after else 'after'} the start"
    if getattr(estimator_of(chosen), "change", "level") == "level+slope" and after < POINTS_FOR_SLOPE:
        return f"a change of slope with fewer than {POINTS_FOR_SLOPE} figures after the start"
    if chosen.leave_out.value is not None and _nothing_left_out(panel, chosen):
        return "the days left out hold no figure in use"
    return None


def figures_on_each_side(panel: Panel) -> tuple[int, int]:
    """How many figures of the treated unit lie before and after the start; one that crosses it, by most of its days."""
    unit, onset = panel.sole_treated
    _, matrix = panel.observations(unit)
    after = np.asarray(panel.periods >= onset)
    share = matrix[:, after].sum(axis=1) / matrix.sum(axis=1)
    return int((share <= 0.5).sum()), int((share > 0.5).sum())


def _nothing_left_out(panel: Panel, chosen: Combination) -> bool:
    """Whether the days left out lie outside the days of the figures."""
    first, last = panel.periods[0].start_time.date(), panel.periods[-1].end_time.date()
    days = chosen.leave_out.value
    return days.end < first or days.start > last


def content_of(panel: Panel) -> tuple[object, ...]:
    """What an estimator can see of a panel; two that agree in it have the same effect."""
    spans = tuple((span.unit, span.ranges, span.count) for span in panel.windows)
    onsets = tuple((unit, str(onset)) for unit, onset in panel.onsets.items())
    return (
        str(panel.periods[0]),
        tuple(panel.values),
        panel.values.to_numpy(dtype=float).tobytes(),
        panel.exposure.to_numpy(dtype=float).tobytes(),
        spans,
        onsets,
    )


def answers(combinations: Iterable[Combination], panel_of: Callable[[Combination], Panel]) -> Iterator[Answer]:
    """What each combination says, in order; those that see the same figures are estimated once."""
    known: dict[tuple[object, ...], Answer] = {}
    for chosen in combinations:
        try:
            panel = panel_of(chosen)
        except (StudyError, DataError) as fault:
            yield Answer(refusal=str(fault))
            continue
        key = (content_of(panel), chosen.method.name)
        if key not in known:
            known[key] = answer(estimator_of(chosen), panel)
        yield known[key]


def answer(estimator: Estimator, panel: Panel) -> Answer:
    """One estimate; for a method with donors with the interval of its placebos. An error is a refusal with its words."""
    try:
        if uses_donors(estimator):
            from gvi_eval.inference.evaluation import evaluate

            return _answer(evaluate(estimator, panel).effect(panel.estimand))
        return _answer(estimator.estimate(panel))
    except EstimationError as fault:
        return Answer(refusal=str(fault))


def _answer(effect: Effect) -> Answer:
    if effect.point is None:
        return Answer(refusal=effect.refusal)
    if not effect.intervals:
        return Answer(point=float(effect.point))
    own = effect.intervals[0]
    return Answer(float(effect.point), float(own.lower), float(own.upper), float(own.level), own.kind)


def claimed_of(admitted: Iterable[Combination], headline: Specification, baseline: Window, start: date) -> Combination:
    """The one combination that is the study's headline: its figures, days, start, estimator and settings.

    ``baseline`` are the days of the study, ``start`` the day on which the headline begins. Raises `StudyError` where none or
    several combinations are the headline.
    """
    theirs = make_estimator(headline.estimator, headline.settings)
    asked = {
        "figures": headline.outcome,
        "baselines": headline.window.start or baseline.start,
        "windows": headline.window.end or baseline.end,
        "starts": headline.start or start,
        "leave_out": None,
    }
    found = [
        each
        for each in admitted
        if all(getattr(each, question).value == value for question, value in asked.items())
        and (each.donors.value or ()) == tuple(headline.transforms)
        and estimator_of(each) == theirs
    ]
    if len(found) != 1:
        raise StudyError(
            f"{len(found)} combinations of the curve are the headline '{headline.name}'; declare choices so that one is"
        )
    return found[0]
