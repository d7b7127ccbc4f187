"""What is to be done, and where it goes: the settings of a run, its shards, and the names of its files."""

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
# Everything but documents. pyarrow, pandas and Spark pass by what begins with "_", Hugging Face's datasets by folders
# that begin with "__", and DuckDB reads the files that it is given.
ASIDE = "__annotate"
_BLOCK = 1 << 20
Stamp = Tuple[int, int]  # a file's size and time of last change


@dataclass(frozen=True)
class Shard:
    """Documents of one file that are read, annotated and written together."""

    number: int
    path: str
    format: str  # one of inputs.FORMATS' values
    first: int  # number of its first record in the file, from 0; of lines, blank ones are counted
    n_records: int  # lines, rows or documents
    offset: int = 0  # of formats with lines: a place in the text where a line begins, in bytes
    skip: int = 0  # of formats with lines: how many come between there and the first
    stamp: Optional[Stamp] = None  # of the file when it was cut into shards
    is_piece: bool = False  # a part of a shard that ended its process

    @property
    def name(self) -> str:
        """Of its files, without a suffix."""
        name = f"part-{self.number:06d}"
        return f"pieces/{name}-{self.first}-{self.n_records}" if self.is_piece else name

    def piece(self, first: int, n_records: int) -> Shard:
        """A part of it.

        first (int): Its first record, counted as `first` is.
        n_records (int): How many.
        RETURNS (Shard): The part.
        """
        skip = self.skip + first - self.first
        return replace(self, first=first, n_records=n_records, skip=skip, is_piece=True)

    def check_file(self) -> None:
        """See that its file is as it was when it was cut into shards.

        RAISES (ValueError): ML352 if it is not.
        """
        if self.stamp is not None and stamp_of(Path(self.path)) != tuple(self.stamp):
            raise ValueError(Errors.ML352.format(path=self.path))


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard. Its file says that the shard is done."""

    number: int
    n_docs: int  # documents that were written
    n_bad: int  # records that were set aside
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
    format: str = "parquet"  # one of OUTPUTS
    with_vectors: bool = True  # whether Parquet has the vectors of entities
    text_key: str = "text"
    id_key: str = "id"
    shard_size: int = 500  # records of a shard at most
    batch_size: int = 64  # documents that the pipeline reads together
    threads: int = 0  # of a worker's matrix products; 0 for as many as torch takes
    gpu_id: int = -1
    quantize: Optional[str] = None  # "int8" for encoders that predict in eight bits

    def __post_init__(self) -> None:
        check_choice("format", self.format, list(OUTPUTS))
        check_quantization(self.quantize)
        for option, value in (("shard_size", self.shard_size), ("batch_size", self.batch_size)):
            check_at_least(option, value, 1)

    @property
    def aside(self) -> Path:
        """The folder for all but documents."""
        return Path(self.output) / ASIDE

    @property
    def suffix(self) -> str:
        """Of files with documents."""
        return OUTPUTS[self.format]

    def file(self, shard: Shard, suffix: str) -> Path:
        """A file of a shard.

        shard (Shard): The shard.
        suffix (str): Its kind: `suffix` of the documents, ".bad.jsonl" of records that were set aside, ".done.json" of
            the result.
        RETURNS (Path): The file.
        """
        folder = Path(self.output) if suffix == self.suffix and not shard.is_piece else self.aside
        return folder / f"{shard.name}{suffix}"

    @contextlib.contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """Write a file of the output under another name, among what readers pass by; it takes its place when it is
        whole.

        path (Path): The file.
        YIELDS (Path): Where to write.
        RAISES (ValueError): ML351 if it cannot be written.
        """
        try:
            with temporary_path(self.aside / path.name) as there:
                yield there
                path.parent.mkdir(exist_ok=True)
                there.replace(path)
        except OSError as error:
            raise ValueError(Errors.ML351.format(path=path, reason=error)) from error

    def finish(self, shard: Shard, result: ShardResult) -> ShardResult:
        """Say that a shard is done, after its files are there.

        shard (Shard): The shard.
        result (ShardResult): What became of it.
        RETURNS (ShardResult): The same, and what its files are.
        """
        paths = {suffix: self.file(shard, suffix) for suffix in (self.suffix, ".bad.jsonl")}
        files = {suffix: [*stamp_of(path), sha256_of(path)] for suffix, path in paths.items() if path.exists()}
        result = replace(result, files=files)
        with self.writing(self.file(shard, ".done.json")) as path:
            path.write_text(json.dumps(asdict(result)), encoding="utf8")
        return result

    def result(self, shard: Shard) -> Optional[ShardResult]:
        """What became of a shard.

        shard (Shard): The shard.
        RETURNS (Optional[ShardResult]): None if it is not done, if what says so is damaged, or if its files are not
            those that were written.
        """
        try:
            found = json.loads(self.file(shard, ".done.json").read_text(encoding="utf8"))
            result = ShardResult(**found)
            if result.number != shard.number or not _has_types(result) or self.suffix not in result.files:
                return None
            whole = all(_is_same(self.file(shard, suffix), known) for suffix, known in result.files.items())
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return result if whole else None


def _has_types(result: ShardResult) -> bool:
    """Whether a result that was read has numbers where numbers should be."""
    counts = all(type(getattr(result, one.name)) is int for one in fields(result)[:4])
    return (
        counts
        and isinstance(result.seconds, (int, float))
        and isinstance(result.warnings, list)
        and all(isinstance(message, str) for message in result.warnings)
        and isinstance(result.files, dict)
    )


def _is_same(path: Path, known: List[Any]) -> bool:
    """Whether a file is the one that was written: by its bytes, unless size and time are the same."""
    size, mtime_ns, digest = known
    there = stamp_of(path)
    return there == (size, mtime_ns) or (there[0] == size and sha256_of(path) == digest)


def stamp_of(path: Path) -> Stamp:
    """A file's size and time of last change.

    path (Path): The file.
    RETURNS (Stamp): In bytes, and in nanoseconds.
    """
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def sha256_of(path: Path) -> str:
    """A checksum of a file's bytes.

    path (Path): The file.
    RETURNS (str): SHA-256, hexadecimal.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
