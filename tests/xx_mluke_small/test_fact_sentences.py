"""Sentences made of facts, and joined sentences: which person is of which country."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from scripts.xx_mluke_small.fact_sentences import CITIZENSHIP, COUNTRY, FactSentences
from scripts.xx_mluke_small.relation_examples import PairLabels, RelationReader, RelationText, join_sentences
from scripts.xx_mluke_small.relations import read_relations
from tests.xx_mluke_small.tiny_data import COUNTRIES, PEOPLE

FIRST = RelationText("Ada saw Rome.", [[(0, 3)], [(8, 12)]], {(0, 1): PairLabels(["P551"])})
SECOND = RelationText("Kurt saw Brno.", [[(0, 4)], [(9, 13)]], {(0, 1): PairLabels(["P19"])})


@pytest.fixture
def facts(tiny_folder):
    return FactSentences(tiny_folder)


def drawn(facts, n=60):
    return list(islice(facts.draw(random.Random(0)), n))


def names_of(sentence):
    return [sentence.text[start:end] for start, end in sentence.entities]


def test_a_stated_country_is_that_of_the_person(facts):
    owners = dict(zip(PEOPLE, ("British", "Polish", "Austrian", "German"), strict=True))
    n = 0
    for sentence in drawn(facts):
        names = names_of(sentence)
        for (head, tail), relations in sentence.facts.items():
            if relations == [CITIZENSHIP]:
                n += 1
                country = COUNTRIES[PEOPLE.index(names[head])]
                assert names[tail] in (owners[names[head]], f"country {country}", facts.names["en"][country])
    assert n > 20


def test_a_person_has_no_relation_to_the_country_of_another(facts):
    for sentence in drawn(facts):
        tails = [tail for (_, tail), own in sentence.facts.items() if own == [CITIZENSHIP]]
        assert len(tails) == len(set(tails))


def test_a_city_is_in_the_country_that_is_named_with_it(facts):
    found = [own for sentence in drawn(facts) for own in sentence.facts.values()]
    assert [COUNTRY] in found


def test_facts_that_mlama_asks_for_are_not_told(facts):
    assert facts.country_of["Q900"] == "Q145"


def test_without_names_there_are_no_sentences(facts):
    facts.people = {lang: [] for lang in facts.people}
    assert drawn(facts) == []


def test_a_reader_draws_sentences_made_of_facts(tiny_folder, blank, facts):
    reader = RelationReader(read_relations(tiny_folder), blank.tokenizer, random.Random(1), facts)
    texts = {example.doc.text for example in islice(reader.draw(), 80)}
    assert any("country Q" in text for text in texts)


def test_joined_sentences_keep_their_relations():
    joined = join_sentences(FIRST, SECOND, None)
    assert joined.text == "Ada saw Rome. Kurt saw Brno."
    assert [joined.text[start:end] for ((start, end),) in joined.entities] == ["Ada", "Rome", "Kurt", "Brno"]
    assert joined.pairs[0, 1].relations == ["P551"] and joined.pairs[2, 3].relations == ["P19"]


def test_a_connector_replaces_the_full_stop():
    assert join_sentences(FIRST, SECOND, "; ").text == "Ada saw Rome; Kurt saw Brno."


def test_entities_of_different_sentences_have_no_relation():
    pairs = join_sentences(FIRST, SECOND, None).pairs
    across = [pairs[i, j] for i in (0, 1) for j in (2, 3)] + [pairs[j, i] for i in (0, 1) for j in (2, 3)]
    assert across == [PairLabels([])] * 8


def test_a_name_in_both_sentences_is_no_pair():
    assert (0, 2) not in join_sentences(FIRST, FIRST, None).pairs
