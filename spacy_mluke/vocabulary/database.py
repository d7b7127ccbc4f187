"""Entity names and ids in SQLite: built once from entity_vocab.json, then only read, by any thread and process."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import ijson

from ..errors import Errors
from ..storage.files import replacing
from ..storage.fingerprint import FileVersion, new_digest
from ..storage.sqlite import ReadOnlyDatabase, UnwritableFile, configure_for_writing
from .special_entities import NAMES, SpecialEntities, find_special_entities, special_from_names

Progress = Callable[[str, int, int], None]  # stage, amount done, total amount

_FORMAT = 1
MAX_ID = 1 << 62  # ids are smaller: int64 holds them
_BUFFER = 1 << 20
_CACHE_KIB = 64 * 1024
# The id has no declared type: with one, SQLite would convert "4" to 4.
_SCHEMA = """
    CREATE TABLE names (name TEXT NOT NULL, id NOT NULL CHECK (typeof(id) = 'integer' AND id >= 0));
    CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
"""
# Created after the rows, indexes are sorted on disk: names may be in any order, and memory stays bounded. The first
# index contains the id, so that a look-up by name reads only the index.
_INDEXES = ("CREATE INDEX by_name ON names (name, id)", "CREATE INDEX by_id ON names (id)")


class EntityDatabase(ReadOnlyDatabase):
    """A vocabulary on disk.

    path (Path): A file that `build_database` wrote. It is never written to.
    RAISES (ValueError): ML061 if the file is missing or is not such a database.
    """

    message = Errors.ML061
    version = _FORMAT
    schema = _SCHEMA + ";".join(_INDEXES)

    def __init__(self, path: Path):
        super().__init__(path)
        meta = self.read_meta()
        numbers = {name: meta[name] for name in ("n_names", "n_ids", *NAMES.values()) if name in meta}
        if not all(type(value) is int and 0 <= value <= MAX_ID for value in numbers.values()):
            raise self.damaged("a value in its table 'meta' is not a number")
        if "n_names" not in numbers or "n_ids" not in numbers:
            raise self.damaged("its numbers of names and ids are missing")
        self.source = str(meta.get("source", ""))  # hash of the source file
        self.stamp = str(meta.get("stamp", ""))  # time of its last change
        self.n_names: int = numbers["n_names"]
        self.n_ids: int = numbers["n_ids"]
        self.special = special_from_names(numbers, self.path)

    def get(self, name: str) -> Optional[int]:
        """Return the id of a name.

        name (str): The name.
        RETURNS (Optional[int]): Its id; None for an unknown name.
        """
        try:
            rows = self.query("SELECT id FROM names WHERE name = ? LIMIT 1", (name,))
        except UnicodeEncodeError:  # a lone surrogate, which a UTF-8 file cannot contain
            return None
        return self._id(rows[0][0]) if rows else None

    def names(self, entity_id: int) -> List[str]:
        """Return the names of an id.

        entity_id (int): The id.
        RETURNS (List[str]): Its names, sorted; empty for an unknown id.
        """
        if not 0 <= entity_id < self.n_ids:
            return []
        return [
            self._name(row[0]) for row in self.query("SELECT name FROM names WHERE id = ? ORDER BY name", (entity_id,))
        ]

    def items(self) -> Iterator[Tuple[str, int]]:
        """Return all names and their ids, sorted by name.

        YIELDS (Tuple[str, int]): Name and id.
        """
        # In several queries: with an open one, only this thread could use the iterator.
        query = "SELECT name, id FROM names WHERE name {} ? ORDER BY name LIMIT 10000"
        rows = self.query(query.format(">="), ("",))
        while rows:
            last = ""
            for name, entity_id in rows:
                yield self._name(name), self._id(entity_id)
                last = name
            rows = self.query(query.format(">"), (last,))
            if rows and self._name(rows[0][0]) <= last:
                raise self.damaged("its names are not in order")

    def first(self, start: str) -> Optional[str]:
        """Return the first name that is equal to a text or sorted after it.

        start (str): The text.
        RETURNS (Optional[str]): The name; None if there is none.
        """
        query = "SELECT name FROM names WHERE name >= ? ORDER BY name LIMIT 1"
        rows = self.query(query, (start,))
        if rows and self._name(rows[0][0]) < start:
            raise self.damaged("its names are not in order")
        return rows[0][0] if rows else None

    def count(self, start: str, end: str) -> int:
        """Count the names in a range.

        start (str): Start of the range, inclusive.
        end (str): End of the range, exclusive.
        RETURNS (int): Number of names.
        """
        query = "SELECT count(*) FROM names WHERE name >= ? AND name < ?"
        return self.query(query, (start, end))[0][0]

    def _name(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.damaged("a name in it is not text")
        return value

    def _id(self, value: object) -> int:
        if not isinstance(value, int) or not 0 <= value < self.n_ids:
            raise self.damaged(f"an id in it is {value!r:.40}, and there are {self.n_ids}")
        return value


def build_database(source: Path, target: Path, *, progress: Optional[Progress] = None) -> None:
    """Write the names of an entity_vocab.json into a database, in bounded memory for any size.

    source (Path): The entity_vocab.json: one object, name -> id; several names may have one id.
    target (Path): The file to write. It is created or replaced when it is complete.
    progress (Optional[Progress]): Called repeatedly with the stage and the bytes read.
    RAISES (ValueError): ML060 if a special entity is missing, ML062 if the source is not a vocabulary, ML063 if the
        database cannot be written.
    """
    special = find_special_entities(source)
    try:
        with (
            replacing(target) as aside,
            contextlib.closing(sqlite3.connect(aside, isolation_level=None)) as connection,
        ):
            _fill(connection, source, special, progress)
    except (ijson.JSONError, UnicodeError) as err:
        raise ValueError(Errors.ML062.format(path=source, reason=f"not valid JSON ({err})")) from err
    # A value that is not an integer, or that SQLite has no type for.
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError) as err:
        raise ValueError(Errors.ML062.format(path=source, reason=f"an id is not a number ({err})")) from err
    except (sqlite3.Error, OSError) as err:
        raise UnwritableFile(Errors.ML063.format(source=source, target=target, reason=err), err) from err


def _fill(
    connection: sqlite3.Connection,
    source: Path,
    special: SpecialEntities,
    progress: Optional[Progress],
) -> None:
    configure_for_writing(connection, cache_kib=_CACHE_KIB)
    connection.executescript(_SCHEMA)
    version = FileVersion(source)
    with source.open("rb") as file:
        tracked = _TrackedFile(file, source.stat().st_size, progress)
        names = _names_and_ids(ijson.basic_parse(tracked, buf_size=_BUFFER, use_float=True), source)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO names VALUES (?, ?)", names)
        connection.execute("COMMIT")
    for step, statement in enumerate(_INDEXES):
        if progress is not None:
            progress("indexing", step, len(_INDEXES))
        connection.execute(statement)
    twice = connection.execute("SELECT name FROM names GROUP BY name HAVING count(*) > 1 LIMIT 1").fetchone()
    if twice:
        raise ValueError(Errors.ML062.format(path=source, reason=f"'{twice[0]}' is there more than once"))
    (n_names, last) = connection.execute("SELECT (SELECT count(*) FROM names), max(id) FROM names").fetchone()
    if last is None:
        raise ValueError(Errors.ML062.format(path=source, reason="not an object"))
    if last >= MAX_ID:
        raise ValueError(Errors.ML062.format(path=source, reason=f"an id is {last}"))
    # The hash of the bytes that were read, even if the file has changed since.
    meta: Dict[str, Any] = {"source": tracked.digest.hexdigest(), "stamp": version.stamp}
    meta.update(n_names=n_names, n_ids=last + 1)
    meta.update({name: getattr(special, field) for field, name in NAMES.items()})
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.execute(f"PRAGMA user_version = {_FORMAT}")
    if progress is not None:
        progress("indexing", len(_INDEXES), len(_INDEXES))


def _names_and_ids(events: Iterator[Tuple[str, Any]], source: Path) -> Iterator[Tuple[str, Any]]:
    """Names and ids from the events of a JSON parser. Other values are refused before they are built: deeply nested
    lists would crash the process."""
    if next(events)[0] != "start_map":
        raise ValueError(Errors.ML062.format(path=source, reason="not an object"))
    name = ""
    for event, value in events:
        if event == "map_key":
            name = value
        elif event == "number":
            yield name, value
        elif event != "end_map":
            reason = f"an id is not a number (that of {name!a:.100} is a {event.removeprefix('start_')})"
            raise ValueError(Errors.ML062.format(path=source, reason=reason))


def add_names(path: Path, names: Mapping[str, int]) -> None:
    """Add names to a database that no process has open.

    path (Path): The database.
    names (Mapping[str, int]): Name -> id; none of them is in the database.
    RAISES (ValueError): ML063 if it cannot be written.
    """
    if not names:
        return
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            configure_for_writing(connection, cache_kib=_CACHE_KIB)
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO names VALUES (?, ?)", names.items())
            counted = "UPDATE meta SET value = (SELECT {} FROM names) WHERE key = ?"
            connection.execute(counted.format("count(*)"), ("n_names",))
            connection.execute(counted.format("max(id) + 1"), ("n_ids",))
            connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as err:
        raise ValueError(Errors.ML063.format(source=path, target=path, reason=err)) from err


class _TrackedFile:
    """A file that reports progress and hashes what is read."""

    def __init__(self, file: BinaryIO, size: int, progress: Optional[Progress]):
        self.file, self.size, self.progress = file, size, progress
        self.digest = new_digest()

    def read(self, n: int = -1) -> bytes:
        if self.progress is not None:
            self.progress("reading", self.file.tell(), self.size)
        data = self.file.read(n)
        self.digest.update(data)
        return data
