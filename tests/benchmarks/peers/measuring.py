"""One task, timed in a fresh process: what every driver beside this file shares. Runs without gvi_eval.

    python DRIVER.py FOLDER TASK

FOLDER holds TASK.json, {treated, start, periods, predictors}, and TASK.csv, (unit, time, outcome, treated, and predictors).
A driver names, for each kind of task it can do, what makes the frame that its package asks for, which is not timed, and
what a user calls with that frame, which is. A line of JSON is printed after the first call, and one after the repeats.
"""

import contextlib
import json
import os
import platform
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

SECONDS, FEWEST, MOST = 10.0, 3, 31  # repeats go on for so long, at least and at most so often
LONG = 20.0  # seconds of a first call that is not repeated


@dataclass(frozen=True)
class Task:
    """A panel in long form and what is asked of it; `start` is the first treated period, predictors as in task.json."""

    long: pd.DataFrame
    treated: str
    start: int
    predictors: list[dict[str, Any]]

    @property
    def wide(self) -> pd.DataFrame:
        """Outcomes (time, unit)."""
        return self.long.pivot(index="time", columns="unit", values="outcome")

    @property
    def donors(self) -> list[str]:
        return sorted(set(self.long["unit"]) - {self.treated})

    @property
    def before(self) -> list[int]:
        return sorted(period for period in self.long["time"].unique().tolist() if period < self.start)

    @property
    def after(self) -> list[int]:
        return sorted(period for period in self.long["time"].unique().tolist() if period >= self.start)


Prepare = Callable[[Task], Any]
Call = Callable[[Any], Any]
Read = Callable[[Task, Any, Any], dict[str, Any]]


def answer(task: Task, gaps: Mapping[int, float], **more: Any) -> dict[str, Any]:
    """What is kept of a result: gaps by period give the sum of squares before the start and the mean gap after it."""
    return {
        "ssr": sum(float(gaps[period]) ** 2 for period in task.before),
        "estimate": statistics.fmean(float(gaps[period]) for period in task.after),
        **{name: value for name, value in more.items() if value is not None},
    }


def _used() -> tuple[float, float]:
    """The clock, and the processor seconds of this process and of those it has started and ended."""
    own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return time.perf_counter(), own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime


def _timed(call: Call, frame: Any) -> tuple[Any, float, float]:
    clock, processor = _used()
    result = call(frame)
    ended = _used()
    return result, ended[0] - clock, ended[1] - processor


def measure(package: str, kinds: Mapping[str, tuple[Prepare, Call, Read]]) -> None:
    """The main program of a driver: warm medians, the peak of memory and the answer of one task."""
    folder, name = Path(sys.argv[1]), sys.argv[2]
    told = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    task = Task(pd.read_csv(folder / f"{name}.csv"), told["treated"], told["start"], told["predictors"])
    prepare, call, read = kinds[sys.argv[3] if len(sys.argv) > 3 else told["kind"]]
    stated = {"version": version(package), "python": platform.python_version()}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a peer, about its own dependencies
        frame = prepare(task)
        result, first, processor = _timed(call, frame)
        _tell([(first, processor)], 0, stated | read(task, frame, result))
        warm: list[tuple[float, float]] = []
        while first <= LONG and len(warm) < MOST and (len(warm) < FEWEST or sum(clock for clock, _ in warm) < SECONDS):
            result, *times = _timed(call, frame)
            warm.append((times[0], times[1]))
        if warm:
            _tell(warm, len(warm), stated | read(task, frame, result))


def _tell(times: list[tuple[float, float]], repeats: int, found: dict[str, Any]) -> None:
    """A line of JSON; with 0 repeats it is about the first call, which is all there is of a long one."""
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    clock, processor = map(statistics.median, zip(*times, strict=True))
    line = {"seconds": clock, "processor_seconds": processor, "repeats": repeats, "megabytes": max(peaks), **found}
    print(json.dumps(line), file=sys.__stdout__, flush=True)
