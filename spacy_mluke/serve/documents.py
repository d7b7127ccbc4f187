"""Annotated documents as JSON of the API. It is that of `doc_to_record`, with names instead of ids alone."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Tuple

import numpy
from spacy.pipeline import EntityLinker
from spacy.tokens import Doc

from ..bulk.rows import doc_to_record
from .entities import Entities

MAX_SIMILAR = 200  # entities of a document for which a table of similarities is made
_PROPERTY = re.compile(r"\bP[1-9]\d*\b")  # of Wikidata
_NOT_LINKED = ("", EntityLinker.NIL)


def make_document(
    doc: Doc, entities: Optional[Entities], *, lang: Optional[str], type_threshold: float, with_vectors: bool
) -> Dict[str, Any]:
    """Convert a document. Offsets are in characters, that is, in Unicode code points.

    doc (Doc): The document, annotated.
    entities (Optional[Entities]): Names of linked entities.
    lang (Optional[str]): Language of the names.
    type_threshold (float): Minimum probability of a type.
    with_vectors (bool): Whether to include `vector` of each entity, and `similarity`: the cosines of all pairs, if
        there are at most MAX_SIMILAR entities.
    RETURNS (Dict[str, Any]): text, entities, relations, and similarity.
    """
    record = doc_to_record(doc, with_vectors=with_vectors)
    found: List[Dict[str, Any]] = []
    for i, entity in enumerate(record["entities"]):
        made = _entity(i, entity, entities, lang, type_threshold)
        if with_vectors:
            made["vector"] = entity["vector"]
        found.append(made)
    ids = {(entity["start"], entity["end"]): entity["id"] for entity in found}
    relations = []
    for relation in record["relations"]:
        ends: Dict[str, int] = {}
        for end in ("head", "tail"):
            place = (relation[f"{end}_start"], relation[f"{end}_end"])
            if place not in ids:  # a suggester may pair other spans than entities
                ids[place] = len(found)
                found.append(_span(len(found), place, doc.text, with_vectors))
            ends[end] = ids[place]
        number = _PROPERTY.search(relation["label"])
        relations.append(
            {
                **ends,
                "label": relation["label"],
                "property": number.group() if number else None,
                "score": relation["score"],
            }
        )
    document = {"text": record["text"], "entities": found, "relations": relations}
    if with_vectors and len(found) <= MAX_SIMILAR:
        document["similarity"] = similarities([entity["vector"] for entity in found])
    return document


def similarities(vectors: List[Optional[List[float]]]) -> List[List[Optional[float]]]:
    """Return the cosines of all pairs of vectors.

    vectors (List[Optional[List[float]]]): The vectors; None for a missing one.
    RETURNS (List[List[Optional[float]]]): A row for each vector; None where one of a pair is missing.
    """
    known = [i for i, vector in enumerate(vectors) if vector is not None]
    table: List[List[Optional[float]]] = [[None] * len(vectors) for _ in vectors]
    if known:
        matrix = numpy.asarray([vectors[i] for i in known], dtype="float64")
        matrix /= numpy.maximum(numpy.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
        for i, row in zip(known, (matrix @ matrix.T).tolist(), strict=True):
            for j, cosine in zip(known, row, strict=True):
                table[i][j] = cosine
    return table


def _entity(
    i: int, entity: Dict[str, Any], entities: Optional[Entities], lang: Optional[str], type_threshold: float
) -> Dict[str, Any]:
    kb_id = None if entity["kb_id"] in _NOT_LINKED else entity["kb_id"]
    candidates = [
        {
            "kb_id": one["entity"],
            "name": _name(one["entity"], entities, lang),
            "score": one["score"],
            "prior": one["prior"],
        }
        for one in entity["candidates"]
    ]
    return {
        "id": i,
        "start": entity["start"],
        "end": entity["end"],
        "text": entity["text"],
        "label": entity["label"],
        "score": entity["score"],
        "kb_id": kb_id,
        "name": None if kb_id is None else _name(kb_id, entities, lang),
        "types": [one["label"] for one in entity["types"] if one["score"] >= type_threshold],
        "candidates": candidates,
    }


def _name(kb_id: str, entities: Optional[Entities], lang: Optional[str]) -> Optional[str]:
    return None if entities is None else entities.name(kb_id, lang)


def _span(i: int, place: Tuple[int, int], text: str, with_vectors: bool) -> Dict[str, Any]:
    """A span that is no entity."""
    start, end = place
    made: Dict[str, Any] = {"id": i, "start": start, "end": end, "text": text[start:end], "label": ""}
    made.update({"score": None, "kb_id": None, "name": None, "types": [], "candidates": []})
    return {**made, "vector": None} if with_vectors else made
