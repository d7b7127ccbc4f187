"""Names of checkpoints. Nothing here touches the network."""

from __future__ import annotations

from pathlib import Path
from typing import List

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import RepositoryNotFoundError

from spacy_mluke.encoder.hub import ASSETS, resolve


def test_bundled_name_is_in_the_package():
    assert resolve("mluke-small") == ASSETS / "mluke-small"
    assert (resolve("mluke-small") / "config.json").is_file()


def test_a_directory_is_itself(tmp_path, monkeypatch):
    assert resolve(tmp_path) == tmp_path
    assert resolve(str(tmp_path)) == tmp_path
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert resolve("owner/name") == Path("owner/name")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/owner") == tmp_path / "owner"


@pytest.mark.parametrize("name", ["/no/such", "./missing", "a/b/c", "../x", "checkpoint", "", "C:\\x", "owner/name/"])
def test_a_missing_directory_is_a_coded_error(name):
    with pytest.raises(ValueError, match=r"ML040.*studio-ousia/mluke-base"):
        resolve(name)


def test_a_path_is_never_looked_for_on_the_hub():
    with pytest.raises(ValueError, match="ML040"):
        resolve(Path("studio-ousia/mluke-base"))


def test_a_name_with_a_typo_gets_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'mluke-small'"):
        resolve("mluke_small")


def test_a_file_is_not_a_directory(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match=r"ML040.*it is a file"):
        resolve(str(tmp_path / "model.safetensors"))


def test_a_hub_name_without_network_is_a_coded_error(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"ML042.*HF_HOME"):
        resolve("studio-ousia/mluke-base")


def test_a_cached_hub_name_needs_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repo = tmp_path / "models--studio-ousia--mluke-base"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0" * 40)
    (repo / "snapshots" / ("0" * 40)).mkdir(parents=True)
    assert resolve("studio-ousia/mluke-base") == repo / "snapshots" / ("0" * 40)


def test_a_name_that_the_hub_does_not_have_is_a_coded_error(monkeypatch):
    def missing(name, **options):
        raise RepositoryNotFoundError("404", response=Response())

    monkeypatch.setattr(huggingface_hub, "snapshot_download", missing)
    with pytest.raises(ValueError, match="ML041"):
        resolve("studio-ousia/mluke-huge")


class Response:
    """As much of a response as the hub's errors look at."""

    def __init__(self) -> None:
        self.headers = {}
        self.request = None


@pytest.mark.parametrize("has_safetensors", [True, False])
def test_weights_are_fetched_in_one_form_only(tmp_path, monkeypatch, has_safetensors):
    fetched: List[str] = []

    def download(name, *, allow_patterns):
        fetched.extend(pattern for pattern in allow_patterns if "model" in pattern or "safetensors" in pattern)
        if has_safetensors:
            (tmp_path / "model.safetensors").touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert resolve("studio-ousia/mluke-base") == tmp_path
    assert ("pytorch_model*.bin" in fetched) is not has_safetensors
    assert "*.safetensors" in fetched
