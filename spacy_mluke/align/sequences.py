"""Sequences over the encoder: ranges of wordpieces, special pieces around them, and the entities that stand on them."""

from __future__ import annotations

from typing import Optional, Tuple

import numpy

from ..errors import check_at_least
from ..ragged import positions, ranges, row_offsets
from ..types import Bools1d, Ints1d, Ints2d
from .windows import add_windows, most_context, window_starts


class Pool:
    """Wordpieces to build passes from: those of the texts, then single ones that are put between them.

    ids (Ints1d): Pieces of all texts. Shape: (n_pieces,).
    extra (Ints1d): Special pieces and markers. Shape: (n_extra,).
    """

    def __init__(self, ids: Ints1d, extra: Ints1d) -> None:
        self.ids = numpy.concatenate([ids, numpy.asarray(extra)]).astype("int32", copy=False)
        self.n_pieces = len(ids)

    def build(self, starts: Ints2d, lengths: Ints2d) -> Tuple[Ints1d, Ints1d]:
        """Lay out passes, each a row of ranges of the pool.

        starts (Ints2d): First piece of each range; `n_pieces + i` is extra piece i. Shape: (n_sequences, n_ranges).
        lengths (Ints2d): Pieces of each range; zero is allowed. Shape: (n_sequences, n_ranges).
        RETURNS (Tuple[Ints1d, Ints1d]): The pieces of all passes, and how many each has. int32.
        """
        ids = self.ids[ranges(starts.ravel(), lengths.ravel())]
        return ids, lengths.sum(axis=1).astype("int32")


class WindowPlan:
    """Windows over many texts, and which of them shows a range of pieces best.

    lengths (Ints1d): Pieces of each text. Shape: (n_texts,).
    bounds (Ints2d): Pieces of the spans, within their text. Shape: (n_spans, 2).
    texts (Ints1d): The text of each span, rising. Shape: (n_spans,).
    room (int): Pieces of a window.
    overlap (int): Pieces that neighbouring windows share.
    max_mention_length (int): Pieces of a span that have to stand in one window, if the whole does not fit.
    needed (Bools1d): Texts that get windows, even without pieces. Shape: (n_texts,), bool.
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
        needed: Bools1d,
    ) -> None:
        self.room = room
        self.lengths = lengths
        span_heads = numpy.searchsorted(texts, numpy.arange(len(lengths) + 1))
        held = held_bounds(bounds, room, max_mention_length)
        self._starts = {}
        counts = needed.astype("int64")
        for i in numpy.flatnonzero((lengths > room) & needed).tolist():
            own = held[span_heads[i] : span_heads[i + 1]]
            starts = window_starts(int(lengths[i]), room, overlap)
            self._starts[i] = add_windows(starts, own[own[:, 1] > own[:, 0]], int(lengths[i]), room)
            counts[i] = len(self._starts[i])
        self.heads = row_offsets(counts)  # (n_texts + 1,): the first window of each text, and the end
        self.texts = numpy.repeat(numpy.arange(len(lengths)), counts)  # (n_windows,)
        self.starts = numpy.zeros(len(self.texts), dtype="int64")  # (n_windows,): first piece within the text
        self.span_windows = self.heads[texts]  # (n_spans,)
        for i, starts in self._starts.items():
            self.starts[self.heads[i] : self.heads[i + 1]] = starts
            own_spans = slice(span_heads[i], span_heads[i + 1])
            self.span_windows[own_spans] += most_context(starts, held[own_spans], int(lengths[i]), room)
        self.ends = numpy.minimum(self.starts + room, lengths[self.texts])  # (n_windows,)

    def piece_windows(self) -> Ints1d:
        """The window that shows each piece with most context.

        RETURNS (Ints1d): For the pieces of all texts. Shape: (sum of lengths,), int64.
        """
        found = self.heads[:-1].repeat(self.lengths)
        at = row_offsets(self.lengths)
        for i, starts in self._starts.items():
            n_pieces = int(self.lengths[i])
            pieces = numpy.arange(n_pieces)
            bounds = numpy.stack([pieces, pieces + 1], axis=1)
            found[at[i] : at[i + 1]] += most_context(starts, bounds, n_pieces, self.room)
        return found


def held_bounds(bounds: Ints2d, room: int, max_mention_length: int) -> Ints2d:
    """The pieces of each span that a window has to show: the whole span, or if no window is that long, those that its
    position embedding is made of.

    bounds (Ints2d): First piece and end. Shape: (n_spans, 2).
    room (int): Pieces of a window.
    max_mention_length (int): Pieces of a mention that count for its position.
    RETURNS (Ints2d): Shape: (n_spans, 2).
    """
    is_long = bounds[:, 1] - bounds[:, 0] > room
    ends = numpy.where(is_long, bounds[:, 0] + min(room, max_mention_length), bounds[:, 1])
    return numpy.stack([bounds[:, 0], ends], axis=1)


def split_sequences(
    windows: Ints1d, n_windows: int, max_entities: Optional[int], least: int
) -> Tuple[Ints1d, Ints1d, Ints1d]:
    """Spread entities over passes: those that a window cannot take at once go to further passes over it, as many to
    each, as the published models were fine-tuned.

    windows (Ints1d): The window of each entity. Shape: (n_entities,).
    n_windows (int): How many windows there are.
    max_entities (Optional[int]): Entities of a pass; None for any number.
    least (int): Sequences over a window without entities: 1 if its pieces are wanted, else 0.
    RETURNS (Tuple[Ints1d, Ints1d, Ints1d]): Sequences over each window, shape: (n_windows,); the order of the entities,
        pass after pass and as given within one; and the pass of each entity in that order. Shapes: (n_entities,).
    """
    counts = numpy.bincount(windows, minlength=n_windows)
    most = max_entities or max(1, int(counts.max(initial=1)))
    n_sequences = numpy.maximum(-(-counts // most), least)
    order = numpy.argsort(windows, kind="stable")
    rank = positions(counts)
    shares = numpy.maximum(-(-counts // numpy.maximum(n_sequences, 1)), 1)
    return n_sequences, order, numpy.repeat(row_offsets(n_sequences)[:-1], counts) + rank // shares.repeat(counts)


def check_limits(max_entities: Optional[int], max_mention_length: int) -> None:
    """Refuse limits below one.

    max_entities (Optional[int]): Entities of a pass, or None.
    max_mention_length (int): Pieces of a mention.
    RAISES (ValueError): ML071 for a lower one.
    """
    check_at_least("max_entities", max_entities, 1, optional=True)
    check_at_least("max_mention_length", max_mention_length, 1)
