"""Sentences with named entities."""

from __future__ import annotations

from typing import List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from tests.pipeline.steps import take_steps

# Words, and entities as (first token, end, label).
SENTENCES: List[Tuple[str, List[Tuple[int, int, str]]]] = [
    ("Tokyo is the capital of Japan", [(0, 1, "LOC"), (5, 6, "LOC")]),
    ("Anna of Tokyo lives in Paris", [(0, 3, "PER"), (5, 6, "LOC")]),
    ("Bob lives in the capital", [(0, 1, "PER")]),
    ("is far away", []),
]
LIMIT = {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 3}


def ner_docs(nlp: Language) -> List[Doc]:
    docs = []
    for words, names in SENTENCES:
        doc = Doc(nlp.vocab, words=words.split())
        doc.set_ents([Span(doc, *name) for name in names], default="outside")
        docs.append(doc)
    return docs


def bare(doc: Doc) -> Doc:
    return Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])


def ner_examples(nlp: Language) -> List[Example]:
    return [Example(bare(doc), doc) for doc in ner_docs(nlp)]


def ner_pipeline(name: object, *, encoder: object = None, **config: object) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    model = {"encoder": {"name": str(name), **(encoder or {})}, "dropout": 0.0}
    nlp.add_pipe("mluke_ner", config={"model": model, "suggester": LIMIT, **config})
    return nlp


def names(doc: Doc) -> List[Tuple[int, int, str]]:
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def grouped(doc: Doc, key: str = "mluke_ner") -> List[Tuple[int, int, str]]:
    return [(span.start, span.end, span.label_) for span in doc.spans[key]]


def bare_docs(nlp: Language) -> List[Doc]:
    """Return the sentences without entities, an empty document, and one of whitespace."""
    return [*map(bare, ner_docs(nlp)), Doc(nlp.vocab), Doc(nlp.vocab, words=[" ", "\n"])]


def train_ner(
    nlp: Language, gold: Optional[List[Example]] = None, steps: int = 110, rate: float = 0.007
) -> Tuple[List[Example], List[float]]:
    """Train a pipeline, and return the examples and the losses of all steps."""
    gold = gold or ner_examples(nlp)
    return gold, [losses["mluke_ner"] for losses in take_steps(nlp, gold, steps, rate)]
