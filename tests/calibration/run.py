"""Simulate the cells of the calibration record that are missing or out of date: `python -m tests.calibration.run`.

A run that is ended goes on where it was: rows are written cell by cell, and what was estimated within a cell is kept in
`build/calibration`. A row that other code made is not simulated anew where the code of today says the same, to ten digits,
about its first data sets: it is confirmed, with the day on which it was.
"""

import argparse
import time
from datetime import date
from hashlib import sha256

from gvi_eval.executor import Executor, Processes, Serial, map_tasks
from gvi_eval.hashing import canonical_json
from gvi_eval.resources import CHECKOUT

from .cells import CELLS, Cell, outcome
from .fingerprint import estimator_hash
from .records import (
    SAMPLE,
    SINGLE_SERIES,
    Outcome,
    figures_of,
    is_current,
    judged,
    key_of,
    read,
    sample_hash,
    summarised,
    write,
)
from .report import write_report

KEPT = CHECKOUT / "build" / "calibration"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=0, help="data sets a cell, where the cell does not ask for fewer")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="cells whose estimator, setting, model or subject holds one of these texts"
    )
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; 1 stays in this one")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no cell after so many minutes")
    parser.add_argument("--anew", action="store_true", help="simulate rows of other code anew instead of confirming them")
    options = parser.parse_args()
    began = time.monotonic()
    cells = {cell.key: cell for cell in CELLS}
    rows = {key_of(row): row for row in read(SINGLE_SERIES) if key_of(row) in cells and "sample" in row}
    wanted = [
        cell
        for cell in CELLS
        if any(text in f"{cell.estimator} {cell.setting.name} {cell.model} {cell.setting.subject}" for text in options.only)
        and not _is_done(rows.get(cell.key), cell, _sets(cell, options.sets))
    ]
    print(f"{len(wanted)} of {len(CELLS)} cells to do", flush=True)
    with Processes(options.jobs) if options.jobs > 1 else _InThisProcess() as executor:
        try:
            for place, cell in enumerate(wanted, start=1):
                if time.monotonic() - began > 60 * options.minutes:
                    print(f"time is up: {len(wanted) - place + 1} cells left for the next run", flush=True)
                    break
                row = rows.get(cell.key)
                sets = _sets(cell, options.sets)
                again = None if options.anew or not row or int(row["data_sets"]) < sets else confirmed(cell, row, executor)
                rows[cell.key] = again or simulated(cell, sets, executor)
                write(SINGLE_SERIES, judged(rows, cells.values()))
                print(f"{place} of {len(wanted)}: {_said(cell, rows[cell.key])}", flush=True)
        finally:
            if rows:
                write(SINGLE_SERIES, judged(rows, cells.values()))
                write_report()


def _sets(cell: Cell, asked: int) -> int:
    return min(asked, cell.sets) if asked else cell.sets


def _is_done(row: dict[str, str] | None, cell: Cell, sets: int) -> bool:
    return row is not None and int(row["data_sets"]) >= sets and is_current(row, cell)


def simulated(cell: Cell, sets: int, executor: Executor) -> dict[str, str]:
    """The row of a cell; the code is named as it was when the first data set was estimated."""
    code = estimator_hash(cell.estimator)
    return summarised(cell, outcomes(cell, sets, executor, code), date.today(), code)


def confirmed(cell: Cell, row: dict[str, str], executor: Executor) -> dict[str, str] | None:
    """The row of other code under today's, if that says the same about the first data sets; None if not."""
    code = estimator_hash(cell.estimator)
    if row["figures"] != figures_of(cell) or row["sample"] != sample_hash(outcomes(cell, SAMPLE, executor, code)):
        return None
    return {**row, "code": code, "confirmed": date.today().isoformat()}


def outcomes(cell: Cell, sets: int, executor: Executor, code: str) -> list[Outcome]:
    """What the estimator says about each data set, taken from what is kept where it was said before."""
    tasks = {str(number): (cell, number) for number in range(sets)}
    folder = KEPT / sha256(canonical_json(list(cell.key)).encode()).hexdigest()[:16]
    told = map_tasks(outcome, tasks, executor=executor, batch=cell.batch, folder=folder, code=f"{code} {figures_of(cell)}")
    return list(told.values())


def _said(cell: Cell, row: dict[str, str]) -> str:
    return (
        f"{cell.estimator} {row['settings']} {cell.setting.name} effect {cell.effect:g}: excludes 1 "
        f"{row['false_alarms'] or row['power']}, coverage {row['coverage']}, mean ratio {row['mean_ratio']}, refused "
        f"{row['refused']} of {row['data_sets']}{', confirmed' if row['confirmed'] else ''}"
    )


class _InThisProcess(Serial):
    def __enter__(self) -> "_InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    main()
