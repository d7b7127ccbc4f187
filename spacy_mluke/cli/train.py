"""`train`: `spacy train` with saved states, for resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

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

CONFIG = typer.Argument(..., help="The config", exists=True, dir_okay=False)
OUTPUT = typer.Argument(..., help="Directory for model-best, model-last and the state of the training")
CODE = typer.Option(None, "--code", "-c", help="Python file with registered functions", exists=True, dir_okay=False)


def train(
    ctx: typer.Context,
    config: Path = CONFIG,
    output: Path = OUTPUT,
    resume: bool = RESUME,
    save_every: int = SAVE_EVERY,
    every: Optional[int] = EVERY,
    force: bool = FORCE,
    code: Optional[Path] = CODE,
    gpu_id: int = GPU,
) -> None:
    """Train a pipeline as `spacy train` does; an interrupted training can be resumed.

    The state of the training is saved in OUTPUT/training-state. With --resume, the same command continues from there,
    and reaches the weights of an uninterrupted training. Other options override settings of the config: --paths.train
    train.spacy --training.patience 1000

    Several GPUs or machines: torchrun --nproc-per-node 4 -m spacy_mluke train CONFIG OUTPUT --gpu-id 0
    """
    from spacy.cli._util import import_code
    from wasabi import msg

    from ..errors.renamed import take_renamed

    save_every = take_renamed("train", "--every", "--save-every", every, save_every)
    overrides = read_overrides(ctx)
    import_code(code)
    options = {"--save-every": save_every, "--code": code, "--gpu-id": None if gpu_id < 0 else str(gpu_id)}
    process_group = run_training(
        config,
        output,
        overrides,
        resume=resume,
        every=save_every,
        gpu_id=gpu_id,
        force=force,
        command=resume_command(ctx, (config, output), options),
    )
    if process_group.is_first:
        msg.good(f"Trained. The best pipeline: {output / 'model-best'}")
