"""The estimators: frozen settings that turn a panel into an effect. One file each; one line each below."""

import dataclasses
import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Literal, Protocol

from gvi_eval.effect import Effect
from gvi_eval.errors import StudyError
from gvi_eval.panel import Panel


class Estimator(Protocol):
    """A frozen dataclass whose fields are its settings, seed included; `estimate` fits once and changes nothing."""

    name: ClassVar[str]
    cost: ClassVar[Literal["fast", "sampling"]]
    accepts_gaps: ClassVar[bool]

    def estimate(self, panel: Panel) -> Effect: ...


ESTIMATORS = {
    "arima": "Arima",
    "augmented": "Augmented",
    "bayes_counts": "BayesCounts",
    "bayes_synthetic": "BayesSynthetic",
    "controlled": "Controlled",
    "did": "Did",
    "event_study": "EventStudy",
    "exact_ratio": "ExactRatio",
    "factor": "Factor",
    "latent_counts": "LatentCounts",
    "penalized": "Penalized",
    "sdid": "Sdid",
    "segmented": "Segmented",
    "staggered": "Staggered",
    "structural": "Structural",
    "synthetic": "Synthetic",
}


def estimator_class(name: str) -> type:
    """The class of an estimator by its name; its module is imported only now."""
    if name not in ESTIMATORS:
        close = difflib.get_close_matches(name, ESTIMATORS, 1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        raise StudyError(f"there is no estimator '{name}'{hint}; known are {', '.join(ESTIMATORS)}")
    return getattr(import_module(f"gvi_eval.estimators.{name}"), ESTIMATORS[name])


def make_estimator(name: str, settings: Mapping[str, Any]) -> Estimator:
    """The estimator with these settings, lists as tuples; an unknown setting is a `StudyError` that names those that exist."""
    kind = estimator_class(name)
    known = [field.name for field in dataclasses.fields(kind)]
    for setting in settings:
        if setting not in known:
            close = difflib.get_close_matches(setting, known, 1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise StudyError(f"{name} has no setting '{setting}'{hint}; its settings are {', '.join(known)}")
    return kind(**{setting: tuple(value) if isinstance(value, list) else value for setting, value in settings.items()})


def uses_donors(estimator: Estimator) -> bool:
    """Whether an estimator compares the treated unit with donors; its interval then comes from `gvi_eval.inference`."""
    return getattr(estimator, "uses_donors", False)


def takes_several(estimator: Estimator) -> bool:
    """Whether an estimator takes several treated units with starts of their own, by ``estimate_each``."""
    return getattr(estimator, "takes_several", False)


def settings_of(estimator: Estimator) -> dict[str, Any]:
    """Every setting of an estimator, defaults included, as it goes into the manifest."""
    return dataclasses.asdict(estimator)
