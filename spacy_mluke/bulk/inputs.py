"""The files of an input: which there are, which are passed by, and how those with lines are opened."""

from __future__ import annotations

import gzip
import io
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from ..errors import Errors, Warnings
from .job import ASIDE, Stamp, stamp_of

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text", ".parquet": "parquet", ".spacy": "docbin"}
COMPRESSED = (".gz", ".zst")
_MOST_NAMES = 20  # of skipped files


@dataclass
class Found:
    """The files of an input."""

    paths: List[Path]  # that are read, in the order of their shards
    skipped: Dict[str, str] = field(default_factory=dict)  # files that are passed by, and why
    unread: Dict[str, str] = field(default_factory=dict)  # files that should be read and cannot, and why

    def warning(self) -> Optional[str]:
        """What is to be said of files that are passed by.

        RETURNS (Optional[str]): ML120, or None if there are none.
        """
        if not self.skipped:
            return None
        names = [f"{path} ({why})" if why else path for path, why in list(self.skipped.items())[:_MOST_NAMES]]
        if len(self.skipped) > _MOST_NAMES:
            rest = Counter(Path(path).suffix or "no suffix" for path in list(self.skipped)[_MOST_NAMES:])
            names.append("and more: " + ", ".join(f"{n:,} with {suffix}" for suffix, n in rest.most_common()))
        total = len(self.skipped) + len({*map(str, self.paths), *self.unread})
        return Warnings.ML120.format(n=len(self.skipped), total=total, names=", ".join(names), suffixes=_suffixes())


def find_files(source: Path, output: Optional[Path] = None) -> Found:
    """The files of an input.

    source (Path): A file, or a folder with files at any depth.
    output (Optional[Path]): The output's folder: what it holds is not read. Nor are files that another run put beside
        its documents, and those whose names begin with a dot.
    RETURNS (Found): Those whose format is known are read, by name; others are listed.
    RAISES (ValueError): ML280 if there is none to read.
    """
    found = Found([])
    if not source.is_dir():
        candidates = [source]
    else:
        candidates = []
        for folder, names, files in os.walk(source, onerror=_note(found)):
            here = Path(folder)
            names[:] = [name for name in names if name[0] != "." and name != ASIDE and here / name != output]
            candidates += [here / name for name in files if not name.startswith((".", "_part-", "_annotate."))]
            candidates += [here / name for name in names if (here / name).is_symlink()]
    for path in sorted(candidates):
        if path.is_dir():
            found.skipped[str(path)] = "a link to a folder"
        elif kind_of(path) is None:
            found.skipped[str(path)] = ""
        elif path.is_file():
            found.paths.append(path)
        else:
            found.skipped[str(path)] = "no regular file, or a link to none"
    if not found.paths and not found.unread:
        raise ValueError(Errors.ML280.format(path=source, suffixes=_suffixes()))
    return found


def _note(found: Found) -> Any:
    def note(error: OSError) -> None:
        found.unread[str(error.filename)] = str(error)

    return note


def _suffixes() -> str:
    return ", ".join(FORMATS)


def split_suffix(path: Path) -> Tuple[str, str]:
    """The suffixes of a file.

    path (Path): The file.
    RETURNS (Tuple[str, str]): That of its format and that of its compression, or "", in small letters.
    """
    name = path.name.lower()
    compression = next((suffix for suffix in COMPRESSED if name.endswith(suffix)), "")
    return Path(name.removesuffix(compression)).suffix, compression


def kind_of(path: Path) -> Optional[str]:
    """The format of a file, by its name.

    path (Path): The file.
    RETURNS (Optional[str]): One of FORMATS' values; None for others.
    """
    suffix, compression = split_suffix(path)
    kind = FORMATS.get(suffix)
    return kind if not compression or kind in ("jsonl", "text") else None


class LineFile:
    """A file with lines that is read forward, compressed or not.

    path (Path): The file.
    """

    def __init__(self, path: Path):
        self.key = _key(path)
        self.position = 0  # of what was read, in the text
        _, compression = split_suffix(path)
        self._file: Any
        if compression == ".gz":
            self._file = gzip.open(path, "rb")  # noqa: SIM115
        elif compression == ".zst":
            self._file = _open_zstd(path)
        else:
            self._file = path.open("rb")
        self.is_compressed = bool(compression)

    def read(self, size: int) -> bytes:
        """The next bytes.

        size (int): How many at most.
        RETURNS (bytes): None at the end.
        """
        found = self._file.read(size)
        self.position += len(found)
        return found

    def readline(self) -> bytes:
        """The next line.

        RETURNS (bytes): With its end; nothing at the end of the file.
        """
        line = self._file.readline()
        self.position += len(line)
        return line

    def go_to(self, position: int) -> None:
        """Pass by what comes before a place.

        position (int): The place, not before what was read.
        """
        if not self.is_compressed:
            self._file.seek(position)
            self.position = position
        while self.position < position and self.read(min(position - self.position, 1 << 20)):
            pass

    def close(self) -> None:
        """Close it."""
        self._file.close()


# The compressed file that was read last: the next shard goes on in it, and nothing is unpacked twice.
_open: Dict[Tuple[str, Stamp], LineFile] = {}


def _key(path: Path) -> Tuple[str, Stamp]:
    return str(path), stamp_of(path)


def lines_at(path: Path, position: int) -> LineFile:
    """Open a file with lines.

    path (Path): The file.
    position (int): Where the next line begins, in the text.
    RETURNS (LineFile): The file, at this place. Hand it to `leave` when all has been read that is needed.
    """
    file = _open.pop(_key(path), None)
    if file is None or file.position > position:
        file = LineFile(path)
    file.go_to(position)
    return file


def leave(file: LineFile) -> None:
    """Keep a compressed file open for the next shard, and close another.

    file (LineFile): From `lines_at`.
    """
    while _open:
        _open.popitem()[1].close()
    if file.is_compressed:
        _open[file.key] = file
    else:
        file.close()


def _open_zstd(path: Path) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ValueError(Errors.ML357.format(path=path)) from error
    return io.BufferedReader(pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd"), 1 << 16)
