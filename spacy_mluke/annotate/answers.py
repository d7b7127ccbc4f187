"""Questions and answers of a Doc: `doc._.mluke_questions`, `doc._.mluke_answers`."""

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
    id: str = ""  # distinguishes questions with the same text in scoring
    # Character bounds of the entities in the text, and each one's knowledge base id or "". (start, end) is accepted.
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
        """Return the question as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): `text`, `id`, `entities` (lists of start, end and name, in characters of the
            question).
        """
        return {"text": self.text, "id": self.id, "entities": [list(entity) for entity in self.entities]}

    @classmethod
    def of(cls, value: Union[str, Doc, Span, Question, Mapping[str, Any]]) -> Question:
        """Make a question from a text, a Doc or Span with entities, or a dictionary.

        value (Union[str, Doc, Span, Question, Mapping[str, Any]]): The value; a dictionary as returned by `to_dict`.
        RETURNS (Question): The question.
        RAISES (ValueError): ML210 for any other value.
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
        """Id and text; questions of two documents are the same if their keys are equal."""
        return self.id, self.text


@dataclass(frozen=True)
class Answer(JsonObject):
    """A piece of a document's text that answers a question."""

    span: Span  # all tokens that contain a character of the answer
    score: float = 1.0  # its probability; 1.0 for a gold answer
    # Character bounds in the document: an answer may be part of a token. By default, those of the span.
    chars: Tuple[int, int] = (-1, -1)
    null_score: float = 0.0  # the probability that the document does not answer the question

    def __post_init__(self) -> None:
        if self.chars == (-1, -1):
            object.__setattr__(self, "chars", (self.span.start_char, self.span.end_char))
        super().__post_init__()

    def to_dict(self) -> Dict[str, Any]:
        """Return the answer as a dictionary of plain Python types.

        RETURNS (Dict[str, Any]): `start` and `end` (characters of the document), `text`, `score`, `null_score`.
        """
        start, end = map(int, self.chars)
        scores = {"score": float(self.score), "null_score": float(self.null_score)}
        return {"start": start, "end": end, "text": self.text, **scores}

    @classmethod
    def at(cls, doc: Doc, start: int, end: int, score: float = 1.0, null_score: float = 0.0) -> Optional[Answer]:
        """Make an answer from character bounds.

        doc (Doc): The document.
        start (int): First character.
        end (int): End of the characters.
        score (float): The answer's probability.
        null_score (float): The probability that there is no answer.
        RETURNS (Optional[Answer]): None if the bounds are outside the document or touch no token.
        """
        if not 0 <= start < end:
            return None
        span: Any = doc.char_span(start, end, alignment_mode="expand")
        if span is None or not len(span) or span.end_char < end:
            return None
        return cls(span, score, (start, end), null_score)

    @property
    def text(self) -> str:
        """The answer's exact text, which may be shorter than the span's."""
        start = self.span.start_char
        return self.span.text[self.chars[0] - start : self.chars[1] - start]


QuestionAnswers = Tuple[Question, Optional[List[Answer]]]


def get_question_answers(doc: Doc) -> List[QuestionAnswers]:
    """Return the questions about a document, each with its answers.

    doc (Doc): The document.
    RETURNS (List[QuestionAnswers]): Questions and answers. The answers are None if the question is not annotated, and
        empty if it has no answer. Spans are made from character bounds, so they are valid after retokenization and in
        joined documents.
    """
    found: List[QuestionAnswers] = []
    for start, record in find_records(doc, RECORD):
        given = record["answers"] or [None] * len(record["questions"])
        for question, answers in zip(record["questions"], given, strict=True):
            made = answers and [Answer.at(doc, start + a, start + b, p, null) for a, b, p, null in answers]
            kept = None if made is None else [answer for answer in made if answer is not None]
            # A part of a document (Span.as_doc) may lack the answers; the question is then not annotated.
            found.append((_question(question), None if made and not kept else kept))
    return found


def get_questions(doc: Doc) -> List[Question]:
    """Return the questions about a document.

    doc (Doc): The document.
    RETURNS (List[Question]): The questions.
    """
    return [_question(question) for _, record in find_records(doc, RECORD) for question in record["questions"]]


def get_answers(doc: Doc) -> List[List[Answer]]:
    """Return the answers to each question about a document.

    doc (Doc): The document.
    RETURNS (List[List[Answer]]): Answers to each question, best first; empty if it has no answer or is not annotated.
    """
    return [answers or [] for _, answers in get_question_answers(doc)]


def set_questions(doc: Doc, questions: Iterable[Union[str, Doc, Span, Question, Mapping[str, Any]]]) -> None:
    """Set the questions about a document. This removes earlier questions and answers.

    doc (Doc): The document.
    questions (Iterable[Union[str, Doc, Span, Question, Mapping[str, Any]]]): Texts, questions with entities, or
        dictionaries as returned by `Question.to_dict`.
    RAISES (ValueError): ML210 for any other value.
    """
    if isinstance(questions, (str, Mapping, Doc, Span)) or not isinstance(questions, Iterable):
        raise ValueError(Errors.ML210.format(found=repr(questions)))
    put_record(doc, RECORD, {"questions": [Question.of(value).to_dict() for value in questions], "answers": None})


def set_answers(doc: Doc, answers: Sequence[Optional[Iterable[Union[Answer, Span, Mapping[str, Any]]]]]) -> None:
    """Set the answers to the questions about a document.

    doc (Doc): The document, which has questions.
    answers (Sequence[Optional[Iterable[Union[Answer, Span, Mapping[str, Any]]]]]): The answers to each question, best
        first, or dictionaries as returned by `Answer.to_dict`. An empty list means "no answer", None "not annotated".
    RAISES (ValueError): ML211 for any other value.
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
    """Make an answer from a dictionary; None if its bounds are not valid for this document."""
    try:
        scores = float(values.get("score", 1.0)), float(values.get("null_score", 0.0))
        return Answer.at(doc, values["start"], values["end"], *scores)
    except (KeyError, TypeError, ValueError):
        return None


def _question(record: Record) -> Question:
    return Question(record["text"], record["id"], tuple((a, b, name) for a, b, name in record["entities"]))
