"""`pretrain`: pretrain an encoder on entities."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import typer

from ._training import (
    CONTEXT_SETTINGS as CONTEXT_SETTINGS,  # read by _app.py
)
from ._training import (
    EVERY,
    FORCE,
    GPU,
    RESUME,
    SAVE_EVERY,
    read_overrides,
    resume_command,
    run_training,
)

CONFIG = typer.Argument(..., help="The config, such as configs/pretraining.cfg", exists=True, dir_okay=False)
CORPUS = typer.Argument(..., help="Texts whose entities have a kb_id: a .spacy file, or a folder of them", exists=True)
OUTPUT = typer.Argument(..., help="Directory for the checkpoint and the state of the training")


def pretrain(
    ctx: typer.Context,
    config: Path = CONFIG,
    corpus: Path = CORPUS,
    output: Path = OUTPUT,
    resume: bool = RESUME,
    save_every: int = SAVE_EVERY,
    every: Optional[int] = EVERY,
    force: bool = FORCE,
    gpu_id: int = GPU,
) -> None:
    """Pretrain an encoder on entities: predict masked entities in texts with linked entities.

    OUTPUT/checkpoint is a checkpoint directory, which every component accepts as the name of its encoder. With
    --resume, the same command continues an interrupted training. Other options override settings of the config:
    --paths.store entities.sqlite
    """
    from spacy.util import load_model
    from wasabi import msg

    from ..checkpoint.save import save_encoder
    from ..errors.renamed import take_renamed

    save_every = take_renamed("pretrain", "--every", "--save-every", every, save_every)
    overrides = {**read_overrides(ctx), "paths.train": str(corpus)}
    options = {"--save-every": save_every, "--gpu-id": None if gpu_id < 0 else str(gpu_id)}
    process_group = run_training(
        config,
        output,
        overrides,
        resume=resume,
        every=save_every,
        gpu_id=gpu_id,
        force=force,
        command=resume_command(ctx, (config, corpus, output), options),
    )
    if not process_group.is_first:
        return
    # model-best is written only with a development corpus.
    folder = next(path for path in (output / "model-best", output / "model-last") if path.is_dir())
    (pipe,) = [pipe for _, pipe in load_model(folder).pipeline if hasattr(pipe, "loaded_encoder")]
    owner: Any = pipe
    save_encoder(owner.loaded_encoder(), output / "checkpoint")
    msg.good(f"{len(owner.labels):,} entities. Checkpoint: {output / 'checkpoint'}")
