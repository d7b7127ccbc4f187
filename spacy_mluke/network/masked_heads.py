"""The heads of a masked language model: from states to words and to entities.

Parameters have the names that they have in Hugging Face's `LukeForMaskedLM`; the decoders are the encoder's own tables,
so a head is what stands between a state and a row of a table, and a bias for each row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoint.tensor_names import check_types
from ..errors import Errors
from .config import EncoderConfig
from .kernels import ACTIVATIONS
from .mapped_table import device_of, table_rows

WORD_HEAD, ENTITY_HEAD = "lm_head", "entity_predictions"
# Queries that are compared with a whole table together: with each part of it, they have 65,536 logits each.
_QUERIES = 256


class WordHead(nn.Module):
    """States to what rows of the word table are compared with: dense, gelu, LayerNorm.

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
    """States to what rows of the entity table are compared with: dense, activation, LayerNorm.

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
    """States to what rows of the entity table are compared with, and a bias for each entity.

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
    """The heads that a checkpoint has: for words, for entities, both or none.

    config (EncoderConfig): The encoder's sizes.
    with_words (bool): Whether there is one for words.
    with_entities (bool): Whether there is one for entities.
    """

    lm_head: Optional[WordHead]
    entity_predictions: Optional[EntityHead]

    def __init__(self, config: EncoderConfig, *, with_words: bool = False, with_entities: bool = False):
        super().__init__()
        self.lm_head = WordHead(config) if with_words else None
        self.entity_predictions = EntityHead(config) if with_entities else None

    def __bool__(self) -> bool:
        return self.lm_head is not None or self.entity_predictions is not None


def read_heads(tensors: Mapping[str, Tensor], config: EncoderConfig, path: Path, dtype: torch.dtype) -> MaskedHeads:
    """Make the heads of a checkpoint.

    tensors (Mapping[str, Tensor]): Its heads' tensors, by their names in the file; other heads' are left alone.
    config (EncoderConfig): The encoder's sizes.
    path (Path): The checkpoint, for the message.
    dtype (torch.dtype): Type of the weights.
    RETURNS (MaskedHeads): Those that are there, in evaluation mode, on the CPU.
    RAISES (ValueError): ML225 for a head that is not whole, or of another shape; ML341 for one that holds no weights.
    """
    has = {head: any(name.startswith(head + ".") for name in tensors) for head in (WORD_HEAD, ENTITY_HEAD)}
    with torch.device("meta"):
        heads = MaskedHeads(config, with_words=has[WORD_HEAD], with_entities=has[ENTITY_HEAD])
    found: Dict[str, Tensor] = {}
    for head, is_there in has.items():
        if not is_there:
            continue
        expected = {name: param for name, param in heads.named_parameters() if name.startswith(head + ".")}
        # In files of transformers, the words' bias may stand under its decoder's name only.
        given = {name: tensors.get(name, tensors.get(name.replace(".bias", ".decoder.bias"))) for name in expected}
        missing = [name for name, tensor in given.items() if tensor is None]
        shapes = [
            f"{name} {tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
            for name, tensor in given.items()
            if tensor is not None and tensor.shape != expected[name].shape
        ]
        if missing or shapes:
            raise ValueError(
                Errors.ML225.format(
                    head=head, path=path, missing=", ".join(missing) or "none", shapes=", ".join(shapes) or "none"
                )
            )
        whole = cast(Dict[str, Tensor], given)
        check_types(whole, path)
        found.update({name: tensor.to(dtype) for name, tensor in whole.items()})
    heads.load_state_dict(found, strict=True, assign=True)
    return heads.eval()


def start_word_head(config: EncoderConfig, states: Tensor, table: nn.Module) -> WordHead:
    """A head for words that has not been trained. See `start_entity_head`.

    config (EncoderConfig): The encoder's sizes.
    states (Tensor): Some states of the encoder, on the CPU. Shape: (n, width).
    table (nn.Module): The word table.
    RETURNS (WordHead): The head.
    """
    head = WordHead(config)
    _start(head.dense, head.layer_norm, states, _sample(table))
    return head


def start_entity_head(
    config: EncoderConfig, states: Tensor, table: nn.Module, projection: Optional[nn.Linear]
) -> EntityHead:
    """A head for entities that has not been trained, whose logits mean something all the same.

    Its dense layer passes states through (on to the entities' smaller space by the inverse of the projection that
    enters it), scaled so small that the activation is nearly linear; the LayerNorm undoes that scale. So what is
    compared with an entity's row is the state itself. The LayerNorm's own scale is such that logits differ by about one
    between entities: probabilities start near uniform, and the first steps neither wait nor jump. Small random weights,
    the usual start, would make every logit about equal and hide from the first steps what the encoder knows.

    config (EncoderConfig): The encoder's sizes.
    states (Tensor): Some states of the encoder, on the CPU. Shape: (n, width).
    table (nn.Module): The entity table.
    projection (Optional[nn.Linear]): From entity to encoder width, if those differ.
    RETURNS (EntityHead): The head.
    """
    head = EntityHead(config)
    _start(head.transform.dense, head.transform.LayerNorm, states, _sample(table), projection)
    return head


_LINEAR = 0.05  # deviation of what enters the activation: gelu(x) is x / 2 there, to a few hundredths
_SAMPLED_ROWS = 4096


def _start(
    dense: nn.Linear, norm: nn.LayerNorm, states: Tensor, rows: Tensor, projection: Optional[nn.Linear] = None
) -> None:
    with torch.no_grad():
        mean = states.float().mean(dim=0)
        weight = torch.eye(len(mean))
        if projection is not None:
            weight = torch.linalg.pinv(projection.weight.detach().float().cpu())
        deviation = ((states.float() - mean) @ weight.T).std().clamp(min=1e-6)
        dense.weight.copy_(weight * (_LINEAR / deviation))
        # What all states have in common says nothing about any of them.
        dense.bias.copy_(-(dense.weight @ mean))
        norm.bias.zero_()
        spread = (rows.float() - rows.float().mean(dim=0)).norm(dim=1).mean().clamp(min=1e-6)
        norm.weight.fill_(float(1 / spread))


def _sample(table: nn.Module) -> Tensor:
    """Some rows, on the CPU, wherever the table is."""
    n_rows = cast(Any, table).num_embeddings
    ids = torch.linspace(0, n_rows - 1, min(n_rows, _SAMPLED_ROWS), dtype=torch.float64).long()
    with torch.no_grad():
        return table(ids.to(device_of(table))).float().cpu()


# --- logits ---


def candidate_logits(
    queries: Tensor, table: nn.Module, bias: Tensor, candidates: Optional[Tensor], owners: Optional[Tensor] = None
) -> Tensor:
    """Compare queries with rows of a table; gradients go to queries, rows and bias.

    queries (Tensor): What a head makes of states. Shape: (n, width of the table).
    table (nn.Module): ids -> rows.
    bias (Tensor): Shape: (n_rows,).
    candidates (Optional[Tensor]): Ids. None for all rows. Shape: (n_candidates,), int64.
    owners (Optional[Tensor]): The query of each candidate, if each has its own. Shape: (n_candidates,), int64.
    RETURNS (Tensor): Shape: (n, n_candidates); with owners, (n_candidates,).
    """
    if candidates is None:
        candidates = torch.arange(len(bias), device=queries.device)
    rows = table(candidates).to(queries.dtype)
    if owners is None:
        return queries @ rows.T + bias[candidates]
    return (queries[owners] * rows).sum(dim=1) + bias[candidates]


def top_rows(
    queries: Tensor, table: nn.Module, bias: Tensor, k: int, *, left_out: Tuple[int, ...] = ()
) -> Tuple[Tensor, Tensor]:
    """The best rows of a whole table, a part of it at a time.

    queries (Tensor): Shape: (n, width of the table).
    table (nn.Module): The table: 1,200,001 rows, or 250,004 in blocks of four bits.
    bias (Tensor): Shape: (n_rows,).
    k (int): How many to keep of each.
    left_out (Tuple[int, ...]): Rows that are never kept. They count in the softmax, as in the reference.
    RETURNS (Tuple[Tensor, Tensor]): Ids, int64, best first, and log-probabilities, float32. Shapes: (n, k) each, with
        a smaller k if there are fewer rows.
    """
    if len(queries) > _QUERIES:
        parts = [top_rows(part, table, bias, k, left_out=left_out) for part in queries.split(_QUERIES)]
        return torch.cat([ids for ids, _ in parts]), torch.cat([best for _, best in parts])
    best = torch.empty((len(queries), 0), device=queries.device)
    ids = torch.empty((len(queries), 0), dtype=torch.int64, device=queries.device)
    totals = torch.full((len(queries),), -torch.inf, device=queries.device)
    for start, logits in _chunked_logits(queries, table, bias):
        totals = torch.logaddexp(totals, logits.logsumexp(dim=1))
        inside = [row - start for row in left_out if start <= row < start + logits.shape[1]]
        logits[:, inside] = -torch.inf
        values, places = logits.topk(min(k, logits.shape[1]), dim=1)
        best, ids = torch.cat([best, values], dim=1), torch.cat([ids, places + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        ids = ids.gather(1, order)
    kept = max(min(k, len(bias) - len(set(left_out))), 0)
    return ids[:, :kept], best[:, :kept] - totals[:, None]


def log_totals(queries: Tensor, table: nn.Module, bias: Tensor) -> Tensor:
    """The logarithm of the softmax's denominator over a whole table, a part of it at a time.

    queries (Tensor): Shape: (n, width of the table).
    table (nn.Module): The table.
    bias (Tensor): Shape: (n_rows,).
    RETURNS (Tensor): Shape: (n,), float32.
    """
    if len(queries) > _QUERIES:
        return torch.cat([log_totals(part, table, bias) for part in queries.split(_QUERIES)])
    totals = torch.full((len(queries),), -torch.inf, device=queries.device)
    for _, logits in _chunked_logits(queries, table, bias):
        totals = torch.logaddexp(totals, logits.logsumexp(dim=1))
    return totals


def _chunked_logits(queries: Tensor, table: nn.Module, bias: Tensor) -> Iterator[Tuple[int, Tensor]]:
    start = 0
    for rows in table_rows(table):
        end = start + len(rows)
        moved = rows.to(device=queries.device, dtype=queries.dtype)
        yield start, (queries @ moved.T + bias[start:end]).float()
        start = end
    # A table may have more rows than the head has biases: nothing is predicted there.
    assert start == len(bias)
