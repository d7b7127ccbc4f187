"""The boundary pieces of spans, and batches for models of words alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import numpy

from ..ragged import row_offsets
from ..types import AlignedBatch, Ints1d, Ints2d, PassageStates


def boundary_rows(batch: AlignedBatch) -> Ints2d:
    """Return the first and the last wordpiece of each entity.

    batch (AlignedBatch): Sequences and their entities.
    RETURNS (Ints2d): Rows among the pieces of the batch. Shape: (n_entities, 2), int64.
    """
    starts = row_offsets(batch.piece_lengths)[:-1].repeat(batch.entity_lengths)
    return batch.entity_bounds + starts[:, None] - [0, 1]


def edge_pieces(states: PassageStates) -> Tuple[Ints1d, Ints1d]:
    """Return the first and the last wordpiece of each mention.

    states (PassageStates): A text with mentions.
    RETURNS (Tuple[Ints1d, Ints1d]): Rows of `piece_states`; 0 for a mention that is not kept. Shape of each:
        (n_mentions,), int64.
    """
    firsts = numpy.zeros(len(states.span_bounds), dtype="int64")
    lasts = firsts.copy()
    for i, (start, end) in enumerate(states.span_bounds.tolist()):
        if states.kept[i]:
            ranges = states.token_bounds[start:end]
            ranges = ranges[ranges[:, 0] < ranges[:, 1]]
            firsts[i], lasts[i] = ranges[0, 0], ranges[-1, 1] - 1
    return firsts, lasts


def without_entities(batch: AlignedBatch) -> AlignedBatch:
    """Return the same sequences without entities.

    batch (AlignedBatch): Sequences and their entities.
    RETURNS (AlignedBatch): A batch that shares the arrays of pieces.
    """
    return replace(
        batch,
        entity_ids=batch.entity_ids[:0],
        entity_bounds=batch.entity_bounds[:0],
        entity_lengths=numpy.zeros_like(batch.entity_lengths),
    )


def keep_opening_markers(batch: AlignedBatch) -> AlignedBatch:
    """Return a batch of marked texts whose piece states are those of the markers that open spans.

    batch (AlignedBatch): The output of `align_marked`.
    RETURNS (AlignedBatch): A batch whose entities are not encoded. Its piece states have a row for each entity: the
        `span_rows` of the documents are their numbers.
    """
    openings = boundary_rows(batch)[:, 0].astype("int32")
    docs = [replace(doc, piece_rows=openings[doc.span_rows[doc.span_rows >= 0]]) for doc in batch.docs]
    # Entities are not encoded, so no position embedding is truncated.
    counts = replace(batch.counts, truncated_mentions=0)
    return replace(batch, docs=docs, counts=counts, with_tokens=True, with_entities=False)
