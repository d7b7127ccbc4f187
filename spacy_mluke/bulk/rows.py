"""Documents as rows of a Parquet file: docs/guides/corpora.md lists the columns."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, List, Optional, Tuple

from spacy.tokens import Doc, Span

from ..annotate.span_groups import spans_of
from .parquet_files import parquet
from .records import Record


def make_schema(width: Optional[int], pipeline: str, encoder: str = "") -> Any:
    """Return the schema of the output, the same for all documents of a pipeline.

    width (Optional[int]): Width of entity vectors; None for no vectors.
    pipeline (str): Name of the pipeline, for the metadata.
    encoder (str): Description of the encoder of the vectors, for the metadata.
    RETURNS (Any): pyarrow.Schema.
    """
    parquet()
    import pyarrow as pa

    bounds = [("start", pa.int32()), ("end", pa.int32())]
    score = ("score", pa.float32())
    label = ("label", pa.string())

    def many(*fields: Tuple[str, Any]) -> Any:
        return pa.list_(pa.struct(list(fields)))

    entity = [*bounds, ("text", pa.string()), label, ("kb_id", pa.string()), score]
    entity.append(("types", many(label, score)))
    entity.append(("candidates", many(("entity", pa.string()), ("prior", pa.float32()), score)))
    if width is not None:
        entity.append(("vector", pa.list_(pa.float32(), width)))
    ends = [(f"{end}_{edge}", pa.int32()) for end in ("head", "tail") for edge in ("start", "end")]
    filler = [*bounds, ("text", pa.string()), ("entity", pa.string()), ("kb_id", pa.string()), score]
    fields = [
        ("id", pa.string()),
        ("text", pa.string()),
        ("lang", pa.string()),
        ("n_tokens", pa.int32()),
        ("entities", many(*entity)),
        ("relations", many(*ends, label, score)),
        (
            "answers",
            many(("question", pa.string()), ("question_id", pa.string()), *bounds, ("text", pa.string()), score),
        ),
        ("fillers", many(*filler)),
        ("spans", many(("key", pa.string()), *bounds, label, ("kb_id", pa.string()), score)),
        ("cats", many(label, score)),
        ("meta", pa.string()),
    ]
    return pa.schema(fields, metadata={"pipeline": pipeline, **({"encoder": encoder} if encoder else {})})


def make_row(record: Record, doc: Doc, with_vectors: bool) -> Dict[str, Any]:
    """Convert a document to a row. Offsets are in characters.

    record (Record): The record of the document.
    doc (Doc): The document, annotated.
    with_vectors (bool): Whether to include vectors of entities.
    RETURNS (Dict[str, Any]): A row of the schema.
    """
    meta = _as_json(record.meta) if record.meta else None
    return {"id": record.id, **_read(doc, with_vectors), "meta": meta}


def doc_to_record(doc: Doc, *, with_vectors: bool = False) -> Dict[str, Any]:
    """Convert a document's annotation to plain Python types, for JSON: the columns of docs/guides/corpora.md, without
    `id` and `meta`.

    doc (Doc): The document, annotated. Offsets in the record are in characters.
    with_vectors (bool): Whether to include `vector` of entities, a list of numbers; None if it was not encoded.
    RETURNS (Dict[str, Any]): text, lang, n_tokens, entities, relations, answers, fillers, spans, cats.
    """
    record = _read(doc, with_vectors)
    for entity in record["entities"]:
        if entity.get("vector") is not None:
            entity["vector"] = entity["vector"].tolist()
    return record


def _read(doc: Doc, with_vectors: bool) -> Dict[str, Any]:
    spans = [span for key in doc.spans for span in _group(doc, key)]
    scores = {(span["start"], span["end"], span["label"]): span["score"] for span in spans if span["score"] is not None}
    return {
        "text": doc.text,
        "lang": doc.lang_,
        "n_tokens": len(doc),
        "entities": [_entity(ent, scores, with_vectors) for ent in doc.ents],
        "relations": [
            {
                "head_start": relation.head.start_char,
                "head_end": relation.head.end_char,
                "tail_start": relation.tail.start_char,
                "tail_end": relation.tail.end_char,
                "label": relation.label,
                "score": relation.score,
            }
            for relation in _of(doc, "mluke_relations")
        ],
        "answers": _answers(doc),
        "fillers": _fillers(doc),
        "spans": spans,
        "cats": [{"label": label, "score": value} for label, value in doc.cats.items()],
    }


def _as_json(meta: Dict[str, Any]) -> str:
    """JSON that every reader accepts: NaN and infinities, which Python would write, become null."""
    try:
        return json.dumps(meta, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(meta), ensure_ascii=False, default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, (list, tuple)) else value


def _bounds(span: Span) -> Dict[str, Any]:
    return {"start": span.start_char, "end": span.end_char}


def _of(owner: Any, name: str) -> Any:
    """Value of an extension attribute; empty if no component has installed it."""
    return (getattr(owner._, name) if owner.has_extension(name) else None) or ()


def _entity(ent: Span, scores: Dict[Tuple[int, int, str], float], with_vectors: bool) -> Dict[str, Any]:
    types = dict(_of(ent, "mluke_types"))
    found: Dict[str, Any] = {
        **_bounds(ent),
        "text": ent.text,
        "label": ent.label_,
        "kb_id": ent.kb_id_,
        "score": scores.get((ent.start_char, ent.end_char, ent.label_)),
        "types": [{"label": label, "score": score} for label, score in types.items()],
        "candidates": [
            {"entity": one.entity, "prior": one.prior, "score": one.score} for one in _of(ent, "mluke_candidates")
        ],
    }
    if with_vectors:
        found["vector"] = ent._.mluke_vector if ent.has_extension("mluke_vector") else None
    return found


def _answers(doc: Doc) -> List[Dict[str, Any]]:
    questions = _of(doc, "mluke_questions")
    return [
        {
            "question": question.text,
            "question_id": question.id,
            "start": answer.chars[0],
            "end": answer.chars[1],
            "text": answer.text,
            "score": answer.score,
        }
        for question, answers in zip(questions, _of(doc, "mluke_answers"), strict=False)
        for answer in answers or ()
    ]


def _fillers(doc: Doc) -> List[Dict[str, Any]]:
    if not doc.has_extension("mluke_fillers"):
        return []
    from ..annotate.fillers import get_masks

    return [
        {
            "start": mask.start_char,
            "end": mask.end_char,
            "text": filler.text,
            "entity": filler.entity,
            "kb_id": filler.kb_id,
            "score": filler.score,
        }
        for mask in get_masks(doc)
        for filler in mask.fillers
    ]


def _group(doc: Doc, key: str) -> List[Dict[str, Any]]:
    group = spans_of(doc, key)
    scores = doc.spans[key].attrs.get("scores")
    values = [None] * len(group) if scores is None or len(scores) != len(group) else [float(x) for x in scores]
    return [
        {"key": key, **_bounds(span), "label": span.label_, "kb_id": span.kb_id_, "score": value}
        for span, value in zip(group, values, strict=True)
    ]
