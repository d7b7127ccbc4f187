"""Find the base of a delta: the checkpoint from which an encoder was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, Optional, Union

from ..errors import Errors
from ..storage.fingerprint import FileVersion
from ..tokenization.vocabulary_files import SENTENCEPIECE, VOCAB
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .config_file import CONFIG, read_config
from .hub import BUNDLED, locate, resolve
from .own_section import BaseReference, base_reference, own_section

# Text files up to this size are hashed with Unix line ends: a checkout on Windows may have changed them.
_SMALL = 16 << 20
_BINARY = (".safetensors", ".bin", ".model", ".sqlite")
_HASH = "sha256"


def locate_base(reference: BaseReference, delta: Path) -> Path:
    """Find the directory of a delta's base. The network is not used: the user named the delta, not the base.

    reference (BaseReference): The base.
    delta (Path): The delta, for messages.
    RETURNS (Path): The directory.
    RAISES (ValueError): ML052 if it is not on this machine.
    """
    try:
        return locate(reference.name, is_offline=True).path
    except ValueError as error:
        raise ValueError(Errors.ML052.format(path=delta, base=reference.name, reason=error)) from error


def reference_name(name: str, path: Path) -> str:
    """Return a name that finds a checkpoint again from any working directory.

    name (str): Its name: "mluke-small", a directory, or a hub name with its commit.
    path (Path): Its directory.
    RETURNS (str): The name; the absolute path of a directory.
    """
    is_directory = name not in BUNDLED and Path(name).expanduser().is_dir()
    return str(path.absolute()) if is_directory else name


def vocabulary_folder(path: Path) -> Path:
    """Return the directory that has the wordpiece vocabulary of a checkpoint: of a delta, its base.

    path (Path): The checkpoint.
    RETURNS (Path): The directory.
    RAISES (ValueError): ML052 if the base is not on this machine.
    """
    if any((path / name).is_file() for name in (SENTENCEPIECE, VOCAB)) or not (path / CONFIG).is_file():
        return path
    reference = base_reference(own_section(read_config(path), path))
    return path if reference is None else locate_base(reference, path)


def find_wordpieces(name: Union[str, Path], revision: Optional[str] = None) -> Path:
    """Return the directory that has the wordpiece vocabulary of a checkpoint.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name.
    revision (Optional[str]): Of a hub name.
    RETURNS (Path): The directory, for `load_wordpieces`.
    RAISES (ValueError): The errors of `locate`; ML052 for a delta whose base is not on this machine.
    """
    return vocabulary_folder(resolve(name, revision))


def find_entities(path: Path) -> Path:
    """Return the directory that has the entity vocabulary of a checkpoint: of a delta without added entities, its base.

    path (Path): The checkpoint.
    RETURNS (Path): The directory, for `EntityVocabulary.from_dir`.
    RAISES (ValueError): ML052 if the base is not on this machine.
    """
    return path if EntityVocabulary.files(path) else vocabulary_folder(path)


def content_checksum(files: Iterable[Path], texts: Mapping[str, bytes]) -> str:
    """Return a checksum of the content of a checkpoint: of every byte of its weights and vocabularies.

    Large files are read once in a process, 1 second for 1 GB, and again only after they have changed.

    files (Iterable[Path]): Weights, and the file of the entity vocabulary.
    texts (Mapping[str, bytes]): Contents of the wordpiece vocabulary's files by name.
    RETURNS (str): The checksum.
    """
    found: Dict[str, str] = {name: _digest_of(name, data) for name, data in texts.items()}
    for file in files:
        is_text = file.suffix not in _BINARY and file.stat().st_size <= _SMALL
        found[file.name] = _digest_of(file.name, file.read_bytes()) if is_text else FileVersion(file).digest
    lines: List[str] = [f"{name}\n{digest}\n" for name, digest in sorted(found.items())]
    return f"{_HASH}:{hashlib.sha256(''.join(lines).encode('utf8')).hexdigest()}"


def _digest_of(name: str, data: bytes) -> str:
    text = data if name.endswith(_BINARY) else data.replace(b"\r\n", b"\n")
    return hashlib.sha256(text).hexdigest()
