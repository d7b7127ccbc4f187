"""Choose when `mluke_qa` predicts that a text does not answer a question."""

from __future__ import annotations

import math
from typing import Any, List, Sequence

import numpy

from scripts.xx_mluke_small.questions import AskedQuestion
from spacy_mluke.report.calibrate import changed_options

# Questions, and how far away in the file the text is that does not answer a question.
N_QUESTIONS, DISTANCE = 250, 60
_LEAST = 1e-30


def fit_null_threshold(pipe: Any, questions: Sequence[AskedQuestion]) -> float:
    """Return the threshold that best separates questions about their own text from those about another text.

    pipe (QuestionAnswerer): The component.
    questions (Sequence[AskedQuestion]): Held-out questions with answers, in the order of their file.
    RETURNS (float): The difference of logits, null score minus best answer, with the best mean of two fractions: of
        questions with an answer that get one, and of those without that get none.
    """
    asked = [one for one in questions if one.question.answers]
    chosen = range(0, len(asked), max(1, len(asked) // N_QUESTIONS))
    with changed_options(pipe.cfg, {"null_threshold": None}):
        answered = [_margin(pipe, asked[i].text, asked[i].question.text) for i in chosen]
        others = [(asked[(i + DISTANCE) % len(asked)].text, asked[i].question.text) for i in chosen]
        unanswered = [_margin(pipe, text, question) for text, question in others]
    return best_threshold(answered, unanswered)


def best_threshold(answered: Sequence[float], unanswered: Sequence[float]) -> float:
    """Return the threshold with the best mean of two fractions: of `answered` up to it, and of `unanswered` above it.

    answered (Sequence[float]): Differences of questions with an answer.
    unanswered (Sequence[float]): Differences of questions without.
    RETURNS (float): The threshold.
    """
    first, second = numpy.sort(answered), numpy.sort(unanswered)
    values = numpy.unique(numpy.concatenate([first, second]))
    kept = numpy.searchsorted(first, values, side="right") / len(first)
    refused = 1.0 - numpy.searchsorted(second, values, side="right") / len(second)
    return float(values[(kept + refused).argmax()])


def _margin(pipe: Any, text: str, question: str) -> float:
    """The logit of "no answer" minus that of the best answer."""
    answers: List[Any] = pipe.answer(text, question, top_k=1)
    if not answers:
        return math.inf
    return math.log(max(answers[0].null_score, _LEAST)) - math.log(max(answers[0].score, _LEAST))
