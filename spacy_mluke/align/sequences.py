"""Build sequences from ranges of wordpieces and special pieces, and distribute entities over them."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy

from ..errors import check_at_least
from ..ragged import positions, ranges, row_offsets
from ..types import Bools1d, Ints1d, Ints2d
from .windows import add_windows, most_context, window_starts


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


class WindowPlan:
    """The windows of many texts, and the window of each span.

    lengths (Ints1d): Number of pieces of each text. Shape: (n_texts,).
    bounds (Ints2d): First piece and end of each span in its text. Shape: (n_spans, 2).
    texts (Ints1d): The text of each span, rising. Shape: (n_spans,).
    room (int): Maximum number of pieces of a window.
    overlap (int): Minimum number of pieces that neighbouring windows share.
    max_mention_length (int): Number of pieces of a span that must be in one window, if the whole span does not fit.
    needed_texts (Bools1d): Texts that get windows, even without pieces. Shape: (n_texts,), bool.
    """

    def __init__(
        self,
        lengths: Ints1d,
        bounds: Ints2d,
        texts: Ints1d,
        *,
        room: int,
        overlap: int,
        max_mention_length: int,
        needed_texts: Bools1d,
    ) -> None:
        self.room = room
        self.lengths = lengths
        span_offsets = numpy.searchsorted(texts, numpy.arange(len(lengths) + 1))
        required = required_bounds(bounds, room, max_mention_length)
        self._starts = {}
        counts = needed_texts.astype("int64")
        for i in numpy.flatnonzero((lengths > room) & needed_texts).tolist():
            own = required[span_offsets[i] : span_offsets[i + 1]]
            starts = window_starts(int(lengths[i]), room, overlap)
            self._starts[i] = add_windows(starts, own[own[:, 1] > own[:, 0]], int(lengths[i]), room)
            counts[i] = len(self._starts[i])
        self.offsets = row_offsets(counts)  # (n_texts + 1,): first window of each text, and the end
        self.texts = numpy.repeat(numpy.arange(len(lengths)), counts)  # (n_windows,)
        self.starts = numpy.zeros(len(self.texts), dtype="int64")  # (n_windows,): first piece in the text
        self.span_windows = self.offsets[texts]  # (n_spans,)
        for i, starts in self._starts.items():
            self.starts[self.offsets[i] : self.offsets[i + 1]] = starts
            own_spans = slice(span_offsets[i], span_offsets[i + 1])
            self.span_windows[own_spans] += most_context(starts, required[own_spans], int(lengths[i]), room)
        self.ends = numpy.minimum(self.starts + room, lengths[self.texts])  # (n_windows,)

    def piece_windows(self) -> Ints1d:
        """Return the window with the most context for each piece.

        RETURNS (Ints1d): Windows of the pieces of all texts. Shape: (sum of lengths,), int64.
        """
        found = self.offsets[:-1].repeat(self.lengths)
        text_offsets = row_offsets(self.lengths)
        for i, starts in self._starts.items():
            n_pieces = int(self.lengths[i])
            pieces = numpy.arange(n_pieces)
            bounds = numpy.stack([pieces, pieces + 1], axis=1)
            found[text_offsets[i] : text_offsets[i + 1]] += most_context(starts, bounds, n_pieces, self.room)
        return found


def required_bounds(bounds: Ints2d, room: int, max_mention_length: int) -> Ints2d:
    """Return the pieces of each span that must be in its window.

    These are all pieces, or if the span is longer than a window, those of its position embedding.

    bounds (Ints2d): First piece and end. Shape: (n_spans, 2).
    room (int): Maximum number of pieces of a window.
    max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
    RETURNS (Ints2d): Shape: (n_spans, 2).
    """
    is_long = bounds[:, 1] - bounds[:, 0] > room
    ends = numpy.where(is_long, bounds[:, 0] + min(room, max_mention_length), bounds[:, 1])
    return numpy.stack([bounds[:, 0], ends], axis=1)


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
