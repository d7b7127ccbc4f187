"""Questions and answers on a Doc: `doc._.mluke_questions`, `doc._.mluke_answers`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from spacy.tokens import Doc, Span

from ..errors import Errors
from .json_object import JsonObject
from .records import Record, find_records, put_record

RECORD = "mluke_questions_record"


@dataclass(frozen=True)
class Question(JsonObject):
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
        super().__post_init__()

    def to_dict(self) -> Dict[str, Any]:
        """The question in plain types.

        RETURNS (Dict[str, Any]): `text`, `id`, `entities` (lists of start, end and name; places are characters of the
            question).
        """
        return {"text": self.text, "id": self.id, "entities": [list(entity) for entity in self.entities]}

    @classmethod
    def of(cls, value: Union[str, Doc, Span, Question, Mapping[str, Any]]) -> Question:
        """Make a question.

        value (Union[str, Doc, Span, Question, Mapping[str, Any]]): A text, one with entities, or what `to_dict` gave.
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
        if isinstance(value, Mapping) and isinstance(value.get("text"), str):
            entities = value.get("entities", ())
            if isinstance(entities, (list, tuple)) and all(isinstance(entity, (list, tuple)) for entity in entities):
                return cls(value["text"], str(value.get("id", "")), tuple(map(tuple, entities)))
        raise ValueError(Errors.ML210.format(found=repr(value)))

    @property
    def key(self) -> Tuple[str, str]:
        """What makes it the same question in another document."""
        return self.id, self.text


@dataclass(frozen=True)
class Answer(JsonObject):
    """A piece of a document that answers a question."""

    span: Span  # all tokens that hold a character of it
    score: float = 1.0  # its probability; 1.0 for one that people annotated
    # First character and end in the document: an answer may be a part of a token. By default, the span's.
    chars: Tuple[int, int] = (-1, -1)
    null_score: float = 0.0  # the probability that the document does not answer the question

    def __post_init__(self) -> None:
        if self.chars == (-1, -1):
            object.__setattr__(self, "chars", (self.span.start_char, self.span.end_char))
        super().__post_init__()

    def to_dict(self) -> Dict[str, Any]:
        """The answer in plain types.

        RETURNS (Dict[str, Any]): `start` and `end` (characters of the document), `text`, `score`, `null_score`.
        """
        start, end = map(int, self.chars)
        scores = {"score": float(self.score), "null_score": float(self.null_score)}
        return {"start": start, "end": end, "text": self.text, **scores}

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


def set_questions(doc: Doc, questions: Iterable[Union[str, Doc, Span, Question, Mapping[str, Any]]]) -> None:
    """Ask a document. Earlier questions and answers go.

    doc (Doc): The document.
    questions (Iterable[Union[str, Doc, Span, Question, Mapping[str, Any]]]): Texts, questions with entities, or what
        `Question.to_dict` gave.
    RAISES (ValueError): ML210 for anything else.
    """
    if isinstance(questions, (str, Mapping, Doc, Span)) or not isinstance(questions, Iterable):
        raise ValueError(Errors.ML210.format(found=repr(questions)))
    put_record(doc, RECORD, {"questions": [Question.of(value).to_dict() for value in questions], "answers": None})


def set_answers(doc: Doc, answers: Sequence[Optional[Iterable[Union[Answer, Span, Mapping[str, Any]]]]]) -> None:
    """Say how a document answers its questions.

    doc (Doc): The document, which has questions.
    answers (Sequence[Optional[Iterable[Union[Answer, Span, Mapping[str, Any]]]]]): For each question, answers, best
        first, or what `Answer.to_dict` gave. An empty list says that the document has none, None that nobody knows.
    RAISES (ValueError): ML211 for anything else.
    """
    questions = get_questions(doc)
    if not isinstance(answers, Sequence) or isinstance(answers, str) or len(answers) != len(questions):
        raise ValueError(Errors.ML211.format(n=len(questions), found=repr(answers)))
    rows: List[Optional[List[List[float]]]] = []
    for given in answers:
        if given is not None and (isinstance(given, (str, Mapping, Span)) or not isinstance(given, Iterable)):
            raise ValueError(Errors.ML211.format(n=len(questions), found=repr(given)))
        rows.append(None if given is None else [_row(doc, answer, len(questions)) for answer in given])
    put_record(doc, RECORD, {"questions": [question.to_dict() for question in questions], "answers": rows})


def _row(doc: Doc, value: Any, n: int) -> List[float]:
    answer = Answer(value) if isinstance(value, Span) else value
    if isinstance(value, Mapping) and not isinstance(value, Answer):
        answer = _answer(doc, value)
    if isinstance(answer, Answer) and not len(answer.span):
        raise ValueError(Errors.ML211.format(n=n, found="a span without tokens"))
    if not isinstance(answer, Answer) or answer.span.doc is not doc:
        found = "a span of another document" if isinstance(answer, Answer) else repr(value)
        raise ValueError(Errors.ML211.format(n=n, found=found))
    return [*map(int, answer.chars), float(answer.score), float(answer.null_score)]


def _answer(doc: Doc, values: Mapping[str, Any]) -> Optional[Answer]:
    """An answer of what `Answer.to_dict` gave; None if it is no answer of this document."""
    try:
        scores = float(values.get("score", 1.0)), float(values.get("null_score", 0.0))
        return Answer.at(doc, values["start"], values["end"], *scores)
    except (KeyError, TypeError, ValueError):
        return None


def _question(record: Record) -> Question:
    return Question(record["text"], record["id"], tuple((a, b, name) for a, b, name in record["entities"]))
