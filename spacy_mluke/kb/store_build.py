"""Build an entity store from rows in any order, in bounded memory."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import warnings
from collections import Counter
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from ..errors import Errors, Warnings
from ..storage.files import replacing, temporary_path
from ..storage.sqlite import UnwritableFile, configure_for_writing
from ..vocabulary.database import Progress
from .name_keys import loose_key
from .store import EntityStore
from .store_format import ALIAS, FORMAT, INDEXES, KINDS, NAME, TABLES
from .store_rows import AnyRow, StoreClass, StoreDescription, StoreFact, StoreRow, check_prior, problem_of
from .store_sources import read_rows

_CACHE_KIB = 64 * 1024
_REPORT_EVERY = 10_000  # rows between two calls of `progress`
_NAME, _ALIAS = map(KINDS.index, (NAME, ALIAS))
_STAGE = """
    CREATE TABLE stage.rows (id TEXT, lang TEXT, name TEXT, kind INTEGER, type TEXT, prior REAL, entity_prior REAL);
    CREATE TABLE stage.keys (key TEXT, row INTEGER);
    CREATE TABLE stage.descriptions (id TEXT, lang TEXT, text TEXT);
    CREATE TABLE stage.classes (id TEXT, name TEXT);
    CREATE TABLE stage.facts (id TEXT, property TEXT, object TEXT);
"""
_TABLE_OF: Dict[Any, str] = {StoreDescription: "descriptions", StoreClass: "classes", StoreFact: "facts"}
_NUMBERS = (
    "CREATE TEMP TABLE numbers AS SELECT id, num FROM main.entities",
    "CREATE UNIQUE INDEX temp.by_text ON numbers (id)",
)
# The order of rows is kept, except that of facts.
_INSERTS = (
    """INSERT OR IGNORE INTO main.descriptions
        SELECT num, lang, text FROM stage.descriptions AS own JOIN numbers USING (id) ORDER BY own.rowid""",
    """INSERT INTO main.classes
        SELECT num, row_number() OVER (PARTITION BY num ORDER BY min(own.rowid)) - 1, name
        FROM stage.classes AS own JOIN numbers USING (id) GROUP BY num, name""",
    """INSERT OR IGNORE INTO main.facts
        SELECT subjects.num, own.property, objects.num FROM stage.facts AS own
        JOIN numbers AS subjects ON subjects.id = own.id JOIN numbers AS objects ON objects.id = own.object""",
    """INSERT OR IGNORE INTO main.outer_facts
        SELECT subjects.num, own.property, own.object FROM stage.facts AS own
        JOIN numbers AS subjects ON subjects.id = own.id WHERE own.object NOT IN (SELECT id FROM numbers)""",
    "DROP TABLE numbers",
)
# Sort the keys before inserting them: inserting into an index in random order reads and writes random disk pages.
_FINISH = ("INSERT INTO keys SELECT key, row FROM stage.keys ORDER BY key, row", *INDEXES)


def build_store(
    rows: Union[str, Path, Iterable[AnyRow]],
    target: Union[str, Path],
    *,
    source: object = "rows",
    facts: Iterable[Tuple[str, str, str]] = (),
    classes: Iterable[Tuple[str, str]] = (),
    is_checked: bool = False,
    progress: Optional[Progress] = None,
) -> EntityStore:
    """Write an entity store, in bounded memory for any number and order of rows.

    Whitespace around names is removed. If an entity has a name twice in a language, one is kept, with the greater
    prior. What contradicts another row, or is about an entity without a name, is skipped: a warning counts it (ML188).

    rows (Union[str, Path, Iterable[AnyRow]]): The names, and perhaps descriptions, finer types and facts; or the path
        of a table or of another source that `python -m spacy_mluke entities build` reads.
    target (Union[str, Path]): The file to write. It is created or replaced when it is complete.
    source (object): Source of the rows, for messages.
    facts (Iterable[Tuple[str, str, str]]): More facts: id of the subject, property, id of the object, which may be an
        entity of another store.
    classes (Iterable[Tuple[str, str]]): More finer types: id of an entity, name of a class.
    is_checked (bool): Whether `read_rows` has checked the rows.
    progress (Optional[Progress]): Called repeatedly with the stage, the amount done and the total (0 if unknown).
    RETURNS (EntityStore): The store.
    RAISES (ValueError): ML231 for a row without an id or a name, or with an invalid prior; ML232 if the store cannot be
        written.
    """
    target = Path(target)
    if isinstance(rows, (str, Path)):
        source, is_checked = rows, True
        rows = read_rows(Path(rows))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(target) as aside,
            temporary_path(target) as stage,
            contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as connection,
        ):
            connection.execute("ATTACH ? AS stage", (str(stage),))
            configure_for_writing(connection, cache_kib=_CACHE_KIB, schema="main")
            configure_for_writing(connection, cache_kib=_CACHE_KIB, schema="stage")
            connection.executescript(_STAGE + TABLES)
            connection.execute("BEGIN")
            put_other = _other_rows(connection)
            connection.executemany(
                "INSERT INTO stage.rows VALUES (?, ?, ?, ?, ?, ?, ?)",
                _checked(rows, source, is_checked, put_other, progress),
            )
            connection.executemany("INSERT INTO stage.facts VALUES (?, ?, ?)", facts)
            connection.executemany("INSERT INTO stage.classes VALUES (?, ?)", classes)
            skipped: Counter[str] = Counter()
            meta = _fill(connection, skipped, progress)
            _insert_others(connection, skipped)
            for step, statement in enumerate(_FINISH):
                if progress is not None:
                    progress("indexing", step, len(_FINISH))
                connection.execute(statement)
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.execute("COMMIT")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            if progress is not None:
                progress("indexing", len(_FINISH), len(_FINISH))
    except (sqlite3.Error, OSError) as err:
        raise UnwritableFile(Errors.ML232.format(target=target, reason=err), err) from err
    if skipped:
        counts = "; ".join(f"{n} {what}" for what, n in skipped.items())
        warnings.warn(Warnings.ML188.format(source=source, counts=counts), stacklevel=2)
    return EntityStore(target)


def _other_rows(connection: sqlite3.Connection) -> Callable[[AnyRow], None]:
    """Return a function that stages a description, a finer type or a fact."""

    def put(row: AnyRow) -> None:
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO stage.{_TABLE_OF[type(row)]} VALUES ({marks})", row)

    return put


def _checked(
    rows: Iterable[AnyRow],
    source: object,
    is_checked: bool,
    put_other: Callable[[AnyRow], None],
    progress: Optional[Progress],
) -> Iterator[Tuple[Any, ...]]:
    for n, row in enumerate(rows, 1):
        reason = "" if is_checked else problem_of(row)
        if reason:
            raise ValueError(Errors.ML231.format(path=source, line=n, reason=reason))
        if progress is not None and n % _REPORT_EVERY == 0:
            progress("rows", n, 0)
        if not isinstance(row, StoreRow):
            put_other(row)
            continue
        entity_id, lang, name, entity_type, prior, kind, entity_prior = row
        kind_number = KINDS.index(kind) if kind else None
        priors = check_prior(prior), check_prior(entity_prior)
        yield entity_id, lang or "", name.strip(), kind_number, entity_type or None, *priors


def _fill(connection: sqlite3.Connection, skipped: Counter[str], progress: Optional[Progress]) -> Dict[str, Any]:
    """Insert the staged rows, entity after entity, and return the store's counts."""
    languages: Counter[str] = Counter()
    types: Counter[str] = Counter()
    total = connection.execute("SELECT count(*) FROM stage.rows").fetchone()[0]
    rows = connection.execute(
        "SELECT id, lang, name, kind, type, prior, entity_prior FROM stage.rows ORDER BY id, rowid"
    )
    n_names = num = done = 0
    for num, (entity_id, group) in enumerate(groupby(rows, itemgetter(0)), 1):
        own = list(group)
        own_types = list(dict.fromkeys(row[4] for row in own if row[4]))
        entity_type = own_types[0] if own_types else ""
        if len(own_types) > 1:
            skipped["entities have rows with different types, and keep the first"] += 1
        priors = [row[6] for row in own if row[6] is not None]
        entity = (num, entity_id, entity_type, max(priors, default=None))
        connection.execute("INSERT INTO entities VALUES (?, ?, ?, ?)", entity)
        names = _names_of(own)
        connection.executemany("INSERT INTO names VALUES (?, ?, ?, ?, ?)", [(num, *name) for name in names])
        keys = [(loose_key(name), row) for row, (name, *_) in enumerate(names, n_names + 1)]
        connection.executemany("INSERT INTO stage.keys VALUES (?, ?)", keys)
        n_names += len(names)
        languages.update(name[1] for name in names)
        types[entity_type] += 1
        done += len(own)
        if progress is not None and done // _REPORT_EVERY != (done - len(own)) // _REPORT_EVERY:
            progress("sorting", done, total)
    return {
        "n_entities": num,
        "n_names": n_names,
        "languages": json.dumps(dict(sorted(languages.items()))),
        "types": json.dumps(dict(sorted(types.items()))),
    }


def _insert_others(connection: sqlite3.Connection, skipped: Counter[str]) -> None:
    """Insert the staged descriptions, finer types and facts."""
    for statement in _NUMBERS:
        connection.execute(statement)
    for table in _TABLE_OF.values():
        query = f"SELECT count(*) FROM stage.{table} WHERE id NOT IN (SELECT id FROM numbers)"
        (n_lost,) = connection.execute(query).fetchone()
        if n_lost:
            skipped[f"{table} are about entities without a name"] += n_lost
    for statement in _INSERTS:
        connection.execute(statement)
    (n_all,) = connection.execute("SELECT count(*) FROM (SELECT DISTINCT * FROM stage.descriptions)").fetchone()
    (n_kept,) = connection.execute("SELECT count(*) FROM main.descriptions").fetchone()
    n_second = n_all - n_kept - skipped["descriptions are about entities without a name"]
    if n_second:
        skipped["descriptions are the second of their entity in a language"] += n_second


def _names_of(rows: List[Tuple[Any, ...]]) -> List[Tuple[str, str, int, Optional[float]]]:
    """Distinct names of an entity, as they are stored: name, language, kind, prior."""
    names: Dict[Tuple[str, str, int], Tuple[int, Optional[float]]] = {}
    named = {row[1] for row in rows if row[3] == _NAME}
    for _, lang, name, kind, _, prior, _ in rows:
        if kind is None:
            kind = _ALIAS if lang in named else _NAME
            named.add(lang)
        # Other kinds are kept in addition to an equal name: titles are unique to an entity, names are not.
        key = name, lang, _NAME if kind in (_NAME, _ALIAS) else kind
        before = names.get(key)
        if before is not None:
            kind = min(kind, before[0])
            prior = max((p for p in (prior, before[1]) if p is not None), default=None)
        names[key] = kind, prior
    return [(name, lang, *rest) for (name, lang, _), rest in names.items()]
