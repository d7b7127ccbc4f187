"""Write predicted named entities to a Doc: `doc.ents` and a span group with scores."""

from __future__ import annotations

from typing import Iterable, List, Sequence

import numpy
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc, Span, SpanGroup

from ..types import Ints2d
from .selection import Bounds, pick_flat, pick_nested

_BEGIN = 3  # ENT_IOB of an entity's first token; one without a type is blocked


def write_entities(
    doc: Doc,
    bounds: Sequence[Bounds],
    labels: Sequence[str],
    scores: Sequence[float],
    *,
    spans_key: str,
    keep_nested: bool,
    overwrite_ents: bool,
) -> None:
    """Write predicted named entities to a document: greedily, best first, skipping those that overlap a better one.

    doc (Doc): The document.
    bounds (Sequence[Bounds]): Token bounds of the predictions, best first.
    labels (Sequence[str]): Their labels.
    scores (Sequence[float]): Their probabilities.
    spans_key (str): Key in `doc.spans` of the group that gets the entities in text order, with the probabilities in its
        `attrs["scores"]`.
    keep_nested (bool): Whether the group also gets entities inside entities, which `doc.ents` cannot hold. Entities
        that cross a better one are skipped in both.
    overwrite_ents (bool): Whether predictions replace existing entities in `doc.ents` that they overlap. If not, these
        predictions are skipped, and so are those on blocked tokens (see `Doc.set_ents`). A prediction with the bounds
        and the label of an existing entity is added to the group, and the entity keeps its ids.
    """
    blocked = blocked_tokens(doc)
    existing = {(ent.start, ent.end): ent.label_ for ent in doc.ents}
    flat = pick_flat(bounds, len(doc), [] if overwrite_ents else [*existing, *blocked])
    found = [Span(doc, *bounds[i], label=labels[i]) for i in flat]
    taken = bytearray(len(doc))
    for span in found:
        taken[span.start : span.end] = b"\1" * len(span)
    kept = [ent for ent in doc.ents if not any(taken[ent.start : ent.end])]
    still_blocked = [doc[start:end] for start, end in blocked if not any(taken[start:end])]
    doc.set_ents([*kept, *found], blocked=still_blocked, default="outside")
    confirmed = {own: i for i, own in enumerate(bounds) if not overwrite_ents and existing.get(own) == labels[i]}
    listed = sorted(pick_nested(bounds) if keep_nested else [*flat, *confirmed.values()], key=bounds.__getitem__)
    group = SpanGroup(doc, name=spans_key, spans=[Span(doc, *bounds[i], label=labels[i]) for i in listed])
    group.attrs["scores"] = numpy.asarray([scores[i] for i in listed], dtype="float32")
    doc.spans[spans_key] = group


def write_candidates(doc: Doc, bounds: Ints2d, spans_key: str) -> None:
    """Write candidate spans to a span group, without labels.

    doc (Doc): The document.
    bounds (Ints2d): Token bounds of the candidates. Shape: (n_spans, 2).
    spans_key (str): Key in `doc.spans` of the group.
    """
    doc.spans[spans_key] = SpanGroup(doc, name=spans_key, spans=[doc[start:end] for start, end in bounds.tolist()])


def copy_with_entities(doc: Doc, spans: Iterable[Span]) -> Doc:
    """Return a document with the same tokens and other entities.

    doc (Doc): The document.
    spans (Iterable[Span]): Spans of the document, with labels.
    RETURNS (Doc): A document without other annotation.
    """
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    copy = Doc(doc.vocab, words=words, spaces=spaces)
    copy.set_ents([Span(copy, span.start, span.end, label=span.label) for span in spans])
    return copy


def blocked_tokens(doc: Doc) -> List[Bounds]:
    """Return the tokens that are blocked: no entity may contain them (see `Doc.set_ents`).

    doc (Doc): The document.
    RETURNS (List[Bounds]): Token bounds of each.
    """
    attrs = doc.to_array([ENT_IOB, ENT_TYPE])
    tokens = numpy.flatnonzero((attrs[:, 0] == _BEGIN) & (attrs[:, 1] == 0))
    return [(token, token + 1) for token in tokens.tolist()]
