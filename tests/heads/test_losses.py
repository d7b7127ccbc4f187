"""Probabilities, losses and gradients equal those of PyTorch."""

from __future__ import annotations

import numpy
import pytest
import torch
from torch.nn import functional

from spacy_mluke.heads.losses import binary_cross_entropy, cross_entropy, multi_label_loss, sigmoid, softmax

LOGITS = numpy.array([[0.5, -2.0, 3.0], [90.0, -90.0, 0.0], [1.0, 1.0, 1.0]], dtype="float32")


def with_gradient(loss):
    leaf = torch.tensor(LOGITS, requires_grad=True)
    value = loss(leaf)
    value.backward()
    return value.item(), leaf.grad.numpy()


def test_probabilities_equal_those_of_torch():
    logits = torch.tensor(LOGITS)
    numpy.testing.assert_allclose(softmax(LOGITS), logits.softmax(1).numpy(), rtol=1e-6)
    numpy.testing.assert_allclose(softmax(LOGITS[0]), logits[0].softmax(0).numpy(), rtol=1e-6)
    numpy.testing.assert_allclose(sigmoid(LOGITS), logits.sigmoid().numpy(), rtol=1e-5, atol=1e-7)


def test_the_loss_of_exclusive_classes_equals_that_of_torch():
    rows = numpy.array([2, 1, 1])  # the second is as wrong as can be
    expected, slope = with_gradient(lambda x: functional.cross_entropy(x, torch.tensor(rows), reduction="sum"))
    loss, gradient = cross_entropy(LOGITS, rows)
    assert loss == pytest.approx(expected, rel=1e-5)
    numpy.testing.assert_allclose(gradient, slope, atol=1e-6)


def test_weights_scale_loss_and_gradient():
    rows, weights = numpy.array([1, 0, 1]), numpy.array([1.0, 0.5, 0.0], dtype="float32")

    def weighted(x):
        return (functional.cross_entropy(x, torch.tensor(rows), reduction="none") * torch.tensor(weights)).sum()

    expected, slope = with_gradient(weighted)
    loss, gradient = cross_entropy(LOGITS, rows, weights)
    assert loss == pytest.approx(expected, rel=1e-5)
    numpy.testing.assert_allclose(gradient, slope, atol=1e-6)


def test_alternatives_count_as_the_sum_of_their_probabilities():
    rows = numpy.array([2, 1, 0])
    alternatives = numpy.array([[True, False, False], [False, False, False], [True, True, False]])

    def summed(x):
        accepted = torch.tensor(alternatives) | functional.one_hot(torch.tensor(rows), 3).bool()
        return (x.logsumexp(1) - x.masked_fill(~accepted, -torch.inf).logsumexp(1)).sum()

    expected, slope = with_gradient(summed)
    loss, gradient = cross_entropy(LOGITS, rows, alternatives=alternatives)
    assert loss == pytest.approx(expected, rel=1e-5)
    numpy.testing.assert_allclose(gradient, slope, atol=1e-6)


def test_the_loss_of_independent_classes_equals_that_of_torch():
    truth = numpy.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]], dtype="float32")
    expected, slope = with_gradient(
        lambda x: functional.binary_cross_entropy_with_logits(x, torch.tensor(truth), reduction="sum")
    )
    loss, gradient = binary_cross_entropy(LOGITS, truth)
    assert loss == pytest.approx(expected, rel=1e-5)
    numpy.testing.assert_allclose(gradient, slope, atol=1e-6)


@pytest.mark.parametrize("n_classes", [0, 3])
def test_no_items_have_no_loss(n_classes):
    nothing = numpy.zeros((0, n_classes), dtype="float32")
    assert softmax(nothing).shape == nothing.shape
    assert cross_entropy(nothing, numpy.zeros(0, dtype="int64"))[0] == 0.0
    assert binary_cross_entropy(nothing, nothing)[0] == 0.0


def test_the_loss_of_several_labels_equals_its_formula_and_leaves_unknown_labels_out():
    truth = numpy.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], dtype="float32")
    unknown = numpy.array([[True, True, False], [False, False, False], [True, True, True]])

    def formula(x):
        applies = torch.tensor(truth) > 0
        others = ~applies & ~(torch.tensor(unknown) & ~applies)
        zero = torch.zeros((3, 1))
        sides = [x.masked_fill(~others, -torch.inf), (-x).masked_fill(~applies, -torch.inf)]
        return sum(torch.cat([zero, side], 1).logsumexp(1).sum() for side in sides)

    expected, slope = with_gradient(formula)
    loss, gradient = multi_label_loss(LOGITS, truth, unknown)
    assert loss == pytest.approx(expected, rel=1e-5)
    numpy.testing.assert_allclose(gradient, slope, atol=1e-6)
    assert not gradient[2].any()
