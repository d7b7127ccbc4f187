"""Sentences with two entities; some have a relation between them."""

from __future__ import annotations

from typing import List, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mluke.annotate.relations import Relation
from spacy_mluke.extensions import install_extensions

install_extensions()
# Words, tokens of head and tail, relation.
SENTENCES: List[Tuple[str, Tuple[int, int], Tuple[int, int], Optional[str]]] = [
    ("Tokyo is the capital of Japan", (0, 1), (5, 6), "capital"),
    ("Paris is the capital of France", (0, 1), (5, 6), "capital"),
    ("Anna lives in Paris", (0, 1), (3, 4), "home"),
    ("Bob lives in Tokyo", (0, 1), (3, 4), "home"),
    ("Tokyo is far from Paris", (0, 1), (4, 5), None),
]


def relation_doc(nlp: Language, words: str, head: Tuple[int, int], tail: Tuple[int, int]) -> Doc:
    doc = Doc(nlp.vocab, words=words.split())
    doc.ents = [Span(doc, *head, label="A"), Span(doc, *tail, label="B")]
    return doc


def relation_examples(nlp: Language) -> List[Example]:
    examples = []
    for words, head, tail, label in SENTENCES:
        gold = relation_doc(nlp, words, head, tail)
        gold._.mluke_relations = [Relation(gold[slice(*head)], gold[slice(*tail)], label)] if label else []
        gold.spans["mluke_types"] = [
            *[Span(gold, *bounds, label="NAME") for bounds in (head, tail)],
            *([Span(gold, *tail, label="LAND")] if label == "capital" else []),
        ]
        examples.append(Example(relation_doc(nlp, words, head, tail), gold))
    return examples


def own_model(name: object, **encoder: object) -> dict:
    """Return the config of a head with its own encoder."""
    return {"encoder": {"name": str(name), **encoder}, "dropout": 0.0}


def task_pipeline(name: object, *factories: str, **config: object) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    for factory in factories:
        nlp.add_pipe(factory, config={"model": own_model(name), **config})
    return nlp


def listening_pipeline(name: object, *factories: str) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": str(name)}})
    for factory in factories:
        encoder = {"@architectures": "spacy-mluke.EncoderListener.v1", "upstream": "*"}
        architecture = "PairClassifier" if factory == "mluke_relations" else "EntityClassifier"
        model = {"@architectures": f"spacy-mluke.{architecture}.v1", "encoder": encoder, "dropout": 0.0}
        nlp.add_pipe(factory, config={"model": model})
    return nlp


def facts(doc: Doc) -> set:
    return {(rel.head.text, rel.tail.text, rel.label) for rel in doc._.mluke_relations}


def types(doc: Doc) -> set:
    return {(span.text, span.label_) for span in doc.spans["mluke_types"]}
