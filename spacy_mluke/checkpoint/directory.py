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
from .config_file import read_config
from .hub import locate
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

# The section of config.json that spacy_mluke writes: the format, and files that replace the published ones.
OWN = "spacy_mluke"
FORMAT = 1
# Its key for the id of the first added entity. The rows of added entities train, however large the table is.
ADDED = "first_added_entity"
# Its key for the name and commit on the hub that the checkpoint was loaded from.
SOURCE = "source"


@dataclass
class Checkpoint:
    """A checkpoint directory. Tensors are memory-mapped and read when they are used."""

    path: Path
    name: str  # opens the same checkpoint again; for a hub name, with the commit
    config: EncoderConfig
    files: List[Path]  # the weight files
    tensors: SortedTensors
    words: Optional[Q4Embedding]  # the word table, if it is quantized

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


def open_checkpoint(name: Union[str, Path], revision: Optional[str] = None) -> Checkpoint:
    """Open a checkpoint and check that its weights are those of a LUKE encoder. Only names and shapes are read.

    If the config has entity-aware attention but the weights have no entity-aware queries, they are copies of the plain
    queries, with a warning. LUKE's pretraining was initialized in this way.

    name (Union[str, Path]): The bundled "mluke-small", a directory, or a hub name.
    revision (Optional[str]): Branch, tag or commit of a hub name; None for the latest.
    RETURNS (Checkpoint): The checkpoint.
    RAISES (ValueError): ML020 to ML026 and ML342 for its config.json, ML035 to ML048, ML340, ML341 and ML345 for
        what is missing, damaged, or of another family.
    """
    located = locate(name, revision)
    path = located.path
    config = read_config(path)
    own = _own_section(config, path)
    if located.commit is not None:
        source = {"name": located.hub_name, "commit": located.commit}
        config = replace(config, extra={**config.extra, OWN: {**own, SOURCE: source}})
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


def _own_section(config: EncoderConfig, path: Path) -> Dict[str, Any]:
    """Return the section "spacy_mluke" of config.json, checked."""
    own = config.extra.get(OWN, {})
    if not isinstance(own, dict):
        raise ValueError(Errors.ML342.format(path=path, key=OWN, found=repr(own)[:80], wanted="an object"))
    rows = config.entity_vocab_size
    for key, wanted, fits in (
        ("format", "a whole number", _is_count(own.get("format", FORMAT))),
        ("words", "the name of a file", isinstance(own.get("words", ""), str)),
        ("encoder", "the name of a file", isinstance(own.get("encoder", ""), str)),
        (SOURCE, "an object with the name and the commit of a checkpoint on the hub", _is_source(own.get(SOURCE))),
        (ADDED, f"a whole number up to {rows}", _is_count(own.get(ADDED, rows)) and own.get(ADDED, rows) <= rows),
    ):
        if not fits:
            raise ValueError(
                Errors.ML342.format(path=path, key=f"{OWN}.{key}", found=repr(own[key])[:80], wanted=wanted)
            )
    if own.get("format", FORMAT) > FORMAT:
        raise ValueError(Errors.ML051.format(path=path, found=own["format"]))
    return own


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_source(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("name", "commit"))


def _own_file(path: Path, name: str) -> Path:
    file = path / Path(name).name
    if not file.is_file():
        raise ValueError(Errors.ML047.format(path=path, missing=file.name))
    return file
