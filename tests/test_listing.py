"""CITATION.cff, the entry for spaCy Universe and the badges of the README say what the package's metadata say."""

from __future__ import annotations

import ast
import json
import re
from configparser import ConfigParser

import pytest
import yaml

import spacy_mluke
from tests.conftest import REPO

CONFIG = ConfigParser(delimiters="=")
CONFIG.read(REPO / "setup.cfg", encoding="utf8")
CLASSIFIERS = CONFIG["metadata"]["classifiers"]
# Categories that entries have in https://github.com/explosion/spaCy/blob/master/website/meta/universe.json.
CATEGORIES = {"pipeline", "training", "research", "standalone", "models", "apis", "nonpython", "visualizers"}


@pytest.fixture(scope="module")
def universe():
    return json.loads((REPO / "docs" / "universe.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def citation():
    return yaml.safe_load((REPO / "CITATION.cff").read_text(encoding="utf8"))


def test_the_citation_has_version_and_address_of_the_package(citation):
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == spacy_mluke.__version__
    assert citation["repository-code"] == CONFIG["metadata"]["url"]


def test_the_citation_refers_to_the_papers_of_the_readme(citation):
    readme = (REPO / "README.md").read_text(encoding="utf8")
    assert [paper["url"] in readme and paper["title"] in readme for paper in citation["references"]] == [True, True]


def test_the_entry_for_spacy_universe_has_its_fields(universe):
    texts = ("id", "title", "slogan", "description", "github", "code_language", "url", "author")
    assert all(isinstance(universe[name], str) for name in texts)
    assert set(universe["category"]) <= CATEGORIES and universe["tags"] and universe["author_links"]
    assert CONFIG["metadata"]["url"].endswith(universe["github"])
    # The package is not on PyPI.
    assert "pip" not in universe


def test_the_example_for_spacy_universe_is_python_with_public_names(universe):
    tree = ast.parse("\n".join(universe["code_example"]))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            and node.value.id == "spacy_mluke"}  # fmt: skip
    assert used == {"load"}


def test_badges_say_what_the_metadata_say():
    badges = re.findall(r"img\.shields\.io/badge/([^)]+)-blue", (REPO / "README.md").read_text(encoding="utf8"))
    pythons = re.findall(r"Python :: (3\.\d+)", CLASSIFIERS)
    (spacy_range,) = re.findall(r"^spacy>=(\d+\.\d+)", CONFIG["options"]["install_requires"], re.MULTILINE)
    assert badges == ["licence_of_the_code-MIT", f"python-{pythons[0]}_to_{pythons[-1]}", f"spaCy-{spacy_range}"]
    assert (REPO / "LICENSE").read_text(encoding="utf8").startswith("MIT License")
