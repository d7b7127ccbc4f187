"""`span._.mluke_vector` with the option `span_vectors`."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_mluke import load
from tests.pipeline.conftest import bounds, capital_docs, make_doc, make_pipeline
from tests.pipeline.test_long_documents import long_doc


def unit(rows):
    return rows / numpy.linalg.norm(rows, axis=-1, keepdims=True)


def mean_of_both(doc):
    """By hand, of a document whose vectors are of entities alone: from a span's first wordpiece to its last."""
    data = doc._.trf_data
    words = []
    for span in doc._.mluke.spans:
        rows = data.align[span.start : span.end].data.ravel()
        words.append(data.model_output.last_hidden_state[0, rows[0] : rows[-1] + 1].mean(axis=0))
    return (unit(doc._.mluke.vectors) + unit(numpy.stack(words))) / 2


@pytest.mark.parametrize("make_docs", [capital_docs, lambda nlp: [long_doc(nlp, 300)]], ids=["short", "long"])
def test_both_is_the_mean_of_the_entity_and_its_wordpieces_at_length_one(tiny_checkpoint, make_docs):
    alone, both = make_pipeline(str(tiny_checkpoint)), make_pipeline(str(tiny_checkpoint), span_vectors="both")
    n_spans = 0
    for doc, other in zip(alone.pipe(make_docs(alone)), both.pipe(make_docs(both)), strict=True):
        assert bounds(doc._.mluke.spans) == bounds(other._.mluke.spans)
        n_spans += len(doc._.mluke)
        numpy.testing.assert_allclose(other._.mluke.entity_states, doc._.mluke.vectors, atol=1e-5)
        if len(doc._.mluke):
            numpy.testing.assert_allclose(other._.mluke.vectors, mean_of_both(doc), atol=1e-5)
            for span, vector in zip(other._.mluke.spans, other._.mluke.vectors, strict=True):
                numpy.testing.assert_allclose(span._.mluke_vector, vector, atol=1e-6)
        if len(doc):
            numpy.testing.assert_allclose(other._.mluke.token_vectors, doc._.mluke.token_vectors, atol=1e-5)
    assert n_spans


def test_they_are_the_same_without_kept_token_states(tiny_checkpoint):
    keep = make_pipeline(str(tiny_checkpoint), span_vectors="both")
    drop = make_pipeline(str(tiny_checkpoint), span_vectors="both", keep_token_states=False)
    for doc, other in zip(keep.pipe(capital_docs(keep)), drop.pipe(capital_docs(drop)), strict=True):
        assert other._.mluke.token_vectors is None
        numpy.testing.assert_allclose(other._.mluke.vectors, doc._.mluke.vectors, atol=1e-5)


def test_saved_and_joined_documents_keep_vectors_of_both(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), span_vectors="both")
    docs = list(nlp.pipe(capital_docs(nlp)))
    joined = Doc.from_docs([doc for doc in docs if len(doc)])
    saved = Doc(nlp.vocab).from_bytes(joined.to_bytes())
    expected = numpy.concatenate([doc._.mluke.vectors for doc in docs if len(doc)])
    for doc in (joined, saved):
        numpy.testing.assert_allclose(doc._.mluke.vectors, expected, atol=1e-6)
        numpy.testing.assert_allclose(doc.ents[-1]._.mluke_vector, expected[-1], atol=1e-6)


def test_a_span_without_wordpieces_has_no_vector_with_both(tiny_checkpoint):
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"}
    nlp = make_pipeline(str(tiny_checkpoint), span_vectors="both", suggester=suggester)
    doc = nlp.make_doc("Tokyo \n\n Japan")
    doc.spans["sc"] = [doc[1:2], doc[0:2], doc[2:3]]
    with pytest.warns(UserWarning, match=r"\[ML101\] 1 of 3 spans"):
        doc = nlp(doc)
    assert bounds(doc._.mluke.spans) == [(0, 2), (2, 3)]
    assert doc[1:2]._.mluke_vector is None
    assert numpy.isfinite(doc._.mluke.vectors).all()


def test_a_saved_component_keeps_span_vectors(tiny_checkpoint, tmp_path):
    nlp = make_pipeline(str(tiny_checkpoint), span_vectors="both")
    doc = nlp(make_doc(nlp, "Tokyo is the capital of Japan .", "Tokyo"))
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    again = loaded(make_doc(loaded, "Tokyo is the capital of Japan .", "Tokyo"))
    numpy.testing.assert_allclose(again.ents[0]._.mluke_vector, doc.ents[0]._.mluke_vector, atol=1e-6)


def test_other_vectors_are_refused_with_the_choices(tiny_checkpoint):
    with pytest.raises(ValueError, match=r"\[ML070\].*span_vectors.*entity, both, centered"):
        make_pipeline(str(tiny_checkpoint), span_vectors="words")


@pytest.mark.parametrize(
    "words", [["Tokyo", "\n"], ["\n", "Tokyo"], ["\n", "Tokyo", "\u200b", "\n"], ["Tokyo", " ", "Japan", "\t"]]
)
def test_a_vector_does_not_depend_on_other_documents(tiny_checkpoint, words):
    nlp = make_pipeline(str(tiny_checkpoint), span_vectors="both")

    def doc():
        made = Doc(nlp.vocab, words=words, spaces=[False] * len(words))
        made.ents = [Span(made, 0, len(words), "LOC")]
        return made

    alone = nlp(doc())
    others = [make_doc(nlp, "Japan is far away .", "Japan") for _ in range(2)]
    _, among, _ = nlp.pipe([others[0], doc(), others[1]])
    numpy.testing.assert_allclose(among.ents[0]._.mluke_vector, alone.ents[0]._.mluke_vector, atol=1e-5)
    numpy.testing.assert_allclose(
        alone._.mluke.vectors, mean_of_both(make_pipeline(str(tiny_checkpoint))(doc())), atol=1e-5
    )


@pytest.mark.parametrize(("is_bundled", "kind"), [(True, "centered"), (False, "both")])
def test_vectors_are_centered_if_the_mean_states_of_the_checkpoint_are_known(is_bundled, kind, tiny_checkpoint):
    name = "mluke-small" if is_bundled else tiny_checkpoint
    assert load(name, vectors=True).get_pipe("mluke").cfg["span_vectors"] == kind
