"""Replace the words of spans by `<mask>` pieces.

    text     Tokyo | is | big | .      the third token masked with one piece
    pieces   ▁Tokyo ▁is <mask> ▁.

Only spans become `<mask>`. Text that spells it does not.
"""

from __future__ import annotations

import numpy

from ..errors import Errors
from ..ragged import ranges, row_offsets
from ..tokenization.interface import RaggedPieces, Wordpieces
from ..types import Ints1d, Ints2d
from .overlaps import overlapping_pieces
from .segments import BatchText, Segmented, continues_word, doc_bounds, split_at_spans


def segment_masked(
    batch: BatchText,
    span_chars: Ints2d,
    span_docs: Ints1d,
    wordpieces: Wordpieces,
    segmentation: str,
    mask_lengths: Ints1d,
) -> Segmented:
    """Encode the texts of a batch like `segments.segment`, with `<mask>` in place of the words of some spans.

    Text is always split around masked spans, also with the segmentation "plain"; then a segment that continues a word
    gets no "▁".

    batch (BatchText): The texts.
    span_chars (Ints2d): First character and end of each span. Shape: (n_spans, 2).
    span_docs (Ints1d): The document of each span. Shape: (n_spans,).
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): One of SEGMENTATIONS.
    mask_lengths (Ints1d): Number of `<mask>` pieces that replace the words of each span; 0 keeps the words. Shape:
        (n_spans,).
    RETURNS (Segmented): The pieces. A span without wordpieces gets no `<mask>`.
    RAISES (ValueError): ML220 if spans that are masked overlap.
    """
    mask_lengths = numpy.asarray(mask_lengths, dtype="int64")
    masked = mask_lengths > 0
    _check_no_overlap(span_chars[masked])
    is_split = numpy.ones(len(span_chars), dtype=bool) if segmentation != "plain" else masked
    split_points, span_segments = split_at_spans(batch, span_chars[is_split], span_docs[is_split])
    joined = None if segmentation == "published" else continues_word(batch, split_points[:-1])
    pieces = wordpieces.encode_segments(batch.text, batch.codes, split_points, joined=joined)
    segment_pieces = row_offsets(pieces.lengths)
    doc_segments = numpy.searchsorted(split_points, batch.doc_chars)
    doc_pieces = segment_pieces[doc_segments]
    span_pieces = overlapping_pieces(span_chars, pieces.offsets, doc_bounds(doc_pieces)[span_docs])
    span_pieces[is_split] = segment_pieces[span_segments]
    visible = row_offsets(pieces.offsets[:, 1] > pieces.offsets[:, 0])
    is_blank = visible[span_pieces[:, 0]] == visible[span_pieces[:, 1]]
    span_pieces[is_blank, 1] = span_pieces[is_blank, 0]
    return _replace_pieces(
        pieces, segment_pieces, doc_segments, span_pieces, span_chars, mask_lengths, wordpieces.mask_id
    )


def _check_no_overlap(chars: Ints2d) -> None:
    order = numpy.lexsort((chars[:, 1], chars[:, 0]))
    starts, ends = chars[order].T
    if (starts[1:] < ends[:-1]).any():
        raise ValueError(Errors.ML220)


def _replace_pieces(
    pieces: RaggedPieces,
    segment_pieces: Ints1d,
    doc_segments: Ints1d,
    span_pieces: Ints2d,
    span_chars: Ints2d,
    mask_lengths: Ints1d,
    mask_id: int,
) -> Segmented:
    """Replace the pieces of masked spans by masks, and adjust all numbers of pieces after them."""
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
    segment_starts = moved_starts(segment_pieces)
    moved = numpy.stack([moved_starts(span_pieces[:, 0]), moved_ends(span_pieces[:, 1])], axis=1)
    is_blank = span_pieces[:, 0] == span_pieces[:, 1]
    moved[is_blank, 1] = moved[is_blank, 0]
    return Segmented(RaggedPieces(ids, offsets, numpy.diff(segment_starts)), segment_starts[doc_segments], moved)
