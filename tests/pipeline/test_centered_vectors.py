"""`span_vectors = "centered"`: vectors of spans without what they have in common."""

from __future__ import annotations

import json

import numpy
import pytest
import spacy

from spacy_mluke.annotate.span_means import SpanMeans, bundled_means
from spacy_mluke.bulk.vectors import describe_encoder
from tests.pipeline.conftest import capital_docs, make_doc, make_pipeline
from tests.pipeline.test_span_vectors import unit

TEXT = "Tokyo is the capital of Japan ."


def centered(checkpoint):
    nlp = make_pipeline(str(checkpoint), span_vectors="centered")
    nlp.get_pipe("mluke").fit_span_means(capital_docs(nlp))
    return nlp


def test_the_mean_states_are_subtracted_before_the_vectors_are_joined():
    entities, words = numpy.asarray([[3.0, 0.0], [1.0, 2.0]]), numpy.asarray([[0.0, 5.0], [4.0, 1.0]])
    means = SpanMeans(numpy.asarray([1.0, 0.0]), numpy.asarray([0.0, 1.0]))
    found = means.center(entities, words)
    numpy.testing.assert_allclose(found, (unit(entities - [1, 0]) + unit(words - [0, 1])) / 2)


def test_means_are_those_of_the_spans_of_the_documents(tiny_checkpoint):
    nlp = centered(tiny_checkpoint)
    means = SpanMeans.from_json(nlp.get_pipe("mluke").cfg["span_means"])
    docs = [doc for doc in nlp.pipe(capital_docs(nlp)) if len(doc._.mluke)]
    states = numpy.concatenate([doc._.mluke.entity_states for doc in docs])
    numpy.testing.assert_allclose(means.entities, states.mean(axis=0), atol=1e-4)
    vectors = numpy.concatenate([doc._.mluke.vectors for doc in docs])
    assert vectors.shape == states.shape
    for doc in docs:
        for span, vector in zip(doc._.mluke.spans, doc._.mluke.vectors, strict=True):
            numpy.testing.assert_array_equal(span._.mluke_vector, vector)


def test_listeners_read_the_states_as_they_are(tiny_checkpoint):
    nlp, other = centered(tiny_checkpoint), make_pipeline(str(tiny_checkpoint))
    doc, plain = (own(make_doc(own, TEXT, "Tokyo")) for own in (nlp, other))
    numpy.testing.assert_allclose(doc._.mluke.entity_states, plain._.mluke.entity_states, atol=1e-5)
    numpy.testing.assert_allclose(doc._.mluke.token_vectors, plain._.mluke.token_vectors, atol=1e-5)


def test_vectors_without_kept_token_states_are_the_same(tiny_checkpoint):
    nlp = centered(tiny_checkpoint)
    expected = nlp(make_doc(nlp, TEXT, "Tokyo"))._.mluke.vectors
    nlp.get_pipe("mluke").cfg["keep_token_states"] = False
    doc = nlp(make_doc(nlp, TEXT, "Tokyo"))
    assert doc._.mluke.token_vectors is None
    numpy.testing.assert_allclose(doc._.mluke.vectors, expected, atol=1e-5)


def test_fitted_means_are_read_once_until_they_are_fitted_again(tiny_checkpoint, monkeypatch):
    nlp = centered(tiny_checkpoint)
    first = nlp(make_doc(nlp, TEXT, "Tokyo"))._.mluke.vectors
    monkeypatch.setattr(SpanMeans, "from_json", None)
    numpy.testing.assert_array_equal(nlp(make_doc(nlp, TEXT, "Tokyo"))._.mluke.vectors, first)
    monkeypatch.undo()
    nlp.get_pipe("mluke").fit_span_means([make_doc(nlp, TEXT, "Tokyo")])
    assert not numpy.allclose(nlp(make_doc(nlp, TEXT, "Tokyo"))._.mluke.vectors, first)


@pytest.mark.parametrize("to_bytes", [True, False], ids=["bytes", "disk"])
def test_means_are_saved_with_the_pipeline(tiny_checkpoint, tmp_path, to_bytes):
    nlp = centered(tiny_checkpoint)
    doc = nlp(make_doc(nlp, TEXT, "Tokyo"))
    if to_bytes:
        loaded = make_pipeline(str(tiny_checkpoint), span_vectors="centered").from_bytes(nlp.to_bytes())
    else:
        nlp.to_disk(tmp_path)
        loaded = spacy.load(tmp_path)
    again = loaded(make_doc(loaded, TEXT, "Tokyo"))
    numpy.testing.assert_allclose(again.ents[0]._.mluke_vector, doc.ents[0]._.mluke_vector, atol=1e-5)


def test_a_checkpoint_without_means_is_refused(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), span_vectors="centered")
    with pytest.raises(ValueError, match=r"\[ML410\].*fit_span_means"):
        nlp(make_doc(nlp, TEXT, "Tokyo"))
    with pytest.raises(ValueError, match=r"\[ML410\]"):
        list(nlp.pipe([make_doc(nlp, TEXT, "Tokyo")]))


def test_documents_without_spans_have_no_means(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), span_vectors="centered")
    with pytest.raises(ValueError, match=r"\[ML411\]"):
        nlp.get_pipe("mluke").fit_span_means([nlp.make_doc("Tokyo")])


@pytest.mark.parametrize("content", [{}, {"entities": [1.0], "words": [1.0, 2.0]}, {"entities": ["a"], "words": [1]}])
def test_damaged_means_are_refused(tiny_checkpoint, content):
    mluke = centered(tiny_checkpoint).get_pipe("mluke")
    saved = {**json.loads(mluke.cfg_to_bytes()), "span_means": content}
    with pytest.raises(ValueError, match=r"\[ML316\]"):
        mluke.cfg_from_bytes(json.dumps(saved).encode("utf8"))


def test_an_index_tells_vectors_with_other_means_apart(tiny_checkpoint):
    nlp = centered(tiny_checkpoint)
    before = describe_encoder(nlp)
    nlp.get_pipe("mluke").fit_span_means([make_doc(nlp, TEXT, "Tokyo")])
    assert describe_encoder(nlp)[0] == before[0]
    assert describe_encoder(nlp)[1] != before[1]


def test_the_package_has_means_for_its_checkpoint():
    means = bundled_means("mluke-small")
    assert means is not None and means.words.shape == means.entities.shape == (384,)
    assert bundled_means("other") is bundled_means("../mluke-small") is None
