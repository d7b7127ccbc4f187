"""`compact`: make a trained pipeline small."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional

import typer

PIPELINE = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
OUTPUT = typer.Argument(..., help="Directory for the compact pipeline", file_okay=False)
STORAGE = typer.Option("q6", "--storage", help="Bits for each weight that training has changed: q4, q6, q8 or f16")
BASE = typer.Option("mluke-small", "--base", help="The checkpoint that the encoders were trained from")
TEXT = typer.Option([], "--text", help="Text to measure the change of states with. Can be repeated")


def compact(
    pipeline: str = PIPELINE,
    output: Path = OUTPUT,
    storage: str = STORAGE,
    base: str = BASE,
    text: List[str] = TEXT,
) -> None:
    """Make a trained pipeline small: save rounded differences between its encoders and their checkpoint.

    Prints the sizes of the saved encoders, and the largest change of a state on sample texts. Evaluate the compact
    pipeline before you use it.
    """
    from wasabi import msg

    from ..pipeline.compact import SAMPLE, compact
    from ..pipeline.ready_made import load_saved
    from ..storage.pipelines import save

    nlp = load_saved(pipeline)
    source = nlp.path
    before = {name: _size(source, f"{name}/encoder") for name in nlp.component_names}
    total = _size(source)
    compacted = compact(nlp, storage, base=base, texts=text or SAMPLE)
    save(nlp, output)
    rows = [
        (
            found.component,
            before[found.component],
            _size(output, f"{found.component}/encoder"),
            f"{found.largest_change:.4f}",
            f"{found.spread:.4f}",
        )
        for found in compacted
    ]
    rows.append(("whole pipeline", total, _size(output), "", ""))
    header = ("component", "MB before", "MB after", "largest change", "spread of states")
    msg.table(rows, header=header, aligns=tuple("lrrrr"), divider=True)
    msg.good(f"Wrote {output}")


def _size(folder: Optional[Path], part: str = "") -> str:
    """Return the size of a part of a saved pipeline in megabytes."""
    files = [file for file in (folder / part).rglob("*") if file.is_file()] if folder is not None else []
    return f"{sum(file.stat().st_size for file in files) / 1e6:,.2f}"
