"""Spans whose words are hidden: `<mask>` pieces in their place.

    text     Tokyo | is | [MASK] | .      the third token masked once
    pieces   ▁Tokyo ▁is <mask> ▁.

Only the caller's spans become `<mask>`: what the text itself says never does.
"""

from __future__ import annotations

import numpy

from ..errors import Errors
from ..ragged import ranges, row_offsets
from ..tokenization.wordpieces import RaggedPieces, Wordpieces
from ..types import Ints1d, Ints2d
from .overlaps import overlapping
from .segments import BatchText, Segmented, continues_word, cut_at_spans, doc_bounds


def segment_masked(
    batch: BatchText,
    span_chars: Ints2d,
    span_docs: Ints1d,
    wordpieces: Wordpieces,
    segmentation: str,
    mask_lengths: Ints1d,
) -> Segmented:
    """Encode the texts of a batch as `segments.segment` does, with `<mask>` in place of some spans' words.

    Text is cut around what is masked, however else it is cut. Where it would not be, nothing is put in front of a
    segment that continues a word.

    batch (BatchText): The texts.
    span_chars (Ints2d): First character and end of each span. Shape: (n_spans, 2).
    span_docs (Ints1d): The document of each span. Shape: (n_spans,).
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): One of SEGMENTATIONS.
    mask_lengths (Ints1d): `<mask>` pieces that take the place of each span's words; 0 leaves them. Shape: (n_spans,).
    RETURNS (Segmented): The pieces. A span without wordpieces stays without.
    RAISES (ValueError): ML220 if spans that are masked overlap.
    """
    mask_lengths = numpy.asarray(mask_lengths, dtype="int64")
    masked = mask_lengths > 0
    _check_apart(span_chars[masked])
    is_cut = numpy.ones(len(span_chars), dtype=bool) if segmentation != "plain" else masked
    cuts, places = cut_at_spans(batch, span_chars[is_cut], span_docs[is_cut])
    joined = None if segmentation == "published" else continues_word(batch, cuts[:-1])
    pieces = wordpieces.encode_segments(batch.text, batch.codes, cuts, joined=joined)
    piece_cuts = row_offsets(pieces.lengths)
    doc_pieces = piece_cuts[numpy.searchsorted(cuts, batch.doc_chars)]
    span_pieces = overlapping(span_chars, pieces.offsets, doc_bounds(doc_pieces)[span_docs])
    span_pieces[is_cut] = piece_cuts[places]
    visible = row_offsets(pieces.offsets[:, 1] > pieces.offsets[:, 0])
    is_blank = visible[span_pieces[:, 0]] == visible[span_pieces[:, 1]]
    span_pieces[is_blank, 1] = span_pieces[is_blank, 0]
    doc_cuts = numpy.searchsorted(cuts, batch.doc_chars)
    return _put_masks(pieces, piece_cuts, doc_cuts, span_pieces, span_chars, mask_lengths, wordpieces.mask_id)


def _check_apart(chars: Ints2d) -> None:
    order = numpy.lexsort((chars[:, 1], chars[:, 0]))
    starts, ends = chars[order].T
    if (starts[1:] < ends[:-1]).any():
        raise ValueError(Errors.ML220)


def _put_masks(
    pieces: RaggedPieces,
    piece_cuts: Ints1d,
    doc_cuts: Ints1d,
    span_pieces: Ints2d,
    span_chars: Ints2d,
    mask_lengths: Ints1d,
    mask_id: int,
) -> Segmented:
    """Replace ranges of pieces, and move everything that is counted in pieces along."""
    masked = numpy.flatnonzero((mask_lengths > 0) & (span_pieces[:, 1] > span_pieces[:, 0]))
    masked = masked[numpy.argsort(span_pieces[masked, 0])]
    starts, ends = span_pieces[masked].T
    lengths = mask_lengths[masked]
    kept = numpy.ones(len(pieces.ids), dtype=bool)
    kept[ranges(starts, ends - starts)] = False
    kept_before = row_offsets(kept)
    masks_before = row_offsets(lengths)

    def moved_starts(places: Ints1d) -> Ints1d:
        return kept_before[places] + masks_before[numpy.searchsorted(ends, places, side="right")]

    def moved_ends(places: Ints1d) -> Ints1d:
        return kept_before[places] + masks_before[numpy.searchsorted(starts, places, side="left")]

    n_pieces = int(kept_before[-1] + masks_before[-1])
    ids = numpy.full(n_pieces, mask_id, dtype="int32")
    offsets = numpy.zeros((n_pieces, 2), dtype="int64")
    old = numpy.flatnonzero(kept)
    new = moved_starts(old)
    ids[new], offsets[new] = pieces.ids[old], pieces.offsets[old]
    offsets[ranges(moved_starts(starts), lengths)] = span_chars[masked].repeat(lengths, axis=0)
    cuts = moved_starts(piece_cuts)
    moved = numpy.stack([moved_starts(span_pieces[:, 0]), moved_ends(span_pieces[:, 1])], axis=1)
    is_blank = span_pieces[:, 0] == span_pieces[:, 1]
    moved[is_blank, 1] = moved[is_blank, 0]
    return Segmented(RaggedPieces(ids, offsets, numpy.diff(cuts)), cuts[doc_cuts], moved)
