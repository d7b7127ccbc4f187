"""The entity store: what it finds, that nothing is lost on the way in and out, and that anybody may read it at once."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import spacy
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from spacy.kb import InMemoryLookupKB

from spacy_mluke.kb.candidate_sources import KBCandidates
from spacy_mluke.kb.name_keys import case_key, loose_key
from spacy_mluke.kb.spacy_kb import StoreKB, build_store_kb_v1
from spacy_mluke.kb.store import STORE, Entity, EntityName, EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_rows import dump_line, parse_line, read_rows
from tests.conftest import SAMPLES

ROWS = [
    StoreRow("Q90", "en", "Paris", "city", 0.9),
    StoreRow("Q90", "fr", "Paris", prior=0.95),
    StoreRow("Q90", "ja", "パリ"),
    StoreRow("Q90", "en", "City of Light"),
    StoreRow("Q167646", "en", "Paris", "hero", 0.1),
    StoreRow("Q30", "en", "US"),
    StoreRow("Q99", "en", "Us", "film"),
    StoreRow("Q2887", "es", "São Tomé"),
    StoreRow("Q2", "", "St. John’s"),
]


@pytest.fixture
def store(tmp_path) -> EntityStore:
    return build_store(ROWS, tmp_path / STORE)


def found(store, *args, **kwargs):
    return [(match.id, round(match.prior, 3)) for match in store.candidates(*args, **kwargs)]


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


def test_the_store_says_what_it_holds(store):
    assert (len(store), store.n_names) == (6, 9)
    assert store.languages == {"": 1, "en": 5, "es": 1, "fr": 1, "ja": 1}
    assert store.types == {"": 3, "city": 1, "film": 1, "hero": 1}
    assert list(store.ids()) == sorted({row.id for row in ROWS})
    assert ("パリ", "ja", "Q90") in store.all_names()


def test_an_entity_that_is_not_there_is_none_or_a_coded_error(store):
    assert store.get("Q1") is None and store.name("Q1") is None and "Q1" not in store and 1 not in store
    assert store.get("\ud800") is None
    with pytest.raises(KeyError, match="ML233"):
        store["Q1"]


def test_candidates_share_a_name_by_their_priors(store):
    assert found(store, "Paris", "en") == [("Q90", 0.9), ("Q167646", 0.1)]


def test_names_of_the_language_come_first_and_others_are_better_than_none(store):
    assert found(store, "Paris", "fr") == [("Q90", 1.0)]
    assert found(store, "Paris", "de") == found(store, "Paris") == [("Q90", 0.905), ("Q167646", 0.095)]
    assert found(store, "St. John’s", "en") == [("Q2", 1.0)]


def test_the_strictest_spelling_that_finds_any_counts(store):
    assert found(store, "US") == [("Q30", 1.0)]
    assert found(store, "us") == [("Q30", 0.5), ("Q99", 0.5)]
    assert found(store, "SAO TOME") == found(store, "Sa\u0303o  Tomé") == [("Q2887", 1.0)]
    assert found(store, "st johns") == [("Q2", 1.0)]
    assert found(store, "US", match="exact") == [("Q30", 1.0)]
    assert found(store, "us", match="exact") == found(store, "Sao Tome", match="case") == []
    with pytest.raises(ValueError, match=r"\[ML070\].*Did you mean 'loose'"):
        store.candidates("US", match="lose")


def test_what_means_nothing_has_no_candidates(store):
    for mention in ("Rome", "", " ", "\ud800", "\0", "'; DROP TABLE names"):
        assert store.candidates(mention) == []


def test_a_name_without_prior_has_its_entitys_or_the_least(tmp_path):
    rows = [
        StoreRow("a", "en", "X", prior=6.0),
        StoreRow("b", "en", "X", entity_prior=3.0),
        StoreRow("b", "en", "Y", entity_prior=2.0),
        StoreRow("c", "en", "X"),
        *[StoreRow(entity_id, "en", "Z", prior=0.0) for entity_id in ("d", "e")],
    ]
    store = build_store(rows, tmp_path / STORE)
    assert found(store, "X") == [("a", 0.5), ("b", 0.25), ("c", 0.25)]
    assert found(store, "Z") == [("d", 0.5), ("e", 0.5)]


def test_a_name_given_twice_is_kept_once_with_the_greater_prior(tmp_path):
    rows = [StoreRow("a", "en", "X", prior=p, kind=kind) for p, kind in ((0.1, "alias"), (0.7, ""), (None, ""))]
    assert build_store(rows, tmp_path / STORE)["a"].names == (EntityName("X", "en", "name", 0.7),)


def test_a_title_stands_beside_the_name_that_it_equals(tmp_path):
    rows = [StoreRow("a", "en", "X"), StoreRow("a", "en", "X", kind="title")]
    store = build_store(rows, tmp_path / STORE)
    assert [name.kind for name in store["a"].names] == ["name", "title"]
    assert found(store, "X") == [("a", 1.0)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (StoreRow("", "en", "X"), "no id"),
        (StoreRow("a", "en", " \u3000"), "no name"),
        (StoreRow("a", "en", "X", prior=-1.0), "prior"),
        (StoreRow("a", "en", "X", prior=float("nan")), "prior"),
        (StoreRow("a", "en", "X", prior="much"), "prior"),
        (StoreRow("a", "en", "X", kind="nickname"), "nickname"),
        (StoreRow("a", "en", "\ud800"), "surrogate"),
        (StoreRow("a", "en", "X", prior=float("inf")), "prior"),
        (StoreRow("a", "en", "X", prior=True), "prior"),
        (StoreRow("a", "en", "X", entity_prior=10**400), "prior"),
        (StoreRow("a", "en", "X", prior=[1]), "prior"),
        (StoreRow("a", ["en"], "X"), "not text"),
        (StoreRow("a", "en", "X", {"city": 1}), "not text"),
        (StoreRow("a", "en", "X", kind=["alias"]), "not text"),
        (StoreRow(5, "en", "X"), "no id"),
        (StoreRow("a", "en", ["X"]), "no name"),
    ],
    ids=[
        "no_id",
        "no_name",
        "negative",
        "nan",
        "text",
        "kind",
        "surrogate",
        "inf",
        "bool",
        "huge",
        "prior_of_list",
        "lang_of_list",
        "type_of_dict",
        "kind_of_list",
        "id_of_number",
        "name_of_list",
    ],
)
def test_a_bad_row_is_a_coded_error_and_leaves_what_was_there(tmp_path, row, reason):
    before = build_store(ROWS, tmp_path / STORE)
    with pytest.raises(ValueError, match=rf"\[ML231\] 'mine', line 2: .*{reason}"):
        build_store([ROWS[0], row], tmp_path / STORE, source="mine")
    assert [path.name for path in tmp_path.iterdir()] == [STORE]
    assert len(EntityStore(tmp_path / STORE)) == len(before)


def test_a_building_that_is_killed_leaves_what_was_there_and_nothing_that_is_taken_for_a_store(tmp_path):
    target = tmp_path / "store.sqlite"

    def rows(n):
        yield from ROWS * 500
        os._exit(n)

    for before in (None, ROWS[:1]):
        if before is not None:
            build_store(before, target)
        child = os.fork()
        if child == 0:
            try:
                build_store(rows(9), target)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert target.exists() == (before is not None)
        left = [path for path in tmp_path.iterdir() if path != target]
        assert left and all(path.suffix == ".tmp" and path.name.startswith(".") for path in left)
        for path in left:
            with pytest.raises(ValueError, match="ML230"):
                EntityStore(path)
            with pytest.raises(ValueError, match="ML234"):
                list(read_rows(path))
    assert len(EntityStore(target)) == 1
    assert len(build_store(ROWS, target)) > 1


def test_a_disk_without_room_is_a_coded_error_and_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(ValueError, match="ML232"):
            build_store((StoreRow(f"Q{n}", "en", f"Name {n}" * 10) for n in range(3000)), tmp_path / STORE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_store_is_a_coded_error(tmp_path, store):
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


def test_a_place_that_cannot_be_written_to_is_a_coded_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"\[ML232\]"):
        build_store(ROWS, tmp_path / "file" / STORE)


def test_an_empty_store_is_a_store(tmp_path):
    store = build_store([], tmp_path / STORE)
    assert (len(store), list(store), store.candidates("Paris")) == (0, [], [])


def test_rows_need_not_stand_together(tmp_path, store):
    mixed = build_store(ROWS[::2] + ROWS[1::2], tmp_path / "mixed.sqlite")
    assert [(e.id, e.type, set(e.names)) for e in mixed] == [(e.id, e.type, set(e.names)) for e in store]


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
def test_keys_are_their_own_keys_and_do_not_hang_on_case(name):
    assert loose_key(name)
    assert loose_key(loose_key(name)) == loose_key(name)
    assert loose_key(case_key(name)) == loose_key(name)


def test_threads_look_up_at_once(store):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: (found(store, "Paris"), store["Q90"].name("ja")), range(200)))
    assert results == [(found(store, "Paris"), "パリ")] * 200


def test_an_iterator_may_go_on_in_another_thread(store):
    entities = iter(store)
    first = next(entities)
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(list, entities).result()
    assert [first, *rest] == list(store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_reads_what_its_parent_has_open(store):
    expected = found(store, "Paris")
    pid = os.fork()
    if not pid:
        os._exit(0 if found(store, "Paris") == expected else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert found(store, "Paris") == expected


@pytest.mark.parametrize("make", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_copies_and_pickles_read_the_same(store, make):
    for original in (store, EntityStore.from_bytes(store.to_bytes())):
        assert list(make(original)) == list(store)


def test_a_store_of_bytes_cleans_up_after_itself(store):
    other = EntityStore.from_bytes(store.to_bytes())
    path = other.path
    assert list(other) == list(store)
    del other
    assert not path.exists()


def test_an_open_store_stays_what_it_was_when_it_is_built_again(store, tmp_path):
    build_store(ROWS[:1], tmp_path / STORE)
    assert len(list(store)) == 6
    assert len(EntityStore(tmp_path / STORE)) == 1


# --- as spaCy's knowledge base ---


@pytest.fixture
def kb(store):
    return StoreKB(spacy.blank("en").vocab, 3, store)


def test_the_knowledge_base_gives_spacys_candidates(kb):
    doc = spacy.blank("en")("I love Paris")
    best, other = kb.get_candidates(doc[2:3])
    assert (best.entity_, best.alias_, round(best.prior_prob, 2)) == ("Q90", "Paris", 0.9)
    assert list(other.entity_vector) == [0.0, 0.0, 0.0]
    assert [len(list(found)) for found in kb.get_candidates_batch([doc[2:3], doc[0:1]])] == [2, 0]
    assert kb.contains_alias("paris") and kb.contains_entity("Q90") and not kb.contains_entity("Q1")


def test_the_knowledge_base_saves_its_store(kb, tmp_path):
    kb.to_disk(tmp_path / "kb")
    for other in (StoreKB(kb.vocab, 3).from_disk(tmp_path / "kb"), StoreKB(kb.vocab, 3).from_bytes(kb.to_bytes())):
        assert other.get_entity_strings() == kb.get_entity_strings()
    with pytest.raises(ValueError, match=r"\[ML236\]"):
        StoreKB(kb.vocab, 3).to_bytes()


def test_spacys_own_linker_links_with_a_store(store, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "LOC", "pattern": "Paris"}, {"label": "LOC", "pattern": "Rome"}])
    config = {
        "incl_context": False,
        "entity_vector_length": 1,
        "generate_empty_kb": {"@misc": "spacy-mluke.store_kb.v1", "path": str(store.path)},
    }
    linker = nlp.add_pipe("entity_linker", config=config)
    assert not linker.kb.is_empty()
    doc = nlp("Paris is not Rome.")
    assert [ent.kb_id_ for ent in doc.ents] == ["Q90", "NIL"]
    nlp.to_disk(tmp_path / "saved")
    store.path.unlink()
    again = spacy.load(tmp_path / "saved")("Paris is not Rome.")
    assert [ent.kb_id_ for ent in again.ents] == ["Q90", "NIL"]


def test_a_knowledge_base_without_its_file_is_empty():
    assert build_store_kb_v1(Path("nowhere.sqlite"))(spacy.blank("en").vocab, 1).is_empty()


GROWTH = """
import resource, sys
from spacy_mluke.kb import store_build
store_build._CACHE_KIB = 4096
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
name = "A name of quite some length, the {}th".format
rows = (store_build.StoreRow(f"Q{i * 7919 % 20_000}", "en", name(i)) for i in range(100_000))
before = peak()
store = store_build.build_store(rows, sys.argv[1])
assert (len(store), store.n_names) == (20_000, 100_000)
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_store(tmp_path):
    pytest.importorskip("resource")
    child = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path / STORE)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    # The names alone have 4 MB, the rows as Python objects 25.
    assert int(child.stdout) < 16


class _OtherKB(StoreKB):
    """A knowledge base of a kind that nobody here knows: it saves nothing that spaCy could read."""

    def to_disk(self, path, exclude=()):
        Path(path).mkdir(parents=True)


def kb_candidates(kb_class, store, **options):
    candidates = KBCandidates(lambda vocab: kb_class(vocab, 3, store, **options))
    candidates.bind(spacy.blank("en").vocab)
    return candidates


@pytest.mark.parametrize("way", ["disk", "bytes", "pickle"])
def test_a_store_that_set_kb_was_given_is_found_again_though_the_config_does_not_know_it(store, tmp_path, way):
    given = kb_candidates(StoreKB, store, match="exact", use_lang=True)
    other = KBCandidates()
    other.bind(spacy.blank("en").vocab)
    if way == "disk":
        given.to_disk(tmp_path)
        other.from_disk(tmp_path)
    elif way == "bytes":
        other.from_bytes(given.to_bytes())
    else:
        other = pickle.loads(pickle.dumps(given))
    doc = spacy.blank("en")("Paris paris")
    assert [[match.id for match in found][:1] for found in other([doc[:1], doc[1:]])] == [["Q90"], []]
    assert other.kb.use_lang


def test_a_knowledge_base_of_another_kind_than_the_config_says_is_refused(store, tmp_path):
    kb_candidates(_OtherKB, store).to_disk(tmp_path)
    other = KBCandidates()
    other.bind(spacy.blank("en").vocab)
    with pytest.raises(ValueError, match=r"\[ML333\].*generate_empty_kb"):
        other.from_disk(tmp_path)


def test_spacys_own_loader_fails_without_a_crash_on_a_store(kb, tmp_path):
    kb.to_disk(tmp_path / "kb")
    with pytest.raises(ValueError, match=r"strings\.json"):
        InMemoryLookupKB(kb.vocab, 3).from_disk(tmp_path / "kb")
