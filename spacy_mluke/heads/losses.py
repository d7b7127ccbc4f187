"""Probabilities, losses and their gradients, for classes that exclude each other and for independent classes."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import numpy

from ..types import Bools2d, Floats1d, Floats2d, Ints1d


def softmax(logits: Any) -> Any:
    """Return probabilities of classes that exclude each other.

    logits (Floats): Shape: (..., n_classes). May be empty.
    RETURNS (Floats): Probabilities that sum to 1 over the last axis. The same shape and dtype.
    """
    _, powers, sums = _powers(logits)
    return powers / sums


def cross_entropy(
    logits: Floats2d,
    class_ids: Ints1d,
    weights: Optional[Floats1d] = None,
    alternatives: Optional[Bools2d] = None,
) -> Tuple[float, Floats2d]:
    """Return the cross-entropy of classes that exclude each other.

    logits (Floats2d): Shape: (n, n_classes).
    class_ids (Ints1d): The class of each item. Shape: (n,).
    weights (Optional[Floats1d]): Weight of each item in the loss. Shape: (n,). None for 1.
    alternatives (Optional[Bools2d]): Classes that each item may have instead: the loss is that of the sum of their
        probabilities, and moves no probability between them. Shape: (n, n_classes). None for no alternatives.
    RETURNS (Tuple[float, Floats2d]): The weighted sum of losses, and its gradient.
    """
    at = numpy.arange(len(class_ids))
    tops, powers, sums = _powers(logits)
    gradient = powers / sums
    if alternatives is None:
        losses = (tops + numpy.log(sums))[:, 0] - logits[at, class_ids]
        gradient[at, class_ids] -= 1.0
    else:
        accepted = alternatives.copy()
        accepted[at, class_ids] = True
        accepted_tops, accepted_powers, accepted_sums = _powers(numpy.where(accepted, logits, -numpy.inf))
        losses = (tops + numpy.log(sums) - accepted_tops - numpy.log(accepted_sums))[:, 0]
        gradient -= accepted_powers / accepted_sums
    if weights is not None:
        losses = losses * weights
        gradient = gradient * weights[:, None]
    return float(losses.sum()), gradient


def _powers(logits: Any) -> Tuple[Any, Any, Any]:
    """Return the maximum logit of each row, exp(logits - maximum), and the sums of these."""
    tops = logits.max(axis=-1, keepdims=True, initial=-numpy.inf)
    powers = numpy.exp(logits - tops)
    return tops, powers, powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: Floats2d) -> Floats2d:
    """Return probabilities of independent classes.

    logits (Floats2d): Any shape.
    RETURNS (Floats2d): The same shape.
    """
    return 0.5 * (1.0 + numpy.tanh(0.5 * logits))


def binary_cross_entropy(logits: Floats2d, truth: Floats2d) -> Tuple[float, Floats2d]:
    """Return the cross-entropy of independent classes, in a form that does not overflow.

    logits (Floats2d): Shape: (n, n_classes).
    truth (Floats2d): 1.0 for classes that apply, else 0.0. Shape: (n, n_classes).
    RETURNS (Tuple[float, Floats2d]): The sum of losses, and its gradient.
    """
    losses = numpy.maximum(logits, 0) - logits * truth + numpy.log1p(numpy.exp(-numpy.abs(logits)))
    return float(losses.sum()), sigmoid(logits) - truth


def multi_label_loss(logits: Floats2d, truth: Floats2d, unknown: Optional[Bools2d] = None) -> Tuple[float, Floats2d]:
    """Return the loss of labels of which several may apply: each that applies shall have a positive logit, each other
    one a negative logit (Su et al., 2022, "ZLPR", equation 4). Unlike the binary cross-entropy, the sum of many labels
    that do not apply does not outweigh the few that do.

    logits (Floats2d): Shape: (n, n_classes).
    truth (Floats2d): 1.0 for labels that apply, else 0.0. Shape: (n, n_classes).
    unknown (Optional[Bools2d]): Labels that are not annotated: they are left out. Shape: (n, n_classes).
    RETURNS (Tuple[float, Floats2d]): The sum of losses, and its gradient.
    """
    applies = truth > 0
    left_out = numpy.zeros_like(applies) if unknown is None else unknown & ~applies
    loss = 0.0
    gradient = numpy.zeros_like(logits)
    for sign, counted in ((1.0, ~applies & ~left_out), (-1.0, applies)):
        # log(1 + sum(exp(sign * logits)))
        terms = numpy.concatenate([numpy.zeros_like(logits[:, :1]), numpy.where(counted, sign * logits, -numpy.inf)], 1)
        tops, powers, sums = _powers(terms)
        loss += float((tops + numpy.log(sums)).sum())
        gradient += sign * (powers / sums)[:, 1:]
    return loss, gradient
