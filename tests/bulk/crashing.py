"""A component that crashes its process, and once its parent process, in a package that other processes can import."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

CODE = """
import multiprocessing
import os
import signal
from pathlib import Path
from spacy.language import Language

@Language.factory("crashes", default_config={"flag": ""})
def make(nlp, name, flag):
    def crash(doc):
        if doc.text.startswith("2 ") and flag and not Path(flag).exists():
            Path(flag).touch()
            os.kill(multiprocessing.parent_process().pid, signal.SIGKILL)
        if doc.text.startswith("7 "):
            os._exit(3)
        return doc
    return crash
"""


def install(folder: Path) -> None:
    """Write the package, and import it in this process.

    Processes with `folder` on their path do not see the entry points of spacy-transformers, which no test of this
    folder uses: spaCy would import it, and with it transformers, which is two fifths of a process's start.
    """
    sys.path.insert(0, str(folder))
    (folder / "crashing.py").write_text(CODE)
    _write_metadata(folder, "crashing", "[spacy_factories]\ncrashes = crashing:make\n")
    _write_metadata(folder, "spacy_transformers", "")
    importlib.import_module("crashing")


def _write_metadata(folder: Path, name: str, entry_points: str) -> None:
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(entry_points)
