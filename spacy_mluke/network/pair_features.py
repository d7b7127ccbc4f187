"""Features of pairs of mentions, from the states of one forward pass over their text."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional

import torch
from torch import Tensor, nn

# Width of the blocks of the bilinear product: values are multiplied within a block only.
BLOCK = 32
# Distances from head to tail are told apart by these limits, in wordpieces, and by their direction.
DISTANCE_LIMITS = (1, 2, 3, 5, 9, 17, 33, 65)
N_DISTANCES = 2 * len(DISTANCE_LIMITS) + 1
_MAX_WEIGHTS = 1 << 20  # weights of words for pairs that are computed together, without gradients
_MAX_FEATURES = 1 << 19  # features of pairs that are classified together: 2 MB, which fit a processor's cache


class PassagePairs(NamedTuple):
    """The states of one text, and the pairs of mentions in it."""

    pieces: Tensor  # (n_pieces, width): states of the wordpieces
    mentions: Tensor  # (n_mentions, 3 * width): states of the entity, its first and its last wordpiece
    pairs: Tensor  # (n_pairs, 2) int64: head and tail, as rows of `mentions`
    places: Optional[Tensor] = None  # (n_mentions,) int64: number of each mention's first wordpiece


class PairFeatures(nn.Module):
    """Computes the features of ordered pairs of mentions; a linear layer on them scores relations.

    Each mention attends to the words of its text. A pair reads the words that both of its mentions attend to (Zhou et
    al., 2021, section 3.3), and its features are the products of the values of head and tail, within blocks of 32
    (section 3.1). The text is encoded once, whatever the number of pairs.

    width (int): Width of the encoder's states.
    size (int): Width of the representations of mentions, words and pairs: a multiple of 32 and of `n_heads`.
    n_heads (int): Heads of the attention to words.
    distances (bool): Whether a pair also has a learned vector for the distance from its head to its tail: of several
        people and countries in a sentence, those belong together that are near each other. Passages then need `places`.
    """

    def __init__(self, width: int, *, size: int, n_heads: int, distances: bool = False):
        super().__init__()
        self.size = size
        self.n_heads = n_heads
        self.mention = nn.Linear(3 * width, size)
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(width, size)
        self.value = nn.Linear(width, size)
        self.head = nn.Linear(2 * size, size)
        self.tail = nn.Linear(2 * size, size)
        # Weights that were trained without distances stay as good as they were.
        self.distance = nn.Parameter(torch.zeros(N_DISTANCES, 2 * size)) if distances else None

    def forward(
        self,
        passages: List[PassagePairs],
        dropout: float = 0.0,
        classify: Optional[Callable[[Tensor], Tensor]] = None,
    ) -> Tensor:
        """Compute the features of all pairs, or what a classifier makes of them.

        passages (List[PassagePairs]): The texts.
        dropout (float): Dropout of representations, in training.
        classify (Optional[Callable]): Classifies features, in prediction: it is called with those of a few pairs at a
            time. None to return the features.
        RETURNS (Tensor): Features, or the output of `classify`, passage after passage. Shape: (n_pairs, 32 * size), or
            (n_pairs, n_out).
        """
        found = [self._pairs(passage, dropout) for passage in passages if len(passage.pairs)]
        if not found:
            nothing = self.mention.weight.new_zeros((0, self.size * BLOCK))
            return nothing if classify is None else classify(nothing)
        head, tail, context = torch.cat(found, dim=1)
        sides = [layer(torch.cat([side, context], dim=1)) for layer, side in ((self.head, head), (self.tail, tail))]
        if self.distance is not None:
            near = self.distance[torch.cat([distance_classes(own) for own in passages if len(own.pairs)])]
            sides = [side + own for side, own in zip(sides, near.split(self.size, dim=1), strict=True)]
        left, right = (torch.tanh(side) for side in sides)
        left, right = (_drop(side, dropout).view(-1, self.size // BLOCK, BLOCK) for side in (left, right))
        if classify is None:
            return _products(left, right)
        n_pairs = max(1, _MAX_FEATURES // (self.size * BLOCK))
        parts = zip(left.split(n_pairs), right.split(n_pairs), strict=True)
        return torch.cat([classify(_products(*part)) for part in parts])

    def _pairs(self, passage: PassagePairs, dropout: float) -> Tensor:
        """Vectors of head, tail and context. Shape: (3, n_pairs, size)."""
        vectors = _drop(nn.functional.gelu(self.mention(passage.mentions)), dropout)
        heads, tails = passage.pairs.unbind(1)
        queries = self.query(vectors).view(-1, self.n_heads, self.size // self.n_heads).transpose(0, 1)
        keys = self.key(passage.pieces).view(-1, self.n_heads, self.size // self.n_heads).permute(1, 2, 0)
        # (n_heads, n_mentions, n_pieces)
        attention = torch.softmax(queries @ keys / (self.size // self.n_heads) ** 0.5, dim=-1)
        values = self.value(passage.pieces)
        # Without gradients, a few pairs at a time: in a long text, the weights of all its words for all its pairs do
        # not fit a processor's cache.
        if torch.is_grad_enabled() or torch.jit.is_tracing():
            contexts = [self._context(attention, values, heads, tails)]
        else:
            n_pairs = max(16, _MAX_WEIGHTS // (self.n_heads * max(1, len(passage.pieces))))
            parts = zip(heads.split(n_pairs), tails.split(n_pairs), strict=True)
            contexts = [self._context(attention, values, *part) for part in parts]
        return torch.stack([vectors[heads], vectors[tails], torch.cat(contexts)])

    @staticmethod
    def _context(attention: Tensor, values: Tensor, heads: Tensor, tails: Tensor) -> Tensor:
        """What both mentions of each pair attend to. Shape: (n_pairs, size)."""
        shared = (attention[:, heads] * attention[:, tails]).mean(0)
        return shared / (shared.sum(dim=1, keepdim=True) + 1e-6) @ values


def distance_classes(passage: PassagePairs) -> Tensor:
    """Return the class of the distance from head to tail of each pair.

    passage (PassagePairs): The pairs of a text, with `places`.
    RETURNS (Tensor): From 0, a tail far before its head, to 16, one far after it. Shape: (n_pairs,), int64.
    RAISES (ValueError): If the passage has no places.
    """
    if passage.places is None:
        raise ValueError("Distances need the places of the mentions.")
    heads, tails = passage.places[passage.pairs].unbind(1)
    distances = tails - heads
    limits = torch.tensor(DISTANCE_LIMITS, device=distances.device)
    sizes = (distances.abs().unsqueeze(1) >= limits).sum(dim=1)
    return len(DISTANCE_LIMITS) + torch.sign(distances) * sizes


def _products(left: Tensor, right: Tensor) -> Tensor:
    """Multiply the values of head and tail within blocks. Shape: (n_pairs, 32 * size)."""
    return (left.unsqueeze(3) * right.unsqueeze(2)).flatten(1)


def _drop(states: Tensor, dropout: float) -> Tensor:
    return nn.functional.dropout(states, dropout) if dropout else states
