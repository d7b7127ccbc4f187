"""The packed knowledge base, and the store that is built of it."""

from __future__ import annotations

import lzma
import sqlite3
from contextlib import closing

import numpy
import pytest

from spacy_mluke.kb.name_index import NameIndex
from spacy_mluke.kb.packed import (
    CORRECTIONS,
    KEYWORDS,
    MERGED,
    MORE_ENTITIES,
    MORE_FACTS,
    read_packed_entities,
    read_packed_facts,
)
from spacy_mluke.kb.packed_build import build_packed
from spacy_mluke.kb.store import EntityStore, Fact
from tests.kb.packed_files import build_by_rows, write_packed

LINES = [
    "Q17\tLOC\t900\tiso3166:JP\t0\t=Japan\tja=日本\t~!en=Nippon",
    "Q1490\tLOC\t400\tgeonames:1850147\t1 2 0\t=Tokyo\tde,pl=Tokio\t~en:en=Edo",
    "Q1\tPER\t100\t\t\t=Anna=Bell",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_packed(tmp_path_factory.mktemp("packed"), LINES, ["P17\tQ1490\tQ17 Q999", "P36\tQ17\tQ1490"])


@pytest.fixture(scope="module")
def store(folder):
    return build_by_rows(folder, folder / "store.sqlite")


def test_names_are_found_in_their_languages(store):
    assert store["Q1490"].name("de") == "Tokio"
    assert store["Q1490"].name("fr") == "Tokyo"
    assert store["Q17"].name("ja") == "日本"
    assert store["Q1"].name() == "Anna=Bell"
    assert [match.id for match in store.candidates("Nippon", "en")] == ["Q17"]


def test_an_entity_is_found_by_its_id_in_another_register(store):
    assert store["iso3166:JP"].id == "Q17" and "geonames:1850147" in store
    assert store.get("iso3166:jp") is None
    assert store.candidates("iso3166:JP") == []


def test_facts_and_named_classes_are_those_of_known_entities(store):
    assert store.has_facts
    assert store.facts("Q1490") == [Fact("P17", "Q17"), Fact("P17", "Q999")]
    assert store.facts("Q1") == store.facts("Q2") == []
    assert store.classes("Q1490") == ["city", "country"]
    assert store.classes("Q1") == store.classes("Q2") == []


def test_candidates_have_types(store):
    (match,) = store.candidates("Tokyo")
    assert match.type == "LOC"


def test_further_entities_names_and_facts_are_in_files_of_their_own(tmp_path):
    folder = write_packed(tmp_path, LINES, ["P36\tQ17\tQ1490"])
    lines = ["Q1\tPER\t100\t\t\t~=Anne", "Q100\tPER\t64\t\t0\t=Bo"]
    for name, own in ((MORE_ENTITIES, lines), (MORE_FACTS, ["P27\tQ100\tQ17"])):
        (folder / name).write_bytes(lzma.compress("\n".join([*own, ""]).encode()))
    assert [entity.id for entity in read_packed_entities(folder)] == ["Q1", "Q100", "Q1490", "Q17"]
    store, _ = build_packed(folder, tmp_path / "store.sqlite")
    assert [match.id for match in store.candidates("Anne")] == [match.id for match in store.candidates("Anna=Bell")]
    assert store.facts("Q100") == [Fact("P27", "Q17")] and store.classes("Q100") == ["country"]
    assert len(store) == 4


def merged(folder, rows, entities=(), facts=()):
    (folder / MERGED).write_text("\n".join(["id\tqid", *rows, ""]), encoding="utf8")
    write_packed(folder, [*LINES, *entities], facts)
    return {entity.id: entity for entity in read_packed_entities(folder)}


def test_an_entity_under_the_id_of_another_register_is_merged_into_that_which_it_is(tmp_path):
    city = "geonames:1\tLOC\t500\t\t1\t=Tokyo\tko=도쿄"
    found = merged(tmp_path, ["geonames:1\tQ1490"], [city])
    assert "geonames:1" not in found
    assert found["Q1490"].prior == 500.0 and found["Q1490"].references == "geonames:1 geonames:1850147"
    store, _ = build_packed(tmp_path, tmp_path / "store.sqlite")
    assert store["geonames:1"].id == "Q1490" and store["Q1490"].name("ko") == "도쿄"
    assert [match.id for match in store.candidates("Tokyo")] == ["Q1490"]


def test_an_entity_gets_the_id_that_no_other_one_has(tmp_path):
    found = merged(tmp_path, ["geonames:1\tQ35765"], ["geonames:1\tLOC\t500\t\t1\t=Osaka"])
    assert found["Q35765"].references == "geonames:1" and found["Q35765"].names == "=Osaka"


def test_an_id_of_another_register_is_taken_from_a_namesake(tmp_path):
    found = merged(tmp_path, ["geonames:1850147\tQ1"])
    assert found["Q1490"].references == "" and found["Q1"].references == "geonames:1850147"


def test_facts_of_merged_entities_are_those_of_the_one_that_is_left(tmp_path):
    merged(
        tmp_path,
        ["geonames:1\tQ1490", "geonames:2\tQ17"],
        (),
        ["P131\tgeonames:1\tQ17 geonames:2", "P36\tQ17\tgeonames:1"],
    )
    assert list(read_packed_facts(tmp_path)) == [
        ("Q1490", "P131", "Q17"), ("Q1490", "P131", "Q17"), ("Q17", "P36", "Q1490")
    ]  # fmt: skip


def test_names_are_corrected(tmp_path):
    rows = ["Q17\tja=日本\t", "Q17\t=Japan\t~=Japan", "Q1490\t\ten=Tokyo City", "Q999\t\ten=Unknown"]
    (tmp_path / CORRECTIONS).write_text("\n".join(["id\tbefore\tafter", *rows, ""]), encoding="utf8")
    write_packed(tmp_path, LINES, [])
    found = {entity.id: entity.names for entity in read_packed_entities(tmp_path)}
    assert found["Q17"] == "~=Japan\t~!en=Nippon"
    assert found["Q1490"] == "=Tokyo\tde,pl=Tokio\t~en:en=Edo\ten=Tokyo City"


def test_keywords_are_those_of_known_entities(tmp_path):
    write_packed(tmp_path, ["geonames:1\tLOC\t500\t\t1\t=Osaka", *LINES], [])
    (tmp_path / MERGED).write_text("id\tqid\ngeonames:1\tQ35765\n", encoding="utf8")
    rows = "Q1490\tsumida ueno\ngeonames:1\tdotonbori\nQ999\tanna\n"
    (tmp_path / KEYWORDS).write_bytes(lzma.compress(rows.encode()))
    store, _ = build_packed(tmp_path, tmp_path / "store.sqlite")
    assert store.keywords("Q1490") == store.keywords("geonames:1850147") == ["sumida", "ueno"]
    assert store.keywords("Q35765") == ["dotonbori"]
    assert store.keywords("Q17") == store.keywords("Q999") == []


def test_a_store_of_named_rows_has_no_keywords(store):
    assert store.keywords("Q1490") == []


def test_a_packed_store_of_an_earlier_version_is_read(folder, tmp_path):
    path = tmp_path / "store.sqlite"
    build_packed(folder, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE keywords; PRAGMA user_version = 2001;")
    store = EntityStore(path)
    assert store["Q1490"].name("de") == "Tokio" and store.facts("Q17") == [Fact("P36", "Q1490")]
    assert store.keywords("Q1490") == []


def test_what_connects_two_merged_ids_is_no_fact(tmp_path):
    merged(tmp_path, ["geonames:1\tQ17"], (), ["P131\tgeonames:1\tQ17", "P17\tQ17\tQ17"])
    assert list(read_packed_facts(tmp_path)) == [("Q17", "P17", "Q17")]


def test_the_index_of_names_is_the_same_when_it_is_read(store, tmp_path):
    index = NameIndex.of(store.entities())
    index.write(tmp_path / "index.npz")
    other = NameIndex.read(tmp_path / "index.npz")
    assert other is not None
    for name in ("hashes", "langs", "types", "flags"):
        assert numpy.array_equal(getattr(index, name), getattr(other, name))
    assert other.languages == index.languages and other.type_names == index.type_names


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"text"])
def test_a_damaged_index_is_not_read(tmp_path, content):
    (tmp_path / "index.npz").write_bytes(content)
    assert NameIndex.read(tmp_path / "index.npz") is None
    assert NameIndex.read(tmp_path / "missing.npz") is None


def test_a_store_of_version_0_1_0_is_read(tmp_path):
    from spacy_mluke.kb.store_format import OLDER

    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLDER[1001])
        connection.executescript(
            """
            INSERT INTO entities VALUES (1, 'Q17', 'country', NULL);
            INSERT INTO names VALUES (1, 'Japan', 'en', 0, NULL);
            INSERT INTO keys VALUES ('japan', 1);
            INSERT INTO meta VALUES ('n_entities', 1), ('n_names', 1), ('languages', '{"en": 1}'), ('types', '{}');
            PRAGMA user_version = 1001;
            """
        )
        connection.commit()
    store = EntityStore(path)
    assert store.candidates("Japan")[0].id == "Q17"
    assert not store.has_facts and store.facts("Q17") == [] and store.classes("Q17") == []
