"""The server as a process: settings, missing packages, and signals."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from unittest.mock import MagicMock

import pytest
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.serve.packages import check_packages
from spacy_mluke.serve.settings import VARIABLE, Settings
from tests.conftest import REPO

# The processes have no real pipeline, because importing torch takes seconds.
NO_TORCH = """
import sys
sys.modules["torch"] = None
"""
# Annotating takes 50 ms.
SLOW = """
import time
from types import SimpleNamespace
import uvicorn
from spacy_mluke.serve.app import make_app
from spacy_mluke.serve.settings import VARIABLE, Settings

def run(key, texts):
    time.sleep(0.05)
    return [{{"text": text.text}} for text in texts]

def load(settings):
    return SimpleNamespace(nlp=SimpleNamespace(pipe_names=[]), run=run)

uvicorn.run(make_app(Settings(batch_size=4), load), port={port}, log_level="warning")
"""
# Says which process has annotated, and how often the pipeline was loaded.
FORKING = """
import os
from types import SimpleNamespace
from spacy_mluke.serve.processes import run_processes
from spacy_mluke.serve.settings import Settings

loaded = []

def run(key, texts):
    return [{{"text": f"{{os.getpid()}} {{len(loaded)}}"}} for _ in texts]

def load(settings):
    loaded.append(settings)
    return SimpleNamespace(nlp=SimpleNamespace(pipe_names=[]), run=run)

run_processes(Settings(threads=1), 2, "", {{"port": {port}, "log_level": "warning"}}, load)
"""


def test_settings_are_checked_and_survive_json():
    settings = Settings("pipeline", token="é", origins=("https://example.org",))
    assert Settings.from_json(settings.to_json()) == settings
    for wrong in ({"batch_size": 0}, {"timeout": 0}, {"token": ""}, {"max_bytes": 2.5}, {"origins": "https://a.org"}):
        with pytest.raises(ValueError, match=r"\[ML(071|310)\]"):
            Settings(**wrong)


def test_a_worker_process_gets_its_settings_from_the_environment(packages, monkeypatch):
    from spacy_mluke.serve import server

    monkeypatch.setattr(server.logging, "captureWarnings", bool)
    settings = Settings("pipeline", batch_size=7, token="a")
    monkeypatch.setenv(VARIABLE, settings.to_json())
    assert server.make_process_app().state.service.settings == settings


def test_the_process_that_starts_others_loads_neither_spacy_nor_torch(packages):
    code = "import sys, spacy_mluke.serve.server; print([m for m in ('spacy', 'torch') if m in sys.modules])"
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip() == "[]"


def test_without_the_packages_the_command_says_what_to_install(monkeypatch):
    for name in ("fastapi", "prometheus_client"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"\[ML435\] .*fastapi.*prometheus-client.*pip install fastapi"):
        check_packages()
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 1
    assert "ML435" in result.output


def test_a_pipeline_that_cannot_be_loaded_is_a_message(packages, tmp_path):
    result = CliRunner().invoke(app, ["serve", str(tmp_path / "missing"), "--port", "0"])
    assert result.exit_code == 1
    assert "[ML350]" in result.output


@pytest.mark.parametrize(("options", "seconds"), [({}, 75.0), ({"keep_alive": 7.5}, 7.5)], ids=["default", "given"])
def test_connections_without_a_request_stay_open_longer_than_those_of_proxies(packages, monkeypatch, options, seconds):
    from spacy_mluke.serve import server

    given = {}
    monkeypatch.setattr(server.logging.config, "dictConfig", bool)
    monkeypatch.setattr(server, "make_process_app", lambda _: MagicMock())
    monkeypatch.setattr(server.uvicorn, "run", lambda _, **options: given.update(options))
    server.run_server(Settings(), host="127.0.0.1", port=0, **options)
    assert given["timeout_keep_alive"] == seconds


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def running(code):
    """Run a server in a process; yield the process and the server's URL, once it answers."""
    import httpx

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {**os.environ, "PYTHONPATH": str(REPO)}
    server = subprocess.Popen([sys.executable, "-c", NO_TORCH + code.format(port=port)], env=env, cwd=REPO)
    try:
        with httpx.Client() as client:
            for _ in range(600):
                try:
                    client.get(f"{url}/metrics")
                    break
                except httpx.HTTPError:
                    assert server.poll() is None
                    time.sleep(0.05)
        yield server, url
    finally:
        server.kill()
        server.wait()


def test_processes_with_one_thread_may_be_forked(packages, monkeypatch):
    from spacy_mluke.serve import processes

    monkeypatch.setattr(processes.sys, "platform", "linux")
    assert processes.can_fork(Settings(threads=1))
    assert not any(map(processes.can_fork, (Settings(threads=2), Settings(threads=1, gpu_id=0), Settings())))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_forked_processes_share_what_was_loaded_and_their_metrics(packages):
    import httpx

    # Each request has its own connection: any process may accept it.
    with running(FORKING) as (server, url), httpx.Client(base_url=url, headers={"Connection": "close"}) as client:

        def who_answers():
            found = client.post("/v1/annotate", json={"texts": ["a"]}).json()
            pid, n_loaded = found["documents"][0]["text"].split()
            assert n_loaded == "1"
            return int(pid)

        answered = []
        while len(set(answered)) < 2:
            answered.append(who_answers())
        assert f'route="/v1/annotate",status="200"}} {float(len(answered))}' in client.get("/metrics").text
        os.kill(answered[0], signal.SIGKILL)
        while who_answers() in answered:  # until the process that died is replaced
            time.sleep(0.02)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM")
def test_sigterm_under_load_loses_no_request_that_was_sent(packages):
    import httpx

    answered, lost, refused = [], [], []

    def request(number):
        with httpx.Client(timeout=30) as client:
            for i in range(1000):
                text = f"{number} {i}"
                try:
                    found = client.post(f"{url}/v1/annotate", json={"texts": [text]})
                except httpx.ConnectError:
                    refused.append(text)  # the server does not listen any more
                    return
                except httpx.HTTPError as error:
                    lost.append((text, error))
                    return
                assert found.json()["documents"][0]["text"] == text
                answered.append(text)

    with running(SLOW) as (server, url):
        threads = [threading.Thread(target=request, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        while len(answered) < 8:
            time.sleep(0.01)
        server.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(30)
        server.wait(30)
    assert lost == []
    assert len(refused) == 8
