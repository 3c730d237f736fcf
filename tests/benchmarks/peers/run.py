"""This package and its peers on the same files in one run: `make peers`.

Each package does each task in a fresh process of its own environment, one after the other, this package first, so that the
ratios are of one machine under one load. A process that takes longer than the cap, or more memory than the limit, is
ended, and that it does is what is recorded. Written to records/peers.csv with the date, and as a page to reports/benchmarks.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from .page import write_page
from .records import MEASURED, OURS, PEERS, RECORD, Row, read, write
from .tasks import SMOKING, TASKS, Timed, write_task

HERE = Path(__file__).resolve().parent
GIGABYTES = 16  # of address space that a package may ask for
WAYS = {OURS: ("", "evaluate")}  # the calls that are timed of a package


def run(python: str, driver: str, folder: Path, task: Timed, way: str, cap: float) -> dict[str, str | float]:
    """What the driver says, or what became of it."""
    kind = f"{task.kind}, {way}" if way else task.kind
    command = [python, str(HERE / driver), str(folder), task.name, kind]
    limit = GIGABYTES * 2**30
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    late = False
    try:
        told, complaint = process.communicate(timeout=cap)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        late = True
        told, complaint = process.communicate()
    took = time.perf_counter() - began
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    if lines:
        return {"outcome": MEASURED, **lines[-1]}
    if late:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        return {"outcome": f"more than {cap:g} s", "processor_seconds": processor}
    if "MemoryError" in complaint:
        return {"outcome": f"more than {GIGABYTES} GB"}
    last = (complaint.strip().splitlines() or [f"ended with code {process.returncode}"])[-1]
    return {"outcome": f"failed after {took:.0f} s: {last[:120]}"}


def rows_of(task: Timed, pythons: dict[str, str], folder: Path, cap: float) -> Iterator[Row]:
    """One row a package and way of calling it, this package first; seconds and processor seconds also as ratios to it."""
    ours: dict[str, str | float] = {}
    for package, peer in PEERS.items():
        if task.kind not in peer.kinds:
            continue
        for way in WAYS.get(package, ("",)):
            if way and task.kind == "nested":
                continue
            found = run(pythons[package], peer.driver, folder, task, way, cap)
            ours = ours or found
            row = {"task": task.name, "package": package, "call": way} | found
            for name in ("seconds", "processor_seconds"):
                if name in found and name in ours and found["outcome"] == MEASURED:
                    row[f"{name}_over_ours"] = float(found[name]) / float(ours[name])
            row |= {"load": os.getloadavg()[0], "cores": os.cpu_count(), "date": date.today().isoformat()}
            print(f"{task.name}, {package} {way}: {row['outcome']}, {found.get('seconds', float('nan')):.4g} s", flush=True)
            yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--environments", type=Path, default=Path(".venv-peers"), help="their common beginning, as make names them"
    )
    parser.add_argument("--only", nargs="+", choices=[task.name for task in TASKS], help="some of the tasks")
    parser.add_argument("--cap", type=float, default=300.0, help="seconds after which a process is ended")
    options = parser.parse_args()
    pythons = {name: f"{options.environments.absolute()}{peer.environment}/bin/python" for name, peer in PEERS.items()} | {
        OURS: sys.executable
    }
    chosen = [task for task in TASKS if not options.only or task.name in options.only]
    with tempfile.TemporaryDirectory() as folder:
        compiled = False
        for task in chosen:
            if task.needs_smoking and not SMOKING.is_file():
                print(f"{task.name} skipped: {SMOKING.name} is not in the folder of reference data")
                continue
            write_task(task, Path(folder))
            if not compiled or task.kind == "nested":  # numba's cache is filled once for all, as it is for a user
                run(sys.executable, PEERS[OURS].driver, Path(folder), task, "", options.cap)
                compiled = True
            fresh = list(rows_of(task, pythons, Path(folder), options.cap))
            write([*(row for row in read() if row["task"] != task.name), *fresh])
    write_page()
    print(f"written: {RECORD.name} and the page")


if __name__ == "__main__":
    main()
