"""Pipelines that predict in eight bits."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.training import Example

import spacy_mluke
from spacy_mluke.encoder import shim
from spacy_mluke.encoder.access import encoder_settings, load_model
from spacy_mluke.network import int8
from spacy_mluke.network.int8 import has_int8
from spacy_mluke.pipeline.quantize import encoders_of

from .conftest import capital_docs

pytestmark = pytest.mark.skipif(not has_int8(), reason="this torch or processor has no products in eight bits")


def make(checkpoint, **options):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": str(checkpoint), **options}})
    return nlp


def vectors(nlp):
    docs = list(nlp.pipe(capital_docs(nlp)))
    return numpy.concatenate([doc._.mluke.vectors for doc in docs])


def cosines(a, b):
    return (a * b).sum(1) / numpy.linalg.norm(a, axis=1) / numpy.linalg.norm(b, axis=1)


def test_vectors_are_close_to_those_of_float32(steady_checkpoint):
    exact, found = vectors(make(steady_checkpoint)), vectors(make(steady_checkpoint, quantize="int8"))
    assert not numpy.array_equal(found, exact)
    assert cosines(found, exact).min() > 0.99


def test_a_document_has_the_same_vectors_alone_and_in_a_batch(steady_checkpoint):
    nlp = make(steady_checkpoint, quantize="int8")
    alone = numpy.concatenate([nlp(doc)._.mluke.vectors for doc in capital_docs(nlp)])
    numpy.testing.assert_allclose(vectors(nlp), alone, atol=1e-5)


def test_a_saved_pipeline_has_weights_in_full_precision_and_its_option(steady_checkpoint, tmp_path):
    nlp = make(steady_checkpoint, quantize="int8")
    found = vectors(nlp)
    nlp.to_disk(tmp_path)
    numpy.testing.assert_array_equal(vectors(spacy.load(tmp_path)), found)
    full = spacy.load(tmp_path, config={"components.mluke.model.quantize": None})
    numpy.testing.assert_array_equal(vectors(full), vectors(make(steady_checkpoint)))


@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_pipeline_is_quantized_in_place_and_back(steady_checkpoint, is_loaded):
    nlp, exact = make(steady_checkpoint), vectors(make(steady_checkpoint))
    nlp.add_pipe("sentencizer")
    if is_loaded:
        vectors(nlp)
    spacy_mluke.quantize(nlp)
    numpy.testing.assert_array_equal(vectors(nlp), vectors(make(steady_checkpoint, quantize="int8")))
    spacy_mluke.quantize(nlp, None)
    numpy.testing.assert_array_equal(vectors(nlp), exact)


def test_every_encoder_of_a_pipeline_is_quantized():
    nlp = spacy_mluke.load("mluke-small", cloze=True)
    spacy_mluke.quantize(nlp)
    assert [encoder_settings(encoder)["quantize"] for encoder in encoders_of(nlp)] == ["int8"] * 3
    again = spacy_mluke.load("mluke-small", cloze=True, quantize="int8")
    assert [encoder_settings(encoder)["quantize"] for encoder in encoders_of(again)] == ["int8"] * 3


def test_training_changes_the_predictions_in_eight_bits(steady_checkpoint):
    nlp = make(steady_checkpoint, quantize="int8")
    listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": {"@layers": "reduce_mean.v1"}}
    nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in capital_docs(nlp)]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    before = vectors(nlp)
    nlp.update(examples, sgd=optimizer)
    after = vectors(nlp)
    assert not numpy.allclose(before, after)
    spacy_mluke.quantize(nlp, None)
    assert cosines(after, vectors(nlp)).min() > 0.99


def test_predictions_use_averaged_parameters(steady_checkpoint):
    nlp = make(steady_checkpoint, quantize="int8")
    before = vectors(nlp)
    encoder = next(encoders_of(nlp))
    halves = {
        (encoder.shims[0].id, name): p.detach().numpy() * 0.5 for name, p in load_model(encoder).named_parameters()
    }
    with nlp.get_pipe("mluke").model.use_params(halves):
        assert not numpy.allclose(vectors(nlp), before)
    numpy.testing.assert_array_equal(vectors(nlp), before)


def test_another_type_than_float32_is_refused(steady_checkpoint):
    with pytest.raises(ValueError, match="ML033"):
        make(steady_checkpoint, quantize="int8", dtype="bfloat16")
    with pytest.raises(ValueError, match="ML033"):
        spacy_mluke.quantize(make(steady_checkpoint, dtype="bfloat16"))


def test_an_unknown_kind_is_refused(steady_checkpoint):
    with pytest.raises(ValueError, match=r"ML070.*int8"):
        spacy_mluke.quantize(make(steady_checkpoint), "int4")


def test_without_int8_kernels_it_warns_and_predicts_in_full_precision(steady_checkpoint, monkeypatch):
    exact = vectors(make(steady_checkpoint))
    for module in (int8, shim):
        monkeypatch.setattr(module, "has_int8", lambda: False)
    with pytest.warns(UserWarning, match="ML141"):
        found = vectors(make(steady_checkpoint, quantize="int8"))
    numpy.testing.assert_array_equal(found, exact)


def test_the_bundled_model_predicts_nearly_the_same_in_eight_bits():
    texts = ["Tokyo is the capital of Japan.", "Москва — столица России.", "東京は日本の首都です。"]
    nlp = spacy_mluke.load("mluke-small")
    exact = list(nlp.pipe(texts))
    spacy_mluke.quantize(nlp)
    for doc, wanted in zip(nlp.pipe(texts), exact, strict=True):
        assert [(ent.text, ent.kb_id_) for ent in doc.ents] == [(ent.text, ent.kb_id_) for ent in wanted.ents]
        assert cosines(doc._.mluke.vectors, wanted._.mluke.vectors).min() > 0.99
