"""`export-onnx`: export a pipeline as ONNX graphs."""

from __future__ import annotations

from pathlib import Path
from typing import List

import typer

PIPELINE = typer.Argument(..., help="A pipeline: its directory, the name of its package, or xx_mluke_small")
OUTPUT = typer.Argument(..., help="Directory to write; an earlier export in it is replaced", file_okay=False)
COMPONENT = typer.Option([], "--component", help="Component to export; repeatable. By default, all that can be")
ENTITIES = typer.Option("special", "--entities", help="Rows of the entity table: special ([MASK], [UNK]...) or all")
PRECISION = typer.Option("float32", "--precision", help="float32, or int8: faster, with less exact results")


def export_onnx(
    pipeline: str = PIPELINE,
    output: Path = OUTPUT,
    component: List[str] = COMPONENT,
    entities: str = ENTITIES,
    precision: str = PRECISION,
) -> None:
    """Export a pipeline as ONNX graphs, which run without PyTorch and spaCy.

    The directory contains the graphs of encoders and heads, their weights, the wordpieces, and a manifest. Graphs are
    compared with PyTorch before it is put in place. `spacy_mluke.OnnxPipeline` runs it.
    """
    from wasabi import msg

    from ..onnx.export import export_onnx as export
    from ..pipeline.ready_made import load_saved

    nlp = load_saved(pipeline)
    found = export(nlp, output, components=component or None, entities=entities, precision=precision)
    for name, reason in found.skipped.items():
        if name not in found.components:
            msg.info(f"Skipped {name}: it {reason}")
    rows = [(name, f"{difference:.1e}") for name, difference in found.differences.items()]
    msg.table(rows, header=("encoder or head", "largest difference from PyTorch"), aligns=("l", "r"), divider=True)
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    msg.good(f"Wrote {output}: {', '.join(found.components)}, {size / 1e6:,.1f} MB")
