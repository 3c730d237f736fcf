"""A scheduler by its address, with real workers: the same results as in one process, also when one of them is killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import executor_tasks
import pytest

from gvi_eval.cluster import Scheduler
from gvi_eval.errors import EstimationError, StudyError
from gvi_eval.executor import executor_named, map_tasks, result_hash
from gvi_eval.hashing import PACKAGE

SUPPORT = Path(executor_tasks.__file__).parent
TASKS = {f"series {number}": float(number) for number in range(60)}
WAIT = 20  # seconds, for a process to come up


def started(*arguments: str) -> subprocess.Popen:
    """A process of distributed that finds this package and the tasks of these tests, and says nothing."""
    path = os.pathsep.join([str(PACKAGE.parent), str(SUPPORT)])
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def worker(address: str) -> subprocess.Popen:
    return started("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler on loopback with two worker processes, and those processes; nothing of them is left."""
    file = tmp_path_factory.mktemp("cluster") / "scheduler.json"
    host = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    running = [started("distributed.cli.dask_scheduler", *host)]
    try:
        address = _address(file)
        running += [worker(address), worker(address)]
        _wait_for(address, 2)
        yield address, running
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.wait(WAIT)


def _address(file: Path) -> str:
    import json

    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        if file.exists() and file.read_text():
            return json.loads(file.read_text())["address"]
        time.sleep(0.05)
    raise AssertionError("the scheduler did not come up")


def _wait_for(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address, timeout=WAIT, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=WAIT)


def test_the_same_hash_as_serial(cluster):
    address, _ = cluster
    serial = map_tasks(executor_tasks.draw, TASKS, seed=5, batch=7)
    on_cluster = map_tasks(executor_tasks.draw, TASKS, executor=executor_named(address), seed=5, batch=4)
    assert list(on_cluster) == list(serial)
    assert result_hash(on_cluster) == result_hash(serial)


def test_the_error_of_a_task_comes_back_and_what_was_finished_is_kept(cluster, tmp_path):
    address, _ = cluster
    tasks = {f"{number}": float(number) for number in (3, 2, 1, 0)}
    with pytest.raises(EstimationError, match=r"task '0': nothing to divide by"):
        map_tasks(executor_tasks.shares, tasks, executor=Scheduler(address), batch=1, folder=tmp_path)
    kept = map_tasks(executor_tasks.shares, {"2": 2.0}, folder=tmp_path, done=lambda finished, of: finished)
    assert kept == {"2": 0.5}
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_a_worker_killed_in_mid_run_changes_nothing(cluster, tmp_path):
    address, running = cluster
    tasks = {f"call {number}": str(tmp_path / f"calls {number % 3}") for number in range(60)}
    serial = map_tasks(executor_tasks.noted, tasks, seed=9)
    seen, victim = [], running[-1]

    def done(finished: int, of: int) -> None:
        seen.append(finished)
        if finished >= 10 and victim.poll() is None:
            victim.kill()
            victim.wait(WAIT)

    with_a_loss = map_tasks(executor_tasks.noted, tasks, executor=Scheduler(address), seed=9, batch=1, done=done)
    assert victim.poll() is not None and max(seen) == 60
    assert result_hash(with_a_loss) == result_hash(serial)


def test_nobody_at_the_address():
    with pytest.raises(StudyError, match="no scheduler answers at tcp://127.0.0.1:9"):
        map_tasks(executor_tasks.draw, {"a": 1.0}, executor=Scheduler("tcp://127.0.0.1:9", patience=0.5))


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(StudyError, match=r"distributed, which is not installed; install gvi-eval\[cluster\]"):
        map_tasks(executor_tasks.draw, {"a": 1.0}, executor=Scheduler("tcp://127.0.0.1:8786"))


def test_a_scheduler_without_workers(cluster, tmp_path):
    file = tmp_path / "scheduler.json"
    host = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    lonely = started("distributed.cli.dask_scheduler", *host)
    try:
        with pytest.raises(StudyError, match="no worker has joined"):
            map_tasks(executor_tasks.draw, {"a": 1.0}, executor=Scheduler(_address(file), patience=1))
    finally:
        lonely.kill()
        lonely.wait(WAIT)
