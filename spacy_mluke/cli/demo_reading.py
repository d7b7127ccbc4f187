"""The demo's texts that the ready-made pipeline reads: named entities, relations and links; questions and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Sequence

from spacy.tokens import Doc
from wasabi import msg

from .demo_tasks import read_part


@dataclass(frozen=True)
class ReadText:
    """A text with its predicted entities and relations."""

    lang: str
    doc: Doc


@dataclass(frozen=True)
class AnsweredText:
    """A question about a text, and the predicted answer."""

    lang: str
    text: str
    question: str
    answer: Optional[Any]  # Answer; None for "the text does not answer the question"
    is_right: bool


def annotate_texts(nlp: Any) -> List[ReadText]:
    """Find entities and relations in the demo's texts.

    nlp (Language): A pipeline from `spacy_mluke.load`.
    RETURNS (List[ReadText]): The texts.
    """
    rows = read_part("read")
    docs = nlp.pipe([row["text"] for row in rows])
    return [ReadText(row["lang"], doc) for row, doc in zip(rows, docs, strict=True)]


def answer_questions(nlp: Any) -> List[AnsweredText]:
    """Answer the demo's questions.

    nlp (Language): A pipeline from `spacy_mluke.load(questions=True)`.
    RETURNS (List[AnsweredText]): The questions. One of them has no answer in its text.
    """
    pipe = nlp.get_pipe("mluke_qa")
    found = []
    for row in read_part("answered"):
        answers = pipe.answer(row["text"], row["question"], top_k=1)
        answer = answers[0] if answers else None
        text = "" if answer is None else answer.text
        found.append(AnsweredText(row["lang"], row["text"], row["question"], answer, text in row["right"]))
    return found


def print_reading(read: Sequence[ReadText], answered: Sequence[AnsweredText]) -> None:
    """Print entities, relations and answers.

    read (Sequence[ReadText]): From `annotate_texts`.
    answered (Sequence[AnsweredText]): From `answer_questions`.
    """
    msg.divider("Entities and relations")
    for text in read:
        print(f"{text.lang}  {text.doc.text}")
        entities = [
            f"{ent.text} {ent.label_}" + (f" = {ent.kb_id_}" if ent.kb_id_ not in ("", "NIL") else "")
            for ent in text.doc.ents
        ]
        print(f"    {', '.join(entities)}")
        for relation in text.doc._.mluke_relations:
            print(f"    {relation.head} -> {relation.label} -> {relation.tail}  {relation.score:.2f}")
    msg.divider("Questions answered")
    for one in answered:
        answer = "no answer in the text" if one.answer is None else f"{one.answer.text} {one.answer.score:.2f}"
        print(f"{one.lang}  {one.text}\n    {one.question} {'✔' if one.is_right else '✘'} {answer}")
