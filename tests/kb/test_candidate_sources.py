"""Candidates of mentions that recur."""

from __future__ import annotations

import pickle

import pytest
import spacy

from spacy_mluke.kb import candidate_sources
from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.store import STORE
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.titles import without_title


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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("King Louis XIV", "Louis XIV"),
        ("Sir  Mike Jackson", "Mike Jackson"),
        ("Prof. Dr. Anna Bell", "Anna Bell"),
        ("Президент Путин", "Путин"),
        ("Bundeskanzlerin Merkel", "Merkel"),
        ("Louis XIV", None),
        ("Queen", None),
        ("", None),
    ],
)
def test_titles_precede_a_name(name, expected):
    assert without_title(name) == expected


def test_a_person_is_found_with_a_title(tmp_path):
    rows = [StoreRow("Q7742", "en", "Louis XIV", "PER"), StoreRow("Q1", "en", "Street", "LOC")]
    rows += [StoreRow("Q2", "en", "King Arthur", "PER"), StoreRow("Q3", "en", "Arthur", "PER")]
    source = StoreCandidates(build_store(rows, tmp_path / STORE).path)
    found = source(mentions("King Louis XIV", "King Street", "King Arthur"))
    assert [[match.id for match in own] for own in found] == [["Q7742"], [], ["Q2"]]
    source.match = "exact"
    assert source(mentions("King Louis XIV")) == [[]]
