"""Entity stores and databases that are manipulated or damaged."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
from pathlib import Path

import pytest

from spacy_mluke.kb.spacy_kb import StoreKB
from spacy_mluke.kb.store import EntityStore
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.vocabulary.database import EntityDatabase, build_database
from spacy_mluke.vocabulary.entity_vocabulary import EntityVocabulary

NAMES = {"[MASK]": 0, "[PAD]": 1, "[UNK]": 2, "en:Tokyo": 3, "ja:東京": 3, "[MASK2]": 4}
_ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT 'tokyo' AS key, x AS row FROM n"
# Manipulated tables, which SQLite opens without an error.
SCHEMAS = {
    "endless_view": f"DROP TABLE keys; CREATE VIEW keys AS {_ENDLESS}",
    "view": "ALTER TABLE keys RENAME TO k; CREATE VIEW keys AS SELECT key, row FROM k",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM names; END",
    "other_table": "CREATE TABLE more (x)",
    "other_index": "CREATE INDEX more ON names (upper(name))",
    "no_names": "DROP TABLE names",
    "no_keys": "DROP TABLE keys",
    "no_entities": "DROP TABLE entities",
    "no_meta": "DROP TABLE meta",
    "no_index": "DROP INDEX by_id",
    "no_column": "ALTER TABLE names DROP COLUMN prior",
    "computed_column": "ALTER TABLE names ADD COLUMN more AS (upper(name))",
    "older": "PRAGMA user_version = 1000",
    "newer": "PRAGMA user_version = 1004",
    "no_count": "DELETE FROM meta WHERE key = 'n_names'",
    "count_of_text": "UPDATE meta SET value = 'many' WHERE key = 'n_entities'",
    "negative_count": "UPDATE meta SET value = -1 WHERE key = 'n_entities'",
    "not_json": "UPDATE meta SET value = '{' WHERE key = 'languages'",
    "json_of_another_kind": "UPDATE meta SET value = '[1]' WHERE key = 'types'",
    "deep_json": f"UPDATE meta SET value = '{'[' * 100_000}' WHERE key = 'types'",
    "json_number": "UPDATE meta SET value = 5 WHERE key = 'types'",
}
ROWS = {
    "name_of_bytes": "UPDATE names SET name = x'00ff'",
    "name_not_utf8": "UPDATE names SET name = CAST(x'ff' AS TEXT)",
    "language_of_bytes": "UPDATE names SET lang = x'00'",
    "unknown_kind": "UPDATE names SET kind = 99",
    "kind_of_text": "UPDATE names SET kind = 'alias'",
    "prior_of_text": "UPDATE names SET prior = 'much'",
    "negative_prior": "UPDATE names SET prior = -0.5",
    "infinite_prior": "UPDATE names SET prior = 9e999",
    "type_of_bytes": "UPDATE entities SET type = x'00'",
    "id_of_bytes": "UPDATE entities SET id = x'00' WHERE num = 1",
    "entity_prior_of_text": "UPDATE entities SET prior = 'much'",
}


@pytest.fixture
def store(tmp_path) -> Path:
    rows = [
        StoreRow("Q1490", "en", "Tokyo", "city", 0.5),
        StoreRow("Q1490", "ja", "東京"),
        StoreRow("Q17", "en", "Japan"),
    ]
    return build_store(rows, tmp_path / "store.sqlite").path


def change(path: Path, script: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def read_all(path: Path) -> None:
    """Call every method that reads a store."""
    store = EntityStore(path)
    len(store), list(store.ids()), list(store), list(store.all_names()), store.get("Q1490"), "Q17" in store
    for match in ("exact", "case", "loose"):
        store.candidates("Tokyo", "en", match=match)
        store.candidates("東京")


@pytest.mark.parametrize("script", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_store_with_other_tables_is_a_coded_error(store, script):
    change(store, script)
    with pytest.raises(ValueError, match="ML230"):
        EntityStore(store)


@pytest.mark.parametrize("script", ROWS.values(), ids=ROWS.keys())
def test_a_row_with_invalid_values_is_a_coded_error(store, script):
    change(store, script)
    with pytest.raises(ValueError, match="ML230"):
        read_all(store)


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing", "empty", "text", "device"])
def test_a_path_that_is_not_a_store_file_is_a_coded_error(tmp_path, kind):
    path = tmp_path / "other"
    make = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "empty": path.touch, "missing": path.exists}
    make.update(text=lambda: path.write_text("text" * 4096), device=lambda: path.symlink_to("/dev/zero"))
    make[kind]()
    for opened, code in ((EntityStore, "ML230"), (EntityDatabase, "ML061"), (EntityVocabulary.from_json, "ML06")):
        with pytest.raises(ValueError, match=code):
            opened(path)
    with pytest.raises(ValueError, match="ML230"):
        StoreKB(None, 1).from_disk(path)  # type: ignore[arg-type]


def test_a_truncated_store_is_a_coded_error(store):
    content = store.read_bytes()
    for kept in range(0, len(content), len(content) // 40):
        store.write_bytes(content[:kept])
        with pytest.raises(ValueError, match="ML230"):
            read_all(store)


def test_tables_that_share_their_pages_are_a_coded_error(store):
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'entities')"
            " WHERE name = 'names'"
        )
    with pytest.raises(ValueError, match="ML230"):
        read_all(store)


def test_random_damage_is_a_coded_error_or_harmless(store):
    content, rng = store.read_bytes(), random.Random(0)
    n_found = 0
    for _ in range(100):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 6)):
            # Anywhere, or in the header of a page.
            offset = rng.choice([rng.randrange(len(damaged)), rng.randrange(8) * 4096 + rng.randrange(64)])
            damaged[offset % len(damaged)] = rng.randrange(256)
        store.write_bytes(damaged)
        try:
            read_all(store)
        except ValueError as err:
            assert "ML230" in str(err)
            n_found += 1
    assert n_found > 25


def test_an_endless_query_is_stopped(store):
    opened = EntityStore(store)
    with pytest.raises(ValueError, match=r"ML230.*interrupted"):
        opened.query(f"SELECT count(*) FROM ({_ENDLESS})")


# --- the database of an entity vocabulary ---


@pytest.fixture
def database(tmp_path) -> Path:
    source, target = tmp_path / "names.json", tmp_path / "names.sqlite"
    source.write_text(json.dumps(NAMES), encoding="utf8")
    build_database(source, target)
    return target


@pytest.mark.parametrize(
    "script",
    [
        "ALTER TABLE names RENAME TO n; CREATE VIEW names AS SELECT name, id FROM n",
        "DROP TABLE names",
        "DROP TABLE meta",
        "DROP INDEX by_name",
        "CREATE TABLE more (x)",
        "DELETE FROM meta WHERE key = 'n_ids'",
        "UPDATE meta SET value = 'x' WHERE key = 'n_ids'",
        "UPDATE meta SET value = 1.5 WHERE key = '[MASK]'",
        "PRAGMA ignore_check_constraints = ON; UPDATE names SET id = 'x'",
        "PRAGMA ignore_check_constraints = ON; UPDATE names SET id = -1",
        "UPDATE names SET id = 1000",
        "UPDATE names SET name = x'00'",
    ],
)
def test_a_database_with_another_content_is_a_coded_error(database, script):
    change(database, script)
    with pytest.raises(ValueError, match="ML061"):
        list(EntityDatabase(database).items())


def test_a_database_without_a_special_entity_is_a_coded_error(database):
    change(database, "DELETE FROM meta WHERE key = '[MASK]'")
    with pytest.raises(ValueError, match="ML060"):
        EntityDatabase(database)


def test_unknown_ids_have_no_names(database):
    opened = EntityDatabase(database)
    assert [opened.names(i) for i in (-1, 5, 2**70)] == [[], [], []]
