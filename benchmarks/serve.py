"""Measure the server: latency and throughput under load, wrong requests, memory, and SIGTERM under load.

    python -m benchmarks.serve --clients 32 --requests 2000 --malformed 10000

Starts `python -m spacy_mluke serve`, and sends sentences in seven languages, a sentence in a request. Then the same
sentences run through `nlp.pipe`, and some one by one, in this process. Clients are threads of this
process, on the same machine, so they take time from the server.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import typer
from wasabi import msg

from benchmarks.texts import read_texts
from spacy_mluke.bulk.pipelines import load_pipeline

PIPELINE = typer.Argument(None, help="Directory or package of a pipeline; by default, that of spacy_mluke.load()")
CLIENTS = typer.Option(32, help="Number of clients that send requests at the same time")
REQUESTS = typer.Option(2000, help="Number of requests")
MALFORMED = typer.Option(10_000, help="Number of wrong requests")
WORKERS = typer.Option(1, help="Number of the server's processes")
QUANTIZE = typer.Option(None, help="int8: predict in eight bits")
LENGTH = typer.Option(300, help="Maximum number of characters of a text")
ROUNDS = typer.Option(1, help="How often the requests are sent; memory is shown after each round")
PORT = typer.Option(8471, help="Port")
DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
N_ONE_BY_ONE = 200
_JSON = {"Content-Type": "application/json"}
_local = threading.local()


def bench(
    pipeline: Optional[str] = PIPELINE,
    clients: int = CLIENTS,
    requests: int = REQUESTS,
    malformed: int = MALFORMED,
    workers: int = WORKERS,
    quantize: Optional[str] = QUANTIZE,
    length: int = LENGTH,
    rounds: int = ROUNDS,
    port: int = PORT,
    data: Path = DATA,
) -> None:
    """Measure a server on this machine."""
    found = [text for text, _ in read_texts(data, 1400) if len(text) <= length]
    texts = list(islice(cycle(found), requests))
    bodies = [json.dumps({"texts": [text]}).encode() for text in texts]
    command = [sys.executable, "-m", "spacy_mluke", "serve", "--port", str(port), "--workers", str(workers)]
    command += ["--log-level", "warning", *(["--quantize", quantize] if quantize else [])]
    command += [pipeline] if pipeline else []
    server = subprocess.Popen(command)
    try:
        wait_until_ready(server, port)
        send_all(port, bodies[: 4 * clients], clients)
        show("memory before", memory(port))
        for _ in range(rounds):
            started = time.perf_counter()
            results = send_all(port, bodies, clients)
            seconds = time.perf_counter() - started
            served = len(texts) / seconds
            show(f"{len(texts):,} requests, {clients} clients", f"{seconds:.1f} s, {served:.0f} texts/s")
            show("errors", str(sum(status != 200 for status, _ in results)))
            show("p50, p95", percentiles([own for _, own in results]))
            show("memory after", memory(port))
        wrong = send_all(port, [malformed_body(i) for i in range(malformed)], clients)
        counts: Dict[int, int] = {}
        for status, _ in wrong:
            counts[status] = counts.get(status, 0) + 1
        show(f"{malformed:,} wrong requests", ", ".join(f"{n:,} x {s}" for s, n in sorted(counts.items())))
        show("memory after", memory(port))
        show("SIGTERM under load", terminate(server, port, bodies, clients))
    finally:
        server.kill()
        server.wait()
    nlp = load_pipeline(pipeline, quantization=quantize)
    list(nlp.pipe(texts[:32]))
    started = time.perf_counter()
    for _ in nlp.pipe(texts, batch_size=32):
        pass
    piped = len(texts) / (time.perf_counter() - started)
    show("nlp.pipe", f"{piped:.0f} texts/s; the server reaches {100 * served / piped:.0f} %")
    alone = [timed(nlp, text) for text in texts[:N_ONE_BY_ONE]]
    show(f"{len(alone)} one by one: p50, p95", percentiles(alone))


def show(name: str, value: str) -> None:
    """Print a result."""
    print(f"{name:<32}{value}", flush=True)


def timed(function: Callable[[Any], Any], value: Any) -> float:
    """Return the seconds of a call."""
    started = time.perf_counter()
    function(value)
    return time.perf_counter() - started


def request(port: int, method: str, path: str, body: bytes = b"") -> Tuple[int, bytes]:
    """Send a request on this thread's connection, which is opened again if the server has closed it."""
    connection: Optional[http.client.HTTPConnection] = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, _JSON)
        response = connection.getresponse()
        content = response.read()
        if response.will_close:
            connection.close()
        return response.status, content
    except BaseException:
        connection.close()
        raise


def wait_until_ready(server: subprocess.Popen, port: int) -> None:
    """Wait until the server answers."""
    while True:
        try:
            request(port, "GET", "/health")
            return
        except OSError:
            if server.poll() is not None:
                msg.fail("The server did not start.", exits=1)
            time.sleep(0.2)


def send_all(port: int, bodies: List[bytes], clients: int) -> List[Tuple[int, float]]:
    """Send requests, as many at a time as there are clients.

    RETURNS (List[Tuple[int, float]]): Status and seconds of each; 0 for a request without a response.
    """

    def send(body: bytes) -> Tuple[int, float]:
        started = time.perf_counter()
        try:
            status, _ = request(port, "POST", "/v1/annotate", body)
        except (OSError, http.client.HTTPException):
            status = 0
        return status, time.perf_counter() - started

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(send, bodies))


def malformed_body(i: int) -> bytes:
    """Return a request that is wrong: truncated, with other bytes, or with values of wrong types."""
    rng = random.Random(i)
    body = bytearray(json.dumps({"texts": ["Tokyo is the capital of Japan."], "lang": "de", "vectors": False}).encode())
    kind = i % 4
    if kind == 0:
        return bytes(body[: rng.randrange(len(body))])
    if kind == 1:
        body[rng.randrange(len(body))] = rng.randrange(128, 256)
        return bytes(body)
    if kind == 2:
        values: List[Any] = [None, 1, -1.5, "", "a", [], {}, [None], [[]], {"a": 1}, True, "\ud800", ["\ud800"]]
        return json.dumps({"texts": rng.choice(values)}).encode()
    return rng.randbytes(rng.randrange(200))


def memory(port: int) -> str:
    """Return the memory of the server's process, as its metrics say."""
    _, text = request(port, "GET", "/metrics")
    found = [
        line.split()[1] for line in text.decode().splitlines() if line.startswith("process_resident_memory_bytes ")
    ]
    return f"{float(found[0]) / 2**20:.0f} MiB" if found else "unknown"


def terminate(server: subprocess.Popen, port: int, bodies: List[bytes], clients: int) -> str:
    """Send SIGTERM while clients send requests, and count what happens to these."""
    counts = {"answered": 0, "refused": 0, "lost": 0}
    lock = threading.Lock()

    def client(number: int) -> None:
        for body in bodies[number:] + bodies[:number]:
            try:
                status, _ = request(port, "POST", "/v1/annotate", body)
                kind = "answered" if status == 200 else "lost"
            except ConnectionRefusedError:
                kind = "refused"
            except (OSError, http.client.HTTPException):
                kind = "lost"
            with lock:
                counts[kind] += 1
            if kind != "answered":
                return

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    server.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    server.wait()
    return ", ".join(f"{n:,} {kind}" for kind, n in counts.items())


def percentiles(seconds: List[float]) -> str:
    """Return median and 95th percentile in milliseconds."""
    points = statistics.quantiles(seconds, n=100)
    return f"{1000 * points[49]:.0f} ms, {1000 * points[94]:.0f} ms"


if __name__ == "__main__":
    typer.run(bench)
