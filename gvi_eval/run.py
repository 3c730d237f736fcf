"""A study becomes its results: every declared analysis run, every number traced, nothing left out."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pandas as pd

from gvi_eval.curve import stored_curve
from gvi_eval.diagnostics import Diagnostics, diagnose
from gvi_eval.effect import Effect
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import takes_several, uses_donors
from gvi_eval.executor import Executor
from gvi_eval.inference.evaluation import Evaluation, admitted, evaluate
from gvi_eval.inference.resampling import resampled
from gvi_eval.inference.start_interval import range_over_starts
from gvi_eval.plan import Plan, Planned, prepare, read_tables
from gvi_eval.results import RANGE, Analysis, Pair, StudyResult
from gvi_eval.sensitivity.leave_out import leave_out
from gvi_eval.sensitivity.level_trend import has_trend, level_and_trend
from gvi_eval.sensitivity.placebo_dates import placebo_dates
from gvi_eval.sensitivity.power import PowerRow
from gvi_eval.sensitivity.power_record import kept_power
from gvi_eval.sensitivity.settle import settled
from gvi_eval.sensitivity.threats import FLAGGED, ThreatResult
from gvi_eval.sensitivity.threats.battery import battery, not_asked
from gvi_eval.sensitivity.threats.case import Case, case_of
from gvi_eval.sensitivity.threats.detection import Detection, keep_detections, read_detections
from gvi_eval.sensitivity.threats.donors import of_comparison
from gvi_eval.sensitivity.threats.negative_control import NegativeControl, negative_control, negative_control_beside_donors
from gvi_eval.sensitivity.tipping import tipping_frame, tipping_points
from gvi_eval.study import EVERY, Study

OTHER_COUNTS = ("second source", "alternative definition")  # outcomes that count the same events otherwise
PRIOR_FACTORS = {"halved": 0.5, "doubled": 2.0}


def run_study(
    path: Path,
    done: Callable[[str], None] = lambda what: None,
    resample: bool = False,
    executor: Executor | None = None,
) -> StudyResult:
    """Run every specification of a study file. A refusal becomes a row with its reason; ``done`` is told of each analysis.

    Sampled posteriors are read from ``posteriors/`` beside the study file where one exists for the same figures, settings and
    program; others, and all with ``resample``, are sampled and put there. What the tests of threats would notice is read from
    ``detection.csv`` beside it in the same way, and what the headline's design could have told from ``power/``; what is missing
    there is simulated through the executor and put there.
    Raises `StudyError` and `DataError` for a study or a table that does not hold, before anything is estimated.
    """
    plan = prepare(path)
    study = plan.study
    curve = stored_curve(path)
    analyses: list[Analysis] = []
    with _posteriors(plan, resample):
        for planned in plan.analyses:
            analyses += _labelled(study, _analyses(study, planned))
            done(planned.specification.name)
    diagnostics = _diagnostics(study, analyses, done)
    threats, detections = _battery(plan, analyses, executor, done)
    fading = () if threats or diagnostics.fading is None else (diagnostics.fading.reading,)
    settled = _settled(plan, analyses, resample, done)
    return StudyResult(
        study=study,
        file=path,
        inputs=plan.inputs,
        analyses=tuple(analyses),
        pairs=tuple(_pairs(analyses)),
        threats=(
            *threats,
            *(each for each in (*_threats(study, analyses), *_donor_threats(study, analyses)) if not _said(each, threats)),
            *fading,
        ),
        power=_power(plan, analyses, resample, executor, done),
        diagnostics=diagnostics,
        missing=plan.missing,
        detections=detections,
        tipping=_tipping(study, analyses, done),
        settle=pd.DataFrame() if settled is None else settled,
        not_simulated=""
        if settled is not None or not study.releases
        else f"what {len(study.releases)} releases would tell was not simulated for this state of the study and the program; "
        f"gvi-eval power {study.name} does it and keeps it",
        curve=curve,
    )


def _battery(
    plan: Plan, analyses: list[Analysis], executor: Executor | None, done: Callable[[str], None]
) -> tuple[tuple[ThreatResult, ...], tuple[Detection, ...]]:
    """Every threat put to the headline, where the study asks for it; the first start stands for an interval.

    A headline that takes several treated units at once can be asked none, which is said whether the study asks or not.
    """
    study, folder = plan.study, plan.file.parent
    headline = next(each for each in plan.analyses if each.specification.headline)
    if not study.threat_draws and headline.specification.unit != EVERY:
        return (), ()
    shown = next(each for each in analyses if each.specification.headline)
    labels = {"specification": shown.specification.name, "onset": shown.onset}
    try:
        case = _case(plan, headline, analyses)
    except StudyError as fault:
        return tuple(_labelled_threat(result, labels) for result in not_asked(str(fault))), ()
    known = read_detections(folder)
    results, detections = battery(case, known, executor=executor, simulations=study.threat_draws, done=done)
    if any(detection not in known for detection in detections):
        keep_detections(folder, detections)
    return tuple(_labelled_threat(result, labels) for result in results), detections


def _case(plan: Plan, headline: Planned, analyses: list[Analysis]) -> Case:
    """The headline as threats ask of it, with the effects of all analyses beside it."""
    effects = {(each.specification.name, each.onset): each.fit for each in analyses}
    donors = tuple(headline.panel.donors)
    return case_of(
        plan.study,
        read_tables(plan.study, plan.file.parent),
        headline.estimator,
        headline.inference,
        effects,
        beside=None if uses_donors(headline.estimator) else donors,
        start=headline.starts[0],
    )


def _said(threat: ThreatResult, before: tuple[ThreatResult, ...]) -> bool:
    """Whether a threat to an analysis is among those put to the headline already."""
    about = (threat.id, threat.evidence.get("specification"), threat.evidence.get("onset"))
    return about in [(each.id, each.evidence["specification"], each.evidence["onset"]) for each in before]


def _labelled_threat(result: ThreatResult, labels: dict[str, str]) -> ThreatResult:
    return replace(result, evidence={**result.evidence, **labels})


def _posteriors(plan: Plan, resample: bool) -> AbstractContextManager[object]:
    """The store of sampled posteriors beside the study file, where an analysis samples."""
    if not any(planned.estimator.cost == "sampling" for planned in plan.analyses):
        return nullcontext()
    from gvi_eval.estimators._posterior import posterior_store

    return posterior_store(plan.file.parent / "posteriors", refresh=resample)


def _diagnostics(study: Study, analyses: list[Analysis], done: Callable[[str], None]) -> Diagnostics:
    """The headline looked into; the first start stands for an interval."""
    headline = next(analysis for analysis in analyses if analysis.specification.headline)
    # Of a method with donors fit, placebos, dates and donors are looked into with the analysis itself.
    if takes_several(headline.estimator) or uses_donors(headline.estimator):
        return Diagnostics()
    return diagnose(study, headline.estimator, headline.panel, headline.fit, done)


def _power(
    plan: Plan, analyses: list[Analysis], resample: bool, executor: Executor | None, done: Callable[[str], None]
) -> tuple[PowerRow, ...]:
    """What the design of the headline could have told, where the study asks for it; the first start stands for an interval."""
    study = plan.study
    if not study.power_draws:
        return ()
    headline = next(analysis for analysis in analyses if analysis.specification.headline)
    how = (headline.estimator, headline.panel, study.seed, study.power_draws)
    return kept_power(plan.file.parent, *how, anew=resample, executor=executor, done=done)


def _settled(plan: Plan, analyses: list[Analysis], resample: bool, done: Callable[[str], None]) -> pd.DataFrame | None:
    """What the releases that could be had would tell: read where it was simulated, simulated only with ``resample``."""
    if not plan.study.releases:
        return None
    headline = next(analysis for analysis in analyses if analysis.specification.headline)
    return settled(plan.study, plan.file, headline.estimator, headline.panel, simulate=resample, done=done)


def _tipping(study: Study, analyses: list[Analysis], done: Callable[[str], None]) -> pd.DataFrame:
    """What would have to be true for the headline to be no effect; the first start stands for an interval."""
    headline = next(analysis for analysis in analyses if analysis.specification.headline)
    sources = {
        outcome.title: analysis.panel
        for analysis in analyses
        if (outcome := study.outcome(analysis.specification.outcome)).role in OTHER_COUNTS
        and analysis.panel.treated == headline.panel.treated
    }
    done("tipping points")
    rows = tipping_points(
        headline.estimator,
        headline.panel,
        headline.fit,
        evaluation=headline.evaluation,
        left_out=headline.left_out,
        dates=headline.placebo_dates,
        sources=tuple(sources.items()),
    )
    return tipping_frame(rows, headline.specification.name, headline.onset)


def _labelled(study: Study, analyses: Iterator[Analysis]) -> Iterator[Analysis]:
    """The same analyses; where the figures are generated every effect says so first."""
    for each in analyses:
        if study.generated is None:
            yield each
        else:
            effects = tuple(replace(effect, notes=(study.generated, *effect.notes)) for effect in each.effects)
            yield replace(each, effects=effects)


def _analyses(study: Study, planned: Planned) -> Iterator[Analysis]:
    """One analysis per candidate start, and their range where there are several; of several treated units one each."""
    if planned.specification.unit == EVERY:
        yield from _of_each_unit(study, planned)
        return
    starts = planned.starts
    each = [
        _analysis(study, replace(planned, panel=planned.panel.starting(start)), looked_into=start == starts[0])
        for start in starts
    ]
    yield from each
    if len(each) > 1:
        together = tuple(
            range_over_starts(list(effects)) for effects in zip(*(analysis.effects for analysis in each), strict=True)
        )
        yield replace(
            each[0], onset=f"{starts[0]} to {starts[-1]}", inference=RANGE, effects=together, left_out=(), placebo_dates=()
        )
    elif each[0].fit.rests_on_prior and planned.specification.part != "grid" and planned.estimator.cost == "fast":
        for word, factor in PRIOR_FACTORS.items():
            other = replace(planned.estimator, prior_scale=planned.estimator.prior_scale * factor)
            again = _analysis(study, replace(planned, estimator=other))
            yield replace(again, inference=f"{again.inference}, prior scales {word}")


def _of_each_unit(study: Study, planned: Planned) -> Iterator[Analysis]:
    """One analysis per treated unit without an interval of its own, and that of all with what resampling says."""
    declared, panel = planned.specification, planned.panel
    try:
        fits = planned.estimator.estimate_each(panel)
    except EstimationError as fault:
        first = min(panel.onsets.values())
        fits = tuple(
            Effect(planned.estimator.name, EVERY, estimand, None, first, refusal=str(fault)) for estimand in study.estimands[:1]
        )
    for fit in fits:
        together = fit.unit == EVERY or len(fits) == 1
        effects = tuple(_contrasts(study, fit)) if fit.refusal is None else (fit,)
        if together and fit.refusal is None:
            effects = tuple(resampled(planned.estimator, panel, effect) for effect in effects)
        kinds = [effect.intervals[0].kind for effect in effects if effect.intervals]
        specification = replace(declared, name=f"{declared.name}: {fit.unit}", headline=declared.headline and together)
        starts = sorted(set(panel.onsets.values())) if fit.unit == EVERY else [fit.onset]
        onset = str(starts[0]) if len(starts) == 1 else f"{starts[0]} to {starts[-1]}"
        yield Analysis(specification, planned.estimator, panel, onset, next(iter(kinds), ""), effects)


def _analysis(study: Study, planned: Planned, looked_into: bool = True) -> Analysis:
    """One analysis at one start; ``looked_into``: a comparison of the primary outcome also without donors, at other dates."""
    unit, onset = planned.panel.sole_treated
    evaluation, left_out, dates = None, (), ()
    try:
        if uses_donors(planned.estimator) and planned.estimator.cost == "sampling":
            effects = tuple(admitted(planned.estimator, planned.panel, each) for each in _fitted(study, planned))
        elif uses_donors(planned.estimator):
            evaluation = evaluate(planned.estimator, planned.panel, planned.inference)
            effects = tuple(_evaluated(study, evaluation))
            if looked_into and planned.specification.outcome == study.primary.name:
                left_out = leave_out(evaluation, study.estimands[0])
                dates = placebo_dates(planned.estimator, planned.panel)
        else:
            effects = _fitted(study, planned)
    except EstimationError as fault:
        effects = tuple(
            Effect(method=planned.estimator.name, unit=unit, estimand=estimand, point=None, onset=onset, refusal=str(fault))
            for estimand in study.estimands
        )
    kinds = [effect.intervals[0].kind for effect in effects if effect.intervals]
    inference = "placebo" if evaluation is not None or not kinds and uses_donors(planned.estimator) else next(iter(kinds), "")
    return Analysis(
        planned.specification,
        planned.estimator,
        planned.panel,
        str(onset),
        inference,
        effects,
        evaluation,
        left_out,
        dates,
    )


def _fitted(study: Study, planned: Planned) -> tuple[Effect, ...]:
    """One fit and each declared estimand of it."""
    return tuple(_contrasts(study, planned.estimator.estimate(planned.panel)))


def _evaluated(study: Study, evaluation: Evaluation) -> Iterator[Effect]:
    """Each declared estimand with its placebos; one that the fit cannot give is a refusal with its reason."""
    for estimand in study.estimands:
        try:
            yield evaluation.effect(estimand)
        except EstimationError as fault:
            yield replace(evaluation.base, estimand=estimand, point=None, refusal=str(fault))


def _contrasts(study: Study, fit: Effect) -> Iterator[Effect]:
    """The fit over each declared estimand; one that the fit cannot give is a refusal with its reason."""
    for estimand in study.estimands:
        if (estimand.contrast, estimand.target, estimand.window) == (
            fit.estimand.contrast,
            fit.estimand.target,
            fit.estimand.window,
        ):
            yield replace(fit, estimand=estimand)
            continue
        try:
            yield fit.over(estimand)
        except EstimationError as fault:
            yield replace(fit, estimand=estimand, point=None, intervals=(), tests=(), refusal=str(fault))


def _pairs(analyses: list[Analysis]) -> Iterator[Pair]:
    """Level | level + trend: every two analyses that differ in nothing but the trend, at each start."""
    single = [one for one in analyses if has_trend(one.estimator)]
    for one in single:
        if not one.estimator.trend:
            continue
        for other in single:
            if (
                not other.estimator.trend
                and one.specification.outcome == other.specification.outcome
                and _same_analysis(one, replace(other, estimator=replace(other.estimator, trend=True)))
            ):
                yield Pair(other, one, level_and_trend(other.fit, one.fit))


def _threats(study: Study, analyses: list[Analysis]) -> Iterator[ThreatResult]:
    """Negative controls: every analysis of an untargeted outcome beside the primary one with the same settings."""
    for control in analyses:
        outcome = study.outcome(control.specification.outcome)
        if outcome.role != "negative control" or control.inference == RANGE:
            continue
        for primary in analyses:
            if primary.specification.outcome != study.primary.name or not _same_analysis(primary, control):
                continue
            if control.evaluation is not None and primary.evaluation is not None:
                placebos = control.evaluation.placebos(study.estimands[0])
                result = negative_control_beside_donors(primary.fit, control.fit, placebos, study.primary.title, outcome.title)
            elif control.fit.counterfactual is None or control.fit.counterfactual.mixture is None:
                continue
            else:
                result = negative_control(primary.fit, control.fit, study.primary.title, outcome.title)
            evidence = {
                "specification": primary.specification.name,
                "control": control.specification.name,
                "onset": control.onset,
                "title": NegativeControl.title,
                "measure": NegativeControl.measure,
                **result.evidence,
            }
            yield replace(result, evidence=evidence)


def _donor_threats(study: Study, analyses: list[Analysis]) -> Iterator[ThreatResult]:
    """What threatens a comparison with donors, where it is flagged, in every analysis of the primary outcome.

    How often the test of another analysis than the headline would flag is not simulated, so only flags are rows.
    """
    for analysis in analyses:
        if analysis.evaluation is None or analysis.is_range or analysis.specification.outcome != study.primary.name:
            continue
        labels = {"specification": analysis.specification.name, "onset": analysis.onset}
        try:
            found = of_comparison(analysis.evaluation)
        except EstimationError:  # no figure after the start, as its refusal says
            continue
        yield from (_labelled_threat(result, labels) for result in found if result.state == FLAGGED)


def _same_analysis(one: Analysis, other: Analysis) -> bool:
    """The same estimator for the same units at the same start on the same days; the outcome may differ for a control."""
    return all(
        (
            list(one.panel.values) == list(other.panel.values),
            one.estimator == other.estimator,
            one.onset == other.onset,
            one.inference == other.inference,
            one.specification.transforms == other.specification.transforms,
            one.specification.window == other.specification.window,
        )
    )
