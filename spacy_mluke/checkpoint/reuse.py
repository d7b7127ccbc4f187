"""Save encoders without writing equal weights twice.

Components of a pipeline often have equal encoders, and a trained encoder often has most weights of the checkpoint that
it was trained from. `save_once` writes a pointer, `shared.json`, if another component has the same encoder; a delta if
the encoder was trained from the bundled checkpoint; and copies the files of a packed checkpoint or of a delta if the
encoder still equals it.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any, Dict, List, Sequence

import torch
from torch import Tensor

from ..network.mapped_table import MappedEntityTable
from ..network.quantized_table import Q4Embedding
from ..storage.files import replacing
from ..tokenization.load import load_wordpieces
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .config_file import CONFIG, read_config
from .delta import find_bundled_base, named_tensors, save_delta
from .directory import Checkpoint, open_checkpoint
from .hub import BUNDLED, resolve
from .load import LoadedEncoder
from .own_section import ADDED, OWN, base_reference, own_section
from .save import save_encoder
from .shared_encoders import POINTER, write_pointer
from .tensor_names import WORDS

# Keys of a config.json that do not describe the encoder.
_NOT_COMPARED = (
    OWN,
    "torch_dtype",
    "architectures",
    "tokenizer_class",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
)
# Files that are copied with a checkpoint.
_LEGAL = ("LICENSE*", "NOTICE*", "README.md")


def save_once(loaded: LoadedEncoder, path: Path, *, neighbours: Sequence[Path] = (), is_portable: bool = False) -> None:
    """Write an encoder, unless it equals one that is saved already.

    loaded (LoadedEncoder): The encoder.
    path (Path): The directory, created if missing.
    neighbours (Sequence[Path]): Encoders of components of the same pipeline that were saved before.
    is_portable (bool): Whether the directory must open on another machine. If not, a delta of another checkpoint than
        the bundled one, which somebody made on request, stays one as long as the encoder does not change.
    """
    for other in neighbours:
        if is_same(loaded, other):
            write_pointer(path, other)
            return
    own = _own_section(loaded.source)
    base = base_reference(own)
    if base is not None and (base.name in BUNDLED or not is_portable) and is_same(loaded, loaded.source):
        copy_checkpoint(loaded, path)
        return
    bundled = find_bundled_base(loaded)
    if bundled is not None:
        save_delta(loaded, path, bundled)
    elif own and base is None and is_same(loaded, loaded.source):
        copy_checkpoint(loaded, path)
    else:
        save_encoder(loaded, path)


def is_same(loaded: LoadedEncoder, name: Any) -> bool:
    """Return whether an encoder has exactly the weights and the vocabularies of a checkpoint.

    loaded (LoadedEncoder): The encoder.
    name (Any): A checkpoint, as `open_checkpoint` takes it.
    RETURNS (bool): False also for a checkpoint that is missing or cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = open_checkpoint(name)
            wordpieces = load_wordpieces(checkpoint.wordpieces_path)
            entities = EntityVocabulary.from_dir(checkpoint.entities_path)
    except (OSError, ValueError):
        return False
    return (
        _compared(loaded.config.to_dict()) == _compared(checkpoint.config.to_dict())
        and loaded.wordpieces.files == wordpieces.files
        and loaded.entities.is_same(entities)
        and _has_same_tensors(loaded, checkpoint)
    )


def copy_checkpoint(loaded: LoadedEncoder, path: Path) -> None:
    """Copy the files of the checkpoint that an encoder was loaded from.

    loaded (LoadedEncoder): The encoder.
    path (Path): The directory, created if missing.
    """
    checkpoint = open_checkpoint(loaded.source)
    path.mkdir(parents=True, exist_ok=True)
    names = [CONFIG, *(file.name for file in EntityVocabulary.files(checkpoint.path))]
    names += [] if checkpoint.base is not None else loaded.wordpieces.files
    names += [file.name for pattern in _LEGAL for file in sorted(checkpoint.path.glob(pattern))]
    for file in [*checkpoint.files, *(checkpoint.path / name for name in names)]:
        with replacing(path / file.name) as aside:
            shutil.copy2(file, aside)


def _own_section(name: str) -> Dict[str, Any]:
    """Return the section of config.json that spacy_mluke wrote; empty for other checkpoints. Those are written anew: a
    pipeline must not contain a pickle."""
    try:
        path = resolve(name) if name in BUNDLED or Path(name).is_dir() else None
        return {} if path is None else own_section(read_config(path), path)
    except (OSError, ValueError):
        return {}


def _compared(config: Dict[str, Any]) -> Dict[str, Any]:
    own = config.get(OWN, {})
    return {**{key: value for key, value in config.items() if key not in _NOT_COMPARED}, ADDED: own.get(ADDED)}


def _has_same_tensors(loaded: LoadedEncoder, checkpoint: Checkpoint) -> bool:
    words = loaded.network.embeddings.word_embeddings
    theirs = {**checkpoint.tensors.encoder, **checkpoint.heads}
    if isinstance(words, Q4Embedding):
        if checkpoint.words is None or not torch.equal(words.blocks.cpu(), checkpoint.words.blocks):
            return False
        del theirs[WORDS]
    elif checkpoint.words is not None:
        return False
    mine = dict(named_tensors(loaded))
    if mine.keys() != theirs.keys():
        return False
    return all(_is_equal(tensor, theirs[name]) for name, tensor in mine.items())


def _is_equal(mine: Any, theirs: Tensor) -> bool:
    if tuple(mine.shape) != tuple(theirs.shape):
        return False
    if not isinstance(mine, MappedEntityTable):
        return torch.equal(mine.detach().cpu(), theirs.to(mine.dtype))
    start = 0
    for part in mine.parts():
        if not torch.equal(part, theirs[start : start + len(part)].to(part.dtype)):
            return False
        start += len(part)
    return True


def neighbour_encoders(folder: Path, names: List[str]) -> List[Path]:
    """Return the directories of the encoders that components of a pipeline have saved.

    folder (Path): The pipeline.
    names (List[str]): The components.
    RETURNS (List[Path]): The directories, without pointers.
    """
    found = [folder / name / "encoder" for name in names]
    return [path for path in found if (path / CONFIG).is_file() and not (path / POINTER).exists()]
