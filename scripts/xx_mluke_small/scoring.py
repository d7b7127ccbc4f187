"""Scores with confidence intervals, from counts in each text."""

from __future__ import annotations

import random
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar

import numpy

from spacy_mluke.report.bootstrap import interval, resampled_totals
from spacy_mluke.report.metrics import Metric, label_columns
from spacy_mluke.types import Floats1d, Floats2d

Item = TypeVar("Item")
Fact = Tuple[Any, ...]  # the last element is the label
FactPair = Tuple[Set[Fact], Set[Fact]]  # predicted and gold facts of a text
Score = Dict[str, float]  # "value", "low", "high", in percent


def choose(items: Sequence[Item], limit: int, seed: int = 0) -> List[Item]:
    """Return some items, at random, in their order.

    items (Sequence[Item]): The items.
    limit (int): How many; 0 for all.
    seed (int): Seed of the choice.
    RETURNS (List[Item]): The items.
    """
    if not limit or len(items) <= limit:
        return list(items)
    return [items[i] for i in sorted(random.Random(seed).sample(range(len(items)), limit))]


def count_facts(found: Iterable[FactPair], labels: Optional[Sequence[str]] = None) -> Tuple[Floats2d, List[str]]:
    """Count right, predicted and gold facts by label.

    found (Iterable[FactPair]): Predicted and gold facts of each text.
    labels (Optional[Sequence[str]]): Labels to count. By default, all.
    RETURNS (Tuple[Floats2d, List[str]]): Counts, (n_texts, 3 * n_labels), and the names of the columns.
    """
    pairs = list(found)
    names = sorted({fact[-1] for pair in pairs for side in pair for fact in side}) if labels is None else list(labels)
    places = {name: i for i, name in enumerate(names)}
    counts = numpy.zeros((len(pairs), len(names), 3))
    for row, (predicted, gold) in enumerate(pairs):
        for column, facts in enumerate((predicted & gold, predicted, gold)):
            for fact in facts:
                if fact[-1] in places:
                    counts[row, places[fact[-1]], column] += 1
    return counts.reshape((len(pairs), 3 * len(names))), label_columns(names)


def score(
    counts: Floats2d, columns: Sequence[str], metrics: Mapping[str, Metric], *, n_samples: int, seed: int = 0
) -> Dict[str, Score]:
    """Compute scores with 95 % confidence intervals: texts are resampled with replacement.

    counts (Floats2d): Counts of each text. Shape: (n_texts, n_columns).
    columns (Sequence[str]): Names of the columns.
    metrics (Mapping[str, Metric]): The scores by name.
    n_samples (int): Number of bootstrap samples.
    seed (int): Seed of the samples.
    RETURNS (Dict[str, Score]): Each score, in percent.
    """
    (samples,) = resampled_totals([counts], n_samples=n_samples, seed=seed)
    totals = counts.sum(axis=0, keepdims=True)
    found = {}
    for name, metric in metrics.items():
        own = interval(100 * float(metric(totals, columns)[0]), 100 * metric(samples, columns))
        found[name] = {part: round(value, 2) for part, value in own._asdict().items()}
    return found


def mean_f(rows: Iterable[Mapping[str, Any]], metric: str = "f") -> Optional[float]:
    """Return the mean score of several sets.

    rows (Iterable[Mapping[str, Any]]): Their scores.
    metric (str): Name of the score.
    RETURNS (Optional[float]): None without sets.
    """
    values = [row[metric]["value"] for row in rows]
    return round(sum(values) / len(values), 2) if values else None


def area_under_curve(scores: Floats1d, is_positive: Sequence[bool]) -> Optional[float]:
    """Return how probably a positive item has a higher score than a negative one.

    scores (Floats1d): The scores. Shape: (n,).
    is_positive (Sequence[bool]): Which items are positive.
    RETURNS (Optional[float]): From 0 to 1; 0.5 for scores that say nothing. None if all items are alike.
    """
    marked = numpy.asarray(is_positive, dtype=bool)
    n_positive, n_negative = int(marked.sum()), int((~marked).sum())
    if not n_positive or not n_negative:
        return None
    _, inverse, counts = numpy.unique(scores, return_inverse=True, return_counts=True)
    ranks = (numpy.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[marked].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
