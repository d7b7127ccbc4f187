"""Draw training examples of questions: a part of the text with its answer, or a part that does not answer it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Tuple

from scripts.xx_mluke_small.sources import language_of
from scripts.xx_mluke_small.training_files import (
    QUESTION_FILES,
    QUESTIONS,
    QUESTIONS_TO_TRAIN_ON,
    DataFolder,
)
from spacy_mluke.training.squad import Paragraph, SquadQuestion, read_squad

# Characters in a wordpiece, about, by language.
CHARACTERS_PER_PIECE = {"zh": 1.45, "ja": 1.7, "th": 2.9, "ar": 3.2, "he": 2.7}
USUAL_CHARACTERS = 4.0
# Sentences of one clause each: another one says nothing about the question, so "no answer" would be too easy.
WITHOUT_UNANSWERABLE = frozenset({"en-qamr.dev.json"})
# Sizes of the parts. Paragraphs of the evaluation sets have 150 to 350 wordpieces.
SMALLEST, LARGEST = 0.5, 1.45
_SENTENCE_ENDS = "。，、.!?！？"
# Parts begin and end at a space or sentence end, if there is one within so many characters.
MAX_BEFORE, MAX_BEYOND = 400, 60
# An unanswerable question gets another part of the same text with this probability, or else a text near it in the file.
SAME_TEXT, NEAR, N_TRIES = 0.6, 40, 20
_QUESTION_PIECES = 14  # special pieces and entities of a sequence, about


@dataclass(frozen=True)
class AskedQuestion:
    """A question and the text that it is about."""

    text: str
    question: SquadQuestion


@dataclass(frozen=True)
class DrawnQuestion:
    """A question about a part of a text, and its cost in wordpieces, about."""

    paragraph: Paragraph
    cost: float


def read_questions(data: DataFolder, *, held_out: bool = False) -> Dict[str, List[AskedQuestion]]:
    """Read the questions of all training files.

    data (DataFolder): The data.
    held_out (bool): Whether to return, instead, the questions of these files that are not trained on.
    RETURNS (Dict[str, List[AskedQuestion]]): By file name.
    """
    found = {}
    for file in QUESTIONS_TO_TRAIN_ON if held_out else QUESTION_FILES:
        paragraphs = read_squad(data.path(f"{QUESTIONS}/{file}"))
        questions = [AskedQuestion(p.text, question) for p in paragraphs for question in p.questions]
        limit = QUESTIONS_TO_TRAIN_ON.get(file)
        found[file] = questions[limit:] if held_out else questions[:limit]
    return found


class QuestionReader:
    """Draws questions, and cuts the parts of texts that they are asked about.

    questions (Dict[str, List[AskedQuestion]]): As from `read_questions`.
    rng (random.Random): Random numbers.
    window (int): Size of a part, in wordpieces, about; sizes vary between the factors SMALLEST and LARGEST of it.
    unanswerable (float): Fraction of questions that get a part without their answer.
    """

    def __init__(
        self,
        questions: Dict[str, List[AskedQuestion]],
        rng: random.Random,
        *,
        window: int = 210,
        unanswerable: float = 0.2,
    ):
        self.questions = questions
        self.rng = rng
        self.window = window
        self.unanswerable = unanswerable

    def draw(self) -> Iterator[DrawnQuestion]:
        """Draw questions without end: a file by its weight, then the next of its questions in random order.

        YIELDS (DrawnQuestion): The questions.
        """
        files = list(self.questions)
        weights = [len(self.questions[file]) * QUESTION_FILES[file] for file in files]
        orders = {}
        for file in files:
            orders[file] = list(range(len(self.questions[file])))
            self.rng.shuffle(orders[file])
        n_drawn = dict.fromkeys(files, 0)
        while True:
            (file,) = self.rng.choices(files, weights)
            order = orders[file]
            number = order[n_drawn[file] % len(order)]
            n_drawn[file] += 1
            paragraph = self.make_paragraph(file, number)
            if paragraph is not None and paragraph.text.strip():
                per_piece = CHARACTERS_PER_PIECE.get(language_of(file), USUAL_CHARACTERS)
                n_pieces = len(paragraph.text) / per_piece
                n_question_pieces = len(paragraph.questions[0].text) / per_piece
                yield DrawnQuestion(paragraph, n_pieces + _QUESTION_PIECES + n_question_pieces)

    def make_paragraph(self, file: str, number: int) -> Optional[Paragraph]:
        """Return a question with a part of its text, or with a part that does not answer it.

        file (str): Name of the file.
        number (int): Number of the question in the file.
        RETURNS (Optional[Paragraph]): The part and the question. None if a part without the answer was drawn, but has
            the words of the answer.
        """
        asked = self.questions[file][number]
        text, question = asked.text, asked.question
        per_piece = CHARACTERS_PER_PIECE.get(language_of(file), USUAL_CHARACTERS)
        size = int(self.window * per_piece * self.rng.uniform(SMALLEST, LARGEST))
        is_unanswerable = self.rng.random() < self.unanswerable and file not in WITHOUT_UNANSWERABLE
        if not question.answers:
            return _ask(self._random_part(text, size), question, [])
        if is_unanswerable:
            part = self._part_without_answer(file, number, size)
            is_answered = any(text[start:end] in part for start, end in question.answers)
            return None if is_answered else _ask(part, question, [])
        first, last = question.answers[0]
        start, end = self.cut(text, first, last, size)
        return _ask(text[start:end], question, [(first - start, last - start)])

    def cut(self, text: str, first: int, last: int, size: int) -> Tuple[int, int]:
        """Choose a part of a text that contains an answer, at a random place, from space or sentence end to another.

        text (str): The text.
        first (int): First character of the answer.
        last (int): Its end.
        size (int): Number of characters of the part, about.
        RETURNS (Tuple[int, int]): First character and end.
        """
        if len(text) <= size:
            return 0, len(text)
        slack = max(0, size - (last - first))
        start = max(0, first - self.rng.randint(0, slack))
        end = min(len(text), start + max(size, last - first))
        start = max(0, min(start, end - size))
        earliest = max(0, end - size - MAX_BEYOND)
        while start > earliest and not _is_edge(text[start - 1]) and first - start < MAX_BEFORE:
            start -= 1
        while end < len(text) and not _is_edge(text[end]) and end < start + size + MAX_BEYOND:
            end += 1
        return min(start, first), max(end, last)

    def _part_without_answer(self, file: str, number: int, size: int) -> str:
        """Return a part of the text before or after the answer, or a part of another text."""
        asked = self.questions[file][number]
        text, (first, last) = asked.text, asked.question.answers[0]
        sides = [(start, end) for start, end in ((0, first), (last, len(text))) if end - start > size * 0.6]
        if sides and self.rng.random() < SAME_TEXT:
            start, end = self.rng.choice(sides)
            return self._random_part(text[start:end], size)
        questions = self.questions[file]
        other = text
        for _ in range(N_TRIES):
            near = number + self.rng.randint(-NEAR, NEAR)
            other = questions[min(len(questions) - 1, max(0, near))].text
            if other != text:
                break
        return self._random_part(other, size)

    def _random_part(self, text: str, size: int) -> str:
        start = self.rng.randint(0, max(0, len(text) - size))
        return text[start : start + size]


def _ask(text: str, question: SquadQuestion, answers: List[Tuple[int, int]]) -> Paragraph:
    return Paragraph(text, [SquadQuestion(question.text, question.id, answers)])


def _is_edge(char: str) -> bool:
    return char.isspace() or char in _SENTENCE_ENDS
