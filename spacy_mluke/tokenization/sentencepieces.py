"""Encode text with sentencepiece, with the ids of XLM-R: the wordpieces of mLUKE and Japanese LUKE."""

from __future__ import annotations

from itertools import chain, pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

import numpy

from ..errors import Errors
from ..ragged import ranges, row_offsets
from ..types import Bools1d, Ints1d
from .characters import VisibleText
from .interface import RaggedPieces, Wordpieces
from .piece_offsets import PieceCharacters
from .sentencepiece_file import check_whole
from .special_pieces import AddedTokens, SpecialIds, check_special
from .vocabulary_files import SENTENCEPIECE

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

# XLM-R has <pad> before sentencepiece's own pieces, so ids are one larger, and the first four in another order.
SHIFT = 1
BOS, PAD, EOS, UNK = 0, 1, 2, 3
LAYOUT = ("<s>", "<pad>", "</s>", "<unk>")

# The library starts a thread for every call with a list, which takes longer than encoding a few texts.
SMALL_BATCH = 16

_loading = Lock()


class SentencePieces(Wordpieces):
    """A sentencepiece vocabulary in XLM-R's layout.

    Ids: <s> 0, <pad> 1, </s> 2, <unk> 3, every other piece one more than its sentencepiece id, then <mask>, <ent>,
    <ent2>.

    files (Mapping[str, bytes]): sentencepiece.bpe.model, and settings if there are any.
    max_ids (Optional[int]): Number of rows of the checkpoint's word table, if known.
    """

    def __init__(self, files: Mapping[str, bytes], *, max_ids: Optional[int] = None) -> None:
        super().__init__(files, max_ids=max_ids)
        self._opened: Optional[Tuple[SentencePieceProcessor, PieceCharacters]] = None
        self._special: Optional[SpecialIds] = None
        self._is_positional = False
        self._names: Dict[int, str] = {}
        self._inside: Dict[int, int] = {}

    @property
    def special(self) -> SpecialIds:
        if self._special is None:
            added = AddedTokens(self.files, self.max_ids)
            mask = len(self._open()[0]) + SHIFT
            mask_id = added.id("mask_token", "<mask>", mask)
            special = SpecialIds(
                bos=BOS,
                pad=PAD,
                eos=EOS,
                unk=UNK,
                mask=mask if mask_id is None else mask_id,
                ent=added.id("entity_token_1", "<ent>", mask + 1),
                ent2=added.id("entity_token_2", "<ent2>", mask + 2),
            )
            self._names = dict(enumerate(LAYOUT))
            for piece_id, key, name in (
                (special.mask, "mask_token", "<mask>"),
                (special.ent, "entity_token_1", "<ent>"),
                (special.ent2, "entity_token_2", "<ent2>"),
            ):
                if piece_id is not None:
                    self._names[piece_id] = added.name(key, name)
            check_special(special, SENTENCEPIECE)
            self._is_positional = not added.has("mask_token", "<mask>")
            self._special = special
        return self._special

    @property
    def max_spare_ids(self) -> int:
        # If no file gives the id of <mask>, it follows the last piece: with pieces missing, it would be another row.
        return 0 if self.special and self._is_positional else super().max_spare_ids

    @property
    def vocab_size(self) -> int:
        special = self.special
        return max(len(self._open()[0]), special.mask, special.ent or 0, special.ent2 or 0) + 1

    def encode_segments(
        self, text: str, codes: Ints1d, split_points: Ints1d, *, joined: Optional[Bools1d] = None
    ) -> RaggedPieces:
        processor, characters = self._open()
        segments = [text[start:end] for start, end in pairwise(split_points.tolist())]
        segment_ids = self._run(segments, out_type=int)
        lengths = numpy.fromiter(map(len, segment_ids), dtype="int64", count=len(segment_ids))
        ids = numpy.fromiter(chain.from_iterable(segment_ids), dtype="int32", count=int(lengths.sum()))

        visible, normalized = characters.normalize(codes)
        visible_bounds = visible.rank[split_points]
        same = characters.match(normalized, numpy.diff(visible_bounds), ids, lengths)
        counts = characters.count(ids)
        end = counts.cumsum(dtype="int64")
        first = end - counts
        if not same.all():
            starts = row_offsets(lengths)
            # Segments whose pieces have other characters would shift those after them: count within each segment.
            shifts = (visible_bounds[:-1] - row_offsets(counts)[starts[:-1]]).repeat(lengths)
            first, end = first + shifts, end + shifts
            differing = numpy.flatnonzero(~same)
            found = ranges(starts[differing], lengths[differing])
            is_visible = (counts[found] > 0) | (ids[found] == processor.unk_id())
            first[found], end[found] = self._library_ranges(segments, split_points, differing, visible, is_visible)
        offsets = visible.bounds(first, end, split_points[1:].repeat(lengths))
        pieces = RaggedPieces(self._to_checkpoint_ids(ids), offsets, lengths)
        return pieces if joined is None or not joined.any() else self._join(pieces, joined)

    def piece(self, piece_id: int) -> str:
        processor, _ = self._open()
        _ = self.special
        found = self._names.get(piece_id)
        return found if found is not None else processor.id_to_piece(piece_id - SHIFT)

    def _open(self) -> Tuple[SentencePieceProcessor, PieceCharacters]:
        """Return the processor and the characters of its pieces; parse the vocabulary at the first call."""
        if self._opened is None:
            with _loading:
                if self._opened is None:
                    from sentencepiece import SentencePieceProcessor

                    try:
                        processor = SentencePieceProcessor(model_proto=self.files[SENTENCEPIECE])
                        check_whole(self.files[SENTENCEPIECE], len(processor))
                    except (RuntimeError, ValueError) as err:
                        raise ValueError(Errors.ML006.format(name=SENTENCEPIECE, reason=err)) from err
                    self._opened = (processor, PieceCharacters(processor))
        return self._opened

    def _run(self, segments: List[str], **options: Any) -> List[Any]:
        """Encode segments with the library."""
        processor, _ = self._open()
        if len(segments) <= SMALL_BATCH:
            return [processor.encode(segment, **options) for segment in segments]
        return processor.encode(segments, num_threads=1, **options)

    def _library_ranges(
        self, segments: List[str], split_points: Ints1d, which: Ints1d, visible: VisibleText, is_visible: Bools1d
    ) -> Tuple[Ints1d, Ints1d]:
        """Return the visible characters of the pieces of some segments, from the library's own offsets.

        segments (List[str]): All segments of a text.
        split_points (Ints1d): Start of each segment, and the end of the last one. Shape: (n_segments + 1,).
        which (Ints1d): Numbers of the segments. Shape: (n_differing,).
        visible (VisibleText): The visible characters of the text.
        is_visible (Bools1d): Which of their pieces have visible characters. Shape: (n_pieces,).
        RETURNS (Tuple[Ints1d, Ints1d]): First visible character of each piece and end. Shapes: (n_pieces,), int64.
        """
        found = self._run([segments[i] for i in which.tolist()], return_type="offset_mapping")
        offsets = [encoding["offsets"] for encoding in found]
        lengths = numpy.array([len(pairs) for pairs in offsets], dtype="int64")
        numbers = chain.from_iterable(chain.from_iterable(offsets))
        flat = numpy.fromiter(numbers, dtype="int64", count=2 * len(is_visible))
        chars = flat.reshape((-1, 2)) + split_points[which].repeat(lengths)[:, None]
        first, end = visible.rank[chars[:, 0]], visible.rank[chars[:, 1]]
        # If one character becomes several pieces, only the last of them gets its offsets. The others get an empty range
        # before it: they cover the next character.
        after = visible.rank[numpy.minimum(chars[:, 1] + 1, split_points[which + 1].repeat(lengths))]
        return first, numpy.where(is_visible & (first == end), after, end)

    def _to_checkpoint_ids(self, ids: Ints1d) -> Ints1d:
        """Convert sentencepiece ids to ids of the checkpoint."""
        processor, _ = self._open()
        found = ids + SHIFT
        found[ids == processor.unk_id()] = UNK
        special = self.special
        # A vocabulary may contain a marker as an ordinary piece. Text that spells it must not become the marker.
        for piece_id in (special.mask, special.ent, special.ent2):
            if piece_id is not None and piece_id < len(processor) + SHIFT:
                found[found == piece_id] = UNK
        return found

    def _join(self, pieces: RaggedPieces, joined: Bools1d) -> RaggedPieces:
        """Remove the "▁" from the first piece of segments that continue a word."""
        starts = row_offsets(pieces.lengths)[:-1]
        segments = numpy.flatnonzero(joined & (pieces.lengths > 0))
        firsts = starts[segments]
        inside = numpy.array([self._inside_word(i) for i in pieces.ids[firsts].tolist()], dtype="int32")
        ids = pieces.ids.copy()
        ids[firsts] = inside
        dropped = firsts[inside < 0]
        lengths = pieces.lengths.copy()
        lengths[segments[inside < 0]] -= 1
        return RaggedPieces(numpy.delete(ids, dropped), numpy.delete(pieces.offsets, dropped, axis=0), lengths)

    def _inside_word(self, piece_id: int) -> int:
        """Return the same piece without "▁"; -1 for "▁" alone, and the piece itself if there is no other."""
        found = self._inside.get(piece_id)
        if found is None:
            processor, _ = self._open()
            text = "" if piece_id == UNK else processor.id_to_piece(piece_id - SHIFT)
            if text == "▁":
                found = -1
            else:
                other = processor.piece_to_id(text[1:]) if text.startswith("▁") else processor.unk_id()
                found = piece_id if other == processor.unk_id() else other + SHIFT
            self._inside[piece_id] = found
        return found
