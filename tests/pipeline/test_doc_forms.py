"""States stay with their Doc when it is saved, joined, split, copied or retokenized."""

from __future__ import annotations

import pickle
import warnings

import numpy
import pytest
from spacy.tokens import Doc, DocBin

from tests.pipeline.conftest import assert_same_states, bounds, capital_docs, make_doc


@pytest.fixture
def docs(tiny_nlp):
    return list(tiny_nlp.pipe(capital_docs(tiny_nlp)))


def test_states_survive_a_docbin(tiny_nlp, docs, tmp_path):
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "docs.spacy")
    loaded = list(DocBin().from_disk(tmp_path / "docs.spacy").get_docs(tiny_nlp.vocab))
    for doc, other in zip(docs, loaded, strict=True):
        assert_same_states(doc, other)
        assert bounds(other._.mluke.spans) == bounds(doc.ents)


def test_states_survive_to_bytes(tiny_nlp, docs):
    for doc in docs:
        assert_same_states(doc, Doc(tiny_nlp.vocab).from_bytes(doc.to_bytes()))


def test_trf_data_survives_a_docbin(tiny_nlp, docs):
    content = DocBin(docs=docs, store_user_data=True).to_bytes()
    for doc, other in zip(docs, DocBin().from_bytes(content).get_docs(tiny_nlp.vocab), strict=True):
        data, twin = doc._.trf_data, other._.trf_data
        assert twin.wordpieces.strings == data.wordpieces.strings
        numpy.testing.assert_array_equal(twin.align.dataXd, data.align.dataXd)
        if len(doc):
            assert twin.width == 16


def test_states_survive_pickling_and_copying(docs):
    for doc in docs:
        assert_same_states(doc, pickle.loads(pickle.dumps(doc)))
        assert_same_states(doc, doc.copy())


def test_states_are_shifted_when_docs_are_joined(docs):
    docs[0].user_data.pop("extra", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        joined = Doc.from_docs(docs)
    vectors = numpy.concatenate([doc._.mluke.vectors for doc in docs])
    numpy.testing.assert_allclose(joined._.mluke.vectors, vectors)
    assert [span.text for span in joined._.mluke.spans] == [s.text for doc in docs for s in doc._.mluke.spans]
    tokens = numpy.concatenate([doc._.mluke.token_vectors for doc in docs])
    numpy.testing.assert_allclose(joined._.mluke.token_vectors, tokens, atol=1e-6)
    russia = next(span for span in joined._.mluke.spans if span.text == "России")
    numpy.testing.assert_allclose(russia._.mluke_vector, docs[2]._.mluke.vectors[1])


def test_joined_docs_have_a_text_for_every_wordpiece(docs):
    empty = next(doc for doc in docs if not len(doc))
    wordpieces = Doc.from_docs([docs[0], empty])._.trf_data.wordpieces
    assert len(wordpieces.strings[0]) == wordpieces.input_ids.shape[1] == wordpieces.lengths[0]


def test_states_of_a_span_stay_with_it_as_a_doc(tiny_nlp):
    doc = tiny_nlp(make_doc(tiny_nlp, "He printed: Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    part = doc[3:6].as_doc(copy_user_data=True)
    assert [span.text for span in part._.mluke.spans] == ["Tokyo"]
    numpy.testing.assert_allclose(part._.mluke.vectors, doc._.mluke.vectors[:1])
    numpy.testing.assert_allclose(part._.mluke.token_vectors, doc._.mluke.token_vectors[3:6], atol=1e-6)


def test_states_survive_retokenization(tiny_nlp):
    doc = tiny_nlp(make_doc(tiny_nlp, "Los Angeles is the city of Japan.", "Los Angeles", "Japan"))
    before = doc._.mluke.token_vectors
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    assert len(doc._.mluke.token_vectors) == len(doc)
    numpy.testing.assert_allclose(doc._.mluke.token_vectors[1:], before[2:], atol=1e-6)
    numpy.testing.assert_allclose(doc.ents[0]._.mluke_vector, doc._.mluke.vectors[0])


def test_encoding_again_replaces_the_states(tiny_nlp):
    doc = tiny_nlp(make_doc(tiny_nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    doc.ents = [doc.ents[1]]
    doc = tiny_nlp(doc)
    assert bounds(doc._.mluke.spans) == [(5, 6)]
    assert len(doc.user_data) == 1


def test_displacy_renders_encoded_docs(docs):
    from spacy import displacy

    assert "Tokyo" in displacy.render(docs[0], style="ent", jupyter=False)
