"""pysyncon on the tasks of `measuring`: `Synth`, with `PlaceboTest` where there are predictors.

Without predictors, outcomes before the start take their place as matrices, with a fixed V that undoes the package's
standardisation, so that the plain sum of squares is what is minimised; a loop here puts each donor in the treated unit's
place, the treated unit left out, and ranks the RMSPE ratios. That is far quicker than `PlaceboTest`, which makes its
matrices anew from one special predictor for each outcome. `PlaceboTest` uses all processors, as by default.
"""

import numpy as np
import pandas as pd
from measuring import Task, answer, measure
from pysyncon import Dataprep, Synth
from pysyncon.utils import PlaceboTest


def outcomes_only(task: Task):
    return task, task.wide


def with_predictors(task: Task):
    special = [(each["name"], list(range(each["first"], each["last"] + 1)), "mean") for each in task.predictors]
    return task, special


def gaps_of(task: Task, table: pd.DataFrame, unit: str, donors: list[str]) -> pd.Series:
    """Observed minus synthetic, by period."""
    early = table.loc[task.before]
    v = early[[*donors, unit]].var(axis=1).to_numpy()
    synth = Synth()
    synth.fit(X0=early[donors], X1=early[unit], Z0=early[donors], Z1=early[unit], custom_V=v)
    return table[unit] - table[donors] @ synth.W


def outcomes_with_placebos(frame):
    task, table = frame
    own = gaps_of(task, table, task.treated, task.donors)
    ratios = [ratio(gaps_of(task, table, unit, [d for d in task.donors if d != unit]), task) for unit in task.donors]
    return own, float(np.mean(np.append(ratios, ratio(own, task)) >= ratio(own, task)))


def ratio(gaps: pd.Series, task: Task) -> float:
    return float(np.sqrt((gaps[task.after] ** 2).mean() / (gaps[task.before] ** 2).mean()))


def dataprep(frame) -> Dataprep:
    task, special = frame
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
    synth.fit(dataprep=data)
    Z0, Z1 = data.make_outcome_mats(time_period=frame[0].long["time"])
    return synth._gaps(Z0=Z0, Z1=Z1), None


def with_placebos(frame):
    test = PlaceboTest()
    test.fit(dataprep(frame), Synth(), verbose=False)
    return test.treated_gap, float(np.asarray(test.pvalue(treatment_time=frame[0].start)))


def read(task: Task, frame, result):
    gaps, p = result
    return answer(task, gaps.to_dict(), p_value=p)


if __name__ == "__main__":
    measure(
        "pysyncon",
        {
            "outcomes, placebos": (outcomes_only, outcomes_with_placebos, read),
            "nested": (with_predictors, single, read),
            "nested, placebos": (with_predictors, with_placebos, read),
        },
    )
