"""Collect mentions and relations in a temporary SQLite file, in the order in which they are read."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from itertools import islice
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from .documents import bounds_of, rounded
from .identifiers import is_linked, split_property, unlinked_key
from .options import GraphOptions

SCHEMA = """
    CREATE TABLE read_documents (
        n INTEGER PRIMARY KEY, id TEXT, digest BLOB, text_digest BLOB, lang TEXT, n_tokens INTEGER,
        n_characters INTEGER
    );
    CREATE TABLE read_mentions (
        n INTEGER, is_linked INTEGER, entity TEXT, start INTEGER, end INTEGER, text TEXT, label TEXT, probability REAL
    );
    CREATE TABLE read_relations (
        n INTEGER, head_linked INTEGER, head TEXT, tail_linked INTEGER, tail TEXT, label TEXT, head_start INTEGER,
        head_end INTEGER, tail_start INTEGER, tail_end INTEGER, probability REAL
    );
"""
# A letter or digit: mentions without one have no name.
_WORD = re.compile(r"[^\W_]")
_BATCH = 256  # documents
_DIGEST_SIZE = 16
Bounds = Tuple[int, int]
Node = Tuple[bool, str]  # whether it is linked, and its key


def stage(
    connection: sqlite3.Connection, records: Iterable[Dict[str, Any]], options: GraphOptions, skipped: Counter
) -> int:
    """Write documents to the tables of SCHEMA.

    connection (sqlite3.Connection): The file.
    records (Iterable[Dict[str, Any]]): The documents.
    options (GraphOptions): Which mentions and relations are kept.
    skipped (Counter): Counts mentions and relations that are left out, by reason.
    RETURNS (int): Number of documents.
    """
    connection.executescript(SCHEMA)
    n_docs = 0
    source = iter(records)
    while batch := list(islice(source, _BATCH)):
        rows: Tuple[List[Any], List[Any], List[Any]] = ([], [], [])
        for record in batch:
            _add(record, n_docs, options, skipped, *rows)
            n_docs += 1
        for table, values in zip(("documents", "mentions", "relations"), rows, strict=True):
            if values:
                marks = ", ".join("?" * len(values[0]))
                connection.executemany(f"INSERT INTO read_{table} VALUES ({marks})", values)
    return n_docs


def _add(
    record: Dict[str, Any],
    n: int,
    options: GraphOptions,
    skipped: Counter,
    documents: List[Any],
    mentions: List[Any],
    relations: List[Any],
) -> None:
    text = record["text"] or ""
    nodes: Dict[Bounds, Optional[Node]] = {}
    content: List[Any] = []
    for entity in record["entities"] or ():
        bounds = entity["start"], entity["end"]
        label, kb_id = entity.get("label") or "", entity.get("kb_id") or ""
        words, probability = text[slice(*bounds)], rounded(entity.get("score"))
        content.append((*bounds, label, kb_id, probability))
        nodes[bounds] = node = _keep_mention(words, label, kb_id, probability, options, skipped)
        if node is not None:
            mentions.append((n, *node, *bounds, words, label, probability))
    for relation in record["relations"] or ():
        label, probability = relation.get("label") or "", rounded(relation.get("score"))
        ends = [bounds_of(relation, end) for end in ("head", "tail")]
        content.append((*ends, label, probability))
        if not _keep_relation(label, probability, options, skipped):
            continue
        for bounds in ends:
            if bounds not in nodes:
                # A relation between spans that are no entities of the document.
                words = text[slice(*bounds)]
                nodes[bounds] = node = _keep_mention(words, "", "", None, options, skipped)
                skipped["added"] += 1
                if node is not None:
                    mentions.append((n, *node, *bounds, words, "", None))
        head, tail = (nodes[bounds] for bounds in ends)
        if head is None or tail is None:
            skipped["relations of mentions that were left out"] += 1
        elif head == tail:
            skipped["relations of an entity with itself"] += 1
        else:
            relations.append((n, *head, *tail, label, *ends[0], *ends[1], probability))
    text_digest = _digest(text)
    digest = _digest(json.dumps([text, content]))
    # A DocBin has no language; "xx" is that of pipelines for any language.
    lang = record.get("lang") or ""
    about = lang if lang != "xx" else "", record.get("n_tokens") or 0
    documents.append((n, record["id"], digest, text_digest, *about, len(text)))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf8", errors="surrogatepass"), digest_size=_DIGEST_SIZE).digest()


def _keep_mention(
    text: str, label: str, kb_id: str, probability: Optional[float], options: GraphOptions, skipped: Counter
) -> Optional[Node]:
    """Return the entity of a mention; None if the mention is left out."""
    linked = is_linked(kb_id)
    if not linked and not _WORD.search(text):
        skipped["mentions without a letter or digit"] += 1
    elif options.types and label not in options.types:
        skipped["mentions of other types"] += 1
    elif probability is not None and probability < options.min_mention_probability:
        skipped["mentions below the minimum probability"] += 1
    elif not linked and options.unlinked == "skip":
        skipped["mentions without a link"] += 1
    else:
        return linked, kb_id if linked else unlinked_key(text, label)
    return None


def _keep_relation(label: str, probability: Optional[float], options: GraphOptions, skipped: Counter) -> bool:
    if options.relations and not {label, *split_property(label)} & set(options.relations):
        skipped["relations with other labels"] += 1
    elif probability is not None and probability < options.min_probability:
        skipped["relations below the minimum probability"] += 1
    else:
        return True
    return False


def batches(rows: Iterable[Any], size: int = 1024) -> Iterator[List[Any]]:
    """Divide rows into lists.

    rows (Iterable[Any]): The rows.
    size (int): Maximum length of a list.
    YIELDS (List[Any]): Lists.
    """
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch
