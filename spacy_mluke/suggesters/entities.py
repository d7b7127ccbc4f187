"""Which spans become entities. spaCy's own suggesters (`spacy.ngram_suggester.v1`, `spacy.preset_spans_suggester.v1`)
do too.

A suggester is called with documents and gives token bounds, (start, end) rows, document after document, in the order
in which they lie there: nested, equal and crossing spans stay as they are.
"""

from functools import partial
from typing import Iterable, List, Optional, Protocol

from spacy.tokens import Doc, Span
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged

from ..errors import check_text


class Suggester(Protocol):
    """What suggests spans."""

    def __call__(self, docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged: ...


def build_ents_suggester_v1() -> Suggester:
    """Suggest the entities of each document, `doc.ents`. Registered as `spacy-mluke.ents_suggester.v1`.

    RETURNS (Suggester): Documents -> token bounds. dataXd has shape (n_spans, 2), int32.
    """
    return suggest_ents


def build_spans_suggester_v1(spans_key: str) -> Suggester:
    """Suggest the spans of a span group. Registered as `spacy-mluke.spans_suggester.v1`.

    Unlike spaCy's preset suggester, a document without the group has no spans: it is no error.

    spans_key (str): Key in `doc.spans`.
    RETURNS (Suggester): Documents -> token bounds. dataXd has shape (n_spans, 2), int32.
    RAISES (ValueError): ML310 for an empty key.
    """
    check_text("spans_key", spans_key)
    return partial(suggest_spans, spans_key=spans_key)


def suggest_ents(docs: Iterable[Doc], *, ops: Optional[Ops] = None) -> Ragged:
    """Suggest the entities of documents.

    docs (Iterable[Doc]): The documents.
    ops (Optional[Ops]): Where the arrays are to be.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    return as_ragged([list(doc.ents) for doc in docs], ops)


def suggest_spans(docs: Iterable[Doc], spans_key: str, *, ops: Optional[Ops] = None) -> Ragged:
    """Suggest the spans of a span group.

    docs (Iterable[Doc]): The documents.
    spans_key (str): Key in `doc.spans`.
    ops (Optional[Ops]): Where the arrays are to be.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    return as_ragged([list(doc.spans[spans_key]) if spans_key in doc.spans else [] for doc in docs], ops)


def as_ragged(spans: List[List[Span]], ops: Optional[Ops] = None) -> Ragged:
    """Token bounds of spans, as suggesters give them.

    spans (List[List[Span]]): The spans of each document.
    ops (Optional[Ops]): Where the arrays are to be.
    RETURNS (Ragged): dataXd has shape (n_spans, 2), int32, without spans too.
    """
    ops = ops or get_current_ops()
    rows = [(span.start, span.end) for group in spans for span in group]
    bounds = ops.asarray(rows, dtype="int32") if rows else ops.alloc((0, 2), dtype="int32")
    return Ragged(bounds, ops.asarray1i([len(group) for group in spans]))
