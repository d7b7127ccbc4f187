"""Gold names on candidates: what each candidate should be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import ENT_IOB, IS_SPACE
from spacy.tokens import Doc, Span
from spacy.training import Example

from ...errors import Errors
from ...ragged import positions, row_offsets
from ...suggesters.candidates import CandidateSpans, span_keys
from ...types import Bools1d, Ints1d

UNKNOWN = -1


@dataclass
class Gold:
    """Gold names of one example, on the tokens of the predicted document."""

    labels: Dict[Tuple[int, int], str]  # by token bounds
    n_lost: int  # names on spans that these tokens do not have
    unknown: Bools1d  # (n_tokens,): tokens that nothing is known about

    @property
    def n_names(self) -> int:
        return len(self.labels) + self.n_lost


@dataclass
class Truth:
    """What candidates should be called."""

    rows: Ints1d  # (n_spans,): the class of each candidate, UNKNOWN for one that holds an unknown token
    n_names: int
    n_missed: int  # names that no candidate stands for


def reference_spans(doc: Doc, spans_key: Optional[str]) -> Optional[List[Span]]:
    """The gold names of a reference document.

    doc (Doc): The reference.
    spans_key (Optional[str]): Key in `doc.spans` where nested names are. Names are `doc.ents` if it is None, or the
        document has no such group.
    RETURNS (Optional[List[Span]]): None if the document is not annotated.
    """
    if spans_key is not None and spans_key in doc.spans:
        return list(doc.spans[spans_key])
    return list(doc.ents) if doc.has_annotation("ENT_IOB") else None


def find_gold(eg: Example, spans_key: Optional[str], n: int = 0) -> Optional[Gold]:
    """Gold names of an example. Where the two documents' tokens differ such that a name cannot be told, its tokens are
    unknown, and so are those of the reference that lack annotation.

    eg (Example): The example.
    spans_key (Optional[str]): As for `reference_spans`.
    n (int): The example's number, for the message.
    RETURNS (Optional[Gold]): None if the reference is not annotated.
    RAISES (ValueError): ML203 if a span has two labels.
    """
    spans = reference_spans(eg.reference, spans_key)
    if spans is None:
        return None
    unclear = numpy.zeros(len(eg.reference), dtype=bool)
    if spans_key is None or spans_key not in eg.reference.spans:
        attrs = eg.reference.to_array([ENT_IOB, IS_SPACE])
        unclear = (attrs[:, 0] == 0) & (attrs[:, 1] == 0)
    labels: Dict[Tuple[int, int], str] = {}
    n_lost = 0
    for span in spans:
        aligned = eg.get_aligned_spans_y2x([span], allow_overlap=True)
        if not aligned:
            unclear[span.start : span.end] = True
            n_lost += 1
            continue
        bounds = (aligned[0].start, aligned[0].end)
        if labels.setdefault(bounds, span.label_) != span.label_:
            raise ValueError(Errors.ML203.format(span=repr(span.text), n=n, first=labels[bounds], second=span.label_))
    unknown = numpy.zeros(len(eg.predicted), dtype=bool)
    if unclear.any():
        aligned_tokens = eg.alignment.y2x
        unknown[aligned_tokens.data[unclear.repeat(aligned_tokens.lengths)]] = True
    return Gold(labels, n_lost, unknown)


def classify(
    gold: Sequence[Optional[Gold]], spans: CandidateSpans, row_of: Callable[[str], int], negative: int
) -> Truth:
    """Say what each candidate should be called.

    gold (Sequence[Optional[Gold]]): For each document, None where nothing is annotated.
    spans (CandidateSpans): As from `suggest_candidates`.
    row_of (Callable[[str], int]): The class of a label.
    negative (int): The class of what is no name.
    RETURNS (Truth): The truth.
    """
    bounds, docs = spans.bounds, spans.docs
    rows = numpy.full(len(bounds), negative, dtype="int64")
    unknown = [numpy.ones(1, bool) if found is None else found.unknown for found in gold]
    is_known = numpy.asarray([found is not None for found in gold], dtype=bool)
    if any(found.any() for found in unknown):
        rows[~is_known[docs]] = UNKNOWN
        # Unknown tokens before each token, all documents end to end.
        sizes = numpy.asarray([len(found) for found in unknown], dtype="int64")
        before = row_offsets(numpy.concatenate(unknown).astype("int64"))
        firsts = row_offsets(sizes)[:-1][docs]
        on = numpy.flatnonzero(rows != UNKNOWN)
        held = before[firsts[on] + bounds[on, 1]] > before[firsts[on] + bounds[on, 0]]
        rows[on[held]] = UNKNOWN
    known = [(n, found) for n, found in enumerate(gold) if found is not None]
    names = [(n, *place, row_of(label)) for n, found in known for place, label in found.labels.items()]
    n_names = sum(found.n_names for _, found in known)
    n_missed = sum(found.n_lost for _, found in known)
    if names:
        table = numpy.asarray(names, dtype="int64")
        keys = spans.keys
        wanted = span_keys(table[:, 0], table[:, 1:3])
        places = numpy.searchsorted(keys, wanted)
        found_at = numpy.minimum(places, len(keys) - 1)
        hits = keys[found_at] == wanted if len(keys) else numpy.zeros(len(wanted), dtype=bool)
        rows[found_at[hits]] = table[hits, 3]
        n_missed += int((~hits).sum())
    return Truth(rows, n_names, n_missed)


def sample(rows: Ints1d, spans: CandidateSpans, n_tokens: Ints1d, negative: int, per_token: Optional[float]) -> Ints1d:
    """Choose the candidates to train on: all names, and some of the others.

    rows (Ints1d): What each candidate is, as of `Truth`. Shape: (n_spans,).
    spans (CandidateSpans): The candidates.
    n_tokens (Ints1d): Tokens of each document.
    negative (int): The class of what is no name.
    per_token (Optional[float]): Others that are drawn from a document for each of its tokens. None: all candidates are
        taken, unknown ones too, which then are company to the others.
    RETURNS (Ints1d): Numbers of the candidates, rising.
    """
    if per_token is None:
        return numpy.arange(len(rows))
    others = numpy.flatnonzero(rows == negative)
    docs = spans.docs[others]
    # Not a generator of our own: spaCy seeds this one.
    order = numpy.lexsort((numpy.random.random(len(others)), docs))  # noqa: NPY002
    counts = numpy.bincount(docs, minlength=len(n_tokens))
    quotas = numpy.ceil(n_tokens * per_token).astype("int64")
    drawn = others[order[positions(counts) < quotas[docs]]]
    names = numpy.flatnonzero((rows != negative) & (rows != UNKNOWN))
    return numpy.sort(numpy.concatenate([names, drawn]))
