"""gvi_eval: did Group Violence Intervention reduce shootings, and by how much?

A study (a file) and validated tables give a panel; an estimator turns a panel into a counterfactual, contrasted as an
effect; every question of robustness is another panel. The public names below are imported when they are first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "DataError": "errors",
    "StudyError": "errors",
    "EstimationError": "errors",
    "DisclosureError": "errors",
    "SourceError": "errors",
    "Interval": "intervals",
    "Test": "intervals",
    "Study": "study",
    "Window": "study",
    "Estimand": "study",
    "load_study": "study",
    "find_study": "plan",
    "read_tables": "plan",
    "read_table": "tables",
    "check_path": "tables",
    "CountWindow": "windows",
    "Panel": "panel",
    "build_panel": "assembly",
    "Counterfactual": "effect",
    "Effect": "effect",
    "effect_from_paths": "effect",
    "evaluate": "inference.evaluation",
    "ESTIMATORS": "estimators",
    "make_estimator": "estimators",
    "protect": "disclosure",
    "run_study": "run",
}

__all__ = ["__version__", *_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"gvi_eval has no public name '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(f"gvi_eval.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
