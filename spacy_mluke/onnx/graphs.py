"""The encoder as modules over padded batches, with the weights of the ragged network: what is traced for ONNX.

A ragged network cannot be traced: its loops depend on the lengths of the sequences. These modules compute the same
states with padding and masks. B = sequences, P = wordpieces, E = entities, L = layers, H = heads, D = width.
"""

from __future__ import annotations

from typing import Any, List, Tuple

import torch
from torch import Tensor, nn

from ..network.attention import SelfAttention
from ..network.codecs import BLOCK_WEIGHTS
from ..network.embeddings import EntityEmbeddings, WordEmbeddings
from ..network.kernels import ACTIVATIONS
from ..network.transformer import Layer, LukeEncoder

# Added to the scores of padding: its weight is then 0.
_FAR = -1e9


class PackedRows(nn.Module):
    """A table with 4 bits per weight, decoded row by row: `codecs.py` describes the blocks.

    values (Tensor): Two weights in each byte. Shape: (rows, D / 2), uint8.
    scales (Tensor): Shape: (rows, D / 32), float16.
    """

    values: Tensor
    scales: Tensor

    def __init__(self, values: Tensor, scales: Tensor):
        super().__init__()
        self.register_buffer("values", values)
        self.register_buffer("scales", scales)
        self.width = 2 * values.shape[1]

    def forward(self, ids: Tensor) -> Tensor:
        """Shapes: ids (B, P), result (B, P, D)."""
        scales = self.scales[ids].float().unsqueeze(-1)
        packed = self.values[ids].float()
        packed = packed.reshape(ids.shape[0], ids.shape[1], self.width // BLOCK_WEIGHTS, BLOCK_WEIGHTS // 2)
        # Division and floor in place of a shift: every runtime has them, and they are exact here.
        high = torch.floor(packed / 16)
        weights = torch.cat([packed - high * 16, high], dim=3) - 8
        return (weights * scales).reshape(ids.shape[0], ids.shape[1], self.width)


class Rows(nn.Module):
    """A table of float32 rows.

    rows (Tensor): Shape: (n, width).
    """

    rows: Tensor

    def __init__(self, rows: Tensor):
        super().__init__()
        self.register_buffer("rows", rows)

    def forward(self, ids: Tensor) -> Tensor:
        """Shapes: ids (B, n), result (B, n, width)."""
        return self.rows[ids]


class PaddedWords(nn.Module):
    """WordEmbeddings for padded batches.

    embeddings (WordEmbeddings): The embeddings of the network.
    table (nn.Module): Wordpiece ids to rows.
    """

    def __init__(self, embeddings: WordEmbeddings, table: nn.Module):
        super().__init__()
        self.table = table
        self.norm = embeddings.LayerNorm
        positions = embeddings.position_embeddings.weight.detach()[embeddings.first_position :]
        self.register_buffer("positions", positions + embeddings.token_type_embeddings.weight.detach()[0])

    def forward(self, piece_ids: Tensor) -> Tensor:
        """Shapes: piece_ids (B, P) int64, result (B, P, D)."""
        positions: Tensor = self.positions  # type: ignore[assignment]
        return self.norm(self.table(piece_ids) + positions[: piece_ids.shape[1]])


class PaddedEntities(nn.Module):
    """EntityEmbeddings for padded batches.

    The mean of the positions of a mention is the difference of two sums from the first position on, in float64.

    embeddings (EntityEmbeddings): The embeddings of the network.
    table (nn.Module): Entity ids to rows.
    max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
    """

    def __init__(self, embeddings: EntityEmbeddings, table: nn.Module, max_mention_length: int):
        super().__init__()
        self.table = table
        self.dense = embeddings.entity_embedding_dense
        self.norm = embeddings.LayerNorm
        self.max_mention_length = max_mention_length
        sums = torch.cumsum(embeddings.position_embeddings.weight.detach().double(), dim=0)
        self.register_buffer("sums", torch.cat([torch.zeros_like(sums[:1]), sums]))
        self.register_buffer("token_type", embeddings.token_type_embeddings.weight.detach()[0].clone())

    def forward(self, entity_ids: Tensor, entity_bounds: Tensor) -> Tensor:
        """Shapes: entity_ids (B, E) int64, entity_bounds (B, E, 2) int64, result (B, E, D)."""
        sums: Tensor = self.sums  # type: ignore[assignment]
        rows = self.table(entity_ids)
        if self.dense is not None:
            rows = self.dense(rows)
        starts = entity_bounds[:, :, 0]
        lengths = (entity_bounds[:, :, 1] - starts).clamp(min=1, max=self.max_mention_length)
        mean = (sums[starts + lengths] - sums[starts]) / lengths.double().unsqueeze(-1)
        token_type: Tensor = self.token_type  # type: ignore[assignment]
        return self.norm(rows + mean.float() + token_type)


class WordsGraph(nn.Module):
    """Isolated visibility, first graph: encodes words, and returns their keys and values.

    network (LukeEncoder): The network, with "isolated" visibility.
    words (PaddedWords): Its word embeddings.
    """

    INPUTS = ("piece_ids", "piece_mask")
    OUTPUTS = ("piece_states", "keys", "values")

    def __init__(self, network: LukeEncoder, words: PaddedWords):
        super().__init__()
        self.words = words
        self.layers = network.encoder.layer

    def forward(self, piece_ids: Tensor, piece_mask: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        """Shapes: piece_ids (B, P) int64, piece_mask (B, P) bool; states (B, P, D), keys and values
        (B, L, H, P, D / H)."""
        far = _distance(piece_mask)
        rows = self.words(piece_ids)
        keys: List[Tensor] = []
        values: List[Tensor] = []
        for layer in _each(self.layers):
            attention = layer.attention.self
            query, key, value = (
                _split(projection(rows), attention) for projection in (attention.query, attention.key, attention.value)
            )
            keys.append(key)
            values.append(value)
            weights = torch.softmax(_scores(query, key) + far, dim=-1)
            rows = _finish(layer, _join(weights @ value, attention), rows)
        return rows, torch.stack(keys, dim=1), torch.stack(values, dim=1)


class EntitiesGraph(nn.Module):
    """Isolated visibility, second graph: encodes entities, which attend to the words and to themselves.

    network (LukeEncoder): The network, with "isolated" visibility.
    entities (PaddedEntities): Its entity embeddings.
    """

    INPUTS = ("piece_mask", "keys", "values", "entity_ids", "entity_bounds")
    OUTPUTS = ("entity_states",)

    def __init__(self, network: LukeEncoder, entities: PaddedEntities):
        super().__init__()
        self.entities = entities
        self.layers = network.encoder.layer

    def forward(
        self, piece_mask: Tensor, keys: Tensor, values: Tensor, entity_ids: Tensor, entity_bounds: Tensor
    ) -> Tensor:
        """Shapes: as for WordsGraph and PaddedEntities; result (B, E, D)."""
        far = _distance(piece_mask)
        rows = self.entities(entity_ids, entity_bounds)
        for i, layer in enumerate(_each(self.layers)):
            attention = layer.attention.self
            key = _split(attention.key(rows), attention)
            value = _split(attention.value(rows), attention)
            if attention.is_entity_aware:
                to_words = _split(attention.e2w_query(rows), attention)
                to_self = _split(attention.e2e_query(rows), attention)
            else:
                to_words = to_self = _split(attention.query(rows), attention)
            own = (to_self * key).sum(-1, keepdim=True) * attention.head_size**-0.5
            weights = torch.softmax(torch.cat([_scores(to_words, keys[:, i]) + far, own], dim=-1), dim=-1)
            attended = weights[..., :-1] @ values[:, i] + weights[..., -1:] * value
            rows = _finish(layer, _join(attended, attention), rows)
        return rows


class JointGraph(nn.Module):
    """Joint visibility: encodes words and entities, which attend to each other.

    network (LukeEncoder): The network, with "joint" visibility.
    words (PaddedWords): Its word embeddings.
    entities (PaddedEntities): Its entity embeddings.
    """

    INPUTS = ("piece_ids", "piece_mask", "entity_ids", "entity_bounds", "entity_mask")
    OUTPUTS = ("piece_states", "entity_states")

    def __init__(self, network: LukeEncoder, words: PaddedWords, entities: PaddedEntities):
        super().__init__()
        self.words = words
        self.entities = entities
        self.layers = network.encoder.layer

    def forward(
        self, piece_ids: Tensor, piece_mask: Tensor, entity_ids: Tensor, entity_bounds: Tensor, entity_mask: Tensor
    ) -> Tuple[Tensor, Tensor]:
        """Shapes: as for WordsGraph and PaddedEntities; entity_mask (B, E) bool; states (B, P, D) and (B, E, D)."""
        n_pieces = piece_ids.shape[1]
        far = _distance(torch.cat([piece_mask, entity_mask], dim=1))
        rows = torch.cat([self.words(piece_ids), self.entities(entity_ids, entity_bounds)], dim=1)
        for layer in _each(self.layers):
            attention = layer.attention.self
            key = _split(attention.key(rows), attention)
            value = _split(attention.value(rows), attention)
            if attention.is_entity_aware:
                words, entities = rows[:, :n_pieces], rows[:, n_pieces:]
                queries = [
                    [_split(projection(own), attention) for projection in projections]
                    for own, projections in (
                        (words, (attention.query, attention.w2e_query)),
                        (entities, (attention.e2w_query, attention.e2e_query)),
                    )
                ]
                parts = key[:, :, :n_pieces], key[:, :, n_pieces:]
                scores = torch.cat(
                    [
                        torch.cat([_scores(to_words, parts[0]), _scores(to_entities, parts[1])], dim=3)
                        for to_words, to_entities in queries
                    ],
                    dim=2,
                )
            else:
                scores = _scores(_split(attention.query(rows), attention), key)
            weights = torch.softmax(scores + far, dim=-1)
            rows = _finish(layer, _join(weights @ value, attention), rows)
        return rows[:, :n_pieces], rows[:, n_pieces:]


def _each(layers: Any) -> List[Layer]:
    return list(layers)


def _distance(mask: Tensor) -> Tensor:
    """Return what is added to the scores of keys: 0, or a large negative number for padding. Shape: (B, 1, 1, keys)."""
    return ((1.0 - mask.float()) * _FAR).unsqueeze(1).unsqueeze(1)


def _split(rows: Tensor, attention: SelfAttention) -> Tensor:
    """Shapes: rows (B, n, D), result (B, H, n, D / H)."""
    # Sizes in full: no size can be inferred if there are no rows.
    return rows.reshape(rows.shape[0], rows.shape[1], attention.n_heads, attention.head_size).transpose(1, 2)


def _join(heads: Tensor, attention: SelfAttention) -> Tensor:
    """Shapes: heads (B, H, n, D / H), result (B, n, D)."""
    return heads.transpose(1, 2).reshape(heads.shape[0], heads.shape[2], attention.n_heads * attention.head_size)


def _scores(query: Tensor, key: Tensor) -> Tensor:
    """Return the scores of attention. Shape: (B, H, queries, keys)."""
    return (query * query.shape[-1] ** -0.5) @ key.transpose(2, 3)


def _finish(layer: Layer, attended: Tensor, rows: Tensor) -> Tensor:
    """Apply what follows attention in a layer. Shapes: (B, n, D)."""
    output = layer.attention.output
    rows = output.LayerNorm(output.dense(attended) + rows)
    inner = ACTIVATIONS[layer.intermediate.activation](layer.intermediate.dense(rows))
    return layer.output.LayerNorm(layer.output.dense(inner) + rows)
