"""The answers that questions can have, as classes: what the temperature is fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence

import numpy
from spacy.training import Example

from ...annotate.answers import Question
from ...heads.calibration import ClassLogits
from ...ragged import row_offsets
from ...scorers.confidence import Judged, judge_answers
from ...types import AnswerLogits
from .answer_ranges import searches
from .questions import Chars, answer_chars, answer_pieces, predicted_gold


@dataclass
class QuestionPrediction:
    """Logits for the questions of some documents."""

    questions: List[List[Question]]  # of each document
    output: AnswerLogits


class JudgedAnswers:
    """Base of `QuestionAnswerer`: compares its predictions with gold answers."""

    cfg: Dict[str, Any]

    def class_logits(self, examples: Sequence[Example], prediction: QuestionPrediction) -> ClassLogits:
        """Return the logits of all possible answers to annotated questions, and of "no answer", to fit the temperature.

        examples (Sequence[Example]): Examples with the gold answers to the questions.
        prediction (QuestionPrediction): The prediction, as returned by `predict`.
        RETURNS (ClassLogits): An item for each question. Questions are skipped if no possible answer is right.
        """
        gold = answer_chars(predicted_gold(examples, prediction.questions))
        return answer_classes(prediction.output, gold, self.cfg["max_answer_pieces"])

    def judge(self, example: Example) -> Judged:
        """Compare the best answer to each question of an annotated document with the gold ones.

        example (Example): The annotated document, and its reference.
        RETURNS (Judged): Answers are right if their text is that of a gold answer.
        """
        return judge_answers(example)


def answer_classes(output: AnswerLogits, gold: Sequence[Optional[Sequence[Chars]]], max_pieces: int) -> ClassLogits:
    """Return the logits of all possible answers to annotated questions, and of "no answer".

    output (AnswerLogits): Output of the head.
    gold (Sequence[Optional[Sequence[Chars]]]): Character bounds of the gold answers to each question in the document;
        empty if it has no answer, None if it is not annotated.
    max_pieces (int): Maximum number of pieces of an answer.
    RETURNS (ClassLogits): An item for each question. Each gold answer that can be predicted is a gold class, or "no
        answer" if there is none; questions without any are skipped.
    """
    batch = output.batch
    offsets = row_offsets(batch.piece_lengths).tolist()
    logits = [numpy.zeros(0, dtype="float32")]
    truth = [numpy.zeros(0, dtype=bool)]
    lengths = []
    for answers, (own, search) in zip(gold, searches(output, max_pieces), strict=True):
        if answers is None:
            continue
        is_gold = [numpy.zeros(scores.shape, dtype=bool) for scores in search.scores]
        for n, window in zip(range(own.start, own.stop), is_gold, strict=True):
            for chars in answers:
                place = answer_pieces(batch, n, offsets[n], chars)
                if place is not None and place[1] - place[0] < max_pieces:
                    window[place[0] - int(batch.context[n, 0]), place[1] - place[0]] = True
        values = numpy.concatenate([*(scores.ravel() for scores in search.scores), [search.null]])
        possible = numpy.isfinite(values)
        logits.append(values[possible].astype("float32"))
        truth.append(numpy.concatenate([*(window.ravel() for window in is_gold), [not answers]])[possible])
        lengths.append(len(logits[-1]))
    ends = numpy.cumsum(lengths, dtype="int64")
    negative = numpy.zeros(sum(lengths), dtype=bool)
    negative[ends - 1] = True
    return ClassLogits.of(
        numpy.concatenate(logits),
        numpy.concatenate(truth),
        numpy.asarray(lengths, dtype="int64"),
        negative=negative,
    )
