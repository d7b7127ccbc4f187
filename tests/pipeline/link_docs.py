"""Sentences with ambiguous mentions, and an entity store with their candidates."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional, Tuple

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mluke.extensions import install_extensions
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.pipeline.linker.mention_scores import Mention
from spacy_mluke.types import PassageStates
from tests.pipeline.steps import take_steps

install_extensions()
ROWS = [
    StoreRow("Q90", "en", "Paris", "city", 0.7),
    StoreRow("Q167646", "en", "Paris", "hero", 0.3),
    StoreRow("Q1490", "en", "Tokyo", "city"),
    StoreRow("Q1490", "ja", "東京"),
    StoreRow("Q17", "en", "Japan", "country", 0.5),
    StoreRow("Q999", "en", "Japan", "band", 0.5),
    StoreRow("Q142", "en", "France", "country"),
]
# Words, and the entity of each mention, which is one token: "NIL" if the store lacks it.
SENTENCES: List[Tuple[str, List[Tuple[int, str]]]] = [
    ("Paris is the capital of France", [(0, "Q90"), (5, "Q142")]),
    ("Paris lives far away and Tokyo lives in Japan", [(0, "Q167646"), (5, "Q1490"), (8, "Q999")]),
    ("Tokyo is the capital of Japan and Anna lives there", [(0, "Q1490"), (5, "Q17"), (7, "NIL")]),
]


def passage(token_bounds: List[Tuple[int, int]]) -> PassageStates:
    """States of a text whose tokens have these wordpieces, between <s> and </s>."""
    bounds = numpy.asarray(token_bounds, dtype="int32").reshape((-1, 2))
    n = int(bounds.max(initial=1)) + 1
    nothing = numpy.zeros((0, 2), dtype="int32")
    pieces = numpy.arange(2.0 * n, dtype="float32").reshape((n, 2))
    return PassageStates(pieces, bounds, nothing, pieces[:0], numpy.zeros(0, dtype=bool))


def link_store(folder: Path) -> EntityStore:
    return build_store(ROWS, folder / "store.sqlite")


def link_doc(nlp: Language, words: str, mentions: List[Tuple[int, str]], linked: bool = False) -> Doc:
    doc = Doc(nlp.vocab, words=words.split())
    doc.ents = [Span(doc, i, i + 1, "X", kb_id=kb_id if linked else "") for i, kb_id in mentions]
    return doc


def link_docs(nlp: Language) -> List[Doc]:
    docs = [link_doc(nlp, *sentence) for sentence in SENTENCES]
    return [*docs, Doc(nlp.vocab), Doc(nlp.vocab, words=["No", "entity"])]


def link_examples(nlp: Language) -> List[Example]:
    return [Example(link_doc(nlp, *sentence), link_doc(nlp, *sentence, linked=True)) for sentence in SENTENCES]


def link_pipeline(name: object, store: Optional[object], **config: object) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": None if store is None else str(store)}
    nlp.add_pipe("mluke_linker", config={"model": {"encoder": {"name": str(name)}}, "candidates": source, **config})
    return nlp


def links(doc: Doc) -> List[Tuple[str, str]]:
    return [(ent.text, ent.kb_id_) for ent in doc.ents]


def train(nlp, steps=40, rate=0.005):
    gold = link_examples(nlp)
    return gold, [losses["mluke_linker"] for losses in take_steps(nlp, gold, steps, rate)]


def scores_of(doc):
    return [candidate.score for ent in doc.ents for candidate in ent._.mluke_candidates]


def gold_links():
    return [[(words.split()[i], kb_id) for i, kb_id in mentions] for words, mentions in SENTENCES]


def mention(doc, start, priors, rows=None):
    n = len(priors)
    rows = list(range(10 * start, 10 * start + n)) if rows is None else rows
    ids = [f"{start}-{i}" for i in range(n)]
    return Mention(doc, start, start + 1, ids, numpy.asarray(priors), numpy.asarray(rows, dtype="int64"))
