"""Batches on a dask.distributed scheduler by its address: other cores, other machines, the same results."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, ClassVar

from gvi_eval.errors import GviEvalError, StudyError
from gvi_eval.executor import Batch, Reply, work
from gvi_eval.hashing import code_hash

AHEAD = 2  # batches under way per thread of the cluster
PATIENCE = 10  # seconds to wait for the scheduler, and for its first worker


class Scheduler:
    """Batches on the workers of a dask.distributed scheduler, such as tcp://127.0.0.1:8786.

    The workers have this package, in the same version, and see the same files. A worker that dies loses the batches under
    way with it, and the scheduler gives them to the others; the seed of a task is its own, so the results are the same. A
    batch that has taken several workers with it is named in a `GviEvalError`.

    Raises `StudyError` where ``distributed`` is not installed (the extra ``cluster``), where nobody answers at the address or
    no worker has joined, and where a worker runs another program than this one.
    """

    name: ClassVar[str] = "scheduler"

    def __init__(self, address: str, patience: float = PATIENCE) -> None:
        self.address = address
        self.patience = patience

    def run(self, batches: Iterable[Batch], finished: Callable[[Reply], None]) -> None:
        client = self._client()
        try:
            self._through(client, iter(batches), finished)
        finally:
            client.close(timeout=self.patience)

    def _through(self, client: Any, batches: Iterable[Batch], finished: Callable[[Reply], None]) -> None:
        """A few batches ahead of the workers, replies handed over as they come; after an error what is under way ends first."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        most = AHEAD * max(sum(client.nthreads().values()), 1)
        under_way = {self._submit(client, batch): batch for batch in islice(batches, most)}
        replies = as_completed(list(under_way), loop=client.loop)
        crashed: list[str] = []
        fault: BaseException | None = None
        for future in replies:
            batch = under_way.pop(future)
            try:
                reply = future.result()
            except KilledWorker:
                crashed += [task.id for task in batch.tasks]
                continue
            finally:
                future.release()
            try:
                finished(Reply(reply.texts) if fault else reply)
            except BaseException as caught:
                fault = fault or caught
            if fault is None and (following := next(batches, None)):
                fresh = self._submit(client, following)
                under_way[fresh] = following
                replies.add(fresh)
        if fault:
            raise fault
        if crashed:
            raise GviEvalError(
                f"task {', '.join(map(repr, crashed))} took several workers with it: it crashes, or was killed for want of "
                "memory; whatever else was finished is kept where a folder is given"
            )

    @staticmethod
    def _submit(client: Any, batch: Batch) -> Any:
        return client.submit(work, batch, pure=False)

    def _client(self) -> Any:
        try:
            from distributed import Client
        except ImportError:
            raise StudyError(
                "a scheduler needs the package distributed, which is not installed; install gvi-eval[cluster], or use processes"
            ) from None
        try:
            client = Client(self.address, timeout=self.patience, set_as_default=False)
        except (OSError, ValueError) as fault:
            raise StudyError(
                f"no scheduler answers at {self.address} ({_first_line(fault)}); start one with 'dask scheduler' and give the "
                "address that it prints"
            ) from None
        try:
            client.wait_for_workers(1, timeout=self.patience)
        except (TimeoutError, OSError):
            client.close(timeout=self.patience)
            raise StudyError(
                f"no worker has joined the scheduler at {self.address} within {self.patience:g} s; start one with 'dask worker "
                f"{self.address}'"
            ) from None
        others = [worker for worker, code in client.run(code_hash).items() if code != code_hash()]
        if others:
            client.close(timeout=self.patience)
            raise StudyError(f"the worker {others[0]} runs another version of gvi_eval; start it from the same checkout")
        return client


def _first_line(fault: BaseException) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0]
