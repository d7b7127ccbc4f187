"""Fingerprints of files: which file it is, and whether it has changed."""

from __future__ import annotations

import hashlib
import time
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

_SAMPLE = 1 << 16
_BLOCK = 1 << 20
# A file that changed this recently may change again within one tick of the file system's clock.
_SETTLED_NS = 2 * 10**9


def fingerprint_of(source: Path) -> str:
    """Return a fingerprint of a file's size and of samples of its content.

    Copies of a file have the same fingerprint. An edit outside the samples that keeps the size is not detected.

    source (Path): The file.
    RETURNS (str): The fingerprint, 32 hexadecimal digits.
    """
    size = source.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with source.open("rb") as file:
        for step in range(9):
            file.seek(max(0, (size - _SAMPLE) * step // 8))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def new_digest() -> Any:
    """Return a new hash object of the kind that `FileVersion.digest` uses.

    RETURNS (Any): A hash object of hashlib.
    """
    return hashlib.blake2b(digest_size=16)


class FileVersion:
    """The state of a file at the time when the object is made.

    path (Path): The file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._stat = path.stat()
        self.sample = fingerprint_of(path)

    @cached_property
    def stamp(self) -> str:
        """Time of the last change, size and fingerprint: equal stamps mean equal files. Empty if the file changed
        within the last two seconds."""
        if time.time_ns() - self._stat.st_mtime_ns < _SETTLED_NS:
            return ""
        return f"{self._stat.st_mtime_ns}-{self._stat.st_size}-{self.sample}"

    @cached_property
    def digest(self) -> str:
        """Hash of the whole content. Takes half a second for 500 MB, once in a process for each stamp."""
        return _digest_of(self.path.absolute(), self.stamp) if self.stamp else _read_digest(self.path)


def _read_digest(path: Path) -> str:
    digest = new_digest()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _digest_of(path: Path, stamp: str) -> str:
    """Hash of the content that a file has as long as its stamp stays the same."""
    return _read_digest(path)
