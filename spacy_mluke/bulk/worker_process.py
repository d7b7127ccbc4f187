"""A worker process, which annotates shards for the main process. If it crashes, the main process continues."""

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

LastRecord = Tuple[int, str, str]  # a record's index, id and text
# multiprocessing polls all child processes when it starts one, and only one thread at a time may poll a process.
_LOCK = threading.Lock()


class WorkerDied(Exception):
    """Raised when the worker process has died.

    reason (str): How it died, for messages.
    last_record (Optional[LastRecord]): The record that it read last, if records were annotated one at a time.
    """

    def __init__(self, reason: str, last_record: Optional[LastRecord]):
        super().__init__(reason)
        self.reason = reason
        self.last_record = last_record


class WorkerProcess:
    """A process that loads a pipeline and annotates one shard after another. After it has died, a new one is started.

    job (Job): The run.
    """

    def __init__(self, job: Job):
        self.job = job
        self._process: Any = None
        self._connection: Any = None
        self._is_ready = False
        self._is_closed = False

    def start(self) -> None:
        """Start the process if there is none, without waiting until it has loaded the pipeline."""
        if self._process is not None:
            return
        context = _context(self.job)
        with _LOCK:
            if self._is_closed:
                raise RuntimeError("the worker process was closed")
            self._connection, child_connection = context.Pipe()
            self._process = context.Process(target=_serve, args=(self.job, child_connection), daemon=True)
            self._process.start()
            child_connection.close()
        self._is_ready = False

    def wait_until_ready(self) -> None:
        """Wait until the pipeline is loaded.

        RAISES (ValueError): ML350 if it cannot be loaded.
        """
        self.start()
        if self._is_ready:
            return
        try:
            self._receive()
        except WorkerDied as death:
            raise ValueError(Errors.ML350.format(pipeline=self.job.pipeline, reason=death.reason)) from death
        self._is_ready = True

    def annotate(self, shard: Shard, one_by_one: bool = False) -> ShardResult:
        """Annotate a shard.

        shard (Shard): The shard.
        one_by_one (bool): Whether to annotate one record at a time, so that the record that crashes it is known.
        RETURNS (ShardResult): The result.
        RAISES (WorkerDied): If the process died. (ValueError): As in `Worker.annotate`.
        """
        return self._request("annotate", shard, one_by_one)

    def merge(self, shard: Shard, pieces: List[Shard], crash_lines: List[Dict[str, Any]]) -> ShardResult:
        """Merge the pieces of a shard into its files.

        shard (Shard): The shard.
        pieces (List[Shard]): Its finished pieces.
        crash_lines (List[Dict[str, Any]]): Lines of `.bad.jsonl` about records that crash the process. No piece
            contains these records.
        RETURNS (ShardResult): The result of the shard.
        RAISES (WorkerDied): If the process died. (ValueError): As in `Worker.annotate`.
        """
        return self._request("merge", shard, pieces, crash_lines)

    def close(self) -> None:
        """Kill the process. Its temporary files are deleted when the run is resumed."""
        with _LOCK:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()

    def _request(self, *task: Any) -> ShardResult:
        self.wait_until_ready()
        # If the process has died, `_receive` raises the error.
        with contextlib.suppress(OSError):
            self._connection.send(task)
        return self._receive()

    def _receive(self) -> Any:
        last_record: Optional[LastRecord] = None
        while True:
            try:
                kind, value = self._connection.recv()
            except (EOFError, OSError):
                raise WorkerDied(self._reap(), last_record) from None
            if kind == "record":
                last_record = value
            elif kind == "coded_error":
                raise ValueError(value)
            elif kind == "crash":
                raise RuntimeError(value)
            else:
                return value

    def _reap(self) -> str:
        """Release the resources of a process that has died. Return the cause of death, for messages."""
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
    # On Linux, workers are forked from a server that has imported spaCy once, which is fast. Its only other thread is
    # that of pyarrow's allocator, which may be forked. With a GPU, importing spaCy initializes CUDA, and such a process
    # must not be forked: workers are spawned.
    if not sys.platform.startswith("linux") or job.gpu_id >= 0:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spacy_mluke.bulk.preload"])
    return context


def _serve(job: Job, connection: Any) -> None:
    # Ctrl-C reaches all processes of a terminal; the main process decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _exit_with_parent()
    from .worker import Worker

    def on_record(index: int, own_id: str, text: str) -> None:
        connection.send(("record", (index, own_id, text)))

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
                    answer = ("done", worker.annotate(shard, on_record if one_by_one else None))
                else:
                    answer = ("done", worker.merge(*arguments))
            except Exception as error:
                answer = _failure(error)
            connection.send(answer)
    except (EOFError, BrokenPipeError):
        # The main process has closed the connection.
        return


def _failure(error: Exception) -> Tuple[str, Any]:
    """Return the message about an error: the text of a coded error, else the traceback."""
    if isinstance(error, ValueError) and str(error).startswith("[ML"):
        return "coded_error", str(error)
    return "crash", "".join(traceback.format_exception(error))


def _exit_with_parent() -> None:
    """Exit when the main process has died; otherwise this process would continue with its shard."""
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
