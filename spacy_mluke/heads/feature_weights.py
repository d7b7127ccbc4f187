"""Weights of features that are added to the logits of a classifier, which does not change."""

from __future__ import annotations

from typing import Sequence

import numpy
import torch

from ..types import Bools2d, Floats2d

_STEPS = 40
# Weight of the L2 penalty, for features that are scaled to a deviation of 1; none is scaled up more than 20 times.
_DECAY = 3e-4
_LEAST_DEVIATION = 0.05


def fit_feature_weights(logits: Floats2d, features: Floats2d, truth: Bools2d, columns: Sequence[int]) -> Floats2d:
    """Fit weights by the likelihood of the right classes: a softmax regression that starts from the logits.

    logits (Floats2d): Logits of the items, finite. Shape: (n_items, n_classes).
    features (Floats2d): Features of the items. Shape: (n_items, n_features).
    truth (Bools2d): Right classes of each item. If there are several, then any of them is right. Shape: (n_items,
        n_classes).
    columns (Sequence[int]): The classes that get weights.
    RETURNS (Floats2d): What a feature adds to each of these classes, and in the last row what is added always. Shape:
        (n_features + 1, n_columns).
    """
    known, right = torch.from_numpy(logits).float(), torch.from_numpy(truth)
    X = torch.from_numpy(features).float()
    mean, deviation = X.mean(0), X.std(0).clamp(min=_LEAST_DEVIATION)
    X = (X - mean) / deviation
    W = torch.zeros((X.shape[1], len(columns)), requires_grad=True)
    b = torch.zeros(len(columns), requires_grad=True)
    places = torch.zeros((len(columns), logits.shape[1]))
    places[range(len(columns)), list(columns)] = 1.0
    optimizer = torch.optim.LBFGS([W, b], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        log_probs = torch.log_softmax(known + (X @ W + b) @ places, dim=1)
        found = torch.logsumexp(log_probs.masked_fill(~right, -torch.inf), dim=1)
        value = _DECAY * (W.square().sum() + b.square().sum()) - found.mean()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    weight = (W / deviation[:, None]).detach()
    return numpy.vstack([weight.numpy(), (b - mean @ weight).detach().numpy()[None]]).astype("float32")
