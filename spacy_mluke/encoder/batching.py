"""Split the sequences of a batch into smaller batches that go through the network together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterator, List

import numpy

from ..align.boundaries import without_entities
from ..ragged import ragged_rows
from ..types import AlignedBatch, Ints1d


@dataclass(frozen=True)
class Part:
    """Some sequences of a batch."""

    batch: AlignedBatch  # the sequences, without `docs`
    piece_rows: Ints1d  # (n_pieces,): the row of each of their pieces in the whole batch
    entity_rows: Ints1d  # (n_entities,): the row of each of their entities in the whole batch


def plan_batches(batch: AlignedBatch, *, max_items: int) -> List[Ints1d]:
    """Group sequences into batches of about equal cost, each of sequences of similar length.

    Few items leave the processor idle and many do not fit its cache, so each batch is filled up to `max_items`; a
    longer sequence goes alone. Sequences are sorted by length, so that attention finds those of the same length side
    by side.

    batch (AlignedBatch): All sequences.
    max_items (int): Wordpieces and entities of a batch.
    RETURNS (List[Ints1d]): Sequence numbers of each batch, longest sequences first.
    """
    lengths = (batch.piece_lengths + batch.entity_lengths).astype("int64")
    order = numpy.argsort(-lengths, kind="stable")
    plan: List[Ints1d] = []
    start = n_items = 0
    for i, length in enumerate(lengths[order].tolist()):
        if i > start and n_items + length > max_items:
            plan.append(order[start:i])
            start, n_items = i, 0
        n_items += length
    if start < len(order):
        plan.append(order[start:])
    return plan


def take_sequences(batch: AlignedBatch, sequences: Ints1d) -> Part:
    """Take some sequences out of a batch, in the order given.

    batch (AlignedBatch): All sequences.
    sequences (Ints1d): Sequence numbers.
    RETURNS (Part): These sequences.
    """
    piece_rows = ragged_rows(batch.piece_lengths, sequences)
    entity_rows = ragged_rows(batch.entity_lengths, sequences)
    taken = AlignedBatch(
        piece_ids=batch.piece_ids[piece_rows],
        piece_lengths=batch.piece_lengths[sequences],
        entity_ids=batch.entity_ids[entity_rows],
        entity_bounds=batch.entity_bounds[entity_rows],
        entity_lengths=batch.entity_lengths[sequences],
        max_mention_length=batch.max_mention_length,
        with_entities=batch.with_entities,
    )
    return Part(taken, piece_rows, entity_rows)


def take_entities(batch: AlignedBatch, entities: Ints1d) -> AlignedBatch:
    """Return the sequences of a batch with some of their entities.

    batch (AlignedBatch): The sequences, without `docs`.
    entities (Ints1d): Numbers of the entities, in rising order.
    RETURNS (AlignedBatch): The same sequences, with these entities.
    """
    sequence_of = numpy.arange(batch.n_sequences).repeat(batch.entity_lengths)
    return replace(
        batch,
        entity_ids=batch.entity_ids[entities],
        entity_bounds=batch.entity_bounds[entities],
        entity_lengths=numpy.bincount(sequence_of[entities], minlength=batch.n_sequences).astype("int32"),
    )


def split_batch(batch: AlignedBatch, *, max_items: int, words_only: bool = False) -> Iterator[Part]:
    """Split a batch as `plan_batches` says.

    batch (AlignedBatch): All sequences.
    max_items (int): Wordpieces and entities that go through the network together.
    words_only (bool): Whether to count wordpieces alone: entities are not encoded, or few are.
    YIELDS (Part): Some sequences at a time.
    """
    counted = without_entities(batch) if words_only or not batch.with_entities else batch
    for sequences in plan_batches(counted, max_items=max_items):
        yield take_sequences(batch, sequences)
