"""Save encoders without writing equal weights twice.

Components of a pipeline often have equal encoders, and an encoder that was not trained equals its checkpoint.
`save_once` writes a pointer, `shared.json`, if another component has the same encoder, and copies the files of a packed
checkpoint if the encoder still equals it.
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import torch
from torch import Tensor

from ..network.mapped_table import MappedEntityTable
from ..network.quantized_table import Q4Embedding
from ..storage.files import replacing
from ..tokenization.load import load_wordpieces
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .config_file import CONFIG
from .directory import ADDED, OWN, Checkpoint, open_checkpoint
from .hub import BUNDLED, resolve
from .load import LoadedEncoder
from .save import save_encoder
from .shared_encoders import POINTER, write_pointer
from .tensor_names import ENTITIES, WORDS

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


def save_once(loaded: LoadedEncoder, path: Path, *, neighbours: Sequence[Path] = ()) -> None:
    """Write an encoder, unless it equals one that is saved already.

    loaded (LoadedEncoder): The encoder.
    path (Path): The directory, created if missing.
    neighbours (Sequence[Path]): Encoders of components of the same pipeline that were saved before.
    """
    for other in neighbours:
        if is_same(loaded, other):
            write_pointer(path, other)
            return
    if _is_own(loaded.source) and is_same(loaded, loaded.source):
        copy_checkpoint(loaded, path)
        return
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
            wordpieces = load_wordpieces(checkpoint.path)
            entities = EntityVocabulary.from_dir(checkpoint.path)
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
    names = [CONFIG, *loaded.wordpieces.files, *(file.name for file in EntityVocabulary.files(checkpoint.path))]
    names += [file.name for pattern in _LEGAL for file in sorted(checkpoint.path.glob(pattern))]
    for file in [*checkpoint.files, *(checkpoint.path / name for name in names)]:
        with replacing(path / file.name) as aside:
            shutil.copy2(file, aside)


def _is_own(name: str) -> bool:
    """Return whether spacy_mluke wrote a checkpoint. Others are written anew: a pipeline must not contain a pickle."""
    try:
        path = resolve(name) if name in BUNDLED or Path(name).is_dir() else None
        return path is not None and OWN in json.loads((path / CONFIG).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return False


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
    mine = dict(_tensors(loaded))
    if mine.keys() != theirs.keys():
        return False
    return all(_is_equal(tensor, theirs[name]) for name, tensor in mine.items())


def _tensors(loaded: LoadedEncoder) -> Iterator[Tuple[str, Any]]:
    table = loaded.network.entity_embeddings.entity_embeddings
    for name, parameter in loaded.named_parameters():
        is_special = isinstance(table, MappedEntityTable) and parameter is table.special
        yield (ENTITIES, table) if is_special else (name, parameter)


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
