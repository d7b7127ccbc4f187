"""Find the directory of a checkpoint: the bundled one, a directory, an encoder of an installed pipeline, or files from
the Hugging Face hub."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

from ..errors import Errors, did_you_mean
from .config_file import CONFIG
from .installed import PIPELINE_CONFIG, find_installed_encoder, find_pipeline
from .shared_encoders import follow_pointer

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BUNDLED = ("mluke-small",)
_PART = r"[A-Za-z0-9][\w.-]*"
_HUB_NAME = re.compile(rf"({_PART}/{_PART})(?:@(.*))?", re.ASCII | re.DOTALL)
# A branch, a tag or a commit. It becomes part of paths in the hub's cache, and must not lead out of the cache.
_REVISION = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# The only files that are downloaded: data, no code.
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
    "delta.safetensors",
]
# Downloaded only if a repository has no file of the first kind: most have their weights in both formats, 2 GB each.
_INSTEAD: List[Tuple[str, List[str]]] = [
    ("*.safetensors", ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*.bin"]),
    ("entity_vocab.json", ["entity_vocab.sqlite"]),
]
# The patterns above also match files in folders, which are not downloaded.
_NEVER = ["*/*"]


@dataclass(frozen=True)
class Located:
    """The directory of a checkpoint, and its name."""

    path: Path
    name: str  # finds the same files again; for a hub name, with the commit, if it is known
    hub_name: Optional[str] = None
    commit: Optional[str] = None  # commit of the files from the hub


def resolve(name: Union[str, Path], revision: Optional[str] = None) -> Path:
    """Return the directory of a checkpoint. See `locate`.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name.
    revision (Optional[str]): Of a hub name.
    RETURNS (Path): The directory.
    """
    return locate(name, revision).path


def locate(name: Union[str, Path], revision: Optional[str] = None, *, is_offline: bool = False) -> Located:
    """Find the directory of a checkpoint; download missing files if the name is a hub name.

    Only config.json, safetensors and the files of the vocabularies are downloaded; pytorch_model.bin only if there are
    no safetensors, entity_vocab.sqlite only if there is no entity_vocab.json.

    name (Union[str, Path]): "mluke-small", which comes with the package; a directory; the encoder of a component of an
        installed pipeline, such as "xx_mluke_small/mluke_ner"; or a hub name such as "studio-ousia/mluke-base",
        optionally with a revision: "studio-ousia/mluke-base@main".
    revision (Optional[str]): Branch, tag or commit of a hub name; None for the latest.
    is_offline (bool): Whether to look for a hub name only among the files that were downloaded before.
    RETURNS (Located): The directory and the name.
    RAISES (ValueError): ML040 if there is no such directory, ML041 if the hub has no such checkpoint, ML042 if the hub
        cannot be reached, ML345 for a revision that the hub does not have, or a revision of a directory, ML365 if the
        directory points to the encoder of another component, and that is missing or has changed, ML402 if an installed
        pipeline has no such encoder.
    """
    if isinstance(name, str) and name in BUNDLED:
        _refuse_revision(name, revision)
        return Located(ASSETS / name, name)
    path, is_directory, note = Path(name), False, ""
    # Names that no file system accepts, or with an unknown home directory, do not exist.
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = path.expanduser()
        is_directory = path.is_dir() and name != ""
        note = ": it is a file" if path.is_file() else ""
    _refuse_pipeline(name, path if is_directory else None)
    if is_directory:
        _refuse_revision(name, revision)
        return Located(follow_pointer(path), str(name))
    installed = None if isinstance(name, Path) else find_installed_encoder(name)
    if installed is not None:
        _refuse_revision(name, revision)
        return Located(follow_pointer(installed), str(name))
    match = None if isinstance(name, Path) else _HUB_NAME.fullmatch(name)
    if match is None:
        raise ValueError(Errors.ML040.format(name=name, note=note, hint=did_you_mean(name, BUNDLED)))
    hub_name, own = match[1], match[2]
    if own is not None and revision is not None and own != revision:
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason="the name contains another revision"))
    return _fetch(hub_name, revision if own is None else own, is_offline)


def _refuse_pipeline(name: Union[str, Path], directory: Optional[Path]) -> None:
    """Raise an error if a name is that of a pipeline: its directory, or its package."""
    if directory is not None:
        is_pipeline = (directory / PIPELINE_CONFIG).is_file() and not (directory / CONFIG).is_file()
    else:
        is_pipeline = str(name).isidentifier() and find_pipeline(str(name)) is not None
    if is_pipeline:
        hint = f" Load it with spacy.load({str(name)!r}). The checkpoints in it are the folders COMPONENT/encoder."
        raise ValueError(Errors.ML040.format(name=name, note=": that is a pipeline", hint=hint))


def _refuse_revision(name: Union[str, Path], revision: Optional[str]) -> None:
    if revision is not None:
        reason = "only names on the hub have revisions"
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason=reason))


def _fetch(name: str, revision: Optional[str], is_offline: bool) -> Located:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    if revision is not None and not _REVISION.fullmatch(revision):
        reason = "that is not a valid branch, tag or commit"
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason=reason))
    options: Dict[str, Any] = {"ignore_patterns": _NEVER}
    if is_offline:
        options["local_files_only"] = True
    try:
        path = Path(snapshot_download(name, revision=revision, allow_patterns=_FILES, **options))
        commit = path.name if _COMMIT.fullmatch(path.name) else None
        for pattern, instead in _INSTEAD:
            if not any(path.glob(pattern)):
                # From the same commit, even if another one is pushed meanwhile.
                same = commit or revision
                snapshot_download(name, revision=same, allow_patterns=instead, **options)
    except RepositoryNotFoundError as err:
        raise ValueError(Errors.ML041.format(name=name)) from err
    except RevisionNotFoundError as err:
        reason = "the hub does not have it"
        raise ValueError(Errors.ML345.format(name=name, revision=revision, reason=reason)) from err
    except (LocalEntryNotFoundError, OSError, ValueError) as err:
        raise ValueError(Errors.ML042.format(name=name, reason=str(err).partition("\n")[0])) from err
    exact = commit or revision
    return Located(path, name if exact is None else f"{name}@{exact}", hub_name=name, commit=commit)
