"""Training as in `spacy train`, which can be resumed after an interruption.

spaCy's loop starts at step 0, also when a training is resumed: the corpus is read and batched as before, but nothing is
computed until the first step that was not done. So schedules, epochs, patience and the order of batches are the same as
without the interruption.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sys
from pathlib import Path
from typing import IO, Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple, TypeVar, cast

import numpy
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.loop import (
    DIR_MODEL_BEST,
    DIR_MODEL_LAST,
    clean_output_dir,
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    train_while_improving,
    update_meta,
)
from spacy.util import registry, resolve_dot_names
from thinc.api import fix_random_seed, set_gpu_allocator

from ..errors import check_at_least
from ..storage.folders import remove_folder, replacing_folder
from ..storage.pipelines import save
from .process_group import ProcessGroup, log_nothing
from .state import FOLDER, TrainingState, find_state, read_state, restore_optimizer, restore_random, save_state

Item = TypeVar("Item")
_END = object()


def train(
    nlp: Language,
    output: Path,
    *,
    resume: bool = False,
    every: Optional[int] = None,
    use_gpu: int = -1,
    stdout: Optional[IO] = None,
    stderr: Optional[IO] = None,
    process_group: Optional[ProcessGroup] = None,
    progress: Optional[Callable[[str, int], None]] = None,
) -> Language:
    """Train a pipeline, and keep the state of the training in `output/training-state` until it is finished.

    nlp (Language): The pipeline, initialized; to resume, loaded from the state.
    output (Path): Folder of the models and the state.
    resume (bool): Whether to resume from the last state.
    every (Optional[int]): Steps between states; by default, as many as between evaluations.
    use_gpu (int): Number of the GPU, -1 for none.
    stdout (Optional[IO]): For the logger; by default, the process's stdout.
    stderr (Optional[IO]): For the logger; by default, the process's stderr.
    process_group (Optional[ProcessGroup]): The processes that train together; by default, this one alone.
    progress (Optional[Callable[[str, int], None]]): Called with "step", "evaluation" (before an evaluation) or "log"
        (before the logger prints), and the number of steps.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML255 if the state is damaged, ML071 if 'eval_frequency' is below 1, ML360 if a pipeline or a
        state cannot be written.
    """
    process_group = process_group or ProcessGroup()
    progress = progress or _show_nothing
    config = nlp.config.interpolate()
    check_at_least("training.eval_frequency", config["training"]["eval_frequency"], 1)
    T = registry.resolve(config["training"], schema=ConfigSchemaTraining)
    if use_gpu >= 0 and T["gpu_allocator"]:
        set_gpu_allocator(T["gpu_allocator"])
    train_corpus, dev_corpus = resolve_dot_names(config, [T["train_corpus"], T["dev_corpus"]])
    optimizer, frozen = T["optimizer"], T["frozen_components"]
    path = find_state(output / FOLDER) if resume else None
    if path is not None:
        state = read_state(path)
        restore_optimizer(path, nlp, optimizer, state)
    else:
        state = _begin(output, T["seed"], every or T["eval_frequency"], process_group)
    every = every or state.every
    process_group.broadcast_parameters(nlp)
    replay = Replay(nlp, state, path, T["before_update"], process_group, progress)
    before_to_disk = create_before_to_disk_callback(T["before_to_disk"])

    def save_model(is_best: bool) -> None:
        with nlp.use_params(optimizer.averages):
            save(before_to_disk(nlp), output / DIR_MODEL_LAST)
        if is_best:
            # The earlier best model stays until this one is complete.
            with replacing_folder(output / DIR_MODEL_BEST, is_synced=True) as aside:
                shutil.copytree(output / DIR_MODEL_LAST, aside, dirs_exist_ok=True)

    steps = train_while_improving(
        cast(Language, replay),
        optimizer,
        with_private_randomness(create_train_batches(nlp, train_corpus, T["batcher"], T["max_epochs"]), state.seed),
        replay.evaluating(create_evaluation_callback(nlp, dev_corpus, T["score_weights"])),
        dropout=T["dropout"],
        accumulate_gradient=T["accumulate_gradient"],
        patience=T["patience"],
        max_steps=T["max_steps"],
        eval_frequency=T["eval_frequency"],
        exclude=frozen,
        annotating_components=T["annotating_components"],
        before_update=replay.before_update,
    )
    make_logger = T["logger"] if process_group.is_first else log_nothing
    with nlp.select_pipes(disable=frozen):
        log_step, finalize_logger = make_logger(nlp, stdout or sys.stdout, stderr or sys.stderr)
    try:
        for _, info, is_best in steps:
            n_done = info["step"] + 1
            if n_done <= state.n_steps:
                continue
            is_due = n_done % every == 0
            if is_best is not None or is_due:
                # Convert to Python floats: some components return NumPy numbers.
                info["losses"] = process_group.all_reduce({name: float(loss) for name, loss in info["losses"].items()})
            if is_best is not None and process_group.is_first:
                with nlp.select_pipes(disable=frozen):
                    update_meta(T, nlp, info)
                save_model(is_best)
                info["output_path"] = str(output / DIR_MODEL_LAST)
            progress("step" if is_best is None else "log", n_done)
            log_step(info if is_best is not None else None)
            if is_due and process_group.is_first:
                # After an evaluation, the losses were logged and start from zero again.
                losses = {} if is_best is not None else info["losses"]
                results = [(float(score), at) for score, at in info["checkpoints"]]
                now = TrainingState(n_done, state.seed, every, losses, results)
                save_state(output / FOLDER, nlp, optimizer, now, keep=path)
            if is_due:
                process_group.reseed(state.seed, n_done)
    finally:
        finalize_logger()
        if process_group.is_first:
            save_model(False)
    if process_group.is_first:
        remove_folder(output / FOLDER)
    process_group.barrier()
    return nlp


def _begin(output: Path, seed: Optional[int], every: int, process_group: ProcessGroup) -> TrainingState:
    """Set the seed of a new training, and remove what an earlier one has left.

    output (Path): Folder of the models and the state.
    seed (Optional[int]): The seed; None for any.
    every (int): Steps between states.
    process_group (ProcessGroup): The processes that train together.
    RETURNS (TrainingState): The state before the first step.
    """
    seed = process_group.broadcast(random.randrange(2**32) if seed is None else seed)
    fix_random_seed(seed)
    process_group.reseed(seed, 0)
    if process_group.is_first:
        clean_output_dir(output)
        remove_folder(output / FOLDER)
        # While this folder exists, the training is not finished.
        (output / FOLDER).mkdir()
    return TrainingState(0, seed, every, {}, [])


class Replay:
    """A pipeline for spaCy's loop that does nothing in the steps which were done before the interruption.

    nlp (Language): The pipeline.
    state (TrainingState): Number of these steps, and their results.
    path (Optional[Path]): Folder of the state; None for a new training.
    before_update (Optional[Callable]): The config's callback.
    process_group (ProcessGroup): The processes that train together.
    progress (Callable[[str, int], None]): As for `train`.
    """

    def __init__(
        self,
        nlp: Language,
        state: TrainingState,
        path: Optional[Path],
        before_update: Optional[Callable[..., Any]],
        process_group: ProcessGroup,
        progress: Callable[[str, int], None],
    ):
        self.nlp = nlp
        self.state = state
        self.path = path
        self.process_group = process_group
        self.step = 0
        self._before_update = before_update
        self._progress = progress

    @property
    def is_over(self) -> bool:
        """Whether the replay is over: this step must be computed."""
        return self.step >= self.state.n_steps

    def before_update(self, nlp: Any, info: Dict[str, Any]) -> None:
        """Restore random numbers at the first new step. The loop calls this at the start of each step.

        nlp (Replay): This object.
        info (Dict[str, Any]): Step and epoch.
        """
        self.step = info["step"]
        if not self.is_over:
            return
        if self.step == self.state.n_steps and self.path is not None:
            restore_random(self.path, self.state)
            self.process_group.reseed(self.state.seed, self.step)
        if self._before_update is not None:
            self._before_update(self.nlp, info)

    def update(self, examples: Any, *, losses: Dict[str, float], **options: Any) -> Dict[str, float]:
        """Update the pipeline as `Language.update` does, with this process's part of the batch."""
        if not self.is_over:
            return losses
        if self.step == self.state.n_steps and self.process_group.is_first:
            # Only in this step: the loop resets losses after each evaluation.
            for name, loss in self.state.losses.items():
                losses.setdefault(name, loss)
        examples = self.process_group.shard(examples)
        return self.nlp.update(examples, losses=losses, **options) if examples else losses

    @property
    def pipeline(self) -> List[Tuple[str, Any]]:
        """The components, which the loop reads once in each step, after the gradients of the batch and before the
        optimizer steps."""
        if not self.is_over:
            return []
        self.process_group.all_reduce_gradients(self.nlp)
        return self.nlp.pipeline

    def use_params(self, params: Optional[Dict]) -> ContextManager:
        """Use other parameters as `Language.use_params` does; do nothing in steps that were done before."""
        return self.nlp.use_params(params) if self.is_over else contextlib.nullcontext()

    def evaluating(self, evaluate: Callable[[], Tuple[float, Dict]]) -> Callable[[], Tuple[float, Dict]]:
        """Return an evaluation that returns the stored scores of steps that were done before.

        evaluate (Callable): Returns the score, and all scores.
        RETURNS (Callable): Returns the same.
        """
        known = {step: score for score, step in self.state.results}

        def run() -> Tuple[float, Dict]:
            if not self.is_over:
                return known.get(self.step, float("-inf")), {}
            self._progress("evaluation", self.step + 1)
            return self.process_group.broadcast(evaluate() if self.process_group.is_first else (0.0, {}))

        return run


def with_private_randomness(items: Iterator[Item], seed: int) -> Iterator[Item]:
    """Run an iterator with its own random state, so that its items depend only on the seed.

    Random numbers that other code draws between the items do not change them.

    items (Iterator[Item]): Draws from `random` and NumPy.
    seed (int): Seed of its random numbers.
    YIELDS (Item): The items.
    """
    outside = _random_states()
    random.seed(seed)
    numpy.random.seed(seed % 2**32)  # noqa: NPY002
    own = _random_states()
    _set_random_states(outside)
    while True:
        outside = _random_states()
        _set_random_states(own)
        try:
            item = next(items, _END)
        finally:
            own = _random_states()
            _set_random_states(outside)
        if item is _END:
            return
        yield cast(Item, item)


def _show_nothing(what: str, n_steps: int) -> None:
    """Ignore the progress of the training."""


def _random_states() -> Tuple[Any, Any]:
    return random.getstate(), numpy.random.get_state()  # noqa: NPY002


def _set_random_states(states: Tuple[Any, Any]) -> None:
    random.setstate(states[0])
    numpy.random.set_state(states[1])  # noqa: NPY002
