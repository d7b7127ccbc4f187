"""Convert between answers and the wordpieces of the model: gold answers to pieces, logits to answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans

from ...align.overlaps import overlapping_pieces
from ...annotate.answers import Answer, Question, QuestionAnswers, get_question_answers
from ...errors import Errors
from ...ragged import row_offsets
from ...types import AnswerLogits, Bools1d, Ints2d, QuestionBatch
from .answer_ranges import answer_ranges

Chars = Tuple[int, int]


@dataclass
class Targets:
    """First and last pieces of gold answers: the targets of the head."""

    pieces: Ints2d  # (n_sequences, 2): first and last piece in the sequence; its <s> if it contains no answer
    counted: Bools1d  # (n_sequences,): sequences of annotated questions
    n_answered: int  # questions that have a gold answer
    n_lost: int  # of these, questions whose answer is in no window, or too long to be predicted


def gold_question_answers(example: Example) -> List[QuestionAnswers]:
    """Return the annotated questions of an example.

    example (Example): The example.
    RETURNS (List[QuestionAnswers]): Questions and gold answers of its reference.
    RAISES (ValueError): ML216 if its documents have different texts.
    """
    found: List[QuestionAnswers] = [pair for pair in get_question_answers(example.reference) if pair[1] is not None]
    if found and example.predicted.text != example.reference.text:
        texts = f"{example.reference.text[:40]!r}, {example.predicted.text[:40]!r}"
        raise ValueError(Errors.ML216.format(found=texts))
    return found


def predicted_gold(examples: Iterable[Example], questions: Iterable[Sequence[Question]]) -> List[QuestionAnswers]:
    """Return the gold answers to the questions of a prediction.

    examples (Iterable[Example]): The examples.
    questions (Iterable[Sequence[Question]]): The questions of each predicted document.
    RETURNS (List[QuestionAnswers]): Questions and gold answers; None for questions that are not annotated.
    """
    gold: List[QuestionAnswers] = []
    for eg, own in zip(examples, questions, strict=True):
        known = {question.key: answers for question, answers in gold_question_answers(eg)}
        gold.extend((question, known.get(question.key)) for question in own)
    return gold


def answer_chars(gold: Iterable[QuestionAnswers]) -> List[Optional[List[Chars]]]:
    """Return the character bounds of gold answers.

    gold (Iterable[QuestionAnswers]): Questions and gold answers.
    RETURNS (List[Optional[List[Chars]]]): Bounds in the document; None for questions that are not annotated.
    """
    return [None if answers is None else [answer.chars for answer in answers] for _, answers in gold]


def find_targets(batch: QuestionBatch, gold: Sequence[Optional[Iterable[Chars]]], max_pieces: int) -> Targets:
    """Find the pieces of gold answers.

    If a question has several gold answers, the first one that is completely inside a window is used. For windows
    without it, the target is their <s>, as in the published recipe.

    batch (QuestionBatch): The sequences.
    gold (Sequence[Optional[Iterable[Chars]]]): Character bounds of the gold answers to each question in the document;
        empty if it has no answer, None if it is not annotated.
    max_pieces (int): Number of pieces of the longest answer that can be predicted.
    RETURNS (Targets): The targets of the head.
    """
    pieces = numpy.zeros((batch.n_sequences, 2), dtype="int64")
    counted = numpy.array([answers is not None for answers in gold], dtype=bool)[batch.questions]
    sequence_offsets = row_offsets(numpy.bincount(batch.questions, minlength=batch.n_questions))
    piece_offsets = row_offsets(batch.piece_lengths)
    n_answered = n_lost = 0
    for i, answers in enumerate(gold):
        sequences = range(int(sequence_offsets[i]), int(sequence_offsets[i + 1]))
        chars = list(answers or ())
        n_answered += bool(chars)
        for place in chars:
            found = {n: answer_pieces(batch, n, int(piece_offsets[n]), place) for n in sequences}
            whole = {n: bounds for n, bounds in found.items() if bounds is not None}
            if whole:
                pieces[list(whole)] = list(whole.values())
                n_lost += any(last - first >= max_pieces for first, last in whole.values())
                break
        else:
            n_lost += bool(chars)
    return Targets(pieces, counted, n_answered, n_lost)


def answer_pieces(batch: QuestionBatch, n: int, offset: int, chars: Chars) -> Optional[Tuple[int, int]]:
    """Return the first and the last piece of an answer in a sequence.

    batch (QuestionBatch): The sequences.
    n (int): The sequence.
    offset (int): Its first piece in the batch.
    chars (Chars): Character bounds of the answer in the document.
    RETURNS (Optional[Tuple[int, int]]): Pieces of the sequence; None if its window does not hold the complete answer.
    """
    first, end = batch.context[n].tolist()
    offsets = batch.offsets[offset + first : offset + end]
    visible = offsets[offsets[:, 1] > offsets[:, 0]]
    if not len(visible) or chars[0] < visible[0, 0] or chars[1] > visible[-1, 1]:
        return None
    ((a, b),) = overlapping_pieces(numpy.array([chars]), offsets).tolist()
    return (first + a, first + b - 1) if b > a else None


def find_answers(output: AnswerLogits, docs: Sequence[Doc], **options: Any) -> List[List[Answer]]:
    """Return the best answers to each question of a batch.

    output (AnswerLogits): Output of the head.
    docs (Sequence[Doc]): The document of each question.
    **options (Any): As for `answer_ranges`.
    RETURNS (List[List[Answer]]): Answers to each question, best first; empty for "no answer".
    """
    found: List[List[Answer]] = []
    for doc, ranges in zip(docs, answer_ranges(output, docs, **options), strict=True):
        answers = (Answer.at(doc, best.start, best.end, best.score, best.null_score) for best in ranges)
        found.append([answer for answer in answers if answer is not None])
    return found


def missing_questions(predicted: Doc, reference: Doc) -> List[Question]:
    """Return the annotated questions of a reference that the predicted document lacks.

    predicted (Doc): The predicted document.
    reference (Doc): Its reference.
    RETURNS (List[Question]): The questions.
    """
    known: Dict[Tuple[str, str], Any] = {question.key: None for question, _ in get_question_answers(predicted)}
    return [q for q, answers in get_question_answers(reference) if answers is not None and q.key not in known]


def question_doc(tokenizer: Any, question: Question) -> Doc:
    """Make a document of a question, with its entities.

    tokenizer (Callable[[str], Doc]): Tokenizes the text.
    question (Question): The question.
    RETURNS (Doc): The document. Entities are expanded to complete tokens; of overlapping entities, the longest is kept.
    """
    doc = tokenizer(question.text)
    if question.entities:
        spans: List[Span] = []
        for start, end, name in question.entities:
            span: Any = doc.char_span(start, end, label="ENTITY", kb_id=name, alignment_mode="expand")
            if span is not None:
                spans.append(span)
        doc.ents = filter_spans(spans)
    return doc
