"""Read annotated documents: Parquet files and DocBins of `annotate`, or Doc objects."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..bulk.docbin_files import count_docs, read_docs
from ..bulk.input_files import find_files, kind_of
from ..bulk.job import Shard, stamp_of
from ..bulk.parquet_files import parquet, read_rows
from ..bulk.rows import doc_to_record
from ..bulk.unreadable import Unreadable, message_of
from ..errors import Errors, Warnings
from ..extensions import install_extensions

# Columns that are read: vectors and candidates are most of a file.
_PLAIN = ("id", "text", "lang", "n_tokens")
_NESTED = {
    "entities": ("start", "end", "label", "kb_id", "score"),
    "relations": ("head_start", "head_end", "tail_start", "tail_end", "label", "score"),
}
Source = Union[str, Path, Iterable[Doc]]


@dataclass
class Unread:
    """Documents and files that cannot be read."""

    n_docs: int = 0
    reason: str = ""  # of the first
    files: Dict[str, str] = field(default_factory=dict)  # files that are not read -> reason

    def add(self, reason: str, n_docs: int = 1) -> None:
        """Count documents.

        reason (str): Why they cannot be read.
        n_docs (int): Their number.
        """
        self.n_docs += n_docs
        self.reason = self.reason or reason


def find_annotated(source: Path, unread: Unread) -> List[Path]:
    """Find the files with annotated documents.

    source (Path): A file, or a folder with files at any depth.
    unread (Unread): Receives files that cannot be read.
    RETURNS (List[Path]): Parquet files and DocBins.
    RAISES (ValueError): ML462 if there are none.
    """
    try:
        found = find_files(source)
    except ValueError as error:
        raise ValueError(Errors.ML462.format(path=source)) from error
    paths = [path for path in found.paths if kind_of(path) in ("parquet", "docbin")]
    unread.files.update(found.unread)
    if not paths:
        raise ValueError(Errors.ML462.format(path=source))
    others = {**found.skipped, **{str(path): "" for path in found.paths if path not in paths}}
    if others:
        names = ", ".join(sorted(others)[:5])
        warnings.warn(Warnings.ML136.format(n=len(others), names=names), stacklevel=4)
    return paths


def read_annotated(source: Source, paths: List[Path], unread: Unread) -> Iterator[Dict[str, Any]]:
    """Read annotated documents, one after the other.

    source (Source): The source.
    paths (List[Path]): Its files; empty if the source has Doc objects.
    unread (Unread): Counts documents that cannot be read.
    YIELDS (Dict[str, Any]): "id", "text", "lang", "n_tokens", "entities", "relations", as `annotate` writes them.
    RAISES (ValueError): ML283 if pyarrow is missing, ML461 for Parquet without annotation, ML466 for another object.
    """
    install_extensions()
    if not paths:
        for number, doc in enumerate(source):  # type: ignore[arg-type]
            if not isinstance(doc, Doc):
                raise ValueError(Errors.ML466.format(found=type(doc).__name__))
            yield _from_doc(doc, str(number))
        return
    for path in paths:
        records = _parquet_records(path) if kind_of(path) == "parquet" else _docbin_records(path)
        try:
            for record in records:
                if isinstance(record, Unreadable):
                    unread.add(f"{path}: {record.error}", record.n_records)
                else:
                    yield record
        except Exception as error:
            if str(error).startswith("[ML"):
                raise
            unread.files[str(path)] = message_of(error)


def _parquet_records(path: Path) -> Iterator[Union[Dict[str, Any], Unreadable]]:
    with parquet().ParquetFile(path) as file:
        columns = _columns(file, path)
        shard = Shard(0, str(path), "parquet", 0, file.metadata.num_rows)
    for index, row in read_rows(shard, columns):
        if isinstance(row, dict):
            # A document without an id, from a file that `annotate` did not write.
            row["id"] = f"{path.name}:{index}" if row.get("id") is None else str(row["id"])
        yield row


def _columns(file: Any, path: Path) -> List[str]:
    present = set(file.schema_arrow.names)
    for column in ("text", *_NESTED):
        if column not in present:
            raise ValueError(Errors.ML461.format(path=path, column=column))
    leaves = [file.schema.column(i).path for i in range(len(file.schema))]
    wanted = [name for name in _PLAIN if name in present]
    for leaf in leaves:
        # "entities.list.element.start"; older writers call the element "item".
        parts = leaf.split(".")
        if len(parts) == 4 and parts[3] in _NESTED.get(parts[0], ()):
            wanted.append(leaf)
    return wanted


def _docbin_records(path: Path) -> Iterator[Union[Dict[str, Any], Unreadable]]:
    shard = Shard(0, str(path), "docbin", 0, count_docs(path), stamp=stamp_of(path))
    # A vocabulary for each file: strings of all files would fill the memory.
    for index, doc in read_docs(shard, Vocab()):
        if isinstance(doc, Unreadable):
            yield doc
            continue
        try:
            yield _from_doc(doc, f"{path.name}:{index}")
        except Exception as error:
            yield Unreadable(message_of(error))


def _from_doc(doc: Doc, default_id: str) -> Dict[str, Any]:
    own_id = doc.user_data.get("id")
    return {"id": default_id if own_id is None else str(own_id), **doc_to_record(doc)}


def bounds_of(relation: Dict[str, Any], end: str) -> Tuple[int, int]:
    """Return the characters of one end of a relation.

    relation (Dict[str, Any]): The relation.
    end (str): "head" or "tail".
    RETURNS (Tuple[int, int]): First character and end.
    """
    return relation[f"{end}_start"], relation[f"{end}_end"]


def rounded(probability: Optional[float]) -> Optional[float]:
    """Return a probability with six decimal places, so that files in single and double precision give one graph.

    probability (Optional[float]): The probability; None if there is none.
    RETURNS (Optional[float]): The rounded one; None for NaN, too.
    """
    if probability is None or probability != probability:
        return None
    return round(float(probability), 6)
