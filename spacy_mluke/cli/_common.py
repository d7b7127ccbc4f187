"""What several commands share."""

from __future__ import annotations

import contextlib
from typing import Dict, Iterator

from tqdm import tqdm

from ..vocabulary.database import Progress


def shown(text: str) -> str:
    """A text from a file as a terminal may show it: without characters that steer it.

    text (str): The text.
    RETURNS (str): One line.
    """
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show how an entity database is built.

    YIELDS (Progress): What the building calls.
    """
    bars: Dict[str, tqdm] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            in_bytes = stage == "reading"
            close()
            bars[stage] = tqdm(
                total=total or None,
                desc=f"Entity names: {stage}",
                unit="B" if in_bytes else " steps",
                unit_scale=in_bytes,
                unit_divisor=1024,
                disable=None,  # on when a terminal is there to see it
            )
        bars[stage].update(done - bars[stage].n)

    def close() -> None:
        for bar in bars.values():
            bar.close()

    try:
        yield show
    finally:
        close()
