"""Run every command of the workflow `all` on a few sentences, with a few steps: does all of it work?

    python -m scripts.workflows.smoke out/smoke --data-dir ../shared/data

Commands run in a folder of their own, where nothing that a real run has done is touched. What each says that it needs
has to be there before it, and what it says that it writes, afterwards.
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

TARGET = typer.Argument(Path("out/smoke"), help="Folder to work in, emptied first")
DATA = typer.Option(Path("../shared/data"), help="The data folder; where it is missing, sentences are made up")
ENCODER = typer.Option("mluke-small", help="The checkpoint")
GPU = typer.Option(-1, help="GPU, -1 for none")
WORKFLOW = typer.Option("all", help="The workflow whose commands are run")

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
    # Building an archive fetches setuptools.
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
    msg.info("A sample of the data" if is_real else f"No data in {data_dir}: sentences are made up")
    shutil.copy(REPO / "project.yml", target)
    config = load_project_config(target, overrides={**SMALL, "vars.encoder": encoder, "vars.gpu_id": gpu_id})
    commands = {command["name"]: command for command in config["commands"]}
    for name in config["workflows"][workflow]:
        run_command(commands[name], target)
    msg.good(f"{len(config['workflows'][workflow])} commands in {time.perf_counter() - started:.0f} s: {target}")


def run_command(command: Dict[str, Any], folder: Path) -> None:
    """Run a command of a project.

    command (Dict[str, Any]): As project.yml has it, its variables filled in.
    folder (Path): Where to run it.
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
        msg.fail(f"{command['name']} names {what} that are not there: {', '.join(missing)}", exits=1)


def run_line(words: List[str], folder: Path) -> None:
    """Run a line of a command's script. A Python module runs in a fork of this process, where that can be had: then
    what all of them import is imported once.

    words (List[str]): The line.
    folder (Path): Where to run it.
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
        msg.fail(f"It ended with {code}: {shlex.join(words)}", exits=1)


def _run_module(words: List[str], folder: Path) -> None:
    import os

    os.chdir(folder)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    typer.run(main)
