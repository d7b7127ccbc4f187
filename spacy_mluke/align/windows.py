"""Split documents into overlapping windows that contain entities as a whole."""

from __future__ import annotations

import numpy

from ..errors import Errors
from ..types import Ints1d, Ints2d


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
