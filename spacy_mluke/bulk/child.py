"""A process that annotates shards for another one, which outlives it."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import traceback
from typing import Any, Dict, List, Optional, Tuple

from ..errors import Errors
from .job import Job, Shard, ShardResult

At = Tuple[int, str, str]  # a record's place, id and text
# Starting a process asks all others whether they live, and only one thread may ask a process.
_LOCK = threading.Lock()


class Died(Exception):
    """The process died.

    reason (str): How.
    at (Optional[At]): The record that it had last, if it told.
    """

    def __init__(self, reason: str, at: Optional[At]):
        super().__init__(reason)
        self.reason = reason
        self.at = at


class Child:
    """A process that loads a pipeline and annotates one shard after the other. After it died, another one starts.

    job (Job): The run.
    """

    def __init__(self, job: Job):
        self.job = job
        self._process: Any = None
        self._connection: Any = None
        self._is_ready = False
        self._is_closed = False

    def start(self) -> None:
        """Start the process, if none is there, and do not wait until it has loaded the pipeline."""
        if self._process is not None:
            return
        context = _context(self.job)
        with _LOCK:
            if self._is_closed:
                raise RuntimeError("the process was ended")
            self._connection, other = context.Pipe()
            self._process = context.Process(target=_serve, args=(self.job, other), daemon=True)
            self._process.start()
            other.close()
        self._is_ready = False

    def wait_until_ready(self) -> None:
        """Wait until the pipeline is loaded.

        RAISES (ValueError): ML350 if it cannot be.
        """
        self.start()
        if self._is_ready:
            return
        try:
            self._receive()
        except Died as died:
            raise ValueError(Errors.ML350.format(pipeline=self.job.pipeline, reason=died.reason)) from died
        self._is_ready = True

    def annotate(self, shard: Shard, one_by_one: bool = False) -> ShardResult:
        """Annotate a shard.

        shard (Shard): The shard.
        one_by_one (bool): Whether its records are annotated one at a time, so that it is known which one was the last.
        RETURNS (ShardResult): What became of it.
        RAISES (Died): If the process died. (ValueError): As of `Worker.annotate`.
        """
        return self._do("annotate", shard, one_by_one)

    def merge(self, shard: Shard, pieces: List[Shard], deadly: List[Dict[str, Any]]) -> ShardResult:
        """Put the pieces of a shard together.

        shard (Shard): The shard.
        pieces (List[Shard]): Its pieces that are done.
        deadly (List[Dict[str, Any]]): Lines of the records that are in none.
        RETURNS (ShardResult): What became of the shard.
        RAISES (Died): If the process died. (ValueError): As of `Worker.annotate`.
        """
        return self._do("merge", shard, pieces, deadly)

    def close(self) -> None:
        """End the process now. What it was writing is left under another name, and goes when the run goes on."""
        with _LOCK:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()

    def _do(self, *task: Any) -> ShardResult:
        self.wait_until_ready()
        # If it has died since, what is received says so.
        with contextlib.suppress(OSError):
            self._connection.send(task)
        return self._receive()

    def _receive(self) -> Any:
        at: Optional[At] = None
        while True:
            try:
                kind, value = self._connection.recv()
            except (EOFError, OSError):
                raise Died(self._buried(), at) from None
            if kind == "at":
                at = value
            elif kind == "error":
                raise ValueError(value)
            elif kind == "failed":
                raise RuntimeError(value)
            else:
                return value

    def _buried(self) -> str:
        """Clear away a process that died, and say how."""
        with _LOCK:
            process, self._process = self._process, None
            self._connection.close()
            process.join()
            code = process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"


def _context(job: Job) -> Any:
    # A fork of a process that has spaCy imported costs nothing, and one that was made to be forked has no threads but
    # that of pyarrow's allocator, which may be forked. What has asked for a GPU, as importing spaCy does, must not be.
    if not sys.platform.startswith("linux") or job.gpu_id >= 0:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spacy_mluke.bulk.warm"])
    return context


def _serve(job: Job, connection: Any) -> None:
    # Ctrl-C reaches all processes of a terminal; the one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    from .worker import Worker

    def tell(place: int, own_id: str, text: str) -> None:
        connection.send(("at", (place, own_id, text)))

    try:
        try:
            worker = Worker(job)
        except Exception as error:
            connection.send(_failure(error))
            return
        connection.send(("ready", None))
        while True:
            name, *arguments = connection.recv()
            try:
                if name == "annotate":
                    shard, one_by_one = arguments
                    answer = ("done", worker.annotate(shard, tell if one_by_one else None))
                else:
                    answer = ("done", worker.merge(*arguments))
            except Exception as error:
                answer = _failure(error)
            connection.send(answer)
    except (EOFError, BrokenPipeError):
        # Nobody waits for it any more.
        return


def _failure(error: Exception) -> Tuple[str, Any]:
    """What is sent of an error: the message of a coded one, else all that helps to find it."""
    if isinstance(error, ValueError) and str(error).startswith("[ML"):
        return "error", str(error)
    return "failed", "".join(traceback.format_exception(error))


def _end_with_parent() -> None:
    """A process whose parent was killed would go on with its shard."""
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
