"""The files of an input: finding them, and reading those with lines."""

from __future__ import annotations

import gzip
import io
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from ..errors import Errors, Warnings
from .job import METADATA_FOLDER, Stamp, stamp_of

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text", ".parquet": "parquet", ".spacy": "docbin"}
COMPRESSED = (".gz", ".zst")
_MAX_NAMES = 20  # of skipped files in the warning


@dataclass
class InputFiles:
    """The files of an input."""

    paths: List[Path]  # files to read, in the order of their shards
    skipped: Dict[str, str] = field(default_factory=dict)  # files of other formats -> reason, or ""
    unread: Dict[str, str] = field(default_factory=dict)  # files that cannot be read -> reason

    def warning(self) -> Optional[str]:
        """Return a warning about skipped files.

        RETURNS (Optional[str]): ML120; None if no files were skipped.
        """
        if not self.skipped:
            return None
        names = [f"{path} ({why})" if why else path for path, why in list(self.skipped.items())[:_MAX_NAMES]]
        if len(self.skipped) > _MAX_NAMES:
            rest = Counter(Path(path).suffix or "no suffix" for path in list(self.skipped)[_MAX_NAMES:])
            names.append("and more: " + ", ".join(f"{n:,} with {suffix}" for suffix, n in rest.most_common()))
        total = len(self.skipped) + len({*map(str, self.paths), *self.unread})
        return Warnings.ML120.format(n=len(self.skipped), total=total, names=", ".join(names), suffixes=_suffixes())


def find_files(source: Path, output: Optional[Path] = None) -> InputFiles:
    """Find the files of an input.

    Files whose names begin with a dot, and files of other runs beside their documents, are ignored.

    source (Path): A file, or a folder with files at any depth.
    output (Optional[Path]): The output folder, which is ignored.
    RETURNS (InputFiles): Files of known formats, sorted by name, and skipped files.
    RAISES (ValueError): ML280 if there is no file to read.
    """
    found = InputFiles([])
    if not source.is_dir():
        candidates = [source]
    else:
        candidates = []
        for folder, names, files in os.walk(source, onerror=_add_unread(found)):
            here = Path(folder)
            names[:] = [name for name in names if name[0] != "." and name != METADATA_FOLDER and here / name != output]
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
            found.skipped[str(path)] = "no regular file"
    if not found.paths and not found.unread:
        raise ValueError(Errors.ML280.format(path=source, suffixes=_suffixes()))
    return found


def _add_unread(found: InputFiles) -> Any:
    def add(error: OSError) -> None:
        found.unread[str(error.filename)] = str(error)

    return add


def _suffixes() -> str:
    return ", ".join(FORMATS)


def split_suffix(path: Path) -> Tuple[str, str]:
    """Return the suffixes of a file.

    path (Path): The file.
    RETURNS (Tuple[str, str]): Suffix of its format, and suffix of its compression or "", in lower case.
    """
    name = path.name.lower()
    compression = next((suffix for suffix in COMPRESSED if name.endswith(suffix)), "")
    return Path(name.removesuffix(compression)).suffix, compression


def kind_of(path: Path) -> Optional[str]:
    """Return the format of a file, by its name.

    path (Path): The file.
    RETURNS (Optional[str]): A value of FORMATS; None for an unknown format.
    """
    suffix, compression = split_suffix(path)
    kind = FORMATS.get(suffix)
    return kind if not compression or kind in ("jsonl", "text") else None


class LineFile:
    """A file with lines, compressed or not, that is read forward.

    path (Path): The file.
    """

    def __init__(self, path: Path):
        self.key = _key(path)
        self.position = 0  # bytes read, of the uncompressed text
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
        """Read the next bytes.

        size (int): Maximum number of bytes.
        RETURNS (bytes): The bytes; empty at the end of the file.
        """
        found = self._file.read(size)
        self.position += len(found)
        return found

    def readline(self) -> bytes:
        """Read the next line.

        RETURNS (bytes): The line with its line end; empty at the end of the file.
        """
        line = self._file.readline()
        self.position += len(line)
        return line

    def seek(self, position: int) -> None:
        """Move forward to a position.

        position (int): Position in the uncompressed text, not before the current one.
        """
        if not self.is_compressed:
            self._file.seek(position)
            self.position = position
        while self.position < position and self.read(min(position - self.position, 1 << 20)):
            pass

    def close(self) -> None:
        """Close the file."""
        self._file.close()


# The compressed file that was read last: the next shard continues in it, so that nothing is uncompressed twice.
_open: Dict[Tuple[str, Stamp], LineFile] = {}


def _key(path: Path) -> Tuple[str, Stamp]:
    return str(path), stamp_of(path)


def open_lines(path: Path, position: int) -> LineFile:
    """Open a file with lines at a position.

    path (Path): The file.
    position (int): Start of a line, in bytes of the uncompressed text.
    RETURNS (LineFile): The file at this position. Pass it to `release` after reading.
    """
    file = _open.pop(_key(path), None)
    if file is None or file.position > position:
        file = LineFile(path)
    file.seek(position)
    return file


def release(file: LineFile) -> None:
    """Close a file; keep a compressed one open for the next shard, and close the previous one.

    file (LineFile): From `open_lines`.
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
