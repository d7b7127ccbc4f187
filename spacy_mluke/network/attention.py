"""Self-attention over the words and entities of ragged passes."""

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

# What rows saw, (n_rows, heads, head size), and the log-sum-exp of their scores, (n_rows, heads).
Seen = Tuple[Tensor, Tensor]
# What `scaled_dot_product_attention` calls on the CPU. That keeps the log-sum-exp to itself.
_CPU_ATTENTION = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


class SelfAttention(nn.Module):
    """Self-attention whose query may depend on who looks at whom.

    Keys and values are shared. With entity-aware queries, each of the four word/entity pairings has its own query
    projection (Yamada et al., 2020, arXiv:2010.01057, section 3.2); without, there is one.

    With "joint" visibility, all rows of a pass see each other. With "isolated", words see words, and an entity sees the
    words and itself: it neither changes with the company it keeps, nor costs more for it.

    Where a softmax runs over keys that stand apart, each part is attended to by itself, and the parts are joined,
    exactly, by the log-sum-exp of their scores.

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
            # What words need and what entities need are neighbours: one projection for each.
            self.fused_names = ["w2e_query", "query", "key", "value", "e2w_query", "e2e_query"]

    def forward(self, rows: Tensor, layout: Layout, visibility: str, memory: Optional[KeyValueCache] = None) -> Tensor:
        """Let rows look at each other.

        rows (Tensor): Shape: (n_rows, width).
        layout (Layout): Where they stand: mixed if `takes_mixed_layout` says so, else split.
        visibility (str): "joint" or "isolated".
        memory (Optional[KeyValueCache]): With isolated visibility: an empty one keeps what entities will need of these
            words; of one that is filled, rows are entities that look at its words.
        RETURNS (Tensor): What they saw, before the output projection. Shape: (n_rows, width).
        """
        if memory is not None and memory.key is not None and memory.value is not None:
            seen = self._see_words_and_self(self._project_entities(rows), memory.key, memory.value, layout)
            return _as_rows([(seen, len(rows))])
        n_entity_rows = len(rows) - layout.n_piece_rows
        if not n_entity_rows:  # a mixed layout, or no entities
            query, key, value = self._project(rows, "query", "value")
            if memory is not None:
                memory.key, memory.value = key, value
            return _as_rows([(self._attend(query, key, value, layout.all_to_all()), len(rows))])
        see = self._see_isolated if visibility == "isolated" else self._see_entity_aware
        of_words, of_entities = see(rows, layout)
        return _as_rows([(of_words, layout.n_piece_rows), (of_entities, n_entity_rows)])

    def _see_entity_aware(self, rows: Tensor, layout: Layout) -> Tuple[Tensor, Tensor]:
        words, entities = rows.tensor_split([layout.n_piece_rows])
        w2e_query, w2w_query, word_key, word_value = self._project(words, "w2e_query", "value")
        entity_key, entity_value, e2w_query, e2e_query = self._project(entities, "key", "e2e_query")
        of_words = _join(
            self._attend_scored(w2w_query, word_key, word_value, layout.pieces_to_pieces()),
            self._attend_scored(w2e_query, entity_key, entity_value, layout.pieces_to_entities()),
        )
        of_entities = _join(
            self._attend_scored(e2w_query, word_key, word_value, layout.entities_to_pieces()),
            self._attend_scored(e2e_query, entity_key, entity_value, layout.entities_to_entities()),
        )
        return of_words, of_entities

    def _see_isolated(self, rows: Tensor, layout: Layout) -> Tuple[Tensor, Tensor]:
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
        return of_words, self._see_words_and_self(entities, word_key, word_value, layout)

    def _project_entities(self, rows: Tensor) -> Tuple[Tensor, ...]:
        """Keys and values of entities, and their queries to words and to themselves."""
        if self.is_entity_aware:
            return self._project(rows, "key", "e2e_query")
        query, key, value = self._project(rows, "query", "value")
        return key, value, query, query

    def _see_words_and_self(
        self, entities: Tuple[Tensor, ...], word_key: Tensor, word_value: Tensor, layout: Layout
    ) -> Tensor:
        key, value, to_words, to_self = entities
        words_seen, scores = self._attend_scored(to_words, word_key, word_value, layout.entities_to_pieces())
        n = len(words_seen)
        own_score = (to_self[:n] * key[:n]).sum(-1, dtype=scores.dtype) * self.head_size**-0.5
        # A softmax over one key is 1. Dropout of attention may still take it.
        kept = value.new_ones(own_score.shape)
        if self.training:
            kept = dropout(kept, self.dropout)
        return _join((words_seen, scores), (value[:n] * kept.unsqueeze(-1), own_score))

    def _project(self, rows: Tensor, first: str, last: str) -> Tuple[Tensor, ...]:
        """Neighbouring projections at once. Each: (n_rows, heads, head size), a view of what they have in common."""
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
        """What rows see, block by block. Shape: (n_rows of blocks, heads, head size)."""
        share = self.dropout if self.training else 0.0
        seen = []
        with _full_precision(query):
            for block, q, k, v in _by_block(query, key, value, blocks):
                if share and q.device.type == "cpu":
                    # torch's own is as many steps here as soon as something is dropped, and drops slowly.
                    heads = _shares(_scores(q, k), v, share) @ v
                else:
                    heads = F.scaled_dot_product_attention(q, k, v, dropout_p=share)
                seen.append(heads.transpose(1, 2).reshape(block.n_sequences * block.n_queries, *query.shape[1:]))
        return _cat(seen, query)

    def _attend_scored(self, query: Tensor, key: Tensor, value: Tensor, blocks: List[Block]) -> Seen:
        """What rows see, and the log-sum-exp of their scores: nothing and -inf, where there are no keys."""
        share = self.dropout if self.training else 0.0
        seen, scores = [], []
        for block, q, k, v in _by_block(query, key, value, blocks):
            n_rows = block.n_sequences * block.n_queries
            if block.n_keys:
                with _full_precision(query):
                    heads, head_scores = _scored_attention(q, k, v, share)
                seen.append(heads.transpose(1, 2).reshape(n_rows, *query.shape[1:]))
                scores.append(head_scores.transpose(1, 2).reshape(n_rows, self.n_heads))
            else:
                seen.append(query.new_zeros((n_rows, *query.shape[1:])))
                scores.append(query.new_full((n_rows, self.n_heads), float("-inf")))
        return _cat(seen, query), _cat(scores, query[..., 0])


def takes_mixed_layout(is_entity_aware: bool, visibility: str) -> bool:
    """Whether words and entities are treated alike, so that those of a pass may stand together.

    is_entity_aware (bool): Whether queries are entity-aware.
    visibility (str): "joint" or "isolated".
    RETURNS (bool): Whether the layout is to be mixed; else, split.
    """
    return visibility == "joint" and not is_entity_aware


def _is_mixed(rows: Tensor) -> bool:
    """Whether dense layers run in half precision on a CPU, and attention is to run in full."""
    return rows.device.type == "cpu" and torch.is_autocast_enabled("cpu")


def _full_precision(query: Tensor) -> ContextManager:
    """Torch's attention in half precision takes many times as long on CPUs, backward above all."""
    return torch.autocast("cpu", enabled=False) if _is_mixed(query) else contextlib.nullcontext()


def _by_block(
    query: Tensor, key: Tensor, value: Tensor, blocks: List[Block]
) -> Iterator[Tuple[Block, Tensor, Tensor, Tensor]]:
    """Blocks that have queries, with views of theirs. Shapes: (passes, heads, rows of a pass, head size)."""
    query_sizes = [block.n_sequences * block.n_queries for block in blocks]
    key_sizes = [block.n_sequences * block.n_keys for block in blocks]
    queries = query[: sum(query_sizes)].split(query_sizes)
    n_keys = sum(key_sizes)
    keys, values = key[:n_keys].split(key_sizes), value[:n_keys].split(key_sizes)
    for block, q, k, v in zip(blocks, queries, keys, values, strict=True):
        if len(q):
            yield (
                block,
                q.unflatten(0, (block.n_sequences, block.n_queries)).transpose(1, 2),
                k.unflatten(0, (block.n_sequences, block.n_keys)).transpose(1, 2),
                v.unflatten(0, (block.n_sequences, block.n_keys)).transpose(1, 2),
            )


def _scored_attention(query: Tensor, key: Tensor, value: Tensor, share: float) -> Seen:
    """Attention and the log-sum-exp of its scores. Shapes: (passes, heads, rows[, head size])."""
    if _CPU_ATTENTION is not None and query.device.type == "cpu" and not share and not torch.is_grad_enabled():
        return _CPU_ATTENTION(query, key, value)
    scores = _scores(query, key)
    return _shares(scores, value, share) @ value, scores.logsumexp(-1)


def _scores(query: Tensor, key: Tensor) -> Tensor:
    """What each row makes of each key. Shape: (passes, heads, queries, keys), float32 at least."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    # Half precision is too coarse for sums over hundreds of keys.
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _shares(scores: Tensor, value: Tensor, share: float) -> Tensor:
    """How much of each value a row sees, some of it dropped. Shape: that of the scores."""
    shares = scores.softmax(-1).to(value.dtype)
    return dropout(shares, share) if share else shares


def _join(some: Seen, others: Seen) -> Tensor:
    """Attention over some keys and over others, as attention over all of them."""
    share_of_others = torch.sigmoid(others[1] - some[1]).unsqueeze(-1)
    return torch.lerp(some[0], others[0], share_of_others.to(some[0].dtype))


def _as_rows(parts: List[Tuple[Tensor, int]]) -> Tensor:
    """Heads side by side again, parts end to end, each with zeros for spare rows. Shape: (n_rows, width)."""
    filled = []
    for seen, n_rows in parts:
        filled.append(seen)
        if n_rows > len(seen):
            filled.append(seen.new_zeros((n_rows - len(seen), *seen.shape[1:])))
    return _cat(filled, filled[0]).flatten(1)


def _cat(parts: List[Tensor], like: Tensor) -> Tensor:
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts) if parts else like[:0]
