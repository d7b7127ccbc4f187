"""Find the characters and the wordpieces of documents and their spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, List, Optional, Sequence, Union

import numpy

from ..errors import Errors
from ..ragged import Spans, row_offsets, to_numpy
from ..tokenization.characters import code_points
from ..tokenization.interface import Wordpieces
from ..types import Bools1d, Counts, DocAlignment, Ints1d, Ints2d
from .masks import segment_masked
from .overlaps import CHARS, overlapping_pieces
from .segments import BatchText, Segmented, doc_bounds, segment

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from thinc.types import Ragged


@dataclass
class SpanTable:
    """Token spans of a batch of documents, end to end."""

    bounds: Ints2d  # (n_spans, 2) int32: token bounds in the document
    docs: Ints1d  # (n_spans,) int64: number of the document
    offsets: Ints1d  # (n_docs + 1,) int64: first span of each document, and the end
    chars: Ints2d  # (n_spans, 2) int64: first character and end in the joined text


@dataclass
class Located:
    """The wordpieces of a batch of documents and of their spans."""

    batch: BatchText
    spans: SpanTable
    segmented: Segmented

    @property
    def n_docs(self) -> int:
        return len(self.batch.doc_chars) - 1

    @property
    def doc_lengths(self) -> Ints1d:
        """Number of pieces of each document. Shape: (n_docs,), int64."""
        return numpy.diff(self.segmented.doc_pieces)

    @property
    def span_pieces(self) -> Ints2d:
        """First piece and end of each span in its document; start == end for a blank span. Shape: (n_spans, 2)."""
        return self.segmented.span_pieces - self.segmented.doc_pieces[self.spans.docs][:, None]

    @property
    def is_blank(self) -> Bools1d:
        """Which spans have no piece. Shape: (n_spans,), bool."""
        return self.segmented.span_pieces[:, 0] >= self.segmented.span_pieces[:, 1]

    def token_pieces(self) -> Ints2d:
        """Return the first piece and end of each token in its document.

        RETURNS (Ints2d): Shape: (n_tokens, 2), int64.
        """
        n_tokens = numpy.diff(self.batch.doc_tokens)
        within = doc_bounds(self.segmented.doc_pieces).repeat(n_tokens, axis=0)
        return overlapping_pieces(self.batch.token_chars, self.segmented.pieces.offsets, within) - within[:, :1]

    def count(self, max_mention_length: int) -> Counts:
        """Count spans, blank spans and truncated mentions.

        max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
        RETURNS (Counts): The counts.
        """
        lengths = numpy.diff(self.segmented.span_pieces, axis=1)
        return Counts(
            spans=len(lengths),
            blank_spans=int(self.is_blank.sum()),
            truncated_mentions=int((lengths > max_mention_length).sum()),
        )


def locate(
    docs: Sequence[Doc],
    spans: Union[Ragged, Spans],
    wordpieces: Wordpieces,
    *,
    segmentation: str,
    split_tokens: bool = False,
    mask_lengths: Optional[Ints1d] = None,
) -> Located:
    """Encode documents, and find the pieces of their spans.

    docs (Sequence[Doc]): The documents.
    spans (Union[Ragged, Spans]): Token bounds (start, end), document after document.
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): How text is split, see `segments.py`.
    split_tokens (bool): Whether to split at the bounds of all tokens (if text is split at all).
    mask_lengths (Optional[Ints1d]): Number of `<mask>` pieces that replace the words of each span, see `masks.py`.
        Shape: (n_spans,).
    RETURNS (Located): Wordpieces of documents and spans.
    RAISES (ValueError): ML001 for spans outside their document, ML007 if the numbers of documents and lists of spans,
        or of spans and mask lengths, differ.
    """
    batch = read_docs(docs)
    table = place_spans(batch, span_bounds(spans), to_numpy(spans.lengths))
    if mask_lengths is None:
        found = segment(batch, table.chars, table.docs, wordpieces, segmentation, split_tokens=split_tokens)
        return Located(batch, table, found)
    if len(mask_lengths) != len(table.bounds):
        n_spans = len(table.bounds)
        raise ValueError(
            Errors.ML007.format(what="Mask lengths", found=len(mask_lengths), expected=n_spans, per="span")
        )
    found = segment_masked(batch, table.chars, table.docs, wordpieces, segmentation, mask_lengths)
    return Located(batch, table, found)


def read_docs(docs: Sequence[Doc]) -> BatchText:
    """Return the texts and token offsets of documents.

    docs (Sequence[Doc]): The documents.
    RETURNS (BatchText): The texts, end to end.
    """
    texts = [doc.text for doc in docs]
    tokens = [doc.to_array(CHARS) for doc in docs]
    doc_chars = row_offsets(numpy.array([len(text) for text in texts], dtype="int64"))
    n_tokens = numpy.array([len(doc) for doc in docs], dtype="int64")
    token_chars = numpy.concatenate([numpy.zeros((0, 2), dtype="uint64"), *tokens]).astype("int64")
    token_chars[:, 1] += token_chars[:, 0]
    token_chars += doc_chars[:-1].repeat(n_tokens)[:, None]
    text, codes = code_points("".join(texts))
    return BatchText(text, codes, doc_chars, token_chars, row_offsets(n_tokens))


def span_bounds(spans: Union[Ragged, Spans]) -> Ints2d:
    """Return the token bounds in a suggester's output.

    spans (Union[Ragged, Spans]): The output. Without spans, spaCy's suggesters return an array of shape (0, 0).
    RETURNS (Ints2d): Shape: (n_spans, 2), int64, on the CPU.
    """
    return numpy.asarray(to_numpy(spans.dataXd), dtype="int64").reshape((-1, 2))


def place_spans(batch: BatchText, bounds: Ints2d, lengths: Ints1d) -> SpanTable:
    """Find the characters of token spans.

    batch (BatchText): The documents.
    bounds (Ints2d): Token bounds in the document. Shape: (n_spans, 2).
    lengths (Ints1d): Number of spans of each document. Shape: (n_docs,).
    RETURNS (SpanTable): The spans.
    RAISES (ValueError): ML001 for spans outside their document, ML007 for lengths that do not fit.
    """
    n_docs = len(batch.doc_tokens) - 1
    if len(lengths) != n_docs:
        raise ValueError(
            Errors.ML007.format(what="Lists of spans", found=len(lengths), expected=n_docs, per="document")
        )
    if int(lengths.sum()) != len(bounds):
        raise ValueError(
            Errors.ML007.format(what="Spans", found=len(bounds), expected=int(lengths.sum()), per="span of 'lengths'")
        )
    docs = numpy.repeat(numpy.arange(n_docs), lengths)
    n_tokens = numpy.diff(batch.doc_tokens)[docs]
    wrong = (bounds[:, 0] < 0) | (bounds[:, 0] > bounds[:, 1]) | (bounds[:, 1] > n_tokens)
    if wrong.any():
        row = int(numpy.argmax(wrong))
        start, end = bounds[row].tolist()
        raise ValueError(Errors.ML001.format(n=int(docs[row]), bounds=f"({start}, {end})", length=int(n_tokens[row])))
    first_tokens = batch.doc_tokens[docs]
    chars = numpy.zeros((len(bounds), 2), dtype="int64")
    chars[:] = batch.doc_chars[docs][:, None]  # for spans without tokens, which are blank
    filled = bounds[:, 1] > bounds[:, 0]
    chars[filled, 0] = batch.token_chars[(first_tokens + bounds[:, 0])[filled], 0]
    chars[filled, 1] = batch.token_chars[(first_tokens + bounds[:, 1] - 1)[filled], 1]
    return SpanTable(bounds.astype("int32"), docs, row_offsets(lengths), chars)


def doc_alignments(
    spans: SpanTable,
    entity_rows: Ints1d,
    *,
    batch: BatchText,
    piece_rows: Optional[Ints1d] = None,
    piece_offsets: Optional[Ints2d] = None,
    doc_offsets: Optional[Ints1d] = None,
    token_bounds: Optional[Ints2d] = None,
) -> List[DocAlignment]:
    """Split arrays of a batch into documents.

    spans (SpanTable): The spans.
    entity_rows (Ints1d): Row of each span among the entities, or -1. Shape: (n_spans,).
    batch (BatchText): The documents.
    piece_rows (Optional[Ints1d]): Rows of the documents' pieces; None without token states. Shape: (n_rows,).
    piece_offsets (Optional[Ints2d]): Their characters. Shape: (n_rows, 2).
    doc_offsets (Optional[Ints1d]): First row of each document, and the end. Shape: (n_docs + 1,).
    token_bounds (Optional[Ints2d]): Range of pieces of each token. Shape: (n_tokens, 2).
    RETURNS (List[DocAlignment]): One for each document.
    """
    n_docs = len(batch.doc_tokens) - 1
    if piece_rows is None or piece_offsets is None or doc_offsets is None or token_bounds is None:
        piece_rows = numpy.zeros(0, dtype="int32")
        piece_offsets = numpy.zeros((0, 2), dtype="int32")
        doc_offsets = numpy.zeros(n_docs + 1, dtype="int64")
        token_bounds = numpy.zeros((len(batch.token_chars), 2), dtype="int32")
    span_rows = entity_rows.astype("int32", copy=False)
    span_starts, token_starts, row_starts = spans.offsets.tolist(), batch.doc_tokens.tolist(), doc_offsets.tolist()
    found = []
    for i in range(n_docs):
        own_spans = slice(span_starts[i], span_starts[i + 1])
        own_rows = slice(row_starts[i], row_starts[i + 1])
        found.append(
            DocAlignment(
                span_bounds=spans.bounds[own_spans],
                span_rows=span_rows[own_spans],
                piece_rows=piece_rows[own_rows],
                piece_offsets=piece_offsets[own_rows],
                token_bounds=token_bounds[token_starts[i] : token_starts[i + 1]],
            )
        )
    return found
