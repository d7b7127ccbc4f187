"""Several entity stores as one: candidates, priors, entities that are in several stores, saving."""

from __future__ import annotations

import pytest

from spacy_mluke.kb import bundled
from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.entities import Fact
from spacy_mluke.kb.store_build import build_store
from spacy_mluke.kb.store_rows import StoreClass, StoreDescription, StoreFact, StoreRow
from spacy_mluke.kb.store_union import StoreUnion
from tests.kb.stores import candidates

OWN = [
    StoreRow("p:nova", "en", "Nova", "PHONE"),
    StoreRow("p:acme", "en", "Acme", "ORG"),
    StoreRow("p:acme", "", "Q5", kind="xref"),
    StoreDescription("p:acme", "en", "a maker of phones"),
    StoreFact("p:nova", "maker", "p:acme"),
    StoreFact("p:nova", "country", "iso3166:NL"),
]
OTHER = [
    StoreRow("Q1", "en", "NOVA", "WORK", 3.0),
    StoreRow("Q2", "en", "Nova", "WORK", 1.0),
    StoreRow("Q3", "en", "Nova", "LOC", 3.0),
    StoreRow("Q5", "en", "Acme Corporation", "ORG"),
    StoreRow("Q55", "de", "Niederlande", "LOC"),
    StoreRow("Q55", "", "iso3166:NL", kind="xref"),
    StoreClass("Q5", "company"),
]


@pytest.fixture
def own(tmp_path):
    return build_store(OWN, tmp_path / "own.sqlite")


@pytest.fixture
def other(tmp_path):
    return build_store(OTHER, tmp_path / "other.sqlite")


@pytest.fixture
def union(own, other):
    return StoreUnion([own, other])


def test_each_store_has_the_same_weight_in_the_priors_of_a_name(union):
    assert candidates(union, "Nova", "en") == [("p:nova", 0.5), ("Q3", 0.375), ("Q2", 0.125)]


def test_of_equally_likely_candidates_those_of_the_first_store_come_first(own, other):
    assert [m.id for m in StoreUnion([other, own]).candidates("Acme")] == ["Q5"]
    other_first = StoreUnion([other, own]).candidates("Nova")
    assert [m.id for m in other_first] == ["p:nova", "Q3", "Q2"]


def test_a_name_as_it_is_written_precedes_an_inflected_one(tmp_path):
    german = build_store([StoreRow("Q64", "de", "Nova")], tmp_path / "a.sqlite")
    plural = build_store([StoreRow("p:1", "de", "Novas")], tmp_path / "b.sqlite")
    assert candidates(StoreUnion([german, plural]), "Novas", "de") == [("p:1", 1.0)]
    assert candidates(StoreUnion([german]), "Novas", "de") == [("Q64", 1.0)]


def test_an_entity_that_another_store_has_by_its_reference_is_one_entity(union):
    assert len(union) == 6 and len({*union.ids()}) == 6
    assert union.find_id("Q5") == "p:acme" and union["Q5"] == union["p:acme"]
    assert [name.name for name in union["p:acme"].names] == ["Acme", "Q5", "Acme Corporation"]
    assert candidates(union, "Acme Corporation") == [("p:acme", 1.0)]
    assert union.classes("Q5") == ["company"] and union.descriptions("Q5") == {"en": "a maker of phones"}
    assert {entity.id for entity in union} == {*union.ids()}


def test_the_type_of_an_entity_is_that_of_the_first_store_that_has_one(union, tmp_path):
    assert [union.type_of(own) for own in ("p:nova", "p:acme", "Q5", "Q3", "Q55", "nowhere")] == [
        "PHONE", "ORG", "ORG", "LOC", "LOC", None,
    ]  # fmt: skip
    rows = [StoreRow("p:nl", "en", "Holland"), StoreRow("p:nl", "", "Q55", kind="xref")]
    untyped = build_store([*rows, StoreRow("p:us", "en", "Us")], tmp_path / "untyped.sqlite")
    assert StoreUnion([untyped, union.stores[1]]).type_of("p:nl") == "LOC"
    assert StoreUnion([untyped, union.stores[1]]).type_of("p:us") == ""


def test_a_fact_names_an_entity_of_another_store(union):
    assert union.facts("p:nova") == [Fact("maker", "p:acme"), Fact("country", "Q55")]


def test_equal_ids_are_a_coded_error_unless_they_are_merged(own, tmp_path):
    copy = build_store([StoreRow("p:nova", "de", "Neue", "OTHER")], tmp_path / "copy.sqlite")
    with pytest.raises(ValueError, match=r"ML422.*'p:nova'"):
        StoreUnion([own, copy])
    merged = StoreUnion([own, copy], same_ids="merge")
    assert merged["p:nova"].type == "PHONE" and merged["p:nova"].name("de") == "Neue"


@pytest.mark.parametrize("paths", [[], ["a.sqlite", "a.sqlite"]], ids=["empty", "twice"])
def test_a_list_without_stores_or_with_one_twice_is_a_coded_error(paths):
    with pytest.raises(ValueError, match="ML423"):
        StoreCandidates(paths)


def test_the_names_of_each_store_are_found(own, other):
    source = StoreCandidates([own.path, other.path])
    index = source.name_index()
    assert set(index.type_names) == {"PHONE", "ORG", "WORK", "LOC"}
    # The first store has no German names, so that all of its names are used; the second one has.
    assert len(index.names("de").hashes) == 3


@pytest.mark.parametrize("how", ["disk", "bytes"])
def test_several_stores_are_saved_and_loaded(own, other, tmp_path, how):
    source, loaded = StoreCandidates([own.path, other.path]), StoreCandidates()
    if how == "disk":
        source.to_disk(tmp_path / "saved")
        loaded.from_disk(tmp_path / "saved")
    else:
        loaded.from_bytes(source.to_bytes())
    own.path.unlink(), other.path.unlink()
    assert candidates(loaded.store, "Nova", "en") == [("p:nova", 0.5), ("Q3", 0.375), ("Q2", 0.125)]
    again = StoreCandidates()
    again.from_bytes(loaded.to_bytes())
    assert len(again) == 6


def test_the_bundled_store_is_not_copied(own, other, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "spacy_mluke.kb.candidate_sources.open_store", lambda path: other if path == "knowledge" else own
    )
    monkeypatch.setattr("spacy_mluke.kb.store_files.open_store", lambda path: other)
    StoreCandidates([own.path, "knowledge"]).to_disk(tmp_path / "saved")
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == ["entities-1.sqlite", "stores.json"]
    loaded = StoreCandidates()
    loaded.from_disk(tmp_path / "saved")
    assert len(loaded) == 6


def test_a_saved_component_has_the_stores_of_its_last_saving(own, other, tmp_path):
    StoreCandidates([own.path, other.path]).to_disk(tmp_path / "saved")
    StoreCandidates(own.path).to_disk(tmp_path / "saved")
    loaded = StoreCandidates()
    loaded.from_disk(tmp_path / "saved")
    assert len(loaded) == len(own)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"stores": [], "same_ids": "error"}', '{"stores": ["../own.sqlite"], "same_ids": "error"}'],
    ids=["not_json", "list", "no_stores", "other_folder"],
)
def test_a_damaged_list_of_stores_is_a_coded_error(tmp_path, content):
    (tmp_path / "stores.json").write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match="ML316"):
        StoreCandidates().from_disk(tmp_path)


def test_knowledge_is_the_only_bundled_store_that_is_not_copied():
    assert bundled.is_knowledge_path("knowledge") and not bundled.is_knowledge_path("world")
