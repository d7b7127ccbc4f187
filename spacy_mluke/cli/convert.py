"""`convert`: convert a checkpoint to this package's format, or to the format of transformers."""

from __future__ import annotations

from pathlib import Path

import typer

SOURCE = typer.Argument(..., help="Checkpoint: mluke-small, a directory or a hub name")
TARGET = typer.Argument(..., help="Directory to write")
HUGGINGFACE = typer.Option(False, "--huggingface", "-H", help="Write a directory for LukeModel.from_pretrained")
FORCE = typer.Option(False, "--force", "-F", help="Write into a directory that is not empty")


def convert(
    source: str = SOURCE,
    target: Path = TARGET,
    huggingface: bool = HUGGINGFACE,
    force: bool = FORCE,
) -> None:
    """Convert a checkpoint to this package's format, or to the format of transformers.

    This package's format has weights as safetensors and entity names in SQLite, so both are memory-mapped or queried
    instead of read when the checkpoint is loaded.
    """
    import dataclasses
    import time

    from wasabi import msg

    from ..checkpoint.directory import open_checkpoint
    from ..checkpoint.huggingface import export_huggingface
    from ..checkpoint.load import load_encoder
    from ..checkpoint.save import save_encoder
    from ..errors import Errors
    from ._common import progress_bar

    started = time.perf_counter()
    if target.exists() and (not target.is_dir() or any(target.iterdir())) and not force:
        raise ValueError(Errors.ML091.format(path=target))
    checkpoint = open_checkpoint(source)
    if target.is_dir() and checkpoint.path.samefile(target):
        raise ValueError(Errors.ML092.format(path=target))
    # Tensors keep the file's dtype: unchanged tensors need not be copied or read.
    dtype = next(iter(checkpoint.tensors.encoder.values())).dtype
    loaded = load_encoder(source, dtype=dtype)
    target.mkdir(parents=True, exist_ok=True)
    if huggingface:
        export_huggingface(loaded, target)
    else:
        with progress_bar() as progress:
            entities = loaded.entities.build(target, progress=progress)
        save_encoder(dataclasses.replace(loaded, entities=entities), target)
    size = sum(file.stat().st_size for file in target.iterdir())
    seconds = time.perf_counter() - started
    msg.good(f"Wrote {target}: {size / 1e6:,.0f} MB in {seconds:.1f} s")
