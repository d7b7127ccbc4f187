"""Annotated documents, and readers of graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import pyarrow
import pyarrow.parquet
import spacy
from spacy.tokens import Doc, DocBin

from spacy_mluke.annotate.relations import Relation, set_relations
from spacy_mluke.bulk.rows import doc_to_record, make_schema
from spacy_mluke.extensions import install_extensions

install_extensions()
NLP = spacy.blank("xx")
Ent = Tuple[str, str, str, float]  # text, label, kb_id, probability


def make_doc(own_id: str, text: str, ents: Sequence[Ent] = (), relations: Sequence[Tuple[Any, ...]] = ()) -> Doc:
    """Make an annotated document. Relations are head, label, tail, probability; ends are numbers of entities or texts.

    The first occurrence of a text is annotated.
    """
    doc = NLP.make_doc(text)
    doc.user_data["id"] = own_id
    spans = [_span(doc, words, label, kb_id) for words, label, kb_id, _ in ents]
    doc.ents = spans
    doc.spans["names"] = spans
    doc.spans["names"].attrs["scores"] = [score for *_, score in ents]
    found = []
    for head, label, tail, score in relations:
        ends = [spans[end] if isinstance(end, int) else _span(doc, end, "", "") for end in (head, tail)]
        found.append(Relation(ends[0], ends[1], label, score))
    set_relations(doc, found)
    return doc


def _span(doc: Doc, words: str, label: str, kb_id: str) -> Any:
    start = doc.text.index(words)
    span = doc.char_span(start, start + len(words), label=label, kb_id=kb_id, alignment_mode="expand")
    assert span.text == words
    return span


def corpus() -> List[Doc]:
    """Three documents: two entities in knowledge bases, and people without a link."""
    tokyo, japan = ("Tokyo", "LOC", "Q1490", 0.9), ("Japan", "LOC", "iso3166:JP", 0.8)
    return [
        make_doc("a", "Tokyo is in Japan, says Ann Lee.", [tokyo, japan, ("Ann Lee", "PER", "NIL", 0.7)],
                 [(0, "country (P17)", 1, 0.5), (2, "per:title", 1, 0.4)]),
        make_doc("b", "東京 is Japan, ANN  LEE", [("東京", "LOC", "Q1490", 0.6), japan, ("ANN  LEE", "PER", "", 0.5)],
                 [(0, "country (P17)", 1, 0.8)]),
        make_doc("c", "Nothing."),
    ]  # fmt: skip


def write_parquet(path: Path, docs: Sequence[Doc], width: int | None = None) -> Path:
    rows: List[Dict[str, Any]] = [{"id": doc.user_data["id"], **doc_to_record(doc), "meta": None} for doc in docs]
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=make_schema(width, "xx_test")), path)
    return path


def write_docbin(path: Path, docs: Sequence[Doc]) -> Path:
    DocBin(docs=docs, store_user_data=True).to_disk(path)
    return path


def read_table(folder: Path, name: str) -> List[Dict[str, Any]]:
    return pyarrow.parquet.read_table(folder / f"{name}.parquet").to_pylist()
