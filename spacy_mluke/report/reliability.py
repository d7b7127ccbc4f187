"""Reliability tables: how often predictions are right, by their probability; and precision and recall by threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

import numpy

from ..types import Bools1d, Floats1d

N_BINS = 10
_LEAST = 1e-7  # likelihood of a prediction that is wrong with certainty


@dataclass
class Bin:
    """The predictions whose probabilities are in one range."""

    low: float
    high: float  # not in the range, except 1.0
    n: int  # number of predictions
    probability: Optional[float]  # mean of their probabilities; None if there are none
    right: Optional[float]  # fraction that is right


@dataclass
class Reliability:
    """How often predictions are right, by their probability."""

    n: int  # number of predictions
    # Expected calibration error: mean difference of probability and fraction right over the bins, weighted by n.
    error: float
    bins: List[Bin]


@dataclass
class Threshold:
    """What a component predicts if its predictions must have a minimum probability."""

    threshold: float
    predicted: int  # number of predictions
    precision: float
    recall: float
    f: float


def reliability(probabilities: Floats1d, is_right: Bools1d, n_bins: int = N_BINS) -> Reliability:
    """Count predictions, and those that are right, in bins of equal width.

    probabilities (Floats1d): Probability of each prediction. Shape: (n,).
    is_right (Bools1d): Whether each prediction is right. Shape: (n,).
    n_bins (int): Number of bins.
    RETURNS (Reliability): The table.
    """
    edges = numpy.arange(n_bins + 1) / n_bins
    at = numpy.clip(numpy.searchsorted(edges, probabilities, side="right") - 1, 0, n_bins - 1)
    counts = numpy.bincount(at, minlength=n_bins)
    sums = numpy.bincount(at, weights=probabilities, minlength=n_bins)
    n_right = numpy.bincount(at, weights=is_right, minlength=n_bins)
    bins = [
        Bin(float(low), float(high), int(n), total / n if n else None, right / n if n else None)
        for low, high, n, total, right in zip(
            edges[:-1], edges[1:], counts, sums.tolist(), n_right.tolist(), strict=True
        )
    ]
    error = float(numpy.abs(sums - n_right).sum() / max(len(probabilities), 1))
    return Reliability(len(probabilities), error, bins)


def log_loss(probabilities: Floats1d, is_right: Bools1d) -> float:
    """Compute the mean negative log-likelihood of predictions being right or wrong.

    probabilities (Floats1d): Probability of each prediction. Shape: (n,).
    is_right (Bools1d): Whether each prediction is right. Shape: (n,).
    RETURNS (float): The loss; 0 without predictions.
    """
    if not len(probabilities):
        return 0.0
    likelihoods = numpy.where(is_right, probabilities, 1.0 - probabilities)
    return float(-numpy.log(numpy.maximum(likelihoods, _LEAST)).mean())


def threshold_scores(threshold: float, is_right: Bools1d, n_gold: int) -> Threshold:
    """Compute precision, recall and F of the predictions that a threshold leaves.

    threshold (float): The threshold.
    is_right (Bools1d): Whether each prediction is right. Shape: (n,).
    n_gold (int): Number of gold annotations.
    RETURNS (Threshold): The scores; 0 where there is nothing to count.
    """
    n, n_right = len(is_right), int(is_right.sum())
    f = 2 * n_right / (n + n_gold) if n + n_gold else 0.0
    return Threshold(threshold, n, n_right / n if n else 0.0, n_right / n_gold if n_gold else 0.0, f)
