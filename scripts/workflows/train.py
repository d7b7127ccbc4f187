"""Train one system of a task; the same command resumes an interrupted training.

    python -m scripts.workflows.train relations mluke-w corpus/relations training/relations

Writes TRAINING/SYSTEM-SEED with model-best and curve.jsonl.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import typer
from wasabi import msg

from scripts.workflows.tasks import CONFIGS, MARKED, STORE, TASKS, run_folder
from spacy_mluke.cli._training import run_training
from spacy_mluke.errors import check_choice
from spacy_mluke.report.summary import CURVE

TASK = typer.Argument(..., help="relations, ner, qa, cloze or linking")
SYSTEM = typer.Argument(..., help="mluke-e, mluke-w, tok2vec or plain")
CORPUS = typer.Argument(..., help="Folder that convert has written", exists=True)
TRAINING = typer.Argument(..., help="Folder for the trained systems of the task")
ENCODER = typer.Option("mluke-small", help="The checkpoint to start from")
SEED = typer.Option(0, help="The seed")
STEPS = typer.Option(0, help="Number of steps; 0: as in the config")
EVERY = typer.Option(100, help="Steps between evaluations")
GPU = typer.Option(-1, help="GPU id; -1: CPU")
PRECISION = typer.Option("false", help="true: train in bfloat16, for processors with bfloat16 units")


def main(
    task: str = TASK,
    system: str = SYSTEM,
    corpus: Path = CORPUS,
    training: Path = TRAINING,
    encoder: str = ENCODER,
    seed: int = SEED,
    steps: int = STEPS,
    eval_frequency: int = EVERY,
    gpu_id: int = GPU,
    mixed_precision: str = PRECISION,
) -> None:
    """Train one system of a task."""
    check_choice("task", task, tuple(TASKS))
    check_choice("system", system, tuple(TASKS[task].systems))
    check_choice("mixed_precision", mixed_precision, ("true", "false"))
    name = run_folder(system, seed)
    if TASKS[task].systems[system].is_extra:
        from scripts.workflows.plain import train_plain

        train_plain(
            corpus,
            training / name,
            training / name / CURVE,
            encoder=encoder,
            seed=seed,
            steps=steps,
            eval_frequency=eval_frequency,
            gpu_id=gpu_id,
            in_bfloat16=mixed_precision == "true",
        )
        return
    found = overrides_of(task, system, corpus, encoder=encoder, seed=seed, steps=steps, eval_frequency=eval_frequency)
    if TASKS[task].systems[system].has_encoder:
        found[f"components.{TASKS[task].component}.model.encoder.mixed_precision"] = mixed_precision == "true"
    if TASKS[task].systems[system].has_curve:
        found["training.logger.@loggers"] = "spacy-mluke.CurveLogger.v1"
        found["training.logger.path"] = str(training / name / CURVE)
    config = CONFIGS / TASKS[task].systems[system].config
    run_training(config, training / name, found, resume=True, every=0, gpu_id=gpu_id, force=True)
    msg.good(f"Trained {TASKS[task].systems[system].title}: {training / name / 'model-best'}")


def overrides_of(
    task: str, system: str, corpus: Path, *, encoder: str, seed: int, steps: int, eval_frequency: int
) -> Dict[str, Any]:
    """Return the settings that replace those of a system's config.

    task (str): The task.
    system (str): The system.
    corpus (Path): Folder that convert has written.
    encoder (str): The checkpoint to start from.
    seed (int): The seed.
    steps (int): Number of steps; 0: as in the config.
    eval_frequency (int): Steps between evaluations.
    RETURNS (Dict[str, Any]): Settings by dotted name.
    """
    own = TASKS[task].systems[system]
    folder = corpus / MARKED if own.reads_marked else corpus
    found = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "dev.spacy"),
        "system.seed": seed,
        "training.eval_frequency": eval_frequency,
        # Every system of a task trains for the same number of steps: no early stopping.
        "training.patience": 0,
        **own.overrides,
    }
    if own.has_encoder:
        found["paths.checkpoint"] = encoder
    if task == "linking":
        found["paths.store"] = str(corpus / STORE)
    if steps:
        # In configs with our optimizer, max_steps refers to the schedule's total_steps.
        found[f"training.{'optimizer.learn_rate.total_steps' if own.has_encoder else 'max_steps'}"] = steps
    return found


if __name__ == "__main__":
    typer.run(main)
