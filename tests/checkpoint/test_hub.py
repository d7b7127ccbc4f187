"""Names of checkpoints, without network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Optional, Set

import huggingface_hub
import pytest
import spacy
from huggingface_hub import constants
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import filter_repo_objects

from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.hub import ASSETS, locate, resolve
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.cli.info import describe_files


def test_the_bundled_checkpoint_is_in_the_package():
    assert resolve("mluke-small") == ASSETS / "mluke-small"
    assert (resolve("mluke-small") / "config.json").is_file()


def test_a_directory_is_found_by_its_path(tmp_path, monkeypatch):
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


def test_a_path_is_not_searched_on_the_hub():
    with pytest.raises(ValueError, match="ML040"):
        resolve(Path("studio-ousia/mluke-base"))


def test_a_name_with_a_typo_gets_a_hint():
    with pytest.raises(ValueError, match="Did you mean 'mluke-small'"):
        resolve("mluke_small")


def test_a_file_is_a_coded_error(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match=r"ML040.*it is a file"):
        resolve(str(tmp_path / "model.safetensors"))


def test_a_pipeline_instead_of_a_checkpoint_is_a_coded_error_that_says_how_to_load_it(tmp_path):
    (tmp_path / "config.cfg").touch()
    for name in (str(tmp_path), "xx_mluke_small"):
        with pytest.raises(ValueError, match=rf"ML040.*that is a pipeline.*spacy.load\('{name}'\)"):
            resolve(name)


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
    """The parts of a response that the hub's errors use."""

    def __init__(self) -> None:
        self.headers = {}
        self.request = None


# --- downloaded files and their commit ---

OLD, NEW = "a" * 40, "b" * 40


class FakeHub:
    """A repository with two commits, and the requests to it."""

    def __init__(self, cache: Path, files: Dict[str, bytes]) -> None:
        self.cache, self.files = cache, files
        self.commits = {"main": NEW, "v1.0": OLD, NEW: NEW, OLD: OLD, None: NEW}
        self.asked: List[Optional[str]] = []

    def download(self, name, *, revision=None, allow_patterns, ignore_patterns):
        self.asked.append(revision)
        if revision not in self.commits:
            raise RevisionNotFoundError("404", response=Response())
        snapshot = self.cache / "snapshots" / self.commits[revision]
        snapshot.mkdir(parents=True, exist_ok=True)
        wanted = filter_repo_objects(self.files, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns)
        for file in wanted:
            (snapshot / file).parent.mkdir(parents=True, exist_ok=True)
            (snapshot / file).write_bytes(self.files[file])
        return str(snapshot)

    @property
    def fetched(self) -> Set[str]:
        return {file.relative_to(self.cache).parts[2] for file in self.cache.rglob("*") if file.is_file()}


@pytest.fixture
def hub(tmp_path, tiny_sentencepiece, monkeypatch) -> FakeHub:
    from .checkpoints import make_checkpoint

    path = make_checkpoint(tmp_path / "repository", tiny_sentencepiece)
    files = {file.name: file.read_bytes() for file in path.iterdir()}
    hub = FakeHub(tmp_path / "cache", files)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.download)
    return hub


NAME = "owner/model"


def test_only_needed_files_are_downloaded(hub):
    needed = set(hub.files)
    others = ["README.md", "modeling_luke.py", "training_args.bin", "optimizer.pt", "pytorch_model.bin", "x.json",
              "tf_model.h5", "onnx/model.safetensors", "onnx/config.json", "adapter.safetensors", "notes.txt",
              "entity_vocab.sqlite"]  # fmt: skip
    hub.files.update(dict.fromkeys(others, b"x"))
    load_encoder(NAME)
    assert hub.fetched == needed


def test_pickles_are_downloaded_if_there_are_no_safetensors(hub):
    del hub.files["model.safetensors"]
    hub.files.update({"pytorch_model.bin": b"x", "training_args.bin": b"x"})
    resolve(NAME)
    assert "pytorch_model.bin" in hub.fetched
    assert "training_args.bin" not in hub.fetched
    # From the same commit as the other files, even if another one is pushed meanwhile.
    assert hub.asked == [None, NEW]


def test_an_entity_database_is_downloaded_if_there_is_no_json_vocabulary(hub):
    del hub.files["entity_vocab.json"]
    hub.files["entity_vocab.sqlite"] = b"x"
    resolve(NAME)
    assert "entity_vocab.sqlite" in hub.fetched


@pytest.mark.parametrize(
    "name, revision", [(NAME, "v1.0"), (NAME + "@v1.0", None), (NAME, OLD), (NAME + "@" + OLD, OLD)]
)
def test_a_given_revision_is_downloaded(hub, name, revision):
    found = locate(name, revision)
    assert found.path.name == OLD
    assert (found.name, found.commit) == (f"{NAME}@{OLD}", OLD)


@pytest.mark.parametrize(
    "name, revision",
    [
        (NAME, "v2.0"),
        (NAME + "@v2.0", None),
        (NAME + "@v1.0", "main"),
        (NAME, "../../x"),
        (NAME + "@", None),
        (NAME, ""),
        (NAME, "a//b"),
        ("mluke-small", "main"),
    ],
)
def test_an_unknown_revision_is_a_coded_error(hub, name, revision):
    with pytest.raises(ValueError, match="ML345"):
        locate(name, revision)


def test_a_directory_has_no_revisions(tmp_path):
    with pytest.raises(ValueError, match=r"ML345.*only names on the hub"):
        locate(tmp_path, "main")


def test_the_commit_is_saved_with_a_pipeline_and_displayed(hub, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": NAME, "revision": "v1.0"}})
    nlp.initialize()
    nlp.to_disk(tmp_path / "nlp")
    encoder = tmp_path / "nlp" / "mluke" / "encoder"
    source = {"name": NAME, "commit": OLD}
    assert json.loads((encoder / "config.json").read_text())["spacy_mluke"]["source"] == source
    assert ("from the hub", f"{NAME} at commit {OLD}") in describe_files(open_checkpoint(encoder))
    # Saving it again keeps the commit, without a request to the hub.
    asked = list(hub.asked)
    spacy.load(tmp_path / "nlp").to_disk(tmp_path / "again")
    again = json.loads((tmp_path / "again" / "mluke" / "encoder" / "config.json").read_text())
    assert again["spacy_mluke"]["source"] == source
    assert hub.asked == asked


def test_a_checkpoint_is_opened_again_at_the_same_commit(hub):
    loaded = load_encoder(NAME)
    assert loaded.source == f"{NAME}@{NEW}"
    hub.commits[None] = OLD
    assert open_checkpoint(loaded.source).path.name == NEW
