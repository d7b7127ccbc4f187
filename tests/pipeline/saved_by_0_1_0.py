"""Texts for the pipeline that version 0.1.0 saved, and the annotations to compare."""

from __future__ import annotations

from typing import Any, Dict, List

from spacy.language import Language
from spacy.tokens import Doc

TEXTS = [
    "Tokyo is the capital of Japan and Paris is far away.",
    "Anna lives in Paris. 東京は日本の首都である。",
    "Москва — столица России, а [MASK] is the capital of France.",
    "",
    "No entity here.",
]


def annotate_docs(nlp: Language) -> List[Doc]:
    """Annotate the texts, each with a question."""
    docs = [nlp.make_doc(text) for text in TEXTS]
    for doc in docs:
        doc._.mluke_questions = ["Where?"]
    return list(nlp.pipe(docs))


def predictions(doc: Doc) -> Dict[str, Any]:
    """Convert a document's annotations to JSON types. Scores are rounded to four digits."""
    states = doc._.mluke
    return {
        "text": doc.text,
        "ents": [[e.start_char, e.end_char, e.label_, e.kb_id_] for e in doc.ents],
        "vectors": [] if states is None else [_round(row[:4]) for row in states.vectors],
        "token_vectors": [] if states is None else [_round(row[:4]) for row in states.token_vectors],
        "spans": {key: [[s.start_char, s.end_char, s.label_] for s in doc.spans[key]] for key in sorted(doc.spans)},
        "relations": [[r.head.start_char, r.tail.start_char, r.label, _score(r.score)] for r in doc._.mluke_relations],
        "candidates": [[[c.entity, _score(c.score)] for c in e._.mluke_candidates or ()] for e in doc.ents],
        "answers": [[[a.text, _score(a.score)] for a in found] for found in doc._.mluke_answers or ()],
        "fillers": [[[f.text, _score(f.score)] for f in found] for found in doc._.mluke_fillers or ()],
    }


def _round(values: Any) -> List[float]:
    return [round(float(value), 4) for value in values]


def _score(value: Any) -> Any:
    return None if value is None else round(float(value), 4)
