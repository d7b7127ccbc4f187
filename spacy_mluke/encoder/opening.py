"""Checkpoint directories, opened: what is in them, and whether it is a LUKE encoder's."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Union

import torch
from torch import Tensor

from ..errors import Errors, Warnings
from .config import EncoderConfig
from .hub import resolve
from .names import ENCODER_PREFIX, POOLER, WORDS, SortedTensors, add_entity_queries, check_fit, sort_tensors
from .quantized import Q4Embedding, read_quantized
from .skeleton import expected_shapes
from .weights import PICKLED, SAFETENSORS, read_weights, weight_files

# The section of config.json that says which files a directory of ours has beside, or instead of, the
# published ones.
OWN = "spacy_mluke"
FORMAT = 1
# Its key for the first entity that was added: from there on, rows of the table train, however large it is.
ADDED = "first_added_entity"


@dataclass
class Checkpoint:
    """A checkpoint directory. Tensors are memory-mapped: those that nobody uses are not read."""

    path: Path
    config: EncoderConfig
    files: List[Path]  # that hold the weights
    tensors: SortedTensors
    words: Optional[Q4Embedding]  # the word table, if it is quantized

    @property
    def has_pooler(self) -> bool:
        return POOLER in self.tensors.encoder

    @property
    def heads(self) -> Dict[str, Tensor]:
        """Tensors of heads (`lm_head.`, `entity_predictions.`, `classifier.`) by their names in the file."""
        return self.tensors.heads


def open_checkpoint(name: Union[str, Path]) -> Checkpoint:
    """Open a checkpoint and see that its weights are a LUKE encoder's. Reads no more than names and shapes.

    A checkpoint whose config asks for entity-aware attention, but that has no queries for it, gets copies of
    the plain ones, with a warning: LUKE's own pretraining started so.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name.
    RETURNS (Checkpoint): The checkpoint.
    RAISES (ValueError): ML020 to ML027 for its config.json, ML035 to ML048 for what is missing, damaged, or
        of another family.
    """
    path = resolve(name)
    config = EncoderConfig.from_file(path)
    own = config.extra.get(OWN, {})
    if own.get("format", FORMAT) > FORMAT:
        raise ValueError(Errors.ML051.format(path=path, found=own["format"]))
    words = Q4Embedding.open(_own_file(path, own["words"])) if "words" in own else None
    if "encoder" in own:
        files = [_own_file(path, own["encoder"])]
        tensors = read_quantized(files[0])
    else:
        files = weight_files(path)
        if not files:
            raise ValueError(Errors.ML047.format(path=path, missing=f"{SAFETENSORS} or {PICKLED}"))
        tensors = read_weights(files)
    if words is not None:
        files = [*files, _own_file(path, own["words"])]
        # Stands for the table in the comparison; nothing is in it.
        prefix = ENCODER_PREFIX if any(name.startswith(ENCODER_PREFIX) for name in tensors) else ""
        tensors[prefix + WORDS] = torch.empty((words.num_embeddings, words.embedding_dim), device="meta")
    has_pooler = any(name in (POOLER, ENCODER_PREFIX + POOLER) for name in tensors)
    expected = expected_shapes(config, with_pooler=has_pooler)
    sorted_ = sort_tensors(tensors, expected)
    if add_entity_queries(sorted_.encoder, expected):
        warnings.warn(Warnings.ML140.format(path=path), stacklevel=2)
    check_fit(sorted_.encoder, expected, path)
    return Checkpoint(path, config, files, sorted_, words)


def _own_file(path: Path, name: str) -> Path:
    file = path / Path(name).name
    if not file.is_file():
        raise ValueError(Errors.ML047.format(path=path, missing=file.name))
    return file
