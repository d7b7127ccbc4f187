"""Rename the base model's tensors to LUKE's names, and initialize the tensors that only LUKE has.

mLUKE was initialized from XLM-R in the same way (Ri et al., 2022, arXiv:2110.08151): words and entities share the
layers, and only the entity embeddings are new. Here entity embeddings are initialized with word embeddings.
"""

from __future__ import annotations

from typing import Dict, Sequence

import numpy as np
import torch
from torch import Tensor

from scripts.mluke_small.source import Sizes, Source
from scripts.mluke_small.vocabulary import MARKERS, MASK, SPECIAL_ENTITIES
from spacy_mluke.network.codecs import BLOCK_BYTES, BLOCK_WEIGHTS, decode_blocks

# Word positions start at pad + 1, as in every model of the RoBERTa family.
FIRST_POSITION = 2
# The base model has no markers: they are initialized with rare punctuation characters, not with random values.
_MARKERS_FROM = {"<ent>": "@", "<ent2>": "#"}
_BYTES = BLOCK_BYTES[4]
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def word_blocks(source: Source) -> Tensor:
    """Return the word embeddings in 4-bit blocks.

    source (Source): The base model.
    RETURNS (Tensor): Rows for XLM-R's ids and the two markers. Shape: (250004, n_blocks * 18), uint8.
    """
    row_bytes = source.sizes.hidden // BLOCK_WEIGHTS * _BYTES
    n_pieces = len(source.pieces)
    rows = source.tensors["emb.word"].reshape(source.sizes.vocab, row_bytes)
    table = np.empty((n_pieces + len(MARKERS), row_bytes), dtype="u1")
    table[:n_pieces] = rows[:n_pieces]
    for marker, row in MARKERS.items():
        table[row] = rows[source.pieces.index(_MARKERS_FROM[marker])]
    return torch.from_numpy(table)


def encoder_tensors(source: Source, words: Tensor) -> Dict[str, Tensor]:
    """Return all tensors except the word embeddings.

    source (Source): The base model.
    words (Tensor): Word embeddings from `word_blocks`.
    RETURNS (Dict[str, Tensor]): Tensors by published name: float32, or uint8 for matrices in 4-bit blocks.
    """
    base = {name: _tensor(name, values, source.sizes) for name, values in source.tensors.items()}
    positions = base["emb.pos"]
    blank = torch.zeros(FIRST_POSITION, positions.shape[1])
    # LUKE has only one token type: the base model's type 0.
    types = base["emb.type"][:1]
    tensors = {
        # Rows 0 and 1 are only read for padding, which attention masks.
        "embeddings.position_embeddings.weight": torch.cat([blank, positions]),
        "embeddings.token_type_embeddings.weight": types,
        "embeddings.LayerNorm.weight": base["emb.ln.w"],
        "embeddings.LayerNorm.bias": base["emb.ln.b"],
        "entity_embeddings.entity_embeddings.weight": _entity_rows(source.pieces, words),
        # Entity positions start at 0 with <s>: the last two rows are beyond the longest text.
        "entity_embeddings.position_embeddings.weight": torch.cat([positions, blank]),
        "entity_embeddings.token_type_embeddings.weight": types,
        "entity_embeddings.LayerNorm.weight": base["emb.ln.w"],
        "entity_embeddings.LayerNorm.bias": base["emb.ln.b"],
    }
    for layer in range(source.sizes.layers):
        for short, name in _LAYER.items():
            prefix = f"encoder.layer.{layer}.{name}"
            tensors[f"{prefix}.weight"] = base[f"l{layer}.{short}.w"]
            tensors[f"{prefix}.bias"] = base[f"l{layer}.{short}.b"]
    return tensors


def _entity_rows(pieces: Sequence[str], words: Tensor) -> Tensor:
    starts = {"[MASK]": MASK, "[MASK2]": MASK, "[UNK]": "<unk>"}
    rows = torch.zeros(len(SPECIAL_ENTITIES), words.shape[1] // _BYTES * BLOCK_WEIGHTS)
    for entity, piece in starts.items():
        rows[SPECIAL_ENTITIES[entity]] = decode_blocks(words[pieces.index(piece)])
    return rows


def _tensor(name: str, values: np.ndarray, sizes: Sizes) -> Tensor:
    if values.dtype == np.uint8:
        columns = sizes.ffn if name.endswith(".fo.w") else sizes.hidden
        return torch.from_numpy(values.reshape(-1, columns // BLOCK_WEIGHTS * _BYTES).copy())
    if name in ("emb.pos", "emb.type"):
        values = values.reshape(-1, sizes.hidden)
    return torch.from_numpy(values.astype("f4"))
