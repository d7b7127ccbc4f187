"""Databases in the user's cache folders: their owners, locks and damage."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from spacy_mluke.kb import bundled
from spacy_mluke.kb.bundled import open_store
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.storage import fingerprint, user_folders
from spacy_mluke.storage.sqlite import UnwritableFile
from spacy_mluke.storage.user_folders import build_lock, is_trusted, is_writable
from spacy_mluke.vocabulary import database_cache as cache
from spacy_mluke.vocabulary.database_cache import open_database

NAMES = {"[MASK]": 0, "[PAD]": 1, "[UNK]": 2, "en:Tokyo": 3, "[MASK2]": 4}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The cache folder and the temporary folder; their store has one entity."""
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(user_folders.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(bundled, "read_rows", lambda path: [StoreRow("Q1490", "en", "Tokyo")])
    return user_folders.cache_folders()


def no_cache(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "file" / "cache"))


def plant(folder: Path, name: str) -> None:
    """Write another user's store, with the file that marks it as complete."""
    folder.mkdir(exist_ok=True)
    path = build_store([StoreRow("evil:1", "en", "Tokyo")], folder / name).path
    hash_file = bundled._hash_file(path)
    hash_file.write_text(cache.FileVersion(path).digest)


def linked(mention: str) -> list:
    return [match.id for match in open_store("world").candidates(mention)]


def test_built_files_are_accessible_to_the_user_only(folders):
    assert linked("Tokyo") == ["Q1490"]
    assert folders[0].stat().st_mode & 0o777 == 0o700
    assert sorted(path.suffix for path in folders[0].iterdir()) == [".blake2b", ".npz", ".sqlite"]


@pytest.mark.parametrize("place", ["old", "of_another", "link", "open"])
def test_a_store_of_another_user_is_not_used(folders, tmp_path, monkeypatch, place):
    name = open_store("world").path.name
    no_cache(tmp_path, monkeypatch)
    folder = tmp_path / "tmp" / "spacy_mluke" if place == "old" else folders[1]
    plant(tmp_path / "elsewhere" if place == "link" else folder, name)
    folder.parent.joinpath("spacy_mluke").mkdir(exist_ok=True)
    if place == "link":
        folder.symlink_to(tmp_path / "elsewhere")
    elif place == "open":
        folder.chmod(0o777)
    elif place == "of_another":
        folder.chmod(0o700)
        me = os.geteuid()
        monkeypatch.setattr(user_folders, "_user", lambda: me + 1)
        monkeypatch.setattr(user_folders, "temporary_cache", lambda: folder)
    if place == "old":
        assert linked("Tokyo") == ["Q1490"]
    else:
        with pytest.raises(ValueError, match="ML232"):
            linked("Tokyo")


def test_the_cache_may_belong_to_the_administrator_but_not_be_world_writable(folders, monkeypatch):
    cached = folders[0]
    assert is_writable(cached) and is_trusted(cached)
    cached.chmod(0o777)
    assert not is_trusted(cached)
    cached.chmod(0o775)
    assert is_trusted(cached)
    owner = cached.stat().st_uid
    monkeypatch.setattr(user_folders, "_user", lambda: owner + 1)
    assert is_trusted(cached) == (owner == 0)
    assert not is_trusted(cached / "missing")


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "newer", "text", "folder", "no_seal", "hash_file"])
def test_a_damaged_store_in_the_cache_is_built_again(folders, damage):
    path = open_store("world").path
    hash_file = bundled._hash_file(path)
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
        assert open_store("world").path.parent == folders[1]
        assert path.is_dir()
        return
    if damage in ("no_seal", "hash_file"):
        hash_file.unlink() if damage == "no_seal" else hash_file.write_text("other")
    elif damage == "newer":
        path.write_bytes(content[:60] + (9999).to_bytes(4, "big") + content[64:])
    else:
        made = {"empty": b"", "cut": content[:-5000], "text": b"text" * 5000}
        path.write_bytes(made.get(damage, content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]))
    assert linked("Tokyo") == ["Q1490"]
    assert path.stat().st_size == len(content)


def test_a_full_disk_in_the_cache_falls_back_to_the_temporary_files(folders, monkeypatch):
    def build(rows, place, **options):
        if place.parent == folders[0]:
            raise UnwritableFile("[ML232]", "no room")
        return build_store(rows, place, **options)

    monkeypatch.setattr(bundled, "build_store", build)
    assert open_store("world").path.parent == folders[1]
    assert folders[1].stat().st_mode & 0o777 == 0o700
    # It is also found there the next time.
    monkeypatch.setattr(bundled, "build_store", None)
    assert open_store("world").path.parent == folders[1]


def test_a_full_disk_everywhere_is_an_error_with_the_reason(folders, monkeypatch):
    def build(rows, place, **options):
        raise UnwritableFile("[ML232]", "no room left")

    monkeypatch.setattr(bundled, "build_store", build)
    with pytest.raises(ValueError, match=r"ML232.*no room left"):
        open_store("world")


def test_concurrent_threads_build_it_once(folders, monkeypatch):
    built, all_there = [], threading.Barrier(4)
    build = bundled._build
    monkeypatch.setattr(bundled, "_build", lambda kind, place: built.append(place) or build(kind, place))
    found = []

    def work():
        all_there.wait()
        found.append(linked("Tokyo"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["Q1490"]] * 4
    assert len(built) == 1
    assert list(folders[0].glob("*.tmp")) == []


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "pipe", "folder"])
def test_a_lock_truncates_nothing_and_follows_no_link(tmp_path, kind):
    place, lock, other = tmp_path / "x", tmp_path / ".x.lock", tmp_path / "precious"
    other.write_text("precious")
    make = {
        "file": lambda: lock.write_text("precious"),
        "link": lambda: lock.symlink_to(other),
        "dangling": lambda: lock.symlink_to(tmp_path / "new"),
        "pipe": lambda: os.mkfifo(lock),
        "folder": lock.mkdir,
    }
    make[kind]()
    with build_lock(place):
        if kind == "file":
            assert lock.read_text() == "precious"
    assert other.read_text() == "precious"
    assert not (tmp_path / "new").exists()


# --- databases of entity vocabularies ---


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "checkpoint").mkdir()
    path = tmp_path / "checkpoint" / "entity_vocab.json"
    # Longer than the samples of its fingerprint.
    monkeypatch.setattr(fingerprint, "_SAMPLE", 1 << 10)
    path.write_text(json.dumps({**NAMES, **{f"en:{n:06}": n for n in range(5, 3000)}}, indent=1), encoding="utf8")
    return path


def test_an_edit_between_the_samples_is_detected(source):
    assert open_database(source, progress=print).get("en:000200") == 200
    content, sample = source.read_text(encoding="utf8"), cache.FileVersion(source).sample
    for entity_id in (201, 202):
        source.write_text(content.replace('"en:000200": 200', f'"en:000200": {entity_id}'), encoding="utf8")
        # Once with the current time, once with a time of an hour ago.
        if entity_id == 202:
            os.utime(source, ns=(0, source.stat().st_mtime_ns - 3600 * 10**9))
        assert cache.FileVersion(source).sample == sample
        assert open_database(source, progress=print).get("en:000200") == entity_id


def test_a_file_with_a_new_time_keeps_its_database(source):
    built = open_database(source, progress=print).path.stat().st_ino
    os.utime(source, ns=(0, 10**18))
    assert open_database(source, progress=print).path.stat().st_ino == built


def test_a_file_with_the_same_stamp_is_not_read_again(source, monkeypatch):
    os.utime(source, ns=(0, 10**18))
    open_database(source, progress=print)
    monkeypatch.setattr(cache.FileVersion, "digest", None)
    assert open_database(source).get("en:Tokyo") == 3


def test_a_full_disk_beside_the_checkpoint_falls_back_to_the_cache(source, tmp_path, monkeypatch):
    build = cache.build_database

    def fail_there(source, target, **options):
        if target.parent == source.parent:
            raise UnwritableFile("[ML063]", "no room")
        build(source, target, **options)

    monkeypatch.setattr(cache, "build_database", fail_there)
    assert open_database(source, progress=print).path.parent == tmp_path / "cache"
    assert [path.name for path in source.parent.iterdir()] == [source.name]


def test_a_database_in_a_world_writable_cache_is_not_used(source, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "is_writable", lambda folder: folder != source.parent and is_writable(folder))
    assert open_database(source, progress=print).path.parent == tmp_path / "cache"
    (tmp_path / "cache").chmod(0o777)
    assert cache.find_database(source) is None
    with pytest.raises(ValueError, match="ML063"):
        open_database(source, progress=print)


def test_leftovers_of_killed_builders_are_removed_by_the_next_build(tmp_path):
    source = tmp_path / "entity_vocab.json"
    source.write_text(json.dumps(NAMES), encoding="utf8")
    left = tmp_path / f".{cache.DATABASE}.0123.tmp"
    left.write_bytes(b"half a database")
    open_database(source, progress=print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["entity_vocab.json", cache.DATABASE]


def test_a_process_that_waited_for_a_removed_lock_locks_the_new_file(tmp_path):
    entered: list = []
    most: list = []

    def build(number):
        with build_lock(tmp_path / "store.sqlite"):
            entered.append(number)
            most.append(len(entered))
            threading.Event().wait(0.01)
            entered.remove(number)

    threads = [threading.Thread(target=build, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1] * 8
    assert not list(tmp_path.iterdir())
