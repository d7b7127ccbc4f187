"""Represent characters as arrays of code points, so that whole batches are aligned at once."""

from __future__ import annotations

from typing import Tuple

import numpy

from ..ragged import row_offsets
from ..types import Bools1d, Ints1d, Ints2d

SPACE = 0x20
_LAST_SPACE = 0x3000  # IDEOGRAPHIC SPACE is the last one in Unicode
_IS_SPACE = numpy.array([chr(code).isspace() for code in range(_LAST_SPACE + 1)] + [False])


def code_points(text: str) -> Tuple[str, Ints1d]:
    """Return the code points of a text.

    text (str): Any text.
    RETURNS (Tuple[str, Ints1d]): The text with U+FFFD for lone surrogates, which no tokenizer accepts; and its code
        points. Shape: (n_chars,), uint32.
    """
    codes = numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lone = (codes & 0xFFFFF800) == 0xD800
    if lone.any():
        codes = numpy.where(lone, 0xFFFD, codes).astype("<u4")
        text = codes.tobytes().decode("utf-32-le")
    return text, codes


def is_space(codes: Ints1d) -> Bools1d:
    """Return which code points are whitespace according to `str.isspace`.

    codes (Ints1d): Code points.
    RETURNS (Bools1d): The same shape.
    """
    return _IS_SPACE[numpy.minimum(codes, _LAST_SPACE + 1)]


class VisibleText:
    """Map the visible characters of a normalized text to the characters of the text.

    A piece covers a range of visible characters, so its offsets exclude whitespace. One character may become several
    ("ﷺ" becomes four words). A piece that consists only of parts of it covers it. A piece that starts with other
    characters and ends with a part of it does not cover it; the next piece does (as in sentencepiece).

    counts (Ints1d): Number of visible characters that each character of the text becomes; 0 for whitespace. Shape:
        (n_chars,).
    """

    def __init__(self, counts: Ints1d) -> None:
        self.rank = row_offsets(counts)  # (n_chars + 1,): number of visible characters before each character
        self.has_many = counts.dtype != bool
        owners = numpy.arange(len(counts)).repeat(counts) if self.has_many else numpy.flatnonzero(counts)
        self.owners = numpy.append(owners, len(counts))  # (n_visible + 1,): the character that each comes from

    def bounds(self, first: Ints1d, end: Ints1d, limits: Ints1d) -> Ints2d:
        """Return the character bounds of ranges of visible characters.

        first (Ints1d): First visible character of each piece. Shape: (n_pieces,).
        end (Ints1d): One after its last visible character. Shape: (n_pieces,).
        limits (Ints1d): End of the segment that holds each piece, the maximum for the position of an empty range.
            Shape: (n_pieces,).
        RETURNS (Ints2d): Character bounds; start == end for an empty range. Shape: (n_pieces, 2), int64.
        """
        found = numpy.empty((len(first), 2), dtype="int64")
        found[:, 0] = numpy.minimum(self.owners[first], limits)
        last = self.owners[end - 1]
        if self.has_many:
            before = self.rank[last]  # visible characters before the piece's last character
            ends_inside = (self.rank[numpy.minimum(last + 1, len(self.rank) - 1)] > end) & (before > first)
            last = numpy.where(ends_inside, self.owners[before - 1], last)
        found[:, 1] = numpy.where(end > first, last + 1, found[:, 0])
        return found
