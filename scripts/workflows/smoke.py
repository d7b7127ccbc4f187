"""Run every command of the workflow `all` on a few sentences, with two training steps, to test that it works.

    python -m scripts.workflows.smoke out/smoke --data-dir ../shared/data

Commands run in a separate folder, so results of real runs are safe. The deps of each command must exist before it
runs, its outputs afterwards.
"""

from __future__ import annotations

import multiprocessing
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import typer
from wasabi import msg

from scripts.workflows.sample import make_sample
from scripts.workflows.tasks import TASKS

TARGET = typer.Argument(Path("out/smoke"), help="Folder to work in; its content is deleted first")
DATA = typer.Option(Path("../shared/data"), help="The data folder; if it is missing, sentences are generated")
ENCODER = typer.Option("mluke-small", help="The checkpoint")
GPU = typer.Option(-1, help="GPU id; -1: CPU")
WORKFLOW = typer.Option("all", help="A workflow, or all: those of every task")

REPO = Path(__file__).parents[2]
N_SENTENCES = 24
STEPS = ("relations_steps", "ner_steps", "qa_steps", "cloze_steps", "linking_steps")
SMALL: Dict[str, Any] = {
    **{f"vars.{name}": 2 for name in STEPS},
    "vars.eval_frequency": 2,
    "vars.limit": 4,
    "vars.train_limit": 16,
    "vars.samples": 50,
    "vars.data_dir": "data",
    # Building an archive downloads setuptools.
    "vars.package_build": "none",
}


def main(
    target: Path = TARGET, data_dir: Path = DATA, encoder: str = ENCODER, gpu_id: int = GPU, workflow: str = WORKFLOW
) -> None:
    """Run a workflow on a few sentences."""
    from weasel.util.config import load_project_config

    started = time.perf_counter()
    if Path(encoder).is_dir():
        encoder = str(Path(encoder).resolve())
    shutil.rmtree(target, ignore_errors=True)
    for folder in ("configs", "scripts"):
        shutil.copytree(REPO / folder, target / folder)
    is_real = make_sample(data_dir, target / "data", n=N_SENTENCES)
    msg.info(f"Sentences from {data_dir}" if is_real else f"No data in {data_dir}: sentences are generated")
    shutil.copy(REPO / "project.yml", target)
    config = load_project_config(target, overrides={**SMALL, "vars.encoder": encoder, "vars.gpu_id": gpu_id})
    commands = {command["name"]: command for command in config["commands"]}
    workflows = config["workflows"]
    names = [name for task in TASKS for name in workflows[task]] if workflow == "all" else workflows[workflow]
    for name in names:
        run_command(commands[name], target)
    msg.good(f"{len(names)} commands in {time.perf_counter() - started:.0f} s: {target}")


def run_command(command: Dict[str, Any], folder: Path) -> None:
    """Run a command of a project.

    command (Dict[str, Any]): The command as in project.yml, with variables filled in.
    folder (Path): The working directory.
    """
    started = time.perf_counter()
    _check(command, "deps", folder)
    for line in command["script"]:
        run_line(shlex.split(line), folder)
    _check(command, "outputs", folder)
    msg.good(f"{command['name']}: {time.perf_counter() - started:.1f} s")


def _check(command: Dict[str, Any], what: str, folder: Path) -> None:
    missing = [path for path in command.get(what, []) if not (folder / path).exists()]
    if missing:
        msg.fail(f"Missing {what} of {command['name']}: {', '.join(missing)}", exits=1)


def run_line(words: List[str], folder: Path) -> None:
    """Run one line of a command's script. A Python module runs in a fork of this process where the system can fork, so
    that shared imports happen once.

    words (List[str]): The words of the line.
    folder (Path): The working directory.
    """
    is_module = words[:2] == ["python", "-m"]
    if is_module and "fork" in multiprocessing.get_all_start_methods():
        import spacy_transformers  # noqa: F401

        process = multiprocessing.get_context("fork").Process(target=_run_module, args=(words[2:], folder))
        process.start()
        process.join()
        code = process.exitcode
    else:
        python = [sys.executable, *words[1:]] if words[0] == "python" else words
        code = subprocess.run(python, cwd=folder, check=False).returncode
    if code:
        msg.fail(f"Exit code {code}: {shlex.join(words)}", exits=1)


def _run_module(words: List[str], folder: Path) -> None:
    import os

    os.chdir(folder)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    typer.run(main)
