"""`push`: upload a saved pipeline to the Hugging Face hub."""

from __future__ import annotations

from typing import Optional

import typer

PIPELINE = typer.Argument(..., help="A pipeline: its directory, or the name of its package")
REPO = typer.Argument(..., help="The repository on the hub, OWNER/NAME. It is made if it does not exist")
DRY_RUN = typer.Option(False, "--dry-run", help="List the files and their sizes, and upload nothing")
PRIVATE = typer.Option(False, "--private", help="Make a new repository private")
REVISION = typer.Option(None, "--revision", help="Branch of the repository, which must exist. Default: the main one")
MESSAGE = typer.Option(None, "--message", help="Message of the commit. Default: name and version of the pipeline")


def push(
    pipeline: str = PIPELINE,
    repo: str = REPO,
    dry_run: bool = DRY_RUN,
    private: bool = PRIVATE,
    revision: Optional[str] = REVISION,
    message: Optional[str] = MESSAGE,
) -> None:
    """Upload a saved pipeline to the Hugging Face hub.

    All files are in one commit. The pipeline needs a model card: see `card`. The token is that of `hf auth login`, or
    HF_TOKEN; it is never printed.
    """
    from wasabi import msg

    from ..publishing.push import check_repo, list_files
    from ..publishing.push import push as upload
    from ..publishing.saved_pipeline import read_pipeline
    from ._common import shown

    saved = read_pipeline(pipeline)
    check_repo(repo)
    files = list_files(saved)
    total = sum(file.size for file in files)
    msg.table([(shown(file.name), f"{file.size:,}") for file in files], header=("file", "bytes"), divider=True)
    if dry_run:
        msg.good(f"{len(files)} files, {total / 1e6:,.1f} MB, would be uploaded to {repo}. Nothing was uploaded")
        return
    title = message or f"{saved.name} {saved.meta['version']}"
    address = upload(files, repo, message=title, private=private, revision=revision)
    msg.good(f"{len(files)} files, {total / 1e6:,.1f} MB: {address}")
