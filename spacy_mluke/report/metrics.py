"""Metrics: scores from summed counts, of one corpus or of many bootstrap samples at once."""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Tuple

import numpy

from ..types import Floats1d, Floats2d

# The counts of each label: right predictions, all predictions, gold annotations.
COUNTED = ("right", "predicted", "gold")

# Computes a score for each row of totals, shape (n, n_columns), given the names of the columns. Result: shape (n,).
Metric = Callable[[Floats2d, Sequence[str]], Floats1d]


def label_columns(labels: Sequence[str]) -> List[str]:
    """Return the names of the columns for labels.

    labels (Sequence[str]): The labels.
    RETURNS (List[str]): Three columns for each label, label after label.
    """
    return [f"{label} {what}" for label in labels for what in COUNTED]


def column_labels(columns: Sequence[str]) -> List[str]:
    """Return the labels of columns.

    columns (Sequence[str]): Names from `label_columns`.
    RETURNS (List[str]): The labels.
    """
    return [column.rpartition(" ")[0] for column in columns[:: len(COUNTED)]]


def precision(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the fraction of predictions that are right."""
    right, predicted, _ = _sums(totals)
    return _ratio(right, predicted)


def recall(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the fraction of gold annotations that are predicted."""
    right, _, gold = _sums(totals)
    return _ratio(right, gold)


def micro_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the F1 of the pooled counts of all labels."""
    right, predicted, gold = _sums(totals)
    return _ratio(2 * right, predicted + gold)


def macro_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the mean F1 of the labels that occur in gold annotations or predictions."""
    right, predicted, gold = numpy.moveaxis(totals.reshape((len(totals), -1, len(COUNTED))), 2, 0)
    scores = _ratio(2 * right, predicted + gold)
    n_labels = ((predicted + gold) > 0).sum(axis=1)
    return scores.sum(axis=1) / numpy.maximum(n_labels, 1)


def exact_match(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the fraction of questions whose answer is exactly a gold answer."""
    return _mean(totals, columns, "em")


def word_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the mean F1 of the words of answers."""
    return _mean(totals, columns, "f1")


def first_right(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the fraction of masks whose best filler is right, or of mentions whose link is right."""
    return _mean(totals, columns, "p1")


def five_right(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the fraction of masks with a right filler among the best five."""
    return _mean(totals, columns, "p5")


def mean_rank(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Return the mean reciprocal rank of the first right filler."""
    return _mean(totals, columns, "mrr")


LABELLED: Dict[str, Metric] = {
    "micro_f1": micro_f1,
    "micro_precision": precision,
    "micro_recall": recall,
    "macro_f1": macro_f1,
}
# The first metric of a task is its main score.
METRICS: Dict[str, Dict[str, Metric]] = {
    "relations": {"macro_f1": macro_f1, **LABELLED},
    "ner": LABELLED,
    "qa": {"f1": word_f1, "em": exact_match},
    "cloze": {"p1": first_right, "p5": five_right, "mrr": mean_rank},
    "linking": {"accuracy": first_right},
}
METRIC_NAMES = {
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "micro_precision": "micro precision",
    "micro_recall": "micro recall",
    "f1": "F1",
    "em": "exact match",
    "p1": "P@1",
    "p5": "P@5",
    "mrr": "MRR",
    "accuracy": "accuracy",
}
TASKS: Tuple[str, ...] = tuple(METRICS)
N_ITEMS = "n"  # the column with the number of items: questions, masks or mentions


def _sums(totals: Floats2d) -> Floats2d:
    """Return sums over labels. Shape: (3, n)."""
    return totals.reshape((len(totals), -1, len(COUNTED))).sum(axis=1).T


def _mean(totals: Floats2d, columns: Sequence[str], name: str) -> Floats1d:
    return _ratio(totals[:, columns.index(name)], totals[:, columns.index(N_ITEMS)])


def _ratio(part: Floats1d, whole: Floats1d) -> Floats1d:
    """Divide, with 0 where the denominator is 0."""
    return numpy.divide(part, whole, out=numpy.zeros_like(part, dtype="float64"), where=whole > 0)
