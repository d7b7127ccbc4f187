"""What a sentencepiece vocabulary makes of single characters, and which characters its pieces show.

The offsets that the library hands out cost three times as much as the ids: five Python objects for each piece. Where
the normalizer maps a text character by character, which is nearly everywhere, they follow from the pieces' own
characters, and comparing the two proves it. `SentencePieces` asks the library about the rest: letters and combining
marks that become one character, and unknown characters.
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
_NEW = 0xFFFFFFFE  # not asked yet
_N_CODES = 0x110000


class Surfaces:
    """Tables over characters and over pieces, filled as they are met.

    processor (SentencePieceProcessor): The vocabulary.
    """

    def __init__(self, processor: SentencePieceProcessor) -> None:
        self._processor = processor
        self._normal = numpy.full(_N_CODES, _NEW, dtype="uint32")
        self._many: Dict[int, List[int]] = {}
        # By sentencepiece id: where a piece's characters begin in the store, and how many show; -1: not asked yet.
        self._start = numpy.zeros(len(processor), dtype="int64")
        self._length = numpy.full(len(processor), -1, dtype="int32")
        self._store = numpy.zeros(4096, dtype="uint32")
        self._used = 0
        self._filling = Lock()

    def normalize(self, codes: Ints1d) -> Tuple[VisibleText, Ints1d]:
        """What the normalizer makes of characters, each by itself.

        codes (Ints1d): Code points of a text. Shape: (n_chars,), uint32.
        RETURNS (Tuple[VisibleText, Ints1d]): Which characters show, and the code points they become. Shape:
            (n_shown,), uint32.
        """
        found = self._normal[codes]
        new = found == _NEW
        if new.any():
            for code in numpy.unique(codes[new]).tolist():
                self._ask(code)
            found = self._normal[codes]
        visible = found != _BLANK
        many = numpy.flatnonzero(found == _MANY)
        if not len(many):
            return VisibleText(visible), found[visible]
        counts = visible.astype("int64")
        counts[many] = [len(self._many[code]) for code in codes[many].tolist()]
        text = VisibleText(counts)
        shown = found.repeat(counts)
        shown[ranges(text.rank[many], counts[many])] = list(
            chain.from_iterable(self._many[code] for code in codes[many].tolist())
        )
        return text, shown

    def count(self, ids: Ints1d) -> Ints1d:
        """How many characters of each piece show.

        ids (Ints1d): Sentencepiece ids. Shape: (n_pieces,).
        RETURNS (Ints1d): Shape: (n_pieces,), int32; 0 for <unk>, which shows characters of the text.
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
        """The characters that pieces show, end to end. `count` must have seen them.

        ids (Ints1d): Sentencepiece ids. Shape: (n_pieces,).
        RETURNS (Ints1d): Code points. Shape: (sum of counts,), uint32.
        """
        return self._store[ranges(self._start[ids], self._length[ids])]

    def agree(self, shown: Ints1d, n_text: Ints1d, ids: Ints1d, n_pieces: Ints1d) -> Bools1d:
        """Which segments show the same characters as their pieces do.

        shown (Ints1d): The characters that all segments show, normalized. Shape: (n_shown,), uint32.
        n_text (Ints1d): How many of them each segment has. Shape: (n_segments,).
        ids (Ints1d): Sentencepiece ids of all segments. Shape: (n_pieces,).
        n_pieces (Ints1d): How many of them each segment has. Shape: (n_segments,).
        RETURNS (Bools1d): Shape: (n_segments,), bool.
        """
        counts = row_offsets(self.count(ids))
        unknown = row_offsets(ids == self._processor.unk_id())
        at = row_offsets(n_pieces)
        same = (numpy.diff(counts[at]) == n_text) & (numpy.diff(unknown[at]) == 0)
        if not same.all():
            shown = shown[same.repeat(n_text)]
            ids = ids[same.repeat(n_pieces)]
        differ = numpy.flatnonzero(shown != self.characters(ids))
        if len(differ):
            kept = numpy.flatnonzero(same)
            same[kept[numpy.searchsorted(numpy.cumsum(n_text[kept]), differ, side="right")]] = False
        return same

    def _ask(self, code: int) -> None:
        """Normalize one character."""
        shown = [ord(char) for char in self._processor.normalize(chr(code)).replace("▁", "")]
        if len(shown) > 1:
            self._many[code] = shown
            self._normal[code] = _MANY
        else:
            self._normal[code] = shown[0] if shown else _BLANK

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
        # Last, so that a thread that reads never sees a length without its characters.
        self._length[piece_id] = len(shown)
