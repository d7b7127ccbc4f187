"""Checkpoint directories, opened: what is in them, and whether it is a LUKE encoder's."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import torch
from torch import Tensor

from ..errors import Errors, Warnings
from .config import EncoderConfig
from .hub import resolve
from .names import WORDS, SortedTensors, add_entity_queries, check_fit, sort_tensors
from .quantized import Q4Embedding, read_quantized
from .transformer import LukeEncoder
from .weights import PICKLED, SAFETENSORS, read_weights, weight_files

CONFIG = "config.json"
# The section of config.json that says which files a directory of ours has beside, or instead of, the
# published ones.
OWN = "spacy_mluke"


@dataclass
class Checkpoint:
    """A checkpoint directory. Tensors are memory-mapped: those that nobody uses are not read."""

    path: Path
    config: EncoderConfig
    files: List[Path]  # that hold the weights
    tensors: SortedTensors
    words: Optional[Q4Embedding]  # the word table, if it is quantized

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
    RAISES (ValueError): ML040 to ML048, for what is missing, damaged, or of another family.
    """
    path = resolve(name)
    content = _read_config(path)
    config = EncoderConfig.from_dict(content)
    expected = expected_shapes(config)
    own = content.get(OWN, {})
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
        tensors[WORDS] = torch.empty((words.num_embeddings, words.embedding_dim), device="meta")
    sorted_ = sort_tensors(tensors, expected)
    if add_entity_queries(sorted_.encoder, expected):
        warnings.warn(Warnings.ML140.format(path=path), stacklevel=2)
    check_fit(sorted_.encoder, expected, path)
    return Checkpoint(path, config, files, sorted_, words)


def expected_shapes(config: EncoderConfig) -> Dict[str, torch.Size]:
    """Names and shapes of an encoder's tensors, as published.

    config (EncoderConfig): The encoder's sizes.
    RETURNS (Dict[str, torch.Size]): Shape by name.
    """
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in LukeEncoder(config).state_dict().items()}


def _read_config(path: Path) -> Dict[str, Any]:
    file = path / CONFIG
    if not file.is_file():
        raise ValueError(Errors.ML047.format(path=path, missing=CONFIG))
    try:
        content = json.loads(file.read_text(encoding="utf8"))
    except ValueError as err:
        raise ValueError(Errors.ML045.format(path=file, size=file.stat().st_size, reason=err)) from err
    family = content.get("model_type") if isinstance(content, dict) else None
    if family != "luke":
        raise ValueError(Errors.ML043.format(path=path, found=repr(family)))
    return content


def _own_file(path: Path, name: str) -> Path:
    file = path / Path(name).name
    if not file.is_file():
        raise ValueError(Errors.ML047.format(path=path, missing=file.name))
    return file
