"""Reading input: files are cut into shards without being read into memory, and a shard is read record by record."""

from __future__ import annotations

import copy
import functools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..errors import Errors
from ..training.jsonl import KEYS, make_doc
from .job import FORMATS, Job, Shard

_BLOCK = 1 << 20
# Columns of the output that are made anew.
WRITTEN = ("lang", "n_tokens", "relations", "answers", "fillers", "spans", "cats", "types")


@dataclass(frozen=True)
class Record:
    """A document of the input."""

    place: int  # its number in the file
    id: str
    doc: Doc
    meta: Dict[str, Any]  # what the input says of it beside what the pipeline reads


@dataclass(frozen=True)
class BadRecord:
    """A record that is set aside."""

    place: int
    id: str
    error: str
    record: str  # as it stood in the input


def plan(job: Job, paths: List[Path]) -> List[Shard]:
    """Cut files into shards. Files with lines are read once, for where lines begin.

    job (Job): The run.
    paths (List[Path]): Its files.
    RETURNS (List[Shard]): In the order of the files; empty files have none.
    RAISES (ValueError): ML282 for a file that is damaged.
    """
    shards: List[Shard] = []
    for path in paths:
        kind = FORMATS[path.suffix]
        try:
            parts = list(_line_parts(path, job.shard_size) if kind in ("jsonl", "text") else _parts(path, kind, job))
        except Exception as error:
            raise ValueError(Errors.ML282.format(path=path, reason=error)) from error
        for first, n_records, offset in parts:
            shards.append(Shard(len(shards), str(path), kind, first, n_records, offset))
    return shards


def _line_parts(path: Path, size: int) -> Iterator[Tuple[int, int, int]]:
    """First line, number of lines and first byte of each part."""
    first = start = n_lines = position = 0
    last = b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found = -1
            while (found := block.find(b"\n", found + 1)) >= 0:
                n_lines += 1
                if n_lines == size:
                    yield first, n_lines, start
                    first, start, n_lines = first + n_lines, position + found + 1, 0
            position += len(block)
            last = block[-1:]
    n_lines += last != b"\n"
    if n_lines:
        yield first, n_lines, start


def _parts(path: Path, kind: str, job: Job) -> Iterator[Tuple[int, int, int]]:
    if kind == "docbin":
        total = len(_read_bin(str(path), path.stat().st_mtime_ns))
    else:
        file = parquet().ParquetFile(path)
        if job.text_key not in file.schema_arrow.names:
            raise ValueError(f"it has no column '{job.text_key}', but {', '.join(file.schema_arrow.names)}")
        total = file.metadata.num_rows
    for first in range(0, total, job.shard_size):
        yield first, min(job.shard_size, total - first), 0


def read(job: Job, shard: Shard, nlp: Language, lost: Counter) -> Iterator[Union[Record, BadRecord]]:
    """Read the records of a shard. Those that are no documents are given as bad ones; nothing is left out but blank
    lines.

    job (Job): The run.
    shard (Shard): The shard.
    nlp (Language): Whose tokenizer makes documents.
    lost (Counter): Counts, by kind, annotation of the input that could not be kept.
    YIELDS (Union[Record, BadRecord]): In the order of the file.
    """
    if shard.format == "docbin":
        found = _part(_read_bin(shard.path, Path(shard.path).stat().st_mtime_ns), shard)
        for place, doc in enumerate(found.get_docs(nlp.vocab), start=shard.first):
            yield Record(place, _id_of(doc.user_data, job, shard, place), doc, {})
        return
    for place, raw in _raw_records(shard):
        own_id = _id_of({}, job, shard, place)
        try:
            record = _parse(shard.format, raw, job.text_key)
            own_id = _id_of(record, job, shard, place)
            # Where the text is under another key, "text" is a key like any.
            read_keys = {*KEYS, job.text_key, job.id_key} - ({"text"} - {job.text_key})
            meta = {key: value for key, value in record.items() if key not in read_keys}
            wanted = {key: record[key] for key in KEYS if record.get(key) is not None}
            doc = make_doc(nlp, {**wanted, "text": record.get(job.text_key)}, own_id, alignment="expand", lost=lost)
        except Exception as error:
            # Whatever it is, the next record has a right to be read.
            yield BadRecord(place, own_id, message_of(error), as_text(raw))
            continue
        yield Record(place, own_id, doc, meta)


def _raw_records(shard: Shard) -> Iterator[Tuple[int, Any]]:
    if shard.format == "parquet":
        yield from _rows(shard)
        return
    with Path(shard.path).open("rb") as file:
        file.seek(shard.offset)
        for place in range(shard.first, shard.first + shard.n_records):
            line = file.readline().rstrip(b"\r\n")
            if place == 0:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield place, line


def _rows(shard: Shard) -> Iterator[Tuple[int, Any]]:
    file = parquet().ParquetFile(shard.path)
    end = shard.first + shard.n_records
    first = 0
    for group in range(file.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if first < end and first + n_rows > shard.first:
            place = first
            for batch in file.iter_batches(row_groups=[group], batch_size=min(shard.n_records, 1024)):
                low, high = max(shard.first - place, 0), min(end - place, batch.num_rows)
                if low < high:
                    yield from enumerate(batch.slice(low, high - low).to_pylist(), start=place + low)
                place += batch.num_rows
        first += n_rows


def _parse(kind: str, raw: Any, text_key: str) -> Dict[str, Any]:
    if kind == "text":
        return {text_key: raw.decode("utf8")}
    if kind == "parquet":
        return _from_row(raw)
    record = json.loads(raw.decode("utf8"))
    if not isinstance(record, dict):
        raise ValueError("it is no object")
    return record


def _from_row(row: Dict[str, Any]) -> Dict[str, Any]:
    """A row as a line would say it. Rows that `annotate` has written start anew, from their text and entities."""
    record = {key: value for key, value in row.items() if key not in WRITTEN}
    if record.get("entities") is not None:
        record["entities"] = [{"id": entity.get("kb_id"), **entity} for entity in record["entities"]]
    meta = record.get("meta")
    if isinstance(meta, str) and meta.startswith("{"):
        record = {**json.loads(meta), **record}
        del record["meta"]
    return record


def _id_of(record: Mapping[Any, Any], job: Job, shard: Shard, place: int) -> str:
    found = record.get(job.id_key)
    return f"{Path(shard.path).name}:{place}" if found is None else str(found)


def as_text(raw: Any) -> str:
    """A record as it can be written down.

    raw (Any): A line's bytes, or an object.
    RETURNS (str): The line, bytes that are no text escaped; or JSON.
    """
    if isinstance(raw, bytes):
        return raw.decode("utf8", errors="backslashreplace")
    return json.dumps(raw, ensure_ascii=False, default=str)


def message_of(error: Exception) -> str:
    """What a record that was set aside says of an error.

    error (Exception): The error.
    RETURNS (str): Its type and message.
    """
    return f"{type(error).__name__}: {error}"


def _part(found: DocBin, shard: Shard) -> DocBin:
    """Some documents of a DocBin: what is not asked for is not unpacked."""
    part = copy.copy(found)
    for name in ("tokens", "spaces", "cats", "flags", "user_data", "span_groups"):
        setattr(part, name, getattr(found, name)[shard.first : shard.first + shard.n_records])
    return part


@functools.lru_cache(maxsize=1)
def _read_bin(path: str, _mtime: int) -> DocBin:
    """A file of documents; the last one is kept, since its shards follow each other."""
    return DocBin().from_disk(path)


def parquet() -> Any:
    """pyarrow's module for Parquet, which only those who use that need.

    RETURNS (Any): The module.
    RAISES (ValueError): ML283 if pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(Errors.ML283) from error
    return pyarrow.parquet
