"""Select the predicted entities from the logits of candidate spans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import List, Sequence, Tuple

import numpy

from ...heads.losses import softmax
from ...suggesters.candidates import CandidateSpans
from ...types import Floats2d


@dataclass
class RankedEntities:
    """The positive candidates of one document, best first. They may overlap."""

    bounds: List[Tuple[int, int]]  # in tokens
    labels: List[str]
    scores: List[float]  # probabilities


def rank_entities(
    spans: CandidateSpans,
    logits: Floats2d,
    classes: Sequence[str],
    *,
    negative: int,
    threshold: float,
    temperature: float = 1.0,
) -> List[RankedEntities]:
    """Return the candidates whose best class is a label, best first.

    spans (CandidateSpans): The candidates.
    logits (Floats2d): Their logits; NaN or -inf for candidates without a prediction. Shape: (n_spans, n_classes).
    classes (Sequence[str]): Names of the classes.
    negative (int): The negative class.
    threshold (float): Minimum probability.
    temperature (float): Number that the logits are divided by before probabilities are computed.
    RETURNS (List[RankedEntities]): The positive candidates of each document.
    """
    class_ids = numpy.where(numpy.isnan(logits), -numpy.inf, logits).argmax(axis=1)
    found = numpy.flatnonzero((class_ids != negative) & numpy.isfinite(logits[:, 0]))
    class_ids, best_logits = class_ids[found], logits[found].max(axis=1)
    scores = softmax(logits[found] / temperature).max(axis=1, initial=0.0)
    doc_ids = spans.docs[found]
    # Sorted by logits, as the published models are evaluated; of equal logits, the first candidate.
    order = numpy.lexsort((-best_logits, doc_ids))
    order = order[scores[order] >= threshold]
    offsets = numpy.searchsorted(doc_ids[order], numpy.arange(len(spans.lengths) + 1)).tolist()
    bounds = list(map(tuple, spans.bounds[found[order]].tolist()))
    labels = [classes[class_id] for class_id in class_ids[order].tolist()]
    probabilities = scores[order].tolist()
    return [
        RankedEntities(bounds[start:end], labels[start:end], probabilities[start:end])
        for start, end in pairwise(offsets)
    ]
