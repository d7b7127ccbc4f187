"""The file format of an entity store: tables, queries, and checks of the rows."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, NamedTuple, Optional, Tuple

FORMAT = 1003  # far from the format numbers of entity vocabularies, so that the two files cannot be confused
# "xref": the entity's id in another register. "weak" and "common" repeat a name of the entity. A weak name means many
# things: it is linked where another component found it, but it is not searched. A common name is an ordinary word of
# the language: it is not found at the beginning of a sentence.
KINDS = ("name", "alias", "title", "stem", "xref", "weak", "common")
NAME, ALIAS, TITLE, STEM, CROSS_REFERENCE, WEAK, COMMON = KINDS

_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
_TABLES_1001 = f"""
    CREATE TABLE entities (num INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, prior REAL);
    CREATE TABLE names (entity INTEGER NOT NULL, name TEXT NOT NULL, lang TEXT NOT NULL, kind INTEGER NOT NULL,
                        prior REAL);
    CREATE TABLE keys (key TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (key, row)) WITHOUT ROWID;
    {_META}
"""
_TABLES_OF_FACTS = """
    CREATE TABLE facts (subject INTEGER NOT NULL, property TEXT NOT NULL, object INTEGER NOT NULL,
                        PRIMARY KEY (subject, property, object)) WITHOUT ROWID;
    CREATE TABLE classes (entity INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL,
                          PRIMARY KEY (entity, place)) WITHOUT ROWID;
"""
_TABLES_1002 = f"""
    {_TABLES_1001}
    {_TABLES_OF_FACTS}
"""
# Objects of the last table are ids in other stores.
_TEXTS = """
    CREATE TABLE descriptions (entity INTEGER NOT NULL, lang TEXT NOT NULL, text TEXT NOT NULL,
                               PRIMARY KEY (entity, lang)) WITHOUT ROWID;
    CREATE TABLE outer_facts (subject INTEGER NOT NULL, property TEXT NOT NULL, object TEXT NOT NULL,
                              PRIMARY KEY (subject, property, object)) WITHOUT ROWID;
"""
TABLES = f"""
    {_TABLES_1002}
    {_TEXTS}
"""
INDEXES = ("CREATE UNIQUE INDEX by_id ON entities (id)", "CREATE INDEX by_entity ON names (entity)")
SCHEMA = TABLES + ";".join(INDEXES)
# Stores of version 0.1.0, without facts and classes; and stores without descriptions and facts about other stores.
WITH_FACTS = 1002
OLDER = {1001: _TABLES_1001 + ";".join(INDEXES), WITH_FACTS: _TABLES_1002 + ";".join(INDEXES)}
# The bundled "knowledge", which is built in seconds and is a third of the size: an entity has its names in one text
# (see `packed_cells`), and the hashes of all keys are in sorted arrays, one for each value of their first bits.
PACKED = 2002
_PACKED_TABLES_2001 = f"""
    CREATE TABLE entities (num INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, prior REAL,
                           names TEXT NOT NULL);
    CREATE TABLE keys (part INTEGER PRIMARY KEY, hashes BLOB NOT NULL, places BLOB NOT NULL);
    CREATE TABLE refs (id TEXT PRIMARY KEY, entity INTEGER NOT NULL) WITHOUT ROWID;
    {_META}
    {_TABLES_OF_FACTS}
    {_TEXTS}
"""
# The keywords of an entity have spaces between them.
PACKED_TABLES = f"""
    {_PACKED_TABLES_2001}
    CREATE TABLE keywords (entity INTEGER PRIMARY KEY, words TEXT NOT NULL);
"""
PACKED_INDEX = INDEXES[0]
# Those without keywords may be in saved pipelines.
PACKED_SCHEMAS = {2001: _PACKED_TABLES_2001 + PACKED_INDEX, PACKED: PACKED_TABLES + PACKED_INDEX}

ENTITY = "SELECT num, id, type, prior FROM entities WHERE id = ? LIMIT 1"
ALL_ENTITIES = "SELECT num, id, type, prior FROM entities WHERE num > ? ORDER BY num LIMIT 10000"
FACTS_OF = """
    SELECT facts.property, entities.id FROM facts JOIN entities ON entities.num = facts.object
    WHERE facts.subject = ? ORDER BY facts.property, facts.object
"""
ANY_FACT = "SELECT 1 FROM facts LIMIT 1"
OUTER_FACTS_OF = "SELECT property, object FROM outer_facts WHERE subject = ? ORDER BY property, object"
ANY_OUTER_FACT = "SELECT 1 FROM outer_facts LIMIT 1"
DESCRIPTIONS_OF = "SELECT lang, text FROM descriptions WHERE entity = ? ORDER BY lang"
ANY_DESCRIPTION = "SELECT 1 FROM descriptions LIMIT 1"
KEYWORDS_OF = "SELECT words FROM keywords WHERE entity = ?"
CLASSES_OF = "SELECT name FROM classes WHERE entity = ? ORDER BY place"


class CandidateRow(NamedTuple):
    """A name that matches a mention, and its entity."""

    name: str
    lang: str
    prior: Optional[float]
    id: str
    entity_prior: Optional[float]
    type: str


class Meta(NamedTuple):
    """Counts of a store's content."""

    n_entities: int
    n_names: int
    languages: Dict[str, int]  # names by language
    types: Dict[str, int]  # entities by type


def check_row(row: Tuple[Any, ...], kinds: str) -> Tuple[Any, ...]:
    """Check the types of a row's values: SQLite stores any value in any column, and the file may not be trusted.

    row (Tuple[Any, ...]): The row.
    kinds (str): A letter for each value: "t" for text, "n" for a number, "k" for a kind of name, "p" for a prior.
    RETURNS (Tuple[Any, ...]): The row.
    RAISES (TypeError): For any other value.
    """
    for value, kind in zip(row, kinds, strict=True):
        if kind == "t":
            fits = isinstance(value, str)
        elif kind == "n":
            fits = isinstance(value, int)
        elif kind == "k":
            fits = isinstance(value, int) and 0 <= value < len(KINDS)
        else:
            fits = value is None or (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0)
        if not fits:
            raise TypeError(f"one of its rows contains {value!r:.40}")
    return row


def read_counts(meta: Dict[str, Any]) -> Meta:
    """Read the counts of a store's content.

    meta (Dict[str, Any]): Its table `meta`.
    RETURNS (Meta): The counts.
    RAISES (ValueError, KeyError, TypeError, RecursionError): If the table has other values.
    """
    found = Meta(meta["n_entities"], meta["n_names"], json.loads(meta["languages"]), json.loads(meta["types"]))
    counts = [found.n_entities, found.n_names, *found.languages.values(), *found.types.values()]
    for count in counts:
        if type(count) is not int or count < 0:
            raise TypeError(f"one of its counts is {count!r:.40}")
    return found
