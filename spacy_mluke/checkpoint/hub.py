"""Names of checkpoints: the bundled one, directories, names on the Hugging Face hub."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple, Union

from ..errors import Errors, did_you_mean
from .pointer import follow

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUNDLED = ("mluke-small",)
_PART = r"[A-Za-z0-9][\w.-]*"
_HUB_NAME = re.compile(rf"({_PART}/{_PART})(?:@(.*))?", re.ASCII | re.DOTALL)
# A branch, a tag or a commit. It becomes part of paths in the hub's cache: nothing may lead out of there.
_REVISION = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# All that is ever fetched: data that is parsed, none that could run.
_FILES = [
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "sentencepiece.bpe.model",
    "vocab.json",
    "merges.txt",
    "entity_vocab.json",
    "model.safetensors.index.json",
    "model.safetensors",
    "model-*.safetensors",
    "words.safetensors",
    "encoder.safetensors",
]
# What is fetched where a repository has nothing of the first kind: most have their weights in both forms, 2 GB each.
_INSTEAD: List[Tuple[str, List[str]]] = [
    ("*.safetensors", ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*.bin"]),
    ("entity_vocab.json", ["entity_vocab.sqlite"]),
]
# Patterns match names with folders, too.
_NEVER = ["*/*"]


@dataclass(frozen=True)
class Located:
    """A checkpoint that was asked for by name."""

    path: Path
    name: str  # for a hub name, with the commit, if it is known: it leads to the same files again
    hub_name: Optional[str] = None
    commit: Optional[str] = None  # that the hub's files are of


def resolve(name: Union[str, Path], revision: Optional[str] = None) -> Path:
    """Find the directory of a checkpoint. See `locate`.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name.
    revision (Optional[str]): Of a hub name.
    RETURNS (Path): The directory.
    """
    return locate(name, revision).path


def locate(name: Union[str, Path], revision: Optional[str] = None) -> Located:
    """Find the directory of a checkpoint; fetch it, or what is missing of it, if it has a hub name.

    Of a repository on the hub, config.json, safetensors and the files of the vocabularies are fetched, and nothing
    else; pytorch_model.bin only where there are no safetensors, entity_vocab.sqlite where there is no
    entity_vocab.json.

    name (Union[str, Path]): "mluke-small", which comes with the package; a directory; or a hub name, such as
        "studio-ousia/mluke-base", with a revision if wanted, "studio-ousia/mluke-base@main".
    revision (Optional[str]): Branch, tag or commit of a hub name; None for the latest.
    RETURNS (Located): Where it is.
    RAISES (ValueError): ML040 if there is no such directory, ML041 if the hub has no such checkpoint, ML042
        if the hub cannot be reached, ML345 for a revision that the hub does not have, or of what has none, ML365 if the
        directory stands for another component's encoder, which has changed.
    """
    if isinstance(name, str) and name in BUNDLED:
        _refuse_revision(name, revision)
        return Located(ASSETS / name, name)
    path, is_directory, note = Path(name), False, ""
    # Names that no file system can have, or that say a home which is not there, are not there.
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = path.expanduser()
        is_directory = path.is_dir() and name != ""
        note = ": it is a file" if path.is_file() else ""
    if is_directory:
        _refuse_revision(name, revision)
        return Located(follow(path), str(name))
    match = None if isinstance(name, Path) else _HUB_NAME.fullmatch(name)
    if match is None:
        raise ValueError(Errors.ML040.format(name=name, note=note, hint=did_you_mean(name, BUNDLED)))
    hub_name, own = match[1], match[2]
    if own is not None and revision is not None and own != revision:
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason="the name says another one"))
    return _fetch(hub_name, revision if own is None else own)


def _refuse_revision(name: Union[str, Path], revision: Optional[str]) -> None:
    if revision is not None:
        reason = "it is no name on the hub, and has no revisions"
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason=reason))


def _fetch(name: str, revision: Optional[str]) -> Located:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    if revision is not None and not _REVISION.fullmatch(revision):
        reason = "that is no branch, tag or commit"
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason=reason))
    try:
        path = Path(snapshot_download(name, revision=revision, allow_patterns=_FILES, ignore_patterns=_NEVER))
        commit = path.name if _COMMIT.fullmatch(path.name) else None
        for pattern, instead in _INSTEAD:
            if not any(path.glob(pattern)):
                # Of the same commit, whatever is pushed meanwhile.
                wanted = commit or revision
                snapshot_download(name, revision=wanted, allow_patterns=instead, ignore_patterns=_NEVER)
    except RepositoryNotFoundError as err:
        raise ValueError(Errors.ML041.format(name=name)) from err
    except RevisionNotFoundError as err:
        reason = "the hub does not have it"
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason=reason)) from err
    except (LocalEntryNotFoundError, OSError, ValueError) as err:
        raise ValueError(Errors.ML042.format(name=name, reason=str(err).partition("\n")[0])) from err
    exact = commit or revision
    return Located(path, name if exact is None else f"{name}@{exact}", hub_name=name, commit=commit)
