"""Documents longer than the encoder's window."""

from __future__ import annotations

import tracemalloc

import numpy
from spacy.tokens import Doc, Span

from tests.pipeline.conftest import WORDS, bounds, make_pipeline


def long_doc(nlp, n_tokens: int, every: int = 7) -> Doc:
    doc = Doc(nlp.vocab, words=(WORDS * (n_tokens // len(WORDS) + 1))[:n_tokens])
    doc.ents = [Span(doc, i, i + 2, label="LOC") for i in range(0, n_tokens - 2, every)]
    return doc


def test_no_entity_of_a_long_document_is_dropped(tiny_nlp):
    doc = tiny_nlp(long_doc(tiny_nlp, 1000))
    assert bounds(doc._.mluke.spans) == bounds(doc.ents)
    assert numpy.isfinite(doc._.mluke.vectors).all()
    assert doc._.mluke.vectors.any(axis=1).all()


def test_every_token_of_a_long_document_has_a_vector(tiny_nlp):
    doc = tiny_nlp(long_doc(tiny_nlp, 1000))
    assert doc._.mluke.token_vectors.shape == (1000, 16)
    assert doc._.mluke.token_vectors.any(axis=1).all()
    assert doc._.trf_data.model_output.last_hidden_state.shape[0] == 1


def test_entities_beyond_the_limit_go_to_further_sequences(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), model={"max_entities": 3})
    doc = nlp(long_doc(nlp, 30, every=2))
    assert bounds(doc._.mluke.spans) == bounds(doc.ents)
    assert len(doc._.mluke) == 14


def test_splitting_entities_over_sequences_changes_nothing_in_isolated_visibility(tiny_checkpoint):
    alone = make_pipeline(str(tiny_checkpoint), model={"max_entities": 1, "visibility": "isolated"})
    together = make_pipeline(str(tiny_checkpoint), model={"visibility": "isolated"})
    doc, other = alone(long_doc(alone, 30)), together(long_doc(together, 30))
    numpy.testing.assert_allclose(doc._.mluke.vectors, other._.mluke.vectors, atol=1e-5)


def test_without_token_states_only_entity_vectors_are_kept(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), keep_token_states=False)
    doc = nlp(long_doc(nlp, 500))
    assert len(doc._.mluke.vectors) == len(doc.ents)
    assert doc._.mluke.token_vectors is None
    assert doc._.trf_data is None


def test_entity_vectors_are_the_same_with_and_without_token_states(tiny_checkpoint):
    keep = make_pipeline(str(tiny_checkpoint))
    drop = make_pipeline(str(tiny_checkpoint), keep_token_states=False)
    doc, other = keep(long_doc(keep, 500)), drop(long_doc(drop, 500))
    numpy.testing.assert_allclose(doc._.mluke.vectors, other._.mluke.vectors, atol=1e-5)


def test_a_document_of_200_000_tokens_takes_bounded_memory(tiny_checkpoint):
    nlp = make_pipeline(str(tiny_checkpoint), keep_token_states=False)
    doc = long_doc(nlp, 200_000, every=1000)
    nlp("Tokyo")
    tracemalloc.start()
    try:
        doc = nlp(doc)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(doc._.mluke.vectors) == 200
    # States of all pieces would be about 40 MB here, and 500 MB with mluke-small; ids, offsets and alignment remain.
    assert peak < 150 * 2**20
