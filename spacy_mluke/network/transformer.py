"""The encoder: layers over one matrix with the rows of all sequences."""

from __future__ import annotations

import functools
from typing import Callable, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import Errors, check_choice
from .attention import SelfAttention, takes_mixed_layout
from .config import EncoderConfig
from .dropout import dropout
from .embeddings import EntityEmbeddings, WordEmbeddings
from .int8 import Int8Cache
from .kernels import compiles_by_rows, linear_activated, linear_added, round_rows, rows_at_once
from .key_value_cache import KeyValueCache, WordCache
from .layout import Layout, entity_layout, make_layout

VISIBILITIES = ("joint", "isolated")


class ResidualOutput(nn.Module):
    """The end of both halves of a layer: projection to the encoder's width, dropout, residual, layer norm.

    n_in (int): Width of the input.
    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, n_in: int, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(n_in, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = config.hidden_dropout_prob
        self.int8: Optional[Int8Cache] = None

    def forward(self, rows: Tensor, residual: Tensor) -> Tensor:
        """Shapes: rows (n_rows, n_in), residual and result (n_rows, width)."""
        if self.training and self.dropout:
            projected = dropout(self.dense(rows), self.dropout)
            return self.LayerNorm(projected + residual)
        return self.LayerNorm(linear_added(rows, self.dense.weight, self.dense.bias, residual, self.int8))


class Attention(nn.Module):
    """The first half of a layer: self-attention.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.self = SelfAttention(config)
        self.output = ResidualOutput(config.hidden_size, config)

    def forward(
        self,
        rows: Tensor,
        layout: Layout,
        visibility: str,
        kept: Optional[Tensor] = None,
        cache: Optional[KeyValueCache] = None,
    ) -> Tensor:
        """Shapes: rows (n_rows, width), result (n_rows, width), or (n_kept, width)."""
        attended = self.self(rows, layout, visibility, cache)
        if kept is not None:
            attended, rows = attended.index_select(0, kept), rows.index_select(0, kept)
        return self.output(attended, rows)


class Intermediate(nn.Module):
    """The inner layer of the feed-forward network.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = config.hidden_act
        self.int8: Optional[Int8Cache] = None

    def forward(self, rows: Tensor) -> Tensor:
        return linear_activated(rows, self.dense.weight, self.dense.bias, self.activation, self.int8)


class Layer(nn.Module):
    """Attention, then a feed-forward network for each row.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = ResidualOutput(config.intermediate_size, config)
        self.inner_width = config.intermediate_size

    def forward(
        self,
        rows: Tensor,
        layout: Layout,
        visibility: str,
        kept: Optional[Tensor] = None,
        cache: Optional[KeyValueCache] = None,
    ) -> Tensor:
        """Shapes: rows and result (n_rows, width). With the numbers of the rows to compute (`kept`; the others are only
        attended to), result (n_kept, width)."""
        rows = self.attention(rows, layout, visibility, kept, cache)
        most = rows_at_once(self.inner_width, self.intermediate.int8)
        if torch.is_grad_enabled() or len(rows) <= most:
            return self.output(self.intermediate(rows), rows)
        parts = rows.split(most)
        return torch.cat([self.output(self.intermediate(part), part) for part in parts])


class Layers(nn.Module):
    """The layers. With `checkpointing`, training keeps only the rows between layers, and computes the rest twice.

    config (EncoderConfig): The encoder's sizes.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.layer = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])
        self.checkpointing = False

    def forward(
        self,
        rows: Tensor,
        layout: Layout,
        visibility: str,
        kept: Optional[Tensor] = None,
        cache: Optional[WordCache] = None,
    ) -> Tensor:
        """Shapes: rows (n_rows, width), result (n_rows, width), or (n_kept, width)."""
        # Layers may be in another type than the embeddings: see precision.py.
        rows = rows.to(next(self.parameters()).dtype)
        for i, layer in enumerate(self.layer):
            # No row attends to the output of the last layer, so only the rows that are returned are computed.
            to_keep = kept if i == len(self.layer) - 1 else None
            if self.checkpointing and torch.is_grad_enabled():
                rows = checkpoint(layer, rows, layout, visibility, to_keep, use_reentrant=False)
            else:
                rows = layer(rows, layout, visibility, to_keep, None if cache is None else cache.layers[i])
        return rows


class LukeEncoder(nn.Module):
    """LUKE over ragged batches: returns the contextual states of words and entities.

    Parameters have the names of Hugging Face's `LukeModel`. The sequences of a batch lie end to end in one matrix,
    without padding.

    config (EncoderConfig): Sizes and options.
    visibility (str): "joint": all words and entities of a sequence attend to each other, as in the papers and in
        published weights. "isolated": words attend to words, an entity to the words and itself. The state of an entity
        then does not depend on the other entities, and word states are those of a sequence without entities.
    with_pooler (bool): Whether there are weights for the pooler over <s> of a `LukeModel`. They are not used, only
        saved again.
    RAISES (ValueError): ML070 for an unknown visibility.
    """

    def __init__(self, config: EncoderConfig, *, visibility: str = "joint", with_pooler: bool = False):
        super().__init__()
        check_choice("visibility", visibility, VISIBILITIES)
        self.config = config
        self.visibility = visibility
        self.embeddings = WordEmbeddings(config)
        self.entity_embeddings = EntityEmbeddings(config)
        self.encoder = Layers(config)
        if with_pooler:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})
            self.pooler.requires_grad_(False)
        self.apply(functools.partial(_init_weights, std=config.initializer_range))

    def forward(
        self,
        piece_ids: Tensor,
        piece_lengths: Sequence[int],
        entity_ids: Tensor,
        entity_bounds: Tensor,
        entity_lengths: Sequence[int],
        *,
        max_mention_length: int,
        with_pieces: bool = True,
    ) -> Tuple[Tensor, Tensor]:
        """Encode sequences that lie end to end, as in an AlignedBatch.

        piece_ids (Tensor): Wordpieces of all sequences, special pieces included. Shape: (n_pieces,), int64.
        piece_lengths (Sequence[int]): Number of pieces of each sequence.
        entity_ids (Tensor): Entities of all sequences. Shape: (n_entities,), int64.
        entity_bounds (Tensor): First piece and end of each mention, counted from <s>. Shape: (n_entities, 2), int64.
        entity_lengths (Sequence[int]): Number of entities of each sequence; may be 0.
        max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
        with_pieces (bool): Whether to return the states of pieces. If not, the last layer does not compute them.
        RETURNS (Tuple[Tensor, Tensor]): States of pieces and of entities, in the order of the input. Shapes: (n_pieces,
            width), or (0, width) without them; (n_entities, width).
        RAISES (ValueError): ML029 if the lengths do not fit the tensors, ML030 if a sequence is too long, ML032 if the
            bounds have a wrong shape.
        """
        self._check(piece_ids, piece_lengths, entity_ids, entity_bounds, entity_lengths)
        rows = self.embeddings(piece_ids, piece_lengths)
        if not len(piece_ids) or not (with_pieces or len(entity_ids)):
            return rows[:0], rows[:0]
        if len(entity_ids):
            entities = self.entity_embeddings(entity_ids, entity_bounds, max_mention_length)
            rows = torch.cat([rows, entities])
        round_up = self._rounding(rows)
        layout = make_layout(
            piece_lengths,
            entity_lengths,
            mixed=takes_mixed_layout(self.config.use_entity_aware_attention, self.visibility),
            device=rows.device,
            round_rows=round_up,
        )
        rows = layout.arrange(rows)
        if with_pieces:
            rows = layout.restore(self.encoder(rows, layout, self.visibility))
            return rows[: len(piece_ids)], rows[len(piece_ids) :]
        n_entities = len(entity_ids)
        kept = F.pad(layout.places[len(piece_ids) :], (0, round_up(n_entities) - n_entities))
        rows = self.encoder(rows, layout, self.visibility, kept)
        return rows[:0], rows[:n_entities]

    def encode_words(self, piece_ids: Tensor, piece_lengths: Sequence[int]) -> Tuple[Tensor, WordCache]:
        """Encode words, and cache their keys and values for entities that are encoded later.

        Only with isolated visibility, where words do not depend on entities, and not in training.

        piece_ids (Tensor): As for `forward`. Shape: (n_pieces,), int64.
        piece_lengths (Sequence[int]): Number of pieces of each sequence.
        RETURNS (Tuple[Tensor, WordCache]): States of pieces, (n_pieces, width), and the cache for `encode_entities`.
        RAISES (ValueError): ML029, ML030.
        """
        assert self.visibility == "isolated" and not torch.is_grad_enabled()
        nothing = piece_ids.new_zeros((0, 2))
        no_entities = [0] * len(piece_lengths)
        self._check(piece_ids, piece_lengths, nothing[:, 0], nothing, no_entities)
        rows = self.embeddings(piece_ids, piece_lengths)
        layout = make_layout(
            piece_lengths, no_entities, mixed=False, device=rows.device, round_rows=self._rounding(rows)
        )
        cache = WordCache(layout, [KeyValueCache() for _ in self.encoder.layer])
        if len(piece_ids):
            rows = layout.restore(self.encoder(layout.arrange(rows), layout, self.visibility, cache=cache))
        return rows, cache

    def encode_entities(
        self,
        cache: WordCache,
        entity_ids: Tensor,
        entity_bounds: Tensor,
        entity_lengths: Sequence[int],
        *,
        max_mention_length: int,
    ) -> Tensor:
        """Encode entities of sequences whose words were encoded before.

        cache (WordCache): The cache from `encode_words`.
        entity_ids (Tensor): As for `forward`. Shape: (n_entities,), int64.
        entity_bounds (Tensor): As for `forward`. Shape: (n_entities, 2), int64.
        entity_lengths (Sequence[int]): Number of entities of each sequence.
        max_mention_length (int): As for `forward`.
        RETURNS (Tensor): The same states as from `forward`. Shape: (n_entities, width).
        """
        rows = self.entity_embeddings(entity_ids, entity_bounds, max_mention_length)
        if not len(entity_ids):
            return rows
        layout = entity_layout(cache.layout, entity_lengths, round_rows=self._rounding(rows))
        return layout.restore(self.encoder(layout.arrange(rows), layout, self.visibility, cache=cache))

    @staticmethod
    def _rounding(rows: Tensor) -> Callable[[int], int]:
        return round_rows if compiles_by_rows(rows) else int

    def _check(
        self,
        piece_ids: Tensor,
        piece_lengths: Sequence[int],
        entity_ids: Tensor,
        entity_bounds: Tensor,
        entity_lengths: Sequence[int],
    ) -> None:
        for what, n_rows, lengths in (
            ("piece", len(piece_ids), piece_lengths),
            ("entity", len(entity_ids), entity_lengths),
        ):
            if sum(lengths) != n_rows or len(lengths) != len(piece_lengths):
                raise ValueError(
                    Errors.ML029.format(
                        what=what, n=len(lengths), total=sum(lengths), rows=n_rows, n_sequences=len(piece_lengths)
                    )
                )
        if entity_bounds.shape != (len(entity_ids), 2):
            raise ValueError(Errors.ML032.format(found=tuple(entity_bounds.shape), n=len(entity_ids)))
        longest = max(piece_lengths, default=0)
        if longest > self.config.max_pieces:
            raise ValueError(Errors.ML030.format(found=longest, limit=self.config.max_pieces))


def _init_weights(module: nn.Module, std: float) -> None:
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
