"""The choices of a specification curve: what a reasonable analyst could have decided otherwise, each with its reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from gvi_eval.declared import read_declared
from gvi_eval.errors import StudyError
from gvi_eval.study import OutlierRule, Window

DIMENSIONS = ("figures", "baselines", "windows", "starts", "leave_out", "donors")
SINGLE = "no donors"


@dataclass(frozen=True)
class Choice:
    """One way to decide one question, and why it can be defended; ``value`` is what the question asks for.

    figures: the name of an outcome; baselines: its first day; windows: its last day; starts: the first treated day;
    leave_out: days (None for nothing); donors: transforms of the panel.
    """

    name: str
    reason: str
    value: Any = None


@dataclass(frozen=True)
class Method:
    """An estimator with its settings; ``only`` names, by question, the choices that it is combined with (all where absent)."""

    name: str
    reason: str
    estimator: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Combination:
    """One choice of each question: one specification of the curve."""

    figures: Choice
    baselines: Choice
    windows: Choice
    starts: Choice
    leave_out: Choice
    donors: Choice
    method: Method

    @property
    def columns(self) -> dict[str, str]:
        """The name of each choice, by question."""
        return {part.name: getattr(self, part.name).name for part in fields(self)}

    @property
    def frame(self) -> tuple[str, ...]:
        """What settles the figures that are seen; start and method come after."""
        return tuple(getattr(self, name).name for name in DIMENSIONS if name != "starts")


@dataclass(frozen=True)
class Choices:
    """Every question of a study's curve with its choices."""

    figures: tuple[Choice, ...]
    baselines: tuple[Choice, ...]
    windows: tuple[Choice, ...]
    starts: tuple[Choice, ...]
    leave_out: tuple[Choice, ...]
    donors: tuple[Choice, ...]
    methods: tuple[Method, ...]

    def combinations(self, takes_donors: Mapping[str, bool]) -> Iterator[Combination]:
        """All combinations in the order declared; a method that compares with no donors has none to choose."""
        for method in self.methods:
            open_ = [self._of(name, method, takes_donors[method.name]) for name in DIMENSIONS]
            for chosen in product(*open_):
                yield Combination(*chosen, method)

    def _of(self, question: str, method: Method, takes_donors: bool) -> tuple[Choice, ...]:
        if question == "donors" and not takes_donors:
            return (Choice(SINGLE, "the method looks at one series"),)
        every = getattr(self, question)
        return tuple(choice for choice in every if choice.name in method.only.get(question, (choice.name,)))


def load_choices(path: Path) -> Choices | None:
    """The ``[curve]`` of a study file; None where it declares none.

    Raises `StudyError` for a choice that is declared twice, and for ``only`` that names a question or a choice that is not.
    """
    declared = read_declared(Path(path), "study").get("curve")
    if declared is None:
        return None
    nothing = Choice("nothing left out", "every figure is used")
    everyone = Choice("all donors", "every donor of the study")
    choices = Choices(
        figures=tuple(Choice(row["name"], row["reason"], row["outcome"]) for row in declared["figures"]),
        baselines=tuple(Choice(f"from {row['start']}", row["reason"], _day(row["start"])) for row in declared["baselines"]),
        windows=tuple(Choice(f"to {row['end']}", row["reason"], _day(row["end"])) for row in declared["windows"]),
        starts=tuple(Choice(f"start {row['date']}", row["reason"], _day(row["date"])) for row in declared["starts"]),
        leave_out=(nothing, *(Choice(row["name"], row["reason"], _window(row)) for row in declared.get("leave_out", ()))),
        donors=tuple(Choice(row["name"], row["reason"], _transforms(row)) for row in declared.get("donors", ())) or (everyone,),
        methods=tuple(_method(row) for row in declared["methods"]),
    )
    if faults := list(_faults(choices)):
        raise StudyError("\n".join(f"{Path(path).name}: curve: {fault}" for fault in faults))
    return choices


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _window(row: Mapping[str, Any]) -> Window:
    return Window(_day(row["start"]), _day(row["end"]))


def _transforms(row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    steps = [(name, value) for step in row.get("transforms", ()) for name, value in step.items()]
    return tuple((name, OutlierRule(**value) if name == "without_outliers" else value) for name, value in steps)


def _method(row: Mapping[str, Any]) -> Method:
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in row.get("settings", {}).items()}
    only = {question: tuple(names) for question, names in row.get("only", {}).items()}
    return Method(row["name"], row["reason"], row["estimator"], settings, only)


def _faults(choices: Choices) -> Iterator[str]:
    for question in (*DIMENSIONS, "methods"):
        names = [choice.name for choice in getattr(choices, question)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{question} has '{name}' twice; give each its own name"
    for method in choices.methods:
        for question, names in method.only.items():
            known = [choice.name for choice in getattr(choices, question)]
            for name in names:
                if name not in known:
                    yield (
                        f"only of '{method.name}' names '{name}', which is not among the {question}; known are "
                        f"{', '.join(known)}"
                    )
