"""Annotate on one machine: in this process, or in several worker processes that each load the pipeline."""

from __future__ import annotations

import queue
import threading
from typing import Any, Iterator, List

from ..errors import Errors
from . import crash_recovery
from .crash_recovery import CrashingShard
from .job import Job, Shard, ShardResult
from .worker_process import WorkerProcess

_MAX_CRASHING_SHARDS = 3  # at the start of a run, before it stops with an error


def run_here(job: Job, shards: List[Shard]) -> Iterator[ShardResult]:
    """Annotate shards in this process, without crash recovery.

    job (Job): The run.
    shards (List[Shard]): The shards.
    YIELDS (ShardResult): Results, in the order of the shards.
    RAISES (ValueError): As in `Worker`.
    """
    from .worker import Worker

    worker = Worker(job)
    for shard in shards:
        yield worker.annotate(shard)


class Processes:
    """Worker processes that annotate shards. The first is started immediately, to load the pipeline while the input is
    split into shards.

    job (Job): The run.
    n (int): Maximum number of processes.
    """

    def __init__(self, job: Job, n: int):
        self.job = job
        self._processes = [WorkerProcess(job) for _ in range(n)]
        self._processes[0].start()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Kill all processes."""
        for process in self._processes:
            process.close()

    def wait_until_ready(self) -> None:
        """Wait until the first process has loaded the pipeline.

        RAISES (ValueError): ML350 if it cannot be loaded.
        """
        self._processes[0].wait_until_ready()

    def annotate(self, shards: List[Shard], crashing: List[CrashingShard]) -> Iterator[ShardResult]:
        """Annotate shards.

        shards (List[Shard]): The shards.
        crashing (List[CrashingShard]): Receives the shards that are skipped because they crash the worker process.
        YIELDS (ShardResult): Results, in the order in which they are finished.
        RAISES (ValueError): ML355 if the first shards all crash their process; other codes as in `Worker.annotate`.
        """
        waiting = iter(shards)
        lock = threading.Lock()
        outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def work(process: WorkerProcess) -> None:
            try:
                while True:
                    with lock:
                        shard = next(waiting, None)
                    if shard is None:
                        return
                    outcomes.put(crash_recovery.annotate(process, shard))
            except BaseException as error:
                outcomes.put(error)

        for process in self._processes[: len(shards)]:
            threading.Thread(target=work, args=(process,), daemon=True).start()
        n_done = 0
        for _ in shards:
            outcome = outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            if isinstance(outcome, ShardResult):
                n_done += 1
                yield outcome
                continue
            crashing.append(outcome)
            if not n_done and len(crashing) >= _MAX_CRASHING_SHARDS:
                raise ValueError(Errors.ML355.format(n=len(crashing), reason=outcome.reason))
