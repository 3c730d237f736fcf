"""CausalPy on the tasks of `measuring`: `SyntheticControl` with `WeightedProportion`, its own optimiser.

The package has no placebos in space, so each donor is put in the treated unit's place by a loop here, the treated unit
left out, and the RMSPE ratios are ranked. It has no predictors beside outcomes, and its synthetic difference-in-differences
samples a posterior and has no placebo standard error.
"""

import causalpy
import numpy as np
import pandas as pd
from measuring import Task, answer, measure


def wide(task: Task):
    return task, task.wide


def gaps_of(table: pd.DataFrame, unit: str, donors: list[str], start: int) -> np.ndarray:
    """Observed minus synthetic, (period,)."""
    result = causalpy.SyntheticControl(
        table, start, control_units=donors, treated_units=[unit], model=causalpy.skl_models.WeightedProportion()
    )
    return np.concatenate([np.asarray(part, dtype=float).ravel() for part in (result.pre_impact, result.post_impact)])


def with_placebos(frame):
    task, table = frame
    own = gaps_of(table.copy(), task.treated, task.donors, task.start)
    ratios = [
        ratio(gaps_of(table.copy(), unit, [d for d in task.donors if d != unit], task.start), task) for unit in task.donors
    ]
    return own, float(np.mean(np.append(ratios, ratio(own, task)) >= ratio(own, task)))


def ratio(gaps: np.ndarray, task: Task) -> float:
    squares, before = gaps**2, len(task.before)
    return float(np.sqrt(squares[before:].mean() / squares[:before].mean()))


def read(task: Task, frame, result):
    gaps, p = result
    return answer(task, dict(zip(task.before + task.after, gaps, strict=True)), p_value=p)


if __name__ == "__main__":
    measure("causalpy", {"outcomes, placebos": (wide, with_placebos, read)})
