"""Entity types of a Doc: `span._.mluke_types` and a span group."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span, SpanGroup

from ..types import Floats2d, Ints2d
from .records import find_records, put_record

RECORD = "mluke_types_record"
KNOWN = "mluke_known_types_record"


def write_types(
    doc: Doc,
    bounds: Ints2d,
    scores: Floats2d,
    labels: Sequence[str],
    *,
    spans_key: str,
    threshold: float,
    overwrite_label: bool,
) -> None:
    """Write the type probabilities of spans to a document.

    doc (Doc): The document.
    bounds (Ints2d): Token bounds of the typed spans. Shape: (n_spans, 2).
    scores (Floats2d): Probabilities. Shape: (n_spans, n_labels), float32.
    labels (Sequence[str]): The types.
    spans_key (str): Key in `doc.spans` of the group that gets one span for each type that reaches the threshold, with
        the probabilities in its `attrs["scores"]`.
    threshold (float): Minimum probability.
    overwrite_label (bool): Whether to relabel entities of `doc.ents` with their most probable type, if it reaches the
        threshold.
    """
    chars = [(doc[start:end].start_char, doc[start:end].end_char) for start, end in bounds.tolist()]
    put_record(
        doc,
        RECORD,
        {
            "spans": numpy.asarray(chars, dtype="int32").reshape((-1, 2)),
            "scores": scores,
            "labels": list(labels),
        },
    )
    reached = numpy.argwhere(scores >= threshold).tolist()
    spans = [Span(doc, int(bounds[i, 0]), int(bounds[i, 1]), label=labels[j]) for i, j in reached]
    group = SpanGroup(doc, name=spans_key, spans=spans)
    group.attrs["scores"] = [float(scores[i, j]) for i, j in reached]
    doc.spans[spans_key] = group
    if overwrite_label:
        _overwrite_labels(doc, bounds, scores, labels, threshold)


def _overwrite_labels(doc: Doc, bounds: Ints2d, scores: Floats2d, labels: Sequence[str], threshold: float) -> None:
    best: Dict[Tuple[int, int], str] = {}
    for (start, end), row in zip(bounds.tolist(), scores, strict=True):
        top = int(row.argmax())
        if row[top] >= threshold:
            best[(start, end)] = labels[top]
    ents: List[Span] = []
    for ent in doc.ents:
        label = best.get((ent.start, ent.end), ent.label_)
        ents.append(Span(doc, ent.start, ent.end, label=label, kb_id=ent.kb_id_, span_id=ent.id_))
    doc.set_ents(ents, default="unmodified")


def write_known_types(
    doc: Doc, bounds: Sequence[Tuple[int, int]], types: Sequence[Sequence[str]], *, linker: str = ""
) -> None:
    """Write the types of spans that a knowledge base knows. `get_types` returns them for spans that are not typed.

    doc (Doc): The document.
    bounds (Sequence[Tuple[int, int]]): Token bounds of the spans.
    types (Sequence[Sequence[str]]): The types of each span.
    linker (str): Name of the linker. The types of other linkers' spans are kept.
    """
    found: Dict[Tuple[int, int], Tuple[str, List[str]]] = {}
    for first, record in find_records(doc, KNOWN):
        linkers = record.get("linkers") or [linker] * len(record["types"])
        for place, own, name in zip(record["spans"], record["types"], linkers, strict=True):
            if name != linker:
                found[(place[0] + first, place[1] + first)] = name, list(own)
    for (start, end), own in zip(bounds, types, strict=True):
        span = doc[start:end]
        found[(span.start_char, span.end_char)] = linker, list(own)
    if found or find_records(doc, KNOWN):
        record = {
            "spans": [list(place) for place in found],
            "types": [own for _, own in found.values()],
            "linkers": [name for name, _ in found.values()],
        }
        put_record(doc, KNOWN, record)


def get_types(span: Span) -> Dict[str, float]:
    """Return the type probabilities of a span: `span._.mluke_types`.

    span (Span): A span.
    RETURNS (Dict[str, float]): Probability by label. The types are independent, so the probabilities do not sum to 1.
        For a linked span that was not typed, the classes of its entity, with a probability of 1; else empty.
    """
    for start, record in reversed(find_records(span.doc, RECORD)):
        place = (span.start_char - start, span.end_char - start)
        rows = numpy.flatnonzero((record["spans"].reshape((-1, 2)) == place).all(axis=1))
        if len(rows):
            return dict(zip(record["labels"], record["scores"][rows[-1]].tolist(), strict=True))
    for start, record in reversed(find_records(span.doc, KNOWN)):
        known = [tuple(place) for place in record["spans"]]  # msgpack makes tuples lists, or lists tuples
        own = (span.start_char - start, span.end_char - start)
        if own in known:
            return dict.fromkeys(record["types"][known.index(own)], 1.0)
    return {}
