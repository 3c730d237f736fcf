"""Many small fits at once: the same results on one core or on several, and nothing done twice after an interruption."""

import base64
import json
import math
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from gvi_eval.errors import DataError, GviEvalError, StudyError
from gvi_eval.hashing import canonical_json, code_hash
from gvi_eval.threads import ONE_THREAD
from gvi_eval.writing import significant

BATCH = 20  # tasks that travel together: below that, sending a cheap fit costs as much as making it
ARRAY = "array of"  # the key under which an array is written

Function = Callable[[Any, int], Any]


@dataclass(frozen=True)
class Task:
    """One call: the id under which it is reported, what the function is given, and its seed."""

    id: str
    inputs: Any
    seed: int


@dataclass(frozen=True)
class Batch:
    """Tasks of one function that travel together."""

    function: Function
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Reply:
    """What a batch gave: the results as text, by task id, and why it stopped early if it did."""

    texts: Mapping[str, str]
    fault: GviEvalError | None = None


class Executor(Protocol):
    """Where batches are worked through. Another kind, such as a scheduler by its address, needs no more than `run`."""

    name: ClassVar[str]

    def run(self, batches: Iterable[Batch], finished: Callable[[Reply], None]) -> None:
        """Call `work` on every batch, anywhere and in any order, and ``finished`` here with each reply as it comes.

        An error out of ``finished`` ends the run; what is under way by then is let finish and handed over first.
        """
        ...


def map_tasks(
    function: Function,
    tasks: Mapping[str, Any],
    *,
    executor: "Executor | None" = None,
    seed: int = 0,
    batch: int = BATCH,
    folder: Path | None = None,
    code: str | None = None,
    done: Callable[[int, int], None] = lambda finished, of: None,
) -> dict[str, Any]:
    """``function(inputs, seed)`` for every task id and its inputs; the results in the order of the tasks.

    The function stands at the top of a module, so that another process can import it, and returns None, text, numbers,
    arrays, or lists and mappings of these; tuples come back as lists. The seed of a task is `task_seed` of ``seed`` and its
    id, so neither order nor executor matters. ``batch`` tasks travel together: at least 20 of cheap ones, one of dear ones.
    ``done`` is told after each batch how many of how many tasks are finished.

    With a ``folder`` the results of finished batches are kept there, and a later call takes from it what has the same
    function, id, inputs, seed and ``code`` (by default the hash of the whole package). Inputs must then have a canonical
    text, as settings have. A file that was not written to its end is ignored.

    Raises the error of a failing task with its id in front: the same kind where it is an error of this package, else
    `GviEvalError`. What is finished by then, or at Ctrl-C, is kept.
    """
    _require_importable(function)
    every = [Task(id_, inputs, task_seed(seed, id_)) for id_, inputs in tasks.items()]
    texts, keys, store = {}, {}, None if folder is None else Store(Path(folder))
    if store:
        made_by = code_hash() if code is None else code
        keys = {task.id: task_key(function, task, made_by) for task in every}
        kept = store.read()
        texts = {id_: kept[key] for id_, key in keys.items() if key in kept}
    waiting = [task for task in every if task.id not in texts]

    def finished(reply: Reply) -> None:
        if store and reply.texts:
            store.keep({keys[id_]: text for id_, text in reply.texts.items()})
        texts.update(reply.texts)
        done(len(texts), len(every))
        if reply.fault:
            raise reply.fault

    done(len(texts), len(every))
    batches = (Batch(function, tuple(waiting[first : first + batch])) for first in range(0, len(waiting), batch))
    (executor or Serial()).run(batches, finished)
    return {task.id: from_text(texts[task.id]) for task in every}


def task_seed(seed: int, task_id: str) -> int:
    """128 bits for `numpy.random.default_rng`, from the seed of the study and the id of the task."""
    return int.from_bytes(sha256(f"{seed}\n{task_id}".encode()).digest()[:16])


def task_key(function: Function, task: Task, code: str) -> str:
    """The sha256 of everything that a result depends on, under which it is kept."""
    return sha256(canonical_json([_name(function), code, task.id, task.inputs, str(task.seed)]).encode()).hexdigest()


def result_hash(results: Mapping[str, Any]) -> str:
    """One sha256 over task ids and results, floats with the ten significant digits that are published."""
    listing = "".join(f"{to_text(id_)} {to_text(result, rounded=True)}\n" for id_, result in results.items())
    return sha256(listing.encode()).hexdigest()


def executor_named(name: str, jobs: int | None = None) -> "Executor":
    """The executor of this name: serial, processes with so many workers (by default one a core), or a scheduler's address."""
    if name == Serial.name:
        return Serial()
    if name == Processes.name:
        return Processes(jobs)
    if "://" in name:
        from gvi_eval.cluster import Scheduler

        return Scheduler(name)
    raise StudyError(
        f"there is no executor '{name}'; choose {Serial.name}, {Processes.name}, or the address of a scheduler such as "
        "tcp://127.0.0.1:8786"
    )


def work(batch: Batch) -> Reply:
    """The results of a batch, up to the first task that fails."""
    texts = {}
    for task in batch.tasks:
        try:
            texts[task.id] = to_text(batch.function(task.inputs, task.seed))
        except GviEvalError as fault:
            return Reply(texts, type(fault)(f"task '{task.id}': {fault}"))
        except Exception:
            told = traceback.format_exc()  # an exception may not survive the way back, its text does
            return Reply(texts, GviEvalError(f"task '{task.id}' failed, which is a fault of {_name(batch.function)}:\n{told}"))
    return Reply(texts)


class Serial:
    """One batch after the other, in this process."""

    name: ClassVar[str] = "serial"

    def run(self, batches: Iterable[Batch], finished: Callable[[Reply], None]) -> None:
        for batch in batches:
            finished(work(batch))


class Processes:
    """Batches in worker processes with one BLAS thread each.

    Workers are started afresh, not forked, so that numba and threads are safe; used in a ``with`` statement they stay from
    one run to the next. They leave Ctrl-C to this process and end when it is gone.

    A worker that dies takes the batches under way with it. The others are finished first; then each lost task is tried
    again, alone, and those that take their worker with them a second time are named in a `GviEvalError`.
    """

    name: ClassVar[str] = "processes"

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None
        self._stays = False

    def __enter__(self) -> "Processes":
        self._stays = True
        return self

    def __exit__(self, *_: object) -> None:
        self._stays = False
        self._close()

    def run(self, batches: Iterable[Batch], finished: Callable[[Reply], None]) -> None:
        try:
            with _one_thread():
                lost = self._pass(iter(batches), self.jobs + 1, finished)
                alone = (Batch(batch.function, (task,)) for batch in lost for task in batch.tasks)
                crashed = [batch.tasks[0].id for single in alone for batch in self._pass(iter([single]), 1, finished)]
        finally:
            if not self._stays:
                self._close()
        if crashed:
            raise GviEvalError(
                f"task {', '.join(map(repr, crashed))} ended the worker process twice, the second time alone: it "
                "crashes, or was killed for want of memory; whatever else was finished is kept where a folder is given"
            )

    def _pass(self, batches: Iterator[Batch], most: int, finished: Callable[[Reply], None]) -> list[Batch]:
        """Work through the batches with at most so many under way; those that were lost with a worker."""
        lost: list[Batch] = []
        running: dict[Future[Reply], Batch] = {}
        refused: list[Batch] = []
        try:
            while True:
                while len(running) < most and (batch := refused.pop() if refused else next(batches, None)):
                    try:
                        running[self._open().submit(work, batch)] = batch
                    except BrokenProcessPool:  # a worker died between two batches
                        refused.append(batch)
                        break
                ended = wait(running, return_when=FIRST_COMPLETED).done
                if refused or any(map(_is_lost, ended)):  # the pool is of no use any more, and every batch in it ends now
                    ended = wait(running).done
                    self._close()
                elif not ended:
                    return lost
                for future in ended:
                    batch = running.pop(future)
                    if _is_lost(future):
                        lost.append(batch)
                    else:
                        finished(future.result())
        except BaseException:
            self._hand_over(running, finished)
            raise

    def _hand_over(self, running: dict[Future[Reply], Batch], finished: Callable[[Reply], None]) -> None:
        """What is under way is let finish, so that it is kept; the reason for stopping is another one already."""
        for future in running:
            future.cancel()
        for future in wait(running).done:
            if not future.cancelled() and not _is_lost(future):
                finished(Reply(future.result().texts))

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn"), initializer=_begin)
        return self._pool

    def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class Store:
    """Results of finished batches in a folder, as text by key: one JSON file a batch, written whole or not at all."""

    folder: Path

    def read(self) -> dict[str, str]:
        kept: dict[str, str] = {}
        for file in sorted(self.folder.glob("*.json")):
            kept |= _whole(file)
        return kept

    def keep(self, texts: Mapping[str, str]) -> None:
        name = sha256("\n".join(sorted(texts)).encode()).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / f"{name}.{os.getpid()}.fresh"
        fresh.write_text(json.dumps(texts, sort_keys=True), encoding="utf-8", newline="")
        fresh.replace(self.folder / f"{name}.json")


def to_text(result: Any, rounded: bool = False) -> str:
    """A result as JSON that keeps every bit of it; arrays as their bytes. ``rounded`` gives floats ten digits instead."""
    return json.dumps(_plain(result, rounded), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_text(text: str) -> Any:
    return json.loads(text, object_hook=_restored)


def _plain(value: Any, rounded: bool) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.bool | np.integer):
        return value.item()
    if isinstance(value, float | np.floating):
        return float(significant(float(value))) if rounded and math.isfinite(value) else float(value)
    if isinstance(value, list | tuple):
        return [_plain(item, rounded) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) and ARRAY not in value:
        return {key: _plain(item, rounded) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        if rounded:
            return {ARRAY: value.dtype.kind, "shape": list(value.shape), "values": _plain(value.ravel().tolist(), rounded)}
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        return {ARRAY: little.dtype.str, "shape": list(value.shape), "bytes": base64.b64encode(little.tobytes()).decode()}
    raise DataError(
        f"a result is {value!r} of type {type(value).__name__}, which cannot be kept; return None, text, numbers, arrays, or "
        "lists and mappings of these with text as keys"
    )


def _restored(value: dict[str, Any]) -> Any:
    if ARRAY not in value:
        return value
    return np.frombuffer(base64.b64decode(value["bytes"]), dtype=value[ARRAY]).reshape(value["shape"]).copy()


def _is_lost(future: Future[Reply]) -> bool:
    """Whether a worker died with it; any other error is a fault of this module and is raised."""
    return isinstance(future.exception(), BrokenProcessPool)


def _whole(file: Path) -> dict[str, str]:
    """What a file of the store holds; nothing where it is not whole."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) and all(isinstance(text, str) for text in kept.values()) else {}


def _name(function: Function) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _require_importable(function: Function) -> None:
    name = getattr(function, "__qualname__", "")
    if not name or "<" in name:
        raise DataError(
            f"{name or function!r} cannot be imported by another process; put the function at the top level of a module and "
            "what it needs into its inputs"
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Workers started inside have one thread for linear algebra: two on one core are slower than one."""
    former = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin() -> None:
    """In a worker: Ctrl-C is for the process that gave the work, and without that process there is none to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)
