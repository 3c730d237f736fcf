"""gvi_eval on the tasks of `measuring`, in the two ways that a user calls it.

The first: a `Panel` from a wide frame, the family of all placebos, their ranks and tests. "evaluate": the same panel
put through `evaluate`, which fits the admission rules and the hold-out as well and gives the effect.
"""

import pandas as pd
from measuring import Task, answer, measure

from gvi_eval.estimators.sdid import Sdid
from gvi_eval.estimators.synthetic import Synthetic
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.inference.placebo import PlaceboInference, placebo_in_space
from gvi_eval.panel import Panel
from gvi_eval.study import Estimand

DIFFERENCE = Estimand("difference")
RANKED = PlaceboInference("rmspe ratio")


def outcomes_only(task: Task):
    return task, task.wide, {}, Synthetic()


def sdid(task: Task):
    return task, task.wide, {}, Sdid()


def with_predictors(task: Task):
    names = {each["name"] for each in task.predictors} - {"outcome"}
    tables = {name: task.long.pivot(index="time", columns="unit", values=name) for name in names}
    words = tuple(f"{each['name']} {each['first']}..{each['last']}" for each in task.predictors)
    return task, task.wide, tables, Synthetic(predictors=words)


def panel_of(frame) -> Panel:
    task, wide, tables, _ = frame
    values, *covariates = (
        table.set_axis(pd.PeriodIndex(table.index.astype(str), freq="Y")) for table in (wide, *tables.values())
    )
    exposure = pd.DataFrame(1.0, values.index, values.columns)
    start = pd.Period(str(task.start), freq="Y")
    covariates = dict(zip(tables, covariates, strict=True))
    return Panel(values, exposure, {task.treated: start}, DIFFERENCE, kind="continuous", covariates=covariates)


def single(frame):
    return frame[3].family(panel_of(frame), placebos=False), None


def with_placebos(frame):
    panel = panel_of(frame)
    family = frame[3].family(panel)
    placebos = placebo_in_space(family, panel.estimand, RANKED)
    return family, (placebos, placebos.tests())


def evaluated(frame):
    evaluation = evaluate(frame[3], panel_of(frame), RANKED)
    placebos = evaluation.placebos(DIFFERENCE)
    return evaluation.family, (placebos, placebos.tests(), evaluation.effect(DIFFERENCE))


def read(task: Task, frame, result):
    family, ranked = result
    gaps = family.comparison.counts[:, 0] - family.expected[0]
    by_period = dict(zip(task.before + task.after, gaps, strict=True))
    return answer(task, by_period, p_value=None if ranked is None else ranked[1][0].p_value)


def read_sdid(task: Task, frame, result):
    placebos = result[1][0]
    return {"estimate": float(placebos.rate_gap[0]), "standard_error": placebos.standard_error[0]}


if __name__ == "__main__":
    measure(
        "gvi-eval",
        {
            "outcomes, placebos": (outcomes_only, with_placebos, read),
            "nested": (with_predictors, single, read),
            "nested, placebos": (with_predictors, with_placebos, read),
            "sdid": (sdid, with_placebos, read_sdid),
            "outcomes, placebos, evaluate": (outcomes_only, evaluated, read),
            "nested, placebos, evaluate": (with_predictors, evaluated, read),
            "sdid, evaluate": (sdid, evaluated, read_sdid),
        },
    )
