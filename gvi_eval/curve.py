"""The specification curve of a study, computed in pieces on any executor and kept beside the study file under its key."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from gvi_eval.assembly import build_panel
from gvi_eval.choices import SINGLE, Choices, Combination, load_choices
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.executor import Executor, map_tasks, result_hash, task_seed
from gvi_eval.hashing import file_hash
from gvi_eval.panel import Panel
from gvi_eval.plan import read_tables
from gvi_eval.sensitivity.null_series import NullFit, null_fit, reassigned, simulated
from gvi_eval.sensitivity.specification import (
    Admission,
    Answer,
    JointTest,
    Summary,
    admit,
    answers,
    claimed_of,
    is_bound,
    joint_tests,
    summarise,
)
from gvi_eval.study import Study, load_study

FOLDER = "curve"
SERIES = 199  # simulated without an effect; the smallest p is then 1/200
OBSERVED = "observed"
LEAST = 0.5  # of the specifications of a series without an effect that must give a ratio for it to count


@dataclass(frozen=True, eq=False)
class Declared:
    """A study's curve before anything is estimated: its panels, the combinations that are run, and the one that is claimed."""

    study: Study
    choices: Choices
    panels: Mapping[str, Panel]
    admission: Admission
    claimed: Combination
    places: tuple[str, ...]  # donors that take the treated place; none where series are simulated instead

    @property
    def others(self) -> tuple[str, ...]:
        """The series without an effect, by name."""
        return self.places or tuple(f"simulated {number:03d}" for number in range(1, SERIES + 1))


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve as it was computed: a row per specification, its summary, and its joint test."""

    key: str
    table: pd.DataFrame
    test: Mapping[str, Any]


def declare(path: Path) -> Declared | None:
    """What the study file says about its curve, held to its figures; None where it declares none."""
    path = Path(path)
    choices = load_choices(path)
    if choices is None:
        return None
    study = load_study(path)
    tables = read_tables(study, path.parent)
    known = [outcome.name for outcome in study.outcomes]
    for choice in choices.figures:
        if choice.value not in known:
            raise StudyError(
                f"{path.name}: curve: figures '{choice.name}' name the outcome '{choice.value}', which is not declared; "
                f"declared are {', '.join(known)}"
            )
    panels = {choice.value: build_panel(study, tables, choice.value) for choice in choices.figures}
    admission = admit(choices, panels)
    claimed = claimed_of(admission.admitted, study.headline, study.baseline, study.treatment.start.earliest)
    compares = any(chosen.donors.name != SINGLE for chosen in admission.admitted)
    places = tuple(panels[claimed.figures.value].donors) if compares else ()
    return Declared(study, choices, panels, admission, claimed, places)


@lru_cache(maxsize=2)
def _declared(path: str, mark: str) -> Declared:
    """Read once in each worker; ``mark`` is the hash of the study file, so that a changed one is read again."""
    return declare(Path(path))


@lru_cache(maxsize=2)
def _null(path: str, mark: str) -> NullFit:
    declared = _declared(path, mark)
    return null_fit(declared.panels[declared.claimed.figures.value])


def piece(inputs: Mapping[str, str], seed: int) -> list[list[Any]]:
    """One series and one method of a curve, for an executor: an `Answer` per specification, in order, as lists."""
    path, mark, series = inputs["study"], inputs["mark"], inputs["series"]
    declared = _declared(path, mark)
    if series == OBSERVED:
        panels: Mapping[str, Panel] = declared.panels
    elif series in declared.places:
        panels = reassigned(declared.panels, series)
    else:
        panels = simulated(_null(path, mark), declared.panels, task_seed(declared.study.seed, series))
    asked = [chosen for chosen in declared.admission.admitted if chosen.method.name == inputs["method"]]
    return [list(asdict(each).values()) for each in answers(asked, panels)]


def compute(
    path: Path,
    executor: Executor | None = None,
    folder: Path | None = None,
    series: Iterable[str] | None = None,
    done: Callable[[int, int], None] = lambda finished, of: None,
) -> tuple[Declared, dict[str, list[Answer]], str]:
    """The answers of the observed and of the other series (all by default), by series, and their hash."""
    path = Path(path).resolve()
    mark = file_hash(path)
    declared = _declared(str(path), mark)
    wanted = (OBSERVED, *(declared.others if series is None else series))
    methods = list(dict.fromkeys(chosen.method.name for chosen in declared.admission.admitted))
    tasks = {
        f"{name}/{method}": {"study": str(path), "mark": mark, "series": name, "method": method}
        for name in wanted
        for method in methods
    }
    told = map_tasks(piece, tasks, executor=executor, seed=declared.study.seed, batch=1, folder=folder, done=done)
    by_series = {name: [Answer(*row) for method in methods for row in told[f"{name}/{method}"]] for name in wanted}
    return declared, by_series, result_hash(told)


def curve_of(declared: Declared, told: Mapping[str, list[Answer]], key: str) -> Curve:
    """The curve as it is published: one row per specification, sorted as declared, and the joint test."""
    observed = told[OBSERVED]
    own = observed[declared.admission.admitted.index(declared.claimed)]
    summary = summarise(observed, own)
    others, silent = [], []
    for name in told:
        if name == OBSERVED:
            continue
        try:
            each = summarise(told[name])
        except EstimationError:
            silent.append(name)
            continue
        if each.refused > LEAST * each.specifications:
            silent.append(name)
        else:
            others.append(each)
    tests = joint_tests(summary, others) if others else ()
    return Curve(key, curve_table(declared, observed), _test(declared, summary, tests, others, silent))


def curve_table(declared: Declared, told: Iterable[Answer]) -> pd.DataFrame:
    """One row per admitted specification: its choices, whether it is the claimed one or a bound, and what it says."""
    rows = []
    for number, (chosen, each) in enumerate(zip(declared.admission.admitted, told, strict=True), start=1):
        rows.append(
            {
                "id": f"{declared.study.name}/curve/{number:04d}",
                **chosen.columns,
                "estimator": chosen.method.estimator,
                "claimed": chosen == declared.claimed,
                "bound": is_bound(chosen),
                **asdict(each),
            }
        )
    return pd.DataFrame(rows)


def _test(
    declared: Declared, summary: Summary, tests: Iterable[JointTest], others: list[Summary], silent: list[str]
) -> dict[str, Any]:
    return {
        "study": declared.study.name,
        "how": "donors in the treated place" if declared.places else "series simulated without an effect",
        "summary": asdict(summary),
        "not_admitted": declared.admission.reasons,
        "tests": [asdict(each) for each in tests],
        "others": [asdict(each) for each in others],
        "silent": silent,
    }
