"""Candidates of mentions that recur."""

from __future__ import annotations

import pickle

import pytest
import spacy

from spacy_mluke.kb import candidate_sources
from spacy_mluke.kb.candidate_sources import StoreCandidates


@pytest.fixture
def source(store):
    return StoreCandidates(store.path)


@pytest.fixture
def asked(source, monkeypatch):
    """The mentions that the store was asked for."""
    found = []
    look_up = source.store.candidates

    def note(mention, *args, **kwargs):
        found.append(mention)
        return look_up(mention, *args, **kwargs)

    monkeypatch.setattr(source.store, "candidates", note)
    return found


def mentions(*texts):
    nlp = spacy.blank("en")
    return [nlp(text)[:] for text in texts]


def test_a_mention_that_recurs_is_looked_up_once(source, asked):
    expected = source(mentions("Paris", "Nowhere", "Paris"))
    assert source(mentions("Nowhere", "Paris")) == [expected[1], expected[0]]
    assert asked == ["Paris", "Nowhere"]


def test_a_stricter_spelling_is_looked_up_again(source):
    assert source(mentions("PARIS")) != [[]]
    source.match = "exact"
    assert source(mentions("PARIS")) == [[]]


def test_few_mentions_are_kept(source, asked, monkeypatch):
    monkeypatch.setattr(candidate_sources, "_MAX_CACHED", 1)
    for name in ("Paris", "US", "City of Light", "Paris"):
        source(mentions(name))
    assert asked.count("Paris") == 2


def test_kept_candidates_are_not_pickled(source):
    assert source(mentions("City of Light")) != [[]]
    assert b"Q90" not in pickle.dumps(source)
