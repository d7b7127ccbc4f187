"""Reading Parquet files: rows, and those that cannot be read, by count and place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple, Union

from ..errors import Errors
from .job import Shard

_MOST_ROWS = 1024  # that are converted together


@dataclass(frozen=True)
class Unreadable:
    """Records that cannot be read."""

    error: str
    text: str = ""  # what can be said of them
    n_records: int = 1


def count_rows(path: Path, text_key: str) -> int:
    """Rows of a file, by its footer.

    path (Path): The file.
    text_key (str): The column with texts.
    RETURNS (int): How many.
    RAISES (ValueError): If there is no such column, or it is not of texts.
    """
    with parquet().ParquetFile(path) as file:
        schema = file.schema_arrow
        if text_key not in schema.names:
            raise ValueError(f"it has no column '{text_key}', but {', '.join(schema.names)}")
        kind = schema.field(text_key).type
        if not _is_text(getattr(kind, "value_type", kind)):
            raise ValueError(f"its column '{text_key}' is not of texts, but {kind}")
        return file.metadata.num_rows


def _is_text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string", "string_view", "null")


def read_rows(shard: Shard) -> Iterator[Tuple[int, Union[Dict[str, Any], Unreadable]]]:
    """Read the rows of a shard. Where a row group is damaged, what comes before the damage is read, and the rest of the
    group is given as unreadable.

    shard (Shard): The shard.
    YIELDS (Tuple[int, Union[Dict[str, Any], Unreadable]]): A row's number in the file, and the row.
    """
    end = shard.first + shard.n_records
    first = 0
    with parquet().ParquetFile(shard.path) as file:
        for group in range(file.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            if first < end and first + n_rows > shard.first:
                place = first
                try:
                    for batch in file.iter_batches(row_groups=[group], batch_size=min(shard.n_records, _MOST_ROWS)):
                        low, high = max(shard.first - place, 0), min(end - place, batch.num_rows)
                        if low < high:
                            yield from _converted(batch.slice(low, high - low), place + low)
                        place += batch.num_rows
                except Exception as error:
                    start, stop = max(place, shard.first), min(first + n_rows, end)
                    reason = f"rows {start} to {stop - 1} cannot be read, in row group {group}: {message_of(error)}"
                    yield start, Unreadable(reason, n_records=stop - start)
            first += n_rows


def _converted(batch: Any, first: int) -> Iterator[Tuple[int, Union[Dict[str, Any], Unreadable]]]:
    try:
        rows: List[Dict[str, Any]] = batch.to_pylist()
    except Exception:
        # One value that Python has no object for would hide all others.
        for i in range(batch.num_rows):
            yield first + i, _row(batch, i)
        return
    yield from enumerate(rows, start=first)


def _row(batch: Any, i: int) -> Union[Dict[str, Any], Unreadable]:
    row: Dict[str, Any] = {}
    errors: List[str] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[i].as_py()
        except Exception as error:
            errors.append(f"column '{name}' ({column.type}): {message_of(error)}")
            row[name] = _as_it_is(column[i])
    return Unreadable("; ".join(errors), as_text(row)) if errors else row


def _as_it_is(value: Any) -> str:
    try:
        return value.as_buffer().to_pybytes().decode("utf8", errors="backslashreplace")
    except Exception:
        return f"a {value.type}"


def as_text(raw: Any) -> str:
    """A record as it can be written down.

    raw (Any): A line's bytes, or an object.
    RETURNS (str): The line, bytes that are no text escaped; or JSON, or as much of it as can be said.
    """
    if isinstance(raw, bytes):
        return raw.decode("utf8", errors="backslashreplace")
    try:
        return json.dumps(raw, ensure_ascii=False, default=str)
    except Exception:
        # Keys that are no strings, or levels without end: say what can be said.
        try:
            return repr(raw)
        except Exception as error:
            return f"a {type(raw).__name__} that cannot be shown ({message_of(error)})"


def message_of(error: BaseException) -> str:
    """What is said of an error.

    error (BaseException): The error.
    RETURNS (str): Its type and message.
    """
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


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
