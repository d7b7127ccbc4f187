"""Documents of any length: windows that never cut an entity."""

from __future__ import annotations

import numpy

from ..errors import Errors
from ..types import Ints1d, Ints2d


def check_windows(window: int, overlap: int, least: int) -> None:
    """Refuse windows that nothing fits in.

    window (int): Pieces of a pass, special ones included.
    overlap (int): Pieces that neighbouring windows share.
    least (int): Pieces that a pass takes at least.
    RAISES (ValueError): ML003.
    """
    if window < least or overlap < 0:
        raise ValueError(Errors.ML003.format(window=window, overlap=overlap, least=least))


def window_starts(n_pieces: int, room: int, overlap: int) -> Ints1d:
    """Spread windows evenly over a document.

    n_pieces (int): Pieces of the document.
    room (int): Pieces of a window, without special ones.
    overlap (int): Pieces that neighbours share at least. More than half a window is never shared: it would only read
        the document again.
    RETURNS (Ints1d): First piece of each window, rising; the first window begins the document and the last ends it.
        Shape: (n_windows,), int64.
    """
    if n_pieces <= room:
        return numpy.zeros(1, dtype="int64")
    step = room - min(overlap, room // 2)
    n_windows = -(-(n_pieces - room) // step) + 1
    return numpy.arange(n_windows) * (n_pieces - room) // (n_windows - 1)


def add_windows(starts: Ints1d, bounds: Ints2d, n_pieces: int, room: int) -> Ints1d:
    """Add windows for the ranges that no window holds whole; neighbours share one.

    starts (Ints1d): First piece of each window, rising. Shape: (n_windows,).
    bounds (Ints2d): First piece and end of each range, none longer than a window. Shape: (n, 2).
    n_pieces (int): Pieces of the document.
    room (int): Pieces of a window.
    RETURNS (Ints1d): All windows, rising. Shape: (n_windows + n_added,), int64.
    """
    last_before = starts[numpy.searchsorted(starts, bounds[:, 0], side="right") - 1]
    cut = numpy.unique(bounds[last_before + room < bounds[:, 1]], axis=0)
    if not len(cut):
        return starts
    groups = [cut[0].tolist()]
    for start, end in cut[1:].tolist():
        group = groups[-1]
        if max(group[1], end) - group[0] <= room:
            group[1] = max(group[1], end)
        else:
            groups.append([start, end])
    held = numpy.array(groups, dtype="int64")
    # The group in the middle of its window: as much context on either side.
    added = numpy.clip((held.sum(axis=1) - room) // 2, 0, n_pieces - room)
    return numpy.unique(numpy.concatenate([starts, added]))


def most_context(starts: Ints1d, bounds: Ints2d, n_pieces: int, room: int) -> Ints1d:
    """The window in which each range has most context.

    Context is the smaller of what a window shows to the left and to the right; a side where the document itself ends
    counts as unlimited. Of equal windows, the first.

    starts (Ints1d): First piece of each window, rising. Shape: (n_windows,).
    bounds (Ints2d): First piece and end of each range; at least one window holds it. Shape: (n, 2).
    n_pieces (int): Pieces of the document.
    room (int): Pieces of a window.
    RETURNS (Ints1d): Shape: (n,), int64.
    """
    n_windows = len(starts)
    if n_windows == 1:
        return numpy.zeros(len(bounds), dtype="int64")
    first, end = bounds[:, 0], bounds[:, 1]
    # Within the document, context falls off to both sides of the window that has the range in its middle. So only its
    # two neighbours can be best, or the two windows that have an unlimited side.
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
