"""Split text into segments before it is encoded: at the bounds of entity spans, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy

from ..errors import check_choice
from ..ragged import row_offsets
from ..tokenization.characters import SPACE, is_space
from ..tokenization.interface import RaggedPieces, Wordpieces
from ..types import Bools1d, Ints1d, Ints2d
from .overlaps import overlapping_pieces

# "published": text is split at the bounds of all spans, and each segment gets a "▁", as in the fine-tuning of the
# published models.
# "pretraining": the same, but a segment that continues a word gets no "▁".
# "plain": text is not split; a span covers every piece that shares a character with it.
SEGMENTATIONS = ("published", "pretraining", "plain")


@dataclass
class BatchText:
    """The texts of a batch, end to end, so that NumPy operations process all of them at once."""

    text: str
    codes: Ints1d  # (n_chars,) uint32
    doc_chars: Ints1d  # (n_docs + 1,) int64: first character of each document, and the end
    token_chars: Ints2d  # (n_tokens, 2) int64: first character and end of each token
    doc_tokens: Ints1d  # (n_docs + 1,) int64: first token of each document, and the end


@dataclass
class Segmented:
    """The wordpieces of a batch, and those of its documents and spans."""

    pieces: RaggedPieces  # the texts are the segments
    doc_pieces: Ints1d  # (n_docs + 1,) int64: first piece of each document, and the end
    span_pieces: Ints2d  # (n_spans, 2) int64: first piece and end; start == end for a span without visible pieces


def check_segmentation(name: str) -> None:
    """Check the name of a segmentation.

    name (str): One of SEGMENTATIONS.
    RAISES (ValueError): ML070 if it is not.
    """
    check_choice("segmentation", name, SEGMENTATIONS)


def before_space(batch: BatchText, chars: Ints2d, firsts: Ints2d) -> Ints2d:
    """Move split points that follow a space before the space.

    The space (U+0020) then belongs to the word after it, as byte-level vocabularies need; for sentencepiece it makes no
    difference. Other whitespace stays with the text before it: in no vocabulary is it part of the next word.

    batch (BatchText): The texts.
    chars (Ints2d): Split points. Any shape.
    firsts (Ints2d): First character of the document of each split point, which is not moved into the document before.
        A shape that broadcasts.
    RETURNS (Ints2d): Split points. The same shape.
    """
    if not len(batch.codes):
        return chars
    before = batch.codes[numpy.maximum(chars - 1, 0)]
    return chars - ((before == SPACE) & (chars > firsts))


def split_at_spans(
    batch: BatchText, span_chars: Ints2d, span_docs: Ints1d, *, split_tokens: bool = False
) -> Tuple[Ints1d, Ints2d]:
    """Split text at the bounds of all spans and documents.

    batch (BatchText): The texts.
    span_chars (Ints2d): First character and end of each span. Shape: (n_spans, 2).
    span_docs (Ints1d): The document of each span. Shape: (n_spans,).
    split_tokens (bool): Whether to split at the bounds of all tokens too, so that segments do not depend on the spans.
    RETURNS (Tuple[Ints1d, Ints2d]): The split points, rising, from 0 to the end of the text, shape: (n_segments + 1,);
        and the first segment and end of each span, shape: (n_spans, 2).
    """
    moved = before_space(batch, span_chars, batch.doc_chars[span_docs][:, None])
    if split_tokens:
        token_firsts = batch.doc_chars[:-1].repeat(numpy.diff(batch.doc_tokens))[:, None]
        tokens = before_space(batch, batch.token_chars, token_firsts)
        split_points = numpy.unique(numpy.concatenate([batch.doc_chars, tokens.ravel()]))
        return split_points, numpy.searchsorted(split_points, moved)
    split_points, places = numpy.unique(numpy.concatenate([batch.doc_chars, moved.ravel()]), return_inverse=True)
    return split_points, places.ravel()[len(batch.doc_chars) :].reshape((-1, 2))


def continues_word(batch: BatchText, starts: Ints1d) -> Bools1d:
    """Return which segments start inside a word.

    batch (BatchText): The texts.
    starts (Ints1d): First characters of the segments, none at the end of the text. Shape: (n,).
    RETURNS (Bools1d): False at whitespace of any kind, after it, and at the start of a document. Shape: (n,), bool.
    """
    if not len(starts):
        return numpy.zeros(0, dtype=bool)
    blank = is_space(batch.codes)
    is_first = numpy.isin(starts, batch.doc_chars)
    return ~(blank[starts] | blank[numpy.maximum(starts - 1, 0)] | is_first)


def doc_bounds(doc_pieces: Ints1d) -> Ints2d:
    """Return the first piece and end of each document.

    doc_pieces (Ints1d): First piece of each document, and the end. Shape: (n_docs + 1,).
    RETURNS (Ints2d): Shape: (n_docs, 2).
    """
    return numpy.stack([doc_pieces[:-1], doc_pieces[1:]], axis=1)


def segment(
    batch: BatchText,
    span_chars: Ints2d,
    span_docs: Ints1d,
    wordpieces: Wordpieces,
    segmentation: str,
    *,
    split_tokens: bool = False,
) -> Segmented:
    """Encode the texts of a batch in one call, and find the pieces of spans.

    batch (BatchText): The texts.
    span_chars (Ints2d): First character and end of each span. Shape: (n_spans, 2).
    span_docs (Ints1d): The document of each span. Shape: (n_spans,).
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): One of SEGMENTATIONS.
    split_tokens (bool): Whether to split at the bounds of all tokens (if text is split at all).
    RETURNS (Segmented): The pieces.
    """
    is_split = segmentation != "plain"
    if is_split:
        split_points, span_segments = split_at_spans(batch, span_chars, span_docs, split_tokens=split_tokens)
    else:
        split_points = numpy.unique(batch.doc_chars)
    joined = continues_word(batch, split_points[:-1]) if segmentation == "pretraining" else None
    pieces = wordpieces.encode_segments(batch.text, batch.codes, split_points, joined=joined)
    segment_pieces = row_offsets(pieces.lengths)
    doc_pieces = segment_pieces[numpy.searchsorted(split_points, batch.doc_chars)]
    if not is_split:
        return Segmented(
            pieces, doc_pieces, overlapping_pieces(span_chars, pieces.offsets, doc_bounds(doc_pieces)[span_docs])
        )
    span_pieces = segment_pieces[span_segments]
    # A span with "▁" alone has no characters, and gets no vector.
    visible = row_offsets(pieces.offsets[:, 1] > pieces.offsets[:, 0])
    is_blank = visible[span_pieces[:, 0]] == visible[span_pieces[:, 1]]
    span_pieces[is_blank, 1] = span_pieces[is_blank, 0]
    return Segmented(pieces, doc_pieces, span_pieces)
