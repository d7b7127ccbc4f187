"""Matching entities of a knowledge base with those of a vocabulary."""

from __future__ import annotations

import pytest

from spacy_mluke.kb.store import Entity, EntityName
from spacy_mluke.kb.vocabulary_matching import VocabularyMatch, find_entity, missing_entities, new_entity
from spacy_mluke.vocabulary.entity_vocabulary import EntityVocabulary

SPECIAL = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
MLUKE = {**SPECIAL, "en:Paris": 4, "fr:Paris": 4, "en:Georgia (country)": 5, "Q2": 6}
LUKE = {**SPECIAL, "Paris": 4, "Georgia (country)": 5}


def entity(entity_id, *names, prior=None):
    return Entity(entity_id, prior=prior, names=tuple(EntityName(*name) for name in names))


@pytest.fixture(params=[MLUKE, LUKE], ids=["mluke", "luke"])
def vocabulary(request):
    return EntityVocabulary.from_names(request.param)


def test_an_id_in_the_vocabulary_is_found_unless_it_is_special(vocabulary):
    own = "en:Paris" if "en:Paris" in vocabulary else "Paris"
    assert find_entity(vocabulary, own, None) == VocabularyMatch(4, own, by_name=False)
    assert find_entity(vocabulary, "[MASK]", entity("[MASK]", ("[UNK]", ""))) is None


def test_titles_distinguish_entities_of_one_name_and_then_names_are_not_used(vocabulary):
    country = entity("Q230", ("Georgia", "en"), ("Georgia (country)", "en", "title"))
    found = find_entity(vocabulary, "Q230", country)
    assert found is not None and (found.id, found.by_name) == (5, False)
    texan = entity("Q830149", ("Paris", "en"), ("Paris, Texas", "en", "title"))
    assert find_entity(vocabulary, "Q830149", texan) is None


def test_without_titles_an_entity_is_found_by_its_names(vocabulary):
    found = find_entity(vocabulary, "Q90", entity("Q90", ("Paname", "fr", "alias"), ("Paris", "fr")))
    assert found is not None and (found.id, found.by_name) == (4, True)
    assert find_entity(vocabulary, "Q90", entity("Q90", ("Paris", "fr", "alias"))) is None


def test_missing_entities_are_sorted_best_known_first():
    vocabulary = EntityVocabulary.from_names(LUKE)
    entities = [
        entity("a", ("Paris", "en"), prior=1.0),
        entity("b", ("Paris", "en"), prior=2.0),
        entity("c", ("Rome", "en"), ("Roma", "it"), prior=1.0),
        entity("d", ("Georgia (country)", "en", "title")),
    ]
    # "b" matches the vocabulary's "Paris".
    assert [found.key for found in missing_entities(vocabulary, entities)] == ["c", "a"]


def test_entities_found_by_names_of_mluke_count_as_missing():
    vocabulary = EntityVocabulary.from_names(MLUKE)
    entities = [entity("a", ("Paris", "en")), entity("b", ("Paris", "en"), prior=2.0), entity("Q2", ("X", "en"))]
    assert [found.key for found in missing_entities(vocabulary, entities)] == ["b", "a"]


def test_a_new_entity_has_titles_first_and_without_names_its_id():
    names = [("Georgien", "de"), ("Sakartvelo", "en", "alias"), ("Georgia", "en"), ("Georgia (country)", "en", "title")]
    assert new_entity(entity("Q230", *names)).names == {
        "en": ["Georgia (country)", "Georgia", "Sakartvelo"],
        "de": ["Georgien"],
    }
    assert new_entity(entity("Q1")).names == {"": ["Q1"]}
