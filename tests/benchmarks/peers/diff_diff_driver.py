"""diff-diff on the tasks of `measuring`: `SyntheticControl` with `in_space_placebo`, and `SyntheticDiD`.

Without predictors each outcome before the start is one, and V is uniform on the outcomes as they are, so that the plain sum
of squares is minimised; with predictors V is nested, with the package's default starts. In its placebos the treated unit is
a donor. The standard error of `SyntheticDiD` is of 200 placebo draws, its default.
"""

import numpy as np
from diff_diff import SyntheticControl, SyntheticDiD
from measuring import Task, answer, measure

DRAWS = 200


def outcomes_only(task: Task):
    late = (task.long["unit"] == task.treated) & (task.long["time"] >= task.start)
    return task, task.long[["unit", "time", "outcome"]].assign(treat=late.astype(int)), None


def ever_treated(task: Task):
    return task, task.long[["unit", "time", "outcome"]].assign(treat=(task.long["unit"] == task.treated).astype(int)), None


def with_predictors(task: Task):
    late = (task.long["unit"] == task.treated) & (task.long["time"] >= task.start)
    special = [(each["name"], list(range(each["first"], each["last"] + 1)), "mean") for each in task.predictors]
    return task, task.long.assign(treat=late.astype(int)), special


def single(frame):
    task, table, special = frame
    columns = {"outcome": "outcome", "treatment": "treat", "unit": "unit", "time": "time"}
    if special is None:
        uniform = np.ones(len(task.before))
        return SyntheticControl(v_method="custom", custom_v=uniform, standardize="none").fit(table, **columns)
    return SyntheticControl(seed=0).fit(table, **columns, special_predictors=special)


def with_placebos(frame):
    result = single(frame)
    result.in_space_placebo()
    return result


def sdid(frame):
    task, table, _ = frame
    estimator = SyntheticDiD(variance_method="placebo", n_bootstrap=DRAWS, seed=0)
    return estimator.fit(table, "outcome", "treat", "unit", "time", post_periods=task.after)


def read(task: Task, frame, result):
    p = float(result.placebo_p_value)
    return answer(task, result.gap_path, p_value=None if np.isnan(p) else p)


def read_sdid(task: Task, frame, result):
    return {"estimate": float(result.att), "standard_error": float(result.se), "draws": DRAWS}


if __name__ == "__main__":
    measure(
        "diff-diff",
        {
            "outcomes, placebos": (outcomes_only, with_placebos, read),
            "nested": (with_predictors, single, read),
            "nested, placebos": (with_predictors, with_placebos, read),
            "sdid": (ever_treated, sdid, read_sdid),
        },
    )
