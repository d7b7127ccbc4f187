"""`export`: export a trained component as a model for transformers."""

from __future__ import annotations

from pathlib import Path

import typer

PIPELINE = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
COMPONENT = typer.Argument(..., help="The component, such as mluke_relations")
TARGET = typer.Argument(..., help="Directory to write")
FORCE = typer.Option(False, "--force", "-F", help="Write into a directory that is not empty")


def export(pipeline: str = PIPELINE, component: str = COMPONENT, target: Path = TARGET, force: bool = FORCE) -> None:
    """Export a trained component as a model for transformers.

    The directory contains the encoder and the head with the tensor names of transformers, and the labels. It can also
    be the checkpoint of a component of the same kind.
    """
    from wasabi import msg

    from ..errors import Errors, did_you_mean
    from ..pipeline.export import export_component, reason_against_export
    from ..pipeline.ready_made import load_saved

    if target.exists() and (not target.is_dir() or any(target.iterdir())) and not force:
        raise ValueError(Errors.ML091.format(path=target))
    nlp = load_saved(pipeline)
    if component not in nlp.component_names:
        hint = did_you_mean(component, nlp.component_names)
        names = ", ".join(nlp.component_names) or "none"
        raise ValueError(Errors.ML251.format(name=component, names=names, hint=hint))
    reason = reason_against_export(nlp.get_pipe(component))
    if reason is not None:
        names = ", ".join(name for name, pipe in nlp.components if reason_against_export(pipe) is None)
        raise ValueError(Errors.ML329.format(name=component, reason=reason, names=names or "none of its components"))
    kind = export_component(nlp.get_pipe(component), target)
    size = sum(file.stat().st_size for file in target.iterdir())
    msg.good(f"Wrote {target}: {kind}, {size / 1e6:,.1f} MB")
