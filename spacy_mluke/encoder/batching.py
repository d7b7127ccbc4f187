"""Which passes go through the network together, and taking them out of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, List, Tuple

import numpy

from ..align.boundaries import without_entities
from ..ragged import ragged_rows
from ..types import AlignedBatch, Ints1d


def plan_batches(batch: AlignedBatch, *, max_rows: int) -> List[Ints1d]:
    """Pack passes into batches of about equal cost, passes of like length together.

    Few rows leave the processor idle and many fall out of its cache, so a batch is filled up to `max_rows`; a pass
    longer than that goes alone. Sorted by length, so that attention finds passes of the same length side by side.

    batch (AlignedBatch): What to plan.
    max_rows (int): Pieces and entities per batch.
    RETURNS (List[Ints1d]): Pass numbers, batch by batch, longest passes first.
    """
    lengths = (batch.piece_lengths + batch.entity_lengths).astype("int64")
    order = numpy.argsort(-lengths, kind="stable")
    plan: List[Ints1d] = []
    start = rows = 0
    for i, length in enumerate(lengths[order].tolist()):
        if i > start and rows + length > max_rows:
            plan.append(order[start:i])
            start, rows = i, 0
        rows += length
    if start < len(order):
        plan.append(order[start:])
    return plan


def take_sequences(batch: AlignedBatch, passes: Ints1d) -> Tuple[AlignedBatch, Ints1d, Ints1d]:
    """Take some passes out of a batch, in the order given.

    batch (AlignedBatch): Where to take from.
    passes (Ints1d): Pass numbers.
    RETURNS (Tuple[AlignedBatch, Ints1d, Ints1d]): A batch of these passes (without `docs`), and the rows that its
        pieces and its entities have in `batch`.
    """
    piece_rows = ragged_rows(batch.piece_lengths, passes)
    entity_rows = ragged_rows(batch.entity_lengths, passes)
    taken = AlignedBatch(
        piece_ids=batch.piece_ids[piece_rows],
        piece_lengths=batch.piece_lengths[passes],
        entity_ids=batch.entity_ids[entity_rows],
        entity_bounds=batch.entity_bounds[entity_rows],
        entity_lengths=batch.entity_lengths[passes],
        max_mention_length=batch.max_mention_length,
    )
    return taken, piece_rows, entity_rows


def take_entities(batch: AlignedBatch, rows: Ints1d) -> AlignedBatch:
    """Keep some of the entities of a batch.

    batch (AlignedBatch): All passes, without `docs`.
    rows (Ints1d): Numbers of the entities, rising.
    RETURNS (AlignedBatch): The same passes, with these entities.
    """
    owners = numpy.arange(batch.n_sequences).repeat(batch.entity_lengths)
    return replace(
        batch,
        entity_ids=batch.entity_ids[rows],
        entity_bounds=batch.entity_bounds[rows],
        entity_lengths=numpy.bincount(owners[rows], minlength=batch.n_sequences).astype("int32"),
    )


def iter_batches(batch: AlignedBatch, *, max_rows: int) -> Iterator[Tuple[AlignedBatch, Ints1d, Ints1d]]:
    """Plan a batch and take it apart.

    batch (AlignedBatch): All passes.
    max_rows (int): Pieces and entities per batch.
    YIELDS (Tuple[AlignedBatch, Ints1d, Ints1d]): As from `take_sequences`.
    """
    if not batch.with_entities:
        batch = without_entities(batch)
    for passes in plan_batches(batch, max_rows=max_rows):
        yield take_sequences(batch, passes)
