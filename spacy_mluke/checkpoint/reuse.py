"""Encoders that are saved already: compared with a checkpoint, copied from it, or pointed to.

A pipeline's components often have equal encoders, and encoders that nobody trained equal the checkpoint that they came
from. `save_once` writes neither of them again: a component whose neighbour holds the same encoder gets a pointer,
`shared.json`, and an encoder that is still that of a packed checkpoint keeps its packed files.
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
from ..storage.files import replacing
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .directory import ADDED, OWN, Checkpoint, open_checkpoint
from .hub import BUNDLED, resolve
from .load import CONFIG, LoadedEncoder, load_wordpieces, save_encoder
from .pointer import POINTER, point_to
from .quantized import Q4Embedding
from .tensor_names import ENTITIES, WORDS

# Of a config.json, what says nothing of the encoder.
_BESIDE = (OWN, "torch_dtype", "architectures", "tokenizer_class", "id2label", "label2id", "num_labels", "problem_type")
# Files of a checkpoint that go where it goes.
_LEGAL = ("LICENSE*", "NOTICE*", "README.md")


def save_once(loaded: LoadedEncoder, path: Path, *, neighbours: Sequence[Path] = ()) -> None:
    """Write an encoder as `save_encoder` does, but nothing that is there already.

    loaded (LoadedEncoder): The encoder.
    path (Path): The directory, made if missing.
    neighbours (Sequence[Path]): Encoders of other components of the pipeline, that were saved before.
    """
    for other in neighbours:
        if is_same(loaded, other):
            point_to(path, other)
            return
    if _is_own(loaded.source) and is_same(loaded, loaded.source):
        copy_checkpoint(loaded, path)
        return
    save_encoder(loaded, path)


def is_same(loaded: LoadedEncoder, name: Any) -> bool:
    """Whether a checkpoint holds an encoder: exactly the same weights, and the same vocabularies.

    loaded (LoadedEncoder): The encoder.
    name (Any): A checkpoint, as `open_checkpoint` takes it.
    RETURNS (bool): False also for a checkpoint that is not there, or cannot be read.
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
    """Copy the checkpoint that an encoder came from, in the form that it has.

    loaded (LoadedEncoder): The encoder.
    path (Path): The directory, made if missing.
    """
    checkpoint = open_checkpoint(loaded.source)
    path.mkdir(parents=True, exist_ok=True)
    names = [CONFIG, *loaded.wordpieces.files, *(file.name for file in EntityVocabulary.files(checkpoint.path))]
    names += [file.name for pattern in _LEGAL for file in sorted(checkpoint.path.glob(pattern))]
    for file in [*checkpoint.files, *(checkpoint.path / name for name in names)]:
        with replacing(path / file.name) as aside:
            shutil.copy2(file, aside)


def _is_own(name: str) -> bool:
    """Whether a checkpoint has the form that we save. Others are written anew: no pickle goes into a pipeline."""
    try:
        path = resolve(name) if name in BUNDLED or Path(name).is_dir() else None
        return path is not None and OWN in json.loads((path / CONFIG).read_text(encoding="utf8"))
    except (OSError, ValueError):
        return False


def _compared(config: Dict[str, Any]) -> Dict[str, Any]:
    own = config.get(OWN, {})
    return {**{key: value for key, value in config.items() if key not in _BESIDE}, ADDED: own.get(ADDED)}


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
    for chunk in mine.chunks():
        if not torch.equal(chunk, theirs[start : start + len(chunk)].to(chunk.dtype)):
            return False
        start += len(chunk)
    return True


def neighbour_encoders(folder: Path, names: List[str]) -> List[Path]:
    """The encoders that components of a pipeline hold themselves.

    folder (Path): The pipeline.
    names (List[str]): The components.
    RETURNS (List[Path]): Their directories, without those that are pointers.
    """
    found = [folder / name / "encoder" for name in names]
    return [path for path in found if (path / CONFIG).is_file() and not (path / POINTER).exists()]
