"""Simulate the cells of the calibration record that are missing or out of date: `python -m tests.calibration.run`."""

import argparse
import time
from datetime import date

from .fingerprint import estimator_hash
from .records import SINGLE_SERIES, is_current, key_of, read, summarised, write
from .report import write_report
from .simulate import CELLS, Cell

SETS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS, help="data sets a cell; one that has as many is left as it is")
    parser.add_argument("--only", default="", help="cells whose estimator, setting or model holds this text")
    options = parser.parse_args()
    known = {cell.key for cell in CELLS}
    rows = {key_of(row): row for row in read(SINGLE_SERIES) if key_of(row) in known}
    for cell in CELLS:
        row = rows.get(cell.key)
        if options.only not in f"{cell.estimator} {cell.setting.name} {cell.model}":
            continue
        if row and is_current(row, cell) and int(row["data_sets"]) >= options.sets:
            continue
        rows[cell.key] = run(cell, options.sets)
        write(SINGLE_SERIES, rows.values())
    write_report()


def run(cell: Cell, sets: int) -> dict[str, str]:
    """The row of a cell; the code is named as it was when the first data set was estimated."""
    began, code = time.perf_counter(), estimator_hash(cell.estimator)
    row = summarised(cell, [cell.outcome(number) for number in range(sets)], date.today(), code)
    excludes = row["false_alarms"] or row["power"]
    print(
        f"{cell.estimator} {row['settings']} {cell.setting.name} effect {cell.effect:g}: excludes 1 {excludes}, coverage "
        f"{row['coverage']}, mean ratio {row['mean_ratio']}, refused {row['refused']}, {time.perf_counter() - began:.0f} s",
        flush=True,
    )
    return row


if __name__ == "__main__":
    main()
