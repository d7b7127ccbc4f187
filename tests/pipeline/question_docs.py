"""Sentences with questions and answers."""

from __future__ import annotations

from typing import List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mluke.annotate.answers import Answer
from spacy_mluke.extensions import install_extensions
from tests.pipeline.relation_docs import own_model

install_extensions()
TEXTS: List[Tuple[str, List[Tuple[str, Optional[str]]]]] = [
    ("Tokyo is the capital of Japan.", [("capital of Japan", "Tokyo"), ("Tokyo is the capital of", "Japan")]),
    ("Paris is far.", [("What is far?", "Paris"), ("Who is near?", None)]),
    ("Anna lives in Los Angeles.", [("Where?", "Los Angeles")]),
]


def ask(doc: Doc, *questions: Tuple[str, Optional[str]]) -> Doc:
    """Set the questions about a document and their gold answers, at the first occurrence of each answer."""
    doc._.mluke_questions = [question for question, _ in questions]
    found = []
    for _, answer in questions:
        start = doc.text.index(answer) if answer else 0
        found.append([Answer.at(doc, start, start + len(answer))] if answer else [])
    doc._.mluke_answers = found
    return doc


def question_examples(nlp: Language) -> List[Example]:
    examples = []
    for text, questions in TEXTS:
        predicted = nlp.make_doc(text)
        predicted._.mluke_questions = [question for question, _ in questions]
        examples.append(Example(predicted, ask(nlp.make_doc(text), *questions)))
    return examples


def question_pipeline(name: object, encoder: Optional[dict] = None, **config: object) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_qa", config={"model": own_model(name, **(encoder or {})), **config})
    return nlp


def answers(doc: Doc) -> List[List[str]]:
    return [[answer.text for answer in found] for found in doc._.mluke_answers]
