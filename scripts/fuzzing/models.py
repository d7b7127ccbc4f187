"""A tiny pipeline with a component of every kind, and a training example for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mluke.annotate.answers import Answer
from spacy_mluke.annotate.relations import Relation
from spacy_mluke.extensions import install_extensions
from spacy_mluke.kb.store_build import StoreRow, build_store

WORDS = ["Tokyo", "is", "the", "capital", "of", "Japan", "and", "Paris", "[MASK]", "東京", "."]
LISTENER = {"@architectures": "spacy-mluke.EncoderListener.v1", "upstream": "*"}


def build_tiny_store(path: Path) -> Path:
    """Write an entity store of three entities."""
    rows = [
        StoreRow("Q1490", "en", "Tokyo", "CITY", 0.7), StoreRow("Q90", "en", "Paris", "CITY", 0.6),
        StoreRow("Q167646", "en", "Paris", "PERSON", 0.4), StoreRow("Q17", "en", "Japan", "COUNTRY"),
    ]  # fmt: skip
    build_store(rows, path)
    return path


def make_doc(nlp: Language, *, gold: bool) -> Doc:
    """Return a document with entities and a question; a gold document also has the annotation of every component."""
    install_extensions()
    doc = Doc(nlp.vocab, words=WORDS)
    doc.set_ents(
        [Span(doc, 0, 1, "LOC", kb_id="Q1490" if gold else ""), Span(doc, 5, 6, "LOC", kb_id="Q17" if gold else "")],
        default="outside",
    )
    doc._.mluke_questions = ["What is the capital?"]
    if gold:
        doc._.mluke_relations = [Relation(doc[0:1], doc[5:6], "capital")]
        doc.spans["mluke_types"] = [Span(doc, 0, 1, "CITY"), Span(doc, 5, 6, "COUNTRY")]
        doc._.mluke_answers = [[Answer.at(doc, 0, 5)]]
    return doc


def example(nlp: Language) -> Example:
    """Return an example."""
    return Example(make_doc(nlp, gold=False), make_doc(nlp, gold=True))


def make_pipeline(checkpoint: Path, store: Path) -> Language:
    """Return a pipeline whose components have labels.

    checkpoint (Path): A tiny checkpoint with heads.
    store (Path): A tiny entity store.
    RETURNS (Language): The pipeline.
    """
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("xx")
    own = {"name": str(checkpoint)}
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": str(store)}
    nlp.add_pipe("mluke", config={"model": own})
    nlp.add_pipe("mluke_relations", config={"model": {"encoder": LISTENER}})
    nlp.add_pipe("mluke_ner", config={"model": {"encoder": own}, "overwrite_ents": False})
    nlp.add_pipe("mluke_linker", config={"model": {"encoder": own}, "candidates": source})
    eg = example(nlp)
    nlp.initialize(lambda: [eg])
    return nlp


def annotate(nlp: Language) -> Any:
    """Return the predictions of a pipeline for the document, in a comparable form."""
    doc = make_doc(nlp, gold=False)
    for _, pipe in nlp.pipeline:
        doc = pipe(doc)
    return describe(doc)


def describe(doc: Doc) -> Dict[str, Any]:
    """Return the annotation of a document."""
    found: Dict[str, Any] = {
        "ents": [(ent.start, ent.end, ent.label_, ent.kb_id_) for ent in doc.ents],
        "relations": [
            (one.head.start, one.tail.start, one.label, numbers(one.score)) for one in doc._.mluke_relations or []
        ],
        "spans": {
            key: [(span.start, span.end, span.label_) for span in doc.spans[key]] for key in doc.spans if key != "x"
        },
        "fillers": [[(one.text, one.entity, numbers(one.score)) for one in mask] for mask in doc._.mluke_fillers or []],
        "answers": [[(one.text, numbers(one.score)) for one in group] for group in doc._.mluke_answers or []],
    }
    states = doc._.mluke
    if states is not None:
        found["vectors"] = numbers(numpy.asarray(states.vectors))
        found["tokens"] = None if states.token_vectors is None else numbers(numpy.asarray(states.token_vectors))
    return found


def numbers(value: Any) -> Any:
    """Round numbers."""
    return None if value is None else numpy.round(numpy.asarray(value, dtype="float64"), 4).tolist()


def own_files(folder: Path, nlp: Language) -> List[Path]:
    """Return the files of this package's components in a saved pipeline."""
    names = [name for name, pipe in nlp.pipeline if "spacy_mluke" in type(pipe).__module__]
    return sorted(path for name in names for path in (folder / name).rglob("*") if path.is_file())
