"""What `train` and `pretrain` share."""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence

if TYPE_CHECKING:
    import typer

    from ..training.process_group import ProcessGroup

# As a shell says that a process was interrupted from the keyboard.
INTERRUPTED = 130


def run_training(
    config: Path,
    output: Path,
    overrides: Dict[str, Any],
    *,
    resume: bool,
    every: int,
    gpu_id: int,
    force: bool = False,
    command: str = "",
) -> ProcessGroup:
    """Train a pipeline, from its config or from the state of an interrupted training.

    config (Path): The config.
    output (Path): Directory for model-best, model-last and the state.
    overrides (Dict[str, Any]): Settings in place of the config's, by dotted name.
    resume (bool): Whether to go on from the last state, if there is one.
    every (int): Steps between states; 0 for as many as between evaluations.
    gpu_id (int): GPU, -1 for none. Of several processes, each takes the one of its own number.
    force (bool): Whether what `output` holds may be replaced.
    command (str): The command that goes on with this training, for the message of one that is interrupted.
    RETURNS (ProcessGroup): The processes that have trained.
    RAISES (ValueError): ML323 if `output` holds a training and neither `resume` nor `force` says what to do with it.
    """
    from spacy.cli._util import setup_gpu, show_validation_error
    from spacy.training.initialize import init_nlp
    from spacy.util import load_config, load_model
    from wasabi import msg

    from ..errors import Errors
    from ..training.process_group import ProcessGroup
    from ..training.resumable import train as train_resumably
    from ..training.resume_settings import changed_settings
    from ..training.state import FOLDER, find_state, pipeline_path
    from ._progress import TrainingBar

    process_group = ProcessGroup.join(use_gpu=gpu_id)
    if gpu_id >= 0 and process_group.size > 1:
        gpu_id = int(os.environ.get("LOCAL_RANK", gpu_id))
    try:
        setup_gpu(gpu_id, silent=not process_group.is_first)
    except ValueError as error:
        raise ValueError(Errors.ML326.format(gpu=gpu_id, reason=error)) from error
    if not force:
        check_output(output, resume)
    output.mkdir(parents=True, exist_ok=True)
    found = find_state(output / FOLDER) if resume else None
    process_group.barrier()
    with show_validation_error(config):
        loaded = load_config(config, overrides=overrides, interpolate=False)
    if found is not None:
        saved = load_config(pipeline_path(found) / "config.cfg")
        nlp = load_model(pipeline_path(found), config=changed_settings(loaded, saved, found))
        if process_group.is_first:
            msg.info(f"Going on from {found}")
    else:
        with show_validation_error(config, hint_fill=False):
            nlp = init_nlp(loaded, use_gpu=gpu_id)
    if process_group.is_first:
        several = f" ({process_group.size} processes, each with its share of a batch)" if process_group.size > 1 else ""
        msg.info(f"Pipeline: {', '.join(nlp.pipe_names)}{several}")
    with _interruptible(output, command, process_group), TrainingBar(nlp, is_on=process_group.is_first) as bar:
        train_resumably(
            nlp,
            output,
            resume=resume,
            every=every or None,
            use_gpu=gpu_id,
            process_group=process_group,
            progress=bar.show,
        )
    return process_group


def read_overrides(ctx: typer.Context) -> Dict[str, Any]:
    """Settings of the config that the command line overrides.

    ctx (typer.Context): The command as it was called.
    RETURNS (Dict[str, Any]): Values by dotted name.
    RAISES (typer.BadParameter): For an option that is neither the command's nor a setting.
    """
    import typer
    from click.exceptions import UsageError
    from spacy.cli._util import parse_config_overrides

    try:
        return parse_config_overrides(list(ctx.args))
    except UsageError as error:
        # Typer may bring a click of its own, which does not know this one's errors.
        hint = "settings of the config have dots in their names, as in --training.max_steps 100"
        raise typer.BadParameter(f"{error.format_message()} ({hint})") from error


def check_output(output: Path, resume: bool) -> None:
    """See that no finished training is lost by beginning another one.

    output (Path): The directory to train into.
    resume (bool): Whether a training that was interrupted there goes on.
    RAISES (ValueError): ML323 if something is there that would be deleted.
    """
    from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST

    from ..errors import Errors
    from ..training.state import FOLDER

    is_interrupted = (output / FOLDER).is_dir()
    if is_interrupted and resume:
        return
    there = [name for name in (DIR_MODEL_BEST, DIR_MODEL_LAST) if (output / name).exists()]
    if is_interrupted:
        hint = ", or --resume to go on with the training that was interrupted"
        raise ValueError(Errors.ML323.format(path=output, what="an interrupted training", hint=hint))
    if there:
        hint = ": the training that made it is finished, so there is nothing to resume" if resume else ""
        raise ValueError(Errors.ML323.format(path=output, what=" and ".join(there), hint=hint))


def resume_command(ctx: typer.Context, arguments: Sequence[Path], options: Dict[str, Any]) -> str:
    """The command that goes on with a training.

    ctx (typer.Context): The command as it was called, with the settings that override the config's.
    arguments (Sequence[Path]): Its arguments.
    options (Dict[str, Any]): Its other options; those that are None or 0 were not given.
    RETURNS (str): A line for a shell.
    """
    given: List[str] = [str(path) for path in arguments]
    for name, value in options.items():
        if value:
            given.extend((name, str(value)))
    return f"{ctx.command_path} {shlex.join([*given, *ctx.args, '--resume'])}"


@contextlib.contextmanager
def _interruptible(output: Path, command: str, process_group: ProcessGroup) -> Iterator[None]:
    """Say how to go on when the training is interrupted from the keyboard."""
    import sys

    from wasabi import msg

    from ..training.state import FOLDER, find_state

    try:
        yield
    except KeyboardInterrupt:
        if process_group.is_first:
            path: Optional[Path] = find_state(output / FOLDER)
            kept = f"its last state is kept: {path}" if path is not None else "no state was kept yet"
            msg.warn(f"The training was interrupted; {kept}. To go on{'' if path else ', from the start'}:")
            # A command is to be copied: it takes one line.
            print(f"\n  {command}\n")
        sys.exit(INTERRUPTED)
