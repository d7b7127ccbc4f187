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
    """Write the package, and import it in this process."""
    sys.path.insert(0, str(folder))
    info = folder / "crashing-1.dist-info"
    info.mkdir(parents=True)
    (folder / "crashing.py").write_text(CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[spacy_factories]\ncrashes = crashing:make\n")
    importlib.import_module("crashing")
