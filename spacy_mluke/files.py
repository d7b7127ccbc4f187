"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import Iterator


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name; it takes its place when it is whole, and goes if something fails.

    Whoever has the file that was there open, or mapped into memory, keeps it as it was.

    path (Path): The file.
    YIELDS (Path): Where to write.
    """
    with scratch(path) as aside:
        yield aside
        aside.replace(path)


@contextlib.contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """A name beside a file for what is only needed while it is written.

    path (Path): The file.
    YIELDS (Path): Where to write; what is there afterwards goes.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)
