"""Suggest the entities or the spans of a group.

A suggester takes documents and returns token bounds (start, end), document after document, in the order of the
document. Spans may be nested, equal or crossing. spaCy's suggesters (`spacy.ngram_suggester.v1`,
`spacy.preset_spans_suggester.v1`) can be used in the same places.
"""

from functools import partial
from typing import Iterable, List, Optional, Protocol

from spacy.tokens import Doc, Span
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged

from ..errors import check_text


class Suggester(Protocol):
    """The type of suggesters."""

    def __call__(self, docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged: ...


def build_ents_suggester_v1() -> Suggester:
    """Suggest the entities of each document, `doc.ents`. Registered as `spacy-mluke.ents_suggester.v1`.

    RETURNS (Suggester): Returns token bounds of documents. Shape of dataXd: (n_spans, 2), int32.
    """
    return suggest_ents


def build_spans_suggester_v1(spans_key: str) -> Suggester:
    """Suggest the spans of a span group. Registered as `spacy-mluke.spans_suggester.v1`.

    A document without the group has no spans. (spaCy's preset suggester raises an error.)

    spans_key (str): Key in `doc.spans`.
    RETURNS (Suggester): Returns token bounds of documents. Shape of dataXd: (n_spans, 2), int32.
    RAISES (ValueError): ML310 for an empty key.
    """
    check_text("spans_key", spans_key)
    return partial(suggest_spans, spans_key=spans_key)


def suggest_ents(docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged:
    """Suggest the entities of documents.

    docs (Iterable[Doc]): The documents.
    ops (Optional[Ops]): The ops to allocate arrays with.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    return as_ragged([list(doc.ents) for doc in docs], ops)


def suggest_spans(docs: Iterable[Doc], spans_key: str, *, ops: Optional[Ops] = None) -> Ragged:
    """Suggest the spans of a span group.

    docs (Iterable[Doc]): The documents.
    spans_key (str): Key in `doc.spans`.
    ops (Optional[Ops]): The ops to allocate arrays with.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    return as_ragged([list(doc.spans[spans_key]) if spans_key in doc.spans else [] for doc in docs], ops)


def as_ragged(spans: List[List[Span]], ops: Optional[Ops] = None) -> Ragged:
    """Convert spans to the form that suggesters return.

    spans (List[List[Span]]): The spans of each document.
    ops (Optional[Ops]): The ops to allocate arrays with.
    RETURNS (Ragged): Token bounds. Shape of dataXd: (n_spans, 2), int32, also without spans.
    """
    ops = ops or get_current_ops()
    pairs = [(span.start, span.end) for group in spans for span in group]
    bounds = ops.asarray(pairs, dtype="int32") if pairs else ops.alloc((0, 2), dtype="int32")
    return Ragged(bounds, ops.asarray1i([len(group) for group in spans]))
