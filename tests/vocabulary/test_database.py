"""Building the database of an entity vocabulary: location, concurrency, memory, invalid sources."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spacy_mluke.vocabulary import database_cache as cache
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module
from spacy_mluke.vocabulary.database import EntityDatabase, build_database
from spacy_mluke.vocabulary.database_cache import DATABASE, open_database
from spacy_mluke.vocabulary.entity_vocabulary import NAMES_FILE, EntityVocabulary

NAMES = {"[MASK]": 0, "[PAD]": 1, "[UNK]": 2, "en:Tokyo": 3, "ja:東京": 3, "[MASK2]": 4}


@pytest.fixture
def source(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    path = folder / NAMES_FILE
    path.write_text(json.dumps(NAMES), encoding="utf8")
    return path


def files(folder: Path):
    return sorted(p.name for p in folder.iterdir())


def test_first_look_up_builds_the_database_beside_the_file(source):
    made = EntityVocabulary.from_json(source)
    with pytest.warns(UserWarning, match="ML160"):
        assert made["en:Tokyo"] == 3
    assert files(source.parent) == [NAMES_FILE, DATABASE]


def test_an_existing_database_is_used(source):
    open_database(source, progress=print)
    before = (source.parent / DATABASE).stat().st_ino
    assert EntityVocabulary.from_json(source)["en:Tokyo"] == 3
    assert (source.parent / DATABASE).stat().st_ino == before


def test_a_copied_checkpoint_keeps_its_database(source, tmp_path):
    open_database(source, progress=print)
    copied = tmp_path / "copied"
    copied.mkdir()
    for path in source.parent.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    before = (copied / DATABASE).stat().st_ino
    open_database(copied / NAMES_FILE, progress=print)
    assert (copied / DATABASE).stat().st_ino == before


def test_database_is_built_again_when_the_file_has_changed(source):
    open_database(source, progress=print)
    source.write_text(json.dumps({**NAMES, "en:Tokyo": 4}), encoding="utf8")
    assert open_database(source, progress=print).get("en:Tokyo") == 4


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_database_is_built_again(source, content):
    (source.parent / DATABASE).write_bytes(content)
    assert open_database(source, progress=print).get("en:Tokyo") == 3


def test_with_a_read_only_checkpoint_the_database_is_in_the_users_cache(source, tmp_path, monkeypatch):
    # Root may write anywhere, so permissions alone would not show it.
    monkeypatch.setattr(cache, "is_writable", lambda folder: folder != source.parent and not folder.mkdir())
    database = open_database(source, progress=print)
    assert database.path.parent == tmp_path / "cache"
    assert files(source.parent) == [NAMES_FILE]
    assert open_database(source).path == database.path


def test_no_writable_folder_is_a_coded_error(source, monkeypatch):
    monkeypatch.setattr(cache, "is_writable", lambda folder: False)
    with pytest.raises(ValueError, match=r"ML063.*SPACY_MLUKE_CACHE"):
        open_database(source, progress=print)


def test_a_folder_that_cannot_be_created_is_not_writable(tmp_path):
    (tmp_path / "file").touch()
    assert not cache.is_writable(tmp_path / "file" / "folder")
    assert cache.is_writable(tmp_path / "new" / "folder")
    assert files(tmp_path / "new" / "folder") == []


def test_users_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("SPACY_MLUKE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.user_cache() == tmp_path / "spacy_mluke"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.user_cache() == Path.home() / ".cache" / "spacy_mluke"
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "own"))
    assert cache.user_cache() == tmp_path / "own"


def test_concurrent_threads_build_the_database_once(source, monkeypatch):
    built = []

    def counted(*args, **kwargs):
        built.append(threading.get_ident())
        build_database(*args, **kwargs)

    monkeypatch.setattr(cache, "build_database", counted)
    barrier = threading.Barrier(4)

    def work(_: int):
        barrier.wait()
        return open_database(source, progress=lambda *_: None).get("ja:東京")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [3] * 4
    assert len(built) == 1
    assert files(source.parent) == [NAMES_FILE, DATABASE]


def test_concurrent_processes_both_get_the_database(source):
    script = (
        "import sys; from pathlib import Path; from spacy_mluke.vocabulary.database_cache import open_database; "
        "print(open_database(Path(sys.argv[1]), progress=lambda *_: None).get('en:Tokyo'))"
    )
    root = str(Path(__file__).parents[2])
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(source)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": root},
        )
        for _ in range(2)
    ]
    assert [child.communicate(timeout=60)[0].split() for child in children] == [[b"3"]] * 2
    assert files(source.parent) == [NAMES_FILE, DATABASE]


@pytest.mark.parametrize(
    "content",
    [
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": 1.5}',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": "4"}',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": -4}',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": null}',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": {"id": 4}}',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": 99999999999999999999}',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": 4, "en:A": 5}',
        '[{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}]',
        '{"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3, "en:A": ' + "[" * 100_000,
    ],
    ids=["truncated", "float", "string", "negative", "null", "object", "huge", "twice", "list", "deep"],
)
def test_a_file_that_is_not_a_vocabulary_is_a_coded_error_and_leaves_no_database(source, content):
    source.write_text(content, encoding="utf8")
    made = EntityVocabulary.from_json(source)
    with pytest.raises(ValueError, match="ML062"):
        made.open(progress=print)
    assert files(source.parent) == [NAMES_FILE]


SPECIAL = '"[MASK]": 0, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3'


@pytest.mark.parametrize(
    "content",
    [
        b'{"[MASK]": 0',
        b"[]",
        b'{"[MASK]": -1, "[UNK]": 1, "[PAD]": 2, "[MASK2]": 3}',
        f'{{{SPECIAL}, "en:A": 4, "en:A": 5}}'.encode(),
        f'{{{SPECIAL}, "en:A": true}}'.encode(),
        f'{{{SPECIAL}, "en:A": 1{"0" * 30}}}'.encode(),
        f'{{{SPECIAL}, "en:A": 1{"0" * 5000}}}'.encode(),
        f'{{{SPECIAL}, "\\ud800": 4}}'.encode(),
        b'{"\xff": 1}',
        b'{"a":' * 100_000,
    ],
    ids=["cut", "list", "negative", "twice", "bool", "huge", "digits", "surrogate", "not_utf8", "deep"],
)
def test_a_small_file_that_is_not_a_vocabulary_is_a_coded_error(source, monkeypatch, content):
    monkeypatch.undo()
    source.write_bytes(content)
    with pytest.raises(ValueError, match="ML062"):
        EntityVocabulary.from_dir(source.parent)


def test_a_directory_without_a_vocabulary_is_a_coded_error(tmp_path):
    with pytest.raises(ValueError, match=r"ML064.*entity_vocab\.json"):
        EntityVocabulary.from_dir(tmp_path)


def test_a_damaged_database_without_its_source_is_a_coded_error(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"not a database, but long enough to be looked at" * 10)
    with pytest.raises(ValueError, match=r"ML061.*convert"):
        EntityVocabulary.from_dir(tmp_path)


def test_a_database_of_another_version_is_a_coded_error(source):
    open_database(source, progress=print)
    path = source.parent / DATABASE
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match=r"ML061.*99"):
        EntityDatabase(path)


def test_a_missing_database_is_a_coded_error(tmp_path):
    with pytest.raises(ValueError, match="ML061"):
        EntityDatabase(tmp_path / DATABASE)


def test_a_path_with_characters_of_urls_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    folder = tmp_path / "a?b#c%20 d"
    folder.mkdir()
    (folder / NAMES_FILE).write_text(json.dumps(NAMES), encoding="utf8")
    assert open_database(folder / NAMES_FILE, progress=print).get("en:Tokyo") == 3


def test_progress_is_reported_from_start_to_end(source):
    calls = []
    open_database(source, progress=lambda *call: calls.append(call))
    reading = [call for call in calls if call[0] == "reading"]
    assert reading[0] == ("reading", 0, source.stat().st_size)
    assert reading[-1] == ("reading", source.stat().st_size, source.stat().st_size)
    assert calls[-1] == ("indexing", 2, 2)


GROWTH = """
import resource, sys
from pathlib import Path
from spacy_mluke.vocabulary import database
database._CACHE_KIB = 4096
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)
source = Path(sys.argv[1])
before = peak()
database.build_database(source, source.with_suffix(".sqlite"))
opened = database.EntityDatabase(source.with_suffix(".sqlite"))
assert opened.n_names == 300_004
assert sum(1 for _ in opened.items()) == 300_004
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_vocabulary(tmp_path):
    pytest.importorskip("resource")
    path = tmp_path / NAMES_FILE
    with path.open("w", encoding="utf8") as file:
        file.write('{"[MASK]": 0, "[PAD]": 1, "[UNK]": 2')
        for i in range(300_000):
            file.write(f', "en:A title of quite some length, the {i * 7919 % 300_000}th": {3 + i // 10}')
        file.write(', "[MASK2]": 30003}')
    child = subprocess.run(
        [sys.executable, "-c", GROWTH, str(path)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    # The file has 17 MB, a dict of its names takes 45.
    assert int(child.stdout) < 16


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["on_disk", "in_memory"])
def test_an_id_outside_of_the_encoders_table_is_a_coded_error_at_its_look_up(source, monkeypatch, small):
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", small)
    open_database(source, progress=print)
    made = EntityVocabulary.from_json(source)
    made.n_rows = 3
    assert made["[UNK]"] == 2
    with pytest.raises(ValueError, match=r"ML332.*'en:Tokyo'.* 3 rows"):
        made.get("en:Tokyo")
    grown = made.grown({"en:Paris": 5})
    assert grown["en:Paris"] == 5
