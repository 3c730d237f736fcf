"""One core or several, interrupted or not: the same results, and no work done twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import executor_tasks
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvi_eval.errors import DataError, EstimationError, GviEvalError, StudyError
from gvi_eval.executor import (
    ARRAY,
    ONE_THREAD,
    Processes,
    Serial,
    executor_named,
    from_text,
    map_tasks,
    result_hash,
    task_seed,
    to_text,
)

SUPPORT = Path(executor_tasks.__file__).parent
TASKS = {f"series {number}": float(number) for number in range(50)}


@pytest.fixture(scope="module")
def processes():
    with Processes(2) as executor:
        yield executor


def seeds(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()]


def test_the_seed_of_a_task_by_hand():
    # sha256 of "7\nMalmö", its first 16 bytes.
    assert task_seed(7, "Malmö") == 0xD38F281D82BF2836AE284DB3F3F297DD
    assert len({task_seed(seed, name) for seed in range(20) for name in "abcde"}) == 100


def test_results_come_in_the_order_of_the_tasks():
    tasks = {"b": 1.0, "a": 2.0, "c": 3.0}
    assert list(map_tasks(executor_tasks.inverse, tasks, batch=1)) == ["b", "a", "c"]
    assert map_tasks(executor_tasks.inverse, tasks) == {"b": 1.0, "a": 0.5, "c": pytest.approx(1 / 3)}


@settings(max_examples=15)
@given(
    tasks=st.dictionaries(st.text(max_size=8), st.floats(-5, 5), max_size=12),
    seed=st.integers(0, 2**40),
    batch=st.integers(1, 30),
    others=st.integers(1, 30),
)
def test_serial_and_processes_give_the_same(processes, tasks, seed, batch, others):
    one = map_tasks(executor_tasks.draw, tasks, seed=seed, batch=batch)
    other = map_tasks(executor_tasks.draw, tasks, executor=processes, seed=seed, batch=others)
    assert list(one) == list(other) == list(tasks)
    assert result_hash(one) == result_hash(other)


def test_the_order_of_tasks_and_the_others_do_not_move_a_result():
    alone = map_tasks(executor_tasks.draw, {"series 7": 7.0}, seed=3)
    among = map_tasks(executor_tasks.draw, dict(reversed(TASKS.items())), seed=3)
    assert result_hash(alone) == result_hash({"series 7": among["series 7"]})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text().filter(lambda key: key != ARRAY), inner, max_size=4)
        ),
    )
)
def test_results_come_back_as_they_were(result):
    assert from_text(to_text(result)) == result


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u2", "?", ">f8"])
def test_arrays_come_back_with_shape_type_and_every_bit(dtype):
    array = np.array([[0.1, 1.0], [3.0, 0.0]]).astype(dtype)
    back = from_text(to_text({"a": array}))["a"]
    assert back.shape == array.shape and back.dtype == array.dtype.newbyteorder("<")
    assert (back == array).all()


def test_a_hash_tells_results_apart_and_overlooks_the_eleventh_digit():
    assert result_hash({"a": 1.0}) != result_hash({"a": 1.1})
    assert result_hash({"a": 1.0}) != result_hash({"b": 1.0})
    assert result_hash({"a": np.ones(2)}) != result_hash({"a": np.ones((2, 1))})
    assert result_hash({"a": 0.1 + 0.2, "b": np.array([0.1 + 0.2])}) == result_hash({"a": 0.3, "b": np.array([0.3])})


@pytest.mark.parametrize("where", ["serial", "processes"])
def test_an_error_names_its_task_and_keeps_its_kind(where, processes):
    executor = Serial() if where == "serial" else processes
    tasks = {"fine": 2.0, "empty": 0.0}
    with pytest.raises(EstimationError, match="^task 'empty': nothing to divide by; give it more$"):
        map_tasks(executor_tasks.shares, tasks, executor=executor)
    with pytest.raises(GviEvalError, match="(?s)^task 'empty' failed, .*executor_tasks.inverse:.*ZeroDivisionError") as caught:
        map_tasks(executor_tasks.inverse, tasks, executor=executor)
    assert type(caught.value) is GviEvalError  # no estimator refused anything


def test_what_was_finished_before_an_error_is_kept(tmp_path):
    with pytest.raises(EstimationError):
        map_tasks(executor_tasks.shares, {"a": 1.0, "b": 2.0, "c": 0.0, "d": 4.0}, folder=tmp_path, code="1")
    told = []
    map_tasks(
        executor_tasks.shares,
        {"a": 1.0, "b": 2.0},
        folder=tmp_path,
        code="1",
        done=lambda finished, of: told.append((finished, of)),
    )
    assert told == [(2, 2)]


def test_a_result_that_cannot_be_kept_is_refused_with_its_task():
    with pytest.raises(DataError, match=r"^task 'a': a result is \{1, 2\} of type set"):
        map_tasks(executor_tasks.unkeepable, {"a": None})


def test_a_mapping_that_looks_like_an_array_is_refused():
    with pytest.raises(DataError, match="cannot be kept"):
        to_text({ARRAY: 1})


def test_a_folder_serves_one_state_of_the_package_unless_told_otherwise(tmp_path, monkeypatch):
    told = []
    for code in ("one", "other", "one"):
        monkeypatch.setattr("gvi_eval.executor.code_hash", lambda code=code: code)
        map_tasks(executor_tasks.inverse, {"a": 2.0}, folder=tmp_path, done=lambda *counts: told.append(counts))
    assert told == [(0, 1), (1, 1), (0, 1), (1, 1), (1, 1)]


def test_a_function_that_workers_cannot_import_is_refused():
    with pytest.raises(DataError, match="cannot be imported by another process"):
        map_tasks(lambda inputs, seed: inputs, {"a": 1})


def test_inputs_without_a_text_cannot_be_kept(tmp_path):
    with pytest.raises(DataError, match="no canonical text"):
        map_tasks(executor_tasks.inverse, {"a": object()}, folder=tmp_path, code="1")


def test_progress_is_told_after_every_batch():
    told = []
    map_tasks(executor_tasks.inverse, dict.fromkeys("abcde", 2.0), batch=2, done=lambda *counts: told.append(counts))
    assert told == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_finished_work_is_taken_up_and_only_the_rest_is_done(tmp_path):
    log = tmp_path / "calls"
    tasks = {f"task {number}": str(log) for number in range(9)}
    few = dict(list(tasks.items())[:5])
    map_tasks(executor_tasks.noted, few, folder=tmp_path, code="1", batch=2)
    assert len(seeds(log)) == 5
    resumed = map_tasks(executor_tasks.noted, tasks, folder=tmp_path, code="1", batch=3)
    assert len(seeds(log)) == 9
    assert result_hash(resumed) == result_hash({id_: task_seed(0, id_) % 1000 for id_ in tasks})


@pytest.mark.parametrize("change", [{"code": "2"}, {"seed": 1}, {"inputs": "other"}, {"id": "another"}])
def test_results_of_other_code_seed_or_inputs_are_not_taken(tmp_path, change):
    log = tmp_path / "calls"
    map_tasks(executor_tasks.noted, {"a": str(log)}, folder=tmp_path, code="1")
    inputs = str(tmp_path / change["inputs"]) if "inputs" in change else str(log)
    told = []
    map_tasks(
        executor_tasks.noted,
        {change.get("id", "a"): inputs},
        folder=tmp_path,
        code=change.get("code", "1"),
        seed=change.get("seed", 0),
        done=lambda *counts: told.append(counts),
    )
    assert told[0] == (0, 1)


def test_a_half_written_file_is_ignored(tmp_path):
    log = tmp_path / "calls"
    tasks = {f"task {number}": str(log) for number in range(6)}
    first = map_tasks(executor_tasks.noted, tasks, folder=tmp_path, code="1", batch=2)
    whole = sorted(tmp_path.glob("*.json"))
    assert len(whole) == 3
    whole[0].write_bytes(whole[0].read_bytes()[:-9])
    whole[1].write_text("[1, 2]")
    (tmp_path / "x.1.fresh").write_bytes(whole[2].read_bytes()[:40])
    assert result_hash(map_tasks(executor_tasks.noted, tasks, folder=tmp_path, code="1", batch=2)) == result_hash(first)
    assert len(seeds(log)) == 6 + 4


def test_every_worker_has_one_thread_for_linear_algebra_and_this_process_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    asked = {name: name for name in ONE_THREAD}
    assert map_tasks(executor_tasks.threads, asked, executor=Processes(1)) == dict.fromkeys(ONE_THREAD, "1")
    assert os.environ["OMP_NUM_THREADS"] == "3" and "MKL_NUM_THREADS" not in os.environ


def test_a_worker_that_is_killed_once_loses_nothing(tmp_path):
    tasks = {f"task {number}": None for number in range(40)} | {"unlucky": str(tmp_path / "seen")}
    tasks |= {f"late {number}": None for number in range(20)}
    found = map_tasks(executor_tasks.crashes, tasks, executor=Processes(2), batch=5)
    assert found == {id_: task_seed(0, id_) % 1000 for id_ in tasks}


def test_a_task_that_always_kills_its_worker_is_named_and_the_others_are_finished(tmp_path):
    tasks = {f"task {number}": None for number in range(30)} | {"poison": "always"}
    tasks |= {f"late {number}": None for number in range(10)}
    with pytest.raises(GviEvalError, match="task 'poison' ended the worker process twice"):
        map_tasks(executor_tasks.crashes, tasks, executor=Processes(2), batch=5, folder=tmp_path, code="1")
    del tasks["poison"]
    told = []
    map_tasks(executor_tasks.crashes, tasks, folder=tmp_path, code="1", done=lambda *counts: told.append(counts))
    assert told[0] == (len(tasks), len(tasks))


def interrupted(tmp_path: Path, how: signal.Signals) -> tuple[dict[str, str], int, int]:
    """A run in another process that is ended in the middle: its tasks, the calls made and the exit code."""
    log, folder = tmp_path / "calls", tmp_path / "kept"
    tasks = {f"task {number}": str(log) for number in range(200)}
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import executor_tasks, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs tests in the background ignores it\n"
        "from pathlib import Path\n"
        "from gvi_eval.executor import Processes, map_tasks\n"
        "tasks = {f'task {number}': sys.argv[2] for number in range(200)}\n"
        "map_tasks(executor_tasks.noted, tasks, executor=Processes(2), batch=5, folder=Path(sys.argv[3]), code='1')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(SUPPORT), str(log), str(folder)], stderr=subprocess.PIPE
    ) as process:
        limit = time.monotonic() + 60
        while len(list(folder.glob("*.json"))) < 3 and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        process.send_signal(how)
        process.communicate(timeout=60)
    settled = -1
    while settled != (settled := len(seeds(log))):  # until no orphan works on
        time.sleep(0.2)
    return tasks, settled, process.returncode


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_goes_on_where_it_was(tmp_path, how):
    tasks, calls, code = interrupted(tmp_path, how)
    assert code != 0 and 15 <= calls < 200
    told = []
    resumed = map_tasks(
        executor_tasks.noted,
        tasks,
        executor=Processes(2),
        folder=tmp_path / "kept",
        code="1",
        done=lambda *counts: told.append(counts),
    )
    assert result_hash(resumed) == result_hash({id_: task_seed(0, id_) % 1000 for id_ in tasks})
    assert told[0][0] >= 15
    if how == signal.SIGINT:  # Ctrl-C: what was under way was finished and kept
        assert told[0][0] == calls
    assert len(seeds(tmp_path / "calls")) == calls + 200 - told[0][0]


def test_executors_by_name():
    assert isinstance(executor_named("serial"), Serial)
    assert executor_named("processes", 3).jobs == 3
    with pytest.raises(StudyError, match="no executor 'cluster'; choose serial, processes, or the address of a scheduler"):
        executor_named("cluster")
