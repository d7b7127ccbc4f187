"""Limits, timeouts, cancelled requests, the token, headers, logs and metrics."""

from __future__ import annotations

import asyncio
import json
import logging
import threading

import pytest
import spacy
from spacy.language import Language

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


def annotate(client, *texts, **options):
    return client.post("/v1/annotate", json={"texts": list(texts)}, **options)


def in_threads(*calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def wait_until(condition):
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")


def test_texts_of_different_requests_are_one_batch(make_client, nlp, gate):
    with make_client(nlp, gate) as client:
        found = {}

        def request(text):
            found[text] = annotate(client, text).json()["documents"][0]["text"]

        threads = in_threads(lambda: request("first"))
        assert gate.entered.wait(10)
        threads += in_threads(*(lambda text=text: request(text) for text in "abc"))
        wait_until(lambda: client.app.state.service.batcher.n_waiting == 3)
        gate.opened.set()
        for thread in threads:
            thread.join(10)
    assert found == {text: text for text in ("first", "a", "b", "c")}
    assert [sorted(batch) for batch in gate.batches] == [["first"], ["a", "b", "c"]]


def test_a_request_that_takes_too_long_is_stopped_and_its_waiting_texts_are_dropped(make_client, nlp, gate):
    with make_client(nlp, gate, timeout=0.3, batch_size=1) as client:
        refused = annotate(client, "first", "second")
        assert (refused.status_code, refused.json()["code"]) == (504, "ML443")
        gate.opened.set()
        assert annotate(client, "third").status_code == 200
    assert gate.batches == [["first"], ["third"]]


def test_a_full_queue_refuses_requests_and_says_when_to_come_back(make_client, nlp, gate):
    with make_client(nlp, gate, max_waiting=2) as client:
        threads = in_threads(lambda: annotate(client, "first"))
        assert gate.entered.wait(10)
        refused = annotate(client, "a", "b", "c")
        gate.opened.set()
        threads[0].join(10)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "ML442", "1")


def test_texts_of_a_client_that_left_are_dropped(make_client, nlp, gate):
    body = json.dumps({"texts": ["second"]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/annotate", "raw_path": b"/v1/annotate", "root_path": "",
        "query_string": b"", "headers": headers, "scheme": "http", "server": ("test", 80), "http_version": "1.1",
    }  # fmt: skip
    sent = []
    with make_client(nlp, gate, batch_size=1) as client:
        threads = in_threads(lambda: annotate(client, "first"))
        assert gate.entered.wait(10)
        batcher = client.app.state.service.batcher

        async def leave():
            messages = [{"type": "http.request", "body": body}]

            async def receive():
                if messages:
                    return messages.pop()
                while not batcher.n_waiting:
                    await asyncio.sleep(0.01)
                return {"type": "http.disconnect"}

            async def send(message):
                sent.append(message)

            await client.app(scope, receive, send)

        asyncio.run(leave())
        gate.opened.set()
        threads[0].join(10)
        annotate(client, "third")
        assert 'route="/v1/annotate",status="499"} 1.0' in client.get("/metrics").text
    assert sent == []
    assert gate.batches == [["first"], ["third"]]


def test_only_the_request_with_a_text_that_fails_gets_an_error(make_client):
    @Language.component("fails_on_x")
    def fails_on_x(doc):
        if "x" in doc.text:
            raise ZeroDivisionError(doc.text)
        return doc

    nlp = spacy.blank("en")
    nlp.add_pipe("fails_on_x")
    with make_client(nlp) as client:
        failed = annotate(client, "a", "secret x")
        assert (failed.status_code, failed.json()["code"]) == (500, "ML446")
        assert "'texts[1]'" in failed.json()["detail"]
        assert "secret" not in failed.text
        assert annotate(client, "a").status_code == 200


def test_with_a_token_only_requests_for_data_need_it(make_client, nlp):
    with make_client(nlp, token="ge heim é") as client:
        for path in ("/health", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic ge heim"}):
            refused = annotate(client, "a", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "ML444")
            assert refused.headers["www-authenticate"] == "Bearer"
            assert client.get("/metrics", headers=headers).status_code == 401
        given = {"Authorization": "Bearer ge heim é".encode()}
        assert annotate(client, "a", headers=given).status_code == 200


def test_pages_of_other_origins_may_send_requests_only_if_they_are_listed(make_client, nlp):
    origin = {"Origin": "https://example.org"}
    with make_client(nlp) as client:
        assert "access-control-allow-origin" not in annotate(client, "a", headers=origin).headers
    with make_client(nlp, origins=("https://example.org",)) as client:
        assert annotate(client, "a", headers=origin).headers["access-control-allow-origin"] == "https://example.org"
        other = annotate(client, "a", headers={"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers


def test_every_response_forbids_foreign_scripts_and_guessing_of_types(make_client, nlp):
    with make_client(nlp) as client:
        for response in (client.get("/health"), client.get("/nowhere"), client.get("/docs")):
            assert response.headers["content-security-policy"].startswith("default-src 'none'; ")
            assert "unsafe-eval" not in response.headers["content-security-policy"]
            assert response.headers["x-content-type-options"] == "nosniff"


def test_a_request_keeps_its_id_if_it_is_harmless(make_client, nlp):
    with make_client(nlp) as client:
        ids = [
            client.get("/health", headers={"X-Request-ID": given}).headers["x-request-id"]
            for given in ("a.B-1_2", 'x"}', "a" * 65)
        ]
    assert ids[0] == "a.B-1_2"
    assert all(len(found) == 32 for found in ids[1:])


def test_requests_are_logged_as_json_without_their_texts(make_client, nlp, caplog):
    from spacy_mluke.serve.logs import JsonFormatter

    with caplog.at_level(logging.INFO, "spacy_mluke.serve"), make_client(nlp) as client:
        annotate(client, "secret", headers={"X-Request-ID": "a1"})
        client.get("/secret")
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name == "spacy_mluke.serve"]
    first, second = map(json.loads, lines)
    assert {"request_id": "a1", "method": "POST", "route": "/v1/annotate", "status": 200}.items() <= first.items()
    assert (first["level"], first["message"], second["route"], second["status"]) == ("info", "request", "other", 404)
    assert "secret" not in "".join(lines)


def test_metrics_count_requests_texts_and_batches(make_client, nlp):
    with make_client(nlp) as client:
        annotate(client, "four", "four")
        client.get("/nowhere/1")
        client.get("/nowhere/2")
        found = client.get("/metrics")
    assert found.headers["content-type"].startswith("text/plain; version=")
    for line in (
        'spacy_mluke_requests_total{method="POST",route="/v1/annotate",status="200"} 1.0',
        'spacy_mluke_requests_total{method="GET",route="other",status="404"} 2.0',
        "spacy_mluke_characters_total 8.0",
        "spacy_mluke_batch_texts_sum 2.0",
        "spacy_mluke_waiting_texts 0.0",
    ):
        assert line in found.text.splitlines()


def test_the_page_has_types_and_is_revalidated(make_client, nlp, tmp_path, monkeypatch):
    from spacy_mluke.serve import app

    files = {"index.html": "text/html", "app.js": "text/javascript", "style.css": "text/css"}
    for name in files:
        (tmp_path / name).write_text(name, encoding="utf8")
    monkeypatch.setattr(app, "STATIC", tmp_path)
    with make_client(nlp) as client:
        for path, name in (("/", "index.html"), ("/app.js", "app.js"), ("/style.css", "style.css")):
            found = client.get(path)
            assert (found.status_code, found.text) == (200, name)
            assert found.headers["content-type"].startswith(files[name])
            assert found.headers["cache-control"] == "no-cache"
            assert "script-src 'self'" in found.headers["content-security-policy"]
            assert client.get(path, headers={"If-None-Match": found.headers["etag"]}).status_code == 304
        assert client.get("/../app.py").status_code == 404
        assert client.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize(("n_parts", "n_read"), [(3, 3), (100, 9)], ids=["somewhat", "far"])
def test_a_body_that_is_too_large_is_read_for_some_time_so_that_the_client_gets_the_answer(n_parts, n_read):
    from spacy_mluke.serve.guard import Guard
    from spacy_mluke.serve.metrics import Metrics
    from spacy_mluke.serve.settings import Settings

    headers = [(b"content-length", str(100 * n_parts).encode())]
    sent = []
    parts = iter(range(1, n_parts + 1))
    read = []

    async def receive():
        read.append(next(parts))
        return {"type": "http.request", "body": b"a" * 100, "more_body": read[-1] < n_parts}

    async def send(message):
        sent.append(message)

    async def app(*_):
        raise AssertionError("the request is refused before")

    guard = Guard(app, Settings(max_bytes=100), Metrics(), lambda: False)
    scope = {"type": "http", "method": "POST", "path": "/v1/annotate", "headers": headers}
    asyncio.run(guard(scope, receive, send))
    assert sent[0]["status"] == 413 and len(read) == n_read
