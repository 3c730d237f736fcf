"""The record of the peers as a page for readers, written from the CSV file and from nothing else."""

from collections.abc import Iterable
from pathlib import Path

from gvi_eval.resources import CHECKOUT

from .records import COMMAND, MEASURED, OURS, PEERS, SDID, read
from .tasks import AFTER, PERIODS, TASKS, Timed

PAGE = CHECKOUT / "reports" / "benchmarks" / "README.md"
MET, MISSED, UNKNOWN = "met", "**missed**", "not measured"
BEFORE = 19  # years of Proposition 99 before its start, over which a nested fit is judged
SHORT_BY = 1e-4  # an objective farther above the least one, as a share of it, stops short

OPENING = """# How long it takes, beside other packages

The same files were given to this package and to others, all packages of a task in one run, each in a fresh process of its own
environment, one after the other. **Seconds** are what the clock shows from the data frame in memory to results (weights, gaps and what
the placebos say), the median of warm repeats; 0 repeats means that only the first call was timed, because it was long. Each package gets
its frame as it asks for it, wide or long, and making that is not timed. **Processor** seconds leave out the time that others had the
processor. The columns **× ours** are seconds, and processor seconds, over those of this package's first row. **MB** is the most memory
that the process held, imports included. "More than" states that the process was ended then; nothing is extrapolated.

This package is timed in two ways: its first row is a `Panel` from the frame, the family of all placebos, their ranks and tests; the
row *evaluate* also fits what admission asks and a hold-out and gives the effect.

Written by `{command}` from `tests/benchmarks/records/peers.csv`; the test suite fails when this page says something else.
Measured {dates} on {cores} cores; the load of the machine was {load}, so the clock is {fair}.

## Targets

Judged by the clock, as it was. The last column holds the processor seconds against the same target.

{targets}

## Who stops short

Proposition 99, what each package's weights leave: without predictors the sum of squared gaps of California before the start, with
seven predictors and nested V their mean. Less is better, and the excess is over the least that any package attained here.

{accuracy}

"""

CLOSING = """## What differs

- Placebo p-values rank the ratio of root mean squared gaps after and before the start. diff-diff keeps the treated unit among the
  donors of its placebos, the others leave it out.
- The standard error of synthetic difference-in-differences is here the exact one, over all controls and with their number as the
  divisor. Where **draws** are given it is of so many random placebos, and another seed gives another number.
- pysyncon and diff-diff take outcomes as predictors, with a fixed V under which the plain sum of squares is minimised. pysyncon's
  `PlaceboTest`, timed with predictors, runs in as many processes as there are cores; its memory is that of the largest process.
- CausalPy has no placebos in space, and pysyncon makes its matrices anew for each where predictors are outcomes, which takes most of
  the time. A loop stands in for both: over `SyntheticControl` with `WeightedProportion`, and over `Synth` on ready matrices.
- CausalPy has no nested V, and its synthetic difference-in-differences samples a posterior. pysyncon has none.
- The made-up panels are five common random walks with own loadings, level and noise, {periods} periods of which {after} lie after the start.
"""


def main_row(rows: Iterable[dict[str, str]], task: Timed) -> dict[str, str] | None:
    return next((row for row in rows if row["task"] == task.name and row["package"] == OURS and not row["call"]), None)


def verdict(task: Timed, rows: list[dict[str, str]], seconds: str = "seconds") -> str:
    """Whether the target of a task is met, by the clock or by the processor."""
    own = main_row(rows, task)
    if own is None or own["outcome"] != MEASURED:
        return UNKNOWN
    met = float(own[seconds]) < task.seconds and (task.megabytes is None or float(own["megabytes"]) < task.megabytes)
    return MET if met and (not task.ahead or is_ahead(task, rows, seconds)) else MISSED


def is_ahead(task: Timed, rows: list[dict[str, str]], seconds: str) -> bool:
    own = main_row(rows, task)
    peers = [row for row in rows if row["task"] == task.name and row["package"] != OURS and row["outcome"] == MEASURED]
    return all(float(own[seconds]) < float(row[seconds]) for row in peers)


def fastest_peer(task: Timed, rows: list[dict[str, str]]) -> str:
    peers = [row for row in rows if row["task"] == task.name and row["package"] != OURS and row["outcome"] == MEASURED]
    if not peers:
        return "none finished"
    best = min(peers, key=lambda row: float(row["seconds"]))
    return f"{best['package']} {_seconds(best['seconds'])}, {best['seconds_over_ours']} times ours"


def targets(rows: list[dict[str, str]]) -> str:
    lines = []
    for task in TASKS:
        own = main_row(rows, task)
        if task.seconds is None:
            continue
        asked = f"< {_seconds(task.seconds)}" + (f" and < {task.megabytes:g} MB" if task.megabytes else "")
        asked += " and ahead of every peer" if task.ahead else ""
        shown = "–" if own is None else _seconds(own["seconds"]) + (f", {own['megabytes']} MB" if task.megabytes else "")
        quiet = f"{_seconds(own['processor_seconds'])}: {verdict(task, rows, 'processor_seconds')}" if own else UNKNOWN
        lines.append((task.words, asked, shown, verdict(task, rows), fastest_peer(task, rows), quiet))
    return _table(("task", "target", "this package", "by the clock", "fastest peer", "by the processor"), lines)


def accuracy(rows: list[dict[str, str]]) -> str:
    lines = []
    for name, divisor, what in (("prop99", 1, "sum of squares"), ("prop99-nested", BEFORE, "mean square, nested V")):
        shown = [row for row in rows if row["task"] == name and not row["call"]]
        attained = [float(row["ssr"]) for row in shown if row["ssr"]]
        for row in shown:
            if row["ssr"]:
                excess = float(row["ssr"]) / min(attained) - 1
                word = "stops short" if excess > SHORT_BY else "at the least"
                lines.append((what, row["package"], f"{float(row['ssr']) / divisor:.5f}", f"{100 * excess:.4f} %", word))
            else:
                lines.append((what, row["package"], row["outcome"], "–", "–"))
    return _table(("objective", "package", "attained", "above the least", ""), lines)


def timings(task: Timed, rows: list[dict[str, str]]) -> str:
    own = [row for row in rows if row["task"] == task.name]
    told = "standard error (draws)" if task.kind == SDID else "p"
    lines = []
    for row in own:
        name = f"{row['package']} {row['version']}".strip() + (f", *{row['call']}*" if row["call"] else "")
        if row["outcome"] != MEASURED:
            used = f"more than {_seconds(row['processor_seconds'])}" if row["processor_seconds"] else ""
            lines.append((name, row["outcome"], "", used, "", "", "", "", ""))
            continue
        extra = row["p_value"] and f"{float(row['p_value']):.4f}"
        if task.kind == SDID:
            extra = f"{float(row['standard_error']):.3f} ({row['draws'] or 'exact'})"
        lines.append(
            (
                name,
                _seconds(row["seconds"]),
                row["seconds_over_ours"],
                _seconds(row["processor_seconds"]),
                row["processor_seconds_over_ours"],
                row["megabytes"],
                row["repeats"],
                f"{float(row['estimate']):.4f}",
                extra,
            )
        )
    absent = [name for name, peer in PEERS.items() if task.kind not in peer.kinds]
    head = ("package", "seconds", "× ours", "processor", "× ours", "MB", "repeats", "mean gap after", told)
    loads = sorted(float(row["load"]) for row in own)
    note = f"Load {loads[0]:g} to {loads[-1]:g}." + (f" Not offered by {', '.join(absent)}." if absent else "")
    return f"## {task.words}\n\n{_table(head, lines)}\n\n{note}\n\n"


def _seconds(value: str | float) -> str:
    value = float(value)
    if value >= 100:
        return f"{value:.0f} s"
    return f"{1000 * value:.3g} ms" if value < 0.9995 else f"{value:.3g} s"


def _table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def page(rows: list[dict[str, str]]) -> str:
    loads = sorted(float(row["load"]) for row in rows)
    cores = sorted({int(row["cores"]) for row in rows})
    opening = OPENING.format(
        command=COMMAND,
        dates=" and ".join(sorted({row["date"] for row in rows})),
        cores=" or ".join(map(str, cores)),
        load=f"{loads[0]:g} to {loads[-1]:g}",
        fair="what a quiet machine shows" if loads[-1] <= cores[0] else "that of a busy machine, and ratios say more",
        targets=targets(rows),
        accuracy=accuracy(rows),
    )
    measured = {row["task"] for row in rows}
    return (
        opening
        + "".join(timings(task, rows) for task in TASKS if task.name in measured)
        + CLOSING.format(periods=PERIODS, after=AFTER)
    )


def write_page(file: Path = PAGE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(read()), encoding="utf-8", newline="")
