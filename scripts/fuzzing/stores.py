"""Target `stores`: damaged entity stores and vocabularies work, or raise an error with a code."""

from __future__ import annotations

import contextlib
import json
import math
import random
import shutil
import sqlite3
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple, cast

from spacy_mluke.kb.candidate_sources import KBCandidates, StoreCandidates
from spacy_mluke.kb.store import Entity, EntityStore, Match
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.kb.store_sources import read_rows
from spacy_mluke.vocabulary.database import EntityDatabase, build_database
from spacy_mluke.vocabulary.entity_vocabulary import EntityVocabulary

from .cases import Broken, Case, Target
from .mutations import HOSTILE, SHORT, damage_bytes, damage_text
from .texts import WORDS
from .tiny import ENTITIES

MENTIONS = ("Tokyo", "tokio", "東京", "Япония", "Японией", "Paris", "nobody", "", "\ud800", "a" * 3000, "e\u0301" * 500)
# SQL statements that the author of a file could have run; the database can still be opened after each.
STATEMENTS = (
    "UPDATE entities SET id = {value}", "UPDATE entities SET type = {value}", "UPDATE entities SET prior = {value}",
    "UPDATE names SET name = {value}", "UPDATE names SET kind = {value}", "UPDATE names SET entity = {value}",
    "UPDATE names SET prior = {value}", "UPDATE names SET lang = {value}", "UPDATE meta SET value = {value}",
    "UPDATE keys SET row = {value}", "UPDATE keys SET key = {value}", "UPDATE names SET id = {value}",
    "DELETE FROM meta", "DELETE FROM entities", "DROP TABLE names", "DROP TABLE keys", "DROP TABLE meta",
    "DROP TABLE entities", "DROP INDEX by_id", "PRAGMA user_version = 7", "ALTER TABLE names DROP COLUMN lang",
    "DROP TABLE keys; CREATE VIEW keys AS WITH RECURSIVE r(key, row) AS (SELECT 'tokyo', 1 UNION ALL "
    "SELECT key, row + 1 FROM r) SELECT key, row FROM r",
    "DROP TABLE names; CREATE VIEW names AS WITH RECURSIVE r(name, id) AS (SELECT 'en:Tokyo', 1 UNION ALL "
    "SELECT name, id + 1 FROM r) SELECT name, id FROM r",
    "DROP TABLE meta; CREATE VIEW meta AS SELECT 'n_names' AS key, 1 AS value",
    "CREATE TRIGGER t AFTER INSERT ON names BEGIN DELETE FROM names; END",
)  # fmt: skip
VALUES = ("NULL", "''", "x'00ff'", "1e400", "-1e400", "-1", "99999999999", "9223372036854775807", "'x'", "3.5")


@dataclass
class Shared:
    """Undamaged files, and their results."""

    store: Path
    answers: Any
    database: Path
    names: Any
    vocabulary: Path
    rows: List[Dict[str, Any]]


def prepare(folder: Path) -> Shared:
    """Build a store and a vocabulary's database."""
    rows = [
        StoreRow("Q1490", "en", "Tokyo", "CITY", 5.0), StoreRow("Q1490", "ja", "東京", "CITY"),
        StoreRow("Q1490", "de", "Tokio"), StoreRow("Q90", "en", "Paris", "CITY", 2.0),
        StoreRow("Q167646", "en", "Paris", "PERSON", 1.0), StoreRow("Q17", "ru", "Япония", "COUNTRY"),
        StoreRow("Q17", "ru", "Япони", kind="stem"),
    ]  # fmt: skip
    rows += [StoreRow(f"X{i}", "xx", word) for i, word in enumerate(WORDS * 3)]
    store = folder / "store.sqlite"
    build_store(rows, store)
    vocabulary = folder / "entity_vocab.json"
    names = {**ENTITIES, **{f"en:{word}{i}": 6 + i for i, word in enumerate(WORDS * 5)}}
    vocabulary.write_text(json.dumps(names), encoding="utf8")
    database = folder / "entity_vocab.sqlite"
    build_database(vocabulary, database)
    records = [
        {"id": row.id, "lang": row.lang, "name": row.name, "type": row.type, "prior": row.prior} for row in rows[:12]
    ]
    return Shared(store, ask_store(store), database, ask_database(database), vocabulary, records)


def run(shared: Shared, case: Case) -> Tuple[str, int]:
    """Damage one kind of file."""
    kinds: List[Callable[[Shared, random.Random, Path], str]] = [
        damage_store, damage_store, damage_store_bytes, damage_database, damage_vocabulary, damage_rows, damage_msgpack,
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return case.rng.choice(kinds)(shared, case.rng, case.folder), 0


def damage_store(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Damage the file of a store."""
    path = folder / "store.sqlite"
    how = _damage_sqlite(rng, shared.store, path)
    return _compare("store", ask_store(path), shared.answers, how)


def damage_store_bytes(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Damage a store that is loaded from bytes."""
    data, how = damage_bytes(rng, shared.store.read_bytes())
    source = StoreCandidates()
    source.from_bytes(data)
    return _compare("store from bytes", _answers(cast(EntityStore, source.store)), shared.answers, how)


def damage_database(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Damage the database of a vocabulary."""
    path = folder / "entity_vocab.sqlite"
    how = _damage_sqlite(rng, shared.database, path)
    return _compare("database", ask_database(path), shared.names, how)


def damage_vocabulary(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Damage an entity_vocab.json that is read into memory and built into a database."""
    path = folder / "entity_vocab.json"
    if rng.random() < 0.5:
        data, how = damage_bytes(rng, shared.vocabulary.read_bytes())
    else:
        data, how = damage_text(rng, json.loads(shared.vocabulary.read_text(encoding="utf8"))), "content"
    path.write_bytes(data)
    if rng.random() < 0.4:
        build_database(path, folder / "built.sqlite")
        return _compare("built database", ask_database(folder / "built.sqlite"), shared.names, how)
    vocabulary = EntityVocabulary.from_dir(folder)
    found = [vocabulary.get(name) for name in ("en:Tokyo", "[MASK]", "x", "\ud800")]
    if not all(one is None or (isinstance(one, int) and one >= 0) for one in found):
        raise Broken(f"ids of a vocabulary are {found}")
    _ = vocabulary.names(3), len(vocabulary), vocabulary.n_ids
    return "vocabulary read"


def damage_rows(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Damage the names that a store is built from."""
    suffix = rng.choice((".jsonl", ".json", ".tsv", ".csv"))
    path = folder / f"names{suffix}"
    rows = [dict(row) for row in shared.rows]
    for _ in range(rng.choice((0, 1, 2))):
        row = rng.choice(rows)
        row[rng.choice(list(row))] = rng.choice(HOSTILE)
    if suffix in (".jsonl", ".json"):
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        mark = "\t" if suffix == ".tsv" else ","
        text = "".join(
            mark.join(str(value) for value in row.values()) + "\n" for row in [dict.fromkeys(rows[0]), *rows]
        )
        text = mark.join(rows[0]) + "\n" + text.split("\n", 1)[1]
    data = text.encode("utf8", "surrogatepass")
    if rng.random() < 0.6:
        data, _ = damage_bytes(rng, data)
    path.write_bytes(data)
    if rng.random() < 0.2:
        path = path.rename(path.with_name(path.name + rng.choice((".gz", ".xz", ".bz2"))))
    store = build_store(read_rows(path), folder / "built.sqlite", source=path)
    _answers(store)
    return "store built"


def damage_msgpack(shared: Shared, rng: random.Random, folder: Path) -> str:
    """Return the bytes of a knowledge base: a map of file names to contents, or hostile values."""
    import srsly

    names = ("entities", "kb", "contents", "../x", "//tmp/x", "/x", "a/../../x", "", ".", "\x00", "C:\\x", "a\\..\\x")
    content: Any = {
        rng.choice(names): rng.choice((b"", b"\x80\x04.", rng.randbytes(50))) for _ in range(rng.randint(1, 3))
    }
    if rng.random() < 0.3:
        content = rng.choice(HOSTILE[:-3])
        content = content if not isinstance(content, int) or abs(content) < 2**63 else 1
        content = "x" if content == "\ud800" else content
    data = srsly.msgpack_dumps(content)
    if rng.random() < 0.4:
        data, _ = damage_bytes(rng, data)
    from spacy.vocab import Vocab

    source = KBCandidates()
    source.bind(Vocab())
    source.from_bytes(data)
    return "knowledge base read"


def ask_store(path: Path) -> Any:
    """Return the results of a store."""
    return _answers(EntityStore(path))


def _answers(store: EntityStore) -> Any:
    found = []
    for mention in MENTIONS:
        for lang in (None, "ja"):
            matches = store.candidates(mention, lang)
            for match in matches:
                is_one = isinstance(match, Match) and isinstance(match.id, str) and isinstance(match.prior, float)
                if not is_one or not math.isfinite(match.prior) or not -1e-9 <= match.prior <= 1 + 1e-9:
                    raise Broken(f"a candidate is {match}")
            found.append([tuple(match) for match in matches])
    entities = list(store.entities())
    for entity in entities[:100]:
        if not isinstance(entity, Entity) or not isinstance(entity.id, str) or not isinstance(entity.name("en"), str):
            raise Broken(f"an entity is {entity}")
    one = store.get("Q1490")
    return found, [entity.id for entity in entities], one and one.names, list(store.all_names()), len(store)


def ask_database(path: Path) -> Any:
    """Return the results of a vocabulary's database."""
    database = EntityDatabase(path)
    found = [database.get(name) for name in ("en:Tokyo", "en:Paris", "[MASK]", "nobody", "\ud800", "")]
    if not all(one is None or isinstance(one, int) for one in found):
        raise Broken(f"ids of a database are {found}")
    names = [database.names(i) for i in (0, 3, 4, 10**6)]
    return found, names, list(database.items()), database.first("en:"), database.count("a", "z"), database.n_ids


def _damage_sqlite(rng: random.Random, source: Path, target: Path) -> str:
    """Copy a database, and damage its bytes or its tables."""
    if rng.random() < 0.5:
        data, how = damage_bytes(rng, source.read_bytes())
        target.write_bytes(data)
        return how
    shutil.copyfile(source, target)
    with contextlib.closing(sqlite3.connect(target)) as connection:
        for _ in range(rng.choice((1, 1, 2))):
            with contextlib.suppress(sqlite3.Error):
                connection.executescript(rng.choice(STATEMENTS).format(value=rng.choice(VALUES)))
        connection.commit()
    return "tables"


def _compare(what: str, found: Any, expected: Any, how: str) -> str:
    if found == expected:
        return f"{what}: same answers"
    if how == SHORT:
        raise Broken(f"a truncated {what} gives other results than the complete one")
    return f"{what}: other answers"


TARGET = Target("stores", prepare, run, seconds=10.0)
