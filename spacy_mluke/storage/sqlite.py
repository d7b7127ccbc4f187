"""SQLite files that are built once and then only read, by any thread and process."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Dict, FrozenSet, List, Optional, Sequence, Tuple

Row = Tuple[Any, ...]

_STEPS = 100_000  # of SQLite's machine, between two looks at how many there have been
# A query reads each row a few times at most, and a row takes some bytes: a damaged file can send it round in circles.
_STEPS_PER_BYTE = 8
_LONGEST = 1 << 28  # bytes of a value


class Unwritable(ValueError):
    """A file cannot be written in this place; in another one, it may be.

    message (str): The coded message.
    reason (object): What it gives as the reason.
    """

    def __init__(self, message: str, reason: object):
        super().__init__(message)
        self.reason = reason


class ReadOnlyDatabase:
    """A SQLite file that nobody writes to any more. It may be a stranger's, or damaged: its schema is the expected one,
    with nothing in it that runs, and every query ends.

    Every thread of every process opens a connection of its own at its first look-up: SQLite's connections go neither
    across threads nor through a fork. A pickle or a copy holds the path.

    path (Path): The file.
    """

    message: ClassVar[str]  # of the error for what is no such file, with `path` and `reason`
    version: ClassVar[int]  # the format that is read here
    schema: ClassVar[str]  # what makes its tables and indexes

    def __init__(self, path: Path):
        self.path = path.absolute()
        self._local = threading.local()

    def damaged(self, reason: object) -> ValueError:
        """The error for a file that is not as it should be.

        reason (object): What is wrong.
        RETURNS (ValueError): The error, to be raised.
        """
        return ValueError(self.message.format(path=self.path, reason=reason))

    def query(self, query: str, parameters: Sequence[Any] = ()) -> List[Row]:
        """Ask the file.

        query (str): The query.
        parameters (Sequence[Any]): Its parameters.
        RETURNS (List[Row]): All rows.
        RAISES (ValueError): The file's own message if it is missing, damaged or of another format; UnicodeEncodeError
            for a parameter with a lone surrogate.
        """
        try:
            connection, steps = self._connection()
            steps.done = 0
            return connection.execute(query, parameters).fetchall()
        # sqlite3 decodes its own messages, too, which may quote what is there.
        except (sqlite3.Error, OSError, UnicodeDecodeError) as err:
            raise self.damaged(err) from err

    def _connection(self) -> Tuple[sqlite3.Connection, _Steps]:
        held = getattr(self._local, "connection", None)
        if held is None or held[0] != os.getpid():
            held = self._local.connection = (os.getpid(), *self._open())
        return held[1], held[2]

    def _open(self) -> Tuple[sqlite3.Connection, _Steps]:
        found = self.path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for somebody to write to it
            raise OSError("it is not a file")
        # "immutable" spares the locks; a rebuilt file is another inode, so the open one stays what it was.
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            steps = _Steps(32 + _STEPS_PER_BYTE * found.st_size // _STEPS)
            connection.set_progress_handler(steps, _STEPS)
            if hasattr(connection, "setlimit"):  # Python 3.11
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
            for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
                connection.execute(f"PRAGMA {pragma}")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != self.version:
                raise sqlite3.DatabaseError(f"its format is {version}, not {self.version}")
            # SQLite takes a last page that is cut short for one that ends in zeros.
            (pages,), (size,) = (
                connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
            )
            if pages * size > found.st_size:
                raise sqlite3.DatabaseError("it is cut short")
            if _schema_of(connection) != _expected(self.schema):
                raise sqlite3.DatabaseError("it has other tables")
        except BaseException:
            connection.close()
            raise
        return connection, steps

    def read_meta(self) -> Dict[str, Any]:
        """What the file says of itself.

        RETURNS (Dict[str, Any]): The table `meta`.
        RAISES (ValueError): The file's own message if it is missing, damaged or of another format.
        """
        return dict(self.query("SELECT key, value FROM meta"))

    def __getstate__(self) -> Dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_local"}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()


class _Steps:
    """How far a query has come.

    most (int): After how many calls it is stopped.
    """

    def __init__(self, most: int):
        self.most = most
        self.done = 0

    def __call__(self) -> bool:
        self.done += 1
        return self.done > self.most


def _schema_of(connection: sqlite3.Connection) -> FrozenSet[Tuple[str, str, str, Optional[str]]]:
    # A few rows are expected; a file of many is told by one more.
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master LIMIT 32").fetchall()
    return frozenset((*row[:3], " ".join(row[3].split()) if isinstance(row[3], str) else None) for row in rows)


@cache
def _expected(schema: str) -> FrozenSet[Tuple[str, str, str, Optional[str]]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        return _schema_of(connection)


def quicken(connection: sqlite3.Connection, *, cache_kib: int, schema: str = "main") -> None:
    """Prepare a connection for filling a new file: it appears when it is whole, so it needs no journal.

    connection (sqlite3.Connection): The connection.
    cache_kib (int): Memory that it may take; sorting beyond that goes to the disk.
    schema (str): Which of its files.
    """
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{cache_kib}"):
        connection.execute(f"PRAGMA {schema}.{pragma}")
