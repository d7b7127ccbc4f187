"""Train rows of entities beside those of a checkpoint, with the states of its encoder as they are."""

from __future__ import annotations

import random
from typing import Dict, List, NamedTuple, Sequence

import numpy
import torch
from torch import Tensor

from scripts.cloze.answers import Rows

_BATCH = 128
_RATE, _BIAS_RATE = 3e-3, 1e-2
_NEVER = -1e9
# Questions whose logits over the checkpoint's table are computed together.
_PART = 512


class Examples(NamedTuple):
    """Questions with their answers. An entity may have a new row, a row in the checkpoint, or both."""

    queries: Tensor  # (n, entity_emb_size)
    gold: Tensor  # (n,) int64: place of the right entity among the new rows; -1 if it has none
    gold_known: Tensor  # (n,) int64: its row in the checkpoint; -1 if it has none
    others: List[List[int]]  # further right answers among the new rows: neither right nor wrong
    others_known: List[List[int]]  # the same, rows in the checkpoint


def make_examples(
    queries: Tensor, right: Sequence[Sequence[str]], places: Dict[str, int], known: Dict[str, int]
) -> Examples:
    """Make examples of questions.

    queries (Tensor): What the head compares with rows.
    right (Sequence[Sequence[str]]): Ids of the right answers of each; the first is the one to learn.
    places (Dict[str, int]): Place of an entity among the new rows.
    known (Dict[str, int]): Row of an entity in the checkpoint.
    RETURNS (Examples): The examples.
    """
    return Examples(
        queries,
        torch.tensor([places.get(own[0], -1) for own in right]),
        torch.tensor([known.get(own[0], -1) for own in right]),
        [[places[entity] for entity in own[1:] if entity in places] for own in right],
        [[known[entity] for entity in own[1:] if entity in known] for own in right],
    )


def fit_rows(
    examples: Examples,
    table: Rows,
    excluded: Sequence[int],
    start: Rows,
    epochs: int,
    *,
    groups: Tensor,
    decay: float,
    seed: int = 0,
) -> Rows:
    """Train new rows and biases by the cross entropy over all entities. The checkpoint's rows do not change.

    A row is the sum of where it starts, of a vector of its own, and of the vectors of its groups. What the objects of a
    relation have in common is learned from all of them.

    examples (Examples): The questions, of facts that the checkpoint was trained with, too.
    table (Rows): Rows and biases of the checkpoint.
    excluded (Sequence[int]): Rows of the checkpoint that are no entities.
    start (Rows): Where the new rows start.
    epochs (int): Times that each question is seen.
    groups (Tensor): Groups of the entities, such as the relations whose objects they are: 1 or 0. Shape: (n_entities,
        n_groups), float32.
    decay (float): Weight of the squared length of the entities' own vectors.
    seed (int): Start of the random numbers.
    RETURNS (Rows): The trained rows.
    """
    rng = random.Random(seed)
    totals, golds = known_logits(examples, table, excluded)
    n_entities, width = start.rows.shape
    own = Rows(torch.zeros(n_entities, width, requires_grad=True), torch.zeros(n_entities, requires_grad=True))
    shared = Rows(
        torch.zeros(groups.shape[1], width, requires_grad=True), torch.zeros(groups.shape[1], requires_grad=True)
    )
    rates = [{"params": [own.rows, shared.rows], "lr": _RATE}, {"params": [own.bias, shared.bias], "lr": _BIAS_RATE}]
    optimizer = torch.optim.Adam(rates)
    n = len(examples.queries)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=epochs * -(-n // _BATCH))
    order = list(range(n))
    for _ in range(epochs):
        rng.shuffle(order)
        for first in range(0, n, _BATCH):
            part = torch.tensor(order[first : first + _BATCH])
            queries = examples.queries[part]
            logits = queries @ (start.rows + own.rows).T + start.bias + own.bias
            logits = logits + (queries @ shared.rows.T + shared.bias) @ groups.T
            has_row = examples.gold[part] >= 0
            gold = logits.gather(1, examples.gold[part].clamp(min=0)[:, None])[:, 0].where(has_row, _NEVER)
            others = [(i, place) for i, row in enumerate(part.tolist()) for place in examples.others[row]]
            if others:
                where = torch.tensor(others)
                logits = logits.index_put((where[:, 0], where[:, 1]), torch.tensor(_NEVER))
            total = torch.logaddexp(logits.logsumexp(dim=1), totals[part])
            loss = (total - torch.logaddexp(gold, golds[part])).mean()
            loss = loss + decay * own.rows.square().sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return Rows(start.rows + own.rows + groups @ shared.rows, start.bias + own.bias + groups @ shared.bias)


def known_logits(examples: Examples, table: Rows, excluded: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the log-sum-exp of the checkpoint's logits of each question, and the logit of its right entity.

    examples (Examples): The questions. Further right answers do not count.
    table (Rows): Rows and biases of the checkpoint.
    excluded (Sequence[int]): Rows that are no entities.
    RETURNS (Tuple[Tensor, Tensor]): Shapes: (n,), (n,); the logit is -1e9 for an entity without a row.
    """
    totals, golds = [], []
    for first in range(0, len(examples.queries), _PART):
        part = slice(first, first + _PART)
        logits = examples.queries[part] @ table.rows.T + table.bias
        logits[:, list(excluded)] = _NEVER
        for row, others in enumerate(examples.others_known[part]):
            logits[row, others] = _NEVER
        gold = examples.gold_known[part]
        own = logits.gather(1, gold.clamp(min=0)[:, None])[:, 0]
        golds.append(own.where(gold >= 0, torch.tensor(_NEVER)))
        totals.append(logits.logsumexp(dim=1))
    return torch.cat(totals), torch.cat(golds)


def combined(queries: Tensor, table: Rows, new: Rows, known: Sequence[int], ids: Sequence[int]) -> numpy.ndarray:
    """Return the logits of entities that have a row in the checkpoint, a new row, or both.

    queries (Tensor): Shape: (n, entity_emb_size).
    table (Rows): Rows and biases of the checkpoint.
    new (Rows): The new rows.
    known (Sequence[int]): Row of each entity in the checkpoint; -1 for none.
    ids (Sequence[int]): New row of each entity; -1 for none.
    RETURNS (numpy.ndarray): Shape: (n, n_entities), float32; -1e9 for entities without any row.
    """
    parts = []
    for rows, places in ((table, torch.tensor(known)), (new, torch.tensor(ids))):
        logits = queries @ rows.rows[places.clamp(min=0)].T + rows.bias[places.clamp(min=0)]
        parts.append(logits.where(places >= 0, torch.tensor(_NEVER)))
    return torch.logaddexp(*parts).numpy()
