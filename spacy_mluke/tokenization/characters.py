"""Characters as numbers: what lets alignment work on whole batches at once."""

from __future__ import annotations

from typing import Tuple

import numpy

from ..ragged import row_offsets
from ..types import Bools1d, Ints1d, Ints2d

SPACE = 0x20
_LAST_SPACE = 0x3000  # IDEOGRAPHIC SPACE is the last one in Unicode
_IS_SPACE = numpy.array([chr(code).isspace() for code in range(_LAST_SPACE + 1)] + [False])


def code_points(text: str) -> Tuple[str, Ints1d]:
    """The code points of a text.

    text (str): Any text. Lone surrogates, which no tokenizer takes, are replaced by U+FFFD.
    RETURNS (Tuple[str, Ints1d]): The text that can be encoded, and its code points. Shape: (n_chars,), uint32.
    """
    codes = numpy.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lone = (codes & 0xFFFFF800) == 0xD800
    if lone.any():
        codes = numpy.where(lone, 0xFFFD, codes).astype("<u4")
        text = codes.tobytes().decode("utf-32-le")
    return text, codes


def is_space(codes: Ints1d) -> Bools1d:
    """Which code points are whitespace, as `str.isspace` has it.

    codes (Ints1d): Code points.
    RETURNS (Bools1d): Booleans of the same shape.
    """
    return _IS_SPACE[numpy.minimum(codes, _LAST_SPACE + 1)]


class VisibleText:
    """The characters that a text shows once it is normalized, counted.

    A piece is placed by the range of shown characters that it makes up, which trims its whitespace. Of a character
    that becomes several ("ﷺ" becomes four words), every piece that has no other stands on it. A piece that ends with a
    part of it after other characters does not, as sentencepiece has it: the next piece does.

    counts (Ints1d): How many characters each character of the text becomes; 0 for whitespace. Shape: (n_chars,).
    """

    def __init__(self, counts: Ints1d) -> None:
        self.rank = row_offsets(counts)  # (n_chars + 1,): shown characters before each character
        self.has_many = counts.dtype != bool
        owners = numpy.arange(len(counts)).repeat(counts) if self.has_many else numpy.flatnonzero(counts)
        self.owners = numpy.append(owners, len(counts))  # (n_shown + 1,): the character each was made from

    def bounds(self, first: Ints1d, end: Ints1d, limits: Ints1d) -> Ints2d:
        """Character bounds of ranges of shown characters.

        first (Ints1d): Number of the first shown character of each piece. Shape: (n_pieces,).
        end (Ints1d): Number of the one after its last. Shape: (n_pieces,).
        limits (Ints1d): Where the text that holds the piece ends; an empty range stands there at the latest. Shape:
            (n_pieces,).
        RETURNS (Ints2d): Shape: (n_pieces, 2), int64; start == end for an empty range.
        """
        found = numpy.empty((len(first), 2), dtype="int64")
        found[:, 0] = numpy.minimum(self.owners[first], limits)
        last = self.owners[end - 1]
        if self.has_many:
            begun = self.rank[last]  # shown characters before the last one's character
            in_part = (self.rank[numpy.minimum(last + 1, len(self.rank) - 1)] > end) & (begun > first)
            last = numpy.where(in_part, self.owners[begun - 1], last)
        found[:, 1] = numpy.where(end > first, last + 1, found[:, 0])
        return found
