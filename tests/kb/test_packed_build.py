"""The store of the packed knowledge base: equal to one that is built row by row."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing

import numpy
import pytest

from spacy_mluke.kb.name_hashes import hash_key, hash_keys
from spacy_mluke.kb.name_index import NameIndex
from spacy_mluke.kb.packed_build import build_packed
from spacy_mluke.kb.packed_cells import names_in
from spacy_mluke.kb.store import EntityStore
from tests.kb.packed_files import build_by_rows, write_packed

LINES = [
    "Q17\tLOC\t900\tiso3166:JP m49:392\t0 1 0\t=Japan\tja,zh=日本\t~!en=Nippon\tde:de=Nihon\tru=Япония\tfi=Japani",
    "Q1490\tLOC\t400\tgeonames:1850147\t1 0\t=Tokyo\tde,pl=Tokio\t~en:en=Edo\tru=Токио\tcs,sk=Praha",
    "Q2\tPER\t100\t\t\t=Anna=Bell\t!en,fr=O’Neill\t~pt=São Tomé\tko=서울\tel=Ρώμη\thu=Éva",
    "Q3\tORG\t16\t\t1\ten,de=US\t~en=...\t=Tokyo\tda,nb=Oslo\t~hr=Edo",
]
MENTIONS = ["Japan", "japan", "日本", "Nippon", "nihon", "Tokyo", "Tokios", "O'Neill", "SAO TOME", "서울에서", "US"]
MENTIONS += ["us", "...", "Edo", "Ρώμης", "Япония", "Японии", "Praze", "Prahy", "m49:392", "nobody", "\ud800", ""]
MENTIONS += ["Évák"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    facts = ["P17\tQ1490\tQ999 Q17", "P36\tQ17\tQ1490", "P36\tQ17\tQ1490"]
    return write_packed(tmp_path_factory.mktemp("packed"), LINES, facts)


@pytest.fixture(scope="module")
def built(folder):
    return build_packed(folder, folder / "packed.sqlite")


@pytest.fixture(scope="module")
def store(built):
    return built[0]


@pytest.fixture(scope="module")
def reference(folder):
    return build_by_rows(folder, folder / "rows.sqlite")


def test_it_has_the_same_entities_names_facts_and_classes(store, reference):
    assert list(store) == list(reference)
    assert list(store.references()) == list(reference.references())
    assert list(store.all_names()) == list(reference.all_names())
    for entity_id in [*reference.ids(), "iso3166:JP", "Q999"]:
        assert store.get(entity_id) == reference.get(entity_id)
        assert store.facts(entity_id) == reference.facts(entity_id)
        assert store.classes(entity_id) == reference.classes(entity_id)
        assert store.type_of(entity_id) == reference.type_of(entity_id)


def test_a_name_with_two_cells_is_weak_once():
    found = list(names_in("\ten=Nihon\t!=Bell\t!de=Bell", 4.0))
    assert [(name.name, name.lang, name.kind) for name in found] == [
        ("Nihon", "en", "name"), ("Bell", "", "name"), ("Bell", "", "weak"), ("Bell", "de", "name"),
    ]  # fmt: skip


def test_it_has_the_same_counts(store, reference):
    for own in ("n_names", "languages", "types", "has_facts", "has_descriptions"):
        assert getattr(store, own) == getattr(reference, own), own
    assert len(store) == len(reference) == 4


@pytest.mark.parametrize("lang", [None, "en", "de", "ru", "cs", "xx"])
@pytest.mark.parametrize("match", ["exact", "case", "loose"])
def test_a_mention_has_the_same_candidates(store, reference, lang, match):
    for mention in MENTIONS:
        for inflections in (False, True):
            expected = reference.candidates(mention, lang, match=match, inflections=inflections)
            assert store.candidates(mention, lang, match=match, inflections=inflections) == expected, mention


@pytest.mark.parametrize("lang", [None, "en", "de", "ru", "cs", "pt"])
def test_its_index_has_the_same_names(built, reference, lang):
    expected = NameIndex.of(reference.entities())
    for types in (None, ["LOC"]):
        for own, other in zip(built[1].names(lang, types), expected.names(lang, types), strict=True):
            numpy.testing.assert_array_equal(own, other)


def test_copies_of_it_are_stores(store, tmp_path):
    store.to_disk(tmp_path / "copy.sqlite")
    copies = [EntityStore(tmp_path / "copy.sqlite"), EntityStore.from_bytes(store.to_bytes())]
    for copy in [*copies, *map(pickle.loads, map(pickle.dumps, copies))]:
        assert copy.candidates("Tokio", "de") == store.candidates("Tokio", "de") != []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE keys SET places = x'00'",
        "UPDATE keys SET hashes = 'text'",
        "UPDATE entities SET names = ''",
        "UPDATE entities SET names = 'x' || char(9) || 'y' || char(9) || 'z'",
        "UPDATE entities SET prior = 'much'",
        "DELETE FROM entities",
    ],
)
def test_a_damaged_one_has_its_error(store, tmp_path, change):
    store.to_disk(tmp_path / "damaged.sqlite")
    with closing(sqlite3.connect(tmp_path / "damaged.sqlite")) as connection:
        connection.execute(change)
        connection.commit()
    damaged = EntityStore(tmp_path / "damaged.sqlite")
    with pytest.raises(ValueError, match="ML230"):
        damaged.candidates("Tokyo")


def test_the_hash_of_a_key_is_that_of_keys():
    keys = ["a", "tokyo", "são tomé", "日本", "\U0001f600", "x" * 300]
    assert [hash_key(key) for key in keys] == hash_keys(keys).tolist()
