"""Several processes of a server that share its port, and on Linux the memory of the pipeline."""

from __future__ import annotations

import functools
import gc
import inspect
import multiprocessing
import os
import signal
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Union

import prometheus_client.values
import uvicorn
from fastapi import FastAPI
from uvicorn import _subprocess
from uvicorn.supervisors import Multiprocess

from .app import make_app
from .metrics import FOLDER
from .settings import VARIABLE, Settings

if TYPE_CHECKING:
    from .service import Make
    from .worker import Worker

HEALTHCHECK = 60  # seconds after which a process that does not answer is replaced; loading may take long


class Processes(Multiprocess):
    """Several processes that share a socket. On shutdown the parent closes its copy of the socket, too: connections
    would wait there, and nobody would accept them."""

    def terminate_all(self) -> None:
        super().terminate_all()
        for sock in self.sockets:
            sock.close()


def run_processes(
    settings: Settings, workers: int, spawned: str, options: Dict[str, Any], make: Optional[Make] = None
) -> None:
    """Run the server in several processes until it gets a signal.

    If it can, this process loads the pipeline, and the others are forked from it: they share the memory of the
    pipeline. Else each of them is a new process that loads it.

    settings (Settings): The settings.
    workers (int): Number of processes.
    spawned (str): Function that makes the application of a new process, as "module:function". It gets the settings from
        the environment.
    options (Dict[str, Any]): Options of uvicorn.
    make (Optional[Make]): As for `share_pipeline`.
    RAISES (ValueError): ML350 if this process loads the pipeline and fails.
    """
    with tempfile.TemporaryDirectory(prefix="spacy_mluke_metrics_") as folder:
        os.environ[FOLDER] = folder
        app: Union[str, Callable[[], FastAPI]] = spawned
        if can_fork(settings):
            app = share_pipeline(settings, make)
        else:
            os.environ[VARIABLE] = settings.to_json()
        found = uvicorn.Config(app, factory=True, workers=workers, timeout_worker_healthcheck=HEALTHCHECK, **options)
        given: Dict[str, Any] = {"config": found, "sockets": [found.bind_socket()]}
        if "target" in inspect.signature(Multiprocess).parameters:  # older versions of uvicorn
            given["target"] = uvicorn.Server(found).run
        Processes(**given).run()


def can_fork(settings: Settings) -> bool:
    """Return whether processes may be forked from one that has loaded the pipeline.

    Threads of OpenMP do not survive a fork, so each process may have one thread only. A process that has used a GPU
    must not be forked, and on macOS none with system libraries.

    settings (Settings): The settings.
    RETURNS (bool): Whether they may.
    """
    return sys.platform == "linux" and settings.gpu_id < 0 and settings.threads == 1


def share_pipeline(settings: Settings, make: Optional[Make] = None) -> Callable[[], FastAPI]:
    """Load the pipeline, and prepare this process to be forked.

    settings (Settings): The settings.
    make (Optional[Make]): Loads the pipeline; by default, `make_worker`.
    RETURNS (Callable[[], FastAPI]): Makes the application of a forked process.
    """
    if make is None:
        from .worker import make_worker

        make = make_worker
    worker: Worker = make(settings)
    # prometheus_client chooses how metrics are stored when it is imported, which was before the folder was known.
    values: Any = prometheus_client.values
    values.ValueClass = values.get_value_class()
    # uvicorn starts new processes. With the other context, the same code forks this one.
    _subprocess.spawn = multiprocessing.get_context("fork")  # type: ignore[assignment]
    # Until a process has its own handlers, signals end it: the parent's would only be copied.
    os.register_at_fork(after_in_child=_default_signals)
    # The garbage collector writes to each object that it visits, and pages that are written to are copied.
    gc.collect()
    gc.freeze()
    return functools.partial(make_app, settings, functools.partial(_loaded, worker))


def _loaded(worker: Worker, settings: Settings) -> Worker:
    return worker


def _default_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
