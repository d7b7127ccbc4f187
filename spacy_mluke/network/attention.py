"""Self-attention over the words and entities of ragged sequences."""

from __future__ import annotations

import contextlib
from typing import Any, ContextManager, Dict, Iterator, List, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import EncoderConfig
from .dropout import dropout
from .fused_linear import fused, unpack
from .int8 import Int8Cache
from .kernels import linear
from .key_value_cache import KeyValueCache
from .layout import Block, Layout

# The output of attention, (n_rows, heads, head size), and the log-sum-exp of its scores, (n_rows, heads).
ScoredOutput = Tuple[Tensor, Tensor]
# The function behind `scaled_dot_product_attention` on the CPU; it also returns the log-sum-exp.
_CPU_ATTENTION = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


class SelfAttention(nn.Module):
    """Self-attention with one query projection, or four that depend on whether query and key are words or entities.

    Keys and values have one projection each. Entity-aware attention has a query projection for each of the four
    word/entity pairings (Yamada et al., 2020, arXiv:2010.01057, section 3.2).

    With "joint" visibility, all words and entities of a sequence attend to each other. With "isolated" visibility,
    words attend to words, and an entity to the words and itself: its state does not depend on the other entities.

    If the keys of a softmax are in separate blocks, attention is computed for each block, and the outputs are combined
    exactly with the log-sum-exp of their scores.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        width = config.hidden_size
        self.n_heads, self.head_size = config.num_attention_heads, config.head_size
        self.dropout = config.attention_probs_dropout_prob
        self.is_entity_aware = config.use_entity_aware_attention
        self.int8: Optional[Int8Cache] = None
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.fused_names = ["query", "key", "value"]
        if self.is_entity_aware:
            self.w2e_query = nn.Linear(width, width)
            self.e2w_query = nn.Linear(width, width)
            self.e2e_query = nn.Linear(width, width)
            # Projections of words are neighbours, and so are projections of entities: one matrix product for each.
            self.fused_names = ["w2e_query", "query", "key", "value", "e2w_query", "e2e_query"]

    def forward(self, rows: Tensor, layout: Layout, visibility: str, cache: Optional[KeyValueCache] = None) -> Tensor:
        """Return the output of attention, before the output projection.

        rows (Tensor): Shape: (n_rows, width).
        layout (Layout): The order of the rows: mixed if `takes_mixed_layout` returns True, else split.
        visibility (str): "joint" or "isolated".
        cache (Optional[KeyValueCache]): For isolated visibility. An empty cache is filled with the keys and values of
            the rows, which are words. With a filled cache, the rows are entities, which attend to the cached words.
        RETURNS (Tensor): Shape: (n_rows, width).
        """
        if cache is not None and cache.key is not None and cache.value is not None:
            output = self._attend_to_words_and_self(self._project_entities(rows), cache.key, cache.value, layout)
            return _as_rows([(output, len(rows))])
        n_entity_rows = len(rows) - layout.n_piece_rows
        if not n_entity_rows:  # a mixed layout, or no entities
            query, key, value = self._project(rows, "query", "value")
            if cache is not None:
                cache.key, cache.value = key, value
            return _as_rows([(self._attend(query, key, value, layout.all_to_all()), len(rows))])
        attend = self._attend_isolated if visibility == "isolated" else self._attend_entity_aware
        of_words, of_entities = attend(rows, layout)
        return _as_rows([(of_words, layout.n_piece_rows), (of_entities, n_entity_rows)])

    def _attend_entity_aware(self, rows: Tensor, layout: Layout) -> Tuple[Tensor, Tensor]:
        words, entities = rows.tensor_split([layout.n_piece_rows])
        w2e_query, w2w_query, word_key, word_value = self._project(words, "w2e_query", "value")
        entity_key, entity_value, e2w_query, e2e_query = self._project(entities, "key", "e2e_query")
        of_words = _combine(
            self._attend_scored(w2w_query, word_key, word_value, layout.pieces_to_pieces()),
            self._attend_scored(w2e_query, entity_key, entity_value, layout.pieces_to_entities()),
        )
        of_entities = _combine(
            self._attend_scored(e2w_query, word_key, word_value, layout.entities_to_pieces()),
            self._attend_scored(e2e_query, entity_key, entity_value, layout.entities_to_entities()),
        )
        return of_words, of_entities

    def _attend_isolated(self, rows: Tensor, layout: Layout) -> Tuple[Tensor, Tensor]:
        start = layout.n_piece_rows
        if self.is_entity_aware:
            query, word_key, word_value = self._project(rows[:start], "query", "value")
            entities = self._project_entities(rows[start:])
        else:
            (query, to_words), (word_key, key), (word_value, value) = (
                projected.tensor_split([start]) for projected in self._project(rows, "query", "value")
            )
            entities = (key, value, to_words, to_words)
        of_words = self._attend(query, word_key, word_value, layout.pieces_to_pieces())
        return of_words, self._attend_to_words_and_self(entities, word_key, word_value, layout)

    def _project_entities(self, rows: Tensor) -> Tuple[Tensor, ...]:
        """Return keys and values of entities, and their queries to words and to themselves."""
        if self.is_entity_aware:
            return self._project(rows, "key", "e2e_query")
        query, key, value = self._project(rows, "query", "value")
        return key, value, query, query

    def _attend_to_words_and_self(
        self, entities: Tuple[Tensor, ...], word_key: Tensor, word_value: Tensor, layout: Layout
    ) -> Tensor:
        key, value, to_words, to_self = entities
        of_words, scores = self._attend_scored(to_words, word_key, word_value, layout.entities_to_pieces())
        n = len(of_words)
        own_score = (to_self[:n] * key[:n]).sum(-1, dtype=scores.dtype) * self.head_size**-0.5
        # A softmax over one key is 1, which dropout may set to 0.
        own_weight = value.new_ones(own_score.shape)
        if self.training:
            own_weight = dropout(own_weight, self.dropout)
        return _combine((of_words, scores), (value[:n] * own_weight.unsqueeze(-1), own_score))

    def _project(self, rows: Tensor, first: str, last: str) -> Tuple[Tensor, ...]:
        """Apply neighbouring projections in one matrix product. Shape of each: (n_rows, heads, head size), a view."""
        start, end = self.fused_names.index(first), self.fused_names.index(last) + 1
        weight, bias = fused(self._fused_layers(), start, end)
        projected = linear(rows, weight, bias, self.int8)
        if _is_mixed(rows):
            projected = projected.float()
        return projected.view(len(rows), end - start, self.n_heads, self.head_size).unbind(1)

    def _fused_layers(self) -> List[nn.Linear]:
        return [getattr(self, name) for name in self.fused_names]

    def __getstate__(self) -> Dict[str, Any]:
        unpack(self._fused_layers())
        return self.__dict__

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, blocks: List[Block]) -> Tensor:
        """Return the output of attention, block by block. Shape: (n_rows of blocks, heads, head size)."""
        p = self.dropout if self.training else 0.0
        outputs = []
        with _full_precision(query):
            for block, q, k, v in _by_block(query, key, value, blocks):
                if p and q.device.type == "cpu":
                    # With dropout, torch's function takes the same steps on CPUs, with a slower dropout.
                    heads = _attention_weights(_scores(q, k), v, p) @ v
                else:
                    heads = F.scaled_dot_product_attention(q, k, v, dropout_p=p)
                outputs.append(heads.transpose(1, 2).reshape(block.n_sequences * block.n_queries, *query.shape[1:]))
        return _cat(outputs, query)

    def _attend_scored(self, query: Tensor, key: Tensor, value: Tensor, blocks: List[Block]) -> ScoredOutput:
        """Return the output of attention and the log-sum-exp of its scores: 0 and -inf if there are no keys."""
        p = self.dropout if self.training else 0.0
        outputs, scores = [], []
        for block, q, k, v in _by_block(query, key, value, blocks):
            n_rows = block.n_sequences * block.n_queries
            if block.n_keys:
                with _full_precision(query):
                    heads, head_scores = _scored_attention(q, k, v, p)
                outputs.append(heads.transpose(1, 2).reshape(n_rows, *query.shape[1:]))
                scores.append(head_scores.transpose(1, 2).reshape(n_rows, self.n_heads))
            else:
                outputs.append(query.new_zeros((n_rows, *query.shape[1:])))
                scores.append(query.new_full((n_rows, self.n_heads), float("-inf")))
        return _cat(outputs, query), _cat(scores, query[..., 0])


def takes_mixed_layout(is_entity_aware: bool, visibility: str) -> bool:
    """Return whether attention treats words and entities alike, so that their rows may be in a mixed layout.

    is_entity_aware (bool): Whether queries are entity-aware.
    visibility (str): "joint" or "isolated".
    RETURNS (bool): True for a mixed layout, False for a split one.
    """
    return visibility == "joint" and not is_entity_aware


def _is_mixed(rows: Tensor) -> bool:
    """Return whether dense layers run in half precision on a CPU. Attention then runs in full precision."""
    return rows.device.type == "cpu" and torch.is_autocast_enabled("cpu")


def _full_precision(query: Tensor) -> ContextManager:
    """Disable autocast on CPUs, where attention in half precision is many times slower, above all backward."""
    return torch.autocast("cpu", enabled=False) if _is_mixed(query) else contextlib.nullcontext()


def _by_block(
    query: Tensor, key: Tensor, value: Tensor, blocks: List[Block]
) -> Iterator[Tuple[Block, Tensor, Tensor, Tensor]]:
    """Yield blocks that have queries, with their rows. Shapes: (sequences, heads, rows of a sequence, head size)."""
    query_sizes = [block.n_sequences * block.n_queries for block in blocks]
    key_sizes = [block.n_sequences * block.n_keys for block in blocks]
    queries = query[: sum(query_sizes)].split(query_sizes)
    n_keys = sum(key_sizes)
    keys, values = key[:n_keys].split(key_sizes), value[:n_keys].split(key_sizes)
    heads = query.shape[1:]
    for block, q, k, v in zip(blocks, queries, keys, values, strict=True):
        n_sequences, n_queries, n_keys = block
        if n_sequences * n_queries:
            # `view`, since `unflatten` takes several times as long, in Python.
            yield (
                block,
                q.view(n_sequences, n_queries, *heads).transpose(1, 2),
                k.view(n_sequences, n_keys, *heads).transpose(1, 2),
                v.view(n_sequences, n_keys, *heads).transpose(1, 2),
            )


def _scored_attention(query: Tensor, key: Tensor, value: Tensor, p: float) -> ScoredOutput:
    """Return the output of attention and the log-sum-exp of its scores. Shape: (sequences, heads, rows[, size])."""
    if _CPU_ATTENTION is not None and query.device.type == "cpu" and not p and not torch.is_grad_enabled():
        return _CPU_ATTENTION(query, key, value)
    scores = _scores(query, key)
    return _attention_weights(scores, value, p) @ value, scores.logsumexp(-1)


def _scores(query: Tensor, key: Tensor) -> Tensor:
    """Return the attention scores in float32 or wider. Shape: (sequences, heads, queries, keys)."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    # Half precision is not accurate enough for sums over hundreds of keys.
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _attention_weights(scores: Tensor, value: Tensor, p: float) -> Tensor:
    """Return the softmax of scores, with dropout. Shape: that of the scores."""
    weights = scores.softmax(-1).to(value.dtype)
    return dropout(weights, p) if p else weights


def _combine(some: ScoredOutput, others: ScoredOutput) -> Tensor:
    """Combine the outputs of attention over some keys and over the others into that over all keys."""
    weight_of_others = torch.sigmoid(others[1] - some[1]).unsqueeze(-1)
    return torch.lerp(some[0], others[0], weight_of_others.to(some[0].dtype))


def _as_rows(parts: List[Tuple[Tensor, int]]) -> Tensor:
    """Concatenate heads, then parts, each padded with zeros to its number of rows. Shape: (n_rows, width)."""
    filled = []
    for output, n_rows in parts:
        filled.append(output)
        if n_rows > len(output):
            filled.append(output.new_zeros((n_rows - len(output), *output.shape[1:])))
    return _cat(filled, filled[0]).flatten(1)


def _cat(parts: List[Tensor], like: Tensor) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts) if parts else like[:0]
