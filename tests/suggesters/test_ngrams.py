"""N-grams within sentences."""

from __future__ import annotations

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_mluke.suggesters.ngrams import build_sentence_ngrams_v1

VOCAB = spacy.blank("xx").vocab


def doc_of(words, starts=None):
    doc = Doc(VOCAB, words=words)
    if starts is not None:
        for token in doc:
            token.is_sent_start = token.i in starts
    return doc


def suggest(docs, **sizes):
    found = build_sentence_ngrams_v1(**sizes)(docs)
    assert found.dataXd.dtype == found.lengths.dtype == "int32"
    ends = numpy.cumsum(found.lengths)[:-1] if len(docs) else []
    return [part.tolist() for part in numpy.split(found.dataXd, ends)]


def slowly(doc, min_size, max_size):
    sentence = numpy.cumsum([token.is_sent_start is True for token in doc])
    return [
        [i, j]
        for i in range(len(doc))
        for j in range(i + min_size, min(i + max_size, len(doc)) + 1)
        if sentence[i] == sentence[j - 1] and not doc[i].is_space and not doc[j - 1].is_space
    ]


def test_every_range_of_tokens_is_suggested_sorted_by_start_and_end():
    assert suggest([doc_of(["a", "b", "c"])], max_size=2) == [[[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]]


def test_candidates_do_not_cross_known_sentence_boundaries():
    words = ["a", "b", "c"]
    assert [1, 3] not in suggest([doc_of(words, {0, 2})])[0]
    assert [1, 3] in suggest([doc_of(words)])[0]


def test_candidates_do_not_start_or_end_with_whitespace():
    assert suggest([doc_of(["a", "\n", "b"])])[0] == [[0, 1], [0, 3], [2, 3]]
    assert suggest([doc_of([" ", "\n"])])[0] == []


def test_ranges_of_punctuation_alone_are_left_out_on_request():
    words = [".", "...", "a", "b", "）"]
    assert suggest([doc_of(words)], max_size=2, skip_punctuation=True) == [[[2, 3], [2, 4], [3, 4]]]
    assert len(suggest([doc_of(words)], max_size=2)[0]) == 9


words = st.lists(st.sampled_from(["a", "bb", " ", "\n"]), max_size=12)


@given(
    st.lists(st.tuples(words, st.none() | st.sets(st.integers(0, 11))), max_size=4),
    st.integers(1, 3),
    st.integers(0, 4),
)
@settings(max_examples=100, deadline=None)
def test_suggestions_equal_those_of_a_plain_loop(texts, min_size, more):
    docs = [doc_of(text, starts) for text, starts in texts]
    found = suggest(docs, min_size=min_size, max_size=min_size + more)
    assert found[: len(docs)] == [slowly(doc, min_size, min_size + more) for doc in docs]


def test_no_documents_and_empty_documents_have_no_candidates():
    suggester = build_sentence_ngrams_v1()
    assert suggester([]).dataXd.shape == (0, 2)
    assert suggester([Doc(VOCAB), doc_of(["a"]), Doc(VOCAB)]).lengths.tolist() == [0, 1, 0]


def test_a_book_has_16_candidates_at_each_token_but_the_last():
    assert len(build_sentence_ngrams_v1()([doc_of(["word"] * 100_000)]).dataXd) == 16 * 100_000 - 120


@pytest.mark.parametrize("sizes", [{"min_size": 0}, {"min_size": 3, "max_size": 2}])
def test_sizes_are_checked(sizes):
    with pytest.raises(ValueError, match=r"\[ML071\]"):
        build_sentence_ngrams_v1(**sizes)
