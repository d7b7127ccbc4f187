"""Train for some time or some steps. The state is written now and then, so an interrupted training can be resumed.

All batches are drawn from one generator of random numbers. A resumed training draws the batches of the steps that are
done again, without computing them: so the order of batches is the same as without the interruption.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

import spacy
import torch
from spacy.language import Language
from spacy.util import fix_random_seed

from spacy_mluke.encoder.optimizer import AdamW
from spacy_mluke.storage.folders import remove_folder
from spacy_mluke.training.state import (
    FOLDER,
    TrainingState,
    find_state,
    pipeline_path,
    read_extra,
    read_state,
    restore_optimizer,
    restore_random,
    save_state,
)

# Learning rate of encoders and their heads.
RATE = 2e-4
# Steps of rising learning rates, and the smallest factor at the end.
WARMUP_STEPS, LEAST_FACTOR = 80, 0.02
# Learned again: the upper half of the encoder. Word embeddings, the entity table and the lower layers stay as they are.
FROZEN = ("embeddings", "entity_embeddings", "layers:0-5")
_LOG_STEPS = 100
# In the output of a training: what it was.
TRAINING_JSON = "training.json"
NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


class Training(Protocol):
    """What is trained."""

    nlp: Language
    optimizer: AdamW

    def draw(self) -> Any:
        """Return the next batch. All random numbers for it are drawn from one generator."""
        ...

    def learn(self, batch: Any, factor: float) -> Optional[Dict[str, float]]:
        """Learn a batch, with learning rates times `factor`. Return the loss of an example by task; None if the batch
        was skipped."""
        ...

    def tensors(self) -> Dict[str, torch.Tensor]:
        """Return tensors outside the pipeline, which the state must hold."""
        ...

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Restore these tensors."""
        ...


@dataclass(frozen=True)
class Budget:
    """How long to train: some minutes, or some steps."""

    minutes: Optional[float] = None
    steps: Optional[int] = None

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise ValueError("Set either --minutes or --steps.")

    def used(self, seconds: float, n_steps: int) -> float:
        """Return the fraction of the budget that is used.

        seconds (float): Time so far.
        n_steps (int): Steps so far.
        RETURNS (float): From 0; 1 or more at the end.
        """
        if self.minutes is not None:
            return seconds / (60 * self.minutes) if self.minutes else 1.0
        assert self.steps is not None
        return n_steps / self.steps if self.steps else 1.0


def rate_factor(n_steps: int, used: float) -> float:
    """Return the factor of learning rates: it rises in the first steps, and falls with the budget that is left.

    n_steps (int): Number of steps so far.
    used (float): Fraction of the budget that is used.
    RETURNS (float): From 0 to 1.
    """
    return min(1.0, (n_steps + 1) / WARMUP_STEPS) * max(LEAST_FACTOR, 1.0 - used)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all trainings have.

    parser (argparse.ArgumentParser): The parser.
    """
    parser.add_argument("data", type=Path, help="folder with ner, relations, qa and entities")
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--minutes", type=float, help="how long to train")
    parser.add_argument("--steps", type=int, help="how long to train, in steps; in place of --minutes")
    parser.add_argument("--resume", action="store_true", help="resume from the last state, if there is one")
    parser.add_argument("--save-every", type=float, default=10, help="minutes between states (default: %(default)s)")
    parser.add_argument("--checkpoint", default="mluke-small", help="checkpoint to start from (default: %(default)s)")
    parser.add_argument("--start", type=Path, help="output of an earlier training: start from its weights")
    parser.add_argument("--frozen", default=",".join(FROZEN), help="parts that are not trained (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=RATE, help="learning rate of the encoder (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: %(default)s)")


def read_command_line(
    description: str, args: Optional[List[str]], more: Callable[[argparse.ArgumentParser], None] = lambda parser: None
) -> Tuple[argparse.Namespace, Budget]:
    """Read the command line of a training, and seed all random numbers.

    description (str): What the script does.
    args (Optional[List[str]]): The arguments; None for those of the process.
    more (Callable[[argparse.ArgumentParser], None]): Adds options of its own.
    RETURNS (Tuple[argparse.Namespace, Budget]): The options, and how long to train.
    """
    parser = argparse.ArgumentParser(description=description)
    add_options(parser)
    more(parser)
    given = parser.parse_args(args)
    torch.set_num_threads(1)
    fix_random_seed(given.seed)
    return given, Budget(given.minutes, given.steps)


def open_pipeline(
    given: argparse.Namespace,
    path: Optional[Path],
    make_pipeline: Callable[[str, Sequence[str]], Language],
    changes: Mapping[str, Any] = NO_CHANGES,
) -> Language:
    """Return the pipeline to train.

    given (argparse.Namespace): The options.
    path (Optional[Path]): As from `state_to_resume`.
    make_pipeline (Callable[[str, Sequence[str]], Language]): Makes a new one of a checkpoint and the parts to freeze.
    changes (Mapping[str, Any]): What to change in the config of an earlier training, such as options of the loss.
    RETURNS (Language): That of the state, that of the earlier training, or a new one.
    """
    if path is not None:
        return spacy.load(pipeline_path(path))
    if given.start is not None:
        return spacy.load(given.start / "pipeline", config=dict(changes))
    return make_pipeline(given.checkpoint, frozen_parts(given.frozen))


def state_to_resume(given: argparse.Namespace) -> Optional[Path]:
    """Return the folder of the state to resume from.

    given (argparse.Namespace): The options.
    RETURNS (Optional[Path]): None to start anew.
    """
    return find_state(given.output / FOLDER) if given.resume else None


def train(training: Training, budget: Budget, given: argparse.Namespace, path: Optional[Path]) -> TrainingState:
    """Train until the budget is used.

    training (Training): What is trained: initialized, or with the pipeline of the state.
    budget (Budget): How long to train.
    given (argparse.Namespace): The options.
    path (Optional[Path]): As from `state_to_resume`.
    RETURNS (TrainingState): Numbers of steps, of drawn and of skipped batches, and seconds.
    """
    state = TrainingState(0, given.seed, 1, {}, [], extra={"drawn": 0, "skipped": 0, "seconds": 0.0})
    if path is not None:
        state = resume(training, path)
    started = time.monotonic() - state.extra["seconds"]
    last_saved = state.extra["seconds"]
    losses: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    while True:
        seconds = time.monotonic() - started
        used = budget.used(seconds, state.n_steps)
        if used >= 1:
            break
        factor = rate_factor(state.n_steps, used)
        found = training.learn(training.draw(), factor)
        state.extra["drawn"] += 1
        if found is None:
            state.extra["skipped"] += 1
            continue
        state.n_steps += 1
        losses.update(found)
        counts.update(found.keys())
        if state.n_steps % _LOG_STEPS == 0:
            means = " ".join(f"{task} {total / counts[task]:.3f}" for task, total in sorted(losses.items()))
            print(f"step {state.n_steps} {seconds:.0f} s, loss: {means}, factor {factor:.3f}", flush=True)
            losses.clear()
            counts.clear()
        state.extra["seconds"] = time.monotonic() - started
        if state.extra["seconds"] - last_saved >= 60 * given.save_every:
            last_saved = state.extra["seconds"]
            save_state(
                given.output / FOLDER, training.nlp, training.optimizer, state, keep=path, extra=training.tensors()
            )
    return state


def resume(training: Training, path: Path) -> TrainingState:
    """Restore the state of a training, and draw the batches again that it has learned.

    training (Training): What is trained, with the pipeline of the state.
    path (Path): As from `state_to_resume`.
    RETURNS (TrainingState): The progress.
    """
    state = read_state(path)
    restore_optimizer(path, training.nlp, training.optimizer, state)
    training.restore(read_extra(path))
    for _ in range(state.extra["drawn"]):
        training.draw()
    restore_random(path, state)
    return state


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, and its folder if that is missing.

    path (Path): The file.
    content (Mapping[str, Any]): Its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf8")


def finish(output: Path) -> None:
    """Remove the states of a training that is finished.

    output (Path): The training's folder.
    """
    remove_folder(output / FOLDER)


def frozen_parts(text: str) -> Sequence[str]:
    """Return the parts of the encoder that are not trained.

    text (str): The option's value.
    RETURNS (Sequence[str]): Values for the encoder's option `frozen`.
    """
    return [part for part in text.split(",") if part]
