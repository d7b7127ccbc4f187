"""Questions and the documents that answer them: every window's own pass, and all of its pieces.

    <s> question </s> </s> window of the document </s>

`align` gives each piece of a long document once, from the window that shows it best: states to read. An answer is
searched for in the logits of every window, whose <s> says whether the window holds one: here all passes stay whole.
"""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import NumpyOps
from thinc.types import Ragged
from thinc.util import to_numpy

from ..errors import Errors
from ..ragged import ranges, row_offsets
from ..tokenization.wordpieces import Wordpieces
from ..types import Ints1d, Ints2d, QuestionBatch
from .locate import Located, locate
from .segments import check_segmentation
from .sequences import Pool, check_limits, held_bounds
from .windows import add_windows, check_windows, window_starts

# <s> question </s> </s> window </s>
N_SPECIAL = 4
_NO_SPANS = numpy.zeros(0, dtype="int64")


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
    """Lay out a pass for every window of its document and every question.

    A document is cut into wordpieces once, however many questions there are about it. An entity stands in every window
    that shows all of it, as in the published recipe: words of two windows gain from it alike.

    questions (Sequence[Doc]): The questions.
    docs (Sequence[Doc]): The documents, each once.
    owners (Ints1d): The document that each question is about. Shape: (n_questions,).
    wordpieces (Wordpieces): The vocabulary.
    default_entity_id (int): The entity of spans for which no other is given: [MASK].
    question_spans (Optional[Ragged]): Entity spans of the questions, (start, end) token rows. None for none.
    doc_spans (Optional[Ragged]): Entity spans of the documents.
    question_entity_ids (Optional[Ints1d]): The entity of each span of the questions.
    doc_entity_ids (Optional[Ints1d]): The entity of each span of the documents.
    segmentation (str): As for `align`.
    window (int): Pieces of a pass, special pieces included.
    overlap (int): Pieces of a document that neighbouring windows share.
    max_question (Optional[int]): Pieces of a question; what is longer is cut from the right. By default, half of what
        a pass takes.
    max_entities (Optional[int]): Entities of a pass, those of the question first; None for any number. The others are
        left out, and counted: no answer depends on their states.
    max_mention_length (int): Pieces of a mention that its position embedding is the mean of, from the left.
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
    asked = locate(questions, _ragged(question_spans, len(questions)), wordpieces, segmentation=segmentation)
    read = locate(docs, _ragged(doc_spans, len(docs)), wordpieces, segmentation=segmentation)
    n_question = numpy.minimum(asked.doc_lengths, limit)
    doc_entities = _Entities(read, doc_entity_ids, default_entity_id)
    windows = [
        doc_entities.windows(int(doc), room - int(n), overlap, max_mention_length)
        for doc, n in zip(owners, n_question, strict=True)
    ]
    n_windows = numpy.array([len(starts) for starts in windows], dtype="int64")
    numbers = numpy.repeat(numpy.arange(len(questions)), n_windows)  # (n_sequences,)
    starts = numpy.concatenate([_NO_SPANS, *windows])
    ends = numpy.minimum(starts + (room - n_question)[numbers], read.doc_lengths[owners[numbers]])

    pool = Pool(
        numpy.concatenate([asked.found.pieces.ids, read.found.pieces.ids]),
        numpy.array([wordpieces.bos_id, wordpieces.eos_id, wordpieces.eos_id]),
    )
    one = numpy.ones(len(numbers), dtype="int64")
    first = read.found.doc_pieces[owners[numbers]] + starts
    piece_ids, piece_lengths = pool.build(
        numpy.stack(
            [
                one * pool.n_pieces,
                asked.found.doc_pieces[numbers],
                one * (pool.n_pieces + 1),
                first + len(asked.found.pieces.ids),
                one * (pool.n_pieces + 1),
            ],
            axis=1,
        ),
        numpy.stack([one, n_question[numbers], 2 * one, ends - starts, one], axis=1),
    )
    context = numpy.stack([n_question[numbers] + 3, n_question[numbers] + 3 + ends - starts], axis=1)
    question_entities = _Entities(asked, question_entity_ids, default_entity_id)
    entities = [
        _pass_entities(
            question_entities.within(int(question), 0, int(n_question[question]), 1, max_mention_length, cut=True),
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
        entity_ids=numpy.concatenate([_NO_SPANS, *[ids for ids, _, _ in entities]]),
        entity_bounds=numpy.concatenate(
            [numpy.zeros((0, 2), dtype="int64"), *[bounds for _, bounds, _ in entities]]
        ).astype("int32"),
        entity_lengths=numpy.array([len(ids) for ids, _, _ in entities], dtype="int32"),
        max_mention_length=max_mention_length,
        questions=numbers,
        starts=starts,
        context=context,
        offsets=_context_offsets(piece_lengths, context, starts, owners[numbers], read),
        with_tokens=False,
        with_all_pieces=True,
        n_questions=len(questions),
    )
    for located in (asked, read):
        batch.counts.add(located.count(max_mention_length))
    batch.counts.skipped_spans = sum(n for _, _, n in entities)
    batch.counts.truncated_questions = int((asked.doc_lengths > limit).sum())
    return batch


class _Entities:
    """The entities of the questions, or of the documents.

    located (Located): The texts.
    ids (Optional[Ints1d]): The entity of each span.
    default (int): The entity of every span otherwise.
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
        self.shown = ~located.is_blank
        self.heads = located.spans.heads

    def rows(self, i: int) -> Ints1d:
        """The spans of text i that have pieces."""
        own = slice(int(self.heads[i]), int(self.heads[i + 1]))
        return own.start + numpy.flatnonzero(self.shown[own])

    def windows(self, i: int, room: int, overlap: int, max_mention_length: int) -> Ints1d:
        """First pieces of the windows over text i: every entity stands whole in one of them at least."""
        n_pieces = int(self.lengths[i])
        starts = window_starts(n_pieces, room, overlap)
        if len(starts) == 1:
            return starts
        return add_windows(starts, held_bounds(self.bounds[self.rows(i)], room, max_mention_length), n_pieces, room)

    def within(
        self, i: int, start: int, end: int, base: int, max_mention_length: int, *, cut: bool = False
    ) -> Tuple[Ints1d, Ints2d]:
        """Entities of a window over text i.

        start (int): First piece of the window.
        end (int): Its end.
        base (int): Where the window begins in the pass.
        cut (bool): Whether those that begin in the window count, too.
        RETURNS (Tuple[Ints1d, Ints2d]): Their ids and their bounds in the pass.
        """
        rows = self.rows(i)
        if not len(rows):
            return _NO_SPANS, numpy.zeros((0, 2), dtype="int64")
        bounds = self.bounds[rows]
        # Of a span longer than a window, what makes up its position.
        held = held_bounds(bounds, end - start, max_mention_length)
        inside = (bounds[:, 0] >= start) & ((bounds[:, 0] if cut else held[:, 1] - 1) < end)
        return self.ids[rows[inside]], numpy.minimum(bounds[inside], end) - start + base


def _pass_entities(
    question: Tuple[Ints1d, Ints2d], doc: Tuple[Ints1d, Ints2d], max_entities: Optional[int]
) -> Tuple[Ints1d, Ints2d, int]:
    """The entities of a pass, and how many it has no room for."""
    ids, bounds = numpy.concatenate([question[0], doc[0]]), numpy.concatenate([question[1], doc[1]])
    return ids[:max_entities], bounds[:max_entities], len(ids) - len(ids[:max_entities])


def _context_offsets(piece_lengths: Ints1d, context: Ints2d, starts: Ints1d, docs: Ints1d, read: Located) -> Ints2d:
    """The characters of the pieces that are the documents'."""
    offsets = numpy.full((int(piece_lengths.sum()), 2), -1, dtype="int32")
    lengths = context[:, 1] - context[:, 0]
    found = ranges(read.found.doc_pieces[docs] + starts, lengths)
    chars = read.found.pieces.offsets[found] - read.batch.doc_chars[docs].repeat(lengths)[:, None]
    offsets[ranges(row_offsets(piece_lengths)[:-1] + context[:, 0], lengths)] = chars
    return offsets


def _ragged(spans: Optional[Ragged], n_docs: int) -> Ragged:
    ops = NumpyOps()
    return Ragged(ops.alloc2i(0, 2), ops.alloc1i(n_docs)) if spans is None else spans
