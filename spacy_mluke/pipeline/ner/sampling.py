"""Select the candidate spans that a training step uses."""

from __future__ import annotations

from typing import Optional

import numpy

from ...ragged import positions, row_offsets
from ...suggesters.candidates import CandidateSpans
from ...types import Floats1d, Ints1d
from .gold_entities import UNKNOWN

NEGATIVE_SAMPLING = UNIFORM, NEAR = ("uniform", "near")
# With "near", how probably a negative candidate is drawn: one that begins or ends where an entity does, one that
# overlaps an entity, or another; times this, divided by its length plus 1.
_SHARES_EDGE, _OVERLAPS, _OTHER, _BY_LENGTH = 6.0, 2.0, 1.0, 3.0


def sample(
    class_ids: Ints1d,
    spans: CandidateSpans,
    n_tokens: Ints1d,
    negative: int,
    per_token: Optional[float],
    sampling: str = UNIFORM,
) -> Ints1d:
    """Select the candidates for training: all entities, and a sample of the negative candidates.

    class_ids (Ints1d): Gold classes, as in `CandidateClasses`. Shape: (n_spans,).
    spans (CandidateSpans): The candidates.
    n_tokens (Ints1d): Number of tokens of each document.
    negative (int): The negative class.
    per_token (Optional[float]): Number of negative candidates to sample for each token of a document. None to select
        all candidates. Unknown ones are then included, because candidates may attend to each other.
    sampling (str): "uniform": each negative candidate of a document is as probable as another. "near": short ones, and
        those that share a bound with an entity or overlap one, are more probable.
    RETURNS (Ints1d): Indices of the selected candidates, ascending.
    """
    if per_token is None:
        return numpy.arange(len(class_ids))
    others = numpy.flatnonzero(class_ids == negative)
    docs = spans.docs[others]
    # numpy's global generator, because spaCy seeds it.
    keys = numpy.random.random(len(others))  # noqa: NPY002
    if sampling == NEAR:
        # The smallest of these are a sample without replacement (Efraimidis and Spirakis, 2006).
        keys = -numpy.log(keys) / _nearness(class_ids, spans, n_tokens, negative)[others]
    order = numpy.lexsort((keys, docs))
    counts = numpy.bincount(docs, minlength=len(n_tokens))
    quotas = numpy.ceil(n_tokens * per_token).astype("int64")
    drawn = others[order[positions(counts) < quotas[docs]]]
    entities = numpy.flatnonzero((class_ids != negative) & (class_ids != UNKNOWN))
    return numpy.sort(numpy.concatenate([entities, drawn]))


def _nearness(class_ids: Ints1d, spans: CandidateSpans, n_tokens: Ints1d, negative: int) -> Floats1d:
    """How probably each candidate is drawn, up to a factor. Shape: (n_spans,)."""
    # Bounds of all documents end to end: one more for each, since the end of one is not the start of the next.
    firsts = row_offsets(n_tokens + 1)[spans.docs]
    starts, ends = firsts + spans.bounds[:, 0], firsts + spans.bounds[:, 1]
    is_entity = (class_ids != negative) & (class_ids != UNKNOWN)
    n_bounds = int((n_tokens + 1).sum()) + 1
    opened, closed = (numpy.bincount(edges[is_entity], minlength=n_bounds) for edges in (starts, ends))
    covered = row_offsets((numpy.cumsum(opened - closed) > 0).astype("int64"))
    overlaps = covered[ends] > covered[starts]
    shares_edge = (opened[starts] > 0) | (closed[ends] > 0)
    weights = numpy.where(shares_edge, _SHARES_EDGE, numpy.where(overlaps, _OVERLAPS, _OTHER))
    return weights * (_BY_LENGTH / (ends - starts + 1.0))
