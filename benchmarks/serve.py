"""Measure the server: latency and throughput under load, wrong requests, memory, and SIGTERM under load.

    python -m benchmarks.serve --clients 32 --requests 2000 --malformed 10000 --short 20000

Starts `python -m spacy_mluke serve`, and sends sentences and paragraphs in seven languages, a text in a request. Then
wrong requests; then short texts, each with a new word, after which memory should be what it was; then SIGTERM. At the
end, the texts run through `nlp.pipe`, and some one by one, in this process. Clients are threads of this process, on the
same machine, so they take time from the server. A number of 0 leaves out a part.
"""

from __future__ import annotations

import http.client
import json
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy
import typer
from wasabi import msg

from benchmarks.texts import read_texts
from spacy_mluke.bulk.pipelines import load_pipeline

PIPELINE = typer.Argument(None, help="Directory or package of a pipeline; by default, that of `serve`")
CLIENTS = typer.Option(32, help="Number of clients that send requests at the same time")
REQUESTS = typer.Option(2000, help="Number of requests")
MALFORMED = typer.Option(10_000, help="Number of wrong requests")
WORKERS = typer.Option(1, help="Number of the server's processes")
QUANTIZE = typer.Option(None, help="int8: predict in eight bits")
SHORT = typer.Option(0, help="Number of short requests; memory is shown after every thousand")
LENGTH = typer.Option(1000, help="Maximum number of characters of a text")
ROUNDS = typer.Option(1, help="How often the requests are sent; memory is shown after each round")
PORT = typer.Option(8471, help="Port")
DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
N_ONE_BY_ONE = 200
SHORT_LENGTH = 60  # characters of a short text
N_TEXTS = 1400  # different ones
PATHS = ("/v1/annotate", "/v1/answer", "/v1/fill", "/v1/render", "/label-studio/predict")
_JSON = {"Content-Type": "application/json"}
_local = threading.local()


def bench(
    pipeline: Optional[str] = PIPELINE,
    clients: int = CLIENTS,
    requests: int = REQUESTS,
    malformed: int = MALFORMED,
    short: int = SHORT,
    workers: int = WORKERS,
    quantize: Optional[str] = QUANTIZE,
    length: int = LENGTH,
    rounds: int = ROUNDS,
    port: int = PORT,
    data: Path = DATA,
) -> None:
    """Measure a server on this machine."""
    found = [text for text, _ in read_texts(data, N_TEXTS)]
    texts = list(islice(cycle(text for text in found if len(text) <= length), requests))
    brief = [text for text in found if len(text) <= SHORT_LENGTH]
    command = [sys.executable, "-m", "spacy_mluke", "serve", "--port", str(port), "--workers", str(workers)]
    command += ["--log-level", "warning", *(["--quantize", quantize] if quantize else [])]
    command += [pipeline] if pipeline else []
    started = time.perf_counter()
    server = subprocess.Popen(command)
    try:
        wait_until_ready(server, port)
        show("started", f"{time.perf_counter() - started:.1f} s")
        send_all(port, brief[: 4 * clients], clients)
        show("memory before", memory(server.pid))
        served = measure_load(port, server.pid, texts, clients, rounds) if texts else 0.0
        if malformed:
            measure_malformed(port, server.pid, malformed, clients)
        if short:
            measure_memory(port, server.pid, brief, short, clients)
        show("SIGTERM under load", terminate(server, port, [body_of(text) for text in texts or brief], clients))
    finally:
        server.kill()
        server.wait()
    if texts:
        measure_alone(pipeline, quantize, texts, served)


def measure_load(port: int, pid: int, texts: Sequence[str], clients: int, rounds: int) -> float:
    """Send the texts of many clients, and print how long they wait.

    RETURNS (float): Texts a second, in the last round.
    """
    low, median, high = numpy.percentile([len(text) for text in texts], [5, 50, 95])
    show("characters of a text", f"median {median:.0f}, 5 % {low:.0f}, 95 % {high:.0f}")
    served = 0.0
    for _ in range(rounds):
        started = time.perf_counter()
        results = send_all(port, texts, clients)
        seconds = time.perf_counter() - started
        served = len(texts) / seconds
        show(f"{len(texts):,} requests, {clients} clients", f"{seconds:.1f} s, {served:.1f} texts/s")
        show("errors", str(sum(status != 200 for status, _ in results)))
        show("p50, p95", percentiles([own for _, own in results]))
        show("memory after", memory(pid))
    return served


def measure_malformed(port: int, pid: int, n_requests: int, clients: int) -> None:
    """Send wrong requests, and print the statuses of the responses."""
    started = time.perf_counter()
    results = send_bodies(port, [malformed_body(i) for i in range(n_requests)], clients, PATHS)
    seconds = time.perf_counter() - started
    counts = Counter(status for status, _, _ in results)
    listed = ", ".join(f"{n:,} x {status}" for status, n in sorted(counts.items()))
    show(f"{n_requests:,} wrong requests", f"{listed}, in {seconds:.1f} s")
    show("memory after", memory(pid))


def measure_memory(port: int, pid: int, texts: Sequence[str], n_requests: int, clients: int) -> None:
    """Send short texts, each with a word that no other has, and print the memory after every thousand."""
    rng = random.Random(0)
    for first in range(0, n_requests, 1000):
        n_own = min(1000, n_requests - first)
        own = [f"{rng.choice(texts)} {new_word(rng)}" for _ in range(n_own)]
        started = time.perf_counter()
        n_errors = sum(status != 200 for status, _ in send_all(port, own, clients))
        seconds = time.perf_counter() - started
        note = f", {n_errors} errors" if n_errors else ""
        show(f"memory after {first + n_own:,} short", f"{memory(pid)} ({seconds:.0f} s{note})")


def measure_alone(pipeline: Optional[str], quantize: Optional[str], texts: Sequence[str], served: float) -> None:
    """Run the texts in this process, together and one by one, and compare with what the server reached."""
    nlp = load_pipeline(pipeline, quantization=quantize)
    list(nlp.pipe(texts[:32]))
    started = time.perf_counter()
    for _ in nlp.pipe(texts, batch_size=32):
        pass
    piped = len(texts) / (time.perf_counter() - started)
    show("nlp.pipe", f"{piped:.1f} texts/s; the server reaches {100 * served / piped:.0f} %")
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


def body_of(text: str) -> bytes:
    """Return the body of a request."""
    return json.dumps({"texts": [text]}).encode()


def new_word(rng: random.Random) -> str:
    """Return a word that no text has, with a capital letter."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12)).capitalize()


def request(port: int, method: str, path: str, body: bytes = b"") -> Tuple[int, bytes]:
    """Send a request on this thread's connection. It is opened again if the server has closed it meanwhile, as it does
    after a time without requests."""
    connection: Optional[http.client.HTTPConnection] = getattr(_local, "connection", None)
    if connection is None or connection.port != port:
        connection = _local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    elif is_closed(connection):
        connection.close()
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


def is_closed(connection: http.client.HTTPConnection) -> bool:
    """Return whether the server has closed a connection: between requests, there is nothing else to read."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


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


def send_all(port: int, texts: Sequence[str], clients: int) -> List[Tuple[int, float]]:
    """Send each text in a request, as many at a time as there are clients.

    RETURNS (List[Tuple[int, float]]): Status and seconds of each; 0 for a request without a response, or with that of
        another text.
    """
    found = send_bodies(port, [body_of(text) for text in texts], clients)
    results = []
    for text, (status, content, seconds) in zip(texts, found, strict=True):
        is_own = status != 200 or json.loads(content)["documents"][0]["text"] == text
        results.append((status if is_own else 0, seconds))
    return results


def send_bodies(
    port: int, bodies: Sequence[bytes], clients: int, paths: Sequence[str] = PATHS[:1]
) -> List[Tuple[int, bytes, float]]:
    """Send requests, as many at a time as there are clients, to one path after the other.

    RETURNS (List[Tuple[int, bytes, float]]): Status, content and seconds of each; status 0 without a response.
    """

    def send(path: str, body: bytes) -> Tuple[int, bytes, float]:
        started = time.perf_counter()
        try:
            status, content = request(port, "POST", path, body)
        except (OSError, http.client.HTTPException):
            status, content = 0, b""
        return status, content, time.perf_counter() - started

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(send, cycle(paths), bodies))


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


def memory(pid: int) -> str:
    """Return the memory of the server's processes. Pages that several of them share are counted once; Linux only."""
    try:
        return f"{sum(map(proportional_memory, family(pid))) / 1024:.1f} MiB"
    except OSError:
        return "unknown"


def family(pid: int) -> List[int]:
    """Return a process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def proportional_memory(pid: int) -> int:
    """Return the memory of a process in KiB, with its part of each page that it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def terminate(server: subprocess.Popen, port: int, bodies: List[bytes], clients: int) -> str:
    """Send SIGTERM while clients send requests, and count what happens to these."""
    counts = {"answered": 0, "refused": 0, "lost": 0}
    lock = threading.Lock()

    def client(number: int) -> None:
        # Until the server no longer accepts requests, however few texts there are.
        for body in cycle(bodies[number:] + bodies[:number]):
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
    half, most = 1000 * numpy.percentile(seconds, [50, 95])
    return f"{half:.0f} ms, {most:.0f} ms"


if __name__ == "__main__":
    typer.run(bench)
