"""Entity and token states of a Doc: `doc._.mluke`.

The states of a document are stored as a record of arrays in `doc.user_data`; records.py explains how spaCy saves, joins
and splits such records. Positions in the record are characters, so they are valid after retokenization. `doc._.mluke`,
`doc._.trf_data` and `span._.mluke_vector` are views that read the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy
from spacy.tokens import Doc, Span

from ..align.overlaps import char_token_bounds, piece_bounds_of_tokens, token_chars
from ..errors.renamed import warn_renamed
from ..ragged import ranges, row_offsets
from ..types import DocAlignment, Floats1d, Floats2d, Ints2d
from .records import Record, find_records, named_spans, put_record

RECORD = "mluke_states"


def write_record(
    doc: Doc,
    aligned: DocAlignment,
    entity_states: Floats2d,
    *,
    word_vectors: Optional[Floats2d] = None,
    span_vectors: Optional[Floats2d] = None,
    piece_states: Optional[Floats2d],
    piece_ids: Optional[Any] = None,
    pieces: str = "",
) -> None:
    """Store the states of a document, replacing earlier ones.

    doc (Doc): The document.
    aligned (DocAlignment): The positions of its spans and wordpieces.
    entity_states (Floats2d): States of the spans that have wordpieces, in the order of the spans, float32.
    word_vectors (Optional[Floats2d]): Means of these spans' wordpiece states, for `span_vectors = "both"`. The same
        shape.
    span_vectors (Optional[Floats2d]): Vectors of these spans, for `span_vectors = "centered"`. The same shape.
    piece_states (Optional[Floats2d]): States of its wordpieces, (n_pieces, width) float32; None to store none.
    piece_ids (Optional[Ints1d]): Ids of the wordpieces.
    pieces (str): Texts of the wordpieces, joined by spaces.
    """
    has_vector = aligned.span_rows >= 0
    chars = _char_bounds(doc, aligned.span_bounds)
    record: Record = {
        "spans": numpy.ascontiguousarray(chars[has_vector]),
        "left_out": numpy.ascontiguousarray(chars[~has_vector]),
        # Version 0.1.0 stored span vectors here, which were blended with word vectors for span_vectors = "both".
        "vectors": entity_states,
    }
    if word_vectors is not None:
        record["word_vectors"] = word_vectors
    if span_vectors is not None:
        record["span_vectors"] = span_vectors
    if piece_states is not None:
        record.update(
            piece_states=piece_states,
            piece_ids=piece_ids,
            piece_offsets=numpy.ascontiguousarray(aligned.piece_offsets),
            pieces=pieces,
        )
    put_record(doc, RECORD, record)


def records(doc: Doc) -> List[Tuple[int, Record]]:
    """Return the records of a document, each with the character to which its positions are relative.

    doc (Doc): The document. If it was joined from several, it has several records.
    RETURNS (List[Tuple[int, Record]]): First character and record, in text order; empty if `mluke` has not encoded the
        document.
    """
    return find_records(doc, RECORD)


@dataclass(frozen=True)
class EntityStates:
    """Contextual vectors of a document's entities and tokens: `doc._.mluke`.

    doc (Doc): The document.
    """

    doc: Doc

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_spans={len(self)}, width={self.width})"

    @property
    def spans(self) -> List[Span]:
        """Spans that have a vector, in the suggester's order. A span that equals an entity of `doc.ents` has the
        entity's label."""
        return named_spans(self.doc, self._bounds("spans")[0])

    @property
    def skipped(self) -> List[Span]:
        """Spans that have no vector, because they have no wordpiece (whitespace, removed characters). Spans without
        tokens are not listed."""
        return named_spans(self.doc, self._bounds("left_out")[0])

    @property
    def left_out(self) -> List[Span]:
        """Deprecated name of `skipped`."""
        warn_renamed("EntityStates", "left_out", "skipped", kind="Attribute")
        return self.skipped

    @property
    def vectors(self) -> Floats2d:
        """Vectors of `spans`: states of their entities; with `span_vectors = "both"`, means of these and of the states
        of their words (see `join_words`); with "centered", means of their differences from the mean states. Shape:
        (n_spans, width), float32."""
        return self._rows([_span_vectors(record) for _, record in records(self.doc)])

    @property
    def entity_states(self) -> Floats2d:
        """The encoder's states of the entities of `spans`, which listeners read. Shape: (n_spans, width), float32."""
        return self._rows([record["vectors"] for _, record in records(self.doc)])

    @property
    def token_vectors(self) -> Optional[Floats2d]:
        """Means of the wordpiece states of each token; zeros for a token without wordpieces. Shape: (n_tokens, width),
        float32. None if token states were not kept."""
        return self.vectors_of_tokens(0, len(self.doc))

    def vectors_of_tokens(self, start: int, end: int) -> Optional[Floats2d]:
        """Return the vectors of some tokens. Those of all tokens take much longer in a long document.

        start (int): First token.
        end (int): End of the tokens.
        RETURNS (Optional[Floats2d]): As `token_vectors`. Shape: (end - start, width).
        """
        pieces = piece_view(self.doc)
        return None if pieces is None else mean_rows(pieces.states, pieces.token_bounds[start:end])

    @property
    def width(self) -> int:
        """Width of the vectors."""
        found = records(self.doc)
        return int(found[0][1]["vectors"].shape[1]) if found else 0

    def vector(self, span: Span) -> Optional[Floats1d]:
        """Return the vector of a span.

        span (Span): Any span of the document.
        RETURNS (Optional[Floats1d]): Shape: (width,), float32. None if the span was not encoded or has no wordpiece.
        """
        for start, record in reversed(records(self.doc)):
            rows = numpy.flatnonzero((record["spans"] == (span.start_char - start, span.end_char - start)).all(axis=1))
            if len(rows):
                return _span_vectors(record, slice(rows[-1], rows[-1] + 1))[0]
        return None

    def to_dict(self) -> Dict[str, Any]:
        """Return the entities' vectors in plain Python types.

        RETURNS (Dict[str, Any]): `width`, and `spans`: `start`, `end` (characters), `label` and `vector` of each.
        """
        spans = [
            {"start": span.start_char, "end": span.end_char, "label": span.label_, "vector": vector.tolist()}
            for span, vector in self
        ]
        return {"width": self.width, "spans": spans}

    def __len__(self) -> int:
        return len(self._bounds("spans")[0])

    def __iter__(self) -> Iterator[Tuple[Span, Floats1d]]:
        return iter(zip(self.spans, self.vectors, strict=True))

    def _rows(self, found: List[Floats2d]) -> Floats2d:
        """Concatenate the rows of all records, for the spans that are in the document."""
        if not found:
            return numpy.zeros((0, 0), dtype="float32")
        rows = found[0] if len(found) == 1 else numpy.concatenate(found)
        bounds, kept = self._bounds("spans")
        return rows if len(bounds) == len(rows) else rows[kept]

    def _bounds(self, field: str) -> Tuple[Ints2d, Any]:
        """Return the token bounds of the records' spans that are in the document, and a mask of their rows."""
        found = [record[field].reshape((-1, 2)) + start for start, record in records(self.doc)]
        chars = numpy.concatenate(found) if found else numpy.zeros((0, 2), dtype="int32")
        bounds = char_token_bounds(self.doc, chars)
        kept = bounds[:, 0] >= 0
        return bounds[kept], kept


@dataclass(frozen=True)
class PieceView:
    """The wordpieces of a document and their states."""

    states: Floats2d  # (n_pieces, width) float32
    ids: Any  # (n_pieces,) int32
    texts: List[str]  # texts of the pieces of each record, joined by spaces
    token_bounds: Ints2d  # (n_tokens, 2): each token's range of pieces

    @property
    def strings(self) -> List[str]:
        """Texts of the pieces."""
        # An empty document has no piece: "".split(" ") would return one.
        return [piece for text in self.texts if text for piece in text.split(" ")]


def piece_view(doc: Doc) -> Optional[PieceView]:
    """Return the wordpieces and their states that are stored in a document.

    doc (Doc): The document.
    RETURNS (Optional[PieceView]): None if token states were not kept.
    """
    found = [(start, record) for start, record in records(doc) if "piece_states" in record]
    if not found:
        return None
    offsets = numpy.concatenate(
        [numpy.where(r["piece_offsets"] < 0, -1, r["piece_offsets"] + start) for start, r in found]
    )
    return PieceView(
        states=_join([r["piece_states"] for _, r in found]),
        ids=_join([r["piece_ids"] for _, r in found]),
        texts=[r["pieces"] for _, r in found],
        token_bounds=piece_bounds_of_tokens(doc, offsets),
    )


def mean_rows(states: Floats2d, bounds: Ints2d) -> Floats2d:
    """Return the means over ranges of rows.

    states (Floats2d): Shape: (n_rows, width), float32.
    bounds (Ints2d): First row and end of each range. Shape: (n, 2).
    RETURNS (Floats2d): Means; zeros for an empty range. Shape: (n, width), float32.
    """
    means = numpy.zeros((len(bounds), states.shape[1]), dtype="float32")
    filled = numpy.flatnonzero(bounds[:, 1] > bounds[:, 0])
    if not len(filled):
        return means
    lengths = bounds[filled, 1] - bounds[filled, 0]
    rows = ranges(bounds[filled, 0], lengths)
    means[filled] = numpy.add.reduceat(states[rows], row_offsets(lengths)[:-1], axis=0) / lengths[:, None]
    return means


def join_words(entities: Floats2d, words: Floats2d) -> Floats2d:
    """Return the mean of the vectors of entities and of their words, each normalized to length 1. The two make
    different errors, so their mean finds the same entity in other texts more often than either.

    entities (Floats2d): States of entities. Shape: (n, width).
    words (Floats2d): Means of their wordpieces' states. Shape: (n, width).
    RETURNS (Floats2d): Shape: (n, width), float32.
    """
    unit = [rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-12) for rows in (entities, words)]
    return (unit[0] + unit[1]) / 2


def _span_vectors(record: Record, rows: slice = slice(None)) -> Floats2d:
    """Return the vectors of some spans of a record."""
    if "span_vectors" in record:
        return record["span_vectors"][rows]
    words = record.get("word_vectors")
    return record["vectors"][rows] if words is None else join_words(record["vectors"][rows], words[rows])


def _char_bounds(doc: Doc, bounds: Ints2d) -> Ints2d:
    chars = token_chars(doc).astype("int32")
    # A span without tokens has the bounds (0, 0): at the end of a document, no token begins at its position.
    found = numpy.zeros((len(bounds), 2), dtype="int32")
    filled = bounds[:, 1] > bounds[:, 0]
    found[filled, 0] = chars[bounds[filled, 0], 0]
    found[filled, 1] = chars[bounds[filled, 1] - 1, 1]
    return found


def _join(arrays: List[Any]) -> Any:
    return arrays[0] if len(arrays) == 1 else numpy.concatenate(arrays)
