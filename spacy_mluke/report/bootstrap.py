"""Bootstrap confidence intervals: documents are resampled with replacement, and scores are computed for each sample."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Sequence

import numpy

from ..types import Floats1d, Floats2d

# Maximum number of resampled documents in memory.
_MAX_CELLS = 4_000_000
LEVEL = 0.95


class Interval(NamedTuple):
    """A score and its confidence interval."""

    value: float
    low: float
    high: float


def resampled_totals(counts: Sequence[Floats2d], *, n_samples: int, seed: int) -> List[Floats2d]:
    """Resample the documents of a corpus, and return the sums of their counts.

    Every system gets the same samples of documents, so differences between systems are paired.

    counts (Sequence[Floats2d]): Counts of each system in each document. Shape of each: (n_docs, n_columns).
    n_samples (int): Number of bootstrap samples.
    seed (int): Seed of the samples.
    RETURNS (List[Floats2d]): Shape of each: (n_samples, n_columns).
    """
    found = [numpy.zeros((n_samples, matrix.shape[1])) for matrix in counts]
    n_docs = len(counts[0]) if counts else 0
    start = 0
    for weights in _weights(n_docs, n_samples, seed):
        for totals, matrix in zip(found, counts, strict=True):
            totals[start : start + len(weights)] = weights @ matrix
        start += len(weights)
    return found


def interval(value: float, samples: Floats1d) -> Interval:
    """Return the interval of the middle 95 % of resampled scores.

    value (float): The score of the corpus.
    samples (Floats1d): The scores of the samples. Shape: (n_samples,).
    RETURNS (Interval): The score with percentiles; without samples, with itself as bounds.
    """
    if not len(samples):
        return Interval(value, value, value)
    low, high = numpy.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def _weights(n_docs: int, n_samples: int, seed: int) -> Iterator[Floats2d]:
    """Yield how often each document is in a sample, for several samples at a time. Shape: (n, n_docs)."""
    rng = numpy.random.default_rng(seed)
    step = max(1, _MAX_CELLS // max(n_docs, 1))
    for start in range(0, n_samples if n_docs else 0, step):
        n = min(step, n_samples - start)
        drawn = rng.integers(0, n_docs, size=(n, n_docs)) + n_docs * numpy.arange(n)[:, None]
        yield numpy.bincount(drawn.ravel(), minlength=n * n_docs).reshape((n, n_docs)).astype("float64")
