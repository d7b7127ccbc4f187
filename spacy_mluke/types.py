"""The dataclasses that modules pass to each other, and names for types of arrays. NumPy only.

Arrays are ragged: the values of all sequences (or all documents) lie end to end, and an array of lengths separates
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, Optional

import numpy

# NumPy arrays by content and number of dimensions. thinc.types has the same names for arrays of any backend, but mypy
# does not accept those as arguments of NumPy functions.
Bools1d = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]
Bools2d = numpy.ndarray[Any, numpy.dtype[numpy.bool_]]
Ints1d = numpy.ndarray[Any, numpy.dtype[Any]]
Ints2d = numpy.ndarray[Any, numpy.dtype[Any]]
Ints3d = numpy.ndarray[Any, numpy.dtype[Any]]
Floats1d = numpy.ndarray[Any, numpy.dtype[Any]]
Floats2d = numpy.ndarray[Any, numpy.dtype[Any]]
DeviceFloats1d = Any  # on the device of thinc's current ops: NumPy or CuPy
DeviceFloats2d = Any  # on the device of thinc's current ops: NumPy or CuPy


@dataclass(frozen=True)
class TextPieces:
    """The wordpieces of one text, without special pieces."""

    ids: Ints1d  # (n_pieces,) int32, as in the checkpoint's vocabulary
    # (n_pieces, 2) int32: first character and end in the text, without whitespace at either side; start == end for a
    # piece of whitespace or of no character.
    offsets: Ints2d

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class Counts:
    """What alignment skipped or truncated, counted for one warning per run."""

    spans: int = 0
    blank_spans: int = 0  # spans without a wordpiece: they have no vector
    truncated_mentions: int = 0  # longer than max_mention_length: only their first pieces count
    truncated_texts: int = 0  # marked texts too long for a window: text between or inside the spans was skipped
    truncated_questions: int = 0  # questions too long for a sequence: only their beginning was encoded
    skipped_spans: int = 0  # entities beyond the maximum of a sequence of a question
    candidates: int = 0  # candidate entities of mentions
    unknown_candidates: int = 0  # candidate entities that are not in the entity vocabulary

    def add(self, other: Counts) -> None:
        """Add other counts to these.

        other (Counts): The other counts.
        """
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class DocAlignment:
    """Where the tokens and spans of a document are in an AlignedBatch.

    `piece_rows` has one row for each wordpiece of the document, in text order, after the <s> of its first window and
    before the </s> of its last. If windows overlap, the row is from the window with the most context. It is empty for
    an empty document, and without token states.
    """

    span_bounds: Ints2d  # (n_spans, 2) int32: token bounds, in the order of the input
    span_rows: Ints1d  # (n_spans,) int32: row among the batch's entities; -1 for a span without wordpieces
    piece_rows: Ints1d  # (n_doc_pieces,) int32: rows among the batch's pieces
    piece_offsets: Ints2d  # (n_doc_pieces, 2) int32: characters of the Doc; (-1, -1) for <s> and </s>
    token_bounds: Ints2d  # (n_tokens, 2) int32: range within piece_rows; start == end for a token without wordpieces


@dataclass
class AlignedBatch:
    """Sequences for the encoder, end to end, and where the documents are in them.

    A sequence is one input of the encoder: `<s> pieces </s>` (or a marked text, or two texts `<s>A</s></s>B</s>`) and
    its entities. A document that is too long, or has too many entities, has several sequences.
    """

    piece_ids: Ints1d  # (n_pieces,) int32, special pieces and markers included
    piece_lengths: Ints1d  # (n_sequences,) int32
    entity_ids: Ints1d  # (n_entities,) int64, as in the entity vocabulary
    entity_bounds: Ints2d  # (n_entities, 2) int32: first piece and end, counted from <s>; the end is not limited
    entity_lengths: Ints1d  # (n_sequences,) int32
    max_mention_length: int  # maximum number of wordpieces averaged into a mention's position embedding
    docs: List[DocAlignment] = field(default_factory=list)
    with_tokens: bool = True  # whether the documents' piece_rows are filled
    with_all_pieces: bool = False  # whether the encoder returns the states of all pieces, not only those of piece_rows
    with_entities: bool = True  # whether entities are encoded; if not, they only mark the positions of spans
    counts: Counts = field(default_factory=Counts)

    @property
    def n_sequences(self) -> int:
        return len(self.piece_lengths)

    @property
    def span_rows(self) -> Ints1d:
        """The row of each span among the entities, document after document; -1 for a span without wordpieces."""
        return numpy.concatenate([numpy.zeros(0, dtype="int64"), *[doc.span_rows for doc in self.docs]])

    @property
    def output_pieces(self) -> Ints1d:
        """Rows of the pieces whose states the encoder returns: all, or those of the documents in order. int64."""
        if self.with_all_pieces:
            return numpy.arange(len(self.piece_ids))
        rows = [doc.piece_rows for doc in self.docs]
        return numpy.concatenate(rows).astype("int64") if rows else numpy.zeros(0, dtype="int64")


@dataclass(kw_only=True)
class QuestionBatch(AlignedBatch):
    """Sequences `<s>question</s></s>window</s>`, by question and then by window of its document. `docs` is empty."""

    questions: Ints1d  # (n_sequences,): number of the question
    starts: Ints1d  # (n_sequences,): first piece of the window in the document
    context: Ints2d  # (n_sequences, 2): first piece and end of the window in the sequence
    offsets: Ints2d  # (n_pieces, 2) int32: characters of the document; (-1, -1) for the other pieces
    n_questions: int


@dataclass
class PassageStates:
    """The states of one text, each wordpiece once, and of mentions in it."""

    piece_states: DeviceFloats2d  # (n_pieces, width) float32, from <s> to </s>
    token_bounds: Ints2d  # (n_tokens, 2): range of each token among the pieces; start == end for a token without any
    span_bounds: Ints2d  # (n_mentions, 2): token bounds
    entity_states: DeviceFloats2d  # (n_mentions, width) float32; undefined for a mention that is not kept
    kept: Bools1d  # (n_mentions,): whether a mention has a state. One without wordpieces has none.


@dataclass
class GroupLogits:
    """The output of a head that classifies groups of spans. Its gradient is that of `logits`."""

    logits: DeviceFloats2d  # (number of kept groups, n_classes) float32
    # (n_groups,), by document: whether a group has logits. A group with a span without wordpieces has none.
    kept: Bools1d
    lengths: Ints1d  # (n_docs,): number of groups of each document
    counts: Counts


@dataclass
class AnswerLogits:
    """The output of a head that scores the first and last pieces of answers. Its gradient is that of `logits`."""

    logits: DeviceFloats2d  # (n_pieces, 2) float32: start and end, for all pieces of all sequences
    batch: QuestionBatch


@dataclass
class EntityLogits:
    """The output of a head that scores candidate entities. Its gradient is that of `logits` and `piece_states`."""

    logits: DeviceFloats1d  # (sum of lengths,) float32: candidates of all mentions, end to end
    lengths: Ints1d  # (n_spans,): number of candidates of each mention; 0 for a mention that is not masked
    # (n_spans,): whether a mention has a state. A mention without wordpieces has none: its logits are 0, and their
    # gradient is ignored.
    kept: Bools1d
    counts: Counts
    # (n_pieces, width) float32, for all pieces of `batch`; None if the request does not ask for them
    piece_states: Optional[DeviceFloats2d] = None
    batch: Optional[AlignedBatch] = None


@dataclass
class EncoderOutput:
    """The output of the encoder: states of a batch, document after document, or the output of a reducer.

    The gradient of an EncoderOutput is an EncoderOutput with the same shapes.
    """

    # (len(batch.output_pieces), width) float32; None if the request does not ask for states of wordpieces, or has a
    # reducer
    piece_states: Optional[DeviceFloats2d]
    # (n_entities, width) float32: row i is entity i of the batch; None if the request has a reducer
    entity_states: DeviceFloats2d
    batch: AlignedBatch
    # (n_entities or n_pieces of the batch, reducer.n_out) float32: only if the request has a reducer
    reduced: Optional[DeviceFloats2d] = None
