"""Sort a checkpoint's tensors by their names, and check that the encoder's are complete."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

import torch
from torch import Tensor

from ..errors import Errors

ENCODER_PREFIX = "luke."
WORDS = "embeddings.word_embeddings.weight"
ENTITIES = "entity_embeddings.entity_embeddings.weight"
POOLER = "pooler.dense.weight"
ENTITY_QUERIES = ("w2e_query", "e2w_query", "e2e_query")
# Tensors of published files that an encoder does not need: a table of 0, 1, 2... that older versions of transformers
# saved, and entity-aware queries if the config does not use them.
_HARMLESS = re.compile(
    r"embeddings\.position_ids"
    r"|encoder\.layer\.\d+\.attention\.self\.(w2e|e2w|e2e)_query\.(weight|bias)"
)
_LISTED = 6
_WEIGHT_TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@dataclass
class SortedTensors:
    """A checkpoint's tensors by owner. Tensors of heads have their names in the file, the others lack the prefix."""

    encoder: Dict[str, Tensor]
    heads: Dict[str, Tensor]
    unused: Dict[str, Tensor]  # known, not needed


def sort_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Sequence[int]]) -> SortedTensors:
    """Separate the encoder's tensors from those of heads.

    tensors (Mapping[str, Tensor]): By name in the file. In checkpoints with heads, the encoder's have the prefix
        "luke.".
    expected (Mapping[str, Sequence[int]]): Names and shapes of the encoder's tensors.
    RETURNS (SortedTensors): All tensors.
    """
    prefixed = any(name.startswith(ENCODER_PREFIX) for name in tensors)
    sorted_ = SortedTensors({}, {}, {})
    for name, tensor in tensors.items():
        if prefixed and not name.startswith(ENCODER_PREFIX):
            sorted_.heads[name] = tensor
            continue
        own = name[len(ENCODER_PREFIX) :] if prefixed else name
        harmless = own not in expected and _HARMLESS.fullmatch(own)
        (sorted_.unused if harmless else sorted_.encoder)[own] = tensor
    return sorted_


def add_entity_queries(tensors: Dict[str, Tensor], expected: Mapping[str, Sequence[int]]) -> bool:
    """Add entity-aware queries as copies of the plain query, if a checkpoint has none of them.

    LUKE's pretraining is initialized in this way from RoBERTa (Yamada et al., 2020, section 3.3).

    tensors (Dict[str, Tensor]): The encoder's tensors; changed in place.
    expected (Mapping[str, Sequence[int]]): Names and shapes that the encoder needs.
    RETURNS (bool): Whether copies were added.
    """
    queries = [name for name in expected if any(f".{query}." in name for query in ENTITY_QUERIES)]
    if not queries or any(name in tensors for name in queries):
        return False
    for name in queries:
        plain = re.sub(r"\.\w+_query\.", ".query.", name)
        if plain in tensors:
            tensors[name] = tensors[plain].clone()
    return True


def check_fit(tensors: Mapping[str, Tensor], expected: Mapping[str, Sequence[int]], path: Path) -> None:
    """Check that tensors have the names and shapes that an encoder needs.

    tensors (Mapping[str, Tensor]): The encoder's tensors.
    expected (Mapping[str, Sequence[int]]): Names and shapes that the encoder needs.
    path (Path): The checkpoint, for the message.
    RAISES (ValueError): ML048 if a tensor is missing, unused or has another shape.
    """
    missing = [name for name in expected if name not in tensors]
    unused = [name for name in tensors if name not in expected]
    shapes = [
        f"{name} {tuple(tensor.shape)} instead of {tuple(expected[name])}"
        for name, tensor in tensors.items()
        if name in expected and tuple(tensor.shape) != tuple(expected[name])
    ]
    if missing or unused or shapes:
        raise ValueError(
            Errors.ML048.format(path=path, missing=_some(missing), unused=_some(unused), shapes=_some(shapes))
        )


def check_types(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Check that tensors hold floating point numbers: integers and booleans are not weights.

    tensors (Mapping[str, Tensor]): The tensors of an encoder or a head.
    path (Path): The checkpoint, for the message.
    RAISES (ValueError): ML341 for a tensor of another type than float16, bfloat16, float32 or float64.
    """
    wrong = [
        f"{name} ({str(tensor.dtype).removeprefix('torch.')})"
        for name, tensor in tensors.items()
        if tensor.dtype not in _WEIGHT_TYPES
    ]
    if wrong:
        raise ValueError(Errors.ML341.format(path=path, names=_some(wrong)))


def _some(names: List[str]) -> str:
    # Tables before layers: they show which model the weights belong to.
    listed = sorted(names, key=_is_in_layer)[:_LISTED]
    rest = [f"and {len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return ", ".join(listed + rest) or "none"


def _is_in_layer(name: str) -> bool:
    return name.startswith("encoder.")
