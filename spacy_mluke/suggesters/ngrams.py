"""N-gram candidates that respect sentences, and candidates of any suggester brought into one form."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Iterable, List, Optional, Sequence

import numpy
from spacy.attrs import IS_SPACE, SENT_START
from spacy.tokens import Doc
from thinc.api import Ops, get_current_ops
from thinc.types import Ragged
from thinc.util import to_numpy

from ..errors import Errors, check_at_least
from ..ragged import positions, row_offsets
from ..types import Ints1d, Ints2d
from .entities import Suggester


def build_sentence_ngrams_v1(min_size: int = 1, max_size: int = 16) -> Suggester:
    """Suggest every range of tokens that a name may be. Registered as `spacy-mluke.sentence_ngrams.v1`.

    Candidates cross no end of a sentence, in documents whose sentences are known, and neither begin nor end with
    whitespace. Their number grows with the length of the text, at most `max_size` of them beginning with each token.

    min_size (int): Tokens of a candidate at least.
    max_size (int): Tokens of a candidate at most. The papers take 16 (Yamada et al., 2020, section 4.3).
    RETURNS (Suggester): Documents -> token bounds. dataXd has shape (n_spans, 2), int32, by start and then by end.
    RAISES (ValueError): ML071, ML310 for sizes that do not fit.
    """
    for option, value, least in (("min_size", min_size, 1), ("max_size", max_size, min_size)):
        check_at_least(option, value, least)
    return partial(suggest_ngrams, min_size=min_size, max_size=max_size)


def suggest_ngrams(docs: Iterable[Doc], *, min_size: int, max_size: int, ops: Optional[Ops] = None) -> Ragged:
    """Suggest n-grams; arguments as for `build_sentence_ngrams_v1`.

    docs (Iterable[Doc]): The documents.
    ops (Optional[Ops]): Where the arrays are to be.
    RETURNS (Ragged): Token bounds. Shape: (n_spans, 2), int32.
    """
    ops = ops or get_current_ops()
    docs = list(docs)
    doc_tokens = row_offsets(numpy.asarray([len(doc) for doc in docs], dtype="int64"))
    is_blank = numpy.zeros(int(doc_tokens[-1]) + 1, dtype=bool)
    # Tokens of all documents are numbered through; a document's end is the end of a sentence.
    begins = numpy.zeros(len(is_blank), dtype=bool)
    begins[doc_tokens] = True
    for doc, start, end in zip(docs, doc_tokens[:-1].tolist(), doc_tokens[1:].tolist(), strict=True):
        attrs = doc.to_array([SENT_START, IS_SPACE])
        is_blank[start:end] = attrs[:, 1] == 1
        if doc.has_annotation("SENT_START"):
            begins[start:end] |= attrs[:, 0] == 1
    tokens = numpy.arange(doc_tokens[-1])
    limits = numpy.flatnonzero(begins)
    room = limits[numpy.searchsorted(limits, tokens, side="right")] - tokens  # tokens up to the sentence's end
    counts = numpy.maximum(numpy.minimum(room, max_size) - min_size + 1, 0)
    starts = tokens.repeat(counts)
    ends = starts + positions(counts) + min_size
    kept = ~(is_blank[starts] | is_blank[ends - 1])
    bounds = numpy.stack([starts[kept], ends[kept]], axis=1)
    rows = numpy.searchsorted(bounds[:, 0], doc_tokens)
    lengths = numpy.diff(rows)
    bounds -= doc_tokens[:-1].repeat(lengths)[:, None]
    found = Candidates(bounds, lengths).ragged
    return Ragged(ops.asarray(found.dataXd), ops.asarray1i(found.lengths))


@dataclass
class Candidates:
    """Spans of several documents, end to end: a Ragged on the CPU, as this package's code takes it."""

    bounds: Ints2d  # (n_spans, 2) int64: token bounds
    lengths: Ints1d  # (n_docs,) int64

    @property
    def docs(self) -> Ints1d:
        """The document of each span. Shape: (n_spans,)."""
        return numpy.arange(len(self.lengths)).repeat(self.lengths)

    @property
    def keys(self) -> Ints1d:
        """A number for each span that rises with its document, its start and its end. Shape: (n_spans,), int64."""
        return span_keys(self.docs, self.bounds)

    @property
    def ragged(self) -> Ragged:
        """As suggesters give them, int32."""
        bounds: Any = self.bounds.astype("int32")
        lengths: Any = self.lengths.astype("int32")
        return Ragged(bounds, lengths)

    def take(self, rows: Ints1d) -> "Candidates":
        """Some of the spans.

        rows (Ints1d): Their numbers, rising.
        RETURNS (Candidates): Of the same documents.
        """
        return Candidates(self.bounds[rows], numpy.bincount(self.docs[rows], minlength=len(self.lengths)))

    @classmethod
    def of(cls, spans: Ragged) -> "Candidates":
        """Read a Ragged.

        spans (Ragged): As from a suggester.
        RETURNS (Candidates): The spans, in its order.
        """
        # spaCy's suggesters give (0, 0) for no spans.
        bounds = to_numpy(spans.dataXd).reshape((-1, 2)).astype("int64")
        return cls(bounds, to_numpy(spans.lengths).astype("int64"))


def propose(suggester: Suggester, docs: Sequence[Doc]) -> Candidates:
    """What a suggester suggests, once each, by start and then by end: how candidates are split over passes depends on
    which ones there are, and not on the suggester's order.

    suggester (Suggester): Any suggester.
    docs (Sequence[Doc]): The documents.
    RETURNS (Candidates): The candidates.
    RAISES (ValueError): ML074 if the suggester's lengths do not fit.
    """
    found = Candidates.of(suggester(docs))
    total = int(found.lengths.sum())
    if len(found.lengths) != len(docs) or total != len(found.bounds):
        n, rows = len(found.lengths), len(found.bounds)
        raise ValueError(Errors.ML074.format(n=n, n_docs=len(docs), rows=rows, total=total))
    keys = found.keys
    if (keys[1:] > keys[:-1]).all():
        return found
    _, firsts = numpy.unique(keys, return_index=True)
    return Candidates(found.bounds[firsts], numpy.bincount(found.docs[firsts], minlength=len(docs)))


def span_keys(docs: Ints1d, bounds: Ints2d) -> Ints1d:
    """Keys as of `Candidates.keys`, for less than 2^15 documents of less than 2^24 tokens each.

    docs (Ints1d): The document of each span. Shape: (n_spans,).
    bounds (Ints2d): Token bounds. Shape: (n_spans, 2).
    RETURNS (Ints1d): Shape: (n_spans,), int64.
    """
    return (docs << 48) | (bounds[:, 0] << 24) | bounds[:, 1]


def split_docs(docs: Sequence[Doc], *, max_tokens: int, max_docs: int) -> Iterable[List[Doc]]:
    """Cut a list of documents where enough of them have come together.

    docs (Sequence[Doc]): The documents.
    max_tokens (int): Tokens of a part; a longer document is a part by itself.
    max_docs (int): Documents of a part.
    YIELDS (List[Doc]): Parts, in order.
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
