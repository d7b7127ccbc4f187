"""Read the records of a shard, in every format."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Container, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from ..errors import Errors
from .docbin_files import read_docs
from .input_files import open_lines, release
from .job import Job, Shard
from .parquet_files import read_rows
from .unreadable import Unreadable, as_text, message_of

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# Columns of `annotate`'s output that are not read, because the pipeline sets them again; in other Parquet files,
# columns with these names belong to the meta data.
WRITTEN = ("lang", "n_tokens", "relations", "answers", "fillers", "spans", "cats", "types")
OnRecord = Callable[[int, str, str], None]  # a record's index, id and text


@dataclass(frozen=True)
class Record:
    """A document of the input."""

    index: int  # in the file
    id: str
    doc: Doc
    meta: Dict[str, Any]  # other values of the input


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be annotated, or several adjacent ones."""

    index: int  # of the first record
    id: str
    error: str
    record: str  # as in the input
    n_records: int = 1


def read(
    job: Job,
    shard: Shard,
    nlp: Language,
    skipped: Counter,
    *,
    done: Container[int] = (),
    on_record: Optional[OnRecord] = None,
) -> Iterator[Union[Record, BadRecord]]:
    """Read the records of a shard. Records that are not documents become bad records; only blank lines are skipped.

    job (Job): The run.
    shard (Shard): The shard.
    nlp (Language): Its tokenizer is used.
    skipped (Counter): Counts skipped annotation of the input by kind.
    done (Container[int]): Indexes of records to skip.
    on_record (Optional[OnRecord]): Called before each document is created.
    YIELDS (Union[Record, BadRecord]): Records in the order of the file.
    """
    from ..training.jsonl import KEYS

    for index, raw in _raw_records(shard, nlp):
        if index in done:
            continue
        own_id = f"{Path(shard.path).name}:{index}"
        try:
            if isinstance(raw, Unreadable):
                yield BadRecord(index, own_id, raw.error, raw.text, raw.n_records)
                continue
            record = raw.user_data if shard.format == "docbin" else _parse(shard.format, raw, job.text_key)
            own_id = _id_of(record, job, own_id)
            if on_record is not None:
                on_record(index, own_id, raw.text if shard.format == "docbin" else as_text(raw))
            if shard.format == "docbin":
                found = Record(index, own_id, raw, {})
            else:
                # The id has a key of the job's choice.
                keys = [key for key in KEYS if key != "id" and (shard.format != "parquet" or key not in WRITTEN)]
                found = _make_record(job, index, own_id, record, keys, nlp, skipped)
        except Exception as error:
            # Any error: the next record must be read.
            text = _text_of(raw) if shard.format == "docbin" else as_text(raw)
            yield BadRecord(index, own_id, message_of(error), text)
            continue
        yield found


def _make_record(
    job: Job, index: int, own_id: str, record: Dict[str, Any], keys: List[str], nlp: Language, skipped: Counter
) -> Record:
    from ..training.jsonl import make_doc

    text = record.get(job.text_key)
    if not isinstance(text, str):
        keys_found = ", ".join(map(str, list(record)[:20])) or "none"
        reason = f"'{job.text_key}' is not a text but {type(text).__name__}; its keys: {keys_found}"
        raise ValueError(Errors.ML248.format(place=own_id, reason=reason))
    # If the text has another key, "text" belongs to the meta data.
    read_keys = {*keys, job.text_key, job.id_key} - ({"text"} - {job.text_key})
    meta = {key: value for key, value in record.items() if key not in read_keys}
    wanted = {key: record[key] for key in keys if record.get(key) is not None}
    doc = make_doc(nlp, {**wanted, "text": text}, own_id, alignment="expand", skipped=skipped)
    return Record(index, own_id, doc, meta)


def _raw_records(shard: Shard, nlp: Language) -> Iterator[Tuple[int, Any]]:
    if shard.format == "parquet":
        yield from read_rows(shard)
    elif shard.format == "docbin":
        yield from read_docs(shard, nlp.vocab)
    else:
        yield from _lines(shard)


def _lines(shard: Shard) -> Iterator[Tuple[int, bytes]]:
    file = open_lines(Path(shard.path), shard.offset)
    for _ in range(shard.skip):
        file.readline()
    for index in range(shard.first, shard.first + shard.n_records):
        line = file.readline().rstrip(b"\r\n")
        if index == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield index, line
    release(file)


def _parse(kind: str, raw: Any, text_key: str) -> Dict[str, Any]:
    if kind == "text":
        return {text_key: raw.decode("utf8")}
    if kind == "parquet":
        return _from_row(raw)
    record = json.loads(raw.decode("utf8"))
    if not isinstance(record, dict):
        raise ValueError("it is not an object")
    return record


def _from_row(row: Dict[str, Any]) -> Dict[str, Any]:
    """A row as a record. Of rows that `annotate` has written, only text, entities and meta data are used."""
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
