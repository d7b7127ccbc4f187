"""The pruner: how probably a candidate span is a named entity, by the words that it begins and ends with."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple, cast

import numpy
import torch
from thinc.api import Model
from thinc.util import to_numpy

from ..align.boundaries import boundary_rows
from ..encoder.reducers import Selector
from ..types import AlignedBatch, Bools1d, Bools2d, DeviceFloats2d, Floats2d, Ints1d, Ints2d
from .candidate_selection import BIAS, FEATURES, MAX_LENGTH, Pruning, length_rows, select_candidates
from .linear import forward

_STEPS = 60
# Weight of the L2 penalty: there are many columns and few named entities.
_DECAY = 1e-4


def build_pruner() -> Model[Any, Any]:
    """Build the pruner. It has no weights before `fit`.

    RETURNS (Model): From states of wordpieces, (n, width), to logits, (n, 2): does a named entity begin here, and does
        one end here? Its parameter `L`, (32,), holds the log-probability of each length of a named entity.
    """
    params: Any = {"W": None, "b": None, "L": None}
    return Model("mluke-pruner", forward, params=params)


class EdgeSelector(Selector):
    """Selects the candidates that most probably are named entities, by the words that they begin and end with.

    pruner (Model): As from `build_pruner`, fitted.
    linear (Model): The linear layer of the head.
    pruning (Pruning): Which candidates to select.
    """

    def __init__(self, pruner: Model[Any, Any], linear: Model[Any, Any], pruning: Pruning):
        self.pruner = pruner
        self.linear = linear
        self.pruning = pruning

    def select(self, batch: AlignedBatch, piece_states: DeviceFloats2d) -> Ints1d:
        if self.pruning.weights is None:
            logits = to_numpy(self.pruner.predict(piece_states))
        else:
            logits = edge_columns(self.pruner, self.linear, piece_states)
        lengths = to_numpy(cast(Any, self.pruner.get_param("L")))
        return select_candidates(logits, lengths, batch, self.pruning)


def edge_columns(pruner: Model[Any, Any], linear: Model[Any, Any], piece_states: DeviceFloats2d) -> Floats2d:
    """Return what the pruner and the head say about wordpieces at the edges of candidates.

    pruner (Model): As from `build_pruner`, fitted.
    linear (Model): The linear layer of a head that reads first wordpiece, last wordpiece and entity.
    piece_states (DeviceFloats2d): States of wordpieces. Shape: (n_pieces, width).
    RETURNS (Floats2d): Logits of the pruner; the part of the head's logits that a first wordpiece adds, with the bias;
        and that of a last wordpiece. Shape: (n_pieces, 2 + 2 * n_classes).
    """
    W: Any = linear.get_param("W")
    of_firsts, of_lasts, _ = linear.ops.xp.split(W, 3, axis=1)
    firsts: Any = linear.ops.gemm(piece_states, of_firsts, trans2=True) + cast(Any, linear.get_param("b"))
    lasts: Any = linear.ops.gemm(piece_states, of_lasts, trans2=True)
    return numpy.hstack([to_numpy(found) for found in (pruner.predict(piece_states), firsts, lasts)])


def fit(pruner: Model[Any, Any], states: List[Floats2d], is_edge: List[Bools2d], bounds: Ints2d) -> None:
    """Fit the pruner: two logistic regressions for where named entities begin and end, and the frequency of lengths.

    pruner (Model): As from `build_pruner`. Its parameters are set.
    states (List[Floats2d]): States of wordpieces. Shape of each: (n, width).
    is_edge (List[Bools2d]): Whether a named entity begins, and ends, with each piece. Shape of each: (n, 2).
    bounds (Ints2d): First piece and end of each named entity. Shape: (n_names, 2).
    """
    weight, bias = _logistic(numpy.concatenate(states), numpy.concatenate(is_edge))
    counts = numpy.bincount(length_rows(bounds), minlength=MAX_LENGTH) + 0.5
    found = {"W": weight, "b": bias, "L": numpy.log(counts / counts.sum()).astype("float32")}
    for name, values in found.items():
        pruner.set_param(name, pruner.ops.asarray_f(cast(Any, values)))


def fit_weights(features: Floats2d, is_label: Bools1d, is_found: Bools1d, *, lost: float) -> Dict[str, float]:
    """Fit the weights that decide which of the likely candidates are encoded: a logistic regression.

    features (Floats2d): Features of candidates, as from `candidate_features`. Shape: (n, 6).
    is_label (Bools1d): Whether the head gives them a label. Shape: (n,).
    is_found (Bools1d): Whether they are named entities in the end: the best of those that overlap. Shape: (n,).
    lost (float): Fraction of these that may be lost.
    RETURNS (Dict[str, float]): Weights of `FEATURES`, and the bias.
    """
    weight, _ = _logistic(features, is_label[:, None])
    weights = numpy.round(weight[0].astype("float64"), 4)
    least = numpy.quantile((features @ weights)[is_found], lost, method="lower")
    # Rounded down, so that the candidate at the bound is selected.
    return {**dict(zip(FEATURES, weights.tolist(), strict=True)), BIAS: float(numpy.round(5e-5 - least, 4))}


def _logistic(columns: Any, is_true: Any) -> Tuple[Any, Any]:
    """Return weights, (n_outputs, n_columns), and biases, (n_outputs,), of logistic regressions."""
    X, Y = torch.from_numpy(columns).float(), torch.from_numpy(is_true).float()
    # Normalized columns, so that few steps are enough.
    mean, deviation = X.mean(0), X.std(0).clamp(min=1e-6)
    X = (X - mean) / deviation
    W = torch.zeros((Y.shape[1], X.shape[1]), requires_grad=True)
    b = torch.full((Y.shape[1],), -3.0, requires_grad=True)
    optimizer = torch.optim.LBFGS([W, b], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(X @ W.T + b, Y) + _DECAY * W.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    weight = (W / deviation).detach()
    return weight.numpy(), (b - weight @ mean).detach().numpy()


def entity_edges(batch: AlignedBatch, rows: Ints1d) -> Bools2d:
    """Return where named entities begin and end.

    batch (AlignedBatch): Sequences whose entities are the named entities.
    rows (Ints1d): The pieces to return, as rows of the batch.
    RETURNS (Bools2d): Shape: (len(rows), 2).
    """
    is_edge = numpy.zeros((len(batch.piece_ids), 2), dtype=bool)
    edges = boundary_rows(batch)
    is_edge[edges[:, 0], 0] = True
    is_edge[edges[:, 1], 1] = True
    return is_edge[rows]
