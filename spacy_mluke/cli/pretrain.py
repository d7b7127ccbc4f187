"""`pretrain`: an encoder learns entities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

# Settings of the config can be overridden: --training.eval_frequency 100
CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}

CONFIG = typer.Argument(..., help="The config, such as configs/pretraining.cfg", exists=True, dir_okay=False)
CORPUS = typer.Argument(..., help="Text whose entities have a kb_id: a .spacy file, or a folder", exists=True)
OUTPUT = typer.Argument(..., help="Directory for the checkpoint and the state of the training")
RESUME = typer.Option(False, "--resume", "-r", help="Go on from the last state, if there is one")
EVERY = typer.Option(0, "--every", "-e", min=0, help="Steps between states; by default, as between evaluations")
FORCE = typer.Option(False, "--force", "-F", help="Begin anew, and replace the training that OUTPUT holds")
GPU = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for none")


def pretrain(
    ctx: typer.Context,
    config: Path = CONFIG,
    corpus: Path = CORPUS,
    output: Path = OUTPUT,
    resume: bool = RESUME,
    every: int = EVERY,
    force: bool = FORCE,
    gpu_id: int = GPU,
) -> None:
    """Teach an encoder entities, by masking them in text that names them.

    OUTPUT/checkpoint is a directory that every component takes as the name of its encoder. With --resume, the same
    command goes on after an interruption. Settings of the config can be overridden: --paths.store entities.sqlite
    """
    from spacy.util import load_model
    from wasabi import msg

    from ..checkpoint.save import save_encoder
    from ._training import read_overrides, resume_command, run_training

    overrides = {**read_overrides(ctx), "paths.train": str(corpus)}
    options = {"--every": every, "--gpu-id": None if gpu_id < 0 else str(gpu_id)}
    process_group = run_training(
        config,
        output,
        overrides,
        resume=resume,
        every=every,
        gpu_id=gpu_id,
        force=force,
        command=resume_command(ctx, (config, corpus, output), options),
    )
    if not process_group.is_first:
        return
    # The best by the dev corpus; without one, the last.
    folder = next(path for path in (output / "model-best", output / "model-last") if path.is_dir())
    (pipe,) = [pipe for _, pipe in load_model(folder).pipeline if hasattr(pipe, "loaded_encoder")]
    owner: Any = pipe
    save_encoder(owner.loaded_encoder(), output / "checkpoint")
    msg.good(f"{len(owner.labels):,} entities. The checkpoint: {output / 'checkpoint'}")
