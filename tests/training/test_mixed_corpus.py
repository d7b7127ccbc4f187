"""Corpora mixed by weight."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
import spacy
from spacy.training import Example

from spacy_mluke.training.mixed_corpus import build_mixed_corpus_v1


def reader(prefix, n):
    def read(nlp):
        for i in range(n):
            doc = nlp.make_doc(f"{prefix}{i}")
            yield Example(doc, doc.copy())

    return read


def texts(corpus, n=None):
    return [eg.reference.text for eg in islice(corpus(spacy.blank("xx")), n)]


def test_examples_come_by_weight():
    corpus = build_mixed_corpus_v1({"a": reader("a", 5), "b": reader("b", 50)}, {"a": 3.0, "b": 1.0})
    counts = Counter(text[0] for text in texts(corpus, 2000))
    assert 0.7 < counts["a"] / 2000 < 0.8


def test_the_same_seed_gives_the_same_order():
    first, second, other = (
        texts(build_mixed_corpus_v1({"a": reader("a", 9), "b": reader("b", 9)}, seed=seed), 40) for seed in (1, 1, 2)
    )
    assert first == second != other


def test_a_corpus_comes_whole_before_it_comes_again():
    corpus = build_mixed_corpus_v1({"a": reader("a", 7)}, buffer=3)
    found = texts(corpus, 21)
    for start in (0, 7, 14):
        assert sorted(found[start : start + 7]) == [f"a{i}" for i in range(7)]


def test_without_buffer_the_order_of_the_files_is_kept():
    assert texts(build_mixed_corpus_v1({"a": reader("a", 4)}, buffer=0), 6) == ["a0", "a1", "a2", "a3", "a0", "a1"]


def test_a_finite_stream_ends_when_every_corpus_was_read_once():
    found = texts(build_mixed_corpus_v1({"a": reader("a", 3), "b": reader("b", 8)}, endless=False))
    assert {f"a{i}" for i in range(3)} | {f"b{i}" for i in range(8)} == set(found)


def test_a_weight_of_zero_leaves_a_corpus_out():
    corpus = build_mixed_corpus_v1({"a": reader("a", 3), "b": reader("b", 3)}, {"b": 0})
    assert {text[0] for text in texts(corpus, 50)} == {"a"}


def test_a_weight_without_a_corpus_is_an_error():
    with pytest.raises(ValueError, match=r"\[ML400\]"):
        build_mixed_corpus_v1({"a": reader("a", 1)}, {"c": 1.0})


def test_weights_that_are_all_zero_are_an_error():
    with pytest.raises(ValueError, match=r"\[ML400\]"):
        build_mixed_corpus_v1({"a": reader("a", 1)}, {"a": 0})


def test_a_corpus_without_examples_is_an_error():
    with pytest.raises(ValueError, match=r"\[ML401\] .*'a'"):
        texts(build_mixed_corpus_v1({"a": reader("a", 0)}), 1)
