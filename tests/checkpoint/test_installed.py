"""Encoders of installed pipelines are found by name."""

from __future__ import annotations

import sys

import pytest

from spacy_mluke.checkpoint.hub import locate
from spacy_mluke.checkpoint.installed import find_installed_encoder, find_pipeline
from tests.conftest import REPO


@pytest.fixture(params=["xx_tiny_pipeline", "xx_tiny_pipeline/xx_tiny_pipeline-0.1.0"], ids=["flat", "spacy_package"])
def pipeline(request, tmp_path, monkeypatch):
    """A package with the files of a pipeline: in it, or in a folder of it, as `spacy package` writes it."""
    folder = tmp_path / request.param
    (folder / "mluke_ner" / "encoder").mkdir(parents=True)
    (folder / "config.cfg").touch()
    (tmp_path / "xx_tiny_pipeline" / "__init__.py").write_text("raise AssertionError", encoding="utf8")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_encoder_of_a_component_is_found_and_the_package_is_not_imported(pipeline):
    found = locate("xx_tiny_pipeline/mluke_ner")
    assert found.path == pipeline / "mluke_ner" / "encoder"
    assert found.name == "xx_tiny_pipeline/mluke_ner"
    assert "xx_tiny_pipeline" not in sys.modules


def test_a_component_without_an_encoder_is_a_coded_error(pipeline):
    with pytest.raises(ValueError, match=r"\[ML402\].*'mluke_qa'.*: mluke_ner\."):
        locate("xx_tiny_pipeline/mluke_qa")


def test_an_encoder_of_a_pipeline_has_no_revision(pipeline):
    with pytest.raises(ValueError, match="ML345"):
        locate("xx_tiny_pipeline/mluke_ner", revision="main")


@pytest.mark.parametrize("name", ["studio-ousia/mluke-base", "xx_nosuch/mluke_ner", "spacy/mluke_ner", "mluke-small"])
def test_other_names_are_no_pipelines(name):
    assert find_installed_encoder(name) is None


def test_the_ready_made_pipeline_of_a_clone_need_not_be_installed():
    path = find_pipeline("xx_mluke_small")
    assert path is not None and (path / "config.cfg").is_file()
    assert locate("xx_mluke_small/mluke_ner").path == path / "mluke_ner" / "encoder"
    assert (REPO / "models" / "xx_mluke_small" / "mluke_ner" / "encoder" / "config.json").is_file()
