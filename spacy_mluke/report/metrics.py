"""Scores of totals: those of a corpus, or of many draws of its documents at once."""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Tuple

import numpy

from ..types import Floats1d, Floats2d

# What is counted for each label: right predictions, predictions, gold annotations.
COUNTED = ("right", "predicted", "gold")

# Totals, (n, n_columns), and the names of the columns -> a score for each row, (n,).
Metric = Callable[[Floats2d, Sequence[str]], Floats1d]


def label_columns(labels: Sequence[str]) -> List[str]:
    """Columns of what is counted for labels.

    labels (Sequence[str]): The labels.
    RETURNS (List[str]): COUNTED for each label, label after label.
    """
    return [f"{label} {what}" for label in labels for what in COUNTED]


def column_labels(columns: Sequence[str]) -> List[str]:
    """The labels whose counts columns hold.

    columns (Sequence[str]): As from `label_columns`.
    RETURNS (List[str]): The labels.
    """
    return [column.rpartition(" ")[0] for column in columns[:: len(COUNTED)]]


def precision(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Right ones of all predictions."""
    right, predicted, _ = _sums(totals)
    return _ratio(right, predicted)


def recall(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Right ones of all gold annotations."""
    right, _, gold = _sums(totals)
    return _ratio(right, gold)


def micro_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """F1 of all labels together."""
    right, predicted, gold = _sums(totals)
    return _ratio(2 * right, predicted + gold)


def macro_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Mean of the labels' F1, over labels that are gold or predicted at all."""
    right, predicted, gold = numpy.moveaxis(totals.reshape((len(totals), -1, len(COUNTED))), 2, 0)
    scores = _ratio(2 * right, predicted + gold)
    n_labels = ((predicted + gold) > 0).sum(axis=1)
    return scores.sum(axis=1) / numpy.maximum(n_labels, 1)


def exact_match(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Share of questions whose answer is a gold one."""
    return _share(totals, columns, "em")


def word_f1(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Mean F1 of the words of answers."""
    return _share(totals, columns, "f1")


def first_right(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Share of masks whose best filler is right, or of mentions whose link is."""
    return _share(totals, columns, "p1")


def five_right(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Share of masks one of whose best five fillers is right."""
    return _share(totals, columns, "p5")


def mean_rank(totals: Floats2d, columns: Sequence[str]) -> Floats1d:
    """Mean of 1 / rank of the first right filler."""
    return _share(totals, columns, "mrr")


LABELLED: Dict[str, Metric] = {
    "micro_f1": micro_f1,
    "micro_precision": precision,
    "micro_recall": recall,
    "macro_f1": macro_f1,
}
# The first score of a task is the one that is shown first.
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
N_ITEMS = "n"  # the column of what shares are shares of


def _sums(totals: Floats2d) -> Floats2d:
    """Sums over labels. Shape: (3, n)."""
    return totals.reshape((len(totals), -1, len(COUNTED))).sum(axis=1).T


def _share(totals: Floats2d, columns: Sequence[str], name: str) -> Floats1d:
    return _ratio(totals[:, columns.index(name)], totals[:, columns.index(N_ITEMS)])


def _ratio(part: Floats1d, whole: Floats1d) -> Floats1d:
    """Zero where there is nothing to take a part of."""
    return numpy.divide(part, whole, out=numpy.zeros_like(part, dtype="float64"), where=whole > 0)
