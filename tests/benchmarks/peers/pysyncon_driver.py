"""pysyncon on the tasks of `measuring`: `Synth` with `PlaceboTest`.

Without predictors of its own, each outcome before the start is a predictor, with a fixed V that undoes the package's
standardisation, so that the plain sum of squares is what is minimised. `PlaceboTest` uses all processors, as by default.
"""

import numpy as np
from measuring import Task, answer, measure
from pysyncon import Dataprep, Synth
from pysyncon.utils import PlaceboTest


def outcomes_only(task: Task):
    special = [("outcome", [period], "mean") for period in task.before]
    every = task.wide.loc[task.before].to_numpy()
    return task, special, {"custom_V": every.var(axis=1, ddof=1)}


def with_predictors(task: Task):
    special = [(each["name"], list(range(each["first"], each["last"] + 1)), "mean") for each in task.predictors]
    return task, special, {}


def dataprep(frame) -> Dataprep:
    task, special, _ = frame
    return Dataprep(
        foo=task.long,
        predictors=[],
        predictors_op="mean",
        dependent="outcome",
        unit_variable="unit",
        time_variable="time",
        treatment_identifier=task.treated,
        controls_identifier=task.donors,
        time_predictors_prior=task.before,
        time_optimize_ssr=task.before,
        special_predictors=special,
    )


def single(frame):
    data, synth = dataprep(frame), Synth()
    synth.fit(dataprep=data, **frame[2])
    Z0, Z1 = data.make_outcome_mats(time_period=frame[0].long["time"])
    return synth._gaps(Z0=Z0, Z1=Z1), None


def with_placebos(frame):
    test = PlaceboTest()
    test.fit(dataprep(frame), Synth(), scm_options=frame[2], verbose=False)
    return test.treated_gap, test.pvalue(treatment_time=frame[0].start)


def read(task: Task, frame, result):
    gaps, p = result
    return answer(task, gaps.to_dict(), p_value=None if p is None else float(np.asarray(p)))


if __name__ == "__main__":
    measure(
        "pysyncon",
        {
            "outcomes, placebos": (outcomes_only, with_placebos, read),
            "nested": (with_predictors, single, read),
            "nested, placebos": (with_predictors, with_placebos, read),
        },
    )
