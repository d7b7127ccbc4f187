"""The pruner: how probably a candidate span is a named entity, by the words that it begins and ends with."""

from __future__ import annotations

from typing import Any, List, cast

import numpy
import torch
from thinc.api import Model
from thinc.util import to_numpy

from ..align.boundaries import boundary_rows
from ..encoder.reducers import Selector
from ..types import AlignedBatch, Bools2d, DeviceFloats2d, Floats2d, Ints1d, Ints2d
from .candidate_selection import MAX_LENGTH, length_rows, select_candidates
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
    max_per_piece (float): Candidates of a sequence to select, for each of its wordpieces.
    least_likelihood (float): Likelihood that a selected candidate has at least; 0 for no bound.
    """

    def __init__(self, pruner: Model[Any, Any], max_per_piece: float, least_likelihood: float = 0.0):
        self.pruner = pruner
        self.max_per_piece = max_per_piece
        self.least_likelihood = least_likelihood

    def select(self, batch: AlignedBatch, piece_states: DeviceFloats2d) -> Ints1d:
        logits = to_numpy(self.pruner.predict(piece_states))
        lengths = to_numpy(cast(Any, self.pruner.get_param("L")))
        return select_candidates(logits, lengths, batch, self.max_per_piece, self.least_likelihood)


def fit(pruner: Model[Any, Any], states: List[Floats2d], is_edge: List[Bools2d], bounds: Ints2d) -> None:
    """Fit the pruner: two logistic regressions for where named entities begin and end, and the frequency of lengths.

    pruner (Model): As from `build_pruner`. Its parameters are set.
    states (List[Floats2d]): States of wordpieces. Shape of each: (n, width).
    is_edge (List[Bools2d]): Whether a named entity begins, and ends, with each piece. Shape of each: (n, 2).
    bounds (Ints2d): First piece and end of each named entity. Shape: (n_names, 2).
    """
    X = torch.from_numpy(numpy.concatenate(states)).float()
    Y = torch.from_numpy(numpy.concatenate(is_edge)).float()
    # Normalized columns, so that few steps are enough.
    mean, deviation = X.mean(0), X.std(0).clamp(min=1e-6)
    X = (X - mean) / deviation
    W = torch.zeros((2, X.shape[1]), requires_grad=True)
    b = torch.full((2,), -3.0, requires_grad=True)
    optimizer = torch.optim.LBFGS([W, b], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(X @ W.T + b, Y) + _DECAY * W.square().sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    weight = (W / deviation).detach()
    bias = (b - weight @ mean).detach()
    counts = numpy.bincount(length_rows(bounds), minlength=MAX_LENGTH) + 0.5
    found = {"W": weight.numpy(), "b": bias.numpy(), "L": numpy.log(counts / counts.sum()).astype("float32")}
    for name, values in found.items():
        pruner.set_param(name, pruner.ops.asarray_f(cast(Any, values)))


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
