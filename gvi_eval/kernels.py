"""The compiled kernels, made ready once: `python -m gvi_eval.kernels` compiles what every later run reads from numba's cache.

Compiling takes longer than all estimates of a study; done while the environment is made, no run waits for it.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gvi_eval.estimators import Estimator, make_estimator
from gvi_eval.executor import Processes, map_tasks
from gvi_eval.inference.evaluation import evaluate
from gvi_eval.panel import Panel
from gvi_eval.windows import CountWindow

ONSET = "2012-01"
KINDS = ("months", "spans", "donors")


def main() -> None:
    """Compile in two processes; each kind of figures has kernels of its own."""
    map_tasks(_compile, {kind: kind for kind in KINDS}, executor=Processes(2), batch=1)


def _compile(kind: str, seed: int) -> int:
    """One estimate of every method that has a kernel for this kind of figures; how many were made."""
    made = [method.estimate(panel) for method, panel in estimates_of(kind)]
    if kind == "donors":
        evaluate(make_estimator("synthetic", {}), months(units=6))
    return len(made)


def estimates_of(kind: str) -> Iterator[tuple[Estimator, Panel]]:
    """Methods and made-up figures that between them call every kernel for this kind of figures."""
    if kind == "months":
        for settings in ({}, {"trend": False}):
            yield make_estimator("latent_counts", settings), months(units=1)
        yield make_estimator("controlled", {}), months(units=2)
    if kind == "spans":
        yield make_estimator("latent_counts", {}), spans()
        yield make_estimator("controlled", {}), spans(control=True)
    if kind == "donors":
        yield make_estimator("sdid", {}), months(units=6)


def months(units: int) -> Panel:
    """Four years of months in so many places; the first is treated after two."""
    periods = pd.period_range("2010-01", "2013-12", freq="M")
    names = [f"Place {place}" for place in range(units)]
    counts = np.random.default_rng(1).poisson(6, (len(periods), units)).astype(float)
    values = pd.DataFrame(counts, index=periods, columns=names)
    return Panel(values, values * 0 + 1, {names[0]: pd.Period(ONSET, "M")})


def spans(control: bool = False) -> Panel:
    """The same months, the treated place published by quarters only, and a control by months if asked for."""
    plain = months(units=2 if control else 1)
    name = plain.treated[0]
    published = plain.values[name].groupby(plain.periods.asfreq("Q")).sum()
    windows = tuple(
        CountWindow(name, ((quarter.start_time.date(), quarter.end_time.date()),), int(count), ("made up",))
        for quarter, count in published.items()
    )
    return plain.with_(values=plain.values.assign(**{name: np.nan}), windows=windows)


if __name__ == "__main__":
    main()
