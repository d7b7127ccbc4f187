"""The masked-LM heads: from states to queries that are compared with the rows of the word or the entity table.

Parameters have the names of Hugging Face's `LukeForMaskedLM`. The decoders are the encoder's tables, so a head has the
layers between a state and a row, and a bias for each row.
"""

from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import EncoderConfig
from .kernels import ACTIVATIONS

WORD_HEAD, ENTITY_HEAD = "lm_head", "entity_predictions"


class WordHead(nn.Module):
    """Dense layer, gelu and LayerNorm, and a bias for each word.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, states: Tensor) -> Tensor:
        """Shapes: states and result (n, width)."""
        return self.layer_norm(F.gelu(self.dense(states)))


class EntityTransform(nn.Module):
    """Dense layer, activation and LayerNorm, from states to the width of the entity table.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.entity_emb_size)
        self.LayerNorm = nn.LayerNorm(config.entity_emb_size, eps=config.layer_norm_eps)
        self.activation = config.hidden_act

    def forward(self, states: Tensor) -> Tensor:
        """Shapes: states (n, width), result (n, entity_emb_size)."""
        return self.LayerNorm(ACTIVATIONS[self.activation](self.dense(states)))


class EntityHead(nn.Module):
    """An EntityTransform, and a bias for each entity.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.transform = EntityTransform(config)
        self.bias = nn.Parameter(torch.zeros(config.entity_vocab_size))

    def forward(self, states: Tensor) -> Tensor:
        """Shapes: states (n, width), result (n, entity_emb_size)."""
        return self.transform(states)


class MaskedHeads(nn.Module):
    """The heads of a checkpoint: for words, for entities, both or none.

    config (EncoderConfig): The encoder's sizes.
    with_words (bool): Whether there is a head for words.
    with_entities (bool): Whether there is a head for entities.
    """

    lm_head: Optional[WordHead]
    entity_predictions: Optional[EntityHead]

    def __init__(self, config: EncoderConfig, *, with_words: bool = False, with_entities: bool = False):
        super().__init__()
        self.lm_head = WordHead(config) if with_words else None
        self.entity_predictions = EntityHead(config) if with_entities else None

    def __bool__(self) -> bool:
        return self.lm_head is not None or self.entity_predictions is not None
