"""`train`: as `spacy train`, with states to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

# Settings of the config can be overridden: --training.eval_frequency 100
CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}

CONFIG = typer.Argument(..., help="The config", exists=True, dir_okay=False)
OUTPUT = typer.Argument(..., help="Directory for model-best, model-last and the state of the training")
RESUME = typer.Option(False, "--resume", "-r", help="Go on from the last state, if there is one")
EVERY = typer.Option(0, "--every", "-e", min=0, help="Steps between states; by default, as between evaluations")
FORCE = typer.Option(False, "--force", "-F", help="Begin anew, and replace the training that OUTPUT holds")
CODE = typer.Option(None, "--code", "-c", help="Python file with registered functions", exists=True, dir_okay=False)
GPU = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for none")


def train(
    ctx: typer.Context,
    config: Path = CONFIG,
    output: Path = OUTPUT,
    resume: bool = RESUME,
    every: int = EVERY,
    force: bool = FORCE,
    code: Optional[Path] = CODE,
    gpu_id: int = GPU,
) -> None:
    """Train a pipeline as spacy train does, and go on after an interruption.

    Every so many steps the state of the training is written to OUTPUT/training-state; with --resume, the same command
    goes on from there, to the weights that it would have reached without the interruption. Settings of the config can
    be overridden: --paths.train train.spacy --training.patience 1000

    Several GPUs or machines: torchrun --nproc-per-node 4 -m spacy_mluke train CONFIG OUTPUT --gpu-id 0
    """
    from spacy.cli._util import import_code
    from wasabi import msg

    from ._training import read_overrides, resume_command, run_training

    overrides = read_overrides(ctx)
    import_code(code)
    options = {"--every": every, "--code": code, "--gpu-id": None if gpu_id < 0 else str(gpu_id)}
    process_group = run_training(
        config,
        output,
        overrides,
        resume=resume,
        every=every,
        gpu_id=gpu_id,
        force=force,
        command=resume_command(ctx, (config, output), options),
    )
    if process_group.is_first:
        msg.good(f"Trained. The best pipeline: {output / 'model-best'}")
