"""Where text is cut before it is encoded: at the bounds of entity spans, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy

from ..errors import check_choice
from ..ragged import row_offsets
from ..tokenization.characters import SPACE, is_space
from ..tokenization.wordpieces import RaggedPieces, Wordpieces
from ..types import Bools1d, Ints1d, Ints2d
from .overlaps import overlapping

# "published": cut at every span bound, each segment by itself, so that each gains a "▁": what the published models
# were fine-tuned with.
# "pretraining": the same, but a segment that continues a word gains none.
# "plain": text is never cut; a span takes every piece that shares a character with it.
SEGMENTATIONS = ("published", "pretraining", "plain")


@dataclass
class BatchText:
    """The texts of a batch, end to end, so that one pass of numpy serves them all."""

    text: str
    codes: Ints1d  # (n_chars,) uint32
    doc_chars: Ints1d  # (n_docs + 1,) int64: where each document begins, and where the last one ends
    token_chars: Ints2d  # (n_tokens, 2) int64: first character and end of each token
    doc_tokens: Ints1d  # (n_docs + 1,) int64: the first token of each document, and the end


@dataclass
class Segmented:
    """Wordpieces of a batch and the ranges of them that spans take."""

    pieces: RaggedPieces  # one length for each segment
    doc_pieces: Ints1d  # (n_docs + 1,) int64: the first piece of each document, and the end
    span_pieces: Ints2d  # (n_spans, 2) int64: first piece and end; start == end for a span without a visible one


def check_segmentation(name: str) -> None:
    """Check the name of a segmentation.

    name (str): One of SEGMENTATIONS.
    RAISES (ValueError): ML070 if it is not.
    """
    check_choice("segmentation", name, SEGMENTATIONS)


def before_space(batch: BatchText, chars: Ints2d, firsts: Ints2d) -> Ints2d:
    """Move cuts before the space that they follow.

    The space (U+0020) belongs to the word after it: byte-level vocabularies need that, and sentencepiece does not
    mind. Other whitespace stays with the text before it: it is no part of the word after it in any vocabulary.

    batch (BatchText): The texts.
    chars (Ints2d): Where to cut. Any shape.
    firsts (Ints2d): Where the document of each cut begins: there it follows nothing, whatever the document before ends
        with. A shape that broadcasts.
    RETURNS (Ints2d): Where to cut. The same shape.
    """
    if not len(batch.codes):
        return chars
    before = batch.codes[numpy.maximum(chars - 1, 0)]
    return chars - ((before == SPACE) & (chars > firsts))


def cut_at_spans(
    batch: BatchText, span_chars: Ints2d, span_docs: Ints1d, *, split_tokens: bool = False
) -> Tuple[Ints1d, Ints2d]:
    """Cut at every bound of every span, and between documents.

    batch (BatchText): The texts.
    span_chars (Ints2d): First character and end of each span. Shape: (n_spans, 2).
    span_docs (Ints1d): The document of each span. Shape: (n_spans,).
    split_tokens (bool): Cut at the bounds of all tokens, too: then the cuts do not depend on the spans.
    RETURNS (Tuple[Ints1d, Ints2d]): The cuts, rising, from 0 to the end of the text, shape: (n_segments + 1,); and the
        cuts of each span as positions among them, shape: (n_spans, 2).
    """
    moved = before_space(batch, span_chars, batch.doc_chars[span_docs][:, None])
    if split_tokens:
        token_firsts = batch.doc_chars[:-1].repeat(numpy.diff(batch.doc_tokens))[:, None]
        tokens = before_space(batch, batch.token_chars, token_firsts)
        cuts = numpy.unique(numpy.concatenate([batch.doc_chars, tokens.ravel()]))
        return cuts, numpy.searchsorted(cuts, moved)
    cuts, places = numpy.unique(numpy.concatenate([batch.doc_chars, moved.ravel()]), return_inverse=True)
    return cuts, places.ravel()[len(batch.doc_chars) :].reshape((-1, 2))


def continues_word(batch: BatchText, starts: Ints1d) -> Bools1d:
    """Whether segments that begin at these characters go on where a word was cut.

    batch (BatchText): The texts.
    starts (Ints1d): First characters; none at the end of the text. Shape: (n,).
    RETURNS (Bools1d): False after whitespace of any kind, before it, and at the start of a document. Shape: (n,),
        bool.
    """
    if not len(starts):
        return numpy.zeros(0, dtype=bool)
    blank = is_space(batch.codes)
    is_first = numpy.isin(starts, batch.doc_chars)
    return ~(blank[starts] | blank[numpy.maximum(starts - 1, 0)] | is_first)


def doc_bounds(doc_pieces: Ints1d) -> Ints2d:
    """First piece and end of each document.

    doc_pieces (Ints1d): The first piece of each document, and the end. Shape: (n_docs + 1,).
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
    """Encode the texts of a batch, in one call, and find each span's pieces.

    batch (BatchText): The texts.
    span_chars (Ints2d): First character and end of each span. Shape: (n_spans, 2).
    span_docs (Ints1d): The document of each span. Shape: (n_spans,).
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): One of SEGMENTATIONS.
    split_tokens (bool): Where text is cut, whether that is at the bounds of all tokens.
    RETURNS (Segmented): The pieces.
    """
    cut = segmentation != "plain"
    if cut:
        cuts, places = cut_at_spans(batch, span_chars, span_docs, split_tokens=split_tokens)
    else:
        cuts = numpy.unique(batch.doc_chars)
    joined = continues_word(batch, cuts[:-1]) if segmentation == "pretraining" else None
    pieces = wordpieces.encode_segments(batch.text, batch.codes, cuts, joined=joined)
    piece_cuts = row_offsets(pieces.lengths)
    doc_pieces = piece_cuts[numpy.searchsorted(cuts, batch.doc_chars)]
    if not cut:
        return Segmented(pieces, doc_pieces, overlapping(span_chars, pieces.offsets, doc_bounds(doc_pieces)[span_docs]))
    span_pieces = piece_cuts[places]
    # "▁" alone stands on nothing, and a vector of it would be a vector of nothing.
    visible = row_offsets(pieces.offsets[:, 1] > pieces.offsets[:, 0])
    is_blank = visible[span_pieces[:, 0]] == visible[span_pieces[:, 1]]
    span_pieces[is_blank, 1] = span_pieces[is_blank, 0]
    return Segmented(pieces, doc_pieces, span_pieces)
