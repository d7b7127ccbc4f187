"""Processes that tests of this folder start are forked from one that has imported what all of them need."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import sys
from pathlib import Path
from typing import Any, List

import pytest

from spacy_mluke.bulk import warm
from tests.bulk import crashing

PRELOADED = [warm.__name__, "pytest", "spacy_mluke.cli.annotate", "spacy_mluke.bulk.run", "tests.bulk.test_runs"]


@pytest.fixture(scope="package", autouse=True)
def processes(tmp_path_factory):
    """They know the component that crashes."""
    code = tmp_path_factory.mktemp("code")
    path, variable = list(sys.path), os.environ.get("PYTHONPATH")
    crashing.install(code)
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, [code, Path(__file__).parents[2], variable])))
    _begin_anew(PRELOADED)
    yield
    sys.path[:] = path
    if variable is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = variable
    _begin_anew([warm.__name__])


def _begin_anew(modules: List[str]) -> None:
    """What is forked has read which components there are, and has imported what it was told first: let it do so again.

    modules (List[str]): The modules.
    """
    server: Any = multiprocessing.forkserver._forkserver
    server._stop()
    server.set_forkserver_preload(modules)
