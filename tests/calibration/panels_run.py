"""Simulate the panels of the calibration record that are missing or out of date: `python -m tests.calibration.panels_run`.

All methods go through the first data sets, then all through the next: a run that is ended leaves a record of fewer data sets, and goes
on where it was, because what was estimated is kept in `build/calibration-panels`. Rows that other code made are confirmed by their first
data sets where the code of today says the same about them, to ten digits; else they are simulated anew.
"""

import argparse
import time
from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from gvi_eval.executor import Executor, Serial, map_tasks
from gvi_eval.hashing import canonical_json
from gvi_eval.resources import CHECKOUT

from .panels import AT_ONCE, BY_WORLD, CELLS, Method, Told, World, data_sets, outcomes
from .panels_records import PANELS, Key, cells_of, code_of, figures_of, is_current, key_of, summarised
from .records import SAMPLE, Row, read, sample_hash, write
from .report import write_report

KEPT = CHECKOUT / "build" / "calibration-panels"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=0, help="data sets a cell, where the cell does not ask for fewer")
    parser.add_argument("--only", nargs="+", default=[""], help="methods whose label or world holds one of these texts")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further data sets after so many minutes")
    parser.add_argument("--anew", action="store_true", help="simulate rows of other code anew instead of confirming them")
    options = parser.parse_args()
    began = time.monotonic()
    rows = {key_of(row): row for row in read(PANELS)}
    rows = {cell.key: rows[cell.key] for cell in CELLS if cell.key in rows}
    chosen = [
        (world, method)
        for world, methods in BY_WORLD.items()
        for method in methods
        if any(text in f"{method.label} {method.estimator} {world.name}" for text in options.only)
    ]
    asked = {pair: min(options.sets or data_sets(*pair), data_sets(*pair)) for pair in chosen}
    if not options.anew:
        for pair in chosen:
            rows |= confirmed(rows, *pair, Serial())
    waiting = {pair: sets for pair, sets in asked.items() if options.anew or _done(rows, *pair) < sets}
    print(f"{len(waiting)} of {len(chosen)} methods and worlds to do", flush=True)
    try:
        for sets in range(AT_ONCE, max(waiting.values(), default=0) + AT_ONCE, AT_ONCE):
            for pair, wanted in waiting.items():
                if time.monotonic() - began > 60 * options.minutes:
                    print("time is up: the rest is left for the next run", flush=True)
                    return
                if sets - AT_ONCE < wanted and (options.anew or _done(rows, *pair) < min(sets, wanted)):
                    rows |= simulated(*pair, min(sets, wanted), Serial())
            print(f"{sets} data sets after {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
            write(PANELS, rows.values())
    finally:
        if rows:
            write(PANELS, rows.values())
            write_report()


def _done(rows: Mapping[Key, Row], world: World, method: Method) -> int:
    """Data sets that today's code has done of a method: as many as its longest row says, 0 where a row is missing or stale."""
    cells = cells_of(world, method)
    if not all(cell.key in rows and is_current(rows[cell.key], cell) for cell in cells):
        return 0
    return max(int(rows[cell.key]["data_sets"]) for cell in cells)


def simulated(world: World, method: Method, sets: int, executor: Executor) -> dict[Key, dict[str, str]]:
    """The rows of a method after so many data sets; the code is named as it was before the first was estimated."""
    code = code_of(method)
    found = told_of(world, method, sets, executor, code)
    return {cell.key: summarised(cell, found[cell.place][: cell.sets], date.today(), code) for cell in cells_of(world, method)}


def confirmed(rows: Mapping[Key, Row], world: World, method: Method, executor: Executor) -> dict[Key, dict[str, str]]:
    """The rows that other code made, under today's, if that says the same about the first data sets of all; else none."""
    cells, code = cells_of(world, method), code_of(method)
    if any(cell.key not in rows or rows[cell.key]["figures"] != figures_of(cell) for cell in cells):
        return {}
    if all(is_current(rows[cell.key], cell) for cell in cells) or any(
        int(rows[cell.key]["data_sets"]) < SAMPLE for cell in cells
    ):
        return {}
    found = told_of(world, method, SAMPLE, executor, code)
    if any(rows[cell.key]["sample"] != sample_hash(found[cell.place]) for cell in cells):
        return {}
    return {cell.key: {**rows[cell.key], "code": code, "confirmed": date.today().isoformat()} for cell in cells}


def told_of(world: World, method: Method, sets: int, executor: Executor, code: str) -> dict[str, list[Told]]:
    """What a method says of each treated unit, by place, in the order of the data sets, taken from what is kept."""
    tasks = {str(number): (world.name, method.label, number) for number in range(sets)}
    figures = sha256("".join(figures_of(cell) for cell in cells_of(world, method)).encode()).hexdigest()
    folder = KEPT / sha256(canonical_json([world.name, method.label]).encode()).hexdigest()[:16]
    kept = map_tasks(outcomes, tasks, executor=executor, batch=AT_ONCE, folder=folder, code=f"{code} {figures}")
    return {cell.place: [told[cell.place] for told in kept.values() if cell.place in told] for cell in cells_of(world, method)}


if __name__ == "__main__":
    main()
