"""Tiny checkpoints with random weights, made without models of other libraries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import torch
from safetensors.torch import save_file

from spacy_mluke.checkpoint.skeleton import expected_shapes
from spacy_mluke.network.config import EncoderConfig
from spacy_mluke.network.masked_heads import MaskedHeads

from .vocabularies import count_ids, save_byte_level, save_sentencepiece

ENTITIES = {"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "en:Tokyo": 3, "ja:東京": 3, "en:Paris": 4, "[MASK2]": 5}


def save_checkpoint(
    folder: Path, *, byte_level: bool = False, with_heads: bool = True, pickled: bool = False, seed: int = 0
) -> Path:
    """Write a checkpoint with two layers and width 16 in the published format.

    folder (Path): The folder.
    byte_level (bool): Whether its wordpieces are those of LUKE instead of mLUKE.
    with_heads (bool): Whether it has heads for masked words and entities.
    pickled (bool): Whether the weights are a pytorch_model.bin.
    seed (int): Seed of the weights.
    RETURNS (Path): The folder.
    """
    (save_byte_level if byte_level else save_sentencepiece)(folder)
    sizes: Dict[str, Any] = {
        "model_type": "luke",
        "vocab_size": count_ids(folder),
        "entity_vocab_size": max(ENTITIES.values()) + 1,
        "hidden_size": 16,
        "entity_emb_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 66,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "use_entity_aware_attention": False,
        "hidden_act": "gelu",
        "pad_token_id": 1,
    }
    (folder / "config.json").write_text(json.dumps(sizes), encoding="utf8")
    (folder / "entity_vocab.json").write_text(json.dumps(ENTITIES), encoding="utf8")
    config = EncoderConfig.from_dict(sizes)
    shapes = dict(expected_shapes(config, with_pooler=False))
    if with_heads:
        heads = MaskedHeads(config, with_words=True, with_entities=True)
        shapes = {f"luke.{name}": shape for name, shape in shapes.items()}
        shapes.update({name: parameter.shape for name, parameter in heads.named_parameters()})
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=generator) * 0.4 for name, shape in shapes.items()}
    if pickled:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        save_file(tensors, str(folder / "model.safetensors"))
    return folder
