"""Split the files of an input into shards."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Iterator, List, Tuple

from ..errors import Errors
from .docbin_files import count_docs
from .input_files import InputFiles, LineFile, kind_of, open_lines, release
from .job import Job, Shard, stamp_of
from .parquet_files import count_rows
from .unreadable import as_text, message_of

_BLOCK = 1 << 20
_SAMPLE_SIZE = 1000  # records read from the start of each file until one with a text is found
Part = Tuple[int, int, int]  # first record, number of records, and offset of the first byte


def plan(job: Job, files: InputFiles) -> List[Shard]:
    """Split files into shards. Files with lines are read once, to find the starts of lines.

    job (Job): The run.
    files (InputFiles): Its files. Those that cannot be read, or not to their end, are added to `files.unread`.
    RETURNS (List[Shard]): The shards, in the order of the files; empty files have none.
    RAISES (ValueError): ML282 if no file can be read, ML353 if no record has a text.
    """
    shards: List[Shard] = []
    sample = _Sample(job.text_key)
    for path in files.paths:
        kind = kind_of(path) or ""
        try:
            stamp = stamp_of(path)
            for first, n_records, offset in _parts(path, kind, job, sample):
                shards.append(Shard(len(shards), str(path), kind, first, n_records, offset, stamp=stamp))
        except Exception as error:
            if str(error).startswith("[ML"):
                raise
            files.unread[str(path)] = str(error) or message_of(error)
    if not shards and files.unread:
        name, reason = next(iter(files.unread.items()))
        raise ValueError(Errors.ML282.format(path=name, reason=reason))
    sample.check()
    return shards


class _Sample:
    """Checks that a record has a text.

    key (str): Key of the text.
    """

    def __init__(self, key: str):
        self.key = key
        self.n_seen = 0
        self.is_needed = True
        self.keys: Counter[str] = Counter()

    def read(self, path: Path, kind: str) -> None:
        """Read the first records of a file, if no record of the files before had a text.

        path (Path): The file.
        kind (str): Its format.
        """
        if kind != "jsonl":
            self.is_needed = False
        file = open_lines(path, 0) if self.is_needed else None
        for _ in range(_SAMPLE_SIZE):
            line = file.readline() if file and self.is_needed else b""
            if not line:
                break
            if line.strip():
                self.n_seen += 1
                self.read_line(line)
        if file:
            release(file)

    def read_line(self, line: bytes) -> None:
        """Read a record.

        line (bytes): The record.
        """
        try:
            record = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return
        if isinstance(record, dict):
            self.keys.update(record.keys())
            self.is_needed = not isinstance(record.get(self.key), str)

    def check(self) -> None:
        """Raise an error if no record has a text.

        RAISES (ValueError): ML353 if records were read, and none had a text.
        """
        if self.is_needed and self.n_seen:
            keys = ", ".join(as_text(key) for key, _ in self.keys.most_common(10))
            keys = keys.encode("utf8", errors="backslashreplace").decode("utf8")
            found = f"their keys are {keys}" if keys else "none is a JSON object"
            raise ValueError(Errors.ML353.format(key=self.key, n=self.n_seen, found=found))


def _parts(path: Path, kind: str, job: Job, sample: _Sample) -> Iterator[Part]:
    if kind in ("jsonl", "text"):
        sample.read(path, kind)
        file = open_lines(path, 0)
        yield from _line_parts(file, job.shard_size)
        file.close()
        return
    sample.read(path, kind)
    total = count_docs(path) if kind == "docbin" else count_rows(path, job.text_key)
    for first in range(0, total, job.shard_size):
        yield first, min(job.shard_size, total - first), 0


def _line_parts(file: LineFile, size: int) -> Iterator[Part]:
    first = start = n_lines = position = 0
    last = b"\n"
    broken = None
    while True:
        try:
            block = file.read(_BLOCK)
        except Exception as error:
            # The complete lines before the damage can be used.
            broken = error
            break
        if not block:
            break
        found = -1
        while (found := block.find(b"\n", found + 1)) >= 0:
            n_lines += 1
            if n_lines == size:
                yield first, n_lines, start
                first, start, n_lines = first + n_lines, position + found + 1, 0
        position += len(block)
        last = block[-1:]
    n_lines += last != b"\n" and broken is None
    if n_lines:
        yield first, n_lines, start
    if broken is not None:
        raise ValueError(f"{message_of(broken)}; its first {first + n_lines:,} lines can be read") from broken
