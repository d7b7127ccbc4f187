"""The command lines of the project have the arguments that the scripts take."""

from __future__ import annotations

import argparse
import shlex
from importlib import import_module

import pytest
from weasel.util.config import load_project_config

from tests.conftest import REPO

FOLDER = REPO / "projects" / "xx_mluke_small"


class Parsed(Exception):
    """The arguments were parsed."""


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    # Loading a project makes its folders, so it is loaded from a copy.
    copy = tmp_path_factory.mktemp("project")
    (copy / "project.yml").write_text((FOLDER / "project.yml").read_text(encoding="utf8"), encoding="utf8")
    commands = load_project_config(copy)["commands"]
    return [shlex.split(line) for command in commands for line in command["script"]]


def test_every_script_takes_the_arguments_of_its_command_line(lines, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self, *args, **kwargs):
        parse(self, *args, **kwargs)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    checked = []
    for _, _, module, *arguments in lines:
        if module.startswith("scripts."):
            with pytest.raises(Parsed):
                import_module(module).main(arguments)
            checked.append(module)
    assert len(checked) == 17


def test_the_commands_of_the_package_exist(lines):
    from spacy_mluke.cli._app import COMMANDS

    assert {arguments[0] for _, _, module, *arguments in lines if module == "spacy_mluke"} <= set(COMMANDS)
