"""Functions of `train` and `pretrain`."""

from __future__ import annotations

import contextlib
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence

import typer

if TYPE_CHECKING:
    from ..training.process_group import ProcessGroup

# Other options are settings of the config: --training.eval_frequency 100
CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
RESUME = typer.Option(False, "--resume", "-r", help="Resume from the last state, if there is one")
SAVE_EVERY = typer.Option(0, "--save-every", "-e", min=0, help="Steps between states. Default: at each evaluation")
EVERY = typer.Option(None, "--every", hidden=True)
FORCE = typer.Option(False, "--force", "-F", help="Start again, and replace the training in OUTPUT")
GPU = typer.Option(-1, "--gpu-id", "-g", help="GPU id; -1: CPU")

# Sections of a config whose settings are all in the config, or in spaCy's default config.
_SECTIONS = ("nlp", "paths", "system", "training")
# The exit code of a process that was interrupted from the keyboard, as in shells.
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
    """Train a pipeline, from its config or from the saved state of an interrupted training.

    config (Path): The config.
    output (Path): Directory for model-best, model-last and the state.
    overrides (Dict[str, Any]): Settings that replace those of the config, by dotted name.
    resume (bool): Whether to resume from the last state, if there is one.
    every (int): Steps between states; 0: a state at each evaluation.
    gpu_id (int): GPU id, or -1 for the CPU. With several processes, each uses the GPU of its rank.
    force (bool): Whether to replace the content of `output`.
    command (str): The command that resumes this training, for the message after an interruption.
    RETURNS (ProcessGroup): The processes of the training.
    RAISES (ValueError): ML323 if `output` contains a training, and neither `resume` nor `force` is set; ML412 for a
        setting that the config does not have.
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
    with show_validation_error(config):
        check_settings(config, overrides)
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
            msg.info(f"Resuming from {found}")
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
    """Return the settings of the config that the command line overrides.

    ctx (typer.Context): The command's context.
    RETURNS (Dict[str, Any]): Values by dotted name.
    RAISES (typer.BadParameter): For an option that is neither one of the command nor a setting.
    """
    from click.exceptions import UsageError
    from spacy.cli._util import parse_config_overrides

    try:
        return parse_config_overrides(list(ctx.args))
    except UsageError as error:
        # Typer may contain its own click, which does not handle errors of this click.
        hint = "settings of the config have dots in their names, as in --training.max_steps 100"
        raise typer.BadParameter(f"{error.format_message()} ({hint})") from error


def check_settings(config: Path, overrides: Dict[str, Any]) -> None:
    """Check that the settings exist that the command line overrides. spaCy ignores those that do not.

    config (Path): The config.
    overrides (Dict[str, Any]): Settings that replace those of the config, by dotted name.
    RAISES (ValueError): ML412 for a setting of a section with known settings that is none of these.
    """
    from spacy.language import Language
    from spacy.util import load_config

    from ..errors import Errors, did_you_mean

    loaded = load_config(config, interpolate=False)
    for name in overrides:
        section, _, setting = name.partition(".")
        if section not in _SECTIONS or "." in setting:
            continue
        known = sorted({*loaded.get(section, {}), *Language.default_config.get(section, {})})
        if setting not in known:
            hint = did_you_mean(name, [f"{section}.{own}" for own in known])
            raise ValueError(Errors.ML412.format(name=name, hint=hint, section=section, names=", ".join(known)))


def check_output(output: Path, resume: bool) -> None:
    """Check that a new training does not delete another one.

    output (Path): The output directory.
    resume (bool): Whether to resume an interrupted training.
    RAISES (ValueError): ML323 if the directory contains a training that would be deleted.
    """
    from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST

    from ..errors import Errors
    from ..training.state import FOLDER

    is_interrupted = (output / FOLDER).is_dir()
    if is_interrupted and resume:
        return
    there = [name for name in (DIR_MODEL_BEST, DIR_MODEL_LAST) if (output / name).exists()]
    if is_interrupted:
        hint = ", or --resume to continue the interrupted training"
        raise ValueError(Errors.ML323.format(path=output, what="an interrupted training", hint=hint))
    if there:
        hint = ": this training is finished and cannot be resumed" if resume else ""
        raise ValueError(Errors.ML323.format(path=output, what=" and ".join(there), hint=hint))


def resume_command(ctx: typer.Context, arguments: Sequence[Path], options: Dict[str, Any]) -> str:
    """Return the command that resumes a training.

    ctx (typer.Context): The command's context, with the settings that override the config.
    arguments (Sequence[Path]): The command's arguments.
    options (Dict[str, Any]): The command's options; None and 0 are defaults.
    RETURNS (str): A line for a shell.
    """
    given: List[str] = [str(path) for path in arguments]
    for name, value in options.items():
        if value:
            given.extend((name, str(value)))
    return f"{ctx.command_path} {shlex.join([*given, *ctx.args, '--resume'])}"


@contextlib.contextmanager
def _interruptible(output: Path, command: str, process_group: ProcessGroup) -> Iterator[None]:
    """Print how to resume when the training is interrupted from the keyboard."""
    import sys

    from wasabi import msg

    from ..training.state import FOLDER, find_state

    try:
        yield
    except KeyboardInterrupt:
        if process_group.is_first:
            path: Optional[Path] = find_state(output / FOLDER)
            saved = f"Its last state is saved: {path}" if path is not None else "No state has been saved"
            msg.warn(f"The training was interrupted. {saved}. To {'resume' if path else 'start again'}:")
            # Printed without wrapping, to be copied.
            print(f"\n  {command}\n")
        sys.exit(INTERRUPTED)
