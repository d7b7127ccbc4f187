"""Wordpieces of mLUKE and Japanese LUKE: sentencepiece, with the ids of XLM-R."""

from __future__ import annotations

from itertools import chain, pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

import numpy

from ..errors import Errors
from ..ragged import ranges, row_offsets
from ..types import Bools1d, Ints1d
from .characters import VisibleText
from .model_file import check_whole
from .piece_characters import Surfaces
from .wordpieces import SENTENCEPIECE, AddedTokens, RaggedPieces, SpecialIds, Wordpieces, check_special

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

# XLM-R put <pad> before sentencepiece's own pieces, so that ids moved up by one, and reordered the first four.
SHIFT = 1
BOS, PAD, EOS, UNK = 0, 1, 2, 3
LAYOUT = ("<s>", "<pad>", "</s>", "<unk>")

# The library starts a thread for every call with a list, which takes longer than a few texts do.
SMALL_BATCH = 16

_loading = Lock()


class SentencePieces(Wordpieces):
    """A sentencepiece vocabulary in XLM-R's layout: <s> 0, <pad> 1, </s> 2, <unk> 3, every other piece one more than
    its sentencepiece id, then <mask>, <ent>, <ent2>.

    files (Mapping[str, bytes]): sentencepiece.bpe.model, and settings if there are any.
    max_ids (Optional[int]): Rows of the checkpoint's embedding table, if known.
    """

    def __init__(self, files: Mapping[str, bytes], *, max_ids: Optional[int] = None) -> None:
        super().__init__(files, max_ids=max_ids)
        self._opened: Optional[Tuple[SentencePieceProcessor, Surfaces]] = None
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
        # Where no file names <mask>, it comes after the last piece: with fewer pieces, it would be another row.
        return 0 if self.special and self._is_positional else super().max_spare_ids

    @property
    def vocab_size(self) -> int:
        special = self.special
        return max(len(self._open()[0]), special.mask, special.ent or 0, special.ent2 or 0) + 1

    def encode_cuts(self, text: str, codes: Ints1d, cuts: Ints1d, *, joined: Optional[Bools1d] = None) -> RaggedPieces:
        processor, surfaces = self._open()
        segments = [text[start:end] for start, end in pairwise(cuts.tolist())]
        rows = self._run(segments, out_type=int)
        lengths = numpy.fromiter(map(len, rows), dtype="int64", count=len(rows))
        ids = numpy.fromiter(chain.from_iterable(rows), dtype="int32", count=int(lengths.sum()))

        shown, characters = surfaces.normalize(codes)
        at_cuts = shown.rank[cuts]
        same = surfaces.agree(characters, numpy.diff(at_cuts), ids, lengths)
        counts = surfaces.count(ids)
        end = counts.cumsum(dtype="int64")
        first = end - counts
        if not same.all():
            starts = row_offsets(lengths)
            # Segments whose pieces show something else would shift the ones after them: count within each segment.
            moved = (at_cuts[:-1] - row_offsets(counts)[starts[:-1]]).repeat(lengths)
            first, end = first + moved, end + moved
            asked = numpy.flatnonzero(~same)
            found = ranges(starts[asked], lengths[asked])
            is_shown = (counts[found] > 0) | (ids[found] == processor.unk_id())
            first[found], end[found] = self._ask(segments, cuts, asked, shown, is_shown)
        offsets = shown.bounds(first, end, cuts[1:].repeat(lengths))
        pieces = RaggedPieces(self._to_ours(ids), offsets, lengths)
        return pieces if joined is None or not joined.any() else self._join(pieces, joined)

    def piece(self, piece_id: int) -> str:
        processor, _ = self._open()
        _ = self.special
        found = self._names.get(piece_id)
        return found if found is not None else processor.id_to_piece(piece_id - SHIFT)

    def _open(self) -> Tuple[SentencePieceProcessor, Surfaces]:
        """Parse the vocabulary, once."""
        if self._opened is None:
            with _loading:
                if self._opened is None:
                    from sentencepiece import SentencePieceProcessor

                    try:
                        processor = SentencePieceProcessor(model_proto=self.files[SENTENCEPIECE])
                        check_whole(self.files[SENTENCEPIECE], len(processor))
                    except (RuntimeError, ValueError) as err:
                        raise ValueError(Errors.ML006.format(name=SENTENCEPIECE, reason=err)) from err
                    self._opened = (processor, Surfaces(processor))
        return self._opened

    def _run(self, segments: List[str], **options: Any) -> List[Any]:
        """Let the library encode."""
        processor, _ = self._open()
        if len(segments) <= SMALL_BATCH:
            return [processor.encode(segment, **options) for segment in segments]
        return processor.encode(segments, num_threads=1, **options)

    def _ask(
        self, segments: List[str], cuts: Ints1d, asked: Ints1d, shown: VisibleText, is_shown: Bools1d
    ) -> Tuple[Ints1d, Ints1d]:
        """Place the pieces of segments by the library's own offsets.

        segments (List[str]): All segments of a text.
        cuts (Ints1d): Where they begin, and where the last one ends. Shape: (n_segments + 1,).
        asked (Ints1d): Which segments to place. Shape: (n_asked,).
        shown (VisibleText): The characters that the text shows.
        is_shown (Bools1d): Which of their pieces show characters. Shape: (n_pieces,).
        RETURNS (Tuple[Ints1d, Ints1d]): First shown character of each piece and end. Shapes: (n_pieces,), int64.
        """
        found = self._run([segments[i] for i in asked.tolist()], return_type="offset_mapping")
        rows = [row["offsets"] for row in found]
        lengths = numpy.array([len(row) for row in rows], dtype="int64")
        flat = numpy.fromiter(chain.from_iterable(chain.from_iterable(rows)), dtype="int64", count=2 * len(is_shown))
        chars = flat.reshape((-1, 2)) + cuts[asked].repeat(lengths)[:, None]
        first, end = shown.rank[chars[:, 0]], shown.rank[chars[:, 1]]
        # Of several pieces that one character becomes, only the last one has its offsets: the others stand on the
        # character that comes next.
        after = shown.rank[numpy.minimum(chars[:, 1] + 1, cuts[asked + 1].repeat(lengths))]
        return first, numpy.where(is_shown & (first == end), after, end)

    def _to_ours(self, ids: Ints1d) -> Ints1d:
        """Sentencepiece ids -> ids of the checkpoint."""
        processor, _ = self._open()
        found = ids + SHIFT
        found[ids == processor.unk_id()] = UNK
        special = self.special
        # A vocabulary may hold a marker as a piece of its own; text that spells it is text all the same.
        for piece_id in (special.mask, special.ent, special.ent2):
            if piece_id is not None and piece_id < len(processor) + SHIFT:
                found[found == piece_id] = UNK
        return found

    def _join(self, pieces: RaggedPieces, joined: Bools1d) -> RaggedPieces:
        """Take the "▁" from the first piece of segments that continue a word."""
        starts = row_offsets(pieces.lengths)[:-1]
        segments = numpy.flatnonzero(joined & (pieces.lengths > 0))
        rows = starts[segments]
        inside = numpy.array([self._inside_word(i) for i in pieces.ids[rows].tolist()], dtype="int32")
        ids = pieces.ids.copy()
        ids[rows] = inside
        dropped = rows[inside < 0]
        lengths = pieces.lengths.copy()
        lengths[segments[inside < 0]] -= 1
        return RaggedPieces(numpy.delete(ids, dropped), numpy.delete(pieces.offsets, dropped, axis=0), lengths)

    def _inside_word(self, piece_id: int) -> int:
        """The piece that stands for this one inside a word; -1 for "▁" alone, and itself if there is no other."""
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
