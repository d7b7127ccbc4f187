"""Build sequences from ranges of wordpieces and special pieces, and distribute entities over them."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy

from ..errors import check_at_least
from ..ragged import positions, ranges, row_offsets
from ..types import Ints1d, Ints2d


class PiecePool:
    """The wordpieces that sequences are built from: those of the texts, then special pieces and markers.

    ids (Ints1d): Pieces of all texts. Shape: (n_pieces,).
    extra (Ints1d): Special pieces and markers. Shape: (n_extra,).
    """

    def __init__(self, ids: Ints1d, extra: Ints1d) -> None:
        self.ids = numpy.concatenate([ids, numpy.asarray(extra)]).astype("int32", copy=False)
        self.n_pieces = len(ids)

    def build(self, starts: Ints2d, lengths: Ints2d) -> Tuple[Ints1d, Ints1d]:
        """Build sequences, each from several ranges of the pool.

        starts (Ints2d): First piece of each range; `n_pieces + i` is extra piece i. Shape: (n_sequences, n_ranges).
        lengths (Ints2d): Number of pieces of each range; zero is allowed. Shape: (n_sequences, n_ranges).
        RETURNS (Tuple[Ints1d, Ints1d]): The pieces of all sequences, and the number of pieces of each. int32.
        """
        ids = self.ids[ranges(starts.ravel(), lengths.ravel())]
        return ids, lengths.sum(axis=1).astype("int32")


def distribute_entities(
    windows: Ints1d, n_windows: int, max_entities: Optional[int], min_sequences: int
) -> Tuple[Ints1d, Ints1d, Ints1d]:
    """Distribute the entities of each window evenly over as few sequences as possible, as in published fine-tuning.

    windows (Ints1d): The window of each entity. Shape: (n_entities,).
    n_windows (int): Number of windows.
    max_entities (Optional[int]): Maximum number of entities of a sequence; None for no limit.
    min_sequences (int): Number of sequences of a window without entities: 1 if its pieces are needed, else 0.
    RETURNS (Tuple[Ints1d, Ints1d, Ints1d]): The number of sequences of each window, shape: (n_windows,); the order of
        the entities by sequence, and the sequence of each entity in that order. Shapes: (n_entities,).
    """
    counts = numpy.bincount(windows, minlength=n_windows)
    limit = max_entities or max(1, int(counts.max(initial=1)))
    n_sequences = numpy.maximum(-(-counts // limit), min_sequences)
    order = numpy.argsort(windows, kind="stable")
    per_sequence = numpy.maximum(-(-counts // numpy.maximum(n_sequences, 1)), 1)
    number = positions(counts) // per_sequence.repeat(counts)  # of the entity's sequence among those of its window
    return n_sequences, order, numpy.repeat(row_offsets(n_sequences)[:-1], counts) + number


def check_limits(max_entities: Optional[int], max_mention_length: int) -> None:
    """Check that limits are at least 1.

    max_entities (Optional[int]): Maximum number of entities of a sequence, or None.
    max_mention_length (int): Maximum number of pieces of a mention.
    RAISES (ValueError): ML071 for a lower one.
    """
    check_at_least("max_entities", max_entities, 1, optional=True)
    check_at_least("max_mention_length", max_mention_length, 1)
