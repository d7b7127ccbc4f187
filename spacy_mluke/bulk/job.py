"""What is to be done, and what is done already: the settings of a run, its shards, and its output folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

from ..encoder.config import check_quantization
from ..errors import Errors, check_choice
from ..files import replacing

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text", ".parquet": "parquet", ".spacy": "docbin"}
OUTPUTS = {"parquet": ".parquet", "docbin": ".spacy"}
# Readers of a folder of Parquet files pass by what begins so.
ASIDE = "_"
MANIFEST = f"{ASIDE}annotate.json"
SCHEMA = 1


@dataclass(frozen=True)
class Shard:
    """Documents of one file that are read, annotated and written together."""

    number: int
    path: str
    format: str  # one of FORMATS' values
    first: int  # number of its first record in the file, from 0; of lines, blank ones are counted
    n_records: int  # lines, rows or documents
    offset: int = 0  # of formats with lines: where the first begins, in bytes


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard. Its file says that the shard is done."""

    number: int
    n_docs: int  # documents that were written
    n_bad: int  # records that were set aside
    n_words: int  # tokens of the documents
    seconds: float
    warnings: List[str] = field(default_factory=list)


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
            if value < 1:
                raise ValueError(Errors.ML071.format(option=option, value=value, least=1))

    def part(self, number: int, suffix: Optional[str] = None) -> Path:
        """A file of a shard.

        number (int): The shard.
        suffix (Optional[str]): Its kind: ".bad.jsonl" of records that were set aside, ".done.json" of the result; by
            default, that of the documents.
        RETURNS (Path): The file.
        """
        name = f"part-{number:06d}"
        return Path(self.output) / (f"{name}{OUTPUTS[self.format]}" if suffix is None else f"{ASIDE}{name}{suffix}")

    def result(self, number: int) -> Optional[ShardResult]:
        """What became of a shard.

        number (int): The shard.
        RETURNS (Optional[ShardResult]): None if it is not done.
        """
        path = self.part(number, ".done.json")
        return ShardResult(**json.loads(path.read_text(encoding="utf8"))) if path.exists() else None

    def finish(self, result: ShardResult) -> None:
        """Say that a shard is done, after its files are there.

        result (ShardResult): What became of it.
        """
        with replacing(self.part(result.number, ".done.json")) as aside:
            aside.write_text(json.dumps(asdict(result)), encoding="utf8")


def find_files(source: Path) -> List[Path]:
    """The files of an input.

    source (Path): A file, or a folder with files at any depth.
    RETURNS (List[Path]): Those whose format is known, by name.
    RAISES (ValueError): ML280 if there is none.
    """
    paths = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    known = [path for path in paths if path.suffix in FORMATS]
    if not known:
        raise ValueError(Errors.ML280.format(path=source, suffixes=", ".join(FORMATS)))
    return known


def begin(job: Job, shards: List[Shard]) -> None:
    """Make the output folder, or see that the run that it holds is this one, and clear what an interruption left.

    job (Job): The run.
    shards (List[Shard]): Its shards.
    RAISES (ValueError): ML281 if the folder holds another run, or anything else.
    """
    folder = Path(job.output)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / MANIFEST
    own = json.loads(json.dumps(settings(job, shards)))
    if not manifest.exists():
        if any(path.name[0] != "." for path in folder.iterdir()):
            raise ValueError(Errors.ML281.format(path=folder, reason="it holds other files"))
        write_manifest(job, own)
        return
    try:
        there = json.loads(manifest.read_text(encoding="utf8"))["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(Errors.ML281.format(path=folder, reason=f"{MANIFEST} cannot be read ({error})")) from error
    changed = sorted(key for key in {*own, *there} if own.get(key) != there.get(key))
    if changed:
        raise ValueError(Errors.ML281.format(path=folder, reason=f"it was begun with another {', '.join(changed)}"))
    for aside in folder.glob(".*part-*.tmp"):
        aside.unlink(missing_ok=True)


def settings(job: Job, shards: List[Shard]) -> Dict[str, Any]:
    """What must be the same for a run to go on.

    job (Job): The run.
    shards (List[Shard]): Its shards.
    RETURNS (Dict[str, Any]): The settings; files by name and size; the pipeline by its name and `meta.json`.
    """
    free = ("output", "batch_size", "threads", "gpu_id")
    meta = Path(job.pipeline) / "meta.json"
    sizes = {path: Path(path).stat().st_size for path in dict.fromkeys(shard.path for shard in shards)}
    return {
        **{key: value for key, value in asdict(job).items() if key not in free},
        "schema": SCHEMA,
        "pipeline_md5": hashlib.md5(meta.read_bytes()).hexdigest() if meta.exists() else "",
        "files": sizes,
    }


def write_manifest(job: Job, settings: Dict[str, Any], **totals: Any) -> None:
    """Write what a run is, and what it gave.

    job (Job): The run.
    settings (Dict[str, Any]): What must be the same for it to go on.
    **totals (Any): What it gave, once it is done.
    """
    with replacing(Path(job.output) / MANIFEST) as aside:
        aside.write_text(json.dumps({"settings": settings, **totals}, indent=1, ensure_ascii=False), encoding="utf8")
