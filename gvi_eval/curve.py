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
from gvi_eval.panel import Panel
from gvi_eval.plan import read_tables
from gvi_eval.resources import CHECKOUT
from gvi_eval.sensitivity.curve_record import FOLDER, Curve, curve_key, program_hash, read_curve
from gvi_eval.sensitivity.joint_test import Summary, summarise
from gvi_eval.sensitivity.null_series import NullFit, null_fit, reassigned, seen_through, simulated
from gvi_eval.sensitivity.specification import (
    Admission,
    Answer,
    Prepared,
    admit,
    answers,
    claimed_of,
    is_bound,
)
from gvi_eval.study import Study, load_study

SERIES = 199  # simulated without an effect; the smallest p is then 1/200
OBSERVED = "observed"
LEAST = 0.5  # of the specifications of a series without an effect that must give a ratio for it to count


@dataclass(frozen=True, eq=False)
class Declared:
    """A study's curve before anything is estimated: its panels, the combinations that are run, and the one that is claimed."""

    file: Path
    key: str
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


def declare(path: Path) -> Declared | None:
    """What the study file says about its curve, held to its figures; None where it declares none."""
    asked = _asked(Path(path))
    if asked is None:
        return None
    study, choices, panels = asked
    admission = admit(choices, panels)
    claimed = claimed_of(admission.admitted, study.headline, study.baseline, study.treatment.start.earliest)
    compares = any(chosen.donors.name != SINGLE for chosen in admission.admitted)
    places = tuple(panels[claimed.figures.value].donors) if compares else ()
    key = curve_key(study, choices, panels, SERIES)
    return Declared(Path(path), key, study, choices, panels, admission, claimed, places)


def _asked(path: Path) -> tuple[Study, Choices, dict[str, Panel]] | None:
    """The study, its choices, and the figures of each outcome that they name."""
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
    return study, choices, {choice.value: build_panel(study, tables, choice.value) for choice in choices.figures}


@lru_cache(maxsize=2)
def _declared(study: str, key: str) -> Declared:
    """Read once in each process; ``key`` is that of the curve, so that a changed study is read again."""
    declared = declare(CHECKOUT / study)
    if declared is None or declared.key != key:
        raise StudyError(f"{study} is not the study that was asked for; give every worker the same files")
    return declared


@lru_cache(maxsize=2)
def _null(study: str, key: str) -> NullFit:
    declared = _declared(study, key)
    return null_fit(declared.panels[declared.claimed.figures.value])


def piece(inputs: Mapping[str, str], seed: int) -> list[list[Any]]:
    """One series and one method of a curve, for an executor: an `Answer` per specification, in order, as lists."""
    study, key, series = inputs["study"], inputs["key"], inputs["series"]
    declared = _declared(study, key)
    prepared = declared.admission.prepared
    if series == OBSERVED:
        panel_of = prepared.of
    elif series in declared.places:
        panel_of = Prepared(reassigned(declared.panels, series)).of
    else:
        periods = declared.panels[declared.claimed.figures.value].periods
        days = simulated(_null(study, key), periods, task_seed(declared.study.seed, series))

        def panel_of(chosen: Combination) -> Panel:
            return seen_through(prepared.of(chosen), days)

    asked = [chosen for chosen in declared.admission.admitted if chosen.method.name == inputs["method"]]
    return [list(asdict(each).values()) for each in answers(asked, panel_of)]


def compute(
    declared: Declared,
    executor: Executor | None = None,
    folder: Path | None = None,
    series: Iterable[str] | None = None,
    done: Callable[[int, int], None] = lambda finished, of: None,
) -> tuple[dict[str, list[Answer]], str]:
    """The answers of the observed and of the other series (all by default), by series, and the hash of them all.

    Pieces that are finished are kept in ``folder``, where one is given, and taken from it when the work goes on.
    """
    methods = list(dict.fromkeys(chosen.method.name for chosen in declared.admission.admitted))
    names = (OBSERVED, *(declared.others if series is None else series))
    study = _from_checkout(declared.file)
    tasks = {
        f"{name}/{method}": {"study": study, "key": declared.key, "series": name, "method": method}
        for name in names
        for method in methods
    }
    told = map_tasks(
        piece,
        tasks,
        executor=executor,
        seed=declared.study.seed,
        batch=1,
        folder=folder,
        code=program_hash(),
        done=done,
    )
    return {name: [Answer(*row) for method in methods for row in told[f"{name}/{method}"]] for name in names}, result_hash(told)


def _from_checkout(file: Path) -> str:
    """A study file as every worker finds it, wherever its checkout lies; one outside by its whole path."""
    file = file.resolve()
    return file.relative_to(CHECKOUT).as_posix() if file.is_relative_to(CHECKOUT) else str(file)


def stored_curve(path: Path) -> Curve | str | None:
    """The record beside a study file; a sentence where it has not been computed, None where the study declares no curve."""
    path = Path(path)
    asked = _asked(path)
    if asked is None:
        return None
    study, choices, panels = asked
    found = read_curve(path.parent / FOLDER, curve_key(study, choices, panels, SERIES))
    if found is None:
        return f"the specification curve of these figures has not been computed; gvi-eval curve {study.name} does"
    return found


def curve_of(declared: Declared, told: Mapping[str, list[Answer]]) -> Curve:
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
    return Curve(declared.key, curve_table(declared, observed), _test(declared, summary, others, silent))


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


def _test(declared: Declared, summary: Summary, others: list[Summary], silent: list[str]) -> dict[str, Any]:
    return {
        "study": declared.study.name,
        "how": "donors in the treated place" if declared.places else "series simulated without an effect",
        "summary": asdict(summary),
        "not_admitted": declared.admission.reasons,
        "others": [asdict(each) for each in others],
        "silent": silent,
    }
