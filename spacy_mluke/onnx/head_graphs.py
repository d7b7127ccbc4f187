"""The heads as modules for ONNX. N = spans or pairs, D = width of the encoder's states, C = classes."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import torch
from torch import Tensor, nn

from ..network.pair_features import PairFeatures, PassagePairs


class LinearHead(nn.Module):
    """A linear layer on states: the classifiers of spans, pairs and types, answers, and the pruner.

    weight (Any): Shape: (C, n * D), an array.
    bias (Optional[Any]): Shape: (C,).
    """

    INPUTS = ("states",)
    OUTPUTS = ("logits",)

    def __init__(self, weight: Any, bias: Optional[Any]):
        super().__init__()
        self.layer = _linear(weight, bias)

    def forward(self, states: Tensor) -> Tensor:
        """Shapes: states (N, n * D), the states of a group of n spans side by side; result (N, C)."""
        return self.layer(states)


class MentionPairsHead(nn.Module):
    """The classifier of pairs of mentions of one text.

    features (Mapping[str, Any]): Weights of its PairFeatures, by name.
    n_heads (int): Heads of the attention to words.
    weight (Any): Of the linear layer. Shape: (C, 32 * size).
    bias (Any): Shape: (C,).
    """

    OUTPUTS = ("logits",)

    def __init__(self, features: Mapping[str, Any], n_heads: int, weight: Any, bias: Any):
        super().__init__()
        size, width = features["key.weight"].shape
        distances = "distance" in features
        self.INPUTS = ("piece_states", "mention_states", "pairs", *(["places"] if distances else []))
        self.features = PairFeatures(width, size=size, n_heads=n_heads, distances=distances)
        self.features.load_state_dict({name: torch.tensor(values) for name, values in features.items()})
        self.layer = _linear(weight, bias)

    def forward(
        self, piece_states: Tensor, mention_states: Tensor, pairs: Tensor, places: Optional[Tensor] = None
    ) -> Tensor:
        """Shapes: piece_states (P, D); mention_states (M, 3 * D), entity, first and last wordpiece; pairs (N, 2) int64,
        head and tail of each pair; places (M,) int64, number of each mention's first wordpiece, if pairs have vectors
        of their distances; result (N, C)."""
        return self.layer(self.features([PassagePairs(piece_states, mention_states, pairs, places)]))


def _linear(weight: Any, bias: Optional[Any]) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer
