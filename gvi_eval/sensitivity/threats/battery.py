"""Every threat looked into on one case, and how often each test would have noticed its violation on that very design."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256

import numpy as np

from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.estimators import settings_of
from gvi_eval.executor import Executor, map_tasks
from gvi_eval.hashing import settings_hash
from gvi_eval.panel import Panel
from gvi_eval.sensitivity.threats import COULD_NOT, FLAGGED, NOT_FLAGGED, Threat, ThreatResult, could_not
from gvi_eval.sensitivity.threats.beginning import PreTrend, UnclearStart
from gvi_eval.sensitivity.threats.case import Case
from gvi_eval.sensitivity.threats.co_interventions import CoInterventions
from gvi_eval.sensitivity.threats.course import Fading, Pandemic
from gvi_eval.sensitivity.threats.detection import Detection
from gvi_eval.sensitivity.threats.displaced import Displaced
from gvi_eval.sensitivity.threats.donors import BadFit, Contamination, FewTreated, Overfit
from gvi_eval.sensitivity.threats.literature import Selection
from gvi_eval.sensitivity.threats.negative_control import NegativeControl
from gvi_eval.sensitivity.threats.outcomes import Classified, ManyOutcomes, Substitution
from gvi_eval.sensitivity.threats.planting import with_nulls
from gvi_eval.sensitivity.threats.program import program_hash
from gvi_eval.sensitivity.threats.reading import Denominators, NullRead
from gvi_eval.sensitivity.threats.recording import CaptureDrift, RecordingChange
from gvi_eval.sensitivity.threats.reporting_delay import ReportingDelay
from gvi_eval.sensitivity.threats.scatter import Autocorrelation, LowCounts
from gvi_eval.sensitivity.threats.selection import RegressionToMean

SIMULATIONS = 100  # data sets with the violation planted, and as many without it
FEWEST = 0.5  # of the planted data sets that a test must flag, or it could not have flagged
THREATS: tuple[Threat, ...] = (  # in the order of their numbers
    RegressionToMean(),
    RecordingChange(),
    CaptureDrift(),
    CoInterventions(),
    PreTrend(),
    UnclearStart(),
    FewTreated(),
    LowCounts(),
    Autocorrelation(),
    Displaced(),
    Contamination(),
    BadFit(),
    Overfit(),
    ReportingDelay(),
    ManyOutcomes(),
    Classified(),
    NegativeControl(),
    Pandemic(),
    Fading(),
    NullRead(),
    Selection(),
    Denominators(),
    Substitution(),
)


def look(threat: Threat, case: Case) -> ThreatResult:
    """What a threat finds; where it cannot be asked, the third state with the reason."""
    try:
        return threat.look(case)
    except (EstimationError, StudyError) as fault:
        return could_not(threat.id, str(fault))


def judged(result: ThreatResult, detection: Detection | None, reason: str | None = None) -> ThreatResult:
    """A result in view of what its test can notice here: not flagged stands only where the test would have flagged.

    One that would flag in under half of the planted data sets, or whose design cannot be drawn anew (``reason``), could not
    have flagged. A flag stays a flag, for what a test shows it could show, and says how often the same design is flagged with
    the violation planted and with nothing in it: where the latter is common, the flag says little.
    """
    if detection is not None:
        rates = {"detected": detection.detected, "false_flags": detection.false_flags, "simulations": detection.n}
        result = replace(result, evidence={**result.evidence, **rates})
        if result.state == FLAGGED:
            planted, nothing = (f"{rate:.0%}" for rate in (detection.detected, detection.false_flags))
            told = f"flagged in {planted} of {detection.n} data sets with it planted, in {nothing} of as many without"
            return replace(result, sentence=f"{result.sentence}; {told}")
    if result.state != NOT_FLAGGED or (detection is not None and detection.detected >= FEWEST):
        return result
    why = reason or "how often this design would flag it is not known"
    if detection is not None:
        why = f"planted on this design it is flagged in {detection.detected:.0%} of {detection.n} data sets"
    return replace(result, state=COULD_NOT, sentence=f"{result.sentence}; {why}")


def battery(
    case: Case,
    known: Iterable[Detection] = (),
    *,
    threats: tuple[Threat, ...] | None = None,
    executor: Executor | None = None,
    simulations: int = SIMULATIONS,
    done: Callable[[str], None] = lambda what: None,
) -> tuple[tuple[ThreatResult, ...], tuple[Detection, ...]]:
    """Every threat's result on a case, in the order of their numbers, and the detections they rest on.

    ``known`` detections whose key fits are taken; the others are simulated through the executor. A test that the figures
    cannot be put to needs none.
    """
    threats = THREATS if threats is None else threats
    results = {}
    for threat in threats:
        results[threat.id] = look(threat, case)
        done(f"threat {threat.id}")
    asked = [threat for threat in threats if results[threat.id].state != COULD_NOT]
    kept = {each.key: each for each in known}
    keys = {threat.id: key_of(threat, case, simulations) for threat in asked}
    found = {threat.id: kept[keys[threat.id]] for threat in asked if keys[threat.id] in kept}
    reason = None
    if missing := [threat for threat in asked if threat.id not in found]:
        try:
            noticed = rates(with_nulls(case), missing, executor, simulations, done)
            found |= {name: Detection(name, *both, simulations, keys[name]) for name, both in noticed.items()}
        except (EstimationError, StudyError) as fault:
            reason = f"the figures cannot be drawn anew: {fault}"
    judgements = tuple(_named(threat, judged(results[threat.id], found.get(threat.id), reason)) for threat in threats)
    return judgements, tuple(found[threat.id] for threat in threats if threat.id in found)


def not_asked(reason: str, threats: tuple[Threat, ...] | None = None) -> tuple[ThreatResult, ...]:
    """Every threat in the third state for one reason, such as a headline to which none can be put."""
    return tuple(_named(threat, could_not(threat.id, reason)) for threat in (THREATS if threats is None else threats))


def _named(threat: Threat, result: ThreatResult) -> ThreatResult:
    """The result with the threat's title and what its number measures, for the table."""
    return replace(result, evidence={**result.evidence, "title": threat.title, "measure": threat.measure})


def rates(
    case: Case,
    threats: list[Threat],
    executor: Executor | None = None,
    simulations: int = SIMULATIONS,
    done: Callable[[str], None] = lambda what: None,
) -> dict[str, tuple[float, float]]:
    """Of each threat the share of data sets that are flagged with its violation in them, and without, on a case with nulls."""
    case = case.with_(effects={}, tables={})  # what is published does not travel with every data set
    tasks = {f"clean {draw}": (case, tuple(threats), False) for draw in range(simulations)}
    tasks |= {f"{threat.id} planted {draw}": (case, (threat,), True) for threat in threats for draw in range(simulations)}

    def told(finished: int, of: int) -> None:
        done(f"what the threats would notice, {finished} of {of} data sets")

    flags = map_tasks(flagged, tasks, executor=executor, seed=case.study.seed, done=told)

    def share(name: str, what: str) -> float:
        return float(np.mean([flags[f"{what} {draw}"][name] for draw in range(simulations)]))

    return {each.id: (share(each.id, f"{each.id} planted"), share(each.id, "clean")) for each in threats}


def flagged(inputs: tuple[Case, tuple[Threat, ...], bool], seed: int) -> dict[str, bool]:
    """Which threats are flagged on one data set drawn on the design of a case, with their violation planted or without."""
    case, threats, planted = inputs
    case = case.with_()  # what one data set remembers is of no use to the next
    found = {}
    for threat in threats:
        drawn = threat.planted(case, seed) if planted else threat.clean(case, seed)
        found[threat.id] = look(threat, drawn).state == FLAGGED
    return found


def key_of(threat: Threat, case: Case, simulations: int = SIMULATIONS) -> str:
    """One sha256 of what a detection depends on: figures, settings, start and decision, the threat and its program."""
    treatment = case.study.treatment_of(case.specification.unit)
    return settings_hash(
        {
            "threat": threat.id,
            "settings": {field: getattr(threat, field) for field in getattr(threat, "__dataclass_fields__", {})},
            "program": program_hash(type(threat).__module__, type(threat).__name__),
            "figures": [figures_hash(case.panel), figures_hash(case.whole)],
            "others": {name: figures_hash(panel) for name, panel in sorted(case.others.items())},
            "roles": {outcome.name: outcome.role for outcome in case.study.outcomes},
            "estimator": [case.estimator.name, settings_of(case.estimator), case.inference],
            "events": [[event.name, event.role, event.start, event.end] for event in case.study.interventions],
            "decided": treatment.decided,
            "smallest": list(case.study.smallest_effect),
            "seed": case.study.seed,
            "simulations": simulations,
            **({"further": threat.rests_on(case)} if hasattr(threat, "rests_on") else {}),
        }
    )


def figures_hash(panel: Panel) -> str:
    """The sha256 of a panel's periods, starts, and per unit the figures, what each covers, and exposure."""
    parts = [
        f"{panel.periods[0]} {panel.periods[-1]} {sorted((unit, str(onset)) for unit, onset in panel.onsets.items())}".encode()
    ]
    for unit in panel.values.columns:
        arrays = (*panel.observations(unit), panel.exposure[unit].to_numpy(dtype=float))
        parts += [unit.encode(), *((np.round(part, 9) + 0.0).astype("<f8").tobytes() for part in arrays)]
    return sha256(b"\n".join(parts)).hexdigest()
