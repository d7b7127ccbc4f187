"""Dynamic batching: items of different requests that wait at the same time are processed together, in one thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Callable, Deque, Generic, Hashable, List, Optional, Sequence, TypeVar

Key = TypeVar("Key", bound=Hashable)
Run = Callable[[Any, List[Any]], List[Any]]  # key and payloads to results


class QueueFull(Exception):
    """Raised when too many items are waiting.

    n (int): Number of waiting items.
    """

    def __init__(self, n: int):
        super().__init__(f"{n} items are waiting")
        self.n = n


@dataclass
class _Item(Generic[Key]):
    key: Key  # only items with equal keys are processed together
    payload: Any
    arrived: float = field(default_factory=time.monotonic)
    future: Future = field(default_factory=Future)


class Batcher(Generic[Key]):
    """Processes items in batches, in one thread, which also creates what processes them.

    An item waits for others for at most `max_wait` seconds after its arrival; while a batch is processed, the next one
    fills up. The oldest item decides which key is next, so no key waits for ever. Items whose future was cancelled
    before their batch began are dropped.

    make_run (Callable[[], Run]): Called in the thread before the first batch. Returns a function that gets a key and
        payloads, and returns a result for each payload.
    batch_size (int): Maximum number of items in a batch.
    max_wait (float): In seconds.
    max_waiting (int): Maximum number of waiting items.
    on_batch (Optional[Callable[[int, float], None]]): Called after a batch with its size and its seconds.
    """

    def __init__(
        self,
        make_run: Callable[[], Run],
        *,
        batch_size: int,
        max_wait: float,
        max_waiting: int,
        on_batch: Optional[Callable[[int, float], None]] = None,
    ):
        self.batch_size = batch_size
        self.max_wait = max_wait
        self.max_waiting = max_waiting
        self._make_run = make_run
        self._on_batch = on_batch
        self._waiting: Deque[_Item[Key]] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._ready: Future = Future()
        self._thread = threading.Thread(target=self._work, name="spacy-mluke-batches", daemon=True)

    def start(self) -> Future:
        """Start the thread.

        RETURNS (Future): Done when `make_run` has returned; it has the error if that failed.
        """
        self._thread.start()
        return self._ready

    def close(self) -> None:
        """Process all waiting items, then end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def n_waiting(self) -> int:
        """Number of items that wait. Those of the batch in progress do not count."""
        return len(self._waiting)

    def submit(self, key: Key, payloads: Sequence[Any]) -> List[Future]:
        """Add the items of a request: all of them, or none.

        key (Key): The items' key.
        payloads (Sequence[Any]): Their payloads.
        RETURNS (List[Future]): The result of each item, or the error that it raised.
        RAISES (QueueFull): If this would exceed `max_waiting`, or the batcher is closed.
        """
        items = [_Item(key, payload) for payload in payloads]
        with self._changed:
            if self._is_closed or len(self._waiting) + len(items) > self.max_waiting:
                raise QueueFull(len(self._waiting))
            self._waiting.extend(items)
            self._changed.notify_all()
        return [item.future for item in items]

    # --- the thread ---

    def _work(self) -> None:
        try:
            run = self._make_run()
        except BaseException as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(None)
        while batch := self._next_batch():
            started = time.monotonic()
            self._process(run, batch)
            if self._on_batch is not None:
                self._on_batch(len(batch), time.monotonic() - started)

    def _next_batch(self) -> List[_Item[Key]]:
        """Wait for a batch. It is empty if the batcher was closed and nothing waits."""
        with self._changed:
            while True:
                self._drop_cancelled()
                if not self._waiting:
                    if self._is_closed:
                        return []
                    self._changed.wait()
                    continue
                first = self._waiting[0]
                same = [item for item in self._waiting if item.key == first.key][: self.batch_size]
                rest = first.arrived + self.max_wait - time.monotonic()
                if len(same) < self.batch_size and rest > 0 and not self._is_closed:
                    self._changed.wait(rest)
                    continue
                taken = set(map(id, same))
                self._waiting = deque(item for item in self._waiting if id(item) not in taken)
                # From here on, a future cannot be cancelled. One that was cancelled meanwhile is dropped.
                started = [item for item in same if item.future.set_running_or_notify_cancel()]
                if started:
                    return started

    def _drop_cancelled(self) -> None:
        if any(item.future.cancelled() for item in self._waiting):
            self._waiting = deque(item for item in self._waiting if not item.future.cancelled())

    def _process(self, run: Run, batch: List[_Item[Key]]) -> None:
        """Process a batch; if that fails, each item alone, so that only those that fail get the error."""
        try:
            results = run(batch[0].key, [item.payload for item in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for item in batch:
                self._process(run, [item])
            return
        for item, result in zip(batch, results, strict=True):
            item.future.set_result(result)
