"""What travels between the stages. numpy only.

Everything is ragged: arrays of all passes (or all documents) lie end to end, and a lengths array says where one stops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, List, Optional

import numpy

# NumPy arrays, by what they hold and by rank. thinc.types has the same names, for arrays of any backend: mypy lets
# nobody pass those to NumPy.
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
    """The wordpieces of one text, without special ones."""

    ids: Ints1d  # (n_pieces,) int32, as in the checkpoint's vocabulary
    # (n_pieces, 2) int32: first character and end in the text. Whitespace at either side is left out; a piece that
    # stands on whitespace or on no character at all has start == end.
    offsets: Ints2d

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class Counts:
    """What alignment had to leave out or shorten: the material of one warning per run."""

    spans: int = 0
    blank_spans: int = 0  # no wordpiece: no vector
    truncated_mentions: int = 0  # longer than max_mention_length: the first pieces stand for them
    truncated_texts: int = 0  # marked texts too long for a window: text between or inside the spans was left out
    truncated_questions: int = 0  # questions longer than their share of a pass: read up to there
    skipped_spans: int = 0  # entities that a pass over a question's window has no room for
    candidates: int = 0  # entities that mentions may mean
    unknown_candidates: int = 0  # those that the encoder's vocabulary lacks

    def add(self, other: Counts) -> None:
        self.spans += other.spans
        self.blank_spans += other.blank_spans
        self.truncated_mentions += other.truncated_mentions
        self.truncated_texts += other.truncated_texts
        self.truncated_questions += other.truncated_questions
        self.skipped_spans += other.skipped_spans
        self.candidates += other.candidates
        self.unknown_candidates += other.unknown_candidates


@dataclass
class DocAlignment:
    """Where one document's tokens and spans lie in an AlignedBatch.

    `piece_rows` lists the document's wordpieces once each, in text order, between the <s> of its first window and the
    </s> of its last; where windows overlap, the row is the one with most context. It is empty for an empty document,
    or when token states were not asked for.
    """

    span_bounds: Ints2d  # (n_spans, 2) int32: token bounds, in the order given
    span_rows: Ints1d  # (n_spans,) int32: row among the batch's entities; -1 for a span without wordpieces
    piece_rows: Ints1d  # (n_doc_pieces,) int32: rows among the batch's pieces
    piece_offsets: Ints2d  # (n_doc_pieces, 2) int32: characters of the Doc; (-1, -1) for <s> and </s>
    token_bounds: Ints2d  # (n_tokens, 2) int32: range within piece_rows; start == end for a token without wordpieces


@dataclass
class AlignedBatch:
    """Sequences over the encoder, end to end, and how documents map into them.

    A pass is one input of the encoder: `<s> pieces </s>` (or a marked text, or a pair `<s>A</s></s>B</s>`) and the
    entities that stand on it. A long document takes several; so does one with more entities than a pass takes.
    """

    piece_ids: Ints1d  # (n_pieces,) int32, specials and markers included
    piece_lengths: Ints1d  # (n_sequences,) int32
    entity_ids: Ints1d  # (n_entities,) int64, as in the entity vocabulary
    entity_bounds: Ints2d  # (n_entities, 2) int32: first piece and end, counted from the pass's <s>; end is not cut
    entity_lengths: Ints1d  # (n_sequences,) int32
    max_mention_length: int  # pieces of a mention that its position embedding is the mean of, from the left
    docs: List[DocAlignment] = field(default_factory=list)
    with_tokens: bool = True  # whether the documents' piece_rows are filled
    with_all_pieces: bool = False  # whether the states of all pieces are wanted, not only those of piece_rows
    with_entities: bool = True  # whether entities are read; if not, they only say where spans are
    counts: Counts = field(default_factory=Counts)

    @property
    def n_sequences(self) -> int:
        return len(self.piece_lengths)

    @property
    def span_rows(self) -> Ints1d:
        """For each span, documents one after the other, its row among the entities; -1 for a span without
        wordpieces."""
        return numpy.concatenate([numpy.zeros(0, dtype="int64"), *[doc.span_rows for doc in self.docs]])

    @property
    def output_pieces(self) -> Ints1d:
        """Rows of the pieces whose states the encoder returns: all, or those of the documents, one document after the
        other. int64."""
        if self.with_all_pieces:
            return numpy.arange(len(self.piece_ids))
        rows = [doc.piece_rows for doc in self.docs]
        return numpy.concatenate(rows).astype("int64") if rows else numpy.zeros(0, dtype="int64")


@dataclass(kw_only=True)
class QuestionBatch(AlignedBatch):
    """Sequences `<s>question</s></s>window</s>`, question after question and window after window. `docs` is empty."""

    questions: Ints1d  # (n_sequences,): which question
    starts: Ints1d  # (n_sequences,): the window's first piece within the document
    context: Ints2d  # (n_sequences, 2): the window's first piece and end within the pass
    offsets: Ints2d  # (n_pieces, 2) int32: characters of the document; (-1, -1) for pieces that are not its own
    n_questions: int


@dataclass
class GroupLogits:
    """What a head says of groups of spans. Its gradient is that of `logits`."""

    logits: DeviceFloats2d  # (number of kept groups, n_classes) float32
    # (n_groups,), documents end to end: whether a group has logits. One with a span without wordpieces has none.
    kept: Bools1d
    lengths: Ints1d  # (n_docs,): groups of each document
    counts: Counts


@dataclass
class AnswerLogits:
    """What a head says of the first and the last piece of an answer. Its gradient is that of `logits`."""

    logits: DeviceFloats2d  # (n_pieces, 2) float32: start and end, all pieces of all passes
    batch: QuestionBatch


@dataclass
class EntityLogits:
    """What a head says of the entities that may be meant. Its gradient is that of `logits`, and of `piece_states`."""

    logits: DeviceFloats1d  # (sum of lengths,) float32: candidates of all mentions, end to end
    lengths: Ints1d  # (n_spans,): candidates of each mention; 0 for one that is not asked for
    # (n_spans,): whether a mention has a state. One without wordpieces has none: its logits are 0, their gradient is
    # not looked at.
    kept: Bools1d
    counts: Counts
    # (n_pieces, width) float32, all pieces of all passes as they lie in `batch`: where the input asked for them
    piece_states: Optional[DeviceFloats2d] = None
    batch: Optional[AlignedBatch] = None


@dataclass
class EncoderOutput:
    """What the encoder returns: states of documents, document after document, or what a reducer makes of them.

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
