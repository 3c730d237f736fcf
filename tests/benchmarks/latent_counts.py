"""How long one fit of the default estimator takes, warm, cold and in a second process: `make benchmarks`.

Each time stands beside that of a Poisson regression by statsmodels on the same series in the same run, because machines
are noisy and ratios are less so. Written to records/latent_counts.csv with the date.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from gvi_eval.estimators import make_estimator
from gvi_eval.panel import Panel
from gvi_eval.plan import find_study, prepare

RECORD = Path(__file__).parent / "records" / "latent_counts.csv"
REPEATS = 15
ONE_FIT = "from tests.benchmarks.latent_counts import series; from gvi_eval.estimators import make_estimator; import time; t = time.perf_counter(); make_estimator('latent_counts', {}).estimate(series(96, 36)); print(time.perf_counter() - t)"


def series(periods: int, after: int, mean: float = 5.0) -> Panel:
    """A monthly series of counts with a season and noise, from a fixed seed."""
    random = np.random.default_rng(1)
    season = 1 + 0.2 * np.sin(2 * np.pi * np.arange(periods) / 12)
    counts = random.poisson(mean * season * random.gamma(10, 0.1, periods)).astype(float)
    index = pd.period_range("2010-01", periods=periods, freq="M")
    values = pd.DataFrame({"Town": counts}, index=index)
    return Panel(values, values * 0 + 1.0, {"Town": index[periods - after]})


def median_time(estimator: str, settings: dict, panel: Panel) -> float:
    """Median seconds of a warm fit."""
    method = make_estimator(estimator, settings)
    method.estimate(panel)
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        method.estimate(panel)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def in_a_new_process(cache: str) -> float:
    """Seconds of the first fit of a process, its imports left out, with the compiled kernels in this folder."""
    shown = subprocess.run(
        [sys.executable, "-c", ONE_FIT], env=os.environ | {"NUMBA_CACHE_DIR": cache}, capture_output=True, text=True, check=True
    )
    return float(shown.stdout)


def main() -> None:
    glm = {"family": "poisson", "covariance": "model"}
    panels = {
        "96 months, trend and two harmonics": series(96, 36),
        "40 quarters, Copenhagen": prepare(find_study("copenhagen")).analyses[0].panel,
        "77 months, Boston": prepare(find_study("boston")).analyses[0].panel,
        "17 spans over 84 months, Malmö": prepare(find_study("malmo")).analyses[0].panel,
    }
    rows = []
    for name, panel in panels.items():
        ours = median_time("latent_counts", {}, panel)
        plain = None if panel.windows else median_time("segmented", glm, panel)
        rows.append((name, "warm", ours, ours / plain if plain else None))
    with tempfile.TemporaryDirectory() as cache:
        rows.append(("96 months, trend and two harmonics", "cold, compiling", in_a_new_process(cache), None))
        rows.append(("96 months, trend and two harmonics", "first of a second process", in_a_new_process(cache), None))
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["series", "when", "seconds", "times a Poisson regression", "date"])
        for name, when, seconds, ratio in rows:
            writer.writerow([name, when, f"{seconds:.3f}", f"{ratio:.1f}" if ratio else "", date.today()])
            print(f"{name}, {when}: {1000 * seconds:.0f} ms" + (f", {ratio:.1f} times a Poisson regression" if ratio else ""))


if __name__ == "__main__":
    main()
