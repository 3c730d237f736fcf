"""How long the simplex kernel takes on the sizes it is built for: `python -m tests.benchmarks.simplex`.

Medians of warm runs, each beside its target and the load of the machine; Proposition 99 needs sc_smoking.csv in the
folder of reference data. Written to records/simplex.csv with the date.
"""

import csv
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.estimators._simplex import nested_v, placebo_problems, solve_family, solve_weighted
from gvi_eval.resources import CHECKOUT

RECORD = Path(__file__).parent / "records" / "simplex.csv"
SMOKING = Path(os.environ.get("GVI_EVAL_REFERENCE") or CHECKOUT.parent / "shared" / "reference") / "sc_smoking.csv"


def median_seconds(work, repeats: int) -> tuple[float, float]:
    """Median seconds on the clock and of the processor; one thread, so the latter is what a quiet machine would take."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    clock, processor = np.median(times, axis=0)
    return float(clock), float(processor)


def factor_panel(rows: int, units: int) -> np.ndarray:
    """Five common random walks with own loadings, level and noise, (time, unit), from a fixed seed."""
    random = np.random.default_rng(0)
    common = np.cumsum(random.normal(size=(rows, 5)), axis=0)
    return common @ random.normal(size=(5, units)) + random.normal(size=(rows, units)) + 3 * random.normal(size=units)


def placebos(A: np.ndarray, treated: int = 0):
    return solve_family(A, placebo_problems(A.shape[1], treated))


def peak_megabytes(units: int) -> float:
    """Most memory of a process that solves all placebos of a table, its imports included."""
    code = f"import resource; from tests.benchmarks.simplex import *; placebos(factor_panel(120, {units})); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) / 1024


def proposition_99():
    """Sales (year, state) up to 1988 and the seven predictors of Abadie, Diamond & Hainmueller 2010 (predictor, state)."""
    table = pd.read_csv(SMOKING).pivot(index="year", columns="state")
    sales = table["cigsale"].loc[:1988]
    averages = [table[name].loc[1980:1988].mean() for name in ("lnincome", "age15to24", "retprice")]
    return sales, pd.DataFrame(
        [*averages, table["beer"].loc[1984:1988].mean(), *(sales.loc[year] for year in (1975, 1980, 1988))]
    )


def nested(sales: pd.DataFrame, X: pd.DataFrame, state: str):
    donors = [other for other in sales if other not in (state, "California")]
    return nested_v(X[donors], X[state], sales[donors], sales[state])


def main() -> None:
    rows = []
    if SMOKING.is_file():
        sales, X = proposition_99()
        matrix, california = sales.to_numpy(), sales.columns.get_loc("California")
        donors = X.drop(columns="California").to_numpy()
        rows += [
            ("Proposition 99, outcomes, 39 problems", median_seconds(lambda: placebos(matrix, california), 51), 0.002),
            (
                "Proposition 99, one inner problem of nested V",
                median_seconds(lambda: solve_weighted(donors, X["California"].to_numpy(), np.ones(7)), 201),
                None,
            ),
            ("Proposition 99, nested V, California", median_seconds(lambda: nested(sales, X, "California"), 5), 0.4),
            (
                "Proposition 99, nested V, 39 problems",
                median_seconds(lambda: [nested(sales, X, state) for state in sales], 1),
                5.0,
            ),
        ]
        print(
            f"sum of squares {placebos(matrix, california).objectives[0]:.5f}, nested MSPE {nested(sales, X, 'California').mspe:.5f}"
        )
    for units, target in ((301, 0.3), (1001, 1.5)):
        A = factor_panel(120, units)
        rows.append((f"{units - 1} donors, 120 periods, {units} problems", median_seconds(lambda A=A: placebos(A), 3), target))
        print(f"{units - 1} donors: largest dual gap {placebos(A).gaps.max():.1e}")
    load = os.getloadavg()[0]
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["work", "seconds", "processor seconds", "target", "load", "date"])
        for name, (seconds, processor), target in rows:
            writer.writerow([name, f"{seconds:.6f}", f"{processor:.6f}", target, f"{load:.1f}", date.today()])
            print(
                f"{name}: {1000 * seconds:.2f} ms, processor {1000 * processor:.2f} ms"
                + (f", target {1000 * target:.0f} ms" if target else "")
            )
        megabytes = peak_megabytes(1001)
        writer.writerow(["1000 donors, megabytes at the peak", f"{megabytes:.0f}", None, 500, f"{load:.1f}", date.today()])
    print(
        f"1000 donors: {megabytes:.0f} MB at the peak, {peak_megabytes(20):.0f} MB for 20 units; load {load:.1f} on {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
