"""`export`: a trained component -> a directory in Hugging Face format."""

from __future__ import annotations

from pathlib import Path

import typer

PIPELINE = typer.Argument(..., help="A pipeline: a directory or the name of a package")
COMPONENT = typer.Argument(..., help="The component, such as mluke_relations")
TARGET = typer.Argument(..., help="Directory to write, made if missing")
FORCE = typer.Option(False, "--force", "-F", help="Write into a directory that is not empty")


def export(pipeline: str = PIPELINE, component: str = COMPONENT, target: Path = TARGET, force: bool = FORCE) -> None:
    """Write a trained component as a model that transformers opens.

    The directory holds the encoder and the head under their published names, with the labels. It can also be named in
    a config, as the checkpoint of a component of the same kind.
    """
    import spacy
    from wasabi import msg

    from ..errors import Errors, did_you_mean
    from ..pipeline.export import export_component
    from ._common import coded_errors

    with coded_errors():
        if target.exists() and (not target.is_dir() or any(target.iterdir())) and not force:
            raise ValueError(Errors.ML091.format(path=target))
        try:
            nlp = spacy.load(pipeline)
        except OSError as error:
            msg.fail(str(error), exits=1)
        if component not in nlp.component_names:
            hint = did_you_mean(component, nlp.component_names)
            names = ", ".join(nlp.component_names) or "none"
            raise ValueError(Errors.ML251.format(name=component, names=names, hint=hint))
        kind = export_component(nlp.get_pipe(component), target)
    size = sum(file.stat().st_size for file in target.iterdir())
    msg.good(f"Wrote {target}: {kind}, {size / 1e6:,.1f} MB")
