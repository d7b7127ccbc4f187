"""The bundled entity store."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_mluke.cli import app
from spacy_mluke.kb import bundled
from spacy_mluke.kb.bundled import open_store
from spacy_mluke.kb.candidate_sources import StoreCandidates
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.storage import user_folders


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def in_cache(cache, monkeypatch):
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(cache))


def test_the_bundled_store_has_thousands_of_entities_in_many_languages():
    store = open_store("world")
    assert len(store) > 3500
    assert len([lang for lang in store.languages if lang]) >= 24
    assert set(store.types) == {"COUNTRY", "CITY", "LANGUAGE", "CURRENCY", "CONTINENT"}


@pytest.mark.parametrize(
    ("name", "lang", "entity"),
    [
        ("Japan", "en", "iso3166:JP"),
        ("日本", "ja", "iso3166:JP"),
        ("Япония", "ru", "iso3166:JP"),
        ("Tokio", "de", "geonames:1850147"),
        ("Schweizer Franken", "de", "iso4217:CHF"),
        ("العربية", "ar", "iso639:ar"),
        ("Ευρώπη", "el", "m49:150"),
    ],
)
def test_names_have_the_expected_entities(name, lang, entity):
    assert open_store("world").candidates(name, lang)[0].id == entity


def test_every_entity_has_an_english_name():
    assert [e.id for e in open_store("world").entities() if not any(name.lang == "en" for name in e.names)] == []


def test_the_bundled_store_is_built_once_per_machine(cache, monkeypatch):
    first = open_store("world")
    assert first.path.parent == cache

    def build_again(*args, **kwargs):
        raise AssertionError("built again")

    monkeypatch.setattr(bundled, "build_store", build_again)
    assert open_store("world").path == first.path


def test_without_a_writable_cache_it_is_built_in_a_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(user_folders.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(bundled, "read_rows", lambda path: [StoreRow("Q1", "en", "One")])
    assert open_store("world").path.parent == tmp_path / f"spacy_mluke-{os.geteuid()}"


def test_no_writable_folder_is_a_coded_error(tmp_path, monkeypatch):
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "new"))
    monkeypatch.setattr(user_folders.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(bundled, "is_writable", lambda folder: False)
    with pytest.raises(ValueError, match="ML232"):
        open_store("world")


def test_a_file_with_its_name_is_preferred(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    build_store([StoreRow("Q1", "en", "One")], "world")
    assert len(open_store("world")) == 1


def test_a_source_of_candidates_opens_it_by_name():
    assert "iso3166:FR" in {entity.id for entity in StoreCandidates("world").entities()}


def test_the_command_line_opens_it_by_name():
    result = CliRunner().invoke(app, ["entities", "find", "world", "Luxembourg", "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert "iso3166:LU" in result.output
    assert "CITY" in result.output


def test_a_folder_with_its_name_is_ignored(tmp_path, monkeypatch):
    path = open_store("world").path
    monkeypatch.chdir(tmp_path)
    (tmp_path / "world").mkdir()
    assert open_store("world").path == path


# --- "knowledge" ---

ASSETS = Path(bundled.__file__).parent.parent / "assets" / "knowledge"


def test_the_files_of_knowledge_have_the_checksums_of_its_manifest():
    manifest = json.loads((ASSETS / "manifest.json").read_text(encoding="utf8"))
    assert set(manifest["sha256"]) == {own.name for own in ASSETS.glob("*.tsv*")}
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == digest
    assert sum((ASSETS / name).stat().st_size for name in manifest["sha256"]) <= 12e6


@pytest.fixture
def small_knowledge(tmp_path, monkeypatch):
    """The bundled knowledge base, with two entities."""
    lines = ["Q17\tLOC\t900\tiso3166:JP\t0\t=Japan\n", "Q1490\tLOC\t400\t\t0\t=Tokyo\n"]
    (tmp_path / "entities.tsv.xz").write_bytes(lzma.compress("".join(lines).encode()))
    (tmp_path / "facts.tsv.xz").write_bytes(lzma.compress(b"P17\tQ1490\tQ17\n"))
    (tmp_path / "classes.tsv").write_text("Q1\tplace\n", encoding="utf8")
    monkeypatch.setitem(bundled._SOURCES, "knowledge", tmp_path / "entities.tsv.xz")
    monkeypatch.setenv("SPACY_MLUKE_CACHE", str(tmp_path / "cache"))


def test_knowledge_is_opened_by_its_name(small_knowledge):
    store = open_store("knowledge")
    assert len(store) == 2 and store["iso3166:JP"].id == "Q17"
    assert store.facts("Q1490") == [("P17", "Q17")] and store.classes("Q17") == ["place"]


def test_a_change_of_any_file_of_knowledge_is_seen(small_knowledge, tmp_path):
    assert open_store("knowledge").classes("Q17") == ["place"]
    (tmp_path / "classes.tsv").write_text("Q1\tland\n", encoding="utf8")
    assert open_store("knowledge").classes("Q17") == ["land"]


def test_names_of_knowledge_in_other_languages_count_less(small_knowledge):
    assert open_store("knowledge").others_of["en"] == 0.1


def test_names_of_world_in_other_languages_do_not_count():
    assert open_store("world").others == 0.0


def test_names_in_other_languages_count_more_where_aliases_are_not_known(small_knowledge):
    store = open_store("knowledge")
    assert "de" not in store.others_of and store.others == 0.3


def test_the_index_of_its_names_is_read_from_the_cache(small_knowledge, monkeypatch):
    open_store("knowledge")

    def index_again(*args):
        raise AssertionError("indexed again")

    monkeypatch.setattr(bundled, "index_packed", index_again)
    assert len(StoreCandidates("knowledge").name_index().names(None).hashes) == 2


def test_a_lost_index_of_its_names_is_made_again(small_knowledge, tmp_path):
    open_store("knowledge")
    (written,) = (tmp_path / "cache").glob("*.npz")
    written.unlink()
    assert len(StoreCandidates("knowledge").name_index().names(None).hashes) == 2
    assert written.is_file()


def test_the_index_of_a_copy_in_a_saved_pipeline_is_read_from_the_cache(small_knowledge, tmp_path, monkeypatch):
    open_store("knowledge").to_disk(tmp_path / "copy.sqlite")
    changed = build_store([StoreRow("Q1", "en", "One")], tmp_path / "changed.sqlite")
    indexed = []
    monkeypatch.setattr(bundled.NameIndex, "of", indexed.append)
    assert len(bundled.open_index(EntityStore(tmp_path / "copy.sqlite")).hashes) == 2
    assert not indexed
    bundled.open_index(changed)
    assert len(indexed) == 1


def test_knowledge_is_not_copied_into_a_saved_pipeline(small_knowledge, tmp_path):
    source = StoreCandidates("knowledge")
    assert len(source) == 2
    source.to_disk(tmp_path / "saved")
    assert not (tmp_path / "saved").exists() and source.to_bytes() == b""


def test_a_store_that_was_loaded_is_saved_again(small_knowledge, tmp_path):
    own = build_store([StoreRow("Q1", "en", "One")], tmp_path / "one.sqlite")
    source = StoreCandidates("knowledge")
    source.from_bytes(own.to_bytes())
    assert len(StoreCandidates("knowledge")) == 2 and len(source) == 1
    assert source.to_bytes() == own.to_bytes()
