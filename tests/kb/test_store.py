"""Look-ups in an entity store, by any thread and process."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spacy_mluke.kb.name_keys import case_key, loose_key
from spacy_mluke.kb.store import STORE, Entity, EntityName, EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_sources import dump_line, parse_line
from tests.conftest import SAMPLES
from tests.kb.stores import ROWS, candidates


def test_an_entity_has_its_names_by_language(store):
    paris = store["Q90"]
    assert paris.type == "city"
    assert paris.names == (
        EntityName("Paris", "en", "name", 0.9),
        EntityName("Paris", "fr", "name", 0.95),
        EntityName("パリ", "ja", "name"),
        EntityName("City of Light", "en", "alias"),
    )
    assert (paris.name("ja"), paris.name("de"), store.name("Q2", "en")) == ("パリ", "Paris", "St. John’s")


def test_the_store_counts_its_content(store):
    assert (len(store), store.n_names) == (6, 9)
    assert store.languages == {"": 1, "en": 5, "es": 1, "fr": 1, "ja": 1}
    assert store.types == {"": 3, "city": 1, "film": 1, "hero": 1}
    assert list(store.ids()) == sorted({row.id for row in ROWS})
    assert ("パリ", "ja", "Q90") in store.all_names()


def test_an_unknown_entity_is_none_or_a_coded_error(store):
    assert store.get("Q1") is None and store.name("Q1") is None and "Q1" not in store and 1 not in store
    assert store.get("\ud800") is None
    with pytest.raises(KeyError, match="ML233"):
        store["Q1"]


def test_the_type_of_an_entity_is_found_by_each_of_its_ids(tmp_path):
    store = build_store([*ROWS, StoreRow("Q90", "", "geonames:2988507", kind="xref")], tmp_path / STORE)
    assert {own: store.type_of(own) for own in store.ids()} == {entity.id: entity.type for entity in store}
    assert store.type_of("geonames:2988507") == store.type_of("Q90") == "city"
    assert store.type_of("Q1") is None and store.type_of("\ud800") is None


def test_an_english_alias_is_shown_rather_than_a_label_in_a_language_that_was_not_asked_for():
    names = (EntityName("Neuguinea", "de"), EntityName("New Guinea", "en", "alias"), EntityName("Irian", "fr", "alias"))
    found = Entity("Q40285", names=names)
    assert [found.name(lang) for lang in ("de", "en", "fr", None)] == ["Neuguinea", "New Guinea", "Irian", "New Guinea"]
    assert Entity("Q40285", names=names[:1]).name("en") == "Neuguinea"


def test_candidates_of_one_name_have_probabilities_by_their_priors(store):
    assert candidates(store, "Paris", "en") == [("Q90", 0.9), ("Q167646", 0.1)]


def test_names_of_the_language_are_preferred_and_others_are_the_fallback(store):
    assert candidates(store, "Paris", "fr") == [("Q90", 1.0)]
    assert candidates(store, "Paris", "de") == candidates(store, "Paris") == [("Q90", 0.905), ("Q167646", 0.095)]
    assert candidates(store, "St. John’s", "en") == [("Q2", 1.0)]


def test_names_in_other_languages_may_count_less(store):
    wider = EntityStore(store.path, others=0.1)
    assert candidates(wider, "Paris", "fr") == [("Q90", 0.99), ("Q167646", 0.01)]
    assert candidates(wider, "St. John’s", "en") == [("Q2", 1.0)]


def test_the_strictest_spelling_that_finds_a_name_is_used(store):
    assert candidates(store, "US") == [("Q30", 1.0)]
    assert candidates(store, "us") == [("Q30", 0.5), ("Q99", 0.5)]
    assert candidates(store, "SAO TOME") == candidates(store, "Sa\u0303o  Tomé") == [("Q2887", 1.0)]
    assert candidates(store, "st johns") == [("Q2", 1.0)]
    assert candidates(store, "US", match="exact") == [("Q30", 1.0)]
    assert candidates(store, "us", match="exact") == candidates(store, "Sao Tome", match="case") == []
    with pytest.raises(ValueError, match=r"\[ML070\].*Did you mean 'loose'"):
        store.candidates("US", match="lose")


def test_unknown_mentions_have_no_candidates(store):
    for mention in ("Rome", "", " ", "\ud800", "\0", "'; DROP TABLE names"):
        assert store.candidates(mention) == []


def test_a_name_without_a_prior_gets_its_entitys_or_the_least(tmp_path):
    rows = [
        StoreRow("a", "en", "X", prior=6.0),
        StoreRow("b", "en", "X", entity_prior=3.0),
        StoreRow("b", "en", "Y", entity_prior=2.0),
        StoreRow("c", "en", "X"),
        *[StoreRow(entity_id, "en", "Z", prior=0.0) for entity_id in ("d", "e")],
    ]
    store = build_store(rows, tmp_path / STORE)
    assert candidates(store, "X") == [("a", 0.5), ("b", 0.25), ("c", 0.25)]
    assert candidates(store, "Z") == [("d", 0.5), ("e", 0.5)]


def test_a_file_that_is_not_a_store_is_a_coded_error(tmp_path, store):
    other = tmp_path / "other"
    with pytest.raises(ValueError, match=r"\[ML230\].*entities build"):
        EntityStore(other)
    other.write_bytes(b"not a database, but long enough to be looked at" * 10)
    with pytest.raises(ValueError, match=r"\[ML230\]"):
        EntityStore(other)
    store.to_disk(other)
    with sqlite3.connect(other) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(ValueError, match=r"\[ML230\].*format"):
        EntityStore(other)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
priors = st.none() | st.floats(0, 1e6)
all_names = st.lists(
    st.builds(EntityName, names.map(str.strip), st.sampled_from(["", "en", "ja"]), st.just("name"), priors),
    min_size=1,
    unique_by=lambda name: name[:2],
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entity_id=names, kind=st.text(st.characters(exclude_categories=["Cs"])), prior=priors, names=all_names)
@example("Q1", "", None, [EntityName(text.strip()) for text in SAMPLES.values() if text])
@example("Q1", "", None, [EntityName("a\0b"), EntityName("\ufeff"), EntityName("\u202eabc"), EntityName("...")])
def test_names_in_any_script_survive_the_store_and_json(tmp_path, entity_id, kind, prior, names):
    entity = Entity(entity_id, kind, prior, tuple(names))
    rows = list(parse_line(json.loads(dump_line(entity))))
    store = build_store(rows, tmp_path / STORE)
    assert store.get(entity_id) == entity
    for name in names:
        assert [match.id for match in store.candidates(name.name, name.lang)] == [entity_id]


@given(names)
def test_the_key_of_a_key_is_itself_and_case_does_not_change_it(name):
    assert loose_key(name)
    assert loose_key(loose_key(name)) == loose_key(name)
    assert loose_key(case_key(name)) == loose_key(name)


def test_threads_can_look_up_at_the_same_time(store):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: (candidates(store, "Paris"), store["Q90"].name("ja")), range(200)))
    assert results == [(candidates(store, "Paris"), "パリ")] * 200


def test_an_iterator_can_continue_in_another_thread(store):
    entities = iter(store)
    first = next(entities)
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(list, entities).result()
    assert [first, *rest] == list(store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_can_read_the_store_of_its_parent(store):
    expected = candidates(store, "Paris")
    pid = os.fork()
    if not pid:
        os._exit(0 if candidates(store, "Paris") == expected else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert candidates(store, "Paris") == expected


@pytest.mark.parametrize("make", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_copies_and_pickles_read_the_same(store, make):
    for original in (store, EntityStore.from_bytes(store.to_bytes())):
        assert list(make(original)) == list(store)


def test_a_store_from_bytes_deletes_its_temporary_file(store):
    other = EntityStore.from_bytes(store.to_bytes())
    path = other.path
    assert list(other) == list(store)
    del other
    assert not path.exists()


def test_an_open_store_does_not_change_when_its_file_is_built_again(store, tmp_path):
    build_store(ROWS[:1], tmp_path / STORE)
    assert len(list(store)) == 6
    assert len(EntityStore(tmp_path / STORE)) == 1
