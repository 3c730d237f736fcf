"""The tasks on which packages are timed: Proposition 99, and made-up panels of 300 and 1,000 donors."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..simplex import SMOKING, factor_panel

PERIODS, AFTER = 120, 24  # of the made-up panels, all in all and after the start
PREDICTORS = (
    ("lnincome", 1980, 1988),
    ("age15to24", 1980, 1988),
    ("retprice", 1980, 1988),
    ("beer", 1984, 1988),
    ("outcome", 1975, 1975),
    ("outcome", 1980, 1980),
    ("outcome", 1988, 1988),
)


@dataclass(frozen=True)
class Timed:
    """A task, what it is called on the page, and its targets: seconds and megabytes, where there are any."""

    name: str
    kind: str
    words: str
    seconds: float | None = None
    megabytes: float | None = None
    ahead: bool = False

    @property
    def needs_smoking(self) -> bool:
        return self.name.startswith("prop99")


TASKS = (
    Timed("prop99", "outcomes, placebos", "Proposition 99, outcomes only, California and all 38 placebos", 0.02, ahead=True),
    Timed("prop99-nested", "nested", "Proposition 99, seven predictors, nested V, California alone"),
    Timed("prop99-nested-placebos", "nested, placebos", "Proposition 99, nested V, California and all 38 placebos", 5.0),
    Timed("prop99-sdid", "sdid", "Proposition 99, synthetic difference-in-differences with its placebo standard error", 0.05),
    Timed("donors-300", "outcomes, placebos", f"300 donors, {PERIODS} periods, all placebos", 0.3),
    Timed("donors-1000", "outcomes, placebos", f"1,000 donors, {PERIODS} periods, all placebos", 1.5, 500.0),
)


def write_task(task: Timed, folder: Path) -> None:
    """The panel as TASK.csv and what is asked of it as TASK.json."""
    if task.needs_smoking:
        long = pd.read_csv(SMOKING).rename(columns={"state": "unit", "year": "time", "cigsale": "outcome"})
        long, treated, start = long.sort_values(["unit", "time"]), "California", 1989
    else:
        donors = int(task.name.removeprefix("donors-"))
        units = pd.Index([f"u{number:04d}" for number in range(donors + 1)], name="unit")
        times = pd.RangeIndex(1901, 1901 + PERIODS, name="time")
        wide = pd.DataFrame(factor_panel(PERIODS, donors + 1), times, units)
        long, treated, start = wide.T.stack().rename("outcome").reset_index(), units[0], int(times[PERIODS - AFTER])
    predictors = [{"name": name, "first": first, "last": last} for name, first, last in PREDICTORS]
    told = {"kind": task.kind, "treated": treated, "start": start, "predictors": predictors}
    long.to_csv(folder / f"{task.name}.csv", index=False)
    (folder / f"{task.name}.json").write_text(json.dumps(told), encoding="utf-8")
