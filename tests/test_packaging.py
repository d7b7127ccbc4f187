"""Metadata and wheel: what package indexes, type checkers and users get."""

from __future__ import annotations

import email
import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.check_versions import PLATFORMS, PYTHONS, Run, Wheels, compare_wheels, render
from tests.conftest import REPO

_BUILD = """
from setuptools import build_meta
build_meta.prepare_metadata_for_build_wheel("metadata")
build_meta.build_editable("editable")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the files that metadata is made from, with the metadata and an editable wheel."""
    path = tmp_path_factory.mktemp("package")
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md"):
        shutil.copy(REPO / name, path)
    for pattern in ("LICENSE", "LICENSES/*", "spacy_mluke/**/__init__.py", "spacy_mluke/assets/*/LICENSE"):
        for source in REPO.glob(pattern):
            target = path / source.relative_to(REPO)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for name in ("metadata", "editable", "tests"):
        (path / name).mkdir()
    subprocess.run([sys.executable, "-c", _BUILD], cwd=path, check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def metadata(built):
    (path,) = built.glob("metadata/*.dist-info/METADATA")
    return email.message_from_string(path.read_text(encoding="utf8"))


def test_the_metadata_names_the_licences_of_code_and_data(metadata):
    assert metadata["License-Expression"] == "MIT AND Unicode-3.0 AND CC-BY-4.0 AND CC0-1.0 AND CC-BY-SA-4.0"
    assert metadata.get_all("License-File") == [
        "LICENSE",
        "LICENSES/CC-BY-4.0.txt",
        "LICENSES/CC-BY-SA-4.0.txt",
        "LICENSES/CC0-1.0.txt",
        "LICENSES/Unicode-3.0.txt",
        "spacy_mluke/assets/fillers/LICENSE",
        "spacy_mluke/assets/knowledge/LICENSE",
        "spacy_mluke/assets/mluke-small/LICENSE",
        "spacy_mluke/assets/reranker/LICENSE",
        "spacy_mluke/assets/span_means/LICENSE",
        "spacy_mluke/assets/world/LICENSE",
    ]


def test_the_description_has_only_absolute_links(metadata):
    targets = re.findall(r"\]\(([^)#]+)", metadata.get_payload())
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith("https://")] == []
    source = metadata["Home-page"] + "/blob/main/"
    files = [target.removeprefix(source) for target in targets if target.startswith(source)]
    assert files and [file for file in files if not (REPO / file).exists()] == []


def test_the_metadata_has_the_urls_of_the_project(metadata):
    names = {url.split(",")[0] for url in metadata.get_all("Project-URL")}
    assert names == {"Documentation", "Source", "Changelog", "Issues"}


def test_the_metadata_names_each_python_version_that_is_tested(metadata):
    prefix = "Programming Language :: Python :: "
    named = [name.removeprefix(prefix) for name in metadata.get_all("Classifier") if name.startswith(prefix)]
    assert named == ["3", *PYTHONS]


def test_an_editable_install_adds_a_folder_to_the_path_so_that_type_checkers_find_the_package(built):
    (wheel,) = built.glob("editable/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        outside = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert [name.endswith(".pth") for name in outside] == [True]
        assert archive.read(outside[0]).decode("utf8").strip() == str(built)


# Their packages were not installed when the versions were resolved: constraints-tested.txt says so.
UNTESTED_EXTRAS = {"docs", "build", "browser"}


@pytest.fixture(scope="module")
def pins():
    """The version of each package in constraints-tested.txt, by its normalized name."""
    lines = (REPO / "constraints-tested.txt").read_text(encoding="utf8").splitlines()
    found = [Requirement(line) for line in lines if line[:1] not in ("", "#")]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in found}


def applies(requirement, extras):
    """Return whether a requirement applies on the platform for which the versions were resolved."""
    platform = {"sys_platform": "linux", "platform_machine": "x86_64", "python_version": "3.11"}
    return requirement.marker is None or any(requirement.marker.evaluate({**platform, "extra": one}) for one in extras)


def test_the_tested_versions_are_in_the_ranges_of_the_metadata_and_of_its_extras(metadata, pins):
    extras = set(metadata.get_all("Provides-Extra"))
    assert extras > UNTESTED_EXTRAS
    for line in metadata.get_all("Requires-Dist"):
        requirement = Requirement(line)
        if applies(requirement, extras - UNTESTED_EXTRAS):
            name = canonicalize_name(requirement.name)
            assert name in pins, f"constraints-tested.txt lacks {name}"
            assert requirement.specifier.contains(pins[name]), line


def test_what_the_tested_packages_need_is_among_the_tested_versions(pins):
    for name, version in pins.items():
        try:
            installed = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        # Another version may need other packages.
        if installed.version.partition("+")[0] == version:
            needed = [one for one in map(Requirement, installed.requires or []) if applies(one, [""])]
            missing = {canonicalize_name(one.name) for one in needed} - set(pins)
            assert not missing, f"{name} needs {missing}, which constraints-tested.txt lacks"


def test_wheels_are_compared_by_their_content(tmp_path):
    def write(name, year, files):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file, text in files.items():
                archive.writestr(zipfile.ZipInfo(file, (year, 1, 1, 0, 0, 0)), text)
        return tmp_path / name

    first = write("a.whl", 2020, {"a.py": "1", "b.py": "2"})
    assert compare_wheels(first, write("b.whl", 2021, {"b.py": "2", "a.py": "1"})) == []
    assert compare_wheels(first, write("c.whl", 2020, {"a.py": "3", "c.py": "2"})) == ["a.py", "b.py", "c.py"]


def test_the_table_of_versions_names_failures_and_missing_wheels():
    run = Run("3.12.1", "lowest", {"spacy": "3.8.13"}, "passed", "1 failed, 2 passed in 1s", ["tests/a.py::test_b"])
    wheels = [Wheels("3.12", name, {"torch": "2.15.0"}) for name in PLATFORMS]
    wheels[1] = Wheels("3.12", wheels[1].platform, None, "no wheels of torch\nhint")
    text = render("2026-01-02", [run], wheels)
    assert "| 3.12.1 | lowest | 3.8.13 |" in text
    assert "`tests/a.py::test_b` failed" in text
    assert "| 3.12 | torch 2.15.0 | no: no wheels of torch | torch 2.15.0 |" in text
