"""project.yml: what workflows run is there, and what commands need is made before."""

from __future__ import annotations

import re
import shlex

import pytest
from weasel.util.config import load_project_config

from scripts.workflows.smoke import SMALL
from scripts.workflows.tasks import MAJORITY, TASKS, run_folder
from tests.conftest import REPO


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    # Loading makes the project's folders.
    folder = tmp_path_factory.mktemp("project")
    (folder / "project.yml").write_text((REPO / "project.yml").read_text(encoding="utf8"), encoding="utf8")
    return load_project_config(folder)


@pytest.fixture(scope="module")
def commands(project):
    return {command["name"]: command for command in project["commands"]}


def test_every_workflow_names_commands_that_exist(project, commands):
    assert set(project["workflows"]) >= {*TASKS, "all", "smoke", "mluke-small"}
    assert {name for names in project["workflows"].values() for name in names} == set(commands)


def test_all_runs_every_task_and_every_task_converts_trains_evaluates_reports_and_packages(project):
    workflows = project["workflows"]
    assert workflows["all"] == [name for task in TASKS for name in workflows[task]]
    for task, own in TASKS.items():
        steps = ["convert", *(f"train-{system}" for system in own.usual), "evaluate", "report", "package"]
        assert workflows[task] == [f"{task}-{step}" for step in steps]


def test_what_a_command_needs_is_an_asset_or_of_the_repo_or_written_before(project, commands):
    assets = {asset["dest"] for asset in project["assets"]}
    for names in project["workflows"].values():
        written: set = set()
        for name in names:
            for path in commands[name].get("deps", []):
                # What is written, a folder of it, or a file in it.
                is_written = any(f"{out}/".startswith(f"{path}/") or path.startswith(f"{out}/") for out in written)
                assert path in assets or is_written or (REPO / path).exists(), (name, path)
            written.update(commands[name].get("outputs", []))


def test_no_two_commands_write_the_same_file_or_a_folder_around_it(commands):
    outputs = [(name, path) for name, command in commands.items() for path in command.get("outputs", [])]
    for name, path in outputs:
        assert not [other for other, out in outputs if other != name and f"{path}/".startswith(f"{out}/")]


def test_scores_of_every_system_and_language_are_outputs(commands):
    for task, own in TASKS.items():
        by_command = {f"{task}-evaluate": [*own.usual, *([MAJORITY] if own.has_majority else [])]}
        by_command.update({f"{task}-evaluate-{name}": [name] for name in own.systems if name not in own.usual})
        for command, names in by_command.items():
            wanted = {f"metrics/{task}/{run_folder(name, 0)}/{lang}.json" for name in names for lang in own.langs}
            assert set(commands[command]["outputs"]) == wanted


def test_commands_are_python_modules_of_the_repo_or_of_spacy(commands):
    for command in commands.values():
        for line in command["script"]:
            python, option, module, *_ = shlex.split(line)
            assert python == "python"
            if option != "-m":
                assert (REPO / option).is_file()
                continue
            path = REPO / module.replace(".", "/")
            assert module in ("spacy", "pip") or path.with_suffix(".py").exists() or path.is_dir()


def test_systems_train_with_the_configs_that_their_commands_depend_on(commands):
    for task, own in TASKS.items():
        for name, system in own.systems.items():
            assert f"configs/{system.config}" in commands[f"{task}-train-{name}"]["deps"]
            assert (REPO / "configs" / system.config).exists()


def test_assets_have_checksums_and_public_addresses(project):
    for asset in project["assets"]:
        assert re.fullmatch(r"[0-9a-f]{32}", asset["checksum"]) and asset["description"]
        assert asset.get("url", "").startswith("https://") or "/mlama/" in asset["dest"]


def test_local_copies_have_the_checksums_of_the_assets(project, data_dir):
    from weasel.util.hashing import get_checksum

    for asset in project["assets"]:
        path = data_dir / asset["dest"].removeprefix(f"{project['vars']['data_dir']}/")
        assert not path.exists() or get_checksum(path) == asset["checksum"]


def test_the_smoke_run_sets_variables_that_exist(project):
    assert {name.removeprefix("vars.") for name in SMALL} <= set(project["vars"])


def test_the_page_on_results_names_all_workflows_and_variables(project):
    text = (REPO / "docs" / "background" / "results.md").read_text(encoding="utf8")
    shown = {name for name in project["vars"] if name not in ("name", "base", "factbook", "work")}
    assert shown <= set(re.findall(r"`([a-z_]+)`", text))
    assert set(TASKS) | {"all", "smoke"} <= set(re.findall(r"`([a-z]+)`", text))
