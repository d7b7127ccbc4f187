"""Order the markers around spans, and shorten marked texts that are too long.

A marked text is `segment marker segment marker ... segment`: for n spans, 2n markers and 2n + 1 segments. A segment has
two ranges of pieces, so that its middle can be skipped; otherwise the second range is empty.
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
    slots: Ints2d  # (n_groups, 2 * size): span of the group that each marker belongs to
    opens: Ints2d  # (n_groups, size): marker before each span
    closes: Ints2d  # (n_groups, size): marker after each span
    is_inside: Ints2d  # (n_groups, 2 * size + 1) bool: whether a segment is inside a span


def order_markers(bounds: Ints3d) -> Markers:
    """Order the markers of spans, nested like brackets.

    At the same position, spans that end come before spans that start; inner spans end first, and outer spans start
    first. Of two equal spans, the first is the outer one. (The reference inserts the markers of the second span without
    regard to those of the first, which is wrong for nested spans and spans with the same start.)

    bounds (Ints3d): Start and end of each span of each group. Shape: (n_groups, size, 2).
    RETURNS (Markers): The markers in text order.
    """
    n_groups, size, _ = bounds.shape
    starts, ends = bounds[:, :, 0], bounds[:, :, 1]
    slot = numpy.broadcast_to(numpy.arange(size), starts.shape)
    # Sort by position, kind (end before start), nesting, slot.
    position = numpy.concatenate([starts, ends], axis=1)
    is_open = numpy.concatenate([numpy.ones_like(starts), numpy.zeros_like(ends)], axis=1)
    # The span that starts last ends first; the span that ends last starts first.
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


def shorten(starts: Ints3d, lengths: Ints3d, markers: Markers, room: int) -> Tuple[Ints3d, Ints3d, Bools1d]:
    """Shorten marked texts to the maximum length of a sequence.

    First, text before and after the spans is skipped, so that equal lengths remain on both sides. If the spans are too
    far apart, the middle of the text between them is skipped too, and last the middle of spans that are too long.

    starts (Ints3d): First piece of the two ranges of each segment. Shape: (n_groups, n_segments, 2).
    lengths (Ints3d): Number of pieces of the ranges. Shape: (n_groups, n_segments, 2).
    markers (Markers): The markers between the segments.
    room (int): Maximum number of pieces of a text, without markers.
    RETURNS (Tuple[Ints3d, Ints3d, Bools1d]): Starts and lengths after shortening, and whether text between or inside
        the spans was skipped. Shapes: as the input, and (n_groups,).
    """
    starts, lengths = starts.copy(), lengths.copy()
    sums = lengths.sum(axis=2)
    inner = sums[:, 1:-1].sum(axis=1)
    is_shortened = inner > room
    for i in numpy.flatnonzero(is_shortened).tolist():
        keep = _lengths_to_keep(sums[i], markers.is_inside[i], room)
        _skip_middles(starts[i], lengths[i], keep)
        inner[i] = keep[1:-1].sum()
    free = room - inner
    left = numpy.minimum(sums[:, 0], free // 2)
    right = numpy.minimum(sums[:, -1], free - left)
    left = numpy.minimum(sums[:, 0], free - right)
    # Of the text before the spans, the end is kept; of the text after them, the beginning.
    starts[:, 0, 0] += lengths[:, 0, 0] - left
    lengths[:, 0, 0] = left
    lengths[:, -1, 0] = right
    return starts, lengths, is_shortened


def _lengths_to_keep(sums: Ints1d, is_inside: Bools1d, room: int) -> Ints1d:
    """Return the number of pieces to keep of each segment, if those between the outer markers are too many."""
    keep = sums.copy()
    keep[0] = keep[-1] = 0
    inside = numpy.flatnonzero(is_inside)
    gaps = numpy.flatnonzero(~is_inside)[1:-1]
    # At least a quarter of the window is for context, even around a span longer than the window.
    keep[inside] = _limit_total(sums[inside], max(room - room // 4, len(inside)))
    rest = room - int(keep[inside].sum())
    # Two spans have four sides of context, two of which are in the gap between them: it gets half of the context, and
    # pieces that the text before and after the spans does not need.
    outer = min(int(sums[0]) + int(sums[-1]), rest - rest // 2)
    keep[gaps] = _limit_total(sums[gaps], rest - outer)
    return keep


def _limit_total(lengths: Ints1d, total: int) -> Ints1d:
    """Shorten the longest segments until the sum of all is at most a total."""
    kept = numpy.minimum(lengths, max(total, 0))
    low, high = 0, int(kept.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        if int(numpy.minimum(lengths, middle).sum()) <= total:
            low = middle
        else:
            high = middle - 1
    return numpy.minimum(lengths, low)


def _skip_middles(starts: Ints2d, lengths: Ints2d, keep: Ints1d) -> None:
    """Shorten segments in place, each in its middle: its first and last pieces are next to markers."""
    for i in range(1, len(keep) - 1):
        first, second = int(lengths[i, 0]), int(lengths[i, 1])
        if keep[i] >= first + second:
            continue
        head, tail = (int(keep[i]) + 1) // 2, int(keep[i]) // 2
        if second:
            # The middle is already skipped: skip more pieces on both sides of it.
            head = max(min(head, first), int(keep[i]) - second)
            tail = int(keep[i]) - head
            starts[i, 1] += second - tail
        else:
            starts[i, 1] = starts[i, 0] + first - tail
        lengths[i] = head, tail
