"""Which entity of a vocabulary an entity of a knowledge base is."""

from __future__ import annotations

import pytest

from spacy_mluke.kb.matching import VocabularyMatch, find_entity, missing_entities, new_entity
from spacy_mluke.kb.store import Entity, EntityName
from spacy_mluke.vocabulary.entity_vocabulary import EntityVocabulary

SPECIAL = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
MLUKE = {**SPECIAL, "en:Paris": 4, "fr:Paris": 4, "en:Georgia (country)": 5, "Q2": 6}
LUKE = {**SPECIAL, "Paris": 4, "Georgia (country)": 5}


def entity(entity_id, *names, prior=None):
    return Entity(entity_id, prior=prior, names=tuple(EntityName(*name) for name in names))


@pytest.fixture(params=[MLUKE, LUKE], ids=["mluke", "luke"])
def vocabulary(request):
    return EntityVocabulary.from_names(request.param)


def test_an_id_of_the_vocabulary_is_found_but_a_special_one_is_not(vocabulary):
    own = "en:Paris" if "en:Paris" in vocabulary else "Paris"
    assert find_entity(vocabulary, own, None) == VocabularyMatch(4, own, by_name=False)
    assert find_entity(vocabulary, "[MASK]", entity("[MASK]", ("[UNK]", ""))) is None


def test_a_title_tells_namesakes_apart_and_names_do_not_count_beside_it(vocabulary):
    country = entity("Q230", ("Georgia", "en"), ("Georgia (country)", "en", "title"))
    found = find_entity(vocabulary, "Q230", country)
    assert found is not None and (found.id, found.by_name) == (5, False)
    texan = entity("Q830149", ("Paris", "en"), ("Paris, Texas", "en", "title"))
    assert find_entity(vocabulary, "Q830149", texan) is None


def test_without_titles_names_are_taken_and_said_to_be_names(vocabulary):
    found = find_entity(vocabulary, "Q90", entity("Q90", ("Paname", "fr", "alias"), ("Paris", "fr")))
    assert found is not None and (found.id, found.by_name) == (4, True)
    assert find_entity(vocabulary, "Q90", entity("Q90", ("Paris", "fr", "alias"))) is None


def test_what_is_missing_comes_best_known_first():
    vocabulary = EntityVocabulary.from_names(LUKE)
    entities = [
        entity("a", ("Paris", "en"), prior=1.0),
        entity("b", ("Paris", "en"), prior=2.0),
        entity("c", ("Rome", "en"), ("Roma", "it"), prior=1.0),
        entity("d", ("Georgia (country)", "en", "title")),
    ]
    # b is the vocabulary's Paris.
    assert [found.key for found in missing_entities(vocabulary, entities)] == ["c", "a"]


def test_those_that_mlukes_names_may_mean_are_left_to_what_adds_them():
    vocabulary = EntityVocabulary.from_names(MLUKE)
    entities = [entity("a", ("Paris", "en")), entity("b", ("Paris", "en"), prior=2.0), entity("Q2", ("X", "en"))]
    assert [found.key for found in missing_entities(vocabulary, entities)] == ["b", "a"]


def test_a_new_entity_is_called_by_its_titles_first_and_at_least_by_its_id():
    names = [("Georgien", "de"), ("Sakartvelo", "en", "alias"), ("Georgia", "en"), ("Georgia (country)", "en", "title")]
    assert new_entity(entity("Q230", *names)).names == {
        "en": ["Georgia (country)", "Georgia", "Sakartvelo"],
        "de": ["Georgien"],
    }
    assert new_entity(entity("Q1")).names == {"": ["Q1"]}
