"""Upload a saved pipeline to the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Optional

from ..errors import Errors
from .saved_pipeline import CARD, SavedPipeline

_KEPT = (".gitattributes",)  # a file that the hub makes itself


@dataclass(frozen=True)
class UploadedFile:
    """A file to upload."""

    path: Path
    name: str  # in the repository, with slashes
    size: int  # in bytes


def list_files(pipeline: SavedPipeline) -> List[UploadedFile]:
    """List the files of a pipeline that are uploaded: all but hidden files and Python's caches.

    pipeline (SavedPipeline): As from `read_pipeline`.
    RETURNS (List[UploadedFile]): The files, sorted by name.
    RAISES (ValueError): ML407 if there is no model card.
    """
    if not (pipeline.path / CARD).is_file():
        raise ValueError(Errors.ML407.format(path=pipeline.path))
    found = []
    for path in sorted(pipeline.path.rglob("*")):
        parts = path.relative_to(pipeline.path).parts
        if path.is_file() and not any(part[0] == "." or part == "__pycache__" for part in parts):
            found.append(UploadedFile(path, "/".join(parts), path.stat().st_size))
    return found


def check_repo(repo: str) -> None:
    """Check the name of a repository on the hub, without a connection.

    repo (str): OWNER/NAME.
    RAISES (ValueError): ML408 if it is no such name.
    """
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise ValueError(Errors.ML408.format(repo=repo, reason=error)) from error
    if "/" not in repo:
        raise ValueError(Errors.ML408.format(repo=repo, reason="the name has no owner"))


def push(
    files: List[UploadedFile],
    repo: str,
    *,
    message: str,
    private: bool = False,
    revision: Optional[str] = None,
    api: Optional[Any] = None,
) -> str:
    """Upload files in one commit. Files of an earlier upload that are not among them are deleted in it, so that the
    repository is the pipeline and nothing else.

    files (List[UploadedFile]): As from `list_files`.
    repo (str): Name of the repository, OWNER/NAME; it is made if it does not exist.
    message (str): Message of the commit.
    private (bool): Whether a new repository is private.
    revision (Optional[str]): Branch that exists; None for the main one.
    api (Optional[Any]): A `huggingface_hub.HfApi`; None for one with the user's token.
    RETURNS (str): Address of the commit.
    RAISES (ValueError): ML408 if the name is wrong, or if the hub refuses. The message never has the token.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    check_repo(repo)
    client = HfApi() if api is None else api
    try:
        client.create_repo(repo, private=private, exist_ok=True)
        names = {file.name for file in files}
        old = [name for name in client.list_repo_files(repo, revision=revision) if name not in names]
        operations: List[Any] = [CommitOperationAdd(file.name, file.path) for file in files]
        operations += [CommitOperationDelete(name) for name in old if name not in _KEPT]
        commit = client.create_commit(repo, operations, commit_message=message, revision=revision)
    except Exception as error:  # of the connection, of the hub, of the file system
        reason = _without_token(f"{type(error).__name__}: {error}", client)
        raise ValueError(Errors.ML408.format(repo=repo, reason=reason)) from None
    return str(commit.commit_url)


def _without_token(text: str, client: Any) -> str:
    from huggingface_hub import get_token

    for token in (getattr(client, "token", None), get_token()):
        if isinstance(token, str) and token:
            text = text.replace(token, "***")
    return " ".join(text.split())
