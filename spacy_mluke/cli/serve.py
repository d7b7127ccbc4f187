"""`serve`: run a pipeline as a server with a JSON API."""

from __future__ import annotations

from typing import List, Optional

import typer

PIPELINE = typer.Argument(
    None, help="Directory or package of a pipeline; by default, that of spacy_mluke.load(questions=True, cloze=True)"
)
HOST = typer.Option("127.0.0.1", "--host", help="Address to listen at; 0.0.0.0 for all")
PORT = typer.Option(8000, "--port", min=0, max=65535, help="Port")
WORKERS = typer.Option(1, "--workers", min=0, help="Number of processes; 0: one for each core")
BATCH_SIZE = typer.Option(32, "--batch-size", min=1, help="Maximum number of texts that are annotated together")
BATCH_WAIT = typer.Option(5.0, "--batch-wait", min=0, help="Milliseconds that a text waits for others, at most")
MAX_WAITING = typer.Option(4096, "--max-waiting", min=1, help="Maximum number of waiting texts; then status 503")
TIMEOUT = typer.Option(60.0, "--timeout", help="Maximum duration of a request, in seconds")
KEEP_ALIVE = typer.Option(75.0, "--keep-alive", min=1, help="Seconds that a connection stays open without a request")
MAX_BYTES = typer.Option(4_000_000, "--max-bytes", min=1, help="Maximum size of a request")
MAX_TEXTS = typer.Option(64, "--max-texts", min=1, help="Maximum number of texts, questions or masks of a request")
MAX_CHARACTERS = typer.Option(100_000, "--max-characters", min=1, help="Maximum number of characters of a text")
TOKEN = typer.Option(
    None, "--token", envvar="SPACY_MLUKE_TOKEN", show_envvar=True, help="Token that requests to /v1 and /metrics need"
)
CORS = typer.Option([], "--cors", help="Origin whose pages may send requests, such as https://example.org; repeatable")
GPU = typer.Option(-1, "--gpu-id", "-g", help="GPU id; -1: CPU")
QUANTIZE = typer.Option(None, "--quantize", "-q", help="int8: predict in eight bits")
LOG_LEVEL = typer.Option("info", "--log-level", help="debug, info, warning or error; requests are logged at info")


def serve(
    pipeline: Optional[str] = PIPELINE,
    host: str = HOST,
    port: int = PORT,
    workers: int = WORKERS,
    batch_size: int = BATCH_SIZE,
    batch_wait: float = BATCH_WAIT,
    max_waiting: int = MAX_WAITING,
    timeout: float = TIMEOUT,
    keep_alive: float = KEEP_ALIVE,
    max_bytes: int = MAX_BYTES,
    max_texts: int = MAX_TEXTS,
    max_characters: int = MAX_CHARACTERS,
    token: Optional[str] = TOKEN,
    cors: List[str] = CORS,
    gpu_id: int = GPU,
    quantize: Optional[str] = QUANTIZE,
    log_level: str = LOG_LEVEL,
) -> None:
    """Run a pipeline as a server with a JSON API and a page.

    The page is at /, the description of the API at /docs. Requests of different clients are annotated together. SIGTERM
    ends the server when all accepted requests are answered.
    """
    from ..errors import check_choice
    from ..serve.packages import check_packages

    check_choice("log-level", log_level, ["debug", "info", "warning", "error"])
    check_packages()
    from ..serve.server import run_server
    from ..serve.settings import Settings
    from ._common import n_cores

    workers = workers or n_cores()
    settings = Settings(
        pipeline=pipeline,
        quantize=quantize,
        gpu_id=gpu_id,
        threads=max(1, n_cores() // workers) if workers > 1 else 0,
        batch_size=batch_size,
        batch_wait_ms=batch_wait,
        max_waiting=max_waiting,
        timeout=timeout,
        max_bytes=max_bytes,
        max_texts=max_texts,
        max_characters=max_characters,
        token=token or None,
        origins=tuple(cors),
    )
    run_server(settings, host=host, port=port, workers=workers, keep_alive=keep_alive, log_level=log_level)
