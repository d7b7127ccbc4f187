"""Build an entity store from rows in any order, in bounded memory."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections import Counter
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

from ..errors import Errors
from ..storage.files import replacing, temporary_path
from ..storage.sqlite import UnwritableFile, configure_for_writing
from ..vocabulary.database import Progress
from .name_keys import loose_key
from .store import EntityStore
from .store_format import ALIAS, FORMAT, INDEXES, KINDS, NAME, STEM, TABLES

_CACHE_KIB = 64 * 1024
_REPORT_EVERY = 10_000  # rows between two calls of `progress`
_NAME, _ALIAS, _STEM = map(KINDS.index, (NAME, ALIAS, STEM))
_STAGE = """
    CREATE TABLE stage.rows (id TEXT, lang TEXT, name TEXT, kind INTEGER, type TEXT, prior REAL, entity_prior REAL);
    CREATE TABLE stage.keys (key TEXT, row INTEGER);
"""
# Sort the keys before inserting them: inserting into an index in random order reads and writes random disk pages.
_FINISH = ("INSERT INTO keys SELECT key, row FROM stage.keys ORDER BY key, row", *INDEXES)


class StoreRow(NamedTuple):
    """One name of one entity, as input of `build_store`. The rows of an entity need not be adjacent."""

    id: str
    lang: str
    name: str
    type: str = ""  # the first type in an entity's rows is used
    prior: Optional[float] = None  # weight of the entity among those with this name
    # One of `store_format.KINDS`; if empty, the first row of a language is the name.
    kind: str = ""
    entity_prior: Optional[float] = None  # weight of the entity for names without a prior; the greatest is used


def build_store(
    rows: Iterable[StoreRow],
    target: Union[str, Path],
    *,
    source: object = "rows",
    facts: Iterable[Tuple[str, str, str]] = (),
    classes: Iterable[Tuple[str, str]] = (),
    progress: Optional[Progress] = None,
) -> EntityStore:
    """Write an entity store, in bounded memory for any number and order of rows.

    Whitespace around names is removed. If an entity has a name twice in a language, one is kept, with the greater
    prior.

    rows (Iterable[StoreRow]): The names.
    target (Union[str, Path]): The file to write. It is created or replaced when it is complete.
    source (object): Source of the rows, for messages.
    facts (Iterable[Tuple[str, str, str]]): Facts: id of the subject, property, id of the object. Those about unknown
        entities are skipped.
    classes (Iterable[Tuple[str, str]]): Finer types: id of an entity, name of a class.
    progress (Optional[Progress]): Called repeatedly with the stage, the amount done and the total (0 if unknown).
    RETURNS (EntityStore): The store.
    RAISES (ValueError): ML231 for a row without an id or a name, or with an invalid prior; ML232 if the store cannot be
        written.
    """
    target = Path(target)
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
            connection.executemany(
                "INSERT INTO stage.rows VALUES (?, ?, ?, ?, ?, ?, ?)", _checked(rows, source, progress)
            )
            meta = _fill(connection, progress)
            _insert_facts(connection, facts, classes)
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
    return EntityStore(target)


def check_prior(value: object) -> Optional[float]:
    """Convert a value to a prior.

    value (object): A number of 0 or more; None or an empty text for no prior.
    RETURNS (Optional[float]): The prior.
    RAISES (ValueError, TypeError, OverflowError): If it is not a prior.
    """
    if value is None or value == "":
        return None
    found = float(value)  # type: ignore[arg-type]
    if isinstance(value, bool) or not math.isfinite(found) or found < 0:
        raise ValueError(value)
    return found


def _checked(rows: Iterable[StoreRow], source: object, progress: Optional[Progress]) -> Iterator[Tuple[Any, ...]]:
    for n, row in enumerate(rows, 1):
        entity_id, lang, name, entity_type, prior, kind, entity_prior = row
        reason = ""
        if not isinstance(entity_id, str) or not entity_id:
            reason = "it has no id"
        elif not isinstance(name, str) or not name.strip():
            reason = f"it has no name for '{entity_id}'"
        elif not all(text is None or isinstance(text, str) for text in (lang, entity_type, kind)):
            reason = f"the language, type or kind of '{entity_id}' is not text"
        elif kind and kind not in KINDS:
            reason = f"'{kind}' is not a kind of name ({', '.join(KINDS)})"
        else:
            try:
                prior, entity_prior = check_prior(prior), check_prior(entity_prior)
                for text in (entity_id, name, lang or "", entity_type or ""):
                    text.encode("utf8")
            except UnicodeEncodeError:
                reason = f"the text of '{entity_id!a}' is not Unicode (a lone surrogate)"
            except (TypeError, ValueError, OverflowError):
                reason = f"a prior of '{entity_id}' is not a number of 0 or more"
        if reason:
            raise ValueError(Errors.ML231.format(path=source, line=n, reason=reason))
        if progress is not None and n % _REPORT_EVERY == 0:
            progress("rows", n, 0)
        kind_number = KINDS.index(kind) if kind else None
        yield entity_id, lang or "", name.strip(), kind_number, entity_type or None, prior, entity_prior


def _fill(connection: sqlite3.Connection, progress: Optional[Progress]) -> Dict[str, Any]:
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
        entity_type = next((row[4] for row in own if row[4]), "")
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


def _insert_facts(
    connection: sqlite3.Connection, facts: Iterable[Tuple[str, str, str]], classes: Iterable[Tuple[str, str]]
) -> None:
    numbers = dict(connection.execute("SELECT id, num FROM entities")) if facts or classes else {}
    connection.executemany(
        "INSERT OR IGNORE INTO facts VALUES (?, ?, ?)",
        (
            (numbers[subject], relation, numbers[object_])
            for subject, relation, object_ in facts
            if subject in numbers and object_ in numbers
        ),
    )
    places: Counter[str] = Counter()
    for entity_id, name in classes:
        if entity_id in numbers:
            connection.execute("INSERT INTO classes VALUES (?, ?, ?)", (numbers[entity_id], places[entity_id], name))
            places[entity_id] += 1


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
