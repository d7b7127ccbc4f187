"""Measure each relation on held-out data, and calibrate their probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy

from scripts.xx_mluke_small.relation_measurements import MeasuredText, Measurements
from spacy_mluke.heads.calibration import ClassLogits, fit_calibration
from spacy_mluke.heads.losses import sigmoid

_NO_LOGITS, _NO_TRUTH = numpy.zeros(0, dtype="float32"), numpy.zeros(0, dtype=bool)
# Newton's steps; and the strength of the common offset, in observations that are as likely as not.
_NEWTON, _PRIOR = 50, 1.0


@dataclass
class Measured:
    """Logits of one relation for pairs of mentions, and whether it holds."""

    documents: Tuple[Any, Any]  # logits and truth, (n_pairs,) each, of all pairs in held-out documents
    sentences: Tuple[Any, Any]  # of the annotated pairs, and their reverse, in held-out sentences
    n_facts: Tuple[int, int] = (0, 0)  # in documents, in sentences

    def best_f1(self) -> Tuple[float, float]:
        """Return the F1 at the best threshold, in documents and in sentences."""
        return _best_f1(*self.documents), _best_f1(*self.sentences)

    @property
    def pairs(self) -> Tuple[Tuple[Any, Any], Tuple[Any, Any]]:
        """Logits of documents and sentences, and the truth of both."""
        (document_logits, document_truth), (sentence_logits, sentence_truth) = self.documents, self.sentences
        return (document_logits, sentence_logits), (document_truth, sentence_truth)

    def to_dict(self) -> Dict[str, Any]:
        """Return the numbers for the model card."""
        documents, sentences = self.best_f1()
        return {
            "facts in held-out documents": self.n_facts[0],
            "F1 in documents": round(documents, 3),
            "facts in held-out sentences": self.n_facts[1],
            "F1 in sentences": round(sentences, 3),
        }


def by_label(measurements: Measurements) -> Dict[str, Measured]:
    """Return the logits of each relation.

    measurements (Measurements): As from `measure`.
    RETURNS (Dict[str, Measured]): By relation.
    """
    found = {}
    for i, label in enumerate(measurements.labels):
        documents, sentences = (_of_label(texts, i) for texts in (measurements.documents, measurements.sentences))
        found[label] = Measured(documents, sentences, (int(documents[1].sum()), int(sentences[1].sum())))
    return found


def _of_label(texts: Sequence[MeasuredText], i: int) -> Tuple[Any, Any]:
    logits = [_NO_LOGITS, *(text.logits[text.known[:, i], i] for text in texts)]
    truth = [_NO_TRUTH, *(text.truth[text.known[:, i], i] for text in texts)]
    return numpy.concatenate(logits), numpy.concatenate(truth)


def calibrate(measured: Mapping[str, Measured]) -> Tuple[float, Dict[str, float]]:
    """Fit a scale of logits, and an offset for each relation, so that their sigmoid is the probability that it holds.

    measured (Mapping[str, Measured]): As from `by_label`. Pairs in documents are as frequent as in use. Pairs in
        sentences count for the offsets only: documents have few facts of many relations, or none.
    RETURNS (Tuple[float, Dict[str, float]]): The scale, and the offset of each relation.
    """
    annotated = [found.documents for found in measured.values() if found.n_facts[0]]
    logits, truth = (numpy.concatenate(parts)[:, None] for parts in zip(*annotated, strict=True))
    fitted = fit_calibration(ClassLogits.of_rows(logits, truth, independent=True), with_bias=True)
    scale, offset = 1.0 / fitted.temperature, fitted.bias
    return scale, {label: _fit_offset(found, scale, offset) for label, found in measured.items()}


def _fit_offset(found: Measured, scale: float, offset: float) -> float:
    """The offset of one relation, drawn to that of all where there is little data."""
    logits, truth = (numpy.concatenate(parts).astype("float64") for parts in found.pairs)
    value = offset
    for _ in range(_NEWTON):
        p = sigmoid(scale * logits + value)
        step = ((p - truth).sum() + _PRIOR * (value - offset)) / ((p * (1.0 - p)).sum() + _PRIOR)
        value -= float(numpy.clip(step, -0.5, 0.5))
    return value


def _best_f1(logits: Any, truth: Any) -> float:
    if not truth.any():
        return 0.0
    order = numpy.argsort(-logits, kind="stable")
    right = numpy.cumsum(truth[order])
    return float((2 * right / (numpy.arange(1, len(order) + 1) + truth.sum())).max())
