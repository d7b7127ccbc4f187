"""Where markers go: the order of the bounds of one or two spans, and what is left out when the text is too long.

A marked text is `segment marker segment marker ... segment`: for n spans, 2n markers and 2n + 1 segments. Every
segment is two ranges of pieces, so that its middle can be left out; the second is empty otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy

from ..types import Bools1d, Ints1d, Ints2d, Ints3d


@dataclass
class Markers:
    """The markers of many groups of spans, in text order."""

    positions: Ints2d  # (n_groups, 2 * size): characters or pieces, rising
    slots: Ints2d  # (n_groups, 2 * size): which span of the group each marker belongs to
    opens: Ints2d  # (n_groups, size): which marker stands before each span
    closes: Ints2d  # (n_groups, size): which marker stands after it
    is_inside: Ints2d  # (n_groups, 2 * size + 1) bool: whether a segment lies in a span


def order_markers(bounds: Ints3d) -> Markers:
    """Nest the markers of spans as brackets are nested.

    At one position, spans that end come before spans that begin, the inner of two ends first and the outer of two
    begins first; of two equal spans the first is the outer one. (The reference puts markers where the first span's
    markers have already moved the text: wrong for nested spans and for those that begin together.)

    bounds (Ints3d): Start and end of each span of each group. Shape: (n_groups, size, 2).
    RETURNS (Markers): Their order.
    """
    n_groups, size, _ = bounds.shape
    starts, ends = bounds[:, :, 0], bounds[:, :, 1]
    slot = numpy.broadcast_to(numpy.arange(size), starts.shape)
    # Least key first: position, kind, nesting, slot.
    position = numpy.concatenate([starts, ends], axis=1)
    is_open = numpy.concatenate([numpy.ones_like(starts), numpy.zeros_like(ends)], axis=1)
    # The span that begins last ends first; the span that ends last begins first.
    nesting = numpy.concatenate([-ends, -starts], axis=1)
    tie = numpy.concatenate([slot, -slot], axis=1)
    order = numpy.lexsort((tie, nesting, is_open, position), axis=1)
    place = numpy.argsort(order, axis=1)
    depth = numpy.cumsum(numpy.take_along_axis(2 * is_open - 1, order, axis=1), axis=1)
    return Markers(
        positions=numpy.take_along_axis(position, order, axis=1),
        slots=order % size,
        opens=place[:, :size],
        closes=place[:, size:],
        is_inside=numpy.concatenate([numpy.zeros((n_groups, 1), dtype=bool), depth > 0], axis=1),
    )


def fit(starts: Ints3d, lengths: Ints3d, markers: Markers, room: int) -> Tuple[Ints3d, Ints3d, Bools1d]:
    """Shorten marked texts to what a pass takes, around their spans.

    Text before and after the spans goes first, so that as much is left on one side as on the other. If the spans are
    too far apart, text between them goes too, from its middle, and last the middle of spans that no pass can hold.

    starts (Ints3d): First piece of the two ranges of each segment. Shape: (n_groups, n_segments, 2).
    lengths (Ints3d): Their pieces. Shape: (n_groups, n_segments, 2).
    markers (Markers): The markers between the segments.
    room (int): Pieces that a text may have, markers aside.
    RETURNS (Tuple[Ints3d, Ints3d, Bools1d]): Starts and lengths that fit, and whether text was left out within the
        spans' outer bounds. Shapes: as given, and (n_groups,).
    """
    starts, lengths = starts.copy(), lengths.copy()
    sums = lengths.sum(axis=2)
    inner = sums[:, 1:-1].sum(axis=1)
    is_cut = inner > room
    for i in numpy.flatnonzero(is_cut).tolist():
        keep = _keep(sums[i], markers.is_inside[i], room)
        _leave_out_middles(starts[i], lengths[i], keep)
        inner[i] = keep[1:-1].sum()
    free = room - inner
    left = numpy.minimum(sums[:, 0], free // 2)
    right = numpy.minimum(sums[:, -1], free - left)
    left = numpy.minimum(sums[:, 0], free - right)
    # Text before the spans is one range, its end kept; text after them another, its beginning kept.
    starts[:, 0, 0] += lengths[:, 0, 0] - left
    lengths[:, 0, 0] = left
    lengths[:, -1, 0] = right
    return starts, lengths, is_cut


def _keep(sums: Ints1d, is_inside: Bools1d, room: int) -> Ints1d:
    """How many pieces of each segment stay, where those between the outer markers are more than fit."""
    keep = sums.copy()
    keep[0] = keep[-1] = 0
    inside = numpy.flatnonzero(is_inside)
    gaps = numpy.flatnonzero(~is_inside)[1:-1]
    # A quarter of the window at least is context, even around a span longer than the window.
    keep[inside] = _level(sums[inside], max(room - room // 4, len(inside)))
    rest = room - int(keep[inside].sum())
    # Context stands on four sides of two spans: two of them are the gap's. What the ends of the text leave, it takes
    # too.
    outer = min(int(sums[0]) + int(sums[-1]), rest - rest // 2)
    keep[gaps] = _level(sums[gaps], rest - outer)
    return keep


def _level(lengths: Ints1d, total: int) -> Ints1d:
    """Shorten the longest until all together are not more than a total."""
    kept = numpy.minimum(lengths, max(total, 0))
    low, high = 0, int(kept.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        if int(numpy.minimum(lengths, middle).sum()) <= total:
            low = middle
        else:
            high = middle - 1
    return numpy.minimum(lengths, low)


def _leave_out_middles(starts: Ints2d, lengths: Ints2d, keep: Ints1d) -> None:
    """Shorten segments in place, from the middle of each: its first and last pieces stand next to markers."""
    for i in range(1, len(keep) - 1):
        first, second = int(lengths[i, 0]), int(lengths[i, 1])
        if keep[i] >= first + second:
            continue
        head, tail = (int(keep[i]) + 1) // 2, int(keep[i]) // 2
        if second:
            # Already in two: each gives from the side of the hole.
            head = max(min(head, first), int(keep[i]) - second)
            tail = int(keep[i]) - head
            starts[i, 1] += second - tail
        else:
            starts[i, 1] = starts[i, 0] + first - tail
        lengths[i] = head, tail
