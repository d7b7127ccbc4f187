"""The linear layer of published classifiers, with or without a bias."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence, Tuple

import numpy
from thinc.api import Model
from thinc.types import Floats2d

DEVIATION = 0.02  # standard deviation of initial weights, as in the published classifiers


def build_linear(*, has_bias: bool) -> Model[Floats2d, Floats2d]:
    """Build the layer. It has no weights before `set_weights` or `start_weights`.

    has_bias (bool): Whether to add a bias.
    RETURNS (Model[Floats2d, Floats2d]): (n, nI) -> (n, nO).
    """
    params: Any = {"W": None, "b": None} if has_bias else {"W": None}
    return Model("mluke-linear", forward, params=params)


def forward(
    model: Model[Floats2d, Floats2d], X: Floats2d, is_train: bool
) -> Tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
    """Y = X W^T + b."""
    W: Any = model.get_param("W")
    Y: Any = model.ops.gemm(X, W, trans2=True)
    if "b" in model.param_names:
        Y += model.get_param("b")

    def backprop(dY: Floats2d) -> Floats2d:
        model.inc_grad("W", model.ops.gemm(dY, X, trans1=True))
        if "b" in model.param_names:
            model.inc_grad("b", dY.sum(axis=0))
        return model.ops.gemm(dY, W)

    return Y, backprop


def set_weights(model: Model, weight: Any, bias: Optional[Any] = None) -> None:
    """Set the weights, which also sets the size: it may change when labels are added.

    model (Model): As from `build_linear`.
    weight (Floats2d): Shape: (nO, nI).
    bias (Optional[Floats1d]): Shape: (nO,). None for zeros; not used if the layer has no bias.
    """
    model.set_param("W", model.ops.asarray2f(weight))
    if "b" in model.param_names:
        model.set_param("b", model.ops.alloc1f(weight.shape[0]) if bias is None else model.ops.asarray1f(bias))
    # Gradients of the previous size would not fit.
    for name in model.param_names:
        if model.has_grad(name):
            model.set_grad(name, model.ops.xp.zeros_like(model.get_param(name)))


def start_weights(model: Model, n_out: int, n_in: int) -> None:
    """Initialize the weights with small random numbers.

    model (Model): As from `build_linear`.
    n_out (int): Output width.
    n_in (int): Input width.
    """
    set_weights(model, _fresh(model, n_out, n_in))


def start_bias(model: Model, counts: Sequence[float], total: Optional[int] = None) -> None:
    """Initialize the bias so that training begins with the frequencies of the classes, not with equal ones (Lin et al.,
    2017, "Focal Loss for Dense Object Detection", section 3.3).

    model (Model): As from `build_linear`, with weights. Without a bias, nothing changes.
    counts (Sequence[float]): How often each class occurs. Length: nO.
    total (Optional[int]): Number of examples, if each may have several classes: the bias is the logarithm of their
        odds. None if each has one: it is the logarithm of their frequencies.
    """
    if "b" in model.param_names:
        smoothed = numpy.asarray(counts, dtype="float64") + 0.5
        rates: Any = smoothed / smoothed.sum() if total is None else smoothed / (total + 1 - smoothed)
        model.set_param("b", model.ops.asarray1f(numpy.log(rates).astype("float32")))


def add_rows(model: Model, n: int) -> None:
    """Add rows for more labels at the end, initialized at random; the other rows keep their weights.

    model (Model): As from `build_linear`, with weights.
    n (int): How many rows.
    """
    W: Any = model.get_param("W")
    grown = model.ops.xp.concatenate([W, _fresh(model, n, W.shape[1])])
    bias = None
    if "b" in model.param_names:
        bias = model.ops.xp.concatenate([model.get_param("b"), model.ops.alloc1f(n)])
    set_weights(model, grown, bias)


def _fresh(model: Model, n_out: int, n_in: int) -> Floats2d:
    # Drawn from thinc's generator, which spaCy seeds.
    return model.ops.xp.random.normal(scale=DEVIATION, size=(n_out, n_in)).astype("float32")
