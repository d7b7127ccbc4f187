"""Entity names and ids in SQLite: built once from entity_vocab.json, read by any thread and process."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import ijson

from ..errors import Errors
from ..files import replacing
from .special import NAMES, SpecialEntities, find_special_entities, special_from_names
from .sqlite import ReadOnlyDatabase, quicken

Progress = Callable[[str, int, int], None]  # stage, how much is done, of how much

_FORMAT = 1
_BUFFER = 1 << 20
_CACHE_KIB = 64 * 1024
# The id has no declared type: with one, SQLite would take "4" for 4.
_SCHEMA = """
    CREATE TABLE names (name TEXT NOT NULL, id NOT NULL CHECK (typeof(id) = 'integer' AND id >= 0));
    CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
"""
# Indexes made afterwards are sorted on disk: names may come in any order, and memory stays bounded. The first
# holds the id, too, so that a look-up and a listing by name read nothing else.
_INDEXES = ("CREATE INDEX by_name ON names (name, id)", "CREATE INDEX by_id ON names (id)")


class EntityDatabase(ReadOnlyDatabase):
    """A vocabulary on disk.

    path (Path): A file that `build_database` wrote. It is never written to.
    RAISES (ValueError): ML061 if the file is missing or is not such a database.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        meta = self._meta()
        self.source: str = meta["source"]
        self.n_names: int = meta["n_names"]
        self.n_ids: int = meta["n_ids"]
        self.special = special_from_names({name: meta[name] for name in NAMES.values() if name in meta}, self.path)

    def get(self, name: str) -> Optional[int]:
        """Look up a name.

        name (str): The name.
        RETURNS (Optional[int]): Its id, None if there is no such name.
        """
        try:
            row = self._connection().execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
        except UnicodeEncodeError:  # a lone surrogate, which no UTF-8 file can hold
            return None
        return row[0] if row else None

    def names(self, entity_id: int) -> List[str]:
        """Look up an id.

        entity_id (int): The id.
        RETURNS (List[str]): Its names, sorted; none if there is no such id.
        """
        rows = self._connection().execute("SELECT name FROM names WHERE id = ? ORDER BY name", (entity_id,))
        return [row[0] for row in rows]

    def items(self) -> Iterator[Tuple[str, int]]:
        """All names and their ids, sorted by name.

        YIELDS (Tuple[str, int]): Name and id.
        """
        # In parts: an open statement would tie the iterator to this thread.
        query = "SELECT name, id FROM names WHERE name {} ? ORDER BY name LIMIT 10000"
        rows = self._connection().execute(query.format(">="), ("",)).fetchall()
        while rows:
            yield from rows
            rows = self._connection().execute(query.format(">"), (rows[-1][0],)).fetchall()

    def first(self, start: str) -> Optional[str]:
        """Find the first name that does not stand before a text.

        start (str): The text.
        RETURNS (Optional[str]): The name, None if all stand before.
        """
        query = "SELECT name FROM names WHERE name >= ? ORDER BY name LIMIT 1"
        row = self._connection().execute(query, (start,)).fetchone()
        return row[0] if row else None

    def count(self, start: str, end: str) -> int:
        """Count the names from one to another.

        start (str): The first that counts.
        end (str): The first that does not.
        RETURNS (int): How many.
        """
        query = "SELECT count(*) FROM names WHERE name >= ? AND name < ?"
        return self._connection().execute(query, (start, end)).fetchone()[0]

    def _meta(self) -> Dict[str, Any]:
        try:
            return self._read_meta(_FORMAT)
        except sqlite3.Error as err:
            raise ValueError(Errors.ML061.format(path=self.path, reason=err)) from err


def build_database(source: Path, target: Path, *, fingerprint: str, progress: Optional[Progress] = None) -> None:
    """Write the names of an entity_vocab.json into a database. Takes bounded memory, whatever the size.

    source (Path): The entity_vocab.json: one object, name -> id; several names may share an id.
    target (Path): The file to write. It appears when it is whole; one that is there is replaced.
    fingerprint (str): Kept in the database, to tell later whether it is this source's.
    progress (Optional[Progress]): Called now and then with the stage and the bytes read.
    RAISES (ValueError): ML060 if a special entity is missing, ML062 if the source is no vocabulary, ML063 if
        the database cannot be written.
    """
    special = find_special_entities(source)
    try:
        with (
            replacing(target) as aside,
            contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as connection,
        ):
            _fill(connection, source, special, fingerprint, progress)
    except (ijson.JSONError, UnicodeError) as err:
        raise ValueError(Errors.ML062.format(path=source, reason=f"not valid JSON ({err})")) from err
    # A value that is no integer, or one that SQLite has no type for.
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError) as err:
        raise ValueError(Errors.ML062.format(path=source, reason=f"an id is not a number ({err})")) from err
    except (sqlite3.Error, OSError) as err:
        raise ValueError(Errors.ML063.format(source=source, target=target, reason=err)) from err


def _fill(
    connection: sqlite3.Connection,
    source: Path,
    special: SpecialEntities,
    fingerprint: str,
    progress: Optional[Progress],
) -> None:
    quicken(connection, cache_kib=_CACHE_KIB)
    connection.executescript(_SCHEMA)
    size = source.stat().st_size
    with source.open("rb") as file:
        names = ijson.kvitems(_Counted(file, size, progress), "", buf_size=_BUFFER, use_float=True)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO names VALUES (?, ?)", names)
        connection.execute("COMMIT")
    for step, statement in enumerate(_INDEXES):
        if progress is not None:
            progress("indexing", step, len(_INDEXES))
        connection.execute(statement)
    twice = connection.execute("SELECT name FROM names GROUP BY name HAVING count(*) > 1 LIMIT 1").fetchone()
    if twice:
        raise ValueError(Errors.ML062.format(path=source, reason=f"'{twice[0]}' stands there more than once"))
    (n_names, last) = connection.execute("SELECT (SELECT count(*) FROM names), max(id) FROM names").fetchone()
    if last is None:
        raise ValueError(Errors.ML062.format(path=source, reason="not an object"))
    meta: Dict[str, Any] = {"source": fingerprint, "n_names": n_names, "n_ids": last + 1}
    meta.update({name: getattr(special, field) for field, name in NAMES.items()})
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.execute(f"PRAGMA user_version = {_FORMAT}")
    if progress is not None:
        progress("indexing", len(_INDEXES), len(_INDEXES))


def add_names(path: Path, names: Mapping[str, int]) -> None:
    """Add names to a database that nobody has open.

    path (Path): The database.
    names (Mapping[str, int]): Name -> id, none of them there yet.
    RAISES (ValueError): ML063 if it cannot be written.
    """
    if not names:
        return
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            quicken(connection, cache_kib=_CACHE_KIB)
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO names VALUES (?, ?)", names.items())
            counted = "UPDATE meta SET value = (SELECT {} FROM names) WHERE key = ?"
            connection.execute(counted.format("count(*)"), ("n_names",))
            connection.execute(counted.format("max(id) + 1"), ("n_ids",))
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as err:
        raise ValueError(Errors.ML063.format(source=path, target=path, reason=err)) from err


class _Counted:
    """A file that says how far it has been read."""

    def __init__(self, file: BinaryIO, size: int, progress: Optional[Progress]):
        self.file, self.size, self.progress = file, size, progress

    def read(self, n: int = -1) -> bytes:
        if self.progress is not None:
            self.progress("reading", self.file.tell(), self.size)
        return self.file.read(n)
