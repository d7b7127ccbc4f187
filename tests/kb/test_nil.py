"""Whether a mention means its best candidate: features, weights, and the store's part."""

from __future__ import annotations

import math

import numpy
import pytest

from spacy_mluke.kb.nil import (
    EVEN,
    NIL_FEATURES,
    first_names_of,
    fit_nil,
    is_first_name,
    labels_of,
    nil_features,
    support_of,
)
from spacy_mluke.kb.ranking import DISAGREEMENT
from spacy_mluke.kb.store import STORE, Entity, EntityName, EntityStore, Match
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_format import NAME
from spacy_mluke.kb.store_union import StoreUnion

BEST = Match("Q1", 0.8, "PER", 30.0)
WEIGHTS = dict.fromkeys(NIL_FEATURES, 0.0)


def features(mention="Cook", label="PER", best=BEST, prior=100.0, names=("tim cook",), others=(), classes=()):
    return dict(zip(NIL_FEATURES, nil_features(mention, label, [best, *others], prior, names, classes), strict=True))


def test_a_name_that_is_not_the_label_has_a_part_of_the_prominence():
    found = features()
    assert found["prominence"] == pytest.approx(math.log(30.0))
    assert found["own_name"] == pytest.approx(math.log(0.3))
    assert found["probability"] == 0.8


def test_all_candidates_say_how_well_known_a_name_is():
    assert features(others=[Match("Q2", 0.2, "LOC", 70.0)])["prominence"] == pytest.approx(math.log(100.0))


def test_a_type_that_disagrees_with_the_label_counts():
    assert features(label="ORG")["label"] == pytest.approx(math.log(DISAGREEMENT))
    assert features(label="X")["label"] == 0.0


@pytest.mark.parametrize(
    ("mention", "names", "expected"),
    [
        ("Cook", ("tim cook",), True),
        ("Cook", ("cook", "tim cook"), False),
        ("Coo", ("tim cook",), False),
        ("Tim  Cook", ("tim cook",), False),
    ],
    ids=["last_name", "whole", "part_of_a_word", "spaces"],
)
def test_a_mention_may_be_a_part_of_the_label(mention, names, expected):
    found = features(mention, names=names)
    assert (found["last_name"], found["part"]) == (expected, 0.0)


def test_an_inflected_last_name_is_a_part_of_the_label():
    assert features("Путина", names=("владимир путин",))["last_name"] == 1.0
    assert features("Путина", names=("путин",))["last_name"] == 0.0
    assert features("Marta", names=("ana maria",))["last_name"] == 0.0


@pytest.mark.parametrize(
    ("mention", "best", "names", "expected"),
    [
        ("Maria", BEST, ("mary",), True),
        ("Maria", BEST, ("maria",), True),
        ("Jordan", BEST, ("michael jordan",), False),
        ("Jordan", BEST, ("jordan peele",), True),
        ("Jordan", BEST._replace(type="LOC"), ("jordan",), False),
        ("Cook", BEST, ("james cook",), False),
        ("Maria", BEST, ("saint maria",), True),
        ("Jordan", BEST, ("king jordan", "michael jordan"), False),
        ("María", BEST, ("mary",), True),
    ],
    ids=["other_name", "label", "last_name", "first_of_two", "place", "no_first_name", "title", "also_last", "accent"],
)
def test_a_first_name_alone_is_no_last_name(mention, best, names, expected):
    assert is_first_name(mention, best, names, {"maria", "jordan"}) == expected


def test_first_names_are_those_of_several_people():
    def person(i, name, kind="PER"):
        return Entity(f"Q{i}", kind, None, (EntityName(name, "en", NAME, None),))

    entities = [person(i, f"Maria Nr{i}") for i in range(20)] + [person(i, f"Otto Nr{i}") for i in range(19)]
    entities += [person(i, f"Santa Nr{i}", "LOC") for i in range(20)] + [person(99, "Maria")]
    assert first_names_of(entities) == {"maria"}


def test_a_name_in_another_language_counts_as_an_alias():
    assert features(best=BEST._replace(prominence=3.0))["own_name"] == pytest.approx(math.log(0.3))


def test_a_part_of_the_name_of_what_is_no_person_is_another_feature():
    club = Match("Q1", 0.8, "ORG", 30.0)
    found = dict(zip(NIL_FEATURES, nil_features("Barcelona", "ORG", [club], 100.0, ("fc barcelona",)), strict=True))
    assert (found["last_name"], found["part"]) == (0.0, 1.0)


@pytest.mark.parametrize(("mention", "expected"), [("Tim Cook", 1.0), ("Cook", 0.0), ("東京大学", 1.0), ("東京", 0.0)])
def test_long_names_of_scripts_without_spaces_count_as_several_words(mention, expected):
    assert features(mention)["words"] == expected


def test_a_label_of_an_unknown_kind_is_no_label():
    assert features(label="FOO") == features(label="X")
    assert features(label="FOO")["unlabelled"] == 1.0
    assert features(label="FOO")["unlabelled_probability"] == 0.8
    assert features()["unlabelled_probability"] == 0.0


def test_the_best_candidate_may_be_an_organisation_and_is_known_by_its_label():
    found = features(best=Match("Q1", 0.8, "ORG", 30.0), others=[Match("Q2", 0.2, "LOC", 70.0)])
    assert found["organisation"] == 1.0
    assert found["known"] == pytest.approx(math.log(100.0))


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(("sovereign state", "historical country"), 1.0), (("Historical region",), 1.0), (("prehistorical site",), 0.0)],
)
def test_an_entity_of_a_historical_class_is_historical(classes, expected):
    place = BEST._replace(type="LOC")
    assert features(best=place)["historical"] == 0.0
    assert features(best=place, classes=classes)["historical"] == expected


def test_a_historical_person_is_as_likely_as_others():
    assert features(classes=("historical figure",))["historical"] == 0.0


def test_prominence_counts_more_among_the_well_known():
    found = features()
    assert found["prominence_squared"] == pytest.approx(math.log(30.0) ** 2 / 10)
    assert found["known_squared"] == pytest.approx(math.log(100.0) ** 2 / 10)


def test_an_entity_without_a_prior_is_called_by_its_own_name():
    assert features(prior=None)["own_name"] == 0.0


def test_labels_are_in_the_language_of_the_text_and_in_english():
    names = [
        EntityName("Köln", "de"),
        EntityName("Cologne", "en"),
        EntityName("Keulen", "nl"),
        EntityName("K", "de", "alias"),
    ]
    assert set(labels_of(Entity("Q365", names=tuple(names)), "de")) == {"köln", "cologne"}
    assert labels_of(None, "de") == ()


def test_support_is_even_where_both_are_equally_likely():
    values = nil_features("Cook", "PER", [BEST], 100.0, ())
    assert support_of(WEIGHTS, values) == pytest.approx(EVEN)
    assert support_of({**WEIGHTS, "constant": 1.0}, values) == pytest.approx(EVEN * math.e)


def test_training_ends_where_the_gradient_is_0():
    rng = numpy.random.default_rng(0)
    x, counts = rng.normal(size=(60, 3)), rng.random(60)
    truth = x[:, 0] + rng.normal(size=60) > 0
    weights = fit_nil(x, truth.tolist(), counts.tolist())
    gradient = x.T @ (counts * (truth - 1 / (1 + numpy.exp(-x @ weights)))) - weights
    assert numpy.abs(gradient).max() < 1e-6 and weights[0] > 0.5


def test_only_stores_that_know_it_say_how_well_known_an_entity_is(tmp_path):
    stores = []
    for name in ("own", "known"):
        path = build_store([StoreRow(name, "en", "Paris", "LOC", 9.0)], tmp_path / name / STORE).path
        stores.append(EntityStore(path))
    stores[1].has_prominence = True
    assert [store.candidates("Paris", "en")[0].prominence for store in stores] == [None, 9.0]
    found = {match.id: match for match in StoreUnion(stores).candidates("Paris", "en")}
    assert (found["own"].prominence, found["known"].prominence) == (None, 9.0)
    assert found["known"].prior == 0.5
