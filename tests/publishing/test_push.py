"""Files of a pipeline are uploaded in one commit; no message has the token."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from spacy_mluke.publishing.push import check_repo, list_files, push
from spacy_mluke.publishing.saved_pipeline import read_pipeline
from tests.publishing.pipelines import save

TOKEN = "hf_secretsecret"


class FakeApi:
    """Records what is done with it."""

    token = TOKEN

    def __init__(self, remote=(), error=None):
        self.remote = list(remote)
        self.error = error
        self.repos, self.commits = [], []

    def create_repo(self, repo, *, private, exist_ok):
        if self.error is not None:
            raise self.error
        assert exist_ok
        self.repos.append((repo, private))

    def list_repo_files(self, repo, *, revision):
        return self.remote

    def create_commit(self, repo, operations, *, commit_message, revision):
        self.commits.append((repo, list(operations), commit_message, revision))
        return SimpleNamespace(commit_url="https://example.com/commit/1")


@pytest.fixture
def files(tmp_path):
    save(tmp_path)
    (tmp_path / "README.md").write_text("card")
    (tmp_path / ".hidden").write_text("a")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("a")
    return list_files(read_pipeline(tmp_path))


def test_hidden_files_and_caches_are_not_uploaded(files):
    names = [file.name for file in files]
    assert {"README.md", "config.cfg", "meta.json", "vocab/strings.json"} <= set(names) and names == sorted(names)
    assert not any("hidden" in name or "pyc" in name for name in names)
    assert [file.size for file in files if file.name == "README.md"] == [4]


def test_a_pipeline_without_a_card_is_not_uploaded(tmp_path):
    with pytest.raises(ValueError, match="ML407"):
        list_files(read_pipeline(save(tmp_path)))


def test_all_files_are_in_one_commit(files):
    api = FakeApi()
    assert push(files, "me/places", message="places 1", private=True, api=api) == "https://example.com/commit/1"
    ((repo, operations, message, revision),) = api.commits
    assert (repo, message, revision, api.repos) == ("me/places", "places 1", None, [("me/places", True)])
    assert [one.path_in_repo for one in operations] == [file.name for file in files]


def test_files_of_an_earlier_upload_are_deleted(files):
    api = FakeApi([".gitattributes", "config.cfg", "old/model"])
    push(files, "me/places", message="", api=api)
    deleted = [one.path_in_repo for one in api.commits[0][1] if type(one).__name__ == "CommitOperationDelete"]
    assert deleted == ["old/model"]


def test_an_error_of_the_hub_is_coded_and_does_not_show_the_token(files):
    with pytest.raises(ValueError, match="ML408") as error:
        push(files, "me/places", message="", api=FakeApi(error=RuntimeError(f"401 for Bearer {TOKEN}")))
    assert TOKEN not in str(error.value) and "***" in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("repo", ["places", "a/b/c", "me/pla ces", "", "me/--x"])
def test_wrong_names_of_repositories_have_a_coded_error(repo):
    with pytest.raises(ValueError, match="ML408"):
        check_repo(repo)
