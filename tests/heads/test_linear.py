"""The linear layer of classifiers: how its bias starts."""

from __future__ import annotations

import numpy
import pytest
from thinc.api import get_current_ops

from spacy_mluke.heads.linear import build_linear, start_bias, start_weights
from spacy_mluke.heads.losses import sigmoid, softmax


def test_classes_start_with_their_frequencies():
    layer = build_linear(has_bias=True)
    start_weights(layer, 3, 4)
    start_bias(layer, [90, 9, 0])
    bias = get_current_ops().to_numpy(layer.get_param("b"))
    assert softmax(bias.astype("float64")) == pytest.approx(numpy.array([90.5, 9.5, 0.5]) / 100.5)


def test_labels_of_which_an_example_may_have_several_start_with_their_odds():
    layer = build_linear(has_bias=True)
    start_weights(layer, 3, 4)
    start_bias(layer, [10, 0, 5], total=10)
    bias = get_current_ops().to_numpy(layer.get_param("b"))
    assert sigmoid(bias.astype("float64")) == pytest.approx(numpy.array([10.5, 0.5, 5.5]) / 11)


def test_a_layer_without_a_bias_stays_as_it_is():
    layer = build_linear(has_bias=False)
    start_weights(layer, 2, 4)
    before = layer.get_param("W").copy()
    start_bias(layer, [1, 2])
    assert (layer.get_param("W") == before).all() and layer.param_names == ("W",)
