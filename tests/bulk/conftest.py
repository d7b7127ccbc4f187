"""Worker processes of these tests are forked from a process that has already imported all modules."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from spacy_mluke.bulk import preload
from tests.bulk import crashing

PRELOADED = [preload.__name__, "pytest", "spacy_mluke.cli.annotate", "spacy_mluke.bulk.run", "tests.bulk.test_runs"]


@pytest.fixture(scope="package", autouse=True)
def processes(tmp_path_factory):
    """Make the crashing component known to worker processes."""
    code = tmp_path_factory.mktemp("code")
    path, variable = list(sys.path), os.environ.get("PYTHONPATH")
    crashing.install(code)
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, [code, Path(__file__).parents[2], variable])))
    _restart_fork_server()
    yield
    sys.path[:] = path
    if variable is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = variable


def _restart_fork_server() -> None:
    """Stop the fork server, so that the next one reads the entry points again. It stays for the tests of other folders,
    which need no more than it has imported."""
    server: Any = multiprocessing.forkserver._forkserver
    server._stop()
    server.set_forkserver_preload(PRELOADED)
