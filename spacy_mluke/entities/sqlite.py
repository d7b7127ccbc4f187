"""SQLite files that are built once and then only read, by any thread and process."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any, Dict


class ReadOnlyDatabase:
    """A SQLite file that nobody writes to any more.

    Every thread of every process opens a connection of its own at its first look-up: SQLite's connections go neither
    across threads nor through a fork. A pickle or a copy holds the path.

    path (Path): The file.
    """

    def __init__(self, path: Path):
        self.path = path.absolute()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        held = getattr(self._local, "connection", None)
        if held is None or held[0] != os.getpid():
            # "immutable" spares the locks; a rebuilt file is another inode, so the open one stays what it was.
            connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)
            held = self._local.connection = (os.getpid(), connection)
        return held[1]

    def _read_meta(self, version: int) -> Dict[str, Any]:
        """What the file says of itself.

        version (int): The format that is read here.
        RETURNS (Dict[str, Any]): The table `meta`.
        RAISES (sqlite3.Error): If the file is missing, damaged or of another format.
        """
        (found,) = self._connection().execute("PRAGMA user_version").fetchone()
        if found != version:
            raise sqlite3.DatabaseError(f"its format is {found}, not {version}")
        return dict(self._connection().execute("SELECT key, value FROM meta"))

    def __getstate__(self) -> Dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_local"}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()


def quicken(connection: sqlite3.Connection, *, cache_kib: int, schema: str = "main") -> None:
    """Prepare a connection for filling a new file: it appears when it is whole, so it needs no journal.

    connection (sqlite3.Connection): The connection.
    cache_kib (int): Memory that it may take; sorting beyond that goes to the disk.
    schema (str): Which of its files.
    """
    for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{cache_kib}"):
        connection.execute(f"PRAGMA {schema}.{pragma}")
