"""Metrics of the server, in the format of Prometheus."""

from __future__ import annotations

import os
from typing import Any, Dict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# Environment variable of prometheus_client: a folder in which several processes share their metrics.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")


class Metrics:
    """Counts requests and batches. Several processes share a folder, if `FOLDER` was set before this module was
    imported."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: Dict[str, Any] = {"registry": self.registry}
        labels = ["route", "method", "status"]
        self._requests = Counter("spacy_mluke_requests", "Requests.", labels, **own)
        self._seconds = Histogram(
            "spacy_mluke_request_seconds", "Duration of requests.", ["route"], buckets=_SECONDS, **own
        )
        self._batches = Histogram("spacy_mluke_batch_texts", "Texts in a batch.", buckets=_SIZES, **own)
        self._batch_seconds = Histogram("spacy_mluke_batch_seconds", "Duration of batches.", buckets=_SECONDS, **own)
        self._characters = Counter("spacy_mluke_characters", "Characters of accepted texts.", **own)
        self._waiting = Gauge("spacy_mluke_waiting_texts", "Waiting texts.", multiprocess_mode="livesum", **own)
        if FOLDER not in os.environ:
            ProcessCollector(registry=self.registry)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request.

        route (str): Its route; there are few.
        method (str): Its method.
        status (int): The response's status; 499 if the client left.
        seconds (float): Its duration.
        """
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_batch(self, size: int, seconds: float) -> None:
        """Count a batch.

        size (int): Number of texts.
        seconds (float): Its duration.
        """
        self._batches.observe(size)
        self._batch_seconds.observe(seconds)

    def count_texts(self, n_characters: int, n_waiting: int) -> None:
        """Count the texts of an accepted request.

        n_characters (int): Number of their characters.
        n_waiting (int): Number of texts that wait now.
        """
        self._characters.inc(n_characters)
        self._waiting.set(n_waiting)

    def render(self, n_waiting: int) -> bytes:
        """Return all metrics as text; those of all processes, if there are several.

        n_waiting (int): Number of texts that wait now.
        RETURNS (bytes): The text.
        """
        self._waiting.set(n_waiting)
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
        return generate_latest(shared)

    def close(self) -> None:
        """Remove what this process adds to metrics of the moment."""
        if FOLDER in os.environ:
            mark_process_dead(os.getpid())
