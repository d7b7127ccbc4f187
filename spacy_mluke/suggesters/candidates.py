"""Candidate spans of any suggester in one form: unique, sorted, and on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, List, Sequence

import numpy

from ..errors import Errors
from ..ragged import to_numpy
from ..types import Ints1d, Ints2d

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from thinc.types import Ragged

    from .entities import Suggester


@dataclass
class CandidateSpans:
    """Candidate spans of several documents, end to end."""

    bounds: Ints2d  # (n_spans, 2) int64: token bounds
    lengths: Ints1d  # (n_docs,) int64: number of spans of each document

    @property
    def docs(self) -> Ints1d:
        """The document of each span. Shape: (n_spans,)."""
        return numpy.arange(len(self.lengths)).repeat(self.lengths)

    @property
    def keys(self) -> Ints1d:
        """A number for each span, ordered by document, start and end. Shape: (n_spans,), int64."""
        return span_keys(self.docs, self.bounds)

    @property
    def ragged(self) -> Ragged:
        """The spans in the form that suggesters return, int32."""
        from thinc.types import Ragged

        bounds: Any = self.bounds.astype("int32")
        lengths: Any = self.lengths.astype("int32")
        return Ragged(bounds, lengths)

    def take(self, which: Ints1d) -> CandidateSpans:
        """Select some of the spans.

        which (Ints1d): Their numbers, rising.
        RETURNS (CandidateSpans): The selected spans of the same documents.
        """
        return CandidateSpans(self.bounds[which], numpy.bincount(self.docs[which], minlength=len(self.lengths)))

    @classmethod
    def from_ragged(cls, spans: Ragged) -> CandidateSpans:
        """Convert the output of a suggester.

        spans (Ragged): The output.
        RETURNS (CandidateSpans): The spans, in the same order.
        """
        # Without spans, spaCy's suggesters return an array of shape (0, 0).
        bounds = to_numpy(spans.dataXd).reshape((-1, 2)).astype("int64")
        return cls(bounds, to_numpy(spans.lengths).astype("int64"))


def suggest_candidates(suggester: Suggester, docs: Sequence[Doc]) -> CandidateSpans:
    """Return the spans that a suggester suggests, without duplicates, sorted by start and end.

    How candidates are distributed over sequences then depends on the set of candidates only, not on their order.

    suggester (Suggester): Any suggester.
    docs (Sequence[Doc]): The documents.
    RETURNS (CandidateSpans): The candidates.
    RAISES (ValueError): ML074 if the suggester returns lengths that do not match.
    """
    found = CandidateSpans.from_ragged(suggester(docs))
    total = int(found.lengths.sum())
    if len(found.lengths) != len(docs) or total != len(found.bounds):
        n, rows = len(found.lengths), len(found.bounds)
        raise ValueError(Errors.ML074.format(n=n, n_docs=len(docs), rows=rows, total=total))
    keys = found.keys
    if (keys[1:] > keys[:-1]).all():
        return found
    _, firsts = numpy.unique(keys, return_index=True)
    return CandidateSpans(found.bounds[firsts], numpy.bincount(found.docs[firsts], minlength=len(docs)))


def span_keys(docs: Ints1d, bounds: Ints2d) -> Ints1d:
    """Return the keys of `CandidateSpans.keys`, for less than 2^15 documents of less than 2^24 tokens each.

    docs (Ints1d): The document of each span. Shape: (n_spans,).
    bounds (Ints2d): Token bounds. Shape: (n_spans, 2).
    RETURNS (Ints1d): Shape: (n_spans,), int64.
    """
    return (docs << 48) | (bounds[:, 0] << 24) | bounds[:, 1]


def split_docs(docs: Sequence[Doc], *, max_tokens: int, max_docs: int) -> Iterable[List[Doc]]:
    """Split a list of documents into parts of limited size.

    docs (Sequence[Doc]): The documents.
    max_tokens (int): Maximum number of tokens of a part; a longer document is a part by itself.
    max_docs (int): Maximum number of documents of a part.
    YIELDS (List[Doc]): The parts, in order.
    """
    part: List[Doc] = []
    n_tokens = 0
    for doc in docs:
        if part and (n_tokens + len(doc) > max_tokens or len(part) == max_docs):
            yield part
            part, n_tokens = [], 0
        part.append(doc)
        n_tokens += len(doc)
    if part:
        yield part
