"""Merge the mentions of entities and relations of all documents, by sorting on disk."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from itertools import groupby
from operator import itemgetter
from typing import Any, Iterable, Iterator, List, Optional, Tuple

from .confidence import Confidence
from .elements import MAX_NAMES
from .identifiers import document_prefix, relation_id, split_property
from .options import GraphOptions
from .staging import batches

# `first` and `last` are row ids: the mentions of an entity, or of a relation, follow each other.
_SCHEMA = """
    CREATE TABLE documents (key TEXT, lang TEXT, n_tokens INTEGER, n_characters INTEGER, n INTEGER, text_digest BLOB);
    CREATE TABLE mentions (
        entity TEXT, document TEXT, start INTEGER, end INTEGER, text TEXT, label TEXT, probability REAL,
        is_linked INTEGER
    );
    CREATE TABLE evidence (
        head TEXT, label TEXT, tail TEXT, text_digest BLOB, document TEXT, head_start INTEGER, head_end INTEGER,
        tail_start INTEGER, tail_end INTEGER, probability REAL
    );
    CREATE TABLE entities (
        key TEXT PRIMARY KEY, kb_id TEXT, name TEXT, type TEXT, names TEXT, types TEXT, n_names INTEGER,
        n_mentions INTEGER, n_documents INTEGER, mean_probability REAL, first INTEGER, last INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE relations (
        id TEXT, head TEXT, tail TEXT, label TEXT, name TEXT, property TEXT, n_mentions INTEGER, n_documents INTEGER,
        n_texts INTEGER, confidence REAL, max_probability REAL, mean_probability REAL, first INTEGER, last INTEGER
    );
"""
_KEY = "CASE WHEN {linked} THEN {key} ELSE {prefix} || {key} END"
_SORT_MENTIONS = f"""
    INSERT INTO mentions
    SELECT {_KEY.format(linked="m.is_linked", key="m.entity", prefix="d.prefix")}, d.key, m.start, m.end, m.text,
        m.label, m.probability, m.is_linked
    FROM read_mentions m CROSS JOIN sources d ON d.n = m.n
    ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
_SORT_RELATIONS = f"""
    INSERT INTO evidence
    SELECT {_KEY.format(linked="r.head_linked", key="r.head", prefix="d.prefix")}, r.label,
        {_KEY.format(linked="r.tail_linked", key="r.tail", prefix="d.prefix")}, d.text_digest, d.key, r.head_start,
        r.head_end, r.tail_start, r.tail_end, r.probability
    FROM read_relations r CROSS JOIN sources d ON d.n = r.n
    ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""


def merge(connection: sqlite3.Connection, options: GraphOptions, skipped: Counter) -> None:
    """Merge what `stage` has written into the tables `entities`, `relations`, `documents`, `mentions`, `evidence`.

    connection (sqlite3.Connection): The file.
    options (GraphOptions): How unlinked mentions are merged, and which entities and relations are kept.
    skipped (Counter): Counts documents, entities and relations that are left out, by reason.
    """
    connection.executescript(_SCHEMA)
    _merge_documents(connection, options, skipped)
    connection.execute(_SORT_MENTIONS)
    connection.execute("DROP TABLE read_mentions")
    connection.execute(_SORT_RELATIONS)
    connection.execute("DROP TABLE read_relations")
    _insert(connection, "entities", _entities(connection, options, skipped))
    _insert(connection, "relations", _relations(connection, options, skipped))
    if options.only_related:
        connection.executescript("CREATE TABLE related (key TEXT PRIMARY KEY) WITHOUT ROWID;")
        connection.execute("INSERT INTO related SELECT head FROM relations UNION SELECT tail FROM relations ORDER BY 1")
        cursor = connection.execute("DELETE FROM entities WHERE key NOT IN (SELECT key FROM related)")
        skipped["entities without a relation"] += cursor.rowcount


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[Tuple[Any, ...]]) -> None:
    for batch in batches(rows):
        marks = ", ".join("?" * len(batch[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)


def _merge_documents(connection: sqlite3.Connection, options: GraphOptions, skipped: Counter) -> None:
    """Sort documents by id and content. A document that was read twice is kept once; other documents with the same id
    get a suffix."""
    connection.executescript(
        "CREATE TABLE sources (n INTEGER PRIMARY KEY, key TEXT, prefix TEXT, text_digest BLOB);"
        "CREATE TABLE numbered (n INTEGER, key TEXT, lang TEXT, n_tokens INTEGER, n_characters INTEGER,"
        " text_digest BLOB);"
    )
    rows = connection.execute(
        "SELECT id, digest, max(lang), max(n_tokens), n_characters, text_digest, min(n), count(*) FROM read_documents"
        " GROUP BY id, digest ORDER BY id, digest"
    )

    def numbered() -> Iterator[Tuple[Any, ...]]:
        previous: Optional[str] = None
        for own_id, digest, lang, n_tokens, n_characters, text_digest, n, times in rows:
            skipped["documents that were read before"] += times - 1
            key = own_id
            if own_id == previous:
                skipped["same id"] += 1
                key = f"{own_id}#{digest.hex()}"
            previous = own_id
            yield n, key, lang, n_tokens, n_characters, text_digest

    _insert(connection, "numbered", numbered())
    connection.create_function("prefix", 1, document_prefix if options.unlinked == "document" else _no_prefix)
    connection.execute("INSERT INTO sources SELECT n, key, prefix(key), text_digest FROM numbered ORDER BY n")
    connection.execute(
        "INSERT INTO documents SELECT key, lang, n_tokens, n_characters, n, text_digest FROM numbered ORDER BY key"
    )
    connection.executescript("DROP TABLE numbered; DROP TABLE read_documents;")


def _no_prefix(key: str) -> str:
    return ""


def _entities(connection: sqlite3.Connection, options: GraphOptions, skipped: Counter) -> Iterator[Tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT rowid, entity, document, text, label, probability, is_linked FROM mentions ORDER BY rowid"
    )
    for key, mentions in groupby(rows, key=itemgetter(1)):
        texts: Counter = Counter()
        labels: Counter = Counter()
        n_documents, document, total, n_scored = 0, None, 0.0, 0
        first, last, linked = None, 0, False
        for row, _, own, text, label, probability, is_linked in mentions:
            first = row if first is None else first
            last, linked = row, bool(is_linked)
            n_documents += own != document
            document = own
            texts[text] += 1
            labels[label] += 1
            if probability is not None:
                total += probability
                n_scored += 1
        if n_documents < options.min_entity_support:
            skipped["entities in too few documents"] += 1
            continue
        names, types = _by_frequency(texts), [label for label in _by_frequency(labels) if label]
        yield (
            key,
            key if linked else "",
            names[0],
            types[0] if types else "",
            json.dumps(names[:MAX_NAMES]),
            json.dumps(types),
            len(names),
            sum(texts.values()),
            n_documents,
            round(total / n_scored, 6) if n_scored else None,
            first,
            last,
        )


def _by_frequency(counts: Counter) -> List[str]:
    return [value for value, _ in sorted(counts.items(), key=_order)]


def _order(item: Tuple[str, int]) -> Tuple[int, str]:
    value, count = item
    return -count, value


def _relations(connection: sqlite3.Connection, options: GraphOptions, skipped: Counter) -> Iterator[Tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT e.rowid, e.head, e.label, e.tail, e.text_digest, e.document, e.probability,"
        " h.key IS NOT NULL AND t.key IS NOT NULL"
        " FROM evidence e LEFT JOIN entities h ON h.key = e.head LEFT JOIN entities t ON t.key = e.tail"
        " ORDER BY e.rowid"
    )
    for (head, label, tail), mentions in groupby(rows, key=itemgetter(1, 2, 3)):
        found = Confidence()
        n_documents, document, first, last, has_ends = 0, None, None, 0, True
        for row, _, _, _, text, own, probability, are_kept in mentions:
            first = row if first is None else first
            last, has_ends = row, bool(are_kept)
            # Documents of one text follow each other, sorted by key.
            n_documents += own != document
            document = own
            found.add(text, probability)
        if not has_ends:
            skipped["relations of entities that were left out"] += 1
        elif n_documents < options.min_support:
            skipped["relations in too few documents"] += 1
        else:
            yield (
                relation_id(head, label, tail),
                head,
                tail,
                label,
                *split_property(label),
                found.n_mentions,
                n_documents,
                found.n_texts,
                *found.result(),
                first,
                last,
            )
