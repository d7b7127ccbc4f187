"""Open a checkpoint directory and check that it holds a LUKE encoder."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import torch
from torch import Tensor

from ..errors import Errors, Warnings
from ..network.config import EncoderConfig
from ..network.quantized_table import Q4Embedding
from ..tokenization.load import load_wordpieces
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .base import content_checksum, locate_base
from .config_file import read_config
from .delta_files import apply_changes, read_changes
from .heads import HEADS, masked_heads
from .hub import Located, locate
from .own_section import DELTA, OWN, SOURCE, BaseReference, base_reference, own_section
from .quantized_files import open_words, read_quantized
from .skeleton import expected_shapes
from .tensor_names import (
    ENCODER_PREFIX,
    POOLER,
    WORDS,
    SortedTensors,
    add_entity_queries,
    check_fit,
    check_types,
    sort_tensors,
)
from .weight_files import PICKLED, SAFETENSORS, read_weights, weight_files


@dataclass
class Checkpoint:
    """A checkpoint directory. Tensors are memory-mapped and read when they are used."""

    path: Path
    name: str  # opens the same checkpoint again; for a hub name, with the commit
    config: EncoderConfig
    files: List[Path]  # the weight files
    tensors: SortedTensors
    words: Optional[Q4Embedding]  # the word table, if it is quantized
    base: Optional[Checkpoint] = None  # for a delta: the checkpoint with all other weights and the vocabularies

    @property
    def has_pooler(self) -> bool:
        """Whether there are weights for the pooler of a `LukeModel`."""
        return POOLER in self.tensors.encoder

    @property
    def source(self) -> Optional[Dict[str, str]]:
        """Name and commit on the hub that the checkpoint was loaded from; None for others. Saving keeps them."""
        return self.config.extra.get(OWN, {}).get(SOURCE)

    @property
    def heads(self) -> Dict[str, Tensor]:
        """Tensors of heads (`lm_head.`, `entity_predictions.`, `classifier.`) by their names in the file."""
        return self.tensors.heads

    @property
    def wordpieces_path(self) -> Path:
        """The directory with the wordpiece vocabulary."""
        return self.path if self.base is None else self.base.path

    @property
    def entities_path(self) -> Path:
        """The directory with the entity vocabulary: a delta has one if entities were added."""
        return self.path if self.base is None or EntityVocabulary.files(self.path) else self.base.path

    def checksum(self) -> str:
        """Return a checksum of the content of a complete checkpoint: weights, wordpieces and entities.

        RETURNS (str): The checksum. It does not depend on the checkpoint's place and its config.json.
        """
        files = [*self.files, *EntityVocabulary.files(self.path)[:1]]
        return content_checksum(files, load_wordpieces(self.path).files)


def open_checkpoint(name: Union[str, Path], revision: Optional[str] = None) -> Checkpoint:
    """Open a checkpoint and check that its weights are those of a LUKE encoder. Only names and shapes are read.

    If the config has entity-aware attention but the weights have no entity-aware queries, they are copies of the plain
    queries, with a warning. LUKE's pretraining was initialized in this way.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name.
    revision (Optional[str]): Branch, tag or commit of a hub name; None for the latest.
    RETURNS (Checkpoint): The checkpoint.
    RAISES (ValueError): ML020 to ML026 and ML342 for its config.json, ML035 to ML048, ML340, ML341 and ML345 for
        what is missing, damaged, or of another family; ML052 to ML055 for a delta that does not fit its base.
    """
    located = locate(name, revision)
    path = located.path
    config = read_config(path)
    own = own_section(config, path)
    if located.commit is not None:
        source = {"name": located.hub_name, "commit": located.commit}
        config = replace(config, extra={**config.extra, OWN: {**own, SOURCE: source}})
    reference = base_reference(own)
    if reference is not None:
        return _open_delta(located, config, own, reference)
    words = open_words(_own_file(path, own["words"])) if "words" in own else None
    if "encoder" in own:
        files = [_own_file(path, own["encoder"])]
        tensors = read_quantized(files[0])
    else:
        files = weight_files(path)
        if not files:
            raise ValueError(Errors.ML047.format(path=path, missing=f"{SAFETENSORS} or {PICKLED}"))
        tensors = read_weights(files)
    if config.num_hidden_layers > len(tensors):
        # Checked before anything is created for each layer.
        raise ValueError(Errors.ML340.format(path=path, n=config.num_hidden_layers, tensors=len(tensors)))
    if words is not None:
        files = [*files, _own_file(path, own["words"])]
        # An empty tensor in place of the table, for the comparison of names and shapes.
        prefix = ENCODER_PREFIX if any(name.startswith(ENCODER_PREFIX) for name in tensors) else ""
        tensors[prefix + WORDS] = torch.empty((words.num_embeddings, words.embedding_dim), device="meta")
    has_pooler = any(name in (POOLER, ENCODER_PREFIX + POOLER) for name in tensors)
    expected = expected_shapes(config, with_pooler=has_pooler)
    sorted_ = sort_tensors(tensors, expected)
    if add_entity_queries(sorted_.encoder, expected):
        warnings.warn(Warnings.ML140.format(path=path), stacklevel=2)
    check_fit(sorted_.encoder, expected, path)
    check_types(sorted_.encoder, path)
    return Checkpoint(path, located.name, config, files, sorted_, words)


def _open_delta(located: Located, config: EncoderConfig, own: Dict[str, Any], reference: BaseReference) -> Checkpoint:
    """Open a delta with its base."""
    path = located.path
    base_path = locate_base(reference, path)
    if base_reference(own_section(read_config(base_path), base_path)) is not None:
        raise ValueError(Errors.ML054.format(path=path, base=reference.name))
    base = open_checkpoint(base_path)
    found = base.checksum()
    if found != reference.checksum:
        raise ValueError(Errors.ML053.format(path=path, base=reference.name, folder=base_path))
    tensors = {**base.tensors.encoder, **masked_heads(base.heads, config)}
    expected = expected_shapes(config, with_pooler=base.has_pooler)
    files = [_own_file(path, own[DELTA])] if DELTA in own else []
    for file in files:
        tensors = apply_changes(tensors, read_changes(file), expected, file)
    sorted_ = SortedTensors({}, {}, {})
    for name, tensor in tensors.items():
        (sorted_.heads if name.startswith(HEADS) else sorted_.encoder)[name] = tensor
    check_fit(sorted_.encoder, expected, path)
    check_types(sorted_.encoder, path)
    return Checkpoint(path, located.name, config, files, sorted_, base.words, base)


def _own_file(path: Path, name: str) -> Path:
    file = path / Path(name).name
    if not file.is_file():
        raise ValueError(Errors.ML047.format(path=path, missing=file.name))
    return file
