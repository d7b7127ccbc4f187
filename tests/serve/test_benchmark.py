"""The clients of the server's benchmark."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading

import pytest

from benchmarks.serve import PATHS, malformed_body, percentiles, request


@contextlib.contextmanager
def closing_server():
    """Run a server that answers one request on each connection, and then closes it without having said so."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                connection.close()
                closed.release()

    closed = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], closed
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_a_connection_that_the_server_has_closed_is_opened_again():
    with closing_server() as (port, closed):
        kept = http.client.HTTPConnection("127.0.0.1", port)
        kept.request("GET", "/metrics")
        assert kept.getresponse().read() == b"ok"
        assert closed.acquire(timeout=10)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            kept.request("GET", "/metrics")
            kept.getresponse()
        assert closed.acquire(blocking=False) is False
        for _ in range(3):
            assert request(port, "GET", "/metrics") == (200, b"ok")
            assert closed.acquire(timeout=10)


def test_the_malformed_requests_are_refused(client):
    statuses = set()
    for i in range(60):
        response = client.post(
            PATHS[i % len(PATHS)], content=malformed_body(i), headers={"Content-Type": "application/json"}
        )
        statuses.add(response.status_code)
    assert statuses <= {400, 422}


def test_a_single_request_has_percentiles_too():
    assert percentiles([0.25]) == "250 ms, 250 ms"
    assert percentiles([0.1, 0.3]) == "200 ms, 290 ms"
