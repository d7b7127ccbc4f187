"""Sequences whose entities are not read: what a model of words alone sees, and where its spans lie in them."""

from __future__ import annotations

from dataclasses import replace

import numpy

from ..ragged import row_offsets
from ..types import AlignedBatch, Ints2d


def edge_rows(batch: AlignedBatch) -> Ints2d:
    """The first and the last wordpiece of each entity, in its own pass.

    batch (AlignedBatch): Sequences and their entities.
    RETURNS (Ints2d): Rows among the pieces. Shape: (n_entities, 2), int64.
    """
    passes = row_offsets(batch.piece_lengths)[:-1].repeat(batch.entity_lengths)
    return batch.entity_bounds + passes[:, None] - [0, 1]


def without_entities(batch: AlignedBatch) -> AlignedBatch:
    """The same passes, without entities.

    batch (AlignedBatch): Sequences and their entities.
    RETURNS (AlignedBatch): The words.
    """
    return replace(
        batch,
        entity_ids=batch.entity_ids[:0],
        entity_bounds=batch.entity_bounds[:0],
        entity_lengths=numpy.zeros_like(batch.entity_lengths),
    )


def read_opening_markers(batch: AlignedBatch) -> AlignedBatch:
    """Marked texts of which only the words are read, and of these only the marker that opens each span is kept.

    batch (AlignedBatch): As from `align_marked`.
    RETURNS (AlignedBatch): Its piece states are those of the markers, a row for each entity: `span_rows` of the
        documents lead to them.
    """
    openings = edge_rows(batch)[:, 0].astype("int32")
    docs = [replace(doc, piece_rows=openings[doc.span_rows[doc.span_rows >= 0]]) for doc in batch.docs]
    # No position stands on a mention here.
    counts = replace(batch.counts, truncated_mentions=0)
    return replace(batch, docs=docs, counts=counts, with_tokens=True, with_entities=False)
