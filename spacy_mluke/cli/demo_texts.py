"""The demo's texts with marked mentions of the same entities, in many languages."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from spacy.language import Language
from spacy.tokens import Doc


@dataclass
class Mention:
    """A mention in the demo's texts."""

    language: str
    text: str
    entity: str


def read_texts(nlp: Language) -> Tuple[List[Doc], List[Mention]]:
    """Read the demo's texts.

    nlp (Language): The pipeline whose tokenizer is used.
    RETURNS (Tuple[List[Doc], List[Mention]]): Documents whose `ents` are the mentions, and the mentions in this order.
    """
    rows = json.loads((Path(__file__).parent / "demo_texts.json").read_text(encoding="utf8"))
    docs: List[Doc] = []
    mentions: List[Mention] = []
    for row in rows:
        found: Dict[int, Mention] = {}
        for text, entity in row["mentions"].items():
            found[row["text"].index(text)] = Mention(row["lang"], text, entity)
        starts = sorted(found)
        doc = make_doc(nlp, row["text"], [(start, start + len(found[start].text)) for start in starts])
        spans = (doc.char_span(start, start + len(found[start].text), label=found[start].entity) for start in starts)
        doc.ents = [span for span in spans if span is not None]
        docs.append(doc)
        mentions.extend(found[start] for start in starts)
    return docs, mentions


def make_doc(nlp: Language, text: str, mentions: Sequence[Tuple[int, int]]) -> Doc:
    """Tokenize a text so that mentions start and end at token boundaries, also in languages without spaces.

    nlp (Language): The pipeline whose tokenizer is used.
    text (str): The text.
    mentions (Sequence[Tuple[int, int]]): Character bounds of the mentions, sorted and without overlap.
    RETURNS (Doc): The document.
    """
    bounds = [0]
    for start, end in mentions:
        # The space after a mention belongs to its last token.
        bounds.extend((start, end + 1 if text[end : end + 1] == " " else end))
    bounds.append(len(text))
    parts = [text[start:end] for start, end in itertools.pairwise(bounds) if start < end]
    doc = Doc.from_docs([nlp.make_doc(part) for part in parts], ensure_whitespace=False)
    assert doc is not None
    return doc
