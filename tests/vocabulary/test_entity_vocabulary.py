"""The entity vocabulary: look-ups in memory and on disk, by threads and processes, and saving."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module
from spacy_mluke.vocabulary.database_cache import DATABASE
from spacy_mluke.vocabulary.entity_vocabulary import NAMES_FILE, EntityVocabulary
from tests.vocabulary.children import look_up

LITE = {"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}
NAMES = {
    "[PAD]": 0,
    "en:Tokyo": 5,
    "[MASK]": 7,
    "ja:東京": 5,
    "[UNK]": 2,
    "de:Tokio": 5,
    "en:Paris": 4,
    'en:"Weird Al" \\ Yankovic': 6,
    "ar:القاهرة": 3,
    "[MASK2]": 8,
}


@pytest.fixture
def on_disk(tmp_path: Path, monkeypatch) -> EntityVocabulary:
    """The vocabulary of NAMES, treated as a large one: its names are in SQLite."""
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    (tmp_path / NAMES_FILE).write_text(json.dumps(NAMES), encoding="utf8")
    return opened(tmp_path)


@pytest.fixture(params=["in_memory", "on_disk"])
def vocabulary(request) -> EntityVocabulary:
    if request.param == "on_disk":
        return request.getfixturevalue("on_disk")
    return EntityVocabulary.from_names(NAMES)


def opened(directory: Path) -> EntityVocabulary:
    made = EntityVocabulary.from_dir(directory)
    if not made.in_memory and (directory / NAMES_FILE).is_file():
        made.open(progress=print)
    return made


def test_special_ids_are_read_from_the_file_whatever_their_position(vocabulary):
    assert (vocabulary.pad_id, vocabulary.unk_id, vocabulary.mask_id, vocabulary.mask2_id) == (0, 2, 7, 8)


def test_lite_vocabulary_has_mask_at_zero(tmp_path):
    (tmp_path / NAMES_FILE).write_text(json.dumps(LITE), encoding="utf8")
    lite = EntityVocabulary.from_dir(tmp_path)
    assert lite.in_memory
    assert (lite.mask_id, lite.unk_id, lite.pad_id, lite.mask2_id) == (0, 1, 2, 3)
    assert len(lite) == lite.n_ids == 4


def test_names_are_looked_up(vocabulary):
    assert vocabulary["ja:東京"] == 5
    assert vocabulary['en:"Weird Al" \\ Yankovic'] == 6
    assert "ar:القاهرة" in vocabulary
    assert "en:Nowhere" not in vocabulary
    assert 5 not in vocabulary
    assert vocabulary.get("en:Nowhere") is None
    assert vocabulary.get("en:Nowhere", -1) == -1
    assert vocabulary.get("\ud800") is None
    assert len(vocabulary) == len(NAMES)
    assert vocabulary.n_ids == 9


def test_unknown_name_in_brackets_is_a_coded_key_error(vocabulary):
    with pytest.raises(KeyError, match="ML065"):
        vocabulary["en:Nowhere"]


def test_ids_of_unknown_names_are_unk(vocabulary):
    ids = vocabulary.ids(["en:Paris", "en:Nowhere", "[MASK]"])
    assert ids.dtype == numpy.int64
    assert ids.tolist() == [4, 2, 7]
    assert vocabulary.ids([]).shape == (0,)


def test_an_id_has_all_its_names(vocabulary):
    assert vocabulary.names(5) == ["de:Tokio", "en:Tokyo", "ja:東京"]
    assert vocabulary.names(numpy.int64(4)) == ["en:Paris"]
    assert vocabulary.names(99) == []


def test_items_are_sorted_by_name(vocabulary):
    assert list(vocabulary.items()) == sorted(NAMES.items())


def test_languages_are_counted(vocabulary):
    assert vocabulary.languages == {"ar": 1, "de": 1, "en": 3, "ja": 1}


def test_titles_without_a_language_have_none(tmp_path, monkeypatch):
    names = {**LITE, "Tokyo": 4, "Star Trek: Picard": 5, "iPhone": 6, "os: a tale": 7, "vi:": 8, "zoo": 9}
    assert EntityVocabulary.from_names(names).languages == {}
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    (tmp_path / NAMES_FILE).write_text(json.dumps(names), encoding="utf8")
    assert opened(tmp_path).languages == {}


def test_opening_a_large_vocabulary_builds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    (tmp_path / NAMES_FILE).write_text(json.dumps(NAMES), encoding="utf8")
    assert EntityVocabulary.from_dir(tmp_path).mask2_id == 8
    assert [p.name for p in tmp_path.iterdir()] == [NAMES_FILE]


def test_many_threads_share_a_vocabulary(on_disk):
    names = list(NAMES) * 50
    barrier = threading.Barrier(8)

    def work(_: int):
        barrier.wait()
        return on_disk.ids(names).tolist()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert results == [list(NAMES.values()) * 50] * 8


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_look_names_up(on_disk, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    assert on_disk["en:Tokyo"] == 5  # the parent's connection is open when the child starts
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=look_up, args=(on_disk, queue))
    child.start()
    assert queue.get(timeout=60) == ([5, 2], ["en:Paris"])
    child.join()
    assert on_disk.names(4) == ["en:Paris"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_look_names_up(vocabulary, duplicate):
    vocabulary.get("en:Tokyo")
    made = duplicate(vocabulary)
    assert made["en:Tokyo"] == 5
    assert made.special == vocabulary.special


def test_a_pickle_of_a_large_vocabulary_has_no_names(on_disk):
    on_disk.get("en:Tokyo")
    assert b"Tokyo" not in pickle.dumps(on_disk)


def test_written_json_equals_that_of_the_published_tokenizers(vocabulary, tmp_path):
    path = vocabulary.to_json(tmp_path / "out.json")
    expected = json.dumps(NAMES, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert path.read_bytes() == expected.encode("utf8")


def test_a_vocabulary_is_saved_and_loaded(vocabulary, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / NAMES_FILE).write_text(json.dumps(LITE), encoding="utf8")  # another checkpoint's
    file = vocabulary.to_dir(target)
    assert [p.name for p in target.iterdir()] == [file.name]
    assert file.name == (NAMES_FILE if vocabulary.in_memory else DATABASE)
    made = EntityVocabulary.from_dir(target)
    assert list(made.items()) == sorted(NAMES.items())
    assert made.special == vocabulary.special


def test_saving_onto_itself_keeps_the_vocabulary(on_disk, tmp_path):
    on_disk.to_dir(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [NAMES_FILE, DATABASE]
    assert EntityVocabulary.from_dir(tmp_path)["en:Paris"] == 4


def test_an_open_database_does_not_change_when_its_file_is_replaced(on_disk, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    made = EntityVocabulary.from_names({**LITE, "en:Paris": 9})
    made.to_json(other / NAMES_FILE)
    assert on_disk["en:Paris"] == 4
    opened(other).to_dir(tmp_path)
    assert on_disk["en:Paris"] == 4
    assert on_disk["en:Tokyo"] == 5


# Whatever JSON can hold, but for lone surrogates, which no UTF-8 file can.
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
vocabularies = st.dictionaries(names, st.integers(0, 2**40), max_size=20).map(
    lambda more: {**more, "[MASK]": 9, "[PAD]": 1, "[UNK]": 2, "[MASK2]": 10}
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(vocabularies, st.booleans(), st.sampled_from([None, 2]))
def test_any_names_survive_json_sqlite_and_json(tmp_path, monkeypatch, wanted: Dict[str, int], ascii, indent):
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    (tmp_path / NAMES_FILE).write_text(json.dumps(wanted, ensure_ascii=ascii, indent=indent), encoding="utf8")
    made = opened(tmp_path)
    assert dict(made.items()) == wanted
    assert made.ids(list(wanted)).tolist() == list(wanted.values())
    assert made.special == (9, 2, 1, 10)
    assert len(made) == len(wanted)
    assert json.loads(made.to_json(tmp_path / "again.json").read_text(encoding="utf8")) == wanted
