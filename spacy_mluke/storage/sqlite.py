"""SQLite files that are built once and then only read, by any thread and process."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

Row = Tuple[Any, ...]

_STEPS = 100_000  # instructions of SQLite's virtual machine between two calls of the progress handler
# A query reads each row a few times at most, and a row takes some bytes. A damaged file can make a query run for ever.
_STEPS_PER_BYTE = 8
_LONGEST = 1 << 28  # most bytes of a value


class UnwritableFile(ValueError):
    """Raised when a file cannot be written at this path; the caller may try another path.

    message (str): The coded message.
    reason (object): The reason that the message gives.
    """

    def __init__(self, message: str, reason: object):
        super().__init__(message)
        self.reason = reason


class ReadOnlyDatabase:
    """Queries a SQLite file that is finished and is never written again.

    The file need not be trusted: its schema must equal the expected one, so nothing in it is executed, and the steps of
    a query are limited. Each thread of each process opens its own connection at its first query, because SQLite's
    connections cannot cross threads or forks. A pickle or a copy holds only the path.

    path (Path): The file.
    """

    message: ClassVar[str]  # error for a file that is not such a database, with `path` and `reason`
    version: ClassVar[int]  # version of the format
    schema: ClassVar[str]  # SQL that creates the tables and indexes
    older: ClassVar[Mapping[int, str]] = {}  # schemas of older versions that can be read

    def __init__(self, path: Path):
        self.path = path.absolute()
        self._local = threading.local()

    def damaged(self, reason: object) -> ValueError:
        """Return the error for a damaged file.

        reason (object): What is wrong.
        RETURNS (ValueError): The error; the caller raises it.
        """
        return ValueError(self.message.format(path=self.path, reason=reason))

    def query(self, query: str, parameters: Sequence[Any] = ()) -> List[Row]:
        """Run a query and return all its rows.

        query (str): The query.
        parameters (Sequence[Any]): Its parameters.
        RETURNS (List[Row]): All rows.
        RAISES (ValueError): The class's `message` if the file is missing, damaged or of another format;
            UnicodeEncodeError for a parameter with a lone surrogate.
        """
        try:
            connection, steps = self._connection()
            steps.done = 0
            return connection.execute(query, parameters).fetchall()
        # sqlite3 also decodes its error messages, which may quote the file's content.
        except (sqlite3.Error, OSError, UnicodeDecodeError) as err:
            raise self.damaged(err) from err

    def _connection(self) -> Tuple[sqlite3.Connection, _Steps]:
        held = getattr(self._local, "connection", None)
        if held is None or held[0] != os.getpid():
            held = self._local.connection = (os.getpid(), *self._open())
        return held[1], held[2]

    def _open(self) -> Tuple[sqlite3.Connection, _Steps]:
        found = self.path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would block until somebody writes to it
            raise OSError("it is not a file")
        # "immutable" avoids locks. A rebuilt file is another inode, so an open file never changes.
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            steps = _Steps(32 + _STEPS_PER_BYTE * found.st_size // _STEPS)
            connection.set_progress_handler(steps, _STEPS)
            if hasattr(connection, "setlimit"):  # Python 3.11
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {pragma}")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            schema = self.schema if version == self.version else self.older.get(version)
            if schema is None:
                raise sqlite3.DatabaseError(f"its format is {version}, not {self.version}")
            # SQLite would read a truncated last page as one that ends in zeros.
            (pages,), (size,) = (
                connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
            )
            if pages * size > found.st_size:
                raise sqlite3.DatabaseError("it is truncated")
            if _schema_of(connection) != _expected(schema):
                raise sqlite3.DatabaseError("it has other tables")
        except BaseException:
            connection.close()
            raise
        return connection, steps

    def read_meta(self) -> Dict[str, Any]:
        """Return the table `meta` as a dictionary.

        RETURNS (Dict[str, Any]): Values by key.
        RAISES (ValueError): The class's `message` if the file is missing, damaged or of another format.
        """
        return dict(self.query("SELECT key, value FROM meta"))

    def __getstate__(self) -> Dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_local"}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()


class _Steps:
    """Progress handler that stops a query after a number of calls.

    most (int): Number of calls that are allowed.
    """

    def __init__(self, most: int):
        self.most = most
        self.done = 0

    def __call__(self) -> bool:
        self.done += 1
        return self.done > self.most


def _schema_of(connection: sqlite3.Connection) -> FrozenSet[Tuple[str, str, str, Optional[str]]]:
    # The expected schemas have only a few rows, so the limit never hides a difference.
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master LIMIT 32").fetchall()
    return frozenset((*row[:3], " ".join(row[3].split()) if isinstance(row[3], str) else None) for row in rows)


@cache
def _expected(schema: str) -> FrozenSet[Tuple[str, str, str, Optional[str]]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        return _schema_of(connection)


def configure_for_writing(connection: sqlite3.Connection, *, cache_kib: int, schema: str = "main") -> None:
    """Configure a connection for fast writing of a new file.

    The file takes its place only when it is complete, so it needs no journal.

    connection (sqlite3.Connection): The connection.
    cache_kib (int): Memory limit in KiB; larger sorts use the disk.
    schema (str): Name of the attached database.
    """
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{cache_kib}"):
        connection.execute(f"PRAGMA {schema}.{pragma}")
