"""`mluke`: from text to vectors."""

from __future__ import annotations

import unicodedata
import warnings

import numpy
import pytest
import spacy
from spacy.tokens import Span

from spacy_mluke.annotate import states
from spacy_mluke.annotate.states import mean_rows
from tests.pipeline.conftest import (
    assert_same_states,
    bounds,
    capital_docs,
    make_doc,
    make_pipeline,
)


def test_mluke_works_as_soon_as_it_is_added():
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke")
    doc = nlp("Tokyo is the capital of Japan.")
    assert doc._.mluke.token_vectors.shape == (7, 384)
    assert len(doc._.mluke) == 0


def test_every_entity_gets_a_vector_of_the_models_width(small_nlp):
    doc = small_nlp(make_doc(small_nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    assert bounds(doc._.mluke.spans) == [(0, 1), (5, 6)]
    assert [span.label_ for span in doc._.mluke.spans] == ["LOC", "LOC"]
    assert doc._.mluke.vectors.shape == (2, 384)
    assert doc._.mluke.vectors.dtype == numpy.float32
    assert doc.ents[1]._.mluke_vector.shape == (384,)
    numpy.testing.assert_array_equal(doc.ents[1]._.mluke_vector, doc._.mluke.vectors[1])


def test_spans_that_were_not_encoded_have_no_vector(small_nlp):
    doc = small_nlp(make_doc(small_nlp, "Tokyo is the capital of Japan.", "Tokyo"))
    assert doc[2:4]._.mluke_vector is None


def test_a_doc_that_was_not_encoded_has_no_states(small_nlp):
    doc = small_nlp.make_doc("Tokyo")
    assert doc._.mluke is None
    assert doc._.trf_data is None
    assert doc[0:1]._.mluke_vector is None


def test_every_script_gets_finite_token_vectors(small_nlp, sample_text):
    doc = small_nlp(sample_text)
    assert doc._.mluke.token_vectors.shape == (len(doc), 384) or len(doc) == 0
    assert numpy.isfinite(doc._.mluke.token_vectors).all() if len(doc) else True
    for token in doc:
        # The normalizer removes format characters such as the zero-width joiner.
        if not token.is_space and not all(unicodedata.category(char) == "Cf" for char in token.text):
            assert doc._.mluke.token_vectors[token.i].any()


def test_empty_docs_have_states_without_rows(tiny_nlp):
    doc = tiny_nlp("")
    assert len(doc._.mluke) == 0
    assert doc._.mluke.spans == []
    assert doc._.mluke.token_vectors.shape == (0, 16)


def test_pipe_equals_one_by_one_calls_and_keeps_order(tiny_nlp):
    alone = [tiny_nlp(doc) for doc in capital_docs(tiny_nlp)]
    piped = list(tiny_nlp.pipe(capital_docs(tiny_nlp), batch_size=4))
    assert [doc.text for doc in piped] == [doc.text for doc in alone]
    for doc, other in zip(piped, alone, strict=True):
        assert_same_states(doc, other)


def test_small_batches_change_nothing(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint))
    narrow = make_pipeline(str(tiny_checkpoint), model={"max_batch_items": 8}, buffer_tokens=3)
    for doc, other in zip(nlp.pipe(capital_docs(nlp)), narrow.pipe(capital_docs(narrow)), strict=True):
        assert_same_states(doc, other)


def test_order_of_overlapping_nested_duplicate_and_unsorted_spans_is_kept(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), suggester={"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"})
    doc = nlp.make_doc("Tokyo is the capital of Japan .")
    wanted = [(5, 6), (0, 6), (0, 1), (0, 1), (2, 5), (3, 4)]
    doc.spans["sc"] = [Span(doc, start, end) for start, end in wanted]
    doc = nlp(doc)
    assert bounds(doc._.mluke.spans) == wanted
    assert len(doc._.mluke.vectors) == 6
    numpy.testing.assert_allclose(doc._.mluke.vectors[2], doc._.mluke.vectors[3], atol=1e-6)


def test_spacys_ngram_suggester_works(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), suggester={"@misc": "spacy.ngram_suggester.v1", "sizes": [1, 2]})
    doc = nlp("Tokyo is big")
    assert sorted(bounds(doc._.mluke.spans)) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]


def test_a_whitespace_span_gets_no_vector_and_one_counted_warning(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), suggester={"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"})
    docs = []
    for _ in range(3):
        doc = nlp.make_doc("Tokyo \n\n Japan")
        doc.spans["sc"] = [doc[0:1], doc[1:2], doc[2:3]]
        assert doc[1].is_space
        docs.append(doc)
    with pytest.warns(UserWarning, match=r"\[ML101\] 3 of 9 spans") as caught:
        docs = list(nlp.pipe(docs))
    assert len([w for w in caught if "ML101" in str(w.message)]) == 1
    assert len(docs[0]._.mluke) == 2
    assert bounds(docs[0]._.mluke.skipped) == [(1, 2)]
    assert docs[0][1:2]._.mluke_vector is None


def test_a_long_mention_keeps_its_first_pieces_with_one_counted_warning(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), model={"max_mention_length": 2})
    doc = make_doc(nlp, "Tokyo is the capital of Japan .", "Tokyo is the capital")
    with pytest.warns(UserWarning, match=r"\[ML102\] 1 of 1 spans"):
        doc = nlp(doc)
    assert len(doc._.mluke) == 1


def test_entities_can_be_looked_up_by_their_kb_id(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), model={"entity_input": "kb_id"})

    def vector(kb_id: str) -> numpy.ndarray:
        doc = nlp.make_doc("Tokyo is big")
        doc.ents = [Span(doc, 0, 1, label="LOC", kb_id=kb_id)]
        return nlp(doc)._.mluke.vectors[0]

    same = vector("ja:東京")
    numpy.testing.assert_allclose(vector("en:Tokyo"), same, atol=1e-6)
    assert not numpy.allclose(vector("en:Paris"), same, atol=1e-3)
    assert not numpy.allclose(vector(""), same, atol=1e-3)
    numpy.testing.assert_allclose(vector("en:Nowhere"), vector("xx:Unknown"), atol=1e-6)


def test_set_vectors_makes_span_vector_and_similarity_read_the_entity(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), set_vectors=True)
    doc = nlp(make_doc(nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    tokyo, japan = doc.ents
    numpy.testing.assert_array_equal(tokyo.vector, tokyo._.mluke_vector)
    cosine = tokyo.vector @ japan.vector / numpy.linalg.norm(tokyo.vector) / numpy.linalg.norm(japan.vector)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tokyo.similarity(japan) == pytest.approx(cosine, abs=1e-5)
        assert doc[2].similarity(doc[2]) == pytest.approx(1.0, abs=1e-5)
    assert doc[1:3].vector.shape == (16,)
    assert doc.vector.shape == (16,)
    assert tokyo.has_vector


def test_vectors_of_tokens_and_spans_are_computed_without_those_of_the_other_tokens(tiny_checkpoint, monkeypatch):
    nlp = make_pipeline(str(tiny_checkpoint), set_vectors=True)
    doc = nlp(make_doc(nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    expected = doc._.mluke.token_vectors
    computed = []
    monkeypatch.setattr(states, "mean_rows", lambda rows, own: computed.append(len(own)) or mean_rows(rows, own))
    numpy.testing.assert_array_equal([token.vector for token in doc], expected)
    numpy.testing.assert_array_equal(doc[1:3].vector, expected[1:3].mean(axis=0))
    assert computed == [1] * len(doc) + [2]


def test_isolated_vectors_do_not_depend_on_other_entities(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), model={"visibility": "isolated"})
    both = nlp(make_doc(nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    one = nlp(make_doc(nlp, "Tokyo is the capital of Japan.", "Japan"))
    none = nlp(make_doc(nlp, "Tokyo is the capital of Japan."))
    numpy.testing.assert_allclose(both._.mluke.vectors[1], one._.mluke.vectors[0], atol=1e-5)
    numpy.testing.assert_allclose(both._.mluke.token_vectors, none._.mluke.token_vectors, atol=1e-5)


def test_joint_vectors_depend_on_other_entities(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint))
    both = nlp(make_doc(nlp, "Tokyo is the capital of Japan.", "Tokyo", "Japan"))
    one = nlp(make_doc(nlp, "Tokyo is the capital of Japan.", "Japan"))
    assert not numpy.allclose(both._.mluke.vectors[1], one._.mluke.vectors[0], atol=1e-4)


def test_components_share_nothing_between_pipelines(tiny_checkpoint):
    first = make_pipeline(str(tiny_checkpoint))
    second = make_pipeline(str(tiny_checkpoint), keep_token_states=False)
    assert first("Tokyo")._.mluke.token_vectors is not None
    assert second("Tokyo")._.mluke.token_vectors is None


def test_analyze_pipes_finds_no_problem(tiny_nlp):
    analysis = tiny_nlp.analyze_pipes()
    assert analysis["summary"]["mluke"]["assigns"] == ["doc._.mluke", "doc._.trf_data", "span._.mluke_vector"]
    assert not any(analysis["problems"]["mluke"])
