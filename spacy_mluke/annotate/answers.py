"""Questions and answers on a Doc: `doc._.mluke_questions`, `doc._.mluke_answers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from spacy.tokens import Doc, Span

from ..errors import Errors
from .records import Record, find_records, put_record

RECORD = "mluke_questions_record"


@dataclass(frozen=True)
class Question:
    """A question about a document."""

    text: str
    id: str = ""  # tells questions of the same text apart, in scoring
    # Characters of the entities in the text, and what a knowledge base calls each, or ""; (start, end) will do.
    entities: Tuple[Tuple[int, int, str], ...] = ()

    def __post_init__(self) -> None:
        entities = []
        for entity in self.entities:
            start, end, name = (*entity, "")[:3]
            if not 0 <= start < end <= len(self.text):
                raise ValueError(Errors.ML215.format(found=(start, end), text=self.text))
            entities.append((int(start), int(end), str(name)))
        object.__setattr__(self, "entities", tuple(entities))

    @classmethod
    def of(cls, value: Union[str, Doc, Span, Question]) -> Question:
        """Make a question.

        value (Union[str, Doc, Span, Question]): A text, or one with entities.
        RETURNS (Question): The question.
        RAISES (ValueError): ML210 for anything else.
        """
        if isinstance(value, Question):
            return value
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, (Doc, Span)):
            start = value.start_char if isinstance(value, Span) else 0
            ents = [(ent.start_char - start, ent.end_char - start, ent.kb_id_) for ent in value.ents]
            return cls(value.text, entities=tuple(ents))
        raise ValueError(Errors.ML210.format(found=repr(value)))

    @property
    def key(self) -> Tuple[str, str]:
        """What makes it the same question in another document."""
        return self.id, self.text


@dataclass(frozen=True)
class Answer:
    """A piece of a document that answers a question."""

    span: Span  # all tokens that hold a character of it
    score: float = 1.0  # its probability; 1.0 for one that people annotated
    # First character and end in the document: an answer may be a part of a token. By default, the span's.
    chars: Tuple[int, int] = (-1, -1)
    null_score: float = 0.0  # the probability that the document does not answer the question

    def __post_init__(self) -> None:
        if self.chars == (-1, -1):
            object.__setattr__(self, "chars", (self.span.start_char, self.span.end_char))

    @classmethod
    def at(cls, doc: Doc, start: int, end: int, score: float = 1.0, null_score: float = 0.0) -> Optional[Answer]:
        """Make an answer of characters.

        doc (Doc): The document.
        start (int): First character.
        end (int): Its end.
        score (float): Its probability.
        null_score (float): The probability that there is no answer.
        RETURNS (Optional[Answer]): None if they are not in the document, or on no token.
        """
        if not 0 <= start < end:
            return None
        span: Any = doc.char_span(start, end, alignment_mode="expand")
        if span is None or not len(span) or span.end_char < end:
            return None
        return cls(span, score, (start, end), null_score)

    @property
    def text(self) -> str:
        """Its exact text, which may be less than the span's."""
        start = self.span.start_char
        return self.span.text[self.chars[0] - start : self.chars[1] - start]


Asked = Tuple[Question, Optional[List[Answer]]]


def get_asked(doc: Doc) -> List[Asked]:
    """The questions about a document and their answers.

    doc (Doc): The document.
    RETURNS (List[Asked]): The answers of a question are None if nobody has said which they are, and empty if somebody
        has said that there are none. Spans are made from characters: they hold after retokenization, and in joined
        documents.
    """
    found: List[Asked] = []
    for start, record in find_records(doc, RECORD):
        given = record["answers"] or [None] * len(record["questions"])
        for question, answers in zip(record["questions"], given, strict=True):
            made = answers and [Answer.at(doc, start + a, start + b, p, null) for a, b, p, null in answers]
            kept = None if made is None else [answer for answer in made if answer is not None]
            # A span taken out of a document leaves answers behind; that does not make the question impossible.
            found.append((_question(question), None if made and not kept else kept))
    return found


def get_questions(doc: Doc) -> List[Question]:
    """The questions about a document.

    doc (Doc): The document.
    RETURNS (List[Question]): The questions.
    """
    return [_question(question) for _, record in find_records(doc, RECORD) for question in record["questions"]]


def get_answers(doc: Doc) -> List[List[Answer]]:
    """The answers of a document.

    doc (Doc): The document.
    RETURNS (List[List[Answer]]): For each of its questions, best first; empty where it has none, or has not been asked
        yet.
    """
    return [answers or [] for _, answers in get_asked(doc)]


def set_questions(doc: Doc, questions: Iterable[Union[str, Doc, Span, Question]]) -> None:
    """Ask a document. Earlier questions and answers go.

    doc (Doc): The document.
    questions (Iterable[Union[str, Doc, Span, Question]]): Texts, or questions with entities.
    RAISES (ValueError): ML210 for anything else.
    """
    if isinstance(questions, (str, Question, Doc, Span)) or not isinstance(questions, Iterable):
        raise ValueError(Errors.ML210.format(found=repr(questions)))
    put_record(doc, RECORD, {"questions": [_plain(Question.of(value)) for value in questions], "answers": None})


def set_answers(doc: Doc, answers: Sequence[Optional[Iterable[Union[Answer, Span]]]]) -> None:
    """Say how a document answers its questions.

    doc (Doc): The document, which has questions.
    answers (Sequence[Optional[Iterable[Union[Answer, Span]]]]): For each question, answers, best first. An empty list
        says that the document has none, None that nobody knows.
    RAISES (ValueError): ML211 for anything else.
    """
    questions = get_questions(doc)
    if not isinstance(answers, Sequence) or isinstance(answers, str) or len(answers) != len(questions):
        raise ValueError(Errors.ML211.format(n=len(questions), found=repr(answers)))
    rows: List[Optional[List[List[float]]]] = []
    for given in answers:
        if given is not None and (isinstance(given, (str, Span)) or not isinstance(given, Iterable)):
            raise ValueError(Errors.ML211.format(n=len(questions), found=repr(given)))
        rows.append(None if given is None else [_row(doc, answer, len(questions)) for answer in given])
    put_record(doc, RECORD, {"questions": list(map(_plain, questions)), "answers": rows})


def _row(doc: Doc, value: Any, n: int) -> List[float]:
    answer = Answer(value) if isinstance(value, Span) else value
    if isinstance(answer, Answer) and not len(answer.span):
        raise ValueError(Errors.ML211.format(n=n, found="a span without tokens"))
    if not isinstance(answer, Answer) or answer.span.doc is not doc:
        found = "a span of another document" if isinstance(answer, Answer) else repr(value)
        raise ValueError(Errors.ML211.format(n=n, found=found))
    return [*map(int, answer.chars), float(answer.score), float(answer.null_score)]


def _plain(question: Question) -> Dict[str, Any]:
    return {"text": question.text, "id": question.id, "entities": [list(entity) for entity in question.entities]}


def _question(record: Record) -> Question:
    return Question(record["text"], record["id"], tuple((a, b, name) for a, b, name in record["entities"]))
