"""Run the server: one process, or several that share its port."""

from __future__ import annotations

import logging
import logging.config
import os
from typing import Any, Dict, Optional

import uvicorn
from fastapi import FastAPI

from ..errors import check_at_least
from .app import make_app
from .logs import log_config
from .processes import run_processes
from .settings import VARIABLE, Settings

# Seconds that a connection stays open without a request. A client whose request arrives while the server closes its
# connection gets no response, and repeats no POST by itself. So clients must close first: Python's do after 5 to 15
# seconds without a request, reverse proxies after 60. uvicorn's default is 5.
KEEP_ALIVE = 75.0


def run_server(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int = 1,
    keep_alive: float = KEEP_ALIVE,
    log_level: str = "info",
) -> None:
    """Run the server until it gets a signal.

    SIGTERM and SIGINT stop it: it accepts no more requests, finishes those that it has, and ends.

    settings (Settings): The settings.
    host (str): The address to listen at.
    port (int): The port.
    workers (int): Number of processes, as for `run_processes`.
    keep_alive (float): Seconds that a connection stays open without a request.
    log_level (str): The lowest level of logs that are written.
    RAISES (ValueError): ML071 for a number of processes below 1, or less than a second of `keep_alive`; ML350 if the
        pipeline cannot be loaded.
    """
    check_at_least("workers", workers, 1)
    check_at_least("keep_alive", keep_alive, 1, whole=False)
    config = log_config(log_level)
    logging.config.dictConfig(config)
    options: Dict[str, Any] = {
        "host": host,
        "port": port,
        "log_config": config,
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": keep_alive,
        "timeout_graceful_shutdown": int(settings.timeout) + 5,
    }
    if workers == 1:
        app = make_process_app(settings)
        # The command fails with a message if the pipeline cannot be loaded, before anything listens.
        app.state.service.start().result()
        uvicorn.run(app, **options)
        return
    logging.captureWarnings(True)
    run_processes(settings, workers, f"{__name__}:{make_process_app.__name__}", options)


def make_process_app(settings: Optional[Settings] = None) -> FastAPI:
    """Make the application of one process.

    settings (Optional[Settings]): The settings; None to read them from the environment.
    RETURNS (FastAPI): The application.
    """
    logging.captureWarnings(True)
    return make_app(Settings.from_json(os.environ[VARIABLE]) if settings is None else settings)
