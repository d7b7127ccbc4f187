"""Compute the offsets of sentencepieces from their characters.

Offsets from the library take three times as long as ids: five Python objects for each piece. Nearly always the
normalizer maps a text character by character, and then offsets follow from the characters of the pieces: comparing
those with the normalized text proves it. `SentencePieces` takes the library's offsets for the rest: letters and
combining marks that become one character, and unknown characters.
"""

from __future__ import annotations

from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Dict, List, Tuple

import numpy

from ..ragged import ranges, row_offsets
from ..types import Bools1d, Ints1d
from .characters import VisibleText

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

_BLANK = 0x2581  # "▁": what the normalizer writes for whitespace
_MANY = 0xFFFFFFFF  # no code point: becomes several characters
_NEW = 0xFFFFFFFE  # not normalized yet
_N_CODES = 0x110000


class PieceCharacters:
    """Tables of normalized characters and of the characters of pieces, filled when they are first needed.

    processor (SentencePieceProcessor): The vocabulary.
    """

    def __init__(self, processor: SentencePieceProcessor) -> None:
        self._processor = processor
        self._normal = numpy.full(_N_CODES, _NEW, dtype="uint32")
        self._many: Dict[int, List[int]] = {}
        # By sentencepiece id: where a piece's visible characters start in the store, and their number; -1: not read
        # yet.
        self._start = numpy.zeros(len(processor), dtype="int64")
        self._length = numpy.full(len(processor), -1, dtype="int32")
        self._store = numpy.zeros(4096, dtype="uint32")
        self._used = 0
        self._filling = Lock()

    def normalize(self, codes: Ints1d) -> Tuple[VisibleText, Ints1d]:
        """Normalize characters, each by itself.

        codes (Ints1d): Code points of a text. Shape: (n_chars,), uint32.
        RETURNS (Tuple[VisibleText, Ints1d]): The map of visible characters, and their code points. Shape:
            (n_visible,), uint32.
        """
        found = self._normal[codes]
        new = found == _NEW
        if new.any():
            for code in numpy.unique(codes[new]).tolist():
                self._normalize(code)
            found = self._normal[codes]
        visible = found != _BLANK
        many = numpy.flatnonzero(found == _MANY)
        if not len(many):
            return VisibleText(visible), found[visible]
        counts = visible.astype("int64")
        counts[many] = [len(self._many[code]) for code in codes[many].tolist()]
        text = VisibleText(counts)
        normalized = found.repeat(counts)
        normalized[ranges(text.rank[many], counts[many])] = list(
            chain.from_iterable(self._many[code] for code in codes[many].tolist())
        )
        return text, normalized

    def count(self, ids: Ints1d) -> Ints1d:
        """Return the number of visible characters of each piece.

        ids (Ints1d): Sentencepiece ids. Shape: (n_pieces,).
        RETURNS (Ints1d): Shape: (n_pieces,), int32; 0 for <unk>, whose characters are those of the text.
        """
        found = self._length[ids]
        new = found < 0
        if new.any():
            with self._filling:
                for piece_id in numpy.unique(ids[new]).tolist():
                    self._add(piece_id)
            found = self._length[ids]
        return found

    def characters(self, ids: Ints1d) -> Ints1d:
        """Return the visible characters of pieces, end to end. Call `count` with the same pieces first.

        ids (Ints1d): Sentencepiece ids. Shape: (n_pieces,).
        RETURNS (Ints1d): Code points. Shape: (sum of counts,), uint32.
        """
        return self._store[ranges(self._start[ids], self._length[ids])]

    def match(self, normalized: Ints1d, n_visible: Ints1d, ids: Ints1d, n_pieces: Ints1d) -> Bools1d:
        """Return which segments have the same visible characters as their pieces.

        normalized (Ints1d): Normalized visible characters of all segments. Shape: (n_visible,), uint32.
        n_visible (Ints1d): Number of visible characters of each segment. Shape: (n_segments,).
        ids (Ints1d): Sentencepiece ids of all segments. Shape: (n_pieces,).
        n_pieces (Ints1d): Number of pieces of each segment. Shape: (n_segments,).
        RETURNS (Bools1d): Shape: (n_segments,), bool.
        """
        counts = row_offsets(self.count(ids))
        unknown = row_offsets(ids == self._processor.unk_id())
        bounds = row_offsets(n_pieces)
        same = (numpy.diff(counts[bounds]) == n_visible) & (numpy.diff(unknown[bounds]) == 0)
        if not same.all():
            normalized = normalized[same.repeat(n_visible)]
            ids = ids[same.repeat(n_pieces)]
        differ = numpy.flatnonzero(normalized != self.characters(ids))
        if len(differ):
            kept = numpy.flatnonzero(same)
            same[kept[numpy.searchsorted(numpy.cumsum(n_visible[kept]), differ, side="right")]] = False
        return same

    def _normalize(self, code: int) -> None:
        """Add one character to the table of normalized characters."""
        visible = [ord(char) for char in self._processor.normalize(chr(code)).replace("▁", "")]
        if len(visible) > 1:
            self._many[code] = visible
            self._normal[code] = _MANY
        else:
            self._normal[code] = visible[0] if visible else _BLANK

    def _add(self, piece_id: int) -> None:
        """Add the visible characters of one piece to the store."""
        visible = ""
        if piece_id != self._processor.unk_id():
            visible = self._processor.id_to_piece(piece_id).replace("▁", "")
        end = self._used + len(visible)
        if end > len(self._store):
            self._store = numpy.concatenate([self._store, numpy.zeros(end, dtype="uint32")])
        self._store[self._used : end] = [ord(char) for char in visible]
        self._start[piece_id] = self._used
        self._used = end
        # Last, so that a reading thread never finds a length without its characters.
        self._length[piece_id] = len(visible)
