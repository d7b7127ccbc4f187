"""Initialize the masked-LM heads of an encoder that was published without them."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, nn

from .config import EncoderConfig
from .masked_heads import EntityHead, WordHead
from .tables import row_spread

# Standard deviation of the activation's input: there, gelu(x) is x / 2 to a few hundredths.
_LINEAR = 0.05


def initialize_word_head(config: EncoderConfig, states: Tensor, table: nn.Module) -> WordHead:
    """Return an untrained head for words. See `initialize_entity_head`.

    config (EncoderConfig): The encoder's sizes.
    states (Tensor): Some states of the encoder, on the CPU. Shape: (n, width).
    table (nn.Module): The word table.
    RETURNS (WordHead): The head.
    """
    head = WordHead(config)
    _initialize(head.dense, head.layer_norm, states, table)
    return head


def initialize_entity_head(
    config: EncoderConfig, states: Tensor, table: nn.Module, projection: Optional[nn.Linear]
) -> EntityHead:
    """Return an untrained head for entities whose logits are already informative.

    Its dense layer is the identity (or the inverse of the projection from entity to encoder width), scaled down so far
    that the activation is nearly linear; the LayerNorm undoes that scale. So the state itself is compared with the rows
    of entities. The scale of the LayerNorm makes logits differ by about one between entities: probabilities start near
    uniform. Small random weights, the usual initialization, would make all logits about equal, and the first training
    steps could not use what the encoder knows.

    config (EncoderConfig): The encoder's sizes.
    states (Tensor): Some states of the encoder, on the CPU. Shape: (n, width).
    table (nn.Module): The entity table.
    projection (Optional[nn.Linear]): From entity to encoder width, if those differ.
    RETURNS (EntityHead): The head.
    """
    head = EntityHead(config)
    _initialize(head.transform.dense, head.transform.LayerNorm, states, table, projection)
    return head


def _initialize(
    dense: nn.Linear, norm: nn.LayerNorm, states: Tensor, table: nn.Module, projection: Optional[nn.Linear] = None
) -> None:
    with torch.no_grad():
        mean = states.float().mean(dim=0)
        weight = torch.eye(len(mean))
        if projection is not None:
            weight = torch.linalg.pinv(projection.weight.detach().float().cpu())
        deviation = ((states.float() - mean) @ weight.T).std().clamp(min=1e-6)
        dense.weight.copy_(weight * (_LINEAR / deviation))
        # Subtract the mean: what all states have in common does not distinguish them.
        dense.bias.copy_(-(dense.weight @ mean))
        norm.bias.zero_()
        _, distance = row_spread(table)
        norm.weight.fill_(float(1 / distance.clamp(min=1e-6)))
