"""Pretrain `mluke-small`: four runs of `spacy_mluke pretrain` with the settings of the bundled checkpoint.

    python -m scripts.pretrain_mluke_small training/mluke-small --resume

Word embeddings and the lower six layers are frozen: they stay in the base model's 4-bit blocks, so the checkpoint stays
below 80 MB. Each run starts from the checkpoint of the previous run, and masks fewer mentions: masked mentions teach
facts, visible mentions teach what a mention in a text means.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

CONFIG = Path(__file__).parents[1] / "configs" / "pretraining.cfg"
SETTINGS: Dict[str, Any] = {
    "components.mluke_pretraining.model.encoder.frozen": '["embeddings", "layers:0-5"]',
    "components.mluke_pretraining.model.encoder.mixed_precision": "true",
    "components.mluke_pretraining.keep_words": 0.1,
    "training.optimizer.learn_rate.initial_rate": 3e-4,
    "training.batcher.size": 40,
    "training.eval_frequency": 200,
}
RUNS: Sequence[Dict[str, Any]] = (
    {
        "components.mluke_pretraining.replaced": 0.6,
        "components.mluke_pretraining.entity_steps": 100,
        "training.optimizer.learn_rate.total_steps": 2600,
    },
    {
        "components.mluke_pretraining.replaced": 0.5,
        "components.mluke_pretraining.entity_steps": 0,
        "training.optimizer.learn_rate.total_steps": 1040,
    },
    {
        "components.mluke_pretraining.replaced": 0.4,
        "components.mluke_pretraining.entity_steps": 0,
        "training.max_steps": 600,
        "training.optimizer.learn_rate.total_steps": 2000,
    },
    {
        "components.mluke_pretraining.replaced": 0.25,
        "components.mluke_pretraining.entity_steps": 0,
        "training.optimizer.learn_rate.total_steps": 900,
        "training.optimizer.learn_rate.warmup_steps": 30,
    },
)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the bundled checkpoint mluke-small.")
    parser.add_argument("work", type=Path, help="folder with base, world and corpus; pretrained is written there")
    parser.add_argument("--resume", action="store_true", help="resume from the last state, if there is one")
    given = parser.parse_args()
    for number in range(len(RUNS)):
        if given.resume and checkpoint_of(given.work, number).is_dir():
            continue
        command = [sys.executable, "-m", "spacy_mluke", *arguments(given.work, number, given.resume)]
        code = subprocess.run(command).returncode
        if code:
            sys.exit(code)


def checkpoint_of(work: Path, number: int) -> Path:
    """Return the checkpoint directory of a run.

    work (Path): Folder of the training.
    number (int): Number of the run, from 0.
    RETURNS (Path): The directory.
    """
    is_last = number == len(RUNS) - 1
    return work / ("pretrained" if is_last else f"pretrained-{number + 1}") / "checkpoint"


def arguments(work: Path, number: int, resume: bool) -> List[str]:
    """Return the command line of a run.

    work (Path): Folder of the training.
    number (int): Number of the run, from 0.
    resume (bool): Whether to resume from the last state.
    RETURNS (List[str]): Arguments of `python -m spacy_mluke`.
    """
    output = checkpoint_of(work, number).parent
    settings = {
        "paths.checkpoint": checkpoint_of(work, number - 1) if number else work / "base",
        "paths.dev": work / "corpus" / "dev.spacy",
        "paths.store": work / "world" / "entities.sqlite",
        "paths.curve": output.with_suffix(".jsonl"),
        **SETTINGS,
        **RUNS[number],
    }
    options = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
    corpus = work / "corpus" / "train.spacy"
    flags = ["--resume"] if resume else []
    return ["pretrain", str(CONFIG), str(corpus), str(output), *flags, *options]


if __name__ == "__main__":
    main()
