"""The record of the peers: who is timed on what, and the rows as they are kept."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .tasks import TASKS

RECORD = Path(__file__).resolve().parent.parent / "records" / "peers.csv"
COMMAND = "make peers"
MEASURED = "measured"
OURS = "gvi_eval"
ORDER = {task.name: place for place, task in enumerate(TASKS)}
COLUMNS = (
    "task, package, call, version, python, outcome, seconds, processor_seconds, repeats, megabytes, seconds_over_ours, "
    "processor_seconds_over_ours, ssr, estimate, p_value, standard_error, draws, load, cores, date"
).split(", ")
SHORT = {
    "seconds": 4,
    "processor_seconds": 4,
    "megabytes": 4,
    "load": 3,
    "seconds_over_ours": 3,
    "processor_seconds_over_ours": 3,
}

Row = Mapping[str, str | float | None]


@dataclass(frozen=True)
class Peer:
    """A package: its driver, the end of its environment's name, and the kinds of task that it offers."""

    driver: str
    environment: str
    kinds: tuple[str, ...]


OUTCOMES, NESTED, NESTED_PLACEBOS, SDID = "outcomes, placebos", "nested", "nested, placebos", "sdid"
EVERY = (OUTCOMES, NESTED, NESTED_PLACEBOS, SDID)
PEERS = {
    OURS: Peer("gvi_eval_driver.py", "", EVERY),
    "pysyncon": Peer("pysyncon_driver.py", "-pysyncon", (OUTCOMES, NESTED, NESTED_PLACEBOS)),
    "mlsynth": Peer("mlsynth_driver.py", "-mlsynth", EVERY),
    "diff-diff": Peer("diff_diff_driver.py", "-diff-diff", EVERY),
    "CausalPy": Peer("causalpy_driver.py", "", (OUTCOMES,)),
}


def read(file: Path = RECORD) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write(rows: Iterable[Row], file: Path = RECORD) -> None:
    """Rows by task, in the order of the packages, as UTF-8 CSV; the file is replaced in one move."""
    places = {name: place for place, name in enumerate(PEERS)}
    ordered = sorted(rows, key=lambda row: (ORDER[str(row["task"])], places[str(row["package"])], str(row["call"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _short(name, row.get(name)) for name in COLUMNS} for row in ordered)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text.getvalue(), encoding="utf-8", newline="")
    fresh.replace(file)


def _short(name: str, value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, float):
        return str(value)
    digits = SHORT.get(name, 10)
    return f"{value:.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"
