"""What a sentencepiece vocabulary makes of single characters, and which characters its pieces show.

The offsets that the library hands out cost three times as much as the ids: five Python objects for each
piece. Where the normalizer maps a text character by character, which is nearly everywhere, they follow from
the pieces' own characters, and comparing the two proves it. `SentencePieces` asks the library about the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy

from ..types import Bools1d, Ints1d
from .codes import heads, ranges

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

BLANK = 0x2581  # "▁": what the normalizer writes for whitespace
_MANY = 0xFFFFFFFF  # no code point: becomes several characters
_NEW = 0xFFFFFFFE  # not asked yet
_N_CODES = 0x110000


class Surfaces:
    """Tables over characters and over pieces, filled as they are met.

    processor (SentencePieceProcessor): The vocabulary.
    """

    def __init__(self, processor: SentencePieceProcessor) -> None:
        self._processor = processor
        self._normal = numpy.full(_N_CODES, _NEW, dtype="uint32")
        # By sentencepiece id: where a piece's characters begin in the store, and how many show. -1: not asked
        # yet.
        self._start = numpy.zeros(len(processor), dtype="int64")
        self._length = numpy.full(len(processor), -1, dtype="int32")
        self._store = numpy.zeros(4096, dtype="uint32")
        self._used = 0

    def normalize(self, codes: Ints1d) -> Ints1d:
        """What the normalizer makes of each character by itself.

        codes (Ints1d): Code points. Shape: (n_chars,), uint32.
        RETURNS (Ints1d): Code points; BLANK for whitespace and for characters that it removes, and a number
            that is no code point for one that becomes several characters. Shape: (n_chars,), uint32.
        """
        found = self._normal[codes]
        new = found == _NEW
        if new.any():
            for code in numpy.unique(codes[new]).tolist():
                shown = self._processor.normalize(chr(code)).replace("▁", "")
                self._normal[code] = BLANK if not shown else ord(shown) if len(shown) == 1 else _MANY
            found = self._normal[codes]
        return found

    def count(self, ids: Ints1d) -> Ints1d:
        """How many characters of each piece show.

        ids (Ints1d): Sentencepiece ids. Shape: (n_pieces,).
        RETURNS (Ints1d): Shape: (n_pieces,), int32; 0 for <unk>, which shows characters of the text.
        """
        found = self._length[ids]
        new = found < 0
        if new.any():
            for piece_id in numpy.unique(ids[new]).tolist():
                self._add(piece_id)
            found = self._length[ids]
        return found

    def characters(self, ids: Ints1d) -> Ints1d:
        """The characters that pieces show, end to end. `count` must have seen them.

        ids (Ints1d): Sentencepiece ids. Shape: (n_pieces,).
        RETURNS (Ints1d): Code points. Shape: (sum of counts,), uint32.
        """
        return self._store[ranges(self._start[ids], self._length[ids])]

    def agree(self, normal: Ints1d, n_text: Ints1d, ids: Ints1d, n_pieces: Ints1d) -> Bools1d:
        """Which segments show the same characters as their pieces do.

        normal (Ints1d): The visible normalized characters of all segments. Shape: (n_visible,), uint32.
        n_text (Ints1d): How many of them each segment has. Shape: (n_segments,).
        ids (Ints1d): Sentencepiece ids of all segments. Shape: (n_pieces,).
        n_pieces (Ints1d): How many of them each segment has. Shape: (n_segments,).
        RETURNS (Bools1d): Shape: (n_segments,), bool.
        """
        counts = heads(self.count(ids))
        unknown = heads(ids == self._processor.unk_id())
        at = heads(n_pieces)
        same = (numpy.diff(counts[at]) == n_text) & (numpy.diff(unknown[at]) == 0)
        if not same.all():
            normal = normal[numpy.repeat(same, n_text)]
            ids = ids[numpy.repeat(same, n_pieces)]
        differ = numpy.flatnonzero(normal != self.characters(ids))
        if len(differ):
            kept = numpy.flatnonzero(same)
            same[kept[numpy.searchsorted(numpy.cumsum(n_text[kept]), differ, side="right")]] = False
        return same

    def _add(self, piece_id: int) -> None:
        """Read one piece's characters into the store."""
        shown = ""
        if piece_id != self._processor.unk_id():
            shown = self._processor.id_to_piece(piece_id).replace("▁", "")
        end = self._used + len(shown)
        if end > len(self._store):
            self._store = numpy.concatenate([self._store, numpy.zeros(end, dtype="uint32")])
        self._store[self._used : end] = [ord(char) for char in shown]
        self._start[piece_id] = self._used
        self._used = end
        # Last, so that another thread never sees a length without its characters.
        self._length[piece_id] = len(shown)
