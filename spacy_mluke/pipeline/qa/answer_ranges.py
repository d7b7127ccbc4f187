"""Find the best answers in the logits of a batch of questions. Without spaCy: exported models (`onnx/`) use it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence, Tuple

import numpy

from ...align.overlaps import overlapping_pieces
from ...heads.answer_search import AnswerSearch, split_windows
from ...ragged import row_offsets, to_numpy
from ...types import AnswerLogits, Floats2d, Ints2d, QuestionBatch
from .answer_trimming import trim

if TYPE_CHECKING:
    from spacy.tokens import Doc

Chars = Tuple[int, int]


@dataclass(frozen=True)
class AnswerRange:
    """An answer to a question: characters of the document."""

    start: int
    end: int
    score: float  # its probability
    null_score: float  # the probability that the document does not answer the question


def answer_ranges(
    output: AnswerLogits,
    docs: Sequence[Doc],
    *,
    top_k: int,
    max_pieces: int,
    null_threshold: Optional[float],
    threshold: float = 0.0,
    temperature: float = 1.0,
) -> List[List[AnswerRange]]:
    """Return the best answers to each question of a batch.

    output (AnswerLogits): Output of the head.
    docs (Sequence[Doc]): The document of each question.
    top_k (int): Maximum number of answers. Answers that share a token with a better one are skipped.
    max_pieces (int): Maximum number of pieces of an answer.
    null_threshold (Optional[float]): Maximum by which the null score may exceed the best answer's; None for no limit.
    threshold (float): Minimum probability of an answer.
    temperature (float): Number that the logits are divided by before probabilities are computed.
    RETURNS (List[List[AnswerRange]]): Answers to each question, best first, without punctuation at their ends that does
        not belong to them; empty for "no answer".
    """
    batch = output.batch
    piece_offsets = row_offsets(batch.piece_lengths)
    found: List[List[AnswerRange]] = []
    for doc, (own, search) in zip(docs, searches(output, max_pieces, temperature), strict=True):
        if null_threshold is not None and search.null - search.best > null_threshold:
            found.append([])
            continue
        offsets = _doc_offsets(batch, own, piece_offsets)
        null_score = float(numpy.exp(search.null_score))
        answers = []
        for best in search.take(top_k, _TokenPieces(doc, offsets)):
            chars = trim(doc.text, *_visible_chars(offsets, best.first, best.end))
            score = float(numpy.exp(best.score))
            if score >= threshold:
                answers.append(AnswerRange(*chars, score, null_score))
        found.append(answers)
    return found


def searches(output: AnswerLogits, max_pieces: int, temperature: float = 1.0) -> Iterator[Tuple[slice, AnswerSearch]]:
    """Search the answers to each question of a batch.

    output (AnswerLogits): Output of the head.
    max_pieces (int): Maximum number of pieces of an answer.
    temperature (float): Number that the logits are divided by before probabilities are computed.
    YIELDS (Tuple[slice, AnswerSearch]): The question's sequences, and the scores of its answers.
    """
    batch = output.batch
    logits: Floats2d = to_numpy(output.logits)
    sequence_offsets = row_offsets(numpy.bincount(batch.questions, minlength=batch.n_questions)).tolist()
    piece_heads = row_offsets(batch.piece_lengths)[:-1]
    for own in map(slice, sequence_offsets[:-1], sequence_offsets[1:]):
        windows = split_windows(logits, batch.starts[own], batch.context[own], batch.offsets, piece_heads[own])
        yield own, AnswerSearch(windows, max_pieces, temperature)


class _TokenPieces:
    """Expands a range of pieces to complete tokens: a callable that returns the new first piece and end.

    doc (Doc): The document.
    offsets (Ints2d): Character bounds of its pieces.
    """

    def __init__(self, doc: Doc, offsets: Ints2d) -> None:
        self.doc = doc
        self.offsets = offsets

    def __call__(self, first: int, end: int) -> Tuple[int, int]:
        chars = _visible_chars(self.offsets, first, end)
        span: Any = self.doc.char_span(*chars, alignment_mode="expand")
        if span is None:
            return first, end
        ((a, b),) = overlapping_pieces(numpy.array([[span.start_char, span.end_char]]), self.offsets).tolist()
        return min(a, first), max(b, end)


def _doc_offsets(batch: QuestionBatch, own: slice, piece_offsets: Any) -> Ints2d:
    """Character bounds of all pieces of the document of one question."""
    starts, context = batch.starts[own].tolist(), batch.context[own].tolist()
    rows = piece_offsets[:-1][own].tolist()
    offsets = numpy.zeros((starts[-1] + context[-1][1] - context[-1][0], 2), dtype="int64")
    for start, (first, end), row in zip(starts, context, rows, strict=True):
        offsets[start : start + end - first] = batch.offsets[row + first : row + end]
    return offsets


def _visible_chars(offsets: Ints2d, first: int, end: int) -> Chars:
    own = offsets[first:end]
    visible = own[own[:, 1] > own[:, 0]]
    return int(visible[0, 0]), int(visible[:, 1].max())
