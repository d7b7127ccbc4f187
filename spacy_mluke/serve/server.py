"""Run the server: one process, or several that share its port."""

from __future__ import annotations

import logging
import logging.config
import os
import tempfile

import uvicorn
from fastapi import FastAPI

from ..errors import check_at_least
from .app import make_app
from .logs import log_config
from .metrics import FOLDER
from .settings import VARIABLE, Settings


def run_server(settings: Settings, *, host: str, port: int, workers: int = 1, log_level: str = "info") -> None:
    """Run the server until it gets a signal.

    SIGTERM and SIGINT stop it: it accepts no more requests, finishes those that it has, and ends.

    settings (Settings): The settings.
    host (str): The address to listen at.
    port (int): The port.
    workers (int): Number of processes. Each loads the pipeline.
    log_level (str): The lowest level of logs that are written.
    RAISES (ValueError): ML071 for a number of processes below 1, ML350 if the pipeline cannot be loaded.
    """
    check_at_least("workers", workers, 1)
    config = log_config(log_level)
    logging.config.dictConfig(config)
    options = {
        "host": host,
        "port": port,
        "log_config": config,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": int(settings.timeout) + 5,
    }
    if workers == 1:
        app = make_process_app(settings)
        # The command fails with a message if the pipeline cannot be loaded, before anything listens.
        app.state.service.start().result()
        uvicorn.run(app, **options)  # type: ignore[arg-type]
        return
    os.environ[VARIABLE] = settings.to_json()
    with tempfile.TemporaryDirectory(prefix="spacy_mluke_metrics_") as folder:
        os.environ[FOLDER] = folder
        uvicorn.run(f"{__name__}:make_process_app", factory=True, workers=workers, **options)  # type: ignore[arg-type]


def make_process_app(settings: Settings | None = None) -> FastAPI:
    """Make the application of one process.

    settings (Settings | None): The settings; None to read them from the environment.
    RETURNS (FastAPI): The application.
    """
    logging.captureWarnings(True)
    return make_app(Settings.from_json(os.environ[VARIABLE]) if settings is None else settings)
