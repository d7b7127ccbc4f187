"""project.yml and projects/*/project.yml: workflows, commands and their dependencies."""

from __future__ import annotations

import re
import shlex

import pytest
from weasel.util.config import load_project_config, substitute_project_variables

from scripts.workflows import run_all
from scripts.workflows.smoke import SMALL
from scripts.workflows.tasks import MAJORITY, TASKS, run_folder
from tests.conftest import REPO

PROJECTS = [REPO, *sorted(path.parent for path in REPO.glob("projects/*/project.yml"))]


def load(folder, tmp_path_factory):
    # Loading a project makes its folders, so it is loaded from a copy.
    copy = tmp_path_factory.mktemp("project")
    (copy / "project.yml").write_text((folder / "project.yml").read_text(encoding="utf8"), encoding="utf8")
    return load_project_config(copy)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return load(REPO, tmp_path_factory)


@pytest.fixture(scope="module", params=PROJECTS, ids=[path.name if path != REPO else "main" for path in PROJECTS])
def any_project(request, tmp_path_factory):
    """A project with its folder."""
    return load(request.param, tmp_path_factory), request.param


def by_name(project):
    return {command["name"]: command for command in project["commands"]}


def test_every_workflow_names_commands_that_exist(any_project):
    config, _ = any_project
    assert {name for names in config["workflows"].values() for name in names} == set(by_name(config))


def test_the_projects_have_the_documented_workflows(project, tmp_path_factory):
    assert set(project["workflows"]) == {*TASKS, "relations-plain", "all", "smoke"}
    documented = {
        "mluke_small": {"mluke-small"},
        "xx_mluke_small": {"xx_mluke_small", "baselines"},
        "knowledge": {"knowledge", "measure"},
    }
    for folder, workflows in documented.items():
        assert set(load(REPO / "projects" / folder, tmp_path_factory)["workflows"]) == workflows


def test_every_task_converts_trains_evaluates_reports_and_packages(project):
    for task, own in TASKS.items():
        steps = ["convert", *(f"train-{system}" for system in own.usual), "evaluate", "report", "package"]
        if task == "ner":
            steps.append("export-onnx")
        assert project["workflows"][task] == [f"{task}-{step}" for step in steps]


def test_all_runs_the_workflow_of_every_task_with_every_variable(project, monkeypatch, tmp_path):
    (command,) = (by_name(project)[name] for name in project["workflows"]["all"])
    (line,) = command["script"]
    *_, module = shlex.split(line)[:3]
    runs = []
    monkeypatch.setattr(run_all, "project_run", lambda folder, name, overrides: runs.append((folder, name, overrides)))
    monkeypatch.chdir(tmp_path)
    run_all.main(shlex.split(line)[3:])
    assert module == run_all.__name__
    assert [(folder, name) for folder, name, _ in runs] == [(tmp_path, task) for task in TASKS]
    for _, _, overrides in runs:
        # Variables that were changed on the command line of `all` reach every workflow.
        assert substitute_project_variables(dict(project), overrides)["commands"] == project["commands"]
        assert set(overrides) == {f"vars.{name}" for name in project["vars"]}


def test_dependencies_are_assets_or_files_of_the_repository_or_outputs_of_earlier_commands(any_project):
    config, folder = any_project
    assets = [asset["dest"] for asset in config.get("assets", [])]
    commands = by_name(config)
    for names in config["workflows"].values():
        written: list = []
        for name in names:
            for path in commands[name].get("deps", []):
                # An output or an asset, a folder that contains one, or a file in an output.
                is_made = any(f"{out}/".startswith(f"{path}/") for out in [*written, *assets])
                is_inside = any(path.startswith(f"{out}/") for out in written)
                assert is_made or is_inside or (folder / path).exists(), (name, path)
            written.extend(commands[name].get("outputs", []))


def test_no_two_commands_write_the_same_path_or_a_path_inside_another(any_project):
    config, _ = any_project
    outputs = [(name, path) for name, command in by_name(config).items() for path in command.get("outputs", [])]
    for name, path in outputs:
        assert not [other for other, out in outputs if other != name and f"{path}/".startswith(f"{out}/")]


def test_scores_of_every_system_are_outputs(project):
    for task, own in TASKS.items():
        by_command = {f"{task}-evaluate": [*own.usual, *([MAJORITY] if own.has_majority else [])]}
        by_command.update({f"{task}-evaluate-{name}": [name] for name in own.systems if name not in own.usual})
        for command, names in by_command.items():
            expected = {f"metrics/{task}/{run_folder(name, 0)}" for name in names}
            assert set(by_name(project)[command]["outputs"]) == expected


def test_commands_are_python_modules_of_the_repository_or_of_spacy(any_project):
    config, folder = any_project
    for command in config["commands"]:
        for line in command["script"]:
            python, option, module, *_ = shlex.split(line)
            assert python == "python"
            if option != "-m":
                assert (folder / option).is_file()
                continue
            path = REPO / module.replace(".", "/")
            assert module in ("spacy", "pip") or path.with_suffix(".py").exists() or path.is_dir()


def test_training_commands_depend_on_the_config_of_their_system(project):
    commands = by_name(project)
    for task, own in TASKS.items():
        for name, system in own.systems.items():
            assert f"configs/{system.config}" in commands[f"{task}-train-{name}"]["deps"]
            assert (REPO / "configs" / system.config).exists()


def test_assets_have_checksums_and_public_urls(project):
    for asset in project["assets"]:
        assert re.fullmatch(r"[0-9a-f]{32}", asset["checksum"]) and asset["description"]
        assert asset.get("url", "").startswith("https://") or "/mlama/" in asset["dest"]


def test_local_copies_have_the_checksums_of_the_assets(project, data_dir):
    from weasel.util.hashing import get_checksum

    for asset in project["assets"]:
        path = data_dir / asset["dest"].removeprefix(f"{project['vars']['data_dir']}/")
        assert not path.exists() or get_checksum(path) == asset["checksum"]


def test_the_smoke_workflow_sets_variables_that_exist(project):
    assert {name.removeprefix("vars.") for name in SMALL} <= set(project["vars"])


def test_the_page_on_results_names_all_workflows_and_variables(project):
    text = (REPO / "docs" / "background" / "results.md").read_text(encoding="utf8")
    assert set(project["vars"]) <= set(re.findall(r"`([a-z_]+)`", text))
    assert set(TASKS) | {"all", "smoke"} <= set(re.findall(r"`([a-z]+)`", text))
