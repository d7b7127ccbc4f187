"""The settings of a run, its shards, and the names of its files."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..errors import Errors, check_at_least, check_choice
from ..network.config import check_quantization
from ..storage.files import temporary_path

OUTPUTS = {"parquet": ".parquet", "docbin": ".spacy"}
# Folder for all files except documents. pyarrow, pandas and Spark ignore names that begin with "_", Hugging Face's
# datasets ignore folders that begin with "__", and DuckDB reads only the files that it is given.
METADATA_FOLDER = "__annotate"
_BLOCK = 1 << 20
Stamp = Tuple[int, int]  # a file's size and time of last change


@dataclass(frozen=True)
class Shard:
    """Records of one file that are read, annotated and written together."""

    number: int
    path: str
    format: str  # a value of input_files.FORMATS
    first: int  # index of its first record in the file, from 0; blank lines are counted
    n_records: int  # lines, rows or documents
    offset: int = 0  # in formats with lines: start of a line, in bytes of the uncompressed text
    skip: int = 0  # in formats with lines: number of lines between `offset` and the first record
    stamp: Optional[Stamp] = None  # of the file when it was split into shards
    is_piece: bool = False  # whether it is a part of a shard that crashed the worker process

    @property
    def name(self) -> str:
        """Name of its files, without a suffix."""
        name = f"part-{self.number:06d}"
        return f"pieces/{name}-{self.first}-{self.n_records}" if self.is_piece else name

    def piece(self, first: int, n_records: int) -> Shard:
        """Return a part of the shard.

        first (int): Index of its first record in the file.
        n_records (int): Number of records.
        RETURNS (Shard): The part.
        """
        skip = self.skip + first - self.first
        return replace(self, first=first, n_records=n_records, skip=skip, is_piece=True)

    def check_file(self) -> None:
        """Check that the file has not changed since it was split into shards.

        RAISES (ValueError): ML352 if it has.
        """
        if self.stamp is not None and stamp_of(Path(self.path)) != tuple(self.stamp):
            raise ValueError(Errors.ML352.format(path=self.path))


@dataclass(frozen=True)
class ShardResult:
    """The result of a shard. Its file (.done.json) means that the shard is finished."""

    number: int
    n_docs: int  # documents that were written
    n_bad: int  # bad records, which could not be annotated
    n_words: int  # tokens of the documents
    seconds: float
    warnings: List[str] = field(default_factory=list)
    files: Dict[str, List[Any]] = field(default_factory=dict)  # by suffix: size, time of last change, SHA-256


@dataclass(frozen=True)
class Job:
    """The settings of a run."""

    pipeline: str  # a directory, or the name of a package
    input: str  # a file, or a folder of files
    output: str  # a folder
    format: str = "parquet"  # a key of OUTPUTS
    with_vectors: bool = True  # whether to write vectors of entities to Parquet
    text_key: str = "text"
    id_key: str = "id"
    shard_size: int = 500  # maximum number of records per shard
    batch_size: int = 64  # of nlp.pipe
    threads: int = 0  # torch's threads in each worker process; 0 for torch's default
    gpu_id: int = -1
    quantize: Optional[str] = None  # "int8" for encoders that predict in eight bits

    def __post_init__(self) -> None:
        check_choice("format", self.format, list(OUTPUTS))
        check_quantization(self.quantize)
        for option, value in (("shard_size", self.shard_size), ("batch_size", self.batch_size)):
            check_at_least(option, value, 1)

    @property
    def metadata_folder(self) -> Path:
        """Folder for all files except documents."""
        return Path(self.output) / METADATA_FOLDER

    @property
    def suffix(self) -> str:
        """Suffix of files with documents."""
        return OUTPUTS[self.format]

    def file(self, shard: Shard, suffix: str) -> Path:
        """Return the path of a file of a shard.

        shard (Shard): The shard.
        suffix (str): `suffix` for documents, ".bad.jsonl" for bad records, ".done.json" for the result.
        RETURNS (Path): The file.
        """
        folder = Path(self.output) if suffix == self.suffix and not shard.is_piece else self.metadata_folder
        return folder / f"{shard.name}{suffix}"

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """Write a file of the output under a temporary name, which readers ignore, and rename it when it is complete.

        path (Path): The file.
        YIELDS (Path): The temporary path to write to.
        RAISES (ValueError): ML351 if it cannot be written.
        """
        try:
            with temporary_path(self.metadata_folder / path.name) as temporary:
                yield temporary
                path.parent.mkdir(exist_ok=True)
                temporary.replace(path)
        except OSError as error:
            raise ValueError(Errors.ML351.format(path=path, reason=error)) from error

    def finish(self, shard: Shard, result: ShardResult) -> ShardResult:
        """Mark a shard as finished, after its files were written.

        shard (Shard): The shard.
        result (ShardResult): Its result.
        RETURNS (ShardResult): The result, with checksums of the files.
        """
        paths = {suffix: self.file(shard, suffix) for suffix in (self.suffix, ".bad.jsonl")}
        files = {suffix: [*stamp_of(path), sha256_of(path)] for suffix, path in paths.items() if path.exists()}
        result = replace(result, files=files)
        with self.writing(self.file(shard, ".done.json")) as path:
            path.write_text(json.dumps(asdict(result)), encoding="utf8")
        return result

    def result(self, shard: Shard) -> Optional[ShardResult]:
        """Read the result of a shard.

        shard (Shard): The shard.
        RETURNS (Optional[ShardResult]): The result; None if the shard is not finished, if the result is damaged, or if
            the shard's files are missing or changed.
        """
        try:
            found = json.loads(self.file(shard, ".done.json").read_text(encoding="utf8"))
            result = ShardResult(**found)
            if result.number != shard.number or not _has_types(result) or self.suffix not in result.files:
                return None
            unchanged = all(_is_unchanged(self.file(shard, suffix), known) for suffix, known in result.files.items())
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return result if unchanged else None


def _has_types(result: ShardResult) -> bool:
    """Whether the values of a saved result have the right types."""
    counts = all(type(getattr(result, one.name)) is int for one in fields(result)[:4])
    return (
        counts
        and isinstance(result.seconds, (int, float))
        and isinstance(result.warnings, list)
        and all(isinstance(message, str) for message in result.warnings)
        and isinstance(result.files, dict)
    )


def _is_unchanged(path: Path, known: List[Any]) -> bool:
    """Whether a file is as it was written: its size and time are the same, or its size and checksum."""
    size, mtime_ns, digest = known
    stamp = stamp_of(path)
    return stamp == (size, mtime_ns) or (stamp[0] == size and sha256_of(path) == digest)


def stamp_of(path: Path) -> Stamp:
    """Return a file's size and the time of its last change.

    path (Path): The file.
    RETURNS (Stamp): In bytes, and in nanoseconds.
    """
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def sha256_of(path: Path) -> str:
    """Return the checksum of a file.

    path (Path): The file.
    RETURNS (str): SHA-256, hexadecimal.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
