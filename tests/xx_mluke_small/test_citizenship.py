"""The exam: which person gets which country."""

from __future__ import annotations

import pytest
import spacy
from spacy.language import Language

from scripts.xx_mluke_small.score_citizenship import read_exam, score_citizenship
from scripts.xx_mluke_small.tables import render_scores
from spacy_mluke.annotate.relations import Relation, set_relations

FACTS = {own.text: sorted(own.facts) for own in read_exam()}


@Language.component("tiny_citizenship")
def tiny_citizenship(doc):
    """Knows the exam's facts, and says of the first token that it is a citizen of the last one."""
    spans = [[doc.char_span(doc.text.index(name), doc.text.index(name) + len(name)) for name in fact]
             for fact in FACTS[doc.text]]  # fmt: skip
    found = [Relation(head, tail, "country of citizenship (P27)") for head, tail in spans if head and tail]
    set_relations(doc, [*found, Relation(doc[:1], doc[-1:], "P27"), Relation(doc[:1], doc[-1:], "P19")])
    return doc


@pytest.fixture(scope="module")
def scores():
    nlp = spacy.blank("xx")
    nlp.add_pipe("tiny_citizenship")
    return score_citizenship(nlp, n_samples=3)


def test_each_fact_of_the_exam_is_in_its_sentence():
    for question in read_exam():
        assert all(person in question.text and country in question.text for person, country in question.facts)


def test_the_exam_has_sentences_without_a_fact():
    assert sum(not question.facts for question in read_exam()) > 15


def test_a_stated_country_is_right_and_any_other_is_wrong(scores):
    assert scores["sentences"] == len(FACTS)
    assert scores["recall"]["value"] > 70
    assert 20 < scores["precision"]["value"] < 60


def test_the_table_shows_the_exam(scores):
    text = render_scores({"relations": {"sets": {}, "citizenship": scores}})
    assert "several people and countries in a sentence" in text
