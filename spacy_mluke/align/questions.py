"""Align questions with the documents that answer them: a sequence for each window of a document.

    <s> question </s> </s> window of the document </s>

`align` returns each piece of a long document once, from the window with the most context. An answer is searched in
every window, with the logits of its <s> for "no answer in this window", so here all pieces of all sequences are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence, Tuple, Union

import numpy

from ..errors import Errors
from ..ragged import Spans, ranges, row_offsets, to_numpy
from ..tokenization.interface import Wordpieces
from ..types import Ints1d, Ints2d, QuestionBatch
from .locate import Located, locate
from .segments import check_segmentation
from .sequences import PiecePool, check_limits
from .windows import add_windows, check_windows, required_bounds, window_starts

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from thinc.types import Ragged

# <s> question </s> </s> window </s>
N_SPECIAL = 4
_NONE = numpy.zeros(0, dtype="int64")


def align_questions(
    questions: Sequence[Doc],
    docs: Sequence[Doc],
    owners: Ints1d,
    wordpieces: Wordpieces,
    *,
    default_entity_id: int,
    question_spans: Optional[Ragged] = None,
    doc_spans: Optional[Ragged] = None,
    question_entity_ids: Optional[Ints1d] = None,
    doc_entity_ids: Optional[Ints1d] = None,
    segmentation: str = "published",
    window: int = 512,
    overlap: int = 128,
    max_question: Optional[int] = None,
    max_entities: Optional[int] = 128,
    max_mention_length: int = 30,
) -> QuestionBatch:
    """Build a sequence for every question and every window of its document.

    A document is encoded as wordpieces once, whatever the number of questions about it. An entity is in every window
    that contains it as a whole, as in the published recipe.

    questions (Sequence[Doc]): The questions.
    docs (Sequence[Doc]): The documents, each once.
    owners (Ints1d): The document of each question. Shape: (n_questions,).
    wordpieces (Wordpieces): The vocabulary.
    default_entity_id (int): The entity of spans without a given entity: [MASK].
    question_spans (Optional[Ragged]): Entity spans of the questions, token bounds (start, end). None for no spans.
    doc_spans (Optional[Ragged]): Entity spans of the documents.
    question_entity_ids (Optional[Ints1d]): The entity of each span of the questions.
    doc_entity_ids (Optional[Ints1d]): The entity of each span of the documents.
    segmentation (str): As for `align`.
    window (int): Maximum number of pieces of a sequence, special pieces included.
    overlap (int): Minimum number of pieces of a document that neighbouring windows share.
    max_question (Optional[int]): Maximum number of pieces of a question; longer questions are truncated at the end. By
        default, half a sequence.
    max_entities (Optional[int]): Maximum number of entities of a sequence, those of the question first; None for no
        limit. Further entities are skipped and counted; answers are read from states of words.
    max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
    RETURNS (QuestionBatch): Sequences, question after question.
    RAISES (ValueError): ML001, ML003, ML007, ML070, ML071, ML310.
    """
    check_segmentation(segmentation)
    check_windows(window, overlap, least=N_SPECIAL + 2)
    check_limits(max_entities, max_mention_length)
    if len(owners) != len(questions):
        raise ValueError(
            Errors.ML007.format(what="Documents", found=len(owners), expected=len(questions), per="question")
        )
    room = window - N_SPECIAL
    limit = room // 2 if max_question is None else max_question
    if not 1 <= limit < room:
        wanted = f"a whole number from 1 to {room - 1}, or None"
        raise ValueError(Errors.ML310.format(option="max_question", value=max_question, wanted=wanted))
    question_texts = locate(
        questions, _given_or_none(question_spans, len(questions)), wordpieces, segmentation=segmentation
    )
    doc_texts = locate(docs, _given_or_none(doc_spans, len(docs)), wordpieces, segmentation=segmentation)
    n_question = numpy.minimum(question_texts.doc_lengths, limit)
    doc_entities = _Entities(doc_texts, doc_entity_ids, default_entity_id)
    windows = [
        doc_entities.windows(int(doc), room - int(n), overlap, max_mention_length)
        for doc, n in zip(owners, n_question, strict=True)
    ]
    n_windows = numpy.array([len(starts) for starts in windows], dtype="int64")
    numbers = numpy.repeat(numpy.arange(len(questions)), n_windows)  # (n_sequences,)
    starts = numpy.concatenate([_NONE, *windows])
    ends = numpy.minimum(starts + (room - n_question)[numbers], doc_texts.doc_lengths[owners[numbers]])

    pool = PiecePool(
        numpy.concatenate([question_texts.segmented.pieces.ids, doc_texts.segmented.pieces.ids]),
        numpy.array([wordpieces.bos_id, wordpieces.eos_id, wordpieces.eos_id]),
    )
    one = numpy.ones(len(numbers), dtype="int64")
    first = doc_texts.segmented.doc_pieces[owners[numbers]] + starts
    piece_ids, piece_lengths = pool.build(
        numpy.stack(
            [
                one * pool.n_pieces,
                question_texts.segmented.doc_pieces[numbers],
                one * (pool.n_pieces + 1),
                first + len(question_texts.segmented.pieces.ids),
                one * (pool.n_pieces + 1),
            ],
            axis=1,
        ),
        numpy.stack([one, n_question[numbers], 2 * one, ends - starts, one], axis=1),
    )
    context = numpy.stack([n_question[numbers] + 3, n_question[numbers] + 3 + ends - starts], axis=1)
    question_entities = _Entities(question_texts, question_entity_ids, default_entity_id)
    entities = [
        _sequence_entities(
            question_entities.within(
                int(question), 0, int(n_question[question]), 1, max_mention_length, truncated=True
            ),
            doc_entities.within(int(owners[question]), start, end, base, max_mention_length),
            max_entities,
        )
        for question, start, end, base in zip(
            numbers.tolist(), starts.tolist(), ends.tolist(), context[:, 0].tolist(), strict=True
        )
    ]
    batch = QuestionBatch(
        piece_ids=piece_ids,
        piece_lengths=piece_lengths,
        entity_ids=numpy.concatenate([_NONE, *[ids for ids, _, _ in entities]]),
        entity_bounds=numpy.concatenate(
            [numpy.zeros((0, 2), dtype="int64"), *[bounds for _, bounds, _ in entities]]
        ).astype("int32"),
        entity_lengths=numpy.array([len(ids) for ids, _, _ in entities], dtype="int32"),
        max_mention_length=max_mention_length,
        questions=numbers,
        starts=starts,
        context=context,
        offsets=_context_offsets(piece_lengths, context, starts, owners[numbers], doc_texts),
        with_tokens=False,
        with_all_pieces=True,
        n_questions=len(questions),
    )
    for located in (question_texts, doc_texts):
        batch.counts.add(located.count(max_mention_length))
    batch.counts.skipped_spans = sum(n for _, _, n in entities)
    batch.counts.truncated_questions = int((question_texts.doc_lengths > limit).sum())
    return batch


class _Entities:
    """The entities of questions or of documents.

    located (Located): The texts.
    ids (Optional[Ints1d]): The entity of each span.
    default (int): The entity of all spans without `ids`.
    """

    def __init__(self, located: Located, ids: Optional[Ints1d], default: int) -> None:
        n_spans = len(located.spans.bounds)
        if ids is not None and len(ids) != n_spans:
            raise ValueError(Errors.ML007.format(what="Entity ids", found=len(ids), expected=n_spans, per="span"))
        self.ids = numpy.full(n_spans, default, dtype="int64")
        if ids is not None:
            self.ids[:] = to_numpy(ids)
        self.lengths = located.doc_lengths
        self.bounds = located.span_pieces
        self.has_pieces = ~located.is_blank
        self.offsets = located.spans.offsets

    def spans_of(self, i: int) -> Ints1d:
        """Return the numbers of the spans of text i that have pieces."""
        own = slice(int(self.offsets[i]), int(self.offsets[i + 1]))
        return own.start + numpy.flatnonzero(self.has_pieces[own])

    def windows(self, i: int, room: int, overlap: int, max_mention_length: int) -> Ints1d:
        """Return the first pieces of the windows of text i. Every entity is in at least one of them as a whole."""
        n_pieces = int(self.lengths[i])
        starts = window_starts(n_pieces, room, overlap)
        if len(starts) == 1:
            return starts
        return add_windows(
            starts, required_bounds(self.bounds[self.spans_of(i)], room, max_mention_length), n_pieces, room
        )

    def within(
        self, i: int, start: int, end: int, base: int, max_mention_length: int, *, truncated: bool = False
    ) -> Tuple[Ints1d, Ints2d]:
        """Return the entities in a window of a text.

        i (int): Number of the text.
        start (int): First piece of the window.
        end (int): End of the window.
        base (int): First piece of the window in the sequence.
        max_mention_length (int): Maximum number of wordpieces averaged into a mention's position embedding.
        truncated (bool): Whether to include entities that only start in the window.
        RETURNS (Tuple[Ints1d, Ints2d]): Their ids, and their bounds in the sequence.
        """
        spans = self.spans_of(i)
        if not len(spans):
            return _NONE, numpy.zeros((0, 2), dtype="int64")
        bounds = self.bounds[spans]
        # Of a span longer than the window, only the pieces of its position embedding must be inside.
        required = required_bounds(bounds, end - start, max_mention_length)
        inside = (bounds[:, 0] >= start) & ((bounds[:, 0] if truncated else required[:, 1] - 1) < end)
        return self.ids[spans[inside]], numpy.minimum(bounds[inside], end) - start + base


def _sequence_entities(
    question: Tuple[Ints1d, Ints2d], doc: Tuple[Ints1d, Ints2d], max_entities: Optional[int]
) -> Tuple[Ints1d, Ints2d, int]:
    """Return the entities of a sequence, and the number of skipped entities."""
    ids, bounds = numpy.concatenate([question[0], doc[0]]), numpy.concatenate([question[1], doc[1]])
    return ids[:max_entities], bounds[:max_entities], len(ids) - len(ids[:max_entities])


def _context_offsets(piece_lengths: Ints1d, context: Ints2d, starts: Ints1d, docs: Ints1d, located: Located) -> Ints2d:
    """Return the characters of the pieces of documents; (-1, -1) for other pieces."""
    offsets = numpy.full((int(piece_lengths.sum()), 2), -1, dtype="int32")
    lengths = context[:, 1] - context[:, 0]
    found = ranges(located.segmented.doc_pieces[docs] + starts, lengths)
    chars = located.segmented.pieces.offsets[found] - located.batch.doc_chars[docs].repeat(lengths)[:, None]
    offsets[ranges(row_offsets(piece_lengths)[:-1] + context[:, 0], lengths)] = chars
    return offsets


def _given_or_none(spans: Optional[Ragged], n_docs: int) -> Union[Ragged, Spans]:
    return Spans(numpy.zeros((0, 2), dtype="int32"), numpy.zeros(n_docs, dtype="int32")) if spans is None else spans
