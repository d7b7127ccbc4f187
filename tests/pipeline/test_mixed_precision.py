"""Training with matrix products in bfloat16."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from thinc.api import Ragged
from thinc.util import to_numpy

from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import EncoderInput
from spacy_mluke.encoder.model import build_encoder_v1

from .conftest import capital_docs


def build(checkpoint, **options):
    model = build_encoder_v1(str(checkpoint), **options)
    model.initialize()
    return model


def inputs():
    docs = capital_docs(spacy.blank("xx"))
    bounds = [(ent.start, ent.end) for doc in docs for ent in doc.ents]
    lengths = numpy.asarray([len(doc.ents) for doc in docs], dtype="int32")
    return EncoderInput(docs, Ragged(numpy.asarray(bounds, dtype="int32"), lengths))


def gradients(model):
    """Return the states of entities, and the parameters' gradients for a gradient of ones."""
    output, backprop = model.begin_update(inputs())
    output.piece_states[:] = 1.0
    states = to_numpy(output.entity_states).copy()
    output.entity_states[:] = 1.0
    backprop(output)
    return states, {name: p.grad for name, p in load_model(model).network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("visibility", ["joint", "isolated"])
def test_states_and_gradients_equal_those_of_float32_up_to_rounding(steady_checkpoint, visibility):
    exact_states, exact = gradients(build(steady_checkpoint, visibility=visibility))
    states, found = gradients(build(steady_checkpoint, visibility=visibility, mixed_precision=True))
    assert not numpy.array_equal(states, exact_states)
    numpy.testing.assert_allclose(states, exact_states, atol=0.15)
    assert found.keys() == exact.keys()
    for name, gradient in exact.items():
        if gradient.norm() > 1e-2:
            assert torch.cosine_similarity(found[name].flatten(), gradient.flatten(), dim=0) > 0.95, name


def test_weights_and_their_gradients_stay_float32(steady_checkpoint):
    model = build(steady_checkpoint, mixed_precision=True)
    _, found = gradients(model)
    assert {gradient.dtype for gradient in found.values()} == {torch.float32}
    assert {p.dtype for p in load_model(model).network.parameters()} == {torch.float32}


def test_predictions_are_in_full_precision(steady_checkpoint):
    exact = build(steady_checkpoint).predict(inputs())
    found = build(steady_checkpoint, mixed_precision=True).predict(inputs())
    numpy.testing.assert_array_equal(to_numpy(found.entity_states), to_numpy(exact.entity_states))


def test_it_works_with_dropout(tiny_checkpoint):
    _, found = gradients(build(tiny_checkpoint, mixed_precision=True))
    assert all(gradient.isfinite().all() for gradient in found.values())
