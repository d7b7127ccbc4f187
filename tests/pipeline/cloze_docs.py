"""Sentences about capitals. Each capital is an entity with a kb_id."""

from __future__ import annotations

from pathlib import Path
from typing import List

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mluke.extensions import install_extensions
from tests.pipeline.steps import take_steps

install_extensions()
FACTS = [("Tokyo", "Japan", "Q1490"), ("Paris", "France", "Q90"), ("Moscow", "Russia", "Q649")]
PATTERNS = ["{} is the capital of {}", "{}, the capital of {}, is far away"]
TEXTS = ["[MASK] is the capital of Japan", "", "No mask.", "[MASK]is far, [MASK]", "日本の首都は[MASK]です"]


def cloze_pipeline(path: Path, **config: object) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("mluke_cloze", config={"model": {"encoder": {"name": str(path)}}, **config})
    return nlp


def gold_doc(nlp: Language, text: str, name: str, kb_id: str) -> Doc:
    doc = nlp.make_doc(text)
    start = text.index(name)
    doc.ents = [doc.char_span(start, start + len(name), label="CITY", kb_id=kb_id)]
    return doc


def filled_examples(nlp: Language) -> List[Example]:
    """Return examples whose texts contain the mentions."""
    examples = []
    for capital, country, kb_id in FACTS:
        for pattern in PATTERNS:
            doc = gold_doc(nlp, pattern.format(capital, country), capital, kb_id)
            examples.append(Example(nlp.make_doc(doc.text), doc))
    return examples


def masked_examples(nlp: Language) -> List[Example]:
    """Return the same examples with masks instead of the mentions."""
    examples = []
    for _, country, kb_id in FACTS:
        for pattern in PATTERNS:
            doc = gold_doc(nlp, pattern.format("[MASK]", country), "[MASK]", kb_id)
            examples.append(Example(nlp.make_doc(doc.text), doc))
    return examples


def best(doc: Doc) -> List[str]:
    """Return the best filler of each mask."""
    return [fillers[0].text for fillers in doc._.mluke_fillers]


def train(nlp, steps=150, rate=0.005):
    return [losses["mluke_cloze"] for losses in take_steps(nlp, filled_examples(nlp), steps, rate)]


def found(doc):
    return [[filler.text for filler in own] for own in doc._.mluke_fillers]


def scores_of(doc):
    return [filler.score for own in doc._.mluke_fillers for filler in own]
