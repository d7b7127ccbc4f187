"""One machine: a process, or several, that load the pipeline each."""

from __future__ import annotations

import queue
import threading
from typing import Any, Iterator, List

from ..errors import Errors
from . import rescue
from .child import Child
from .job import Job, Shard, ShardResult
from .rescue import Left

# Shards that may be left, if none was done, before the run stops.
_MOST_LEFT = 3


def run_here(job: Job, shards: List[Shard]) -> Iterator[ShardResult]:
    """Annotate shards in this process. One that ends it ends the run.

    job (Job): The run.
    shards (List[Shard]): The shards.
    YIELDS (ShardResult): Results, in order.
    RAISES (ValueError): As of `Worker`.
    """
    from .worker import Worker

    worker = Worker(job)
    for shard in shards:
        yield worker.annotate(shard)


class Processes:
    """Processes that annotate shards. The first starts at once, so that it loads the pipeline while the input is cut.

    job (Job): The run.
    n (int): How many at most.
    """

    def __init__(self, job: Job, n: int):
        self.job = job
        self._children = [Child(job) for _ in range(n)]
        self._children[0].start()

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """End all of them now."""
        for child in self._children:
            child.close()

    def wait_until_ready(self) -> None:
        """Wait until the first has loaded the pipeline.

        RAISES (ValueError): ML350 if it cannot be.
        """
        self._children[0].wait_until_ready()

    def annotate(self, shards: List[Shard], left: List[Left]) -> Iterator[ShardResult]:
        """Annotate shards.

        shards (List[Shard]): The shards.
        left (List[Left]): Gets those that were left, since they end the process that reads them.
        YIELDS (ShardResult): Results, as they come.
        RAISES (ValueError): ML355 if the first shards were all left; as of `Worker.annotate`.
        """
        waiting = iter(shards)
        lock = threading.Lock()
        outcomes: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def work(child: Child) -> None:
            try:
                while True:
                    with lock:
                        shard = next(waiting, None)
                    if shard is None:
                        return
                    outcomes.put(rescue.annotate(child, shard))
            except BaseException as error:
                outcomes.put(error)

        for child in self._children[: len(shards)]:
            threading.Thread(target=work, args=(child,), daemon=True).start()
        n_done = 0
        for _ in shards:
            outcome = outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            if isinstance(outcome, ShardResult):
                n_done += 1
                yield outcome
                continue
            left.append(outcome)
            if not n_done and len(left) >= _MOST_LEFT:
                raise ValueError(Errors.ML355.format(n=len(left), reason=outcome.reason))
