"""The command line as a whole: it starts fast, lists every command, and prints errors without tracebacks."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

import spacy_mluke
from spacy_mluke.cli import app
from spacy_mluke.cli._app import COMMANDS, load_command

ROOT = Path(__file__).parents[2]


def run_python(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)


def test_help_lists_every_command():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.stdout


def test_the_version_is_that_of_the_package():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"spacy_mluke {spacy_mluke.__version__}\n")


def test_starting_imports_neither_spacy_nor_torch():
    code = "import sys, spacy_mluke.cli; print([m for m in ('spacy', 'torch', 'numpy') if m in sys.modules])"
    assert run_python("-c", code).stdout.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_its_help_is_its_docstring(name):
    attribute = name.replace("-", "_")
    function = getattr(import_module(f"spacy_mluke.cli.{attribute}"), attribute)
    assert inspect.getdoc(function).splitlines()[0] == COMMANDS[name]
    assert load_command(name).name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_a_short_flag_has_one_meaning_in_all_commands():
    meanings: dict = {}
    for name in COMMANDS:
        command = load_command(name)
        for part in (command, *getattr(command, "commands", {}).values()):
            for option in (own for own in part.params if own.param_type_name == "option"):
                long = min(own for own in option.opts if own.startswith("--"))
                for short in (own for own in option.opts if not own.startswith("--")):
                    # One language or several languages are the same kind of value.
                    meanings.setdefault(short, set()).add("--lang" if long == "--languages" else long)
    assert {short: found for short, found in meanings.items() if len(found) > 1} == {}
    assert meanings["-n"] == {"--limit"} and meanings["-F"] == {"--force"}


def test_a_command_with_a_typo_gets_a_hint():
    result = CliRunner().invoke(app, ["conver"])
    assert result.exit_code == 2
    assert "convert" in result.output


def test_the_package_can_be_run():
    # This command needs neither spaCy nor torch, whose import takes seconds.
    result = run_python("-m", "spacy_mluke", "entities", "find", "nowhere.sqlite", "Paris")
    assert result.returncode == 1
    assert "[ML230]" in result.stdout
    assert "Traceback" not in result.stderr
