"""Reading documents: every format is cut into shards without being read whole, and a shard is read record by record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Container, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from ..errors import Errors
from .docbins import count_docs, read_docs
from .inputs import Found, LineFile, kind_of, leave, lines_at
from .job import Job, Shard, stamp_of
from .tables import Unreadable, as_text, count_rows, message_of, read_rows

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

_BLOCK = 1 << 20
_SAMPLE = 1000  # records of each file that are looked at, until one has a text
# Columns of the output that are made anew; in other Parquet files they are columns like any.
WRITTEN = ("lang", "n_tokens", "relations", "answers", "fillers", "spans", "cats", "types")
Part = Tuple[int, int, int]  # first record, number of records, and first byte of each part of a file
Tell = Callable[[int, str, str], None]  # a record's place, id and text


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
    n_records: int = 1  # where what is damaged holds several, and `place` is the first


def plan(job: Job, found: Found) -> List[Shard]:
    """Cut files into shards. Files with lines are read once, for where lines begin.

    job (Job): The run.
    found (Found): Its files. Those that cannot be read, or only up to a place, are added to its `unread`.
    RETURNS (List[Shard]): In the order of the files; empty files have none.
    RAISES (ValueError): ML282 if no file can be read, ML353 if no record has a text.
    """
    shards: List[Shard] = []
    sample = _Sample(job.text_key)
    for path in found.paths:
        kind = kind_of(path) or ""
        try:
            stamp = stamp_of(path)
            for first, n_records, offset in _parts(path, kind, job, sample):
                shards.append(Shard(len(shards), str(path), kind, first, n_records, offset, stamp=stamp))
        except Exception as error:
            if str(error).startswith("[ML"):
                raise
            found.unread[str(path)] = str(error) or message_of(error)
    if not shards and found.unread:
        name, reason = next(iter(found.unread.items()))
        raise ValueError(Errors.ML282.format(path=name, reason=reason))
    sample.check()
    return shards


class _Sample:
    """Looks whether any record has a text.

    key (str): Where it should stand.
    """

    def __init__(self, key: str):
        self.key = key
        self.n_seen = 0
        self.is_needed = True
        self.keys: Counter[str] = Counter()

    def look(self, path: Path, kind: str) -> None:
        """Look at the first records of a file, if none had a text in those before.

        path (Path): The file.
        kind (str): Its format.
        """
        if kind != "jsonl":
            self.is_needed = False
        file = lines_at(path, 0) if self.is_needed else None
        for _ in range(_SAMPLE):
            line = file.readline() if file and self.is_needed else b""
            if not line:
                break
            if line.strip():
                self.n_seen += 1
                self.look_at(line)
        if file:
            leave(file)

    def look_at(self, line: bytes) -> None:
        """Look at a record.

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
        """Say so if none had.

        RAISES (ValueError): ML353 if records were looked at, and none had a text.
        """
        if self.is_needed and self.n_seen:
            keys = ", ".join(as_text(key) for key, _ in self.keys.most_common(10))
            keys = keys.encode("utf8", errors="backslashreplace").decode("utf8")
            found = f"their keys are {keys}" if keys else "none is a JSON object"
            raise ValueError(Errors.ML353.format(key=self.key, n=self.n_seen, found=found))


def _parts(path: Path, kind: str, job: Job, sample: _Sample) -> Iterator[Part]:
    if kind in ("jsonl", "text"):
        sample.look(path, kind)
        file = lines_at(path, 0)
        yield from _line_parts(file, job.shard_size)
        file.close()
        return
    sample.look(path, kind)
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
            # What comes before the damage is whole up to its last line.
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


def read(
    job: Job,
    shard: Shard,
    nlp: Language,
    skipped: Counter,
    *,
    done: Container[int] = (),
    tell: Optional[Tell] = None,
) -> Iterator[Union[Record, BadRecord]]:
    """Read the records of a shard. Those that are no documents are given as bad ones; nothing is left out but blank
    lines.

    job (Job): The run.
    shard (Shard): The shard.
    nlp (Language): Whose tokenizer makes documents.
    skipped (Counter): Counts, by kind, annotation of the input that could not be kept.
    done (Container[int]): Places of records that are passed by.
    tell (Optional[Tell]): Is called before a document is made.
    YIELDS (Union[Record, BadRecord]): In the order of the file.
    """
    from ..training.jsonl import KEYS

    for place, raw in _raw_records(shard, nlp):
        if place in done:
            continue
        own_id = f"{Path(shard.path).name}:{place}"
        try:
            if isinstance(raw, Unreadable):
                yield BadRecord(place, own_id, raw.error, raw.text, raw.n_records)
                continue
            record = raw.user_data if shard.format == "docbin" else _parse(shard.format, raw, job.text_key)
            own_id = _id_of(record, job, own_id)
            if tell is not None:
                tell(place, own_id, raw.text if shard.format == "docbin" else as_text(raw))
            if shard.format == "docbin":
                found = Record(place, own_id, raw, {})
            else:
                keys = [key for key in KEYS if shard.format != "parquet" or key not in WRITTEN]
                found = _make_record(job, place, own_id, record, keys, nlp, skipped)
        except Exception as error:
            # Whatever it is, the next record has a right to be read.
            text = _text_of(raw) if shard.format == "docbin" else as_text(raw)
            yield BadRecord(place, own_id, message_of(error), text)
            continue
        yield found


def _make_record(
    job: Job, place: int, own_id: str, record: Dict[str, Any], keys: List[str], nlp: Language, skipped: Counter
) -> Record:
    from ..training.jsonl import make_doc

    text = record.get(job.text_key)
    if not isinstance(text, str):
        there = ", ".join(map(str, list(record)[:20])) or "none"
        reason = f"no text under '{job.text_key}' but {type(text).__name__}; its keys: {there}"
        raise ValueError(Errors.ML248.format(place=own_id, reason=reason))
    # Where the text is under another key, "text" is a key like any.
    read_keys = {*keys, job.text_key, job.id_key} - ({"text"} - {job.text_key})
    meta = {key: value for key, value in record.items() if key not in read_keys}
    wanted = {key: record[key] for key in keys if record.get(key) is not None}
    doc = make_doc(nlp, {**wanted, "text": text}, own_id, alignment="expand", skipped=skipped)
    return Record(place, own_id, doc, meta)


def _raw_records(shard: Shard, nlp: Language) -> Iterator[Tuple[int, Any]]:
    if shard.format == "parquet":
        yield from read_rows(shard)
    elif shard.format == "docbin":
        yield from read_docs(shard, nlp.vocab)
    else:
        yield from _lines(shard)


def _lines(shard: Shard) -> Iterator[Tuple[int, bytes]]:
    file = lines_at(Path(shard.path), shard.offset)
    for _ in range(shard.skip):
        file.readline()
    for place in range(shard.first, shard.first + shard.n_records):
        line = file.readline().rstrip(b"\r\n")
        if place == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield place, line
    leave(file)


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
    if not {"n_tokens", "lang"} <= row.keys():
        return row
    record = {key: value for key, value in row.items() if key not in WRITTEN}
    if record.get("entities") is not None:
        record["entities"] = [{"id": entity.get("kb_id"), **entity} for entity in record["entities"]]
    meta = record.get("meta")
    if isinstance(meta, str) and meta.startswith("{"):
        record = {**json.loads(meta), **record}
        del record["meta"]
    return record


def _id_of(record: Mapping[Any, Any], job: Job, default: str) -> str:
    found = record.get(job.id_key)
    return default if found is None else str(found)


def _text_of(doc: Any) -> str:
    try:
        return doc.text
    except Exception:
        return ""
