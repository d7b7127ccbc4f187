"""Runs without models: references, and predictions with a given accuracy."""

from __future__ import annotations

import random
from typing import List

import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.relations import Relation
from spacy_mluke.extensions import install_extensions
from spacy_mluke.report.run import Run, score_run

install_extensions()
LABELS = ["capital(e1,e2)", "capital(e2,e1)", "home(e1,e2)"]
NLP = spacy.blank("xx")


def relation_example(gold: str, predicted: str, number: int = 0) -> Example:
    """A sentence with two entities; "" for no relation."""
    docs = []
    for label in (predicted, gold):
        doc = Doc(NLP.vocab, words=["Tokyo", "is", "no.", str(number), "of", "Japan"])
        doc.ents = [Span(doc, 0, 1, label="X"), Span(doc, 5, 6, label="X")]
        doc._.mluke_relations = [Relation(*doc.ents, label)] if label else []
        docs.append(doc)
    return Example(*docs)


def relation_examples(accuracy: float, n: int = 60, seed: int = 0) -> List[Example]:
    rng = random.Random(seed)
    gold = [rng.choice([*LABELS, ""]) for _ in range(n)]
    found = [label if rng.random() < accuracy else rng.choice(LABELS) for label in gold]
    return [relation_example(*pair, number=i) for i, pair in enumerate(zip(gold, found, strict=True))]


def relation_run(system: str, lang: str, accuracy: float, seed: int = 0) -> Run:
    examples = relation_examples(accuracy)
    return score_run("relations", examples, system=system, lang=lang, seed=seed, name="made", n_samples=200)
