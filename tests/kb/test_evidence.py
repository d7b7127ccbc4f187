"""Features of candidates from facts, and descriptions of candidates."""

from __future__ import annotations

import math

import pytest

from spacy_mluke.kb.evidence import FACT_FEATURES, Evidence, context_of, describe
from spacy_mluke.kb.ranking import DISAGREEMENT
from spacy_mluke.kb.store import Entity, EntityName, Fact, Match

HAMILTONS = [Match("canada", 0.7, "LOC"), Match("bermuda", 0.2, "LOC"), Match("driver", 0.1, "PER")]
FACTS = {
    "canada": [Fact("P17", "CA"), Fact("P131", "ontario")],
    "bermuda": [Fact("P17", "BM"), Fact("P190", "london")],
    "driver": [Fact("P27", "GB"), Fact("P54", "mercedes")],
    "toronto": [Fact("P17", "CA")],
    "senna": [Fact("P184", "driver")],
}
NAMES = {"canada": "Hamilton", "CA": "Canada", "ontario": "Ontario", "iso3166:CA": "Canada"}
CLASSES = {"windsor": ["city", "city of Canada"], "bermuda": ["island of the Atlantic"]}


def get(entity_id):
    name = NAMES.get(entity_id)
    own = {"iso3166:CA": "CA"}.get(entity_id, entity_id)
    return Entity(own, names=(EntityName(name, "en"), EntityName(f"{name}-fr", "fr"))) if name else None


KEYWORDS = {"canada": ["mcmaster", "stelco", "dundurn"], "driver": ["stelco"]}


@pytest.fixture
def evidence():
    return Evidence(
        lambda entity_id: FACTS.get(entity_id, []),
        get,
        lambda entity_id: CLASSES.get(entity_id, []),
        lambda entity_id: KEYWORDS.get(entity_id, []),
    )


def features(evidence, others=(), label="X", words=(), use_facts=True):
    found = evidence.features(HAMILTONS, label, [[Match(o, 1.0)] for o in others], words, use_facts=use_facts)
    return {match.id: dict(zip(FACT_FEATURES, row, strict=True)) for match, row in zip(HAMILTONS, found, strict=True)}


def test_priors_and_labels_are_logarithms(evidence):
    found = features(evidence, label="PER")
    assert found["canada"]["prior"] == pytest.approx(math.log(0.7))
    assert found["canada"]["label"] == pytest.approx(math.log(DISAGREEMENT))
    assert found["driver"]["label"] == 0.0


def test_facts_count_in_both_directions(evidence):
    found = features(evidence, others=["mercedes", "senna"])
    assert found["driver"]["facts"] == pytest.approx(math.log(3))
    assert found["canada"]["facts"] == 0.0


def test_twin_towns_say_nothing(evidence):
    assert features(evidence, others=["london"])["bermuda"]["facts"] == 0.0


@pytest.mark.parametrize("other", ["toronto", "windsor", "CA"], ids=["by_a_fact", "by_a_class", "the_country"])
def test_names_of_the_same_country_count(evidence, other):
    found = features(evidence, others=[other])
    assert {name: row["country"] for name, row in found.items()} == {"canada": 1.0, "bermuda": 0.0, "driver": 0.0}


def test_without_facts_their_features_are_0(evidence):
    found = features(evidence, others=["toronto", "mercedes"], use_facts=False)
    assert {row[name] for row in found.values() for name in ("facts", "country")} == {0.0}


def test_names_that_may_mean_a_candidate_are_no_context():
    others = [[Match("canada", 0.6), Match("x", 0.4)], [Match("toronto", 0.7), Match("y", 0.1)]]
    assert context_of(others, {"canada"}) == {"toronto": 0.7}


def test_only_places_say_what_country_a_text_is_about(evidence):
    obama = [[Match("toronto", 1.0, "PER")]]
    assert not evidence.features(HAMILTONS, "X", obama, (), use_facts=True)[:, FACT_FEATURES.index("country")].any()
    assert context_of(obama, set(), kind="PER") == {"toronto": 1.0}


def test_a_description_has_names_classes_and_facts(evidence):
    (found,) = describe(HAMILTONS[:1], "fr", evidence, lambda entity_id: ["human", "big  city"], lambda entity_id: {})
    assert found == ("Hamilton-fr (Hamilton)", "Hamilton-fr (Hamilton): big city. Canada, Ontario")


def test_an_unknown_entity_is_described_by_its_id(evidence):
    found = describe([Match("Q0", 1.0)], "en", evidence, lambda entity_id: [], lambda entity_id: {})
    assert found == [("Q0", "Q0: .")]


@pytest.mark.parametrize(
    ("lang", "text"),
    [("fr", "Hamilton-fr: ville du Canada"), ("de", "Hamilton: a city")],
    ids=["in_its_language", "in_english"],
)
def test_a_description_of_the_knowledge_base_comes_before_classes_and_facts(evidence, lang, text):
    texts = {"en": "a  city", "fr": "ville du Canada"}
    (found,) = describe(HAMILTONS[:1], lang, evidence, lambda entity_id: ["big city"], lambda entity_id: texts)
    assert found[1] == text


def test_a_candidate_is_described_once_for_each_language(evidence):
    asked = []

    def classes_of(entity_id):
        asked.append(entity_id)
        return ["big city"]

    for lang in ("en", "fr", "en"):
        found = evidence.describe(HAMILTONS[:2], lang, classes_of, lambda entity_id: {})
        assert found == describe(HAMILTONS[:2], lang, evidence, lambda entity_id: ["big city"], lambda entity_id: {})
    assert asked == ["canada", "bermuda"] * 2


def test_the_name_of_an_entity_is_read_once_for_each_language():
    asked = []

    def note(entity_id):
        asked.append(entity_id)
        return get(entity_id)

    evidence = Evidence(lambda entity_id: [], note, lambda entity_id: [], lambda entity_id: [])
    assert [evidence.name("CA", lang) for lang in ("en", "fr", "en")] == ["Canada", "Canada-fr", "Canada"]
    assert evidence.name("Q0", "en") is evidence.name("Q0", "en") is None
    assert asked == ["CA", "CA", "Q0"]


def test_keywords_of_a_candidate_in_the_text_are_evidence(evidence):
    found = features(evidence, words={"stelco", "mcmaster", "oxford"})
    assert found["canada"]["keywords"] == pytest.approx(math.log(3))
    assert found["driver"]["keywords"] == pytest.approx(math.log(2))
    assert found["bermuda"]["keywords"] == 0.0
    assert features(evidence, words={"stelco"}, use_facts=False)["canada"]["keywords"] == 0.0
