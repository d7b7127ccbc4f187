"""Encoders with `dtype = "auto"`: predictions in the faster type, training and saving in float32."""

from __future__ import annotations

import copy
import pickle

import numpy
import pytest
import spacy
import torch
from safetensors import safe_open
from spacy.training import Example

import spacy_mluke
from spacy_mluke.encoder import shim
from spacy_mluke.encoder.access import encoder_settings, load_model, prediction_dtype
from spacy_mluke.pipeline.quantize import encoders_of

from .conftest import capital_docs


@pytest.fixture
def faster(monkeypatch):
    """Simulate what the check finds."""

    def set_faster(dtype):
        monkeypatch.setattr(shim, "choose_dtype", lambda config, device: dtype)

    set_faster("bfloat16")
    return set_faster


def make(checkpoint, **options):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": str(checkpoint), "dtype": "auto", **options}})
    return nlp


def encoder_of(nlp):
    return next(encoders_of(nlp))


def vectors(nlp):
    return numpy.concatenate([doc._.mluke.vectors for doc in nlp.pipe(capital_docs(nlp))])


def test_predictions_are_in_the_type_that_was_found_faster(steady_checkpoint, faster):
    exact = vectors(make(steady_checkpoint, dtype="float32"))
    nlp = make(steady_checkpoint)
    found = vectors(nlp)
    assert prediction_dtype(encoder_of(nlp)) == "bfloat16"
    assert not numpy.array_equal(found, exact)
    numpy.testing.assert_allclose(found, exact, atol=0.2)
    faster("float32")
    other = make(steady_checkpoint)
    numpy.testing.assert_array_equal(vectors(other), exact)
    assert prediction_dtype(encoder_of(other)) == "float32"


def test_a_fixed_type_is_not_measured(steady_checkpoint, monkeypatch):
    monkeypatch.setattr(shim, "choose_dtype", None)
    for dtype in ("float32", "bfloat16", "float16"):
        assert prediction_dtype(encoder_of(make(steady_checkpoint, dtype=dtype))) == dtype


def test_weights_and_gradients_are_float32(steady_checkpoint, faster):
    nlp, exact = make(steady_checkpoint), make(steady_checkpoint, dtype="float32")
    for pipeline in (nlp, exact):
        train(pipeline)
    for (name, found), (_, expected) in zip(parameters(nlp), parameters(exact), strict=True):
        assert found.dtype == torch.float32
        assert torch.equal(found, expected), name


def test_predictions_follow_training(steady_checkpoint, faster):
    nlp = make(steady_checkpoint)
    before = vectors(nlp)
    train(nlp)
    after = vectors(nlp)
    assert not numpy.allclose(after, before)
    faster("float32")
    numpy.testing.assert_allclose(after, vectors(nlp), atol=0.2)


def test_predictions_use_averaged_parameters(steady_checkpoint, faster):
    nlp = make(steady_checkpoint)
    encoder, before = encoder_of(nlp), vectors(nlp)
    halves = {(encoder.shims[0].id, name): p.detach().numpy() * 0.5 for name, p in parameters(nlp)}
    with nlp.get_pipe("mluke").model.use_params(halves):
        assert not numpy.allclose(vectors(nlp), before)
    numpy.testing.assert_array_equal(vectors(nlp), before)


def test_a_saved_pipeline_keeps_the_option_and_full_weights(steady_checkpoint, faster, tmp_path):
    nlp = make(steady_checkpoint)
    found = vectors(nlp)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.config["components"]["mluke"]["model"]["dtype"] == "auto"
    assert encoder_settings(encoder_of(again))["dtype"] == "auto"
    numpy.testing.assert_array_equal(vectors(again), found)
    for file in tmp_path.rglob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            assert {tensors.get_tensor(name).dtype for name in tensors.keys()} == {torch.float32}  # noqa: SIM118


def test_copies_predict_the_same(steady_checkpoint, faster):
    nlp = make(steady_checkpoint)
    found, model = vectors(nlp), nlp.get_pipe("mluke").model
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.copy()):
        nlp.get_pipe("mluke").model = other
        numpy.testing.assert_array_equal(vectors(nlp), found)


@pytest.mark.filterwarnings("ignore:.*ML141")
def test_eight_bits_are_chosen_by_the_user_alone_and_then_win(steady_checkpoint, faster):
    nlp = make(steady_checkpoint)
    assert encoder_settings(encoder_of(nlp))["quantize"] is None
    before = vectors(nlp)
    spacy_mluke.quantize(nlp)
    assert prediction_dtype(encoder_of(nlp)) == "float32"
    numpy.testing.assert_array_equal(vectors(nlp), vectors(make(steady_checkpoint, dtype="float32", quantize="int8")))
    spacy_mluke.quantize(nlp, None)
    numpy.testing.assert_array_equal(vectors(nlp), before)


def test_load_passes_the_option_to_every_encoder():
    nlp = spacy_mluke.load("mluke-small", cloze=True, dtype="auto")
    assert {encoder_settings(encoder)["dtype"] for encoder in encoders_of(nlp)} == {"auto"}
    assert {encoder_settings(encoder)["dtype"] for encoder in encoders_of(spacy_mluke.load("mluke-small"))} == {
        "float32"
    }


def parameters(nlp):
    return list(load_model(encoder_of(nlp)).named_parameters())


def train(nlp):
    """Take one step of a named entity recognizer that listens to the encoder."""
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": {"@layers": "reduce_mean.v1"}}
    nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in capital_docs(nlp)]
    spacy.util.fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    nlp.update(examples, sgd=optimizer)
