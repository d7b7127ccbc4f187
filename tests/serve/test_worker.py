"""The pipeline in the server's thread: what it loads stays, what a batch adds is freed."""

from __future__ import annotations

from typing import Any

import pytest
import spacy
from spacy.kb import InMemoryLookupKB

from spacy_mluke.kb.candidate_sources import KBCandidates
from spacy_mluke.serve.jobs import Annotate, Text
from spacy_mluke.serve.worker import Worker


def small_kb(vocab):
    kb = InMemoryLookupKB(vocab, 1)
    kb.add_entity("Q70", 1.0, [0.0])
    kb.add_alias("Bern", ["Q70"], [1.0])
    return kb


@pytest.fixture
def worker():
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("mluke_mentions")
    pipe.set_candidates(KBCandidates(small_kb))
    found = Worker(nlp)
    found.warm_up()
    return found


def test_a_knowledge_base_keeps_its_strings_after_a_batch(worker):
    for _ in range(2):
        (document,) = worker.run(Annotate(()), [Text("Bern and Xyzzy")])
        assert [entity["text"] for entity in document["entities"]] == ["Bern"]
    assert worker.nlp.get_pipe("mluke_mentions").candidates.kb.get_entity_strings() == ["Q70"]


def test_words_of_a_batch_are_freed(worker):
    worker.run(Annotate(()), [Text("Bern")])
    before = len(worker.nlp.vocab.strings)
    worker.run(Annotate(()), [Text(f"word{i}") for i in range(100)])
    assert len(worker.nlp.vocab.strings) == before
