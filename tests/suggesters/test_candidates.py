"""Candidate spans from suggesters of spacy_mluke and spaCy: unique and sorted."""

from __future__ import annotations

import numpy
import pytest
from spacy.pipeline.spancat import build_ngram_range_suggester, build_preset_spans_suggester
from spacy.tokens import Doc, Span
from thinc.types import Ragged

from spacy_mluke.suggesters.candidates import CandidateSpans, split_docs, suggest_candidates
from spacy_mluke.suggesters.entities import build_spans_suggester_v1
from spacy_mluke.suggesters.ngrams import build_sentence_ngrams_v1
from tests.suggesters.test_ngrams import VOCAB, doc_of


def test_the_order_and_repetitions_of_a_suggester_do_not_matter():
    docs = [doc_of(["a", "b", "c"]), Doc(VOCAB), doc_of(["d"])]
    own = suggest_candidates(build_sentence_ngrams_v1(max_size=3), docs)
    spacys = suggest_candidates(build_ngram_range_suggester(1, 3), docs)
    assert spacys.bounds.tolist() == own.bounds.tolist()
    assert spacys.lengths.tolist() == own.lengths.tolist() == [6, 0, 1]
    docs[0].spans["sc"] = [Span(docs[0], 1, 3), Span(docs[0], 0, 1), Span(docs[0], 1, 3, label="B")]
    for doc in docs[1:]:
        doc.spans["sc"] = []
    for build in (build_spans_suggester_v1, build_preset_spans_suggester):
        assert suggest_candidates(build("sc"), docs).bounds.tolist() == [[0, 1], [1, 3]]


def test_suggesters_of_spacy_may_return_no_spans():
    assert suggest_candidates(build_ngram_range_suggester(2, 3), [doc_of(["a"])]).bounds.shape == (0, 2)


def test_lengths_that_do_not_match_are_an_error():
    def broken(docs, *, ops=None):
        return Ragged(numpy.zeros((2, 2), dtype="int32"), numpy.ones(1, dtype="int32"))

    with pytest.raises(ValueError, match=r"\[ML074\]"):
        suggest_candidates(broken, [doc_of(["a"])])


def test_candidates_can_be_selected():
    spans = suggest_candidates(build_sentence_ngrams_v1(), [doc_of(["a", "b"]), doc_of(["c"])])
    taken = spans.take(numpy.array([1, 3]))
    assert taken.bounds.tolist() == [[0, 2], [0, 1]]
    assert taken.lengths.tolist() == [1, 1]
    assert CandidateSpans.from_ragged(taken.ragged).keys.tolist() == taken.keys.tolist()


def test_documents_are_split_by_number_of_tokens_and_of_documents():
    docs = [doc_of(["a"] * n) for n in (5, 1, 1, 9, 0, 0, 0)]
    parts = split_docs(docs, max_tokens=6, max_docs=2)
    assert [[len(doc) for doc in part] for part in parts] == [[5, 1], [1], [9], [0, 0], [0]]
