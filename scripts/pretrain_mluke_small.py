"""The training of `mluke-small`: `spacy_mluke pretrain` with the settings that the bundled checkpoint was trained with.

    python -m scripts.pretrain_mluke_small training/mluke-small --resume

Words keep their embeddings and the lower six layers their weights: these stay in the base's exact 4-bit blocks, and the
checkpoint keeps within its 80 MB.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

SETTINGS: Dict[str, Any] = {
    "components.mluke_pretraining.model.encoder.frozen": '["embeddings", "layers:0-5"]',
    "components.mluke_pretraining.model.encoder.mixed_precision": "true",
    "components.mluke_pretraining.hidden": 0.6,
    "components.mluke_pretraining.keep_words": 0.1,
    "components.mluke_pretraining.entity_steps": 100,
    "training.optimizer.learn_rate.initial_rate": 3e-4,
    "training.batcher.size": 40,
    "training.max_steps": 2000,
    "training.eval_frequency": 200,
}


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the bundled checkpoint mluke-small.")
    parser.add_argument("work", type=Path, help="folder with base, world and corpus; pretrained is written there")
    parser.add_argument("--resume", action="store_true", help="go on from the last state, if there is one")
    given = parser.parse_args()
    sys.exit(subprocess.run([sys.executable, "-m", "spacy_mluke", *arguments(given.work, given.resume)]).returncode)


def arguments(work: Path, resume: bool) -> List[str]:
    """The command line of the training.

    work (Path): Its folder.
    resume (bool): Whether it goes on from the last state.
    RETURNS (List[str]): What `python -m spacy_mluke` takes.
    """
    paths = {
        "paths.checkpoint": work / "base",
        "paths.dev": work / "corpus" / "dev.spacy",
        "paths.store": work / "world" / "entities.sqlite",
        "paths.curve": work / "curve.jsonl",
    }
    options = [part for key, value in {**paths, **SETTINGS}.items() for part in (f"--{key}", str(value))]
    corpus = work / "corpus" / "train.spacy"
    flags = ["--resume"] if resume else []
    return ["pretrain", "configs/pretraining.cfg", str(corpus), str(work / "pretrained"), *flags, *options]


if __name__ == "__main__":
    main()
