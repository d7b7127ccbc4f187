"""Split documents into overlapping windows that contain entities as a whole."""

from __future__ import annotations

import numpy

from ..errors import Errors
from ..ragged import row_offsets
from ..types import Bools1d, Ints1d, Ints2d


def check_windows(window: int, overlap: int, least: int) -> None:
    """Check the sizes of windows.

    window (int): Maximum number of pieces of a sequence, special pieces included.
    overlap (int): Number of pieces that neighbouring windows share.
    least (int): Minimum of `window`.
    RAISES (ValueError): ML003 for a smaller window or a negative overlap.
    """
    if window < least or overlap < 0:
        raise ValueError(Errors.ML003.format(window=window, overlap=overlap, least=least))


def window_starts(n_pieces: int, room: int, overlap: int) -> Ints1d:
    """Distribute windows evenly over a document.

    n_pieces (int): Number of pieces of the document.
    room (int): Maximum number of pieces of a window, without special pieces.
    overlap (int): Minimum number of pieces that neighbouring windows share, limited to half a window.
    RETURNS (Ints1d): First piece of each window, rising, from the start of the document to the window that ends it.
        Shape: (n_windows,), int64.
    """
    if n_pieces <= room:
        return numpy.zeros(1, dtype="int64")
    step = room - min(overlap, room // 2)
    n_windows = -(-(n_pieces - room) // step) + 1
    return numpy.arange(n_windows) * (n_pieces - room) // (n_windows - 1)


def add_windows(starts: Ints1d, bounds: Ints2d, n_pieces: int, room: int) -> Ints1d:
    """Add windows for ranges that no window contains as a whole. One window is added for neighbouring ranges that fit.

    starts (Ints1d): First piece of each window, rising. Shape: (n_windows,).
    bounds (Ints2d): First piece and end of each range, none longer than a window. Shape: (n, 2).
    n_pieces (int): Number of pieces of the document.
    room (int): Maximum number of pieces of a window.
    RETURNS (Ints1d): All windows, rising. Shape: (n_windows + n_added,), int64.
    """
    last_before = starts[numpy.searchsorted(starts, bounds[:, 0], side="right") - 1]
    split = numpy.unique(bounds[last_before + room < bounds[:, 1]], axis=0)
    if not len(split):
        return starts
    groups = [split[0].tolist()]
    for start, end in split[1:].tolist():
        group = groups[-1]
        if max(group[1], end) - group[0] <= room:
            group[1] = max(group[1], end)
        else:
            groups.append([start, end])
    # Each group is in the middle of its window, with equal context on both sides.
    added = numpy.clip((numpy.array(groups, dtype="int64").sum(axis=1) - room) // 2, 0, n_pieces - room)
    return numpy.unique(numpy.concatenate([starts, added]))


def most_context(starts: Ints1d, bounds: Ints2d, n_pieces: int, room: int) -> Ints1d:
    """Return the window with the most context for each range of pieces.

    Context is the number of pieces in the window on the left or on the right of the range, whichever is smaller. At the
    start and at the end of the document it is unlimited. Of windows with equal context, the first is returned.

    starts (Ints1d): First piece of each window, rising. Shape: (n_windows,).
    bounds (Ints2d): First piece and end of each range; at least one window contains it. Shape: (n, 2).
    n_pieces (int): Number of pieces of the document.
    room (int): Maximum number of pieces of a window.
    RETURNS (Ints1d): Number of the window. Shape: (n,), int64.
    """
    n_windows = len(starts)
    if n_windows == 1:
        return numpy.zeros(len(bounds), dtype="int64")
    first, end = bounds[:, 0], bounds[:, 1]
    # Context decreases with the distance from the window that has the range in its middle. So the best window is one of
    # the two that are nearest to that, or the first or the last, which have an unlimited side.
    after = numpy.searchsorted(2 * starts, first + end - room)
    last = n_windows - 1
    before, after = numpy.clip([after - 1, after], 1, max(last - 1, 1))
    candidates = numpy.stack([numpy.zeros_like(after), before, after, numpy.full_like(after, last)])
    left = first - starts[candidates]
    right = starts[candidates] + room - end
    unlimited = n_pieces + 1
    context = numpy.minimum(
        numpy.where((starts[candidates] == 0) & (left >= 0), unlimited, left),
        numpy.where((starts[candidates] + room >= n_pieces) & (right >= 0), unlimited, right),
    )
    return candidates[numpy.argmax(context, axis=0), numpy.arange(len(bounds))]


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
