"""The input of the first layer: embeddings of words, and of entities at the mean of their mention's positions."""

from __future__ import annotations

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import Errors
from .config import EncoderConfig
from .dropout import dropout


class WordEmbeddings(nn.Module):
    """Embeddings of wordpieces: word + position + token type, normalized.

    The word table can be any module ids -> rows: assign it to `word_embeddings`.

    config (EncoderConfig): The encoder's sizes.
    """

    word_embeddings: nn.Module

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = config.hidden_dropout_prob
        self.first_position = config.pad_token_id + 1

    def forward(self, piece_ids: Tensor, piece_lengths: Sequence[int]) -> Tensor:
        """Embed the pieces of several sequences. Positions count from the first piece of each sequence.

        piece_ids (Tensor): Shape: (n_pieces,), int64.
        piece_lengths (Sequence[int]): Number of pieces of each sequence.
        RETURNS (Tensor): Shape: (n_pieces, width).
        """
        lengths = torch.tensor(piece_lengths, dtype=torch.int64, device=piece_ids.device)
        positions = _joined_ranges(torch.full_like(lengths, self.first_position), lengths, len(piece_ids))
        words = _look_up(self.word_embeddings, piece_ids, self.LayerNorm, "word")
        return _finish(self, words + self.position_embeddings(positions))


class EntityEmbeddings(nn.Module):
    """Embeddings of entities: entity + mean position of the mention + token type, normalized.

    See Yamada et al., 2020, section 3.1. Positions are those of the mention's wordpieces, counted from <s>, in a
    separate table. All rows of the entity table train. (In the reference, row 0 does not; in "lite" vocabularies, that
    is [MASK].)

    The entity table can be any module ids -> rows: assign it to `entity_embeddings`.

    config (EncoderConfig): The encoder's sizes.
    """

    entity_embeddings: nn.Module
    entity_embedding_dense: Optional[nn.Linear]

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.entity_embeddings = nn.Embedding(config.entity_vocab_size, config.entity_emb_size)
        self.entity_embedding_dense = None
        if config.entity_emb_size != config.hidden_size:
            self.entity_embedding_dense = nn.Linear(config.entity_emb_size, config.hidden_size, bias=False)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = config.hidden_dropout_prob

    def forward(self, entity_ids: Tensor, entity_bounds: Tensor, max_mention_length: int) -> Tensor:
        """Embed entities.

        entity_ids (Tensor): Shape: (n_entities,), int64.
        entity_bounds (Tensor): First piece and end of each mention, counted from <s>. Shape: (n_entities, 2), int64.
        max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
        RETURNS (Tensor): Shape: (n_entities, width).
        """
        like = self.LayerNorm if self.entity_embedding_dense is None else self.entity_embedding_dense
        entities = _look_up(self.entity_embeddings, entity_ids, like, "entity")
        if self.entity_embedding_dense is not None:
            entities = self.entity_embedding_dense(entities)
        return _finish(self, entities + self._mean_positions(entity_bounds, max_mention_length))

    def _mean_positions(self, entity_bounds: Tensor, max_mention_length: int) -> Tensor:
        starts, ends = entity_bounds.unbind(1)
        lengths = (ends - starts).clamp(max=max_mention_length)
        positions = _joined_ranges(starts, lengths, int(lengths.sum()))
        offsets = lengths.cumsum(0) - lengths
        return F.embedding_bag(positions, self.position_embeddings.weight, offsets, mode="mean")


def _joined_ranges(starts: Tensor, lengths: Tensor, total: int) -> Tensor:
    """Concatenate the ranges [s, s + 1, ..., s + length - 1] of every start and length. Shape: (total,)."""
    shifts = starts - (lengths.cumsum(0) - lengths)
    steps = torch.arange(total, device=starts.device)
    return steps + shifts.repeat_interleave(lengths, output_size=total)


def _look_up(table: nn.Module, ids: Tensor, then: nn.Module, what: str) -> Tensor:
    """Look up rows in any module ids -> rows, check their shape, and convert them to the type of the next layer."""
    rows = table(ids)
    weight = then.weight
    assert isinstance(weight, Tensor)
    if rows.shape != (len(ids), weight.shape[-1]):
        found = tuple(rows.shape)
        raise ValueError(Errors.ML031.format(what=what, found=found, expected=(len(ids), weight.shape[-1])))
    return rows.to(dtype=weight.dtype)


def _finish(module: WordEmbeddings | EntityEmbeddings, rows: Tensor) -> Tensor:
    # LUKE has one text per input: every row has token type 0.
    rows = module.LayerNorm(rows + module.token_type_embeddings.weight[0])
    return dropout(rows, module.dropout) if module.training else rows
