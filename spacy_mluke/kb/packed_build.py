"""Build the store of the packed knowledge base."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy

from ..errors import Errors, Warnings
from ..storage.files import replacing
from ..storage.sqlite import UnwritableFile, configure_for_writing
from .name_index import NameIndex
from .packed import PackedEntity, class_names, read_packed_entities, read_packed_facts, read_packed_keywords
from .packed_cells import PART_SHIFT, SEPARATOR, parse_head
from .packed_index import PackedKeys, index_packed
from .store import EntityStore
from .store_format import PACKED, PACKED_INDEX, PACKED_TABLES
from .store_names import NUMBER

_CACHE_KIB = 64 * 1024


def build_packed(folder: Path, target: Path) -> Tuple[EntityStore, NameIndex]:
    """Write the store of the packed knowledge base.

    folder (Path): The folder of its files.
    target (Path): The file to write. It is created or replaced when it is complete.
    RETURNS (Tuple[EntityStore, NameIndex]): The store, and the index of its names.
    RAISES (ValueError): ML232 if it cannot be written.
    """
    entities = read_packed_entities(folder)
    keys, index = index_packed(entities)
    numbers = {entity.id: number for number, entity in enumerate(entities, 1)}
    facts = list(read_packed_facts(folder))
    own = [(numbers[subject], name, object_) for subject, name, object_ in facts if subject in numbers]
    inner = {(subject, name, numbers[object_]) for subject, name, object_ in own if object_ in numbers}
    outer = {fact for fact in own if fact[2] not in numbers}
    references = {reference: n for n, entity in enumerate(entities, 1) for reference in entity.references.split()}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as aside, contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as connection:
            configure_for_writing(connection, cache_kib=_CACHE_KIB)
            connection.executescript(PACKED_TABLES)
            connection.execute("BEGIN")
            # Sorted rows are appended: each page is written once.
            _insert(connection, "entities", _entity_rows(entities))
            _insert(connection, "keys", _key_rows(keys))
            _insert(connection, "refs", sorted(references.items()))
            _insert(connection, "classes", _class_rows(entities, class_names(folder)))
            _insert(connection, "facts", sorted(inner))
            _insert(connection, "outer_facts", sorted(outer))
            _insert(connection, "keywords", _keyword_rows(read_packed_keywords(folder), numbers))
            _insert(connection, "meta", _counts(entities, keys.beginnings).items())
            connection.execute(PACKED_INDEX)
            connection.execute("COMMIT")
            connection.execute(f"PRAGMA user_version = {PACKED}")
    except (sqlite3.Error, OSError) as err:
        raise UnwritableFile(Errors.ML232.format(target=target, reason=err), err) from err
    if len(own) < len(facts):
        counts = f"{len(facts) - len(own)} facts are about entities without a name"
        warnings.warn(Warnings.ML188.format(source=folder, counts=counts), stacklevel=2)
    return EntityStore(target), index


def _insert(connection: sqlite3.Connection, table: str, rows: Any) -> None:
    (n_columns,) = connection.execute(f"SELECT count(*) FROM pragma_table_info('{table}')").fetchone()
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * n_columns)})", rows)


def _entity_rows(entities: Sequence[PackedEntity]) -> Iterator[Tuple[Any, ...]]:
    for number, entity in enumerate(entities, 1):
        yield number, entity.id, entity.type, entity.prior, entity.references + SEPARATOR + entity.names


def _key_rows(keys: PackedKeys) -> Iterator[Tuple[int, bytes, bytes]]:
    parts = (keys.hashes >> numpy.uint64(PART_SHIFT)).astype("int64")
    starts = numpy.flatnonzero(numpy.diff(parts, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(parts)], strict=True):
        hashes, places = (column[start:stop].astype(NUMBER).tobytes() for column in (keys.hashes, keys.places))
        yield int(parts[start]), hashes, places


def _class_rows(entities: Sequence[PackedEntity], names: Sequence[str]) -> Iterator[Tuple[int, int, str]]:
    for number, entity in enumerate(entities, 1):
        found = dict.fromkeys(names[int(own)] for own in entity.classes.split())
        for place, own in enumerate(filter(None, found)):
            yield number, place, own


def _keyword_rows(keywords: Mapping[str, str], numbers: Mapping[str, int]) -> List[Tuple[int, str]]:
    return sorted((numbers[entity_id], words) for entity_id, words in keywords.items() if entity_id in numbers)


def _counts(entities: Sequence[PackedEntity], beginnings: Dict[str, int]) -> Dict[str, Any]:
    """Return the counts of the store: a name is counted once for each language, and once more if it is weak."""
    languages: Counter[str] = Counter()
    types = Counter(entity.type for entity in entities)
    for beginning, n in beginnings.items():
        head = parse_head(beginning)
        for lang in (*head.langs, *head.common, *([""] if head.is_weak else [])):
            languages[lang] += n
    languages[""] += sum(len(entity.references.split()) for entity in entities)
    return {
        "n_entities": len(entities),
        "n_names": sum(languages.values()),
        "languages": json.dumps(dict(sorted(languages.items()))),
        "types": json.dumps(dict(sorted(types.items()))),
    }
