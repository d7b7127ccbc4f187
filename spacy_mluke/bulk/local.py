"""One machine: a run in this process, or in several that load the pipeline each."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Dict, Iterator, List, Optional

from .job import Job, Shard, ShardResult
from .worker import Worker

# Shards that wait in line for each process: it never stands idle, and a corpus of millions is not all in line.
_AHEAD = 2
_worker: Optional[Worker] = None


def run_here(job: Job, shards: List[Shard]) -> Iterator[ShardResult]:
    """Annotate shards in this process.

    job (Job): The run.
    shards (List[Shard]): The shards.
    YIELDS (ShardResult): Results, in order.
    """
    worker = Worker(job)
    for shard in shards:
        yield worker.annotate(shard)


def run_processes(job: Job, shards: List[Shard], n: int, crashed: List[Shard]) -> Iterator[ShardResult]:
    """Annotate shards in several processes.

    When a process dies, the shards that were under way are tried again one at a time: the one that kills its process
    then is left, and the others go on.

    job (Job): The run.
    shards (List[Shard]): The shards.
    n (int): Processes.
    crashed (List[Shard]): Gets the shards that were left.
    YIELDS (ShardResult): Results, as they come.
    """
    waiting = deque(shards)
    while waiting:
        under_way: List[Shard] = []
        yield from _run_pool(job, waiting, n, _AHEAD * n, under_way)
        suspects = deque(sorted(under_way, key=lambda one: one.number))
        while suspects:
            # With one under way, that is the one.
            yield from _run_pool(job, suspects, 1, 1, crashed)


def _run_pool(
    job: Job, waiting: deque[Shard], n: int, n_under_way: int, unfinished: List[Shard]
) -> Iterator[ShardResult]:
    """Take shards from a line until it is empty or a process dies; then those that were under way are listed."""
    context = multiprocessing.get_context("spawn")
    running: Dict[Future, Shard] = {}
    with ProcessPoolExecutor(n, context, initializer=_end_with_parent) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < n_under_way:
                    shard = waiting.popleft()
                    running[pool.submit(_annotate, job, shard)] = shard
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    del running[future]
                    yield result
        except BrokenProcessPool:
            unfinished += running.values()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for work forever."""
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _annotate(job: Job, shard: Shard) -> ShardResult:
    global _worker
    # Not when the process starts: an error there would look as if it had died.
    if _worker is None:
        _worker = Worker(job)
    return _worker.annotate(shard)
