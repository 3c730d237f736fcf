"""The specification curve: every admissible way to have done the analysis, run, and what the crowd of answers looks like."""

from collections.abc import Iterable, Iterator, Mapping
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


@dataclass(frozen=True, eq=False)
class Admission:
    """Which combinations are run, and which are not, each with its reason."""

    admitted: tuple[Combination, ...]
    not_admitted: tuple[tuple[Combination, str], ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many combinations each reason kept out."""
        counted: dict[str, int] = {}
        for _, reason in self.not_admitted:
            counted[reason] = counted.get(reason, 0) + 1
        return dict(sorted(counted.items()))


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
    built: dict[tuple[str, ...], Panel] = field(default_factory=dict)

    def of(self, chosen: Combination) -> Panel:
        """The panel that a combination sees. Raises as the transforms do."""
        if chosen.frame not in self.built:
            self.built[chosen.frame] = self._frame(chosen)
        panel = self.built[chosen.frame]
        return panel.starting(period_of(chosen.starts.value, panel.frequency))

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
    return Admission(tuple(admitted), tuple(kept_out))


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


def answers(combinations: Iterable[Combination], panels: Mapping[str, Panel]) -> Iterator[Answer]:
    """What each combination says of these figures, in order; those that see the same are estimated once."""
    prepared, known = Prepared(panels), {}
    for chosen in combinations:
        try:
            panel = prepared.of(chosen)
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


@dataclass(frozen=True)
class Summary:
    """A curve in a few numbers; shares are of the specifications that gave a ratio.

    median: of the log ratios, the middle of the curve and no estimate of anything; same_sign: on the claimed one's side of
    1; excluding: with an interval that lies on one side of 1; rank: of the claimed point from the lowest, 1 being lowest.
    """

    specifications: int
    refused: int
    median: float
    scaled: float
    excluding: float
    same_sign: float | None = None
    rank: int | None = None


def summarise(told: Iterable[Answer], claimed: Answer | None = None) -> Summary:
    """The curve in a few numbers. Raises `EstimationError` where no specification gave a ratio."""
    told = list(told)
    given = [each for each in told if each.told]
    if not given:
        raise EstimationError(f"none of {len(told)} specifications gave a ratio, so there is no curve; read their refusals")
    logs = np.log([each.point for each in given])
    scaled = [each.scaled for each in given if each.scaled is not None]
    rank = same = None
    if claimed is not None and claimed.told:
        own = np.log(claimed.point)
        same = float(np.mean(np.sign(logs) == np.sign(own)))
        rank = int((logs < own).sum()) + 1
    return Summary(
        specifications=len(told),
        refused=len(told) - len(given),
        median=float(np.median(logs)),
        scaled=float(np.median(scaled)) if scaled else float("nan"),
        excluding=float(np.mean([each.excludes for each in given])),
        same_sign=same,
        rank=rank,
    )


@dataclass(frozen=True)
class JointTest:
    """How unusual the whole curve is among curves without an effect.

    p = (1 + number of the other curves at least as extreme) / (1 + their number); ``floor`` is the smallest it can be.
    """

    statistic: str
    observed: float
    p: float
    floor: float
    series: int


def joint_tests(observed: Summary, others: Iterable[Summary]) -> tuple[JointTest, ...]:
    """The tests of a curve beside those of series without an effect.

    The middle of the curve is two-sided, by its distance from the middle of all curves, its own included, because without an
    effect a trend alone can put that middle off 1; so is the middle of the ratios over their widths, which suits places of
    different size; then the middle towards a fall alone, and the share of intervals excluding 1, larger being more extreme.
    After Simonsohn, Simmons & Nelson (2020) Specification curve analysis, Nature Human Behaviour 4,
    doi:10.1038/s41562-020-0912-z.
    """
    others = list(others)
    medians = [each.median for each in (observed, *others)]
    scaled = [each.scaled for each in (observed, *others)]
    excluding = [each.excluding for each in (observed, *others)]
    return (
        _ranked("median log ratio, either side", observed.median, _distances(medians)),
        _ranked("median of log ratio over half-width, either side", observed.scaled, _distances(scaled)),
        _ranked("median log ratio, a fall", observed.median, [-value for value in medians]),
        _ranked("share of intervals excluding 1", observed.excluding, excluding),
    )


def _distances(values: list[float]) -> list[float]:
    return list(np.abs(np.array(values) - np.nanmedian(values)))


def _ranked(statistic: str, observed: float, extreme: list[float]) -> JointTest:
    """The first of ``extreme`` is the observed curve's; larger is more extreme, ties count against it."""
    others = [value for value in extreme[1:] if value == value]
    beyond = sum(value >= extreme[0] - 1e-12 for value in others)
    count = len(others)
    return JointTest(statistic, float(observed), float((1 + beyond) / (1 + count)), 1 / (1 + count), count)


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
