"""mlsynth on the tasks of `measuring`: `VanillaSC`, with its default backends and placebos, and `SDID`."""

import numpy as np
from measuring import Task, answer, measure
from mlsynth import SDID, VanillaSC

COLUMNS = {"outcome": "outcome", "treat": "treat", "unitid": "unit", "time": "time", "display_graphs": False}
DRAWS = 200


def outcomes_only(task: Task):
    return {"df": treated_column(task), **COLUMNS}


def treated_column(task: Task):
    late = (task.long["unit"] == task.treated) & (task.long["time"] >= task.start)
    return task.long[["unit", "time", "outcome"]].assign(treat=late.astype(int))


def with_predictors(task: Task):
    """A covariate has one window, so each predictor gets a column of its own."""
    frame, windows = treated_column(task), {}
    for number, each in enumerate(task.predictors):
        frame[f"x{number}"] = task.long[each["name"]]
        windows[f"x{number}"] = (each["first"], each["last"])
    return {"df": frame, **COLUMNS, "covariates": list(windows), "covariate_windows": windows}


def single(settings):
    return VanillaSC({**settings, "inference": False}).fit()


def with_placebos(settings):
    return VanillaSC({**settings, "inference": "placebo"}).fit()


def sdid(settings):
    return SDID({**settings, "B": DRAWS}).fit()


def read(task: Task, settings, result):
    gaps = np.asarray(result.time_series.estimated_gap, dtype=float).ravel()
    p = None if result.inference is None else result.inference.p_value
    return answer(task, dict(zip(task.before + task.after, gaps, strict=True)), p_value=None if p is None else float(p))


def read_sdid(task: Task, settings, result):
    return {
        "estimate": float(result.effects.att),
        "standard_error": float(result.inference.standard_error),
        "draws": DRAWS,
    }


if __name__ == "__main__":
    measure(
        "mlsynth",
        {
            "outcomes, placebos": (outcomes_only, with_placebos, read),
            "nested": (with_predictors, single, read),
            "nested, placebos": (with_predictors, with_placebos, read),
            "sdid": (outcomes_only, sdid, read_sdid),
        },
    )
